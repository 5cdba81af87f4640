"""Where a verdict changes over a plane: a coarse grid, refined only along the boundary."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from na64stat.contour.lattice import Integers, Lattice
from na64stat.contour.region import CLIFF
from na64stat.errors import InputError

_LOG = logging.getLogger(__name__)

Array = NDArray[np.float64]
Evaluate = Callable[[Array, Array], Mapping[str, Array]]
"""(ln mass, ln coupling), each (N,) -> excess by level, each (N,): positive where excluded, NaN where it failed."""

COARSE: Final = (0.25, 0.5)
"""Coarse cells are at most this long in ln(mass) and ln(coupling)."""

_FEWEST: Final = 8
"""Coarse cells along an axis at least."""

_GUARD: Final = 2
"""Rounds in which cells are also divided near a boundary, not only on it."""


@dataclass(frozen=True, eq=False)
class Nodes:
    """Points at which something was evaluated, by mass and then coupling.

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
        Cells of the smallest size in which a boundary is only known to lie within the cell: the values jump, or fail.
    reached
        Largest estimated error of a boundary, in ln(mass) and ln(coupling).
    failed
        Number of points with a value that failed.
    rounds
        How often points were added.
    """

    place: Integers
    last: tuple[int, int]
    log_mass: Array
    log_coupling: Array
    values: Mapping[str, Array]
    unsettled: int
    reached: float
    failed: int
    rounds: int


def refine(evaluate: Evaluate, box: tuple[tuple[float, float], tuple[float, float]], tolerance: float = 0.005) -> Nodes:
    """Evaluate a function where it changes its sign.

    A cell with a boundary of any level is divided into four until what the larger cell told about the function is so close that
    no boundary moves by more than the tolerance; where the function jumps, until the cell is no larger than that. In the
    first two rounds the cells next to a boundary are divided too, and those where the function comes closer to zero than it
    varies from corner to corner.

    Parameters
    ----------
    evaluate
        Values by level at points (ln mass, ln coupling), both of shape (N,): positive where excluded, minus infinity where there
        is nothing, NaN where it failed. It is called with all points of one round at once.
    box
        Ranges of ln(mass) and ln(coupling).
    tolerance
        To which boundaries are found, in ln(mass) and ln(coupling).

    Notes
    -----
    A part of the excluded region, or a hole in it, can be missed if it lies within one coarse cell, or within a quarter of one
    beside a boundary, and the values at the corners do not come as close to zero as they vary from corner to corner. The
    edge of failed points is not a boundary: it is known to the size of the cells there.

    Raises
    ------
    InputError
        For a tolerance that cannot be reached.
    """
    if not 1e-4 <= tolerance <= 0.5:
        raise InputError(f"tolerance = {tolerance}; expected a number from 1e-4 to 0.5 (in the logarithm)")
    lattice, column, row = _coarse_grid(box, tolerance)
    values: dict[str, Array] = {}
    rounds = 0
    while len(column):
        rounds += 1
        found = evaluate(lattice.x[column], lattice.y[row])
        values = {level: np.append(values.get(level, np.zeros(0)), new) for level, new in found.items()}
        lattice = Lattice(
            lattice.x, lattice.y, lattice.coarse, np.append(lattice.column, column), np.append(lattice.row, row)
        )
        _LOG.info("round %d: %d points, %d in all", rounds, len(column), len(lattice.column))
        crossed, error = _crossings(lattice, values)
        split = np.asarray((crossed & ~(error <= tolerance)).any(axis=0))
        if rounds <= _GUARD:
            split |= _guarded(lattice, values, np.asarray(crossed.any(axis=0)))
        column, row = _new_nodes(lattice, split)
    order = np.lexsort((lattice.row, lattice.column))
    sharp = error <= tolerance
    size = max(lattice.x[1] - lattice.x[0], lattice.y[1] - lattice.y[0])
    return Nodes(
        np.stack([lattice.column, lattice.row], axis=1)[order],
        (len(lattice.x) - 1, len(lattice.y) - 1),
        lattice.node_x[order],
        lattice.node_y[order],
        {level: found[order] for level, found in values.items()},
        int(np.count_nonzero((crossed & ~sharp).any(axis=0))),
        float(np.max(np.where(sharp, error, size), initial=0.0, where=crossed)),
        int(np.count_nonzero(np.isnan(np.stack(list(values.values()))).any(axis=0))),
        rounds,
    )


def _coarse_grid(
    box: tuple[tuple[float, float], tuple[float, float]], tolerance: float
) -> tuple[Lattice, Integers, Integers]:
    """A lattice without nodes, and the columns and rows of its coarse grid."""
    cells = [max(_FEWEST, math.ceil((high - low) / step - 1e-9)) for (low, high), step in zip(box, COARSE, strict=True)]
    largest = max((high - low) / number for (low, high), number in zip(box, cells, strict=True))
    depth = max(0, math.ceil(math.log2(largest / tolerance)))
    x, y = (np.linspace(*ends, (number << depth) + 1) for ends, number in zip(box, cells, strict=True))
    column, row = (index.ravel() << depth for index in np.indices((cells[0] + 1, cells[1] + 1)))
    none = np.zeros(0, dtype=np.int64)
    return Lattice(x, y, 1 << depth, none, none), column, row


def _clipped(values: Mapping[str, Array]) -> Array:
    """Values by level, shape (K, N); infinities are cut off, failures stay NaN."""
    return np.clip(np.stack(list(values.values())), -CLIFF, CLIFF)


def _crossings(lattice: Lattice, values: Mapping[str, Array]) -> tuple[NDArray[np.bool_], Array]:
    """True if a boundary of a level goes through a cell, and by how far it may be wrong there, both of shape (K, L)."""
    height = _clipped(values)
    nodes, cells = lattice.touching
    number = len(lattice.cells[0])
    crossed = np.zeros((len(height), number), dtype=bool)
    error = np.full((len(height), number), math.inf)
    for level, at in enumerate(height):
        excluded = np.bincount(cells[at[nodes] > 0], minlength=number) > 0
        allowed = np.bincount(cells[at[nodes] <= 0], minlength=number) > 0
        crossed[level] = excluded & allowed
    (some,) = np.nonzero(crossed.any(axis=0) & (lattice.cells[2] < lattice.coarse))
    error[:, some] = _errors(lattice, height, some)
    return crossed, error


def _errors(lattice: Lattice, height: Array, some: Integers) -> Array:
    """By how far boundaries may have moved when the cells were made by dividing larger ones, shape (K, S).

    It is what the corners of the larger cell tell wrongly about its middles, over the slope in the smaller cell.
    """
    i, j, size = (part[some] for part in lattice.cells)
    corner_i, corner_j = i // (2 * size) * (2 * size), j // (2 * size) * (2 * size)
    nodes = [lattice.find(corner_i + a * size, corner_j + b * size) for a in range(3) for b in range(3)]
    grid = height[:, np.stack(nodes)].swapaxes(0, 1).reshape(3, 3, len(height), len(some))
    rows = np.stack([grid[0], (grid[0] + grid[2]) / 2, grid[2]])
    told = np.stack([rows[:, 0], (rows[:, 0] + rows[:, 2]) / 2, rows[:, 2]], axis=1)
    miss = np.abs(grid - told).max(axis=(0, 1))
    f00, f10, f11, f01 = (height[:, corner] for corner in lattice.corners[some].T)
    along = (f10 + f11 - f00 - f01) / (2 * (lattice.x[i + size] - lattice.x[i]))
    up = (f01 + f11 - f00 - f10) / (2 * (lattice.y[j + size] - lattice.y[j]))
    # Of x y, which the middles do not show, triangles miss a sixteenth of its corners' alternating sum.
    twist = np.abs(f00 + f11 - f10 - f01) / 16
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((miss + twist) / np.hypot(along, up))


def _guarded(lattice: Lattice, values: Mapping[str, Array], crossed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells on a boundary, next to one, or where values are closer to zero than they vary, shape (L,)."""
    nodes, cells = lattice.touching
    marked = np.zeros(len(lattice.column), dtype=bool)
    marked[nodes[crossed[cells]]] = True
    near = np.bincount(cells[marked[nodes]], minlength=len(crossed)) > 0
    corners = _clipped(values)[:, lattice.corners]
    close = np.abs(corners).min(axis=2) < np.ptp(corners, axis=2)
    return np.asarray(near | close.any(axis=0))


def _new_nodes(lattice: Lattice, split: NDArray[np.bool_]) -> tuple[Integers, Integers]:
    """Columns and rows of the nodes that divide cells and are not there yet; none for the smallest cells."""
    i, j, size = (part[split & (lattice.cells[2] > 1)] for part in lattice.cells)
    half = size // 2
    steps = ((1, 1), (1, 0), (0, 1), (2, 1), (1, 2))
    key = np.concatenate([(i + a * half) * len(lattice.y) + j + b * half for a, b in steps])
    column, row = np.divmod(np.unique(key), len(lattice.y))
    new = lattice.find(column, row) < 0
    return column[new], row[new]
