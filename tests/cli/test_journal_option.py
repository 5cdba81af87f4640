"""--journal and --output: nothing is lost when the result cannot be put out, and what is no journal is left alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from na64stat.errors import InputError
from na64stat.study.maps.long_work import Means

WORDS = ("scan", "axion-muon", "--mass", "0.1", "--coupling", "1e-3:1e-1:2", "--json", "--journal")


@pytest.mark.skipif(sys.platform != "linux", reason="a full device of Linux")
def test_a_result_that_nobody_took_keeps_its_journal(na64stat, here):
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        found = subprocess.run(
            [sys.executable, "-m", "na64stat.cli.main", *WORDS, "j"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert found.returncode == 2
    assert "what is finished is kept in j" in found.stderr
    answer = na64stat(*WORDS, "j")
    assert "going on from j" in answer.err
    assert answer.json["kind"] == "scan"
    assert not (here / "j").exists()


def test_what_is_no_journal_is_left_alone(na64stat, here):
    (here / "notes.txt").touch()
    os.mkfifo(here / "pipe")
    assert "journal notes.txt: not a journal of na64stat" in na64stat(*WORDS, "notes.txt").error
    assert "journal pipe: this is no regular file" in na64stat(*WORDS, "pipe").error
    assert sorted(path.name for path in here.iterdir()) == ["notes.txt", "pipe"]


def test_a_link_into_a_missing_folder_is_refused_at_once(na64stat, here):
    (here / "pl.json").symlink_to("missing/pl.json")
    answer = na64stat("project", "axion-muon", "--mass", "0.1", "--mot", "1e10:1e12:3", "-o", "pl.json")
    assert answer.error.startswith("na64stat: error: --output: pl.json: there is no folder")


SCAN = ("scan", "axion-muon", "--coupling", "1e-3:1e-1:2", "-o", "s.json")
REGION = ("exclusion", "axion-muon", "--coupling", "1e-3:1e-1", "-o", "s.json")


@pytest.mark.parametrize(
    ("command", "wrong", "right"), [(SCAN, "170:180:2", "0.1:0.2:2"), (REGION, "170:180", "0.1:0.2")]
)
def test_a_refused_command_leaves_no_journal(na64stat, here, command, wrong, right):
    answer = na64stat(*command, "--mass", wrong)
    assert answer.status == 2
    assert "beyond the reach of a 160 GeV beam" in answer.error
    assert list(here.iterdir()) == []
    answer = na64stat(*command, "--mass", right)
    assert answer.status == 0, answer.err
    assert [path.name for path in here.iterdir()] == ["s.json"]


def test_what_a_stopped_run_left_is_kept_when_another_cannot_write(tmp_path):
    """Refusals that have nothing to do with the question leave what others finished."""
    means = Means(journal=tmp_path / "j")
    with pytest.raises(KeyboardInterrupt):
        _run(means, _Half(), [1, 2], KeyboardInterrupt())
    before = (tmp_path / "j").read_bytes()
    with pytest.raises(InputError, match="cannot be sent"):
        _run(means, _Half(), [1, 2], InputError("the scenario cannot be sent to other processes"))
    assert (tmp_path / "j").read_bytes() == before
    with pytest.raises(InputError, match="another question"), means.engine(_Half(), {"q": 2}):
        pass
    assert (tmp_path / "j").read_bytes() == before


def test_a_stopped_run_that_had_only_failures_is_no_hindrance(tmp_path):
    means = Means(journal=tmp_path / "j")
    with pytest.raises(KeyboardInterrupt):
        _run(means, _Failing(), [1], KeyboardInterrupt())
    with pytest.raises(InputError, match="every point failed"):
        _run(means, _Failing(), [1, 2], InputError("every point failed"))
    assert list(tmp_path.iterdir()) == []


class _Half:
    def __call__(self, task):
        return {"events": task / 2}


class _Failing:
    def __call__(self, task):
        return {"failed": f"{task} is beyond the reach"}


def _run(means, job, tasks, error):
    """Work of one question that ends with an error."""
    with means.engine(job, {"q": 1}) as engine:
        engine.run(tasks)
        raise error
