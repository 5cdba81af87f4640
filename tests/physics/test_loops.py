"""Loop functions against their parameter integrals, limits and dispersion relations."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from na64stat.errors import InputError
from na64stat.physics import decays, loops
from na64stat.physics.constants import ALPHA, MUON_MASS, TAU_MASS

THRESHOLD = 2 * MUON_MASS


def log_integral(weight, s):
    """int_0^1 dy weight(y) ln(1 - y(1-y) s - i0), complex, along a path that leaves the singularities aside."""

    def integrand(t):
        y = t + 0.5j * (1 - 2 * t) * t * (1 - t)
        dy = 1 + 0.5j * (1 - 6 * t + 6 * t**2)
        return weight(y) * np.log(1 - y * (1 - y) * s) * dy

    near = 1 / max(10.0, abs(s))
    edges = [0.0, near, 10 * near, 0.5, 1 - 10 * near, 1 - near, 1.0] if near < 0.05 else [0.0, 0.5, 1.0]
    return sum(quad(integrand, a, b, epsrel=1e-12, limit=400, complex_func=True)[0] for a, b in pairwise(edges))


def test_kinetic_mixing_at_zero():
    assert loops.kinetic_mixing(0.0) == pytest.approx(1 / 69.3, rel=1e-3)
    charge = np.sqrt(4 * np.pi * ALPHA)
    assert loops.kinetic_mixing(0.0) == pytest.approx(charge / (6 * np.pi**2) * np.log(TAU_MASS / MUON_MASS), rel=1e-13)


@pytest.mark.parametrize(
    "q2", [-100, -1, -1e-3, 1e-6, 1e-3, 0.011, 0.0112, 0.03, 0.044, 0.045, 0.1, 1, 3.1, 3.2, 12.6, 12.7, 40, 1e4]
)
def test_kinetic_mixing_is_its_parameter_integral(q2):
    def polarisation(s):
        return log_integral(lambda y: y * (1 - y), s)

    integral = np.log(TAU_MASS / MUON_MASS) / 3 + polarisation(q2 / TAU_MASS**2) - polarisation(q2 / MUON_MASS**2)
    expected = np.sqrt(4 * np.pi * ALPHA) / (2 * np.pi**2) * abs(integral)
    assert loops.kinetic_mixing(q2) == pytest.approx(expected, rel=1e-9)


def test_kinetic_mixing_at_and_around_thresholds():
    for mass in (MUON_MASS, TAU_MASS):
        q2 = 4 * mass**2 * (1 + np.array([-1e-12, 0.0, 1e-12]))
        values = loops.kinetic_mixing(q2)
        assert values == pytest.approx(np.full(3, values[0]), rel=1e-5)


def test_kinetic_mixing_is_gone_where_both_leptons_are_massless():
    assert loops.kinetic_mixing(1e8) < 1e-5 * loops.kinetic_mixing(0.0)
    assert loops.kinetic_mixing([1e30, -1e30]) == pytest.approx(0, abs=1e-15)
    assert loops.kinetic_mixing(-1e8) < 1e-5 * loops.kinetic_mixing(0.0)


@pytest.mark.parametrize("mass", [0.01, 0.066, 0.0669, 0.1, 0.2, 0.21, 0.2114, 0.3, 1.0, 10.0])
def test_axion_loop_is_its_feynman_integral(mass):
    """tau f^2 = 2 int dx int_0^(1-x) dy/(1 - 4xy/tau), here with the y integral done."""
    tau = (THRESHOLD / mass) ** 2
    triangle = -tau / 2 * log_integral(lambda x: 1 / x, 4 / tau)
    expected = 2 * ALPHA / np.pi * 3.0 * abs(1 - triangle)
    assert loops.loop_photon_coupling(mass, -3.0) == pytest.approx(expected, rel=1e-7)


def test_heavy_axions_see_the_anomaly():
    """The current's divergence is -(alpha/2 pi) F Ftilde, hence g d_alpha a J5^alpha = -(g_agg/4) a F Ftilde."""
    assert loops.loop_photon_coupling(1e9, 1.0) == pytest.approx(4 * ALPHA / (2 * np.pi), rel=1e-12)


@given(st.floats(-12, -3))
def test_light_axions_decouple(log_mass):
    mass = 10**log_mass
    expected = 2 * ALPHA / np.pi * mass**2 / (12 * MUON_MASS**2)
    assert loops.loop_photon_coupling(mass, 1.0) == pytest.approx(expected, rel=1e-4)


def test_axion_loop_has_no_step():
    assert loops.loop_photon_coupling(0.0, 1.0) == 0
    for meeting in (np.sqrt(0.1) * THRESHOLD, THRESHOLD):
        around = loops.loop_photon_coupling(meeting * (1 + np.array([-1e-12, 1e-12])), 1.0)
        assert around[0] == pytest.approx(around[1], rel=1e-5)


def test_loop_decay_near_threshold_is_metres():
    """The remark of the notes: at g = 4e-3 a 'stable' axion decays within metres just below 2 m_muon."""
    mass = 0.99 * THRESHOLD
    width = decays.axion_to_photons(mass, loops.loop_photon_coupling(mass, 4e-3))
    assert 1 < decays.decay_length(width, mass, 120.0) < 100


SHIFTS = {
    loops.g_minus_2_vector: (1 / (4 * np.pi**2), lambda z: z**2 * (1 - z)),
    loops.g_minus_2_scalar: (1 / (8 * np.pi**2), lambda z: z**2 * (2 - z)),
    loops.g_minus_2_pseudoscalar: (-1 / (8 * np.pi**2), lambda z: z**3),
}
# leading terms for r = (m/m_muon)^2 to infinity
HEAVY = {
    loops.g_minus_2_vector: lambda r: 1 / (12 * np.pi**2 * r),
    loops.g_minus_2_scalar: lambda r: (np.log(r) - 7 / 6) / (8 * np.pi**2 * r),
    loops.g_minus_2_pseudoscalar: lambda r: -(np.log(r) - 11 / 6) / (8 * np.pi**2 * r),
}
MASSLESS = {
    loops.g_minus_2_vector: 1 / (8 * np.pi**2),
    loops.g_minus_2_scalar: 3 / (16 * np.pi**2),
    loops.g_minus_2_pseudoscalar: -1 / (16 * np.pi**2),
}


@pytest.mark.parametrize("shift", SHIFTS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("mass", [1e-4, 1e-3, 0.05, 0.1, 2 * MUON_MASS, 0.5, 3.0])
def test_shift_is_its_integral(shift, mass):
    factor, numerator = SHIFTS[shift]
    r = (mass / MUON_MASS) ** 2
    edges = [0, 1e-3, 0.03, 0.5, 0.9, 0.999, 1]
    expected = factor * sum(
        quad(lambda z: numerator(z) / (z**2 + r * (1 - z)), a, b, epsrel=1e-11, limit=200)[0]
        for a, b in pairwise(edges)
    )
    assert shift(mass, 0.5) == pytest.approx(0.25 * expected, rel=1e-9)


@pytest.mark.parametrize("shift", SHIFTS, ids=lambda f: f.__name__)
def test_limits_of_the_shifts(shift):
    assert shift(0.0, 2.0) == pytest.approx(4 * MASSLESS[shift], rel=1e-12)
    mass = np.array([10.0, 160.0, 1e5])
    r = (mass / MUON_MASS) ** 2
    assert shift(mass, 1.0) == pytest.approx(HEAVY[shift](r), rel=20 * np.log(r[0]) / r[0])
    assert np.all(np.diff(np.abs(shift(np.geomspace(1e-4, 100, 40), 1.0))) < 0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: loops.kinetic_mixing(np.nan),
        lambda: loops.kinetic_mixing(np.inf),
        lambda: loops.loop_photon_coupling(-1.0, 1.0),
        lambda: loops.loop_photon_coupling(0.1, np.nan),
        lambda: loops.g_minus_2_scalar(np.nan, 1.0),
        lambda: loops.g_minus_2_vector(0.1, np.nan),
    ],
)
def test_impossible_arguments_are_refused(call):
    with pytest.raises(InputError, match="must be finite"):
        call()
