"""Curves of limits against the mass: every edge of the excluded couplings, and the bands of what was expected."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

from na64stat.plot.exclusion import Band, Curve
from na64stat.records.limits import LimitPoint, ScenarioLimits
from na64stat.records.status import is_from_below

ARTEFACT: Final = "only the sum over layers"
"""Explains dots in a legend: beyond them points are allowed if the production depth is averaged continuously."""

_THIN: Final = 0.8
_Edge = tuple[float, float]  # mass, coupling


def limit_curve(
    found: ScenarioLimits, label: str, colour: str | None, level: str | None = None, channel: str = ""
) -> Curve:
    """The lowest excluded coupling against the mass at a level, default the one that decides (of a projection the median)."""
    pairs = [(point.mass, point.coupling[level or found.verdict]) for point in found.points]
    kept = [(mass, coupling) for mass, coupling in pairs if coupling is not None]
    return Curve(label, [mass for mass, _ in kept], [coupling for _, coupling in kept], colour, channel=channel)


def edge_curves(found: ScenarioLimits, level: str, label: str, colour: str, style: Any, width: float) -> list[Curve]:
    """All edges of the excluded couplings at a level.

    The lower edges of the lowest intervals, their upper edges thin, further intervals as vertical strokes at their masses; a
    curve ends where nothing is excluded. Thin dots, without a name, bound what the layer sum alone excludes. At the deciding
    level there is no edge where the search begins.

    Parameters
    ----------
    found
        The limits.
    level
        Of `LimitPoint.intervals`.
    label, colour, style, width
        Of the lower edge.
    """
    decides = level == found.verdict
    points = sorted(found.points, key=lambda point: point.mass)
    curves = []
    for end, wide in ((0, width), (1, _THIN)):
        for part in _joined([_edge(point, level, end, decides) for point in points]):
            mass, coupling = zip(*part, strict=True)
            curves.append(Curve(label, mass, coupling, colour, style, width=wide))
    for point in points:
        for low, high in point.intervals.get(level, ())[1:]:
            curves.append(Curve(label, [point.mass] * 2, [low, high or low], colour, style, width=_THIN))
    # One name for one quantity: a legend shows the first.
    return [*sorted(curves, key=lambda curve: curve.width < width), *_dots(points, level, colour)]


def bands(found: ScenarioLimits, low: str, high: str, label: str, colour: str, hatch: str = "") -> list[Band]:
    """The band between two levels, where it has a width; none if it has none."""
    points = [
        (point.mass, point.coupling[low], point.coupling[high])
        for point in found.points
        if point.coupling.get(low) and point.coupling.get(high)
    ]
    if not any(below != above for _, below, above in points):
        return []
    mass, below, above = zip(*points, strict=True)
    return [Band(label, mass, below, above, colour, hatch)]


def _edge(point: LimitPoint, level: str, end: int, decides: bool) -> _Edge | None:
    intervals = point.intervals.get(level, ())
    value = intervals[0][end] if intervals else None
    if end == 0 and decides and is_from_below(point.status):
        return None
    return None if value is None else (point.mass, value)


def _dots(points: Sequence[LimitPoint], level: str, colour: str) -> list[Curve]:
    """Edges of what the layer sum alone excludes, but for those that are edges of what is excluded, too."""
    curves = []
    for end in (0, 1):
        edges: list[_Edge | None] = []
        for point in points:
            artefacts = point.artefacts.get(level, ())
            known = {edge for interval in point.intervals.get(level, ()) for edge in interval}
            value = artefacts[0][end] if artefacts else None
            edges.append(None if value is None or value in known else (point.mass, value))
        for part in _joined(edges):
            mass, coupling = zip(*part, strict=True)
            curves.append(Curve("", mass, coupling, colour, ":", width=_THIN + 0.1, channel=ARTEFACT))
    return curves


def _joined(edges: Sequence[_Edge | None]) -> list[list[_Edge]]:
    """Edges at neighbouring masses; one that comes back from infinity is another curve."""
    groups = itertools.groupby(edges, key=lambda edge: edge is not None)
    return [[edge for edge in group if edge is not None] for there, group in groups if there]
