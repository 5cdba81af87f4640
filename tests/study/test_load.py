"""One reader for everything that results write."""

import dataclasses
import json

import numpy as np
import pytest

import na64stat as na
from na64stat.contour.region import ExclusionRegion
from na64stat.errors import InputError
from na64stat.records.by_fields import KINDS
from na64stat.stats.likelihood.model import Model


def same(first, second):
    """Whether two results hold the same, arrays included."""
    if dataclasses.is_dataclass(first):
        return type(first) is type(second) and all(
            same(getattr(first, item.name), getattr(second, item.name)) for item in dataclasses.fields(first)
        )
    if isinstance(first, np.ndarray):
        return first.dtype == second.dtype and np.array_equal(first, second)
    if isinstance(first, tuple | list):
        return type(first) is type(second) and len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    return first == second


MU = {"name": "mu", "type": "normfactor", "data": None}
WORKSPACE = {
    "version": "1.0.0",
    "channels": [
        {
            "name": "box",
            "samples": [
                {"name": "signal", "data": [1.0], "modifiers": [MU]},
                {
                    "name": "background",
                    "data": [3.0],
                    "modifiers": [{"name": "norm", "type": "normsys", "data": {"hi": 1.2, "lo": 0.8}}],
                },
            ],
        }
    ],
    "observations": [{"name": "box", "data": [4.0]}],
    "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
}


def _region():
    """A disc in ln m and ln g."""
    log_mass, log_coupling = np.log(np.geomspace(1, 3, 12)), np.log(np.geomspace(1, 3, 12))
    inside = 0.2 - (log_mass[:, None] - 0.5) ** 2 - (log_coupling - 0.5) ** 2
    return ExclusionRegion.of_grid(log_mass, log_coupling, inside, inside)


@pytest.fixture(scope="module")
def results():
    """A result of each kind that is written by its fields."""
    model, run = Model.from_workspace(WORKSPACE), na.load_run("2022")
    triangle = [_region() for _ in range(2)]
    return {
        "limit": na.upper_limit(WORKSPACE),
        "cl_s": na.cl_s(WORKSPACE, 2.0),
        "fit": na.best_fit(model),
        "impacts": na.impacts(model),
        "significance": na.significance(model),
        "comparison": na.compare(model, methods=[na.Exact(), na.Asymptotic()]),
        "overlap": na.overlap(dict(zip("ab", triangle, strict=True)), masses=[1.5]),
        "mot_needed": na.mot_needed(na.AxionMuon(mass=0.1, coupling=5e-3), run),
        "credible plane": na.credible_plane(
            na.AxionMuon,
            run,
            [na.LogFlat("coupling", 1e-3, 1e-1), na.LogFlat("mass", 0.05, 0.2)],
            points=(8, 9),
        ),
    }


def test_every_kind_is_here(results):
    assert set(results) == set(KINDS)
    assert all(type(found) is KINDS[kind] for kind, found in results.items())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_is_read_again(results, kind, tmp_path):
    path = tmp_path / "result.json"
    results[kind].save(path)
    assert same(na.load(path), results[kind])
    with pytest.raises(InputError, match="exists"):
        results[kind].save(path)
    results[kind].save(path, overwrite=True)
    assert json.loads(path.read_text())["kind"] == kind


def changed(results, tmp_path, kind, change):
    record = json.loads(json.dumps(json.loads(_text(results[kind], tmp_path))))
    change(record)
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(record))
    return path


def _text(result, tmp_path):
    path = tmp_path / "whole.json"
    result.save(path, overwrite=True)
    return path.read_text()


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (
            "limit",
            lambda r: r["expected"].update(median="x"),
            r"expected\.median is 'x': expected float \| null, got str",
        ),
        ("limit", lambda r: r.pop("cl"), "Object missing required field `cl`"),
        ("limit", lambda r: r.update(schema=2), "limit of schema 2; expected limit of schema 1, as `save` writes"),
        (
            "fit",
            lambda r: r["parameters"][1].update(value=None),
            r"parameters\[1\]\.value is None: expected float, got null",
        ),
        ("fit", lambda r: r.update(expected=["many"]), "expected is .*'many'.*: expected numbers"),
        ("credible plane", lambda r: r.update(mass_gev="m"), "mass_gev is 'm': expected numbers"),
        (
            "impacts",
            lambda r: r.update(kind="other"),
            "holds 'other'.*; expected one of scan, .*significance.* a chain",
        ),
    ],
)
def test_what_is_damaged_is_named(results, tmp_path, kind, change, message):
    path = changed(results, tmp_path, kind, change)
    with pytest.raises(InputError, match=message) as error:
        na.load(path)
    assert str(error.value).startswith(f"{path}: ")


def test_records_of_scenarios_and_chains_are_read_too(tmp_path):
    run = na.load_run("2022")
    found = na.limits(na.AxionMuon, run, [0.1])
    found.save(tmp_path / "limits.json")
    assert na.load(tmp_path / "limits.json") == found
    chain = tmp_path / "chain.h5"
    na.sample(
        na.AxionMuon(mass=0.1, coupling=5e-3),
        run,
        prior=na.Flat("yield", 0, 20),
        steps=60,
        sampler=na.Sampler(walkers=16, ensembles=2),
        file=chain,
    )
    assert isinstance(na.load(chain), na.Samples)
