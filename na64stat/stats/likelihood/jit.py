"""Compilation with numba, kept on disk for the next process, and said once where it has to be done.

Keeping is a saving of time only: where there is no place for it (a read-only installation and no home) or the disk is full, the
function is compiled anew in each process, with the same results. numba itself gives up in both cases.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from functools import cache
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache, NullCache

_LOG = logging.getLogger(__name__)


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator: compile for plain numbers and arrays, without Python's global lock, kept on disk where that is possible.

    Parameters
    ----------
    options
        More of numba's.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = njit(nogil=True, error_model="numpy", **options)(function)
        dispatcher._cache = _Nowhere()
        with contextlib.suppress(RuntimeError):  # no place to keep it
            dispatcher._cache = _Kept(function)
        return dispatcher

    return decorate


class _Kept(FunctionCache):
    """numba's own, but a file that cannot be read or written is as good as none."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        found = None
        with contextlib.suppress(OSError):
            found = super().load_overload(sig, target_context)
        if found is None:
            _say("once after installation")
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)


class _Nowhere(NullCache):
    """No place to keep what is compiled."""

    def load_overload(self, sig: Any, target_context: Any) -> None:
        _say("in every process, since there is no place to keep it (NUMBA_CACHE_DIR names one)")


@cache
def _say(when: str) -> None:
    _LOG.info("compiling for this machine, %s: up to half a minute", when)
