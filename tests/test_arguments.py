"""Plausible slips in the arguments of every public function: an error names the argument, what it was and what is right."""

import inspect
import json
import types
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest

import na64stat as na
from na64stat.arguments import described
from na64stat.errors import Na64StatError, RegionError, ScenarioError, WorkspaceError
from na64stat.study.sensitivity.sensitivity import Headline

FUNCTIONS = {name: getattr(na, name) for name in na.__all__ if inspect.isfunction(getattr(na, name))}
AXION = na.AxionMuon(mass=0.1, coupling=5e-3)
PRIOR = na.LogFlat("coupling", 1e-6, 1.0)


@cache
def run():
    return na.load_run("2022")


@cache
def template():
    return na.predict(AXION, run())


@cache
def workspace():
    return na.build_workspace(template(), run(), ["invisible"])


@cache
def model():
    return na.Model.from_workspace(workspace())


# Of each kind of argument: something good, slips, and words that say what is right; a function makes a value when asked.
KINDS = {
    "run": (run, ["2022", 2022, None, na.Run, lambda: [run(), "2023"]], "a Run, such as load_run('2022')"),
    "one run": (run, ["2022", lambda: [run()], None], "a Run, such as load_run('2022')"),
    "scenario": (AXION, [na.AxionMuon, "axion-muon", None, 0.1], "such as AxionMuon(mass=0.1, coupling=1e-3)"),
    "factory": (
        na.AxionMuon,
        ["axion-muon", None, na.Exact, lambda: AXION, na.Scenario, lambda: partial(na.AxionMuon, loop=True)],
        ("a class, such as AxionMuon", "its class, AxionMuon", "it needs a `name`"),
    ),
    "question": (AXION, ["axion-muon", None, na.Exact, lambda: workspace()], "a class of one, a Question or a Model"),
    "numbers": ([0.1], ["0.1", None, ["a"], [[0.1], [0.2]], {0.1: 1}, True, 1j], "a sequence of numbers"),
    "axis": ([0.1], ["0.1", None, ["a"], [[0.1], [0.2]], [0.2, 0.1], [], 0.0], "increasing positive numbers"),
    "range": ((1e-3, 1.0), ["0.1", 0.1, [0.1], (1, 2, 3), (1, 0.5), (0, 1), (1, np.inf)], "two positive numbers"),
    "names": ("invisible", [5, [5], {"invisible": 1}, na.Region], "a sequence of names"),
    "method": (na.Exact(), ["exact", na.Exact, 5], "an object, such as Exact()"),
    "methods": (na.Exact(), ["exact", ["exact"], na.Exact, [na.Exact]], "such as [Exact(), Asymptotic()]"),
    "workspace": (workspace, [template, model, "ws.json", None, 5], "such as build_workspace(template, run)"),
    "workspaces": (None, [lambda: [workspace()], "ws.json"], "a dict from label to workspace"),
    "model": (model, [workspace, template, None, na.Model], "such as Model.from_workspace(workspace)"),
    "template": (template, [lambda: AXION, None, {"invisible": 1.0}], "such as predict(scenario, run)"),
    "prior": (PRIOR, ["flat", na.LogFlat, 0.5, [None]], "such as LogFlat('coupling', 1e-6, 1)"),
    "counts": (None, [3, "none", [3]], "a dict with one count of each: invisible"),
    "cl": (0.9, ["0.9", None, "90%"], "a confidence level lies between 0 and 1"),
    "mu": (1.0, ["1", None, [1.0]], "a signal strength is a finite number >= 0"),
    "average": (na.DepthAverage.LAYERS, ["layers", None], "DepthAverage.LAYERS or DepthAverage.CONTINUOUS"),
    "scaling": (na.BackgroundScaling.NONE, ["none", "per-mot", None], "BackgroundScaling.NONE, PER_MOT or FIXED"),
    "binning": (None, [4.0, "4"], "such as Binning.uniform(4.0)"),
    "patch": (None, [{"op": "add"}, "patch.json"], "a list of operations"),
    "path": (None, [5, None, AXION], "the path of a"),
    "exclusions": (None, [[1], 5, {"one": "file.json"}], "a dict from label to region"),
    "headlines": (None, ["axion-muon", [0.1], na.AxionMuon], "a Headline"),
    "rule": (None, ["held", None], "EfficiencyRule.REINFERRED or EfficiencyRule.HELD"),
}  # fmt: skip

OF = {
    "run": "run",
    "scenario": "factory",
    "masses": "numbers",
    "mot": "numbers",
    "values": "numbers",
    "couplings": "range",
    "regions": "names",
    "correlated": "names",
    "levels": "names",
    "uncorrelated": "names",
    "minos": "names",
    "names": "names",
    "method": "method",
    "methods": "methods",
    "workspace": "workspace",
    "workspaces": "workspaces",
    "model": "model",
    "template": "template",
    "prior": "prior",
    "priors": "prior",
    "counts": "counts",
    "cl": "cl",
    "mu": "mu",
    "average": "average",
    "background": "scaling",
    "binning": "binning",
    "patch": "patch",
    "name_or_path": "path",
    "path": "path",
    "headlines": "headlines",
}
"""Kinds of parameters; where a function has another kind under this name it stands below."""

EXCEPTIONS = {
    **{(name, "scenario"): "scenario" for name in ("predict", "expected_events", "mot_needed")},
    **{(name, "scenario"): "question" for name in ("sample", "credible_limit", "credible_plane", "compare_priors")},
    **{(name, "run"): "one run" for name in ("predict", "expected_events", "mot_needed", "project", "sensitivity")},
    ("build_workspace", "run"): "one run",
    ("scan", "masses"): "axis",
    ("scan", "couplings"): "axis",
    ("exclusion", "masses"): "range",
    ("overlap", "regions"): "exclusions",
    ("sensitivity", "efficiency"): "rule",
    ("load_run", "background"): None,
}

NEEDED = {"run", "masses", "mot", "prior", "priors"}
"""Parameters with a default that only a `Question`, which stands in the place of the scenario, makes right."""

OTHERS = {
    "address", "discovery", "efficiency", "file", "journal", "lowest_mu", "mass", "measurement", "poi",
    "name", "options",
    "overwrite", "points", "progress", "result", "sampler", "seed", "steps", "systematics", "tolerance", "toys", "track",
    "variations", "workers", "x_min",
}  # fmt: skip
"""Parameters with checks of their own, or with any value right."""

GOOD = {
    "channels_alone": {"run": lambda: [run(), replace(run(), name="later")]},
    "scan": {"couplings": [0.1]},
    "exclusion": {"couplings": (1e-3, 1.0)},
    "project": {"mot": 1e12},
    "combine": {"workspaces": lambda: {"one": workspace(), "other": workspace()}},
    "credible_plane": {"priors": [PRIOR, na.LogFlat("mass", 0.01, 0.2)]},
    "overlap": {"regions": {}},
}


def kind_of(function, parameter):
    return EXCEPTIONS.get((function, parameter), OF.get(parameter))


def made(value):
    return value() if isinstance(value, types.FunctionType) or hasattr(value, "cache_info") else value


def stands_for_the_default(name, parameter):
    """Whether None is right."""
    return parameter != "run" and inspect.signature(FUNCTIONS[name]).parameters[parameter].default is None


def slips():
    for name, function in FUNCTIONS.items():
        for parameter in inspect.signature(function).parameters:
            kind = kind_of(name, parameter)
            for number, value in enumerate(KINDS[kind][1] if kind else ()):
                if value is not None or not stands_for_the_default(name, parameter):
                    yield pytest.param(name, parameter, kind, number, id=f"{name}-{parameter}-{number}")


def call(name, parameter, value):
    """A public function with everything right but one argument."""
    wanted = inspect.signature(FUNCTIONS[name]).parameters.values()
    good = {item.name: KINDS[kind_of(name, item.name)][0] for item in wanted
            if (item.default is item.empty or item.name in NEEDED) and kind_of(name, item.name)}  # fmt: skip
    arguments = {key: made(given) for key, given in {**good, **GOOD.get(name, {})}.items()}
    return FUNCTIONS[name](**{**arguments, parameter: value})


@pytest.mark.parametrize(("name", "parameter", "kind", "number"), list(slips()))
def test_slips(name, parameter, kind, number):
    _, wrong, words = KINDS[kind]
    value = made(wrong[number])
    with pytest.raises(Na64StatError) as caught:
        call(name, parameter, value)
    text = str(caught.value)
    assert text.startswith(f"{parameter} = ")
    items = value if isinstance(value, (list, dict)) else []
    assert any(
        described(thing) in text for thing in (value, *items, *(items.values() if isinstance(items, dict) else ()))
    )
    assert any(part in text for part in ([words] if isinstance(words, str) else words))
    assert len(text) < 400


def test_every_parameter_of_every_public_function_has_been_thought_of():
    found = {(name, item) for name, function in FUNCTIONS.items() for item in inspect.signature(function).parameters}
    assert {parameter for name, parameter in found if kind_of(name, parameter) is None} - {"background"} <= OTHERS
    assert set(EXCEPTIONS) <= found


@pytest.mark.parametrize(
    "method", [na.Exact(), na.Asymptotic(), na.Toys(10), na.FeldmanCousins()], ids=lambda item: item.name
)
def test_a_workspace_in_the_place_of_a_model(method):
    for ask in (lambda: method.upper_limit(workspace(), 0.9), lambda: method.cl_s(workspace(), [1.0])):
        with pytest.raises(Na64StatError, match=r"^model = a dict; expected a Model, such as Model\.from_workspace"):
            ask()


@pytest.mark.parametrize("kind", [na.Exact, na.Asymptotic, na.Toys])
def test_a_name_in_the_place_of_a_setting(kind):
    with pytest.raises(
        Na64StatError, match=r"^statistic = 'q' \(a str\); expected a member, such as Statistic\.Q_TILDE"
    ):
        kind(statistic="q")
    with pytest.raises(
        Na64StatError, match=r"^criterion = 'cl_s' \(a str\); expected Criterion\.CL_S or Criterion\.CL_SB"
    ):
        kind(criterion="cl_s")


@pytest.mark.parametrize("mu", [-1, -1.0, None, "1", True, np.nan, np.inf, 1j])
def test_coupling_at(mu):
    with pytest.raises(ScenarioError, match=r"^mu = .*a finite signal strength >= 0"):
        AXION.coupling_at(mu)


@pytest.mark.parametrize("mass", ["0.1", None, [0.1], True])
def test_a_mass_that_is_no_number(mass):
    with pytest.raises(ScenarioError) as caught:
        na.AxionMuon(mass=mass, coupling=1.0)
    assert f"axion-muon: mass = {described(mass)}; expected a finite number > 0" in str(caught.value)


def test_coupling_at_zero():
    assert AXION.coupling_at(0) == 0


def test_with_mot():
    with pytest.raises(Na64StatError, match=r"^mot = '1e12' \(a str\); expected muons on target from 1 to 1e\+20"):
        run().with_mot("1e12")


def test_factories_that_do_not_fit():
    with pytest.raises(ScenarioError, match="scenario = a function; it cannot be called with mass and coupling"):
        na.limits(lambda m, g: na.AxionMuon(mass=m, coupling=g), run(), 0.1)
    with pytest.raises(ScenarioError, match="scenario = a dict; expected one with mass and coupling"):
        na.limits(lambda mass, coupling: {"mass": mass, "coupling": coupling}, run(), 0.1)


def test_headlines():
    with pytest.raises(ScenarioError, match="scenario = 'axion-muon'"):
        na.sensitivity(run(), Headline("axion-muon", (0.1,)))


def test_workspaces_to_combine():
    with pytest.raises(WorkspaceError, match=r"^workspace 'other' = a Template; expected a pyhf workspace as a dict"):
        na.combine({"one": workspace(), "other": template()})


def test_a_text_is_one_name():
    with pytest.raises(RegionError, match="no region 'invisable'; did you mean 'invisible'"):
        na.limits(na.AxionMuon, run(), 0.1, regions="invisable")


def alike(one, other):
    return json.dumps(one.as_dict(), sort_keys=True) == json.dumps(other.as_dict(), sort_keys=True)


def test_one_without_brackets():
    """A region, a mass, a run: what may be several may be one."""
    asked = na.AxionMuon, run()
    assert alike(na.limits(*asked, 0.1, regions="invisible"), na.limits(*asked, [0.1], regions=["invisible"]))
    assert alike(na.scan(*asked, 0.1, 5e-3, regions="invisible"), na.scan(*asked, [0.1], [5e-3], regions=["invisible"]))
    assert na.build_workspace(template(), run(), "visible") == na.build_workspace(template(), run(), ["visible"])
    one, other = (na.upper_limit(workspace(), regions=regions) for regions in ("invisible", ["invisible"]))
    assert one == other
    one, other = (na.project(*asked, mass, mot, discovery=False) for mass, mot in ((0.1, 1e12), ([0.1], [1e12])))
    assert alike(one, other)
    one, other = (na.compare(model(), methods=methods) for methods in (na.Exact(), [na.Exact()]))
    assert one == other
    assert na.Model.from_workspace(workspace(), "invisible").channels == ("invisible",)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (na.Exact, "the class Exact"),
        ("2022", "'2022' (a str)"),
        (2022, "2022 (an int)"),
        ([0.1, "a"], "[0.1, 'a'] (a list)"),
        (np.array([1.0, 0.5]), "[1.0, 0.5] (an array of shape (2,))"),
        ([[1.0], [2.0]], "[[1.0], [2.0]] (a list)"),
        (np.ones((2, 3)), "an array of shape (2, 3)"),
        (AXION, "an AxionMuon"),
        ([AXION], "a list"),
    ],
)
def test_described(value, text):
    assert described(value) == text
    assert described("x" * 1000).endswith("... (a str)")
