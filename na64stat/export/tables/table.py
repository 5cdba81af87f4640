"""A HEPData table: columns of numbers, bins, errors and text, as published and without loss.

What a cell says is kept as it was: 3 stays an integer, "10%" an error in per cent, "< 0.3" a text, and "-" a missing point.
`Variable.numbers` turns a column into floats where that is possible.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError
from na64stat.export.tables.text_entries import is_blank, number_in

Array = NDArray[np.float64]
Number = float | int
Scalar = Number | str

MISSING: Final = "-"
"""How HEPData writes a point that is not there."""

LONGEST_NAME: Final = 64
KEYWORDS: Final = ("cmenergies", "observables", "reactions", "phrases")


@dataclass(frozen=True)
class Uncertainty:
    """An error of a value: numbers in the unit of the column, or texts such as "10%".

    Attributes
    ----------
    minus, plus
        Signed shifts as they were published, as a rule downwards and upwards; equal if `symmetric`. None, which HEPData
        refuses, where a table leaves one empty.
    label
        Name, such as "stat"; None where it has none.
    symmetric
        Whether one number was given for both.
    hide
        Whether HEPData does not show it: the zero that it serves where a value has no error.
    """

    minus: Scalar | None
    plus: Scalar | None
    label: str | None = None
    symmetric: bool = False
    hide: bool = False

    @classmethod
    def of(cls, size: Scalar | None, label: str | None = None, *, hide: bool = False) -> Uncertainty:
        """An error of equal size downwards and upwards.

        Parameters
        ----------
        size
            A number in the unit of the column, or a text such as "10%".
        label
            What it is from.
        hide
            Whether HEPData does not show it.
        """
        return cls(size, size, label, symmetric=True, hide=hide)


@dataclass(frozen=True)
class Cell:
    """An entry of a column.

    Attributes
    ----------
    value
        Number or text; None for a bin without a centre.
    low, high
        Edges of a bin; None for a point.
    errors
        Errors of the value.
    """

    value: Scalar | None = None
    low: Number | None = None
    high: Number | None = None
    errors: tuple[Uncertainty, ...] = ()

    @property
    def missing(self) -> bool:
        """True if the point is not there."""
        if isinstance(self.value, str):
            return is_blank(self.value)
        return self.value is not None and math.isnan(self.value)

    @property
    def number(self) -> float | None:
        """The number: the value, or of a bin without one its centre; None for a missing point or another text."""
        if self.value is None:
            return None if self.low is None or self.high is None else (self.low + self.high) / 2
        if isinstance(self.value, str):
            return number_in(self.value)
        return None if self.missing else float(self.value)


@dataclass(frozen=True)
class Qualifier:
    """Something that holds for a whole column, such as ("CL", "90%").

    Attributes
    ----------
    name, value, unit
        Such as "CL", 90 and "%"; a value of None, which HEPData refuses, where a table leaves it empty.
    """

    name: str
    value: Scalar | None
    unit: str | None = None


@dataclass(frozen=True)
class Variable:
    """A column.

    Attributes
    ----------
    name, unit
        Of its head; unit None where there is none.
    cells
        Entries, one a row.
    qualifiers
        What holds for all of them; of dependent columns only.
    """

    name: str
    cells: tuple[Cell, ...]
    unit: str | None = None
    qualifiers: tuple[Qualifier, ...] = ()

    @property
    def numbers(self) -> Array:
        """The entries as floats, shape (rows,); NaN for missing points and text."""
        return np.array([math.nan if cell.number is None else cell.number for cell in self.cells], dtype=float)


@dataclass(frozen=True)
class Resource:
    """A file, or an address, that belongs to a table or to the whole submission.

    Attributes
    ----------
    location
        File name, or an address.
    description
        In a sentence.
    type
        Such as "HistFactory"; None where it has none.
    licence
        As HEPData has it: name, url, description.
    """

    location: str
    description: str
    type: str | None = None
    licence: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Table:
    """Columns with a name and a description.

    Attributes
    ----------
    name
        At most 64 characters.
    description
        What it holds, in sentences.
    independent, dependent
        Columns, all with as many rows.
    keywords
        Name (cmenergies, observables, reactions, phrases) -> values.
    location
        Where it stands in the paper; empty if nowhere.
    resources
        Files that belong to it.
    more
        Further keys of its entry in submission.yaml, kept as they are.
    """

    name: str
    description: str
    independent: tuple[Variable, ...]
    dependent: tuple[Variable, ...]
    keywords: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    location: str = ""
    resources: tuple[Resource, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = (*self.independent, *self.dependent)
        if len({len(column.cells) for column in columns}) > 1:
            lengths = ", ".join(f"{column.name!r}: {len(column.cells)}" for column in columns)
            raise InputError(f"table {self.name!r}: columns of different lengths, {lengths}; expected one length")

    @property
    def rows(self) -> int:
        """Number of rows."""
        columns = (*self.independent, *self.dependent)
        return len(columns[0].cells) if columns else 0

    def column(self, name: str) -> Variable:
        """A column by name.

        Parameters
        ----------
        name
            Of the column.

        Raises
        ------
        InputError
            If there is none.
        """
        for variable in (*self.independent, *self.dependent):
            if variable.name == name:
                return variable
        known = ", ".join(variable.name for variable in (*self.independent, *self.dependent))
        raise InputError(f"table {self.name!r}: no column {name!r}; it has {known}")


def rounded(value: float, digits: int = 5) -> float:
    """A number to so many significant digits, to the nearest one: what is published, and read back without a change."""
    return float(f"{value:.{digits - 1}e}") if math.isfinite(value) else value


def cells(values: Iterable[float | None]) -> tuple[Cell, ...]:
    """Cells of rounded numbers; None, NaN and infinity are missing points."""
    return tuple(
        Cell(MISSING) if value is None or not math.isfinite(value) else Cell(rounded(float(value))) for value in values
    )
