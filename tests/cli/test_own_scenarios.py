"""A user's own scenario, as a class in a file or as a table, in every command that takes one."""

import json

import numpy as np
import pytest

import na64stat as na

MODULE = '''
from dataclasses import dataclass
from na64stat import Production, Scenario
from na64stat.physics import cross_sections

print("this file talks")

@dataclass(frozen=True, kw_only=True)
class Mine(Scenario):
    """The packaged muon scalar, written again."""
    name = "mine"
    def production(self, x, beam_energy, nucleus):
        spectrum = cross_sections.scalar(x, self.mass, beam_energy, nucleus)
        return Production(self.mass, self.coupling**2 * spectrum)

class Nan(Mine):
    name = "nan"
    def production(self, x, beam_energy, nucleus):
        return Production(self.mass, x * float("nan"))

class Raises(Mine):
    name = "raises"
    def production(self, x, beam_energy, nucleus):
        raise KeyError("a slip of mine")

class Nameless(Scenario):
    pass
'''

TABLE = """mass_gev,x,dsigma_dx_pb,width_gev,visible_fraction
0.01,0.1,3.2e9,0,0
0.01,0.9,4.1e9,0,0
0.1,0.1,3.2e9,0,0
0.1,0.9,4.1e9,0,0
"""


@pytest.fixture
def own(here):
    (here / "own.py").write_text(MODULE, encoding="utf-8")
    return "own.py:Mine"


@pytest.fixture
def table(here):
    (here / "own.csv").write_text(TABLE, encoding="utf-8")
    return "own.csv"


def test_predict_takes_a_class(na64stat, own):
    words = ("--mass", "0.1", "--coupling", "1e-3", "--json")
    answer = na64stat("predict", "--scenario", own, *words)
    mine, packaged = answer.json, na64stat("predict", "muon-scalar", *words).json
    assert mine["scenario"] == "mine"
    assert mine["regions"] == packaged["regions"]
    assert na64stat("predict", own, *words).json == mine


def test_what_the_file_prints_is_not_in_the_answer(na64stat, own):
    answer = na64stat("predict", own, "--mass", "0.1", "--coupling", "1e-3", "--json")
    assert answer.json["scenario"] == "mine"
    assert "this file talks" in answer.err


def test_limit_takes_a_class(na64stat, own):
    (mine,) = na64stat("limit", "--scenario", own, "--mass", "0.1", "--json").json["points"]
    (packaged,) = na64stat("limit", "muon-scalar", "--mass", "0.1", "--json").json["points"]
    assert mine == packaged


def test_scan_and_plot_take_a_class(na64stat, own, here):
    words = ("--mass", "0.05:0.2:3", "--coupling", "1e-4:1e-2:4")
    assert na64stat("scan", "--scenario", own, *words, "-o", "mine.json").status == 0
    mine, packaged = (
        json.loads((here / "mine.json").read_text()),
        na64stat("scan", "muon-scalar", *words, "--json").json,
    )
    for level, values in packaged["cl_s"].items():
        np.testing.assert_allclose(mine["cl_s"][level], values, rtol=1e-9)
    assert mine["scenario"] == "mine"
    assert na64stat("plot", "mine.json", "--figure", "mine.png").status == 0


def test_a_table_is_a_scenario(na64stat, table):
    record = na64stat("predict", table, "--mass", "0.05", "--coupling", "2e-3", "--json").json
    factory = na.Tabulated.from_csv(table)
    expected = na.predict(factory(mass=0.05, coupling=2e-3), na.load_run("2022"))
    assert record["regions"]["invisible"]["events"] == expected.regions["invisible"].events
    assert record["regions"]["invisible"]["events"] > 0
    points = na64stat("limit", "--scenario", table, "--mass", "0.01:0.1:2", "--json").json["points"]
    assert [point["status"] for point in points] == ["excluded"] * 2
    words = ("scan", table, "--mass", "0.01:0.1:2", "--coupling", "1e-4:1:3", "--json")
    assert na64stat(*words).json["scenario"] == "tabulated"


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        (("4.1e9", "nan"), ["own.csv, line 3, column dsigma_dx_pb: 'nan'", "expected a finite number"]),
        (("0.9", "1.9"), ["own.csv: column x: 1.9", "expected"]),
        (("x,", "y,"), ["own.csv, line 1: unknown column 'y'", "mass_gev,x,dsigma_dx_pb"]),
        ((",0,0\n", ",0\n"), ["own.csv, line 2: 4 values; the header has 5 columns"]),
        ((TABLE, ""), ["own.csv: the file is empty", "mass_gev,x,dsigma_dx_pb"]),
        ((TABLE, TABLE.splitlines()[0]), ["own.csv: there is a header, but no row below it"]),
    ],
    ids=["nan", "x above 1", "column", "short row", "empty", "header only"],
)
def test_bad_tables(na64stat, here, change, texts):
    (here / "own.csv").write_text(TABLE.replace(*change), encoding="utf-8")
    error = na64stat("predict", "own.csv", "--mass", "0.05", "--coupling", "1").error
    assert all(text in error for text in texts), error


@pytest.mark.parametrize(
    ("scenario", "texts"),
    [
        ("own.py:Nope", ["own.py: no Scenario class 'Nope'; it has Mine, Nan, Raises, Nameless"]),
        ("own.py:Nameless", ["own.py:Nameless: needs a `name` and a `production` method"]),
        ("own.py:Nan", ["nan at mass 0.1 GeV: production gave", "finite numbers >= 0"]),
        ("gone.py:Mine", ["gone.py: no such file"]),
        ("broken.py:Mine", ["broken.py: SyntaxError"]),
        ("own.py", ["own.py: no class is named; expected own.py:Mine or own.py:Nan or ", "own.py:Nameless"]),
        ("gone.csv", ["gone.csv: there is no such file"]),
    ],
)
def test_bad_classes(na64stat, own, here, scenario, texts):
    (here / "broken.py").write_text("def f(:", encoding="utf-8")
    answer = na64stat("predict", "--scenario", scenario, "--mass", "0.1", "--coupling", "1")
    last = answer.err.splitlines()[-1]
    assert answer.status == 2
    assert last.startswith("na64stat: error: ")
    assert all(text in last for text in texts), last


def test_an_exception_in_a_users_class_is_one_line_with_its_place(na64stat, own, monkeypatch):
    words = ("predict", "own.py:Raises", "--mass", "0.1", "--coupling", "1")
    answer = na64stat(*words)
    assert answer.status == 1
    line = 1 + MODULE.splitlines().index('        raise KeyError("a slip of mine")')
    assert answer.err.splitlines()[-1].startswith("na64stat: error: KeyError: 'a slip of mine' (")
    assert f"own.py, line {line})" in answer.err
    assert "Traceback" not in answer.err
    monkeypatch.setenv("NA64STAT_TRACEBACK", "1")
    assert "Traceback" in na64stat(*words).err


def test_options_of_a_scenario(na64stat):
    point = ("predict", "axion-muon", "--mass", "0.3", "--coupling", "1e-2", "--json")
    by_option = json.loads(na64stat(*point, "--option", "loop_decay=true").out)
    assert by_option == json.loads(na64stat(*point, "--loop-decay").out)
    assert by_option != json.loads(na64stat(*point).out)
    assert "expected NAME=VALUE, such as loop_decay=true" in na64stat(*point, "--option", "loop_decay").error
    twice = na64stat(*point, "--option", "loop_decay=true", "--option", "loop-decay=false").error
    assert "--option loop_decay: given twice" in twice
