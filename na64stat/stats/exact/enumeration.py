"""Exact probabilities by enumeration: sums over all counts of one to three bins, without Monte Carlo noise.

Outcomes are ordered by a test statistic with nuisance parameters profiled and the auxiliary measurements held at their observed
values. One evaluation at a given mu yields CL_s of *every* outcome, so observed and expected limits share one scan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError
from na64stat.stats.average.kinks import bounded
from na64stat.stats.exact.conditional import average_of
from na64stat.stats.exact.held import Counts
from na64stat.stats.exact.outcomes import FreeFits, keys_of, positions
from na64stat.stats.exact.tail_bound import TailBound
from na64stat.stats.likelihood.fit import Fits, fit_fixed
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array
from na64stat.stats.likelihood.statistic import TIE, Criterion, Statistic

NEGLIGIBLE = 1e-12
"""Probability, with and without signal, below which outcomes are left out; their sum is reported."""

MOST_OUTCOMES, LARGEST_WINDOW = 60_000, 1_000_000
"""Largest number of outcomes that are ordered, and that are considered."""

LEFT_OUT = 1e-5
"""Largest total probability of the outcomes left out if there are too many."""

_RADII = (6.4, 5.3, 4.75)
"""Widths of the nuisance parameters for the window of counts, smaller if it is too large; 1e-10 to 1e-6 lies beyond."""

BOUND_FIRST = 3_000
"""Size of a sample space above which it is enumerated only if a bound does not exclude everything in question."""

Outcome = NDArray[np.intp]
Windows = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Ordering:
    """The sample space at one mu, one entry per outcome, in lexicographic order: counts (N, B) and test statistic `q` (N,).

    `signal` and `background` are probabilities by replicate of the nuisance average (replicates, N); cl_sb, cl_b and cl_s
    those of outcomes at least as extreme, and their ratio (N,). `left_out` bounds the probability of missing outcomes under
    either hypothesis, or CL_s if it comes from a bound. `refitted` counts fits that needed iminuit; `profiled` are the
    parameters fitted at mu (N, P), meaningless if no fit was needed.
    """

    counts: NDArray[np.intp]
    q: Array
    signal: Array
    background: Array
    cl_sb: Array
    cl_b: Array
    cl_s: Array
    left_out: float
    refitted: int
    profiled: Array

    @cached_property
    def keys(self) -> NDArray[np.int64]:
        """Increasing integers, one per outcome."""
        return keys_of(self.counts)

    @cached_property
    def strength(self) -> Array:
        """Probabilities with signal, shape (N,)."""
        return np.asarray(self.signal.mean(axis=0))

    @cached_property
    def weight(self) -> Array:
        """Probabilities under background alone, shape (N,)."""
        return np.asarray(self.background.mean(axis=0))

    def value(self, criterion: Criterion) -> Array:
        """CL_s or CL_sb, which falls to 1 - cl at the limit, shape (N,)."""
        return self.cl_s if criterion is Criterion.CL_S else self.cl_sb

    def index(self, outcome: Outcome) -> int:
        """Position of an outcome."""
        return int(np.searchsorted(self.keys, keys_of(outcome[None, :])[0]))

    def tail(self, outcome: Outcome) -> NDArray[np.bool_]:
        """Mask of the outcomes at least as extreme as this one, shape (N,)."""
        q = self.q[self.index(outcome)]
        return np.ones(len(self.q), dtype=bool) if q <= TIE else self.q >= q - TIE


class Enumeration:
    """Probabilities and order of all outcomes of one to three bins, with the others held."""

    def __init__(
        self,
        model: Model | Counts,
        statistic: Statistic = Statistic.Q_TILDE,
        criterion: Criterion = Criterion.CL_S,
    ) -> None:
        counts = Counts.of(model).merged
        self.average = average_of(counts)
        self.counts = replace(counts, model=bounded(counts.model))
        self.model, self.statistic, self.criterion = self.counts.model, statistic, criterion
        self.observed = None if counts.observed is None else counts.observed.astype(int)
        self.total = float(counts.model.signal_events[: counts.summed].sum())
        self.free = FreeFits(self.counts, statistic.lowest_mu(counts.model))
        self.bound_first = BOUND_FIRST

    def order(self, mu: float, near: Sequence[tuple[float, Ordering]] = ()) -> Ordering:
        """Sample space at one signal strength; fits start from those of the orderings in `near`, at other mu."""
        windows = self._windows(mu)
        size = math.prod(high - low + 1 for low, high in windows)
        if size > self.bound_first and mu > 0:
            bounded = self._far_away(mu)
            if bounded is not None:
                return bounded
        counts, p_mu, p_0 = self._probabilities(mu, windows, size)
        q, profiled, refitted = self.statistics(counts, mu, near)
        at_least = _tail_sums(q, np.vstack([p_mu.mean(axis=0), p_0.mean(axis=0)]))
        cl_sb, cl_b = np.where(q <= TIE, 1.0, np.minimum(at_least, 1.0))
        left_out = max(0.0, 1 - float(p_mu.mean(axis=0).sum()), 1 - float(p_0.mean(axis=0).sum()))
        return Ordering(counts, q, p_mu, p_0, cl_sb, cl_b, ratio(cl_sb, cl_b), left_out, refitted, profiled)

    def replicates(self, mu: float, outcome: Outcome) -> Array:
        """CL_s or CL_sb of one outcome in each replicate of the nuisance average."""
        return self.scatter(self.order(mu), outcome)

    def scatter(self, ordering: Ordering, outcome: Outcome) -> Array:
        """CL_s or CL_sb of one outcome of a known ordering in each replicate."""
        if ordering.q[ordering.index(outcome)] <= TIE:
            return np.ones(self.average.replicates)
        tail = ordering.tail(outcome)
        cl_sb = np.minimum(ordering.signal[:, tail].sum(axis=1), 1.0)
        if self.criterion is Criterion.CL_SB:
            return np.asarray(cl_sb)
        return ratio(cl_sb, ordering.background[:, tail].sum(axis=1))

    def statistics(
        self, counts: NDArray[np.intp], mu: float | Array, near: Sequence[tuple[float, Ordering]] = ()
    ) -> tuple[Array, Array, int]:
        """Test statistic of outcomes (N, B), shape (N,), the parameters fitted at mu (one, or N), and the number of refits."""
        free, mu = self.free(counts), np.broadcast_to(np.asarray(mu, dtype=np.float64), len(counts))
        needed = free.mu < mu if self.statistic.one_sided else np.ones(len(counts), dtype=bool)
        start = self._start(counts[needed], free.parameters[needed], mu[needed], near)
        fixed = fit_fixed(self.model, self.counts.complete(counts[needed]), mu[needed], start=start)
        nll, profiled = free.nll.copy(), free.parameters.copy()
        nll[needed], profiled[needed] = fixed.nll, fixed.parameters
        at_mu = Fits(nll, profiled, mu, fixed.refitted, np.zeros(len(nll), dtype=bool))
        q = self.statistic.of(at_mu, free, mu)
        if self.statistic is Statistic.Q0:
            q = np.where(free.mu <= 0, 0.0, q)
        return q, profiled, fixed.refitted + self.free.refitted

    def _start(self, counts: NDArray[np.intp], free: Array, mu: Array, near: Sequence[tuple[float, Ordering]]) -> Array:
        """Starting point of fits at mu: the fits at other mu, interpolated, or the best fit."""
        start, keys = free.copy(), keys_of(counts)
        neighbours = []
        for strength, ordering in near:
            at, known = positions(ordering.keys, keys)
            neighbours.append((strength, ordering.profiled[at], known))
        if len(neighbours) == 1:
            _, profiled, known = neighbours[0]
            start[known] = profiled[known]
        elif len(neighbours) == 2:
            (low, one, in_one), (high, two, in_two) = neighbours
            both = in_one & in_two
            share = ((mu - low) / (high - low))[:, None]
            start[both] = (one + share * (two - one))[both]
        return start

    def _probabilities(self, mu: float, windows: Windows, size: int) -> tuple[NDArray[np.intp], Array, Array]:
        """Outcomes that are not negligible, shape (N, B), and their probabilities with and without signal, (replicates, N)."""
        if size > LARGEST_WINDOW:
            raise self._too_many(mu, size)
        p_mu = self.average.count_probabilities(mu, windows)
        p_0 = np.zeros_like(p_mu)
        inside = tuple(
            slice(low_0 - low, high_0 - low + 1)
            for (low, _), (low_0, high_0) in zip(windows, self.background_windows, strict=True)
        )
        p_0[(slice(None), *inside)] = self.background_probabilities
        larger = np.maximum(p_mu.mean(axis=0), p_0.mean(axis=0))
        observed = self.marked(windows, larger.shape)
        # An observed outcome in the tails is compared with others there, which must not be neglected relative to it.
        # (If its statistic is zero its p-value is 1 in any case.)
        threshold = NEGLIGIBLE
        if self._observed_best_fit < mu or self.statistic is Statistic.Q0:
            threshold = min(threshold, 1e-6 * float(larger[observed].min(initial=1.0)))
        keep = (larger > threshold) | observed
        if keep.sum() > MOST_OUTCOMES:
            number = int(keep.sum())
            keep &= (larger >= np.partition(larger[keep], -MOST_OUTCOMES)[-MOST_OUTCOMES]) | observed
            # The most probable ones suffice if the others are rare (their sum is in the result) and the observed one is not.
            if larger[~keep].sum() > LEFT_OUT or threshold < NEGLIGIBLE:
                raise self._too_many(mu, number)
        counts = np.argwhere(keep) + np.array([low for low, _ in windows])
        return counts, p_mu[:, keep], p_0[:, keep]

    @cached_property
    def _observed_best_fit(self) -> float:
        return math.inf if self.observed is None else self.best_fit(self.observed)

    def best_fit(self, outcome: Outcome) -> float:
        """Best-fit signal strength of an outcome."""
        return float(self.free(outcome[None, :]).mu[0])

    @cached_property
    def background_windows(self) -> Windows:
        """First and last relevant counts without signal."""
        return self._windows(0.0)

    @cached_property
    def background_probabilities(self) -> Array:
        """Joint probabilities of the `background_windows` without signal, shape (replicates, N_1, ...)."""
        windows = self.background_windows
        size = math.prod(high - low + 1 for low, high in windows)
        if size > LARGEST_WINDOW:
            raise self._too_many(0.0, size)
        return self.average.count_probabilities(0.0, windows)

    def _too_many(self, mu: float, size: int) -> ComputationError:
        number = str(size) if size < 10**9 else f"about 10^{len(str(size)) - 1}"
        return ComputationError(
            f"{number} outcomes of {', '.join(self.counts.names[: self.counts.summed])} at mu = {mu:g} are too many to order "
            f"(at most {MOST_OUTCOMES}); use fewer bins, toys or the asymptotic method"
        )

    def _windows(self, mu: float) -> Windows:
        """Counts with all but about 1e-12 of the probability, with and without signal, and the observed ones.

        If these are too many, the window is a little smaller; the result has the probability that is left out.
        """
        for radius in _RADII:
            windows = tuple(self._window(mu, b, radius) for b in range(self.counts.summed))
            if math.prod(high - low + 1 for low, high in windows) <= LARGEST_WINDOW:
                break
        return windows

    def _window(self, mu: float, b: int, radius: float) -> tuple[int, int]:
        smallest, largest = self.average.extreme_rates(mu, b, radius)
        if not math.isfinite(largest):
            raise ComputationError(f"exact method: the rate of {self.model.bin_names[b]} at mu = {mu:g} is infinite")
        low = max(0, math.floor(smallest - 7.5 * math.sqrt(smallest)))
        high = math.ceil(largest + 7.5 * math.sqrt(largest) + 8)
        if self.observed is not None:
            n = int(self.observed[b])
            # Also the counts above a large observed one, with which an excess is compared.
            margin = math.ceil(7.5 * math.sqrt(n) + 8) if self.statistic is Statistic.Q0 else 0
            low, high = min(low, n), max(high, n + margin)
        if mu > 0:
            low, high = min(low, self.background_windows[b][0]), max(high, self.background_windows[b][1])
        return low, high

    def marked(self, windows: Windows, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Mask of the observed outcome in an array over the windows."""
        marked: NDArray[np.bool_] = np.zeros(shape, dtype=bool)
        if self.observed is not None:
            marked[tuple(int(n) - low for n, (low, _) in zip(self.observed, windows, strict=True))] = True
        return marked

    def _far_away(self, mu: float) -> Ordering | None:
        """Ordering of a signal so large that a bound shows CL_s < 1e-6 for all relevant outcomes; None if the bound fails."""
        if self.counts.held:
            return None  # the bound is for constraint densities alone
        windows, probabilities = self.background_windows, self.background_probabilities
        mean = probabilities.mean(axis=0)
        observed = self.marked(windows, mean.shape)
        bound = TailBound(self.model, mu)
        typical = np.argwhere(observed | (mean == mean.max())) + np.array([low for low, _ in windows])
        q, _, _ = self.statistics(typical, mu)
        if bound.probability(q).max() > 1e-6:
            return None  # fails here in most cases
        keep = (mean > NEGLIGIBLE) | observed
        if keep.sum() > MOST_OUTCOMES:
            return None
        counts, p_0 = np.argwhere(keep) + np.array([low for low, _ in windows]), probabilities[:, keep]
        q, profiled, refitted = self.statistics(counts, mu)
        cl_b = _tail_sums(q, p_0.mean(axis=0)[None, :])[0]
        cl_sb = bound.probability(q)
        limit = ratio(cl_sb, cl_b) if self.criterion is Criterion.CL_S else cl_sb
        decided = limit < 1e-6
        if p_0.mean(axis=0)[~decided].sum() > 1e-3 or not decided[observed[keep]].all():
            return None
        value = np.where(decided, 0.0, 1.0)
        worst = float(limit[decided].max())
        return Ordering(counts, q, np.zeros_like(p_0), p_0, value, cl_b, value, worst, refitted, profiled)


def _tail_sums(q: Array, probabilities: Array) -> Array:
    """Sums of the probabilities over outcomes with q at least as large, ties included, same shape."""
    order = np.argsort(-q, kind="stable")
    running = np.cumsum(probabilities[:, order], axis=1)
    last = np.searchsorted(-q[order], -(q - TIE), side="right") - 1
    return np.asarray(running[:, last])


def ratio(numerator: Array, denominator: Array) -> Array:
    """Quotient; zero where the denominator is."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
