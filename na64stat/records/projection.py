"""Records of projections, and their JSON form: limits and discovery reach against the muons on target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

from na64stat.errors import InputError
from na64stat.files.saved import SavedByFields
from na64stat.records.answer import SCHEMA, Answer, header_of
from na64stat.records.fields import Entry, Range
from na64stat.records.limits import Interval, LimitPoint, events_of, limit_point, lowest
from na64stat.records.record import read_entry, record_of

BACKGROUNDS: Final = ("none", "per-mot", "fixed")

_SIGNIFICANCE: Final = Range(1e-3, 100.0, "a positive number of standard deviations, from 0.001 to 100")


@dataclass(frozen=True)
class Reach:
    """Couplings at which the median significance, if the signal is there, is at least `significance`.

    Attributes
    ----------
    significance
        Standard deviations.
    coupling
        The lowest of them, in the scenario's unit; None where there is none.
    events
        Expected signal there, summed over the channels.
    intervals
        All of them; the upper end is None where no upper edge was found.
    status
        "reached", "not reached", or "failed: " and why. After "reached" stands a remark where the lowest of them lies below those
        that were searched.
    """

    significance: float
    coupling: float | None
    events: float | None
    intervals: tuple[Interval, ...]
    status: str


@dataclass(frozen=True)
class ProjectionPoint:
    """Limit (its levels are "minus2" to "plus2") and discovery reach at a number of muons on target and a mass.

    Attributes
    ----------
    mot
        Muons on target.
    limit
        Its levels are "minus2" to "plus2".
    reach
        One entry for each significance.
    """

    mot: float
    limit: LimitPoint
    reach: tuple[Reach, ...]

    @property
    def mass(self) -> float:
        """Mass [GeV]."""
        return self.limit.mass


@dataclass(frozen=True, kw_only=True)
class Projection(Answer):
    """Limits and discovery reach against the muons on target.

    Attributes
    ----------
    background, background_setting
        What becomes of the background ("none", "per-mot", "fixed"), and the setting of the run that it starts from.
    points
        One entry for each number of muons and mass, the masses one after the other.
    """

    kind: ClassVar[str] = "projection"

    background: str
    background_setting: str
    points: tuple[ProjectionPoint, ...]

    @property
    def mot(self) -> tuple[float, ...]:
        """Muons on target, as asked for."""
        return tuple(dict.fromkeys(point.mot for point in self.points))

    @property
    def masses(self) -> tuple[float, ...]:
        """Masses [GeV], as asked for."""
        return tuple(dict.fromkeys(point.mass for point in self.points))

    def at_mass(self, mass: float) -> tuple[ProjectionPoint, ...]:
        """The points of one of the masses.

        Parameters
        ----------
        mass
            One of `masses` [GeV].
        """
        return tuple(point for point in self.points if point.mass == mass)

    def _content(self) -> dict[str, Any]:
        return {
            "background": self.background,
            "background_setting": self.background_setting,
            "points": [
                {"mot": point.mot, "limit": asdict(point.limit), "reach": [asdict(item) for item in point.reach]}
                for point in self.points
            ],
        }


def load_projection(path: str | Path) -> Projection:
    """Read a projection that `Projection.save` wrote.

    Parameters
    ----------
    path
        The JSON file.

    Raises
    ------
    InputError
        If the file is missing or is no projection.
    """
    return projection_of(read_entry(path))


def projection_of(file: Entry) -> Projection:
    """The projection in a file that has been read; errors as for `load_projection`."""
    record = record_of(file, "projection", SCHEMA, "projection file")
    points = tuple(_point(item) for item in record["points"].filled())
    first = [item.significance for item in points[0].reach]
    for number, point in enumerate(points):
        if [item.significance for item in point.reach] != first:
            raise record["points"].item(number)["reach"].wrong(f"one entry of each significance of points[0], {first}")
    return Projection(
        **header_of(record),
        background=record["background"].one_of(BACKGROUNDS),
        background_setting=record["background_setting"].text(),
        points=points,
        notes=record["notes"].texts(),
    )


def _point(item: Entry) -> ProjectionPoint:
    limit = limit_point(item["limit"], "mass", "median")
    return ProjectionPoint(item["mot"].positive(), limit, _reaches(item["reach"]))


def _reaches(entry: Entry) -> tuple[Reach, ...]:
    """A reach of each significance, all of them different."""
    found = tuple(_reach(part) for part in entry.items())
    if len({reach.significance for reach in found}) < len(found):
        raise entry.wrong("one entry of each significance")
    return found


def _reach(part: Entry) -> Reach:
    intervals = part["intervals"].intervals()
    return Reach(
        part["significance"].number(_SIGNIFICANCE),
        lowest(part["coupling"], intervals),
        part["events"].or_none(events_of),
        intervals,
        part["status"].status(("reached", "not reached")),
    )


@dataclass(frozen=True)
class Need:
    """Muons on target from which on a verdict always holds, up to 1e20.

    Attributes
    ----------
    verdict
        "excluded", "3 sigma" or "5 sigma": what the median outcome says.
    mot
        Muons on target; None where `reason` says why there is no such number.
    events
        Expected signal there, summed over the channels.
    reason
        Why there is none, or what else is to be known; empty if nothing is.
    """

    verdict: str
    mot: float | None
    events: float | None
    reason: str = ""


@dataclass(frozen=True)
class MotNeeded(SavedByFields):
    """Muons on target that a point of a scenario needs.

    Attributes
    ----------
    scenario, mass, coupling, coupling_unit
        The point, its mass in GeV.
    run, regions, cl, method, background, background_setting
        What was asked; see `Projection`.
    events
        Expected signal by channel with the muons of the run itself.
    needs
        For exclusion without the signal, and for 3 and 5 standard deviations with it, in the median.
    notes
        What a reader should know.
    provenance
        Versions and digests of the inputs, and what else was asked.
    """

    kind: ClassVar[str] = "mot_needed"

    scenario: str
    mass: float
    coupling: float
    coupling_unit: str
    run: str
    regions: tuple[str, ...]
    cl: float
    method: str
    background: str
    background_setting: str
    events: Mapping[str, float]
    needs: tuple[Need, ...]
    notes: tuple[str, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def need(self, verdict: str) -> Need:
        """The entry of a verdict: "excluded", "3 sigma" or "5 sigma".

        Parameters
        ----------
        verdict
            "excluded", "3 sigma" or "5 sigma".

        Raises
        ------
        InputError
            For another verdict.
        """
        for item in self.needs:
            if item.verdict == verdict:
                return item
        raise InputError(f"verdict {verdict!r}: expected {', '.join(item.verdict for item in self.needs)}")
