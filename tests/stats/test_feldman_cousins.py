"""Feldman-Cousins intervals against the published table, plain loops over mu, and their defining property."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, poisson

from na64stat.errors import InputError, RegionError
from na64stat.stats.exact.feldman_cousins import FeldmanCousins
from na64stat.stats.likelihood.model import Model

METHOD = FeldmanCousins()


def interval(workspace, cl=0.9):
    return METHOD.upper_limit(Model.from_workspace(workspace), cl)


@pytest.mark.parametrize(
    ("n", "b", "lower", "upper"),
    [
        (0, 0, 0.00, 2.44),
        (1, 0, 0.11, 4.36),
        (2, 0, 0.53, 5.91),
        (3, 0, 1.10, 7.42),
        (4, 0, 1.47, 8.60),
        (1, 3, 0.00, 1.88),
        (2, 3, 0.00, 3.04),
        (3, 3, 0.00, 4.42),
        (4, 3, 0.00, 5.60),
    ],
)
def test_table_iv(make_workspace, n, b, lower, upper):
    """Phys. Rev. D 57 (1998) 3873, Table IV, computed there on a grid of 0.005 and rounded."""
    found = interval(make_workspace([n], [b], [1.0]))
    assert found.lower == pytest.approx(lower, abs=0.02)
    assert found.observed == pytest.approx(upper, abs=0.02)
    assert found.criterion == "interval"


def test_upper_ends_of_the_table_do_not_rise_with_the_background(make_workspace):
    """For n = 0, b = 3 it has 1.08, the largest end of all b >= 3: the authors lengthened intervals so. Ours is not changed."""
    ends = [interval(make_workspace([0], [b], [1.0])).observed for b in (3.0, 3.46, 3.465, 3.5)]
    assert max(ends) == pytest.approx(1.08, abs=0.02)
    assert ends[0] < 1.0
    assert ends[0] == pytest.approx(plain_interval(0, 3.0, np.arange(0.0, 2.0, 0.002))[1], abs=0.004)


def plain_interval(n, b, grid, alpha=0.1):
    """Ends of the mu of a grid with P(R <= R_n | mu) > alpha for R = P(n | mu)/P(n | best mu), by plain loops."""
    accepted = []
    for mu in grid:

        def log_p(k, rate):
            return (k * math.log(rate) if k else 0.0) - rate - math.lgamma(k + 1)

        def log_r(k, rate=mu + b):
            return log_p(k, rate) - log_p(k, max(k, b))

        here = log_r(n) + 1e-9
        p = sum(math.exp(log_p(k, mu + b)) for k in range(60) if log_r(k) <= here)
        if p > alpha:
            accepted.append(mu)
    return min(accepted), max(accepted)


def test_interval_is_that_of_a_plain_scan(make_workspace):
    found = interval(make_workspace([6], [1.3], [2.0]))
    lower, upper = plain_interval(6, 1.3, np.arange(0.0, 12, 0.02))
    assert 2 * found.lower == pytest.approx(lower, abs=0.021)
    assert 2 * found.observed == pytest.approx(upper, abs=0.021)


def test_crossings_are_where_the_verdict_changes(make_workspace):
    """Inside the ends the p-value can dip below 0.1; the interval is the hull, and every change is kept."""
    workspace = make_workspace([5], [2.0], [1.0])
    found, model = interval(workspace), Model.from_workspace(workspace)
    assert found.observed == max(found.crossings)
    for crossing in found.crossings:
        below, above = METHOD.cl_s(model, [crossing * (1 - 1e-5), crossing * (1 + 1e-5)])
        assert (below.cl_sb > 0.1) != (above.cl_sb > 0.1)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("b", [0.0, 0.7, 3.0])
def test_intervals_are_never_empty_and_cover(make_workspace, b):
    """At known background each true mu is in the intervals of at least 90% of the counts."""
    intervals = [interval(make_workspace([n], [b], [1.0])) for n in range(19)]
    assert all(0 <= found.lower < found.observed for found in intervals)
    for truth in (0.0, 0.4, 1.0, 2.5, 5.0):
        inside = [n for n, found in enumerate(intervals) if found.lower <= truth <= found.observed]
        assert 0.9 - 1e-6 <= poisson.pmf(inside, truth + b).sum() <= 1.0


def test_two_equal_regions_are_one(make_workspace):
    two, one = interval(make_workspace([1, 3], [0.5, 0.5], [1, 1])), interval(make_workspace([4], [1.0], [2.0]))
    assert two.observed == pytest.approx(one.observed, rel=1e-5)
    assert two.lower == pytest.approx(one.lower, rel=1e-5)
    assert list(two.expected) == pytest.approx(list(one.expected), rel=1e-5)


def test_expected_ends_are_quantiles_over_the_counts(make_workspace):
    found = interval(make_workspace([2], [1.6], [1.0], (), None, "projection"))
    assert found.observed is None
    assert found.lower is None
    ends = np.array([interval(make_workspace([n], [1.6], [1.0])).observed for n in range(9)])
    order = np.argsort(ends)
    running = np.cumsum(poisson.pmf(np.arange(9), 1.6)[order])
    for value, sigma in zip(found.expected, (-2, -1, 0, 1, 2), strict=True):
        assert value == pytest.approx(ends[order[np.searchsorted(running, norm.cdf(sigma))]], rel=1e-5)


def test_uncertainties_are_averaged_over(make_workspace):
    """n = 0, b = 0, signal +- 20%: P(N = 0 | mu) = E[exp(-mu (1.2)^x)], and nothing is more extreme above 2.44."""
    workspace = make_workspace([0], [0.0], [1.0], (0.2,))
    (result,) = METHOD.cl_s(Model.from_workspace(workspace), [2.0])
    expected = quad(lambda x: norm.pdf(x) * math.exp(-2 * 1.2**x), -9, 9)[0]
    # counts with a larger q are those far above: their probability is what remains
    rest = [k for k in range(1, 60) if poisson.logpmf(k, 2) - poisson.logpmf(k, k) < -2.0]
    more = quad(lambda x: norm.pdf(x) * poisson.pmf(rest, 2 * 1.2**x).sum(), -9, 9)[0]
    assert expected <= result.cl_sb <= expected + 2 * more + 1e-3
    assert interval(workspace).observed > 0


def test_p_value_stands_as_cl_sb(make_workspace):
    model = Model.from_workspace(make_workspace([0, 4], [0.07, 2], [3, 3], (0.1, 0.01), (0.43, 0.30)))
    found = METHOD.upper_limit(model, 0.9)
    inside, outside = METHOD.cl_s(model, [found.observed * 0.999, found.observed * 1.001])
    assert inside.cl_sb > 0.1 > outside.cl_sb
    assert inside.observed is None
    assert set(inside.expected) == {None}
    assert "no CL_s" in inside.notes[0]
    at_best = METHOD.cl_s(Model.from_workspace(make_workspace([3], [1.0], [1.0])), [2.0])[0]
    assert at_best.cl_sb == 1.0
    assert at_best.statistic == pytest.approx(0.0, abs=1e-7)


def test_no_signal_and_bad_input(make_workspace):
    nothing = interval(make_workspace([3], [1.0], [0.0]))
    assert nothing.observed is None
    assert "nothing is excluded" in nothing.notes[0]
    with pytest.raises(RegionError, match=r"feldman-cousins: 4 bins"):
        interval(make_workspace([1] * 4, [1] * 4, [1] * 4))
    with pytest.raises(InputError, match=r"scan_ratio = 1\.0;"):
        FeldmanCousins(scan_ratio=1.0)
