"""The coverage script: its sums against closed forms, on methods that need no toys."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import poisson

from na64stat.stats.exact.exact import Exact
from na64stat.stats.exact.feldman_cousins import FeldmanCousins
from na64stat.stats.likelihood.model import Model

SCRIPT = Path(__file__).parents[2] / "scripts/coverage.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT), run_name="script")


def ends(script, method, background, systematics=False):
    counts = script["COUNTS"]
    models = [Model.from_workspace(script["workspace"](n, background, systematics)) for n in counts]
    return np.array([script["interval"](method, model) for model in models])


def test_without_background_coverage_is_a_poisson_tail(script):
    """A signal s is held by the limits of all counts but those below some n(s), where limits are quantiles of gamma."""
    found = script["coverage"](ends(script, Exact(), 0.0), script["probabilities"](0.0, False))
    signals = script["SIGNALS"]
    # P(N <= n | limit) = 0.1: the counts that exclude s are those with P(N <= n | s) < 0.1.
    counts = script["COUNTS"]
    excluded = [poisson.pmf(counts, s)[poisson.cdf(counts, s) < 0.10 - 1e-9].sum() for s in signals]
    assert found == pytest.approx(1 - np.array(excluded), abs=1e-6)


def test_feldman_cousins_never_undercovers(script):
    found = script["coverage"](ends(script, FeldmanCousins(), 2.0), script["probabilities"](2.0, False))
    assert found.min() >= 0.90 - 1e-6
    assert found.mean() < 0.95


@pytest.mark.parametrize("systematics", [False, True])
def test_probabilities_are_normalised(script, systematics):
    chances = script["probabilities"](4.0, systematics)
    assert chances.sum(axis=1) == pytest.approx(1.0, abs=2e-5)
    mean = chances @ script["COUNTS"]
    factors = [np.exp(np.log(f) ** 2 / 2) if systematics else 1.0 for f in (1.10, 1.30)]  # mean of a log-normal
    assert mean == pytest.approx(script["SIGNALS"] * factors[0] + 4.0 * factors[1], abs=1e-3)


def test_every_method_is_compared(script):
    names = {method.name for method in script["methods"](1000).values()}
    assert names == {"exact", "toys", "asymptotic", "feldman-cousins"}


def test_a_higher_measured_efficiency_excludes_more(script):
    low, none, high = (
        script["interval"](Exact(), Model.from_workspace(script["workspace"](0, 0.0, True, measured)))[1]
        for measured in (-1.0, 0.0, 1.0)
    )
    assert low / none == pytest.approx(1.10, rel=2e-3)
    assert none / high == pytest.approx(1.10, rel=2e-3)
