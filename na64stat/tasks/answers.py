"""Answers of workers elsewhere as text: numbers and reasons come back as JSON, which can hold nothing that runs."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from na64stat import errors
from na64stat.errors import ComputationError, Na64StatError

_LONGEST: Final = 1000
"""Characters of a reason."""

_ERRORS: Final[Mapping[str, type[Na64StatError]]] = MappingProxyType(
    {name: item for name, item in vars(errors).items() if isinstance(item, type) and issubclass(item, Na64StatError)}
)


def as_text(function: Callable[..., Any], *arguments: Any, **others: Any) -> bytes:
    """Answer of a function, or the reason why there is none, as JSON; runs in a worker.

    Parameters
    ----------
    function, arguments, others
        What is called, and with what.
    """
    try:
        record = {"answer": function(*arguments, **others)}
        return json.dumps(record).encode()
    except Na64StatError as error:
        return json.dumps({"failed": [type(error).__name__, str(error)]}).encode()
    except Exception as error:  # noqa: BLE001  (a scenario of the user, or a bug: told there where it is asked for)
        at = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"{type(error).__name__}: {error} ({at.filename}, line {at.lineno}, on a worker)"
        return json.dumps({"failed": ["ComputationError", reason]}).encode()


def answer_of(text: Any, origin: str) -> Any:
    """The answer in such a text.

    Parameters
    ----------
    text
        What came, from whomever.
    origin
        Where it came from, for messages.

    Raises
    ------
    Na64StatError
        The error that a worker tells of.
    ComputationError
        If it is no such text.
    """
    record = None
    if isinstance(text, bytes):
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            record = None
    if isinstance(record, dict) and set(record) == {"answer"}:
        return record["answer"]
    match record:
        case {"failed": [str(kind), str(reason)]}:
            plain = "".join(letter if letter.isprintable() else " " for letter in reason[:_LONGEST])
            raise _ERRORS.get(kind, ComputationError)(plain)
    raise ComputationError(
        f"{origin}: a worker sent what is no answer of na64stat; expected the same version everywhere"
    )
