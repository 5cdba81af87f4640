"""Errors of a limit as shifts of its value, downwards and upwards."""

from __future__ import annotations

import math

from na64stat.errors import InputError, shown
from na64stat.export.tables.table import Cell, Scalar, Uncertainty
from na64stat.export.tables.text_entries import is_blank, number_in


def shifts(cell: Cell, value: float, where: str) -> tuple[float, float] | None:
    """Sum in quadrature of the errors of a value, each in its unit: (down, up), down not positive, up not negative.

    HEPData carries signed shifts. A symmetric error goes both ways, whatever its sign. Of an asymmetric one each number goes
    the way of its sign: minus -3 and plus -1 both go down, by 3, and a minus that is written as positive goes up, as it stands.
    Errors that HEPData hides, and sizes "-" or "", count as none.

    Parameters
    ----------
    cell
        With the errors.
    value
        The value, of which errors in per cent are parts.
    where
        Table, column and row: what a message begins with.

    Returns
    -------
        None if there are no errors.

    Raises
    ------
    InputError
        If an error is neither a number nor one in per cent.
    """
    found = [shift for error in cell.errors if (shift := _shift(error, value, where)) is not None]
    if not found:
        return None
    return -math.hypot(*(down for down, _ in found)), math.hypot(*(up for _, up in found))


def _shift(error: Uncertainty, value: float, where: str) -> tuple[float, float] | None:
    if error.hide:
        return None
    name = "" if error.label is None else f" {error.label!r}"
    minus, plus = (_size(size, value, f"{where}, error{name}") for size in (error.minus, error.plus))
    if minus is None and plus is None:
        return None
    both = (minus or 0.0, plus or 0.0)
    if error.symmetric:
        return -abs(both[0]), abs(both[1])
    return min(*both, 0.0), max(*both, 0.0)


def _size(size: Scalar | None, value: float, where: str) -> float | None:
    """An error with its sign, in the unit of the value; None for none."""
    found: float | None = None
    if isinstance(size, str):
        text = size.strip()
        if is_blank(text):
            return None
        part = number_in(text.removesuffix("%"))
        found = part if part is None or not text.endswith("%") else part / 100 * value
    elif size is not None:
        found = float(size)
        if math.isnan(found):
            return None
    if found is None or not math.isfinite(found):
        raise InputError(f"{where}: {shown(size)} is no size; expected a number, one in per cent, or '-' for none")
    return found
