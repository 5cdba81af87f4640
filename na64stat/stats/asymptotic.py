"""The asymptotic formulas for CL_s, with our own fits, which also work at b = 0 and at extreme yields."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from na64stat.stats.fit import fit_fixed, fit_free
from na64stat.stats.interpolation import Array
from na64stat.stats.method import Method
from na64stat.stats.model import CountingModel
from na64stat.stats.records import Band, ClsResult, Limit, NumericalError

_LEVELS = (-2.0, -1.0, 0.0, 1.0, 2.0)


@dataclass(frozen=True)
class Asymptotic(Method):
    """CL_s from the large-sample distributions of q-tilde. Far too strong where counts are few.

    References
    ----------
    G. Cowan et al., arXiv:1007.1727, eqs. (62), (65), (88)-(89).
    """

    name: ClassVar[str] = "asymptotic"

    def cl_s(self, model: CountingModel, mu: Sequence[float]) -> list[ClsResult]:
        """CL_s of each signal strength in `mu`, observed and expected."""
        statistics = _Statistics(model.without_empty_channels())
        return [statistics.cl_s(strength) for strength in mu]

    def upper_limit(self, model: CountingModel, cl: float) -> Limit:
        """Upper limit on mu, observed and expected."""
        model = model.without_empty_channels()
        statistics = _Statistics(model)
        alpha = 1 - cl

        def expected(level: float) -> float | None:
            return statistics.solve(lambda mu: _expected(statistics.root_asimov(mu), level), alpha)

        band = Band(*(expected(level) for level in _LEVELS))
        observed = None
        if model.observed is not None:
            observed = statistics.solve(
                lambda mu: _observed(statistics.root_observed(mu), statistics.root_asimov(mu)), alpha
            )
        crossing = band.median if model.observed is None else observed
        return Limit(
            observed,
            band,
            () if crossing is None else (crossing,),
            NumericalError(refitted=statistics.refitted),
            cl,
            self.name,
            model.channels,
            () if crossing is not None else ("no signal strength is excluded",),
        )


class _Statistics:
    """Roots of q-tilde of the observed and of the background-only Asimov data."""

    def __init__(self, model: CountingModel) -> None:
        self.model, self.refitted = model, 0
        self.total = float(model.signal_events.sum())
        background = model.background_events
        data = background if model.observed is None else model.observed
        self.data = data[None, :]
        # A channel without background cannot pull a parameter at mu = 0: its Asimov count is 0 whatever they are.
        self.centre = fit_fixed(model, np.where(background > 0, data, 0.0)[None, :], 0.0).theta
        self.asimov: Array = model.split_rates(self.centre)[1]
        self.free = fit_free(model, self.data)

    def cl_s(self, mu: float) -> ClsResult:
        root_asimov = self.root_asimov(mu)
        band = Band(*(_expected(root_asimov, level) for level in _LEVELS))
        observed = None if self.model.observed is None else _observed(self.root_observed(mu), root_asimov)
        return ClsResult(observed, band, NumericalError(refitted=self.refitted))

    def root_observed(self, mu: float) -> float:
        if self.free.mu[0] >= mu:
            return 0.0
        fixed = fit_fixed(self.model, self.data, mu, start=self.free.theta)
        self.refitted += fixed.refitted
        return math.sqrt(max(2 * float(fixed.nll[0] - self.free.nll[0]), 0.0))

    def root_asimov(self, mu: float) -> float:
        fixed = fit_fixed(self.model, self.asimov, mu, centre=self.centre)
        self.refitted += fixed.refitted
        return math.sqrt(max(2 * float(fixed.nll[0]), 0.0))

    def solve(self, cl_s: Callable[[float], float], alpha: float) -> float | None:
        """Signal strength at which a falling `cl_s` is alpha."""
        from scipy.optimize import brentq

        if self.total == 0:
            return None

        def excess(log_events: float) -> float:
            return math.log(max(cl_s(math.exp(log_events) / self.total), 1e-300)) - math.log(alpha)

        low, high = math.log(1e-3), 0.0
        while excess(low) < 0:
            low -= 5.0
        while excess(high) > 0:
            high += 1.0
            if high > math.log(1e12):
                return None
        return math.exp(float(brentq(excess, low, high, xtol=1e-10, rtol=1e-12))) / self.total


def _observed(root: float, root_asimov: float) -> float:
    from scipy.stats import norm

    if root_asimov == 0:
        return 1.0
    if root <= root_asimov:
        return float(norm.sf(root) / norm.cdf(root_asimov - root))
    shift = (root**2 + root_asimov**2) / (2 * root_asimov), (root**2 - root_asimov**2) / (2 * root_asimov)
    return float(np.exp(norm.logsf(shift[0]) - norm.logsf(shift[1])))


def _expected(root_asimov: float, level: float) -> float:
    from scipy.stats import norm

    return min(1.0, float(norm.sf(root_asimov - level) / norm.cdf(level)))
