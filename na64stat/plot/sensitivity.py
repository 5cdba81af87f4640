"""Figures of sensitivity: what moves a limit most, above, and how far it goes when that is lowered, raised or chosen otherwise.

`draw_sensitivity` draws one limit into axes made under `style.house_style`, `sensitivity_figure` several below each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from na64stat.errors import InputError
from na64stat.plot.style import COLOURS, FORMATS, SMALLEST_PT, house_style, new_figure, save_figure
from na64stat.records.sensitivity import NO_MORE_EXCLUDED, NOTHING_EXCLUDED, SMALLEST
from na64stat.text import after_number, literal

if TYPE_CHECKING:
    from na64stat.records.sensitivity import HeadlineLimit, Sensitivity, Shift

MOST_PANELS: Final = 4
"""Limits in one figure."""

MOST_ROWS: Final = 9
"""Assumptions of one limit."""

_REACH: Final = 40.0  # longest bar [%] that is drawn to its end
_STYLES: Final[dict[int, dict[str, Any]]] = {  # light and hatched, dark, white: told apart in grey
    -1: {"facecolor": "#F2C9A8", "edgecolor": COLOURS[1], "hatch": "/////"},
    1: {"facecolor": COLOURS[0], "edgecolor": COLOURS[0]},
    0: {"facecolor": "white", "edgecolor": "black"},
}
_SIDES: Final = {-1: "lowered", 1: "raised", 0: "another choice"}
_RAISED: Final = str.maketrans("-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")
_PER_ROW_CM, _PER_PANEL_CM, _LEGEND_CM = 0.62, 1.45, 0.7


def check_drawable(path: Path, limits: int) -> None:
    """Refuse a figure before anything is computed for it.

    Parameters
    ----------
    path
        The file.
    limits
        How many.

    Raises
    ------
    InputError
        The format is unknown, or there are more limits than fit on a page.
    """
    if path.suffix.lower().lstrip(".") not in FORMATS:
        raise InputError(f"figure {path}: the name must end in {' or '.join(f'.{name}' for name in FORMATS)}")
    if limits > MOST_PANELS:
        raise InputError(
            f"figure of sensitivity: {limits} limits; at most {MOST_PANELS} fit on a page, name a scenario and masses"
        )


def draw_sensitivity(axes: Axes, record: Sensitivity, headline: str, most: int = MOST_ROWS) -> Axes:
    """Change of one limit [%] by the `most` assumptions that move it most, the largest above.

    Bars longer than 40% are cut; their numbers stand beside them all. What moves the limit by less than 0.05% is left out.

    Parameters
    ----------
    axes
        Where.
    record
        Of `na64stat.sensitivity`.
    headline
        Name of the limit; see `HeadlineLimit.name`.
    most
        Assumptions to show.

    Raises
    ------
    InputError
        No such limit, nothing is excluded, or nothing moves it.
    """
    (limit,) = record.only(headline).headlines
    if limit.limit is None:
        raise InputError(f"figure of sensitivity: {headline}: nothing is excluded there, and nothing can be drawn")
    rows = [row for row in record.ranked(headline) if any(map(_matters, row[1]))]
    if not rows:
        raise InputError(f"figure of sensitivity: {headline}: no assumption moves it by {SMALLEST}%")
    shown, left_out = rows[:most], rows[most:]
    sizes = [abs(shift.per_cent) for _, shifts in shown for shift in shifts if shift.per_cent is not None]
    reach = min(max(sizes, default=1.0), _REACH)
    for place, (_, shifts) in enumerate(shown):
        _draw_row(axes, place, shifts, reach)
    axes.axvline(0, color="black", lw=0.8, zorder=3)
    axes.set_xlim(-2.05 * reach, 2.05 * reach)
    axes.set_ylim(len(shown) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", top=False)
    axes.set_yticks(range(len(shown)), [_name(*row) for row in shown], fontsize=SMALLEST_PT)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    axes.set_xlabel("change of limit [%]" + (f"\n{len(left_out)} smaller ones left out" if left_out else ""))
    # Names of assumptions stand left of the axes: a title that ends where they end has room.
    axes.set_title(_title(limit), loc="right", parse_math=False, fontsize=7.5)
    return axes


def _matters(shift: Shift) -> bool:
    if shift.per_cent is None:
        return shift.status != NOTHING_EXCLUDED
    return abs(shift.per_cent) >= SMALLEST


def _draw_row(axes: Axes, place: int, shifts: Sequence[Shift], reach: float) -> None:
    """The bars of one assumption, each at its own height so that none covers another."""
    height = 0.8 / len(shifts)
    for number, shift in enumerate(sorted(shifts, key=lambda shift: shift.side)):
        y = place - 0.4 + (number + 0.5) * height
        if shift.per_cent is None:
            text = shift.status.replace(NO_MORE_EXCLUDED, "nothing\nexcluded")
            axes.text(0.05 * reach, y, literal(text), ha="left", va="center", fontsize=SMALLEST_PT, zorder=4)
            continue
        end = float(np.clip(shift.per_cent, -reach, reach))
        axes.barh(y, end, height=0.9 * height, lw=0.6, zorder=2, **_STYLES[shift.side])
        cut = abs(shift.per_cent) > reach
        sign = 1 if shift.per_cent >= 0 else -1
        text = f"{shift.per_cent:+.0f}" if abs(shift.per_cent) >= 100 else f"{shift.per_cent:+.1f}"
        if cut:
            text = f"{text} \N{RIGHTWARDS ARROW}" if sign > 0 else f"\N{LEFTWARDS ARROW} {text}"
        axes.annotate(
            text.replace("-", "\N{MINUS SIGN}"), (end, y), xytext=(2 * sign, 0), textcoords="offset points",
            ha="left" if sign > 0 else "right", va="center_baseline", fontsize=SMALLEST_PT, zorder=4,
        )  # fmt: skip


def _name(what: str, shifts: Sequence[Shift]) -> str:
    """An assumption, and below it where it is moved from and to."""
    return f"{what}\n{_values(shifts)}".replace("^2", "\N{SUPERSCRIPT TWO}")


def _values(shifts: Sequence[Shift]) -> str:
    """Where it is moved from and to, in one line."""
    ordered = sorted(shifts, key=lambda shift: shift.side)
    ends = [shift.end for shift in ordered]
    words = [ordered[0].start, *ends]
    if len({word.partition(" ")[2] for word in words}) == 1:  # the unit once
        words = [word.partition(" ")[0] for word in words[:-1]] + words[-1:]
    elif len({end.partition(" ")[2] for end in ends}) == 1:
        words[1:-1] = [word.partition(" ")[0] for word in words[1:-1]]
    return f"{words[0]} \N{RIGHTWARDS ARROW} {', '.join(words[1:])}".replace("+-", "\N{PLUS-MINUS SIGN}").replace(
        " -", " \N{MINUS SIGN}"
    )


def _title(limit: HeadlineLimit) -> str:
    unit = _raised(after_number(limit.coupling_unit))
    relation = ">" if limit.edge == "lower" else "<"
    return f"{limit.name}: g {relation} {limit.limit:.3g}{unit}"


def _raised(unit: str) -> str:
    """A unit with its powers as raised digits."""
    return re.sub(r"\^(-?\d+)", lambda power: power[1].translate(_RAISED), unit)


def sensitivity_figure(record: Sensitivity, most: int = MOST_ROWS) -> Figure:
    """A panel for the lower edge of each limit that excludes something, below each other, as wide as a column.

    Parameters
    ----------
    record
        Of `na64stat.sensitivity`.
    most
        Assumptions to show in a panel.

    Raises
    ------
    InputError
        There is nothing to draw, or too much.
    """
    names = [line.name for line in record.headlines if line.edge == "lower" and line.limit is not None]
    names = [name for name in names if any(map(_matters, record.of(name)))]
    check_drawable(Path("x.png"), len(names))
    if not names:
        raise InputError("figure of sensitivity: nothing is excluded by any of the limits, or nothing moves them")
    rows = [min(most, sum(any(map(_matters, shifts)) for _, shifts in record.ranked(name))) for name in names]
    heights = [_PER_PANEL_CM + _PER_ROW_CM * count for count in rows]
    with house_style():
        figure = new_figure(sum(heights) + _LEGEND_CM)
        panels = figure.subplots(len(names), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, name in zip(panels, names, strict=True):
            draw_sensitivity(axes, record, name, most)
        handles = [Patch(label=_SIDES[side], lw=0.6, **_STYLES[side]) for side in (-1, 1, 0)]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, handlelength=1.6)
    return figure


def save_sensitivity_figure(record: Sensitivity, path: Path, *, overwrite: bool = False) -> None:
    """Draw it into a .png or .pdf file.

    Parameters
    ----------
    record
        Of `na64stat.sensitivity`.
    path
        The file.
    overwrite
        Whether an existing file is replaced.
    """
    save_figure(sensitivity_figure(record), path, overwrite=overwrite)
