"""Feldman-Cousins intervals of the signal strength, by enumeration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from na64stat.stats.exact.enumeration import Enumeration
from na64stat.stats.exact.exact import check_hold, check_ratio, finite
from na64stat.stats.exact.held import Counts, divide
from na64stat.stats.exact.one_bin import LARGEST_SIGNAL, standard_error
from na64stat.stats.exact.scan import EnumerationScan
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.statistic import Criterion, Statistic
from na64stat.stats.method import Method
from na64stat.stats.results import Band, ClsResult, Limit, NumericalError

_NOTHING = Band(None, None, None, None, None)


@dataclass(frozen=True)
class FeldmanCousins(Method):
    """Unified intervals: the mu whose likelihood ratio to the best mu >= 0 is not unusually small for the observed counts.

    A mu is accepted if P(t-tilde >= t-tilde_obs | mu) > 1 - cl. The result is the smallest interval with all accepted values,
    since their set can have gaps where the ordering of outcomes changes. Probabilities are those of `Exact`: Poisson, averaged
    over the constraint densities. Without nuisance parameters the coverage is at least cl. The interval is never empty. Its
    upper end is not made monotonic in the background, unlike in the published table.

    Attributes
    ----------
    scan_ratio
        Ratio of neighbouring mu around the ends; narrower gaps and islands can be missed.
    hold
        As of `Exact`.

    References
    ----------
    G. Feldman and R. Cousins, Phys. Rev. D 57 (1998) 3873, section IV. Average: R. Cousins and V. Highland, NIM A 320 (1992) 331.
    """

    scan_ratio: float = 1.05
    hold: tuple[str, ...] | None = None
    name: ClassVar[str] = "feldman-cousins"
    label: ClassVar[str] = "Feldman-Cousins"

    def __post_init__(self) -> None:
        check_ratio(self.name, self.scan_ratio)
        check_hold(self.name, self.hold)

    def cl_s(self, model: Model, mu: Sequence[float]) -> list[ClsResult]:
        """P(t-tilde >= t-tilde_obs | mu) of each signal strength in `mu`, as `cl_sb`, and without signal, as `cl_b`.

        CL_s is not defined for intervals: `observed` and the expected band are None, and a note says so.
        """
        counts = divide(model, self.name, self.hold)
        model = counts.model
        note = ("Feldman-Cousins intervals follow from cl_sb alone: no CL_s",)
        if model.signal_events.sum() == 0:
            one = None if model.observed is None else 1.0
            return [ClsResult(None, _NOTHING, NumericalError(), one, one, notes=note) for _ in mu]
        space = _space(counts)
        return [_result(space, strength, note + counts.notes + space.average.notes) for strength in mu]

    def upper_limit(self, model: Model, cl: float) -> Limit:
        """The interval, its upper end as `observed` and its lower end as `lower` (0 if no signal is in it).

        `expected` are the quantiles of the upper end under background alone: the smallest L with P(upper end <= L) >= q.
        """
        counts = divide(model, self.name, self.hold)
        model = counts.model
        if model.signal_events.sum() == 0:
            return self._record(model, cl, (None, None), _NOTHING, notes=("no signal: nothing is excluded",))
        scan = EnumerationScan(_space(counts), 1 - cl, self.scan_ratio)
        outcome = scan.reference
        upper, crossings = scan.limit(outcome), tuple(scan.crossings(outcome))
        lower = 0.0 if scan.accepted(0.0, outcome) or not crossings else min(crossings)
        notes = counts.notes + scan.space.average.notes
        if upper is None:
            notes += (f"every mu up to {LARGEST_SIGNAL:g} signal events is in the interval: nothing is excluded",)
        error = scan.error(upper, outcome)
        ends = (lower, upper) if model.observed is not None else (None, None)
        limit = self._record(model, cl, ends, scan.band(), crossings=crossings, error=error, notes=notes)
        return replace(limit, held=counts.held_names)

    def _record(
        self,
        model: Model,
        cl: float,
        ends: tuple[float | None, float | None],
        band: Band,
        *,
        crossings: tuple[float, ...] = (),
        error: NumericalError | None = None,
        notes: tuple[str, ...] = (),
    ) -> Limit:
        lower, upper = ends
        errors = error or NumericalError()
        return Limit(upper, band, crossings, errors, cl, self.name, model.channels, notes, lower, "interval")


def _space(counts: Counts) -> Enumeration:
    return Enumeration(counts, Statistic.T_TILDE, Criterion.CL_SB)


def _result(space: Enumeration, mu: float, notes: tuple[str, ...]) -> ClsResult:
    ordering = space.order(mu)
    if space.observed is None:
        error = NumericalError(counts_left_out=ordering.left_out, refitted=ordering.refitted)
        return ClsResult(None, _NOTHING, error, notes=notes)
    at = ordering.index(space.observed)
    scatter = standard_error(space.scatter(ordering, space.observed))
    error = NumericalError(cl_s=scatter, counts_left_out=ordering.left_out, refitted=ordering.refitted)
    cl_sb, cl_b = float(ordering.cl_sb[at]), float(ordering.cl_b[at])
    return ClsResult(None, _NOTHING, error, cl_sb, cl_b, finite(float(ordering.q[at])), notes)
