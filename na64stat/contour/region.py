"""Excluded regions of the (mass, coupling) plane: contours, areas and tips of a verdict that is known at points.

Between the points the excess is linear on triangles, so that contours, areas and `contains` agree with each other exactly.
Lengths and areas are those of the logarithms.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.contour.mesh import Mesh
from na64stat.errors import InputError

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

CLIFF: Final = 60.0
"""Range of the excess that contours see: beyond an exponential cut-off there is nothing to interpolate."""

ARTEFACT: Final = 0.05
"""A point of a contour, where the layer sum is at the limit, is an artefact if any depth gives this much less in the log."""

BORDERS: Final = ("low mass", "high mass", "low coupling", "high coupling")

_SQUARE_DECADE: Final = math.log(10) ** 2


@dataclass(frozen=True)
class Contour:
    """A curve of constant CL_s, with the excluded side on its left in the plane of ln(mass) and ln(coupling).

    Attributes
    ----------
    closed
        Whether it closes, or ends at the border of what was looked at.
    artefact
        Which points bound what the layer sum alone excludes (see `na64stat.yields.survival.DepthAverage`).
    ends
        Where an open one begins and ends: a border such as "low mass", or "failed points".
    mass, coupling
        Points along the curve [GeV; unit of the coupling]; the first one again at the end of a closed one.
    """

    mass: tuple[float, ...]
    coupling: tuple[float, ...]
    closed: bool
    artefact: tuple[bool, ...]
    ends: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tip:
    """The largest excluded mass [GeV] and its coupling; `open` where the region goes on beyond the largest mass looked at.

    Attributes
    ----------
    mass, coupling
        The point [GeV; unit of the coupling].
    open
        Whether the region goes on beyond it.
    """

    mass: float
    coupling: float
    open: bool


@dataclass(frozen=True)
class Component:
    """A connected part of a region.

    Attributes
    ----------
    area
        In decades of mass times decades of coupling.
    open_at
        Borders that it reaches.
    mass, coupling
        Smallest and largest [GeV; unit of the coupling].
    """

    area: float
    mass: tuple[float, float]
    coupling: tuple[float, float]
    open_at: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ExclusionRegion:
    """Where a verdict excludes, within a box of masses and couplings.

    Attributes
    ----------
    log_mass, log_coupling
        Points at which the verdict is known, among them the corners of the box, shape (N,).
    excess
        Positive where excluded, NaN where it failed, shape (N,).
    smooth
        The same with the continuous depth average, shape (N,).
    failed
        Number of points that failed; what is around them counts as not excluded.
    axes
        Of a grid, whose points are followed by the middles of its cells: ln(mass) and ln(coupling) along either axis.
    """

    log_mass: Array
    log_coupling: Array
    excess: Array
    smooth: Array
    failed: int
    axes: tuple[Array, Array] | None = None

    @classmethod
    def of_points(cls, log_mass: Array, log_coupling: Array, excess: Array, smooth: Array) -> Self:
        """From any points, shape (N,).

        Parameters
        ----------
        log_mass, log_coupling
            ln(mass [GeV]) and ln(coupling), shape (N,).
        excess, smooth
            As the attributes, shape (N,).
        """
        return cls(log_mass, log_coupling, excess, smooth, int(np.isnan(excess).sum()))

    @classmethod
    def of_grid(cls, log_mass: Array, log_coupling: Array, excess: Array, smooth: Array) -> Self:
        """From a grid (M,), (G,) and (M, G).

        The middle of each cell joins in with the mean of its corners: without it the choice of a diagonal would show.

        Parameters
        ----------
        log_mass, log_coupling
            ln(mass [GeV]) and ln(coupling) along the axes, shapes (M,) and (G,).
        excess, smooth
            As the attributes, on the grid, shape (M, G).
        """
        inner = [(axis[:-1] + axis[1:]) / 2 for axis in (log_mass, log_coupling)]
        points = [np.meshgrid(*axes, indexing="ij") for axes in ((log_mass, log_coupling), inner)]
        mass, coupling = (np.concatenate([points[0][k].ravel(), points[1][k].ravel()]) for k in range(2))
        failed = int(np.isnan(excess).sum())
        return cls(mass, coupling, _with_middles(excess), _with_middles(smooth), failed, (log_mass, log_coupling))

    @cached_property
    def box(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Ranges of mass and coupling that were looked at."""
        return tuple((float(np.exp(x.min())), float(np.exp(x.max()))) for x in (self.log_mass, self.log_coupling))  # type: ignore[return-value]

    def contains(self, mass: ArrayLike, coupling: ArrayLike) -> NDArray[np.bool_]:
        """True if points are excluded, of the shape of both broadcast.

        Parameters
        ----------
        mass, coupling
            Points [GeV; unit of the coupling], broadcast together.

        Raises
        ------
        InputError
            For points outside the box: nothing is known there.
        """
        return np.asarray(np.nan_to_num(self.excess_at(mass, coupling), nan=-math.inf) > 0)

    def excess_at(self, mass: ArrayLike, coupling: ArrayLike) -> Array:
        """Excess between the points, of the shape of both broadcast; NaN beside failed points, cut off at 60 on either side.

        Parameters
        ----------
        mass, coupling
            Points [GeV; unit of the coupling], broadcast together.

        Raises
        ------
        InputError
            For points outside the box.
        """
        m, g = np.broadcast_arrays(np.asarray(mass, dtype=float), np.asarray(coupling, dtype=float))
        for name, values, (low, high) in zip(("mass", "coupling"), (m, g), self.box, strict=True):
            # The corners themselves are inside, whatever the logarithm rounds to.
            outside = ~((values >= low * (1 - 1e-12)) & (values <= high * (1 + 1e-12)))
            if outside.any():
                raise InputError(
                    f"{name} {values[outside].flat[0]:g}: outside {low:g} to {high:g}, where nothing is known"
                )
        flat = np.column_stack([np.log(m).ravel(), np.log(g).ravel()])
        points = self._mesh.points
        return self._mesh.at(np.clip(flat, points.min(axis=0), points.max(axis=0))).reshape(m.shape)

    @cached_property
    def contours(self) -> tuple[Contour, ...]:
        """Curves that bound the region."""
        return tuple(self._contour(chain, closed) for chain, closed in self._mesh.chains)

    @cached_property
    def area(self) -> float:
        """Decades of mass times decades of coupling."""
        return float(self._mesh.positive_areas.sum() / _SQUARE_DECADE)

    @cached_property
    def tip(self) -> Tip | None:
        """Largest excluded mass; None if nothing is excluded."""
        mesh = self._mesh
        candidates = np.concatenate([mesh.crossings[1], mesh.points[mesh.positive]])
        if not len(candidates):
            return None
        mass, coupling = np.exp(candidates[candidates[:, 0].argmax()])
        return Tip(float(mass), float(coupling), "high mass" in self.open_at)

    @cached_property
    def open_at(self) -> tuple[str, ...]:
        """Borders of the box that the region reaches, and may go on beyond."""
        return self._borders_of(np.flatnonzero(self._mesh.positive))

    @cached_property
    def components(self) -> tuple[Component, ...]:
        """Connected parts, the largest first."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        mesh, size = self._mesh, len(self.excess)
        ends = np.concatenate([mesh.triangles[:, [k, (k + 1) % 3]] for k in range(3)])
        joined = ends[mesh.positive[ends].all(axis=1)]
        graph = coo_array((np.ones(len(joined)), (joined[:, 0], joined[:, 1])), shape=(size, size))
        _, label = connected_components(graph, directed=False)
        # The excluded corners of a triangle are connected: any of them tells where its area belongs.
        has = mesh.positive[mesh.triangles].any(axis=1)
        first = mesh.triangles[has][np.arange(has.sum()), mesh.positive[mesh.triangles[has]].argmax(axis=1)]
        areas = np.bincount(label[first], weights=mesh.positive_areas[has], minlength=size) / _SQUARE_DECADE
        edges, points = mesh.crossings
        owner = label[np.where(mesh.positive[edges[:, 0]], edges[:, 0], edges[:, 1])]
        found = []
        for number in np.unique(label[mesh.positive]):
            nodes = np.flatnonzero(mesh.positive & (label == number))
            extent = np.exp(np.concatenate([mesh.points[nodes], points[owner == number]]))
            low, high = extent.min(axis=0), extent.max(axis=0)
            ranges = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
            found.append(Component(float(areas[number]), ranges[0], ranges[1], self._borders_of(nodes)))
        return tuple(sorted(found, key=lambda item: -item.area))

    def edges(self, mass: float) -> tuple[tuple[float, float], ...]:
        """Excluded intervals of the coupling at a mass [GeV]; one that reaches a border of the box ends there.

        Parameters
        ----------
        mass
            Mass [GeV].
        """
        low, high = self.box[1]
        self.contains(mass, low)  # refuses a mass that is outside
        at = min(max(math.log(mass), float(self.log_mass.min())), float(self.log_mass.max()))
        cuts = [math.log(low), math.log(high)]
        for contour in self.contours:
            m, g = np.log(contour.mass), np.log(contour.coupling)
            i = np.flatnonzero((m[:-1] <= at) != (m[1:] <= at))
            cuts += (g[i] + (at - m[i]) / (m[i + 1] - m[i]) * (g[i + 1] - g[i])).tolist()
        cuts.sort()
        middles = [(a + b) / 2 for a, b in itertools.pairwise(cuts)]
        inside = self.contains(np.full(len(middles), mass), np.exp(middles))
        found: list[tuple[float, float]] = []
        for (a, b), excluded in zip(itertools.pairwise(cuts), inside, strict=True):
            if excluded and found and found[-1][1] == a:
                found[-1] = (found[-1][0], b)
            elif excluded and b > a:
                found.append((a, b))
        return tuple((math.exp(a), math.exp(b)) for a, b in found)

    @cached_property
    def _mesh(self) -> Mesh:
        points = np.column_stack([self.log_mass, self.log_coupling])
        return Mesh(points, np.clip(self.excess, -CLIFF, CLIFF), self.axes)

    def _contour(self, chain: Sequence[int], closed: bool) -> Contour:
        edges, points = self._mesh.crossings
        mass, coupling = np.exp(points[chain]).T.tolist()
        chosen = edges[chain]
        smooth = np.nan_to_num(np.clip(self.smooth, -CLIFF, CLIFF))
        share = self._mesh.share(chosen)
        artefact = (1 - share) * smooth[chosen[:, 0]] + share * smooth[chosen[:, 1]] < -ARTEFACT
        ends = () if closed else tuple(self._border_of(edges[chain[k]]) for k in (0, -1))
        return Contour(tuple(mass), tuple(coupling), closed, tuple(artefact.tolist()), ends)

    def _border_of(self, edge: Indices) -> str:
        """The border on which both ends of an edge lie."""
        both = [self._borders_of(edge[[k]]) for k in range(2)]
        return next((name for name in both[0] if name in both[1]), "failed points")

    def _borders_of(self, nodes: Indices) -> tuple[str, ...]:
        """Borders on which at least one of the nodes lies."""
        at = self._mesh.scaled[nodes]
        touched = (at[:, 0] == 0, at[:, 0] == 1, at[:, 1] == 0, at[:, 1] == 1)
        return tuple(name for name, on in zip(BORDERS, touched, strict=True) if on.any())


def artefact_stretches(contours: Sequence[Contour]) -> tuple[Contour, ...]:
    """The pieces of contours that bound what the layer sum alone excludes, each from one point before it."""
    found = []
    for curve in contours:
        for artefact, points in itertools.groupby(range(len(curve.mass)), key=lambda i: curve.artefact[i]):
            chosen = list(points)
            if artefact:
                piece = slice(max(chosen[0] - 1, 0), chosen[-1] + 1)
                mass, coupling = curve.mass[piece], curve.coupling[piece]
                found.append(Contour(mass, coupling, False, (True,) * len(mass)))
    return tuple(found)


def _with_middles(grid: Array) -> Array:
    """Values of a grid (M, G), then the means of the corners of its cells."""
    height = np.clip(grid, -CLIFF, CLIFF)
    middle = (height[:-1, :-1] + height[1:, :-1] + height[:-1, 1:] + height[1:, 1:]) / 4
    return np.concatenate([grid.ravel(), middle.ravel()])
