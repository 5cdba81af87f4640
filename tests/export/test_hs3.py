"""HS3 is made of models only: what `Model.from_workspace` refuses is no likelihood in another form either."""

import copy
import json

import numpy as np
import pyhf
import pytest
from scipy.stats import norm

import na64stat as na
from na64stat.errors import InputError, WorkspaceError
from na64stat.export.likelihood.hs3 import hs3
from na64stat.export.likelihood.patchset import background_only
from na64stat.stats.likelihood.model import Model


@pytest.fixture(scope="module")
def workspace(template, run_2022):
    return na.build_workspace(template, run_2022, ["invisible", "visible"])


def _set_count(found, *counts):
    found["observations"][0]["data"] = list(counts)


def _set_normsys(found, value):
    (first, *_) = (m for m in found["channels"][0]["samples"][0]["modifiers"] if m["type"] == "normsys")
    first["data"]["hi"] = value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: _set_count(w, -1), "observation 'invisible': -1 events"),
        (lambda w: _set_count(w, 0, 0), "observation 'invisible': 2 numbers for 1 bins"),
        (lambda w: w["channels"].append(w["channels"][0]), "each name once"),
        (lambda w: w["observations"].append(w["observations"][0]), "each name once"),
        (lambda w: w["observations"].pop(), "no observation of that name"),
        (lambda w: w["measurements"].append(w["measurements"][0]), "each name once"),
        (lambda w: w["measurements"][0]["config"].update(poi="zz"), "no sample carries the parameter of interest 'zz'"),
        (lambda w: _set_normsys(w, 0), "hi = 0"),
        (lambda w: _set_normsys(w, -1), "hi = -1"),
        (lambda w: w["channels"][0]["samples"][1].update(data=[-2.0]), "-2 events expected without signal"),
        (lambda w: w["channels"][0]["samples"][1].update(data=[1.0, 2.0]), "2 numbers for 1 bins"),
    ],
)
def test_what_is_no_model_is_refused(workspace, change, message):
    assert hs3(workspace)["analyses"][0]["parameters_of_interest"] == ["mu"]
    wrong = copy.deepcopy(workspace)
    change(wrong)
    with pytest.raises(WorkspaceError, match=message):
        hs3(wrong)
    with pytest.raises(WorkspaceError, match=message):
        Model.from_workspace(wrong)


def test_a_background_alone_has_no_parameter_of_interest(template):
    run = na.load_run("2022", background="realistic")
    found = hs3(background_only(template, run, ["invisible"]))
    assert found["analyses"][0]["parameters_of_interest"] == []


def all_modifiers(seed):
    """Two channels with every kind of modifier, correlations by name, bins without errors, and settings."""
    rng = np.random.default_rng(seed)
    channels, observations = [], []
    for c in range(2):
        signal, first, second = (rng.uniform(*ends, 2) for ends in ((2, 8), (20, 60), (5, 20)))
        shape, stat = 0.1 * second, 0.05 * first
        if c == 1:
            shape[1] = stat[0] = 0.0
        jes = {"hi_data": (first * 1.1).tolist(), "lo_data": (first * 0.85).tolist()}
        lumi = {"name": "lumi", "type": "lumi", "data": None}
        own = {
            "signal": [{"name": "mu", "type": "normfactor", "data": None}, normsys("common"), lumi],
            "first": [
                {"name": "common", "type": "histosys", "data": jes},
                {"name": f"stat_{c}", "type": "staterror", "data": stat.tolist()},
                normsys("norm"),
                lumi,
            ],
            "second": [
                {"name": f"shape_{c}", "type": "shapesys", "data": shape.tolist()},
                {"name": f"stat_{c}", "type": "staterror", "data": (0.08 * second * (stat > 0)).tolist()},
                {"name": "free", "type": "shapefactor", "data": None},
                {"name": "scale", "type": "normfactor", "data": None},
            ],
        }
        samples = [
            {"name": name, "data": data.tolist(), "modifiers": own[name]}
            for name, data in (("signal", signal), ("first", first), ("second", second))
        ]
        channels.append({"name": f"c{c}", "samples": samples})
        observations.append({"name": f"c{c}", "data": rng.poisson(first + second).astype(float).tolist()})
    parameters = [
        {"name": "lumi", "auxdata": [1.02], "sigmas": [0.03], "bounds": [[0.5, 1.5]], "inits": [1.0]},
        {"name": "scale", "inits": [1.1], "fixed": True},
        {"name": "mu", "bounds": [[0, 20]]},
    ]
    measurement = {"name": "m", "config": {"poi": "mu", "parameters": parameters}}
    return {"version": "1.0.0", "channels": channels, "observations": observations, "measurements": [measurement]}


def normsys(name):
    return {"name": name, "type": "normsys", "data": {"hi": 1.2, "lo": 0.9}}


def names_of(reference):
    """HS3's names of pyhf's parameters, gamma by gamma."""
    return [
        f"gamma_{name}_{k}" if name.startswith(("shape", "stat", "free")) else name
        for name in reference.config.par_order
        for k in range(reference.config.param_set(name).n_parameters)
    ]


def points_of(reference, seed):
    fixed, rng = np.array(reference.config.suggested_fixed()), np.random.default_rng(seed)
    start = np.array(reference.config.suggested_init())
    return start + np.where(fixed, 0.0, rng.normal(0, 0.2, (4, len(start))))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.filterwarnings("ignore")
def test_every_modifier_but_one_has_the_same_log_probability_in_pyhs3(seed):
    """pyhs3 0.4 makes no model with a staterror: see the next test."""
    pyhs3, pytensor = pytest.importorskip("pyhs3"), pytest.importorskip("pytensor")
    spec = all_modifiers(seed)
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            sample["modifiers"] = [item for item in sample["modifiers"] if item["type"] != "staterror"]
    form = json.loads(json.dumps(hs3(spec)))
    theirs = pyhs3.Workspace(**form)
    model = theirs.model(theirs.analyses[0])
    workspace = pyhf.Workspace(spec)
    reference, data = workspace.model(), workspace.data(workspace.model())
    names, points = names_of(reference), points_of(reference, seed)
    free = [k for k, held in enumerate(reference.config.suggested_fixed()) if not held]  # the others are constants
    function = pytensor.function([model.parameters[names[k]] for k in free], model.log_prob, mode="FAST_COMPILE")
    ours = [float(reference.logpdf(point, data)[0]) for point in points]
    other = [float(function(*point[free])) for point in points]
    assert np.diff(other) == pytest.approx(np.diff(ours), abs=1e-9)
    constant = {item["name"] for item in form["parameter_points"][0]["parameters"] if item.get("const")}
    assert constant == {name for name, held in zip(names, reference.config.suggested_fixed(), strict=True) if held}
    domain = {item["name"]: (item["min"], item["max"]) for item in form["domains"][0]["axes"]}
    assert (domain["lumi"], domain["mu"][0]) == ((0.5, 1.5), 0.0)


@pytest.mark.parametrize("number", range(2))
@pytest.mark.filterwarnings("ignore")
def test_a_channel_with_a_staterror_has_the_same_log_probability_in_pyhs3(number):
    pytest.importorskip("pyhs3")
    pytensor = pytest.importorskip("pytensor")
    from pyhs3.context import Context
    from pyhs3.distributions import HistFactoryDistChannel

    spec = all_modifiers(number)
    spec["channels"], spec["observations"] = [[items[number]] for items in (spec["channels"], spec["observations"])]
    form = json.loads(json.dumps(hs3(spec)))
    channel = HistFactoryDistChannel(**form["distributions"][0])
    workspace = pyhf.Workspace(spec)
    reference, data = workspace.model(), workspace.data(workspace.model())
    names = names_of(reference)
    symbols = {name: pytensor.tensor.dscalar(name) for name in names}
    counts = pytensor.tensor.constant(np.array(spec["observations"][0]["data"]))
    context = Context({**symbols, f"{channel.name}_observed": counts, **channel.constants})
    whole = pytensor.tensor.log(channel.likelihood(context) * channel.extended_likelihood(context))
    function = pytensor.function(list(symbols.values()), whole, mode="FAST_COMPILE", on_unused_input="ignore")
    (lumi,) = form["distributions"][1:]
    points = points_of(reference, number)
    beside = [norm.logpdf(lumi["x"], point[names.index("lumi")], lumi["sigma"]) for point in points]
    ours = [float(reference.logpdf(point, data)[0]) for point in points]
    other = [float(function(*point)) + extra for point, extra in zip(points, beside, strict=True)]
    assert np.diff(other) == pytest.approx(np.diff(ours), abs=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s[1]["modifiers"][1].update(name="other"), "staterrors other, stat_0; expected one of them"),
        (lambda s: s[2].update(data=[0.0, 5.0]), r"shapesys 'shape_0': 0 events in bin 0, .*a positive number"),
    ],
)
def test_what_hs3_cannot_say_is_refused(change, message):
    spec = all_modifiers(0)
    change(spec["channels"][0]["samples"])
    with pytest.raises(InputError, match=message):
        hs3(spec)


def test_a_constraint_that_the_measurement_moves_is_refused():
    spec = all_modifiers(0)
    spec["measurements"][0]["config"]["parameters"].append({"name": "norm", "auxdata": [0.5]})
    with pytest.raises(InputError, match="'norm': the measurement sets auxdata"):
        hs3(spec)
