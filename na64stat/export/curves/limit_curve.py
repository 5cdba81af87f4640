"""Limit curves out of tables: from any HEPData table of a limit against a mass to a record in GeV, and to an overlay."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Self

from na64stat.errors import InputError
from na64stat.export.curves.errors import shifts
from na64stat.export.curves.units import is_square, unit_of, written
from na64stat.export.tables.table import Cell, Qualifier, Scalar, Table, Variable
from na64stat.limits_library.citations import keys_in
from na64stat.limits_library.existing import ExistingLimit

_BOUND: Final = re.compile(r"(?:<|<=|\u2264)\s*(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")


@dataclass(frozen=True)
class LimitCurve:
    """A limit on a coupling against the mass.

    Attributes
    ----------
    name
        Of the column.
    mass
        Masses [GeV], increasing or not, as in the table.
    coupling
        Limits, None where there is none; in `unit`.
    unit
        "1", or a power of GeV such as "GeV^-1".
    low, high
        The limit shifted down and up by its errors in quadrature, None where it has none; tables give the band of an expected
        limit as its errors. Their signs are HEPData's: see `na64stat.export.curves.errors.shifts`.
    qualifiers
        What holds for the column, such as ("CL", "90 %").
    """

    name: str
    mass: tuple[float, ...]
    coupling: tuple[float | None, ...]
    unit: str = "1"
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    qualifiers: tuple[Qualifier, ...] = ()

    @classmethod
    def of(
        cls,
        table: Table,
        column: str | None = None,
        at: Mapping[str, Scalar] | None = None,
        *,
        mass_unit: str | None = None,
        coupling_unit: str | None = None,
    ) -> Self:
        """The curve in a column of a table, default the first dependent one.

        Units of energy are turned into GeV, bins stand at their centre, and "< 3" in a column of limits is 3; a limit of "-" or
        NaN is a missing point.

        Parameters
        ----------
        table
            With masses in its first independent column.
        column
            Name of the column of limits.
        at
            Value, number or text, of each independent variable besides the first one, the mass: a table of masses and lifetimes
            holds a curve for each lifetime.
        mass_unit, coupling_unit
            Units of columns that name none, at the end of the name either. Without them such a mass is refused, and such a
            limit has no dimension.

        Raises
        ------
        InputError
            If there is no such column or row, an entry is no number or not positive, a unit is no power of an energy, a mass
            has none, or a column holds a logarithm or the square of a coupling.
        """
        if not table.independent or not table.dependent or not table.rows:
            raise InputError(f"table {table.name!r}: a limit curve needs a mass, a column of limits, and rows of them")
        axis, *others = table.independent
        variable = table.column(column) if column is not None else table.dependent[0]
        rows = _rows(table, others, dict(at or {}))
        where_mass, where_limit = (f"table {table.name!r}, {found.name!r}" for found in (axis, variable))
        if is_square(variable.name):
            raise InputError(f"{where_limit}: the square of a coupling, by its name; take the root of the column first")
        mass_factor = _mass_factor(axis, mass_unit, where_mass)
        factor, power = unit_of(variable, coupling_unit, "coupling_unit", where_limit) or (1.0, 0)
        limits = [_limit(variable.cells[row], factor, f"{where_limit}, row {row + 1}") for row in rows]
        bands = [
            _band(variable.cells[row], limit, factor, f"{where_limit}, row {row + 1}")
            for row, limit in zip(rows, limits, strict=True)
        ]
        low, high = (tuple(band[side] for band in bands) for side in (0, 1))
        return cls(
            variable.name,
            tuple(_mass(axis.cells[row], mass_factor, f"{where_mass}, row {row + 1}") for row in rows),
            tuple(limits),
            written(power),
            low if any(item is not None for item in low) else (),
            high if any(item is not None for item in high) else (),
            variable.qualifiers,
        )

    def existing_limit(self, experiment: str, reference: str) -> ExistingLimit:
        """The curve as a lower edge for the overlay library, its masses in increasing order, points without a limit left out.

        Parameters
        ----------
        experiment
            Name, as it is to stand in a figure.
        reference
            The paper to cite.

        Raises
        ------
        InputError
            If fewer than two points are left, or two of them have the same mass.
        """
        known = sorted((m, g) for m, g in zip(self.mass, self.coupling, strict=True) if g is not None)
        masses, couplings = (tuple(values) for values in zip(*known, strict=True)) if known else ((), ())
        keys = keys_in(reference)
        return ExistingLimit(experiment, reference, "lower_edge", masses, couplings, self.unit, bibtex_keys=keys)


def _rows(table: Table, others: list[Variable], at: Mapping[str, Scalar]) -> list[int]:
    """Rows in which the other independent variables have the values asked for."""
    unknown = [name for name in at if name not in {other.name for other in others}]
    if unknown:
        known = ", ".join(repr(other.name) for other in others) or "none"
        raise InputError(f"table {table.name!r}: no further independent variable {unknown[0]!r}; there are {known}")
    rows = list(range(table.rows))
    for other in sorted(others, key=lambda variable: variable.name not in at):
        choices = {_key(other.cells[row]) for row in rows}
        if other.name not in at:
            if len(choices) > 1:
                raise InputError(
                    f"table {table.name!r}: also depends on {other.name!r}; name one of its values: {_few(choices)}"
                )
        else:
            asked = _key(Cell(at[other.name]))
            rows = [row for row in rows if _same(_key(other.cells[row]), asked)]
            if not rows:
                raise InputError(
                    f"table {table.name!r}: no row with {other.name!r} = {_few({asked})}; its values: {_few(choices)}"
                )
        if len({(other.cells[row].low, other.cells[row].high) for row in rows}) > 1:
            raise InputError(
                f"table {table.name!r}: {other.name!r}: bins of different edges about one centre; expected one bin"
            )
    return rows


def _key(cell: Cell) -> Scalar:
    """Key of a row: the number, or the text where there is none."""
    number = cell.number
    return str(cell.value).strip() if number is None or math.isnan(number) else number


def _same(one: Scalar, other: Scalar) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return math.isclose(one, other, rel_tol=1e-9)


def _few(choices: Collection[Scalar]) -> str:
    numbers = [f"{value:g}" for value in sorted(value for value in choices if not isinstance(value, str))]
    shown = numbers + [repr(value) for value in sorted(value for value in choices if isinstance(value, str))]
    return ", ".join(shown[:6]) + (", ..." if len(shown) > 6 else "")


def _mass_factor(axis: Variable, given: str | None, where: str) -> float:
    found = unit_of(axis, given, "mass_unit", where)
    if found is None:
        raise InputError(f"{where}: a mass without a unit; mass_unit='GeV' says that it is in GeV")
    factor, power = found
    if power != 1:
        raise InputError(f"{where}: in {axis.unit or given or axis.name}; expected a mass in a unit of energy")
    return factor


def _mass(cell: Cell, factor: float, where: str) -> float:
    number = cell.number
    if number is None:
        raise InputError(f"{where}: {cell.value!r} is no mass; expected a number")
    return _positive(number, factor, "mass", where)


def _limit(cell: Cell, factor: float, where: str) -> float | None:
    """A limit, in powers of GeV."""
    if cell.missing:
        return None
    number = cell.number
    if number is None:
        found = _BOUND.fullmatch(str(cell.value).strip())
        if found is None:
            raise InputError(f"{where}: {cell.value!r} is no limit; expected a number, '< number', or '-' for none")
        number = float(found["number"])
    return _positive(number, factor, "limit", where)


def _positive(number: float, factor: float, what: str, where: str) -> float:
    value = factor * number
    if not 0 < value < math.inf:
        raise InputError(f"{where}: {what} {number:g}; expected a positive and finite one")
    return value


def _band(cell: Cell, limit: float | None, factor: float, where: str) -> tuple[float | None, float | None]:
    """A limit with its errors downwards and upwards, in powers of GeV."""
    found = None if limit is None else shifts(cell, limit / factor, where)
    if limit is None or found is None:
        return None, None
    return limit + factor * found[0], limit + factor * found[1]
