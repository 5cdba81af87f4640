"""A scenario given by the user's own table of dsigma/dx.

The CSV holds the columns of `COLUMNS`, one row for each mass and x::

    mass_gev,x,dsigma_dx_pb,width_gev,visible_fraction
    0.01,0.10,3.2e9,0,0
    0.01,0.50,4.1e9,0,0
    0.01,0.99,2.0e9,0,0

`dsigma_dx_pb` and `width_gev` are at coupling 1 and scale with the coupling squared; a width of 0 means a particle that
escapes. `width_gev` and `visible_fraction` are the same in all rows of one mass. Beyond the tabulated x the spectrum is zero;
between masses the error falls with the square of their distance in the logarithm (20% in the middle of a factor of four).
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from na64stat import units
from na64stat.errors import ScenarioError, TableError, ValidityWarning
from na64stat.files import read_table
from na64stat.physics.nucleus import Nucleus
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.production import Array, Production

COLUMNS = {
    "mass_gev": float,
    "x": float,
    "dsigma_dx_pb": float,
    "width_gev": float,
    "visible_fraction": float,
}

COMPLETE = 0.9
"""A table that ends below this energy fraction leaves out a good part of what the invisible region accepts."""


@dataclass(frozen=True, eq=False)
class SpectrumTable:
    """Tabulated spectra.

    Attributes
    ----------
    path
        Where it was read from.
    mass
        Increasing masses [GeV], shape (M,).
    x, dsigma_dx
        Increasing energy fractions and spectra [GeV^-2] at coupling 1, one array each mass.
    width
        Decay widths [GeV] at coupling 1, shape (M,).
    visible_fraction
        Share of the decays that the calorimeters see, shape (M,).
    """

    path: str
    mass: Array
    x: tuple[Array, ...]
    dsigma_dx: tuple[Array, ...]
    width: Array
    visible_fraction: Array

    @classmethod
    def read(cls, path: str | Path) -> SpectrumTable:
        """Read and check a CSV.

        Parameters
        ----------
        path
            The CSV.

        Raises
        ------
        TableError
            Naming the file, and the mass or line that is wrong.
        """
        columns = {name: np.array(values, dtype=float) for name, values in read_table(Path(path), COLUMNS).items()}
        for column, low, high in (
            ("mass_gev", math.ulp(0), math.inf),
            ("x", 0, 1),
            ("dsigma_dx_pb", 0, math.inf),
            ("width_gev", 0, math.inf),
            ("visible_fraction", 0, 1),
        ):
            bad = columns[column][(columns[column] < low) | (columns[column] > high)]
            if len(bad):
                wanted = "> 0" if column == "mass_gev" else f">= 0 and <= {high:g}"
                raise TableError(f"{path}: column {column}: {bad[0]:g}; expected a number {wanted}")
        masses, first = np.unique(np.sort(columns["mass_gev"]), return_index=True)
        # Rows of each mass, in the order of the file.
        rows = np.split(np.argsort(columns["mass_gev"], kind="stable"), first[1:])
        for mass, at in zip(masses, rows, strict=True):
            _check_rows(f"{path}", float(mass), columns["x"][at], at)
            for column in ("width_gev", "visible_fraction"):
                if len(np.unique(columns[column][at])) > 1:
                    raise TableError(
                        f"{path}: mass_gev = {mass:g}: {column} differs between rows; expected one value a mass"
                    )
        for mass, at in zip(masses, rows, strict=True):
            x, spectrum = columns["x"][at], columns["dsigma_dx_pb"][at]
            if x[-1] < COMPLETE and spectrum[-1] > 0:
                warnings.warn(
                    f"{path}: mass_gev = {mass:g}: the table ends at x = {x[-1]:g}, where dsigma/dx is not zero; beyond "
                    "it counts as zero",
                    ValidityWarning,
                    stacklevel=3,
                )
                break
        return cls(
            str(path),
            masses,
            tuple(columns["x"][at] for at in rows),
            tuple(columns["dsigma_dx_pb"][at] / units.GEV2_TO_PB for at in rows),
            np.array([columns["width_gev"][at][0] for at in rows]),
            np.array([columns["visible_fraction"][at][0] for at in rows]),
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the numbers, wherever they come from: tables of one digest predict the same."""
        sizes = np.array([len(values) for values in self.x])
        columns = (self.mass, self.width, self.visible_fraction, *self.x, *self.dsigma_dx)
        numbers = [sizes.astype("<i8").tobytes(), *(np.asarray(values, "<f8").tobytes() for values in columns)]
        return hashlib.sha256(b"".join(numbers)).hexdigest()

    def neighbours(self, mass: float) -> tuple[int, int, float]:
        """Indices of the tabulated masses around `mass`, and its share of the way in ln mass.

        Parameters
        ----------
        mass
            Mass [GeV].
        """
        upper = int(np.clip(np.searchsorted(self.mass, mass), 1, max(len(self.mass) - 1, 1)))
        if len(self.mass) == 1:
            return 0, 0, 0.0
        share = math.log(mass / self.mass[upper - 1]) / math.log(self.mass[upper] / self.mass[upper - 1])
        return upper - 1, upper, share


def _check_rows(path: str, mass: float, x: Array, rows: NDArray[np.intp]) -> None:
    """Refuse rows of one mass whose x do not increase, with a TableError."""
    if len(rows) < 2:
        raise TableError(f"{path}: mass_gev = {mass:g}: one row; expected at least two with increasing x")
    back = np.flatnonzero(np.diff(x) <= 0)
    if len(back):
        before, here = x[back[0]], x[back[0] + 1]
        why = "stands there twice" if here == before else f"comes after {before:g}"
        raise TableError(
            f"{path}, row {rows[back[0] + 1] + 1} below the header: mass_gev = {mass:g}: x = {here:g} {why}; "
            "expected increasing x, each "
            "once"
        )


@final
@dataclass(frozen=True, kw_only=True)
class Tabulated(Scenario):
    """A table of dsigma/dx, interpolated linearly in x, and between masses in the logarithms.

    Attributes
    ----------
    mass
        Mass [GeV], within the table.
    coupling
        Coupling, in the table's unit.
    table
        The spectra; `from_csv` reads them.
    """

    table: SpectrumTable = field(repr=False)

    name = "tabulated"
    production_power = 2.0
    width_power = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self.table.mass[0], self.table.mass[-1]
        if not low <= self.mass <= high:
            raise ScenarioError(
                f"{self.table.path}: mass = {self.mass:g} GeV is not in the table, {low:g} to {high:g} GeV"
            )

    @staticmethod
    def from_csv(path: str | Path) -> Callable[..., Tabulated]:
        """A factory of scenarios over one table.

        Parameters
        ----------
        path
            CSV with the columns mass_gev, x, dsigma_dx_pb, width_gev and visible_fraction; the last two are 0 if it is stable.
        """
        return partial(Tabulated, table=SpectrumTable.read(path))

    def production(self, x: Array, beam_energy: float, nucleus: Nucleus) -> Production:
        """The table's spectrum; 0 outside its range of x."""
        low, high, share = self.table.neighbours(self.mass)
        ends = [np.interp(x, self.table.x[i], self.table.dsigma_dx[i], left=0.0, right=0.0) for i in (low, high)]
        return Production(self.mass, self.coupling**2 * _between(ends[0], ends[1], share))

    def width(self) -> float:
        """The table's width [GeV], times coupling squared."""
        low, high, share = self.table.neighbours(self.mass)
        return self.coupling**2 * float(_between(self.table.width[low], self.table.width[high], share))

    def visible_fraction(self) -> float:
        """The table's share of decays that are seen."""
        low, high, share = self.table.neighbours(self.mass)
        ends = self.table.visible_fraction
        return float((1 - share) * ends[low] + share * ends[high])


def _between(low: Array | float, high: Array | float, share: float) -> Array:
    """Geometric interpolation where both ends are positive, linear where one is zero."""
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    positive = (low > 0) & (high > 0)
    logs = [np.log(np.where(positive, end, 1.0)) for end in (low, high)]
    return np.where(positive, np.exp((1 - share) * logs[0] + share * logs[1]), (1 - share) * low + share * high)
