"""The committed workspaces are current, and are what pyhf reads."""

import json
from pathlib import Path

import pyhf
import pytest

from na64stat.report.workspaces import reference_workspaces

FOLDER = Path(__file__).resolve().parents[1] / "workspaces"


@pytest.fixture(scope="module")
def rebuilt():
    return reference_workspaces()


def test_every_file_is_there_and_no_other(rebuilt):
    assert sorted(path.name for path in FOLDER.glob("*.json")) == sorted(rebuilt)


def assert_same(ours, theirs, where=""):
    """Equal, numbers to 1e-9: another processor may round differently."""
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), where
        for key, value in ours.items():
            assert_same(value, theirs[key], f"{where}.{key}")
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), where
        for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(one, other, f"{where}[{i}]")
    elif isinstance(ours, float):
        assert theirs == pytest.approx(ours, rel=1e-9, abs=1e-30), where
    else:
        assert ours == theirs, where


def test_committed_files_are_current(rebuilt):
    for name, workspace in rebuilt.items():
        assert_same(workspace, json.loads((FOLDER / name).read_text()), name)


def test_pyhf_reads_them():
    for path in FOLDER.glob("*.json"):
        model = pyhf.Workspace(json.loads(path.read_text())).model()
        assert model.config.poi_name == "mu"
