"""HS3 is made of models only: what `Model.from_workspace` refuses is no likelihood in another form either."""

import copy

import pytest

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
        (lambda w: w["channels"].append(w["channels"][0]), "each name once is right"),
        (lambda w: w["observations"].append(w["observations"][0]), "each name once is right"),
        (lambda w: w["observations"].pop(), "no observation of that name"),
        (lambda w: w["measurements"].append(w["measurements"][0]), "each name once is right"),
        (lambda w: w["measurements"][0]["config"].update(poi="zz"), "no sample carries the parameter of interest 'zz'"),
        (lambda w: _set_normsys(w, 0), "hi = 0"),
        (lambda w: _set_normsys(w, -1), "hi = -1"),
        (lambda w: w["channels"][0]["samples"][1].update(data=[-2.0]), "-2 events"),
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


def test_modifiers_that_hs3_does_not_get_are_named(workspace):
    other = copy.deepcopy(workspace)
    other["channels"][0]["samples"][1]["modifiers"].append({"name": "own", "type": "shapesys", "data": [1e-7]})
    with pytest.raises(InputError, match="'own' is a shapesys; normfactor and normsys are right"):
        hs3(other)
