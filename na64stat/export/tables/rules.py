"""Rules of HEPData for submissions, checked before a file is written.

References
----------
HEPData submission schema 1.1.1, and the checks of hepdata-validator beyond it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from na64stat.errors import InputError, shown
from na64stat.export.tables.table import KEYWORDS, LONGEST_NAME, Cell, Resource, Scalar, Table, Uncertainty, Variable
from na64stat.export.tables.text_entries import number_in
from na64stat.export.tables.yaml import OWN

LONGEST_FILE: Final = 10 * 2**20
"""Bytes of a data file."""

_LONGEST_PLACE, _LONGEST_KEYWORD, _LONGEST_TYPE = 256, 128, 64
_MORE: Final = ("data_license", "related_to_table_dois", "table_doi")
_RANGE: Final = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?\s*-\s*[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")


def shown_errors_only(table: Table) -> Table:
    """The table without the zeros that HEPData serves, hidden, where a value has no error; a submission cannot hold them."""
    columns = tuple(
        replace(column, cells=tuple(_without_hidden_zeros(cell) for cell in column.cells)) for column in table.dependent
    )
    return replace(table, dependent=columns)


def check_table(table: Table) -> None:
    """Refuse a table that HEPData would refuse.

    Raises
    ------
    InputError
        If its name, a keyword, a column or an entry is none that HEPData takes.
    """
    where = f"table {table.name!r}"
    _check_entry(table, where)
    if not table.dependent:
        raise InputError(f"{where}: no dependent column; expected at least one")
    for column in table.independent:
        _check_independent(column, f"{where}, {column.name!r}")
    for column in table.dependent:
        for qualifier in column.qualifiers:
            if qualifier.value is None:
                raise InputError(
                    f"{where}, {column.name!r}: qualifier {qualifier.name!r} without a value; expected one"
                )
        for row, cell in enumerate(column.cells, start=1):
            _check_dependent(cell, f"{where}, {column.name!r}, row {row}")


def check_resource(resource: Resource, files: Collection[str], where: str) -> None:
    """Refuse a file that is not in the submission; an address on the web may be anywhere.

    Parameters
    ----------
    resource
        The file or address.
    files
        Names of the files that are written.
    where
        What it belongs to: what a message begins with.

    Raises
    ------
    InputError
        If the file is not among those.
    """
    if len(resource.location) > _LONGEST_PLACE:
        raise InputError(f"{where}: file {shown(resource.location)}: expected at most {_LONGEST_PLACE} characters")
    if len(resource.type or "") > _LONGEST_TYPE:
        raise InputError(f"{where}: type {shown(resource.type)} of a file: expected at most {_LONGEST_TYPE} characters")
    if resource.licence:
        _check_licence(resource.licence, f"{where}: file {shown(resource.location)}")
    if not resource.location.startswith(("http://", "https://")) and resource.location not in files:
        raise InputError(
            f"{where}: file {shown(resource.location)} is not among those written; expected a likelihood, or an http(s) address"
        )


def check_sizes(files: Mapping[str, bytes]) -> None:
    """Refuse data files that are larger than HEPData takes.

    Raises
    ------
    InputError
        For the first of them.
    """
    for name, content in files.items():
        if name.endswith(".yaml") and len(content) > LONGEST_FILE:
            raise InputError(f"{name}: {len(content)} bytes; HEPData takes data files of at most {LONGEST_FILE}")


def _check_entry(table: Table, where: str) -> None:
    """Check the entry of a table in submission.yaml."""
    if not 0 < len(table.name) <= LONGEST_NAME:
        raise InputError(f"{where}: a name of {len(table.name)} characters; expected 1 to {LONGEST_NAME}")
    if len(table.location) > _LONGEST_PLACE:
        raise InputError(f"{where}: a location of {len(table.location)} characters; expected at most {_LONGEST_PLACE}")
    for name, values in table.keywords.items():
        _check_keyword(name, values, where)
    for key in table.more:
        if key not in _MORE:
            advice = f"{key} is set by the table itself" if key in OWN else f"HEPData knows {', '.join(_MORE)}"
            raise InputError(f"{where}: key {shown(key)} in `more`; {advice}")
    if "data_license" in table.more:
        _check_licence(table.more["data_license"], where)


def _check_keyword(name: str, values: Sequence[Scalar], where: str) -> None:
    if name not in KEYWORDS:
        raise InputError(f"{where}: keyword {name!r}; HEPData knows {', '.join(KEYWORDS)}")
    for value in values:
        if len(str(value)) > _LONGEST_KEYWORD:
            raise InputError(f"{where}: {name} {shown(value)}; expected at most {_LONGEST_KEYWORD} characters")
        if (
            name == "cmenergies"
            and number_in(str(value)) is None
            and not (len(values) == 1 and _RANGE.fullmatch(str(value)))
        ):
            raise InputError(
                f"{where}: cmenergies {shown(value)}; expected numbers [GeV], or one range such as 1.7-4.7"
            )


def _check_licence(licence: object, where: str) -> None:
    known = isinstance(licence, Mapping) and {"name", "url"} <= set(licence) <= {"name", "url", "description"}
    if not known:
        raise InputError(f"{where}: licence {shown(licence)}; expected name, url and maybe a description")


def _check_independent(column: Variable, where: str) -> None:
    if column.qualifiers:
        raise InputError(f"{where}: qualifiers of an independent column; only dependent ones have them")
    for row, cell in enumerate(column.cells, start=1):
        if cell.errors:
            raise InputError(f"{where}, row {row}: an error of an independent value; expected none")
        edges = [edge for edge in (cell.low, cell.high) if edge is not None]
        if len(edges) == 1 or (cell.value is None and not edges) or (edges and isinstance(cell.value, str)):
            raise InputError(
                f"{where}, row {row}: {cell}; expected a value, or a bin with low, high and maybe a number"
            )
        if isinstance(cell.value, str) and _RANGE.fullmatch(cell.value):
            raise InputError(f"{where}, row {row}: {cell.value!r}; expected a bin with low and high")


def _check_dependent(cell: Cell, where: str) -> None:
    if cell.value is None or cell.low is not None or cell.high is not None:
        raise InputError(f"{where}: {cell}; expected a value without a bin")
    if any(error.hide for error in cell.errors):
        raise InputError(f"{where}: a hidden error; HEPData's submissions have none, leave it out or show it")
    sizes = [[_size(size, where) for size in (error.minus, error.plus)] for error in cell.errors]
    if any(minus is None and plus is None for minus, plus in sizes):
        raise InputError(f"{where}: an error without a size; leave it out, HEPData refuses it")
    if sizes and all(size == 0 for pair in sizes for size in pair):
        raise InputError(f"{where}: all errors are zero; leave them out, HEPData refuses them")


def _size(size: Scalar | None, where: str) -> float | None:
    """An error as HEPData reads it, per cent as it stands; None for an empty text."""
    if size == "":
        return None
    number = number_in(size.removesuffix("%")) if isinstance(size, str) else size
    if number is None:
        raise InputError(f"{where}: error {shown(size)}; expected a number, or one in per cent")
    return float(number)


def _without_hidden_zeros(cell: Cell) -> Cell:
    errors = tuple(error for error in cell.errors if not (error.hide and _is_zero(error)))
    return cell if len(errors) == len(cell.errors) else replace(cell, errors=errors)


def _is_zero(error: Uncertainty) -> bool:
    return all(isinstance(size, (int, float)) and size == 0 for size in (error.minus, error.plus))
