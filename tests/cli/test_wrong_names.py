"""A misspelt name is answered with the name that is meant, a file of the wrong kind with what it is and what is right."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from na64stat.cli.main import cli
from na64stat.cli.options.choice import Choice
from na64stat.cli.physics.physics import PROCESSES
from na64stat.records.record import COMMANDS

OWN = """
raise RuntimeError("this file must not be run")

class LeptonScalar:
    class Inner: pass

class Other(LeptonScalar):
    pass
"""

POINT = ("axion-muon", "--mass", "0.1")
FLAT = ("--prior", "flat:yield:0:50")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("cross-section", "vectr", "--mass", "0.1"), "vector"),
        (("cross-section", "photon-fusion", "--mass", "0.1"), "photon_fusion"),
        (("limit", *POINT, "--method", "exat"), "exact"),
        (("limit", *POINT, "--criterion", "cls"), "cl_s"),
        (("limit", *POINT, "--depth-average", "layer"), "layers"),
        (("limit", *POINT, "--background", "realistc"), "realistic"),
        (("limit", *POINT, "--run", "2022", "--run", "2023", "--background", "realistc"), "realistic"),
        (("limit", *POINT, "--run", "2022", "--run", "2023", "--correlated", "efficency"), "efficiency"),
        (("compare", *POINT, "--method", "asymptotc"), "asymptotic"),
        (("significance", *POINT, "--method", "toy"), "toys"),
        (("exclusion", "axion-muon", "--mass", "0.1:1", "--coupling", "0.1:1", "--level", "obsrved"), "observed"),
        (("project", *POINT, "--mot", "1e12", "--mot-background", "permot"), "per-mot"),
        (("cite", "axion-muon", "--method", "postrior"), "posterior"),
        (("credible", *POINT, "--prior", "flat:yeld:0:50"), "yield"),
        (("credible", *POINT, "--prior", "logflat:yield:1:50"), "log-flat"),
        (("credible", *POINT, *FLAT, "--count", "invisble=1"), "invisible"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_of_a_scenario(na64stat, words, meant):
    assert na64stat(*words).error.count(f"did you mean {meant!r}?") == 1


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("significance", "--region", "invisble"), "invisible"),
        (("fit", "--minos", "efficiency"), "efficiency_2022"),
        (("fit", "--impacts", "--parameter", "effciency_2022"), "efficiency_2022"),
        (("limit", "--measurement", "countng"), "counting"),
        (("posterior", "--prior", "flat:mu:0:5", "--count", "invisble=1"), "invisible"),
        (("workspace", "two.json", "--uncorrelated", "efficincy_2022"), "efficiency_2022"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_of_a_workspace(na64stat, write_workspace, words, meant):
    name = write_workspace(channels={"invisible": (1, 1, 1), "visible": (1, 1, 1)}, normsys={"efficiency_2022": 0.1})
    Path("two.json").write_bytes(Path(name).read_bytes())
    assert f"did you mean {meant!r}?" in na64stat(words[0], name, *words[1:]).error


def test_counts_name_the_region_that_is_not_there(na64stat):
    error = na64stat("credible", *POINT, *FLAT, "--count", "visible=1").error
    assert "counts: 'visible' is none of the regions that are asked about, invisible" in error


def test_of_a_level_of_a_map(na64stat, here):
    for name in ("a", "b"):
        assert (
            na64stat("scan", *POINT[:1], "--mass", "0.1:0.2:2", "--coupling", "1e-3:1:2", "-o", f"{name}.json").status
            == 0
        )
    error = na64stat("plot", "--compare", "a.json", "b.json", "--level", "medain").error
    assert "no level 'medain'; it has observed, median; did you mean 'median'?" in error


def test_what_is_like_nothing_gets_no_hint(na64stat):
    error = na64stat("cross-section", "xyz", "--mass", "0.1").error
    assert error.rstrip().endswith("'photon_fusion', 'dark_pair'")


def test_every_choice_of_every_command_hints():
    """A command that uses click's own type would answer a slip without a hint."""

    def parameters(command):
        yield from command.params
        for inner in getattr(command, "commands", {}).values():
            yield from parameters(inner)

    choices = [item.type for item in parameters(cli) if isinstance(item.type, click.Choice)]
    assert len(choices) >= 10
    assert all(isinstance(item, Choice) for item in choices)


@pytest.mark.parametrize("process", PROCESSES)
def test_a_right_choice_is_taken(process):
    command = click.Command(
        "x", params=[click.Argument(["process"], type=Choice(PROCESSES))], callback=lambda process: click.echo(process)
    )
    assert CliRunner().invoke(command, [process]).output.strip() == process


@pytest.mark.parametrize("command", ["plot", "plot --compare"])
@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"version": "1.0.0", "channels": [], "observations": [], "measurements": []}, "a pyhf workspace"),
        ({"schema": 1, "kind": "limits"}, "holds 'limits', a record of na64stat"),
        ({"schema": 1, "mu": 1}, "an answer of na64stat (--json)"),
        ({"kind": "drawing"}, "holds 'drawing'"),
        ({}, "no record of na64stat"),
        ([1], "no JSON object"),
    ],
)
def test_no_map(na64stat, here, command, content, text):
    (here / "x.json").write_text(json.dumps(content), encoding="utf-8")
    error = na64stat(*command.split(), "x.json", "other.json", "--figure", "x.png").error
    assert f"x.json: {text}; expected a file of `na64stat scan` or `na64stat exclusion`\n" in error


def test_no_result(na64stat, here):
    (here / "x.json").write_text(json.dumps({"version": "1.0.0", "channels": []}), encoding="utf-8")
    assert (
        "x.json: a pyhf workspace; expected scan, exclusion, "
        in na64stat("export", "hepdata", "x.json", "-o", "s").error
    )


@pytest.mark.parametrize("kind", COMMANDS)
@pytest.mark.parametrize(
    "words", [("limit",), ("posterior", "--prior", "flat:mu:0:9"), ("fit",), ("workspace", "ws.json")]
)
def test_a_record_where_a_workspace_is_right(na64stat, write_workspace, here, words, kind):
    write_workspace(channels={"box": (1, 1, 1)})
    (here / "x.json").write_text(json.dumps({"schema": 1, "kind": kind}), encoding="utf-8")
    error = na64stat(words[0], *words[1:], "x.json").error
    assert error.endswith(f"x.json: holds '{kind}', a record of na64stat; expected a pyhf workspace here\n")


def test_a_workspace_within_an_answer(na64stat, here):
    answer = na64stat("workspace", *POINT, "--json")
    (here / "x.json").write_text(answer.out, encoding="utf-8")
    assert "the workspace alone, as -o writes it, here" in na64stat("limit", "x.json").error


def test_a_file_of_a_class_without_its_class_is_not_run(na64stat, here):
    (here / "mine.py").write_text(OWN, encoding="utf-8")
    error = na64stat("limit", "mine.py", "--mass", "0.1").error
    assert "scenario file mine.py: no class is named; expected mine.py:LeptonScalar or mine.py:Other\n" in error
    (here / "empty.py").touch()
    assert "no class is named; expected empty.py:Class" in na64stat("limit", "empty.py", "--mass", "0.1").error
    assert "gone.py: no such file" in na64stat("limit", "gone.py", "--mass", "0.1").error


def test_a_misspelt_class(na64stat, here):
    source = "from na64stat import AxionMuon\n\nclass LeptonScalar(AxionMuon):\n    name = 'mine'\n"
    (here / "mine.py").write_text(source, encoding="utf-8")
    error = na64stat("limit", "mine.py:LeptonScala", "--mass", "0.1").error
    assert "no Scenario class 'LeptonScala'; it has AxionMuon, LeptonScalar; did you mean 'LeptonScalar'?" in error


def test_a_run_file_is_no_scenario(na64stat):
    error = na64stat("limit", "later.toml", "--mass", "0.1").error
    assert "a TOML file is a run, for --run later.toml" in error
