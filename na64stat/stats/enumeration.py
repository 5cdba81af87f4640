"""Exact CL_s by enumeration: the sample space is the counts of one or two channels, summed without noise.

Outcomes are ordered by q-tilde with nuisance parameters profiled and the auxiliary measurements held at their observed values.
One evaluation at a given mu yields CL_s of *every* outcome, so observed and expected limits share one scan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError
from na64stat.stats.average import NuisanceAverage
from na64stat.stats.fit import fit_fixed, fit_free
from na64stat.stats.interpolation import Array
from na64stat.stats.model import LARGEST_LOG, CountingModel

TIE = 1e-7
"""Values of q-tilde closer than this are equal."""

NEGLIGIBLE = 1e-15
"""Outcomes less probable than this, with and without signal, are left out and their sum is reported."""

MATTERS = 1e-7
"""Outcomes less probable than this are not looked at when jumps of CL_s are searched."""

MOST_OUTCOMES, LARGEST_WINDOW = 60_000, 1_000_000
"""How many outcomes are ordered, and how many are looked at, at the most."""

BOUND_FIRST = 3_000
"""A larger sample space is enumerated only if a bound cannot show that everything in question is excluded."""


@dataclass(frozen=True, eq=False)
class Ordering:
    """The sample space at one mu, one entry per outcome.

    Attributes
    ----------
    counts
        Outcomes, shape (N, R).
    q
        Test statistic q-tilde, shape (N,).
    signal, background
        Probabilities with and without signal, shape (N,).
    cl_s
        CL_s of each outcome as the observed one, shape (N,).
    left_out
        Probability of the outcomes that are missing, the larger of the two hypotheses'; or, where CL_s is from a bound, that.
    refitted
        Fits that needed iminuit.
    """

    counts: NDArray[np.intp]
    q: Array
    signal: Array
    background: Array
    cl_s: Array
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


_REACH = 9.0
"""Widths of the constraints that the bound on CL_s covers; 2e-19 lies beyond."""


class Enumeration:
    """CL_s of all outcomes of one or two channels."""

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
        if size > BOUND_FIRST:
            bounded = self._far_away(mu)
            if bounded is not None:
                return bounded
        counts, p_mu, p_0 = self._probabilities(mu, windows, size)
        mean_mu, mean_0 = p_mu.mean(axis=0), p_0.mean(axis=0)
        q, refitted = self._q_tilde(counts, mu)
        at_least = _tail_sums(q, np.vstack([mean_mu, mean_0]))
        cl_s = _ratio(at_least[0], at_least[1])
        cl_s[q <= TIE] = 1.0
        left_out = max(0.0, 1 - float(mean_mu.sum()), 1 - float(mean_0.sum()))
        return Ordering(counts, q, mean_mu, mean_0, cl_s, left_out, refitted)

    def replicates(self, mu: float, outcome: NDArray[np.intp]) -> Array:
        """CL_s of one outcome in each replicate of the nuisance average."""
        windows = self._windows(mu)
        counts, p_mu, p_0 = self._probabilities(mu, windows, math.prod(high - low + 1 for low, high in windows))
        q, _ = self._q_tilde(counts, mu)
        here = q[int(np.flatnonzero((counts == outcome).all(axis=1))[0])]
        if here <= TIE:
            return np.ones(len(p_mu))
        extreme = q >= here - TIE
        return _ratio(p_mu[:, extreme].sum(axis=1), p_0[:, extreme].sum(axis=1))

    def _probabilities(
        self, mu: float, windows: tuple[tuple[int, int], ...], size: int
    ) -> tuple[NDArray[np.intp], Array, Array]:
        """Outcomes that are not negligible, shape (N, R), and their probabilities by replicate, both (replicates, N)."""
        if size > LARGEST_WINDOW:
            raise self._too_many(mu, size)
        p_mu = self.average.count_probabilities(mu, windows)
        p_0 = np.zeros_like(p_mu)
        inside = tuple(
            slice(low_0 - low, high_0 - low + 1)
            for (low, _), (low_0, high_0) in zip(windows, self._background_windows, strict=True)
        )
        p_0[(slice(None), *inside)] = self._background_probabilities
        larger = np.maximum(p_mu.mean(axis=0), p_0.mean(axis=0))
        observed = self._is_observed(windows, larger.shape)
        # An observed outcome in the tails is compared with others in the tails: they must not be negligible beside it.
        # (Where its best fit is beyond mu its CL_s is 1, whatever the others are.)
        threshold = NEGLIGIBLE
        if self._observed_best_fit < mu:
            threshold = min(threshold, 1e-6 * float(larger[observed].min(initial=1.0)))
        keep = (larger > threshold) | observed
        if keep.sum() > MOST_OUTCOMES:
            raise self._too_many(mu, int(keep.sum()))
        counts = np.argwhere(keep) + np.array([low for low, _ in windows])
        return counts, p_mu[:, keep], p_0[:, keep]

    @cached_property
    def _observed_best_fit(self) -> float:
        return math.inf if self.observed is None else float(self._free(self.observed[None, :])[1][0])

    @cached_property
    def _background_windows(self) -> tuple[tuple[int, int], ...]:
        return self._windows(0.0)

    @cached_property
    def _background_probabilities(self) -> Array:
        windows = self._background_windows
        size = math.prod(high - low + 1 for low, high in windows)
        if size > LARGEST_WINDOW:
            raise self._too_many(0.0, size)
        return self.average.count_probabilities(0.0, windows)

    def _too_many(self, mu: float, size: int) -> ComputationError:
        return ComputationError(
            f"exact method: {size} outcomes of {', '.join(self.model.channels)} at mu = {mu:g} are too many to order (at most "
            f"{MOST_OUTCOMES}); use one region or the asymptotic method"
        )

    def _q_tilde(self, counts: NDArray[np.intp], mu: float) -> tuple[Array, int]:
        nll, best, theta = self._free(counts)
        below = best < mu
        q = np.zeros(len(counts))
        fixed = fit_fixed(self.model, counts[below].astype(float), mu, start=theta[below])
        q[below] = np.maximum(2 * (fixed.nll - nll[below]), 0.0)
        return q, fixed.refitted + self._free.refitted

    def _windows(self, mu: float) -> tuple[tuple[int, int], ...]:
        """Counts that hold all but about 1e-12 of the probability, with and without signal, and the observed ones."""
        windows = []
        for r in range(len(self.model.channels)):
            smallest, largest = self.average.extreme_rates(mu, r)
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

    def _far_away(self, mu: float) -> Ordering | None:
        """A signal so large that a bound shows CL_s below 1e-6 for all that matters; None where it does not.

        Since the profiled parameters maximise the likelihood times its constraint, P(n | mu, theta) phi(theta) is at most
        phi(0) exp(-q(n)/2) at every theta. The outcomes at least as extreme as q_obs have therefore together at most
        exp(-q_obs/2) times their number times the volume of the parameters' range (+-9 widths), plus the constraints' tails
        beyond it and the Poisson tails beyond twice the largest rate in it.
        """
        windows = self._background_windows
        p_0 = self._background_probabilities.mean(axis=0)
        keep = (p_0 > NEGLIGIBLE) | self._is_observed(windows, p_0.shape)
        if keep.sum() > MOST_OUTCOMES:
            return None
        counts = np.argwhere(keep) + np.array([low for low, _ in windows])
        p_0 = p_0[keep]
        q, refitted = self._q_tilde(counts, mu)
        dimension = len(self.model.parameters)
        log_volume = dimension * math.log(2 * _REACH / math.sqrt(2 * math.pi))
        log_states = float(np.log(2 * self._largest_rates(mu) + 200).sum())
        tail = dimension * math.erfc(_REACH / math.sqrt(2)) + 1e-20
        cl_b = _tail_sums(q, p_0[None, :])[0]
        bound = _ratio(np.exp(np.minimum(log_volume + log_states - q / 2, 0.0)) + tail, cl_b)
        decided = bound < 1e-6
        observed = self._is_observed(windows, keep.shape)[keep]
        if p_0[~decided].sum() > 1e-3 or not decided[observed].all():
            return None
        cl_s = np.where(decided, 0.0, 1.0)
        return Ordering(counts, q, np.zeros(len(q)), p_0, cl_s, float(bound[decided].max()), refitted)

    def _largest_rates(self, mu: float) -> Array:
        """Rates with every parameter at the end of its range that raises them most, shape (R,)."""
        factors = self.model.factors
        logs = np.zeros(len(self.model.rate))
        linear = np.log1p(np.maximum(factors.linear, 0.0) * _REACH)
        np.add.at(logs, factors.sample, _REACH * np.maximum(np.abs(factors.log_hi), np.abs(factors.log_lo)) + linear)
        rates = self.model.rate * np.where(self.model.signal, mu, 1.0) * np.exp(np.minimum(logs, LARGEST_LOG))
        return np.asarray(rates @ self.model.sample_channels, dtype=np.float64)


class _FreeFits:
    """Best fits of outcomes, remembered: they do not depend on the tested mu."""

    def __init__(self, model: CountingModel) -> None:
        self.model, self.refitted = model, 0
        self._known: dict[tuple[int, ...], int] = {}
        self._rows: list[Array] = []

    def __call__(self, counts: NDArray[np.intp]) -> tuple[Array, Array, Array]:
        keys = list(map(tuple, counts.tolist()))
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
