"""Values out of a file, each with its place in it: asked for what it should be, a value is that, or is refused by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError, shown
from na64stat.records.status import is_status

Array = NDArray[np.float64]
Interval = tuple[float, float | None]

_T = TypeVar("_T")

_LARGEST: Final = 1e100
"""No number of a record is beyond; figures cannot show others, and squares of others overflow."""


@dataclass(frozen=True)
class Range:
    """Numbers that are right, both ends included, and what they are in words."""

    low: float
    high: float
    words: str


FINITE: Final = Range(-_LARGEST, _LARGEST, f"a number from {-_LARGEST:g} to {_LARGEST:g}")
NOT_NEGATIVE: Final = Range(0.0, _LARGEST, f"a number from 0 to {_LARGEST:g}")
POSITIVE: Final = Range(1 / _LARGEST, _LARGEST, f"a positive number, from {1 / _LARGEST:g} to {_LARGEST:g}")
PROBABILITY: Final = Range(0.0, 1.0 + 1e-9, "a number from 0 to 1")
"""A ratio such as CL_s can be above 1 by its rounding."""

LEVEL: Final = Range(math.nextafter(0.0, 1.0), math.nextafter(1.0, 0.0), "a number between 0 and 1")


@dataclass(frozen=True)
class Entry:
    """A value of a JSON file.

    Attributes
    ----------
    value
        As `parse_json` gives it.
    place
        Where it stands, such as "points[3].mass_gev"; empty for the whole.
    where
        What a message begins with: the name of the file, and what it is.
    """

    value: Any
    place: str
    where: str

    def wrong(self, right: str) -> InputError:
        """The error that says what stands here, and what would be right."""
        return InputError(f"{self.where}: {self.place or 'the file'} is {shown(self.value)}; expected {right}")

    def __getitem__(self, name: str) -> Entry:
        """An entry of an object, which must be there."""
        place = f"{self.place}.{name}" if self.place else name
        if name not in self.object():
            raise InputError(f"{self.where}: no {place}; expected every entry that na64stat writes")
        return Entry(self.value[name], place, self.where)

    def item(self, number: int) -> Entry:
        """An item of a list."""
        return Entry(self.value[number], f"{self.place}[{number}]", self.where)

    def object(self) -> dict[str, Any]:
        """An object, as it is."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return self.value

    def fields(self) -> dict[str, Entry]:
        """The entries of an object by name."""
        return {name: self[name] for name in self.object()}

    def filled_fields(self, what: str) -> dict[str, Entry]:
        """The entries of an object that is not empty, whose message says what is in it."""
        if not self.object():
            raise self.wrong(f"an object with {what}")
        return self.fields()

    def items(self, length: int | None = None) -> list[Entry]:
        """The items of a list, of a length if one is named."""
        return [self.item(number) for number in range(len(self._list(length)))]

    def filled(self) -> list[Entry]:
        """The items of a list that is not empty."""
        if not self._list(None):
            raise self.wrong("a list that is not empty")
        return self.items()

    def _list(self, length: int | None) -> list[Any]:
        if not isinstance(self.value, list) or length not in (None, len(self.value)):
            raise self.wrong("a list" if length is None else f"a list of {length}")
        return self.value

    def or_none(self, read: Callable[[Entry], _T]) -> _T | None:
        """None for null, else what `read` makes of it."""
        return None if self.value is None else read(self)

    def text(self) -> str:
        """A text."""
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        return self.value

    def name(self) -> str:
        """A text that is not blank."""
        if not self.text().strip():
            raise self.wrong("a text that is not blank")
        return self.text()

    def texts(self) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(item.text() for item in self.items())

    def names(self) -> tuple[str, ...]:
        """A list of texts that is not empty, and none of them blank."""
        return tuple(item.name() for item in self.filled())

    def status(self, words: Collection[str]) -> str:
        """The status of a point: a failure, or one of some words."""
        if not is_status(self.text(), words):
            raise self.wrong(f"{', '.join(words)}, or 'failed: ' and why")
        return self.text()

    def one_of(self, known: Sequence[_T]) -> _T:
        """One of a few values, of the same type."""
        for right in known:
            if type(self.value) is type(right) and self.value == right:
                return right
        raise self.wrong(" or ".join(map(repr, known)))

    def whole(self, high: int) -> int:
        """A whole number from 0 to `high`."""
        if type(self.value) is not int or not 0 <= self.value <= high:
            raise self.wrong(f"a whole number from 0 to {high}")
        return self.value

    def number(self, right: Range) -> float:
        """A number of a range."""
        if not _is_in(self.value, right):
            raise self.wrong(right.words)
        return float(self.value)

    def positive(self) -> float:
        """A positive number."""
        return self.number(POSITIVE)

    def numbers(self, right: Range, length: int | None = None, gaps: NDArray[np.bool_] | None = None) -> Array:
        """Numbers of a range, shape (N,), with NaN for null where there may be gaps, shape (N,); by default there are none."""
        values = self._list(length)
        found = np.full(len(values), math.nan)
        for number, value in enumerate(values):
            if value is None and gaps is not None and gaps[number]:
                continue
            if not _is_in(value, right):
                raise self.item(number).wrong(right.words)
            found[number] = value
        return found

    def grid(self, right: Range, gaps: NDArray[np.bool_]) -> Array:
        """Rows of `numbers`, in the shape (M, G) of `gaps`."""
        rows = self.items(len(gaps))
        return np.array([row.numbers(right, gaps.shape[1], gaps[i]) for i, row in enumerate(rows)])

    def axis(self) -> Array:
        """Positive numbers in increasing order, at least one, shape (N,)."""
        self.filled()
        found = self.numbers(POSITIVE)
        # In the logarithm, since two that are told apart only in their last digit lie at one place of a map.
        for number in np.flatnonzero(np.diff(np.log(found)) <= 0):
            raise self.item(int(number) + 1).wrong(f"more than the one before, {found[number]:g}")
        return found

    def intervals(self) -> tuple[Interval, ...]:
        """Intervals of the coupling in increasing order, whose upper end can be null."""
        found: list[Interval] = []
        for item in self.items():
            low, high = item.items(2)
            found.append((low.positive(), high.or_none(Entry.positive)))
        ends = [end for low_, high_ in found for end in (low_, math.inf if high_ is None else high_)]
        if ends != sorted(ends):
            raise self.wrong("a list of couplings in increasing order")
        return tuple(found)


def _is_in(value: Any, right: Range) -> bool:
    return type(value) in (int, float) and right.low <= value <= right.high
