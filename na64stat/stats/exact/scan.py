"""Limits by enumeration: the probabilities of every outcome on a grid of mu, then every crossing of the relevant outcomes.

CL_s of a discrete experiment jumps where the ordering of outcomes changes, upwards too. A coarse grid gives the rough limit of
each outcome; it is refined where relevant outcomes are near 1 - cl, and there the jumps are located one by one
(`na64stat.stats.exact.interval`).
"""

from __future__ import annotations

import bisect
import math

import numpy as np
from numpy.typing import NDArray

from na64stat.stats.exact.enumeration import Enumeration, Ordering, Outcome
from na64stat.stats.exact.interval import MuInterval
from na64stat.stats.exact.one_bin import LARGEST_SIGNAL, standard_error
from na64stat.stats.exact.outcomes import positions
from na64stat.stats.likelihood.parameters import Array
from na64stat.stats.likelihood.statistic import Criterion, Statistic
from na64stat.stats.results import BAND_QUANTILES, Band, NumericalError

_COARSE = 1.3
"""Ratio of neighbouring mu in the first scan."""

_LARGEST_JUMP, _LARGEST_TWO_SIDED_JUMP = 1.4, 5.0
"""Ratio of the value in a cell to 1 - cl beyond which the cell is not searched for jumps."""

_SMALLEST_SIGNAL = 1e-3
"""Signal events from which CL_sb is scanned; a smaller limit counts as 0."""

_FINEST = 0.02
"""Signal events between neighbouring mu below which the grid is fine enough, whatever their ratio."""


_SLACK = 1 + 1e-6


class EnumerationScan:
    """Probabilities of every outcome on a grid of mu, from below all limits to where everything relevant is excluded."""

    def __init__(self, space: Enumeration, alpha: float, ratio: float) -> None:
        self.space, self.alpha, self.ratio = space, alpha, ratio
        self._two_sided = space.statistic is Statistic.T_TILDE
        self._orderings: dict[float, Ordering] = {}
        self.mu: list[float] = []
        self._first()
        self._grow()
        self._outcomes = self._band_outcomes()
        for level in set(self._limits_at_quantiles()):
            self._refine(level)
        self._outcomes = self._band_outcomes()
        self._limits: dict[tuple[int, ...], float | None] = {}

    @property
    def reference(self) -> Outcome:
        """Outcome whose crossings are recorded: the observed one, or the median without signal."""
        return self._outcomes[2] if self.space.observed is None else self.space.observed

    def band(self) -> Band:
        """Quantiles of the limit (or of the upper end) under background alone."""
        return Band(*(self.limit(outcome) for outcome in self._outcomes))

    def accepted(self, mu: float, outcome: Outcome) -> bool:
        """True if an outcome does not exclude a mu of the grid."""
        return self._value(mu, outcome) > self.alpha

    def limit(self, outcome: Outcome) -> float | None:
        """Largest mu not excluded by an outcome; 0 if all are excluded, None if mu is unbounded."""
        key = tuple(outcome.tolist())
        if key not in self._limits:
            self._limits[key] = None if self.accepted(self.mu[-1], outcome) else self._from_above(outcome)
        return self._limits[key]

    def crossings(self, outcome: Outcome) -> list[float]:
        """Every mu at which the value of an outcome crosses alpha, increasing."""
        self._insert_best_fit(outcome)
        crossings: list[float] = []
        low = self.mu[0]
        while low < self.mu[-1]:
            high = self.mu[bisect.bisect(self.mu, low)]
            if self._near_alpha(low, high, outcome):
                if self._split(low, high):
                    continue
                crossings += self._crossings_in(low, high, outcome)
            low = high
        return crossings

    def error(self, mu: float | None, outcome: Outcome) -> NumericalError:
        """Standard error from the scatter of the replicates at a limit."""
        if not mu:
            return NumericalError()
        ordering = self._order(mu)
        values = self.space.scatter(ordering, outcome)
        cl_s, middle = standard_error(values), float(values.mean())
        above = self.space.order(1.02 * mu, [(mu, ordering)])
        slope = abs(math.log(max(float(self.space.scatter(above, outcome).mean()), 1e-300) / middle)) / math.log(1.02)
        relative = cl_s / (middle * slope) if slope > 0 else 0.0
        return NumericalError(cl_s, float(relative), ordering.left_out, self.space.free.refitted + ordering.refitted)

    def _first(self) -> None:
        """Start the grid where CL_s of every outcome is above alpha (CL_sb: of all that ever are)."""
        space = self.space
        if space.criterion is Criterion.CL_SB:
            start, smallest = (_FINEST if self._two_sided else _SMALLEST_SIGNAL) / space.total, math.inf
        else:
            start, smallest = -0.2 * math.log(self.alpha) / space.total, 1e-9
        while not (self._order(start).value(space.criterion) > self.alpha).all() and start * space.total > smallest:
            start /= 4
        if self._two_sided:  # mu = 0 may be rejected, but small signals accepted
            self._order(0.0)
            self.mu.append(0.0)
        self.mu.append(start)

    def _grow(self) -> None:
        """Extend the grid until 99% of the background outcomes and the observed one are twice in a row below alpha/3."""
        space, quiet, step, mu = self.space, 0, max(_COARSE, self.ratio), self.mu[-1]
        beyond = 0.0 if space.observed is None else space.best_fit(space.observed)
        # With an independent background CL_s never falls below the weight at which an uncertainty takes the whole signal away.
        lowest = 0.0
        if space.criterion is Criterion.CL_S and not space.model.shares_parameters:
            lowest = space.average.without_signal
        largest = LARGEST_SIGNAL if lowest <= self.alpha * _SLACK else mu * space.total * step**2
        small = lowest + max(self.alpha - lowest, 0.0) / 3
        while quiet < 2 and mu * space.total < largest:
            ordering = self._order(mu)
            if mu > self.mu[-1]:
                self.mu.append(mu)
            low = ordering.value(space.criterion) < small
            enough = mu > beyond and bool(ordering.weight[low].sum() > 0.99)
            if space.observed is not None:
                enough = enough and bool(low[ordering.index(space.observed)])
            quiet = quiet + 1 if enough else 0
            mu *= step

    def _order(self, mu: float) -> Ordering:
        if mu not in self._orderings:
            self._orderings[mu] = self.space.order(mu, self._near(mu))
        return self._orderings[mu]

    def _near(self, mu: float) -> list[tuple[float, Ordering]]:
        """Orderings of the grid on either side."""
        at = bisect.bisect_left(self.mu, mu)
        return [(strength, self._orderings[strength]) for strength in self.mu[max(at - 1, 0) : at + 1]]

    def _refine(self, limit: float) -> None:
        """Refine the grid to the requested ratio around an estimated limit."""
        if not math.isfinite(limit):
            return
        edges = [bisect.bisect(self.mu, x) - 1 for x in (limit / self.ratio, limit * self.ratio)]
        first, last = max(edges[0], 0), min(edges[1], len(self.mu) - 2)
        for low, high in list(zip(self.mu[first : last + 1], self.mu[first + 1 : last + 2], strict=True)):
            self._split(low, high)

    def _split(self, low: float, high: float) -> bool:
        """Refine one cell of the grid to the requested ratio; True if that changed it."""
        parts = math.ceil((high - low) * self.space.total / _FINEST - 1e-6)
        if low > 0:
            parts = min(parts, math.ceil(math.log(high / low) / math.log(self.ratio) - 1e-6))
        if parts <= 1:
            return False
        step = (high / low) ** (1 / parts) if low > 0 else 1.0
        new = [low * step**k if low > 0 else high * k / parts for k in range(1, parts)]
        for mu in new:
            self._order(mu)
        self.mu = sorted({*self.mu, *new})
        return True

    def _band_outcomes(self) -> list[Outcome]:
        last = self._orderings[self.mu[-1]]
        estimates = self._estimates(last)
        self._estimated = estimates
        return [last.counts[quantile_index(estimates, last.weight, p)] for p in BAND_QUANTILES.values()]

    def _limits_at_quantiles(self) -> list[float]:
        last = self._orderings[self.mu[-1]]
        wanted = list(self._outcomes) + ([] if self.space.observed is None else [self.space.observed])
        return [float(self._estimated[last.index(outcome)]) for outcome in wanted]

    def _estimates(self, last: Ordering) -> Array:
        """Limits of outcomes by interpolation on the grid; infinite beyond its end, which is enough to order them."""
        table = np.ones((len(self.mu), len(last.counts)))
        for row, mu in zip(table, self.mu, strict=True):
            ordering = self._orderings[mu]
            at, known = positions(ordering.keys, last.keys)
            row[known] = ordering.value(self.space.criterion)[at[known]]
        end = len(self.mu) - 1
        allowed = table > self.alpha
        cell = np.where(allowed.any(axis=0), end - np.argmax(allowed[::-1], axis=0), 0)
        at, columns = np.minimum(cell, end - 1), np.arange(len(last.counts))
        logs = np.log(np.maximum(table, 1e-300))
        upper, lower = logs[at, columns], logs[at + 1, columns]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(upper > lower, (upper - math.log(self.alpha)) / (upper - lower), 0.0)
        grid = np.array(self.mu)
        inside = grid[at] + (grid[at + 1] - grid[at]) * np.clip(share, 0.0, 1.0)
        return np.where(allowed.any(axis=0), np.where(cell < end, inside, np.inf), 0.0)

    def _value(self, mu: float, outcome: Outcome) -> float:
        ordering = self._order(mu)
        return float(ordering.value(self.space.criterion)[ordering.index(outcome)])

    def _from_above(self, outcome: Outcome) -> float:
        """Largest crossing, or 0."""
        self._insert_best_fit(outcome)
        high = self.mu[-1]
        while high > self.mu[0]:
            low = self.mu[bisect.bisect_left(self.mu, high) - 1]
            if self._near_alpha(low, high, outcome):
                if self._split(low, high):
                    continue
                crossings = self._crossings_in(low, high, outcome)
                if crossings:
                    return crossings[-1]
            high = low
        return 0.0

    def _crossings_in(self, low: float, high: float, outcome: Outcome) -> list[float]:
        cell = MuInterval(self.space, outcome, (low, self._order(low)), (high, self._order(high)), self.alpha)
        crossings: list[float] = []
        previous: float | None = None
        if not cell.may_cross():
            return crossings
        for begin, at_begin, end, at_end in cell.pieces():
            if previous is not None and (previous > self.alpha) != (at_begin > self.alpha):
                crossings.append(begin)  # at a jump
            if (at_begin > self.alpha) != (at_end > self.alpha):
                crossings.append(cell.root(begin, end))
            previous = at_end
        return crossings

    def _insert_best_fit(self, outcome: Outcome) -> None:
        """Insert the best fit into the grid, around which an interval may be narrower than the grid."""
        best = self.space.best_fit(outcome)
        if self._two_sided and best > 0 and best not in self._orderings:
            self._order(best)
            bisect.insort(self.mu, best)

    def _near_alpha(self, low: float, high: float, outcome: Outcome) -> bool:
        ends = self._value(low, outcome), self._value(high, outcome)
        jump = _LARGEST_TWO_SIDED_JUMP if self._two_sided else _LARGEST_JUMP
        return min(ends) < self.alpha * jump and max(ends) > self.alpha / jump


def quantile_index(values: Array, probabilities: Array, level: float) -> int:
    """Position of the smallest value v with P(value <= v) >= level."""
    order: NDArray[np.intp] = np.argsort(values, kind="stable")
    running = np.cumsum(probabilities[order])
    return int(order[min(np.searchsorted(running, level * running[-1]), len(order) - 1)])
