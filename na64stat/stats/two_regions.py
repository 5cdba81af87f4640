"""Exact CL_s of two counting channels: the sample space is the plane of their counts, summed without noise.

Outcomes are ordered by q-tilde with nuisance parameters profiled and the auxiliary measurements held at their observed values.
One evaluation at a given mu yields CL_s of *every* outcome, so observed and expected limits share one scan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError
from na64stat.stats.average import NuisanceAverage
from na64stat.stats.fit import fit_fixed, fit_free
from na64stat.stats.interpolation import Array
from na64stat.stats.model import CountingModel
from na64stat.stats.one_region import standard_error
from na64stat.stats.records import NumericalError

TIE = 1e-7
"""Values of q-tilde closer than this are equal."""

NEGLIGIBLE = 1e-15
"""Outcomes less probable than this, with and without signal, are left out and their sum is reported."""

MATTERS = 1e-7
"""Outcomes less probable than this are not looked at when jumps of CL_s are searched."""

MOST_OUTCOMES = 100_000


@dataclass(frozen=True, eq=False)
class Ordering:
    """The sample space at one mu, one entry per outcome.

    Attributes
    ----------
    counts
        Outcomes, shape (N, 2).
    q
        Test statistic q-tilde, shape (N,).
    signal, background
        Probabilities with and without signal, shape (N,).
    cl_s
        CL_s of each outcome as the observed one, shape (N,).
    observed_replicates
        CL_s of the observed outcome in each replicate of the nuisance average.
    left_out
        Probability of the outcomes that are missing, the larger of the two hypotheses'.
    refitted
        Fits that needed iminuit.
    """

    counts: NDArray[np.intp]
    q: Array
    signal: Array
    background: Array
    cl_s: Array
    observed_replicates: Array
    left_out: float
    refitted: int

    def index(self, outcome: NDArray[np.intp]) -> int:
        """Position of an outcome."""
        return int(np.flatnonzero((self.counts == outcome).all(axis=1))[0])

    def same_tail(self, other: Ordering, outcome: NDArray[np.intp]) -> bool:
        """Whether the outcomes at least as extreme as `outcome` are the same at both mu, as far as they matter.

        Where they are, CL_s of that outcome is continuous in between; where not, it jumps.
        """
        return not (self._tail(outcome) ^ other._tail(outcome)) & self._likely() & other._likely()

    def _tail(self, outcome: NDArray[np.intp]) -> set[tuple[int, ...]]:
        return _keys(self.counts[self.q >= self.q[self.index(outcome)] - TIE])

    def _likely(self) -> set[tuple[int, ...]]:
        return _keys(self.counts[np.maximum(self.signal, self.background) > MATTERS])


class TwoRegions:
    """CL_s of all outcomes of two channels."""

    def __init__(self, model: CountingModel) -> None:
        self.model = model
        self.average = NuisanceAverage.of(model)
        self.observed = None if model.observed is None else model.observed.astype(int)
        self.total = float(model.signal_events.sum())
        self._free = _FreeFits(model)

    def order(self, mu: float) -> Ordering:
        """Evaluate the sample space at one signal strength."""
        windows = self._windows(mu)
        size = math.prod(high - low + 1 for low, high in windows)
        if size > MOST_OUTCOMES:
            return self._far_away(mu, size)
        p_mu = self.average.count_probabilities(mu, windows)
        p_0 = self.average.count_probabilities(0.0, windows)
        keep = np.maximum(p_mu.mean(axis=0), p_0.mean(axis=0)) > NEGLIGIBLE
        keep |= self._is_observed(windows, keep.shape)
        counts = np.argwhere(keep) + np.array([low for low, _ in windows])
        p_mu, p_0 = p_mu[:, keep], p_0[:, keep]
        q, refitted = self._q_tilde(counts, mu)
        mean_mu, mean_0 = p_mu.mean(axis=0), p_0.mean(axis=0)
        at_least = _tail_sums(q, np.vstack([mean_mu, mean_0]))
        cl_s = _ratio(at_least[0], at_least[1])
        cl_s[q <= TIE] = 1.0
        left_out = max(0.0, 1 - mean_mu.sum(), 1 - mean_0.sum())
        replicates = self._observed_replicates(counts, q, p_mu, p_0)
        return Ordering(counts, q, mean_mu, mean_0, cl_s, replicates, left_out, refitted)

    def error(self, ordering: Ordering, slope: float) -> NumericalError:
        """Numerical error at an ordering; `slope` is d ln CL_s / d ln mu there."""
        cl_s = standard_error(ordering.observed_replicates) if len(ordering.observed_replicates) else 0.0
        middle = float(ordering.observed_replicates.mean()) if len(ordering.observed_replicates) else 1.0
        relative = cl_s / (middle * abs(slope)) if slope and middle else 0.0
        return NumericalError(cl_s, relative, ordering.left_out, ordering.refitted)

    def _observed_replicates(self, counts: Array, q: Array, p_mu: Array, p_0: Array) -> Array:
        if self.observed is None:
            return np.zeros(0)
        position = int(np.flatnonzero((counts == self.observed).all(axis=1))[0])
        extreme = q >= q[position] - TIE
        if q[position] <= TIE:
            return np.ones(len(p_mu))
        return _ratio(p_mu[:, extreme].sum(axis=1), p_0[:, extreme].sum(axis=1))

    def _q_tilde(self, counts: NDArray[np.intp], mu: float) -> tuple[Array, int]:
        nll, best, theta = self._free(counts)
        below = best < mu
        q = np.zeros(len(counts))
        fixed = fit_fixed(self.model, counts[below].astype(float), mu, start=theta[below])
        q[below] = np.maximum(2 * (fixed.nll - nll[below]), 0.0)
        return q, fixed.refitted + self._free.refitted

    def _windows(self, mu: float) -> tuple[tuple[int, int], ...]:
        """Counts that hold all but about 1e-12 of the probability, with and without signal, and the observed ones."""
        both = np.vstack([self.average.rates(mu), self.average.rates(0.0)])
        windows = []
        for r in range(2):
            smallest, largest = both[:, r].min(), both[:, r].max()
            low = max(0, math.floor(smallest - 7.5 * math.sqrt(smallest)))
            high = math.ceil(largest + 7.5 * math.sqrt(largest) + 8)
            if self.observed is not None:
                low, high = min(low, int(self.observed[r])), max(high, int(self.observed[r]))
            windows.append((low, high))
        return tuple(windows)

    def _is_observed(self, windows: tuple[tuple[int, int], ...], shape: tuple[int, ...]) -> NDArray[np.bool_]:
        marked: NDArray[np.bool_] = np.zeros(shape, dtype=bool)
        if self.observed is not None:
            marked[tuple(int(n) - low for n, (low, _) in zip(self.observed, windows, strict=True))] = True
        return marked

    def _far_away(self, mu: float, size: int) -> Ordering:
        """A signal so large that its sample space is not enumerated: CL_s from a bound, where the bound is tiny.

        With profiled parameters, P(n | mu, theta) phi(theta) <= phi(0) exp(-q(n)/2) at every theta, so that the outcomes at
        least as extreme as q_obs have together at most exp(-q_obs/2) times their number times the volume of the parameters'
        range, plus the constraint's tail beyond that range and the Poisson tail beyond twice the largest rate there.
        """
        windows = self._windows(0.0)
        if math.prod(high - low + 1 for low, high in windows) > MOST_OUTCOMES:
            raise ComputationError(
                f"exact method: {size} outcomes at mu = {mu:g} and too many from background alone (at most {MOST_OUTCOMES} "
                "are summed); use one region or the asymptotic method"
            )
        p_0 = self.average.count_probabilities(0.0, windows).mean(axis=0)
        keep = (p_0 > NEGLIGIBLE) | self._is_observed(windows, p_0.shape)
        counts = np.argwhere(keep) + np.array([low for low, _ in windows])
        p_0 = p_0[keep]
        q, refitted = self._q_tilde(counts, mu)
        dimension, reach = len(self.model.parameters), 9.0
        log_volume = dimension * math.log(2 * reach / math.sqrt(2 * math.pi))
        log_states = sum(math.log(2 * high + 100) for _, high in self._windows(mu))
        tail = 2 * dimension * 0.5 * math.erfc(reach / math.sqrt(2))
        cl_b = _tail_sums(q, p_0[None, :])[0]
        bound = np.exp(np.minimum(log_volume + log_states - q / 2, 0.0)) + tail
        cl_s = _ratio(bound, cl_b)
        decided = cl_s < 1e-6
        if p_0[~decided].sum() > 1e-3 or (self.observed is not None and not decided[self._position(counts)]):
            raise ComputationError(
                f"exact method: {size} outcomes at mu = {mu:g}, more than the {MOST_OUTCOMES} that are summed, and no bound "
                "decides; use one region or the asymptotic method"
            )
        return Ordering(
            counts,
            q,
            np.zeros(len(q)),
            p_0,
            np.where(decided, 0.0, 1.0),
            np.zeros(0),
            float(cl_s[decided].max()),
            refitted,
        )

    def _position(self, counts: Array) -> int:
        return int(np.flatnonzero((counts == self.observed).all(axis=1))[0])


class _FreeFits:
    """Best fits of outcomes, remembered: they do not depend on the tested mu."""

    def __init__(self, model: CountingModel) -> None:
        self.model, self.refitted = model, 0
        self._known: dict[tuple[int, int], int] = {}
        self._rows: list[Array] = []

    def __call__(self, counts: NDArray[np.intp]) -> tuple[Array, Array, Array]:
        keys = [(int(i), int(j)) for i, j in counts]
        new = [key for key in keys if key not in self._known]
        if new:
            fits = fit_free(self.model, np.array(new, dtype=float))
            self.refitted += fits.refitted
            self._known.update({key: len(self._rows) + i for i, key in enumerate(new)})
            self._rows.extend(np.column_stack([fits.nll, fits.mu, fits.theta]))
        rows = np.array([self._rows[self._known[key]] for key in keys])
        return rows[:, 0], rows[:, 1], rows[:, 2:]


def _tail_sums(q: Array, probabilities: Array) -> Array:
    """Sums of the probabilities over outcomes with q at least as large, ties included, same shape."""
    order = np.argsort(-q, kind="stable")
    running = np.cumsum(probabilities[:, order], axis=1)
    last = np.searchsorted(-q[order], -(q - TIE), side="right") - 1
    return running[:, last]


def _ratio(numerator: Array, denominator: Array) -> Array:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def _keys(counts: NDArray[np.intp]) -> set[tuple[int, ...]]:
    return set(map(tuple, counts.tolist()))
