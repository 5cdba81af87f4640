"""The plane of an NA64mu event: energy in the calorimeters against momentum of the outgoing muon.

`Binning` cuts the plane into rectangles, `Region` names a part of it. Both are pure geometry: what falls where is
computed in `na64stat.experiment.response`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import RegionError

Range = tuple[float, float]
EVERYTHING: Range = (-math.inf, math.inf)


@dataclass(frozen=True)
class Binning:
    """Rectangular bins of the (E_CAL, p_out) plane.

    Attributes
    ----------
    e_cal, p_out
        Bin edges [GeV], increasing.
    """

    e_cal: tuple[float, ...]
    p_out: tuple[float, ...]

    def __post_init__(self) -> None:
        for axis in ("e_cal", "p_out"):
            edges = np.asarray(getattr(self, axis), dtype=float)
            if edges.ndim != 1 or len(edges) < 2 or not np.all(np.diff(edges) > 0):
                raise RegionError(f"binning: {axis} edges must be at least two increasing numbers, got {edges}")

    @classmethod
    def uniform(cls, width: float = 4.0, stop: float = 200.0) -> Binning:
        """Square bins of one `width` [GeV] from 0 to `stop` [GeV] on both axes.

        Parameters
        ----------
        width
            Of a bin [GeV].
        stop
            Upper end of both axes [GeV].

        Raises
        ------
        RegionError
            If the width does not lie between 0 and the size of the plane.
        """
        if not (math.isfinite(width) and 0 < width <= stop < math.inf):
            raise RegionError(f"binning: width {width} must lie between 0 and the plane's size, {stop} GeV")
        edges = tuple(float(edge) for edge in width * np.arange(round(stop / width) + 1))
        return cls(edges, edges)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of bins in E_CAL and p_out."""
        return len(self.e_cal) - 1, len(self.p_out) - 1


@dataclass(frozen=True)
class Region:
    """A named part of the plane: a range in each axis and in their sum.

    Attributes
    ----------
    name
        Identifier, unique in a run.
    e_cal, p_out
        Ranges [GeV]; infinite where there is no cut.
    total
        Range [GeV] of E_CAL + p_out.
    overlaps
        Names of regions that share events with this one; they are never combined.
    """

    name: str
    e_cal: Range = EVERYTHING
    p_out: Range = EVERYTHING
    total: Range = EVERYTHING
    overlaps: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for axis in ("e_cal", "p_out", "total"):
            low, high = getattr(self, axis)
            if not low < high:
                raise RegionError(f"region {self.name!r}: {axis} range [{low}, {high}] GeV is empty")

    def holds_bins(self, binning: Binning) -> NDArray[np.bool_]:
        """Bins whose centre lies in the region, shape of the binning.

        Parameters
        ----------
        binning
            The bins of the plane.
        """
        e_centre = (np.asarray(binning.e_cal)[1:] + np.asarray(binning.e_cal)[:-1])[:, None] / 2
        p_centre = (np.asarray(binning.p_out)[1:] + np.asarray(binning.p_out)[:-1])[None, :] / 2
        inside: NDArray[np.bool_] = np.ones(binning.shape, dtype=bool)
        for value, (low, high) in (
            (e_centre, self.e_cal),
            (p_centre, self.p_out),
            (e_centre + p_centre, self.total),
        ):
            inside &= (value > low) & (value < high)
        return inside
