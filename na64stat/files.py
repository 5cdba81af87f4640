"""Reading and writing of files: atomic writing, reading up to a size, strict JSON, strict CSV tables.

`write_text` and `write_bytes` put a whole file in place or nothing, `to_json` turns a record into JSON text. `read_limited` reads
a file up to the size that `LARGEST` states for its format, `parse_json` reads strict JSON, `read_table` columns of a CSV file.
"""

from __future__ import annotations

import csv
import dataclasses
import difflib
import errno
import json
import logging
import math
import os
import secrets
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from na64stat.errors import ComputationError, InputError, TableError, shown

_LOG = logging.getLogger(__name__)

LARGEST: Final[Mapping[str, int]] = MappingProxyType(
    {"TOML": 2**18, "CSV": 2**24, "YAML": 2**24, "BibTeX": 2**24, "JSON": 2**28}
)
"""Size [bytes] of a file above which it is refused, by format; docs/security.md says what they take in memory."""

DEEPEST: Final = 60
"""Levels of JSON, written and read."""

_SIMPLE: Final = (str, int, bool, type(None))
"""Types that JSON has as they are."""

_BLOCK: Final = 2**18

_ADVICE: Final = {
    errno.EACCES: "no permission to write there; choose another folder",
    errno.EPERM: "no permission to write there; choose another folder",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENOSPC: "the disk is full; free some space or choose another disk",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another disk",
    errno.ENAMETOOLONG: "the file name is too long; choose a shorter one",
}
_NO_HARD_LINKS: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES}


def write_text(path: str | os.PathLike[str], text: str, overwrite: bool = False) -> None:
    """Write a UTF-8 text file, whole or not at all; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"), overwrite)


def write_bytes(path: str | os.PathLike[str], data: bytes, overwrite: bool = False) -> None:
    """Write a file, whole or not at all: readers see the old content or the new one, never a part.

    Parameters
    ----------
    path
        Where to; its folder must exist. A symbolic link is followed.
    data
        The content.
    overwrite
        Whether a file that is there already is replaced.

    Raises
    ------
    InputError
        If there is such a file and `overwrite` is false, or if it cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = _mode_to_keep(target, overwrite)
        # In the same folder, since only there a rename is atomic.
        temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.tmp")
        try:
            _write_through(temporary, data, mode)
            if overwrite:
                temporary.replace(target)
            else:
                _link(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
        _LOG.info("wrote %s, %d bytes", target, len(data))
    except FileExistsError as error:
        raise InputError(
            f"cannot write {target}: the file exists; --overwrite (overwrite=True) would replace it"
        ) from error
    except OSError as error:
        raise InputError(f"cannot write {target}: {write_advice(error)}") from error


def write_advice(error: OSError) -> str:
    """Why something could not be written, and what to do about it."""
    return _ADVICE.get(error.errno or 0, error.strerror or str(error))


def _mode_to_keep(target: Path, overwrite: bool) -> int | None:
    """Permission bits of the file to be replaced, None if there is none; refuse what cannot be written."""
    if not target.parent.is_dir():
        raise InputError(f"cannot write {target}: there is no folder {target.parent}; make it first")
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise InputError(f"cannot write {target}: it is a folder; give the name of a file")
    if not stat.S_ISREG(mode):
        raise InputError(f"cannot write {target}: it is not a regular file; give the name of one")
    if not overwrite:
        raise FileExistsError
    return stat.S_IMODE(mode)


def _write_through(path: Path, data: bytes, mode: int | None) -> None:
    """Write a new file, down to the disk: a rename before that can leave an empty file after a crash."""
    # A bare open, not tempfile: the user's umask decides who may read the file.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(descriptor, "wb") as file:
        if mode is not None:
            path.chmod(mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _link(source: Path, target: Path) -> None:
    """Give `source` the name `target`; FileExistsError if another process took the name meanwhile."""
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # A file system without hard links: take the name with an empty file, then put the content under it.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        try:
            source.replace(target)
        except OSError:
            target.unlink()
            raise


def to_json(record: object) -> str:
    """JSON text of a record, keys in their order, with a newline at the end.

    Parameters
    ----------
    record
        Mappings with text keys, dataclasses, sequences, arrays, numbers, text, booleans and None, nested in any way.
        Numbers keep every digit. A list of plain values takes one line.

    Raises
    ------
    ComputationError
        For NaN or infinity; the message says where in the record.
    InputError
        For a value that JSON cannot hold.
    """
    return _render(_plain(record, "record", 0), 0) + "\n"


def _plain(value: object, where: str, depth: int) -> object:
    """The value as dict, list, text, number, boolean or None."""
    if depth > DEEPEST:
        raise InputError(f"JSON: {where[:80]}... is nested deeper than {DEEPEST} levels, or holds itself")
    if type(value) in _SIMPLE:
        return value
    value = _unwrapped(value, where)
    if isinstance(value, dict):
        return {key: _plain(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        if depth < DEEPEST and all(type(item) is float and math.isfinite(item) for item in value):
            return list(value)  # the long ones: naming each place takes longer than all else
        return [_plain(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise ComputationError(f"JSON: {where} is {value}; only finite numbers can be written, or null with a status")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InputError(
        f"JSON: {where} is of type {type(value).__name__}; mappings, sequences, arrays, numbers, text, booleans and "
        "None can be written"
    )


def _unwrapped(value: object, where: str) -> object:
    """Arrays as lists, NumPy numbers as Python's, mappings and dataclasses as dicts, anything else as it is."""
    if isinstance(value, np.ma.MaskedArray):
        raise InputError(f"JSON: {where} is a masked array; fill the gaps first")
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise InputError(f"JSON: {where} has the key {key!r} of type {type(key).__name__}; keys must be text")
        return dict(value)
    return value


def _render(value: object, level: int) -> str:
    pad, end = "  " * (level + 1), "  " * level
    if isinstance(value, dict) and value:
        items = [f"{pad}{json.dumps(key)}: {_render(item, level + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{end}}}"
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return "[\n" + ",\n".join(pad + _render(item, level + 1) for item in value) + f"\n{end}]"
    return json.dumps(value, allow_nan=False)


def read_limited(file: Path | Traversable, form: str, wrong: type[InputError] = InputError) -> bytes:
    """The content of a file, at most as many bytes as `LARGEST` has for its format.

    Parameters
    ----------
    file
        The file; a pipe too.
    form
        A key of `LARGEST`.
    wrong
        Type of the error for a file that is larger.

    Raises
    ------
    InputError
        If it is larger.
    OSError
        If it cannot be read, or its name can be no file's.
    """
    most, content = LARGEST[form], bytearray()
    try:
        with file.open("rb") as stream:
            # In blocks, since one large read would take all of the memory at once.
            while len(content) <= most and (block := stream.read(_BLOCK)):
                content += block
    except ValueError as error:  # a NUL, or half a character, in the name
        raise OSError(errno.EINVAL, f"not the name of a file ({error})") from error
    if len(content) > most:
        raise wrong(f"{file}: more than {most} bytes, the most that are read of a {form} file")
    return bytes(content)


def parse_json(text: str | bytes, where: str, parse_int: Callable[[str], Any] = int) -> Any:
    """What a JSON text holds.

    Strict: no NaN and no infinity, no key twice in an object, at most `DEEPEST` levels.

    Parameters
    ----------
    text
        The text; bytes are UTF-8.
    where
        What a message begins with: the name of the file.
    parse_int
        Reads whole numbers; ``float`` knows no bound.

    Raises
    ------
    InputError
        For anything else.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8-sig")
        found = json.loads(
            decoded,
            parse_float=_finite,
            parse_int=parse_int,
            parse_constant=_refuse_constant,
            object_pairs_hook=_each_key_once,
        )
    except RecursionError as error:
        raise InputError(f"{where}: nested too deeply; JSON of at most {DEEPEST} levels is read") from error
    except ValueError as error:
        raise InputError(f"{where}: not a JSON file: {error}") from error
    level = [found]
    for _ in range(DEEPEST):
        inner = (item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list))
        level = [item for items in inner for item in items if isinstance(item, dict | list)]
        if not level:
            return found
    raise InputError(f"{where}: nested too deeply; JSON of at most {DEEPEST} levels is read")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{shown(text)} is larger than any number that is read")
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {shown(twice)} occurs twice in one object")
    return found


def read_table(
    path: str | Path | Traversable, columns: Mapping[str, type], allow_non_finite: Collection[str] = ()
) -> dict[str, list[Any]]:
    """Columns of a CSV file, by name.

    The file is UTF-8 text with a header line. Empty lines, and lines that start with ``#``, are passed over.

    Parameters
    ----------
    path
        The file.
    columns
        Name and type (float, int or str) of each column; the header holds just these, in any order.
    allow_non_finite
        Columns in which NaN and infinity are allowed.

    Raises
    ------
    TableError
        If the file is missing, empty or holds something else; the message names file, line and column.
    """
    file = Path(path) if isinstance(path, str) else path
    lines = _fields(_read(file), str(path))
    line, header = next(lines, (1, []))
    if not header:
        raise TableError(f"{path}: the file is empty; a header line {','.join(columns)} and rows of numbers are needed")
    _check_header(header, columns, f"{path}, line {line}")
    table: dict[str, list[Any]] = {name: [] for name in columns}
    for line, row in lines:
        if len(row) != len(header):
            raise TableError(f"{path}, line {line}: {len(row)} values; the header has {len(header)} columns")
        for name, text in zip(header, row, strict=True):
            where = f"{path}, line {line}, column {name}"
            table[name].append(_convert(text, columns[name], where, name in allow_non_finite))
    if not next(iter(table.values())):
        raise TableError(f"{path}: there is a header, but no row below it")
    return table


def _read(file: Path | Traversable) -> str:
    try:
        return read_limited(file, "CSV", TableError).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise TableError(f"{file}: there is no such file") from error
    except UnicodeDecodeError as error:
        raise TableError(f"{file}: byte {error.start} is not UTF-8 text; a CSV file is needed") from error
    except OSError as error:
        raise TableError(f"{file}: cannot be read: {error.strerror}") from error


def _fields(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped values of each line that is not empty and no comment."""
    # Only real line ends: str.splitlines also breaks at form feeds and the like, and the numbers would be off.
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                (row,) = csv.reader([line], strict=True, skipinitialspace=True)
            except (csv.Error, ValueError) as error:
                raise TableError(f"{name}, line {number}: not a line of comma-separated values: {error}") from error
            yield number, [value.strip() for value in row]


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


def _convert(text: str, kind: type, where: str, allow_non_finite: bool) -> Any:
    if kind is str:
        if not text:
            raise TableError(f"{where}: the value is empty; text is needed")
        return text
    if kind not in (float, int):
        raise InputError(f"{where}: columns can be of type float, int or str, not {kind.__name__}")
    wanted = "a whole number" if kind is int else "a number"
    try:
        # Python reads 1_000 as a number; in a table it is a slip.
        value = kind(text if "_" not in text else "")
    except ValueError as error:
        raise TableError(f"{where}: {text!r}; {wanted} is needed") from error
    if kind is float and not (allow_non_finite or math.isfinite(value)):
        raise TableError(f"{where}: {text!r}; a finite number is needed")
    return value
