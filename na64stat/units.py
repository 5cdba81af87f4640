"""Conversions from natural units (GeV = 1), and how units and ranges of couplings are written.

References
----------
CODATA 2022 (hbar c is exact since the 2019 redefinition of the SI).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

HBARC_GEV_M: Final = 1.973269804593025e-16
"""hbar c [GeV m], exact, CODATA 2022."""

GEV2_TO_CM2: Final = (100 * HBARC_GEV_M) ** 2
"""One GeV^-2 in cm^2."""

CM2_TO_PB: Final = 1e36
"""One cm^2 in pb."""

GEV2_TO_PB: Final = GEV2_TO_CM2 * CM2_TO_PB
"""One GeV^-2 in pb."""


def after_number(unit: str) -> str:
    """A unit as it stands behind a number, with a blank in front; nothing for the unit "1"."""
    return "" if unit == "1" else f" {unit}"


def in_brackets(unit: str) -> str:
    """A unit in brackets, as it stands behind a symbol, with a blank in front; nothing for the unit "1"."""
    return "" if unit == "1" else f" [{unit}]"


def in_mathtext(unit: str) -> str:
    """A unit with its exponent in the mathtext of Matplotlib: GeV$^{-1}$."""
    return unit.replace("^-1", "$^{-1}$")


def interval_text(interval: tuple[float, float | None], digits: int = 3) -> str:
    """A range as text, "a - b", or "> a" where its upper end is None."""
    low, high = interval
    return f"> {low:.{digits}g}" if high is None else f"{low:.{digits}g} - {high:.{digits}g}"


def intervals_text(intervals: Iterable[tuple[float, float | None]], digits: int = 3) -> str:
    """Ranges as text, with commas between."""
    return ", ".join(interval_text(interval, digits) for interval in intervals)
