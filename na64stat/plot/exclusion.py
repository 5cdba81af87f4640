"""Exclusion figures: curves of one experiment over the shaded limits of others, in the plane of mass and coupling.

`draw_exclusion` draws into axes, `exclusion_figure` makes a figure of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from numpy.typing import NDArray

from na64stat.errors import InputError
from na64stat.plot.labels import place_names
from na64stat.plot.legends import stack_legends
from na64stat.plot.style import (
    COLOURS,
    HATCH,
    INNER,
    OUTLINE,
    SHADES,
    fix_tick_labels,
    house_style,
    mark_decades,
    new_figure,
    write_notes,
)

Array = NDArray[np.float64]

HEIGHT_CM: Final = 8.6
"""Height [cm] of an exclusion figure without notes."""


@dataclass(frozen=True)
class Curve:
    """A curve with its name for the legend; curves of one name stand there once.

    Attributes
    ----------
    label
        Name, empty for none.
    mass, coupling
        Points [GeV, unit of the axis].
    colour, style
        As matplotlib knows them; no colour takes the next one of the house.
    closed
        Whether the last point is connected to the first.
    width
        Line width [pt].
    channel
        What the style of the line stands for, such as a channel; explained in a legend of its own, where names then stand for
        colours only.
    """

    label: str
    mass: Sequence[float]
    coupling: Sequence[float]
    colour: str | None = None
    style: Any = "-"
    closed: bool = False
    width: float = 1.4
    channel: str = ""


@dataclass(frozen=True)
class Band:
    """A band between two couplings over the mass, such as the expected limit within one standard deviation.

    Attributes
    ----------
    label
        Name for the legend.
    mass
        Masses [GeV], shape (N,).
    low, high
        Couplings, shape (N,).
    colour, hatch
        Of its area; a hatched one has an outline, too, and is seen on any shade.
    """

    label: str
    mass: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    colour: str = INNER
    hatch: str = ""


@dataclass(frozen=True, eq=False)
class ShadedLimit:
    """The region of an existing limit: a name, and corners (mass [GeV], coupling) of shape (n, 2).

    Attributes
    ----------
    label
        Name of the experiment.
    polygon
        Corners (mass [GeV], coupling), shape (n, 2).
    """

    label: str
    polygon: Array


@dataclass(frozen=True)
class AxesText:
    """Labels of the axes, and their ranges (mass [GeV], unit of the coupling); both are logarithmic.

    The title stands above the legend.

    Attributes
    ----------
    mass_label, coupling_label
        With symbols and units.
    mass_range, coupling_range
        Ends of the axes [GeV; unit of the coupling].
    title
        Above the figure.
    """

    mass_label: str
    coupling_label: str
    mass_range: tuple[float, float]
    coupling_range: tuple[float, float]
    title: str = ""


def draw_exclusion(
    plane: Axes,
    curves: Sequence[Curve],
    existing: Sequence[ShadedLimit],
    axes: AxesText,
    bands: Sequence[Band] = (),
) -> Axes:
    """Draw limits.

    The names of existing limits are placed for the layout and size that the figure has now: draw last, or resize no more.

    Parameters
    ----------
    plane
        Axes, made under `style.house_style`.
    curves
        The limits to show, with their legends above the axes.
    existing
        Limits of others: shaded, each name written once, in its region or at its edge.
    axes
        Text and ranges.
    bands
        Drawn below the curves.

    Raises
    ------
    InputError
        If a range, a curve or a region cannot be drawn on logarithmic axes, or the axes belong to no figure.
    """
    items: list[Curve | Band | ShadedLimit] = [*curves, *bands, *existing]
    for item in items:
        _check(item)
    for low, high in (axes.mass_range, axes.coupling_range):
        if not 0 < low < high < np.inf:
            raise InputError(
                f"figure: the range ({low}, {high}) must be positive and increasing: the axes are logarithmic"
            )
    figure = plane.get_figure(root=True)
    if figure is None:
        raise InputError("figure: the axes belong to no figure, so that nothing can be placed in them")
    _dress(plane, axes)
    _shade(plane, existing)
    for band in bands:
        plane.fill_between(
            band.mass, band.low, band.high, facecolor=to_rgba(band.colour, 0.75), edgecolor=HATCH, hatch=band.hatch or None,
            lw=0.5 if band.hatch else 0, label=band.label, zorder=3,
        )  # fmt: skip
    _draw(plane, curves)
    stack_legends(plane, _legends(plane, curves), axes.title)
    figure.draw_without_rendering()  # the layout must be known before names find their places
    place_names(
        plane,
        [(limit.label, limit.polygon) for limit in existing],
        [np.column_stack([curve.mass, curve.coupling]) for curve in curves],
    )
    return plane


def exclusion_figure(
    curves: Sequence[Curve],
    existing: Sequence[ShadedLimit],
    axes: AxesText,
    bands: Sequence[Band] = (),
    notes: str = "",
) -> Figure:
    """A figure for one column with what `draw_exclusion` draws; `notes` is what a reader must know, written below.

    Parameters
    ----------
    curves, existing, axes, bands
        As in `draw_exclusion`.
    notes
        Written below the figure.
    """
    with house_style():
        figure = new_figure(HEIGHT_CM)
        write_notes(figure, notes)
        draw_exclusion(figure.add_subplot(), curves, existing, axes, bands)
    return figure


def _check(item: Curve | Band | ShadedLimit) -> None:
    if isinstance(item, ShadedLimit):
        if np.ndim(item.polygon) != 2 or np.shape(item.polygon)[1] != 2:
            raise InputError(
                f"figure: the polygon of {item.label!r} has shape {np.shape(item.polygon)}; expected (n, 2)"
            )
        columns = [item.polygon]
    elif isinstance(item, Curve):
        columns = [np.asarray(item.mass), np.asarray(item.coupling)]
    else:
        columns = [np.asarray(item.mass), np.asarray(item.low), np.asarray(item.high)]
    if len({len(column) for column in columns}) > 1:
        raise InputError(f"figure: {item.label!r} has columns of lengths {[len(column) for column in columns]}")
    for column in columns:
        if not np.all((column > 0) & (column < np.inf)):
            wrong = column[~((column > 0) & (column < np.inf))].flat[0]
            raise InputError(f"figure: {item.label!r} holds {wrong}; logarithmic axes need positive finite numbers")


def _dress(plane: Axes, axes: AxesText) -> None:
    plane.set_xscale("log")
    plane.set_yscale("log")
    plane.set_xlim(axes.mass_range)
    plane.set_ylim(axes.coupling_range)
    plane.set_xlabel(axes.mass_label)
    plane.set_ylabel(axes.coupling_label)
    mark_decades(plane.xaxis)
    mark_decades(plane.yaxis)
    fix_tick_labels(plane)


def _shade(plane: Axes, existing: Sequence[ShadedLimit]) -> None:
    names = list(dict.fromkeys(limit.label for limit in existing))
    for limit in existing:
        shade = SHADES[names.index(limit.label) % len(SHADES)]
        plane.add_patch(Polygon(limit.polygon, closed=True, facecolor=shade, edgecolor="none", alpha=0.75, zorder=1))
        plane.add_patch(Polygon(limit.polygon, closed=True, facecolor="none", edgecolor=OUTLINE, lw=0.5, zorder=2))


def _draw(plane: Axes, curves: Sequence[Curve]) -> None:
    named: dict[str, str] = {}
    for curve in curves:
        colour = curve.colour or named.get(curve.label, COLOURS[len(named) % len(COLOURS)])
        named[curve.label] = colour
        mass, coupling = list(curve.mass), list(curve.coupling)
        if curve.closed:
            mass, coupling = [*mass, mass[0]], [*coupling, coupling[0]]
        plane.plot(mass, coupling, color=colour, linestyle=curve.style, lw=curve.width, label=curve.label, zorder=5)


def _legends(plane: Axes, curves: Sequence[Curve]) -> list[list[Artist]]:
    """Names with their colours, and below them what the styles of lines stand for."""
    styles = {
        curve.channel: Line2D([], [], color="0.25", linestyle=curve.style, lw=curve.width, label=curve.channel)
        for curve in reversed(curves)
        if curve.channel
    }
    by_style = {curve.label for curve in curves if not curve.channel}
    names: dict[str, Artist] = {}
    for handle, label in zip(*plane.get_legend_handles_labels(), strict=True):
        if label in names or not label:
            continue
        if isinstance(handle, Line2D) and label not in by_style:
            names[label] = Line2D([], [], color=handle.get_color(), lw=handle.get_linewidth(), label=label)
        else:
            names[label] = handle
    return [list(names.values()), list(reversed(styles.values()))]
