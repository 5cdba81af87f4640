"""The bound of the muon's (g-2) on an axion, against its own inputs and limits."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from na64stat.errors import ComputationError, InputError
from na64stat.limits_library import (
    axion_muon_bound,
    coupling_bound,
    favoured_band,
    g_minus_2_limit,
    load_g_minus_2,
)
from na64stat.limits_library.g_minus_2 import SCENARIOS, GMinus2, Value, describe_g_minus_2
from na64stat.physics.constants import MUON_MASS
from na64stat.physics.loops import g_minus_2_pseudoscalar, g_minus_2_scalar, g_minus_2_vector


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


# --- other scenarios


@pytest.mark.parametrize(
    ("scenario", "per_square"),
    # Massless limits of the one-loop shifts; the axion's Yukawa coupling is 2 m_muon g.
    [
        ("zprime", 1 / (8 * math.pi**2)),
        ("muon-scalar", 3 / (16 * math.pi**2)),
        ("muon-pseudoscalar", 1 / (16 * math.pi**2)),
        ("axion-muon", (2 * MUON_MASS) ** 2 / (16 * math.pi**2)),
    ],
)
def test_massless_bounds_and_bands(scenario, per_square):
    """A difference of +-5 units with an uncertainty of 1: the sign that a scenario can have is favoured."""
    sign = 1 if scenario in {"zprime", "muon-scalar"} else -1
    values = inputs(sign * 5e-10)
    z = float(norm.ppf(0.95))
    assert coupling_bound(scenario, 1e-8, 0.95, values=values) ** 2 * per_square == pytest.approx(
        (5 + z) * 1e-10, rel=1e-5
    )
    band = favoured_band(scenario, [1e-8], z=2, values=values)
    assert [end**2 * per_square for end in (*band.low, *band.high)] == pytest.approx([3e-10, 7e-10], rel=1e-5)
    assert (band.scenario, band.z, band.prediction) == (scenario, 2, "only")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_band_without_a_need_for_a_shift_of_its_sign(scenario):
    sign = 1 if scenario in {"zprime", "muon-scalar"} else -1
    assert favoured_band(scenario, [0.1], z=2, values=inputs(sign * 1.99e-10)) is None
    assert favoured_band(scenario, [0.1], z=2, values=inputs(sign * 2.01e-10)) is not None
    assert favoured_band(scenario, [0.1], z=2, values=inputs(-sign * 5e-10)) is None
    with pytest.raises(ComputationError, match=r"excludes every (positive|negative) shift"):
        coupling_bound(scenario, 0.1, values=inputs(-sign * 5e-10))


@pytest.mark.parametrize(("scenario", "loop"), [("zprime", g_minus_2_vector), ("muon-scalar", g_minus_2_scalar)])
def test_shifts_of_the_band_are_the_published_difference(scenario, loop):
    """White Paper 2020: (116592071.5 - 116591810) +- hypot(14.5, 43), all in 1e-11."""
    masses = np.geomspace(1e-3, 1, 5)
    band = favoured_band(scenario, masses, prediction="white-paper-2020")
    sigma = math.hypot(14.5, 43)
    assert loop(masses, np.array(band.low)) == pytest.approx((261.5 - 2 * sigma) * 1e-11, rel=1e-6)
    assert loop(masses, np.array(band.high)) == pytest.approx((261.5 + 2 * sigma) * 1e-11, rel=1e-6)
    # With the prediction of 2025 the difference is 0.6 standard deviations.
    assert favoured_band(scenario, masses) is None
    z = (38.5 + norm.ppf(0.9) * math.hypot(14.5, 62)) * 1e-11
    assert loop(masses, coupling_bound(scenario, masses)) == pytest.approx(z, rel=1e-6)


def test_overlays_of_all_scenarios_cite_what_they_use():
    for scenario in SCENARIOS:
        overlay = g_minus_2_limit([0.1, 0.2], scenario=scenario)
        assert overlay.unit == ("GeV^-1" if scenario == "axion-muon" else "1")
        assert overlay.bibtex_keys == ("Muong-2:2025xyk", "Aliberti:2025beg", "Leveille:1977rc")
    older = g_minus_2_limit([0.1, 0.2], prediction="white-paper-2020", scenario="zprime")
    assert "Aoyama:2020ynm" in older.bibtex_keys


def test_description():
    text = describe_g_minus_2(cl=0.95, prediction="white-paper-2020")
    assert "(white-paper-2020): 261.5 +- 45.4 in 1e-11, 5.8 standard deviations" in text
    assert "at 95%, z = 1.645" in text


def test_bad_questions_about_other_scenarios():
    with pytest.raises(InputError, match="no shift is known for 'axion-photon'; there are axion-muon, zprime"):
        coupling_bound("axion-photon", 0.1)
    with pytest.raises(InputError, match="z = 0 must be positive"):
        favoured_band("zprime", [0.1], z=0)
