"""The question besides scenario, run, regions and method, in words: results that differ in it must not look alike.

A record's file can have been edited by hand: what it says is checked before it is believed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from na64stat.errors import InputError, shown
from na64stat.yields.survival import DepthAverage

CRITERIA: Final = {"cl_s": "CL_s", "cl_sb": "CL_sb, not CL_s", "interval": "Feldman-Cousins interval"}
_NOT_STATED: Final = "not stated"

Option = bool | int | float | str


@dataclass(frozen=True)
class Asked:
    """The part of a question that only the provenance of its result states.

    Attributes
    ----------
    options
        Of the scenario, those that are not the default.
    background
        The setting, or that of each run.
    average
        Depth average; None where it is not stated.
    systematics
        Whether uncertainties take part.
    correlated
        Uncertainties that are one parameter in all runs.
    criterion
        What has to fall to 1 - cl: "cl_s", "cl_sb", "interval" or "not stated".
    """

    options: Mapping[str, Option]
    background: str | Mapping[str, str]
    average: DepthAverage | None
    systematics: bool
    correlated: tuple[str, ...]
    criterion: str

    @property
    def background_text(self) -> str:
        """In words, empty where it is not stated."""
        if isinstance(self.background, str):
            return self.background
        return ", ".join(f"{name}: {setting}" for name, setting in self.background.items())

    @classmethod
    def of(cls, result: Any) -> Asked:
        """Read from the provenance of a result.

        Raises
        ------
        InputError
            If an entry is none that a result can have.
        """
        said: Mapping[str, Any] = getattr(result, "provenance", {})

        def entry(name: str, default: Any) -> Any:
            value = said.get(name, default)
            is_right, right = _ENTRIES[name]
            if name in said and not is_right(value):
                where = f"{getattr(result, 'scenario', 'result')}, run {getattr(result, 'run', None)}"
                raise InputError(f"{where}: provenance, {name} = {shown(value)}; expected {right}")
            return value

        average = entry("depth_average", None)
        return cls(
            options=entry("options", {}),
            background=entry("background", ""),
            average=None if average is None else DepthAverage(average),
            systematics=entry("systematics", True),
            correlated=tuple(entry("correlated", ())),
            criterion=entry("criterion", "cl_s"),
        )

    @property
    def variant(self) -> str:
        """Addition of the scenario's options and the depth average to the name of a table, such as ", loop decay"."""
        parts = [_option(name, value) for name, value in self.options.items()]
        if self.average is DepthAverage.CONTINUOUS:
            parts.append("any depth")
        return "".join(f", {part}" for part in parts)

    @property
    def departures(self) -> tuple[str, ...]:
        """Departures from the defaults, in a few words each, for headlines."""
        settings = {"": self.background} if isinstance(self.background, str) else self.background
        parts = [_option(name, value) for name, value in self.options.items()]
        parts += [
            f"background {setting} {run}".rstrip() for run, setting in settings.items() if setting not in ("", "none")
        ]
        if self.average is DepthAverage.CONTINUOUS:
            parts.append("continuous depth average")
        if not self.systematics:
            parts.append("no systematics")
        parts += [f"{name} correlated" for name in self.correlated]
        if self.criterion == "cl_sb":
            parts.append(CRITERIA[self.criterion])
        return tuple(parts)

    @property
    def text(self) -> str:
        """Sentences on all of it."""
        parts = [f"Option of the model: {_option(name, value)}" for name, value in self.options.items()]
        if self.background_text:
            parts.append(f"Background setting: {self.background_text}")
        if self.average is not None:
            text = {DepthAverage.LAYERS: "sum over target layers", DepthAverage.CONTINUOUS: "continuous"}[self.average]
            parts.append(f"Production depth: {text}")
        if not self.systematics:
            parts.append("Without systematic uncertainties")
        if self.correlated:
            parts.append(f"Correlated between runs: {', '.join(self.correlated)}")
        if self.criterion != "cl_s":
            parts.append(f"Criterion: {CRITERIA.get(self.criterion, _NOT_STATED)}")
        return " ".join(f"{part}." for part in parts)


def _is_option(value: object) -> bool:
    return isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))


def _is_table(value: object, is_right: Callable[[object], bool]) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) and is_right(item) for key, item in value.items())


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_ENTRIES: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "options": (lambda value: _is_table(value, _is_option), "a table of numbers, texts, true and false"),
    "background": (lambda value: _is_text(value) or _is_table(value, _is_text), "a setting, or a table of one by run"),
    "depth_average": (lambda value: value in [item.value for item in DepthAverage], "'layers' or 'continuous'"),
    "systematics": (lambda value: isinstance(value, bool), "true or false"),
    "correlated": (lambda value: isinstance(value, list | tuple) and all(map(_is_text, value)), "a list of texts"),
    "criterion": (lambda value: value in [*CRITERIA, _NOT_STATED], f"one of {', '.join(CRITERIA)}, {_NOT_STATED}"),
}


def _option(name: str, value: Option) -> str:
    words = name.replace("_", " ")
    return words if value is True else f"{words} = {value}"
