"""The exceptions and warnings of na64stat.

::

    Na64StatError
    ├── InputError (also a ValueError)      something given by the user is wrong
    │   ├── RunFileError                    a run file: unknown key, wrong unit, missing source
    │   ├── TableError                      a CSV table
    │   ├── ScenarioError                   a scenario: its parameters, name or file
    │   ├── RegionError                     a region: unknown, without bins, or a refused combination
    │   └── WorkspaceError                  a pyhf workspace
    └── ComputationError                    a result could not be computed, and the message says why

    Na64StatWarning (a UserWarning)
    ├── ValidityWarning                     a formula is used where it loses validity
    └── LowCountWarning                     an asymptotic formula is used where counts are few

A message says what, which value, where, and what would be right.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 200


class Na64StatError(Exception):
    """Base of every exception that na64stat raises on purpose."""


class InputError(Na64StatError, ValueError):
    """Something given by the user is wrong."""


class RunFileError(InputError):
    """A run file is wrong; the message names the file and the dotted key."""


class TableError(InputError):
    """A CSV table is wrong; the message names the file, the line and the column."""


class ScenarioError(InputError):
    """A scenario's parameters, name or file are wrong."""


class RegionError(InputError):
    """A region is unknown or empty, or a combination of regions is refused."""


class WorkspaceError(InputError):
    """A pyhf workspace is broken, or holds a model that the method cannot treat."""


class ComputationError(Na64StatError):
    """A result could not be computed."""


class Na64StatWarning(UserWarning):
    """Base of every warning of na64stat."""


class ValidityWarning(Na64StatWarning):
    """A formula is used where it loses validity."""


class LowCountWarning(Na64StatWarning):
    """An asymptotic formula is used where counts are few."""


def shown(value: object) -> str:
    """A value that is quoted in a message, cut short: it can come from a file of anybody's.

    Parameters
    ----------
    value
        Anything.
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, a structure of thousands of levels
        return f"a {type(value).__name__} too large to be shown"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The end of a message: a hint at the known name that is most like a wrong one; empty if none is.

    Parameters
    ----------
    name
        The wrong one.
    known
        The right ones.
    """
    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
