"""The exact method: probabilities as sums over the counts of one to three bins, without Monte Carlo noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import check
from na64stat.errors import InputError, RegionError
from na64stat.stats.enumeration import Enumeration
from na64stat.stats.enumeration_scan import EnumerationScan, quantile_index
from na64stat.stats.exact_map import SharedEnumeration
from na64stat.stats.method import Method
from na64stat.stats.model import NEGLIGIBLE_SIGNAL, Model, check_model
from na64stat.stats.one_region import LARGEST_SIGNAL, OneRegion, standard_error
from na64stat.stats.parameters import Array
from na64stat.stats.records import BAND_QUANTILES, Band, ClsResult, Limit, NumericalError
from na64stat.stats.statistic import Criterion, Statistic, check_settings

MOST_BINS = 3
"""Bins with signal whose counts are enumerated."""


@dataclass(frozen=True)
class Exact(Method):
    """CL_s by exact summation over the sample space of the counts.

    Outcomes are ordered by a test statistic, nuisance parameters profiled with the auxiliary measurements at their observed
    values; probabilities are Poisson, averaged over the constraint densities (the hybrid, Cousins-Highland p-value). The limit
    is the largest mu with CL_s(mu) > 1 - cl, since CL_s of a discrete experiment can rise where the ordering changes.

    Attributes
    ----------
    statistic
        q-tilde or q for limits; t-tilde orders two-sidedly.
    criterion
        Whether limits are where CL_s or where CL_sb falls to 1 - cl. A CL_sb limit is 0 where background alone is too unlikely.
    scan_ratio
        Ratio of neighbouring mu around the limits (two or three bins); structure narrower than this can be missed.

    References
    ----------
    Test statistic: G. Cowan et al., arXiv:1007.1727, eq. (16). Average: R. Cousins and V. Highland, NIM A 320 (1992) 331.
    """

    statistic: Statistic = Statistic.Q_TILDE
    criterion: Criterion = Criterion.CL_S
    scan_ratio: float = 1.05
    name: ClassVar[str] = "exact"

    def __post_init__(self) -> None:
        check_settings(self.statistic, self.criterion)
        check_ratio("exact method", self.scan_ratio)
        if self.statistic is Statistic.Q0:
            raise InputError(
                "exact method: statistic q0 is for a discovery; q_tilde, q or t_tilde, or discovery_p0(model)"
            )

    def cl_s(self, model: Model, mu: Sequence[float]) -> list[ClsResult]:
        """CL_s of each signal strength in `mu`, observed and expected (quantiles of CL_s), with CL_sb and CL_b."""
        model = relevant(model, "exact method")
        if model.signal_events.sum() == 0:
            one = None if model.observed is None else 1.0
            return [ClsResult(one, Band(*[1.0] * 5), NumericalError(), one, one) for _ in mu]
        if self._by_count(model):
            return OneRegion(model, self.statistic, self.criterion).results(np.asarray(mu, dtype=float))
        space = Enumeration(model, self.statistic, self.criterion)
        return [result_of(space, strength) for strength in mu]

    def cl_s_of_signals(self, model: Model, factors: Array) -> list[ClsResult]:
        """CL_s at mu = 1 with the signal of each channel multiplied by its factor, for many rows of factors, shape (N, C)."""
        events = model.signal_events * factors[:, model.bin_channel]
        total = events.sum(axis=1)
        present = (events >= NEGLIGIBLE_SIGNAL * total[:, None]) & (events > 0)
        results: list[ClsResult | None] = [None] * len(factors)
        for kept in np.unique(present, axis=0):
            rows = np.flatnonzero((present == kept).all(axis=1))
            for row, result in zip(rows, self._of_signals(model, kept, factors[rows]), strict=True):
                results[row] = result
        return [result for result in results if result is not None]

    def _of_signals(self, model: Model, kept: NDArray[np.bool_], factors: Array) -> list[ClsResult]:
        """The same for signals that populate the same bins."""
        if not kept.any():
            return [self.cl_s(model.with_signal_scaled(0.0), [1.0])[0]] * len(factors)
        part = relevant(model.select(np.flatnonzero(kept)), "exact method")
        factors = factors[:, [model.channels.index(name) for name in part.channels]]
        if part.bins == 1:
            return self.cl_s(part, factors[:, 0].tolist())
        shared = SharedEnumeration(part, self.statistic, self.criterion)
        return [result_of(*shared.of(row)) for row in factors]

    def upper_limit(self, model: Model, cl: float) -> Limit:
        """Upper limit on mu, observed and expected."""
        model = relevant(model, "exact method")
        if model.signal_events.sum() == 0:
            nothing, notes = Band(*[None] * 5), ("no signal: nothing is excluded",)
            return self._record(model, cl, (None, nothing, ()), NumericalError(), notes)
        if self._by_count(model):
            return self._one(model, cl)
        scan = EnumerationScan(Enumeration(model, self.statistic, self.criterion), 1 - cl, self.scan_ratio)
        value, crossings = scan.limit(scan.reference), tuple(scan.crossings(scan.reference))
        observed = None if model.observed is None else value
        found = observed, scan.band(), crossings
        return self._record(
            model, cl, found, scan.error(value, scan.reference), scan.space.average.notes + self._notes(value)
        )

    def discovery_p0(self, model: Model) -> float:
        """Probability that background alone is at least as signal-like as the observed counts, P(q0 >= q0_obs | mu = 0).

        Parameters
        ----------
        model
            The likelihood.

        Raises
        ------
        InputError
            The model has no observed counts.
        """
        model = relevant(model, "exact method")
        if model.observed is None:
            raise InputError("discovery: a projection has no observed counts; give them")
        if model.signal_events.sum() == 0:
            return 1.0
        if _ordered_by_count(model):
            return OneRegion(model).p0()
        space = Enumeration(model, Statistic.Q0, Criterion.CL_SB)
        ordering = space.order(0.0)
        return float(ordering.cl_sb[ordering.index(model.observed.astype(int))])

    def _one(self, model: Model, cl: float) -> Limit:
        one = OneRegion(model, self.statistic, self.criterion)
        alpha = 1 - cl
        band = one.band(lambda count: one.limit(count, alpha))
        count = float(one.band_counts[2] if model.observed is None else model.observed[0])
        value = one.limit(count, alpha)
        found = None if model.observed is None else value, band, (value,) if value else ()
        return self._record(model, cl, found, one.error(count, value), one.average.notes + self._notes(value))

    def _record(
        self,
        model: Model,
        cl: float,
        found: tuple[float | None, Band, tuple[float, ...]],
        error: NumericalError,
        notes: tuple[str, ...],
    ) -> Limit:
        return Limit(*found, error, cl, self.name, model.channels, notes, criterion=self.criterion.value)

    def _notes(self, limit: float | None) -> tuple[str, ...]:
        if limit is None:
            text = "CL_s" if self.criterion is Criterion.CL_S else "CL_sb"
            return (f"{text} stays above 1 - cl up to {LARGEST_SIGNAL:g} signal events: nothing is excluded",)
        if limit == 0:
            return ("CL_sb is below 1 - cl without any signal: background alone is unlikely, and every mu is excluded",)
        return ()

    def _by_count(self, model: Model) -> bool:
        return self.statistic.one_sided and _ordered_by_count(model)


def method_of(method: Method | None) -> Method:
    """The method that was asked for, `Exact()` where none was; an InputError for anything else, such as a name."""
    found = Exact() if method is None else method
    check("method", found, Method, "an object is right, such as Exact() or Toys(20_000, seed=1)")
    return found


def relevant(model: Model, method: str) -> Model:
    """The model without bins that hold no signal.

    Raises
    ------
    InputError
        This is no model.
    RegionError
        More than three bins with signal, or a count that is no whole number.
    """
    check_model(model)
    model = model.without_negligible_bins()
    if model.bins > MOST_BINS:
        names = ", ".join(model.bin_names[:4]) + (", ..." if model.bins > 4 else "")
        raise RegionError(
            f"{method}: {model.bins} bins with signal ({names}); it sums over at most three, so name "
            "fewer regions, or use toys or the asymptotic method"
        )
    if model.observed is not None:
        fractional = np.flatnonzero(model.observed != np.round(model.observed))
        if len(fractional):
            b = fractional[0]
            raise RegionError(
                f"{method}: observed {model.observed[b]:g} events in {model.bin_names[b]}; it sums over whole numbers"
            )
    return model


def check_ratio(method: str, ratio: float) -> None:
    """Refuse a step that is none."""
    if not 1.0005 <= ratio <= 2.0:
        raise InputError(f"{method}: scan_ratio = {ratio}; a number from 1.0005 to 2 is right")


def finite(statistic: float) -> float | None:
    """A value of the statistic; None where the hypothesis forbids the data, which makes it infinite."""
    return statistic if math.isfinite(statistic) else None


def result_of(space: Enumeration, mu: float) -> ClsResult:
    """The record of one signal strength by enumeration."""
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


def _ordered_by_count(model: Model) -> bool:
    """Whether the outcomes are ordered by their count: see `na64stat.stats.one_region`."""
    return model.bins == 1 and not model.shares_parameters
