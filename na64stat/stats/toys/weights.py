"""Importance weights: toys of several sources as one sample of any hypothesis, and probabilities estimated from them.

Toys that represent a hypothesis f are drawn from a mixture m of sources and have the weight f/m (the balance heuristic of
E. Veach and L. Guibas, SIGGRAPH 1995). The hypothesis is one of the sources, so that no weight exceeds the ratio of all toys to
those of that source, and no estimate is worse than from its own toys. In the tail of a deficit nearly all weight comes from a
source that is tilted there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64stat.stats.likelihood.parameters import Array
from na64stat.stats.toys.sample import Source

_STEEPEST = 1e5
"""Largest tilt of a source; background is at 1."""


def log_ratio(source: Source, other: Source, counts: Array, auxiliary: Array) -> Array:
    """Ln of the density of `other` over that of `source`, shape (N,), for toys of the latter with shapes (N, B) and (N, C)."""
    gaussian = source.sigma > 0
    total = _poisson(source.rates, other.rates, counts)
    total += _poisson(source.auxiliary[~gaussian], other.auxiliary[~gaussian], auxiliary[:, ~gaussian])
    shift = (other.auxiliary - source.auxiliary)[gaussian] / source.sigma[gaussian]
    pull = (auxiliary - source.auxiliary)[:, gaussian] / source.sigma[gaussian]
    moved: Array = total + _each(pull, shift) - 0.5 * float((shift * shift).sum())
    return moved


def _poisson(rates: Array, other: Array, counts: Array) -> Array:
    """Contribution of Poisson counts, relative to the expected ones so that it is precise at large rates."""
    both = (rates > 0) & (other > 0)
    excess = (other[both] - rates[both]) / rates[both]
    # The difference loses its digits for a rate that nearly vanishes.
    logs = np.where(excess < -0.5, np.log(other[both]) - np.log(rates[both]), np.log1p(np.maximum(excess, -0.5)))
    total = _each(counts[:, both] - rates[both], logs) + float((rates[both] * (logs - excess)).sum())
    total = total + float(rates[~both].sum() - other[~both].sum())
    impossible = (rates > 0) & (other <= 0)
    return np.where((counts[:, impossible] > 0).any(axis=1), -np.inf, total)


def tilted(signal: Source, background: Source, counts: Array, auxiliary: Array) -> Source | None:
    """A source beyond the background, where the data (B,) with auxiliary data (C,) are; None if they are no deficit.

    With densities f of signal plus background and g of background, the sources f^(1-t) g^t are again Poisson and Gaussian. At
    some t > 1 their mean of ln(g/f), linear in the data, is that of the data.
    """
    move = (signal.rates > 0) & (background.rates > 0)
    if (counts[~move] > 0).any() or not move.any():
        return None
    one, other = (np.concatenate([item.rates[move], item.auxiliary[item.sigma == 0]]) for item in (signal, background))
    if not (one > 0).all() or not (other > 0).all():
        return None
    gaussian = signal.sigma > 0
    logs = np.log(other / one)
    shift = (background.auxiliary - signal.auxiliary)[gaussian] / signal.sigma[gaussian]
    # One event more than the data, so that not every toy is as extreme as they are.
    share = background.rates[move] / background.rates[move].sum()
    seen = np.concatenate([counts[move] + share, auxiliary[~gaussian]])
    target = float(seen @ logs) + float((auxiliary[gaussian] / signal.sigma[gaussian]) @ shift)

    def height(t: float) -> float:
        centres = ((1 - t) * signal.auxiliary + t * background.auxiliary)[gaussian] / signal.sigma[gaussian]
        return float((one * np.exp(np.clip(t * logs, -700, 700))) @ logs) + float(centres @ shift)

    if target <= height(1.0):
        return None
    low, high = 1.0, _STEEPEST
    while high - low > 1e-6 * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if height(middle) < target else (low, middle)
    return _between(signal, background, low)


def _between(signal: Source, background: Source, t: float) -> Source:
    """Source f^(1-t) g^t."""

    def path(one: Array, other: Array) -> Array:
        both = (one > 0) & (other > 0)
        logs = np.zeros(len(one))
        logs[both] = np.log(other[both] / one[both])
        moved = np.minimum(one * np.exp(np.minimum(t * logs, 700.0)), np.maximum(one, other))
        return np.asarray(np.where(both, moved, other), dtype=np.float64)

    auxiliary = (1 - t) * signal.auxiliary + t * background.auxiliary
    counted = signal.sigma == 0
    auxiliary[counted] = path(signal.auxiliary, background.auxiliary)[counted]
    return Source(path(signal.rates, background.rates), auxiliary, signal.sigma)


def _each(data: Array, factors: Array) -> Array:
    """Weighted sum over the columns, without the linear algebra library, whose sums depend on its threads."""
    result: Array = np.einsum("ij,j->i", data, factors)
    return result


_FAR = 4.0
"""Largest distance of the mean weight from one, in standard errors."""


@dataclass(frozen=True, eq=False)
class Probability:
    """A probability estimated from weighted toys.

    `influence` (N,) is the contribution of each toy, up to a constant of its source, from which errors of ratios follow;
    `effective` is the equivalent number of unweighted toys in the tail.
    """

    value: float
    influence: Array
    effective: float

    @classmethod
    def of(cls, weights: Array, hit: NDArray[np.bool_], strata: Sequence[slice]) -> Probability:
        """Estimate from weights, a mask of the toys in the tail, and the toys of each source.

        The mean weight is known to be one: the weights are a control variate, so that the probability of everything is one.
        """
        inside = np.where(hit, weights, 0.0)
        covariance = variance = 0.0
        for rows in strata:
            centred = weights[rows] - weights[rows].mean()
            covariance += float((centred * inside[rows]).sum())
            variance += float((centred * centred).sum())
        slope = covariance / variance if variance > 0 else 0.0
        # A mean this far from one: no toy has one of the rare, large weights.
        off = float(weights.mean()) - 1
        if abs(off) > _FAR * standard_error(weights, strata) + 1e-12:
            slope = min(max(slope, 0.0), 1.0)
        if hit.all():
            return cls(1.0, np.zeros(len(weights)), float(len(weights)))
        value = max(float(inside.mean()) - slope * off, 0.0)
        square = float((inside * inside).sum())
        return cls(value, inside - slope * weights, float(inside.sum()) ** 2 / square if square > 0 else 0.0)


def standard_error(influence: Array, strata: Sequence[slice]) -> float:
    """Standard error of the mean of contributions (N,), with the scatter of each source."""
    variance = 0.0
    for rows in strata:
        number = rows.stop - rows.start
        variance += number * float(influence[rows].var()) * number / max(number - 1, 1)
    return math.sqrt(variance) / len(influence)
