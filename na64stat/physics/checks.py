"""Checks of the arguments that every public function of the physics floor shares."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.errors import InputError

Array = NDArray[np.float64]


def non_negative(name: str, value: ArrayLike, unit: str) -> Array:
    """`value` as floats, after checking that no element is negative, infinite or NaN."""
    array = np.asarray(value, dtype=float)
    wrong = array[~((array >= 0) & (array < np.inf))]
    if wrong.size:
        raise InputError(f"{name} = {wrong.flat[0]} must be finite and >= 0 [{unit}]")
    return array


def finite(name: str, value: ArrayLike) -> Array:
    """`value` as floats, after checking that no element is infinite or NaN."""
    array = np.asarray(value, dtype=float)
    wrong = array[~np.isfinite(array)]
    if wrong.size:
        raise InputError(f"{name} = {wrong.flat[0]} must be finite, as {wrong.size} of {array.size} values are not")
    return array


def positive(name: str, value: float, unit: str) -> None:
    """Check that one number is positive and finite."""
    if not 0 < value < math.inf:
        raise InputError(f"{name} = {value} must be positive and finite [{unit}]")
