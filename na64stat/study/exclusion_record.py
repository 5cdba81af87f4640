"""The record of an exclusion: the points at which it was evaluated, its regions by level, and its JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError
from na64stat.study.record_files import (
    Saved,
    contour_records,
    damaged,
    events_of,
    excess_of,
    level_of,
    nullable,
    number_of,
    positive,
    read_record,
    text_of,
    texts_of,
)
from na64stat.study.region import Contour, ExclusionRegion

Array = NDArray[np.float64]

SCHEMA: Final = 1


@dataclass(frozen=True, eq=False)
class Exclusion(Saved):
    """Excluded regions of one scenario, known to a stated tolerance.

    Attributes
    ----------
    scenario, coupling_unit, run, regions, cl, method
        What was asked.
    mass, coupling
        Points at which it was evaluated, dense along the contours [GeV; unit of the coupling], shape (N,).
    events
        Expected signal there by channel, each of shape (N,); NaN where it could not be computed.
    excess
        ln(events/limit) or its analogue by level ("observed", absent for a projection, "minus2", ... "plus2"), shape (N,):
        positive where excluded (see `SignalTest.excess`), NaN where it failed.
    smooth_excess
        The same with the continuous depth average; equal to `excess` if that was asked for, and for combined regions.
    reasons
        Why points failed, by position.
    tolerance
        To which the contours are known, in ln(mass) and ln(coupling).
    unsettled
        Cells of the smallest size in which a contour may be further off.
    provenance, notes
        Versions and digests of the inputs; what a reader should know about the result.
    """

    scenario: str
    coupling_unit: str
    run: str
    regions: tuple[str, ...]
    cl: float
    method: str
    mass: Array
    coupling: Array
    events: Mapping[str, Array]
    excess: Mapping[str, Array]
    smooth_excess: Mapping[str, Array]
    reasons: Mapping[int, str]
    tolerance: float
    unsettled: int
    provenance: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def evaluations(self) -> int:
        """Number of points that were evaluated."""
        return len(self.mass)

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels that it has, the deciding one first."""
        first = "observed" if "observed" in self.excess else "median"
        return (first, *(level for level in self.excess if level != first))

    @property
    def mass_range(self) -> tuple[float, float]:
        """Smallest and largest mass that was looked at [GeV]."""
        return float(self.mass.min()), float(self.mass.max())

    @property
    def coupling_range(self) -> tuple[float, float]:
        """Smallest and largest coupling that was looked at."""
        return float(self.coupling.min()), float(self.coupling.max())

    def contours(self, level: str | None = None) -> tuple[Contour, ...]:
        """Curves CL_s = 1 - cl at a level; see `region`.

        Parameters
        ----------
        level
            One of `levels`; default the deciding one.
        """
        return self.region(level).contours

    def region(self, level: str | None = None) -> ExclusionRegion:
        """Where CL_s < 1 - cl at a level; default the observed one, for a projection the median.

        Parameters
        ----------
        level
            One of `levels`; default the deciding one.

        Raises
        ------
        InputError
            If there is no such level.
        """
        name = level or self.levels[0]
        if name not in self.excess:
            raise InputError(f"exclusion of run {self.run}: no level {name!r}; it has {', '.join(self.levels)}")
        logs = np.log(self.mass), np.log(self.coupling)
        return ExclusionRegion.of_points(*logs, self.excess[name], self.smooth_excess[name])

    def as_dict(self) -> dict[str, Any]:
        """The JSON form: no NaN and no infinity, null in their place."""
        return {
            "schema": SCHEMA,
            "kind": "exclusion",
            "scenario": self.scenario,
            "coupling_unit": self.coupling_unit,
            "run": self.run,
            "regions": list(self.regions),
            "cl": self.cl,
            "method": self.method,
            "tolerance": self.tolerance,
            "evaluations": self.evaluations,
            "unsettled": self.unsettled,
            "levels": {level: _level(self.region(level)) for level in self.levels},
            "points": {
                "mass_gev": self.mass.tolist(),
                "coupling": self.coupling.tolist(),
                "events": {name: nullable(values) for name, values in self.events.items()},
                "excess": {name: nullable(values) for name, values in self.excess.items()},
                "smooth_excess": {name: nullable(values) for name, values in self.smooth_excess.items()},
                "failed": [{"point": i, "reason": reason} for i, reason in self.reasons.items()],
            },
            "notes": list(self.notes),
            "provenance": dict(self.provenance),
        }


def _level(region: ExclusionRegion) -> dict[str, Any]:
    return {
        "area_square_decades": region.area,
        "tip": None if region.tip is None else asdict(region.tip),
        "open_at": list(region.open_at),
        "components": [asdict(item) for item in region.components],
        "contours": contour_records(region.contours),
    }


def load_exclusion(path: str | Path) -> Exclusion:
    """Read an exclusion that `Exclusion.save` wrote.

    Parameters
    ----------
    path
        The JSON file.

    Raises
    ------
    InputError
        If the file is missing or is no exclusion.
    """
    record = read_record(path, "exclusion", SCHEMA)
    with damaged(path, "exclusion file"):
        points = record["points"]
        reasons = {int(item["point"]): text_of(item["reason"]) for item in points["failed"]}
        mass, coupling = (positive(points[name]) for name in ("mass_gev", "coupling"))
        failed = np.zeros(len(mass), dtype=bool)
        failed[list(reasons)] = True
        events = {name: events_of(values, failed) for name, values in points["events"].items()}
        excess, smooth = (
            {name: excess_of(values, failed) for name, values in points[part].items()}
            for part in ("excess", "smooth_excess")
        )
        for values in (coupling, *events.values(), *excess.values(), *smooth.values()):
            if values.shape != mass.shape:
                raise ValueError(f"{len(mass)} masses and {values.size} other values")
        if set(excess) != set(smooth) or not excess:
            raise ValueError("levels of excess and smooth_excess differ, or there are none")
        return Exclusion(
            text_of(record["scenario"]),
            text_of(record["coupling_unit"]),
            text_of(record["run"]),
            texts_of(record["regions"]),
            level_of(record["cl"]),
            text_of(record["method"]),
            mass,
            coupling,
            events,
            excess,
            smooth,
            reasons,
            number_of(record["tolerance"]),
            int(record["unsettled"]),
            dict(record["provenance"]),
            texts_of(record["notes"]),
        )
