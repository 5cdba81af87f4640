"""Excluded regions of a scenario: evaluated where the verdict changes, until every contour is known to a tolerance."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import interval, names
from na64stat.contour.refine import COARSE, refine
from na64stat.errors import InputError
from na64stat.experiment.run import Run
from na64stat.progress import Track
from na64stat.records.artefact import real_excess
from na64stat.records.map import Exclusion
from na64stat.scenarios.base import Scenario, ScenarioFactory
from na64stat.scenarios.dependence import is_packaged
from na64stat.stats.method import Method
from na64stat.study.maps.long_work import Means, journal_header, warn_of_doubts
from na64stat.study.maps.points import MapEvaluator, MapPoints, MapWork
from na64stat.study.question import Question
from na64stat.study.signal_test import LEVELS
from na64stat.yields.survival import DepthAverage

Array = NDArray[np.float64]


def exclusion(
    scenario: ScenarioFactory | Question,
    run: Run | Sequence[Run] | None = None,
    masses: tuple[float, float] = (0.0, 0.0),
    couplings: tuple[float, float] = (0.0, 0.0),
    *,
    tolerance: float = 0.005,
    levels: Sequence[str] = LEVELS,
    regions: Sequence[str] | None = None,
    method: Method | None = None,
    cl: float | None = None,
    systematics: bool | None = None,
    correlated: Sequence[str] | None = None,
    average: DepthAverage | None = None,
    workers: int | Executor = 1,
    journal: str | os.PathLike[str] | None = None,
    track: Track = iter,
) -> Exclusion:
    """Excluded regions between two masses and two couplings, observed and expected.

    Parameters
    ----------
    scenario, run, regions, method, cl, systematics, correlated, average
        As in `limits`.
    masses, couplings
        Ranges [GeV; unit of the scenario's coupling].
    tolerance
        To which every contour is found, in ln(mass) and ln(coupling); what can be missed is said in `na64stat.contour.refine`.
    levels
        Which contour, or several: "observed", "minus2", "minus1", "median", "plus1", "plus2"; a projection has no observed one.
    workers, journal, track
        As in `scan`.

    Raises
    ------
    ScenarioError
        If `scenario` makes no scenario, but is one, or a name.
    InputError
        If a range, a level or the question is wrong, the journal belongs to another question, or every point failed.
    """
    question = Question.of(
        scenario,
        run,
        regions=regions,
        method=method,
        cl=cl,
        systematics=systematics,
        correlated=correlated,
        average=average,
    )
    box = np.array([interval("masses", masses), interval("couplings", couplings)])
    levels = names("levels", levels)
    unknown = [level for level in levels if level not in LEVELS]
    if unknown or not levels:
        raise InputError(f"levels: {', '.join(unknown) or 'none'}; expected {', '.join(LEVELS)}")
    first = question.probe(box[0, 0])
    test = question.test(first)
    work = MapWork(question.factory, test, question.average)
    doubts = warn_of_doubts(work, box[0], (float(box[1, 0]), float(box[1, 1])))
    wanted = [level for level in levels if level in test.levels]
    if not wanted:
        raise InputError(f"levels {', '.join(levels)}: a projection has no observed level; expected median")
    header = journal_header("exclusion", work, *box, tolerance=tolerance, levels=wanted)
    with Means(workers, journal, track).engine(work, header) as engine:
        evaluate = _Kept(MapEvaluator(work, engine, wanted))
        logs = np.log(box).tolist()
        nodes = refine(evaluate, (tuple(logs[0]), tuple(logs[1])), tolerance)
        events, excess, smooth, reasons = evaluate.sorted()
        failed = np.flatnonzero(reasons != "")
        if len(failed) == len(reasons):
            raise InputError(str(reasons[0]))
    return Exclusion(
        **question.header(first, test),
        mass=np.exp(nodes.log_mass),
        coupling=np.exp(nodes.log_coupling),
        events=events,
        excess=excess,
        smooth_excess=smooth,
        reasons={int(i): str(reasons[i]) for i in failed},
        tolerance=tolerance,
        unsettled=nodes.unsettled,
        notes=(*test.notes, *doubts, *_note_of_mesh(first)),
    )


def _note_of_mesh(probe: Scenario) -> tuple[str, ...]:
    """How fine the first mesh is, where a scenario can have structure that nobody knows."""
    if is_packaged(probe):
        return ()
    size = " by ".join(f"{step / math.log(10):.2g}" for step in COARSE)
    text = f"regions between points of the first mesh ({size} decades of mass and coupling, less in small boxes) are not found"
    return (text,)


class _Kept:
    """Evaluates points for the refinement, which wants the excess only, and keeps the rest."""

    def __init__(self, evaluate: MapEvaluator) -> None:
        self._evaluate = evaluate
        self._logs: list[Array] = []
        self._found: list[MapPoints] = []

    def __call__(self, log_mass: Array, log_coupling: Array) -> Mapping[str, Array]:
        self._logs.append(np.stack([log_mass, log_coupling]))
        self._found.append(self._evaluate(np.exp(log_mass), np.exp(log_coupling)))
        excess, smooth = self._found[-1].excess, self._found[-1].smooth_excess
        if not self._evaluate.work.shows_artefacts:
            return excess
        return {**excess, **{f"{level}, real": real_excess(excess[level], smooth[level]) for level in excess}}

    def sorted(self) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array], NDArray[np.object_]]:
        """Events, excess, smooth excess and reasons of all points, by mass and then coupling as the nodes are."""
        logs = np.concatenate(self._logs, axis=1)
        order = np.lexsort((logs[1], logs[0]))

        def together(name: str) -> dict[str, Array]:
            parts = [getattr(found, name) for found in self._found]
            return {key: np.concatenate([part[key] for part in parts])[order] for key in parts[0]}

        reasons = np.concatenate([found.reasons for found in self._found])[order]
        return together("events"), together("excess"), together("smooth_excess"), reasons
