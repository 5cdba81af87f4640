"""Limits by enumeration: CL_s of every outcome over a grid of mu, then every crossing of the outcomes that matter.

CL_s of a discrete experiment jumps where the ordering of outcomes changes, upwards too. Between two points of the grid at
which the same outcomes are at least as extreme it is continuous; where they differ the jumps in between are located first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from na64stat.stats.enumeration import Enumeration, Ordering
from na64stat.stats.interpolation import Array
from na64stat.stats.one_region import LARGEST_SIGNAL, standard_error
from na64stat.stats.records import BAND_QUANTILES, Band, Limit, NumericalError

_LARGEST_JUMP = 1.4
"""Cells of the grid whose CL_s stays further than this factor from 1 - cl are not searched for jumps."""

_JUMP_WIDTH = 1e-5
"""Relative precision in mu with which a jump is located."""

Outcome = NDArray[np.intp]


class EnumerationScan:
    """CL_s of every outcome on a grid of mu, from below all limits to where everything that matters is excluded."""

    def __init__(self, space: Enumeration, alpha: float, ratio: float) -> None:
        self.space, self.alpha, self.ratio = space, alpha, ratio
        self._known: dict[float, Ordering] = {}
        self.mu: list[float] = []
        start = -0.2 * math.log(alpha) / space.total
        while not (self._order(start).cl_s > alpha).all() and start * space.total > 1e-9:
            start /= 4
        self._grow(start)

    def limit(self, cl: float) -> Limit:
        """The record of observed and expected limits."""
        space, last = self.space, self._order(self.mu[-1])
        estimates = self._estimates(last.counts)
        outcomes = [last.counts[quantile_index(estimates, last.background, p)] for p in BAND_QUANTILES.values()]
        limits = {
            key: max(self._crossings(np.array(key)), default=None) for key in {tuple(o.tolist()) for o in outcomes}
        }
        band = Band(*(limits[tuple(outcome.tolist())] for outcome in outcomes))
        outcome = outcomes[2] if space.observed is None else space.observed
        crossings = tuple(self._crossings(outcome))
        observed = max(crossings) if space.observed is not None and crossings else None
        text = f"CL_s stays above 1 - cl up to {LARGEST_SIGNAL:g} signal events: nothing is excluded"
        notes = () if crossings else (text,)
        return Limit(
            observed, band, crossings, self._error(crossings, outcome), cl, "exact", space.model.channels, notes
        )

    def _order(self, mu: float) -> Ordering:
        if mu not in self._known:
            self._known[mu] = self.space.order(mu)
        return self._known[mu]

    def _grow(self, mu: float) -> None:
        """Extend the grid until 99% of the background-only outcomes, and the observed one, are below alpha/3 twice running."""
        quiet = 0
        while quiet < 2 and mu * self.space.total < LARGEST_SIGNAL:
            ordering = self._order(mu)
            self.mu.append(mu)
            low = ordering.cl_s < self.alpha / 3
            enough = bool(ordering.background[low].sum() > 0.99)
            if self.space.observed is not None:
                enough = enough and bool(low[ordering.index(self.space.observed)])
            quiet = quiet + 1 if enough else 0
            mu *= self.ratio

    def _estimates(self, counts: NDArray[np.intp]) -> Array:
        """Limits of outcomes by interpolating ln CL_s on the grid; infinite beyond its end, which orders them well enough."""
        table = np.ones((len(self.mu), len(counts)))
        position = {tuple(key): i for i, key in enumerate(counts.tolist())}
        for row, mu in enumerate(self.mu):
            ordering = self._order(mu)
            known = [
                (i, position[tuple(key)]) for i, key in enumerate(ordering.counts.tolist()) if tuple(key) in position
            ]
            source, target = np.array(known).T
            table[row, target] = ordering.cl_s[source]
        last = len(self.mu) - 1
        allowed = table > self.alpha
        cell = np.where(allowed.any(axis=0), last - np.argmax(allowed[::-1], axis=0), 0)
        at, columns = np.minimum(cell, last - 1), np.arange(len(counts))
        logs = np.log(np.maximum(table, 1e-300))
        upper, lower = logs[at, columns], logs[at + 1, columns]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(upper > lower, (upper - math.log(self.alpha)) / (upper - lower), 0.0)
        mu_grid = np.array(self.mu)
        return np.where(cell < last, mu_grid[at] * (mu_grid[at + 1] / mu_grid[at]) ** share, np.inf)

    def _crossings(self, outcome: Outcome) -> list[float]:
        """Every mu at which CL_s of an outcome crosses alpha, increasing."""
        found: list[float] = []
        previous: float | None = None
        for low, high in self._continuous_pieces(outcome):
            at_low, at_high = self._cl_s(low, outcome), self._cl_s(high, outcome)
            if previous is not None and (self._cl_s(previous, outcome) > self.alpha) != (at_low > self.alpha):
                found.append(low)  # at a jump
            if (at_low > self.alpha) != (at_high > self.alpha):
                found.append(self._root(low, high, outcome))
            previous = high
        return found

    def _continuous_pieces(self, outcome: Outcome) -> Iterator[tuple[float, float]]:
        """Intervals of mu, increasing, in which CL_s of an outcome is continuous; only near alpha."""
        for low, high in zip(self.mu, self.mu[1:], strict=False):
            ends = self._cl_s(low, outcome), self._cl_s(high, outcome)
            if min(ends) < self.alpha * _LARGEST_JUMP and max(ends) > self.alpha / _LARGEST_JUMP:
                yield from self._split(low, high, outcome)

    def _split(self, low: float, high: float, outcome: Outcome) -> Iterator[tuple[float, float]]:
        if self._order(low).same_tail(self._order(high), outcome):
            yield low, high
        elif high / low - 1 > _JUMP_WIDTH:
            middle = math.sqrt(low * high)
            yield from self._split(low, middle, outcome)
            yield from self._split(middle, high, outcome)

    def _cl_s(self, mu: float, outcome: Outcome) -> float:
        ordering = self._order(mu)
        return float(ordering.cl_s[ordering.index(outcome)])

    def _root(self, low: float, high: float, outcome: Outcome) -> float:
        from scipy.optimize import brentq

        def excess(mu: float) -> float:
            return math.log(max(self._cl_s(mu, outcome), 1e-300)) - math.log(self.alpha)

        return float(brentq(excess, low, high, xtol=1e-7 * low, rtol=1e-10))

    def _error(self, crossings: tuple[float, ...], outcome: Outcome) -> NumericalError:
        if not crossings:
            return NumericalError()
        mu = max(crossings)
        here, above = self.space.replicates(mu, outcome), self.space.replicates(mu * 1.02, outcome)
        cl_s, middle = standard_error(here), float(here.mean())
        slope = abs(math.log(max(float(above.mean()), 1e-300) / middle)) / math.log(1.02)
        relative = cl_s / (middle * slope) if slope > 0 else 0.0
        ordering = self._order(mu)
        return NumericalError(cl_s, relative, ordering.left_out, ordering.refitted)


def quantile_index(values: Array, probabilities: Array, level: float) -> int:
    """Position of the smallest value v with P(value <= v) >= level."""
    order = np.argsort(values, kind="stable")
    running = np.cumsum(probabilities[order])
    return int(order[min(np.searchsorted(running, level * running[-1]), len(order) - 1)])
