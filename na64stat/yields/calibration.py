"""The efficiency of a run, inferred from a published limit on the Z', such as the packaged one of 2022.

`infer_efficiency` asks how many events a Z' at its limit makes where every one is seen, as `region_events` has them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError, ScenarioError
from na64stat.experiment.efficiency import Efficiency
from na64stat.experiment.load import load_run
from na64stat.experiment.response import Response
from na64stat.experiment.run import Run
from na64stat.experiment.target import Target
from na64stat.files import read_table
from na64stat.plane import Region
from na64stat.scenarios.zprime import ZPrime
from na64stat.yields.predict import region_events

Array = NDArray[np.float64]

EVENTS_AT_LIMIT: Final = math.log(10)
"""Expected events at the 90% CL limit when none was observed."""

CURVE_KNOTS: Final = 121
"""40 per decade of mass: between knots the smooth curve is straight in the logarithms."""

MOST_POINTS: Final = 5000
"""Of a published limit; each takes an integral."""

REGION: Final = "invisible"
"""The region of the published limit."""

_LARGEST: Final = 1e30
"""Of masses [GeV] and couplings; neither their squares nor their inverses overflow."""

_STIFFEST: Final = math.log(1e6)  # logarithm of the penalty on curvature at which the spline is a straight line

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
    masses, couplings = read_limit(published_limit() if limit is None else Path(limit))
    return infer_efficiency(masses, couplings, setup, invisible_only=invisible_only, mass_range=mass_range)


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
    old, new = (_packaged(run) for run in (before, after))
    return efficiency.times(lambda mass: new(mass) / old(mass))


def same_calibration(one: Run, other: Run) -> bool:
    """True if a Z' limit gives the same efficiency in two runs: all that enters the inference is equal."""
    return _inputs(one) == _inputs(other)


def is_packaged(efficiency: Efficiency, run: Run) -> bool:
    """True if an efficiency is the one that the packaged Z' limit gives in a run, to the digits of its table."""
    inferred = _packaged(run)
    return bool(np.allclose(efficiency(inferred.masses), inferred.values, rtol=1e-6, atol=0))


def _inputs(run: Run) -> tuple[float, Target, Response, Region]:
    """Inputs of the inference that a run provides."""
    return run.mot, run.target, run.response, run.region(REGION).region


def _packaged(run: Run) -> Efficiency:
    """The efficiency that the packaged limit gives in a run, kept for the next time."""
    key = _inputs(run)
    if key not in _KEPT:
        if len(_KEPT) >= _MOST_KEPT:
            _KEPT.clear()
        _KEPT[key] = infer_efficiency(*read_limit(published_limit()), run, mass_range=PUBLISHED_RANGE)
    return _KEPT[key]


_MOST_KEPT: Final = 64
_KEPT: Final[dict[tuple[float, Target, Response, Region], Efficiency]] = {}


def events_at_full_efficiency(mass: float, coupling: float, run: Run, *, invisible_only: bool = False) -> float:
    """Expected events of a Z' in the invisible region [1] of a run that misses none; 0 where the beam cannot make it."""
    perfect = replace(run, efficiency=Efficiency.constant(1.0))
    scenario = ZPrime(mass=mass, coupling=coupling, invisible_only=invisible_only)
    try:
        return float(region_events(scenario, perfect, np.array([coupling]), [REGION])[REGION][0])
    except ScenarioError:
        return 0.0


def smoothing_spline(x: Array, y: Array, error: float) -> Callable[[Array], Array]:
    """Cubic smoothing spline through points of equal error, with chi^2 equal to their number.

    Of all curves with that chi^2 it has the smallest integrated squared second derivative; a straight line where even
    that has a smaller chi^2. The scatter of the data alone decides how stiff the curve is.

    References
    ----------
    C. H. Reinsch, Numer. Math. 10 (1967) 177.
    """
    from scipy.interpolate import make_smoothing_spline
    from scipy.optimize import brentq

    def spline(log_penalty: float) -> Callable[[Array], Array]:
        curve: Callable[[Array], Array] = make_smoothing_spline(x, y, lam=math.exp(log_penalty))
        return curve

    def excess(log_penalty: float) -> float:
        return float(np.sum((y - spline(log_penalty)(x)) ** 2)) / error**2 - len(x)

    if excess(_STIFFEST) <= 0:
        return spline(_STIFFEST)
    return spline(brentq(excess, -_STIFFEST, _STIFFEST, xtol=1e-9))


def infer_efficiency(
    limit_masses: Sequence[float] | Array,
    limit_couplings: Sequence[float] | Array,
    run: Run,
    *,
    invisible_only: bool = False,
    error: float = 0.06,
    mass_range: tuple[float, float] | None = None,
) -> Efficiency:
    """Signal efficiency [1] for which a Z' at its published 90% CL limit gives ln 10 expected events.

    Parameters
    ----------
    limit_masses, limit_couplings
        The published limit without observed events [GeV; 1], masses increasing.
    run
        The run with that limit; its own efficiency is not used.
    invisible_only
        Take the branching fraction to neutrinos as one at every mass.
    error
        Relative scatter of a point's efficiency (twice the limit's), for the smoothing.
    mass_range
        Range of the curve [GeV], by default that of the points, whose ends are held in between.

    Returns
    -------
    The curve, a `smoothing_spline` of ln(efficiency) against ln(mass), with the points it was drawn through.

    Raises
    ------
    InputError
        If the limit is no increasing list of positive numbers of five points or more, or asks for an efficiency
        above one.

    References
    ----------
    arXiv:2501.06294, section II; the limit: arXiv:2401.01708.
    """
    masses, couplings = np.asarray(limit_masses, dtype=float), np.asarray(limit_couplings, dtype=float)
    enough = masses.ndim == 1 and masses.shape == couplings.shape and len(masses) >= 5
    positive = all(np.all((values > 0) & (values < np.inf)) for values in (masses, couplings))
    if not (enough and positive and np.all(np.diff(masses) > 0)):
        raise InputError("efficiency: the limit needs five or more positive points with increasing masses")
    if len(masses) > MOST_POINTS:
        raise InputError(f"efficiency: {len(masses)} points of the limit; at most {MOST_POINTS} are read")
    for name, values in (("mass", masses), ("coupling", couplings)):
        beyond = np.flatnonzero((values < 1 / _LARGEST) | (values > _LARGEST))
        if len(beyond):
            row = int(beyond[0])
            raise InputError(
                f"efficiency: the limit's point {row + 1}: {name} {values[row]:g}; expected {1 / _LARGEST:g} to {_LARGEST:g}"
            )
    points = zip(masses.tolist(), couplings.tolist(), strict=True)
    seen = np.array([events_at_full_efficiency(m, g, run, invisible_only=invisible_only) for m, g in points])
    if not np.all(seen > 0):
        row = int(np.argmin(seen > 0))
        raise InputError(
            f"efficiency: the limit's point {row + 1}: {couplings[row]:g} at {masses[row]:g} GeV makes {seen[row]:g} events at "
            "efficiency 1; expected a mass that the beam can make"
        )
    efficiencies = EVENTS_AT_LIMIT / seen
    if np.any(efficiencies > 1):
        worst = int(np.argmax(efficiencies))
        raise InputError(
            f"efficiency: the limit {couplings[worst]} at {masses[worst]} GeV is stronger than a detector with "
            f"efficiency 1 allows (it asks for {efficiencies[worst]:.3g})"
        )
    low, high = mass_range or (float(masses[0]), float(masses[-1]))
    knots = np.geomspace(low, high, CURVE_KNOTS)
    knots[[0, -1]] = low, high
    try:
        spline = smoothing_spline(np.log(masses), np.log(efficiencies), error)
        logs = spline(np.log(np.clip(knots, masses[0], masses[-1])))
    except (ValueError, np.linalg.LinAlgError) as failure:
        steepest = int(np.argmax(np.abs(np.diff(np.log(efficiencies)) / np.diff(np.log(masses)))))
        raise InputError(
            f"efficiency: no smooth curve goes through the limit: from point {steepest + 1}, {couplings[steepest]:g} at "
            f"{masses[steepest]:g} GeV, to the next one, {couplings[steepest + 1]:g} at {masses[steepest + 1]:g} GeV, the "
            f"efficiency would change by a factor of {np.exp(min(700.0, abs(np.diff(np.log(efficiencies))[steepest]))):.3g}"
        ) from failure
    if not (np.all(np.isfinite(logs)) and logs.max() <= 0):
        raise InputError(
            f"efficiency: the smooth curve through the limit reaches {np.exp(min(700.0, float(logs.max()))):.3g} at "
            f"{knots[int(np.argmax(logs))]:g} GeV; expected a limit with less scatter, whose efficiencies lie below one"
        )
    values = np.exp(logs)
    return Efficiency(*(tuple(column.tolist()) for column in (knots, values, masses, efficiencies)))
