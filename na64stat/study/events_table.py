"""Expected events as a smooth function of the coupling, or of mass and coupling, for studies that ask for many points.

The spline runs through ln(events + 1e-9) on a grid in the logarithms, which is made finer until the events half-way between its
points are right.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError

Array = NDArray[np.float64]
Events = Callable[[float, Array], Mapping[str, Array]]
"""Events per channel at a mass and couplings of shape (G,)."""

TOLERANCE: Final = 2e-4
"""Largest error of the events s, relative to s + 0.1."""

_FLOOR: Final = 1e-9
_MOST_COUPLINGS: Final = 4097
_MOST_MASSES: Final = 513

Track = Callable[[Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True, eq=False)
class EventsTable:
    """Interpolated events.

    Attributes
    ----------
    error
        Largest error found half-way between points, relative to s + 0.1; below `TOLERANCE` unless the grid came to its end.
    """

    splines: tuple[Any, ...]
    error: float

    def __call__(self, coupling: Array, mass: Array | None = None) -> Array:
        """Events of each channel, shape (N, C), at couplings (N,), and masses (N,) if they are in the table."""
        x = np.log(coupling)
        if mass is None:
            found = [spline(x) for spline in self.splines]
        else:
            y = np.log(mass)
            found = [spline.ev(y, x) for spline in self.splines]
        return np.asarray(np.maximum(np.exp(np.column_stack(found)) - _FLOOR, 0.0))

    @classmethod
    def along_coupling(cls, events: Events, mass: float, couplings: tuple[float, float], most: float) -> EventsTable:
        """Events at one mass.

        Parameters
        ----------
        most
            More events than this in all are as good as any: there the error does not matter.
        """
        from scipy.interpolate import CubicSpline

        low, high = np.log(couplings)
        x = np.linspace(low, high, 65)
        known = _columns(events(mass, np.exp(x)))
        while True:
            splines = tuple(CubicSpline(x, _logs(column)) for column in known.T)
            middle = 0.5 * (x[1:] + x[:-1])
            truth = _columns(events(mass, np.exp(middle)))
            table = cls(splines, 0.0)
            error = _error(table(np.exp(middle)), truth, most)
            if error < TOLERANCE or len(x) >= _MOST_COUPLINGS:
                return cls(splines, error)
            x, known = _merged(x, middle, known, truth)

    @classmethod
    def over_plane(
        cls,
        events: Events,
        masses: tuple[float, float],
        couplings: tuple[float, float],
        most: float,
        track: Track = iter,
    ) -> EventsTable:
        """Events between masses and couplings.

        Raises
        ------
        ComputationError
            If events are not finite.
        """
        from scipy.interpolate import RectBivariateSpline

        ends = np.log(couplings)
        y, x = np.linspace(math.log(masses[0]), math.log(masses[1]), 17), np.linspace(ends[0], ends[1], 129)
        rows: dict[tuple[float, int], Array] = {}

        def evaluate(log_masses: Array, log_couplings: Array) -> Array:
            """Events at all pairs, shape (M, G, C)."""
            key = len(log_couplings)
            missing = [value for value in log_masses.tolist() if (value, key) not in rows]
            for value in track(missing) if missing else ():
                rows[value, key] = _columns(events(math.exp(value), np.exp(log_couplings)))
            return np.array([rows[value, key] for value in log_masses.tolist()])

        while True:
            known = evaluate(y, x)
            splines = tuple(RectBivariateSpline(y, x, _logs(known[:, :, c]), kx=3, ky=3) for c in range(known.shape[2]))
            table = cls(splines, 0.0)
            between_y, between_x = 0.5 * (y[1:] + y[:-1]), 0.5 * (x[1:] + x[:-1])
            errors = []
            for yy, xx in ((between_y, x), (y[:: max(1, len(y) // 16)], between_x)):
                truth = evaluate(yy, xx)
                pairs = np.array(list(itertools.product(yy, xx)))
                found = table(np.exp(pairs[:, 1]), np.exp(pairs[:, 0]))
                errors.append(_error(found, truth.reshape(len(pairs), -1), most))
            finer = [error > TOLERANCE for error in errors]
            finer[0] &= len(y) < _MOST_MASSES
            finer[1] &= len(x) < _MOST_COUPLINGS
            if not any(finer):
                return cls(splines, max(errors))
            y = _twice(y) if finer[0] else y
            x = _twice(x) if finer[1] else x


def _columns(events: Mapping[str, Array]) -> Array:
    """Events as columns, shape (G, C)."""
    found = np.column_stack(list(events.values()))
    if not np.isfinite(found).all():
        raise ComputationError(
            "expected events are not finite between the bounds of the priors; narrower ones are right"
        )
    return found


def _logs(events: Array) -> Array:
    return np.log(events + _FLOOR)


def _error(found: Array, truth: Array, most: float) -> float:
    """Largest error where the events matter."""
    matter = truth.sum(axis=1) < most
    return float((np.abs(found - truth) / (truth + 0.1))[matter].max(initial=0.0))


def _twice(x: Array) -> Array:
    return np.linspace(x[0], x[-1], 2 * len(x) - 1)


def _merged(x: Array, middle: Array, known: Array, truth: Array) -> tuple[Array, Array]:
    order = np.argsort(np.concatenate([x, middle]))
    return np.concatenate([x, middle])[order], np.concatenate([known, truth])[order]
