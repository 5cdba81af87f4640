"""The sampler and the quadrature with priors that are far wider than the posterior, against direct quadrature."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import gamma, norm, poisson

import na64stat as na
from na64stat.errors import InputError
from na64stat.stats.bayes import sampler
from na64stat.stats.bayes.curve import PosteriorCurve
from na64stat.stats.bayes.priors import Flat, Jeffreys, LogFlat

COUNTING = Path(__file__).parents[1] / "reported" / "mc_counting.json"


@pytest.fixture(scope="module")
def model():
    return na.Model.from_workspace(json.loads(COUNTING.read_text()))


def likelihood(mu):
    """Of mu events on 2, of which the nuisance parameter changes 20%; 3 are seen. The factor is as HistFactory says."""
    z = np.linspace(-8, 8, 4001)
    return float(np.trapezoid(poisson.pmf(3, mu + 2 * np.where(z > 0, 1.2**z, 0.8 ** (-z))) * norm.pdf(z), z))


@pytest.fixture(scope="module")
def flat():
    """Mean and standard deviation with a flat prior; nothing lies beyond 60."""
    whole, first, second = (quad(lambda mu, k=k: mu**k * likelihood(mu), 0, 60, points=[3, 10])[0] for k in (0, 1, 2))
    return first / whole, np.sqrt(second / whole - (first / whole) ** 2)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("high", [1e2, 1e5, 1e9])
def test_a_flat_prior_however_wide_leaves_mean_and_deviation(model, flat, high):
    found = na.sample(model, prior=Flat("mu", 0, high))
    assert found.diagnostics.converged
    row, (effective, _) = found.summary()["mu"], found.diagnostics.effective
    assert abs(row["mean"] - flat[0]) < 4 * flat[1] / np.sqrt(effective) < 0.1
    assert row["sd"] == pytest.approx(flat[1], rel=0.08)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("high", [1e2, 1e9, 1e200])
def test_a_log_flat_prior(model, high):
    """Half of the prior, or nearly, lies where the signal is nothing."""

    def share(low, up):
        edges = np.linspace(np.log(low), np.log(up), 41)
        return sum(quad(lambda t: likelihood(np.exp(t)), *ends)[0] for ends in itertools.pairwise(edges))

    found = na.sample(model, prior=LogFlat("mu", 1 / high, high))
    assert found.diagnostics.converged
    tiny = max(1 / high, 1e-4)
    below = likelihood(0.0) * np.log(tiny * high) if tiny > 1 / high else 0.0
    expected = share(0.5, 50.0) / (below + share(tiny, 0.5) + share(0.5, 50.0))
    sampled = (found.of("mu") > 0.5).mean()
    assert abs(sampled - expected) < 5 * np.sqrt(expected * (1 - expected) / min(found.diagnostics.effective))


def test_walkers_that_start_all_over_the_prior_arrive_and_their_way_is_cut(model, flat, monkeypatch):
    monkeypatch.setattr(sampler, "start", lambda posterior, walkers, random: posterior.draw(walkers, random))
    short = na.sample(model, prior=Flat("mu", 0, 1e9), steps=200)
    assert not short.diagnostics.converged
    found = na.sample(model, prior=Flat("mu", 0, 1e9))
    assert found.diagnostics.converged
    assert found.diagnostics.discarded == max(found.burn_in, found.diagnostics.discarded) > 0
    assert found.as_dict()["burn_in"] == found.burn_in
    assert found.summary()["mu"]["mean"] == pytest.approx(flat[0], abs=0.1)
    assert found.summary()["mu"]["sd"] == pytest.approx(flat[1], rel=0.08)


@pytest.mark.parametrize("high", [1e4, 1e9, 1e16, 1e30, 1e200])
@pytest.mark.parametrize("count", [0, 3, 1000])
def test_quadrature_of_a_count(count, high):
    """Without background a flat prior gives the Gamma distribution."""

    def log_likelihood(mu):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(mu > 0, count * np.log(mu), 0.0 if count == 0 else -np.inf) - mu

    curve = PosteriorCurve.of(Flat("mu", 0, high), log_likelihood)
    for probability in (0.1, 0.5, 0.9):
        assert curve.quantile(probability) == pytest.approx(gamma(count + 1).ppf(probability), rel=1e-8)
    ((low, up),) = curve.highest_density(0.9)
    assert gamma(count + 1).cdf(up) - gamma(count + 1).cdf(low) == pytest.approx(0.9, abs=1e-4)


@pytest.mark.parametrize("prior", [Flat("mu", 0, 5), LogFlat("mu", 1e-300, 1e213), LogFlat("mu", 1e-300, 1e300)])
def test_data_that_say_nothing_leave_the_prior(prior):
    curve = PosteriorCurve.of(prior, lambda mu: np.zeros(np.shape(mu)))
    for probability in (0.01, 0.5, 0.99):
        assert curve.quantile(probability) == pytest.approx(float(prior.ppf(probability)), rel=1e-9)
    intervals = curve.highest_density(0.9)
    assert sum(float(prior.cdf(b) - prior.cdf(a)) for a, b in intervals) >= 0.9 - 1e-6


def test_quantiles_of_a_log_flat_prior_whose_bounds_have_no_ratio():
    prior = LogFlat("mu", 1e-300, 1e213)
    u = np.array([0.0, 0.25, 0.5, 0.9, 1.0])
    np.testing.assert_allclose(np.log10(prior.ppf(u)), -300 + 513 * u, atol=1e-9)
    np.testing.assert_allclose(prior.cdf(prior.ppf(u)), u, atol=1e-12)


@pytest.mark.parametrize(("low", "high"), [(5e-324, 1.0), (1.0, 1.7e308), (0.0, 1e-310)])
def test_bounds_beyond_what_densities_can_be_numbers_for(low, high):
    with pytest.raises(InputError, match="bounds from 1e-300 to 1e\\+300, or a lower one of 0"):
        Flat("mu", low, high)


@pytest.mark.parametrize("background", [1e4, 1e41, 1e219])
def test_jeffreys_on_a_large_background_is_flat(background):
    u = np.linspace(0, 1, 9)
    prior = Jeffreys("yield", 1.0, 50.0, background)
    np.testing.assert_allclose(prior.ppf(u), 1 + 49 * u, rtol=50 / background + 1e-12)
    np.testing.assert_allclose(prior.cdf(prior.ppf(u)), u, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(prior.density(np.array([1.0, 20.0])), 1 / 49, rtol=50 / background + 1e-12)
