"""Projections: limits of a scenario and its discovery reach against the muons on target, for continuous values of them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import numbers
from na64stat.errors import InputError, Na64StatError, ValidityWarning
from na64stat.experiment.run import BackgroundScaling, Run
from na64stat.progress import Track
from na64stat.records.projection import Projection, ProjectionPoint, Reach
from na64stat.records.status import failed, from_below
from na64stat.scenarios.base import Scenario, ScenarioFactory
from na64stat.scenarios.dependence import is_packaged
from na64stat.stats.method import Method
from na64stat.study.depth_test import DepthTest
from na64stat.study.limits import SAME, excluded_intervals, limits
from na64stat.study.projection.discovery import THRESHOLDS, Discovery
from na64stat.study.question import Question
from na64stat.study.signal_test import SignalTest
from na64stat.yields.growth import reference, strong_coupling, yield_power
from na64stat.yields.survival import DepthAverage

Array = NDArray[np.float64]
_PER_DECADE, _PER_DECADE_OF_SEVERAL = 40, 10
"""Couplings per decade at which the reach is looked for, in one channel and in several, where each takes a fit or many."""


def project(
    scenario: ScenarioFactory | Question,
    run: Run | None = None,
    masses: float | Sequence[float] | Array = (),
    mot: float | Sequence[float] | Array = (),
    *,
    background: BackgroundScaling = BackgroundScaling.NONE,
    regions: Sequence[str] | None = None,
    method: Method | None = None,
    cl: float | None = None,
    systematics: bool | None = None,
    average: DepthAverage | None = None,
    couplings: tuple[float, float] | None = None,
    discovery: bool = True,
    track: Track = iter,
) -> Projection:
    """Expected excluded couplings and discovery reach at each mass, for each number of muons on target.

    Parameters
    ----------
    scenario, run
        As in `limits`; one run is the detector, and its observed counts play no part.
    masses
        Mass, or several [GeV].
    mot
        Muons on target, one number or several, each from 1 to 1e20.
    background
        What becomes of the background that the run has in use.
    regions, method, cl, systematics, average, couplings
        As in `limits`. The method is that of the limits; the discovery reach is always exact.
    discovery
        Whether to look for the discovery reach, too; of several channels it takes longer than the limits.
    track
        Wraps the numbers of muons, for a progress bar.

    Raises
    ------
    ScenarioError
        If `scenario` makes no scenario, but is one, or a name.
    InputError
        No masses or muons, some twice, muons out of range, or what `limits` refuses.
    """
    question = Question.of(
        scenario, run, regions=regions, method=method, cl=cl, systematics=systematics, average=average
    )
    detector = question.single_run
    masses, mot = numbers("masses", masses), numbers("mot", mot)
    for name, values in (("masses", masses), ("mot", mot)):
        if not len(values):
            raise InputError(f"{name}: none given; expected at least one")
        if len(set(values.tolist())) != len(values):
            raise InputError(f"{name}: {len(values)} values, {len(set(values.tolist()))} different; expected each once")
    projected = [detector.with_mot(float(value), background) for value in mot]
    first = question.probe(masses[0])
    points: list[ProjectionPoint] = []
    notes: list[str] = [_background_note(detector, background)]
    for number, one in track(list(enumerate(projected))):
        with warnings.catch_warnings():
            if number:  # where formulas lose validity does not depend on the muons: said once
                warnings.simplefilter("ignore", ValidityWarning)
            found = limits(question.with_run(one), masses=masses, couplings=couplings)
        notes += [note.replace(f"run {one.name}", f"run {detector.name}") for note in found.notes]
        reaches: list[tuple[Reach, ...]] = [() for _ in found.points]
        if discovery:
            test = SignalTest(one, found.regions, systematics=question.systematics)
            search = _Search(Discovery(test), question.average, couplings)
            reaches = [search.reaches(question.probe(point.mass)) for point in found.points]
            notes += search.discovery.notes
            reached = [reach.coupling for found_there in reaches for reach in found_there]
            notes += strong_coupling(first, reached, "in the discovery reach")
        points += [ProjectionPoint(one.mot, *pair) for pair in zip(found.points, reaches, strict=True)]
    return Projection(
        **question.header(first, question.test(first)),
        background=background.value,
        background_setting=detector.background_setting,
        points=tuple(points),
        notes=tuple(dict.fromkeys(notes)),
    )


def _background_note(run: Run, background: BackgroundScaling) -> str:
    if background is BackgroundScaling.NONE:
        return "background: none"
    kept = {BackgroundScaling.PER_MOT: "grows with the muons on target", BackgroundScaling.FIXED: "stays as it is"}
    stated = ", ".join(
        f"{name} {region.background.events:g} +- {region.background.uncertainty:g}"
        for name, region in run.regions.items()
        if region.background.events > 0
    )
    return f"background {run.background_setting} of run {run.name} ({run.mot:g} muons: {stated}) {kept[background]}"


class _Search:
    """The discovery reach of scenarios with one number of muons."""

    def __init__(self, discovery: Discovery, average: DepthAverage, couplings: tuple[float, float] | None) -> None:
        self.discovery, self.average, self.couplings = discovery, average, couplings

    def reaches(self, probe: Scenario) -> tuple[Reach, ...]:
        """One entry a threshold."""
        try:
            between = self.couplings or probe.coupling_range
            power = yield_power(probe, self.discovery.test.runs, between)
            found = None if power is None else self._closed_form(probe, power, reference(probe, between))
            return found or self._searched(probe)
        except Na64StatError as error:
            return tuple(Reach(z, None, None, (), failed(error)) for z in THRESHOLDS)

    def _excesses(self, events: Mapping[str, Array]) -> dict[str, Array]:
        return {f"{z:g}": self.discovery.excess(events, z) for z in THRESHOLDS}

    def _events(self, probe: Scenario, couplings: Array) -> dict[str, Array]:
        return self.discovery.test.events(probe, couplings, self.average)

    def _closed_form(self, probe: Scenario, power: float, known: float) -> tuple[Reach, ...] | None:
        """None where the reach lies beyond the couplings for which the power was found, and it does not hold there."""
        events = {name: float(values[0]) for name, values in self._events(probe, np.full(1, known)).items()}
        found = []
        for z in THRESHOLDS:
            strength = self.discovery.strength_needed(events, z)
            if strength is None:
                found.append(Reach(z, None, None, (), "not reached"))
            else:
                coupling, total = known * strength ** (1 / power), strength * sum(events.values())
                if not is_packaged(probe):
                    there = sum(float(values[0]) for values in self._events(probe, np.full(1, coupling)).values())
                    if not math.isclose(there, total, rel_tol=SAME):
                        return None
                found.append(Reach(z, coupling, total, ((coupling, None),), "reached"))
        return tuple(found)

    def _searched(self, probe: Scenario) -> tuple[Reach, ...]:
        low, high = self.couplings or probe.coupling_range
        per_decade = _PER_DECADE if len(self.discovery.test.channels) == 1 else _PER_DECADE_OF_SEVERAL
        grid = np.geomspace(low, high, max(50, round(per_decade * np.log10(high / low))))
        depth = DepthTest(probe, self.discovery.test, self._excesses, self.average)
        on_grid = depth.real(grid)
        found: list[Reach] = []
        last: Array | None = None
        for z in THRESHOLDS:
            values = on_grid[f"{z:g}"]
            # Without background 5 standard deviations come with 3.
            if last is not None and np.array_equal(values, last):
                found.append(replace(found[-1], significance=z))
                continue
            last = values
            intervals = excluded_intervals(grid, values, lambda g, z=z: depth.real(g)[f"{z:g}"])  # type: ignore[misc]
            if not intervals:
                found.append(Reach(z, None, None, (), "not reached"))
                continue
            lowest = intervals[0][0]
            events = float(sum(counts[0] for counts in self._events(probe, np.array([lowest])).values()))
            status = from_below("reached", low, high) if lowest == grid[0] else "reached"
            found.append(Reach(z, lowest, events, intervals, status))
        return tuple(found)
