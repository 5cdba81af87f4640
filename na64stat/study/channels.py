"""What each channel of a combination says by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError
from na64stat.experiment.run import Run
from na64stat.scenarios.base import ScenarioFactory
from na64stat.study.limits import limits
from na64stat.study.limits_record import ScenarioLimits

Array = NDArray[np.float64]

COMBINED = "combined"


def channels_alone(
    scenario: ScenarioFactory,
    run: Run | Sequence[Run],
    masses: Sequence[float] | Array,
    *,
    regions: Sequence[str] | None = None,
    correlated: Sequence[str] = (),
    **options: Any,
) -> dict[str, ScenarioLimits]:
    """Limits of a combination, called "combined", and of each of its channels alone, by "region, run".

    Parameters
    ----------
    scenario, run, masses
        As in `limits`.
    regions
        Of the combination; default the scenario's.
    correlated
        As in `limits`.
    options
        As in `limits`.

    Raises
    ------
    InputError
        If there is one channel only, or as `limits` does.
    """
    runs = (run,) if isinstance(run, Run) else tuple(run)
    if not len(masses):
        raise InputError("masses: none given; at least one is needed")
    chosen = tuple(regions) if regions is not None else scenario(mass=float(masses[0]), coupling=1.0).default_regions
    parts = [(region, one) for one in runs for region in chosen]
    if len(parts) < 2:
        raise InputError("channels: there is one only; name several regions or runs")
    found = {COMBINED: limits(scenario, runs, masses, regions=chosen, correlated=correlated, **options)}
    for region, one in parts:
        found[f"{region}, {one.name}"] = limits(scenario, one, masses, regions=[region], **options)
    return found
