"""Squared amplitudes against traces of numerical gamma matrices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64stat.physics import kinematics
from na64stat.physics.constants import ALPHA, MUON_MASS
from na64stat.physics.matrix_elements import AMPLITUDES


def momenta(s, cosine, mass):
    """p, q, p', k of muon + real photon -> muon + X in the centre of mass."""
    root = np.sqrt(s)
    q = (s - MUON_MASS**2) / (2 * root)
    k_energy = (s + mass**2 - MUON_MASS**2) / (2 * root)
    k = np.sqrt(k_energy**2 - mass**2)
    direction = np.array([np.sqrt(1 - cosine**2), 0, cosine])
    return (
        np.array([root - q, 0, 0, q]),
        np.array([q, 0, 0, -q]),
        np.array([root - k_energy, *(-k * direction)]),
        np.array([k_energy, *(k * direction)]),
    )


def traced(dirac, process, s, cosine, mass):
    """|M|^2 by Feynman rules, averaged over muon spin and photon polarisation, per coupling squared."""
    p, q, p_out, k = momenta(s, cosine, mass)
    e2 = 4 * np.pi * ALPHA
    sign = np.diag(dirac.metric)
    if process == "photon_fusion":
        exchanged = p - p_out
        vertex = np.einsum("nmab,a,b->nm", dirac.epsilon, dirac.metric @ exchanged, dirac.metric @ q)
        total = 0.0
        for m in range(4):
            current = sum(sign[n] * vertex[n, m] * dirac.gamma[n] for n in range(4)) / dirac.dot(exchanged, exchanged)
            # vertex has upper indices; the muon current is contracted with the metric, the photon sum is -g
            total -= sign[m] * dirac.spin_sum(p_out, MUON_MASS, current, p, MUON_MASS)
        return e2 * total / 4
    vertices = {"scalar": [(1, dirac.one)], "pseudoscalar": [(1, 1j * dirac.gamma5)]}.get(
        process, [(-sign[n], dirac.gamma[n]) for n in range(4)]
    )
    direct = (dirac.slash(p + q) + MUON_MASS * dirac.one) / (s - MUON_MASS**2)
    crossed_momentum = p - k
    crossed = (dirac.slash(crossed_momentum) + MUON_MASS * dirac.one) / (
        dirac.dot(crossed_momentum, crossed_momentum) - MUON_MASS**2
    )
    total = 0.0
    for weight, vertex in vertices:
        for m in range(4):
            operator = vertex @ direct @ dirac.gamma[m] + dirac.gamma[m] @ crossed @ vertex
            total -= sign[m] * weight * dirac.spin_sum(p_out, MUON_MASS, operator, p, MUON_MASS)
    return e2 * total / 4


@pytest.mark.parametrize("process", AMPLITUDES)
@pytest.mark.parametrize("mass", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("cosine", [-0.9, -0.2, 0.3, 0.95])
@pytest.mark.parametrize("excess", [0.05, 1.0])
def test_amplitude_follows_from_the_feynman_rules(dirac, process, mass, cosine, excess):
    s = (MUON_MASS + mass) ** 2 + excess
    p, _, _, k = momenta(s, cosine, mass)
    utilde = dirac.dot(p - k, p - k) - MUON_MASS**2
    x = 1 + utilde / (s - MUON_MASS**2)
    p2 = (kinematics.utilde_forward(x, mass) - utilde) / x
    ours = AMPLITUDES[process](np.array(x), p2, np.array(utilde), np.array(mass), MUON_MASS)
    assert ours == pytest.approx(traced(dirac, process, s, cosine, mass), rel=1e-8)


@pytest.mark.parametrize("process", AMPLITUDES)
@given(x=st.floats(1e-4, 1 - 1e-4), log_theta=st.floats(-8, -1), log_mass=st.floats(-6, 1.9))
def test_squares_are_positive(process, x, log_theta, log_mass):
    theta, mass = 10**log_theta, 10**log_mass
    p2 = np.array((160 * theta) ** 2)
    utilde = kinematics.utilde(x, theta, mass, 160.0)
    assert AMPLITUDES[process](np.array(x), p2, utilde, np.array(mass), MUON_MASS) > 0
