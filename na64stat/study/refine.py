"""Where a verdict changes over a plane: a coarse grid, refined only along the boundary.

A cell is settled when halving it moves no boundary inside by more than the tolerance; where a verdict jumps instead of passing
through zero, cells are halved down to the tolerance itself. What can be missed: a part of the excluded region (or a hole in it)
that is narrower than a coarse cell, touches no other boundary, and does not show in the values at the corners around it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError
from na64stat.study.region import CLIFF

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Evaluate = Callable[[Array, Array], Mapping[str, Array]]

COARSE: Final = (0.25, 0.5)
"""Coarse cells are at most this long in ln(mass) and ln(coupling)."""

_FEWEST: Final = 12
"""Coarse cells along an axis at least."""

_CLOSE: Final = 0.5
"""A coarse cell whose smallest excess is below this share of its variation may hide a boundary."""

_CORNERS: Final = np.array([(0, 0), (2, 0), (0, 2), (2, 2)])
_OFFSETS: Final = np.array([(i, j) for i in range(3) for j in range(3)])
"""Nodes of a halved cell in units of half a cell; node (i, j) is number 3 i + j."""
_LINES: Final = ((0, 1, 2), (6, 7, 8), (0, 3, 6), (2, 5, 8))
"""Edges of a cell: end, middle, end."""
_ACROSS: Final = ((-1, 0), (1, 0), (0, -1), (0, 1))
"""The neighbour on the other side of each of these edges."""


@dataclass(frozen=True, eq=False)
class Nodes:
    """Points at which something was evaluated.

    Attributes
    ----------
    place
        Lattice coordinates, shape (N, 2), that grow from (0, 0) to `last` with ln(mass) and ln(coupling).
    last
        Coordinates of the far corner of the box.
    log_mass, log_coupling
        The points, shape (N,).
    values
        What was evaluated there, by level, shape (N,).
    unsettled
        Cells of the smallest size in which a boundary moves by more than the tolerance still (usually none).
    """

    place: Indices
    last: tuple[int, int]
    log_mass: Array
    log_coupling: Array
    values: Mapping[str, Array]
    unsettled: int


def refine(evaluate: Evaluate, box: tuple[tuple[float, float], tuple[float, float]], tolerance: float = 0.005) -> Nodes:
    """Evaluate a function where it changes its sign.

    Parameters
    ----------
    evaluate
        Values by level at points (ln mass, ln coupling), both of shape (N,): positive where excluded, minus infinity where there
        is nothing, NaN where it failed. It is called with all points of one round at once.
    box
        Ranges of ln(mass) and ln(coupling).
    tolerance
        To which boundaries are found, in ln(mass) and ln(coupling).

    Raises
    ------
    InputError
        For a tolerance that cannot be reached.
    """
    if not 1e-4 <= tolerance <= 0.5:
        raise InputError(f"tolerance = {tolerance}: from 1e-4 to 0.5 (in the logarithm) is right")
    lattice = _Lattice(evaluate, box, tolerance)
    cells = lattice.grid
    unsettled = 0
    for level in range(lattice.rounds):
        active = lattice.active(cells, level)
        cells, unsettled = lattice.halve(active, level)
        if not len(cells):
            break
    return lattice.nodes(unsettled)


class _Lattice:
    """All nodes, known by their number; a cell of some round is known by its lower corner."""

    def __init__(
        self, evaluate: Evaluate, box: tuple[tuple[float, float], tuple[float, float]], tolerance: float
    ) -> None:
        self.evaluate, self.tolerance = evaluate, tolerance
        self.low = np.array([axis[0] for axis in box])
        length = np.array([axis[1] - axis[0] for axis in box])
        self.coarse = np.maximum(np.ceil(length / COARSE), _FEWEST).astype(np.int64)
        cell = length / self.coarse
        # One round more, so that a halved cell has middles.
        self.rounds = max(1, math.ceil(math.log2(float((cell / tolerance).max()))))
        self.last = self.coarse * 2**self.rounds
        self.step = length / self.last
        self.known: Indices = np.zeros(0, dtype=np.int64)
        self.values: dict[str, Array] = {}

    @property
    def grid(self) -> Indices:
        """Lower corners of the coarse cells, shape (K, 2)."""
        index = np.indices(tuple(self.coarse)).reshape(2, -1).T
        return np.asarray(index * 2**self.rounds, dtype=np.int64)

    def active(self, cells: Indices, level: int) -> Indices:
        """Cells that a boundary crosses, or may cross."""
        size = 2 ** (self.rounds - level)
        corners = self.at(cells[:, None, :] + _CORNERS * (size // 2))
        chosen = np.zeros(len(cells), dtype=bool)
        for values in corners.values():
            chosen |= _mixed(values)
            if level == 0:
                spread = np.ptp(values, axis=1)
                chosen |= (np.abs(values).min(axis=1) < _CLOSE * spread) & np.isfinite(spread)
        active = cells[chosen]
        if level > 0 or not len(active):
            return active
        # A boundary that is seen here can have a thin branch next door.
        around = (active[:, None, :] + np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]) * size).reshape(-1, 2)
        return self._inside(np.unique(around, axis=0), size)

    def halve(self, cells: Indices, level: int) -> tuple[Indices, int]:
        """Evaluate the middles of cells; the halves that need more, and how many cells are not settled."""
        size = 2 ** (self.rounds - level)
        half = size // 2
        done = np.zeros((0, 2), dtype=np.int64)
        unsettled = np.zeros((0, 2), dtype=np.int64)
        while len(cells):
            nodes = cells[:, None, :] + _OFFSETS * half
            found = self.at(nodes)
            moved = np.zeros(len(cells), dtype=bool)
            further = [np.zeros((0, 2), dtype=np.int64)]
            for values in found.values():
                moved |= self._moves(values, half)
                for line, across in zip(_LINES, _ACROSS, strict=True):
                    hidden = _hidden(values[:, line])
                    further.append(cells[hidden] + np.array(across) * size)
            done, unsettled = np.concatenate([done, cells]), np.concatenate([unsettled, cells[moved]])
            # A boundary that enters between two corners goes on in the cell on the other side.
            new = self._inside(np.unique(np.concatenate(further), axis=0), size)
            cells = new[~_isin(new, done)]
        halves = np.unique((unsettled[:, None, :] + _CORNERS // 2 * half).reshape(-1, 2), axis=0)
        if half == 1:
            return np.zeros((0, 2), dtype=np.int64), len(unsettled)
        return halves, len(unsettled)

    def _moves(self, values: Array, half: int) -> NDArray[np.bool_]:
        """In which cells halving moves a boundary by more than the tolerance, values at 9 nodes, shape (K, 9)."""
        grid = values.reshape(-1, 3, 3)
        moved = np.zeros(len(grid), dtype=bool)
        for axis, length in ((0, 2 * half * self.step[0]), (1, 2 * half * self.step[1])):
            lines = np.moveaxis(grid, axis + 1, 2)  # (K, line, position)
            told = lines.copy()
            # The middle line as the corners tell it.
            told[:, 1, [0, 2]] = (lines[:, 0][:, [0, 2]] + lines[:, 2][:, [0, 2]]) / 2
            before, after = _crossing(told[..., 0], told[..., 2]), _crossing_of_halves(lines)
            change = np.where(np.isnan(before) & np.isnan(after), 0.0, np.abs(before - after))
            # A boundary that appears or disappears between the corners has moved by the whole cell.
            change = np.where(np.isnan(change), 1.0, change)
            moved |= (change * length > self.tolerance).any(axis=1)
        return moved & ~np.isnan(values).any(axis=1)

    def at(self, nodes: Indices) -> dict[str, Array]:
        """Values at nodes (..., 2), cut off at `CLIFF`, shape (...)."""
        numbers = nodes[..., 0] * (self.last[1] + 1) + nodes[..., 1]
        missing = np.setdiff1d(numbers, self.known)
        if len(missing):
            place = np.stack(np.divmod(missing, self.last[1] + 1), axis=1)
            logs = self.low + place * self.step
            found = self.evaluate(logs[:, 0], logs[:, 1])
            merged = np.concatenate([self.known, missing])
            order = np.argsort(merged, kind="stable")
            self.known = merged[order]
            for level, values in found.items():
                old = self.values.get(level, np.zeros(0))
                self.values[level] = np.concatenate([old, values])[order]
        at = np.searchsorted(self.known, numbers)
        return {level: np.clip(values[at], -CLIFF, CLIFF) for level, values in self.values.items()}

    def _inside(self, cells: Indices, size: int) -> Indices:
        return np.asarray(cells[((cells >= 0) & (cells + size <= self.last)).all(axis=1)], dtype=np.int64)

    def nodes(self, unsettled: int) -> Nodes:
        """Everything that was evaluated."""
        place = np.stack(np.divmod(self.known, self.last[1] + 1), axis=1)
        logs = self.low + place * self.step
        last = int(self.last[0]), int(self.last[1])
        return Nodes(place, last, logs[:, 0], logs[:, 1], self.values, unsettled)


def _mixed(values: Array) -> NDArray[np.bool_]:
    """Rows with both verdicts and no failure."""
    inside = values > 0
    return np.asarray(inside.any(axis=1) & ~inside.all(axis=1) & ~np.isnan(values).any(axis=1))


def _hidden(line: Array) -> NDArray[np.bool_]:
    """Edges (K, 3) whose ends agree and whose middle does not."""
    inside = line > 0
    return np.asarray((inside[:, 0] == inside[:, 2]) & (inside[:, 1] != inside[:, 0]) & ~np.isnan(line).any(axis=1))


def _crossing(low: Array, high: Array) -> Array:
    """Where a straight line between two values passes through zero, from 0 to 1; NaN where it does not."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((low > 0) != (high > 0), low / (low - high), np.nan)


def _crossing_of_halves(lines: Array) -> Array:
    """The same from three values, for the first half that changes; NaN also where both halves do."""
    first, second = _crossing(lines[..., 0], lines[..., 1]), _crossing(lines[..., 1], lines[..., 2])
    both = ~np.isnan(first) & ~np.isnan(second)
    found = np.where(np.isnan(first), 0.5 + second / 2, first / 2)
    return np.where(both, np.nan, found)


def _isin(cells: Indices, others: Indices) -> NDArray[np.bool_]:
    base = int(max(cells.max(initial=0), others.max(initial=0))) + 1
    return np.isin(cells[:, 0] * base + cells[:, 1], others[:, 0] * base + others[:, 1])
