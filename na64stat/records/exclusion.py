"""The record of an exclusion: the points at which it was evaluated, its regions by level, and its JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.contour.mesh import is_flat
from na64stat.contour.region import Contour, ExclusionRegion, artefact_stretches
from na64stat.errors import InputError, did_you_mean
from na64stat.files.saved import Saved
from na64stat.records.artefact import heights
from na64stat.records.fields import FINITE, NOT_NEGATIVE, POSITIVE, Entry
from na64stat.records.limits import LEVELS
from na64stat.records.record import contour_records, excess_of, nullable, question_of, read_entry, record_of

Array = NDArray[np.float64]

SCHEMA: Final = 1

_MOST_CELLS: Final = 10**9
"""More than any memory holds."""


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
        Expected signal there by channel, each of shape (N,); NaN only where it failed.
    excess
        ln(events/limit) or its analogue by level ("observed", absent for a projection, "minus2", ... "plus2"), shape (N,):
        positive where excluded (see `SignalTest.excess`), NaN where it failed.
    smooth_excess
        The same with the continuous depth average; equal to `excess` where that was asked for, or makes no difference.
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
        first = [level for level in ("observed", "median") if level in self.excess][:1]
        return (*first, *(level for level in self.excess if level not in first))

    @property
    def mass_range(self) -> tuple[float, float]:
        """Smallest and largest mass that was looked at [GeV]."""
        return float(self.mass.min()), float(self.mass.max())

    @property
    def coupling_range(self) -> tuple[float, float]:
        """Smallest and largest coupling that was looked at."""
        return float(self.coupling.min()), float(self.coupling.max())

    def contours(self, level: str | None = None, *, artefacts: bool = False) -> tuple[Contour, ...]:
        """Curves that bound the region of a level; see `region`.

        Parameters
        ----------
        level
            One of `levels`; default the deciding one.
        artefacts
            Whether they are those of the layer sum alone.
        """
        return self.region(level, artefacts=artefacts).contours

    def layer_sum_alone(self, level: str | None = None) -> tuple[Contour, ...]:
        """Curves beyond which only the layer sum excludes: no real exclusion.

        Parameters
        ----------
        level
            One of `levels`; default the deciding one.
        """
        return artefact_stretches(self.contours(level, artefacts=True))

    def region(self, level: str | None = None, *, artefacts: bool = False) -> ExclusionRegion:
        """Where CL_s < 1 - cl at a level whatever the production depth.

        Parameters
        ----------
        level
            One of `levels`; default the deciding one, observed or for a projection the median.
        artefacts
            Whether what the layer sum alone excludes counts, too; no real exclusion.

        Raises
        ------
        InputError
            If there is no such level.
        """
        name = level or self.levels[0]
        if name not in self.excess:
            hint = did_you_mean(name, self.levels)
            raise InputError(f"exclusion of run {self.run}: no level {name!r}; it has {', '.join(self.levels)}{hint}")
        logs = np.log(self.mass), np.log(self.coupling)
        return ExclusionRegion.of_points(*logs, *heights(self.excess[name], self.smooth_excess[name], artefacts))

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
            "layer_sum_contours": {
                level: contour_records(self.contours(level, artefacts=True)) for level in self.levels
            },
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
    return exclusion_of(read_entry(path))


def exclusion_of(file: Entry) -> Exclusion:
    """The exclusion in a file that has been read; errors as for `load_exclusion`."""
    record = record_of(file, "exclusion", SCHEMA, "exclusion file")
    points = record["points"]
    mass = points["mass_gev"].numbers(POSITIVE)
    coupling = points["coupling"].numbers(POSITIVE, len(mass))
    if is_flat(np.log(np.column_stack([mass, coupling]))):
        raise InputError(
            f"{record.where}: points.mass_gev and points.coupling are {len(mass)} points on one line; expected a map of both"
        )
    reasons = _reasons(points["failed"], len(mass))
    failed = np.isin(np.arange(len(mass)), list(reasons))
    excess, smooth = (_levels(points[part], failed) for part in ("excess", "smooth_excess"))
    if set(excess) != set(smooth):
        raise points["smooth_excess"].wrong(f"an object with {', '.join(excess)}, as excess has")
    events = points["events"].filled_fields("the expected signal of each channel")
    return Exclusion(
        *question_of(record),
        mass,
        coupling,
        {name: entry.numbers(NOT_NEGATIVE, len(mass), failed) for name, entry in events.items()},
        excess,
        smooth,
        reasons,
        record["tolerance"].positive(),
        record["unsettled"].whole(_MOST_CELLS),
        record["provenance"].object(),
        record["notes"].texts(),
    )


def _reasons(entry: Entry, number: int) -> dict[int, str]:
    """Why points failed, each once."""
    found: dict[int, str] = {}
    for item in entry.items():
        point = item["point"].whole(number - 1)
        if point in found:
            raise item["point"].wrong("each point once")
        found[point] = item["reason"].text()
    return found


def _levels(entry: Entry, failed: NDArray[np.bool_]) -> dict[str, Array]:
    """An excess by level."""
    if not entry.object() or set(entry.value) - set(LEVELS):
        raise entry.wrong(f"an object with one or more of {', '.join(LEVELS)}, and nothing else")
    everywhere = np.ones_like(failed)
    return {
        name: excess_of(values.numbers(FINITE, len(failed), everywhere), failed, values)
        for name, values in entry.fields().items()
    }
