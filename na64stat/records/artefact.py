"""Artefacts of the sum over target layers: what it alone excludes is no exclusion, since its last layer has no depth.

With the continuous depth average (`na64stat.yields.survival.DepthAverage`) the visible yield of a short-lived particle stays on a
plateau; the layer sum rises again. What counts is excluded with both. Where they agree to a hundredth nothing is
told apart, and the layer sum's number stays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Events = Mapping[str, Array]

SAME: Final = 0.01
"""Difference of the logarithms of two yields, or of two excesses, up to which the depth averages are not told apart."""

NOTE: Final = (
    "by the layer sum alone: excluded by the sum over target layers, but not by an average over any depth; no real exclusion "
    "(--depth-average continuous)"
)


MORE_EVENTS: Final = (
    "the sum over target layers gives more events than an average over any depth, since its last layer has no depth"
)


def real_excess(excess: Array, smooth: Array) -> Array:
    """Positive where a point is excluded whatever the depth average, of the shape of both.

    Parameters
    ----------
    excess, smooth
        How far points are beyond exclusion (`SignalTest.excess` of studies), with the layer sum and the continuous depth average.
    """
    with np.errstate(invalid="ignore"):  # both minus infinity: no signal
        ahead = np.where(np.isneginf(excess), 0.0, excess - smooth)
    # The excess up to a difference of one hundredth, the smooth one from two hundredths on, and continuous in between.
    return np.asarray(excess - np.clip(2 * (ahead - SAME), 0.0, np.maximum(ahead, 0.0)))


def real_events(events: Events, smooth: Events) -> dict[str, Array]:
    """The signal that counts, by channel: the layer sum's, or the continuous average's where they differ."""
    with np.errstate(divide="ignore"):
        return {
            name: np.where(values > 0, np.exp(real_excess(np.log(values), np.log(smooth[name]))), 0.0)
            for name, values in events.items()
        }


def heights(excess: Array, smooth: Array, artefacts: bool) -> tuple[Array, Array]:
    """Excess of a region, and the smooth one that tells its artefacts; without `artefacts` it has none."""
    if artefacts:
        return excess, smooth
    real = real_excess(excess, smooth)
    return real, real


def differ(events: Events, smooth: Events) -> NDArray[np.bool_]:
    """Where the two depth averages give other yields, in any channel, of the shape of each."""
    found = [np.abs(events[name] - smooth[name]) > SAME * np.maximum(smooth[name], 0.0) for name in events]
    return np.asarray(np.any(found, axis=0))


def note_of_events(events: Events, smooth: Events) -> str | None:
    """Why the continuous depth average stands for the layer sum at a point; None where they agree.

    Parameters
    ----------
    events, smooth
        Signal by channel, each of shape (1,), with the layer sum and the continuous depth average.
    """
    if not differ(events, smooth).any():
        return None
    sums = [math.fsum(float(values[0]) for values in part.values()) for part in (events, smooth)]
    return (
        f"the sum over target layers alone gives {sums[0]:.4g} events here, an average over any depth {sums[1]:.4g}, which "
        "counts: the last layer has no depth, so that what decays within it is an artefact"
    )
