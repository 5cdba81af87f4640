"""The benchmark script: its models are those it names, and bad input is refused before minutes of work."""

import subprocess
import sys
from pathlib import Path

import pytest

from na64stat.stats.exact.exact import Exact
from na64stat.stats.likelihood.model import Model
from na64stat.stats.limits import upper_limit

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def workspaces():
    sys.path.insert(0, str(SCRIPTS))
    try:
        from benchmark import workspaces
    finally:
        sys.path.remove(str(SCRIPTS))
    return workspaces


def test_two_regions(workspaces):
    workspace = workspaces.two_regions()
    assert len(Model.from_workspace(workspace).parameters) == 5
    assert upper_limit(workspace, Exact()).observed == pytest.approx(0.657, rel=0.01)


def test_fifty_bins(workspaces):
    model = Model.from_workspace(workspaces.binned(1))
    assert model.bins == 50
    assert len(model.parameters) == 21
    assert {len(row.normsys) > 0 and len(row.histosys) > 0 for row in model.signal_rows} == {True}
    again, other = (Model.from_workspace(workspaces.binned(seed)) for seed in (1, 2))
    assert (model.observed == again.observed).all()
    assert (model.observed != other.observed).any()


def run(*arguments):
    command = [sys.executable, str(SCRIPTS / "benchmark_inference.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help():
    answer = run("--help")
    assert answer.returncode == 0
    assert "--rounds" in answer.stdout


@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--case", "none"], ["--scale", "-1"]])
def test_bad_input(arguments, tmp_path):
    answer = run("-o", str(tmp_path / "result.json"), *arguments)
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    assert not list(tmp_path.iterdir())
