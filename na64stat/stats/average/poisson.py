"""Poisson probabilities of many counts for many rates, by recursion from the most probable count.

This takes one exponential per rate instead of one per count, and skips terms that are zero in double precision.
"""

from __future__ import annotations

import math

import numpy as np

from na64stat.stats.likelihood.jit import compiled
from na64stat.stats.likelihood.parameters import Array

_compiled = compiled()

_SMALLEST = 1e-290
"""Probability below which it is set to zero: denormal numbers are slow, and have no meaningful ratios."""


@_compiled
def _probability(count: int, rate: float) -> float:
    if count < 16:
        return math.exp(count * math.log(rate) - rate - math.lgamma(count + 1.0))
    # Deviance and Stirling's series: the logarithm of (10^6)! alone would cost nine digits.
    excess = (rate - count) / count
    series = 1 / (12.0 * count) - 1 / (360.0 * count**3) + 1 / (1260.0 * count**5)
    return math.exp(count * (math.log1p(excess) - excess) - series) / math.sqrt(2 * math.pi * count)


@_compiled
def _add(low: int, rate: float, weight: float, row: Array) -> None:
    """Add the weighted probabilities of the counts from `low` on."""
    top = min(max(int(rate) - low, 0), len(row) - 1)
    peak = weight * _probability(low + top, rate)
    value = peak
    for i in range(top, len(row)):
        if value < _SMALLEST:
            break
        row[i] += value
        value *= rate / (low + i + 1)
    inverse = 1 / rate
    value = peak * (low + top) * inverse
    for i in range(top - 1, -1, -1):
        if value < _SMALLEST:
            break
        row[i] += value
        value *= (low + i) * inverse


@_compiled
def _mixed(low: int, rates: Array, weight: Array, result: Array) -> None:
    for k in range(rates.shape[0]):
        for j in range(rates.shape[1]):
            if rates[k, j] > 0.0 and weight[j] > 0.0:
                _add(low, rates[k, j], weight[j], result[k])
            elif low == 0:
                result[k, 0] += weight[j]


def mixed_poisson(low: int, high: int, rates: Array, weight: Array) -> Array:
    """Probabilities of the counts `low` to `high`, averaged over rates (K, J) with weights (J,), shape (K, high - low + 1)."""
    result = np.zeros((len(rates), high - low + 1))
    _mixed(low, np.ascontiguousarray(rates), np.ascontiguousarray(weight), result)
    return result


def joint(tables: list[Array], weight: Array) -> Array:
    """Joint probabilities of the counts in 1 to 3 bins, shape (N_1, ...), from tables (K, N_b) that share K nodes."""
    first = tables[0] * weight[:, None]
    if len(tables) == 1:
        return np.asarray(first.sum(axis=0))
    if len(tables) == 2:
        return np.asarray(first.T @ tables[1])
    result = np.empty(tuple(table.shape[1] for table in tables))
    for n in range(len(result)):
        result[n] = (first[:, n, None] * tables[1]).T @ tables[2]
    return result
