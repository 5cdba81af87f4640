"""Signal efficiency against the effective mass, and its inference from a published limit on a Z'.

`Efficiency` is the curve in use, `infer_efficiency` makes one, `read_efficiency` and `to_csv` keep it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources.abc import Traversable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.errors import InputError, TableError
from na64stat.experiment.acceptance import acceptance_curve
from na64stat.experiment.response import Response
from na64stat.experiment.target import Target
from na64stat.files import read_table
from na64stat.plane import Region

Array = NDArray[np.float64]

EVENTS_AT_LIMIT: Final = math.log(10)
"""Expected events at the 90% CL limit when none was observed."""

CURVE_KNOTS: Final = 121
"""40 per decade of mass: between knots the smooth curve is straight in the logarithms."""

MOST_POINTS: Final = 5000
"""Of a published limit; each takes an integral."""

_LARGEST: Final = 1e30
"""Of masses [GeV] and couplings; neither their squares nor their inverses overflow."""

_STIFFEST: Final = math.log(1e6)  # logarithm of the penalty on curvature at which the spline is a straight line


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
        """The same efficiency [1] at every mass; nothing is an extrapolation.

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
        """Whether an effective mass [GeV] lies outside the table, so that the end value is held there.

        Parameters
        ----------
        effective_mass
            Effective masses [GeV].
        """
        mass = _checked_mass(effective_mass)
        return (mass < self.masses[0]) | (mass > self.masses[-1])

    def times(self, factor: float | Callable[[Array], Array]) -> Efficiency:
        """The same efficiency multiplied by a factor, or by a function of the effective mass [GeV], points too.

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


def signal_per_efficiency(
    mass: float, coupling: float, *, mot: float, target: Target, response: Response, region: Region
) -> float:
    """Expected events of an invisible Z' in a region [1], at efficiency and branching fraction one.

    References
    ----------
    arXiv:2501.06294, eq. (1).
    """
    from na64stat.physics.cross_sections import dsigma_dx
    from na64stat.physics.kinematics import energy_fraction_limits
    from na64stat.physics.quadrature import energy_fraction_rule

    x_low, x_high = energy_fraction_limits(mass, response.beam_energy)
    x, weights = energy_fraction_rule(float(x_low), float(x_high))
    spectrum = dsigma_dx("vector", x, mass, response.beam_energy, target.nucleus)
    accepted = float(np.sum(weights * spectrum * acceptance_curve(response, region, "invisible")(x)))
    return mot * target.nuclei_per_area_gev2 * coupling**2 * accepted


def smoothing_spline(x: Array, y: Array, error: float) -> Callable[[Array], Array]:
    """Cubic smoothing spline through points of equal error, with chi^2 equal to their number.

    Of all curves with that chi^2 it has the smallest integrated squared second derivative; a straight line where even
    that has a smaller chi^2. The scatter of the data alone decides how stiff the curve is.

    References
    ----------
    C. H. Reinsch, Numer. Math. 10 (1967) 177.
    """
    from scipy.interpolate import make_smoothing_spline
    from scipy.optimize import brentq

    def spline(log_penalty: float) -> Callable[[Array], Array]:
        curve: Callable[[Array], Array] = make_smoothing_spline(x, y, lam=math.exp(log_penalty))
        return curve

    def excess(log_penalty: float) -> float:
        return float(np.sum((y - spline(log_penalty)(x)) ** 2)) / error**2 - len(x)

    if excess(_STIFFEST) <= 0:
        return spline(_STIFFEST)
    return spline(brentq(excess, -_STIFFEST, _STIFFEST, xtol=1e-9))


def infer_efficiency(
    limit_masses: Sequence[float] | Array,
    limit_couplings: Sequence[float] | Array,
    *,
    mot: float,
    target: Target,
    response: Response,
    region: Region,
    invisible_only: bool = False,
    error: float = 0.06,
    mass_range: tuple[float, float] | None = None,
) -> Efficiency:
    """Signal efficiency [1] for which a Z' at its published 90% CL limit gives ln 10 expected events.

    Parameters
    ----------
    limit_masses, limit_couplings
        The published limit without observed events [GeV; 1], masses increasing.
    mot, target, response, region
        Of the run with that limit; the region is the invisible one.
    invisible_only
        Take the branching fraction to neutrinos as one at every mass.
    error
        Relative scatter of a point's efficiency (twice the limit's), for the smoothing.
    mass_range
        Range of the curve [GeV], by default that of the points, whose ends are held in between.

    Returns
    -------
    The curve, a `smoothing_spline` of ln(efficiency) against ln(mass), with the points it was drawn through.

    Raises
    ------
    InputError
        If the limit is no increasing list of positive numbers of five points or more, or asks for an efficiency
        above one.

    References
    ----------
    arXiv:2501.06294, section II; the limit: arXiv:2401.01708.
    """
    from na64stat.physics.decays import zprime_invisible_branching

    masses, couplings = np.asarray(limit_masses, dtype=float), np.asarray(limit_couplings, dtype=float)
    enough = masses.ndim == 1 and masses.shape == couplings.shape and len(masses) >= 5
    positive = all(np.all((values > 0) & (values < np.inf)) for values in (masses, couplings))
    if not (enough and positive and np.all(np.diff(masses) > 0)):
        raise InputError("efficiency: the limit needs five or more positive points with increasing masses")
    if len(masses) > MOST_POINTS:
        raise InputError(f"efficiency: {len(masses)} points of the limit; at most {MOST_POINTS} are read")
    for name, values in (("mass", masses), ("coupling", couplings)):
        beyond = np.flatnonzero((values < 1 / _LARGEST) | (values > _LARGEST))
        if len(beyond):
            row = int(beyond[0])
            raise InputError(
                f"efficiency: the limit's point {row + 1}: {name} {values[row]:g}; expected {1 / _LARGEST:g} to {_LARGEST:g}"
            )
    events = np.array(
        [
            signal_per_efficiency(m, g, mot=mot, target=target, response=response, region=region)
            for m, g in zip(masses.tolist(), couplings.tolist(), strict=True)
        ]
    )
    branching = 1.0 if invisible_only else np.array([float(zprime_invisible_branching(m)) for m in masses.tolist()])
    seen = events * branching
    if not np.all(seen > 0):
        row = int(np.argmin(seen > 0))
        raise InputError(
            f"efficiency: the limit's point {row + 1}: {couplings[row]:g} at {masses[row]:g} GeV makes {seen[row]:g} events at "
            "efficiency 1; expected a mass that the beam can make"
        )
    points = EVENTS_AT_LIMIT / seen
    if np.any(points > 1):
        worst = int(np.argmax(points))
        raise InputError(
            f"efficiency: the limit {couplings[worst]} at {masses[worst]} GeV is stronger than a detector with "
            f"efficiency 1 allows (it asks for {points[worst]:.3g})"
        )
    low, high = mass_range or (float(masses[0]), float(masses[-1]))
    knots = np.geomspace(low, high, CURVE_KNOTS)
    knots[[0, -1]] = low, high
    try:
        spline = smoothing_spline(np.log(masses), np.log(points), error)
        logs = spline(np.log(np.clip(knots, masses[0], masses[-1])))
    except (ValueError, np.linalg.LinAlgError) as failure:
        steepest = int(np.argmax(np.abs(np.diff(np.log(points)) / np.diff(np.log(masses)))))
        raise InputError(
            f"efficiency: no smooth curve goes through the limit: from point {steepest + 1}, {couplings[steepest]:g} at "
            f"{masses[steepest]:g} GeV, to the next one, {couplings[steepest + 1]:g} at {masses[steepest + 1]:g} GeV, the "
            f"efficiency would change by a factor of {np.exp(min(700.0, abs(np.diff(np.log(points))[steepest]))):.3g}"
        ) from failure
    if not (np.all(np.isfinite(logs)) and logs.max() <= 0):
        raise InputError(
            f"efficiency: the smooth curve through the limit reaches {np.exp(min(700.0, float(logs.max()))):.3g} at "
            f"{knots[int(np.argmax(logs))]:g} GeV; expected a limit with less scatter, whose efficiencies lie below one"
        )
    values = np.exp(logs)
    return Efficiency(*(tuple(column.tolist()) for column in (knots, values, masses, points)))
