"""What each channel of a combination says by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import names, numbers
from na64stat.errors import InputError, RegionError
from na64stat.experiment.run import Run, runs_of
from na64stat.records.limits import ScenarioLimits
from na64stat.scenarios.base import ScenarioFactory, check_factory
from na64stat.study.limits import limits

Array = NDArray[np.float64]

COMBINED = "combined"


def channels_alone(
    scenario: ScenarioFactory,
    run: Run | Sequence[Run],
    masses: float | Sequence[float] | Array,
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
        Region of the combination, or several; default the scenario's.
    correlated
        As in `limits`.
    options
        As in `limits`.

    Raises
    ------
    InputError
        If there is one channel only, or as `limits` does.
    """
    check_factory(scenario)
    runs = runs_of(run)
    masses = numbers("masses", masses)
    if not len(masses):
        raise InputError("masses: none given; expected at least one")
    own = scenario(mass=float(masses[0]), coupling=1.0).default_regions
    chosen = names("regions", own if regions is None else regions, RegionError)
    parts = [(region, one) for one in runs for region in chosen]
    if len(parts) < 2:
        raise InputError("channels: there is one only; name several regions or runs")
    found = {COMBINED: limits(scenario, runs, masses, regions=chosen, correlated=correlated, **options)}
    for region, one in parts:
        found[f"{region}, {one.name}"] = limits(scenario, one, masses, regions=[region], **options)
    return found
