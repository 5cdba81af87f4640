"""A height over scattered points, linear on triangles: where it is positive, and the curves along which it is zero.

Heights and curves are in whatever coordinates the points have; the triangles are chosen in units of the box of the points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_FLAT: Final = 1e-8
"""Distance from a line, relative to the extent, below which points lie on it; Delaunay's triangles need some 1e-13."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Points and their heights.

    Attributes
    ----------
    points
        Shape (N, 2).
    height
        Finite, or NaN where it is not known: triangles with such a corner do not count. Shape (N,).
    axes
        Of points that are a grid, row by row, and then the middles of its cells: coordinates along either axis. Each cell is then
        four triangles around its middle. Without axes the triangles are those of Delaunay.
    """

    points: Array
    height: Array
    axes: tuple[Array, Array] | None = None

    def at(self, points: Array) -> Array:
        """Heights within the box of the points, NaN in triangles that do not count, (n, 2) -> (n,)."""
        if self.axes is not None:
            return self._at_grid(self.axes, points)
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        return np.asarray(self._interpolate((points - low) / (high - low)))

    def _at_grid(self, axes: tuple[Array, Array], points: Array) -> Array:
        """Heights at points, which lie between the middle of a cell and its border, (n, 2) -> (n,)."""
        cell = [np.clip(np.searchsorted(axis, points[:, k]) - 1, 0, len(axis) - 2) for k, axis in enumerate(axes)]
        low, high = (np.stack([axis[i + end] for axis, i in zip(axes, cell, strict=True)]) for end in range(2))
        u, v = 2 * (points.T - low) / (high - low) - 1
        out = np.maximum(np.abs(u), np.abs(v))
        steep = np.abs(u) >= np.abs(v)
        # Where the ray from the middle meets the border: on which side, and how far along it.
        along = 0.5 + np.where(steep, v, u) / np.where(out > 0, out, 1) / 2
        far = np.where(steep, u, v) > 0
        begin = cell[0] + (steep & far), cell[1] + (~steep & far)
        first = begin[0] * len(axes[1]) + begin[1]
        last = first + np.where(steep, 1, len(axes[1]))
        middle = len(axes[0]) * len(axes[1]) + cell[0] * (len(axes[1]) - 1) + cell[1]
        border = (1 - along) * self.height[first] + along * self.height[last]
        return np.asarray((1 - out) * self.height[middle] + out * border)

    @cached_property
    def positive(self) -> NDArray[np.bool_]:
        """Which points are higher than zero, shape (N,)."""
        return np.asarray(np.nan_to_num(self.height, nan=-1.0) > 0)

    @cached_property
    def scaled(self) -> Array:
        """Points in units of their box, from 0 to 1, shape (N, 2).

        Raises
        ------
        InputError
            If the points are a single row or column, or lie on another line.
        """
        if is_flat(self.points):
            raise InputError(
                "region: the points are a single row or column, or lie on one line; expected a map of masses and couplings"
            )
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        return np.asarray((self.points - low) / (high - low))

    @cached_property
    def triangles(self) -> Indices:
        """Corners of every triangle that counts, counterclockwise, shape (T, 3)."""
        corners = np.asarray(
            self._delaunay.simplices if self.axes is None else _grid_corners(*map(len, self.axes)), dtype=np.int64
        )
        a, b, c = (self.scaled[corners[:, k]] for k in range(3))
        turned = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) < (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
        corners = np.where(turned[:, None], corners[:, ::-1], corners)
        return corners[~np.isnan(self.height[corners]).any(axis=1)]

    @cached_property
    def positive_areas(self) -> Array:
        """Area of each triangle over which the height is positive, shape (T,)."""
        a, b, c = (self.points[self.triangles[:, k]] for k in range(3))
        whole = np.abs((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])) / 2
        share = np.where(self.positive[self.triangles].all(axis=1), 1.0, 0.0)
        rows, odd, one = self._mixed
        tip, left, right = (self.height[self.triangles[rows, (odd + k) % 3]] for k in range(3))
        corner = tip / (tip - left) * tip / (tip - right)
        share[rows] = np.where(one, corner, 1 - corner)
        return np.asarray(whole * share)

    @cached_property
    def crossings(self) -> tuple[Indices, Array]:
        """Edges along which the height changes its sign, (E, 2), and where, (E, 2)."""
        begin, end = self._segments
        edges = np.unique(np.concatenate([begin, end]), axis=0)
        share = self.share(edges)[:, None]
        return edges, (1 - share) * self.points[edges[:, 0]] + share * self.points[edges[:, 1]]

    def share(self, edges: Indices) -> Array:
        """How far along each edge the height is zero, from 0 to 1, (E, 2) -> (E,)."""
        low, high = (self.height[edges[:, k]] for k in range(2))
        return np.asarray(low / (low - high))

    @cached_property
    def chains(self) -> list[tuple[list[int], bool]]:
        """Crossings one after the other along each curve, the positive side on the left, and whether it is closed."""
        begin, end = (self._number(part) for part in self._segments)
        follows = dict(zip(begin.tolist(), end.tolist(), strict=True))
        chains = [(_follow(first, follows), False) for first in sorted(set(follows) - set(follows.values()))]
        while follows:
            chains.append((_follow(min(follows), follows), True))
        return chains

    @cached_property
    def _delaunay(self) -> Any:
        from scipy.spatial import Delaunay

        return Delaunay(self.scaled)

    @cached_property
    def _interpolate(self) -> Any:
        from scipy.interpolate import LinearNDInterpolator

        return LinearNDInterpolator(self._delaunay, self.height)

    @cached_property
    def _mixed(self) -> tuple[Indices, Indices, NDArray[np.bool_]]:
        """Triangles with both signs, the corner that is alone with its sign, and whether that is the positive one."""
        positive = self.positive[self.triangles]
        number = positive.sum(axis=1)
        rows = np.flatnonzero((number == 1) | (number == 2))
        one = number[rows] == 1
        return rows, np.where(one, positive[rows].argmax(axis=1), (~positive[rows]).argmax(axis=1)), one

    @cached_property
    def _segments(self) -> tuple[Indices, Indices]:
        """Edges between which a curve crosses each such triangle, the positive side on the left, both (S, 2)."""
        rows, odd, one = self._mixed
        tip, left, right = (self.triangles[rows, (odd + k) % 3] for k in range(3))
        first, second = (np.sort(np.stack([tip, other], axis=1), axis=1) for other in (left, right))
        return np.where(one[:, None], first, second), np.where(one[:, None], second, first)

    def _number(self, edges: Indices) -> Indices:
        """Position of edges among the crossings."""
        known, size = self.crossings[0], len(self.points)
        return np.searchsorted(known[:, 0] * size + known[:, 1], edges[:, 0] * size + edges[:, 1])


def is_flat(points: Array) -> bool:
    """True if points (N, 2) lie on one line, so closely that there is no triangle of them.

    Parameters
    ----------
    points
        Shape (N, 2).
    """
    if len(points) < 3:
        return True
    extent = np.ptp(points, axis=0)
    if not (extent > 0).all():
        return True
    scaled = (points - points.mean(axis=0)) / extent
    return bool(np.linalg.svd(scaled, compute_uv=False)[1] < _FLAT * math.sqrt(len(points)))


def _follow(first: int, follows: dict[int, int]) -> list[int]:
    """Take a chain out of what follows what."""
    chain = [first]
    while chain[-1] in follows:
        chain.append(follows.pop(chain[-1]))
    return chain


def _grid_corners(columns: int, rows: int) -> Indices:
    """Triangles around the middles of the cells of a grid, shape (4 C, 3)."""
    i, j = (index.ravel() for index in np.indices((columns - 1, rows - 1)))
    ring = [(i + a) * rows + j + b for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]
    middle = columns * rows + np.arange(len(i))
    return np.concatenate([np.stack([middle, ring[k], ring[(k + 1) % 4]], axis=1) for k in range(4)])
