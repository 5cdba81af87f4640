"""Autocorrelation time of a chain of many walkers."""

from __future__ import annotations

import math

import numpy as np

from na64stat.stats.likelihood.parameters import Array


def autocorrelation_time(values: Array) -> float:
    """Integrated autocorrelation time [steps] of one parameter, from values of shape (E, N, W); at least one step.

    Infinite for a parameter that never moved, or for too few steps.
    """
    from emcee.autocorr import integrated_time

    ensembles, steps, walkers = values.shape
    if steps < 8 or np.ptp(values) == 0:
        return math.inf
    moved = np.moveaxis(values, 1, 0).reshape(steps, ensembles * walkers)
    # A walker that never moved has no autocorrelation function; it is no better than the slowest that did.
    moving = np.ptp(moved, axis=0) > 0
    time = float(integrated_time(moved[:, moving, None], tol=0, has_walkers=True, quiet=True)[0])
    stuck = 1 - moving.mean()
    return max(1.0, time / (1 - float(stuck))) if math.isfinite(time) else math.inf
