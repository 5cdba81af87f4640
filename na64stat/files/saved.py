"""Results that can be kept as JSON files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final

from na64stat.files.strict_json import to_json
from na64stat.files.writing import write_text

SCHEMA: Final = 1
"""Version of the form in which a result is written by its fields."""


class Saved(ABC):
    """A result that can be kept as a JSON file."""

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the JSON form; an existing file is refused unless `overwrite`.

        Parameters
        ----------
        path
            The file.
        overwrite
            Whether an existing file is replaced.
        """
        write_text(path, to_json(self.as_dict()), overwrite=overwrite)


class SavedByFields(Saved):
    """A dataclass whose JSON form is its fields, with a kind; `na64stat.load` reads it."""

    kind: ClassVar[str]
    keys: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Keys of fields that are not called alike."""

    def as_dict(self) -> dict[str, Any]:
        """The JSON form: schema, kind and fields."""
        own = {self.keys.get(item.name, item.name): _plain(getattr(self, item.name)) for item in fields(self)}  # type: ignore[arg-type]
        return {"schema": SCHEMA, "kind": self.kind, **own}


def _plain(value: Any) -> Any:
    """Dataclasses as objects, tuples and arrays as lists, all the way down."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value
