"""Points of the (mass, coupling) plane: events and CL_s of many hypotheses, each at mu = 1.

`MapWork` answers one task, here or in another process; `MapEvaluator` makes tasks of many points and puts the answers together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import Na64StatError
from na64stat.records.artefact import differ
from na64stat.scenarios.base import ScenarioFactory
from na64stat.stats.exact.cl_s_table import ClsTable, farthest_of
from na64stat.stats.exact.exact import Exact
from na64stat.stats.toys.toys import Toys
from na64stat.study.signal_test import SignalTest
from na64stat.tasks.engine import Engine
from na64stat.yields.survival import DepthAverage

Array = NDArray[np.float64]

_CHUNK: Final = 32
"""Points of one CL_s task: some 0.1 s of work by the exact method, and small enough to lose."""


@dataclass(frozen=True, eq=False)
class MapWork:
    """Inputs of the evaluation of points.

    Attributes
    ----------
    scenario, test, average
        Whose events, the statistical question, and the depth average of decays.
    """

    scenario: ScenarioFactory
    test: SignalTest
    average: DepthAverage = DepthAverage.LAYERS

    def __call__(self, task: Sequence[Any]) -> Any:
        """The answer to a task: events at one mass, or CL_s of signals."""
        kind, *arguments = task
        return self._events(*arguments) if kind == "events" else self._cl_s(*arguments)

    @property
    def shows_artefacts(self) -> bool:
        """True if events are asked for with the continuous depth average, too."""
        return self.average is DepthAverage.LAYERS

    def _events(self, mass: float, couplings: list[float]) -> Any:
        try:
            probe = self.scenario(mass=mass, coupling=1.0)
            averages = [self.average, DepthAverage.CONTINUOUS][: 2 if self.shows_artefacts else 1]
            found = [self.test.events(probe, np.array(couplings), average) for average in averages]
        except Na64StatError as error:
            return {"failed": str(error)}
        return {"events": [{name: values.tolist() for name, values in events.items()} for events in found]}

    def _cl_s(self, levels: list[str], events: list[list[float]]) -> Any:
        failures: dict[int, str] = {}
        columns = dict(zip(self.test.channels, np.array(events).T, strict=True))
        found = self.test.direct(columns, failures)
        rows = np.column_stack([found[level] for level in levels]).tolist()
        return {"cl_s": rows, "failed": [[i, text] for i, text in failures.items()]}


def has_no_result(answer: Any) -> bool:
    """True if an answer of `MapWork` only says why there is none."""
    return isinstance(answer, dict) and isinstance(answer.get("failed"), str)


@dataclass(frozen=True, eq=False)
class MapPoints:
    """Values at N points.

    Attributes
    ----------
    events, smooth
        Expected signal by channel, with the depth average asked for and with the continuous one, each of shape (N,); NaN where it
        could not be computed.
    cl_s, excess, smooth_excess
        CL_s, and how far beyond exclusion (`SignalTest.excess`) with either average, by level, each (N,); NaN where it failed.
    reasons
        Why a point failed, else empty, (N,).
    """

    events: Mapping[str, Array]
    smooth: Mapping[str, Array]
    cl_s: Mapping[str, Array]
    excess: Mapping[str, Array]
    smooth_excess: Mapping[str, Array]
    reasons: NDArray[np.object_]


class MapEvaluator:
    """Evaluates points; what it learns of CL_s serves all later ones."""

    def __init__(self, work: MapWork, engine: Engine, levels: Sequence[str]) -> None:
        self.work, self.engine = work, engine
        self.levels = tuple(level for level in levels if level in work.test.levels)
        self._failures: dict[tuple[float, ...], str] = {}

    def __call__(self, masses: Array, couplings: Array) -> MapPoints:
        """Evaluate points (masses[i], couplings[i]), both of shape (N,)."""
        test = self.work.test
        events, smooth, reasons = self._events(masses, couplings)
        good = np.flatnonzero(reasons == "")
        cl_s = {level: np.full(len(masses), math.nan) for level in self.levels}
        if len(good):
            for level, values in self._cl_s({name: values[good] for name, values in events.items()}).items():
                cl_s[level][good] = values
        for i in good[np.isnan(np.column_stack([cl_s[level][good] for level in self.levels])).any(axis=1)]:
            reasons[i] = self._failures[tuple(float(events[name][i]) for name in test.channels)]
        excess = test.excess(events, cl_s)
        smooth_excess = self._smooth_excess(excess, events, smooth, reasons)
        failed = reasons != ""
        for by_level in (cl_s, excess, smooth_excess):
            for values in by_level.values():
                values[failed] = math.nan
        return MapPoints(events, smooth, cl_s, self._of_levels(excess), self._of_levels(smooth_excess), reasons)

    def _smooth_excess(
        self,
        excess: Mapping[str, Array],
        events: Mapping[str, Array],
        smooth: Mapping[str, Array],
        reasons: NDArray[np.object_],
    ) -> Mapping[str, Array]:
        """The excess with the continuous depth average, computed where that makes a difference."""
        test = self.work.test
        if not self.work.shows_artefacts:
            return excess
        apart = np.flatnonzero((reasons == "") & differ(events, smooth))
        if not len(apart):
            return excess
        chosen = {name: values[apart] for name, values in smooth.items()}
        found = test.excess(chosen, self._cl_s(chosen))
        result = {level: np.array(excess[level]) for level in self.levels}
        for level, values in result.items():
            values[apart] = found[level]
        for i in apart[np.isnan(np.column_stack([result[level][apart] for level in self.levels])).any(axis=1)]:
            reasons[i] = self._failures[tuple(float(smooth[name][i]) for name in test.channels)]
        return result

    def _of_levels(self, values: Mapping[str, Array]) -> dict[str, Array]:
        return {level: values[level] for level in self.levels}

    def _events(
        self, masses: Array, couplings: Array
    ) -> tuple[dict[str, Array], dict[str, Array], NDArray[np.object_]]:
        """Events with either average, and reasons; all couplings of one mass are one task."""
        names = self.work.test.channels
        found = [{name: np.full(len(masses), math.nan) for name in names} for _ in range(2)]
        reasons = np.full(len(masses), "", dtype=object)
        by_mass = [np.flatnonzero(masses == mass) for mass in np.unique(masses)]
        tasks = [["events", float(masses[rows[0]]), couplings[rows].tolist()] for rows in by_mass]
        for rows, answer in zip(by_mass, self.engine.run(tasks), strict=True):
            if has_no_result(answer):
                reasons[rows] = answer["failed"]
                continue
            for events, values in zip(found, [*answer["events"], answer["events"][0]], strict=False):
                for name in names:
                    events[name][rows] = values[name]
        return found[0], found[1], reasons

    def _cl_s(self, events: Mapping[str, Array]) -> dict[str, Array]:
        test = self.work.test
        if len(test.channels) == 1 and not isinstance(test.method, Toys):
            found = test.cl_s(events)
            return {level: found[level] for level in self.levels}
        points = np.column_stack([events[name] for name in test.channels])
        values = self._surface.read(points) if isinstance(test.method, Exact) else self._direct(points)
        return dict(zip(self.levels, values.T, strict=True))

    @cached_property
    def _surface(self) -> ClsTable:
        return ClsTable(self._direct, len(self.levels), farthest_of(self.work.test.counts))

    def _direct(self, events: Array) -> Array:
        """CL_s of signals (N, C), each by itself, (N, L)."""
        size = 1 if isinstance(self.work.test.method, Toys) else _CHUNK
        chunks = [events[i : i + size] for i in range(0, len(events), size)]
        tasks = [["cl_s", list(self.levels), chunk.tolist()] for chunk in chunks]
        values = [np.zeros((0, len(self.levels)))]
        for chunk, answer in zip(chunks, self.engine.run(tasks), strict=True):
            values.append(np.array(answer["cl_s"], dtype=np.float64))
            for position, reason in answer["failed"]:
                self._failures[tuple(chunk[position].tolist())] = reason
        return np.concatenate(values)
