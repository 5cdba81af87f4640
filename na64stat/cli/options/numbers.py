"""Options of numbers: masses, couplings and muons on target as X, LO:HI:N or LO:HI."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import click

from na64stat.errors import InputError

# Python also reads 1_000, nan and the digits of other scripts as numbers; here they are slips.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_COUNT = re.compile(r"\d+", re.ASCII)
_SMALLEST, _LARGEST = 1e-30, 1e30
"""Masses and couplings beyond these mean nothing, and their powers leave the range of a double."""
_MOST_STEPS = 100_000


class RangeType(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4
    """A positive number, or LO:HI:N for N numbers evenly spaced in the logarithm."""

    name = "range"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """How help texts show a value."""
        return "X|LO:HI:N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[float]:
        """The numbers that a text stands for."""
        if isinstance(value, list):
            return value
        numbers = _range(str(value).split(":"))
        if numbers is None:
            self.fail(
                f"{value!r}: expected a number from {_SMALLEST:g} to {_LARGEST:g}, or LO:HI:N with LO < HI and N from 2 to "
                f"{_MOST_STEPS} (logarithmic), e.g. 1e-3:1:40",
                param,
                ctx,
            )
        return numbers


def _range(parts: list[str]) -> list[float] | None:
    if len(parts) not in (1, 3) or not all(_NUMBER.fullmatch(part) for part in parts[:2]):
        return None
    ends = [float(part) for part in parts[:2]] if len(parts) == 3 else [float(parts[0])]
    if not all(_SMALLEST <= end <= _LARGEST for end in ends):
        return None
    if len(parts) == 1:
        return ends
    low, high = ends
    # The length comes first: Python refuses to read a number of thousands of digits.
    if not _COUNT.fullmatch(parts[2]) or len(parts[2]) > 9 or not 2 <= int(parts[2]) <= _MOST_STEPS or low >= high:
        return None
    count = int(parts[2])
    steps = [low * (high / low) ** (i / (count - 1)) for i in range(count - 1)]
    return [*steps, high]


RANGE = RangeType()


def numbers_option(name: str, help_text: str, *, required: bool = False) -> Callable[[Any], Any]:
    """An option of numbers and ranges, all of which count if it is repeated; the command gets a list, or None."""
    return click.option(name, type=RANGE, multiple=True, required=required, callback=_each_once, help=help_text)


def _each_once(
    context: click.Context, option: click.Parameter, ranges: Sequence[Sequence[float]]
) -> list[float] | None:
    values = [value for numbers in ranges for value in numbers]
    if len(set(values)) != len(values):
        raise InputError(f"{option.opts[0]}: {len(values)} values, {len(set(values))} different; expected each once")
    return values or None


class SpanType(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4
    """LO:HI, two positive numbers."""

    name = "span"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """How help texts show a value."""
        return "LO:HI"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        """The two ends."""
        if isinstance(value, tuple):
            return value
        ends = _range([*str(value).split(":"), "2"]) if str(value).count(":") == 1 else None
        if ends is None:
            self.fail(
                f"{value!r}: expected LO:HI with LO < HI, numbers from {_SMALLEST:g} to {_LARGEST:g}, e.g. 1e-3:1"
                f"{_without_steps(value)}",
                param,
                ctx,
            )
        return ends[0], ends[1]


def _without_steps(value: object) -> str:
    parts = str(value).split(":")
    return f"; here without a number of steps, {':'.join(parts[:2])}" if len(parts) == 3 else ""


SPAN = SpanType()


def span_option(name: str, help_text: str, *, required: bool = False) -> Callable[[Any], Any]:
    """An option of a range without steps; the command gets its ends, or None."""
    return click.option(name, type=SPAN, required=required, help=help_text)


def one_number(values: list[float], option: str) -> float:
    """The only value of a range option."""
    if len(values) != 1:
        raise InputError(f"{option}: {len(values)} values; this command takes one number")
    return values[0]
