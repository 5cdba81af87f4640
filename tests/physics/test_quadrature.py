"""Quadrature rules against integrals known in closed form."""

import numpy as np
import pytest
from scipy.special import erf

from na64stat.errors import InputError
from na64stat.physics.kinematics import energy_fraction_limits
from na64stat.physics.quadrature import energy_fraction_rule, gauss_legendre, threshold_rule


def test_gauss_legendre_is_exact_for_polynomials_and_read_only():
    nodes, weights = gauss_legendre(5)
    assert weights @ nodes**8 == pytest.approx(2 / 9, rel=1e-14)
    with pytest.raises(ValueError, match="read-only"):
        nodes[0] = 0


@pytest.mark.parametrize("limits", [(1e-5, 0.9997), (0.05, 0.99), (0.5, 0.9), (0.3, 0.31)])
def test_closed_forms(limits):
    low, high = limits
    for x, weights in (energy_fraction_rule(low, high), threshold_rule(low, high, 96)):
        assert np.all(np.diff(x) > 0)
        assert low < x[0] < x[-1] < high
        assert weights.sum() == pytest.approx(high - low, rel=1e-9)
        assert weights @ (1 / x) == pytest.approx(np.log(high / low), rel=1e-9)
        assert weights @ (1 / (1 - x)) == pytest.approx(np.log((1 - low) / (1 - high)), rel=1e-9)
        # the square root with which a spectrum starts at x_low
        assert weights @ np.sqrt(x - low) == pytest.approx(2 / 3 * (high - low) ** 1.5, rel=1e-6)


@pytest.mark.parametrize("mass", [1e-3, 1e-2, 0.1, 1.0])
@pytest.mark.parametrize("centre", [0.45, 0.491, 0.5, 0.507, 0.62])
def test_a_smooth_step_is_integrated(mass, centre):
    x_low, x_high = map(float, energy_fraction_limits(mass, 160.0))
    x, weights = energy_fraction_rule(x_low, x_high)
    width = 0.018

    def primitive(y):  # of erf((y - centre)/width)
        z = (y - centre) / width
        return width * (z * erf(z) + np.exp(-(z**2)) / np.sqrt(np.pi))

    expected = (x_high - x_low + primitive(x_high) - primitive(x_low)) / 2
    assert weights @ (1 + erf((x - centre) / width)) / 2 == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("mass", [1e-3, 0.1, 10.0])
def test_node_count_is_what_the_docstring_says(mass):
    x_low, x_high = map(float, energy_fraction_limits(mass, 160.0))
    assert 300 <= len(energy_fraction_rule(x_low, x_high)[0]) <= 370


def test_node_count_of_the_invisible_region():
    for mass in (1e-3, 0.1):
        assert 180 <= len(energy_fraction_rule(0.5, float(energy_fraction_limits(mass, 160.0)[1]))[0]) <= 220


def test_empty_ranges():
    assert energy_fraction_rule(0.5, 0.5)[0].size == 0
    assert energy_fraction_rule(1.2, 1.2)[0].size == 0
    x, weights = threshold_rule([0.1, 0.9, 1.3], [0.5, 0.2, 1.3], 8)
    assert x.shape == weights.shape == (3, 8)
    assert np.all((x > 0) & (x < 1))
    assert weights[1:].tolist() == np.zeros((2, 8)).tolist()


@pytest.mark.parametrize("bad", [(0, 0.5), (0.1, 1.0), (-0.1, 0.5), (np.nan, 0.5), (0.1, np.nan)])
def test_ranges_outside_are_refused(bad):
    with pytest.raises(InputError, match="inside"):
        energy_fraction_rule(*bad)


@pytest.mark.parametrize("bad", [{"panel": 0}, {"panel": -1}, {"panel": np.nan}, {"order": 0}])
def test_impossible_panels_are_refused(bad):
    with pytest.raises(InputError, match="panel"):
        energy_fraction_rule(0.1, 0.5, **bad)
