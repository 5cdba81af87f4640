"""Reading a file of a scan or of an exclusion, whichever it is."""

from __future__ import annotations

from pathlib import Path

from na64stat.errors import InputError
from na64stat.study.exclusion_record import Exclusion, load_exclusion
from na64stat.study.record_content import content_of
from na64stat.study.record_files import read_json
from na64stat.study.scan_record import Scan, load_scan


def load_map(path: str | Path) -> Scan | Exclusion:
    """A scan or an exclusion that `save` wrote.

    Raises
    ------
    InputError
        If the file is missing or is neither.
    """
    record = read_json(path)
    kind = record.get("kind") if isinstance(record, dict) else None
    if kind == "exclusion":
        return load_exclusion(path)
    if kind == "scan":
        return load_scan(path)
    raise InputError(f"{path}: {content_of(record)}; a file of `na64stat scan` or `na64stat exclusion` is right")
