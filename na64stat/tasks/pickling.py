"""Sending work to other processes: a job as bytes, with the classes that a user wrote in a file of his own."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import sys
import sysconfig
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from na64stat.errors import InputError

_SITES: Final = frozenset({"site-packages", "dist-packages"})
"""Folders of installed packages."""


def packed(job: Any) -> bytes:
    """A job as compressed bytes.

    Classes of installed packages go by name; those of the user's own files go whole, since a worker may not find these files.

    Raises
    ------
    InputError
        If a part of it cannot be sent, such as an open file in a scenario.
    """
    import cloudpickle

    own = list(_own_modules(job))
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        return zlib.compress(cloudpickle.dumps(job))
    except Exception as error:
        raise InputError(f"workers: the scenario cannot be sent to other processes: {error}; use one worker") from error
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


def own_sources(job: Any) -> dict[str, str]:
    """Names of the user's own files that a job needs, and digests of their contents; empty if all comes from packages.

    Parameters
    ----------
    job
        A scenario, or what holds one.
    """
    contents: dict[str, list[bytes]] = {}
    for module in _own_modules(job):
        file = str(module.__file__)
        # What has no file that can be read is known by what it predicts only.
        with contextlib.suppress(OSError, AttributeError):
            contents.setdefault(Path(file).name, []).append(module.__loader__.get_data(file))  # type: ignore[union-attr]
    return {
        name: hashlib.sha256(b"\0".join(sorted(parts))).hexdigest()[:16] for name, parts in sorted(contents.items())
    }


def _own_modules(job: Any) -> list[ModuleType]:
    """Modules of the user that a job needs: those of what it holds, and what these import of the user's in turn."""
    found: dict[str, ModuleType] = {}
    waiting = [module for value in (job, *vars(job).values()) for module in _modules_of(value)]
    while waiting:
        module = waiting.pop()
        if module.__name__ in found or _installed(module):
            continue
        found[module.__name__] = module
        waiting += [other for value in vars(module).values() for other in _modules_of(value)]
    return list(found.values())


def _modules_of(value: Any) -> Iterator[ModuleType]:
    """The modules that a module, class, function, partial or instance comes from; __main__ goes whole anyway."""
    while isinstance(value, partial):
        value = value.func
    if isinstance(value, ModuleType):
        yield value
        return
    kind = value if inspect.isclass(value) else type(value)
    for name in (*(base.__module__ for base in kind.__mro__), getattr(value, "__module__", None)):
        module = sys.modules.get(name) if isinstance(name, str) else None
        if module is not None and name != "__main__":
            yield module


def _installed(module: ModuleType) -> bool:
    """True if a module comes from an installed package, the standard library or this package."""
    if module.__name__.partition(".")[0] == __name__.partition(".")[0]:
        return True
    file = getattr(module, "__file__", None)
    if file is None:
        return True
    if not _SITES.isdisjoint(Path(file).parts):  # an environment can lie on top of another one
        return True
    homes = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")}
    return any(home in Path(file).resolve().parents for home in homes)
