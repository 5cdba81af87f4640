"""What is installed, under which licence, in which versions."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins(name):
    lines = (ROOT / "constraints" / name).read_text(encoding="utf-8").splitlines()
    found = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    return {re.sub("[-_.]+", "-", key).lower(): value for key, value in found.items()}


def test_lowest_versions_are_those_of_pyproject():
    lowest = dict(item.split(">=") for item in PROJECT["dependencies"])
    assert pins("minimum.txt") == {name.lower(): version for name, version in lowest.items()}


def test_newest_versions_are_allowed_and_hold_every_dependency():
    def key(version):
        return [int(part) for part in re.findall(r"\d+", version)]

    newest = pins("newest.txt")
    for name, lowest in pins("minimum.txt").items():
        assert key(newest[name]) >= key(lowest), name


def test_licences_are_listed():
    """The committed page has a row with a licence for each direct dependency."""
    script = runpy.run_path(str(ROOT / "scripts" / "rebuild_licences.py"))
    rows = [line for line in (ROOT / "docs" / "licences.md").read_text(encoding="utf-8").splitlines() if "|" in line]
    listed = {row.split("|")[1].strip(): row for row in rows[2:]}
    assert listed.keys() == script["requirements"]().keys()
    assert not [row for row in listed.values() if "not stated" in row]


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_pythons_are_named(version):
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]
