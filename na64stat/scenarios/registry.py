"""From a text to a scenario: a name of the package, a class in a user's file, or a table.

A class in a user's file is the one place of the package that runs a user's code (`load_class`).
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Final

from na64stat.errors import ScenarioError, did_you_mean
from na64stat.scenarios.base import Scenario, ScenarioFactory
from na64stat.scenarios.beside import beside, edited, imported_from
from na64stat.scenarios.options import Option, with_options

_CLASSES: Final = {
    "axion-photon": ("axion_photon", "AxionPhoton"),
    "axion-muon": ("axion_muon", "AxionMuon"),
    "dark-sector": ("dark_sector", "DarkSector"),
    "zprime": ("zprime", "ZPrime"),
    "muon-scalar": ("muon_scalar", "MuonScalar"),
    "muon-pseudoscalar": ("muon_pseudoscalar", "MuonPseudoscalar"),
}

NAMES: Final = tuple(_CLASSES)
"""Names of the packaged scenarios."""


def resolve(text: str, options: Mapping[str, Option] | None = None) -> ScenarioFactory:
    """The scenario called `text`.

    Parameters
    ----------
    text
        One of `NAMES`, ``path/to/file.py:Class``, or the path of a CSV (see `na64stat.scenarios.tabulated`).
    options
        Options of the scenario by name, such as loop_decay of "axion-muon"; values, or as text.

    Raises
    ------
    ScenarioError
        Unknown name, file or class; an option that the scenario does not have.
    """
    return with_options(_resolve(text), text, options or {})


def unit_of(name: str) -> str:
    """Unit of the coupling of a packaged scenario; "1", a number, for another name."""
    return _packaged(name).coupling_unit if name in _CLASSES else "1"


def symbols(name: str) -> tuple[str, str]:
    """TeX symbols of the mass and the coupling of a scenario; m and g for one that is not of the package."""
    if name not in _CLASSES:
        return Scenario.mass_symbol, Scenario.coupling_symbol
    found = _packaged(name)
    return found.mass_symbol, found.coupling_symbol


def _resolve(text: str) -> ScenarioFactory:
    if text in _CLASSES:
        return _packaged(text)
    path, colon, class_name = text.rpartition(":")
    if colon and path.endswith(".py"):
        return load_class(Path(path), class_name)
    if text.endswith(".csv"):
        from na64stat.scenarios.tabulated import Tabulated

        return Tabulated.from_csv(text)
    if text.endswith(".py"):
        raise ScenarioError(_without_class(Path(text)))
    known = f"known are {', '.join(NAMES)}, your own class as path.py:Class, or a table as path.csv"
    if text.endswith(".toml"):
        raise ScenarioError(f"scenario {text!r}: a TOML file is a run, for --run {text} or load_run; {known}")
    close = difflib.get_close_matches(text, NAMES, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise ScenarioError(f"scenario {text!r}: {hint}{known}")


def _without_class(path: Path) -> str:
    """The fault of a file named alone, and its classes as they would be named; they are read, nothing is run."""
    if not path.is_file():
        return f"scenario file {path}: no such file"
    try:
        source = path.read_bytes().decode(errors="replace")
    except OSError as error:
        return f"scenario file {path}: {error.strerror}"
    names = re.findall(r"^class\s+(\w+)", source, re.MULTILINE) or ["Class"]
    return f"scenario file {path}: no class is named; expected {' or '.join(f'{path}:{name}' for name in names)}"


def _packaged(name: str) -> type[Scenario]:
    module, class_name = _CLASSES[name]
    return getattr(importlib.import_module(f"na64stat.scenarios.{module}"), class_name)  # type: ignore[no-any-return]


class _OfContent(SourceFileLoader):
    """Compiles the content it is given: a compiled file would be told apart by its time and size alone.

    `known_as` names the module by its file's name and content, wherever that file is; `beside` holds the files that it imported
    from its folder, with digests.
    """

    def __init__(self, name: str, path: str, content: bytes) -> None:
        super().__init__(name, path)
        self._content = content
        self.beside: dict[str, str] = {}
        self.known_as = f"na64stat_user_{Path(path).resolve().stem}_{_short_digest(content)}"

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self._content, self.get_filename(fullname))

    def get_data(self, path: str) -> bytes:
        """The source that was loaded, though the file may have been edited since."""
        return self._content if path == self.path else super().get_data(path)


def class_name(kind: type[Scenario]) -> str:
    """Module and name of a class. A user's file counts by its name and content: the same elsewhere is the same."""
    loader = getattr(sys.modules.get(kind.__module__), "__loader__", None)
    module = loader.known_as if isinstance(loader, _OfContent) else kind.__module__
    return f"{module}.{kind.__qualname__}"


def load_class(path: Path, name: str) -> type[Scenario]:
    """A Scenario class from a user's Python file, whose code is run with all rights of the user.

    Raises
    ------
    ScenarioError
        If the file is missing or fails, or holds no such class.
    """
    if not path.is_file():
        raise ScenarioError(f"scenario file {path}: no such file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ScenarioError(f"scenario file {path}: {error.strerror}") from error
    # The same file with the same content is loaded once, under a name of its own, so that its classes can be pickled to worker
    # processes; one that was edited is loaded anew. A copy in another folder is, too: it can read other files beside it.
    place = path.resolve()
    digest = _short_digest(str(place).encode() + b"\0" + content)
    module_name = f"na64stat_user_{place.stem}_{digest}"
    module = sys.modules.get(module_name)
    if module is None or edited(getattr(module.__loader__, "beside", {})):
        loader = _OfContent(module_name, str(path), content)
        spec = importlib.util.spec_from_file_location(module_name, path, loader=loader)
        if spec is None:
            raise ScenarioError(f"scenario file {path}: is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            with beside(place.parent):
                loader.exec_module(module)
            loader.beside = imported_from(place.parent)
        except (Exception, SystemExit) as error:
            del sys.modules[module_name]
            raise ScenarioError(f"scenario file {path}: {type(error).__name__}: {error}") from error
    found = getattr(module, name, None)
    if not (inspect.isclass(found) and issubclass(found, Scenario)):
        classes = [key for key, value in vars(module).items() if inspect.isclass(value) and issubclass(value, Scenario)]
        own = [key for key in classes if key != "Scenario"]
        raise ScenarioError(
            f"scenario file {path}: no Scenario class {name!r}; it has {', '.join(own) or 'none'}{did_you_mean(name, own)}"
        )
    if inspect.isabstract(found) or not isinstance(getattr(found, "name", None), str):
        raise ScenarioError(f"scenario {path}:{name}: needs a `name` and a `production` method")
    return found


def _short_digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
