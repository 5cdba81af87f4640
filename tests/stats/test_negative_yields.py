"""Samples with negative yields, as interference has them: the total of a bin is what counts."""

import numpy as np
import pyhf
import pytest
from scipy.stats import poisson

import na64stat as na
from na64stat.errors import InputError, RegionError, WorkspaceError
from na64stat.stats.limits import limit_of_model

MU = {"name": "mu", "type": "normfactor", "data": None}


def workspace(samples, counts):
    return {
        "version": "1.0.0",
        "channels": [
            {
                "name": "box",
                "samples": [{"name": name, "data": data, "modifiers": mods} for name, data, mods in samples],
            }
        ],
        "observations": [{"name": "box", "data": counts}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }


def normsys(name, size):
    return {"name": name, "type": "normsys", "data": {"hi": 1 + size, "lo": 1 / (1 + size)}}


def interfering(seed):
    """A signal and a background, each with a negative sample that has uncertainties of its own."""
    rng = np.random.default_rng(seed)
    bins = int(rng.integers(1, 4))
    background, signal = rng.uniform(20, 60, bins), rng.uniform(3, 8, bins)
    lost, taken = -rng.uniform(1, 8, bins), -rng.uniform(0, 1, bins)
    shape = {
        "name": "h",
        "type": "histosys",
        "data": {"hi_data": (1.2 * lost).tolist(), "lo_data": (0.7 * lost).tolist()},
    }
    stat = {"name": "st", "type": "staterror"}
    samples = [
        ("signal", signal.tolist(), [MU, normsys("a", 0.1)]),
        ("its", taken.tolist(), [MU, normsys("c", 0.2)]),
        ("first", background.tolist(), [normsys("b", 0.15), stat | {"data": (0.05 * background).tolist()}]),
        ("lost", lost.tolist(), [shape, normsys("d", 0.2), stat | {"data": (-0.1 * lost).tolist()}]),
    ]
    return workspace(samples, rng.poisson(background + lost).astype(float).tolist())


@pytest.fixture
def minuit():
    backend = pyhf.get_backend()
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-4))
    yield
    pyhf.set_backend(*backend)


@pytest.mark.parametrize("seed", range(4))
def test_likelihood_fit_and_cl_s_are_those_of_pyhf(minuit, seed):
    spec = interfering(seed)
    theirs, model = pyhf.Workspace(spec).model(), na.Model.from_workspace(spec)
    data, names = pyhf.Workspace(spec).data(theirs), theirs.config.par_names
    points = np.array(theirs.config.suggested_init()) + np.random.default_rng(seed).normal(0, 0.1, (5, len(names)))
    order = [names.index(item.name) for item in model.parameters]
    logs = [float(theirs.logpdf(point, data)[0]) for point in points]
    assert model.logpdf(points[:, order]) == pytest.approx(logs, abs=1e-10)
    fit = na.best_fit(model, lowest_mu=0.0)
    _, lowest = pyhf.infer.mle.fit(data, theirs, return_fitted_val=True)
    ours = -2 * float(theirs.logpdf(np.array([fit[name].value for name in names]), data)[0])
    assert ours == pytest.approx(float(lowest), abs=1e-5)
    cl_s = float(pyhf.infer.hypotest(1.0, data, theirs))
    assert na.Asymptotic().cl_s(model, [1.0])[0].observed == pytest.approx(cl_s, abs=1e-4)


@pytest.mark.parametrize("parts", [[12.0, -2.0], [-4.0, 14.0], [5.0, 6.0, -1.0]])
@pytest.mark.parametrize("count", [0.0, 4.0])
def test_exact_sees_the_sum_of_samples(parts, count):
    signal = ("signal", [1.0], [MU, normsys("a", 0.3)])
    split = [(f"part {i}", [part], [normsys("b", 0.2)]) for i, part in enumerate(parts)]
    limits = [
        na.upper_limit(workspace([signal, *rest], [count]), na.Exact()).observed
        for rest in (split, [("whole", [10.0], [normsys("b", 0.2)])])
    ]
    assert limits[0] == pytest.approx(limits[1], rel=1e-8)


@pytest.mark.parametrize("count", [0, 2, 7])
def test_exact_against_its_definition(count):
    """One bin: the probability of as few counts, averaged over both backgrounds' log-normal factors."""
    spec = workspace(
        [("signal", [1.0], [MU]), ("first", [7.0], [normsys("a", 0.2)]), ("lost", [-2.0], [normsys("b", 0.3)])],
        [float(count)],
    )
    deviates, weights = np.polynomial.hermite_e.hermegauss(40)
    pairs = np.multiply.outer(weights, weights) / weights.sum() ** 2
    first, lost = np.meshgrid(7 * 1.2**deviates, 2 * 1.3**deviates, indexing="ij")
    limit = na.upper_limit(spec, na.Exact()).observed
    ratio = [(pairs * poisson.cdf(count, np.maximum(first - lost + mu, 0.0))).sum() for mu in (limit, 0.0)]
    assert ratio[0] / ratio[1] == pytest.approx(0.1, rel=2e-3)


def test_a_background_below_zero_is_cut_with_the_signal_on_it():
    """Of 3 - 2 f, f log-normal with a factor 1.9, much is below zero: the total counts, as in pyhf."""
    lost = {"name": "b", "type": "normsys", "data": {"hi": 1.9, "lo": 1 / 1.9}}
    spec = workspace([("signal", [4.0], [MU]), ("first", [3.0], []), ("lost", [-2.0], [lost])], [3.0])
    x = np.linspace(-8, 8, 40_001)
    weight, background = np.exp(-(x**2) / 2), 3 - 2 * np.exp(np.log(1.9) * x)
    limit = na.upper_limit(spec, na.Exact()).observed
    ratio = [(weight * poisson.cdf(3, np.maximum(background + 4 * mu, 0.0))).sum() for mu in (limit, 0.0)]
    assert ratio[0] / ratio[1] == pytest.approx(0.1, rel=1e-3)


def test_a_total_below_nothing_is_refused():
    spec = workspace([("signal", [1.0], [MU]), ("first", [3.0], []), ("lost", [-4.0], [])], [2.0])
    with pytest.raises(WorkspaceError, match=r"'box'.*-1 events expected without signal \(first 3, lost -4\)"):
        na.Model.from_workspace(spec)


def test_samples_that_cancel_but_for_rounding_are_accepted():
    parts = [("first", [0.3], []), ("lost", [-0.1], []), ("more", [-0.2], [])]
    assert na.Model.from_workspace(workspace([("signal", [1.0], [MU]), *parts], [0.0])).bins == 1


def test_a_signal_that_takes_events_away():
    spec = workspace([("signal", [40.0, -20.0], [MU]), ("first", [90.0, 80.0], [normsys("a", 0.1)])], [90.0, 80.0])
    model = na.Model.from_workspace(spec)
    assert model.largest_mu == 4.0
    assert na.best_fit(model, lowest_mu=0.0).mu.value < 4.0
    assert 0 < limit_of_model(model, na.Asymptotic(), 0.9).observed < 4.0
    with pytest.raises(RegionError, match=r"takes 20 events away in box\[1\] at mu = 1"):
        limit_of_model(model, na.Exact(), 0.9)
    with pytest.raises(InputError, match=r"mu = 5: .*beyond mu = 4"):
        na.cl_s(spec, 5.0, na.Asymptotic())
