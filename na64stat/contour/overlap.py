"""Two or more excluded regions compared in numbers: areas, what they have in common, tips, and couplings at given masses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import check, numbers
from na64stat.contour.region import ExclusionRegion, Tip
from na64stat.errors import InputError
from na64stat.files.saved import SavedByFields

Array = NDArray[np.float64]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Pair:
    """Areas, in decades of mass times decades of coupling, of what two regions share and what each has alone.

    Attributes
    ----------
    first, other
        Labels of the two.
    both, only_first, only_other
        Areas [decades of mass times decades of coupling].
    """

    first: str
    other: str
    both: float
    only_first: float
    only_other: float


@dataclass(frozen=True)
class Overlap(SavedByFields):
    """Regions beside each other, within the box that all of them cover.

    Attributes
    ----------
    mass, coupling
        That box [GeV; unit of the coupling].
    area, tip
        By label; the area in decades of mass times decades of coupling.
    pairs
        The first region with each other one.
    masses
        Masses [GeV] at which couplings are compared.
    intervals
        Excluded couplings by label, one tuple of intervals a mass.
    ratio
        Lowest excluded coupling relative to the first region's, by label, one a mass; None where either excludes nothing.
    notes
        What a reader should know.
    """

    kind: ClassVar[str] = "overlap"

    mass: Interval
    coupling: Interval
    area: Mapping[str, float]
    tip: Mapping[str, Tip | None]
    pairs: tuple[Pair, ...]
    masses: tuple[float, ...]
    intervals: Mapping[str, tuple[tuple[Interval, ...], ...]]
    ratio: Mapping[str, tuple[float | None, ...]]
    notes: tuple[str, ...] = ()


def overlap(regions: Mapping[str, ExclusionRegion], masses: float | Sequence[float] | Array = ()) -> Overlap:
    """Compare regions with the first of them.

    Between the points at which either verdict is known both are linear, so that an area is as good as its contours are.

    Parameters
    ----------
    regions
        Label -> region, at least two.
    masses
        Mass, or several [GeV], at which excluded couplings are compared.

    Raises
    ------
    InputError
        Fewer than two regions, boxes that do not meet, or a mass outside them.
    """
    right = "expected a dict from label to region, such as {'2022': exclusion.region(), ...}"
    check("regions", regions, Mapping, right)
    for region in regions.values():
        check("regions", region, ExclusionRegion, right)
    masses = numbers("masses", masses)
    if len(regions) < 2:
        raise InputError(f"overlap: {len(regions)} region; expected at least two")
    boxes = [region.box for region in regions.values()]
    low, high = (np.array([[axis[end] for axis in box] for box in boxes]) for end in range(2))
    low, high = low.max(axis=0), high.min(axis=0)
    if not (low < high).all():
        raise InputError("overlap: the regions have no range of masses and couplings in common")
    first, *others = regions
    pairs: list[Pair] = []
    area: dict[str, float] = {}
    for label in others:
        points = _points(regions[first], regions[label], low, high)
        one, other = (regions[name].excess_at(points[:, 0], points[:, 1]) for name in (first, label))
        shares = [
            _area(points, excess)
            for excess in (np.minimum(one, other), np.minimum(one, -other), np.minimum(-one, other))
        ]
        pairs.append(Pair(first, label, *shares))
        area.setdefault(first, _area(points, one))
        area[label] = _area(points, other)
    intervals = {
        label: tuple(_within(region.edges(float(mass)), low[1], high[1]) for mass in masses)
        for label, region in regions.items()
    }
    return Overlap(
        (float(low[0]), float(high[0])),
        (float(low[1]), float(high[1])),
        area,
        {label: region.tip for label, region in regions.items()},
        tuple(pairs),
        tuple(float(mass) for mass in masses),
        intervals,
        {label: tuple(map(_ratio, intervals[first], found)) for label, found in intervals.items()},
        tuple(
            f"{label}: area, tip and couplings include what only the sum over target layers excludes, no real exclusion; a "
            "region made without artefacts=True leaves it out"
            for label, region in regions.items()
            if any(any(curve.artefact) for curve in region.contours)
        ),
    )


def _points(one: ExclusionRegion, other: ExclusionRegion, low: Array, high: Array) -> Array:
    """Points of both within a box, and its corners, shape (N, 2)."""
    known = np.exp(np.concatenate([np.column_stack([part.log_mass, part.log_coupling]) for part in (one, other)]))
    inside = known[((known >= low) & (known <= high)).all(axis=1)]
    corners = np.array([(m, g) for m in (low[0], high[0]) for g in (low[1], high[1])])
    return np.unique(np.concatenate([inside, corners]), axis=0)


def _area(points: Array, excess: Array) -> float:
    return ExclusionRegion.of_points(np.log(points[:, 0]), np.log(points[:, 1]), excess, excess).area


def _within(intervals: Sequence[Interval], low: float, high: float) -> tuple[Interval, ...]:
    cut = [(max(float(a), float(low)), min(float(b), float(high))) for a, b in intervals]
    return tuple((a, b) for a, b in cut if a < b)


def _ratio(first: Sequence[Interval], other: Sequence[Interval]) -> float | None:
    return other[0][0] / first[0][0] if first and other else None
