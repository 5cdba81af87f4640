"""What the JSON files of all kinds of records have in common."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError, shown
from na64stat.files import parse_json, read_limited, to_json, write_text
from na64stat.study.region import Contour

Array = NDArray[np.float64]


COMMANDS: Final = {
    "scan": "na64stat scan SCENARIO ... -o FILE",
    "exclusion": "na64stat exclusion SCENARIO ... -o FILE",
    "limits": "na64stat limit SCENARIO ... --json > FILE",
    "projection": "na64stat project SCENARIO ... -o FILE",
    "credible limits": "na64stat credible SCENARIO ... --json > FILE",
    "sensitivity": "na64stat sensitivity SCENARIO ... -o FILE",
}
"""What writes a record of each kind."""


_SMALL: Final = 1e-100
"""Masses [GeV], couplings and muons on target lie between this and its inverse; figures cannot show others."""


def read_json(path: str | Path) -> Any:
    """What a JSON file holds.

    Raises
    ------
    InputError
        If the file is missing, too large, or no JSON.
    """
    try:
        content = read_limited(Path(path), "JSON")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    return parse_json(content, str(path))


def read_record(path: str | Path, kind: str, schema: int) -> dict[str, Any]:
    """The JSON object in a file.

    Raises
    ------
    InputError
        If the file is missing, is no JSON, or is of another kind or schema.
    """
    record = read_json(path)
    if not isinstance(record, dict):
        found = "no JSON object"
    elif record.get("kind") != kind or record.get("schema") != schema:
        found = f"of the kind {shown(record.get('kind'))}, schema {shown(record.get('schema'))}"
    else:
        return record
    raise InputError(f"{path}: {found}; {kind} of schema {schema}, as `{COMMANDS[kind]}` writes, is right")


def text_of(value: Any) -> str:
    """A text, as it is; TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{shown(value)}; a text is right")
    return value


def texts_of(values: Any) -> tuple[str, ...]:
    """A list of texts; TypeError for anything else."""
    if not isinstance(values, list):
        raise TypeError(f"{shown(values)}; a list of texts is right")
    return tuple(text_of(value) for value in values)


def number_of(value: Any) -> float:
    """A finite number; TypeError or OverflowError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{shown(value)}; a number is right")
    return float(value)


def level_of(value: Any) -> float:
    """A confidence level, between 0 and 1; ValueError for another number."""
    found = number_of(value)
    if not 0 < found < 1:
        raise ValueError(f"cl {found:g}; a number between 0 and 1 is right")
    return found


def numbers_or_null(values: Any) -> dict[str, float | None]:
    """Numbers by name, None for null."""
    return {name: None if value is None else number_of(value) for name, value in values.items()}


def intervals_of(found: Any) -> tuple[tuple[float, float | None], ...]:
    """Intervals in increasing order, whose upper end can be null; ValueError for others."""
    intervals = tuple((number_of(low), None if high is None else number_of(high)) for low, high in found)
    ends = [end for low, high in intervals for end in (low, math.inf if high is None else high)]
    if any(end <= 0 for end in ends) or any(after < before for before, after in itertools.pairwise(ends)):
        raise ValueError(f"intervals {shown(found)}; positive couplings in increasing order are right")
    return intervals


def positive(values: Any, *, increasing: bool = False) -> Array:
    """Masses, couplings or muons on target, shape (N,); ValueError if they are not positive, or beyond all physics."""
    found = np.array([number_of(value) for value in values], dtype=float)
    if (
        not len(found)
        or found.min() < _SMALL
        or found.max() > 1 / _SMALL
        or (increasing and np.any(np.diff(found) <= 0))
    ):
        raise ValueError("masses and couplings that are not positive, beyond all physics, or not in order")
    return found


def nullable(values: Sequence[float] | Array) -> list[float | None]:
    """Numbers with null for NaN and infinity."""
    return [value if math.isfinite(value) else None for value in np.asarray(values, dtype=float).tolist()]


def numbers(values: Sequence[float | None]) -> Array:
    """Numbers with NaN for null."""
    return np.array([math.nan if value is None else number_of(value) for value in values], dtype=float)


def excess_of(values: Sequence[float | None], failed: NDArray[np.bool_]) -> Array:
    """Null stands for a failure, or else for minus infinity: no signal, or one too weak to move CL_s from 1."""
    found = numbers(values)
    return np.where(np.isnan(found) & ~failed, -np.inf, found)


def events_of(values: Sequence[float | None], failed: NDArray[np.bool_]) -> Array:
    """Events, NaN for the null of a failure; ValueError for any other null."""
    found = numbers(values)
    if np.any(np.isnan(found) & ~failed):
        raise ValueError("events are null at a point that has not failed")
    return found


def contour_records(contours: Sequence[Contour]) -> list[dict[str, Any]]:
    """JSON form of contours."""
    return [
        {
            "closed": curve.closed,
            "ends": list(curve.ends),
            "artefact": list(curve.artefact),
            "points": [list(point) for point in zip(curve.mass, curve.coupling, strict=True)],
        }
        for curve in contours
    ]


class Saved(ABC):
    """A record that can be kept as a JSON file."""

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the JSON form; an existing file is refused unless `overwrite`.

        Parameters
        ----------
        path
            The file.
        overwrite
            Whether an existing file is replaced.
        """
        write_text(path, to_json(self.as_dict()), overwrite=overwrite)


@contextmanager
def damaged(path: str | Path, what: str) -> Iterator[None]:
    """Within, what a record lacks or holds of the wrong type or size becomes an InputError: a damaged `what`."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{path}: damaged {what}: {type(error).__name__}: {error}") from error
