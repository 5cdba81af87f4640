"""The photon flux against its definition, and in the limits where it is known."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from na64stat.physics.flux import photon_flux
from na64stat.physics.nucleus import LEAD, Nucleus

IRON = Nucleus.from_element(26, 56)


def flux_by_quadrature(t_min, t_max, nucleus):
    """Integrate the definition over u = ln(t/t_min), in pieces."""

    def integrand(u):
        t = t_min * np.exp(u)
        form_factor = (t / (t + nucleus.t_screen)) ** 2 / (1 + t / nucleus.t_size) ** 2
        return -np.expm1(-u) * form_factor  # (t - t_min)/t^2 dt

    end = np.log1p((t_max - t_min) / t_min)
    edges = np.linspace(0, end, 1 + int(np.ceil(end)))
    pieces = [quad(integrand, a, b, epsabs=0, epsrel=1e-12)[0] for a, b in pairwise(edges)]
    return nucleus.z**2 * sum(pieces)


@pytest.mark.parametrize("nucleus", [LEAD, IRON])
@pytest.mark.parametrize("t_max", [0.0112, 0.02, 1.0, 1e4])
@pytest.mark.parametrize("fraction", [1e-15, 1e-11, 1e-8, 1e-6, 1e-3, 0.03, 0.3, 0.79, 0.81, 0.95, 1 - 1e-4, 1 - 1e-9])
def test_flux_is_the_integral_of_its_definition(fraction, t_max, nucleus):
    t_min = fraction * t_max
    expected = flux_by_quadrature(t_min, t_max, nucleus)
    assert photon_flux(t_min, t_max, nucleus) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("t_min", [0.9, 0.99, 1.01, 1.1, 2.9, 3.1, 30, 1e5])
def test_no_step_where_the_two_forms_meet(t_min):
    t_min = t_min * LEAD.t_size
    assert photon_flux(t_min, 1e4, LEAD) == pytest.approx(flux_by_quadrature(t_min, 1e4, LEAD), rel=1e-9)


def test_no_flux_without_phase_space():
    assert photon_flux(np.array([0.02, 0.03]), 0.02, LEAD).tolist() == [0.0, 0.0]


def test_closes_as_the_square_of_the_gap():
    gap = np.array([1e-4, 1e-6, 1e-8]) * 0.02
    density = LEAD.z**2 * LEAD.t_size**2 / ((0.02 + LEAD.t_screen) * (0.02 + LEAD.t_size)) ** 2
    assert photon_flux(0.02 - gap, 0.02, LEAD) / (gap**2 / 2) == pytest.approx(density, rel=1e-3)


@given(st.floats(-16, -1.7), st.floats(1.001, 10))
def test_falls_as_the_required_momentum_rises(log_t, factor):
    assert photon_flux(factor * 10**log_t, 0.3, LEAD) < photon_flux(10**log_t, 0.3, LEAD)


def test_point_nucleus_without_screening():
    t_min, t_max = 1e-8, 1e-2
    point = Nucleus(z=10, t_screen=1e-30, t_size=1e6)
    expected = 10**2 * (np.log(t_max / t_min) + t_min / t_max - 1)
    assert photon_flux(t_min, t_max, point) == pytest.approx(expected, rel=1e-6)


def test_shape_follows_numpy():
    assert photon_flux(np.full((3, 1), 1e-4), np.full(4, 0.02), LEAD).shape == (3, 4)
