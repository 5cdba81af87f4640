"""The compiled likelihood against pyhf on random workspaces, and against textbook formulas on a small one."""

import copy

import numpy as np
import pyhf
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.special import gammaln

from na64stat.errors import InputError
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.tables import Interpolation

from .histfactory import FAMILY, KINDS, PYHF_CODES, Reference, every_modifier, make, modifier, modifiers_of, workspaces

RANGES = {"alpha": (-3.0, 3.0), "gamma": (0.3, 2.0), "factor": (0.0, 3.0)}
seeds = st.integers(0, 2**32 - 1)
codes = pytest.mark.parametrize("codes", PYHF_CODES)


def few(number):
    return settings(max_examples=number, deadline=None)


def model_of(workspace, codes=(4, "4p"), **options):
    return Model.from_workspace(workspace, interpolation=Interpolation(*codes), **options)


def families(workspace, names):
    uses = modifiers_of(workspace)
    return np.array([FAMILY[uses[name.split("[")[0]][0]] for name in names])


def points(workspace, reference, rng, number=5):
    """The start, every parameter moved alone, all moved at random, and alphas where the interpolations change, shape (N, P).

    Points with a negative rate are left out, where pyhf's density means nothing, and those with a rate near zero, which is a
    difference of larger numbers.
    """
    family = families(workspace, reference.names)
    low, high = np.array([RANGES[name] for name in family]).T
    alone = np.tile(reference.inits, (len(family), 1))
    np.fill_diagonal(alone, rng.uniform(low, high))
    edges = [np.where(family == "alpha", alpha, reference.inits) for alpha in (-1.0, 0.0, 1.0)]
    empty = np.where(family == "factor", 0.0, reference.inits)
    found = np.vstack([reference.inits, alone, *edges, empty, rng.uniform(low, high, (number, len(family)))])
    rates = reference.rates(found)
    return found[((rates > 0.01) | (rates == 0)).all(axis=1)]


def random_data(reference, bins, rng, number):
    """Counts (N, B), half of them whole numbers, and auxiliary data (N, C)."""
    counts = rng.uniform(0, 100, (number, bins))
    counts[::2] = np.round(counts[::2])
    centre, shape = reference.auxiliary, (number, len(reference.auxiliary))
    moved = np.where(reference.poisson, centre * rng.uniform(0.3, 2, shape), centre + rng.normal(0, 1, shape))
    return counts, moved


def assert_same(ours, theirs):
    """Equal to 1e-10 of max(1, |value|); minus infinity where pyhf says so."""
    finite = np.isfinite(theirs)
    assert np.array_equal(ours[~finite], theirs[~finite])
    error = np.abs(ours[finite] - theirs[finite]) / np.maximum(1, np.abs(theirs[finite]))
    assert error.max(initial=0) <= 1e-10


@few(25)
@given(workspace=workspaces())
def test_random_workspaces_are_valid_and_are_read_as_pyhf_reads_them(workspace):
    for measurement in workspace["measurements"]:
        config = pyhf.Workspace(workspace).model(measurement_name=measurement["name"]).config
        model = model_of(workspace, measurement=measurement["name"])
        reference = Reference(workspace, model, measurement_name=measurement["name"])
        asked = {entry["name"] for entry in measurement["config"]["parameters"] if "bounds" in entry}
        assert model.parameters[model.poi].name == config.poi_name == measurement["config"]["poi"]
        assert model.inits == pytest.approx(reference.inits, abs=0)
        assert model.auxiliary == pytest.approx(reference.auxiliary, rel=1e-14)
        for i, parameter in enumerate(model.parameters):
            assert i == model.poi or parameter.fixed == reference.fixed[i]
            if i != model.poi and parameter.name.split("[")[0] in asked:
                assert [parameter.lower, parameter.upper] == reference.bounds[i].tolist()


def test_hand_made_workspace_holds_every_modifier():
    samples = [sample for channel in every_modifier()["channels"] for sample in channel["samples"]]
    assert {item["type"] for sample in samples for item in sample["modifiers"]} == set(KINDS)


@codes
@few(30)
@given(workspace=workspaces(), which=st.integers(0, 1), seed=seeds)
@example(workspace=every_modifier(), which=0, seed=0)
def test_rates_and_logpdf_are_pyhfs(codes, workspace, which, seed):
    names = [None, *(item["name"] for item in workspace["measurements"])]  # None: the first
    name, rng = names[which * (len(names) - 1)], np.random.default_rng(seed)
    model = model_of(workspace, codes, measurement=name)
    reference = Reference(workspace, model, codes, measurement_name=name)
    parameters = points(workspace, reference, rng)
    assume(len(parameters) > 0)
    assert model.rates(parameters) == pytest.approx(reference.rates(parameters), rel=1e-10, abs=1e-10)
    number, (counts, auxiliary) = len(parameters), random_data(reference, len(model.observed), rng, len(parameters))
    observed = np.tile(model.observed, (number, 1)), np.tile(reference.auxiliary, (number, 1))
    assert_same(model.logpdf(parameters), reference.logpdf(parameters, *observed))
    assert_same(model.logpdf(parameters, counts), reference.logpdf(parameters, counts, observed[1]))
    assert_same(model.logpdf(parameters, auxiliary=auxiliary), reference.logpdf(parameters, observed[0], auxiliary))
    assert_same(model.logpdf(parameters, counts, auxiliary), reference.logpdf(parameters, counts, auxiliary))


@few(15)
@given(workspace=workspaces(), seed=seeds)
@example(workspace=every_modifier(), seed=0)
def test_batch_is_the_same_as_one_by_one(workspace, seed):
    model, rng = model_of(workspace), np.random.default_rng(seed)
    reference = Reference(workspace, model)
    parameters = points(workspace, reference, rng)
    assume(len(parameters) > 0)
    counts, auxiliary = random_data(reference, len(model.observed), rng, len(parameters))
    for function in (model.logpdf, model.gradient):
        for data in [(), (counts,), (counts, auxiliary), (counts[0], auxiliary[0])]:
            together = function(parameters, *data)
            rows = [[item[i : i + 1] if item.ndim == 2 else item for item in data] for i in range(len(parameters))]
            alone = [function(parameters[i : i + 1], *row)[0] for i, row in enumerate(rows)]
            np.testing.assert_allclose(together, alone, rtol=1e-13, atol=1e-13)
    alone = [model.rates(row[None, :])[0] for row in parameters]
    np.testing.assert_allclose(model.rates(parameters), alone, rtol=1e-13)


@codes
@few(15)
@given(workspace=workspaces(), seed=seeds)
@example(workspace=every_modifier(), seed=0)
def test_gradient_is_the_slope_of_logpdf(codes, workspace, seed):
    model, rng = model_of(workspace, codes), np.random.default_rng(seed)
    reference, family = Reference(workspace, model, codes), families(workspace, [p.name for p in model.parameters])
    low, high = np.array([(0.2, 2.0) if name != "alpha" else (-3.0, 3.0) for name in family]).T
    parameters = rng.uniform(low, high, (4, len(low)))
    # Away from the kinks of the interpolations: codes 0 and 1 at 0; the second derivatives of 4 and 4p jump at 1.
    parameters = np.where((family == "alpha") & (np.abs(parameters) < 0.01), 0.5, parameters)
    parameters = parameters[(reference.rates(parameters) > 0.1).all(axis=1)]
    assume(len(parameters) > 0)
    data = random_data(reference, len(model.observed), rng, len(parameters))
    gradient = model.gradient(parameters, *data)
    for i in range(len(family)):
        step = np.zeros(len(family))
        step[i] = 2e-4
        near, far = (
            model.logpdf(parameters + k * step, *data) - model.logpdf(parameters - k * step, *data) for k in (1, 2)
        )
        slope = (8 * near - far) / (12 * step[i])
        np.testing.assert_allclose(gradient[:, i], slope, rtol=1e-5, atol=1e-5)


def textbook_workspace():
    signal = [
        modifier("normfactor", "mu"),
        modifier("lumi", "lumi"),
        modifier("normsys", "jes", {"hi": 1.2, "lo": 0.7}),
    ]
    tilt = modifier("histosys", "jes", {"hi_data": [22.0, 9.5], "lo_data": [17.0, 11.0]})
    top = [tilt, modifier("staterror", "stat", [2.0, 0.5])]
    fakes = [modifier("shapesys", "gamma", [0.8, 1.0]), modifier("shapefactor", "free")]
    samples = {"signal": ([3.0, 5.0], signal), "top": ([20.0, 10.0], top), "fakes": ([4.0, 2.0], fakes)}
    lumi = {"name": "lumi", "auxdata": [0.98], "sigmas": [0.02], "inits": [0.98], "bounds": [[0.5, 1.5]]}
    return make({"SR": samples}, {"SR": [25, 21]}, [lumi])


def textbook_logpdf(value):
    """Of the workspace above, for |jes| > 1, where both interpolations are simple; analytic in every parameter."""
    alpha, outer = value["jes"], value["jes"].real > 0
    stretch = np.exp(alpha * np.log(1.2) if outer else -alpha * np.log(0.7))
    shift = alpha * np.array([2.0, -0.5] if outer else [3.0, -1.0])
    stat, gamma, free = (np.array([value[f"{name}[{i}]"] for i in (0, 1)]) for name in ("stat", "gamma", "free"))
    rates = value["mu"] * value["lumi"] * stretch * np.array([3.0, 5.0])
    rates = rates + (np.array([20.0, 10.0]) + shift) * stat + np.array([4.0, 2.0]) * gamma * free
    tau = np.array([4.0, 2.0]) ** 2 / np.array([0.8, 1.0]) ** 2
    total = poisson_logpdf(np.array([25.0, 21.0]), rates).sum() + poisson_logpdf(tau, tau * gamma).sum()
    total += normal_logpdf(0.98, value["lumi"], 0.02) + normal_logpdf(0.0, alpha, 1.0)
    return total + normal_logpdf(1.0, stat, np.array([2.0 / 20.0, 0.5 / 10.0])).sum()


def poisson_logpdf(count, rate):
    return count * np.log(rate) - rate - gammaln(count + 1)


def normal_logpdf(value, centre, sigma):
    return -0.5 * ((value - centre) / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))


@codes
@pytest.mark.parametrize("alpha", [-1.7, 1.3])
def test_textbook_density_and_its_derivatives_by_complex_steps(codes, alpha):
    model = model_of(textbook_workspace(), codes)
    names = [parameter.name for parameter in model.parameters]
    values = {name: 0.8 + 0.07 * i for i, name in enumerate(sorted(names))} | {"jes": alpha}
    row = np.array([[values[name] for name in names]])
    assert model.logpdf(row)[0] == pytest.approx(
        textbook_logpdf({k: complex(v) for k, v in values.items()}).real, rel=1e-12
    )
    for i, name in enumerate(names):
        slope = textbook_logpdf({k: complex(v, 1e-30 * (k == name)) for k, v in values.items()}).imag / 1e-30
        assert model.gradient(row)[0, i] == pytest.approx(slope, rel=1e-10)


@pytest.mark.parametrize(
    "model",
    [
        pyhf.simplemodels.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0]),
        pyhf.simplemodels.correlated_background([12.0, 11.0], [50.0, 52.0], [45.0, 57.0], [55.0, 47.0]),
    ],
    ids=["uncorrelated", "correlated"],
)
def test_pyhfs_simple_models(model):
    data = [51.0, 60.0, *model.config.auxdata]
    ours = model_of(pyhf.Workspace.build(model, data))
    positions = [model.config.par_names.index(parameter.name) for parameter in ours.parameters]
    rng = np.random.default_rng(1)
    for values in [model.config.suggested_init(), *rng.uniform(0.2, 2, (5, model.config.npars))]:
        expected = model.logpdf(values, data)
        assert_same(ours.logpdf(np.array(values)[None, positions]), expected)


@few(15)
@given(workspace=workspaces(fewest=2), order=st.randoms(use_true_random=False), seed=seeds)
@example(workspace=every_modifier(), order=None, seed=0)
def test_regions_are_the_model_of_the_pruned_workspace(workspace, order, seed):
    names = [channel["name"] for channel in workspace["channels"]]
    with_signal = [c["name"] for c in workspace["channels"] if "mu" in modifiers_of({"channels": [c]})]
    chosen = [with_signal[0]]
    if order is not None:
        chosen = order.sample([name for name in names if name != chosen[0]], len(names) - 2) + chosen
    pruned = pyhf.Workspace(workspace).prune(channels=[name for name in names if name not in chosen])
    model, rng = model_of(workspace, regions=chosen), np.random.default_rng(seed)
    assert model.channels == tuple(chosen)
    reference = Reference(pruned, model)
    parameters = points(workspace, reference, rng)
    assume(len(parameters) > 0)
    observations = {item["name"]: item["data"] for item in workspace["observations"]}
    assert model.observed.tolist() == [count for name in chosen for count in observations[name]]
    counts, auxiliary = random_data(reference, len(model.observed), rng, len(parameters))
    assert_same(model.logpdf(parameters, counts, auxiliary), reference.logpdf(parameters, counts, auxiliary))


@few(10)
@given(workspace=workspaces(fewest=2), seed=seeds)
@example(workspace=every_modifier(), seed=0)
def test_order_of_channels_samples_and_modifiers_means_nothing(workspace, seed):
    turned, rng = copy.deepcopy(workspace), np.random.default_rng(seed)
    for items in (turned["channels"], turned["observations"]):
        items.reverse()
    for channel in turned["channels"]:
        channel["samples"].reverse()
        for sample in channel["samples"]:
            sample["modifiers"].reverse()
    one, other = model_of(workspace), model_of(turned)
    assert one.channels == tuple(item["name"] for item in workspace["channels"]) == other.channels[::-1]
    names = [parameter.name for parameter in one.parameters]
    positions = [names.index(parameter.name) for parameter in other.parameters]
    parameters = points(workspace, Reference(workspace, one), rng)
    assume(len(parameters) > 0)
    assert_same(other.logpdf(parameters[:, positions]), one.logpdf(parameters))


def test_patch_is_applied_to_a_copy():
    workspace = every_modifier()
    before = copy.deepcopy(workspace)
    patch = [
        {"op": "replace", "path": "/channels/0/samples/0/data", "value": [1.5, 9.0]},
        {"op": "add", "path": "/channels/1/samples/0/modifiers/-", "value": modifier("normfactor", "mu")},
        {"op": "remove", "path": "/channels/0/samples/3"},
    ]
    model = model_of(workspace, patch=patch)
    reference = Reference(workspace, model, patches=[patch])
    parameters = points(workspace, reference, np.random.default_rng(0))
    data = random_data(reference, 4, np.random.default_rng(1), len(parameters))
    assert_same(model.logpdf(parameters, *data), reference.logpdf(parameters, *data))
    assert workspace == before


def test_empty_bins_allow_no_events():
    """Without background, mu = 0 forbids every count but 0, which it makes certain."""
    workspace = make({"SR": {"signal": ([2.0, 3.0], [modifier("normfactor", "mu")])}}, {"SR": [0, 0]})
    model = model_of(workspace)
    assert model.logpdf(np.array([[0.0], [1.0]])).tolist() == pytest.approx([0.0, -5.0], rel=1e-12)
    assert model.logpdf(np.zeros((1, 1)), np.array([0.0, 1.0])).tolist() == [-np.inf]
    assert model.gradient(np.zeros((1, 1))).tolist() == [[pytest.approx(-5.0, rel=1e-12)]]


def signal_and_background(signal, background, count):
    samples = {"signal": ([signal], [modifier("normfactor", "mu")]), "background": ([background], [])}
    return make({"SR": samples}, {"SR": [count]})


@pytest.mark.parametrize("count", [0, 1, 4, 1000])
@pytest.mark.parametrize(
    ("signal", "background"), [(1e-20, 0.0), (1e-12, 0.0), (1e-12, 1e-9), (1e-3, 1e-12), (10.0, 1e-12), (1e8, 3.0)]
)
def test_yields_of_any_size(signal, background, count):
    workspace = signal_and_background(signal, background, count)
    model, mu = model_of(workspace), np.array([[1.0], [0.3], [7.0]])
    data = np.full((3, 1), float(count)), np.empty((3, 0))
    assert_same(model.logpdf(mu), Reference(workspace, model).logpdf(mu, *data))
    rate = mu * signal + background
    assert model.gradient(mu) == pytest.approx(signal * (count - rate) / rate, rel=1e-10)


@pytest.mark.parametrize("relative", [-1e-3, 1e-6, 1e-4])
def test_differences_of_logpdf_keep_their_precision_at_large_counts(relative):
    """ln P(n | n (1 + d)) - ln P(n | n) = n [ln(1 + d) - d], a difference of numbers of 1e9."""
    model = model_of(signal_and_background(6e7, 4e7, 1e8))
    at_count, beyond = model.logpdf(np.array([[1.0], [1.0 + relative * 1e8 / 6e7]]))
    assert beyond - at_count == pytest.approx(1e8 * (np.log1p(relative) - relative), rel=1e-8, abs=1e-8)


def test_projection_has_no_observed_counts():
    workspace = every_modifier()
    observed = model_of(workspace)
    workspace["measurements"][0]["name"] = "projection"
    model = model_of(workspace)
    assert model.observed is None
    with pytest.raises(InputError, match="projection"):
        model.logpdf(model.inits[None, :])
    assert_same(model.logpdf(model.inits[None, :], observed.observed), observed.logpdf(model.inits[None, :]))


def test_thousand_bins():
    rng = np.random.default_rng(5)
    background, bins = rng.uniform(5, 50, 1000), range(1000)
    stat = modifier("staterror", "stat", (background * rng.uniform(0.02, 0.3, 1000)).tolist())
    tilt = modifier(
        "histosys", "tilt", {key: (background * rng.uniform(0.9, 1.1, 1000)).tolist() for key in ("hi_data", "lo_data")}
    )
    signal = ([5 * np.exp(-(((i - 300) / 40) ** 2)) for i in bins], [modifier("normfactor", "mu"), stat])
    samples = {"signal": signal, "background": (background.tolist(), [tilt, stat])}
    workspace = make({"SR": samples}, {"SR": rng.poisson(background).tolist()})
    model = model_of(workspace)
    reference = Reference(workspace, model)
    parameters = reference.inits[None, :] + rng.uniform(-0.3, 0.3, (1, 1002))
    observed = model.observed[None, :], model.auxiliary[None, :]
    assert_same(model.logpdf(parameters), reference.logpdf(parameters, *observed))
