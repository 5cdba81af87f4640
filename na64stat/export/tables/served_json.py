"""The JSON in which HEPData serves a table: `headers`, `qualifiers`, and `values` with x and y.

An entry of y names its column, the group; a row can leave one out.

HEPData joins the heads of neighbouring columns that have one name, and of neighbouring equal qualifiers, into one that spans
them; the unit stands behind the name in brackets.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from na64stat.errors import InputError, shown
from na64stat.export.tables.table import MISSING, Qualifier, Table, Variable
from na64stat.export.tables.yaml import cell_from, cell_of, keywords_from, reason, scalar

MOST_COLUMNS, MOST_QUALIFIERS = 10_000, 100_000
"""Of a table; the latter counted in every column."""

_HEAD = re.compile(r"(?P<name>.*?)(?: \[(?P<unit>[^\[\]]*)\])?", re.DOTALL)


def json_of(table: Table) -> dict[str, Any]:
    """A table as HEPData would serve it."""
    columns = (*table.independent, *table.dependent)
    return {
        "name": table.name,
        "description": table.description,
        "location": table.location,
        "keywords": {name: list(values) for name, values in table.keywords.items()},
        "x_count": len(table.independent),
        "headers": [
            *({"name": _head(variable), "colspan": 1} for variable in table.independent),
            *_spanning([_head(variable) for variable in table.dependent]),
        ],
        "qualifiers": _qualifiers_of(table.dependent),
        "values": [
            {
                "x": [cell_of(variable.cells[row]) for variable in table.independent],
                "y": [
                    {"group": group, **cell_of(variable.cells[row])} for group, variable in enumerate(table.dependent)
                ],
            }
            for row in range(table.rows if columns else 0)
        ],
    }


def table_from_json(record: Mapping[str, Any], where: str) -> Table:
    """A table from the JSON that HEPData serves.

    Raises
    ------
    InputError
        If it is not of that form; the message begins with `where`.
    """
    try:
        values = record["values"]
        spans = [_span(item) for item in record["headers"]]
        if sum(spans) > MOST_COLUMNS:
            raise ValueError(f"{sum(spans)} columns; at most {MOST_COLUMNS} are read")
        heads = [str(item["name"]) for item, span in zip(record["headers"], spans, strict=True) for _ in range(span)]
        x_count = int(record.get("x_count", len(values[0]["x"]) if values else 0))
        if not 0 <= x_count <= len(heads):
            raise ValueError(f"x_count {shown(x_count)} with {len(heads)} heads; expected 0 to that number")
        qualifiers = _qualifiers_from(record.get("qualifiers") or {})
        left = [_in_place(row["x"], x_count, f"row {number}, x") for number, row in enumerate(values, start=1)]
        right = [_by_group(row["y"], heads[x_count:], f"row {number}") for number, row in enumerate(values, start=1)]
        independent = tuple(_variable(head, [row[place] for row in left]) for place, head in enumerate(heads[:x_count]))
        dependent = tuple(
            _variable(head, [row[group] for row in right], qualifiers.get(group, ()))
            for group, head in enumerate(heads[x_count:])
        )
        keywords = {str(name): keywords_from(found) for name, found in (record.get("keywords") or {}).items()}
        about = str(record.get("name", "")), str(record.get("description", ""))
        return Table(*about, independent, dependent, keywords, str(record.get("location") or ""))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise InputError(f"{where}: not a table as HEPData serves it: {reason(error)}") from error


def _head(variable: Variable) -> str:
    return variable.name if not variable.unit else f"{variable.name} [{variable.unit}]"


def _spanning(heads: Sequence[str]) -> list[dict[str, Any]]:
    return [{"name": name, "colspan": len(list(same))} for name, same in itertools.groupby(heads)]


def _qualifiers_of(dependent: Sequence[Variable]) -> dict[str, list[dict[str, Any]]]:
    """By name; the second qualifier of one name in a column is called "NAME-1"."""
    found: dict[str, list[dict[str, Any]]] = {}
    for group, variable in enumerate(dependent):
        seen: dict[str, int] = {}
        for qualifier in variable.qualifiers:
            number = seen.get(qualifier.name, 0)
            seen[qualifier.name] = number + 1
            text = str(qualifier.value) + ("" if qualifier.unit is None else f" {qualifier.unit}")
            items = found.setdefault(qualifier.name if not number else f"{qualifier.name}-{number}", [])
            last = items[-1] if items else None
            if last and last["value"] == text and last["group"] + last["colspan"] == group:
                last["colspan"] += 1
            else:
                items.append({"type": qualifier.name, "value": text, "colspan": 1, "group": group})
    return found


def _qualifiers_from(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[int, tuple[Qualifier, ...]]:
    by_group: dict[int, list[Qualifier]] = {}
    total = 0
    for name, items in found.items():
        for item in items:
            start, span, value = int(item["group"]), _span(item), scalar(item["value"], "qualifier")
            total += span
            if total > MOST_QUALIFIERS:
                raise ValueError(f"more than {MOST_QUALIFIERS} qualifiers, counted in every column")
            for group in range(start, start + span):
                by_group.setdefault(group, []).append(Qualifier(str(item.get("type", name)), value))
    return {group: tuple(qualifiers) for group, qualifiers in by_group.items()}


def _variable(head: str, items: Sequence[Mapping[str, Any]], qualifiers: tuple[Qualifier, ...] = ()) -> Variable:
    parts = _HEAD.fullmatch(head)
    name, unit = (head, None) if parts is None else (parts["name"], parts["unit"])
    return Variable(name, tuple(cell_from(item) for item in items), unit, qualifiers)


def _span(item: Mapping[str, Any]) -> int:
    """Number of columns that a head or a qualifier spans."""
    span = int(item.get("colspan", 1))
    if not 0 <= span <= MOST_COLUMNS:
        raise ValueError(f"colspan {shown(span)}; expected 0 to {MOST_COLUMNS}")
    return span


def _by_group(items: Sequence[Mapping[str, Any]], heads: Sequence[str], where: str) -> Sequence[Mapping[str, Any]]:
    """The entries of a row by column. A group that the others leave out is a missing point; without groups the place counts."""
    groups = [item.get("group") for item in items]
    if all(group is None for group in groups):
        return _in_place(items, len(heads), f"{where}, y without groups")
    found: dict[int, Mapping[str, Any]] = {}
    for group, item in zip(groups, items, strict=True):
        if not isinstance(group, int) or isinstance(group, bool) or not 0 <= group < len(heads):
            raise ValueError(
                f"{where}: group {shown(group)}; expected one of the {len(heads)} dependent columns, from 0 on"
            )
        if group in found:
            raise ValueError(f"{where}: two entries of group {group}, {shown(heads[group])}; expected one")
        found[group] = item
    return [found.get(group, {"value": MISSING}) for group in range(len(heads))]


def _in_place(items: Sequence[Mapping[str, Any]], count: int, where: str) -> Sequence[Mapping[str, Any]]:
    """Entries that are as many as the heads."""
    if len(items) != count:
        raise ValueError(f"{where}: {len(items)} entries for {count} heads; expected one each")
    return items
