"""The record of how far each headline limit moves with each assumption, and its JSON form."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from na64stat.errors import InputError, shown
from na64stat.study.record_files import Saved, damaged, level_of, number_of, positive, read_record, text_of, texts_of

SCHEMA: Final = 1

_T = TypeVar("_T")

UNCHANGED, REINFERRED, HELD = "unchanged", "re-inferred", "held"
"""What became of the efficiency: it does not depend on what was moved, it was inferred anew, it was kept although it does."""

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
    """What one variation does to one headline limit.

    Attributes
    ----------
    what, origin, start, end, side, why, keys
        The variation; see `na64stat.study.variation.Variation`.
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
        """The same with some of the headline limits, by name and in this order.

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
                raise InputError(f"headline {name!r}: {'; '.join(known)} is right")
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
    record = read_record(path, "sensitivity", SCHEMA)
    with damaged(path, "sensitivity file"):
        headlines = tuple(_headline(item) for item in record["headlines"])
        shifts = tuple(_shift(item) for item in record["shifts"])
        names = {line.name for line in headlines}
        if len(names) != len(headlines):
            raise ValueError("a limit stands there twice")
        for shift in shifts:
            if shift.headline not in names:
                raise ValueError(f"a change of {shown(shift.headline)}, which is none of the limits")
        return Sensitivity(
            **{name: text_of(record[name]) for name in ("run", "background", "method")},
            efficiency=_one_of(record["efficiency"], (REINFERRED, HELD)),
            cl=level_of(record["cl"]),
            headlines=headlines,
            shifts=shifts,
            numbers=tuple(_number(item) for item in record["numbers"]),
            notes=texts_of(record["notes"]),
            provenance=dict(record["provenance"]),
        )


def _headline(item: Mapping[str, Any]) -> HeadlineLimit:
    return HeadlineLimit(
        scenario=text_of(item["scenario"]),
        mass=float(positive([item["mass"]])[0]),
        regions=texts_of(item["regions"]),
        edge=_one_of(item["edge"], ("lower", "upper")),
        coupling_unit=text_of(item["coupling_unit"]),
        limit=_coupling(item["limit"]),
        status=text_of(item["status"]),
    )


def _shift(item: Mapping[str, Any]) -> Shift:
    found = Shift(
        **{name: text_of(item[name]) for name in ("what", "origin", "start", "end", "why", "headline", "status")},
        side=_one_of(item["side"], (-1, 0, 1)),
        keys=texts_of(item["keys"]),
        before=_coupling(item["before"]),
        after=_coupling(item["after"]),
        efficiency=_one_of(item["efficiency"], (UNCHANGED, REINFERRED, HELD)),
    )
    if found.ratio is not None and not 0 < found.ratio < math.inf:
        raise ValueError(f"couplings {found.before} and {found.after}, whose ratio is no number")
    return found


def _number(item: Mapping[str, Any]) -> AssumedNumber:
    uncertainty = item["uncertainty"]
    return AssumedNumber(
        **{name: text_of(item[name]) for name in ("key", "unit", "source", "reason")},
        value=number_of(item["value"]),
        uncertainty=None if uncertainty is None else number_of(uncertainty),
    )


def _coupling(value: Any) -> float | None:
    """A positive number, or None for null."""
    return None if value is None else float(positive([value])[0])


def _one_of(value: Any, known: tuple[_T, ...]) -> _T:
    """An entry that can have a few values, of the same type; ValueError for anything else."""
    for right in known:
        if type(value) is type(right) and value == right:
            return right
    raise ValueError(f"{shown(value)}; {' or '.join(map(repr, known))} is right")
