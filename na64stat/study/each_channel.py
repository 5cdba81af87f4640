"""Limits of each channel of a combination by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import numbers
from na64stat.errors import InputError
from na64stat.experiment.run import Run
from na64stat.progress import Track
from na64stat.records.limits import ScenarioLimits
from na64stat.scenarios.base import ScenarioFactory
from na64stat.stats.method import Method
from na64stat.study.limits import limits
from na64stat.study.question import Question
from na64stat.yields.survival import DepthAverage

Array = NDArray[np.float64]

COMBINED = "combined"


def channels_alone(
    scenario: ScenarioFactory | Question,
    run: Run | Sequence[Run] | None = None,
    masses: float | Sequence[float] | Array = (),
    *,
    regions: Sequence[str] | None = None,
    method: Method | None = None,
    cl: float | None = None,
    systematics: bool | None = None,
    correlated: Sequence[str] | None = None,
    average: DepthAverage | None = None,
    couplings: tuple[float, float] | None = None,
    track: Track = iter,
) -> dict[str, ScenarioLimits]:
    """Limits of a combination, called "combined", and of each of its channels alone, by "region, run".

    Parameters
    ----------
    scenario, run, masses, regions, method, cl, systematics, correlated, average, couplings
        As in `limits`.
    track
        Wraps the masses of each, for a progress bar.

    Raises
    ------
    InputError
        If there is one channel only, or as `limits` does.
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
    masses = numbers("masses", masses)
    if not len(masses):
        raise InputError("masses: none given; expected at least one")
    test = question.test(question.probe(masses[0]))
    if len(test.channels) < 2:
        raise InputError("channels: there is one only; name several regions or runs")
    parts = {COMBINED: replace(question, regions=test.regions)}
    for one in test.runs:
        for region in test.regions:
            parts[f"{region}, {one.name}"] = replace(question, run=one, regions=[region], correlated=())
    return {name: limits(part, masses=masses, couplings=couplings, track=track) for name, part in parts.items()}
