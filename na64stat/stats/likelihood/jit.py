"""Compilation with numba, cached on disk for the next process.

The cache only saves time: if there is no place for it (a read-only installation and no home) or the disk is full, the function is
compiled anew in each process, with the same results. numba itself gives up in both cases.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorator: compile without the global interpreter lock and cache on disk where possible; `options` are those of numba."""

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = njit(nogil=True, error_model="numpy", **options)(function)
        with contextlib.suppress(RuntimeError):  # no place for the cache
            dispatcher._cache = _Cache(function)
        return dispatcher

    return decorate


class _Cache(FunctionCache):
    """Cache of numba that treats a file that cannot be read or written as missing."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        with contextlib.suppress(OSError):
            return super().load_overload(sig, target_context)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)
