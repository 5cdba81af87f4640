"""Asymptotic formulas for CL_s, with fits that also work at b = 0 and for extreme yields."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from na64stat.errors import ComputationError, InputError
from na64stat.stats.average.kinks import vanishes
from na64stat.stats.average.signal_mean import FLOOR
from na64stat.stats.likelihood.fit import fit_fixed, fit_free
from na64stat.stats.likelihood.model import Model, check_model
from na64stat.stats.likelihood.parameters import Array, Poisson
from na64stat.stats.likelihood.statistic import Criterion, Statistic, check_settings
from na64stat.stats.method import Method
from na64stat.stats.results import (
    ALL_EXCLUDED,
    NO_SIGNAL,
    NOTHING_EXCLUDED,
    Band,
    ClsResult,
    Limit,
    NumericalError,
)

_FLOOR_EVENTS = 1e-3
"""Signal events of a sample with its factor at the floor, above which the floor determines the limit."""

_LEVELS = (-2.0, -1.0, 0.0, 1.0, 2.0)

_SHORT_OF: Final = 1e-9
"""Margin in ln(mu) below the strength at which a negative signal leaves nothing in a bin."""

_SMALLEST: Final = {Criterion.CL_S: 1e-18, Criterion.CL_SB: 1e-6}
"""Smallest signal events of a limit. CL_sb of a deficit does not rise to one with less signal; -ln L cannot resolve less."""


@dataclass(frozen=True)
class Asymptotic(Method):
    """CL_s from the large-sample distributions of the test statistic; limits are far too strong at low counts.

    Attributes
    ----------
    statistic
        Test statistic, q-tilde or q.
    criterion
        Quantity that falls to 1 - cl at the limit, CL_s or CL_sb.

    References
    ----------
    G. Cowan et al., arXiv:1007.1727, eqs. (59), (62), (65), (88)-(89).
    """

    statistic: Statistic = Statistic.Q_TILDE
    criterion: Criterion = Criterion.CL_S
    name: ClassVar[str] = "asymptotic"
    needs_many_counts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_settings(self.statistic, self.criterion)
        if not self.statistic.one_sided:
            raise InputError(f"asymptotic method: statistic {self.statistic.value}; expected q_tilde or q for limits")

    def cl_s(self, model: Model, mu: Sequence[float]) -> list[ClsResult]:
        """CL_s of each signal strength in `mu`, observed and expected."""
        check_model(model)
        statistics = _Statistics(model.without_empty_bins(), self.statistic)
        return [statistics.cl_s(strength) for strength in mu]

    def upper_limit(self, model: Model, cl: float) -> Limit:
        """Upper limit on mu, observed and expected."""
        check_model(model)
        model = model.without_empty_bins()
        statistics = _Statistics(model, self.statistic)
        alpha = 1 - cl
        column = 0 if self.criterion is Criterion.CL_S else 1
        smallest = _SMALLEST[self.criterion]

        def expected(level: float) -> float | None:
            value = statistics.solve(lambda mu: _expected(statistics.root_asimov(mu), level)[column], alpha, smallest)
            return statistics.off_the_floor(value, statistics.asimov, statistics.asimov_auxiliary)

        def observed(mu: float) -> float:
            return statistics.probabilities(statistics.root_observed(mu), statistics.root_asimov(mu))[column]

        band = Band(*(expected(level) for level in _LEVELS))
        limit = None
        if model.observed is not None:
            limit = statistics.off_the_floor(statistics.solve(observed, alpha, smallest), statistics.data, None)
        crossing = band.median if model.observed is None else limit
        return Limit(
            limit,
            band,
            () if crossing is None else (crossing,),
            NumericalError(refitted=statistics.refitted),
            cl,
            self.name,
            model.channels,
            _notes(model, crossing),
            criterion=self.criterion.value,
        )


def _notes(model: Model, limit: float | None) -> tuple[str, ...]:
    if not model.signal_events.any():
        return (NO_SIGNAL,)
    if limit is None:
        ending = ": within its uncertainties there may be no signal at all" if vanishes(model) else ""
        return (NOTHING_EXCLUDED + ending,)
    return (ALL_EXCLUDED,) if limit == 0 else ()


class _Statistics:
    """Roots of the test statistic of the observed and of the background-only Asimov data."""

    def __init__(self, model: Model, statistic: Statistic) -> None:
        self.model, self.statistic, self.refitted = model, statistic, 0
        self.total = float(np.abs(model.signal_events).sum())
        background = model.background_events
        data = background if model.observed is None else model.observed
        self.data = data[None, :]
        # A bin without background cannot pull a parameter at mu = 0: its Asimov count is always 0.
        self.centre = fit_fixed(model, np.where(background > 0, data, 0.0)[None, :], 0.0).parameters
        self.asimov = np.maximum(model.rates(self.centre), 0.0)
        self.asimov_auxiliary = expected_auxiliary(model, self.centre[0])
        self.asimov_least = self._least()
        self.free = fit_free(model, self.data, lowest_mu=statistic.lowest_mu(model))

    def cl_s(self, mu: float) -> ClsResult:
        root_asimov = self.root_asimov(mu)
        band = Band(*(_expected(root_asimov, level)[0] for level in _LEVELS))
        error = NumericalError(refitted=self.refitted)
        if self.model.observed is None:
            return ClsResult(None, band, error)
        root = self.root_observed(mu)
        cl_s, cl_sb, cl_b = self.probabilities(root, root_asimov)
        return ClsResult(cl_s, band, error, cl_sb, cl_b, root**2)

    def root_observed(self, mu: float) -> float:
        if self.free.mu[0] >= mu:
            return 0.0
        fixed = fit_fixed(self.model, self.data, mu, start=self.free.parameters)
        self.refitted += fixed.refitted
        return math.sqrt(float(self.statistic.of(fixed, self.free, mu)[0]))

    def root_asimov(self, mu: float) -> float:
        fixed = fit_fixed(self.model, self.asimov, mu, self.asimov_auxiliary, start=self.centre)
        self.refitted += fixed.refitted
        return math.sqrt(max(2 * (float(fixed.nll[0]) - self.asimov_least), 0.0))

    def _least(self) -> float:
        """-ln L of the Asimov data: 0, unless a fit was turned back since negative samples leave nothing in a bin."""
        from na64stat.stats.likelihood import kernel

        at = self.model.scaled(self.centre)
        auxiliary = self.asimov_auxiliary[None, :]
        return float(kernel.values(self.model.compiled, at, self.asimov, auxiliary, as_fitted=True)[0])

    def probabilities(self, root: float, root_asimov: float) -> tuple[float, float, float]:
        """CL_s, CL_sb and CL_b of an observed root of the statistic."""
        from scipy.stats import norm

        if root_asimov == 0:
            return 1.0, 1.0, 1.0
        if root <= root_asimov or self.statistic is Statistic.Q:
            shift = root, root - root_asimov
        else:
            shift = (root**2 + root_asimov**2) / (2 * root_asimov), (root**2 - root_asimov**2) / (2 * root_asimov)
        log_sb, log_b = norm.logsf(shift[0]), norm.logsf(shift[1])
        return float(np.exp(log_sb - log_b)), float(np.exp(log_sb)), float(np.exp(log_b))

    def off_the_floor(self, mu: float | None, data: Array, auxiliary: Array | None) -> float | None:
        """A limit, or None if it rests only on the lower bound of a parameter (1e-10), which stands for zero."""
        if not mu:
            return mu
        at = fit_fixed(self.model, data, mu, auxiliary).parameters
        floors = np.array([item.lower for item in self.model.parameters])
        at_floor = (floors > 0) & (floors <= FLOOR) & (at[0] <= 2 * floors)
        zero = np.where(at_floor, 0.0, at)
        held = (self.model.signal_only.rates(at) - self.model.signal_only.rates(zero)).sum()
        return None if held > _FLOOR_EVENTS else mu

    def solve(self, cl_s: Callable[[float], float], alpha: float, smallest: float) -> float | None:
        """Signal strength at which a falling `cl_s` is alpha; 0 if it is below the smallest signal considered."""
        from scipy.optimize import brentq

        if self.total == 0:
            return None

        top = math.log(1e12)
        if math.isfinite(self.model.largest_mu):  # beyond it the signal turns a rate negative
            top = math.log(self.model.largest_mu * self.total) - _SHORT_OF

        def excess(log_events: float) -> float:
            mu = math.exp(min(log_events, top)) / self.total
            value = cl_s(mu)
            if math.isnan(value):
                raise ComputationError(f"asymptotic formulas: the likelihood at mu = {mu:.4g} is no number")
            return math.log(max(value, 1e-300)) - math.log(alpha)

        low, high = math.log(1e-3), 0.0
        while excess(low) < 0:
            low -= 5.0
            if low < math.log(smallest):
                return 0.0  # CL_sb of background alone is below alpha; CL_s is one there
        while excess(high) > 0:
            if high >= top:
                return None
            high += 1.0
        return math.exp(float(brentq(excess, low, high, xtol=1e-10, rtol=1e-12))) / self.total


def expected_auxiliary(model: Model, parameters: Array) -> Array:
    """Auxiliary data that agree with the parameters, shape (C,)."""
    data = []
    for i in model.constrained:
        constraint = model.parameters[i].constraint
        data.append(parameters[i] * constraint.tau if isinstance(constraint, Poisson) else parameters[i])
    return np.array(data)


def _expected(root_asimov: float, level: float) -> tuple[float, float]:
    """CL_s and CL_sb for a best fit `level` standard deviations above background."""
    from scipy.stats import norm

    cl_sb = float(norm.sf(root_asimov - level))
    return min(1.0, cl_sb / float(norm.cdf(level))), cl_sb
