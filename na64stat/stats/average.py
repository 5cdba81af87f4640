"""Poisson probabilities averaged over the constraint densities of the nuisance parameters.

The densities are unit Gaussians centred on the observed auxiliary data (the hybrid, or Cousins-Highland, average). The
parameters are rotated first, so that the directions in which the rates move most come first. Where one or two directions do
all to first order, they are integrated by the trapezoidal rule, which converges exponentially here and also holds in the tails;
the others, which matter only through asymmetries, take one Sobol point each node. More directions: Sobol points alone. Every
rule comes in replicates (shifted grids, other scramblings) whose scatter is the error.
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
_GRID_END = 8.0
_LARGEST_STEP = 0.35
_FLAT = 0.05
"""Relative size of a direction below which it does little to first order."""

_MOST_NODES, _FEWEST_NODES = {1: 4000, 2: 160}, {0: 1, 1: 1000, 2: 50}
"""Nodes of a direction, where one or two are integrated; at least so many if there are other directions."""

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
        sizes, directions = _leading_directions(model)
        leading = sizes[sizes > _FLAT * max(sizes.max(initial=0.0), 1e-300)]
        if not len(sizes) or 1 <= len(leading) <= 2:
            nodes, weight, replicate = _tensor(leading, len(sizes), _largest_count(model))
        else:
            nodes, weight, replicate = _sobol(len(sizes))
        signal, background = model.split_rates(nodes @ directions.T)
        return cls(signal, background, weight, replicate)

    @cached_property
    def replicates(self) -> int:
        """Number of independent estimates in the nodes."""
        return int(self.replicate.max()) + 1

    def rates(self, mu: float) -> Array:
        """Expected events per channel at each node, shape (M, R)."""
        return mu * self.signal + self.background

    def extreme_rates(self, mu: float, channel: int) -> tuple[float, float]:
        """Smallest and largest expected events of a channel, with and without signal, but for nodes of weight 1e-10 in all."""
        found = []
        for strength in (0.0, mu):
            rates = self.rates(strength)[:, channel]
            order = np.argsort(rates)
            running = np.cumsum(self.weight[order])
            ends = np.searchsorted(running, [1e-10, 1 - 1e-10])
            found += rates[order][np.minimum(ends, len(order) - 1)].tolist()
        return min(found), max(found)

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

    def log_cumulative(self, count: float, mu: Array) -> Array:
        """Logarithm of the probability of at most `count` events in the only channel, shape (replicates, len(mu))."""
        totals = []
        for replicate in range(self.replicates):
            rows = self.replicate == replicate
            rates = np.multiply.outer(mu, self.signal[rows, 0]) + self.background[rows, 0]
            logs = log_poisson_cumulative(count, rates)
            top = logs.max(axis=1)
            sums = np.exp(logs - top[:, None]) @ self.weight[rows]
            totals.append(top + np.log(sums / self.weight[rows].sum()))
        return np.array(totals)


def poisson(counts: Array, rates: Array) -> Array:
    """Poisson probabilities, shape (len(rates), len(counts)); a rate of zero gives zero counts for sure."""
    from scipy.special import gammaln

    counts = np.asarray(counts, dtype=np.float64)
    logs = np.log(np.maximum(rates, 1e-300))  # at a rate of zero this underflows to 0 for counts > 0 and gives 1 for 0
    exponents: Array = np.multiply.outer(logs, counts) - np.asarray(rates)[:, None] - gammaln(counts + 1)
    return np.exp(exponents)


def log_poisson_cumulative(count: float, rates: Array) -> Array:
    """Logarithm of the probability of at most `count` events, also where the probability itself underflows."""
    from scipy.special import gammaincc, gammaln

    rates = np.asarray(rates, dtype=np.float64)
    probability = gammaincc(count + 1, rates)
    tiny = probability < 1e-280
    logs: Array = np.log(np.where(tiny, 1.0, probability))
    if tiny.any():
        # Far below the rate the sum is p(n) (1 + n/rate + n (n-1)/rate^2 + ...), whose terms fall.
        far = rates[tiny]
        term, total = np.ones_like(far), np.ones_like(far)
        for k in range(int(count)):
            term = term * (count - k) / far
            total += term
            if term.max() < 1e-17:
                break
        logs[tiny] = count * np.log(far) - far - gammaln(count + 1) + np.log(total)
    return logs


def _largest_count(model: CountingModel) -> float:
    observed = 0.0 if model.observed is None else float(model.observed.max())
    return max(observed, float(model.background_events.max()))


def _tensor(leading: Array, dimension: int, count: float) -> tuple[Array, Array, Array]:
    """Nodes (M, K), weights and replicate numbers: trapezoidal in the leading directions, Sobol points in the others.

    A Poisson probability of `count` events moves on the scale 1/(size sqrt(count)) of a direction whose rates have the
    logarithmic slope `size`; the step follows it as far as the number of nodes allows.
    """
    if dimension == 0:
        return np.zeros((1, 0)), np.ones(1), np.zeros(1, dtype=int)
    axes = []
    for size in leading:
        step = min(_LARGEST_STEP, 0.5 / (size * np.sqrt(count + 1.0)))
        if dimension > len(leading):  # enough nodes for the other directions, too
            step = min(step, 2 * _GRID_END / _FEWEST_NODES[len(leading)])
        axes.append(max(step, 2 * _GRID_END / _MOST_NODES[len(leading)]))
    parts = []
    for replicate in range(2):
        grids = [np.arange(-_GRID_END, _GRID_END, step) + replicate * step / 2 for step in axes]
        mesh = np.stack([grid.ravel() for grid in np.meshgrid(*grids, indexing="ij")], axis=-1)
        weight = np.exp(-0.5 * (mesh**2).sum(axis=1))
        kept = weight > 1e-16
        rest = _sobol_points(dimension - len(leading), int(kept.sum()), replicate)
        parts.append((np.hstack([mesh[kept], rest]), weight[kept] / weight[kept].sum()))
    nodes = np.concatenate([points for points, _ in parts])
    weights = np.concatenate([weight for _, weight in parts]) / len(parts)
    return nodes, weights, np.repeat(np.arange(len(parts)), [len(points) for points, _ in parts])


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


def _sobol(dimension: int) -> tuple[Array, Array, Array]:
    points = np.concatenate([_sobol_points(dimension, 2**_SOBOL_POWER, k) for k in range(REPLICATES)])
    return points, np.full(len(points), 1 / len(points)), np.repeat(np.arange(REPLICATES), 2**_SOBOL_POWER)


def _leading_directions(model: CountingModel) -> tuple[Array, Array]:
    """How much each direction moves the samples' rates, shape (K,), and the rotation (K, K) to them, largest first."""
    count = len(model.parameters)
    if count == 0:
        return np.zeros(0), np.zeros((0, 0))
    # Half a width to either side: a symmetric factor (hi = lo) is flat in the middle.
    _, slopes, _ = model.factors.derivatives(np.array([[0.5], [-0.5]]) * np.ones(count))
    _, values, directions = np.linalg.svd(np.concatenate(slopes) / np.sqrt(2), full_matrices=True)
    sizes = np.zeros(count)
    sizes[: len(values)] = values[:count]
    return sizes, directions.T
