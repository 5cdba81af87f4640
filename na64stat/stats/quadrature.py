"""Nodes for averages over unit Gaussians: tensors of one-dimensional rules, or Sobol points where there are too many directions.

Parameters are rotated first, so that the directions in which the rates move most come first. A direction that matters takes
the trapezoidal rule, which converges exponentially here and also holds in the tails; one that does little to first order
takes a few Gauss-Hermite nodes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from na64stat.stats.model import Model
from na64stat.stats.parameters import Array

SOBOL_REPLICATES = 8
"""Independent scramblings of the Sobol points."""

_GRID_END = 8.0
_LARGEST_STEP = 0.9
_FLAT = 0.05
"""Relative size of a direction below which it does little to first order."""

_HERMITE = ((1e-5, 1), (2e-3, 2), (0.03, 3), (0.15, 5), (0.6, 7))
"""Largest effect in standard deviations of the counts, and nodes of the Gauss-Hermite rule that averages it to about 1e-9."""

_MOST_NODES = {1: 2000, 2: 160}
_FEWEST_NODES = {1: 500, 2: 25}
"""Nodes of a direction, where one or two are integrated with Sobol points in the others."""

_SEED = 20_250_106


@dataclass(frozen=True, eq=False)
class Rule:
    """Deviates of all constrained parameters at the nodes, shape (M, C), and weights that sum to one, shape (M,)."""

    deviates: Array
    weight: Array


@dataclass(frozen=True, eq=False)
class Directions:
    """Some of the parameters, rotated.

    Attributes
    ----------
    effects
        How many standard deviations of the counts each direction moves the rates, falling, shape (K,).
    basis
        The directions in terms of all constrained parameters, shape (K, C).
    """

    effects: Array
    basis: Array

    @classmethod
    def of(cls, model: Model, columns: Sequence[int], bins: Sequence[int], counts: Array) -> Directions:
        """Directions of the constrained parameters `columns` by their effect on rates of `bins` with so many counts."""
        size = len(columns)
        unit = np.zeros((size, len(model.constrained)))
        unit[np.arange(size), list(columns)] = 1.0
        if size == 0:
            return cls(np.zeros(0), unit)
        # From half a width below to half a width above: a symmetric factor (hi = lo) is flat in the middle, hence both sides.
        sides = _relative_shifts(model, 0.5 * unit, bins, counts) / 0.5
        slopes = np.concatenate([sides[0], -sides[1]], axis=1) / math.sqrt(2)
        _, values, rotation = np.linalg.svd(slopes.T, full_matrices=True)
        first = np.zeros(size)
        first[: len(values)] = values[:size]
        basis = rotation @ unit
        # What is flat to first order can still bend.
        bent = np.abs(_relative_shifts(model, 1.5 * basis, bins, counts)).max(axis=(0, 2), initial=0.0) / 1.5
        return cls(np.maximum(first, bent), basis)

    def rule(self, replicate: int, replicates: int, budget: int, points: int) -> Rule:
        """One replicate of the rule: a tensor if it has at most `budget` nodes, or so many Sobol `points`."""
        if self.tensor_size <= budget:
            nodes, weight = _tensor([_axis(z, replicate / replicates, replicate, 1.0) for z in self.effects])
        elif self._leading <= 2:
            nodes, weight = self._partly_sobol(replicate / replicates, replicate, budget)
        else:
            nodes = _sobol_points(len(self.effects), points, replicate)
            weight = np.full(len(nodes), 1 / len(nodes))
        deviates = nodes @ self.basis
        # The corners of a tensor have no weight, and there a quantile can be infinite.
        inside = (weight > 1e-16 * weight.max()) & (np.abs(deviates) <= _GRID_END).all(axis=1)
        return Rule(deviates[inside], weight[inside] / weight[inside].sum())

    @cached_property
    def tensor_size(self) -> int:
        """Nodes of the whole tensor."""
        return math.prod(_nodes(z) for z in self.effects)

    @cached_property
    def _leading(self) -> int:
        return int((self.effects > _FLAT * self.effects.max()).sum())

    def _partly_sobol(self, shift: float, replicate: int, budget: int) -> tuple[Array, Array]:
        leading = self.effects[: self._leading]
        dimension = len(self.effects) - len(leading)
        axes = []
        for z in leading:
            most = min(_MOST_NODES[len(leading)], int(budget ** (1 / len(leading))))
            count = min(most, max(_nodes(z), _FEWEST_NODES[len(leading)] if dimension else 1))
            axes.append(_axis(z, shift, replicate, _trapezoids(z) / count))
        mesh, weight = _tensor(axes)
        return np.hstack([mesh, _sobol_points(dimension, len(mesh), replicate)]), weight


def replicates_of(directions: Sequence[Directions], budget: int) -> int:
    """Two shifted grids, or more where Sobol points enter."""
    return 2 if all(item.tensor_size <= budget or len(item.effects) <= 1 for item in directions) else SOBOL_REPLICATES


def _relative_shifts(model: Model, ends: Array, bins: Sequence[int], counts: Array) -> Array:
    """Changes of signal and background at deviates +ends and -ends, in standard deviations of counts, shape (2, K, 2 R)."""
    size = len(ends)
    points = np.concatenate([ends, -ends, np.zeros((1, ends.shape[1]))])
    scale = np.sqrt(counts[list(bins)] + 1)
    parts = []
    for rates in model.split_rates(model.at_deviates(points)):
        chosen = rates[:, list(bins)]
        middle = np.where(chosen[-1] > 0, chosen[-1], 1.0)
        parts.append((chosen[:-1] - chosen[-1]) / middle * scale)
    shifts: Array = np.concatenate(parts, axis=1)
    return shifts.reshape(2, size, -1)


def _trapezoids(effect: float) -> float:
    """Nodes of a trapezoidal rule whose step follows a Poisson probability, of width 1/sqrt(1 + effect^2)."""
    return 2 * _GRID_END * math.sqrt(1 + effect**2) / _LARGEST_STEP


def _nodes(effect: float) -> int:
    for largest, count in _HERMITE:
        if effect <= largest:
            return count
    return math.ceil(_trapezoids(effect))


def _axis(effect: float, shift: float, replicate: int, coarser: float) -> tuple[Array, Array]:
    """Nodes and weights in one direction; `coarser` stretches the step of a trapezoidal rule."""
    for largest, count in _HERMITE:
        if effect <= largest and coarser >= 1:
            return _hermite(count + replicate % 2)
    step = coarser * 2 * _GRID_END / _trapezoids(effect)
    nodes = np.arange(-_GRID_END, _GRID_END - shift * step, step) + shift * step
    weight = np.exp(-0.5 * nodes**2)
    return nodes, weight / weight.sum()


@lru_cache(maxsize=16)
def _hermite(count: int) -> tuple[Array, Array]:
    nodes, weight = np.polynomial.hermite_e.hermegauss(count)
    return nodes, weight / weight.sum()


def _tensor(axes: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    nodes, weight = np.zeros((1, 0)), np.ones(1)
    for points, own in axes:
        nodes = np.hstack([np.repeat(nodes, len(points), axis=0), np.tile(points, len(nodes))[:, None]])
        weight = np.repeat(weight, len(points)) * np.tile(own, len(weight))
    return nodes, weight


def _sobol_points(dimension: int, count: int, replicate: int) -> Array:
    """Unit Gaussian points, shape (count, dimension)."""
    if dimension == 0:
        return np.zeros((count, 0))
    from scipy.special import ndtri
    from scipy.stats import qmc

    power = max(0, int(np.ceil(np.log2(count))))
    points = qmc.Sobol(dimension, scramble=True, seed=_SEED + replicate).random_base2(power)
    # Neighbours along a leading direction must not be neighbours here: the order is shuffled, always alike.
    order = np.random.default_rng(_SEED + replicate).permutation(len(points))[:count]
    return np.asarray(ndtri(np.clip(points[order], 1e-12, 1 - 1e-12)), dtype=np.float64)
