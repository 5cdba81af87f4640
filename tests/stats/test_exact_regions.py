"""The exact method on up to three bins and on every constrained modifier, against plain loops and integrals."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import gamma, norm, poisson

from na64stat.errors import ComputationError, WorkspaceError
from na64stat.stats.average.nuisance_average import NuisanceAverage
from na64stat.stats.average.poisson import joint, mixed_poisson
from na64stat.stats.exact.enumeration import Enumeration
from na64stat.stats.exact.exact import Exact
from na64stat.stats.likelihood.model import Model


def bins_workspace(observed, signal, background, signal_modifiers=(), background_modifiers=()):
    """One channel with several bins."""
    mu = {"name": "mu", "type": "normfactor", "data": None}
    samples = [
        {"name": "signal", "data": list(signal), "modifiers": [mu, *signal_modifiers]},
        {"name": "background", "data": list(background), "modifiers": list(background_modifiers)},
    ]
    return {
        "version": "1.0.0",
        "channels": [{"name": "plane", "samples": samples}],
        "observations": [{"name": "plane", "data": list(observed)}],
        "measurements": [{"name": "observed", "config": {"poi": "mu", "parameters": []}}],
    }


def plain_cl_s(observed, background, signal, mu, sizes):
    """CL_s without nuisance parameters: every outcome in a plain loop, the best mu by bisection of the slope of ln L."""
    b, s = np.array(background), np.array(signal)

    def log_likelihood(strength, n):
        rates = strength * s + b
        return sum(k * math.log(r) - r for k, r in zip(n, rates, strict=True))

    def q(n):
        low, high = 0.0, 60.0
        for _ in range(50):
            middle = (low + high) / 2
            slope = sum(k * x / (middle * x + y) - x for k, x, y in zip(n, s, b, strict=True))
            low, high = (middle, high) if slope > 0 else (low, middle)
        best = 0.0 if low < 1e-9 else low
        return 0.0 if best >= mu else 2 * (log_likelihood(best, n) - log_likelihood(mu, n))

    here, sums = q(observed), [0.0, 0.0]
    for n in itertools.product(*map(range, sizes)):
        if q(n) >= here - 1e-7:
            for i, strength in enumerate((mu, 0.0)):
                sums[i] += math.prod(poisson.pmf(k, strength * x + y) for k, x, y in zip(n, s, b, strict=True))
    return sums[0] / sums[1]


def test_three_bins_are_the_triple_loop():
    observed, background, signal, mu = (1, 0, 2), (0.3, 0.6, 0.5), (1.0, 0.7, 0.4), 1.2
    model = Model.from_workspace(bins_workspace(observed, signal, background))
    (result,) = Exact().cl_s(model, [mu])
    assert result.observed == pytest.approx(plain_cl_s(observed, background, signal, mu, (12, 11, 10)), rel=1e-6)
    assert result.observed == pytest.approx(result.cl_sb / result.cl_b, rel=1e-12)
    assert result.error.counts_left_out < 1e-8


def test_a_third_region_that_says_nothing(make_workspace):
    """Less than 1e-9 of the signal, or so little that only five counts and more, 6e-5, make an order."""
    two = Exact().upper_limit(Model.from_workspace(make_workspace([0, 2], [0.2, 1.0], [2.0, 1.0])), 0.9)
    for weak in (1e-12, 3.2e-9):
        model = Model.from_workspace(make_workspace([0, 2, 0], [0.2, 1.0, 0.4], [2.0, 1.0, weak]))
        assert Exact().upper_limit(model, 0.9).observed == pytest.approx(two.observed, rel=1e-4)


def test_a_third_region_that_says_little_breaks_a_tie(make_workspace):
    """With 1e-5 of the signal its count only orders outcomes that two regions tie: of (0, 2, k) just k = 0 is as extreme."""
    two = Enumeration(Model.from_workspace(make_workspace([0, 2], [0.2, 1.0], [2.0, 1.0]))).order(0.7)
    at = two.index(np.array([0, 2]))
    beyond = two.q > two.q[at] + 1e-6
    sums = [p.mean(axis=0)[beyond].sum() + p.mean(axis=0)[at] * math.exp(-0.4) for p in (two.signal, two.background)]
    (three,) = Exact().cl_s(Model.from_workspace(make_workspace([0, 2, 0], [0.2, 1.0, 0.4], [2.0, 1.0, 1e-5])), [0.7])
    assert three.cl_sb == pytest.approx(sums[0], rel=1e-4)
    assert three.observed == pytest.approx(sums[0] / sums[1], rel=1e-4)


def test_three_regions_of_equal_signal_to_background_are_one(make_workspace):
    three = Exact().upper_limit(Model.from_workspace(make_workspace([1, 0, 1], [1.0, 0.5, 0.5], [2.0, 1.0, 1.0])), 0.9)
    one = Exact().upper_limit(Model.from_workspace(make_workspace([2], [2.0], [4.0])), 0.9)
    assert three.observed == pytest.approx(one.observed, rel=1e-5)
    assert list(three.expected) == pytest.approx(list(one.expected), rel=1e-5)


def test_too_many_outcomes_names_the_bins():
    model = Model.from_workspace(bins_workspace([900, 900, 900], [50, 40, 30], [900, 900, 900]))
    with pytest.raises(ComputationError, match=r"plane\[0\], plane\[1\], plane\[2\].*too many to order"):
        Exact().cl_s(model, [1.0])


@pytest.mark.parametrize("count", [0, 3, 900, 10**6])
def test_poisson_recursion_is_poisson(count):
    rates = np.array([[0.0, 1e-9, 0.3, 5.0], [20.0, 870.0, 9e5, 1.1e6]])
    weight = np.array([0.1, 0.2, 0.3, 0.4])
    expected = [weight @ poisson.pmf(count, row) for row in rates]
    got = mixed_poisson(max(count - 40, 0), count + 40, rates, weight)[:, min(count, 40)]
    np.testing.assert_allclose(got, expected, rtol=2e-9, atol=1e-250)


def test_joint_probabilities_are_sums_of_products():
    rng = np.random.default_rng(4)
    weight, tables = rng.random(5), [rng.random((5, size)) for size in (3, 4, 2)]
    for bins, letters in ((1, "ka->a"), (2, "ka,kb->ab"), (3, "ka,kb,kc->abc")):
        first, rest = letters.split("->")
        expected = np.einsum(f"k,{first}->{rest}", weight, *tables[:bins])
        np.testing.assert_allclose(joint(tables[:bins], weight), expected, rtol=1e-12)


def probability(model, mu, n):
    replicates = NuisanceAverage.of(model).count_probabilities(mu, tuple((k, k) for k in n))
    return replicates.reshape(len(replicates)).mean()


def test_shapesys_is_averaged_over_its_gamma_density():
    """tau = (b / error)^2 auxiliary counts: the factor has the density Gamma(tau + 1) / tau."""
    b, error = 4.0, 1.6
    modifiers = [{"name": "g", "type": "shapesys", "data": [error]}]
    model = Model.from_workspace(bins_workspace([3], [1.0], [b], (), modifiers))
    tau = (b / error) ** 2
    expected = quad(lambda x: gamma.pdf(x, tau + 1, scale=1 / tau) * poisson.pmf(3, 2 + b * x), 0, 12, epsabs=1e-13)[0]
    assert probability(model, 2.0, (3,)) == pytest.approx(expected, rel=1e-8)
    assert NuisanceAverage.of(model).notes == ()


def test_histosys_and_staterror_in_two_bins():
    """A shape shift of both bins together, and independent Gaussian factors of 10% and 5%."""
    b, up, down = np.array([6.0, 9.0]), np.array([7.5, 8.0]), np.array([5.0, 10.5])
    sigma = np.array([0.1, 0.05])
    modifiers = [
        {"name": "h", "type": "histosys", "data": {"hi_data": up.tolist(), "lo_data": down.tolist()}},
        {"name": "s", "type": "staterror", "data": (sigma * b).tolist()},
    ]
    model = Model.from_workspace(bins_workspace([5, 8], [2.0, 1.0], b, (), modifiers))

    def shifted(x):  # code 4p
        even = 0.0625 * x**2 * (15 + x**2 * (3 * x**2 - 10))
        inside = x * 0.5 * (up - down) + even * (up - 2 * b + down)
        return b + (inside if abs(x) < 1 else x * (up - b) if x > 0 else -x * (down - b))

    y = np.linspace(-8, 8, 801)
    weight = norm.pdf(y) / norm.pdf(y).sum()

    def given(x):
        factors = 1 + sigma[:, None] * y
        rates = 1.5 * np.array([[2.0], [1.0]]) + shifted(x)[:, None] * factors
        return math.prod(weight @ poisson.pmf(n, row) for n, row in zip((5, 8), rates, strict=True))

    expected = quad(lambda x: norm.pdf(x) * given(x), -5, 5, epsabs=1e-12, points=[-1, 1])[0]
    assert probability(model, 1.5, (5, 8)) == pytest.approx(expected, rel=1e-4)
    weaker = Exact().upper_limit(model, 0.9).observed
    assert weaker > Exact().upper_limit(Model.from_workspace(bins_workspace([5, 8], [2.0, 1.0], b)), 0.9).observed


def test_two_own_parameters_are_a_double_integral():
    """A Gamma and a Gaussian factor of the same bin, beside another bin with its own: products of double sums."""
    b, error, sigma = np.array([1.5, 0.7]), np.array([0.4, 0.3]), np.array([0.2, 0.1])
    modifiers = [
        {"name": "g", "type": "shapesys", "data": error.tolist()},
        {"name": "s", "type": "staterror", "data": (sigma * b).tolist()},
    ]
    model = Model.from_workspace(bins_workspace([2, 0], [3.0, 2.0], b, (), modifiers))
    expected = 1.0
    for n, rate, tau, width, signal in zip((2, 0), b, (b / error) ** 2, sigma, (3.0, 2.0), strict=True):
        x, y = np.linspace(0.001, 5, 3000), np.linspace(-5, 5, 201)
        x_weight, y_weight = gamma.pdf(x, tau + 1, scale=1 / tau), norm.pdf(y)
        rates = 0.8 * signal + rate * np.multiply.outer(x, np.maximum(1 + width * y, 1e-10))
        expected *= x_weight @ poisson.pmf(n, rates) @ y_weight / x_weight.sum() / y_weight.sum()
    assert probability(model, 0.8, (2, 0)) == pytest.approx(expected, rel=1e-5)
    (result,) = Exact().cl_s(model, [0.8])
    assert 0 < result.observed < 1
    assert result.error.counts_left_out < 1e-8


def test_rates_cut_at_zero_are_in_the_notes():
    """A histosys of 60% reaches below zero at -1.7 standard deviations."""
    data = {"hi_data": [1.6], "lo_data": [0.4]}
    model = Model.from_workspace(
        bins_workspace([1], [1.0], [1.0], (), [{"name": "h", "type": "histosys", "data": data}])
    )
    limit = Exact().upper_limit(model, 0.9)
    assert any("below zero" in note for note in limit.notes)
    assert NuisanceAverage.of(model).cut == pytest.approx(norm.cdf(-1 / 0.6), rel=0.3)
    assert any("below zero" in note for note in Exact().cl_s(model, [1.0])[0].notes)


@pytest.mark.parametrize("kind", ["normfactor", "shapefactor"])
def test_free_parameters_are_refused_by_name(kind):
    modifiers = [{"name": "free_norm", "type": kind, "data": None}]
    workspace = bins_workspace([1], [1.0], [1.0], (), modifiers)
    with pytest.raises(WorkspaceError, match=r"free_norm.*no density to average over"):
        Exact().upper_limit(Model.from_workspace(workspace), 0.9)
    workspace["measurements"][0]["config"]["parameters"] = [{"name": "free_norm", "fixed": True, "inits": [2.0]}]
    fixed = Exact().upper_limit(Model.from_workspace(workspace), 0.9)
    plain = Exact().upper_limit(Model.from_workspace(bins_workspace([1], [1.0], [2.0])), 0.9)
    assert fixed.observed == pytest.approx(plain.observed, rel=1e-9)


def test_looking_only_near_the_limit_finds_what_a_fine_scan_finds(benchmark):
    """Limits of every likely outcome from one fine scan of whole orderings: the same quantiles as from the refined grid."""
    model = Model.from_workspace(benchmark)
    space = Enumeration(model)
    limit = Exact().upper_limit(model, 0.9)
    strengths = np.geomspace(0.2, 3.0, 120)
    orderings = [space.order(mu) for mu in strengths]
    last = orderings[-1]
    limits = np.zeros(len(last.counts))
    for mu, ordering in zip(strengths, orderings, strict=True):
        where = {tuple(n): i for i, n in enumerate(ordering.counts.tolist())}
        for i, n in enumerate(last.counts.tolist()):
            if tuple(n) in where and ordering.cl_s[where[tuple(n)]] > 0.1:
                limits[i] = mu
            elif tuple(n) not in where:
                limits[i] = mu  # too unlikely to be listed: it has more counts than matter here
    order = np.argsort(limits, kind="stable")
    running = np.cumsum(last.weight[order])
    for value, sigma in zip(limit.expected, (-2, -1, 0, 1, 2), strict=True):
        expected = limits[order[np.searchsorted(running, norm.cdf(sigma) * running[-1])]]
        assert expected <= value * (1 + 1e-9)
        assert value < expected * (strengths[1] / strengths[0]) * (1 + 1e-9)
