"""The exact method against closed forms, brute force and published benchmarks."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.stats import norm, poisson

from na64stat.errors import RegionError
from na64stat.stats.average import NuisanceAverage
from na64stat.stats.exact import Exact
from na64stat.stats.limits import cl_s, upper_limit
from na64stat.stats.model import CountingModel
from na64stat.stats.two_regions import TwoRegions


@pytest.mark.parametrize(
    ("observed", "background", "cl", "expected"),
    [
        (0, 0, 0.90, math.log(10)),
        (0, 0, 0.95, math.log(20)),
        (0, 0.7, 0.90, math.log(10)),  # with nothing observed the background does not matter
        (0, 12.0, 0.95, math.log(20)),
        (4, 0, 0.90, 7.994),
        (4, 0.2, 0.90, 7.794),
        (4, 1, 0.90, 7.000),
        (4, 2, 0.90, 6.087),
    ],
)
def test_closed_forms(make_workspace, observed, background, cl, expected):
    limit = upper_limit(make_workspace([observed], [background], [1.0]), cl=cl)
    assert limit.observed == pytest.approx(expected, rel=1e-4)


def test_one_count_solves_its_own_equation(make_workspace):
    """n = 1, b = 0: (1 + s) exp(-s) = alpha."""
    limit = upper_limit(make_workspace([1], [0], [0.5]), cl=0.90).observed
    assert (1 + limit / 2) * math.exp(-limit / 2) == pytest.approx(0.1, rel=1e-8)


@pytest.mark.parametrize(("observed", "expected"), [(0, 2.316), (4, 8.103)])
def test_systematics_weaken_the_limit(make_workspace, observed, expected):
    limit = upper_limit(make_workspace([observed], [0], [1.0], (0.10, 0.01)))
    assert limit.observed == pytest.approx(expected, rel=1e-3)
    assert limit.error.limit < 1e-3


def test_average_over_the_efficiency_is_an_integral(make_workspace):
    workspace = make_workspace([4], [1.5], [1.0], (0.2,))
    model = CountingModel.from_workspace(workspace)

    def at_most_four(theta):
        factor = math.exp(model.factors(np.array([[theta]]))[0, 0])
        return poisson.cdf(4, 5 * factor + 1.5) * norm.pdf(theta)

    expected = quad(at_most_four, -9, 9, epsabs=1e-13)[0] / poisson.cdf(4, 1.5)
    assert cl_s(workspace, 5.0).observed == pytest.approx(expected, rel=1e-9)


def test_sobol_average_agrees_with_quadrature_within_its_error(benchmark):
    """Five parameters against a tensor of Gauss-Hermite nodes, for the probability of one outcome."""
    model = CountingModel.from_workspace(benchmark)
    x, w = np.polynomial.hermite_e.hermegauss(13)
    grid = np.stack(np.meshgrid(*[x] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    weight = np.prod(np.stack(np.meshgrid(*[w] * 4, indexing="ij"), axis=-1), axis=-1).ravel() / (2 * np.pi) ** 2
    signal, background = model.split_rates(grid)
    rates = 0.657 * signal + background
    expected = weight @ (poisson.pmf(1, rates[:, 0]) * poisson.pmf(4, rates[:, 1]))
    replicates = NuisanceAverage.of(model).count_probabilities(0.657, ((1, 1), (4, 4)))[:, 0, 0]
    error = replicates.std(ddof=1) / math.sqrt(len(replicates))
    assert abs(replicates.mean() - expected) < 4 * error
    assert error < 1e-3 * expected


def test_two_region_benchmark(benchmark):
    limit = upper_limit(benchmark)
    assert limit.observed == pytest.approx(0.657, rel=5e-3)
    assert cl_s(benchmark, limit.observed).observed == pytest.approx(0.1, abs=1e-4)
    assert limit.error.counts_left_out < 1e-9
    assert limit.crossings == (limit.observed,)


def brute_force(observed, background, signal, mu, size=40):
    """CL_s of two counts without nuisance parameters, by scipy's minimiser and plain loops."""
    counts = np.array([[i, j] for i in range(size) for j in range(size)])
    b, s = np.array(background), np.array(signal)

    def nll(strength, n):
        return -poisson.logpmf(n, strength * s + b).sum()

    def q(n):
        best = minimize(lambda p: nll(p[0], n), [1.0], bounds=[(0, 60)], options={"ftol": 1e-15, "gtol": 1e-11})
        return 0.0 if best.x[0] >= mu else max(2 * (nll(mu, n) - best.fun), 0.0)

    values = np.array([q(n) for n in counts])
    extreme = values >= q(np.array(observed)) - 1e-6
    p_mu = poisson.pmf(counts, mu * s + b).prod(axis=1)[extreme].sum()
    return p_mu / poisson.pmf(counts, b).prod(axis=1)[extreme].sum()


@pytest.mark.parametrize("mu", [0.4, 1.3])
@pytest.mark.parametrize("observed", [(0, 4), (1, 2)])
def test_two_regions_are_the_brute_force_sum(make_workspace, observed, mu):
    background, signal = (0.3, 2.0), (3.0, 2.0)
    workspace = make_workspace(observed, background, signal)
    assert cl_s(workspace, mu).observed == pytest.approx(brute_force(observed, background, signal, mu, 22), rel=1e-5)


def test_equal_signal_to_background_is_one_region(make_workspace):
    """Equal s/b: only the total count matters, so that (1, 3) is one region with n = 4."""
    two = upper_limit(make_workspace([1, 3], [1.0, 2.0], [1.0, 2.0]))
    one = upper_limit(make_workspace([4], [3.0], [3.0]))
    assert two.observed == pytest.approx(one.observed, rel=1e-5)
    for ours, theirs in zip(two.expected, one.expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)


def test_a_region_without_signal_has_no_part(make_workspace):
    both = upper_limit(make_workspace([0, 4], [0.07, 2], [3.0, 1e-10], (0.1,), (0.43, 0.3)))
    alone = upper_limit(make_workspace([0], [0.07], [3.0], (0.1,), (0.43,)))
    assert both.observed == pytest.approx(alone.observed, rel=1e-9)


def test_small_second_region_changes_little(make_workspace):
    both = cl_s(make_workspace([0, 4], [0.07, 2], [2.0, 1e-6], (0.1,), (0.43, 0.3)))
    alone = cl_s(make_workspace([0], [0.07], [2.0], (0.1,), (0.43,)))
    assert both.observed == pytest.approx(alone.observed, rel=1e-3)


def test_cl_s_rises_where_the_ordering_changes(benchmark):
    """At mu = 0.42 CL_s jumps from 0.231 to 0.240 (a limit is the envelope, never a bare root)."""
    two = TwoRegions(CountingModel.from_workspace(benchmark))
    mu = np.linspace(0.40, 0.44, 17)
    values = np.array([two.order(strength).observed_replicates.mean() for strength in mu])
    before = int(np.diff(values).argmax())
    assert mu[before] == pytest.approx(0.42, abs=0.005)
    assert values[before] == pytest.approx(0.231, abs=0.003)
    assert values[before + 1] == pytest.approx(0.240, abs=0.003)
    assert np.sum(np.diff(values) > 0) == 1


def test_the_limit_is_the_largest_crossing(benchmark):
    """With 1 - cl inside the jump CL_s crosses three times; all are kept, and the observed limit is the last."""
    limit = upper_limit(benchmark, cl=1 - 0.2365)
    assert len(limit.crossings) == 3
    assert limit.observed == max(limit.crossings) > 0.42 > min(limit.crossings)
    above = [cl_s(benchmark, mu).observed for mu in np.linspace(limit.observed * 1.001, 3, 12)]
    assert max(above) < 0.2365


@pytest.mark.parametrize("method", [Exact()])
def test_expected_band_is_the_enumerated_one(make_workspace, method):
    """Two counts without uncertainties: quantiles of the limit over the background-only outcomes."""
    background, signal = (0.4, 1.1), (2.0, 1.0)
    limit = upper_limit(make_workspace([0, 1], background, signal), method)
    outcomes = [(i, j) for i in range(7) for j in range(9)]
    limits = np.array([upper_limit(make_workspace(n, background, signal), method).observed for n in outcomes])
    weight = poisson.pmf(np.array(outcomes), background).prod(axis=1)
    order = np.argsort(limits)
    running = np.cumsum(weight[order])
    for value, sigma in zip(limit.expected, (-2, -1, 0, 1, 2), strict=True):
        position = min(np.searchsorted(running, norm.cdf(sigma)), len(order) - 1)
        assert value == pytest.approx(limits[order[position]], rel=2e-4)


def test_expected_band_of_one_region(make_workspace):
    limit = upper_limit(make_workspace([3], [2.0], [1.0]))
    for value, sigma in zip(limit.expected, (-2, -1, 0, 1, 2), strict=True):
        count = int(poisson.ppf(norm.cdf(sigma), 2.0))
        assert value == pytest.approx(upper_limit(make_workspace([count], [2.0], [1.0])).observed, rel=1e-9)


def test_without_background_the_band_is_one_number_and_says_so(make_workspace):
    limit = upper_limit(make_workspace([4], [0], [1.0]))
    assert list(limit.expected) == pytest.approx([math.log(10)] * 5)
    assert limit.observed == pytest.approx(7.994, rel=1e-4)
    assert any("expected values are those of 0 events" in note for note in limit.notes)


def test_limit_scales_with_the_signal(make_workspace):
    strong = upper_limit(make_workspace([0, 4], [0.07, 2], [3e6, 3e6], (0.1,), (0.43, 0.3))).observed
    weak = upper_limit(make_workspace([0, 4], [0.07, 2], [3e-9, 3e-9], (0.1,), (0.43, 0.3))).observed
    assert strong * 1e6 == pytest.approx(weak * 1e-9, rel=1e-5)


@pytest.mark.parametrize("second", [0.0, 1e-12, 1e-3, 1.0])
@pytest.mark.parametrize("events", [1e-12, 1e-6, 1e-2, 1e3, 1e8])
def test_extreme_yields_have_a_verdict(make_workspace, events, second):
    value = cl_s(make_workspace([0, 4], [0.07, 2], [events, events * second], (0.1, 0.01), (0.43, 0.3))).observed
    if events < 1:
        assert value == pytest.approx(1.0, abs=2 * events * (1 + second) + 1e-9)
    else:
        assert 0 <= value < 1e-30


def test_no_signal_is_never_excluded(make_workspace):
    workspace = make_workspace([0, 4], [0.07, 2], [0.0, 0.0])
    assert cl_s(workspace).observed == 1.0
    assert cl_s(make_workspace([3], [1.0], [1.0]), 0.0).observed == 1.0
    limit = upper_limit(make_workspace([3], [1.0], [0.0]))
    assert limit.observed is None
    assert "nothing is excluded" in limit.notes[0]


def test_projection_has_no_observed_limit(make_workspace):
    limit = upper_limit(make_workspace([0.07], [0.07], [1.0], measurement="projection"))
    assert limit.observed is None
    assert limit.expected.median == pytest.approx(math.log(10))


def test_counts_without_background_are_not_combined(make_workspace):
    with pytest.raises(RegionError, match="'r1' has 4 events observed and no background"):
        upper_limit(make_workspace([0, 4], [0.07, 0], [3, 3]))


def test_why_they_are_not_combined(make_workspace):
    """With b = 0 everywhere the total count decides: 7.99/3 = 2.66 instead of 0.77 for a purely invisible signal."""
    total = upper_limit(make_workspace([4], [0], [3.0])).observed
    alone = upper_limit(make_workspace([0], [0], [3.0])).observed
    assert total == pytest.approx(2.66, rel=5e-3)
    assert alone == pytest.approx(0.77, rel=5e-3)


def test_three_regions_and_fractions_are_refused(make_workspace):
    with pytest.raises(RegionError, match=r"3 regions.*at most two"):
        upper_limit(make_workspace([0, 1, 2], [1, 1, 1], [1, 1, 1]))
    with pytest.raises(RegionError, match=r"observed 0.5 events"):
        upper_limit(make_workspace([0.5], [1], [1]))
