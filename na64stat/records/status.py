"""Status of a point, as a text of its record: these texts are made here, and recognised here alone."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

_FAILED: Final = "failed: "
_BELOW: Final = ", from below the couplings that were searched"


def failed(reason: object) -> str:
    """The status of a point that could not be computed.

    Parameters
    ----------
    reason
        Why; an error or its message.
    """
    return f"{_FAILED}{reason}"


def has_failed(status: str) -> bool:
    """True if it is the status of a point that could not be computed."""
    return status.startswith(_FAILED)


def why_failed(status: str) -> str:
    """The reason in a status that `failed` made."""
    return status.removeprefix(_FAILED)


def from_below(status: str, low: float, high: float) -> str:
    """A status with the remark that the lowest coupling lies below those that were searched.

    Parameters
    ----------
    status
        "excluded" or "reached".
    low, high
        Ends of the couplings that were searched, in the scenario's unit.
    """
    return f"{status}{_BELOW} ({low:g} to {high:g})"


def is_from_below(status: str) -> bool:
    """True if a status has the remark of `from_below`: the lowest coupling is then no edge."""
    return _BELOW in status


def is_status(text: str, words: Collection[str]) -> bool:
    """True if a text is a status: a failure, or one of some words, with the remark of `from_below` or without.

    Parameters
    ----------
    text
        Out of a file.
    words
        Those that the record has, such as "excluded".
    """
    return has_failed(text) or text.partition(_BELOW)[0] in words
