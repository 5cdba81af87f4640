"""The record of a scan: maps, contours, and its JSON form."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.contour.region import Contour, ExclusionRegion, artefact_stretches
from na64stat.errors import InputError, did_you_mean
from na64stat.files.saved import Saved
from na64stat.records.artefact import heights
from na64stat.records.fields import FINITE, NOT_NEGATIVE, PROBABILITY, Entry
from na64stat.records.record import contour_records, excess_of, nullable, question_of, read_entry, record_of
from na64stat.records.status import has_failed

Array = NDArray[np.float64]

SCHEMA: Final = 1
VERDICTS: Final[tuple[str, ...]] = ("observed", "median")
STATUSES: Final = ("excluded", "artefact", "allowed", "no signal")


@dataclass(frozen=True, eq=False)
class Scan(Saved):
    """A map of CL_s at mu = 1.

    Attributes
    ----------
    scenario, coupling_unit, run, regions, cl, method
        What was asked.
    mass, coupling
        Grid [GeV; unit of the coupling], shapes (M,) and (G,).
    events
        Expected signal by region, each of shape (M, G); NaN only where it failed.
    cl_s
        CL_s by verdict ("observed", absent for a projection, and "median"), each of shape (M, G); NaN where it failed.
    excess
        ln(events/limit) or its analogue by verdict: positive where excluded (see `SignalTest.excess`).
    smooth_excess
        The same with the continuous depth average; equal to `excess` where that was asked for, or makes no difference.
    status
        "excluded", "artefact" (excluded by the layer sum only), "allowed", "no signal", or "failed: " and why; rows by mass.
    provenance
        Versions and digests of the inputs.
    notes
        What a reader should know about the result.
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
    cl_s: Mapping[str, Array]
    excess: Mapping[str, Array]
    smooth_excess: Mapping[str, Array]
    status: tuple[tuple[str, ...], ...]
    provenance: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def levels(self) -> tuple[str, ...]:
        """Verdicts that it has, the deciding one first."""
        return tuple(self.excess)

    @property
    def mass_range(self) -> tuple[float, float]:
        """Smallest and largest mass [GeV]."""
        return float(self.mass[0]), float(self.mass[-1])

    @property
    def coupling_range(self) -> tuple[float, float]:
        """Smallest and largest coupling."""
        return float(self.coupling[0]), float(self.coupling[-1])

    def region(self, verdict: str | None = None, *, artefacts: bool = False) -> ExclusionRegion:
        """Where CL_s < 1 - cl whatever the production depth, linear between the points of the grid.

        Parameters
        ----------
        verdict
            "observed" or "median"; default the observed one, where there is one.
        artefacts
            Whether what the layer sum alone excludes counts, too; no real exclusion.

        Raises
        ------
        InputError
            If the scan has no such verdict, or is a single row or column.
        """
        name = verdict or next(iter(self.excess))
        if name not in self.excess:
            hint = did_you_mean(name, self.excess)
            raise InputError(f"scan of run {self.run}: no verdict {name!r}; it has {', '.join(self.excess)}{hint}")
        if min(self._shape) < 2:
            raise InputError(
                f"scan of run {self.run}: a single row or column; a map of masses and couplings has regions"
            )
        axes = np.log(self.mass), np.log(self.coupling)
        return ExclusionRegion.of_grid(*axes, *heights(self.excess[name], self.smooth_excess[name], artefacts))

    def contours(self, verdict: str | None = None, *, artefacts: bool = False) -> tuple[Contour, ...]:
        """Curves that bound the region, in the plane of ln m and ln g; none for a single row or column; see `region`.

        Parameters
        ----------
        verdict
            "observed" or "median"; default the observed one, where there is one.
        artefacts
            Whether they are those of the layer sum alone.
        """
        name = verdict or next(iter(self.excess))
        if min(self._shape) < 2 and name in self.excess:
            return ()
        return self.region(name, artefacts=artefacts).contours

    def layer_sum_alone(self, verdict: str | None = None) -> tuple[Contour, ...]:
        """Curves beyond which only the layer sum excludes: no real exclusion.

        Parameters
        ----------
        verdict
            "observed" or "median"; default the observed one, where there is one.
        """
        return artefact_stretches(self.contours(verdict, artefacts=True))

    def excludes(self, verdict: str | None = None, *, artefacts: bool = False) -> NDArray[np.bool_]:
        """Which points of the grid are excluded, shape (M, G).

        Parameters
        ----------
        verdict
            "observed" or "median"; default the observed one, where there is one.
        artefacts
            Whether what the layer sum alone excludes counts, too.
        """
        name = verdict or next(iter(self.excess))
        height, _ = heights(self.excess[name], self.smooth_excess[name], artefacts)
        return np.asarray(np.nan_to_num(height, nan=-math.inf) > 0)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form: no NaN and no infinity, null in their place."""
        return {
            "schema": SCHEMA,
            "kind": "scan",
            "scenario": self.scenario,
            "coupling_unit": self.coupling_unit,
            "run": self.run,
            "regions": list(self.regions),
            "cl": self.cl,
            "method": self.method,
            "mass_gev": self.mass.tolist(),
            "coupling": self.coupling.tolist(),
            "cl_s": {name: _nullable(self.cl_s.get(name), self._shape) for name in VERDICTS},
            "events": {name: _nullable(values, self._shape) for name, values in self.events.items()},
            "excess": {name: _nullable(values, self._shape) for name, values in self.excess.items()},
            "smooth_excess": {name: _nullable(values, self._shape) for name, values in self.smooth_excess.items()},
            "status": [list(row) for row in self.status],
            "contours": {
                name: contour_records(self.contours(name) if name in self.excess else ()) for name in VERDICTS
            },
            "layer_sum_contours": {
                name: contour_records(self.contours(name, artefacts=True)) for name in VERDICTS if name in self.excess
            },
            "notes": list(self.notes),
            "provenance": dict(self.provenance),
        }

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.mass), len(self.coupling)


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


def scan_of(file: Entry) -> Scan:
    """The scan in a file that has been read; errors as for `load_scan`."""
    record = record_of(file, "scan", SCHEMA, "scan file")
    mass, coupling = (record[name].axis() for name in ("mass_gev", "coupling"))
    rows = [row.items(len(coupling)) for row in record["status"].items(len(mass))]
    status = tuple(tuple(item.status(STATUSES) for item in row) for row in rows)
    failed = np.array([[has_failed(text) for text in row] for row in status])
    verdicts = [name for name in VERDICTS if name in record["excess"].object()]
    if not verdicts or set(record["excess"].value) - set(VERDICTS):
        raise record["excess"].wrong("an object with observed, median or both, and nothing else")
    events = record["events"].filled_fields("the expected signal of each region")
    return Scan(
        *question_of(record),
        mass,
        coupling,
        {name: entry.grid(NOT_NEGATIVE, failed) for name, entry in events.items()},
        {name: record["cl_s"][name].grid(PROBABILITY, failed) for name in verdicts},
        {name: _excess(record["excess"][name], failed) for name in verdicts},
        {name: _excess(record["smooth_excess"][name], failed) for name in verdicts},
        status,
        record["provenance"].object(),
        record["notes"].texts(),
    )


def _nullable(values: Array | None, shape: tuple[int, int]) -> list[list[float | None]]:
    if values is None:
        return [[None] * shape[1]] * shape[0]
    return [nullable(row) for row in values]


def _excess(entry: Entry, failed: NDArray[np.bool_]) -> Array:
    return excess_of(entry.grid(FINITE, np.ones_like(failed)), failed, entry)
