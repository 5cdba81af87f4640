"""Modules beside a user's scenario file, which it imports as a script would."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

_loaded: dict[str, str] = {}
"""Digests of modules as scenario files imported them, by their file."""


@contextlib.contextmanager
def beside(folder: Path) -> Iterator[None]:
    """Within it imports find modules in a folder first.

    Modules of the same names that come from another scenario's folder, or were edited since, make way. Afterwards the folder is
    the last place to look in, for what is imported later, by this process or its workers.

    Parameters
    ----------
    folder
        The folder, resolved.
    """
    names = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    for name, module in _of_users().items():
        file = _file(module)
        if name.partition(".")[0] in names and (folder not in file.parents or _digest(file) != _loaded.get(str(file))):
            del sys.modules[name]
    importlib.invalidate_caches()
    place, silent = str(folder), sys.dont_write_bytecode
    sys.path.insert(0, place)
    sys.dont_write_bytecode = True  # a compiled file would be told apart by its time and size alone
    try:
        yield
    finally:
        sys.dont_write_bytecode = silent
        sys.path.remove(place)
        if place not in sys.path:
            sys.path.append(place)


def imported_from(folder: Path) -> dict[str, str]:
    """Files in a folder from which modules are loaded, and the digests of their contents."""
    files = [_file(module) for module in _of_users().values()]
    found = {str(file): _digest(file) for file in files if folder in file.parents}
    _loaded.update(found)
    return found


def edited(files: Mapping[str, str]) -> bool:
    """True if a file has other contents than this digest of it."""
    return any(_digest(Path(file)) != digest for file, digest in files.items())


def _of_users() -> dict[str, ModuleType]:
    """Modules of files that are neither installed nor scenario files themselves."""
    homes = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")]
    package = Path(__file__).resolve().parents[1]
    found = {}
    for name, module in list(sys.modules.items()):
        if name == "__main__" or name.startswith("na64stat_user_") or not getattr(module, "__file__", None):
            continue
        if not any(home in _file(module).parents for home in (*homes, package)):
            found[name] = module
    return found


def _file(module: ModuleType) -> Path:
    return Path(str(module.__file__)).resolve()


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""
