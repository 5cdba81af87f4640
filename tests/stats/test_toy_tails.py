"""Toys in the tails of deficits, against closed forms: errors that cover, bands that do not know the observation."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binom, poisson

from na64stat.stats.exact.exact import Exact
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.statistic import Criterion
from na64stat.stats.results import BAND_QUANTILES
from na64stat.stats.toys.sample import Source
from na64stat.stats.toys.toys import Toys
from na64stat.stats.toys.weights import Probability, log_ratio, standard_error, tilted

REPORTED = Path(__file__).parents[1] / "reported"


def reported(name):
    return Model.from_workspace(json.loads((REPORTED / name).read_text(encoding="utf-8")))


def closed_form(count, background, alpha=0.10):
    """CL_s limit of a counting experiment with a known background."""
    return brentq(
        lambda mu: poisson.logcdf(count, mu + background) - poisson.logcdf(count, background) - math.log(alpha),
        1e-9,
        200,
    )


def closed_form_cl_sb(count, background, alpha=0.10):
    total = brentq(lambda rate: poisson.logcdf(count, rate) - math.log(alpha), 1e-9, 200)
    return max(total - background, 0.0)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("name", "count", "background"), [("n1_b10", 1, 10.0), ("n0_b8", 0, 8.0)])
@pytest.mark.parametrize("seed", [1, 2])
def test_limits_of_deep_deficits(name, count, background, seed):
    limit = Toys(4000, seed=seed).upper_limit(reported(f"toys_deficit_{name}.json"), 0.90)
    assert limit.observed == pytest.approx(closed_form(count, background), rel=4 * limit.error.limit)
    assert 0 < limit.error.limit < 0.01


@pytest.mark.parametrize(("observed", "background"), [(0, 20.0), (0, 100.0), (40, 120.0)])
def test_cl_b_however_small(make_workspace, observed, background):
    """CL_b of 2e-9, 4e-44 and 3e-17 from 2000 toys."""
    mu = closed_form(observed, background)
    (found,) = Toys(2000, seed=1).cl_s(Model.from_workspace(make_workspace([observed], [background], [1.0])), [mu])
    assert found.observed == pytest.approx(0.10, abs=4 * found.error.cl_s + 1e-6)
    assert found.error.cl_s < 0.01
    assert found.cl_b == pytest.approx(poisson.cdf(observed, background), rel=0.2)


def deficits(number):
    rng = np.random.default_rng(5)
    for seed in range(number):
        background = float(rng.uniform(3, 20))
        yield seed, int(rng.integers(0, math.ceil(background))), background


@pytest.mark.long
def test_errors_cover_the_closed_form(make_workspace):
    """Of random deficits 68% within the stated error, 95% within two, and no bias."""
    pulls = []
    for seed, count, background in deficits(60):
        model = Model.from_workspace(make_workspace([count], [background], [1.0]))
        limit = Toys(1000, seed=seed).upper_limit(model, 0.90)
        pulls.append((limit.observed / closed_form(count, background) - 1) / limit.error.limit)
    inside = np.abs(pulls) < 1
    low, high = binom.interval(0.998, len(pulls), 0.6827)
    assert low <= inside.sum() <= high
    assert (np.abs(pulls) < 2).sum() >= binom.ppf(0.001, len(pulls), 0.9545)
    assert np.mean(pulls) == pytest.approx(0, abs=3.3 / math.sqrt(len(pulls)))


def test_cl_s_in_the_tail_has_no_bias(make_workspace):
    model, mu = Model.from_workspace(make_workspace([2], [9.0], [1.0])), 3.0
    right = poisson.cdf(2, mu + 9) / poisson.cdf(2, 9)
    found = [Toys(300, seed=seed).cl_s(model, [mu])[0] for seed in range(120)]
    values, errors = np.array([(one.observed, one.error.cl_s) for one in found]).T
    assert values.mean() == pytest.approx(right, abs=3.3 * values.std() / math.sqrt(len(found)))
    assert values.std() == pytest.approx(errors.mean(), rel=0.25)


def test_the_band_of_cl_sb_is_that_of_whole_counts():
    limit = Toys(20_000, criterion=Criterion.CL_SB).upper_limit(reported("toys_deficit_n0_b3.json"), 0.90)
    counts = [int(poisson.ppf(quantile, 3.0)) for quantile in BAND_QUANTILES.values()]
    assert list(limit.expected) == pytest.approx([closed_form_cl_sb(n, 3.0) for n in counts], rel=0.03, abs=1e-9)
    assert limit.observed == 0
    assert limit.notes == ("CL_sb of background alone is below 1 - cl: every signal strength is excluded",)


@pytest.mark.parametrize("criterion", list(Criterion))
def test_the_band_does_not_know_the_observation(make_workspace, criterion):
    bands = [
        Toys(2000, seed=3, criterion=criterion)
        .upper_limit(Model.from_workspace(make_workspace([count], [4.0], [1.0])), 0.90)
        .expected
        for count in (0, 2, 5, 14)
    ]
    assert all(band == bands[0] for band in bands)
    expected = [
        Toys(2000, seed=3, criterion=criterion)
        .cl_s(Model.from_workspace(make_workspace([count], [4.0], [1.0])), [4.0])[0]
        .expected
        for count in (0, 2, 5, 14)
    ]
    assert all(band == expected[0] for band in expected)


def test_toys_of_two_regions_agree_with_the_sum_over_counts(make_workspace):
    """Without nuisance parameters both sum the same probabilities in the same order."""
    model = Model.from_workspace(make_workspace([1, 2], [4.0, 6.0], [1.0, 2.0]))
    toys, exact = Toys(10_000, seed=2).upper_limit(model, 0.90), Exact().upper_limit(model, 0.90)
    # The order of outcomes changes with mu: CL_s jumps, by more than the noise.
    assert toys.observed == pytest.approx(exact.observed, rel=4 * toys.error.limit + 0.01)


def test_a_deficit_with_a_known_efficiency_agrees_with_plain_toys(make_workspace):
    """With nuisance parameters: weighted toys of a tail that plain toys reach too."""
    model = Model.from_workspace(make_workspace([3], [6.0], [1.0], (0.1,), (0.3,)))
    many = Toys(40_000, seed=1).cl_s(model, [4.0])[0]
    few = [Toys(1000, seed=seed).cl_s(model, [4.0])[0] for seed in range(2, 12)]
    mean = np.mean([one.observed for one in few])
    error = math.hypot(np.mean([one.error.cl_s for one in few]) / math.sqrt(10), many.error.cl_s)
    assert mean == pytest.approx(many.observed, abs=4 * error)


def test_few_toys_say_what_they_rest_on(make_workspace):
    model = Model.from_workspace(make_workspace([1], [12.0], [1.0], (0.1,), (0.6,)))
    limit = Toys(20, seed=1).upper_limit(model, 0.90)
    assert limit.observed
    assert limit.error.limit > 0.03


def test_ratios_of_densities_are_those_of_scipy():
    rng = np.random.default_rng(1)
    one = Source(np.array([3.0, 0.0, 7.0]), np.array([0.2, 30.0]), np.array([1.5, 0.0]))
    other = Source(np.array([2.0, 0.5, 8.0]), np.array([-0.4, 25.0]), np.array([1.5, 0.0]))
    counts, auxiliary = one.draw(50, rng)
    right = (poisson.logpmf(counts, other.rates) - poisson.logpmf(counts, one.rates)).sum(axis=1)
    right += poisson.logpmf(auxiliary[:, 1], 25.0) - poisson.logpmf(auxiliary[:, 1], 30.0)
    right += ((auxiliary[:, 0] - 0.2) ** 2 - (auxiliary[:, 0] + 0.4) ** 2) / (2 * 1.5**2)
    assert log_ratio(one, other, counts, auxiliary) == pytest.approx(right, rel=1e-11, abs=1e-11)
    # The other has counts where this one can have none.
    assert np.isneginf(log_ratio(other, one, np.array([[1.0, 2.0, 3.0]]), auxiliary[:1]))


def test_a_tilted_source_lies_where_the_data_do():
    signal, background = (Source(np.array(rates), np.zeros(0), np.zeros(0)) for rates in ([9.0, 5.0], [6.0, 5.0]))
    found = tilted(signal, background, np.array([1.0, 5.0]), np.zeros(0))
    assert found.rates == pytest.approx([2.0 - 5 / 11 + 0.0, 5.0], rel=0.3)
    assert tilted(signal, background, np.array([9.0, 5.0]), np.zeros(0)) is None


def test_probabilities_from_weights():
    """A Gaussian tail at four standard deviations from toys there; everything has probability one."""
    rng = np.random.default_rng(2)
    values = np.concatenate([rng.normal(0, 1, 2000), rng.normal(4, 1, 2000)])
    weights = 1 / (0.5 + 0.5 * np.exp(4 * values - 8))
    strata = [slice(0, 2000), slice(2000, 4000)]
    found = Probability.of(weights, values > 4, strata)
    error = standard_error(found.influence, strata)
    assert found.value == pytest.approx(3.167124183e-5, abs=4 * error)
    assert error < 2e-6
    assert Probability.of(weights, values > -math.inf, strata).value == 1.0


@pytest.mark.parametrize("name", ["signal_staterror_100.json", "sig_histosys_0_2.json"])
def test_a_signal_that_may_vanish_is_not_excluded(name, capfd):
    """Part of the constraint leaves no signal: none, in bounded time, without a word of Minuit's."""
    limit = Toys(500, seed=1).upper_limit(reported(name), 0.90)
    assert limit.observed is None
    assert limit.expected.median is None
    assert "no signal strength is excluded" in limit.notes
    assert capfd.readouterr() == ("", "")
