"""Head of every answer to a question about a scenario: the question as it was asked, notes and provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypedDict

from na64stat.files.saved import Saved
from na64stat.records.asked import Asked
from na64stat.records.fields import LEVEL, Entry

SCHEMA: Final = 1
"""Version of the JSON form of all kinds."""


class Header(TypedDict):
    """The fields of an `Answer` that repeat the question."""

    scenario: str
    coupling_unit: str
    run: str
    regions: tuple[str, ...]
    cl: float
    method: str
    provenance: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer(Saved):
    """A result about one scenario in one run, or in several combined.

    Attributes
    ----------
    scenario, coupling_unit
        Name of the scenario, and the unit of its coupling.
    run, regions
        Name of the run, several joined by " + "; the regions that were combined in each.
    cl, method
        Confidence level and name of the statistical method.
    notes
        What a reader should know about the result.
    provenance
        Versions and digests of the inputs, options of the scenario, and what else was asked.
    """

    kind: ClassVar[str]

    scenario: str
    coupling_unit: str
    run: str
    regions: tuple[str, ...]
    cl: float
    method: str
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def asked(self) -> Asked:
        """The part of the question that stands in its provenance, in words."""
        return Asked.of(self)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form: no NaN and no infinity, null in their place."""
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "scenario": self.scenario,
            "coupling_unit": self.coupling_unit,
            "run": self.run,
            "regions": list(self.regions),
            "cl": self.cl,
            "method": self.method,
            **self._content(),
            "notes": list(self.notes),
            "provenance": dict(self.provenance),
        }

    def _content(self) -> dict[str, Any]:
        """Entries between the question and the notes."""
        raise NotImplementedError


def header_of(record: Entry) -> Header:
    """The question in a record's file; errors name the entry."""
    return Header(
        scenario=record["scenario"].name(),
        coupling_unit=record["coupling_unit"].name(),
        run=record["run"].name(),
        regions=record["regions"].names(),
        cl=record["cl"].number(LEVEL),
        method=record["method"].name(),
        provenance=record["provenance"].object(),
    )
