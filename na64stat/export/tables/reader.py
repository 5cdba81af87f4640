"""Reading HEPData: submissions, and single tables in YAML or in the JSON that HEPData serves.

YAML is read by the safe loader only, and what stands behind its aliases counts as often as it is named; files larger than
`na64stat.files.LARGEST` says are refused, and nothing outside the folder of a submission is opened, whatever it names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any, Final

import yaml

from na64stat.errors import InputError, shown
from na64stat.export.tables.served_json import table_from_json
from na64stat.export.tables.table import Resource, Table
from na64stat.export.tables.yaml import reason, resource_from, table_from
from na64stat.files import parse_json, read_limited

SUBMISSION: Final = "submission.yaml"
_LONGEST_NUMBER: Final = 1000
MOST_VALUES: Final = 10_000_000
"""Values, keys and lists of a YAML document, with aliases written out, above which it is refused; 8 letters count as one."""


def read_table(path: str | Path) -> Table:
    """A table from a file: a data file of a submission (YAML), or the JSON that HEPData serves.

    Parameters
    ----------
    path
        The file, .yaml or .json.

    Raises
    ------
    InputError
        If the file is missing, too large, or no table.
    """
    file = Path(path)
    if file.suffix.lower() == ".json":
        record = parse_json(_text(file, "JSON"), str(file))
        if isinstance(record, Mapping) and "independent_variables" not in record:
            return table_from_json(record, str(file))
        return table_from({"name": file.stem}, record, str(file))
    documents = _documents(file)
    if len(documents) != 1 or not isinstance(documents[0], Mapping):
        raise InputError(f"{file}: not a table of HEPData; expected a single YAML document, or JSON")
    document = documents[0]
    if "values" in document:
        return table_from_json(document, str(file))
    return table_from({"name": file.stem} | _about(document), document, str(file))


def read_tables(folder: str | Path) -> tuple[tuple[Table, ...], tuple[Resource, ...], str]:
    """Tables, files of the whole record, and comment of the submission in a folder.

    Raises
    ------
    InputError
        If it is no submission, a file is missing, or lies outside the folder.
    """
    root = Path(folder)
    documents = _documents(_inside(root, SUBMISSION, str(root)))
    found: list[Table] = []
    resources: tuple[Resource, ...] = ()
    comment = ""
    opened: set[Path] = set()
    for number, document in enumerate(documents, start=1):
        where = f"{root / SUBMISSION}, document {number}"
        if not isinstance(document, Mapping):
            raise InputError(f"{where}: not a mapping of keys and values")
        if "data_file" not in document and "independent_variables" not in document:
            more, text = _record(document, where)
            resources, comment = (*resources, *more), " ".join(part for part in (comment, text) if part)
            continue
        data: Any = document
        if "data_file" in document:
            file = _inside(root, document["data_file"], where)
            if file in opened:
                raise InputError(
                    f"{where}: data_file {shown(document['data_file'])} is that of another table too; expected its own"
                )
            opened.add(file)
            held = _documents(file)
            if len(held) != 1:
                raise InputError(f"{file}: {len(held)} documents; expected the one of a table")
            data = held[0]
        found.append(table_from(document, data, where))
    return tuple(found), resources, comment


def files_of_submission(folder: str | Path) -> frozenset[str]:
    """Names of the files that a submission consists of.

    Raises
    ------
    InputError
        If there is no submission.
    """
    path = Path(folder) / SUBMISSION
    names = {SUBMISSION}
    for document in _documents(path):
        if not isinstance(document, Mapping):
            raise InputError(f"{path}: not a submission")
        names.update([document["data_file"]] if isinstance(document.get("data_file"), str) else [])
        resources = document.get("additional_resources")
        items = resources if isinstance(resources, list) else ()
        names.update(str(item["location"]) for item in items if isinstance(item, Mapping) and "location" in item)
    return frozenset(names)


def _record(document: Mapping[str, Any], where: str) -> tuple[tuple[Resource, ...], str]:
    try:
        resources = tuple(resource_from(item) for item in document.get("additional_resources") or ())
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise InputError(f"{where}: additional_resources: {reason(error)}") from error
    return resources, str(document.get("comment") or "")


def _about(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: document[key] for key in ("name", "description", "keywords", "location") if key in document}


def _inside(root: Path, name: object, where: str) -> Path:
    """A file of the folder; a submission can name nothing outside of it, by links or as Windows writes paths either."""
    refused = InputError(
        f"{where}: data_file {shown(name)} lies outside the folder; expected the name of a file in it"
        if isinstance(name, str)
        else f"{where}: data_file {shown(name)}; expected the name of a file"
    )
    if not isinstance(name, str) or PureWindowsPath(name).anchor or ".." in PureWindowsPath(name).parts:
        raise refused
    try:
        path = (root / name).resolve()
        inside = path.is_relative_to(root.resolve())
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in the name, a circle of links
        raise InputError(f"{where}: data_file {shown(name)}: {error}; expected the name of a file") from error
    if not inside:
        raise refused
    return path


def _text(file: Path, form: str) -> str:
    try:
        return read_limited(file, form).decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: not a UTF-8 text") from error


def _documents(file: Path) -> list[Any]:
    text = _text(file, "YAML")
    try:
        return [item for item in yaml.load_all(text, Loader=_Loader) if item is not None]
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    # The constructors of the safe loader raise much else, such as an IndexError for `!!int ""`.
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"{file}: not YAML: {_place(error, text)}") from error


def _place(error: Exception, text: str) -> str:
    """Where YAML is broken, with that line."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return "a value in it is not what its tag says, a character is none of YAML, or it is nested too deeply"
    lines = text.split("\n")
    line = lines[min(mark.line, len(lines) - 1)].strip()
    at = f"line {mark.line + 1}, column {mark.column + 1}: {shown(line)}"
    return f"{at}; expected `key: value`, `- item` and closed quotes and brackets"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, which also refuses lists of lists by alias that would be too large if they were written out."""

    def construct_document(self, node: Any) -> Any:
        size = _written_out(node, {})
        if size > MOST_VALUES:
            raise InputError(
                f"YAML with {size:.3g} values if its aliases are written out; at most {MOST_VALUES} are read"
            )
        return super().construct_document(node)


def _constructed_as(tag: str) -> Any:
    """Constructor of numbers that refuses those of YAML 1.1 that nobody means: 1_000, and 1:30 for 90."""

    def construct(loader: Any, node: Any) -> Any:
        text = node.value if isinstance(node.value, str) else ""
        if "_" in text or ":" in text:
            raise InputError(
                f"line {node.start_mark.line + 1}: {shown(text)}; expected a number without underscores and colons, or "
                "a text in quotes"
            )
        if len(text) > _LONGEST_NUMBER:
            raise InputError(
                f"line {node.start_mark.line + 1}: a number of {len(text)} characters; at most {_LONGEST_NUMBER}"
            )
        return getattr(yaml.SafeLoader, f"construct_yaml_{tag}")(loader, node)

    return construct


for _tag in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _constructed_as(_tag))


def _written_out(node: Any, known: dict[int, float]) -> float:
    """Size of a node whose aliases are replaced by what they stand for; infinite for one that holds itself."""
    if id(node) not in known:
        known[id(node)] = math.inf
        if isinstance(node, yaml.ScalarNode):
            size = len(node.value) / 8
        else:
            parts = (part if isinstance(part, tuple) else (part,) for part in node.value)
            size = sum(_written_out(item, known) for part in parts for item in part)
        known[id(node)] = 1 + size
    return known[id(node)]
