"""Keeping Dask from unpickling what comes from a cluster: a pickle can run anything where it is read.

Dask's client reads pickles in many places (results, errors of tasks, types, events), all by one function of
`distributed.protocol.pickle`. In guarded threads and tasks it answers with an `Unread`, which tells the texts in a pickle.
"""

from __future__ import annotations

import contextlib
import pickletools
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from types import ModuleType
from typing import Any, Final

from na64stat.errors import InputError

_LONGEST: Final = 400
_GUARDED: ContextVar[bool] = ContextVar("_GUARDED", default=False)
_THREADS: Final[set[int]] = set()


class Unread(Exception):  # noqa: N818  (it stands for errors of workers, where Dask wants an exception)
    """A pickle that was not read, with the texts that stand in it."""


def guard() -> None:
    """Have this task, and those that it starts, in whatever thread, read no pickle."""
    _GUARDED.set(True)


@contextlib.contextmanager
def nothing_unpickled() -> Iterator[None]:
    """Have this thread read no pickle of Dask.

    Raises
    ------
    InputError
        If this version of Dask reads pickles in another way.
    """
    import importlib

    by_dask: Any = importlib.import_module("distributed.protocol.pickle")
    if not isinstance(by_dask.pickle, _Guard):
        by_dask.pickle = _Guard(by_dask.pickle)
    own = threading.get_ident()
    _THREADS.add(own)
    try:
        if not isinstance(by_dask.loads(by_dask.dumps(1.5)), Unread):
            raise InputError(
                "scheduler: this version of Dask reads pickles in a way that is not known; expected another"
            )
        yield
    finally:
        _THREADS.discard(own)


class _Guard:
    """Stands where Dask looks for the module that reads and writes pickles."""

    def __init__(self, real: ModuleType) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def loads(self, data: Any, **others: Any) -> Any:
        if _GUARDED.get() or threading.get_ident() in _THREADS:
            return Unread(_texts(data))
        return self._real.loads(data, **others)


def _texts(data: Any) -> str:
    """Texts in a pickle, such as the names of an error and its message, looked for without running it."""
    found: list[str] = []
    with contextlib.suppress(Exception):  # it can be damaged, or no pickle at all
        for _, value, _ in pickletools.genops(bytes(data)):
            if isinstance(value, str) and not value.isspace():
                found.append("".join(letter if letter.isprintable() else " " for letter in value[:_LONGEST]))
            if sum(map(len, found)) > _LONGEST:
                break
    return " ".join(found)[:_LONGEST] or "no text"
