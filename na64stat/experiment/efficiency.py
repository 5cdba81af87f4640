"""Signal efficiency against the effective mass: `Efficiency` is the curve, `read_efficiency` and `to_csv` keep it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.resources.abc import Traversable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.errors import InputError, TableError
from na64stat.files import read_table

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Efficiency:
    """Signal efficiency [1] as a function of the effective mass [GeV].

    Straight between the knots in ln(efficiency) against ln(mass); the end values are held outside.

    Attributes
    ----------
    masses, values
        Knots of the curve [GeV; 1].
    point_masses, point_values
        The measured points the curve was drawn through [GeV; 1]; empty where there are none.
    """

    masses: tuple[float, ...]
    values: tuple[float, ...]
    point_masses: tuple[float, ...] = ()
    point_values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.masses) != len(self.values) or len(self.point_masses) != len(self.point_values):
            raise InputError("efficiency: expected as many values as masses")
        if not self.masses:
            raise InputError("efficiency: the curve has no knots")
        for label, masses, values in (
            ("curve", self.masses, self.values),
            ("points", self.point_masses, self.point_values),
        ):
            if not all(math.isfinite(m) and m > 0 for m in masses) or np.any(np.diff(masses) <= 0):
                raise InputError(f"efficiency: {label}: masses must be positive and increasing")
            wrong = [(m, v) for m, v in zip(masses, values, strict=True) if not 0 < v <= 1]
            if wrong:
                raise InputError(f"efficiency: {label}: {wrong[0][1]} at {wrong[0][0]} GeV must lie in (0, 1]")

    @classmethod
    def constant(cls, value: float) -> Efficiency:
        """One efficiency [1] for every mass; nothing is an extrapolation.

        Parameters
        ----------
        value
            The efficiency [1].
        """
        return cls((1e-12, 1e12), (value, value))

    @cached_property
    def _log_knots(self) -> tuple[Array, Array]:
        return np.log(self.masses), np.log(self.values)

    def __call__(self, effective_mass: ArrayLike) -> Array:
        """Efficiency [1] at an effective mass [GeV], of its shape.

        Raises
        ------
        InputError
            For a negative or NaN mass.
        """
        mass = _checked_mass(effective_mass)
        # Outside the table the end value holds, for a massless mediator too.
        clipped = np.clip(mass, self.masses[0], self.masses[-1])
        efficiency: Array = np.exp(np.interp(np.log(clipped), *self._log_knots))
        return efficiency

    def extrapolates(self, effective_mass: ArrayLike) -> NDArray[np.bool_]:
        """True if an effective mass [GeV] lies outside the table, so that the end value is held there.

        Parameters
        ----------
        effective_mass
            Effective masses [GeV].
        """
        mass = _checked_mass(effective_mass)
        return (mass < self.masses[0]) | (mass > self.masses[-1])

    def times(self, factor: float | Callable[[Array], Array]) -> Efficiency:
        """Efficiency multiplied by a factor, or by a function of the effective mass [GeV], points too.

        Parameters
        ----------
        factor
            A number [1], or a function of masses [GeV], shape (N,) to (N,).

        Raises
        ------
        InputError
            If an efficiency above one comes out.
        """
        columns = []
        for masses, values in ((self.masses, self.values), (self.point_masses, self.point_values)):
            factors = factor(np.array(masses)) if callable(factor) else factor
            columns += [masses, tuple((np.array(values) * factors).tolist())]
        return Efficiency(*columns)

    def to_csv(self) -> str:
        """The table that `read_efficiency` reads."""
        lines = ["kind,mass_gev,efficiency"]
        for kind, masses, values in (
            ("curve", self.masses, self.values),
            ("point", self.point_masses, self.point_values),
        ):
            lines += [f"{kind},{mass:.12g},{value:.12g}" for mass, value in zip(masses, values, strict=True)]
        return "\n".join(lines) + "\n"


def _checked_mass(effective_mass: ArrayLike) -> Array:
    mass = np.asarray(effective_mass, dtype=float)
    wrong = ~(mass >= 0)
    if np.any(wrong):
        raise InputError(f"efficiency: effective mass must not be negative or NaN, got {mass[wrong].flat[0]} GeV")
    return mass


def read_efficiency(path: Traversable) -> Efficiency:
    """Read an efficiency [1] from a CSV with columns ``kind, mass_gev, efficiency``; kind is ``curve`` or ``point``.

    Raises
    ------
    TableError
        If the file is missing or broken.
    """
    table = read_table(path, {"kind": str, "mass_gev": float, "efficiency": float})
    columns: dict[str, tuple[list[float], list[float]]] = {"curve": ([], []), "point": ([], [])}
    for kind, mass, value in zip(table["kind"], table["mass_gev"], table["efficiency"], strict=True):
        if kind not in columns:
            raise TableError(f"{path}: kind must be curve or point, got {kind!r} at {mass} GeV")
        columns[kind][0].append(mass)
        columns[kind][1].append(value)
    try:
        return Efficiency(*map(tuple, (*columns["curve"], *columns["point"])))
    except InputError as error:
        raise TableError(f"{path}: {error}") from error
