"""Reading and writing that the JSON files of all kinds of records have in common."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import check
from na64stat.contour.region import Contour
from na64stat.errors import InputError, shown
from na64stat.files import parse_json, read_limited
from na64stat.records.content import content_of
from na64stat.records.fields import Entry

Array = NDArray[np.float64]


COMMANDS: Final = {
    "scan": "na64stat scan SCENARIO ... -o FILE",
    "exclusion": "na64stat exclusion SCENARIO ... -o FILE",
    "limits": "na64stat limit SCENARIO ... --json > FILE",
    "projection": "na64stat project SCENARIO ... -o FILE",
    "credible limits": "na64stat credible SCENARIO ... --json > FILE",
    "sensitivity": "na64stat sensitivity SCENARIO ... -o FILE",
}
"""Command that writes a record of each kind."""


def read_json(path: str | Path) -> Any:
    """Content of a JSON file.

    Raises
    ------
    InputError
        If the file is missing, too large, or no JSON.
    """
    check("path", path, (str, os.PathLike), "expected the path of a file")
    try:
        content = read_limited(Path(path), "JSON")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    return parse_json(content, str(path))


def read_entry(path: str | Path) -> Entry:
    """Content of a JSON file, read once, so that a pipe will do.

    Raises
    ------
    InputError
        If the file is missing, too large, or no JSON.
    """
    return Entry(read_json(path), "", str(path))


def kind_of(file: Entry) -> Any:
    """The kind that a file names; None if it names none."""
    return file.value.get("kind") if isinstance(file.value, dict) else None


def record_of(file: Entry, kind: str, schema: int, what: str) -> Entry:
    """The record in a file, whose messages then begin with "damaged" and `what` it is.

    Raises
    ------
    InputError
        If it is of another kind or schema.
    """
    if kind_of(file) != kind:
        found = content_of(file.value)
    elif type(file.value.get("schema")) is not int or file.value["schema"] != schema:
        found = f"{kind} of schema {shown(file.value.get('schema'))}"
    else:
        return replace(file, where=f"{file.where}: damaged {what}")
    writer = f"`{COMMANDS[kind]}`" if kind in COMMANDS else "`save`"
    raise InputError(f"{file.where}: {found}; expected {kind} of schema {schema}, as {writer} writes")


def nullable(values: Sequence[float] | Array) -> list[float | None]:
    """Numbers with null for NaN and infinity."""
    return [value if math.isfinite(value) else None for value in np.asarray(values, dtype=float).tolist()]


def excess_of(values: Array, failed: NDArray[np.bool_], entry: Entry) -> Array:
    """An excess out of a file, where null stands for a failure, or else for minus infinity: no signal, or one too weak to count.

    Raises
    ------
    InputError
        If there is a number where a point failed.
    """
    for place in np.argwhere(failed & ~np.isnan(values)):
        raise InputError(
            f"{entry.where}: {entry.place} has {values[tuple(place)]:g} at point {', '.join(map(str, place))}, which failed; "
            "expected null"
        )
    return np.where(np.isnan(values) & ~failed, -np.inf, values)


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
