"""What the JSON files of scans and exclusions have in common."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError
from na64stat.study.region import Contour

Array = NDArray[np.float64]


def read_record(path: str | Path, kind: str, schema: int) -> dict[str, Any]:
    """The JSON object in a file.

    Raises
    ------
    InputError
        If the file is missing, is no JSON, or is of another kind or schema.
    """
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a JSON file: {error}") from error
    if not isinstance(record, dict) or record.get("kind") != kind or record.get("schema") != schema:
        raise InputError(f"{path}: not a {kind} of schema {schema}; `na64stat {kind} -o FILE` writes one")
    return record


def nullable(values: Sequence[float] | Array) -> list[float | None]:
    """Numbers with null for NaN and infinity."""
    return [value if math.isfinite(value) else None for value in np.asarray(values, dtype=float).tolist()]


def numbers(values: Sequence[float | None]) -> Array:
    """Numbers with NaN for null."""
    return np.array([math.nan if value is None else value for value in values], dtype=float)


def excess_of(values: Sequence[float | None], failed: NDArray[np.bool_]) -> Array:
    """Null stands for a failure, or else for minus infinity: no signal, or one too weak to move CL_s from 1."""
    found = numbers(values)
    return np.where(np.isnan(found) & ~failed, -np.inf, found)


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
