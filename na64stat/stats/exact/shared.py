"""Exact CL_s of many signals that differ only in the yield of each channel, as in a map.

Common parts are computed once: everything without signal; the nodes of the nuisance average, whose rates are linear in the
signal; and, for signals that differ in mu only, the best fits of the outcomes.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cached_property

import numpy as np

from na64stat.stats.average.nuisance_average import NuisanceAverage
from na64stat.stats.exact.conditional import average_of
from na64stat.stats.exact.enumeration import Enumeration
from na64stat.stats.exact.held import Counts
from na64stat.stats.exact.outcomes import FreeFits
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array
from na64stat.stats.likelihood.statistic import Criterion, Statistic

BOUND_FIRST = 600
"""Size of a sample space in a map above which it is enumerated only if a bound does not show that CL_s is below 1e-6."""


class SharedEnumeration:
    """`Enumeration` of a model whose signal is scaled channel by channel."""

    def __init__(self, model: Model | Counts, statistic: Statistic, criterion: Criterion) -> None:
        self.counts, self.statistic, self.criterion = Counts.of(model).merged, statistic, criterion
        self._directions: dict[tuple[float, ...], Enumeration] = {}

    def of(self, factors: Array) -> tuple[Enumeration, float]:
        """Outcomes and signal strength for the signal multiplied by one factor per channel, shape (C,)."""
        size = float(factors.sum())
        direction = factors / size
        key = tuple(np.round(direction, 12).tolist())
        if key not in self._directions:
            self._directions[key] = self._scaled(direction)
        return self._directions[key], size

    @cached_property
    def _base(self) -> Enumeration:
        base = Enumeration(self.counts, self.statistic, self.criterion)
        _ = base.background_probabilities  # cached for every copy
        return base

    def _scaled(self, factors: Array) -> Enumeration:
        space = copy.copy(self._base)
        counts = self.counts.with_signal_scaled(factors)
        space.counts = self._base.counts.with_signal_scaled(factors)
        space.model = space.counts.model
        if isinstance(self._base.average, NuisanceAverage) and not counts.leaks:
            per_bin = factors[counts.model.bin_channel[: counts.summed]]
            nodes = tuple(replace(n, signal=n.signal * per_bin) for n in self._base.average.nodes)
            space.average = replace(self._base.average, nodes=nodes)
        else:  # the leak differs
            space.average = average_of(counts)
        space.total = float(counts.model.signal_events[: counts.summed].sum())
        space.free = FreeFits(space.counts, self.statistic.lowest_mu(counts.model))
        space.bound_first = BOUND_FIRST
        return space
