"""The exact method: CL_s as sums over the counts of one or two regions, without Monte Carlo noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from na64stat.errors import RegionError
from na64stat.stats.enumeration import Enumeration
from na64stat.stats.enumeration_scan import EnumerationScan, quantile_index
from na64stat.stats.interpolation import Array
from na64stat.stats.method import Method
from na64stat.stats.model import CountingModel
from na64stat.stats.one_region import LARGEST_SIGNAL, OneRegion, standard_error
from na64stat.stats.records import BAND_QUANTILES, Band, ClsResult, Limit, NumericalError


@dataclass(frozen=True)
class Exact(Method):
    """CL_s by exact summation over the sample space of the counts.

    Outcomes are ordered by the q-tilde test statistic, nuisance parameters profiled with the auxiliary measurements at their
    observed values; probabilities are Poisson, averaged over the constraint densities (the hybrid, Cousins-Highland p-value).
    The limit is the largest mu with CL_s(mu) > 1 - cl, since CL_s of a discrete experiment can rise where the ordering of
    outcomes changes.

    Attributes
    ----------
    scan_ratio
        Ratio of neighbouring mu in the scan from above (two regions); structure narrower than this can be missed.

    References
    ----------
    Test statistic: G. Cowan et al., arXiv:1007.1727, eq. (16). Average: R. Cousins and V. Highland, NIM A 320 (1992) 331.
    """

    scan_ratio: float = 1.05
    name: ClassVar[str] = "exact"

    def cl_s(self, model: CountingModel, mu: Sequence[float]) -> list[ClsResult]:
        """CL_s of each signal strength in `mu`, observed and expected (quantiles of CL_s)."""
        model = _relevant(model)
        if model.signal_events.sum() == 0:
            return [ClsResult(None if model.observed is None else 1.0, Band(*[1.0] * 5), NumericalError()) for _ in mu]
        if _by_count(model):
            return _cl_s_of_one(OneRegion(model), np.asarray(mu, dtype=float))
        space = Enumeration(model)
        return [_cl_s_by_enumeration(space, strength) for strength in mu]

    def upper_limit(self, model: CountingModel, cl: float) -> Limit:
        """Upper limit on mu, observed and expected."""
        model = _relevant(model)
        if model.signal_events.sum() == 0:
            nothing = Band(*[None] * 5)
            return Limit(None, nothing, (), NumericalError(), cl, self.name, model.channels, (_no_limit(model),))
        if _by_count(model):
            return self._one(model, cl)
        return EnumerationScan(Enumeration(model), 1 - cl, self.scan_ratio).limit(cl)

    def _one(self, model: CountingModel, cl: float) -> Limit:
        one = OneRegion(model)
        alpha = 1 - cl
        band = one.band(lambda count: one.limit(count, alpha))
        if model.observed is None:
            observed, count = None, float(one.band_counts[2])
            crossing = band.median
        else:
            count = float(model.observed[0])
            observed = crossing = one.limit(count, alpha)
        notes = () if crossing is not None else (_no_limit(model),)
        crossings = () if crossing is None else (crossing,)
        return Limit(observed, band, crossings, one.error(count, crossing), cl, "exact", model.channels, notes)


def _relevant(model: CountingModel) -> CountingModel:
    model = model.without_negligible_channels()
    if len(model.channels) > 2:
        raise RegionError(
            f"exact method: {len(model.channels)} regions with signal ({', '.join(model.channels)}); it sums over one or two, so "
            "name at most two regions"
        )
    if model.observed is not None:
        fractional = model.observed[model.observed != np.round(model.observed)]
        if len(fractional):
            raise RegionError(f"exact method: observed {fractional[0]:g} events; it sums over whole numbers")
    return model


def _by_count(model: CountingModel) -> bool:
    """Whether the outcomes are ordered by their count: see `na64stat.stats.one_region`."""
    return len(model.channels) == 1 and not model.shares_parameters


def _cl_s_of_one(one: OneRegion, mu: Array) -> list[ClsResult]:
    by_count = {count: one.cl_s(count, mu).mean(axis=0) for count in set(one.band_counts)}
    bands = [one.band(lambda count, i=i: float(by_count[count][i])) for i in range(len(mu))]  # type: ignore[misc]
    if one.model.observed is None:
        return [ClsResult(None, band, NumericalError()) for band in bands]
    observed = one.cl_s(float(one.model.observed[0]), mu)
    return [
        ClsResult(float(values.mean()), band, NumericalError(cl_s=standard_error(values)))
        for values, band in zip(observed.T, bands, strict=True)
    ]


def _cl_s_by_enumeration(space: Enumeration, mu: float) -> ClsResult:
    if mu == 0:
        return ClsResult(None if space.observed is None else 1.0, Band(*[1.0] * 5), NumericalError())
    ordering = space.order(mu)
    positions = [quantile_index(ordering.cl_s, ordering.background, p) for p in BAND_QUANTILES.values()]
    band = Band(*(float(ordering.cl_s[position]) for position in positions))
    error = NumericalError(counts_left_out=ordering.left_out, refitted=ordering.refitted)
    if space.observed is None:
        return ClsResult(None, band, error)
    return ClsResult(float(ordering.cl_s[ordering.index(space.observed)]), band, error)


def _no_limit(model: CountingModel) -> str:
    if model.signal_events.sum() == 0:
        return "no signal: nothing is excluded"
    return f"CL_s stays above 1 - cl up to {LARGEST_SIGNAL:g} signal events: nothing is excluded"
