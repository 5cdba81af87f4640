"""Exact probabilities of one counting bin: sums over the counts are incomplete gamma functions.

If signal and background share no nuisance parameter, q-tilde and q fall with the count until they are zero (the best-fit signal
exceeds mu), so that the outcomes at least as extreme as n are the counts up to n: CL_sb = P(N <= n | mu), and 1 where q(n) = 0.
(With a shared parameter the order can differ; `na64stat.stats.exact.enumeration` treats that.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np

from na64stat.errors import ComputationError
from na64stat.stats.average.nuisance_average import NuisanceAverage
from na64stat.stats.exact.conditional import average_of, fitted_background
from na64stat.stats.exact.held import Counts
from na64stat.stats.likelihood.fit import fit_fixed, fit_free
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array
from na64stat.stats.likelihood.statistic import Criterion, Statistic
from na64stat.stats.results import BAND_QUANTILES, Band, ClsResult, NumericalError

LARGEST_SIGNAL = 1e12
"""Signal events up to which a limit is searched."""

LARGEST_COUNT = 1e15
"""Count up to which quantiles are searched; larger integers are not exact in double precision."""


class OneBin:
    """CL_s and limits of one bin, with others without signal held."""

    def __init__(
        self,
        model: Model | Counts,
        statistic: Statistic = Statistic.Q_TILDE,
        criterion: Criterion = Criterion.CL_S,
    ) -> None:
        counts = Counts.of(model).merged
        self.model, self.statistic, self.criterion = counts.model, statistic, criterion
        average = average_of(counts)
        assert isinstance(average, NuisanceAverage)  # noqa: S101  # no held count moves with mu: see `Counts.by_count`
        self.average = average
        self.signal = float(self.model.signal_events[0])
        self.background = float(fitted_background(counts)[0])

    @cached_property
    def band_counts(self) -> tuple[int, ...]:
        """Counts at the quantiles of the background-only predictive distribution."""
        return tuple(self._quantile(probability) for probability in BAND_QUANTILES.values())

    def probabilities(self, count: float, mu: Array) -> tuple[Array, Array, Array]:
        """CL_s, CL_sb and CL_b for signal strengths `mu`, one row per replicate, each (replicates, len(mu))."""
        mu = np.asarray(mu, dtype=float)
        # The best fit is (n - b) / s, with nuisance parameters at the maximum of the constraints and of the held counts,
        # unless that is negative.
        free = mu * self.signal <= count - self.background
        if self.statistic is Statistic.Q_TILDE:
            free |= mu * self.signal == 0
        signal, background = self.average.log_cumulative(count, mu), self.average.log_cumulative(count, np.zeros(1))
        cl_s = np.where(free | (mu * self.signal == 0), 1.0, np.exp(np.minimum(signal - background, 0.0)))
        cl_sb, cl_b = (np.where(free, 1.0, np.minimum(np.exp(log), 1.0)) for log in (signal, background))
        return cl_s, cl_sb, cl_b

    def value(self, count: float, mu: Array) -> Array:
        """CL_s or CL_sb, which falls to 1 - cl at the limit, shape (replicates, len(mu))."""
        return self.probabilities(count, mu)[0 if self.criterion is Criterion.CL_S else 1]

    def results(self, mu: Array) -> list[ClsResult]:
        """Result of each signal strength."""
        by_count = {count: self.probabilities(count, mu)[0].mean(axis=0) for count in set(self.band_counts)}
        bands = [self.band(lambda count, i=i: float(by_count[count][i])) for i in range(len(mu))]  # type: ignore[misc]
        notes = self.average.notes
        if self.model.observed is None:
            return [ClsResult(None, band, NumericalError(), notes=notes) for band in bands]
        probabilities = self.probabilities(float(self.model.observed[0]), mu)
        statistics, refitted = self._statistics(mu)
        return [
            ClsResult(
                float(probabilities[0][:, i].mean()),
                band,
                NumericalError(cl_s=standard_error(probabilities[0][:, i]), refitted=refitted),
                float(probabilities[1][:, i].mean()),
                float(probabilities[2][:, i].mean()),
                float(statistics[i]) if math.isfinite(statistics[i]) else None,
                notes,
            )
            for i, band in enumerate(bands)
        ]

    def limit(self, count: float, alpha: float) -> float | None:
        """Signal strength at which the value falls to alpha; None if it does not within 1e12 events."""
        from scipy.optimize import brentq

        if self.signal == 0:
            return None

        def excess(log_events: float) -> float:
            value = self.value(count, np.array([math.exp(log_events) / self.signal])).mean()
            return math.log(max(value, 1e-300)) - math.log(alpha)

        edge = max(count - self.background, 0.0)  # up to here q-tilde is zero and CL_s one
        low = math.log(edge + 1e-9)
        if excess(low) <= 0:
            return edge / self.signal  # crosses alpha at the jump; CL_sb of no signal may be below alpha
        high = low + 1.0
        while excess(high) > 0:
            high += 1.0
            if high > math.log(LARGEST_SIGNAL):
                return None
        return math.exp(float(brentq(excess, low, high, xtol=1e-10, rtol=1e-12))) / self.signal

    def p0(self) -> float:
        """P(q0 >= observed q0 | mu = 0): probability of counts at least as large, or one without an excess."""
        if self.model.observed is None or self.model.observed[0] <= self.background:
            return 1.0
        return float(self.average.at_least(float(self.model.observed[0]), 0.0).mean())

    def band(self, value: Callable[[int], float | None]) -> Band:
        """Expected band of a quantity that does not fall with the count."""
        known = {count: value(count) for count in set(self.band_counts)}
        return Band(*(known[count] for count in self.band_counts))

    def error(self, count: float, limit: float | None) -> NumericalError:
        """Standard error from the scatter of the replicates at the limit."""
        if not limit:
            return NumericalError()
        at = self.value(count, np.array([limit, limit * 1.01]))
        value, above = float(at[:, 0].mean()), float(at[:, 1].mean())
        cl_s = standard_error(at[:, 0])
        slope = abs(math.log(max(above, 1e-300) / value)) / math.log(1.01)
        return NumericalError(cl_s=cl_s, limit=cl_s / (value * slope) if slope > 0 else 0.0)

    def _statistics(self, mu: Array) -> tuple[Array, int]:
        """Observed test statistic at each mu."""
        data = np.asarray(self.model.observed)[None, :]
        free = fit_free(self.model, data, lowest_mu=self.statistic.lowest_mu(self.model))
        start = np.repeat(free.parameters, len(mu), axis=0)
        fixed = fit_fixed(self.model, np.repeat(data, len(mu), axis=0), mu, start=start)
        values = [self.statistic.of(fixed, free, float(strength))[i] for i, strength in enumerate(mu)]
        return np.array(values), free.refitted + fixed.refitted

    def _quantile(self, probability: float) -> int:
        """Smallest count with P(N <= count | background) >= probability, by bisection."""

        def below(count: float) -> bool:
            return bool(np.exp(self.average.log_cumulative(count, np.zeros(1))).mean() < probability)

        low, high = -1, max(1, math.ceil(self.background))
        while below(high):
            low, high = high, 2 * high
            if high > LARGEST_COUNT:
                raise ComputationError(
                    f"exact method: more than {LARGEST_COUNT:g} events of background in {self.model.bin_names[0]} are likely; "
                    "counts are whole numbers up to there, so use the asymptotic method"
                )
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if below(middle) else (low, middle)
        return high


def standard_error(replicates: Array) -> float:
    """Standard error of the mean of independent estimates."""
    count = len(replicates)
    return float(replicates.std(ddof=1) / math.sqrt(count)) if count > 1 else 0.0
