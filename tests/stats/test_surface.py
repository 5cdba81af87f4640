"""A table of CL_s that grows where it is read, against the function itself."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from na64stat.stats.exact.cl_s_table import NOTHING, TOLERANCE, WEAKEST, ClsTable
from na64stat.stats.exact.exact import Exact
from na64stat.stats.likelihood.model import Model


def counting(events):
    """No counts observed and none expected: CL_s = exp(-all events)."""
    return np.exp(-events.sum(axis=1))[:, None]


def four_counts(events):
    """Four counts in the first region, no background; the second is a background-free zero."""
    return (poisson.cdf(4, events[:, 0]) * np.exp(-events[:, 1]))[:, None]


class Asked:
    """A function that keeps the points at which it is evaluated."""

    def __init__(self, function):
        self.function, self.points = function, []

    def __call__(self, events):
        self.points += map(tuple, events.tolist())
        return self.function(events)

    def directly(self, events):
        """How many of the points that were read it was asked for, rather than for nodes about them."""
        return len(set(self.points) & set(map(tuple, events.tolist())))


def points(seed, number, regions=2):
    return 10 ** np.random.default_rng(seed).uniform(-6, 2.5, (number, regions))


@pytest.mark.parametrize("regions", [1, 2, 3])
def test_a_smooth_function_is_reproduced(regions):
    events = points(1, 400, regions)
    asked = Asked(counting)
    np.testing.assert_allclose(ClsTable(asked, 1, 60.0).read(events), counting(events), atol=TOLERANCE / 10)
    assert asked.directly(events) == 0


def test_a_bent_function_is_reproduced():
    events = points(2, 2000)
    surface = ClsTable(four_counts, 1, 60.0)
    np.testing.assert_allclose(surface.read(events), four_counts(events), atol=TOLERANCE)


def test_it_pays():
    """A dense map needs far fewer evaluations than it has points, and a second scenario hardly any."""
    events = 10 ** np.random.default_rng(3).uniform(-2, 1.5, (40_000, 2))
    asked = Asked(four_counts)
    surface = ClsTable(asked, 1, 60.0)
    surface.read(events[:39_000])
    first = len(asked.points)
    assert first < 4000
    surface.read(events[39_000:])
    assert len(asked.points) - first < 50


def test_jumps_are_found_and_evaluated_directly():
    """CL_s jumps by 0.1 on a curve that no lattice follows."""

    def jumping(events):
        with np.errstate(over="ignore"):
            return counting(events) * np.where(events[:, 0] > 0.3 + events[:, 1] ** 2, 0.8, 1.0)[:, None]

    events = 10 ** np.random.default_rng(4).uniform(-2, 1, (5000, 2))
    asked = Asked(jumping)
    wrong = np.abs(ClsTable(asked, 1, 60.0).read(events) - jumping(events))[:, 0] > TOLERANCE
    # The curve of the jump leaves slivers between lattice and line, whose width is that of the smallest cells.
    distance = np.abs(np.log(events[:, 0] / (0.3 + events[:, 1] ** 2)))
    assert not wrong[distance > 0.13].any()
    assert wrong.mean() < 2e-3
    assert asked.directly(events) > 50


def test_a_value_does_not_depend_on_what_was_asked_before():
    events = points(5, 300)
    together = ClsTable(four_counts, 1, 60.0).read(events)
    surface, alone = ClsTable(four_counts, 1, 60.0), np.zeros((300, 1))
    for i in np.random.default_rng(6).permutation(300):
        alone[[i]] = surface.read(events[[i]])
    np.testing.assert_allclose(alone, together, rtol=1e-10)


def test_no_signal_and_signals_in_one_region_only():
    surface = ClsTable(four_counts, 1, 60.0)
    events = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 1e-10], [1e-300, 0.0]])
    expected = [1.0, poisson.cdf(4, 2.0), math.exp(-2), poisson.cdf(4, 2.0), 1.0]
    np.testing.assert_allclose(surface.read(events)[:, 0], expected, atol=TOLERANCE)
    assert surface.read(np.zeros((0, 2))).shape == (0, 1)


def test_weak_and_strong_signals_follow_from_the_ends_of_the_table():
    surface = ClsTable(counting, 1, 60.0)
    weak = np.array([[WEAKEST / 10, WEAKEST / 10], [1e-12, 1e-13]])
    np.testing.assert_allclose(1 - surface.read(weak)[:, 0], weak.sum(axis=1), rtol=1e-2)
    strong = np.array([[1e3, 1e2], [1e30, 1e25], [1e300, 1e299]])
    assert np.all(surface.read(strong) < NOTHING)


def test_a_table_that_ends_too_early_is_not_believed():
    """CL_s is not negligible at the end: every point beyond is evaluated itself."""
    asked = Asked(four_counts)
    events = np.array([[7.0, 0.5], [12.0, 0.01]])
    np.testing.assert_allclose(ClsTable(asked, 1, 5.0).read(events), four_counts(events), rtol=1e-12)
    assert asked.directly(events) == 2


def test_failures_stay_failures():
    def failing(events):
        return np.where(events[:, 0] > 1, np.nan, np.exp(-events.sum(axis=1)))[:, None]

    surface = ClsTable(failing, 1, 60.0)
    found = surface.read(np.array([[0.5, 0.1], [1.5, 0.1], [30.0, 0.1]]))[:, 0]
    assert found[0] == pytest.approx(math.exp(-0.6), abs=TOLERANCE)
    assert np.isnan(found[1:]).all()


def normsys(name, size):
    return {"name": name, "type": "normsys", "data": {"hi": 1 + size, "lo": 1 / (1 + size)}}


def workspace(regions):
    """{name: (observed, background, its relative uncertainty)}, with a signal of one event in each region."""
    channels = []
    for name, (_, background, size) in regions.items():
        signal = [{"name": "mu", "type": "normfactor", "data": None}, normsys("efficiency", 0.1), normsys("flux", 0.01)]
        own = [normsys(f"background_{name}", size)] if size else []
        channels.append(
            {
                "name": name,
                "samples": [
                    {"name": "signal", "data": [1.0], "modifiers": signal},
                    {"name": "background", "data": [background], "modifiers": own},
                ],
            }
        )
    return {
        "version": "1.0.0",
        "channels": channels,
        "observations": [{"name": name, "data": [float(seen[0])]} for name, seen in regions.items()],
        "measurements": [{"name": "observed", "config": {"poi": "mu", "parameters": []}}],
    }


TWO = {"invisible": (0, 0.07, 0.43), "visible": (4, 2.0, 0.3)}
THREE = {"a": (1, 0.5, 0.2), "b": (0, 0.1, 0.0), "c": (2, 1.5, 0.3)}


@pytest.mark.parametrize("regions", [TWO, THREE], ids=["two", "three"])
def test_many_signals_at_once_are_those_one_by_one(regions):
    model = Model.from_workspace(workspace(regions))
    factors = points(7, 12, len(regions))
    factors[0, 0] = factors[1, 1] = 0.0
    factors[2], factors[3, 0] = 0.0, 1e-12
    factors[4] = [1e3] * len(regions)
    together = Exact().cl_s_of_signals(model, factors)
    for row, found in zip(factors, together, strict=True):
        alone = Exact().cl_s(model.with_signal_scaled(row), [1.0])[0]
        assert found.observed == pytest.approx(alone.observed, abs=1.1e-6, rel=1e-9)
        for level, value in alone.expected.as_dict().items():
            assert getattr(found.expected, level) == pytest.approx(value, abs=1.1e-6, rel=1e-9)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_the_surface_is_the_exact_cl_s(seed):
    """Two regions with all systematics: to 1e-3 but next to a jump, and the verdict everywhere that far from alpha."""
    model = Model.from_workspace(workspace(TWO))

    def direct(events):
        return np.array([[r.observed, r.expected.median] for r in Exact().cl_s_of_signals(model, events)])

    rng = np.random.default_rng(seed)
    events = 10 ** rng.uniform(-2.5, 1.2, (60, 2))
    surface = ClsTable(direct, 2, 60.0)
    found, true = surface.read(events), direct(events)
    for i, j in np.argwhere(np.abs(found - true) > 1e-3):
        # A line of changed order passes nearby: CL_s itself differs as much within an eighth of an e-fold.
        around = direct(events[i] * np.exp(rng.uniform(-1, 1, (40, 2)) / 8))[:, j]
        assert np.ptp(around) > np.abs(found - true)[i, j]
        assert (found[i, j] < 0.1) == (true[i, j] < 0.1) or abs(true[i, j] - 0.1) < 1e-3
