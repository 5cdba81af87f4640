"""CL_s as a function of the signal events in each region, tabulated on demand.

With few regions CL_s depends only on the expected signal in each region, whatever the scenario. A `ClsTable` evaluates it on a
lattice in the logarithms of the total and of the ratios, and interpolates ln(-ln CL_s), which is nearly linear for few and for
many counts, in cells whose ends predict their middle to `TOLERANCE`. A cell that fails is halved, down to an eighth of an e-fold:
one that is rough even there contains a line on which the ordering of the outcomes changes, where CL_s jumps, and points in it are
evaluated individually. A value depends only on its point, not on earlier requests.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from na64stat.stats.likelihood.model import NEGLIGIBLE_SIGNAL
from na64stat.stats.likelihood.parameters import Array

TOLERANCE: Final = 5e-4
"""Largest difference in CL_s between the middle of a cell and the prediction of its ends; the parabola is more precise."""

WEAKEST: Final = 3e-3
"""Total signal events below which CL_s goes to 1 along the tangent taken there; the error is far below `TOLERANCE`."""

NOTHING: Final = 1e-6
"""Upper bound on CL_s at the far end of the table; beyond, it falls as exp(-events)."""

_UNIT: Final = 1 / 16
_LONGEST, _WIDEST, _NARROWEST = 16, 32, 2
_SMALLEST_CL_S: Final = 1e-13
_SMALLEST_LOG: Final = 1e-6
"""-ln CL_s where CL_s is one."""

Indices = NDArray[np.int64]


def farthest_of(counts: Array) -> float:
    """Total signal events far beyond any limit, observed or expected, for these counts of the regions."""
    return float(20 + 2 * (counts + 3 * np.sqrt(counts + 1)).sum())


class ClsTable:
    """A table of CL_s at L levels that grows where it is read.

    `evaluate` gives CL_s of signals from their events in each region, (N, C) -> (N, L), NaN on failure. Beyond `farthest`
    signal events CL_s is negligible if it is below `NOTHING` there.
    """

    def __init__(self, evaluate: Callable[[Array], Array], levels: int, farthest: float) -> None:
        self._direct, self.levels, self.farthest = evaluate, levels, farthest
        self._tables: dict[bytes, _Table] = {}

    def read(self, events: Array) -> Array:
        """CL_s of signals with these events, (N, C) -> (N, L)."""
        events = np.asarray(events, dtype=np.float64)
        result = np.ones((len(events), self.levels))
        present = (events >= NEGLIGIBLE_SIGNAL * events.sum(axis=1, keepdims=True)) & (events > 0)
        for kept in np.unique(present, axis=0):
            if kept.any():
                rows = np.flatnonzero((present == kept).all(axis=1))
                result[rows] = self._read(kept, events[rows])
        return result

    def _read(self, kept: NDArray[np.bool_], events: Array) -> Array:
        """CL_s of signals that populate the same regions, (N, C) -> (N, L)."""
        total = events.sum(axis=1)
        inside = np.clip(total, WEAKEST, self.farthest)
        table = self._tables.setdefault(kept.tobytes(), _Table(kept, self._direct, self.levels))
        part = events[:, kept]
        known = table.minus_logs(inside, part[:, 1:] / part[:, :1])
        with np.errstate(over="ignore"):
            result = np.exp(-known * (total / inside)[:, None])
        rough = np.isnan(known).any(axis=1)
        rough |= (total > self.farthest) & (np.exp(-known) > NOTHING).any(axis=1)
        if rough.any():
            result[rough] = self._direct(events[rough])
        return np.asarray(result)


class _Table:
    """Nodes of signals in the regions `kept`, with the others empty.

    A point is (ln of the total, ln of the events in each further region relative to the first): far from the balance of two
    regions nothing depends on their ratio, and cells can be long there.
    """

    def __init__(self, kept: NDArray[np.bool_], evaluate: Callable[[Array], Array], levels: int) -> None:
        self.kept, self.evaluate = kept, evaluate
        self.places: dict[tuple[int, ...], int] = {}
        self.values = np.zeros((0, levels))
        self.dimension = int(kept.sum())
        self._offsets = np.array(list(itertools.product(range(3), repeat=self.dimension)))

    def minus_logs(self, total: Array, ratios: Array) -> Array:
        """-ln CL_s at points (N,) and (N, D - 1), shape (N, L); NaN in rough cells."""
        points = np.column_stack([np.log(total), np.log(ratios)]) / _UNIT
        result = np.full((len(points), self.values.shape[1]), np.nan)
        sizes = np.full(points.shape, _WIDEST)
        sizes[:, 0] = _LONGEST
        pending = np.arange(len(points))
        while len(pending):
            corner = np.floor(points[pending] / sizes[pending]).astype(np.int64) * sizes[pending]
            cells, belongs = np.unique(np.hstack([corner, sizes[pending]]), axis=0, return_inverse=True)
            belongs = belongs.reshape(-1)
            corner, size = cells[:, : self.dimension], cells[:, self.dimension :]
            nodes = corner[:, None, :] + self._offsets * (size // 2)[:, None, :]
            cl_s = self._at(nodes)
            height = np.log(np.clip(-np.log(np.maximum(cl_s, _SMALLEST_CL_S)), _SMALLEST_LOG, None))
            bent = self._bent(cl_s, height)
            smooth = np.asarray(~bent.any(axis=1))[belongs]
            chosen = pending[smooth]
            share = (points[chosen] - corner[belongs[smooth]]) / size[belongs[smooth]]
            known = height[belongs[smooth]]
            # Near a kink the parabola overshoots: it is limited to the range of the nodes of the cell.
            read = np.einsum("nk,nkl->nl", self._weights(share), known)
            result[chosen] = np.exp(np.clip(read, known.min(axis=1), known.max(axis=1)))
            halved = np.where(bent & (size > _NARROWEST), size // 2, size)
            hopeless = np.asarray((halved == size).all(axis=1))[belongs]
            sizes[pending] = halved[belongs]
            pending = pending[~smooth & ~hopeless]
        return result

    def _at(self, nodes: Indices) -> Array:
        """CL_s at nodes (K, 3^D, D), shape (K, 3^D, L)."""
        flat, back = np.unique(nodes.reshape(-1, self.dimension), axis=0, return_inverse=True)
        new = [key for key in map(tuple, flat.tolist()) if key not in self.places]
        if new:
            # Neighbours then have the same direction, with best fits done once.
            new.sort(key=lambda key: (key[1:], key[0]))
            at = np.array(new) * _UNIT
            shares = np.exp(np.column_stack([np.zeros(len(at)), at[:, 1:]]))
            events = np.zeros((len(new), len(self.kept)))
            events[:, self.kept] = np.exp(at[:, :1]) * shares / shares.sum(axis=1, keepdims=True)
            self.values = np.concatenate([self.values, self.evaluate(events)])
            self.places |= {key: len(self.places) + i for i, key in enumerate(new)}
        rows = np.array([self.places[key] for key in map(tuple, flat.tolist())])[back.reshape(-1)]
        return np.asarray(self.values[rows].reshape(*nodes.shape[:2], -1), dtype=np.float64)

    def _bent(self, cl_s: Array, height: Array) -> NDArray[np.bool_]:
        """Mask of the directions in which the ends of a cell do not predict its middle, shape (K, D)."""
        shape = (len(height), *[3] * self.dimension, height.shape[-1])
        heights, values = height.reshape(shape), cl_s.reshape(shape)
        result = np.zeros((len(height), self.dimension), dtype=bool)
        others = tuple(range(1, self.dimension + 1))
        for axis in range(self.dimension):
            low, high = (np.take(heights, k, axis=axis + 1) for k in (0, 2))
            interpolated = np.exp(-np.exp((low + high) / 2))
            near = np.abs(interpolated - np.take(values, 1, axis=axis + 1)) <= TOLERANCE  # False for NaN
            # CL_s jumps where it leaves one, which the logarithm of zero hides.
            highest, lowest = values.max(axis=axis + 1), values.min(axis=axis + 1)
            jumps = (highest > 1 - _SMALLEST_LOG) & (lowest < 1 - TOLERANCE)
            result[:, axis] = (~near | jumps).any(axis=others)
        return result

    def _weights(self, share: Array) -> Array:
        """Weights of the nodes at points within their cells (N, D) from 0 to 1, quadratic in each direction, (N, 3^D)."""
        one = np.stack([(2 * share - 1) * (share - 1), 4 * share * (1 - share), share * (2 * share - 1)], axis=-1)
        picked = one[:, np.arange(self.dimension)[None, :], self._offsets]
        return np.asarray(picked.prod(axis=-1))
