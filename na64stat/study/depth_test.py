"""The excess of a scenario with the depth average asked for, and as it counts where the layer sum has an artefact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from na64stat.experiment.run import Run
from na64stat.records.artefact import Array, Events, differ, real_excess
from na64stat.scenarios.base import Scenario
from na64stat.study.signal_test import SignalTest
from na64stat.yields.predict import region_events
from na64stat.yields.survival import DepthAverage

NOTICED: Final = 1.1
"""Ratio of the events by the layer sum to those of any depth from which a note at a single point tells them apart."""


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
        """Excess that counts, by level; `asked` spares computing that again."""
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


def note_at(probe: Scenario, runs: Sequence[Run], regions: Sequence[str], average: DepthAverage) -> tuple[str, ...]:
    """Notes on the events at a point where the sum over target layers alone gives them.

    Parameters
    ----------
    probe
        At a mass and a coupling.
    runs, regions
        Where the events are counted.
    average
        The depth average in use.
    """
    if average is not DepthAverage.LAYERS:
        return ()
    sums: list[dict[str, Array]] = []
    for which in (DepthAverage.LAYERS, DepthAverage.CONTINUOUS):
        at = np.array([probe.coupling])
        found = [(run.name, region_events(probe, run, at, regions, which)) for run in runs]
        sums.append({f"{name}: {region}": values for name, part in found for region, values in part.items()})
    layers, smooth = sums
    worst = max(layers, key=lambda name: float((layers[name] - smooth[name])[0]))
    both = float(layers[worst][0]), float(smooth[worst][0])
    if both[0] <= NOTICED * both[1]:
        return ()
    alone = f"the sum over target layers alone gives {both[0]:.4g} events in {worst.partition(': ')[2]}, an average over any "
    why = "the last layer has no depth, and what decays within it is an artefact (--depth-average continuous)"
    return (f"{alone}depth {both[1]:.4g}: {why}",)
