"""Meaning of a text in an entry of a table: a number, or nothing."""

from __future__ import annotations

import re
from typing import Final

_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_BLANK: Final = {"", "-", "--", "n/a", "na", "nan", "none"}


def is_blank(text: str) -> bool:
    """True if a text says that there is nothing, such as "-"."""
    return text.strip().lower() in _BLANK


def number_in(text: str) -> float | None:
    """The number that a text is, such as 1e-3, which YAML takes for text; None for another text."""
    return float(text) if _NUMBER.fullmatch(text.strip()) else None
