"""Simulation-based calibration: if signals are drawn from the prior and counts from the model, posteriors hold the truth as often
as they say (Talts et al., arXiv:1804.06788; Cook, Gelman, Rubin, J. Comput. Graph. Stat. 15 (2006) 675).

Seeds are fixed; each test of flatness would fail by chance in one of a thousand choices of the seed.
"""

from functools import cache

import numpy as np
import pytest
from scipy.stats import chi2, kstest

from na64stat.stats.bayes.curve import PosteriorCurve
from na64stat.stats.bayes.marginal_likelihood import MarginalLikelihood
from na64stat.stats.bayes.posterior import Posterior
from na64stat.stats.bayes.priors import Flat, Jeffreys, LogFlat
from na64stat.stats.bayes.sampler import Sampler, advance, begin
from na64stat.stats.likelihood.model import Model

DRAWS = 127
BINS = 16
FALSE_ALARM = 1e-3


def two_regions():
    """Signal 2 and 1, background 1 and 0.3; a common efficiency of 15%, backgrounds of 40% and 60%."""

    def sample(name, rate, modifiers):
        return {"name": name, "data": [rate], "modifiers": modifiers}

    def normsys(name, size):
        return {"name": name, "type": "normsys", "data": {"hi": 1 + size, "lo": 1 / (1 + size)}}

    strength = {"name": "mu", "type": "normfactor", "data": None}
    channels = [
        {
            "name": name,
            "samples": [
                sample("signal", signal, [strength, normsys("efficiency", 0.15)]),
                sample("background", background, [normsys(f"background_{name}", size)]),
            ],
        }
        for name, signal, background, size in (("visible", 2.0, 1.0, 0.4), ("invisible", 1.0, 0.3, 0.6))
    ]
    workspace = {
        "version": "1.0.0",
        "channels": channels,
        "observations": [{"name": "visible", "data": [0.0]}, {"name": "invisible", "data": [0.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }
    return Model.from_workspace(workspace)


MODEL = two_regions()


def both(values):
    return np.repeat(values["mu"][:, None], 2, axis=1)


def posterior(counts, prior):
    return Posterior(MODEL.with_observed(np.asarray(counts, dtype=float)), (prior,), both)


def simulated(prior, number, seed):
    """Points drawn from the prior (mu, then nuisance parameters), and counts at each."""
    rng = np.random.RandomState(seed)
    density = posterior([0, 0], prior)
    points = density.draw(number, rng)
    _, expected = density.rates(points)
    return density.values(points), rng.poisson(expected)


def quantities(density, points):
    """What is ranked: all parameters, and the expected signal in the first region."""
    return np.column_stack([density.values(points), density.rates(points)[0][:, 0]])


def ranks(drawn_from, assumed, number, seed):
    """Rank of the truth among draws of the posterior, for every quantity, shape (number, Q)."""
    truths, counts = simulated(drawn_from, number, seed)
    found = []
    for i, (truth, count) in enumerate(zip(truths, counts, strict=True)):
        density = posterior(count, assumed)
        (chain,) = begin(density, Sampler(ensembles=1, seed=1000 * seed + i))
        chain = advance(density, chain, 500)
        # Four steps far apart: the walkers are then as good as independent.
        draws = chain.points[[199, 299, 399, 499]].reshape(-1, density.dimension)[:DRAWS]
        at = truth.copy()
        at[0] = assumed.cdf(truth[0])
        found.append((quantities(density, draws) < quantities(density, at[None, :])).sum(axis=0))
    return np.array(found)


def chance(ranks_of_one):
    """Probability that ranks that are as likely each scatter at least as much over the bins."""
    counts = np.bincount(ranks_of_one * BINS // (DRAWS + 1), minlength=BINS)
    mean = len(ranks_of_one) / BINS
    return chi2(BINS - 1).sf(((counts - mean) ** 2 / mean).sum())


@pytest.mark.long
@pytest.mark.parametrize("prior", [Flat("mu", 0, 6), LogFlat("mu", 1e-2, 6)], ids=str)
def test_ranks_of_the_sampler_are_flat(prior):
    found = ranks(prior, prior, 240, seed=7)
    names = [*posterior([0, 0], prior).names, "signal"]
    assert len(names) == found.shape[1] == 5
    for name, column in zip(names, found.T, strict=True):
        assert chance(column) > FALSE_ALARM, name


@pytest.mark.long
def test_ranks_show_a_wrong_prior():
    """The same test with posteriors that assume another prior than the truths were drawn from."""
    found = ranks(LogFlat("mu", 1e-2, 6), Flat("mu", 0, 6), 120, seed=8)
    assert chance(found[:, 0]) < 1e-6


@pytest.mark.long
@pytest.mark.parametrize("prior", [Flat("mu", 0, 2), LogFlat("mu", 1e-2, 3), Jeffreys("mu", 0, 2, 0.4)], ids=str)
def test_the_quadrature_is_calibrated(prior):
    """The posterior probability below the truth is uniform over truths and counts; not so with another prior."""

    @cache
    def curve(assumed, *count):
        likelihood = MarginalLikelihood(MODEL.with_observed(np.array(count, dtype=float)))
        return PosteriorCurve.of(assumed, lambda mu: likelihood.log(both({"mu": mu})))

    truths, counts = simulated(prior, 600, seed=9)
    for assumed, right in ((prior, True), (Flat("mu", 0, 4), False)):
        below = [float(curve(assumed, *count).cdf(mu)) for mu, count in zip(truths[:, 0], counts.tolist(), strict=True)]
        assert (kstest(below, "uniform").pvalue > FALSE_ALARM) == right
