"""The (E_CAL, p_out) plane of a signal, with the outlines of a run's regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from numpy.typing import NDArray

from na64stat.errors import InputError
from na64stat.plane import Binning, Region
from na64stat.plot.style import ABOVE, fix_tick_labels
from na64stat.template import Plane
from na64stat.text import literal

Array = NDArray[np.float64]

COLOUR_MAP: Final = "magma_r"
"""Pale where little is expected, dark where much is; the same with any colour vision, and in grey."""

_BELOW: Final = "#f2f2f2"
"""Bins with less than the colours show, which are not empty."""

_OUTLINES: Final = (("black", "-", 1.4), ("#0072B2", "-", 2.4), ("black", "--", 0.9), ("#0072B2", ":", 0.9))
"""Colour, style and width [pt] of outlines: broken thin ones are seen on wide ones where regions share an edge."""


def draw_plane(axes: Axes, plane: Plane, regions: Sequence[Region], *, decades: int = 5) -> Axes:
    """Expected events per bin as colours on a logarithmic scale, with outlines of the regions.

    Empty bins are white, bins below the shown `decades` pale grey.

    Parameters
    ----------
    axes
        Where.
    plane
        Expected events per bin.
    regions
        To outline, each with its own style of line; ends of the plane close what has no cut.
    decades
        Powers of ten that the colours show, down from the fullest bin.

    Raises
    ------
    InputError
        If no bin holds anything, a bin is negative or not finite, counts and binning disagree, a region lies outside
        the plane, or the axes belong to no figure.
    """
    counts = _checked(plane)
    top = float(counts.max())
    if decades < 1:
        raise InputError(f"figure of the plane: {decades} decades cannot be shown; expected 1 or more")
    bottom = top / 10.0**decades
    mesh = axes.pcolormesh(
        np.asarray(plane.binning.e_cal),
        np.asarray(plane.binning.p_out),
        np.ma.masked_equal(counts.T, 0.0),
        cmap=mpl.colormaps[COLOUR_MAP].with_extremes(bad="white", under=_BELOW),
        norm=LogNorm(bottom, top),
        linewidth=0,
        rasterized=True,
        zorder=1,
    )
    for number, region in enumerate(regions):
        _outline(axes, region.name, region_outline(region, plane.binning), number)
    axes.set_xlim(plane.binning.e_cal[0], plane.binning.e_cal[-1])
    axes.set_ylim(plane.binning.p_out[0], plane.binning.p_out[-1])
    axes.set_xlabel(r"$E_\mathrm{CAL}$ [GeV]")
    axes.set_ylabel(r"$p_\mathrm{out}$ [GeV]")
    axes.locator_params(nbins=5)
    fix_tick_labels(axes)
    figure = axes.get_figure()
    if figure is None:
        raise InputError("figure of the plane: the axes belong to no figure, so that no colour bar can be added")
    bar = figure.colorbar(
        mesh, ax=axes, pad=0.03, extend="min" if np.any((counts > 0) & (counts < top / 10.0**decades)) else "neither"
    )
    bar.set_label("expected events per bin")
    bar.minorticks_off()
    fix_tick_labels(bar.ax)
    if regions:
        axes.legend(**ABOVE, ncols=2, frameon=False)
    return axes


def region_outline(region: Region, binning: Binning) -> Array:
    """Corners [GeV] of the part of a region that lies in the plane, shape (n, 2) of (E_CAL, p_out), not closed.

    Parameters
    ----------
    region
        The region.
    binning
        The bins of the plane.

    Raises
    ------
    InputError
        If the region lies outside the plane.

    References
    ----------
    I. E. Sutherland, G. W. Hodgman, Commun. ACM 17 (1974) 32: a convex polygon is cut by one straight line at a time.
    """
    low_e, high_e, low_p, high_p = binning.e_cal[0], binning.e_cal[-1], binning.p_out[0], binning.p_out[-1]
    corners = np.array([[low_e, low_p], [high_e, low_p], [high_e, high_p], [low_e, high_p]], dtype=float)
    for normal, (low, high) in (
        (np.array([1.0, 0.0]), region.e_cal),
        (np.array([0.0, 1.0]), region.p_out),
        (np.array([1.0, 1.0]), region.total),
    ):
        for sign, bound in ((1.0, low), (-1.0, high)):
            if np.isfinite(bound) and len(corners):
                corners = _cut(corners, sign * (corners @ normal - bound))
    if len(corners) < 3:
        raise InputError(
            f"figure of the plane: region {region.name!r} lies outside the plane of "
            f"[{low_e}, {high_e}] x [{low_p}, {high_p}] GeV"
        )
    return corners


def _cut(corners: Array, inside: Array) -> Array:
    """Part of a convex polygon where `inside`, a linear function at its corners, is positive."""
    kept: list[Array] = []
    for here, there, value, later in zip(
        corners, np.roll(corners, -1, axis=0), inside, np.roll(inside, -1), strict=True
    ):
        if value >= 0:
            kept.append(here)
        if value * later < 0:
            kept.append(here + value / (value - later) * (there - here))
    return np.array(kept) if np.any(inside > 0) else np.empty((0, 2))


def _outline(axes: Axes, name: str, corners: Array, number: int) -> None:
    """An outline seen on light and dark: white below all lines, thin lines above wide ones."""
    x, y = np.vstack([corners, corners[:2]]).T  # past the first corner, so that it is joined like the others
    colour, style, width = _OUTLINES[number % len(_OUTLINES)]
    shape: Any = {"clip_on": False, "solid_joinstyle": "round"}
    axes.plot(x, y, color="white", lw=width + 1.2, zorder=4, **shape)
    above = 6 - width / 10
    if style != "-":  # white gaps instead of what lies below
        axes.plot(x, y, color="white", lw=width, zorder=above, **shape)
    axes.plot(x, y, color=colour, ls=style, lw=width, label=literal(name), zorder=above, **shape)


def _checked(plane: Plane) -> Array:
    counts = np.asarray(plane.counts, dtype=float)
    if counts.shape != plane.binning.shape:
        raise InputError(
            f"figure of the plane: counts of shape {counts.shape} in a binning of shape {plane.binning.shape}"
        )
    wrong = ~(np.isfinite(counts) & (counts >= 0))
    if np.any(wrong):
        raise InputError(f"figure of the plane: a bin holds {counts[wrong][0]}; expected finite numbers >= 0")
    if not np.any(counts > 0):
        raise InputError("figure of the plane: no event is expected in any bin; nothing can be drawn")
    return counts
