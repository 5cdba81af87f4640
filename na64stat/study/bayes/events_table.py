"""Expected events at one mass as a smooth function of the coupling, for studies that ask for many points.

The spline runs through ln(events + 1e-9) on a grid in the logarithms, which is made finer until the events half-way between its
points are right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

FLOOR: Final = 1e-9
"""Added to the events, so that their logarithm is finite."""

_MOST_COUPLINGS: Final = 4097


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

    def __call__(self, coupling: Array) -> Array:
        """Events of each channel, shape (N, C), at couplings (N,)."""
        found = np.column_stack([spline(np.log(coupling)) for spline in self.splines])
        return np.asarray(np.maximum(np.exp(found) - FLOOR, 0.0))

    @classmethod
    def of(cls, events: Events, mass: float, couplings: tuple[float, float], most: float) -> EventsTable:
        """Events at one mass.

        Parameters
        ----------
        most
            More events than this in all are as good as any: there the error does not matter.
        """
        from scipy.interpolate import CubicSpline

        low, high = np.log(couplings)
        x = np.linspace(low, high, 65)
        known = columns(events(mass, np.exp(x)))
        while True:
            splines = tuple(CubicSpline(x, logs(column)) for column in known.T)
            middle = 0.5 * (x[1:] + x[:-1])
            truth = columns(events(mass, np.exp(middle)))
            table = cls(splines, 0.0)
            error = error_of(table(np.exp(middle)), truth, most)
            if error < TOLERANCE or len(x) >= _MOST_COUPLINGS:
                return cls(splines, error)
            x, known = _merged(x, middle, known, truth)


def columns(events: Mapping[str, Array]) -> Array:
    """Events as columns, shape (G, C)."""
    found = np.column_stack(list(events.values()))
    if not np.isfinite(found).all():
        raise ComputationError(
            "expected events are not finite between the bounds of the priors; expected narrower ones"
        )
    return found


def logs(events: Array) -> Array:
    """Quantities that are interpolated."""
    return np.log(events + FLOOR)


def error_of(found: Array, truth: Array, most: float) -> float:
    """Largest error where the events matter."""
    # At a jump the one can be as good as any and the other not.
    matter = np.minimum(truth.sum(axis=1), found.sum(axis=1)) < most
    found, truth = np.minimum(found, most), np.minimum(truth, most)
    return float((np.abs(found - truth) / (truth + 0.1))[matter].max(initial=0.0))


def _merged(x: Array, middle: Array, known: Array, truth: Array) -> tuple[Array, Array]:
    order = np.argsort(np.concatenate([x, middle]))
    return np.concatenate([x, middle])[order], np.concatenate([known, truth])[order]
