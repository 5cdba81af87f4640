"""The excess of a scenario with the depth average asked for, and as it counts where the layer sum has an artefact."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from na64stat.records.artefact import Array, Events, differ, real_excess
from na64stat.scenarios.base import Scenario
from na64stat.study.signal_test import SignalTest
from na64stat.yields.survival import DepthAverage


class DepthTest:
    """The excess of a scenario at many couplings, by the layer sum and as it counts.

    Attributes
    ----------
    probe
        The scenario, at its mass.
    test
        The statistical question, whose events are asked for.
    excess
        Events by channel -> how far beyond the verdict, by level.
    average
        The depth average asked for.
    """

    def __init__(
        self,
        probe: Scenario,
        test: SignalTest,
        excess: Callable[[Events], Mapping[str, Array]],
        average: DepthAverage,
    ) -> None:
        self.probe, self.test, self.excess, self.average = probe, test, excess, average

    def asked(self, couplings: Array) -> Mapping[str, Array]:
        """With the depth average asked for, by level."""
        return self.excess(self.test.events(self.probe, couplings, self.average))

    def real(self, couplings: Array, asked: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """What counts, by level; `asked` spares computing that again."""
        events = self.test.events(self.probe, couplings, self.average)
        values = dict(self.excess(events) if asked is None else asked)
        if self.average is not DepthAverage.LAYERS:
            return values
        smooth = self.test.events(self.probe, couplings, DepthAverage.CONTINUOUS)
        apart = np.flatnonzero(differ(events, smooth))
        if len(apart):
            continuous = self.excess({name: counts[apart] for name, counts in smooth.items()})
            for level, whole in values.items():
                real = np.array(whole, dtype=np.float64)
                real[apart] = real_excess(real[apart], np.asarray(continuous[level]))
                values[level] = real
        return values
