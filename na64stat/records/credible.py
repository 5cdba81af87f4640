"""Records of credible limits, and the JSON form of the limits of several priors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.files.saved import Saved, SavedByFields
from na64stat.records.fields import LEVEL, NOT_NEGATIVE, Entry
from na64stat.records.record import read_entry, record_of
from na64stat.stats.bayes.curve import PosteriorCurve

Array = NDArray[np.float64]
Interval = tuple[float, float]

SCHEMA: Final = 1


@dataclass(frozen=True)
class CredibleLimit:
    """Upper limit from the posterior of one parameter, by quadrature.

    Attributes
    ----------
    prior
        The prior in words.
    parameter, unit
        What it is of, and the unit of its values.
    cl, limit
        Posterior probability below the limit, and the limit.
    events, coupling
        Signal events in all at the limit, and the coupling in the scenario's unit; None where they do not follow from it.
    highest_density
        Intervals of the highest density with the same probability.
    error
        Relative error of the likelihood, from independent quadratures over the nuisance parameters.
    curve
        The posterior.
    notes
        What a reader should know.
    """

    prior: str
    parameter: str
    unit: str
    cl: float
    limit: float
    events: float | None
    coupling: float | None
    highest_density: tuple[Interval, ...]
    error: float
    curve: PosteriorCurve = field(repr=False, compare=False)
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON form, without the curve."""
        return {
            "prior": self.prior,
            "parameter": self.parameter,
            "unit": self.unit,
            "cl": self.cl,
            "limit": self.limit,
            "events": self.events,
            "coupling": self.coupling,
            "highest_density": [list(interval) for interval in self.highest_density],
            "error": self.error,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class ComparedLimit:
    """Limit of one method or prior: the signal events in all, and the coupling; None where it says nothing about them, or failed.

    Attributes
    ----------
    label
        The method, or the prior in words.
    events
        Signal events in all.
    coupling
        In the scenario's unit.
    note
        What a reader should know: without a limit, why.
    """

    label: str
    events: float | None
    coupling: float | None
    note: str = ""


@dataclass(frozen=True)
class ComparedLimits(Saved):
    """Limits of several priors beside CL_s and Feldman-Cousins.

    Attributes
    ----------
    scenario, coupling_unit, run, regions, counts, mass, cl
        What was asked; the mass in GeV.
    rows
        One entry a prior, then CL_s and Feldman-Cousins.
    credible
        Details of the priors.
    notes
        What a reader should know.
    provenance
        Versions and digests of the inputs.
    """

    scenario: str
    coupling_unit: str
    run: str | None
    regions: tuple[str, ...]
    counts: Mapping[str, float]
    mass: float | None
    cl: float
    rows: tuple[ComparedLimit, ...]
    credible: tuple[CredibleLimit, ...]
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "schema": SCHEMA,
            "kind": "credible limits",
            "scenario": self.scenario,
            "coupling_unit": self.coupling_unit,
            "run": self.run,
            "regions": list(self.regions),
            "counts": dict(self.counts),
            "mass_gev": self.mass,
            "cl": self.cl,
            "rows": [
                {"label": row.label, "events": row.events, "coupling": row.coupling, "note": row.note}
                for row in self.rows
            ],
            "credible": [item.as_dict() for item in self.credible],
            "notes": list(self.notes),
            "provenance": dict(self.provenance),
        }


@dataclass(frozen=True, eq=False)
class CrediblePlane(SavedByFields):
    """Posterior density of mass and coupling on a grid.

    Attributes
    ----------
    scenario, coupling_symbol, coupling_unit, run, regions, priors, cl
        What was asked.
    mass, coupling
        Grid [GeV; unit of the coupling], shapes (M,) and (G,).
    density
        Posterior density per unit of ln(mass) and ln(coupling), shape (M, G).
    level
        Density above which lies the region of the highest density with probability `cl`.
    notes
        What a reader should know.
    provenance
        Versions and digests of the inputs, and what else was asked.
    """

    kind: ClassVar[str] = "credible plane"
    keys: ClassVar[Mapping[str, str]] = MappingProxyType({"mass": "mass_gev"})

    scenario: str
    coupling_symbol: str
    coupling_unit: str
    run: str | None
    regions: tuple[str, ...]
    priors: tuple[str, ...]
    cl: float
    mass: Array
    coupling: Array
    density: Array
    level: float
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Points in the credible region, shape (M, G)."""
        return self.density >= self.level


def load_credible(path: str | Path) -> ComparedLimits:
    """Read limits of several priors; the posteriors themselves are not in the file, and `credible` is empty.

    Parameters
    ----------
    path
        The JSON file.

    Raises
    ------
    InputError
        If the file is missing or holds no such limits.
    """
    return credible_of(read_entry(path))


def credible_of(file: Entry) -> ComparedLimits:
    """The limits in a file that has been read; errors as for `load_credible`."""
    record = record_of(file, "credible limits", SCHEMA, "file of credible limits")
    counts = record["counts"].filled_fields("the count of each channel")
    return ComparedLimits(
        record["scenario"].name(),
        record["coupling_unit"].name(),
        record["run"].or_none(Entry.name),
        record["regions"].names(),
        {name: count.number(NOT_NEGATIVE) for name, count in counts.items()},
        record["mass_gev"].or_none(Entry.positive),
        record["cl"].number(LEVEL),
        tuple(_row(item) for item in record["rows"].filled()),
        (),
        record["notes"].texts(),
        record["provenance"].object() if "provenance" in record.object() else {},
    )


def _row(item: Entry) -> ComparedLimit:
    return ComparedLimit(
        item["label"].name(),
        item["events"].or_none(lambda events: events.number(NOT_NEGATIVE)),
        item["coupling"].or_none(Entry.positive),
        item["note"].text(),
    )
