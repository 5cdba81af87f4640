"""Nodes for averages over unit Gaussians: tensors of one-dimensional rules, or Sobol points if there are too many directions.

Parameters are rotated first, so that the directions in which the rates move most come first. An important direction takes the
trapezoidal rule, which converges exponentially here and also holds in the tails; one with little effect to first order takes a
few Gauss-Hermite nodes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from na64stat.errors import ComputationError
from na64stat.stats.average.given import Given
from na64stat.stats.average.kinks import kinks_of
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array

SOBOL_REPLICATES = 8
"""Independent scramblings of the Sobol points."""

_GRID_END = 8.0
_LARGEST_STEP = 0.9
_FLAT = 0.05
"""Relative size of a direction below which it has little effect to first order."""

_HERMITE = ((1e-5, 1), (2e-3, 2), (0.03, 3), (0.15, 5), (0.6, 7))
"""Largest effect in standard deviations of the counts, and nodes of the Gauss-Hermite rule precise to about 1e-9."""

_STEEPEST, _STEEPEST_CUT = 1e9, 1e3
"""Largest effects that nodes follow, without and with a cut; beyond, the scatter of the replicates measures the error."""

_PANEL_STEP, _PANEL_END = 0.12, 3.1
"""Largest step and end of a tanh-sinh rule; 1e-14 of the length lies beyond."""

_MOST_NODES = {1: 2000, 2: 160}
_FEWEST_NODES = {1: 500, 2: 25}
"""Smallest number of nodes of a direction, if one or two are integrated with Sobol points in the others."""

_SEED = 20_250_106


@dataclass(frozen=True, eq=False)
class Rule:
    """Deviates of all constrained parameters at the nodes, shape (M, C), and weights that sum to one, shape (M,)."""

    deviates: Array
    weight: Array


@dataclass(frozen=True, eq=False)
class Directions:
    """Rotated directions of some parameters, shape (K, C) in terms of all constrained ones, in order of falling effect.

    `effects` (K,) are the shifts of the rates in standard deviations of the counts. The first directions are not rotated if
    rates are cut along them, at `kinks`.
    """

    effects: Array
    basis: Array
    kinks: tuple[tuple[float, ...], ...] = ()

    @classmethod
    def of(cls, model: Model, columns: Sequence[int], bins: Sequence[int], counts: Array) -> Directions:
        """Directions of the constrained parameters `columns`, by their effect on the rates of `bins` with so many counts."""
        # Given held counts the deviates are linear combinations of parameters: a kink has no fixed position along one of them.
        looked_at = () if isinstance(model, Given) else columns
        kinks = {column: cuts for column in looked_at if (cuts := kinks_of(model, column, bins))}
        plain = [column for column in columns if column not in kinks]
        effects, basis = _rotated(model, plain, bins, counts)
        effects = np.minimum(effects, _STEEPEST)
        if not kinks:
            return cls(effects, basis)
        unit = np.eye(len(model.constrained))[list(kinks)]
        ends = [np.abs(_relative_shifts(model, z * unit, bins, counts)).max(axis=(0, 2)) / z for z in (0.5, 1.5)]
        first = np.minimum(np.maximum(*ends), _STEEPEST_CUT)
        return cls(np.append(first, effects), np.concatenate([unit, basis]), tuple(kinks.values()))

    def rule(self, replicate: int, replicates: int, budget: int, points: int) -> Rule:
        """One replicate of the rule: a tensor if it has at most `budget` nodes, otherwise `points` Sobol points."""
        if self.tensor_size <= budget:
            axes = [self._axis(k, replicate / replicates, replicate, 1.0) for k in range(len(self.effects))]
            nodes, weight = _tensor(axes)
        elif self._leading <= 2:
            nodes, weight = self._partly_sobol(replicate / replicates, replicate, budget)
        else:
            nodes = _sobol_points(len(self.effects), points, replicate)
            weight = np.full(len(nodes), 1 / len(nodes))
        deviates = nodes @ self.basis
        # The corners of a tensor have negligible weight, and quantiles can be infinite there.
        inside = (weight > 1e-16 * weight.max()) & (np.abs(deviates) <= _GRID_END).all(axis=1)
        return Rule(deviates[inside], weight[inside] / weight[inside].sum())

    @cached_property
    def tensor_size(self) -> int:
        """Nodes of the full tensor, in the larger of the replicates."""
        return math.prod(self._nodes(k) for k in range(len(self.effects)))

    @cached_property
    def _leading(self) -> int:
        cut = len(self.kinks)
        return cut + int((self.effects[cut:] > _FLAT * self.effects.max()).sum())

    def _nodes(self, k: int) -> int:
        """Nodes in one direction."""
        if k < len(self.kinks):
            return len(_panels(self.kinks[k], float(self.effects[k]), 0.0, 1.0)[0])
        return _nodes(float(self.effects[k]))

    def _axis(self, k: int, shift: float, replicate: int, coarser: float) -> tuple[Array, Array]:
        """Nodes and weights in one direction."""
        if k < len(self.kinks):
            return _panels(self.kinks[k], float(self.effects[k]), shift, coarser)
        return _axis(float(self.effects[k]), shift, replicate, coarser)

    def _partly_sobol(self, shift: float, replicate: int, budget: int) -> tuple[Array, Array]:
        leading = self._leading
        dimension = len(self.effects) - leading
        axes = []
        for k in range(leading):
            most = min(_MOST_NODES[leading], int(budget ** (1 / leading)))
            count = min(most, max(self._nodes(k), _FEWEST_NODES[leading] if dimension else 1))
            finest = self._nodes(k) if k < len(self.kinks) else _trapezoids(float(self.effects[k]))
            axes.append(self._axis(k, shift, replicate, finest / count))
        mesh, weight = _tensor(axes)
        return np.hstack([mesh, _sobol_points(dimension, len(mesh), replicate)]), weight


def replicates_of(directions: Sequence[Directions], budgets: Sequence[int]) -> int:
    """Number of replicates: two shifted grids, or more where Sobol points are needed."""
    tensors = (item.tensor_size <= most for item, most in zip(directions, budgets, strict=True))
    simple = (len(item.effects) <= 1 for item in directions)
    return 2 if all(a or b for a, b in zip(tensors, simple, strict=True)) else SOBOL_REPLICATES


def _rotated(model: Model, columns: Sequence[int], bins: Sequence[int], counts: Array) -> tuple[Array, Array]:
    """Effects and directions of the parameters without a cut."""
    size = len(columns)
    unit = np.zeros((size, len(model.constrained)))
    unit[np.arange(size), list(columns)] = 1.0
    if size == 0:
        return np.zeros(0), unit
    # From half a width below to half a width above: a symmetric factor (hi = lo) is flat in the middle, hence both sides.
    sides = _relative_shifts(model, 0.5 * unit, bins, counts) / 0.5
    slopes = np.concatenate([sides[0], -sides[1]], axis=1) / math.sqrt(2)
    _, values, rotation = np.linalg.svd(slopes.T, full_matrices=True)
    first = np.zeros(size)
    first[: len(values)] = values[:size]
    basis = rotation @ unit
    # A direction that is flat to first order can still have a curvature.
    bent = np.abs(_relative_shifts(model, 1.5 * basis, bins, counts)).max(axis=(0, 2), initial=0.0) / 1.5
    return np.maximum(first, bent), basis


def _relative_shifts(model: Model, ends: Array, bins: Sequence[int], counts: Array) -> Array:
    """Changes of signal and background at deviates +ends and -ends, in standard deviations of counts, shape (2, K, 2 R)."""
    size = len(ends)
    points = np.concatenate([ends, -ends, np.zeros((1, ends.shape[1]))])
    scale = np.sqrt(counts[list(bins)] + 1)
    parts = []
    for rates in model.split_rates(model.at_deviates(points)):
        chosen = rates[:, list(bins)]
        middle = np.where(chosen[-1] > 0, chosen[-1], 1.0)
        with np.errstate(over="ignore", invalid="ignore"):
            parts.append((chosen[:-1] - chosen[-1]) / middle * scale)
    shifts: Array = np.concatenate(parts, axis=1)
    if not np.isfinite(shifts).all():
        names = ", ".join(model.bin_names[b] for b in bins)
        raise ComputationError(f"exact method: a rate of {names} is infinite within two standard deviations")
    return shifts.reshape(2, size, -1)


def _trapezoids(effect: float) -> float:
    """Nodes of a trapezoidal rule whose step follows a Poisson probability, of width 1/sqrt(1 + effect^2)."""
    return 2 * _GRID_END * math.sqrt(1 + effect**2) / _LARGEST_STEP


def _nodes(effect: float) -> int:
    for largest, count in _HERMITE:
        if effect <= largest:
            return count + (count > 1)
    return math.ceil(_trapezoids(effect))


def _axis(effect: float, shift: float, replicate: int, coarser: float) -> tuple[Array, Array]:
    """Nodes and weights in one direction; `coarser` stretches the step of a trapezoidal rule."""
    for largest, count in _HERMITE:
        if effect <= largest and coarser >= 1:
            return _hermite(count + replicate % 2 * (count > 1))
    step = coarser * 2 * _GRID_END / _trapezoids(effect)
    nodes = np.arange(-_GRID_END, _GRID_END - shift * step, step) + shift * step
    weight = np.exp(-0.5 * nodes**2)
    return nodes, weight / weight.sum()


def _panels(kinks: tuple[float, ...], effect: float, shift: float, coarser: float) -> tuple[Array, Array]:
    """Tanh-sinh nodes and weights in one direction between its ends and kinks; `coarser` stretches the steps."""
    edges = (-_GRID_END, *kinks, _GRID_END)
    nodes, weight = [], []
    for low, high in itertools.pairwise(edges):
        half = (high - low) / 2
        step = coarser * min(_PANEL_STEP, 0.4 / (half * math.sqrt(1 + effect**2)))
        t = np.arange(-_PANEL_END, _PANEL_END - shift * step, step) + shift * step
        # Measured from the nearer end, where mu times a nearly vanishing signal must keep its digits.
        near = 2 * half / (1 + np.exp(math.pi * np.sinh(np.abs(t))))
        nodes.append(np.where(t < 0, low + near, high - near))
        weight.append(half * math.pi / 2 * np.cosh(t) / np.cosh(math.pi / 2 * np.sinh(t)) ** 2 * step)
    points = np.concatenate(nodes)
    density = np.exp(-0.5 * points**2) * np.concatenate(weight)
    return points, density / density.sum()


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
    # Neighbours along a leading direction must not be neighbours here: the order is shuffled, reproducibly.
    order = np.random.default_rng(_SEED + replicate).permutation(len(points))[:count]
    return np.asarray(ndtri(np.clip(points[order], 1e-12, 1 - 1e-12)), dtype=np.float64)
