"""The command that a reader of a record advises writes what it reads."""

import re

import pytest

from na64stat.errors import InputError
from na64stat.records.credible import load_credible
from na64stat.records.limits import load_limits
from na64stat.records.map import load_exclusion, load_scan
from na64stat.records.projection import load_projection
from na64stat.records.record import COMMANDS
from na64stat.records.sensitivity import load_sensitivity

POINT = ("--mass", "0.1")
PLANE = ("--mass", "0.05:0.3", "--coupling", "1e-3:1")
READERS = {
    "scan": (load_scan, ("--mass", "0.05:0.2:2", "--coupling", "1e-3:1:2")),
    "exclusion": (load_exclusion, (*PLANE, "--tolerance", "0.5", "--level", "observed")),
    "limits": (load_limits, POINT),
    "projection": (load_projection, (*POINT, "--mot", "1e12", "--no-discovery")),
    "credible limits": (load_credible, (*POINT, "--prior", "flat:yield:0:50")),
    "sensitivity": (load_sensitivity, POINT),
}


@pytest.mark.parametrize("kind", COMMANDS)
def test_the_advised_command_writes_what_is_read(na64stat, here, monkeypatch, kind):
    monkeypatch.setattr(
        "na64stat.study.sensitivity.sensitivity.standard_variations", lambda _: ([], {})
    )  # they take a minute
    load, options = READERS[kind]
    file = here / "x.json"
    file.write_text('{"kind": "other", "schema": 1}', encoding="utf-8")
    with pytest.raises(
        InputError, match=f"holds 'other', a record of na64stat; expected {kind} of schema 1"
    ) as refusal:
        load(file)
    command = re.search("`na64stat ([^`]+)`", str(refusal.value)).group(1)
    file.unlink()
    words, _, redirected = command.replace("SCENARIO", "axion-muon").replace("FILE", file.name).partition(" > ")
    before, after = words.split(" ... ")
    answer = na64stat(*before.split(), *options, *after.split())
    assert answer.status == 0, answer.err
    if redirected:
        (here / redirected).write_text(answer.out, encoding="utf-8")
    assert load(file).scenario == "axion-muon" if kind != "sensitivity" else load(file).headlines


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (("impacts", "ws.json"), "impacts: is now na64stat fit ... --impacts"),
        (("overlap", "a.json", "b.json"), "overlap: is now na64stat plot FILE FILE... --compare"),
        (("combine", "a.json", "b.json"), "combine: is now na64stat workspace FILE FILE..."),
        (("limits", "list"), "limits: is now na64stat existing"),
        (("limit", "ws.json", "--method", "toys", "--workers", "2"), "--workers: is now --threads"),
        (("plot", "a.json", "--limits", "own.csv"), "--limits: is now --existing"),
    ],
)
def test_what_was_called_otherwise(na64stat, words, advice):
    assert advice in na64stat(*words).error
