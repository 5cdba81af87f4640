"""Expected events as a function of mass and coupling: a spline of ln(events + 1e-9) on a grid in the logarithms.

The couplings are evenly spaced; the masses are put closer together where the spline errs. Where a decay channel opens, the events
jump or bend sharply at one mass: there the masses end up as close as 1e-5, and what lies within a few of them is a share of the
prior that does not matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.progress import Track
from na64stat.study.bayes.events_table import FLOOR, TOLERANCE, Events, columns, error_of, logs

Array = NDArray[np.float64]

_COUPLINGS: Final = 129
_MASSES: Final = 17
"""Points of the first grid."""

_MOST_COUPLINGS: Final = 2049
_MOST_MASSES: Final = 1000
_CLOSEST: Final = 1e-5
"""Distance of two masses, in the logarithm, that is not halved again."""


@dataclass(frozen=True, eq=False)
class EventsPlane:
    """Interpolated events between masses and couplings.

    Attributes
    ----------
    splines
        One a channel, of ln(mass) and ln(coupling).
    error
        Largest error found half-way between points, relative to s + 0.1; below `TOLERANCE` unless the grid came to its end.
    """

    splines: tuple[Any, ...]
    error: float

    def __call__(self, coupling: Array, mass: Array) -> Array:
        """Events of each channel, shape (N, C), at couplings and masses of shape (N,)."""
        return self._at(np.log(mass), np.log(coupling))

    def _at(self, log_mass: Array, log_coupling: Array) -> Array:
        found = np.column_stack([spline.ev(log_mass, log_coupling) for spline in self.splines])
        return np.asarray(np.maximum(np.exp(found) - FLOOR, 0.0))

    @classmethod
    def of(
        cls,
        events: Events,
        masses: tuple[float, float],
        couplings: tuple[float, float],
        most: float,
        track: Track = iter,
    ) -> EventsPlane:
        """Events between masses [GeV] and couplings.

        Parameters
        ----------
        most
            More events than this in all are as good as any: there the error does not matter.
        track
            Wraps the masses to be evaluated, for a progress bar.

        Raises
        ------
        ComputationError
            If events are not finite.
        """
        from scipy.interpolate import RectBivariateSpline

        rows: dict[tuple[float, int], Array] = {}

        def evaluate(y: Array, x: Array) -> Array:
            """Events at all pairs, shape (M, G, C)."""
            missing = [value for value in y.tolist() if (value, len(x)) not in rows]
            for value in track(missing) if missing else ():
                rows[value, len(x)] = columns(events(math.exp(value), np.exp(x)))
            return np.array([rows[value, len(x)] for value in y.tolist()])

        def errors(plane: EventsPlane, y: Array, x: Array) -> Array:
            """Largest error at each mass, shape (M,)."""
            truth = evaluate(y, x)
            found = plane._at(np.repeat(y, len(x)), np.tile(x, len(y))).reshape(truth.shape)
            return np.array([error_of(a, b, most) for a, b in zip(found, truth, strict=True)])

        y = np.linspace(math.log(masses[0]), math.log(masses[1]), _MASSES)
        x = np.linspace(math.log(couplings[0]), math.log(couplings[1]), _COUPLINGS)
        while True:
            known = logs(evaluate(y, x))
            plane = cls(tuple(RectBivariateSpline(y, x, known[:, :, c]) for c in range(known.shape[2])), math.nan)
            middle = 0.5 * (y[1:] + y[:-1])
            of_cells = np.where(np.diff(y) > _CLOSEST, errors(plane, middle, x), 0.0)
            across = float(errors(plane, y[:: max(1, len(y) // _MASSES)], 0.5 * (x[1:] + x[:-1])).max())
            bad = of_cells > TOLERANCE
            finer = across > TOLERANCE and len(x) < _MOST_COUPLINGS
            if not finer and (not bad.any() or len(y) >= _MOST_MASSES):
                return cls(plane.splines, max(float(of_cells.max()), across))
            if finer:
                x = np.linspace(x[0], x[-1], 2 * len(x) - 1)
            y = np.sort(np.concatenate([y, middle[bad]]))
