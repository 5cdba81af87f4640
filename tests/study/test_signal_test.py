"""The question behind limits and scans: the curve of one region against direct evaluation, and the sign of the excess."""

import math

import numpy as np
import pytest

from na64stat.errors import LowCountWarning, RegionError
from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.exact.exact import Exact
from na64stat.stats.limits import cl_s
from na64stat.study.signal_test import CURVE_TOLERANCE, LEVELS, SignalTest

from .by_hand import workspace_of

REGIONS = ("invisible", "visible")
EVENTS = np.sort(np.concatenate([[1e-12, 1e-7, 3e-6, 3.99, 4.0, 4.01, 300.0], np.geomspace(1e-4, 60, 9)]))


@pytest.mark.parametrize(
    ("setting", "region", "systematics"),
    [
        *[(setting, region, False) for setting in ("2022", "backgrounds", "mot1e12") for region in REGIONS],
        ("2022", "invisible", True),
    ],
)
def test_the_curve_is_the_direct_cl_s(signal_test, setting, region, systematics):
    """Also at four counts, where CL_s jumps from 1 as the signal exceeds the excess."""
    test = signal_test(setting, region, systematics)
    curve = test.cl_s({region: EVENTS})
    assert set(curve) == set(test.levels) == set(LEVELS[1 if setting == "mot1e12" else 0 :])
    one_event = workspace_of(test, {region: 1.0})
    for i, events in enumerate(EVENTS.tolist()):
        direct = cl_s(one_event, mu=events)
        for level, values in curve.items():
            expected = direct.observed if level == "observed" else getattr(direct.expected, level)
            assert values[i] == pytest.approx(expected, abs=CURVE_TOLERANCE), (level, events)


def test_zero_counts_are_an_exponential(signal_test):
    """n = 0, b = 0, no systematics: CL_s = exp(-s), and the excess is ln(s / ln 10)."""
    test = signal_test("2022", "invisible", False)
    events = np.array([0.0, 1e-9, 0.3, 2.0, 2.4, 30.0, 1e9])
    found = test.cl_s({"invisible": events})["observed"]
    np.testing.assert_allclose(found, np.exp(-events), atol=2e-5)
    assert found[0] == 1
    excess = test.excess({"invisible": events})["observed"]
    assert excess[0] == -math.inf
    np.testing.assert_allclose(excess[1:], np.log(events[1:] / math.log(10)), rtol=1e-8)


@pytest.mark.parametrize(("setting", "region"), [("2022", "invisible"), ("backgrounds", "visible")])
def test_the_excess_of_one_region_is_positive_where_cl_s_is_small(signal_test, setting, region):
    test = signal_test(setting, region, False)
    events = np.geomspace(1e-6, 1e4, 40)
    found, excess = test.cl_s({region: events}), test.excess({region: events})
    for level in test.levels:
        np.testing.assert_array_equal(excess[level] > 0, found[level] < 0.1)
        np.testing.assert_allclose(np.diff(excess[level]), np.diff(np.log(events)), rtol=1e-9)


def test_two_regions_with_one_silent_are_one_region(with_backgrounds):
    test = SignalTest(with_backgrounds, ("visible", "invisible"), systematics=False)
    events = np.array([0.5, 2.0, 6.0])
    both = test.cl_s({"visible": np.zeros(3), "invisible": events})["observed"]
    alone = SignalTest(with_backgrounds, ("invisible",), systematics=False).cl_s({"invisible": events})["observed"]
    np.testing.assert_allclose(both, alone, atol=1e-4)


def test_two_regions_at_extreme_yields_have_a_verdict(with_backgrounds):
    test = SignalTest(with_backgrounds, ("visible", "invisible"), systematics=False)
    events = {"visible": np.array([0, 1e-300, 1e-12, 1e-5, 1e6]), "invisible": np.array([0, 0, 1e-12, 1e-5, 1e6])}
    found, excess = test.cl_s(events), test.excess(events)
    for level in test.levels:
        assert np.all((found[level] >= 0) & (found[level] <= 1 + 1e-12))
        assert not np.any(np.isnan(excess[level]))
        np.testing.assert_array_equal(excess[level] > 0, [False, False, False, False, True])


def test_without_systematics_the_model_has_none(with_backgrounds):
    def names(systematics):
        model = SignalTest(with_backgrounds, ("visible",), systematics=systematics).model_of({"visible": 2.0})
        return [parameter.name for parameter in model.parameters]

    assert names(False) == ["mu"]
    assert names(True) == ["mu", "efficiency_2022", "mot_2022", "cross_section", "background_visible_2022"]


def test_asymptotic_formulas_warn_when_a_verdict_is_asked(run):
    test = SignalTest(run, ("invisible",), Asymptotic())
    with pytest.warns(LowCountWarning, match="at 0 events"):
        test.excess({"invisible": np.ones(1)})


def test_an_unknown_region_is_refused(run):
    with pytest.raises(RegionError, match="no region 'visable'; did you mean 'visible'"):
        SignalTest(run, ("visable",), Exact())
