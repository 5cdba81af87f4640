"""Reading HEPData: submissions, and single tables in YAML or in the JSON that HEPData serves.

YAML is read by the safe loader only, files above `LARGEST` bytes are refused, and nothing outside the folder of a submission
is opened, whatever it names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from na64stat.errors import InputError
from na64stat.export.served_json import table_from_json
from na64stat.export.submission_yaml import resource_from, table_from
from na64stat.export.table import Resource, Table

SUBMISSION: Final = "submission.yaml"
LARGEST: Final = 64 * 2**20
"""Size of a file [bytes] above which it is refused."""


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
    text = _text(file)
    if file.suffix.lower() == ".json":
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{file}: not a JSON file: {error}") from error
        if isinstance(record, Mapping) and "independent_variables" not in record:
            return table_from_json(record, str(file))
        return table_from({"name": file.stem}, record, str(file))
    documents = _documents(text, file)
    if len(documents) != 1 or not isinstance(documents[0], Mapping):
        raise InputError(f"{file}: not a table of HEPData; a single YAML document, or JSON, is right")
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
    documents = _documents(_text(root / SUBMISSION), root / SUBMISSION)
    found: list[Table] = []
    resources: tuple[Resource, ...] = ()
    comment = ""
    for number, document in enumerate(documents, start=1):
        where = f"{root / SUBMISSION}, document {number}"
        if not isinstance(document, Mapping):
            raise InputError(f"{where}: not a mapping of keys and values")
        if "data_file" not in document and "independent_variables" not in document:
            resources, comment = _record(document, where)
            continue
        data: Any = document
        if "data_file" in document:
            file = _inside(root, document["data_file"], where)
            (data,) = _documents(_text(file), file) or [None]
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
    for document in _documents(_text(path), path):
        if not isinstance(document, Mapping):
            raise InputError(f"{path}: not a submission")
        names.update([document["data_file"]] if isinstance(document.get("data_file"), str) else [])
        resources = document.get("additional_resources") or ()
        names.update(str(item["location"]) for item in resources if isinstance(item, Mapping) and "location" in item)
    return frozenset(names)


def _record(document: Mapping[str, Any], where: str) -> tuple[tuple[Resource, ...], str]:
    try:
        resources = tuple(resource_from(item) for item in document.get("additional_resources") or ())
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{where}: additional_resources: {type(error).__name__}: {error}") from error
    return resources, str(document.get("comment") or "")


def _about(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: document[key] for key in ("name", "description", "keywords", "location") if key in document}


def _inside(root: Path, name: object, where: str) -> Path:
    """A file of the folder; a submission can name nothing outside of it."""
    path = (root / str(name)).resolve()
    if not isinstance(name, str) or not path.is_relative_to(root.resolve()):
        raise InputError(f"{where}: data_file {name!r} lies outside the folder; the name of a file in it is right")
    return path


def _text(file: Path) -> str:
    try:
        size = file.stat().st_size
        if size > LARGEST:
            raise InputError(f"{file}: {size} bytes; at most {LARGEST} are read")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: not a UTF-8 text") from error


def _documents(text: str, file: Path) -> list[Any]:
    try:
        return [item for item in yaml.load_all(text, Loader=_LOADER) if item is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{file}: not YAML: {' '.join(str(error).split())}") from error


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
