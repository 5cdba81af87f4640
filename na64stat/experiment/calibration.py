"""The efficiency of a run from a table with a published Z' limit, such as the packaged one of 2022."""

from __future__ import annotations

import os
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from na64stat.experiment.efficiency import Efficiency, infer_efficiency
from na64stat.experiment.load import load_run
from na64stat.files import read_table

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
    masses, couplings = read_limit(published_limit() if limit is None else Path(limit))
    setup = load_run(run, efficiency=Efficiency.constant(1.0))
    return infer_efficiency(
        masses,
        couplings,
        mot=setup.mot,
        target=setup.target,
        response=setup.response,
        region=setup.region("invisible").region,
        invisible_only=invisible_only,
        mass_range=mass_range,
    )
