"""CL_s or CL_sb of one outcome between two neighbouring signal strengths: its jumps, and its crossings of a level.

Most outcomes at least as extreme are so at both ends. Only the others are fitted in between, so that a value costs a Poisson
table and a few fits. The jumps, where two outcomes have the same test statistic, take a few fits each, all at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from na64stat.stats.exact.enumeration import Enumeration, Ordering, Outcome
from na64stat.stats.exact.outcomes import positions
from na64stat.stats.likelihood.parameters import Array
from na64stat.stats.likelihood.statistic import TIE, Criterion

MATTERS = 1e-8
"""Probability below which outcomes are ignored in the search for jumps."""

_JUMP_WIDTH = 1e-7
"""Relative precision in mu with which a jump is located."""

_SLACK = 1.03
"""Factor by which a value within a cell may lie beyond those at its ends."""

End = tuple[float, Ordering]


class MuInterval:
    """CL_s or CL_sb of one outcome, which falls to alpha at the limit, between two mu."""

    def __init__(self, space: Enumeration, outcome: Outcome, low: End, high: End, alpha: float) -> None:
        self.space, self.outcome, self.low, self.high, self.alpha = space, outcome, low, high, alpha
        larger = max(low[1], high[1], key=lambda ordering: len(ordering.keys))
        smaller = low[1] if larger is high[1] else high[1]
        at, known = positions(smaller.keys, larger.keys)
        tail = larger.tail(outcome)
        other = np.where(known, smaller.tail(outcome)[at], tail)
        self.counts, self._weight = larger.counts, larger.weight
        self._always, self._sometimes = tail & other, np.flatnonzero(tail ^ other)
        self._probability = np.stack([larger.strength, np.where(known, smaller.strength[at], 0.0)])

    def may_cross(self) -> bool:
        """True if the value can be alpha in the cell: from the outcomes that are extreme at both ends, and at either."""
        least = self._probability[:, self._always].sum(axis=1).min()
        most = (
            self._probability[:, self._always].sum(axis=1).max()
            + self._probability[:, self._sometimes].max(axis=0).sum()
        )
        if self.space.criterion is Criterion.CL_S:
            background = self._weight[self._always].sum()
            least /= max(background + self._weight[self._sometimes].sum(), 1e-300)
            most /= max(background, 1e-300)
        ends = self.value(self.low[0]), self.value(self.high[0])
        return bool(min(least, *ends) < self.alpha * _SLACK and max(most, *ends) > self.alpha / _SLACK)

    def value(self, mu: float) -> float:
        """CL_s or CL_sb at one mu of the cell."""
        for end, ordering in (self.low, self.high):
            if mu == end:
                return float(ordering.value(self.space.criterion)[ordering.index(self.outcome)])
        if self.space.statistic.one_sided and self.space.best_fit(self.outcome) >= mu:
            return 1.0
        difference = self._difference(self._sometimes, np.full(len(self._sometimes), mu))
        tail = self._always.copy()
        tail[self._sometimes] = difference >= 0
        first, last = self.counts.min(axis=0), self.counts.max(axis=0)
        windows = tuple(zip(first.tolist(), last.tolist(), strict=True))
        joint = self.space.average.count_probabilities(mu, windows).mean(axis=0)
        cl_sb = min(float(joint[tuple((self.counts[tail] - first).T)].sum()), 1.0)
        if self.space.criterion is Criterion.CL_SB:
            return cl_sb
        cl_b = float(self._weight[tail].sum())
        return cl_sb / cl_b if cl_b > 0 else 0.0

    def pieces(self) -> Iterator[tuple[float, float, float, float]]:
        """Intervals of mu without a jump: their lower ends with the value there, and their upper ends."""
        begin, at_begin = self.low[0], self.value(self.low[0])
        for jump in self._jumps():
            before, after = jump * (1 - _JUMP_WIDTH), jump * (1 + _JUMP_WIDTH)
            if before > begin:
                yield begin, at_begin, before, self.value(before)
            begin, at_begin = after, self.value(after)
        if begin < self.high[0]:
            yield begin, at_begin, self.high[0], self.value(self.high[0])

    def root(self, begin: float, end: float) -> float:
        """Position at which the value is alpha, in a piece at whose ends it is not."""
        from scipy.optimize import brentq

        def excess(mu: float) -> float:
            return math.log(max(self.value(mu), 1e-300)) - math.log(self.alpha)

        return float(brentq(excess, begin, end, xtol=1e-8 * end, rtol=1e-9))

    def _jumps(self) -> list[float]:
        """Jumps where likely outcomes enter or leave the tail, increasing; those closer than the precision are one."""
        likely = np.maximum(self._probability.max(axis=0), self._weight)[self._sometimes] > MATTERS
        distinct: list[float] = []
        for jump in np.sort(self._locate(self._sometimes[likely])).tolist():
            if not distinct or jump > distinct[-1] * (1 + 3 * _JUMP_WIDTH):
                distinct.append(jump)
        return distinct

    def _locate(self, members: NDArray[np.intp]) -> Array:
        """Roots of the difference of two test statistics, all members at once: false position with bisection."""
        if not len(members):
            return np.zeros(0)
        ends = [np.full(len(members), end) for end, _ in (self.low, self.high)]
        at_ends = [self._difference(members, mu) for mu in ends]
        real = (at_ends[0] >= 0) != (at_ends[1] >= 0)  # others are ties to the precision of the fits
        members, a, b = members[real], ends[0][real], ends[1][real]
        at_a, at_b = at_ends[0][real], at_ends[1][real]
        width = 0.3 * _JUMP_WIDTH * self.high[0]
        for step in range(100):
            active = np.flatnonzero(b - a > width)
            if not len(active):
                break
            x, y, f, g = a[active], b[active], at_a[active], at_b[active]
            # Slightly beyond the chord, so that the root is finally enclosed from both sides.
            chord = x + (y - x) * f / (f - g)
            chord += np.where(chord - x < y - chord, 0.4, -0.4) * width
            middle = 0.5 * (x + y) if step % 3 == 2 else np.clip(chord, x + 0.1 * width, y - 0.1 * width)
            value = self._difference(members[active], middle)
            left = (value >= 0) == (f >= 0)
            a[active], at_a[active] = np.where(left, middle, x), np.where(left, value, f)
            b[active], at_b[active] = np.where(left, y, middle), np.where(left, g, value)
        return np.asarray(0.5 * (a + b), dtype=np.float64)

    def _difference(self, members: NDArray[np.intp], mu: Array) -> Array:
        """Test statistic of other outcomes relative to this one, each at its mu; ties count as more extreme."""
        if not len(members):
            return np.zeros(0)
        counts = np.concatenate([np.repeat(self.outcome[None, :], len(members), axis=0), self.counts[members]])
        q, _, _ = self.space.statistics(counts, np.tile(mu, 2), [self.low, self.high])
        own, others = np.split(np.minimum(q, 1e30), 2)
        return np.asarray(np.where(own > TIE, others - own + TIE, 1.0), dtype=np.float64)
