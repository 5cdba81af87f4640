"""Options of a scenario: its fields beside mass and coupling, by name, as values or as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import partial
from typing import Any, Final

from na64stat.errors import ScenarioError, did_you_mean, shown
from na64stat.scenarios.base import ScenarioFactory

Option = bool | int | float | str

_WORDS: Final = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
_TRUTH: Final = {"true": True, "false": False}


def with_options(factory: ScenarioFactory, name: str, options: Mapping[str, Option]) -> ScenarioFactory:
    """A scenario with some of its options set.

    Parameters
    ----------
    factory
        Makes the scenario.
    name
        What it was called, for messages.
    options
        Values by name; a text is read as what the option's default is.

    Raises
    ------
    ScenarioError
        An option that the scenario does not have, or a value that is none for it.
    """
    if not options:
        return factory
    known = _known(factory)
    values: dict[str, Option] = {}
    for option, value in options.items():
        if option not in known:
            has = ", ".join(f"{key} ({_WORDS[kind]})" for key, kind in known.items()) or "none"
            raise ScenarioError(f"scenario {name!r}: no option {option!r}; it has {has}{did_you_mean(option, known)}")
        values[option] = _value(option, value, known[option])
    return partial(factory, **values)


def _known(factory: ScenarioFactory) -> dict[str, type]:
    """Kind of each option: the type of its default, a plain value."""
    made: Any = factory.func if isinstance(factory, partial) else factory
    if not is_dataclass(made):
        made = type(factory(mass=1.0, coupling=1.0))
    plain = {
        item.name: type(item.default)
        for item in fields(made)
        if item.name not in ("mass", "coupling") and item.default is not MISSING
    }
    return {key: kind for key, kind in plain.items() if kind in _WORDS}


def _value(option: str, value: Option, kind: Any) -> Option:
    found: Any = value
    if isinstance(value, str) and kind is not str:
        try:
            found = _TRUTH.get(value.lower(), value) if kind is bool else kind(value)
        except ValueError:
            found = value
    if kind is float and type(found) is int:
        found = float(found)
    if type(found) is not kind or (kind is float and not abs(float(found)) < 1e300):
        raise ScenarioError(f"option {option} = {shown(value)}: expected {_WORDS[kind]}")
    result: Option = found
    return result
