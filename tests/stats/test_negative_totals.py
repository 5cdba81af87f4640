"""Negative samples with every modifier, and totals that their uncertainties turn negative."""

import itertools
import math

import numpy as np
import pyhf
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm

import na64stat as na
from na64stat.errors import InputError
from na64stat.stats.bayes.posterior import Posterior
from na64stat.stats.bayes.priors import Flat
from na64stat.stats.likelihood import kernel
from na64stat.stats.limits import limit_of_model

from .test_negative_yields import MU, minuit, normsys, workspace

__all__ = ["minuit"]  # a fixture


def histosys(name, high, low):
    return {"name": name, "type": "histosys", "data": {"hi_data": high, "lo_data": low}}


def random_modifiers(rng, events, name, channel):
    size, errors = len(events), np.abs(events) * rng.uniform(0.02, 0.1, len(events))
    high, low = events * rng.uniform(1.02, 1.3, size), events * rng.uniform(0.8, 0.98, size)
    factors = {"hi": 1 + rng.uniform(0.02, 0.2), "lo": 1 - rng.uniform(0.02, 0.15)}
    some = [
        {"name": f"n{rng.integers(3)}", "type": "normsys", "data": factors},
        histosys(f"h{rng.integers(2)}", high.tolist(), low.tolist()),
        {"name": f"stat{channel}", "type": "staterror", "data": errors.tolist()},
        {"name": f"shape{name}{channel}", "type": "shapesys", "data": errors.tolist()},
    ]
    return [item for item in some if rng.random() < 0.5]


def random_workspace(seed):
    """One to three channels of two signals and three backgrounds, of which three samples may be negative."""
    rng = np.random.default_rng(seed)
    channels, observations = [], []
    for channel in range(rng.integers(1, 4)):
        size = int(rng.integers(1, 4))
        yields = {
            "s": rng.uniform(4, 9, size),
            "sn": -rng.uniform(0, 1.5, size) * (rng.random(size) < 0.7),
            "b": rng.uniform(20, 80, size),
            "neg": -rng.uniform(0, 8, size) * (rng.random(size) < 0.7),
            "mix": rng.uniform(-3, 5, size),
        }
        samples = [
            {
                "name": name,
                "data": events.tolist(),
                "modifiers": [MU] * (name in ("s", "sn")) + random_modifiers(rng, events, name, channel),
            }
            for name, events in yields.items()
        ]
        channels.append({"name": f"c{channel}", "samples": samples})
        counts = rng.poisson(yields["b"] + yields["neg"] + yields["mix"])
        observations.append({"name": f"c{channel}", "data": counts.astype(float).tolist()})
    settings = [{"name": "mu", "bounds": [[0, 50]], "inits": [1.0]}]
    return {
        "version": "1.0.0",
        "channels": channels,
        "observations": observations,
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": settings}}],
    }


@pytest.mark.sampled(3)
@pytest.mark.parametrize("seed", range(12))
def test_every_modifier_of_negative_samples_is_as_in_pyhf(minuit, seed):
    spec = random_workspace(seed)
    theirs, model = pyhf.Workspace(spec).model(), na.Model.from_workspace(spec)
    data = pyhf.Workspace(spec).data(theirs)
    names = []
    for name in theirs.config.par_order:
        size = theirs.config.param_set(name).n_parameters
        names += [f"{name}[{k}]" for k in range(size)] if name.startswith(("stat", "shape")) else [name]
    inits, fixed = np.array(theirs.config.suggested_init()), np.array(theirs.config.suggested_fixed())
    order = [names.index(item.name) for item in model.parameters]
    assert [item.fixed for item in model.parameters] == fixed[order].tolist()
    points = np.where(fixed, inits, inits + np.random.default_rng(seed).normal(0, 0.05, (4, len(names))))
    logs = [float(theirs.logpdf(point, data)[0]) for point in points]
    assert model.logpdf(points[:, order]) == pytest.approx(logs, abs=1e-10)
    fit = na.best_fit(model, lowest_mu=0.0)
    _, lowest = pyhf.infer.mle.fit(data, theirs, return_fitted_val=True)
    ours = -2 * float(theirs.logpdf(np.array([fit[name].value for name in names]), data)[0])
    assert ours == pytest.approx(float(lowest), abs=1e-5)
    cl_s = float(pyhf.infer.hypotest(1.5, data, theirs))
    assert na.Asymptotic().cl_s(model, [1.5])[0].observed == pytest.approx(cl_s, abs=1e-4)


@pytest.mark.filterwarnings("ignore::na64stat.LowCountWarning")
@pytest.mark.parametrize("method", [na.Exact(), na.Asymptotic(), na.FeldmanCousins(), na.Toys(n=500, seed=3)])
def test_a_negative_sample_without_modifiers_is_part_of_the_sum(method):
    background = [("b", [10.0, 8.0], [])]
    split = workspace([("s", [5.0, 3.0], [MU]), ("less", [-1.0, -0.5], [MU]), *background], [9.0, 8.0])
    whole = workspace([("s", [4.0, 2.5], [MU]), *background], [9.0, 8.0])
    limits = [na.upper_limit(spec, method) for spec in (split, whole)]
    assert limits[0].observed == pytest.approx(limits[1].observed, rel=1e-7)
    assert list(limits[0].expected) == pytest.approx(list(limits[1].expected), rel=1e-7)


@pytest.mark.parametrize("method", [na.Exact(), na.Exact(hold=("CR",))])
def test_control_regions_with_negative_samples(method):
    """A control region of 60 - 10 events is one of 50, summed or held."""
    limits = []
    for parts in ([60.0, -10.0], [50.0]):
        spec = workspace([("s", [5.0], [MU]), ("b", [5.0], [normsys("b", 0.3)])], [4.0])
        region = [{"name": f"p{k}", "data": [part], "modifiers": [normsys("b", 0.3)]} for k, part in enumerate(parts)]
        spec["channels"].append({"name": "CR", "samples": region})
        spec["observations"].append({"name": "CR", "data": [41.0]})
        limits.append(na.upper_limit(spec, method).observed)
    assert limits[0] == pytest.approx(limits[1], rel=1e-8)


@pytest.mark.filterwarnings("ignore::na64stat.LowCountWarning")
def test_shapes_of_a_negative_signal():
    """Its histosys, all of it negative, is that of the positive sample it stands for."""
    negative = [("s", [6.0], [MU]), ("less", [-2.0], [MU, histosys("h", [-2.5], [-1.5])])]
    limits = [
        na.upper_limit(workspace([*samples, ("b", [30.0], [])], [28.0]), na.Asymptotic()).observed
        for samples in (negative, [("s", [4.0], [MU, histosys("h", [3.5], [4.5])])])
    ]
    assert limits[0] == pytest.approx(limits[1], rel=1e-8)


@pytest.mark.parametrize("order", list(itertools.permutations([0.3, -0.1, -0.2])))
def test_samples_that_cancel_but_for_rounding_leave_nothing(order):
    samples = [(f"p{k}", [part], []) for k, part in enumerate(order)]
    spec = workspace([("s", [5.0], [MU]), *samples], [0.0])
    assert na.Model.from_workspace(spec).background_events.tolist() == [0.0]
    limit = na.upper_limit(spec, na.Exact())
    assert limit.observed == pytest.approx(-np.log(0.1) / 5, rel=1e-9)
    assert not any("cut" in note for note in limit.notes)


HALF = {"name": "a", "type": "normsys", "data": {"hi": 1.5, "lo": 1 / 1.5}}


def doubtful(count):
    """0.5 events of background, which are 5 - 4.5 and negative at a third of a standard deviation."""
    return workspace([("s", [1.0], [MU]), ("b", [5.0], []), ("less", [-4.5], [HALF])], [count])


POWERS = np.arange(1, 7)
MATCHING = [[sign**i * math.perm(i, k) * sign**k for i in POWERS] for sign in (1, -1) for k in (0, 1, 2)]
LOG = math.log(1.5)
POLYNOMIAL = np.linalg.solve(MATCHING, [0.5, 1.5 * LOG, 1.5 * LOG**2, 1 / 1.5 - 1, LOG / 1.5, LOG**2 / 1.5])


def unbounded(alpha):
    """Background by interpolation code 4: a polynomial within one standard deviation, an exponential outside."""
    return 5 - 4.5 * (1.5**alpha if abs(alpha) >= 1 else 1 + POLYNOMIAL @ alpha**POWERS)


EDGE = brentq(unbounded, 0, 1)


def profiled(count, mu, centre):
    """-ln L but for a constant, at its smallest over the nuisance parameter, and where that is; no total is negative."""

    def nll(alpha):
        rate = max(mu + unbounded(alpha), 0.0)
        return 0.5 * (alpha - centre) ** 2 + rate - (count * np.log(max(rate, 1e-300)) if count else 0.0)

    edge = brentq(lambda alpha: mu + unbounded(alpha), 0, 8)
    ends = [(-8.0, edge), (edge, 8.0)]
    found = [minimize_scalar(nll, bounds=end, method="bounded", options={"xatol": 1e-10}) for end in ends]
    return min([(item.fun, item.x) for item in found] + [(nll(edge), edge)])


@pytest.mark.parametrize(("count", "mu"), [(0, 2.0), (0, 5.0), (2, 4.0)])
def test_fits_end_where_nothing_is_left(count, mu):
    """Asymptotic CL_s against a profile over totals that are never negative."""
    model = na.Model.from_workspace(doubtful(float(count)))
    best = min(profiled(count, strength, 0.0)[0] for strength in ([0.0] if count == 0 else np.linspace(0, 3, 301)))
    observed = np.sqrt(2 * (profiled(count, mu, 0.0)[0] - best))
    _, centre = profiled(count, 0.0, 0.0)
    asimov = max(unbounded(centre), 0.0)
    lowest = 0.0 if asimov < 1e-6 else asimov - asimov * np.log(asimov)
    expected = np.sqrt(2 * (profiled(asimov if asimov > 1e-6 else 0, mu, centre)[0] - lowest))
    if observed > expected:
        roots = (observed**2 + expected**2) / (2 * expected), (observed**2 - expected**2) / (2 * expected)
    else:
        roots = observed, observed - expected
    wanted = norm.sf(roots[0]) / norm.sf(roots[1])
    assert na.Asymptotic().cl_s(model, [mu])[0].observed == pytest.approx(wanted, abs=1e-3)


def test_the_best_fit_has_no_negative_rate():
    fit = na.best_fit(na.Model.from_workspace(doubtful(0.0)))
    assert fit["a"].value == pytest.approx(EDGE, abs=1e-4)
    assert 0 <= fit.expected[0] < 1e-4


@pytest.mark.parametrize("alpha", [0.5, 2.0, 4.0])
def test_the_likelihood_itself_goes_on_below_nothing_as_in_pyhf(alpha):
    spec = doubtful(0.0)
    theirs, model = pyhf.Workspace(spec).model(), na.Model.from_workspace(spec)
    order = [theirs.config.par_names.index(item.name) for item in model.parameters]
    point = np.array([0.01 if name == "mu" else alpha for name in theirs.config.par_names])
    ours = point[order][None, :]
    assert model.rates(ours)[0, 0] < 0
    assert model.logpdf(ours)[0] == pytest.approx(float(theirs.logpdf(point, theirs_data(spec, theirs))[0]), abs=1e-10)
    slopes = [np.diff(model.logpdf(np.concatenate([ours - e, ours + e])))[0] / 2e-6 for e in 1e-6 * np.eye(2)[:, None]]
    assert model.gradient(ours)[0] == pytest.approx(slopes, rel=1e-5)


def theirs_data(spec, theirs):
    return pyhf.Workspace(spec).data(theirs)


def test_no_toy_is_left_out():
    limit = limit_of_model(na.Model.from_workspace(doubtful(2.0)), na.Toys(n=500, seed=1), 0.9)
    assert limit.error.failed == 0


@pytest.mark.parametrize("counts", [[0.0, 4.0], [3.0, 2.0]])
def test_derivatives_below_nothing(counts):
    shape = histosys("h", [-6.0, -1.5], [-3.0, -0.8])
    samples = [("s", [1.0, 2.0], [MU]), ("b", [5.0, 6.0], [normsys("c", 0.1)]), ("less", [-4.5, -1.0], [HALF, shape])]
    model = na.Model.from_workspace(workspace(samples, counts))
    data = np.array([counts]), model.auxiliary[None, :]
    point = model.scaled(model.with_mu(0.1))
    point[0, 1:] += 0.6
    assert model.rates(point)[0, 0] < 0
    step = 1e-6 * np.eye(point.shape[1])
    many = [np.repeat(values, len(step), axis=0) for values in data]
    up, down = (kernel.values(model.compiled, point + sign * step, *many, as_fitted=True) for sign in (1, -1))
    slopes = kernel.gradients(model.compiled, point, *data, as_fitted=True)[0]
    assert slopes == pytest.approx((up - down) / 2e-6, rel=1e-5)


def test_a_posterior_does_not_grow_below_nothing():
    """The sampled density, summed over the nuisance parameter, is the probability of rates that are cut at zero."""
    model = na.Model.from_workspace(doubtful(0.0))
    posterior = Posterior(model, (Flat("mu", 0.0, 10.0),), lambda named: named["mu"][:, None])

    def density(mu):
        def at(alpha):
            return np.exp(posterior(np.array([[mu / 10, alpha]]))[0])

        return quad(at, -5, 5, limit=200, points=[EDGE])[0]

    assert density(3.0) / density(0.0) == pytest.approx(np.exp(-3.0), rel=1e-6)
    assert posterior(np.array([[0.0, 4.0]]))[0] < posterior(np.array([[0.0, 1.0]]))[0]


def test_a_strength_beyond_the_last_event_names_the_bin():
    spec = workspace([("s", [40.0, -20.0], [MU]), ("b", [90.0, 80.0], [])], [90.0, 80.0])
    with pytest.raises(InputError, match=r"takes 20 of 80 events away in box\[1\] at mu = 1, .* beyond mu = 4"):
        na.cl_s(spec, 5.0, na.Asymptotic())


@pytest.mark.filterwarnings("ignore::na64stat.LowCountWarning")
@pytest.mark.parametrize("scale", [1e250, 1e-150])
def test_the_size_of_a_signal_does_not_decide_what_is_held(scale):
    """A signal in units of its own: the limit scales, with the control region held."""
    limits = []
    for size in (1.0, scale):
        spec = workspace([("s", [5 * size], [MU]), ("b", [5.0], [normsys("b", 0.3)])], [4.0])
        leak = [{"name": "s", "data": [0.1 * size], "modifiers": [MU]}]
        region = [{"name": "b", "data": [50.0], "modifiers": [normsys("b", 0.3)]}]
        spec["channels"].append({"name": "CR", "samples": leak + region})
        spec["observations"].append({"name": "CR", "data": [41.0]})
        limits.append(na.upper_limit(spec, na.Exact()).observed * size)
    assert limits[1] == pytest.approx(limits[0], rel=1e-8)
