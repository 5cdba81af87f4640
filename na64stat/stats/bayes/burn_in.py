"""Burn-in of a chain: its first part, before the walkers have arrived, and walkers that never arrive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from na64stat.stats.bayes.autocorrelation import autocorrelation_time
from na64stat.stats.likelihood.parameters import Array

LARGEST_DISTANCE: Final = 7.0
"""Largest distance of a walker's mean rank from that of all walkers, in standard errors."""

_LONGEST_REST: Final = 20
"""Autocorrelation times that a walker may stay at one point, or half of the chain if that is longer."""


def burn_in(log_prob: Array) -> int:
    """Steps until every walker has reached the typical density of the second half of the chain, at most half of all steps.

    A walker has arrived once its ln density, shape (E, N, W), reaches the smallest value of the typical walker in the second
    half.
    """
    steps = log_prob.shape[1]
    half = steps // 2
    if half < 1:
        return 0
    floor = _floor(log_prob[:, half:])
    arrived = log_prob >= floor
    first = np.where(arrived.any(axis=1), arrived.argmax(axis=1), steps)
    return int(min(first.max(), half))


def walkers_apart(log_prob: Array, values: Array, parameters: Sequence[str], times: Sequence[float]) -> list[str]:
    """Warnings about walkers that sample something else than the others, from kept values (E, N, W, D); empty if all agree."""
    doubts = []
    rest = _stays(values)
    steps = values.shape[1]
    longest = [time for time in times if math.isfinite(time)]
    stuck = rest > max(steps / 2, _LONGEST_REST * max(longest, default=0.0))
    if stuck.any():
        doubts.append(f"{_named(stuck)} did not move for {int(rest[stuck].max())} of {steps} steps")
    columns = {name: (values[..., d], times[d]) for d, name in enumerate(parameters)}
    if log_prob.size:
        absent = log_prob.max(axis=1) < _floor(log_prob)
        if absent.any():
            doubts.append(f"{_named(absent)} never arrived where the others are")
        columns["the density"] = log_prob, autocorrelation_time(log_prob)
    for name, (column, time) in columns.items():
        apart = distances(column, time) > LARGEST_DISTANCE
        if apart.any():
            doubts.append(f"{_named(apart)} apart from the others in {name}")
    return doubts


def distances(values: Array, time: float) -> Array:
    """Distance of each walker from all of them in standard errors, shape (E, W), the larger of the two halves of the chain.

    It compares means of normal scores of ranks, which do not depend on the scale of the parameter; `time` is its
    autocorrelation time.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    ensembles, steps, walkers = values.shape
    half = steps // 2
    if half < 2 or not math.isfinite(time):
        return np.zeros((ensembles, walkers))
    ranks = ndtri((rankdata(values).reshape(values.shape) - 0.375) / (values.size + 0.25))
    means = np.stack([ranks[:, :half].mean(axis=1), ranks[:, half:].mean(axis=1)])
    return np.asarray(np.abs(means).max(axis=0) / math.sqrt(min(1.0, time / half)))


def _floor(log_prob: Array) -> float:
    """Smallest ln density of the typical walker."""
    return float(np.median(log_prob.min(axis=1)))


def _stays(values: Array) -> NDArray[np.intp]:
    """Longest run of steps that each walker stays at one point, shape (E, W)."""
    moved = np.any(np.diff(values, axis=1) != 0, axis=-1)
    longest = np.zeros((values.shape[0], values.shape[2]), dtype=np.intp)
    run = np.zeros_like(longest)
    for step in range(moved.shape[1]):
        run = np.where(moved[:, step], 0, run + 1)
        longest = np.maximum(longest, run)
    return longest


def _named(which: NDArray[np.bool_]) -> str:
    """Walkers by ensemble and number, counted from one."""
    names = [f"{walker + 1} of ensemble {ensemble + 1}" for ensemble, walker in np.argwhere(which)]
    others = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"walker{'s' if len(names) > 1 else ''} {', '.join(names[:3])}{others}"
