"""Invariants against momenta in a frame, and the open range of x against the flux."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64stat.errors import InputError
from na64stat.physics import kinematics as kin
from na64stat.physics.constants import MUON_MASS

E = 160.0
fractions, masses = st.floats(0.01, 0.99), st.floats(1e-3, 1.0)


@given(fractions, st.floats(0, 0.01), masses)
def test_utilde_is_the_squared_momentum_difference(x, theta, mass):
    if x * E <= mass:
        return
    p = np.sqrt(E**2 - MUON_MASS**2)
    k = np.sqrt((x * E) ** 2 - mass**2)
    exact = mass**2 - 2 * (E * x * E - p * k * np.cos(theta))
    neglected = x * E**2 * ((mass / (x * E)) ** 2 + theta**2 + (MUON_MASS / E) ** 2) ** 2
    lost_in_the_four_vectors = 1e-14 * E**2
    assert kin.utilde(x, theta, mass, E) == pytest.approx(exact, rel=0, abs=neglected + lost_in_the_four_vectors)


def test_velocity_and_momentum():
    assert kin.beta(0.5, 0.0, E) == 1
    assert kin.momentum(0.5, 60.0, E) == pytest.approx(np.sqrt(80**2 - 60**2), rel=1e-14)
    assert kin.momentum(0.5, 81.0, E) == 0
    assert kin.beta(0.5, 60.0, E) == pytest.approx(kin.momentum(0.5, 60.0, E) / 80, rel=1e-14)


def test_range_ends_where_the_flux_closes():
    mass = np.geomspace(1e-6, 150, 60)
    x_low, x_high = kin.energy_fraction_limits(mass, E)
    assert np.all(x_low == mass / E)
    assert np.all((x_low < x_high) & (x_high < 1))

    def open_flux(x):
        return kin.t_min(kin.utilde_forward(x, mass), x, E) < kin.t_max(mass)

    assert np.all(open_flux(x_high - 1e-9 * (1 - x_high)))
    assert not np.any(open_flux(x_high + 1e-9 * (1 - x_high)))
    assert np.all(open_flux(x_low * (1 + 1e-9)))


@pytest.mark.parametrize("mass", [160.0, 161.0, 1e6, 1e200])
def test_range_is_empty_beyond_the_reach(mass):
    x_low, x_high = kin.energy_fraction_limits(mass, E)
    assert x_low == x_high == mass / E


@pytest.mark.parametrize("mass", [-1e-3, np.nan, np.inf])
def test_impossible_masses_are_refused(mass):
    with pytest.raises(InputError, match="mass"):
        kin.energy_fraction_limits(mass, E)
