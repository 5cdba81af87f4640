"""How units and ranges are written in tables, titles and figures."""

from __future__ import annotations

from collections.abc import Iterable


def after_number(unit: str) -> str:
    """A unit as it stands behind a number, with a blank in front; nothing for the unit "1"."""
    return "" if unit == "1" else f" {unit}"


def in_brackets(unit: str) -> str:
    """A unit in brackets, as it stands behind a symbol, with a blank in front; nothing for the unit "1"."""
    return "" if unit == "1" else f" [{unit}]"


def literal(text: str) -> str:
    """A text of a user's, such as the name of a file, as Matplotlib shows it as it is: a dollar begins no mathtext."""
    return text.encode(errors="replace").decode().replace("$", r"\$")


def in_mathtext(unit: str) -> str:
    """A unit with its exponent in the mathtext of Matplotlib: GeV$^{-1}$."""
    return literal(unit).replace("^-1", "$^{-1}$")


def parameter_unit(name: str, coupling_unit: str) -> str:
    """The unit of a parameter of a posterior: the mass and the coupling have one, yields, mu and nuisance parameters none."""
    return {"mass": "GeV", "coupling": coupling_unit}.get(name, "1")


def interval_text(interval: tuple[float, float | None], digits: int = 3) -> str:
    """A range as text, "a - b", or "> a" where its upper end is None."""
    low, high = interval
    return f"> {low:.{digits}g}" if high is None else f"{low:.{digits}g} - {high:.{digits}g}"


def intervals_text(intervals: Iterable[tuple[float, float | None]], digits: int = 3) -> str:
    """Ranges as text, with commas between."""
    return ", ".join(interval_text(interval, digits) for interval in intervals)
