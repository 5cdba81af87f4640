"""Toys of several sources at one tested mu: CL_sb, CL_b and CL_s of a value of the test statistic, with their errors."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError
from na64stat.stats.likelihood.parameters import Array
from na64stat.stats.likelihood.statistic import TIE, Criterion
from na64stat.stats.toys.sample import CHUNK, Source, ToySample
from na64stat.stats.toys.weights import Probability, log_ratio, standard_error

Part = tuple[ToySample, int]
"""A sample, and the number of its toys."""

_FEWEST = 0.5
"""Smallest accepted share of toys with converged fits."""

_ENOUGH, MOST = 100.0, 16
"""Sufficient number of toys in a tail, and the largest multiple of the requested number drawn to reach it."""


def enough(toys: int) -> float:
    """Smallest number of toys in a tail that a result may rest on, for a requested number of toys."""
    return min(_ENOUGH, toys / 20)


@dataclass(frozen=True, eq=False)
class Tail:
    """CL_sb and CL_b of a value of the test statistic; `strata` are the toys of each source."""

    signal: Probability
    background: Probability
    strata: tuple[slice, ...]

    @property
    def cl_s(self) -> float:
        """CL_s; one if no toy of background alone is as extreme, since nothing can be excluded then."""
        if self.background.value <= 0:
            return 1.0
        return min(max(self.signal.value, 0.0) / self.background.value, 1.0)

    def value(self, criterion: Criterion) -> float:
        """CL_s or CL_sb."""
        return self.cl_s if criterion is Criterion.CL_S else self.signal.value

    def error(self, criterion: Criterion) -> float:
        """Standard error of CL_s or CL_sb."""
        if criterion is Criterion.CL_SB or self.background.value <= 0:
            return standard_error(self.signal.influence, self.strata)
        spread = self.signal.influence - self.cl_s * self.background.influence
        return standard_error(spread, self.strata) / self.background.value

    def effective(self, criterion: Criterion) -> float:
        """Number of toys that the result rests on: the smaller of the two tails."""
        if criterion is Criterion.CL_SB:
            return self.signal.effective
        return min(self.signal.effective, self.background.effective)


class Pool:
    """Toys of several sources with their test statistic at `mu`, and weights for a signal and for background alone.

    The first of `parts` is the sample of background alone.
    """

    def __init__(self, parts: Sequence[Part], signal: Source, mu: float, workers: int) -> None:
        values, weights, strata = [], [], []
        kept = self._all_kept(parts, mu, workers)
        numbers = np.array([float(good.sum()) for _, good in kept])
        self.failed = [int((~good).sum()) for _, good in kept]
        start = 0
        for (sample, toys), (statistic, good) in zip(parts, kept, strict=True):
            data = [array[good] for array in sample.data(toys)]
            densities = [log_ratio(sample.source, other.source, *data) for other, _ in parts]
            mixture = np.log(numbers / numbers.sum())[:, None] + np.array(densities)
            top = mixture.max(axis=0)
            below = top + np.log(np.exp(mixture - top).sum(axis=0))
            above = np.array([log_ratio(sample.source, signal, *data), densities[0]])
            weights.append(np.exp(above - below))
            values.append(statistic[good])
            strata.append(slice(start, start + len(values[-1])))
            start = strata[-1].stop
        self.values, self.weights, self.strata = np.concatenate(values), np.concatenate(weights, axis=1), tuple(strata)

    def _all_kept(self, parts: Sequence[Part], mu: float, workers: int) -> list[tuple[Array, NDArray[np.bool_]]]:
        if workers == 1 or len(parts) == 1 or max(toys for _, toys in parts) > CHUNK:
            return [self._kept(sample, toys, mu, workers) for sample, toys in parts]
        # Samples of one chunk each run in parallel, after compiling once rather than in every thread.
        _ = parts[0][0].question.model.compiled
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(lambda part: self._kept(part[0], part[1], mu, 1), parts))

    def _kept(self, sample: ToySample, toys: int, mu: float, workers: int) -> tuple[Array, NDArray[np.bool_]]:
        statistic = sample.statistic(mu, toys, workers)
        good = ~np.isnan(statistic)
        if good.mean() < _FEWEST:
            raise ComputationError(
                f"toys: the fits of {(~good).sum()} of {len(good)} toys at mu = {mu:g} failed; use another method here"
            )
        return statistic, good

    def tail(self, value: float) -> Tail:
        """Probabilities of a test statistic at least this large."""
        hit = self.values >= value - TIE
        signal, background = (Probability.of(weights, hit, self.strata) for weights in self.weights)
        return Tail(signal, background, self.strata)

    def band(self, quantiles: Sequence[float], criterion: Criterion) -> list[float]:
        """Quantiles of CL_s or CL_sb in toys of background alone, the smallest first."""
        ordered = np.sort(self._of_background(criterion)[0])
        return [float(ordered[min(int(q * len(ordered)), len(ordered) - 1)]) for q in quantiles]

    def statistic_at(self, quantile: float, criterion: Criterion) -> float:
        """Test statistic of the toy of background alone at a quantile of the criterion."""
        criteria, values = self._of_background(criterion)
        return float(values[np.argsort(criteria, kind="stable")[min(int(quantile * len(criteria)), len(criteria) - 1)]])

    def _of_background(self, criterion: Criterion) -> tuple[Array, Array]:
        """CL_s or CL_sb, and the test statistic, of each toy of background alone."""
        order = np.argsort(self.values, kind="stable")
        ordered, values = self.values[order], self.values[self.strata[0]]
        above = []
        for weights in self.weights:
            running = np.concatenate([np.cumsum(weights[order][::-1])[::-1], [0.0]])
            above.append(running[np.searchsorted(ordered, values - TIE)] / running[0])
        if criterion is Criterion.CL_SB:
            return above[0], values
        return np.minimum(above[0] / above[1], 1.0), values
