"""The record of how far each headline limit moves with each assumption, and its JSON form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from na64stat.errors import InputError
from na64stat.files.saved import Saved
from na64stat.records.fields import FINITE, LEVEL, NOT_NEGATIVE, Entry
from na64stat.records.record import read_entry, record_of

SCHEMA: Final = 1

UNCHANGED, REINFERRED, HELD = "unchanged", "re-inferred", "held"
"""Fate of the efficiency: it does not depend on what was moved, was inferred anew, or was kept although it depends on it."""

SMALLEST: Final = 0.05
"""Change [%] of a limit below which tables and figures leave it out."""

NOTHING_EXCLUDED, NO_MORE_EXCLUDED = "nothing is excluded", "nothing is excluded any more"
"""Status of a change where there is no limit, before and after or after alone."""


@dataclass(frozen=True)
class HeadlineLimit:
    """One limit as it stands.

    Attributes
    ----------
    scenario, mass, regions
        What is excluded where; mass in GeV.
    edge
        "lower" or "upper" end of the excluded couplings.
    coupling_unit
        Of the limit.
    limit
        The coupling; None where nothing is excluded.
    status
        "excluded", "allowed", "excluded by the layer sum alone", which is no exclusion, or "failed: " and why.
    """

    scenario: str
    mass: float
    regions: tuple[str, ...]
    edge: str
    coupling_unit: str
    limit: float | None
    status: str

    @property
    def name(self) -> str:
        """In words, unique in a record."""
        edge = "" if self.edge == "lower" else f", {self.edge} edge"
        return f"{self.scenario}, {' + '.join(self.regions)}, {self.mass:.4g} GeV{edge}"


@dataclass(frozen=True)
class Shift:
    """Effect of one variation on one headline limit.

    Attributes
    ----------
    what, origin, start, end, side, why, keys
        The variation; see `na64stat.study.sensitivity.variation.Variation`.
    headline
        Name of the limit.
    before, after
        The coupling; None where nothing is excluded.
    efficiency
        "unchanged", "re-inferred" or "held".
    status
        "moved", or in words what there is instead of a ratio.
    """

    what: str
    origin: str
    start: str
    end: str
    side: int
    why: str
    keys: tuple[str, ...]
    headline: str
    before: float | None
    after: float | None
    efficiency: str
    status: str = "moved"

    @property
    def ratio(self) -> float | None:
        """The limit relative to what it was; None where either excludes nothing."""
        return None if self.before is None or self.after is None else self.after / self.before

    @property
    def size(self) -> float:
        """How much it matters: the logarithm of the ratio without sign; infinite where an exclusion comes or goes."""
        if self.ratio is not None:
            return abs(math.log(self.ratio))
        return 0.0 if self.before is None and self.after is None else math.inf

    @property
    def per_cent(self) -> float | None:
        """Change of the limit [%]."""
        ratio = self.ratio
        return None if ratio is None else 100 * (ratio - 1)


@dataclass(frozen=True)
class AssumedNumber:
    """A number of the run file with status "assumed"; `reason` says why it moves no limit, empty if it moves one.

    Attributes
    ----------
    key
        Dotted key in the run file.
    value, uncertainty
        In `unit`; no uncertainty where none is stated.
    unit, source
        As in the run file.
    reason
        Why it moves no limit; empty if it moves one.
    """

    key: str
    value: float
    uncertainty: float | None
    unit: str
    source: str
    reason: str = ""


@dataclass(frozen=True)
class Sensitivity(Saved):
    """How far limits move with what is assumed.

    Attributes
    ----------
    run, background, cl, method
        What was asked.
    efficiency
        What became of the efficiency where it depends on what is moved: "re-inferred" or "held".
    headlines
        The limits as they stand.
    shifts
        One entry for each variation and each headline that it concerns.
    numbers
        Every assumed number of the run.
    notes, provenance
        What holds for all; versions and digests.
    """

    run: str
    background: str
    cl: float
    method: str
    efficiency: str
    headlines: tuple[HeadlineLimit, ...]
    shifts: tuple[Shift, ...]
    numbers: tuple[AssumedNumber, ...]
    notes: tuple[str, ...]
    provenance: Mapping[str, Any]

    def of(self, headline: str) -> tuple[Shift, ...]:
        """The shifts of one headline limit, by its name.

        Parameters
        ----------
        headline
            Name of a headline limit.
        """
        return tuple(shift for shift in self.shifts if shift.headline == headline)

    def ranked(self, headline: str) -> tuple[tuple[str, tuple[Shift, ...]], ...]:
        """The assumptions that concern a headline limit with their shifts, the one that moves it most first.

        Parameters
        ----------
        headline
            Name of a headline limit.
        """
        groups: dict[str, list[Shift]] = {}
        for shift in self.of(headline):
            groups.setdefault(shift.what, []).append(shift)
        order = sorted(groups, key=lambda what: -max(shift.size for shift in groups[what]))
        return tuple((what, tuple(groups[what])) for what in order)

    def only(self, *headlines: str) -> Sensitivity:
        """The record with some of the headline limits, by name and in this order.

        Parameters
        ----------
        *headlines
            Names of headline limits.

        Raises
        ------
        InputError
            If there is no such headline.
        """
        known = {item.name: item for item in self.headlines}
        for name in headlines:
            if name not in known:
                raise InputError(f"headline {name!r}: expected {'; '.join(known)}")
        kept = tuple(shift for shift in self.shifts if shift.headline in headlines)
        fields = {**vars(self), "headlines": tuple(known[name] for name in headlines), "shifts": kept}
        return Sensitivity(**fields)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "schema": SCHEMA,
            "kind": "sensitivity",
            **{name: getattr(self, name) for name in ("run", "background", "cl", "method", "efficiency")},
            "headlines": [{"name": item.name, **asdict(item)} for item in self.headlines],
            "shifts": [{**asdict(shift), "ratio": shift.ratio} for shift in self.shifts],
            "numbers": [asdict(number) for number in self.numbers],
            "notes": list(self.notes),
            "provenance": dict(self.provenance),
        }


def load_sensitivity(path: str | Path) -> Sensitivity:
    """Read what `Sensitivity.save`, or `na64stat sensitivity --json`, wrote.

    Parameters
    ----------
    path
        The JSON file.

    Raises
    ------
    InputError
        If the file is missing or is no such record.
    """
    return sensitivity_of(read_entry(path))


def sensitivity_of(file: Entry) -> Sensitivity:
    """The record in a file that has been read; errors as for `load_sensitivity`."""
    record = record_of(file, "sensitivity", SCHEMA, "sensitivity file")
    headlines = tuple(_headline(item) for item in record["headlines"].items())
    names = [line.name for line in headlines]
    if len(set(names)) < len(names):
        raise record["headlines"].wrong("a list with each limit once")
    return Sensitivity(
        run=record["run"].name(),
        background=record["background"].text(),
        cl=record["cl"].number(LEVEL),
        method=record["method"].name(),
        efficiency=record["efficiency"].one_of((REINFERRED, HELD)),
        headlines=headlines,
        shifts=tuple(_shift(item, names) for item in record["shifts"].items()),
        numbers=tuple(_number(item) for item in record["numbers"].items()),
        notes=record["notes"].texts(),
        provenance=record["provenance"].object(),
    )


def _headline(item: Entry) -> HeadlineLimit:
    return HeadlineLimit(
        scenario=item["scenario"].name(),
        mass=item["mass"].positive(),
        regions=item["regions"].names(),
        edge=item["edge"].one_of(("lower", "upper")),
        coupling_unit=item["coupling_unit"].name(),
        limit=item["limit"].or_none(Entry.positive),
        status=item["status"].text(),
    )


def _shift(item: Entry, headlines: Sequence[str]) -> Shift:
    return Shift(
        **{name: item[name].text() for name in ("what", "origin", "start", "end", "why", "status")},
        headline=item["headline"].one_of(headlines),
        side=item["side"].one_of((-1, 0, 1)),
        keys=item["keys"].texts(),
        before=item["before"].or_none(Entry.positive),
        after=item["after"].or_none(Entry.positive),
        efficiency=item["efficiency"].one_of((UNCHANGED, REINFERRED, HELD)),
    )


def _number(item: Entry) -> AssumedNumber:
    return AssumedNumber(
        **{name: item[name].text() for name in ("key", "unit", "source", "reason")},
        value=item["value"].number(FINITE),
        uncertainty=item["uncertainty"].or_none(lambda value: value.number(NOT_NEGATIVE)),
    )
