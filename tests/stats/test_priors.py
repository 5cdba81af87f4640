"""Priors against scipy.stats, and by sampling."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from na64stat.errors import InputError
from na64stat.stats.bayes.priors import Flat, Jeffreys, LogFlat
from na64stat.stats.bayes.user_prior import UserPrior


def exponential(x):
    return 5 * math.exp(-x / 3)


def bell(x):
    return math.exp(-0.5 * ((x - 2) / 0.05) ** 2)


CASES = [
    (Flat("yield", 2, 50), stats.uniform(2, 48)),
    (LogFlat("coupling", 1e-6, 1), stats.loguniform(1e-6, 1)),
    (Jeffreys("yield", 0, 8), stats.beta(0.5, 1, scale=8)),
    (Jeffreys("mu", 0, 8, 2), stats.powerlaw(0.5, loc=-2, scale=10)),  # cut below 0
    (UserPrior("yield", 0, 50, exponential), stats.truncexpon(50 / 3, scale=3)),
    (UserPrior("yield", 0, 50, bell), stats.norm(2, 0.05)),
]
IDS = [str(prior) for prior, _ in CASES]


def known(law, prior, x):
    """Cumulative probability between the bounds of the prior."""
    low, high = law.cdf([prior.low, prior.high])
    return (law.cdf(x) - low) / (high - low), law.pdf(x) / (high - low)


@pytest.mark.parametrize(("prior", "law"), CASES, ids=IDS)
def test_densities_are_those_of_scipy(prior, law):
    u = np.linspace(1e-6, 1 - 1e-6, 41)
    x = prior.ppf(u)
    cumulative, density = known(law, prior, x)
    assert prior.cdf(x) == pytest.approx(u, abs=1e-9)
    assert cumulative == pytest.approx(u, abs=1e-9)
    assert prior.density(x) == pytest.approx(density, rel=1e-7)
    assert prior.density([prior.low - 1e-9, prior.high * 1.001]).tolist() == [0, 0]
    assert prior.cdf([prior.low - 1, prior.high + 1]) == pytest.approx([0, 1], abs=1e-12)
    assert prior.ppf([0, 1]) == pytest.approx([prior.low, prior.high], abs=1e-12)


@pytest.mark.parametrize(("prior", "law"), CASES, ids=IDS)
def test_densities_are_normalised(prior, law):
    edges = prior.ppf(np.linspace(0, 1, 33))
    total = sum(quad(lambda x: float(prior.density(x)), a, b)[0] for a, b in itertools.pairwise(edges))
    assert total == pytest.approx(1, rel=1e-7)


@pytest.mark.parametrize(("prior", "law"), CASES, ids=IDS)
def test_samples_follow_the_density(prior, law):
    drawn = prior.sample(4000, seed=11)
    assert np.array_equal(drawn, prior.sample(4000, seed=11))
    assert stats.kstest(drawn, lambda x: known(law, prior, x)[0]).pvalue > 1e-3
    other = Flat("yield", prior.low, prior.high * 1.2)
    assert stats.kstest(other.sample(4000, seed=11), lambda x: known(law, prior, x)[0]).pvalue < 1e-6


@given(
    st.floats(1e-12, 1e3),
    st.floats(1.001, 1e9),
    st.floats(0, 1),
    st.sampled_from([Flat, LogFlat, lambda name, low, high: Jeffreys(name, low, high, 0.3)]),
)
def test_quantiles_and_probabilities_are_inverse(low, ratio, u, kind):
    prior = kind("yield", low, low * ratio)
    x = prior.ppf(u)
    assert prior.low <= x <= prior.high
    # What a double can hold of the difference to the lower bound.
    assert float(prior.cdf(x)) == pytest.approx(u, abs=1e-9 + 1e-13 * (1 + 0.3 / low) / (ratio - 1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Flat("g", 0, 1), "prior of 'g': expected one of coupling, yield, mu, mass"),
        (lambda: Flat("yield", 2, 1), "2 to 1: expected finite bounds, the lower one first"),
        (lambda: Flat("yield", 1, 1), "the lower one first"),
        (lambda: Flat("yield", 0, math.inf), "finite bounds"),
        (lambda: Flat("yield", math.nan, 1), "finite bounds"),
        (lambda: Flat("yield", "a", 1), "two numbers"),
        (lambda: Flat("yield", -1, 1), "a lower bound >= 0"),
        (lambda: Flat("mass", 0, 1), "a lower bound > 0"),
        (lambda: LogFlat("coupling", 0, 1), "a lower bound > 0"),
        (lambda: Jeffreys("coupling", 0, 1), "for yield or mu"),
        (lambda: Jeffreys("yield", 0, 1, -1), "background = -1"),
        (lambda: UserPrior("yield", 0, 1, 3.0), "is no function"),
        (lambda: UserPrior("yield", 0, 1, lambda x: -x), "finite and not negative"),
        (lambda: UserPrior("yield", 0, 1, lambda x: math.nan), "finite and not negative"),
        (lambda: UserPrior("yield", 0, 1, lambda x: 0.0), "zero at 402 points from 0 to 1; expected narrower bounds"),
        (lambda: UserPrior("yield", 0, 1, lambda x: 1 / 0), "the function failed: division by zero"),
        pytest.param(
            lambda: UserPrior("yield", 0, 1, lambda x: 1 + (x * 1000 % 1 > 0.5)),
            "cannot be integrated",
            marks=pytest.mark.long,
        ),
    ],
)
def test_impossible_priors(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_records_tell_priors_apart():
    priors = [prior for prior, _ in CASES]
    assert len({str(prior.as_dict()) for prior in priors}) == len(priors)
    assert Flat("yield", 0, 1).as_dict() == {
        "name": "flat", "parameter": "yield", "low": 0.0, "high": 1.0, "text": "flat in yield, 0 to 1"
    }  # fmt: skip
    # Densities of one name and different shape are different priors.
    assert UserPrior("yield", 0, 1, lambda x: 1.0).as_dict() != UserPrior("yield", 0, 1, lambda x: 1 + x).as_dict()
