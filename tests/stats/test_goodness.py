"""Goodness of fit against closed forms and a sum over all outcomes."""

import numpy as np
import pytest
from scipy.special import xlogy
from scipy.stats import chi2, poisson

from na64stat.errors import InputError
from na64stat.stats.fits.goodness import goodness_of_fit
from na64stat.stats.likelihood.model import Model
from na64stat.stats.toys.tail import TailProbability

from .histfactory import every_modifier, make, modifier

MU = modifier("normfactor", "mu")


def common_factor(counts):
    """Bins with equal signal and nothing else: the best fit is their mean."""
    return Model.from_workspace(make({"SR": {"signal": ([2.0] * len(counts), [MU])}}, {"SR": list(counts)}))


def deviance(counts):
    counts = np.asarray(counts, dtype=float)
    mean = counts.mean(axis=-1, keepdims=True)
    return 2 * xlogy(counts, counts / np.where(mean > 0, mean, 1.0)).sum(axis=-1)


def test_many_counts():
    counts = [960, 1030, 1010, 1055]
    found = goodness_of_fit(common_factor(counts), toys=4000, seed=2)
    assert found.deviance == pytest.approx(deviance(counts))
    assert found.degrees == 3
    assert found.p_chi2 == pytest.approx(chi2.sf(deviance(counts), 3))
    assert abs(found.p_toys.value - found.p_chi2) < 4 * found.p_toys.error
    assert found.notes == ()


def test_few_counts_against_the_sum_over_outcomes():
    counts = (0, 4)
    found = goodness_of_fit(common_factor(counts), toys=20_000, seed=3)
    space = np.stack(np.meshgrid(np.arange(40), np.arange(40)), axis=-1).reshape(-1, 2)
    weight = poisson.pmf(space, np.mean(counts)).prod(axis=1)
    exact = weight[deviance(space) >= deviance(counts) - 1e-9].sum()
    assert abs(found.p_toys.value - exact) < 4 * found.p_toys.error
    assert abs(found.p_chi2 - exact) > 10 * found.p_toys.error
    assert "fewer than 5 events" in found.notes[0]


def test_auxiliary_measurements_count():
    """Control bin n ~ Poisson(b gamma), gamma = 1 +- sigma with many events: chi-squared of n against b with both errors."""
    b, n, sigma = 1e6, 1.003e6, 2e-3
    channels = {
        "SR": {"signal": ([2.0], [MU])},
        "CR": {"other": ([b], [modifier("staterror", "stat", [sigma * b])])},
    }
    found = goodness_of_fit(Model.from_workspace(make(channels, {"SR": [50], "CR": [n]})), toys=3000, seed=4)
    assert found.degrees == 1
    assert found.deviance == pytest.approx((n - b) ** 2 / (b + (sigma * b) ** 2), rel=5e-3)
    assert abs(found.p_toys.value - chi2.sf(found.deviance, 1)) < 4 * found.p_toys.error


def test_free_parameters_without_effect_do_not_count():
    """Two factors of one sample are one degree of freedom; a fixed one is none; an empty bin is no datum."""
    k, twice = modifier("normfactor", "k"), modifier("normfactor", "l")
    samples = {"signal": ([2.0, 1.0, 3.0, 0.0], [MU]), "other": ([20.0, 30.0, 40.0, 0.0], [k, twice])}
    workspace = make({"SR": samples}, {"SR": [25, 31, 39, 0]})
    assert goodness_of_fit(Model.from_workspace(workspace), toys=0).degrees == 1
    fixed = [{"name": name, "fixed": True, "inits": [1.0]} for name in ("k", "l")]
    workspace = make({"SR": samples}, {"SR": [25, 31, 39, 0]}, fixed)
    assert goodness_of_fit(Model.from_workspace(workspace), toys=0).degrees == 2


def test_auxiliary_measurements_of_fixed_parameters_do_not_count():
    """Fixed a hundred standard deviations away, it is no part of the fit."""
    effect = modifier("normsys", "effect", {"hi": 1.001, "lo": 0.999})
    samples = {"signal": ([2.0], [MU]), "other": ([20.0], [effect])}
    settings = [{"name": "effect", "fixed": True, "inits": [100.0], "bounds": [[-200.0, 200.0]]}]
    found = goodness_of_fit(Model.from_workspace(make({"SR": samples}, {"SR": [25]}, settings)), toys=0)
    assert found.deviance == pytest.approx(0, abs=1e-9)


def test_as_many_parameters_as_bins(make_workspace):
    found = goodness_of_fit(Model.from_workspace(make_workspace([7], [3.0], [2.0])), toys=100)
    assert (found.deviance, found.degrees, found.p_chi2) == (pytest.approx(0, abs=1e-9), 0, None)
    assert found.p_toys.value == 1.0
    assert any("as many free parameters as bins" in note for note in found.notes)


def test_every_modifier_and_threads():
    model = Model.from_workspace(every_modifier())
    one, four = (goodness_of_fit(model, toys=1500, seed=5, workers=workers) for workers in (1, 4))
    assert one == four
    other = goodness_of_fit(model, toys=1500, seed=6)
    assert one.p_toys != other.p_toys
    assert abs(one.p_toys.value - other.p_toys.value) < 5 * np.hypot(one.p_toys.error, other.p_toys.error)


def test_tail_probability():
    """The bound: with so large a probability, no toy of n is extreme with 5% probability."""
    bound = TailProbability.of(0, 1000)
    assert bound.bound
    assert (1 - bound.value) ** 1000 == pytest.approx(0.05)
    found = TailProbability.of(30, 1000)
    assert (found.value, found.error, found.bound) == (0.03, pytest.approx(np.sqrt(0.03 * 0.97 / 1000)), False)
    assert TailProbability.of(10, 10).error > 0


def test_bad_input(make_workspace):
    model = Model.from_workspace(make_workspace([7], [3.0], [2.0]))
    for wrong in ({"toys": -1}, {"seed": -1}):
        with pytest.raises(InputError, match="integers >= 0"):
            goodness_of_fit(model, **wrong)
