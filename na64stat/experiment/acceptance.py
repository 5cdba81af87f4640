"""The acceptance of a region as a spline over the energy fraction, for the many calls of a scan."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.errors import ComputationError, InputError
from na64stat.experiment.response import Channel, Response
from na64stat.plane import Region

Array = NDArray[np.float64]

TOLERANCE: Final = 1e-7
"""Largest error between knots at which an interval is left alone."""

_END: Final = 18.0  # of ln(x/(1-x)): beyond it x or 1-x is below 2e-8 and nothing changes any more
_ROUNDS: Final = 10


@dataclass(frozen=True)
class AcceptanceCurve:
    """Cubic spline of an acceptance [1] over ln(x/(1-x)).

    Attributes
    ----------
    knots
        In ln(x/(1-x)).
    error
        Largest absolute error found half-way between knots.
    """

    knots: Array
    error: float
    _spline: Any = field(repr=False)

    def __call__(self, x: ArrayLike) -> Array:
        """Acceptance [1], shape of x.

        Raises
        ------
        InputError
            For x outside [0, 1].
        """
        x = np.asarray(x, dtype=float)
        if not np.all((x >= 0) & (x <= 1)):
            raise InputError("acceptance: x must lie in [0, 1]")
        with np.errstate(divide="ignore"):
            u = np.clip(np.log(x) - np.log1p(-x), -_END, _END)
        # A cubic may leave [0, 1] by its own error; a probability does not.
        acceptance: Array = np.clip(self._spline(u), 0.0, 1.0)
        return acceptance


@lru_cache(maxsize=256)
def acceptance_curve(response: Response, region: Region, channel: Channel) -> AcceptanceCurve:
    """Spline of an acceptance [1], refined where it misses until it is right to 1e-7 half-way between all knots.

    Parameters
    ----------
    response
        The resolutions and cuts of a run.
    region
        The region.
    channel
        "visible" or "invisible".

    Raises
    ------
    InputError
        For an unknown channel.
    ComputationError
        If refinement does not end: the acceptance has a jump.
    """
    from scipy.interpolate import CubicSpline

    def exact(u: Array) -> Array:
        return response.acceptance(region, channel, 1 / (1 + np.exp(-u)))

    # A step can be narrower than the first grid: begin with its ends.
    breaks = np.array(response.breaks(region, channel))
    knots = np.unique(np.concatenate([np.linspace(-_END, _END, 73), np.log(breaks / (1 - breaks))]))
    knots = knots[np.concatenate([[True], np.diff(knots) > 1e-9])]
    values = exact(knots)
    middles = (knots[1:] + knots[:-1]) / 2
    at_middles = exact(middles)
    for _ in range(_ROUNDS):
        spline = CubicSpline(knots, values)
        errors = np.abs(spline(middles) - at_middles)
        if np.max(errors) < TOLERANCE:
            return AcceptanceCurve(knots, float(np.max(errors)), spline)
        knots, values, middles, at_middles = _split(knots, values, middles, at_middles, errors > TOLERANCE / 2, exact)
    raise ComputationError(
        f"region {region.name!r}, {channel}: the acceptance is too steep for a spline (error {np.max(errors):.1e} "
        f"after {len(knots)} knots); give the response a spread, or use Response.acceptance"
    )


def _split(
    knots: Array, values: Array, middles: Array, at_middles: Array, wrong: NDArray[np.bool_], exact: Any
) -> tuple[Array, Array, Array, Array]:
    """Make knots of the middles of wrong intervals, and find the new middles."""
    left, right = knots[:-1][wrong], knots[1:][wrong]
    new_knots = np.concatenate([knots, middles[wrong]])
    new_values = np.concatenate([values, at_middles[wrong]])
    halves = np.concatenate([(left + middles[wrong]) / 2, (right + middles[wrong]) / 2])
    new_middles = np.concatenate([middles[~wrong], halves])
    new_at_middles = np.concatenate([at_middles[~wrong], exact(halves)])
    order, middle_order = np.argsort(new_knots), np.argsort(new_middles)
    return new_knots[order], new_values[order], new_middles[middle_order], new_at_middles[middle_order]
