"""The exact method: probabilities as sums over the counts of one to three bins, without Monte Carlo noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from na64stat.arguments import check
from na64stat.errors import InputError
from na64stat.stats.exact.enumeration import Enumeration
from na64stat.stats.exact.held import Counts, Division, divide
from na64stat.stats.exact.one_bin import LARGEST_SIGNAL, OneBin, standard_error
from na64stat.stats.exact.scan import EnumerationScan, quantile_index
from na64stat.stats.exact.shared import SharedEnumeration
from na64stat.stats.likelihood.model import Model, check_model
from na64stat.stats.likelihood.parameters import Array
from na64stat.stats.likelihood.statistic import Criterion, Statistic, check_settings
from na64stat.stats.method import Method
from na64stat.stats.results import BAND_QUANTILES, Band, ClsResult, Limit, NumericalError


@dataclass(frozen=True)
class Exact(Method):
    """CL_s by exact summation over the sample space of the counts.

    Outcomes are ordered by a test statistic, nuisance parameters profiled with the auxiliary measurements at their observed
    values; probabilities are Poisson, averaged over the constraint densities (the hybrid, Cousins-Highland p-value). The limit
    is the largest mu with CL_s(mu) > 1 - cl, since CL_s of a discrete experiment can rise where the ordering changes. A count
    that hardly moves with mu but constrains a nuisance parameter, such as a control region, is an auxiliary measurement: it is
    held at its observed value, and its Poisson probability multiplies the constraints.

    Attributes
    ----------
    statistic
        Test statistic: q-tilde or q for limits, t-tilde for two-sided ordering.
    criterion
        Quantity that falls to 1 - cl at the limit, CL_s or CL_sb. A CL_sb limit is 0 if background alone is too unlikely.
    scan_ratio
        Ratio of neighbouring mu around the limits (two or three bins); narrower structures can be missed.
    hold
        The only channels or bins whose counts are held; () sums over all. By default, a rule holds those counts that move least
        with mu, among those whose background shares a nuisance parameter with another bin, with together at most 5% of the
        information on mu.

    References
    ----------
    Test statistic: G. Cowan et al., arXiv:1007.1727, eq. (16). Average: R. Cousins and V. Highland, NIM A 320 (1992) 331.
    """

    statistic: Statistic = Statistic.Q_TILDE
    criterion: Criterion = Criterion.CL_S
    scan_ratio: float = 1.05
    hold: tuple[str, ...] | None = None
    name: ClassVar[str] = "exact"
    sums_over_counts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_settings(self.statistic, self.criterion)
        check_ratio("exact method", self.scan_ratio)
        check_hold("exact method", self.hold)
        if self.statistic is Statistic.Q0:
            raise InputError(
                "exact method: statistic q0 is for a discovery; q_tilde, q or t_tilde, or discovery_p0(model)"
            )

    def cl_s(self, model: Model, mu: Sequence[float]) -> list[ClsResult]:
        """CL_s of each signal strength in `mu`, observed and expected (quantiles of CL_s), with CL_sb and CL_b."""
        counts = divide(model, "exact method", self.hold)
        model = counts.model
        if model.signal_events.sum() == 0:
            one = None if model.observed is None else 1.0
            return [ClsResult(one, Band(*[1.0] * 5), NumericalError(), one, one) for _ in mu]
        if self._by_count(counts):
            results = OneBin(counts, self.statistic, self.criterion).results(np.asarray(mu, dtype=float))
        else:
            space = Enumeration(counts, self.statistic, self.criterion)
            results = [result_of(space, strength) for strength in mu]
        return [replace(result, notes=counts.notes + result.notes) for result in results]

    def cl_s_of_signals(self, model: Model, factors: Array) -> list[ClsResult]:
        """CL_s at mu = 1 with the signal of each channel multiplied by its factor, for N rows of factors, shape (N, C)."""
        events = model.signal_events * factors[:, model.bin_channel]
        division = Division(model, "exact method", self.hold)
        results: list[ClsResult | None] = [None] * len(factors)
        for rows, summed, held in division.groups(events):
            if not events[rows].any():
                block = [self.cl_s(model.with_signal_scaled(0.0), [1.0])[0]] * len(rows)
            else:
                counts = division.counts(summed, held)
                columns = [model.channels.index(name) for name in counts.model.channels]
                block = self._of_signals(counts, factors[rows][:, columns])
            for row, result in zip(rows, block, strict=True):
                results[row] = result
        return [result for result in results if result is not None]

    def _of_signals(self, counts: Counts, factors: Array) -> list[ClsResult]:
        """CL_s of signals for which the same counts are held, factors of shape (N, channels of `counts`)."""
        if counts.by_count and self.statistic.one_sided:
            strengths = factors[:, counts.model.bin_channel[0]]
            results = OneBin(counts, self.statistic, self.criterion).results(strengths)
        else:
            shared = SharedEnumeration(counts, self.statistic, self.criterion)
            results = [result_of(*shared.of(row)) for row in factors]
        return [replace(result, notes=counts.notes + result.notes) for result in results]

    def upper_limit(self, model: Model, cl: float) -> Limit:
        """Upper limit on mu, observed and expected."""
        counts = divide(model, "exact method", self.hold)
        model = counts.model
        if model.signal_events.sum() == 0:
            nothing, notes = Band(*[None] * 5), ("no signal: nothing is excluded",)
            return self._record(model, cl, (None, nothing, ()), NumericalError(), notes)
        if self._by_count(counts):
            return self._one(counts, cl)
        scan = EnumerationScan(Enumeration(counts, self.statistic, self.criterion), 1 - cl, self.scan_ratio)
        value, crossings = scan.limit(scan.reference), tuple(scan.crossings(scan.reference))
        observed = None if model.observed is None else value
        limits = observed, scan.band(), crossings
        return self._record(
            model,
            cl,
            limits,
            scan.error(value, scan.reference),
            counts.notes + scan.space.average.notes + self._notes(value),
            counts.held_names,
        )

    def discovery_p0(self, model: Model) -> float:
        """Probability under background alone of counts at least as signal-like as observed, P(q0 >= q0_obs | mu = 0).

        Parameters
        ----------
        model
            The likelihood.

        Raises
        ------
        InputError
            The model has no observed counts.
        """
        check_model(model)
        if model.observed is None:
            raise InputError("discovery: a projection has no observed counts; give them")
        return self.p0(divide(model, "exact method", self.hold))

    def p0(self, counts: Counts) -> float:
        """Probability P(q0 >= q0_obs | mu = 0) for a given division of the counts.

        Parameters
        ----------
        counts
            The likelihood with its held counts.
        """
        if counts.model.signal_events.sum() == 0 or counts.observed is None:
            return 1.0
        if counts.by_count:
            return OneBin(counts).p0()
        space = Enumeration(counts, Statistic.Q0, Criterion.CL_SB)
        ordering = space.order(0.0)
        return float(ordering.cl_sb[ordering.index(counts.observed.astype(int))])

    def _one(self, counts: Counts, cl: float) -> Limit:
        model = counts.model
        one = OneBin(counts, self.statistic, self.criterion)
        alpha = 1 - cl
        band = one.band(lambda count: one.limit(count, alpha))
        count = float(one.band_counts[2] if model.observed is None else model.observed[0])
        value = one.limit(count, alpha)
        limits = None if model.observed is None else value, band, (value,) if value else ()
        notes = counts.notes + one.average.notes + self._notes(value)
        return self._record(model, cl, limits, one.error(count, value), notes, counts.held_names)

    def _record(
        self,
        model: Model,
        cl: float,
        found: tuple[float | None, Band, tuple[float, ...]],
        error: NumericalError,
        notes: tuple[str, ...],
        held: tuple[str, ...] = (),
    ) -> Limit:
        return Limit(*found, error, cl, self.name, model.channels, notes, criterion=self.criterion.value, held=held)

    def _notes(self, limit: float | None) -> tuple[str, ...]:
        if limit is None:
            text = "CL_s" if self.criterion is Criterion.CL_S else "CL_sb"
            return (f"{text} stays above 1 - cl up to {LARGEST_SIGNAL:g} signal events: nothing is excluded",)
        if limit == 0:
            return ("CL_sb is below 1 - cl without any signal: background alone is unlikely, and every mu is excluded",)
        return ()

    def _by_count(self, counts: Counts) -> bool:
        return self.statistic.one_sided and counts.by_count


def method_of(method: Method | None) -> Method:
    """The given method, by default `Exact()`; an InputError for anything else, such as a name."""
    chosen = Exact() if method is None else method
    check("method", chosen, Method, "expected an object, such as Exact() or Toys(20_000, seed=1)")
    return chosen


def check_ratio(method: str, ratio: float) -> None:
    """Refuse an invalid step."""
    if not 1.0005 <= ratio <= 2.0:
        raise InputError(f"{method}: scan_ratio = {ratio}; expected a number from 1.0005 to 2")


def check_hold(method: str, hold: object) -> None:
    """Refuse anything but a tuple of names."""
    if hold is not None and not (isinstance(hold, tuple) and all(isinstance(name, str) for name in hold)):
        raise InputError(f"{method}: hold = {hold!r}; expected a tuple of names of channels or bins, such as ('CR',)")


def finite(statistic: float) -> float | None:
    """Value of the test statistic; None if it is infinite, where the hypothesis forbids the data."""
    return statistic if math.isfinite(statistic) else None


def result_of(space: Enumeration, mu: float) -> ClsResult:
    """CL_s of one signal strength by enumeration."""
    ordering = space.order(mu)
    places = [quantile_index(ordering.cl_s, ordering.weight, p) for p in BAND_QUANTILES.values()]
    band = Band(*(float(ordering.cl_s[place]) for place in places))
    if space.observed is None:
        error = NumericalError(counts_left_out=ordering.left_out, refitted=ordering.refitted)
        return ClsResult(None, band, error, notes=space.average.notes)
    at = ordering.index(space.observed)
    scatter = standard_error(space.scatter(ordering, space.observed))
    return ClsResult(
        float(ordering.cl_s[at]),
        band,
        NumericalError(cl_s=scatter, counts_left_out=ordering.left_out, refitted=ordering.refitted),
        float(ordering.cl_sb[at]),
        float(ordering.cl_b[at]),
        finite(float(ordering.q[at])),
        space.average.notes,
    )
