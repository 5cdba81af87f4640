"""Curves of limits against the mass: every edge of the excluded couplings, and the bands of what was expected."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

from na64stat.plot.exclusion import Band, Curve
from na64stat.study.limits_record import LimitPoint, ScenarioLimits
from na64stat.study.status import is_from_below

ARTEFACT: Final = "only the sum over layers"
"""Explains dots in a legend: beyond them points are allowed if the production depth is averaged continuously."""

_THIN: Final = 0.8
_Edge = tuple[float, float, bool]  # mass, coupling, whether it bounds an artefact


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
    curve ends where nothing is excluded. At the deciding level edges of artefacts are thin dots, and
    where the search begins there is no edge.

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
        edges = [_edge(point, level, end, decides) for point in points]
        # An edge that comes back from infinity is another curve.
        for there, run in itertools.groupby(edges, key=lambda edge: edge is not None):
            if there:
                curves += _pieces([edge for edge in run if edge is not None], label, colour, style, wide)
    for point in points:
        for low, high in point.intervals.get(level, ())[1:]:
            dotted = decides and point.bounds_artefact(low, 0)
            curves.append(_curve([(point.mass, low), (point.mass, high or low)], label, colour, style, _THIN, dotted))
    # One name for one quantity: a legend shows the first.
    return sorted(curves, key=lambda curve: curve.width < width)


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
    return None if value is None else (point.mass, value, decides and point.bounds_artefact(value, end))


def _pieces(edges: Sequence[_Edge], label: str, colour: str, style: Any, width: float) -> list[Curve]:
    """An edge in pieces that are artefacts or not; each begins where the one before ends."""
    curves, start = [], 0
    for dotted, piece in itertools.groupby(edges, key=lambda edge: edge[2]):
        stop = start + len(list(piece))
        part = [(mass, coupling) for mass, coupling, _ in edges[max(start - 1, 0) : stop]]
        curves.append(_curve(part, label, colour, style, width, dotted))
        start = stop
    return curves


def _curve(
    points: Sequence[tuple[float, float]], label: str, colour: str, style: Any, width: float, dotted: bool
) -> Curve:
    mass, coupling = zip(*points, strict=True)
    if dotted:
        return Curve("", mass, coupling, colour, ":", width=_THIN + 0.1, channel=ARTEFACT)
    return Curve(label, mass, coupling, colour, style, width=width)
