"""Records of maps of mass and coupling: a scan over a grid, an exclusion along its contours, and their JSON forms."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.contour.mesh import is_flat
from na64stat.contour.region import Contour, ExclusionRegion, artefact_stretches
from na64stat.errors import InputError, did_you_mean
from na64stat.records.answer import SCHEMA, Answer, header_of
from na64stat.records.artefact import heights
from na64stat.records.fields import FINITE, NOT_NEGATIVE, POSITIVE, PROBABILITY, Entry
from na64stat.records.limits import LEVELS
from na64stat.records.record import contour_records, excess_of, nullable, read_entry, record_of
from na64stat.records.status import has_failed

Array = NDArray[np.float64]

SCAN_LEVELS: Final[tuple[str, ...]] = ("observed", "median")
STATUSES: Final = ("excluded", "artefact", "allowed", "no signal")

_MOST_CELLS: Final = 10**9
"""More than any memory holds."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Map(Answer):
    """How far points of mass and coupling are beyond exclusion.

    Attributes
    ----------
    mass, coupling
        Where it was evaluated [GeV; unit of the coupling].
    events
        Expected signal there by channel; NaN only where it failed.
    excess
        ln(events/limit) or its analogue by level ("observed", absent for a projection, "minus2", ... "plus2"): positive where
        excluded (see `SignalTest.excess`), NaN where it failed.
    smooth_excess
        The same with the continuous depth average; equal to `excess` where that was asked for, or makes no difference.
    """

    mass: Array
    coupling: Array
    events: Mapping[str, Array]
    excess: Mapping[str, Array]
    smooth_excess: Mapping[str, Array]

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels that it has, the deciding one first: observed, or the median of a projection."""
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

    def region(self, level: str | None = None, *, artefacts: bool = False) -> ExclusionRegion:
        """Where CL_s < 1 - cl at a level whatever the production depth.

        Parameters
        ----------
        level
            One of `levels`; default the deciding one.
        artefacts
            Whether what the layer sum alone excludes counts, too; no real exclusion.

        Raises
        ------
        InputError
            If there is no such level, or the points are a single row or column.
        """
        name = self._known(level)
        return self._region_of(*heights(self.excess[name], self.smooth_excess[name], artefacts))

    def contours(self, level: str | None = None, *, artefacts: bool = False) -> tuple[Contour, ...]:
        """Curves that bound the region of a level, in the plane of ln m and ln g; see `region`.

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

    def _known(self, level: str | None) -> str:
        name = self.levels[0] if level is None else level
        if name not in self.excess:
            hint = did_you_mean(name, self.levels)
            raise InputError(f"{self.kind} of run {self.run}: no level {name!r}; it has {', '.join(self.levels)}{hint}")
        return name

    @abstractmethod
    def _region_of(self, excess: Array, smooth: Array) -> ExclusionRegion:
        """The region where both are positive."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Scan(Map):
    """A map of CL_s at mu = 1 over a grid: of shape (M, G) is all that depends on both, masses (M,), couplings (G,).

    Attributes
    ----------
    cl_s
        CL_s by level ("observed", absent for a projection, and "median"); NaN where it failed.
    status
        "excluded", "artefact" (excluded by the layer sum only), "allowed", "no signal", or "failed: " and why; rows by mass.
    """

    kind: ClassVar[str] = "scan"

    cl_s: Mapping[str, Array]
    status: tuple[tuple[str, ...], ...]

    def contours(self, level: str | None = None, *, artefacts: bool = False) -> tuple[Contour, ...]:
        """Curves that bound the region of a level, linear between the points of the grid; none for a single row or column.

        Parameters
        ----------
        level
            One of `levels`; default the deciding one.
        artefacts
            Whether they are those of the layer sum alone.
        """
        if min(self._shape) < 2 and (level is None or level in self.excess):
            return ()
        return super().contours(level, artefacts=artefacts)

    def excludes(self, level: str | None = None, *, artefacts: bool = False) -> NDArray[np.bool_]:
        """Which points of the grid are excluded, shape (M, G).

        Parameters
        ----------
        level
            One of `levels`; default the deciding one.
        artefacts
            Whether what the layer sum alone excludes counts, too.
        """
        name = self._known(level)
        height, _ = heights(self.excess[name], self.smooth_excess[name], artefacts)
        return np.asarray(np.nan_to_num(height, nan=-math.inf) > 0)

    def _region_of(self, excess: Array, smooth: Array) -> ExclusionRegion:
        if min(self._shape) < 2:
            raise InputError(
                f"scan of run {self.run}: a single row or column; a map of masses and couplings has regions"
            )
        return ExclusionRegion.of_grid(np.log(self.mass), np.log(self.coupling), excess, smooth)

    def _content(self) -> dict[str, Any]:
        absent = [[None] * self._shape[1]] * self._shape[0]
        return {
            "mass_gev": self.mass.tolist(),
            "coupling": self.coupling.tolist(),
            "cl_s": dict.fromkeys(SCAN_LEVELS, absent) | _grids(self.cl_s),
            "events": _grids(self.events),
            "excess": _grids(self.excess),
            "smooth_excess": _grids(self.smooth_excess),
            "status": [list(row) for row in self.status],
            "contours": {
                name: contour_records(self.contours(name) if name in self.excess else ()) for name in SCAN_LEVELS
            },
            "layer_sum_contours": {
                name: contour_records(self.contours(name, artefacts=True))
                for name in SCAN_LEVELS
                if name in self.excess
            },
        }

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.mass), len(self.coupling)


@dataclass(frozen=True, eq=False, kw_only=True)
class Exclusion(Map):
    """Excluded regions known to a stated tolerance: points that lie dense along the contours, each array of shape (N,).

    Attributes
    ----------
    reasons
        Why points failed, by position.
    tolerance
        To which the contours are known, in ln(mass) and ln(coupling).
    unsettled
        Cells of the smallest size in which a contour may be further off.
    """

    kind: ClassVar[str] = "exclusion"

    reasons: Mapping[int, str]
    tolerance: float
    unsettled: int

    @property
    def evaluations(self) -> int:
        """Number of points that were evaluated."""
        return len(self.mass)

    def _region_of(self, excess: Array, smooth: Array) -> ExclusionRegion:
        return ExclusionRegion.of_points(np.log(self.mass), np.log(self.coupling), excess, smooth)

    def _content(self) -> dict[str, Any]:
        return {
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
        }


def _grids(maps: Mapping[str, Array]) -> dict[str, list[list[float | None]]]:
    return {name: [nullable(row) for row in values] for name, values in maps.items()}


def _level(region: ExclusionRegion) -> dict[str, Any]:
    return {
        "area_square_decades": region.area,
        "tip": None if region.tip is None else asdict(region.tip),
        "open_at": list(region.open_at),
        "components": [asdict(item) for item in region.components],
        "contours": contour_records(region.contours),
    }


def load_scan(path: str | Path) -> Scan:
    """Read a scan that `Scan.save` wrote.

    Parameters
    ----------
    path
        The JSON file.

    Raises
    ------
    InputError
        If the file is missing or is no scan.
    """
    return scan_of(read_entry(path))


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


def scan_of(file: Entry) -> Scan:
    """The scan in a file that has been read; errors as for `load_scan`."""
    record = record_of(file, "scan", SCHEMA, "scan file")
    mass, coupling = (record[name].axis() for name in ("mass_gev", "coupling"))
    rows = [row.items(len(coupling)) for row in record["status"].items(len(mass))]
    status = tuple(tuple(item.status(STATUSES) for item in row) for row in rows)
    failed = np.array([[has_failed(text) for text in row] for row in status])
    levels = [name for name in SCAN_LEVELS if name in record["excess"].object()]
    if not levels or set(record["excess"].value) - set(SCAN_LEVELS):
        raise record["excess"].wrong("an object with observed, median or both, and nothing else")
    events = record["events"].filled_fields("the expected signal of each region")
    anywhere = np.ones_like(failed)

    def excess(part: Entry) -> dict[str, Array]:
        return {name: excess_of(part[name].grid(FINITE, anywhere), failed, part[name]) for name in levels}

    return Scan(
        **header_of(record),
        mass=mass,
        coupling=coupling,
        events={name: entry.grid(NOT_NEGATIVE, failed) for name, entry in events.items()},
        cl_s={name: record["cl_s"][name].grid(PROBABILITY, failed) for name in levels},
        excess=excess(record["excess"]),
        smooth_excess=excess(record["smooth_excess"]),
        status=status,
        notes=record["notes"].texts(),
    )


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
    excess, smooth = (_excess_by_level(points[part], failed) for part in ("excess", "smooth_excess"))
    if set(excess) != set(smooth):
        raise points["smooth_excess"].wrong(f"an object with {', '.join(excess)}, as excess has")
    events = points["events"].filled_fields("the expected signal of each channel")
    return Exclusion(
        **header_of(record),
        mass=mass,
        coupling=coupling,
        events={name: entry.numbers(NOT_NEGATIVE, len(mass), failed) for name, entry in events.items()},
        excess=excess,
        smooth_excess=smooth,
        reasons=reasons,
        tolerance=record["tolerance"].positive(),
        unsettled=record["unsettled"].whole(_MOST_CELLS),
        notes=record["notes"].texts(),
    )


def _reasons(entry: Entry, number: int) -> dict[int, str]:
    """Why points failed, each once."""
    reasons: dict[int, str] = {}
    for item in entry.items():
        point = item["point"].whole(number - 1)
        if point in reasons:
            raise item["point"].wrong("each point once")
        reasons[point] = item["reason"].text()
    return reasons


def _excess_by_level(entry: Entry, failed: NDArray[np.bool_]) -> dict[str, Array]:
    if not entry.object() or set(entry.value) - set(LEVELS):
        raise entry.wrong(f"an object with one or more of {', '.join(LEVELS)}, and nothing else")
    anywhere = np.ones_like(failed)
    return {
        name: excess_of(values.numbers(FINITE, len(failed), anywhere), failed, values)
        for name, values in entry.fields().items()
    }
