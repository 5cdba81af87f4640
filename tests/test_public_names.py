"""The names that users import, each there and documented."""

import dataclasses
import importlib.resources
import inspect
import re
import subprocess
import sys

import pytest

import na64stat

FOREIGN = {
    "Any", "Array", "Callable", "Executor", "Figure", "Iterator", "Mapping", "None", "PathLike", "Path", "Sequence",
    "ScenarioFactory", "Track", "CountedRun",
}  # fmt: skip
"""What Python, NumPy, matplotlib and progress bars bring, and what a workspace knows of a run."""

PUBLIC = [name for name in na64stat.__all__ if name != "export"]


def _types(function):
    """Classes of the package that the signature of a function names."""
    texts = [str(part.annotation) for part in inspect.signature(function).parameters.values()]
    texts.append(str(inspect.signature(function).return_annotation))
    return {word for text in texts for word in re.findall(r"\b[A-Z]\w+", text)}


def test_every_type_of_a_public_function_is_public():
    known = {*PUBLIC, *FOREIGN}
    functions = [getattr(na64stat, name) for name in PUBLIC if inspect.isfunction(getattr(na64stat, name))]
    assert len(functions) > 25
    assert {word for function in functions for word in _types(function)} <= known


def test_each_name_is_imported_when_it_is_used():
    """In a fresh process: the stub, and nothing that it names."""
    code = "import sys, na64stat; print(sorted(name for name in sys.modules if name.startswith('na64stat.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", PUBLIC)
def test_resolves_to_something_of_that_name_with_a_docstring(name):
    found = getattr(na64stat, name)
    assert found.__name__ == name
    assert found.__module__.startswith("na64stat.")
    assert found.__doc__
    # A dataclass without a docstring is given one that repeats its signature.
    assert not (dataclasses.is_dataclass(found) and found.__doc__.startswith(f"{name}("))


def test_star_import_and_dir():
    names: dict[str, object] = {}
    exec("from na64stat import *", names)  # noqa: S102
    assert set(PUBLIC) <= names.keys()
    assert set(PUBLIC) <= set(dir(na64stat))


def test_unknown_name():
    with pytest.raises(AttributeError, match="No na64stat attribute AxionMoun"):
        na64stat.AxionMoun  # noqa: B018
    with pytest.raises(ImportError, match="AxionMoun"):
        exec("from na64stat import AxionMoun", {})  # noqa: S102


def test_names_of_the_export_floor_are_not_hidden_by_its_modules():
    """A submodule that is imported takes the place of a name of the package that is spelt alike."""
    names = na64stat.export.__all__
    assert len(names) > 10
    assert not set(names) & {
        path.name.removesuffix(".py") for path in importlib.resources.files("na64stat.export").iterdir()
    }
    for name in names:
        assert getattr(na64stat.export, name).__name__ == name
