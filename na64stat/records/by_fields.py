"""Results that are written by their fields, read again: their types say what is right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

import msgspec
import numpy as np

from na64stat.contour.overlap import Overlap
from na64stat.errors import InputError, shown
from na64stat.files.saved import SCHEMA, SavedByFields
from na64stat.records.credible import CrediblePlane
from na64stat.records.fields import Entry
from na64stat.records.projection import MotNeeded
from na64stat.records.record import record_of
from na64stat.stats.compare import Comparison
from na64stat.stats.fits.best_fit import BestFit
from na64stat.stats.fits.impacts import Impacts
from na64stat.stats.results import ClsResult, Limit
from na64stat.stats.significance import Significance

KINDS: Final[Mapping[str, type[SavedByFields]]] = {
    item.kind: item
    for item in (
        Limit,
        ClsResult,
        BestFit,
        Impacts,
        Significance,
        Comparison,
        Overlap,
        MotNeeded,
        CrediblePlane,
    )
}

_PLACE = re.compile(r"(?P<words>.*?)(?: - at `\$\.?(?P<place>.*)`)?$", re.DOTALL)


def of_fields(file: Entry, kind: str) -> SavedByFields:
    """The result in a file that has been read.

    Parameters
    ----------
    file
        The whole file.
    kind
        One of `KINDS`.

    Raises
    ------
    InputError
        If it is of another schema, or an entry is missing or of another type.
    """
    record, of = record_of(file, kind, SCHEMA, f"file of {kind}"), KINDS[kind]
    names = {key: name for name, key in of.keys.items()}
    content = {names.get(key, key): value for key, value in record.object().items() if key not in ("schema", "kind")}
    try:
        return msgspec.convert(content, of, dec_hook=_array)
    except msgspec.ValidationError as error:
        raise InputError(f"{record.where}: {_in_words(str(error), content, of.keys)}") from None


def _array(kind: Any, value: Any) -> Any:
    """An array of numbers; msgspec knows none."""
    of = get_args(get_args(kind)[1])[0]
    found = np.asarray(value)
    if found.dtype.kind not in "if" and found.size:
        raise ValueError("Expected numbers")
    return found.astype(of)


def _in_words(text: str, content: Any, keys: Mapping[str, str]) -> str:
    """Place, value and what is right, of a message of msgspec."""
    found = _PLACE.match(text)
    words, place = (found["words"], found["place"]) if found else (text, None)
    if place is None:
        return words
    value = content
    for name, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", place):
        try:
            value = value[int(number)] if number else value[name]
        except (KeyError, IndexError, TypeError):
            return f"{place}: {words}"
    first = re.split(r"[.\[]", place)[0]
    place = keys.get(first, first) + place[len(first) :]
    return f"{place} is {shown(value)}: {words[:1].lower()}{words[1:].replace('`', '')}"
