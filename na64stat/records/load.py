"""Reading a file of a record, whichever it is of: read once, so that a pipe will do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from na64stat.errors import InputError
from na64stat.records.by_fields import KINDS, of_fields
from na64stat.records.content import content_of
from na64stat.records.credible import credible_of
from na64stat.records.fields import Entry
from na64stat.records.limits import limits_of
from na64stat.records.map import Exclusion, Scan, exclusion_of, scan_of
from na64stat.records.projection import projection_of
from na64stat.records.record import kind_of, read_entry
from na64stat.records.sensitivity import sensitivity_of

_RESULTS: Final[Mapping[str, Callable[[Entry], Any]]] = MappingProxyType(
    {
        "scan": scan_of,
        "exclusion": exclusion_of,
        "projection": projection_of,
        "limits": limits_of,
        "credible limits": credible_of,
    }
)

_RECORDS: Final[Mapping[str, Callable[[Entry], Any]]] = MappingProxyType({**_RESULTS, "sensitivity": sensitivity_of})


def load_any(path: str | Path) -> Any:
    """Any result that `save` wrote in JSON; see `na64stat.load`."""
    file = read_entry(path)
    kind = kind_of(file)
    if isinstance(kind, str):
        if kind in KINDS:
            return of_fields(file, kind)
        if kind in _RECORDS:
            return _RECORDS[kind](file)
    raise InputError(
        f"{path}: {content_of(file.value)}; expected one of {', '.join((*_RECORDS, *KINDS))}, or a chain (.h5)"
    )


def load_map(path: str | Path) -> Scan | Exclusion:
    """A scan or an exclusion that `save` wrote.

    Raises
    ------
    InputError
        If the file is missing or is neither.
    """
    file = read_entry(path)
    kind = kind_of(file)
    if kind not in ("scan", "exclusion"):
        raise InputError(
            f"{path}: {content_of(file.value)}; expected a file of `na64stat scan` or `na64stat exclusion`"
        )
    return exclusion_of(file) if kind == "exclusion" else scan_of(file)


def load_result(path: str | Path) -> Any:
    """A scan, an exclusion, a projection, limits or credible limits that `save`, or `--json`, wrote.

    Raises
    ------
    InputError
        If the file is missing or is none of them.
    """
    file = read_entry(path)
    kind = kind_of(file)
    if not isinstance(kind, str) or kind not in _RESULTS:
        raise InputError(f"{path}: {content_of(file.value)}; expected {', '.join(_RESULTS)} or a chain (.h5)")
    return _RESULTS[kind](file)
