"""The efficiency of a run from a table with a published Z' limit, such as the packaged one of 2022."""

from __future__ import annotations

import os
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.experiment.efficiency import Efficiency, infer_efficiency
from na64stat.experiment.load import load_run
from na64stat.experiment.response import Response
from na64stat.experiment.run import Run
from na64stat.experiment.target import Target
from na64stat.files import read_table
from na64stat.plane import Region

Array = NDArray[np.float64]


PUBLISHED_RANGE: Final = (1e-3, 1.0)
"""Range [GeV] of the packaged limit: that of the published figure. Its first and last point miss the edges by 1-3%."""


def published_limit() -> Traversable:
    """The packaged Z' limit of the 2022 run."""
    return resources.files("na64stat.experiment") / "data" / "zprime_limit_2022.csv"


def read_limit(path: Traversable) -> tuple[Array, Array]:
    """Masses [GeV] and couplings [1] of a limit, from a CSV with columns ``mass_gev, coupling``.

    Raises
    ------
    TableError
        If the file is missing or broken.
    """
    table = read_table(path, {"mass_gev": float, "coupling": float})
    return np.array(table["mass_gev"]), np.array(table["coupling"])


def efficiency_from_limit(
    limit: str | os.PathLike[str] | None = None,
    run: str | os.PathLike[str] = "2022",
    *,
    mass_range: tuple[float, float] | None = PUBLISHED_RANGE,
    invisible_only: bool = False,
) -> Efficiency:
    """Signal efficiency [1] of a run, inferred in its invisible region from a Z' limit.

    Parameters
    ----------
    limit
        Path of the table; the packaged one of 2022 by default.
    run
        The run with that limit, a name or a path; its own efficiency is not used.
    mass_range
        Range of the curve [GeV], by default that of the packaged limit; None for that of the points.
    invisible_only
        See `infer_efficiency`.

    Raises
    ------
    TableError
        If the limit's table is broken.
    InputError
        If no efficiency between 0 and 1 gives that limit.
    """
    setup = load_run(run, efficiency=Efficiency.constant(1.0))
    table = published_limit() if limit is None else Path(limit)
    return _inferred(table, *_inputs(setup), invisible_only=invisible_only, mass_range=mass_range)


def recalibrated(efficiency: Efficiency, before: Run, after: Run) -> Efficiency:
    """Signal efficiency [1] where the run that it was inferred in is another one.

    Parameters
    ----------
    efficiency
        Multiplied by the ratio of those that the packaged Z' limit gives in the two runs.
    before, after
        The run with that limit, as it was thought to be and as it is; their own efficiencies are not used.

    Raises
    ------
    InputError
        If no efficiency between 0 and 1 gives that limit.
    """
    if same_calibration(before, after):
        return efficiency
    old, new = (_packaged(*_inputs(run)) for run in (before, after))
    return efficiency.times(lambda mass: new(mass) / old(mass))


def same_calibration(one: Run, other: Run) -> bool:
    """Whether a Z' limit gives the same efficiency in two runs: all that enters the inference is equal."""
    return _inputs(one) == _inputs(other)


def is_packaged(efficiency: Efficiency, run: Run) -> bool:
    """Whether an efficiency is the one that the packaged Z' limit gives in a run, to the digits of its table."""
    inferred = _packaged(*_inputs(run))
    return bool(np.allclose(efficiency(inferred.masses), inferred.values, rtol=1e-6, atol=0))


def _inputs(run: Run) -> tuple[float, Target, Response, Region]:
    """What the inference takes from a run."""
    return run.mot, run.target, run.response, run.region("invisible").region


@lru_cache(maxsize=64)
def _packaged(mot: float, target: Target, response: Response, region: Region) -> Efficiency:
    return _inferred(published_limit(), mot, target, response, region, mass_range=PUBLISHED_RANGE)


def _inferred(
    table: Traversable, mot: float, target: Target, response: Response, region: Region, **options: Any
) -> Efficiency:
    masses, couplings = read_limit(table)
    return infer_efficiency(masses, couplings, mot=mot, target=target, response=response, region=region, **options)
