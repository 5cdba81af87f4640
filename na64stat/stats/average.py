"""Poisson probabilities averaged over the constraint densities of the nuisance parameters.

The densities are unit Gaussians centred on the observed auxiliary data (the hybrid, or Cousins-Highland, average). One
parameter: the trapezoidal rule, which converges exponentially here. More: scrambled Sobol points. Either comes in replicates
(shifted grids, other scramblings) whose scatter is the error. The parameters are rotated first, so that the directions in
which the rates move most come first, where Sobol points are best.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from na64stat.stats.interpolation import Array
from na64stat.stats.model import CountingModel

REPLICATES = 8
"""Independent scramblings of the Sobol points, each of 2^9 points."""

_SOBOL_POWER = 9
_GRID_STEP, _GRID_END = 0.02, 8.0
_SEED = 20_250_106


@dataclass(frozen=True, eq=False)
class NuisanceAverage:
    """Nodes of the average over nuisance parameters, as rates per channel.

    Attributes
    ----------
    signal, background
        Events per channel at mu = 1 and from background at each node, shape (M, R).
    weight
        Weights that sum to one, shape (M,).
    replicate
        Which replicate each node belongs to; all zero for a quadrature, shape (M,).
    """

    signal: Array
    background: Array
    weight: Array
    replicate: Array

    @classmethod
    def of(cls, model: CountingModel) -> NuisanceAverage:
        """Nodes for one model; deterministic."""
        nodes, weight, replicate = _rule(len(model.parameters))
        theta = nodes @ _leading_directions(model).T
        signal, background = model.split_rates(theta)
        return cls(signal, background, weight, replicate)

    @cached_property
    def replicates(self) -> int:
        """Number of independent estimates in the nodes."""
        return int(self.replicate.max()) + 1

    def rates(self, mu: float) -> Array:
        """Expected events per channel at each node, shape (M, R)."""
        return mu * self.signal + self.background

    def count_probabilities(self, mu: float, windows: tuple[tuple[int, int], ...]) -> Array:
        """Joint probabilities of counts, shape (replicates, N_1, ..., N_R); channels share the nuisance parameters.

        Parameters
        ----------
        windows
            First and last count of each channel.
        """
        rates = self.rates(mu)
        per_channel = [poisson(np.arange(low, high + 1.0), rates[:, r]) for r, (low, high) in enumerate(windows)]
        per_channel[0] = per_channel[0] * self.weight[:, None]
        result = []
        for replicate in range(self.replicates):
            rows = self.replicate == replicate
            parts = [p[rows] for p in per_channel]
            joint = parts[0].sum(axis=0) if len(parts) == 1 else parts[0].T @ parts[1]
            result.append(joint / self.weight[rows].sum())
        return np.array(result)

    def cumulative(self, count: float, mu: Array) -> Array:
        """Probability of at most `count` events in the only channel, shape (replicates, len(mu))."""
        from scipy.special import gammaincc

        totals = []
        for replicate in range(self.replicates):
            rows = self.replicate == replicate
            rates = np.multiply.outer(mu, self.signal[rows, 0]) + self.background[rows, 0]
            totals.append(gammaincc(count + 1, rates) @ self.weight[rows] / self.weight[rows].sum())
        return np.array(totals)


def poisson(counts: Array, rates: Array) -> Array:
    """Poisson probabilities, shape (len(rates), len(counts)); a rate of zero gives zero counts for sure."""
    from scipy.special import gammaln

    counts = np.asarray(counts, dtype=np.float64)
    logs = np.log(np.maximum(rates, 1e-300))  # at a rate of zero this underflows to 0 for counts > 0 and gives 1 for 0
    return np.exp(np.multiply.outer(logs, counts) - np.asarray(rates)[:, None] - gammaln(counts + 1))


def _rule(dimension: int) -> tuple[Array, Array, Array]:
    """Nodes (M, K), weights and replicate numbers for unit Gaussians in K dimensions."""
    if dimension == 0:
        return np.zeros((1, 0)), np.ones(1), np.zeros(1, dtype=int)
    if dimension == 1:
        grid = np.arange(-_GRID_END, _GRID_END + _GRID_STEP / 2, _GRID_STEP)
        points = np.concatenate([grid, grid + _GRID_STEP / 2])
        weights = np.exp(-0.5 * points**2)
        return points[:, None], weights / weights.sum(), np.repeat([0, 1], len(grid))
    return _sobol(dimension)


def _sobol(dimension: int) -> tuple[Array, Array, Array]:
    from scipy.special import ndtri
    from scipy.stats import qmc

    sets = [
        ndtri(np.clip(qmc.Sobol(dimension, scramble=True, seed=_SEED + k).random_base2(_SOBOL_POWER), 1e-12, 1 - 1e-12))
        for k in range(REPLICATES)
    ]
    points = np.concatenate(sets)
    return points, np.full(len(points), 1 / len(points)), np.repeat(np.arange(REPLICATES), len(sets[0]))


def _leading_directions(model: CountingModel) -> Array:
    """Rotation (K, K) whose first columns are the directions that move the samples' rates most."""
    count = len(model.parameters)
    if count == 0:
        return np.zeros((0, 0))
    _, slopes, _ = model.factors.derivatives(np.zeros((1, count)))
    _, _, directions = np.linalg.svd(slopes[0], full_matrices=True)
    return directions.T
