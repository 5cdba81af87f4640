"""The dark pair against adaptive quadrature over the virtual mass and its limits."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from na64stat.errors import InputError
from na64stat.physics import cross_sections as cs
from na64stat.physics.kinematics import energy_fraction_limits
from na64stat.physics.nucleus import LEAD
from na64stat.physics.quadrature import energy_fraction_rule

E = 160.0


def by_quadrature(x, m_chi):
    """dsigma/dx with the kernel as printed, over k^2 in the variable ln k^2."""

    def integrand(log_k2):
        k2 = np.exp(log_k2)
        root = np.sqrt(max(1 - 4 * m_chi**2 / k2, 0.0))
        kernel = root * (1 + 2 * m_chi**2 / k2) / (12 * np.pi**2)
        return kernel * cs.dsigma_dx("vector", x, np.sqrt(k2), E, LEAD, nodes=30)

    edges = np.linspace(np.log(4 * m_chi**2), np.log((x * E) ** 2), 9)
    return sum(quad(integrand, a, b, epsrel=1e-7, limit=100)[0] for a, b in pairwise(edges))


@pytest.mark.parametrize(("x", "m_chi"), [(0.5, 1e-3), (0.9, 0.01), (0.6, 0.1), (0.8, 1.0), (0.9, 5.0)])
def test_sum_over_virtual_masses_is_the_integral(x, m_chi):
    _, spectrum = cs.dark_pair_spectrum(np.array([x]), m_chi, E, LEAD)
    assert spectrum.sum(axis=0)[0] == pytest.approx(by_quadrature(x, m_chi), rel=3e-5)


@pytest.mark.parametrize("m_chi", [1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0])
@pytest.mark.parametrize("x_min", [0.0, 0.5])
def test_default_number_of_virtual_masses_gives_1e_5(m_chi, x_min):
    x_low, x_high = map(float, energy_fraction_limits(2 * m_chi, E))
    x, weights = energy_fraction_rule(max(x_low, x_min), x_high)
    totals = {}
    for nodes in (None, 60):
        _, spectrum = cs.dark_pair_spectrum(x, m_chi, E, LEAD, nodes)
        totals[nodes] = (spectrum @ weights).sum()
    assert totals[None] == pytest.approx(totals[60], rel=1e-5)


def test_shapes_and_thresholds():
    x = np.linspace(-0.1, 1.1, 13)
    k, spectrum = cs.dark_pair_spectrum(x, 0.05, E, LEAD)
    assert spectrum.shape == (len(k), 13)
    assert k[0] > 0.1
    assert np.all(np.diff(k) > 0)
    assert np.all(spectrum >= 0)
    assert np.all(spectrum[k[:, np.newaxis] >= x * E] == 0)
    assert cs.dark_pair_spectrum(0.5, 0.05, E, LEAD, nodes=7)[1].shape == (7,)


@pytest.mark.parametrize("m_chi", [80.0, 100.0, 1e6])
def test_beyond_the_reach_there_is_nothing(m_chi):
    k, spectrum = cs.dark_pair_spectrum(np.array([0.5, 0.99]), m_chi, E, LEAD)
    assert np.all(np.isfinite(k))
    assert spectrum.tolist() == np.zeros((len(k), 2)).tolist()


def test_light_pairs_grow_as_the_logarithm():
    """Below all scales each factor e in m_chi adds sigma_vector(0)/(6 pi^2)."""
    light, lighter = (cs.dark_pair_spectrum(0.5, m, E, LEAD, nodes=60)[1].sum() for m in (1e-5, 1e-6))
    expected = np.log(10) * cs.dsigma_dx("vector", 0.5, 0.0, E, LEAD) / (6 * np.pi**2)
    assert lighter - light == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("m_chi", [0.0, -1.0, np.nan])
def test_impossible_masses_are_refused(m_chi):
    with pytest.raises(InputError, match="m"):
        cs.dark_pair_spectrum(0.5, m_chi, E, LEAD)
