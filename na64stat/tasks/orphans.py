"""Start of a worker process: it ends with its parent, and leaves Ctrl-C to it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Final

_LOOKS: Final = 0.5
"""Seconds between two looks at the parent."""

_SET_DEATH_SIGNAL: Final = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""


def become_worker(parent: int) -> None:
    """Tie this process to its parent, which may be killed by a signal that lets it tell nobody.

    A process without a parent is adopted, so that its parent's number changes: a thread looks at that. On Linux the kernel is
    asked for SIGKILL as well, which ends a computation that lets no thread run. A parent that died before is noticed at once.

    Parameters
    ----------
    parent
        Number of the process that started this one.
    """
    # Ctrl-C reaches every process of the terminal; it is the parent's to stop its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        _die_with_parent()
    threading.Thread(target=_watch, args=(parent,), daemon=True, name="parent").start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOKS)
    os._exit(1)  # at once: nobody takes an answer, and nothing that is on disk is a worker's


def _die_with_parent() -> None:
    """The signal comes when the thread that started this process ends: that is one which has work done, or loky's own."""
    import contextlib
    import ctypes

    with contextlib.suppress(OSError, AttributeError):  # another C library: the thread alone then
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
