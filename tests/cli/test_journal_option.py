"""--journal and --output: nothing is lost when the result cannot be put out, and what is no journal is left alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
