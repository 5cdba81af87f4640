"""The bound of the muon's (g-2) on an axion, against its own inputs and limits."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from na64stat.errors import ComputationError, InputError
from na64stat.limits_library import axion_muon_bound, g_minus_2_limit, load_g_minus_2
from na64stat.limits_library.g_minus_2 import GMinus2, Value
from na64stat.physics.constants import MUON_MASS
from na64stat.physics.loops import g_minus_2_pseudoscalar


def inputs(difference, measured=1e-10, predicted=0.0):
    return GMinus2(Value(difference, measured, "a", "assumed"), {"only": Value(0.0, predicted, "b", "assumed")})


def test_published_values():
    """1165920715(145)e-12 measured, 116592033(62)e-11 predicted: difference 38.5, errors in quadrature."""
    values = load_g_minus_2()
    median = values.lowest_shift(cl=0.5)
    assert median == pytest.approx(38.5e-11, rel=1e-6)
    sigma = median - values.lowest_shift(cl=float(norm.cdf(1)))
    assert sigma == pytest.approx(math.hypot(14.5, 62) * 1e-11, rel=1e-6)


def test_one_sided_convention():
    assert inputs(0.0).lowest_shift(cl=0.95) == pytest.approx(-1.6448536e-10, rel=1e-6)
    assert inputs(0.0).lowest_shift(cl=0.90) == pytest.approx(-1.2815516e-10, rel=1e-6)


def test_massless_axion():
    """Delta a = -y^2/(16 pi^2) with y = 2 m_muon g."""
    expected = math.sqrt(16 * math.pi**2 * 1.2815516e-10) / (2 * MUON_MASS)
    assert axion_muon_bound(1e-9, values=inputs(0.0)) == pytest.approx(expected, rel=1e-5)


def test_heavy_axion_scales_with_its_mass_up_to_a_logarithm():
    """-y^2/(8 pi^2) (m_muon/m)^2 (ln(m^2/m_muon^2) - 11/6): so goes the integral for m >> m_muon."""
    masses = np.array([20.0, 200.0])
    ratio = (MUON_MASS / masses) ** 2
    per_square = ratio * (-np.log(ratio) - 11 / 6) / (8 * math.pi**2)
    expected = np.sqrt(1.2815516e-10 / per_square) / (2 * MUON_MASS)
    assert axion_muon_bound(masses, values=inputs(0.0)) == pytest.approx(expected, rel=2e-3)


def test_the_bound_saturates_the_allowed_shift():
    masses = np.geomspace(1e-3, 1, 7)
    yukawa = 2 * MUON_MASS * axion_muon_bound(masses)
    assert g_minus_2_pseudoscalar(masses, yukawa) == pytest.approx(load_g_minus_2().lowest_shift(), rel=1e-12)


def test_a_weaker_claim_gives_a_weaker_bound():
    assert axion_muon_bound(0.1, cl=0.95) > axion_muon_bound(0.1, cl=0.90)


def test_without_room_for_a_negative_shift():
    with pytest.raises(ComputationError, match="excludes every negative shift"):
        axion_muon_bound(0.1, prediction="white-paper-2020")


def test_bad_questions():
    with pytest.raises(InputError, match=r"no prediction 'lattice'.*white-paper-2025, white-paper-2020"):
        axion_muon_bound(0.1, prediction="lattice")
    with pytest.raises(InputError, match=r"cl = 1\.2"):
        axion_muon_bound(0.1, cl=1.2)


def test_overlay():
    masses = np.geomspace(1e-3, 1, 30)
    overlay = g_minus_2_limit(masses)
    assert overlay.computed
    assert "2506.03069" in overlay.reference
    assert "2505.21476" in overlay.reference
    assert overlay.excludes(masses, axion_muon_bound(masses) * 1.001).all()
    assert not overlay.excludes(masses, axion_muon_bound(masses) * 0.999).any()
