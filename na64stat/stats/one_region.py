"""Exact CL_s of one counting channel: sums over the counts are incomplete gamma functions.

Where signal and background share no nuisance parameter, q-tilde falls with the count until it is zero (the best-fit signal
exceeds mu), so that the outcomes at least as extreme as n are the counts up to n: p_mu = P(N <= n | mu), and p_mu = 1 where
q-tilde(n) = 0. (With a shared parameter the order can differ; `na64stat.stats.enumeration` treats that.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np

from na64stat.stats.average import NuisanceAverage
from na64stat.stats.interpolation import Array
from na64stat.stats.model import CountingModel
from na64stat.stats.records import BAND_QUANTILES, Band, NumericalError

LARGEST_SIGNAL = 1e12
"""Signal events up to which a limit is looked for."""


class OneRegion:
    """CL_s and limits of one channel."""

    def __init__(self, model: CountingModel) -> None:
        self.model = model
        self.average = NuisanceAverage.of(model)
        self.signal = float(model.signal_events[0])
        self.background = float(model.background_events[0])

    @cached_property
    def band_counts(self) -> tuple[int, ...]:
        """Counts at the quantiles of the background-only predictive distribution."""
        return tuple(self._quantile(probability) for probability in BAND_QUANTILES.values())

    def cl_s(self, count: float, mu: Array) -> Array:
        """CL_s for signal strengths `mu`, one row per replicate, shape (replicates, len(mu))."""
        mu = np.asarray(mu, dtype=float)
        # The best fit is (n - b) / s with all nuisance parameters at their centres, as long as that is not negative.
        free = mu * self.signal <= count - self.background
        log_ratio = self.average.log_cumulative(count, mu) - self.average.log_cumulative(count, np.zeros(1))
        return np.where(free | (mu * self.signal == 0), 1.0, np.exp(np.minimum(log_ratio, 0.0)))

    def limit(self, count: float, alpha: float) -> float | None:
        """Signal strength at which CL_s falls to alpha; None where it does not within 1e12 events."""
        from scipy.optimize import brentq

        if self.signal == 0:
            return None

        def excess(log_events: float) -> float:
            value = self.cl_s(count, np.array([math.exp(log_events) / self.signal])).mean()
            return math.log(max(value, 1e-300)) - math.log(alpha)

        edge = max(count - self.background, 0.0)  # up to here q-tilde is zero and CL_s one
        low = math.log(edge + 1e-9)
        if excess(low) <= 0:
            return edge / self.signal  # CL_s falls through alpha where it jumps
        high = low + 1.0
        while excess(high) > 0:
            high += 1.0
            if high > math.log(LARGEST_SIGNAL):
                return None
        return math.exp(float(brentq(excess, low, high, xtol=1e-10, rtol=1e-12))) / self.signal

    def band(self, value: Callable[[int], float | None]) -> Band:
        """The band of a quantity that does not fall with the count."""
        known = {count: value(count) for count in set(self.band_counts)}
        return Band(*(known[count] for count in self.band_counts))

    def error(self, count: float, limit: float | None) -> NumericalError:
        """Scatter of the replicates at the limit."""
        if limit is None:
            return NumericalError()
        at = self.cl_s(count, np.array([limit, limit * 1.01]))
        here, above = float(at[:, 0].mean()), float(at[:, 1].mean())
        cl_s = standard_error(at[:, 0])
        slope = abs(math.log(max(above, 1e-300) / here)) / math.log(1.01)
        return NumericalError(cl_s=cl_s, limit=cl_s / (here * slope) if slope > 0 else 0.0)

    def _quantile(self, probability: float) -> int:
        """Smallest count with P(N <= count | background) >= probability, by bisection."""

        def below(count: float) -> bool:
            return bool(np.exp(self.average.log_cumulative(count, np.zeros(1))).mean() < probability)

        low, high = -1, max(1, math.ceil(self.background))
        while below(high):
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if below(middle) else (low, middle)
        return high


def standard_error(replicates: Array) -> float:
    """Standard error of the mean of independent estimates."""
    count = len(replicates)
    return float(replicates.std(ddof=1) / math.sqrt(count)) if count > 1 else 0.0
