"""Relative uncertainties of 10% to 200%: a signal uncertainty strengthens nothing, and every number is an integral by scipy."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import gamma, norm, poisson

from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.bayes.marginal_likelihood import MarginalLikelihood
from na64stat.stats.exact.exact import Exact
from na64stat.stats.exact.feldman_cousins import FeldmanCousins
from na64stat.stats.exact.shared import SharedEnumeration
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.statistic import Criterion, Statistic
from na64stat.stats.limits import cl_s, upper_limit

REPORTED = Path(__file__).parents[1] / "reported"
KINDS = ("normsys", "histosys", "shapesys", "staterror")
SIZES = (0.1, 0.4, 0.7, 1.0, 2.0)


def modifier(kind, size, scale=1.0):
    """One uncertainty of a relative size on a sample of `scale` events."""
    data = {
        "normsys": {"hi": 1 + size, "lo": 1 / (1 + size)},
        "histosys": {"hi_data": [(1 + size) * scale], "lo_data": [(1 - size) * scale]},
    }.get(kind, [size * scale])
    return {"name": f"u_{scale:g}", "type": kind, "data": data}


def workspace(counts, background, signal_modifiers=(), background_modifiers=()):
    """One channel a count; a signal of one event and so much background in each."""
    mu = {"name": "mu", "type": "normfactor", "data": None}
    channels = []
    for i, _ in enumerate(counts):
        samples = [{"name": "signal", "data": [1.0], "modifiers": [mu, *signal_modifiers]}]
        if background:
            samples.append({"name": "other", "data": [background], "modifiers": list(background_modifiers)})
        channels.append({"name": f"r{i}", "samples": samples})
    return {
        "version": "1.0.0",
        "channels": channels,
        "observations": [{"name": f"r{i}", "data": [n]} for i, n in enumerate(counts)],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }


def average(kind, size, function, mean_kept):
    """The average of a function of a factor over its constraint, by scipy's quadrature."""
    points = {"limit": 400, "epsabs": 1e-12, "epsrel": 1e-9}
    if kind == "shapesys":
        tau = size**-2
        mean = (tau + 1) / tau if mean_kept else 1.0
        density = gamma(tau + 1, scale=1 / tau)
        edges = density.ppf([0, 1e-6, 1e-3, 0.05, 0.5, 0.95, 1 - 1e-6, 1 - 1e-14])
        return sum(
            quad(lambda x: density.pdf(x) * function(x / mean), a, b, **points)[0] for a, b in itertools.pairwise(edges)
        )
    if kind == "normsys":
        low, mean, nothing = -9.0, 1.0, 0.0

        def factor(z):
            return (1 + size) ** z
    else:
        low = max(-1 / size, -9.0)
        mean = norm.cdf(1 / size) + size * norm.pdf(1 / size) if mean_kept else 1.0
        nothing = norm.cdf(-1 / size) * function(0.0)

        def factor(z):
            return max(1 + size * z, 0.0)

    edges = [low, *(low + np.array([1e-3, 0.03, 0.3])), *np.linspace(low + 1, 9, 5)]
    return nothing + sum(
        quad(lambda z: norm.pdf(z) * function(factor(z) / mean), a, b, **points)[0]
        for a, b in itertools.pairwise(edges)
    )


@pytest.mark.sampled(3)
@pytest.mark.parametrize("cl", [0.90, 0.95])
@pytest.mark.parametrize("kind", KINDS)
def test_a_signal_uncertainty_never_strengthens(kind, cl):
    """Counts 0 to 10; where more than 1 - cl of the constraint has no signal, no mu is excluded."""
    random = np.random.default_rng(int(100 * cl))
    for size in SIZES:
        for n in random.choice(11, 4, replace=False).tolist():
            background = float(random.choice([0.0, 0.5, 3.0, 12.0]))
            limit = upper_limit(workspace([n], background, [modifier(kind, size)]), cl=cl).observed
            without = upper_limit(workspace([n], background), cl=cl).observed
            nothing = norm.cdf(-1 / size) if kind in ("histosys", "staterror") else 0.0
            if nothing > 1 - cl:
                assert limit is None
                continue
            assert limit >= without * (1 - 1e-9)
            at_limit = average(kind, size, lambda f, b=background, n=n, mu=limit: poisson.cdf(n, mu * f + b), True)
            # Code 4 of a large normsys is 1e-4 off its exponential.
            assert at_limit / poisson.cdf(n, background) == pytest.approx(
                1 - cl, rel=1e-3 if kind == "normsys" else 1e-5
            )


@pytest.mark.parametrize("size", [0.4, 1.0, 2.0])
@pytest.mark.parametrize("kind", KINDS)
def test_a_background_uncertainty_is_an_integral(kind, size):
    """Its density is that of its constraint, whose mean is nobody's assumption: nothing is multiplied."""
    for n, background in ((1, 2.0), (6, 4.0)):
        result = cl_s(workspace([n], background, (), [modifier(kind, size, background)]), 5.0)
        above, below = (
            average(kind, size, lambda f, s=s, n=n, b=background: poisson.cdf(n, s + b * f), False) for s in (5.0, 0.0)
        )
        assert result.observed == pytest.approx(above / below, rel=2e-3 if kind == "normsys" else 1e-5)


def test_a_gamma_constraint_in_closed_form():
    """n = 0, 100%: (1 + mu/2)^-2 = alpha, with the mean kept; the factor is in the notes."""
    found = json.loads((REPORTED / "signal_shapesys_100.json").read_text())
    limit = upper_limit(found, cl=0.90)
    assert limit.observed == pytest.approx(2 * (math.sqrt(10) - 1), rel=1e-9)
    assert any("multiplied by 0.5 " in note for note in limit.notes)
    assert cl_s(found, 3.0).observed == pytest.approx(2.5**-2, rel=1e-9)
    assert any("multiplied by 0.5 " in note for note in cl_s(found, 3.0).notes)


@pytest.mark.parametrize("name", ["signal_staterror_100.json", "sig_histosys_0_2.json"])
@pytest.mark.parametrize("method", [Exact(), Asymptotic()])
@pytest.mark.filterwarnings("ignore::na64stat.errors.LowCountWarning")
def test_no_limit_where_part_of_the_constraint_has_no_signal(name, method):
    """The floor of a parameter is no limit."""
    limit = upper_limit(json.loads((REPORTED / name).read_text()), method)
    assert limit.observed is None
    assert limit.expected.median is None
    assert any("no signal" in note for note in limit.notes)


def test_log_normal_factors_keep_their_median():
    for size in SIZES:
        limit = upper_limit(workspace([2], 1.0, [modifier("normsys", size)]), cl=0.90)
        assert not any("multiplied" in note for note in limit.notes)


def test_factors_that_go_up_further_than_down_do_not_strengthen():
    """normsys 3 and 0.95 with their mean kept, hence scaled; a histosys that goes down further is left as it is."""
    without = upper_limit(workspace([0], 1.0)).observed
    up = {"name": "u", "type": "normsys", "data": {"hi": 3.0, "lo": 0.95}}
    limit = upper_limit(workspace([0], 1.0, [up]))
    assert limit.observed > without
    assert any("multiplied by" in note for note in limit.notes)
    down = {"name": "u", "type": "histosys", "data": {"hi_data": [1.1], "lo_data": [0.6]}}
    limit = upper_limit(workspace([0], 1.0, [down]))
    assert limit.observed > without
    assert not any("multiplied by" in note for note in limit.notes)


def test_the_mean_is_kept_wherever_probabilities_are_averaged():
    """Two bins, a common 60% of the signal cut at zero: enumeration, maps, intervals and marginal likelihood."""
    shift = {"name": "u", "type": "histosys", "data": {"hi_data": [1.6], "lo_data": [0.4]}}
    model = Model.from_workspace(workspace([0, 0], 1.0, [shift]))
    mean = norm.cdf(1 / 0.6) + 0.6 * norm.pdf(1 / 0.6)
    nothing = norm.cdf(-1 / 0.6)
    expected = nothing + quad(lambda z: norm.pdf(z) * math.exp(-2.4 * (1 + 0.6 * z) / mean), -1 / 0.6, 9)[0]
    (result,) = Exact().cl_s(model, [1.2])
    assert result.observed == pytest.approx(expected, rel=1e-6)
    space, mu = SharedEnumeration(model, Statistic.Q_TILDE, Criterion.CL_S).of(np.array([1.2, 1.2]))
    ordering = space.order(mu)
    assert ordering.cl_s[ordering.index(np.array([0, 0]))] == pytest.approx(expected, rel=1e-6)
    likelihood = MarginalLikelihood(model).log(np.array([[1.2, 1.2], [0.0, 0.0]]))
    assert math.exp(likelihood[0] - likelihood[1]) == pytest.approx(expected, rel=1e-6)
    (interval,) = FeldmanCousins().cl_s(model, [1.2])
    assert any("multiplied by" in note for note in interval.notes)
    limit = Exact().upper_limit(model, 0.90).observed
    at = brentq(
        lambda mu: (
            nothing + quad(lambda z: norm.pdf(z) * math.exp(-2 * mu * (1 + 0.6 * z) / mean), -1 / 0.6, 9)[0] - 0.1
        ),
        0.5,
        50,
    )
    # At the limit the profiled signal is nothing for (0, 0) as for (1, 0): outcomes are tied, which can only weaken.
    assert limit > at
