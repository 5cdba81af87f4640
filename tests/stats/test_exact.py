"""The exact method against closed forms, brute force and published benchmarks."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm, poisson

from na64stat.errors import ComputationError, RegionError
from na64stat.stats.average.nuisance_average import NuisanceAverage
from na64stat.stats.exact.enumeration import Enumeration
from na64stat.stats.exact.exact import Exact
from na64stat.stats.likelihood.model import Model
from na64stat.stats.limits import cl_s, upper_limit


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
    model = Model.from_workspace(workspace)

    def at_most_four(theta):
        factor = model.split_rates(model.at_deviates(np.array([[theta]])))[0][0, 0]
        return poisson.cdf(4, 5 * factor + 1.5) * norm.pdf(theta)

    expected = quad(at_most_four, -9, 9, epsabs=1e-13)[0] / poisson.cdf(4, 1.5)
    assert cl_s(workspace, 5.0).observed == pytest.approx(expected, rel=1e-9)


def gauss_hermite_probability(model, mu, counts, nodes=25):
    """Probability of one outcome by a tensor of Gauss-Hermite nodes over all four parameters."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    grid = np.stack(np.meshgrid(*[x] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    weight = np.prod(np.stack(np.meshgrid(*[w] * 4, indexing="ij"), axis=-1), axis=-1).ravel() / (2 * np.pi) ** 2
    signal, background = model.split_rates(model.at_deviates(grid))
    return weight @ poisson.pmf(counts, mu * signal + background).prod(axis=1)


def test_average_agrees_with_a_plain_tensor_of_nodes(benchmark):
    """Own parameters inside shared ones against all four at once; the error estimate is the size of the difference."""
    model = Model.from_workspace(benchmark)
    expected = gauss_hermite_probability(model, 0.657, (1, 4))
    replicates = NuisanceAverage.of(model).count_probabilities(0.657, ((1, 1), (4, 4)))[:, 0, 0]
    assert replicates.mean() == pytest.approx(expected, rel=1e-8)
    assert np.ptp(replicates) < 1e-8 * expected


def test_many_shared_parameters_fall_back_on_sobol_points(make_workspace):
    """Eight parameters of equal 5% common to both regions are one of 5% sqrt(8); within the scatter of the replicates."""
    effects = [1 + 0.05 * k for k in (1.0, -0.7, 1.3, 0.4, -1.1, 0.9, 0.6, -0.8)]
    channels = []
    for flip in (1, -1):  # up in one region and down in the other for half of them: two leading directions
        signs = [flip if k % 2 else 1 for k in range(8)]
        own = {f"e{k}": (e**s, e**-s) for k, (e, s) in enumerate(zip(effects, signs, strict=True))}
        channels.append((0, 3.0, own, 1.0, {}))
    model = Model.from_workspace(channel_workspace(*channels))
    average = NuisanceAverage.of(model)
    replicates = average.count_probabilities(1.0, ((2, 2), (3, 3)))[:, 0, 0]
    logs = np.log(effects)
    even, odd = np.sqrt((logs[::2] ** 2).sum()), np.sqrt((logs[1::2] ** 2).sum())
    x, w = np.polynomial.hermite_e.hermegauss(40)
    one, two = np.meshgrid(x, x, indexing="ij")
    rates = [3 * np.exp(even * one + flip * odd * two) + 1 for flip in (1, -1)]
    # (1 + d)^x and code 4 differ by 1e-5 between -1 and 1
    expected = ((w[:, None] * w) * poisson.pmf(2, rates[0]) * poisson.pmf(3, rates[1])).sum() / (2 * np.pi)
    error = replicates.std(ddof=1) / math.sqrt(len(replicates))
    assert abs(replicates.mean() - expected) < 4 * error + 1e-4 * expected
    assert error < 2e-3 * expected


def test_two_region_benchmark(benchmark):
    limit = upper_limit(benchmark)
    assert limit.observed == pytest.approx(0.657, rel=5e-3)
    assert cl_s(benchmark, limit.observed).observed == pytest.approx(0.1, abs=1e-4)
    assert limit.error.counts_left_out < 1e-9
    assert limit.crossings == (limit.observed,)


def brute_force(observed, background, signal, mu, size=40):
    """CL_s of two counts without nuisance parameters, by plain loops; the best mu by bisection of the slope of ln L."""
    b, s = np.array(background), np.array(signal)
    outcomes = [np.array([i, j]) for i in range(size) for j in range(size)]

    def log_likelihood(strength, n):
        return (n * np.log(strength * s + b) - strength * s - b).sum()

    def q(n):
        low, high = 0.0, 60.0
        for _ in range(45):
            middle = (low + high) / 2
            low, high = (middle, high) if (n * s / (middle * s + b) - s).sum() > 0 else (low, middle)
        return 0.0 if low >= mu else 2 * (log_likelihood(low, n) - log_likelihood(mu, n))

    here = q(np.array(observed))
    extreme = np.array([n for n in outcomes if q(n) >= here - 1e-7])
    p_mu, p_0 = (poisson.pmf(extreme, strength * s + b).prod(axis=1).sum() for strength in (mu, 0.0))
    return p_mu / p_0


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
    two = Enumeration(Model.from_workspace(benchmark))
    mu = np.linspace(0.40, 0.44, 17)
    values = np.array([two.replicates(strength, two.observed).mean() for strength in mu])
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
    assert any("five expected values coincide" in note for note in limit.notes)


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


def test_four_regions_and_fractions_are_refused(make_workspace):
    with pytest.raises(RegionError, match=r"4 bins with signal \(r0, r1, r2, r3\).*at most three"):
        upper_limit(make_workspace([0, 1, 2, 1], [1, 1, 1, 1], [1, 1, 1, 1]))
    with pytest.raises(RegionError, match=r"observed 0.5 events in r0"):
        upper_limit(make_workspace([0.5], [1], [1]))


def channel_workspace(*channels):
    """Channels (observed, signal, signal normsys, background, background normsys); normsys as name -> (hi, lo)."""

    def modifiers(effects):
        return [{"name": k, "type": "normsys", "data": {"hi": hi, "lo": lo}} for k, (hi, lo) in effects.items()]

    specs, observations = [], []
    for i, (observed, signal, signal_effects, background, background_effects) in enumerate(channels):
        mu = {"name": "mu", "type": "normfactor", "data": None}
        samples = [{"name": "signal", "data": [signal], "modifiers": [mu, *modifiers(signal_effects)]}]
        if background > 0:
            samples.append({"name": "background", "data": [background], "modifiers": modifiers(background_effects)})
        specs.append({"name": f"r{i}", "samples": samples})
        observations.append({"name": f"r{i}", "data": [observed]})
    config = {"poi": "mu", "parameters": []}
    measurements = [{"name": "observed", "config": config}]
    return {"version": "1.0.0", "channels": specs, "observations": observations, "measurements": measurements}


TEN_PERCENT = (1.1, 1 / 1.1)


@pytest.mark.parametrize(("background", "spread"), [(0.5, 1.1), (50, 1.1), (50, 1.4), (200, 1.1)])
def test_with_nothing_observed_the_background_does_not_matter(background, spread):
    """CL_s = E[exp(-s)] whatever b is, also deep in the tail of b and with its uncertainty."""
    effects = {"a": TEN_PERCENT, "c": (1.01, 1 / 1.01)}
    limit = upper_limit(channel_workspace((0, 1, effects, background, {"b": (spread, 1 / spread)})))
    assert limit.observed == pytest.approx(upper_limit(channel_workspace((0, 1, effects, 0, {}))).observed, rel=1e-4)


def test_background_far_above_the_count_does_not_underflow():
    """n = 0, b = 1e4: both probabilities underflow, their ratio is exp(-s)."""
    assert upper_limit(channel_workspace((0, 1, {}, 1e4, {}))).observed == pytest.approx(math.log(10), rel=1e-8)
    few = upper_limit(channel_workspace((2, 1, {}, 3000.0, {}))).observed
    # (s + b)^2 exp(-s)/b^2 = 0.1, up to terms of order 1/b
    assert 2 * math.log1p(few / 3000) - few == pytest.approx(math.log(0.1), abs=1e-3)


@pytest.mark.parametrize(("count", "effects"), [(1000, {"b": (2, 0.5)}), (10**5, {"b": TEN_PERCENT}), (10**6, {})])
def test_large_backgrounds_have_a_limit(count, effects):
    workspace = channel_workspace((count, 1, {}, float(count), effects))
    limit = upper_limit(workspace)
    assert cl_s(workspace, limit.observed).observed == pytest.approx(0.1, rel=1e-6)
    assert None not in limit.expected
    assert list(limit.expected) == sorted(limit.expected)


def test_a_limit_can_lie_at_the_jump():
    """Below n - b every signal is a better fit than none, CL_s = 1; at a low cl it is below alpha right after."""
    workspace = channel_workspace((4, 1, {}, 1, {}))
    assert upper_limit(workspace, cl=0.3).observed == pytest.approx(3.0, rel=1e-6)
    assert cl_s(workspace, 2.999).observed == 1.0
    assert cl_s(workspace, 3.001).observed < 0.7


def test_symmetric_up_and_down_factors():
    """hi = lo = 2: flat at the centre, and still an uncertainty, whose mean is kept; by an integral over |theta|."""
    workspace = channel_workspace((100, 1, {"a": (2, 2)}, 10, {}))
    model = Model.from_workspace(workspace)
    theta = np.linspace(-8, 8, 8001)
    factor = model.split_rates(model.at_deviates(theta[:, None]))[0][:, 0]
    weight = norm.pdf(theta) / norm.pdf(theta).sum()
    factor /= weight @ factor

    def excess(mu):
        return weight @ poisson.cdf(100, mu * factor + 10) / poisson.cdf(100, 10) - 0.1

    expected = brentq(excess, 90, 400)
    assert expected > brentq(lambda mu: poisson.cdf(100, mu + 10) - 0.1, 90, 400)
    assert upper_limit(workspace).observed == pytest.approx(expected, rel=1e-3)


@pytest.mark.long
def test_shared_parameters_are_ordered_by_their_q_tilde():
    """Signal falls while background rises: fewer counts are not always more extreme; against plain loops."""
    shared = {"a": (0.5, 2.0)}, {"a": (1.6, 1 / 1.6)}
    workspace = channel_workspace((1, 4, shared[0], 3, shared[1]))
    model = Model.from_workspace(workspace)
    theta = np.linspace(-8, 8, 1601)[:, None]
    signal, background = model.split_rates(model.at_deviates(theta))
    weight = np.exp(-0.5 * theta[:, 0] ** 2)
    weight /= weight.sum()
    counts = np.arange(120)

    def nll(mu, n):
        rates = mu * signal[:, 0] + background[:, 0]
        return np.min(-poisson.logpmf(n, rates) + 0.5 * theta[:, 0] ** 2)

    strengths = np.concatenate([np.linspace(0, 6, 601), np.geomspace(6, 400, 200)])
    q = np.zeros(len(counts))
    for n in counts:
        scan = np.array([nll(mu, n) for mu in strengths])
        best = strengths[scan.argmin()]
        q[n] = 0.0 if best > 1 else 2 * (nll(1.0, n) - scan.min())
    extreme = q >= q[1] - 1e-3
    p_mu = poisson.pmf(counts[:, None], signal[:, 0] + background[:, 0]) @ weight
    p_0 = poisson.pmf(counts[:, None], background[:, 0]) @ weight
    expected = p_mu[extreme].sum() / p_0[extreme].sum()
    assert cl_s(workspace).observed == pytest.approx(expected, rel=1e-3)


def test_two_regions_without_signal_exclude_nothing():
    limit = upper_limit(channel_workspace((1, 0, {}, 1, {}), (0, 0, {}, 1, {})))
    assert limit.observed is None
    assert "nothing is excluded" in limit.notes[0]


def test_large_uncertainties_in_two_regions_are_those_of_one():
    """b = 0, nothing observed, one common parameter of 100%: only the total signal matters."""
    doubled = {"a": (2, 0.5)}
    two = upper_limit(channel_workspace((0, 3, doubled, 0, {}), (0, 1, doubled, 0, {})))
    one = upper_limit(channel_workspace((0, 4, doubled, 0, {})))
    assert two.observed == pytest.approx(one.observed, rel=1e-4)


def test_counts_far_below_the_background():
    """Probabilities of 1e-17 without uncertainties, against the sum over the plane with the likelihood ratio by hand."""
    background, signal, observed = np.array([30.0, 30.0]), np.array([3.0, 1.0]), (3, 3)
    grid = np.stack(np.meshgrid(np.arange(140), np.arange(140), indexing="ij"), axis=-1).reshape(-1, 2)
    for mu in (1.0, 2.0):
        low, high = np.zeros(len(grid)), np.full(len(grid), 60.0)
        for _ in range(60):  # bisection of the derivative of ln L, which falls with mu
            middle = (low + high) / 2
            slope = (grid / (middle[:, None] * signal + background) * signal - signal).sum(axis=1)
            low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
        best = np.where(low < 1e-9, 0.0, low)

        def log_likelihood(strength):
            rates = np.atleast_1d(strength)[:, None] * signal + background
            return (grid * np.log(rates) - rates).sum(axis=1)

        q = np.where(best >= mu, 0.0, 2 * (log_likelihood(best) - log_likelihood(np.full(len(grid), mu))))
        position = int(np.flatnonzero((grid == observed).all(axis=1))[0])
        extreme = q >= q[position] - 1e-7
        sums = [poisson.pmf(grid, s * signal + background).prod(axis=1)[extreme].sum() for s in (mu, 0.0)]
        workspace = channel_workspace((3, 3, {}, 30, {}), (3, 1, {}, 30, {}))
        assert cl_s(workspace, mu).observed == pytest.approx(sums[0] / sums[1], rel=1e-6)


def test_too_many_outcomes_is_said():
    wide = {"a": (1.5, 1 / 1.5)}
    with pytest.raises(ComputationError, match=r"too many to order.*use fewer bins, toys or the asymptotic method"):
        cl_s(channel_workspace((5000, 1000, {}, 5000, wide), (5000, 1000, {}, 5000, wide)))
