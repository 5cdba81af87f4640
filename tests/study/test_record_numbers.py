"""Records that were edited by hand: numbers that cannot be are refused when the file is read."""

import copy
import json

import numpy as np
import pytest

import na64stat as na
from na64stat.errors import InputError
from na64stat.files import to_json


@pytest.fixture(scope="module")
def records():
    run = na.load_run("2022")
    return {
        "limits": json.loads(to_json(na.limits(na.AxionMuon, run, [0.01, 0.1]).as_dict())),
        "projection": json.loads(
            to_json(na.project(na.AxionMuon, na.load_run("mot1e12"), [0.01, 0.1], [1e11, 1e12]).as_dict())
        ),
    }


READ = {"limits": na.load_limits, "projection": na.load_projection}


@pytest.mark.parametrize(
    ("kind", "place", "value", "message"),
    [
        ("limits", ("cl",), -1, "cl -1; a number between 0 and 1"),
        ("limits", ("cl",), 1e300, "between 0 and 1"),
        ("limits", ("points", 0, "mass_gev"), 1e300, "beyond"),
        ("limits", ("points", 0, "coupling", "median"), -1, "not positive"),
        ("limits", ("points", 0, "intervals", "median"), [[1.0, 0.5]], "increasing order"),
        ("limits", ("points", 0, "intervals", "median"), [[-1.0, 0.5]], "increasing order"),
        ("limits", ("points", 0, "intervals", "minus2"), None, "no minus2 at 0.01 GeV"),
        ("projection", ("cl",), 1, "between 0 and 1"),
        ("projection", ("points", 0, "mot"), -1, "not positive"),
        ("projection", ("points", 3, "reach"), [], "different significances"),
        ("projection", ("points", 0, "limit", "intervals", "plus1"), None, "no plus1"),
    ],
)
def test_refused(records, tmp_path, kind, place, value, message):
    record = copy.deepcopy(records[kind])
    here = record
    for key in place[:-1]:
        here = here[key]
    if value is None:
        del here[place[-1]]
    else:
        here[place[-1]] = value
    path = tmp_path / "edited.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(InputError, match=f"damaged .*{message}"):
        READ[kind](path)


@pytest.mark.parametrize("kind", READ)
def test_as_they_were_they_are_read(records, tmp_path, kind):
    path = tmp_path / "same.json"
    path.write_text(json.dumps(records[kind]), encoding="utf-8")
    assert json.loads(to_json(READ[kind](path).as_dict())) == records[kind]


def test_where_the_search_began_is_said_to_be_no_edge():
    run = na.load_run("2022")
    found = na.limits(na.AxionPhoton, run, [0.01, 0.02], regions=["visible"], couplings=(0.006, 1.0))
    floor = [point.mass for point in found.points if point.coupling["observed"] == pytest.approx(0.006)]
    assert floor
    (note,) = (text for text in found.notes if "only the lowest that was searched (0.006 to 1 GeV^-1)" in text)
    assert all(f"{mass:.4g} GeV (observed" in note for mass in floor)
    lower = na.limits(na.AxionPhoton, run, floor, regions=["visible"], couplings=(1e-5, 1.0))
    assert not any("lowest that was searched" in text for text in lower.notes)
    assert np.all([point.coupling["observed"] < 0.006 for point in lower.points])
