"""CL_s over a grid of masses and couplings; the record is in `na64stat.records.map`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import numbers, wrong
from na64stat.errors import InputError
from na64stat.experiment.run import Run
from na64stat.progress import Track
from na64stat.records.artefact import real_excess
from na64stat.records.map import SCAN_LEVELS, Scan
from na64stat.records.status import failed as failed_status
from na64stat.scenarios.base import ScenarioFactory
from na64stat.stats.method import Method
from na64stat.study.maps.long_work import Means, journal_header, warn_of_doubts
from na64stat.study.maps.points import MapEvaluator, MapPoints, MapWork
from na64stat.study.question import Question
from na64stat.yields.survival import DepthAverage

Array = NDArray[np.float64]


def scan(
    scenario: ScenarioFactory | Question,
    run: Run | Sequence[Run] | None = None,
    masses: float | Sequence[float] | Array = (),
    couplings: float | Sequence[float] | Array = (),
    *,
    regions: Sequence[str] | None = None,
    method: Method | None = None,
    cl: float | None = None,
    systematics: bool | None = None,
    correlated: Sequence[str] | None = None,
    average: DepthAverage | None = None,
    workers: int | Executor = 1,
    journal: str | os.PathLike[str] | None = None,
    track: Track = iter,
) -> Scan:
    """CL_s at mu = 1 of every (mass, coupling), each its own hypothesis.

    Parameters
    ----------
    scenario, run, regions, method, cl, systematics, correlated, average
        As in `limits`.
    masses, couplings
        The grid, increasing [GeV; unit of the scenario's coupling]; one or several of each.
    workers
        Number of processes, or an executor of `concurrent.futures`; the result does not depend on it.
    journal
        A file that keeps what is finished. The same scan with the same journal goes on where an earlier one was stopped.
    track
        Wraps the answers of long work, for a progress bar.

    Raises
    ------
    ScenarioError
        If `scenario` makes no scenario, but is one, or a name.
    InputError
        If the grid or the question is wrong, the journal belongs to another question, or every point failed.
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
    grid_m, grid_g = _axis("masses", masses), _axis("couplings", couplings)
    first = question.probe(grid_m[0])
    test = question.test(first)
    work = MapWork(question.factory, test, question.average)
    doubts = warn_of_doubts(work, grid_m, (float(grid_g[0]), float(grid_g[-1])))
    with Means(workers, journal, track).engine(work, journal_header("scan", work, grid_m, grid_g)) as engine:
        evaluate = MapEvaluator(work, engine, SCAN_LEVELS)
        points = evaluate(np.repeat(grid_m, len(grid_g)), np.tile(grid_g, len(grid_m)))
        if (points.reasons != "").all():
            raise InputError(str(points.reasons[0]))
    shape = len(grid_m), len(grid_g)

    def maps(values: Mapping[str, Array]) -> dict[str, Array]:
        return {name: flat.reshape(shape) for name, flat in values.items()}

    return Scan(
        **question.header(first, test),
        mass=grid_m,
        coupling=grid_g,
        events=maps(points.events),
        cl_s=maps(points.cl_s),
        excess=maps(points.excess),
        smooth_excess=maps(points.smooth_excess),
        status=status_of(points, evaluate.levels[0], shape),
        notes=(*test.notes, *doubts),
    )


def status_of(points: MapPoints, level: str, shape: tuple[int, int]) -> tuple[tuple[str, ...], ...]:
    """Status of each point, rows by mass: excluded, by the layer sum only, allowed, without signal, or why it failed."""
    total = np.sum(list(points.events.values()), axis=0)
    excluded = points.excess[level] > 0
    text = np.where(excluded, "excluded", np.where(total == 0, "no signal", "allowed")).astype(object)
    text[excluded & ~(real_excess(points.excess[level], points.smooth_excess[level]) > 0)] = "artefact"
    failed = points.reasons != ""
    text[failed] = [failed_status(reason) for reason in points.reasons[failed]]
    return tuple(tuple(row) for row in text.reshape(shape).tolist())


def _axis(name: str, values: float | Sequence[float] | Array) -> Array:
    right = "expected increasing positive numbers, one or several"
    axis = numbers(name, values, right)
    if not len(axis) or not np.all(np.isfinite(axis)) or axis[0] <= 0 or np.any(np.diff(axis) <= 0):
        raise wrong(name, values, right)
    return axis
