"""Reading of limits of several priors, as `na64stat credible --json` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from na64stat.study.credible import ComparedLimit, ComparedLimits
from na64stat.study.record_files import damaged, number_of, read_record, text_of, texts_of

SCHEMA: Final = 1


def load_credible(path: str | Path) -> ComparedLimits:
    """Read limits of several priors; the posteriors themselves are not in the file, and `credible` is empty.

    Parameters
    ----------
    path
        The JSON file.

    Raises
    ------
    InputError
        If the file is missing or holds no such limits.
    """
    record = read_record(path, "credible limits", SCHEMA)
    with damaged(path, "file of credible limits"):
        rows = tuple(
            ComparedLimit(text_of(row["label"]), _number(row["events"]), _number(row["coupling"]), text_of(row["note"]))
            for row in record["rows"]
        )
        counts = {text_of(name): number_of(count) for name, count in record["counts"].items()}
        return ComparedLimits(
            text_of(record["scenario"]),
            text_of(record["coupling_unit"]),
            None if record["run"] is None else text_of(record["run"]),
            texts_of(record["regions"]),
            counts,
            _number(record["mass_gev"]),
            number_of(record["cl"]),
            rows,
            (),
            texts_of(record["notes"]),
        )


def _number(value: Any) -> float | None:
    return None if value is None else number_of(value)
