"""Cells between the nodes of a dyadic lattice.

A rectangle is divided into coarse cells; a cell is divided into four where its centre is a node. The nodes alone therefore say
what the cells are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lattice:
    """Nodes of a dyadic lattice, with every corner of every cell among them.

    Attributes
    ----------
    x, y
        Increasing coordinates of the columns and rows of the lattice (ln mass and ln coupling), shapes (I,) and (J,).
    coarse
        Lattice steps along a side of a coarse cell, a power of two.
    column, row
        Where the nodes are, each of shape (N,), in any order.
    """

    x: Array
    y: Array
    coarse: int
    column: Integers
    row: Integers

    @cached_property
    def node_x(self) -> Array:
        """First coordinate of the nodes, shape (N,)."""
        return self.x[self.column]

    @cached_property
    def node_y(self) -> Array:
        """Second coordinate of the nodes, shape (N,)."""
        return self.y[self.row]

    def find(self, column: Integers, row: Integers) -> Integers:
        """Positions of nodes in the mesh, -1 where there is none."""
        key = column * len(self.y) + row
        at = np.minimum(np.searchsorted(self._by_column[0], key), len(self.column) - 1)
        return np.where(self._by_column[0][at] == key, self._by_column[1][at], -1)

    @cached_property
    def _by_column(self) -> tuple[Integers, Integers]:
        """Keys of the nodes that increase along columns, and the order of the nodes that makes them increase."""
        key = self.column * len(self.y) + self.row
        order = np.argsort(key, kind="stable")
        return key[order], order

    @cached_property
    def cells(self) -> tuple[Integers, Integers, Integers]:
        """Column and row of the lower left corner, and lattice steps along a side, of the cells, each (L,)."""
        i, j = (index.ravel() * self.coarse for index in np.indices(((len(self.x) - 1) // self.coarse, self._rows)))
        size, whole = self.coarse, []
        while True:
            split = np.zeros(len(i), dtype=bool) if size == 1 else self.find(i + size // 2, j + size // 2) >= 0
            whole.append((i[~split], j[~split], np.full(np.count_nonzero(~split), size)))
            if not split.any():
                break
            size //= 2
            i, j = i[split], j[split]
            i, j = np.concatenate([i, i + size, i, i + size]), np.concatenate([j, j, j + size, j + size])
        columns, rows, sizes = (np.concatenate(parts) for parts in zip(*whole, strict=True))
        order = np.argsort(columns * len(self.y) + rows, kind="stable")
        return columns[order], rows[order], sizes[order]

    @property
    def _rows(self) -> int:
        return (len(self.y) - 1) // self.coarse

    def cell_at(self, u: Array, v: Array) -> Integers:
        """Numbers of the cells that hold points, given in steps of the lattice; those at the upper ends belong inside."""
        i = np.clip(np.floor(u), 0, len(self.x) - 2).astype(np.int64)
        j = np.clip(np.floor(v), 0, len(self.y) - 2).astype(np.int64)
        corner_i, corner_j = i // self.coarse * self.coarse, j // self.coarse * self.coarse
        size, left = self.coarse, np.arange(len(i))
        while size > 1 and len(left):
            half = size // 2
            left = left[self.find(corner_i[left] + half, corner_j[left] + half) >= 0]
            corner_i[left] = i[left] // half * half
            corner_j[left] = j[left] // half * half
            size = half
        columns, rows, _ = self.cells
        return np.searchsorted(columns * len(self.y) + rows, corner_i * len(self.y) + corner_j)

    @cached_property
    def touching(self) -> tuple[Integers, Integers]:
        """Pairs (node, cell) in which the node is a corner or on a side of the cell; some pairs occur twice."""
        nodes, cells = [], []
        for du, dv in ((-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5)):
            u, v = np.asarray(self.column + du, dtype=np.float64), np.asarray(self.row + dv, dtype=np.float64)
            (inside,) = np.nonzero((u > 0) & (v > 0) & (u < len(self.x) - 1) & (v < len(self.y) - 1))
            nodes.append(inside)
            cells.append(self.cell_at(u[inside], v[inside]))
        return np.concatenate(nodes), np.concatenate(cells)

    @cached_property
    def corners(self) -> Integers:
        """Nodes at the corners of the cells, counter-clockwise from the lower left, (L, 4)."""
        i, j, size = self.cells
        steps = ((0, 0), (1, 0), (1, 1), (0, 1))
        return np.stack([self.find(i + a * size, j + b * size) for a, b in steps], axis=1)
