"""Figures of records: curves, existing limits and axes of a scenario put together for drawing.

`figure_of` draws one result, `draw_maps` several scans and exclusions into one file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from na64stat.errors import InputError
from na64stat.figures.limit_curves import ARTEFACT, bands, edge_curves
from na64stat.figures.map_labels import left_out, legend_names, map_label, notes_of, without_contours
from na64stat.limits_library.existing import ExistingLimit
from na64stat.limits_library.library import known_limits
from na64stat.plot.exclusion import AxesText, Curve, ShadedLimit, exclusion_figure
from na64stat.plot.inference import draw_cl_s
from na64stat.plot.projection import MOST_MASSES, projection_figure
from na64stat.plot.style import COLOURS, INNER, OUTER, house_style, new_figure, save_figure
from na64stat.records.asked import Asked
from na64stat.records.limits import ScenarioLimits
from na64stat.records.map import SCAN_LEVELS, Exclusion, Scan
from na64stat.records.projection import Projection
from na64stat.records.status import is_from_below
from na64stat.scenarios.registry import NAMES, symbols
from na64stat.text import in_brackets, in_mathtext, literal


def contour_curves(
    found: Scan | Exclusion, label: str, colour: str | None, style: str, level: str | None = None, channel: str = ""
) -> list[Curve]:
    """The contours of a level, default the deciding one, under one name, and in thin dots what the layer sum alone excludes.

    With a `channel` the style of the line is explained by it.
    """
    curves = [
        Curve(label, contour.mass, contour.coupling, colour, style, closed=contour.closed, channel=channel)
        for contour in found.contours(level)
    ]
    dots = [
        Curve("", contour.mass, contour.coupling, colour, ":", width=0.9, channel=ARTEFACT)
        for contour in found.layer_sum_alone(level)
    ]
    return curves + dots


def shaded(scenario: str, top: float, more: Sequence[ExistingLimit] = ()) -> list[ShadedLimit]:
    """Existing limits of a scenario, and `more`, as regions to shade, up to the coupling `top`."""
    known = known_limits(scenario) if scenario in NAMES else ()
    names = {"(g-2)_muon": r"$(g-2)_\mu$"}
    return [
        ShadedLimit(names.get(limit.experiment, literal(limit.experiment)), limit.polygon(top))
        for limit in (*known, *more)
    ]


def draw_maps(
    found: Mapping[str, Scan | Exclusion],
    path: Path,
    *,
    existing: bool = True,
    more: Sequence[ExistingLimit] = (),
    level: str | None = None,
    overwrite: bool = False,
) -> int:
    """Draw the contours of scans and exclusions into a file; the number of curves in them.

    Parameters
    ----------
    found
        Label -> scan or exclusion. Of a single exclusion the expected contours are drawn, too, where they differ; of a single
        scan at one mass, CL_s against the coupling.
    existing, more
        Whether existing limits are shaded, and limits of your own beside them. Where there are several scenarios, existing limits
        are left out, and a note says so.
    level
        The one whose contours are drawn, alone, and which the title names; default the deciding one of each.

    Raises
    ------
    InputError
        If their couplings have different units, one is a single row or column or has no such level, or the file cannot be
        written.
    """
    first = next(iter(found.values()))
    if level is None and len(found) == 1 and isinstance(first, Scan) and len(first.mass) == 1 < len(first.coupling):
        save_figure(row_figure(first), path, overwrite=overwrite)
        return len(first.cl_s)
    save_figure(maps_figure(found, existing=existing, more=more, level=level), path, overwrite=overwrite)
    return len(_curves(found, level))


def maps_figure(
    found: Mapping[str, Scan | Exclusion],
    *,
    existing: bool = True,
    more: Sequence[ExistingLimit] = (),
    level: str | None = None,
) -> Figure:
    """The figure of scans and exclusions by label; arguments and errors as in `draw_maps`."""
    items = list(found.values())
    first = items[0]
    units = sorted({item.coupling_unit for item in items})
    if len(units) > 1:
        raise InputError(f"plot: couplings in units of {' and '.join(units)}; expected one unit")
    mass = min(item.mass_range[0] for item in items), max(item.mass_range[1] for item in items)
    coupling = min(item.coupling_range[0] for item in items), max(item.coupling_range[1] for item in items)
    for name, item in found.items() if len(items) > 1 else ():
        if isinstance(item, Scan) and min(len(item.mass), len(item.coupling)) < 2:
            raise InputError(
                f"plot: {name} is a scan at one mass or one coupling, which has no contours; plot it by itself, or scan several"
            )
    if not (mass[0] < mass[1] and coupling[0] < coupling[1]):
        raise InputError("plot: the scan is a single row or column; a map of masses and couplings can be drawn")
    scenarios = list(dict.fromkeys(item.scenario for item in items))
    # Several stand in the legend.
    title = literal(
        ", ".join([*(scenarios if len(scenarios) == 1 else ()), "NA64mu", *([] if level is None else [level])])
    )
    axes = _in_words(axes_text(first.scenario, mass, coupling, first.coupling_unit, title), scenarios, units[0])
    wrong = [limit for limit in more if limit.unit != first.coupling_unit]
    if wrong:
        raise InputError(
            f"plot: {wrong[0].experiment} has couplings in {wrong[0].unit}, the map in {first.coupling_unit}; expected one unit"
        )
    others = shaded(first.scenario if existing and len(scenarios) == 1 else "", coupling[1], more)
    notes = [notes_of(found, level), *without_contours(found, level), left_out(items) if existing else ""]
    return exclusion_figure(_curves(found, level), others, axes, notes=literal(" ".join(filter(None, notes))))


def _curves(found: Mapping[str, Scan | Exclusion], level: str | None) -> list[Curve]:
    curves = []
    for number, (name, item) in enumerate(zip(legend_names(found, level), found.values(), strict=True)):
        curves += contour_curves(item, literal(name), COLOURS[number % len(COLOURS)], "-", level)
    return curves + (_expected(next(iter(found.values()))) if level is None and len(found) == 1 else [])


def _expected(found: Scan | Exclusion) -> list[Curve]:
    """Expected contours that are not the deciding one, thin."""
    styles = {"median": "--", "minus1": "-.", "plus1": "-.", "minus2": ":", "plus2": ":"}
    names = {"median": "median", "minus1": r"$\pm 1 \sigma$", "plus1": r"$\pm 1 \sigma$"}
    drawn = [found.contours()]
    curves = []
    for level, style in styles.items():
        if level not in found.levels[1:] or found.contours(level) in drawn:
            continue
        drawn.append(found.contours(level))
        for contour in found.contours(level):
            name = names.get(level, r"$\pm 2 \sigma$")
            curves.append(Curve(name, contour.mass, contour.coupling, "0.25", style, closed=contour.closed, width=0.9))
    return curves


def axes_text(
    scenario: str, mass: tuple[float, float], coupling: tuple[float, float], unit: str, title: str
) -> AxesText:
    """Axes in the symbols and units of a scenario."""
    mass_symbol, coupling_symbol = symbols(scenario)
    return AxesText(
        f"${mass_symbol}$ [GeV]", f"${coupling_symbol}${in_brackets(in_mathtext(unit))}", mass, coupling, title
    )


def _in_words(axes: AxesText, scenarios: Sequence[str], unit: str) -> AxesText:
    """The axes with words for quantities whose symbols differ between the scenarios."""
    masses, couplings = (set(texts) for texts in zip(*map(symbols, scenarios), strict=True))
    if len(masses) > 1:
        axes = replace(axes, mass_label="mass [GeV]")
    return axes if len(couplings) == 1 else replace(axes, coupling_label=f"coupling{in_brackets(in_mathtext(unit))}")


@dataclass(frozen=True)
class _Point:
    """CL_s of one coupling, with as much of a band as a scan has: the median."""

    observed: float | None
    expected: tuple[float | None, ...]


def row_figure(found: Scan) -> Figure:
    """CL_s against the coupling of a scan at a single mass."""
    observed, median = (found.cl_s[name][0] if name in found.cl_s else None for name in SCAN_LEVELS)
    points = [
        _Point(
            None if observed is None else float(observed[i]),
            (None, None, None if median is None else float(median[i]), None, None),
        )
        for i in range(len(found.coupling))
    ]
    label = axes_text(found.scenario, found.mass_range, found.coupling_range, found.coupling_unit, "").coupling_label
    with house_style():
        figure = new_figure()
        axes = figure.add_subplot()
        draw_cl_s(axes, found.coupling.tolist(), points, found.cl, label=label)
        title = f"{found.scenario}, {found.run}, {' + '.join(found.regions)}, m = {found.mass[0]:g} GeV"
        figure.suptitle(literal(title))
    return figure


@singledispatch
def figure_of(result: Any) -> Figure | None:
    """The figure of a result; None where it has none: nothing is excluded, or one point or line cannot be drawn as a map.

    Parameters
    ----------
    result
        Limits, a scan, an exclusion, a projection or an `Illustrated`; nothing else has one.
    """
    del result
    return None


@figure_of.register
def _of_map(result: Scan | Exclusion) -> Figure | None:
    if isinstance(result, Scan) and len(result.mass) == 1 < len(result.coupling):
        return row_figure(result)
    if not (result.contours() or result.layer_sum_alone()):
        return None
    return maps_figure({map_label(result): result})


@figure_of.register
def _of_limits(result: ScenarioLimits) -> Figure | None:
    levels = [level for level in ("observed", "median") if any(point.coupling.get(level) for point in result.points)]
    if not levels or len(result.points) < 2:
        return None
    # They often coincide where counts are few: the median is thin and lies on the observed one.
    looks: dict[str, tuple[str, str, Any, float]] = {
        "observed": ("observed", "black", "-", 2.2),
        "median": ("median expected", COLOURS[1], "--", 1.1),
    }
    curves = []
    for level in levels:
        name, *look = looks[level]
        curves += edge_curves(result, level, f"{name}, {literal(result.run)}", *look)
    areas = [
        *bands(result, "minus2", "plus2", r"$\pm 2 \sigma$", OUTER, hatch="/////"),
        *bands(result, "minus1", "plus1", r"$\pm 1 \sigma$", INNER),
    ]
    values = [value for curve in curves for value in curve.coupling]
    masses = [point.mass for point in result.points]
    top = min(max(values) * 30, 1e3)
    axes = axes_text(
        result.scenario,
        (min(masses), max(masses)),
        (min(values) / 30, top),
        result.coupling_unit,
        literal(f"{result.scenario}, {' + '.join(result.regions)}, NA64mu, {100 * result.cl:.6g}% CL"),
    )
    flat = areas and not any(band.label == r"$\pm 1 \sigma$" for band in areas)
    notes = f"Background setting: {Asked.of(result).background_text or 'not stated'}."
    if flat:
        notes += " The band of one standard deviation has no width: so few counts are expected that most outcomes are the same."
    intervals = [found for level in levels for point in result.points for found in point.intervals.get(level, ())]
    if any(high is not None for _, high in intervals):
        notes += " Thin: upper edge of what is excluded."
    if any(is_from_below(point.status) for point in result.points):
        notes += " The lower edge ends where it lies below the couplings that were searched."
    if any(any(point.artefacts.values()) for point in result.points):
        notes += " Dots: excluded by the sum over layers only, no real exclusion."
    return exclusion_figure(curves, shaded(result.scenario, top), axes, areas, notes)


@figure_of.register
def _of_projection(result: Projection) -> Figure | None:
    if len(result.masses) > MOST_MASSES or len(result.mot) < 2:
        return None
    return projection_figure(result, symbols(result.scenario)[1])
