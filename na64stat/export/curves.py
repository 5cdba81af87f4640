"""Limit curves out of tables: from any HEPData table of a limit against a mass to a record in GeV, and to an overlay."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from na64stat.errors import InputError
from na64stat.export.table import Cell, Qualifier, Table, Variable
from na64stat.limits_library.existing import ExistingLimit

_ENERGIES: Final = {"ev": 1e-9, "kev": 1e-6, "mev": 1e-3, "gev": 1.0, "tev": 1e3, "pev": 1e6}
_UNIT: Final = re.compile(
    r"(?P<name>[a-z]+)(?:\s*(?:/\s*c(?:\^|\*\*)?2))?(?:\s*(?:\^|\*\*)\s*\{?(?P<power>[+-]?\d+)\}?)?", re.I
)
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
        The limit minus and plus its errors in quadrature, None where it has none; a band of the expected limit is told so.
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
    def of(cls, table: Table, column: str | None = None, at: Mapping[str, float] | None = None) -> Self:
        """The curve in a column of a table, default the first dependent one.

        Units of energy are turned into GeV, bins stand at their centre, and "< 3" in a column of limits is 3.

        Parameters
        ----------
        table
            With masses in its first independent column.
        column
            Name of the column of limits.
        at
            Value of each independent variable besides the first one, the mass: a table of masses and lifetimes holds a curve for
            each lifetime.

        Raises
        ------
        InputError
            If there is no such column or row, an entry is no number, or a unit is no power of an energy.
        """
        if not table.independent or not table.dependent:
            raise InputError(f"table {table.name!r}: a limit curve needs a mass and a column of limits")
        axis, *others = table.independent
        variable = table.column(column) if column is not None else table.dependent[0]
        rows = _rows(table, others, dict(at or {}))
        mass_factor, mass_unit = _in_gev(axis.unit, table.name)
        if mass_unit not in ("GeV", "1"):
            raise InputError(f"table {table.name!r}: {axis.name!r} in {axis.unit}; a mass in a unit of energy is right")
        factor, unit = _in_gev(variable.unit, table.name)
        masses = [axis.cells[row].number for row in rows]
        if any(mass is None for mass in masses):
            raise InputError(f"table {table.name!r}: {axis.name!r}: an entry that is no number")
        values = [
            _limit(variable.cells[row], f"table {table.name!r}, {variable.name!r}, row {row + 1}") for row in rows
        ]
        low, high = (
            tuple(_shifted(variable.cells[row], value, factor, up) for row, value in zip(rows, values, strict=True))
            for up in (False, True)
        )
        return cls(
            variable.name,
            tuple(mass_factor * mass for mass in masses if mass is not None),
            tuple(None if value is None else factor * value for value in values),
            unit,
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
        return ExistingLimit(experiment, reference, "lower_edge", masses, couplings, self.unit)


def _rows(table: Table, others: list[Variable], at: Mapping[str, float]) -> list[int]:
    """Rows in which the other independent variables have the values asked for."""
    unknown = [name for name in at if name not in {other.name for other in others}]
    if unknown:
        known = ", ".join(repr(other.name) for other in others) or "none"
        raise InputError(f"table {table.name!r}: no further independent variable {unknown[0]!r}; there are {known}")
    rows = list(range(table.rows))
    for other in others:
        choices = sorted({cell.number for cell in other.cells if cell.number is not None})
        if other.name not in at:
            if len(choices) == 1:
                continue
            few = ", ".join(f"{value:g}" for value in choices[:6]) + (", ..." if len(choices) > 6 else "")
            raise InputError(f"table {table.name!r}: also depends on {other.name!r}; name one of its values: {few}")
        rows = [row for row in rows if _same(other.cells[row].number, at[other.name])]
        if not rows:
            raise InputError(f"table {table.name!r}: no row with {other.name!r} = {at[other.name]:g}")
    return rows


def _same(number: float | None, value: float) -> bool:
    return number is not None and math.isclose(number, value, rel_tol=1e-9)


def _in_gev(unit: str | None, table: str) -> tuple[float, str]:
    """Factor to powers of GeV, and the unit then."""
    text = (unit or "").strip()
    if text in ("", "1", "-", "none"):
        return 1.0, "1"
    found = _UNIT.fullmatch(text)
    if found is None or found["name"].lower() not in _ENERGIES:
        raise InputError(f"table {table!r}: unit {unit!r}; a power of an energy, such as GEV or GEV**-1, is right")
    power = int(found["power"] or 1)
    return _ENERGIES[found["name"].lower()] ** power, "GeV" if power == 1 else f"GeV^{power}"


def _limit(cell: Cell, where: str) -> float | None:
    if cell.missing:
        return None
    if cell.number is not None:
        return cell.number
    found = _BOUND.fullmatch(str(cell.value).strip())
    if found is None:
        raise InputError(f"{where}: {cell.value!r} is no limit; a number, '< number', or '-' for none is right")
    return float(found["number"])


def _shifted(cell: Cell, value: float | None, factor: float, up: bool) -> float | None:
    """A limit with its errors of one side, in quadrature; an error in per cent is one of the value."""
    if value is None or not cell.errors:
        return None
    sizes = [_size(error.plus if up else error.minus, value) for error in cell.errors]
    total = math.hypot(*sizes)
    return factor * (value + total if up else value - total)


def _size(size: float | str, value: float) -> float:
    if isinstance(size, str):
        text = size.strip()
        return abs(float(text[:-1]) / 100 * value) if text.endswith("%") else abs(float(text or 0))
    return abs(float(size))
