"""The packaged BibTeX entries, and the way from a text that names a paper to its key.

`references` holds the entries of `data/references.bib`, `keys_in` finds those that a text such as the source of a number
names, `read_bibtex` reads a file strictly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Final

from na64stat.errors import InputError
from na64stat.files import read_limited

_ARXIV: Final = re.compile(r"(?<![\d./])(?:\d{4}\.\d{4,5}|(?:hep-(?:ex|ph|th|lat)|physics)/\d{7})(?![\d]|\.\d)")
"""Arxiv numbers, new and old, in running text."""

_HEAD: Final = re.compile(r"@(\w+)\{([^\s,{}\"]+),\s*")
_FIELD: Final = re.compile(r"(\w+)\s*=\s*\{")
_BETWEEN: Final = re.compile(r"(?:\s|%[^\n]*\n)*")


@dataclass(frozen=True)
class Entry:
    """A BibTeX entry.

    Attributes
    ----------
    kind
        "article", "software", ...
    key
        What LaTeX's cite takes.
    fields
        Value of each field by its name, without the outer braces.
    text
        The entry as it stands in the file.
    """

    kind: str
    key: str
    fields: Mapping[str, str]
    text: str

    @property
    def names(self) -> tuple[str, ...]:
        """Texts that name this entry: its arXiv number, and those of the field `cited_as`, which BibTeX passes over."""
        other = (name.strip() for name in self.fields.get("cited_as", "").split(";"))
        return tuple(name for name in (self.fields.get("eprint", ""), *other) if name)


def read_bibtex(path: str | Path | Traversable) -> dict[str, Entry]:
    """Entries of a BibTeX file by key, in their order.

    Fields stand in braces that balance; between entries there are only blanks and lines of comment (%).

    Raises
    ------
    InputError
        For anything else, a key or field that occurs twice, or no entry at all; the message names file and line.
    """
    file = Path(path) if isinstance(path, str) else path
    try:
        text = read_limited(file, "BibTeX").decode("utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8 text; expected a BibTeX file") from error
    entries: dict[str, Entry] = {}
    for position, entry in _entries(text, str(path)):
        if entry.key in entries:
            raise InputError(f"{_where(text, position, str(path))}: the key {entry.key!r} occurs twice")
        entries[entry.key] = entry
    if not entries:
        raise InputError(f"{path}: no BibTeX entry in it")
    return entries


def _entries(text: str, name: str) -> Iterator[tuple[int, Entry]]:
    """Start and content of each entry."""
    position = _skip(text, 0)
    while position < len(text):
        head = _HEAD.match(text, position)
        if head is None:
            raise InputError(f"{_where(text, position, name)}: expected @kind{{key, here")
        start, position, fields = position, head.end(), dict[str, str]()
        while not text.startswith("}", position):
            field = _FIELD.match(text, position)
            if field is None:
                raise InputError(f"{_where(text, position, name)}: {head[2]}: expected field = {{value}} here")
            if field[1] in fields:
                raise InputError(f"{_where(text, position, name)}: {head[2]}: the field {field[1]} occurs twice")
            end = _closing(text, field.end(), f"{_where(text, position, name)}: {head[2]}: {field[1]}")
            fields[field[1]] = text[field.end() : end]
            position = _skip(text, end + 1)
            position = _skip(text, position + 1) if text.startswith(",", position) else position
        yield start, Entry(head[1].lower(), head[2], MappingProxyType(fields), text[start : position + 1])
        position = _skip(text, position + 1)


def _skip(text: str, position: int) -> int:
    found = _BETWEEN.match(text, position)
    return found.end() if found else position


def _closing(text: str, position: int, where: str) -> int:
    """Where the brace that was opened before `position` is closed."""
    depth = 1
    while position < len(text):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position
        position += 1
    raise InputError(f"{where}: a brace is opened and never closed")


def _where(text: str, position: int, name: str) -> str:
    return f"{name}, line {1 + text.count(chr(10), 0, position)}"


@lru_cache(maxsize=1)
def references() -> Mapping[str, Entry]:
    """The packaged entries by key, `data/references.bib`."""
    return MappingProxyType(read_bibtex(resources.files("na64stat.limits_library") / "data" / "references.bib"))


@lru_cache(maxsize=1)
def _keys_by_name() -> Mapping[str, str]:
    """Lower-case name of an entry -> its key."""
    return MappingProxyType({name.lower(): entry.key for entry in references().values() for name in entry.names})


def arxiv_numbers(text: str) -> list[str]:
    """The arXiv numbers in a text, each once, in their order."""
    return list(dict.fromkeys(_ARXIV.findall(text)))


def keys_in(text: str) -> tuple[str, ...]:
    """Keys of the packaged entries that a text names, each once, in the order of the text.

    Parameters
    ----------
    text
        Any text, such as the source of a number.
    """
    lower = text.lower()
    found = [(lower.find(name), key) for name, key in _keys_by_name().items() if _names(name, lower)]
    return tuple(dict.fromkeys(key for _, key in sorted(found)))


def unknown_in(text: str) -> list[str]:
    """ArXiv numbers in a text that no packaged entry has."""
    return [number for number in arxiv_numbers(text) if number not in _keys_by_name()]


def _names(name: str, text: str) -> bool:
    """True if a text holds a name, not as a part of a longer word or number."""
    return re.search(rf"(?<![\w./]){re.escape(name)}(?!\w|\.\d)", text) is not None
