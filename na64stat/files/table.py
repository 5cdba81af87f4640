"""Tables of known columns, as CSV."""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from na64stat.errors import InputError, TableError, shown
from na64stat.files.reading import read_limited


def read_table(path: str | Path | Traversable, columns: Mapping[str, type]) -> dict[str, list[Any]]:
    """Columns of a CSV file, by name.

    The file is UTF-8 text with a header line. Empty lines, and lines that start with ``#``, are passed over. Lines end as on any
    system; values are separated by commas, or by semicolons if the header is.

    Parameters
    ----------
    path
        The file.
    columns
        Name and type (float, int or str) of each column; the header holds just these, in any order.

    Raises
    ------
    TableError
        If the file is missing, empty or holds something else; the message names file, line and column.
    """
    file = Path(path) if isinstance(path, str) else path
    lines = _fields(_read(file), str(path))
    line, header = next(lines, (1, []))
    if not header:
        raise TableError(f"{path}: the file is empty; expected a header line {','.join(columns)} and rows of numbers")
    _check_header(header, columns, f"{path}, line {line}")
    table: dict[str, list[Any]] = {name: [] for name in columns}
    for line, row in lines:
        if len(row) != len(header):
            raise TableError(f"{path}, line {line}: {len(row)} values; the header has {len(header)} columns")
        for name, text in zip(header, row, strict=True):
            where = f"{path}, line {line}, column {name}"
            table[name].append(_convert(text, columns[name], where))
    if not next(iter(table.values())):
        raise TableError(f"{path}: there is a header, but no row below it")
    return table


def _read(file: Path | Traversable) -> str:
    try:
        return read_limited(file, "CSV", TableError).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise TableError(f"{file}: there is no such file") from error
    except UnicodeDecodeError as error:
        raise TableError(f"{file}: byte {error.start} is not UTF-8 text; expected a CSV file") from error
    except OSError as error:
        raise TableError(f"{file}: cannot be read: {error.strerror}") from error


def _fields(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped values of each line that is not empty and no comment."""
    separator = ""
    # Only real line ends: str.splitlines also breaks at form feeds and the like, and the numbers would be off.
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            # Spreadsheets of half of Europe write semicolons; the header, which has names only, tells.
            separator = separator or (";" if ";" in line and "," not in line else ",")
            try:
                (row,) = csv.reader([line], delimiter=separator, strict=True, skipinitialspace=True)
            except (csv.Error, ValueError) as error:
                raise TableError(f"{name}, line {number}: {_reason(line, separator)}") from error
            yield number, [value.strip() for value in row]


def _reason(line: str, separator: str) -> str:
    """Why a line cannot be taken apart."""
    if any(len(value) > csv.field_size_limit() for value in line.split(separator)):
        return f"a value of more than {csv.field_size_limit()} characters, which is more than is read"
    return f"not a line of comma-separated values: a quotation mark that is not closed or has text behind it: {shown(line)}"


def _check_header(header: list[str], columns: Mapping[str, type], where: str) -> None:
    wanted = ",".join(columns)
    for index, name in enumerate(header):
        if name in header[:index]:
            raise TableError(f"{where}: column {name!r} occurs twice; the columns are {wanted}")
        if name not in columns:
            close = difflib.get_close_matches(name, columns, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise TableError(f"{where}: unknown column {name!r}{hint}; the columns are {wanted}")
    missing = [name for name in columns if name not in header]
    if missing:
        raise TableError(f"{where}: column {missing[0]!r} is missing; the columns are {wanted}")


def _convert(text: str, kind: type, where: str) -> Any:
    if kind is str:
        if not text:
            raise TableError(f"{where}: the value is empty; expected text")
        return text
    if kind not in (float, int):
        raise InputError(f"{where}: columns can be of type float, int or str, not {kind.__name__}")
    wanted = "a whole number" if kind is int else "a number"
    try:
        # Python reads 1_000 as a number; in a table it is a slip.
        value = kind(text if "_" not in text else "")
    except ValueError as error:
        raise TableError(f"{where}: {text!r}; expected {wanted}") from error
    if kind is float and not math.isfinite(value):
        raise TableError(f"{where}: {text!r}; expected a finite number")
    return value
