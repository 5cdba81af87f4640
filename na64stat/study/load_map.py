"""Reading a file of a scan or of an exclusion, whichever it is."""

from __future__ import annotations

from pathlib import Path

from na64stat.errors import InputError, shown
from na64stat.study.exclusion_record import Exclusion, load_exclusion
from na64stat.study.record_files import read_json
from na64stat.study.scan_record import Scan, load_scan


def load_map(path: str | Path) -> Scan | Exclusion:
    """A scan or an exclusion that `save` wrote.

    Raises
    ------
    InputError
        If the file is missing or is neither.
    """
    try:
        kind = read_json(path).get("kind")
    except (InputError, AttributeError):
        kind = None  # the reader of scans says what is wrong
    if kind not in (None, "scan", "exclusion"):
        raise InputError(f"{path}: holds {shown(kind)}; a file of `na64stat scan` or `na64stat exclusion` is right")
    return load_exclusion(path) if kind == "exclusion" else load_scan(path)
