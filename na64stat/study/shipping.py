"""Sending work to other processes: a job as bytes, with the classes that a user wrote in a file of his own."""

from __future__ import annotations

import inspect
import sys
import sysconfig
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from na64stat.errors import InputError


def packed(job: Any) -> bytes:
    """A job as compressed bytes.

    Classes of installed packages go by name; those of the user's own files go whole, since a worker may not find these files.

    Raises
    ------
    InputError
        If a part of it cannot be sent, such as an open file in a scenario.
    """
    import cloudpickle

    own = [module for module in _modules(job) if not _installed(module)]
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        return zlib.compress(cloudpickle.dumps(job))
    except Exception as error:
        raise InputError(f"workers: the scenario cannot be sent to other processes: {error}; use one worker") from error
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


def _modules(job: Any) -> Iterator[ModuleType]:
    """Modules of the classes and functions that a job holds as attributes."""
    seen: set[str] = set()
    for value in (job, *vars(job).values()):
        inner = value
        while isinstance(inner, partial):
            inner = inner.func
        kind = inner if inspect.isclass(inner) else type(inner)
        for name in (*(base.__module__ for base in kind.__mro__), str(getattr(inner, "__module__", ""))):
            module = sys.modules.get(name)
            # What is in __main__ goes whole anyway.
            if module is not None and name not in ("__main__", *seen):
                seen.add(name)
                yield module


def _installed(module: ModuleType) -> bool:
    """Whether a module comes from an installed package, the standard library or this package."""
    if module.__name__.partition(".")[0] == __name__.partition(".")[0]:
        return True
    file = getattr(module, "__file__", None)
    if file is None:
        return True
    homes = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")}
    return any(home in Path(file).resolve().parents for home in homes)
