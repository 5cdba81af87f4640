"""A published limit in the plane of mass and coupling: a closed region, or an edge with all above it excluded.

Between the tabulated points both axes are logarithmic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.errors import InputError

Array = NDArray[np.float64]
Shape = Literal["contour", "lower_edge"]


@dataclass(frozen=True)
class ExistingLimit:
    """A region that an experiment excludes; one experiment can have several.

    Attributes
    ----------
    experiment
        Name, as written in a figure.
    reference
        The papers to cite.
    shape
        "contour": the points go around the region, the last one connects to the first. "lower_edge": the masses
        increase, and every coupling above the edge is excluded between the first mass and the last.
    mass
        Masses [GeV].
    coupling
        Couplings, in `unit`.
    unit
        Unit of the coupling.
    computed
        Whether it was computed here, from a measurement, rather than read from a published curve.
    bibtex_keys
        Keys of the papers in `na64stat.limits_library.citations.references`.
    point
        What each point is, as in the tables' column: "curve", "border", "assumed"; empty where it is not known.
    """

    experiment: str
    reference: str
    shape: Shape
    mass: tuple[float, ...]
    coupling: tuple[float, ...]
    unit: str
    computed: bool = False
    bibtex_keys: tuple[str, ...] = ()
    point: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f"existing limit {self.experiment!r}"
        if self.shape not in get_args(Shape):
            raise InputError(f"{where}: shape {self.shape!r}; it is one of {', '.join(get_args(Shape))}")
        fewest = 3 if self.shape == "contour" else 2
        if len(self.mass) != len(self.coupling) or len(self.mass) < fewest:
            sizes = f"{len(self.mass)} masses and {len(self.coupling)} couplings"
            raise InputError(f"{where}: {sizes}; a {self.shape} needs at least {fewest} of each, in pairs")
        if self.point and len(self.point) != len(self.mass):
            raise InputError(
                f"{where}: {len(self.point)} marks for {len(self.mass)} points; expected one each, or none"
            )
        _positive(f"{where}: mass", self.mass)
        _positive(f"{where}: coupling", self.coupling)
        if self.shape == "lower_edge" and not np.all(np.diff(self.mass) > 0):
            raise InputError(f"{where}: the masses of a lower edge must increase, got {self.mass}")

    def polygon(self, coupling_top: float) -> Array:
        """Corners of the region (mass [GeV], coupling), shape (n, 2); to be drawn on logarithmic axes.

        Parameters
        ----------
        coupling_top
            How far up the region above a lower edge is to go; never below the edge's highest point, so that the corners
            do not cross. A contour is as it is.
        """
        corners = np.column_stack([self.mass, self.coupling])
        if self.shape == "contour":
            return corners
        top = max(float(_positive("coupling_top", coupling_top)), *self.coupling)
        return np.vstack([corners, [self.mass[-1], top], [self.mass[0], top]])

    def excludes(self, mass: ArrayLike, coupling: ArrayLike) -> NDArray[np.bool_]:
        """True if points lie in the region, of the broadcast shape; False at masses the limit says nothing about.

        Parameters
        ----------
        mass
            Masses [GeV].
        coupling
            Couplings, in the limit's unit.
        """
        x, y = np.broadcast_arrays(np.log(_positive("mass", mass)), np.log(_positive("coupling", coupling)))
        if self.shape == "contour":
            return self._encloses(x, y)
        edge_x, edge_y = np.log(self.mass), np.log(self.coupling)
        within = (x >= edge_x[0]) & (x <= edge_x[-1])
        inside: NDArray[np.bool_] = within & (y >= np.interp(x, edge_x, edge_y))
        return inside

    def lowest(self, mass: float) -> float | None:
        """Lowest excluded coupling at a mass [GeV], None where the limit does not reach.

        Parameters
        ----------
        mass
            Mass [GeV].
        """
        x = float(np.log(_positive("mass", mass)))
        edge_x, edge_y = np.log(self.mass), np.log(self.coupling)
        if self.shape == "contour":
            edge_x, edge_y = np.append(edge_x, edge_x[0]), np.append(edge_y, edge_y[0])
        crossings = []
        for x0, x1, y0, y1 in zip(edge_x[:-1], edge_x[1:], edge_y[:-1], edge_y[1:], strict=True):
            if min(x0, x1) <= x <= max(x0, x1):
                crossings.append(min(y0, y1) if x0 == x1 else y0 + (y1 - y0) * (x - x0) / (x1 - x0))
        return float(np.exp(min(crossings))) if crossings else None

    def _encloses(self, x: Array, y: Array) -> NDArray[np.bool_]:
        """Even-odd rule in the logarithms: inside, a ray towards larger coupling crosses an odd number of sides."""
        side_x, side_y = np.log(self.mass), np.log(self.coupling)
        inside = np.zeros(x.shape, dtype=bool)
        for x0, y0, x1, y1 in zip(side_x, side_y, np.roll(side_x, -1), np.roll(side_y, -1), strict=True):
            # A half-open range of x, so that a ray through a corner counts once; it leaves out vertical sides.
            crosses = (x0 <= x) != (x1 <= x)
            slope = (y1 - y0) / (x1 - x0) if x1 != x0 else 0.0
            inside ^= crosses & (y < y0 + slope * (x - x0))
        return inside


def _positive(name: str, value: ArrayLike) -> Array:
    array = np.asarray(value, dtype=float)
    wrong = array[~((array > 0) & (array < np.inf))]
    if wrong.size:
        raise InputError(f"{name} = {wrong.flat[0]} must be positive and finite")
    return array
