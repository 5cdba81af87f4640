"""The record of limits of a scenario against the mass, and its JSON form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

from na64stat.records.answer import SCHEMA, Answer, header_of
from na64stat.records.fields import NOT_NEGATIVE, Entry
from na64stat.records.record import read_entry, record_of
from na64stat.stats.results import BAND_QUANTILES

Interval = tuple[float, float | None]

LEVELS: Final = ("observed", *BAND_QUANTILES)
STATUSES: Final = ("excluded", "artefact", "allowed", "no signal")

_SAME: Final = 1e-6
"""Relative difference of two numbers that a record has of one edge."""

_SLIVER: Final = 1.01
"""A stretch of couplings narrower than this ratio is not told apart."""


def outside(intervals: Sequence[Interval], removed: Sequence[Interval], top: float = math.inf) -> tuple[Interval, ...]:
    """Parts of intervals outside others, slivers left out.

    Parameters
    ----------
    intervals, removed
        In increasing order; an upper end of None is `top`.
    top
        Where couplings end.
    """
    parts: list[Interval] = []
    for low, high in intervals:
        end = top if high is None else high
        at = low
        for other_low, other_high in (*removed, (end, end)):
            stop = min(other_low, end)
            if stop > at * _SLIVER:
                parts.append((at, None if high is None and stop == top else stop))
            at = max(at, top if other_high is None else other_high)
    return tuple(parts)


@dataclass(frozen=True)
class LimitPoint:
    """Excluded couplings at one mass.

    Attributes
    ----------
    mass
        Mass [GeV].
    coupling
        Lowest excluded coupling in the scenario's unit, by level ("observed", "minus2", ... "plus2"); None where nothing is
        excluded.
    events
        Expected signal there, summed over the channels.
    intervals
        Excluded intervals of the coupling by level; the upper end is None where no upper edge was found. What only the sum
        over target layers excludes is none of them.
    artefacts
        What the layer sum alone excludes, and the continuous depth average does not, by level: no exclusion.
    status
        "excluded", "artefact" (only the layer sum excludes), "allowed" (nothing is), each by the observed (or median) level,
        "no signal", or "failed: " and why. After "excluded" stands a remark where the lowest excluded coupling lies below
        those that were searched.
    """

    mass: float
    coupling: Mapping[str, float | None]
    events: Mapping[str, float | None]
    intervals: Mapping[str, tuple[Interval, ...]]
    artefacts: Mapping[str, tuple[Interval, ...]] = field(default_factory=dict)
    status: str = "excluded"

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "mass_gev": self.mass,
            "coupling": dict(self.coupling),
            "events": dict(self.events),
            "intervals": {level: [list(interval) for interval in found] for level, found in self.intervals.items()},
            "artefacts": {level: [list(interval) for interval in found] for level, found in self.artefacts.items()},
            "status": self.status,
        }


@dataclass(frozen=True, kw_only=True)
class ScenarioLimits(Answer):
    """Limits of one scenario against its mass.

    Attributes
    ----------
    points
        One entry a mass.
    verdict
        Level that decides: "observed", or "median" for a projection.
    """

    kind: ClassVar[str] = "limits"

    points: tuple[LimitPoint, ...]
    verdict: str = "observed"

    def _content(self) -> dict[str, Any]:
        return {"verdict": self.verdict, "points": [point.as_dict() for point in self.points]}


def load_limits(path: str | Path) -> ScenarioLimits:
    """Read limits that `ScenarioLimits.save`, or `na64stat limit SCENARIO --json`, wrote.

    Parameters
    ----------
    path
        The JSON file.

    Raises
    ------
    InputError
        If the file is missing or holds no limits.
    """
    return limits_of(read_entry(path))


def limits_of(file: Entry) -> ScenarioLimits:
    """The limits in a file that has been read; errors as for `load_limits`."""
    record = record_of(file, "limits", SCHEMA, "file of limits")
    verdict = record["verdict"].one_of(("observed", "median"))
    return ScenarioLimits(
        **header_of(record),
        points=tuple(limit_point(point, "mass_gev", verdict) for point in record["points"].filled()),
        notes=record["notes"].texts(),
        verdict=verdict,
    )


def limit_point(entry: Entry, mass: str, verdict: str) -> LimitPoint:
    """The limits at a mass out of a file.

    Parameters
    ----------
    entry
        Of the point.
    mass
        Its key of the mass [GeV].
    verdict
        The level that decides, without which there are no limits.

    Raises
    ------
    InputError
        If a level is missing or none that there is, or a number is impossible.
    """
    needed = {verdict, *BAND_QUANTILES}
    for name in ("coupling", "events", "intervals", "artefacts"):
        part = entry[name]
        for level in sorted(needed - set(part.object())) if name != "artefacts" else ():
            _ = part[level]
        if unknown := set(part.object()) - set(LEVELS):
            raise part[min(unknown)].wrong(f"one of {', '.join(LEVELS)}, and nothing else")
    intervals = {level: found.intervals() for level, found in entry["intervals"].fields().items()}
    return LimitPoint(
        entry[mass].positive(),
        {level: lowest(value, intervals.get(level, ())) for level, value in entry["coupling"].fields().items()},
        {level: value.or_none(events_of) for level, value in entry["events"].fields().items()},
        intervals,
        {level: found.intervals() for level, found in entry["artefacts"].fields().items()},
        entry["status"].status(STATUSES),
    )


def lowest(entry: Entry, intervals: Sequence[Interval]) -> float | None:
    """The lowest coupling of some intervals, as it stands beside them; null where there are none.

    Parameters
    ----------
    entry
        Of the coupling.
    intervals
        In increasing order.

    Raises
    ------
    InputError
        If it is another one.
    """
    found = entry.or_none(Entry.positive)
    right = intervals[0][0] if intervals else None
    if (found is None) is not (right is None) or not math.isclose(found or 1.0, right or 1.0, rel_tol=_SAME):
        raise entry.wrong(f"{'null' if right is None else right}, as the intervals have it")
    return found


def events_of(entry: Entry) -> float:
    """A number of expected events."""
    return entry.number(NOT_NEGATIVE)
