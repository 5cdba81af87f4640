"""What a docstring in NumPy style says, and what is missing in it."""

import ast
import dataclasses
import enum
import importlib
import inspect
import re
import textwrap

from na64stat.errors import Na64StatError

HEADINGS = ("Parameters", "Attributes", "Class attributes", "Returns", "Raises", "Notes", "References")

UNITS = {
    "GeV": {"mass", "masses", "m_chi", "beam_energy", "effective_mass", "lepton_mass"},
    "m": {"decay_volume", "layer_thickness", "target_thickness"},
    "unit": {"coupling", "couplings"},
}
"""What has a dimension, by the unit that its entry has to name."""


def sections(text):
    """Heading -> lines below it; the text in front is under an empty one."""
    lines = (text or "").splitlines() or [""]
    found, current = {"": []}, ""
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if line in HEADINGS and set(below) == {"-"}:
            current = line
            found[current] = []
        elif not (current and set(line) == {"-"}):
            found[current].append(line)
    return found


def entries(lines):
    """Name -> description of a section of parameters; several names in one entry share it."""
    found, names = {}, []
    for line in lines:
        if line and not line.startswith(" "):
            names = [name.strip().lstrip("*") for name in line.split(",")]
            found.update(dict.fromkeys(names, ""))
        else:
            for name in names:
                found[name] = f"{found[name]} {line.strip()}"
    return {name: text.strip() for name, text in found.items()}


def documented(thing, *headings):
    """Entries of the named sections of a docstring."""
    parts = sections(inspect.getdoc(thing))
    return {name: text for heading in headings for name, text in entries(parts.get(heading, [])).items()}


def members(cls):
    """Public methods and properties that a class defines itself, by name."""
    for name, value in vars(cls).items():
        plain = getattr(value, "__func__", value)
        if not name.startswith("_") and (inspect.isfunction(plain) or isinstance(value, property)):
            yield name, plain


def overridden(cls, name):
    """The same method of the bases of a class."""
    return [getattr(base, name) for base in cls.__mro__[1:] if name in vars(base)]


def summary_missing(thing):
    """Whether the docstring lacks a first line that is a sentence."""
    text = thing.__doc__ or ""
    generated = dataclasses.is_dataclass(thing) and text.startswith(f"{thing.__name__}(")
    first = "\n".join(sections(inspect.cleandoc(text))[""]).strip().split("\n\n")[0]
    return generated or not re.fullmatch(r"\S.*[.:]", first, re.DOTALL)


def undocumented_parameters(function, bases=()):
    """Parameters without an entry, here or in what is overridden."""
    known = {}
    for thing in (*bases, function):
        known |= documented(thing, "Parameters")
    wanted = [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]
    return [name for name in wanted if not known.get(name)]


def undocumented_fields(cls):
    """Fields of a dataclass, or members of an enumeration, without an entry, here or in a base."""
    known = {}
    for base in reversed(cls.__mro__):
        known |= documented(base, "Attributes", "Class attributes", "Parameters")
    if issubclass(cls, enum.Enum):
        wanted = list(cls.__members__)
    elif dataclasses.is_dataclass(cls):
        wanted = [field.name for field in dataclasses.fields(cls) if not field.name.startswith("_")]
    else:
        wanted = undocumented_parameters(cls) if "__init__" in vars(cls) else []
    return [name for name in wanted if not known.get(name)]


def raised_here(function):
    """Our exceptions that a `raise` statement of a function names."""
    if isinstance(function, property):
        function = function.fget
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    calls = (node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call))
    names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    known = {name: inspect.unwrap(function).__globals__.get(name) for name in names}
    return {value for value in known.values() if inspect.isclass(value) and issubclass(value, Na64StatError)}


def undocumented_errors(function):
    """Exceptions that are raised here and not named, nor a base of them, under Raises."""
    named = documented(function if not isinstance(function, property) else function.fget, "Raises")
    return [
        error.__name__
        for error in raised_here(function)
        if not {base.__name__ for base in error.__mro__} & named.keys()
    ]


def without_units(thing):
    """Entries that have a dimension and name no unit, followed where they say "As in `...`"; a whole number is a count."""
    missing = []
    counts = {name for name, kind in getattr(thing, "__annotations__", {}).items() if kind == "int"}
    for name, text in documented(thing, "Parameters", "Attributes").items():
        for unit, names in UNITS.items():
            pattern = r"unit|\[[^\]]*\]|GeV" if unit == "unit" else rf"\b{unit}\b"
            if name in names - counts and not re.search(pattern, _followed(name, text)):
                missing.append(name)
    return missing


def _followed(name, text):
    found = re.match(r"As in `([\w.]+)`", text)
    if not found:
        return text
    home = importlib.import_module("na64stat")
    return documented(getattr(home, found[1], None), "Parameters").get(name, "")
