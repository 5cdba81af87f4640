"""Strict JSON: no NaN and no infinity, no key twice, a bounded depth."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from na64stat.errors import ComputationError, InputError, shown

DEEPEST: Final = 60
"""Levels of JSON, written and read."""

_SIMPLE: Final = (str, int, bool, type(None))
"""Types that JSON has as they are."""


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


def parse_json(text: str | bytes, where: str, parse_int: Callable[[str], Any] = int) -> Any:
    """Content of a JSON text.

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
    except json.JSONDecodeError as error:
        line = error.doc.split("\n")[error.lineno - 1].strip()
        at = f"line {error.lineno}, column {error.colno}" + (f": {shown(line)}" if line else ", where it ends")
        raise InputError(
            f"{where}: not a JSON file: {at}; expected closed brackets and quotes, and commas between values"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not a JSON file: byte {error.start} is not UTF-8 text") from error
    except ValueError as error:
        own = "a whole number of thousands of digits" if "integer string conversion" in str(error) else str(error)
        raise InputError(f"{where}: not a JSON file: {own}") from error
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
