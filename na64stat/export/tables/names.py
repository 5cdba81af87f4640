"""Names in a submission: of its tables, and of the files that hold them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from na64stat.export.tables.reader import SUBMISSION
from na64stat.export.tables.table import LONGEST_NAME, Table


def unique(found: Sequence[Table]) -> tuple[Table, ...]:
    """Tables with names that differ, none of them too long."""
    taken: set[str] = set()
    named = []
    for table in found:
        name, number = _shortened(table.name, LONGEST_NAME), 1
        while name in taken:
            number += 1
            tail = f" ({number})"
            name = _shortened(table.name, LONGEST_NAME - len(tail)) + tail
        taken.add(name)
        named.append(replace(table, name=name))
    return tuple(named)


def _shortened(name: str, most: int) -> str:
    """A name cut in its middle: its end says what the table holds."""
    if len(name) <= most:
        return name
    end = min(24, most // 2)
    return f"{name[: most - end - 3]}...{name[-end:]}"


def slug(name: str) -> str:
    """A name of letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "table"


def free(stem: str, kind: str, files: Mapping[str, bytes]) -> str:
    """The name of a file that is not there yet."""
    name, number = f"{stem}.{kind}", 1
    while name in files or name == SUBMISSION:
        number += 1
        name = f"{stem}_{number}.{kind}"
    return name
