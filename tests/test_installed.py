"""The tests see the installed package, and everything that belongs to it was installed."""

import json
import os
import sysconfig
from importlib.metadata import distribution, entry_points
from pathlib import Path

import pytest

import na64stat

CHECKOUT = Path(__file__).parents[1] / "na64stat"
INSTALLED = Path(na64stat.__file__).parent


def is_editable():
    """Whether pip was asked to leave the package in the checkout, as a developer may."""
    origin = json.loads(distribution("na64stat").read_text("direct_url.json") or "{}")
    return origin.get("dir_info", {}).get("editable", False)


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_package_is_the_installed_one():
    if is_editable() and not os.environ.get("NA64STAT_TEST_INSTALLED"):
        pytest.skip("editable install: the checkout is tested in place of a wheel (`make test` tests the wheel)")
    assert INSTALLED.parent == Path(sysconfig.get_path("purelib"))
    assert INSTALLED != CHECKOUT


def test_it_is_this_checkout_with_every_file():
    installed, here = contents(INSTALLED), contents(CHECKOUT)
    assert installed.keys() == here.keys()
    stale = [name for name, content in here.items() if installed[name] != content]
    assert stale == [], "installed from an older state of the checkout: install again"


def test_the_data_are_among_them():
    names = contents(INSTALLED).keys()
    assert "py.typed" in names
    for folder, files in {
        "experiment/data": ["2022.toml", "2023.toml", "mot1e12.toml", "mot1e13.toml", "mot1e14.toml", "README.md"],
        "limits_library/data": ["axion_photon.csv", "axion_muon.csv", "zprime.csv", "README.md"],
    }.items():
        assert {f"{folder}/{name}" for name in files} <= names
    assert {Path(name).suffix for name in names} == {".py", ".pyi", ".toml", ".csv", ".md", ".bib", ".typed"}


def test_the_command_is_the_entry_point():
    (script,) = [point for point in entry_points(group="console_scripts") if point.name == "na64stat"]
    from na64stat.cli.main import main

    assert script.load() is main


def test_the_licence_travels_with_it():
    files = [str(path) for path in distribution("na64stat").files or []]
    assert any(name.endswith("LICENSE") for name in files)
