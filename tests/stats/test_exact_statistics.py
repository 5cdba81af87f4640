"""The exact method with other statistics and criteria: discoveries, CL_sb, and what its records hold."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm, poisson

from na64stat.errors import InputError
from na64stat.stats.exact.enumeration import Enumeration
from na64stat.stats.exact.exact import Exact
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.statistic import Criterion, Statistic

CL_SB = Exact(criterion=Criterion.CL_SB)


def model_of(make_workspace, *arguments):
    return Model.from_workspace(make_workspace(*arguments))


@pytest.mark.parametrize(("n", "b"), [(5, 1.0), (40, 0.5), (1, 3.0), (0, 0.0), (3, 0.0)])
def test_discovery_of_one_count_is_its_poisson_tail(make_workspace, n, b):
    """P(N >= n | b) where there is an excess, also 1e-59; one where there is none."""
    expected = 1.0 if n <= b else poisson.sf(n - 1, b)
    assert Exact().discovery_p0(model_of(make_workspace, [n], [b], [2.0])) == pytest.approx(expected, rel=1e-9)


def test_discovery_averages_over_the_background(make_workspace):
    p0 = Exact().discovery_p0(model_of(make_workspace, [7], [2.0], [1.0], (), (0.3,)))
    expected = quad(lambda x: norm.pdf(x) * poisson.sf(6, 2 * 1.3**x), -8, 8, epsabs=1e-14)[0]
    assert p0 == pytest.approx(expected, rel=1e-4)  # code 4 is not quite 1.3^x


def test_discovery_in_equal_regions_is_that_of_their_sum(make_workspace):
    two = Exact().discovery_p0(model_of(make_workspace, [3, 4], [1.0, 1.0], [2.0, 2.0]))
    assert two == pytest.approx(poisson.sf(6, 2.0), rel=1e-6)
    far = Exact().discovery_p0(model_of(make_workspace, [20, 24], [1.0, 1.0], [2.0, 2.0]))
    assert far == pytest.approx(poisson.sf(43, 2.0), rel=1e-3)


def test_discovery_in_two_regions_is_a_plain_sum(make_workspace):
    """q0 by bisection of the slope of ln L."""
    b, s, observed = np.array([0.5, 2.0]), np.array([1.0, 1.0]), (2, 3)

    def q0(n):
        low, high = 0.0, 100.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if (n * s / (middle * s + b) - s).sum() > 0 else (low, middle)
        return 0.0 if low < 1e-9 else 2 * ((n * np.log((low * s + b) / b)).sum() - low * s.sum())

    here = q0(np.array(observed))
    outcomes = [np.array([i, j]) for i in range(22) for j in range(30)]
    expected = sum(poisson.pmf(n, b).prod() for n in outcomes if q0(n) >= here - 1e-7)
    assert Exact().discovery_p0(model_of(make_workspace, observed, b, s)) == pytest.approx(expected, rel=1e-6)


def test_discovery_needs_counts_and_signal(make_workspace):
    with pytest.raises(InputError, match="no observed counts"):
        Exact().discovery_p0(model_of(make_workspace, [1], [1], [1], (), None, "projection"))
    assert Exact().discovery_p0(model_of(make_workspace, [9], [1], [0.0])) == 1.0
    with pytest.raises(InputError, match=r"q0.*discovery_p0"):
        Exact(statistic=Statistic.Q0)


@pytest.mark.parametrize("regions", [1, 2])
def test_cl_sb_limit_is_the_classical_one(make_workspace, regions):
    """P(N <= n | s + b) = 0.1, in one region and in two equal ones."""
    counts, b, s = ([3], [1.0], [2.0]) if regions == 1 else ([1, 2], [0.5, 0.5], [1.0, 1.0])
    limit = CL_SB.upper_limit(model_of(make_workspace, counts, b, s), 0.9)
    expected = brentq(lambda mu: poisson.cdf(3, 2 * mu + 1) - 0.1, 0.1, 20)
    assert limit.observed == pytest.approx(expected, rel=1e-6)
    assert limit.criterion == "cl_sb"


@pytest.mark.parametrize("counts", [[0], [0, 0]])
def test_cl_sb_limit_can_be_zero_and_says_so(make_workspace, counts):
    """exp(-5) is below 0.1 without any signal."""
    n = len(counts)
    limit = CL_SB.upper_limit(model_of(make_workspace, counts, [5.0 / n] * n, [1.0] * n), 0.9)
    assert limit.observed == 0.0
    assert limit.crossings == ()
    assert any("background alone is unlikely" in note for note in limit.notes)
    assert limit.expected.plus2 > limit.expected.median > 0


@pytest.mark.parametrize(("counts", "b", "s"), [([2], [1.5], [1.0]), ([0, 3], [0.2, 2.0], [1.0, 2.0])])
def test_records_hold_both_probabilities_and_the_statistic(make_workspace, counts, b, s):
    model = model_of(make_workspace, counts, b, s, (0.1,), [0.2] * len(b))
    (result,) = Exact().cl_s(model, [1.1])
    assert result.observed == pytest.approx(result.cl_sb / result.cl_b, rel=1e-12)
    assert 0 < result.cl_sb < result.cl_b <= 1
    assert result.statistic > 0
    assert Exact().cl_s(model, [1e-9])[0].cl_b >= Exact().cl_s(model, [1e-9])[0].cl_sb


def test_statistic_of_one_count_by_hand(make_workspace):
    """n = 2, b = 1.5, s = 3: q = 2 (s + b - n - n ln((s + b)/n)) with the best fit at 0.5."""
    (result,) = Exact().cl_s(model_of(make_workspace, [2], [1.5], [1.0]), [3.0])
    assert result.statistic == pytest.approx(2 * (4.5 - 2 - 2 * math.log(4.5 / 2)), rel=1e-7)


def test_q_orders_one_count_like_q_tilde(make_workspace):
    model = model_of(make_workspace, [2], [3.0], [1.0], (0.1,), (0.2,))
    q_tilde, q = Exact(), Exact(statistic=Statistic.Q)
    assert q.upper_limit(model, 0.9).observed == pytest.approx(q_tilde.upper_limit(model, 0.9).observed, rel=1e-9)
    one, other = q.cl_s(model, [2.0])[0], q_tilde.cl_s(model, [2.0])[0]
    assert one.observed == pytest.approx(other.observed, rel=1e-12)
    assert one.statistic > other.statistic  # the best fit below zero is further away


def test_q_looks_below_no_signal(make_workspace):
    """Where counts are below the background q-tilde compares with mu = 0, and q with a negative mu; elsewhere they agree."""
    model = model_of(make_workspace, [1, 2], [2.0, 3.0], [1.0, 2.0])
    tilde, plain = Enumeration(model).order(0.8), Enumeration(model, Statistic.Q).order(0.8)
    assert (plain.q >= tilde.q - 1e-7).all()
    below = (tilde.counts / [2.0, 3.0] * [1.0, 2.0]).sum(axis=1) < 3.0  # slope of ln L at mu = 0
    np.testing.assert_allclose(plain.q[~below], tilde.q[~below], atol=1e-7)
    assert (plain.q[below] > tilde.q[below]).all()
