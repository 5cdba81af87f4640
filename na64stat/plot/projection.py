"""Figures of projections: coupling against the muons on target at a few masses, with bands and the discovery reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from na64stat.errors import InputError
from na64stat.plot.legends import stack_legends
from na64stat.plot.style import (
    FORMATS,
    SEQUENCE,
    fix_tick_labels,
    house_style,
    mark_decades,
    new_figure,
    save_figure,
    write_notes,
)
from na64stat.records.status import is_from_below
from na64stat.text import in_brackets, in_mathtext, literal

if TYPE_CHECKING:
    from na64stat.records.limits import Interval, LimitPoint
    from na64stat.records.projection import Projection, ProjectionPoint

MOST_MASSES: Final = 6
_HEIGHT_CM: Final = 8.0
_BANDS: Final = (("minus2", "plus2", 0.13), ("minus1", "plus1", 0.25))
_REACH_STYLES: Final = ("--", "-.")
_MARKERS: Final = ("o", "s", "^", "D", "v", "X")


def check_drawable(path: Path, masses: int, muons: int) -> None:
    """Refuse a figure before anything is computed for it.

    Parameters
    ----------
    path
        The file.
    masses, muons
        How many.

    Raises
    ------
    InputError
        The format is unknown, there are more masses than can be told apart, or fewer than two numbers of muons.
    """
    if path.suffix.lower().lstrip(".") not in FORMATS:
        raise InputError(f"figure {path}: the name must end in {' or '.join(f'.{name}' for name in FORMATS)}")
    if not 1 <= masses <= MOST_MASSES:
        raise InputError(f"figure of a projection: {masses} masses; at most {MOST_MASSES} can be told apart")
    if muons < 2:
        raise InputError(f"figure of a projection: {muons} number of muons on target; two or more make a curve")


def draw_projection(axes: Axes, projection: Projection, coupling_symbol: str = "g") -> Axes:
    """Draw limits and discovery reach against the muons on target, a colour and a marker for each mass.

    Of the excluded couplings the lower edge of the lowest interval has its bands (that of two standard deviations only where
    there is a single mass); its upper edge is thin, and further intervals are vertical strokes.

    Parameters
    ----------
    axes
        Made under `style.house_style`.
    projection
        The record.
    coupling_symbol
        In TeX, without dollars.

    Raises
    ------
    InputError
        There is nothing to draw, or too much.
    """
    check_drawable(Path("x.png"), len(projection.masses), len(projection.mot))
    drawable = any(
        point.limit.intervals["median"] or any(r.intervals for r in point.reach) for point in projection.points
    )
    if not drawable:
        raise InputError("figure of a projection: nothing is excluded or discovered at any of the points")
    masses = projection.masses
    for number, mass in enumerate(masses):
        points = sorted(projection.at_mass(mass), key=lambda point: point.mot)
        # Markers of masses whose curves coincide lie beside each other.
        step = max(len(masses), len(points) // 4)
        look = _look(number, len(masses)) | {"markevery": (number % min(step, len(points)), step)}
        _draw(axes, points, look, _reach_styles(projection), len(masses) == 1)
    unit = in_brackets(in_mathtext(projection.coupling_unit))
    axes.set(xscale="log", yscale="log", xlabel="muons on target", ylabel=f"${coupling_symbol}${unit}")
    axes.set_xlim(min(projection.mot), max(projection.mot))
    for axis in (axes.xaxis, axes.yaxis):
        mark_decades(axis)
    fix_tick_labels(axes)
    title = literal(f"{projection.scenario}, {' + '.join(projection.regions)}, NA64mu")
    stack_legends(axes, _legends(projection), title)
    return axes


def projection_figure(projection: Projection, coupling_symbol: str = "g") -> Figure:
    """A figure for one column with what `draw_projection` draws, and below it what was assumed.

    Parameters
    ----------
    projection, coupling_symbol
        As in `draw_projection`.
    """
    with house_style():
        figure = new_figure(_HEIGHT_CM)
        write_notes(figure, _notes(projection))
        draw_projection(figure.add_subplot(), projection, coupling_symbol)
    return figure


def save_projection_figure(
    projection: Projection, coupling_symbol: str, path: Path, *, overwrite: bool = False
) -> None:
    """Draw it into a .png or .pdf file.

    Parameters
    ----------
    projection, coupling_symbol
        As in `projection_figure`.
    path
        The file.
    overwrite
        Whether an existing file is replaced.
    """
    save_figure(projection_figure(projection, coupling_symbol), path, overwrite=overwrite)


def _look(number: int, masses: int) -> dict[str, Any]:
    """Colour and marker of a mass: colours as far apart as the sequence allows."""
    if masses == 1:
        return {"color": SEQUENCE[0]}
    return {"color": SEQUENCE[:: len(SEQUENCE) // masses][number], "marker": _MARKERS[number], "ms": 3.5}


def _draw(
    axes: Axes, points: Sequence[ProjectionPoint], look: Mapping[str, Any], reach_styles: Sequence[str], wide: bool
) -> None:
    colour = look["color"]
    muons = np.array([point.mot for point in points])
    for low, high, alpha in _BANDS if wide else _BANDS[1:]:
        lower, upper = (_numbers(_lowest(point.limit.intervals[level]) for point in points) for level in (low, high))
        if not np.array_equal(lower, upper, equal_nan=True):
            axes.fill_between(muons, lower, upper, color=colour, alpha=alpha, lw=0, zorder=2)
    limits = [point.limit for point in points]
    # A lowest coupling that is only where the search began is no edge, and not drawn as one.
    lowest = [None if is_from_below(limit.status) else _lowest(limit.intervals["median"]) for limit in limits]
    highest = [found[0][1] if found else None for found in (limit.intervals["median"] for limit in limits)]
    for edge, width, line in ((lowest, 1.7, look), (highest, 0.8, {"color": colour})):
        axes.plot(muons, _numbers(edge), "-", lw=width, zorder=4, **line)
    for at, limit in zip(muons, limits, strict=True):
        for start, stop in limit.intervals["median"][1:]:
            axes.plot([at, at], [start, stop or start], "-", color=colour, lw=0.8, zorder=4)
    for end in (0, 1):  # of what the layer sum alone excludes; a single point is a dot
        alone = [found[0][end] if found else None for found in (_alone(limit) for limit in limits)]
        known = [{value for interval in limit.intervals["median"] for value in interval} for limit in limits]
        dots = _numbers(None if value in edges else value for value, edges in zip(alone, known, strict=True))
        if np.isfinite(dots).any():
            axes.plot(muons, dots, ":", marker=".", ms=2, color=colour, lw=0.9, zorder=4)
    for number, style in enumerate(reach_styles):
        reach = [point.reach[number].intervals for point in points]
        lowest = [None if is_from_below(p.reach[number].status) else _lowest(p.reach[number].intervals) for p in points]
        axes.plot(muons, _numbers(lowest), style, lw=1.2, zorder=3, **look)
        highest = [found[0][1] if found else None for found in reach]
        axes.plot(muons, _numbers(highest), style, color=colour, lw=1.2, zorder=3)


def _alone(limit: LimitPoint) -> Sequence[Interval]:
    """Couplings that the layer sum alone excludes, in the median."""
    return limit.artefacts.get("median", ())


def _lowest(intervals: Sequence[Interval]) -> float | None:
    return intervals[0][0] if intervals else None


def _numbers(values: Iterable[float | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Numbers with gaps."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _legends(projection: Projection) -> list[list[Artist]]:
    masses: list[Artist] = [
        Line2D([], [], label=f"$m$ = {mass:.4g} GeV", **_look(number, len(projection.masses)))
        for number, mass in enumerate(projection.masses)
    ]
    kinds: list[Artist] = [Line2D([], [], color="0.3", lw=1.7, label=f"excluded, {100 * projection.cl:.6g}% CL")]
    if any(_has_upper(point) for point in projection.points):
        kinds.append(Line2D([], [], color="0.3", lw=0.8, label="its upper edge"))
    if any(_has_band(point) for point in projection.points):
        bands = [(r"$\pm 1 \sigma$", 0.38), (r"$\pm 2 \sigma$", 0.13)][: 2 if len(masses) == 1 else 1]
        kinds += [Patch(color="0.3", alpha=alpha, lw=0, label=label) for label, alpha in bands]
    for number, style in enumerate(_reach_styles(projection)):
        reach = projection.points[0].reach
        names = " and ".join(
            f"{item.significance:g}" for item in (reach if _same_reach(projection) else reach[number:][:1])
        )
        kinds.append(Line2D([], [], color="0.3", ls=style, lw=1.2, label=rf"discovery, {names} $\sigma$"))
    return [list(masses), list(kinds)]


def _reach_styles(projection: Projection) -> Sequence[str]:
    """A line style for each curve of the discovery reach; without background both thresholds have one."""
    return _REACH_STYLES[: 1 if _same_reach(projection) else len(projection.points[0].reach)]


def _same_reach(projection: Projection) -> bool:
    return bool(projection.points[0].reach) and all(
        len({item.intervals for item in point.reach}) == 1 for point in projection.points
    )


def _states(point: ProjectionPoint) -> tuple[str, ...]:
    return point.limit.status, *(item.status for item in point.reach)


def _has_upper(point: ProjectionPoint) -> bool:
    return any(high is not None for _, high in point.limit.intervals["median"])


def _has_band(point: ProjectionPoint) -> bool:
    return point.limit.intervals["minus2"] != point.limit.intervals["plus2"]


def _notes(projection: Projection) -> str:
    kept = {
        "none": "No background",
        "per-mot": f"Background {projection.background_setting}, growing with the muons",
        "fixed": f"Background {projection.background_setting}, the same for any number of muons",
    }
    text = f"{kept[projection.background]}. Run {projection.run} with other numbers of muons; median limits, {projection.method}."
    if any(is_from_below(status) for point in projection.points for status in _states(point)):
        text += " A lower edge ends where it lies below the couplings that were searched."
    spurious = [mass for mass in projection.masses if any(_alone(point.limit) for point in projection.at_mass(mass))]
    if spurious:
        masses = " and ".join(f"{mass:.4g}" for mass in spurious)
        text += f" At {masses} GeV part of it is excluded by the sum over layers only, no real exclusion: dots."
    if projection.points[0].reach:
        text += " Discovery: median significance if the signal is there"
        text += (
            "; without background it takes one event, at 3 and at 5 sigma." if projection.background == "none" else "."
        )
    return text
