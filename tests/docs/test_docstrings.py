"""Every documented name says what it is, what its parameters are and in which unit, and what it raises."""

import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import pytest

import na64stat
from na64stat.errors import InputError

from . import docstrings

PAGES = sorted((Path(__file__).parents[2] / "docs" / "api").glob("*.md"))

SHAPES_OF_RECORDS = "na64stat.plot.records"
"""Protocols: what they ask for is documented in the records themselves."""


def directives():
    """What the pages of the API document: (kind, dotted name)."""
    return [found for page in PAGES for found in re.findall(r"auto(\w+):: ([\w.]+)", page.read_text(encoding="utf-8"))]


def find(dotted):
    home, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(home), name)


def documented_objects():
    """Dotted name -> class or function, those of documented modules one by one."""
    found = {}
    for kind, dotted in directives():
        if kind == "module" and dotted != SHAPES_OF_RECORDS:
            module = importlib.import_module(dotted)
            own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == dotted]
            for name in getattr(module, "__all__", [name for name in own if not name.startswith("_")]):
                found[f"{dotted}.{name}"] = getattr(module, name)
        elif kind in ("class", "function"):
            found[dotted] = find(dotted)
    return {name: value for name, value in found.items() if inspect.isclass(value) or inspect.isfunction(value)}


def faults(thing, bases=()):
    """What is missing in one docstring, in words."""
    found = {"parameters": [], "units": docstrings.without_units(thing), "errors": []}
    if inspect.isclass(thing):
        found["parameters"] = docstrings.undocumented_fields(thing)
    else:
        found["errors"] = docstrings.undocumented_errors(thing)
        if not isinstance(thing, property):
            found["parameters"] = docstrings.undocumented_parameters(thing, bases)
    if docstrings.summary_missing(thing.fget if isinstance(thing, property) else thing):
        found["summary"] = ["a sentence in front"]
    return {kind: names for kind, names in found.items() if names}


OBJECTS = documented_objects()


@pytest.mark.parametrize("package", [na64stat, na64stat.export], ids=["na64stat", "export"])
def test_every_public_name_is_in_the_reference(package):
    wanted = {f"{package.__name__}.{name}" for name in package.__all__} - {"na64stat.export"}
    modules = {
        find(dotted) if dotted.count(".") == 1 else importlib.import_module(dotted)
        for kind, dotted in directives()
        if kind == "module"
    }
    exceptions = {
        f"na64stat.{name}" for module in modules if module.__name__ == "na64stat.errors" for name in vars(module)
    }
    assert wanted - exceptions <= {dotted for _, dotted in directives()}


def test_no_name_is_documented_twice():
    names = [dotted for _, dotted in directives()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", OBJECTS)
def test_docstring(name):
    thing = OBJECTS[name]
    found = {name: faults(thing)}
    if inspect.isclass(thing):
        for member, value in docstrings.members(thing):
            found[f"{name}.{member}"] = faults(value, docstrings.overridden(thing, member))
    assert {key: value for key, value in found.items() if value} == {}


class TestTheCheckItself:
    """It finds what is missing, and is content with what is there."""

    def good(self, mass, couplings, *, mot=1.0):
        """Events.

        Parameters
        ----------
        mass, couplings
            Of the axion [GeV; GeV^-1].
        mot
            Muons.

        Raises
        ------
        ValueError
            For a negative mass.
        """
        if mass < 0:
            raise InputError(f"{mass}")

    def bad(self, mass, couplings, *, mot=1.0):
        """Events

        Parameters
        ----------
        mass
            Of the axion.
        couplings
        """
        if mass < 0:
            raise InputError(f"{mass}")

    def test_functions(self):
        assert faults(TestTheCheckItself.good) == {}
        assert faults(TestTheCheckItself.bad) == {
            "parameters": ["couplings", "mot"],
            "units": ["mass", "couplings"],
            "errors": ["InputError"],
            "summary": ["a sentence in front"],
        }

    def test_what_is_overridden_counts(self):
        def plain(self, mass, couplings, *, mot=1.0):
            """Events."""

        assert faults(plain) == {"parameters": ["mass", "couplings", "mot"]}
        assert faults(plain, [TestTheCheckItself.good]) == {}

    def test_dataclasses(self):
        @dataclasses.dataclass
        class Bare:
            mass: float

        @dataclasses.dataclass
        class Said(Bare):
            """A particle.

            Attributes
            ----------
            mass
                Mass [GeV].
            """

        assert faults(Bare) == {"parameters": ["mass"], "summary": ["a sentence in front"]}
        assert faults(Said) == {}
