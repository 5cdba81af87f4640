"""Many nuisance parameters in few bins: merged log-normals and quasi-random averages against plain Monte Carlo and quadrature."""

import json
import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import poisson

from na64stat.stats.average.merge import merged
from na64stat.stats.average.nuisance_average import NuisanceAverage
from na64stat.stats.exact.exact import Exact
from na64stat.stats.likelihood.fit import fit_fixed, fit_free
from na64stat.stats.likelihood.model import Model
from na64stat.stats.limits import cl_s, upper_limit

REPORTED = Path(__file__).parents[1] / "reported"


def sample(name, events, modifiers, signal=False):
    own = [{"name": "mu", "type": "normfactor", "data": None}] if signal else []
    return {"name": name, "data": [events], "modifiers": own + modifiers}


def normsys(name, hi, lo=None):
    return {"name": name, "type": "normsys", "data": {"hi": hi, "lo": 1 / hi if lo is None else lo}}


def workspace(*bins):
    """One channel a (count, samples)."""
    return {
        "version": "1.0.0",
        "channels": [{"name": f"r{b}", "samples": samples} for b, (_, samples) in enumerate(bins)],
        "observations": [{"name": f"r{b}", "data": [n]} for b, (n, _) in enumerate(bins)],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }


def factors(hi, lo, theta):
    """Interpolation code 4 for many parameters, written from its definition; shape of theta."""
    powers = np.arange(1, 7)
    signs = (-1.0) ** powers
    slope = np.array([powers, -signs * powers, powers * (powers - 1), signs * powers * (powers - 1)], dtype=float)
    matrix = np.vstack([np.ones(6), signs, slope])
    up, down = np.log(hi), np.log(lo)
    right = np.array([hi - 1, lo - 1, hi * up, -lo * down, hi * up**2, lo * down**2])
    inside = 1 + np.linalg.solve(matrix, right) @ theta ** powers[:, None]
    return np.where(np.abs(theta) < 1, inside, np.where(theta > 0, hi**theta, lo**-theta))


def test_thirty_factors_of_one_sample_are_one():
    """30 of 5% on ten background events are a log-normal of ln(1.05) sqrt(30); by Gauss-Hermite quadrature."""
    limit = upper_limit(json.loads((REPORTED / "one_bin_30_normsys.json").read_text()), cl=0.90)
    x, w = np.polynomial.hermite_e.hermegauss(120)
    background = 10 * np.exp(math.log(1.05) * math.sqrt(30) * x)
    expected = brentq(
        lambda mu: w @ poisson.cdf(12, 5 * mu + background) / (w @ poisson.cdf(12, background)) - 0.1, 0.5, 10
    )
    assert limit.observed == pytest.approx(expected, rel=1e-8)
    assert limit.error.limit < 1e-8


def many(random, number, kind):
    """A signal and two backgrounds in two bins that share their parameters, with different sizes and signs."""
    bins = []
    for n in (3, 5):
        samples = []
        for name, events in (("signal", 2.0), ("first", 3.0), ("second", 1.0)):
            modifiers = []
            for k in range(number):
                if random.random() < 0.4:
                    continue
                hi = 1 + random.uniform(0.005, 0.06)
                hi = hi if random.random() < 0.5 else 1 / hi
                modifiers.append(normsys(f"p{k}", hi, None if kind == "symmetric" else 2 - hi))
            samples.append(sample(name, events, modifiers, name == "signal"))
        bins.append((n, samples))
    return workspace(*bins)


def monte_carlo(found, mu, counts, number, seed):
    """Probability of counts averaged over the unmerged parameters, with its error."""
    random = np.random.default_rng(seed)
    names = sorted({m["name"] for c in found["channels"] for s in c["samples"] for m in s["modifiers"]} - {"mu"})
    theta = dict(zip(names, random.standard_normal((len(names), number)), strict=True))
    product = np.ones(number)
    for channel, n in zip(found["channels"], counts, strict=True):
        rate = np.zeros(number)
        for item in channel["samples"]:
            part = np.full(number, item["data"][0])
            for m in item["modifiers"]:
                part *= mu if m["name"] == "mu" else factors(m["data"]["hi"], m["data"]["lo"], theta[m["name"]])
            rate += part
        product *= poisson.pmf(n, rate)
    return product.mean(), product.std() / math.sqrt(number)


@pytest.mark.parametrize("kind", ["symmetric", "asymmetric"])
def test_forty_shared_parameters_against_monte_carlo(kind):
    found = many(np.random.default_rng(3), 40, kind)
    average = NuisanceAverage.of(Model.from_workspace(found))
    for mu, counts in ((0.0, (3, 5)), (1.5, (2, 4))):
        replicates = average.count_probabilities(mu, tuple((n, n) for n in counts))[:, 0, 0]
        error = replicates.std(ddof=1) / math.sqrt(len(replicates))
        expected, spread = monte_carlo(found, mu, counts, 20_000, 11)
        assert abs(replicates.mean() - expected) < 4 * math.hypot(error, spread)
        assert error < 2e-3 * expected


def test_merging_keeps_likelihoods_and_needs_a_parameter_a_sample():
    model = Model.from_workspace(many(np.random.default_rng(5), 40, "symmetric"))
    few = merged(model)
    assert len(few.constrained) <= 3 * 6
    counts = np.array([[0.0, 0.0], [3.0, 5.0], [9.0, 1.0]])
    assert fit_free(few, counts).nll == pytest.approx(fit_free(model, counts).nll, abs=1e-7)
    assert fit_fixed(few, counts, 2.0).nll == pytest.approx(fit_fixed(model, counts, 2.0).nll, abs=1e-7)
    assert few.signal_events == pytest.approx(model.signal_events)


def test_a_factor_that_is_not_an_exponential_is_not_merged():
    """hi = 2 differs from its exponential by 1e-5 within one standard deviation; hi = 1.1, lo = 0.9 everywhere."""
    pairs = [(2.0, 0.5), (2.0, 0.5), (1.1, 0.9), (1.1, 0.9)]
    modifiers = [normsys(f"p{k}", *pair) for k, pair in enumerate(pairs)]
    model = Model.from_workspace(workspace((1, [sample("signal", 1.0, [], True), sample("b", 2.0, modifiers)])))
    assert merged(model) is model


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", ["symmetric", "asymmetric", "mixed"])
def test_a_hundred_parameters_of_one_bin(kind):
    """A number whose error holds the Monte Carlo average over the unmerged parameters, within bounded memory."""
    random = np.random.default_rng(7)
    modifiers: dict[str, list] = {"signal": [], "first": [], "second": []}
    for k in range(100):
        for name, own in modifiers.items():
            hi = 1 + random.uniform(-0.04, 0.04)
            if random.random() < 0.5 and not (kind == "mixed" and name == "second"):
                own.append(normsys(f"p{k}", hi, None if kind == "symmetric" else 2 - hi))
    if kind == "mixed":
        modifiers["second"] = [{"name": "stat", "type": "staterror", "data": [0.2]}]
    samples = [
        sample("signal", 1.0, modifiers["signal"], True),
        sample("first", 3.0, modifiers["first"]),
        sample("second", 1.0, modifiers["second"]),
    ]
    tracemalloc.start()
    average = NuisanceAverage.of(Model.from_workspace(workspace((4, samples))))
    assert tracemalloc.get_traced_memory()[1] < 1e9
    tracemalloc.stop()
    replicates = average.count_probabilities(3.0, ((4, 4),))[:, 0]
    error = replicates.std(ddof=1) / math.sqrt(len(replicates))
    theta = np.random.default_rng(1).standard_normal((101, 30_000))
    rate = np.zeros(30_000)
    for item in samples:
        part = np.full(30_000, item["data"][0])
        for m in item["modifiers"]:
            if m["type"] == "normfactor":
                part *= 3.0
            elif m["type"] == "staterror":
                part *= 1 + 0.2 * theta[100]
            else:
                part *= factors(m["data"]["hi"], m["data"]["lo"], theta[int(m["name"][1:])])
        rate += part
    values = poisson.pmf(4, rate)
    assert abs(replicates.mean() - values.mean()) < 4 * math.hypot(error, values.std() / math.sqrt(30_000))
    assert error < 1e-3 * values.mean()


def test_the_error_of_quasi_random_points_stands_in_the_result():
    model = Model.from_workspace(many(np.random.default_rng(3), 40, "asymmetric"))
    (result,) = Exact().cl_s(model, [1.0])
    assert 0 < result.error.cl_s < 2e-3


def test_split_factors_are_the_factor():
    """One log-normal of 30% as nine of a third of its logarithm: the same CL_s to 1e-8."""
    whole = workspace((2, [sample("signal", 1.0, [], True), sample("b", 3.0, [normsys("p", 1.2)])]))
    parts = [normsys(f"p{k}", 1.2 ** (1 / 3)) for k in range(9)]
    split = workspace((2, [sample("signal", 1.0, [], True), sample("b", 3.0, parts)]))
    assert cl_s(split, 4.0).observed == pytest.approx(cl_s(whole, 4.0).observed, rel=1e-8)
