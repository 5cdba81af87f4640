"""Starting points of the walkers of an ensemble."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError
from na64stat.stats.bayes.posterior import Posterior
from na64stat.stats.likelihood.parameters import Array

_TRIES: Final = 4096
"""Number of points from which the starts are drawn."""

_WEAKEST: Final = 0.1
"""Power of the likelihood below which points from the prior are too few in the bulk of the posterior."""

_ROUNDS: Final = 40
_FAR_END: Final = math.log(1e16)
"""Length of the logarithmic scale in u, down to double precision."""

Random = np.random.RandomState


def start(posterior: Posterior, walkers: int, random: Random) -> Array:
    """Distinct points (W, D) drawn from the prior, or from a part of it if it is far wider than the posterior.

    ComputationError if the likelihood is zero at all points tried.
    """
    size = max(_TRIES, 8 * walkers)
    points = posterior.draw(size, random)
    heights = posterior(points) - posterior.log_prior(points)
    possible = np.flatnonzero(np.isfinite(heights))
    if len(possible) >= walkers:
        points_kept, excess = points[possible], heights[possible] - heights[possible].max()
        power = _power(excess, walkers)
        if power >= _WEAKEST:
            return np.asarray(points_kept[_chosen(excess, power, walkers, random)])
    narrowed = _narrowed(posterior, walkers, random, size)
    if narrowed is None:
        priors = ", ".join(str(prior) for prior in posterior.priors)
        raise ComputationError(
            f"posterior: the likelihood is zero at {len(points) - len(possible)} of {len(points)} points drawn from the prior "
            f"({priors}), and nearly everywhere near its ends: no start for {walkers} walkers; expected narrower bounds"
        )
    return narrowed


def _narrowed(posterior: Posterior, walkers: int, random: Random, size: int) -> Array | None:
    """Points from successive boxes, each around the better points of the previous one, until the posterior fills the box.

    The first points also lie on logarithmic scales towards both ends of each prior, where the posterior of a wide prior may be.
    """
    columns = posterior.without_constraint
    lower, upper = posterior.box
    best: Array | None = None
    for step in range(_ROUNDS):
        points = posterior.draw(size, random)
        if step == 0:
            shares = np.stack([_spread(size, random) for _ in columns], axis=1)
        else:
            shares = random.uniform(size=(size, len(columns)))
        points[:, columns] = lower + shares * (upper - lower)
        heights = posterior(points) - posterior.log_prior(points)
        possible = np.flatnonzero(np.isfinite(heights))
        if len(possible) < walkers:
            return best
        excess = heights[possible] - heights[possible].max()
        power = _power(excess, walkers)
        chosen = points[possible[_chosen(excess, power, walkers, random)]]
        best = chosen
        if step and power >= _WEAKEST:
            break
        # Wider than the points themselves: the posterior may extend beyond them.
        low, high = chosen[:, columns].min(axis=0), chosen[:, columns].max(axis=0)
        lower, upper = np.maximum(lower, low - 0.5 * (high - low)), np.minimum(upper, high + 0.5 * (high - low))
    return best


def _spread(size: int, random: Random) -> Array:
    """Fractions of a range: one third each evenly, and on logarithmic scales towards its two ends."""
    near = np.exp(-_FAR_END * random.uniform(size=size))
    kind = random.randint(3, size=size)
    return np.where(kind == 0, random.uniform(size=size), np.where(kind == 1, near, 1 - near))


def _power(excess: Array, walkers: int) -> float:
    """Power of the likelihood, at most one, that leaves three times as many distinct points as walkers."""
    power = 1.0
    while np.exp(power * excess).sum() ** 2 / np.exp(2 * power * excess).sum() < 3 * walkers and power > 1e-12:
        power *= 0.7
    return power


def _chosen(excess: Array, power: float, walkers: int, random: Random) -> NDArray[np.intp]:
    """Positions of one point per walker, drawn by a power of the likelihood."""
    # Without replacement: walkers that coincide would span no volume.
    keys = power * excess + random.gumbel(size=len(excess))
    return np.argsort(-keys)[:walkers]
