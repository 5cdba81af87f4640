"""Names of regions, written where they are legible: inside if there is room, else at the edge, never one on another."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int_]

_CELL: Final = 4.0
"""Side [pixel] of the raster on which places are compared."""
_MARGIN: Final = 3.0
"""Free space [pixel] around a name."""
_OUTSIDE, _CURVES, _OTHERS, _TURNED, _AWAY = 6.0, 4.0, 1.0, 0.3, 0.15
"""Cost of a place, by the share of the name outside its region, on curves and in other regions; if it is turned; and by
its distance from the middle of the region, in units of the axes' size."""


def place_names(plane: Axes, regions: Sequence[tuple[str, Array]], curves: Sequence[Array]) -> list[Text]:
    """Write the name of each region once; regions wholly outside the axes get none.

    Parameters
    ----------
    plane
        Axes whose position, scales and limits will not change any more.
    regions
        Name and corners (data coordinates, shape (n, 2)); several with one name are one region.
    curves
        Points of the curves to keep clear of.
    """
    corner, extent = _place_of(plane)
    width, height = (extent // _CELL).astype(int).tolist()
    shape = (width, height)
    centres = corner + _CELL * (_indices(shape).reshape(-1, 2) + 0.5)
    masks: dict[str, NDArray[np.bool_]] = {}
    for name, corners in regions:
        inside = Path(plane.transData.transform(corners)).contains_points(centres).reshape(shape)
        masks[name] = masks.get(name, np.zeros(shape, dtype=bool)) | inside
    lines = _raster(plane, curves, shape)
    taken = np.zeros(shape, dtype=bool)
    crowd = np.zeros(shape)
    for mask in masks.values():
        crowd += mask
    texts = []
    # Small regions first: they have the least choice.
    for name in sorted((name for name in masks if masks[name].any()), key=lambda name: int(masks[name].sum())):
        own = masks[name]
        others = crowd - own
        texts.append(_write(plane, name, own, _OUTSIDE * ~own + _CURVES * lines + _OTHERS * others, taken))
    return texts


def _write(plane: Axes, name: str, own: NDArray[np.bool_], cost: Array, taken: NDArray[np.bool_]) -> Text:
    """Write one name at its cheapest free place, and mark that as taken."""
    text = plane.text(0, 0, name, fontsize=7, color="#333333", ha="center", va="center", zorder=6)
    text.set_path_effects([withStroke(linewidth=1.6, foreground="white", alpha=0.8)])
    middle = np.argwhere(own).mean(axis=0)
    best: tuple[float, int, Integers, Integers] | None = None
    for angle in (0, 90):
        size = _cells(text, angle)
        if np.any(size > own.shape):
            continue
        area = size.prod()
        price = _sums(cost, size) / area + (_TURNED if angle else 0.0)
        places = _indices(price.shape) + size / 2
        price = price + _AWAY * np.hypot(*np.moveaxis((places - middle) / own.shape, -1, 0))
        # A place on another name is better than none only if the axes are full of names.
        price = price + 1e3 * (_sums(taken.astype(float), size) > 0)
        cheapest = int(np.argmin(price))
        if best is None or price.flat[cheapest] < best[0]:
            best = (float(price.flat[cheapest]), angle, np.array(np.unravel_index(cheapest, price.shape)), size)
    if best is None:
        text.remove()
        return text
    _, angle, corner, size = best
    taken[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]] = True
    text.set_rotation(angle)
    text.set_transform(plane.transAxes)
    x, y = (corner + size / 2) * _CELL / _place_of(plane)[1]
    text.set_position((float(x), float(y)))
    return text


def _cells(text: Text, angle: int) -> Integers:
    """Size of a text with its margin, in cells."""
    figure = text.get_figure()
    canvas = figure.canvas if figure is not None else None
    if not isinstance(canvas, FigureCanvasAgg):
        raise TypeError("names are placed on figures of `style.new_figure` only")
    text.set_rotation(angle)
    box = text.get_window_extent(canvas.get_renderer())  # type: ignore[no-untyped-call]
    cells: Integers = np.ceil((np.array([box.width, box.height]) + 2 * _MARGIN) / _CELL).astype(int)
    return cells


def _place_of(plane: Axes) -> tuple[Array, Array]:
    """Lower left corner and extent of the axes [pixel]."""
    return np.array(plane.bbox.p0), np.array(plane.bbox.size)


def _indices(shape: tuple[int, ...]) -> Integers:
    """Indices of each cell, shape (width, height, 2)."""
    return np.moveaxis(np.indices(shape), 0, -1)


def _sums(cells: Array, size: Integers) -> Array:
    """Sum over a window of `size` at each place where it fits."""
    total = np.pad(cells.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    a, b = size
    sums: Array = total[a:, b:] - total[:-a, b:] - total[a:, :-b] + total[:-a, :-b]
    return sums


def _raster(plane: Axes, curves: Sequence[Array], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Cells that a curve passes through."""
    passed = np.zeros(shape, dtype=bool)
    for curve in curves:
        points = (plane.transData.transform(curve) - _place_of(plane)[0]) / _CELL
        for start, end in itertools.pairwise(points):
            steps = np.linspace(start, end, int(np.ceil(np.abs(end - start).max())) * 2 + 2)
            steps = steps[np.all((steps >= 0) & (steps < shape), axis=1)].astype(int)
            passed[steps[:, 0], steps[:, 1]] = True
    return passed
