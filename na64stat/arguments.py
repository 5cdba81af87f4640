"""Checks of the arguments that public functions share. A message says which argument, what was given, and what would be right.

What may be several may be one without brackets, in every function: a run, a region, a mass, a method, a prior.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError, shown

Array = NDArray[np.float64]
_Item = TypeVar("_Item")

_PLAIN: Final = (str, bytes, bool, int, float, complex, np.generic, list, tuple)
"""Kinds whose text says more than their name."""


def described(value: object) -> str:
    """A value and its kind, for a message; the kind alone where the value is a record."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    kind = f"{'an' if name[0] in 'AEIOaeio' else 'a'} {name}"
    if isinstance(value, np.ndarray):
        kind = f"an array of shape {value.shape}"
        value = value.tolist() if value.ndim == 1 else value
    items = value if isinstance(value, (list, tuple)) else (value,)
    return f"{shown(value)} ({kind})" if all(isinstance(item, _PLAIN) for item in items) else kind


def wrong(name: str, value: object, right: str, error: type[InputError] = InputError) -> InputError:
    """The exception for an argument of another kind.

    Parameters
    ----------
    name, value
        The argument, as the caller knows it, and what was given.
    right
        What would be right, a clause.
    error
        Its type.
    """
    return error(f"{name} = {described(value)}; {right}")


def check(
    name: str, value: object, kind: type | tuple[type, ...], right: str, error: type[InputError] = InputError
) -> None:
    """Refuse a value that is not of a kind; arguments as in `wrong`."""
    if not isinstance(value, kind):
        raise wrong(name, value, right, error)


def several(
    name: str, value: _Item | Iterable[_Item], kind: type, right: str, error: type[InputError] = InputError
) -> tuple[_Item, ...]:
    """One object of a kind, or several, as a tuple; arguments as in `wrong`."""
    if isinstance(value, kind):
        return (cast("_Item", value),)
    if isinstance(value, (type, str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise wrong(name, value, right, error)
    found = tuple(value)
    for item in found:
        check(name, item, kind, right, error)
    return found


def names(name: str, value: str | Iterable[str], error: type[InputError] = InputError) -> tuple[str, ...]:
    """One name, or several, as a tuple: a text is one name and not its letters."""
    return several(name, value, str, "expected a name or a sequence of names, such as ['visible', 'invisible']", error)


def is_number(value: object) -> bool:
    """True if this is one real number; True and False are none."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


_NUMBERS: Final = "expected a number or a sequence of numbers, such as [0.01, 0.1]"
_ENDS: Final = "expected two positive numbers, the smaller first"


def numbers(name: str, value: float | Sequence[float] | Array, right: str = _NUMBERS) -> Array:
    """One number, or several, as an array of shape (N,)."""
    try:
        found = np.atleast_1d(np.asarray(value))
    except ValueError:  # lists of unequal lengths
        found = np.zeros(0, dtype=object)
    if found.dtype.kind not in "iuf" or found.ndim > 1:
        raise wrong(name, value, right)
    return found.astype(np.float64)


def interval(name: str, value: Any) -> tuple[float, float]:
    """The two ends of a range of positive numbers."""
    ends = numbers(name, value, _ENDS)
    if len(ends) != 2 or not 0 < ends[0] < ends[1] < math.inf:
        raise wrong(name, value, _ENDS)
    return float(ends[0]), float(ends[1])
