"""Records that were edited by hand: numbers that cannot be are refused when the file is read."""

import copy
import json
import os
import threading
from dataclasses import replace

import numpy as np
import pytest

import na64stat as na
from na64stat.errors import InputError
from na64stat.files import to_json
from na64stat.records.credible import load_credible
from na64stat.records.limits import load_limits
from na64stat.records.load import load_map, load_result
from na64stat.records.map import load_exclusion, load_scan
from na64stat.records.projection import load_projection
from na64stat.stats.bayes.priors import Flat
from na64stat.study.bayes.credible import compare_priors


@pytest.fixture(scope="module")
def records():
    run, projection = na.load_run("2022"), na.load_run("mot1e12")
    grid = np.geomspace(0.01, 0.2, 2), np.geomspace(1e-3, 1e-1, 3)
    box = (0.01, 0.2), (1e-3, 1e-1)
    compared = compare_priors(na.AxionMuon(mass=0.1, coupling=1.0), run, priors=[Flat("yield", 0, 50)])
    found = {
        "limits": na.limits(na.AxionMuon, run, [0.01, 0.1]),
        "projection": na.project(na.AxionMuon, projection, [0.01, 0.1], [1e11, 1e12]),
        "scan": na.scan(na.AxionMuon, run, *grid),
        "exclusion": na.exclusion(na.AxionMuon, run, *box, levels=["observed"], tolerance=0.4),
        "credible": replace(compared, credible=()),
    }
    return {kind: json.loads(to_json(record.as_dict())) for kind, record in found.items()}


READ = {
    "limits": load_limits,
    "projection": load_projection,
    "scan": load_scan,
    "exclusion": load_exclusion,
    "credible": load_credible,
}
GONE = object()


def _write(path, record, place, value):
    """A record with another value at a place, or with none."""
    record = copy.deepcopy(record)
    here = record
    for key in place[:-1]:
        here = here[key]
    if value is GONE:
        del here[place[-1]]
    else:
        here[place[-1]] = value(here[place[-1]]) if callable(value) else value
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("kind", "place", "value", "message"),
    [
        ("limits", ("cl",), -1, "cl is -1; expected a number between 0 and 1"),
        ("limits", ("cl",), 1e300, "between 0 and 1"),
        ("limits", ("verdict",), "plus9", "verdict is 'plus9'; expected 'observed' or 'median'"),
        ("limits", ("points",), [], "a list that is not empty"),
        ("limits", ("points", 0, "mass_gev"), 1e300, "mass_gev is 1e[+]300; expected a positive number, from 1e-100 to 1e[+]100"),
        ("limits", ("points", 0, "coupling", "median"), -1, "median is -1; expected a positive number"),
        ("limits", ("points", 0, "coupling", "median"), None, "median is None; expected .* as the intervals have it"),
        ("limits", ("points", 0, "coupling", "median"), 1e5, "median is 100000.0; expected .* as the intervals have it"),
        ("limits", ("points", 0, "coupling", "banana"), 1, "one of observed, minus2"),
        ("limits", ("points", 0, "events", "median"), -3, "median is -3; expected a number from 0"),
        ("limits", ("points", 0, "events"), {}, "no points.0..events.median"),
        ("limits", ("points", 0, "intervals", "median"), [[1.0, 0.5]], "increasing order"),
        ("limits", ("points", 0, "intervals", "median"), [[-1.0, 0.5]], "median.0..0. is -1.0; expected a positive number"),
        ("limits", ("points", 0, "intervals", "median"), [[0.1, 0.5, 1]], "a list of 2"),
        ("limits", ("points", 0, "intervals", "minus2"), GONE, "no points.0..intervals.minus2"),
        ("limits", ("points", 0, "status"), "zzz", "status is .zzz.; expected excluded, artefact, allowed, no signal"),
        ("limits", ("run",), "  ", "run is '  '; expected a text that is not blank"),
        ("projection", ("cl",), 1, "between 0 and 1"),
        ("projection", ("background",), "zzz", "background is 'zzz'; expected 'none' or 'per-mot' or 'fixed'"),
        ("projection", ("points", 0, "mot"), -1, "mot is -1; expected a positive number"),
        ("projection", ("points", 3, "reach"), [], "points.3..reach is .*each significance of points.0., .3.0, 5.0."),
        ("projection", ("points", 0, "reach"), lambda reach: reach + reach, "one entry of each significance"),
        ("projection", ("points", 0, "reach", 0, "significance"), -1e300, "significance is -1e[+]300; expected a positive"),
        ("projection", ("points", 0, "reach", 0, "coupling"), -1, "coupling is -1; expected a positive number"),
        ("projection", ("points", 0, "reach", 0, "events"), -1, "events is -1; expected a number from 0"),
        ("projection", ("points", 0, "limit", "intervals", "plus1"), GONE, "no points.0..limit.intervals.plus1"),
        ("scan", ("excess",), {}, "excess is {}; expected an object with observed, median or both"),
        ("scan", ("cl_s", "observed", 0, 0), -5, "cl_s.observed.0..0. is -5; expected a number from 0 to 1"),
        ("scan", ("cl_s", "median", 1, 2), 7, "cl_s.median.1..2. is 7; expected a number from 0 to 1"),
        ("scan", ("events", "invisible", 0, 0), -7, "events.invisible.0..0. is -7; expected a number from 0"),
        ("scan", ("events", "invisible", 0, 0), None, "events.invisible.0..0. is None; expected a number from 0"),
        ("scan", ("events",), {}, "events is {}; expected an object with the expected signal"),
        ("scan", ("regions",), [], "regions is ..; expected a list that is not empty"),
        ("scan", ("status",), [["allowed"]] * 2, "status.0. is .'allowed'.; expected a list of 3"),
        ("scan", ("status", 0, 0), "foo", "status.0..0. is 'foo'; expected excluded, artefact"),
        ("scan", ("status", 0, 0), "failed: x", "excess.observed has .* at point 0, 0, which failed; expected null"),
        ("scan", ("mass_gev",), lambda mass: mass[::-1], "mass_gev.1. is 0.01; expected more than the one before, 0.2"),
        ("scan", ("mass_gev",), [0.1, 0.1 * (1 + 2.3e-16)], "mass_gev.1. is 0.1.*; expected more than the one before"),
        ("scan", ("provenance",), "abc", "provenance is 'abc'; expected an object"),
        ("exclusion", ("tolerance",), -1, "tolerance is -1; expected a positive number"),
        ("exclusion", ("unsettled",), -5, "unsettled is -5; expected a whole number"),
        ("exclusion", ("unsettled",), 0.5, "unsettled is 0.5; expected a whole number"),
        ("exclusion", ("points", "failed"), [{"point": -1, "reason": "x"}], "failed.0..point is -1; expected a whole number"),
        ("exclusion", ("points", "failed"), [{"point": 1.7, "reason": "x"}], "failed.0..point is 1.7; expected a whole number"),
        ("exclusion", ("points", "excess"), {"banana": [1.0]}, "excess is .*; expected an object with one or more of observed"),
        ("exclusion", ("points", "coupling", 0), 0, "coupling.0. is 0; expected a positive number"),
        ("credible", ("mass_gev",), -1, "mass_gev is -1; expected a positive number"),
        ("credible", ("rows", 0, "coupling"), -1, "rows.0..coupling is -1; expected a positive number"),
        ("credible", ("rows", 0, "events"), -7, "rows.0..events is -7; expected a number from 0"),
        ("credible", ("counts", "invisible"), -1, "counts.invisible is -1; expected a number from 0"),
        ("credible", ("rows",), [], "rows is ..; expected a list that is not empty"),
    ],
)  # fmt: skip
def test_refused(records, tmp_path, kind, place, value, message):
    path = _write(tmp_path / "edited.json", records[kind], place, value)
    with pytest.raises(InputError, match=rf"edited\.json: damaged .*{message}") as refused:
        READ[kind](path)
    assert "expected" in str(refused.value)


@pytest.mark.parametrize("kind", READ)
@pytest.mark.parametrize("schema", [True, 1.0, 2, GONE])
def test_another_schema_is_refused(records, tmp_path, kind, schema):
    with pytest.raises(InputError, match=r" of schema .*; expected .* of schema 1, as `na64stat .*` writes"):
        READ[kind](_write(tmp_path / "edited.json", records[kind], ("schema",), schema))


@pytest.mark.parametrize("kind", READ)
def test_as_they_were_they_are_read(records, tmp_path, kind):
    path = tmp_path / "same.json"
    path.write_text(json.dumps(records[kind]), encoding="utf-8")
    READ[kind](path).save(tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text()) == records[kind]


@pytest.mark.parametrize("value", ["a number", None])
def test_events_can_be_null_where_a_point_failed(records, tmp_path, value):
    record = copy.deepcopy(records["scan"])
    for part in ("cl_s", "excess", "smooth_excess"):
        for rows in record[part].values():
            rows[0][0] = None
    record["status"][0][0] = "failed: x"
    if value is None:
        record["events"]["invisible"][0][0] = None
    path = tmp_path / "failed.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    found = load_scan(path)
    assert np.isnan(found.events["invisible"][0, 0]) == (value is None)
    assert json.loads(to_json(found.as_dict()))["events"] == record["events"]


@pytest.mark.parametrize("tilt", [0.0, 1e-12])
def test_points_on_one_line_are_no_map(records, tmp_path, tilt):
    """Delaunay's triangulation would end in an error of its own."""
    masses = records["exclusion"]["points"]["mass_gev"]
    line = [mass * (1 + tilt * number) for number, mass in enumerate(masses)]
    path = _write(tmp_path / "line.json", records["exclusion"], ("points", "coupling"), line)
    with pytest.raises(InputError, match=r"line\.json: .* points on one line; expected a map of both"):
        load_exclusion(path)


def test_the_levels_of_an_exclusion_are_those_that_it_has(records, tmp_path):
    record = copy.deepcopy(records["exclusion"])
    for part in ("excess", "smooth_excess"):
        record["points"][part] = {"minus1": record["points"][part]["observed"]}
    path = tmp_path / "minus.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    found = load_exclusion(path)
    assert found.levels == ("minus1",)
    assert found.region().area == pytest.approx(records["exclusion"]["levels"]["observed"]["area_square_decades"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of POSIX")
@pytest.mark.parametrize("kind", READ)
def test_a_pipe_is_read_once(records, tmp_path, kind):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(json.dumps(records[kind]),), daemon=True)
    writer.start()
    found = (load_map if kind in ("scan", "exclusion") else load_result)(pipe)
    writer.join(timeout=10)
    assert json.loads(to_json(found.as_dict())) == records[kind]


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
