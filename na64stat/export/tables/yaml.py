"""HEPData's YAML: tables and the files that go with them, as data structures; no files are touched here.

References
----------
HEPData submission schema 1.1.1; Maguire, Heinrich, Watt, J. Phys. Conf. Ser. 898 (2017) 102006, arXiv:1704.05473.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from na64stat.errors import InputError, shown
from na64stat.export.tables.table import Cell, Number, Qualifier, Resource, Table, Uncertainty, Variable
from na64stat.export.tables.text_entries import number_in

OWN: Final = (
    "name", "description", "keywords", "data_file", "location", "additional_resources", "independent_variables",
    "dependent_variables",
)  # fmt: skip
"""Keys of a table's entry that have a place of their own in `Table`; `Table.more` holds the others."""


def data_of(table: Table) -> dict[str, Any]:
    """The data file of a table."""
    return {
        "independent_variables": [_variable_of(variable) for variable in table.independent],
        "dependent_variables": [_variable_of(variable) for variable in table.dependent],
    }


def entry_of(table: Table, data_file: str) -> dict[str, Any]:
    """The document of a table in submission.yaml."""
    entry: dict[str, Any] = {"name": table.name, "description": table.description}
    if table.location:
        entry["location"] = table.location
    entry["keywords"] = [{"name": name, "values": list(values)} for name, values in table.keywords.items()]
    entry["data_file"] = data_file
    if table.resources:
        entry["additional_resources"] = [resource_of(resource) for resource in table.resources]
    return entry | dict(table.more)


def resource_of(resource: Resource) -> dict[str, Any]:
    """The entry of a file or an address."""
    found: dict[str, Any] = {"location": resource.location, "description": resource.description}
    if resource.type:
        found["type"] = resource.type
    if resource.licence:
        found["license"] = dict(resource.licence)
    return found


def table_from(entry: Mapping[str, Any], data: Any, where: str) -> Table:
    """A table from its document in submission.yaml and its data file.

    Raises
    ------
    InputError
        If they are not of HEPData's form; the message begins with `where`.
    """
    try:
        return Table(
            str(entry["name"]),
            str(entry.get("description", "")),
            _variables_from(data["independent_variables"]),
            _variables_from(data["dependent_variables"]),
            {str(item["name"]): keywords_from(item["values"]) for item in entry.get("keywords") or ()},
            str(entry.get("location", "")),
            tuple(resource_from(item) for item in entry.get("additional_resources") or ()),
            {key: value for key, value in entry.items() if key not in OWN},
        )
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{where}: not a HEPData table: {reason(error)}") from error


def reason(error: Exception) -> str:
    """The fault of an entry in our own words, from the error of taking it apart."""
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing"
    if isinstance(error, OverflowError):
        return "a number larger than any that is read (1e308)"
    own = str(error)
    if isinstance(error, AttributeError) or "indices" in own or "subscriptable" in own or "iterable" in own:
        return "a list, a number or a text where an object of keys and values is needed, or the other way round"
    return own


def resource_from(item: Mapping[str, Any]) -> Resource:
    """A file or an address from its entry."""
    licence = item.get("license")
    return Resource(
        str(item["location"]), str(item["description"]), item.get("type"), dict(licence) if licence else None
    )


def scalar(part: Any, what: str) -> Any:
    """A number, a text, or None, as a table holds it."""
    if not isinstance(part, (str, int, float, type(None))) or isinstance(part, bool):
        raise TypeError(f"{what} {shown(part)}; expected a number or a text")
    if isinstance(part, int):
        float(part)  # an integer that no float can hold is an OverflowError here, not where it is used
    return part


def keywords_from(values: Any) -> tuple[Any, ...]:
    """Values of a keyword."""
    if not isinstance(values, list):
        raise TypeError(f"keyword values {shown(values)}; expected a list")
    return tuple(scalar(value, "keyword") for value in values)


def cell_from(item: Mapping[str, Any]) -> Cell:
    """A cell from its entry, in YAML or JSON."""
    for key in item:
        if not isinstance(key, str):
            raise InputError(
                f"{shown(dict(item))}: {shown(key)} is no key of a value; expected a point, not a comma, in a number"
            )
    errors = tuple(_error_from(error) for error in item.get("errors") or ())
    found = Cell(scalar(item.get("value"), "value"), _edge(item.get("low")), _edge(item.get("high")), errors)
    if found.value is None and (found.low is None or found.high is None):
        raise ValueError(f"{dict(item)}: neither a value nor a bin with low and high")
    return found


def cell_of(cell: Cell) -> dict[str, Any]:
    """The entry of a cell."""
    found: dict[str, Any] = {}
    for name in ("value", "low", "high"):
        part = getattr(cell, name)
        if part is not None:
            found[name] = part
    if cell.errors:
        found["errors"] = [_error_of(error) for error in cell.errors]
    return found


def dump(*documents: Mapping[str, Any]) -> str:
    """YAML text of documents: keys in their order, ASCII, the same text for the same documents."""
    options: dict[str, Any] = {"sort_keys": False, "default_flow_style": None, "width": 120, "explicit_start": True}
    return "".join(yaml.dump(_plain(item), Dumper=_Dumper, **options) for item in documents)


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Safe YAML without references from one place to another, which people cannot read; 1e-05 is written 1.0e-05, a number."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _plain(value: Any) -> Any:
    """Plain Python values; a number that is not finite has no place in a submission."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return _written(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    number = float(value)
    if not math.isfinite(number):
        raise InputError(f"HEPData: {number} is not finite; a missing point is written '-'")
    return number


def _written(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:  # half of a pair, which "\\ud800" in JSON makes
        raise InputError(f"HEPData: {shown(text)} is no Unicode text") from error
    return text


def _variable_of(variable: Variable) -> dict[str, Any]:
    header = {"name": variable.name} | ({} if variable.unit is None else {"units": variable.unit})
    found: dict[str, Any] = {"header": header}
    if variable.qualifiers:
        found["qualifiers"] = [_qualifier_of(item) for item in variable.qualifiers]
    found["values"] = [cell_of(cell) for cell in variable.cells]
    return found


def _qualifier_of(qualifier: Qualifier) -> dict[str, Any]:
    found: dict[str, Any] = {"name": qualifier.name, "value": qualifier.value}
    return found if qualifier.unit is None else found | {"units": qualifier.unit}


def _variables_from(items: Sequence[Mapping[str, Any]] | None) -> tuple[Variable, ...]:
    return tuple(
        Variable(
            str(item["header"]["name"]),
            _cells_from(item),
            _text(item["header"].get("units"), "units"),
            tuple(
                Qualifier(str(q["name"]), scalar(q["value"], "qualifier"), _text(q.get("units"), "units"))
                for q in item.get("qualifiers") or ()
            ),
        )
        for item in items or ()
    )


def _cells_from(item: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Cells of a variable; what is wrong is named with the row that it is in."""
    cells = []
    for row, cell in enumerate(_list(item["values"], "values"), start=1):
        try:
            cells.append(cell_from(cell))
        except (InputError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            name = shown(item["header"]["name"])
            raise InputError(f"{name}, row {row}: {reason(error)}") from error
    return tuple(cells)


def _list(part: Any, what: str) -> list[Any]:
    """A list; null stands for an empty one."""
    if part is not None and not isinstance(part, list):
        raise TypeError(f"{what} {shown(part)}; expected a list")
    return part or []


def _text(part: Any, what: str) -> str | None:
    return None if part is None else str(scalar(part, what))


def _edge(part: Any) -> Number | None:
    """An edge of a bin; YAML takes a number such as 1e-3 for text."""
    found = number_in(part) if isinstance(part, str) else scalar(part, "edge of a bin")
    if found is None and part is not None:
        raise TypeError(f"edge of a bin {shown(part)}; expected a number")
    return found


def _error_of(error: Uncertainty) -> dict[str, Any]:
    more = ({} if error.label is None else {"label": error.label}) | ({"hide": True} if error.hide else {})
    if error.symmetric:
        return {"symerror": error.plus} | more
    return {"asymerror": {"minus": error.minus, "plus": error.plus}} | more


def _error_from(item: Mapping[str, Any]) -> Uncertainty:
    label, hide = _text(item.get("label"), "label"), item.get("hide")
    if not isinstance(hide, (bool, type(None))):
        raise TypeError(f"hide {shown(hide)} of an error; expected true or false")
    if "symerror" in item:
        return Uncertainty.of(scalar(item["symerror"], "symerror"), label, hide=bool(hide))
    both = item["asymerror"]
    for side in ("minus", "plus"):
        if isinstance(both, Mapping) and side not in both:
            raise InputError(
                f"an asymerror {shown(dict(both))} without {side}; expected both sides, {side}: 0 if there is none"
            )
    minus, plus = (scalar(both[side], f"{side} of asymerror") for side in ("minus", "plus"))
    return Uncertainty(minus, plus, label, hide=bool(hide))
