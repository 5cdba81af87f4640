"""Units of energy and their powers, as tables write them, in GeV (natural units: a factor of c changes nothing)."""

from __future__ import annotations

import re
from typing import Final

from na64stat.errors import InputError, shown
from na64stat.export.tables.table import Variable

_PREFIXES: Final = {
    "p": 1e-21, "n": 1e-18, "u": 1e-15, "\u00b5": 1e-15, "\u03bc": 1e-15, "m": 1e-12, "": 1e-9, "k": 1e-6, "M": 1e-3, "G": 1.0,
    "T": 1e3, "P": 1e6,
}  # fmt: skip
_ENERGIES: Final = {
    **{name + "eV": factor for name, factor in _PREFIXES.items()},
    # HEPData writes its units in capitals: MEV is a million eV, while meV, which differs in nothing else, is a thousandth of one.
    **{name + "EV": factor for name, factor in _PREFIXES.items() if name == name.upper()},
    "KEV": 1e-6,
}
_ANY_CASE: Final = {"ev": 1e-9, "kev": 1e-6, "gev": 1.0, "tev": 1e3}

_TEX: Final = re.compile(r"\\(?:mathrm|textrm|text|rm|,|;|!| )|[${}()\s~]")
_SIGNS: Final = str.maketrans(
    {"\u2212": "-", "\u207b": "-", "\u00b9": "1", "\u00b2": "2", "\u00b3": "3", "\u2074": "4"}
)
_PER_C: Final = re.compile(r"/c(?:\^?2)?(?=\^|$)", re.I)
_POWER: Final = re.compile(r"(?P<under>1?/)?(?P<name>[^\W\d]+)(?:\^?(?P<power>[+-]?\d))?")
_IN_BRACKETS: Final = re.compile(r"\[(?P<unit>[^\[\]]*)\]$")
_IN_WORDS: Final = re.compile(
    r"(?:\((?P<round>(?:[^()]|\([^()]*\))*)\)|(?P<under>\b1\s*)?(?:/|,|\bin\s)\s*(?P<after>[^/\s]+))$"
)
_LOG: Final = re.compile(r"(?<![a-z])(?:log(?:arithm(?:ic)?)?|ln|lg)(?![a-z]|[ -]?(?:normal|uniform|flat))", re.I)
_SQUARE: Final = re.compile(
    r"(?P<of>\w*)(?P<end>[\s\])}|']*)(?:(?:\^|\*\*)\s*\{?\s*2\s*\}?(?![\d.])|\u00b2)|\bsquared?\b", re.I
)
_NO_COUPLING: Final = {"q", "c", "chi", *(name.lower() for name in _ENERGIES)}
"""Other quantities that stand squared in the name of a column."""
_LONGEST: Final = 60
"""Letters at the end of a name in which a unit is looked for."""
_NO_UNIT: Final = {"", "-", "none"}

Scale = tuple[float, int]
"""Factor to GeV to a power, and the power; (1, 0) for a number without dimension."""


def unit_of(variable: Variable, given: str | None, keyword: str, where: str) -> Scale | None:
    """The unit of a column: its own, or one at the end of its name, or `given`; None if there is none.

    At the end of a name brackets hold a unit, "m [MeV]"; what reads as a power of an energy also counts in "m (MeV)", "m/MeV",
    "m, MeV" and "m in MeV".

    Parameters
    ----------
    variable
        The column.
    given
        What the caller says the unit is, for a column that names none.
    keyword
        By which it was given, and where: for messages.
    where
        Table and column: what a message begins with.

    Raises
    ------
    InputError
        If a unit is no power of an energy, two of the three differ, or the column holds a logarithm.
    """
    if _LOG.search(variable.name):
        raise InputError(f"{where}: a logarithm, by its name; transform the column first, to values in a unit")
    found: dict[str, Scale] = {}
    if (variable.unit or "").strip().lower() not in _NO_UNIT:
        found[f"units {variable.unit!r}"] = _required(variable.unit or "", f"{where}: unit")
    end = variable.name.rstrip(" $")[-_LONGEST:]
    bracket = _IN_BRACKETS.search(end)
    if bracket is not None:
        own = parsed(bracket["unit"])
        if own is None and not found and given is None:
            raise InputError(
                f"{where}: unit {bracket['unit']!r}; expected a power of an energy, such as GeV^-1, or {keyword}="
            )
        found |= {} if own is None else {f"[{bracket['unit']}]": own}
    words = _IN_WORDS.search(end)
    if words is not None:
        own = parsed(words["round"] or ("1/" if words["under"] else "") + (words["after"] or ""))
        found |= {} if own is None or own[1] == 0 else {words[0].strip(): own}
    if given is not None:
        found[f"{keyword}={given!r}"] = _required(given, f"{keyword}:")
    if len(set(found.values())) > 1:
        raise InputError(f"{where}: {' and '.join(found)} are not the same unit; expected one")
    return next(iter(found.values()), None)


def is_square(name: str) -> bool:
    """True if the name of a column says that it holds the square of a coupling, as "epsilon^2" and "|U|^2" do."""
    plain = re.sub(r"[\\${]", "", _IN_BRACKETS.sub("", name.rstrip(" $")))
    found = _SQUARE.finditer(plain)
    return any((match["of"] or "").lower() not in _NO_COUPLING or ")" in match["end"] for match in found)


def parsed(text: str) -> Scale | None:
    """Meaning of "GEV**-1", "1/GeV", "GeV$^{-1}$", "MeV/c^2", "1"; None if it is no power of an energy."""
    plain = _TEX.sub("", text).translate(_SIGNS).replace("**", "^")
    if plain.lower() in ("1", "dimensionless"):
        return 1.0, 0
    found = _POWER.fullmatch(_PER_C.sub("", plain))
    if found is None:
        return None
    name = found["name"]
    factor = _ENERGIES.get(name, _ANY_CASE.get(name.lower()))
    if factor is None:
        return None
    power = int(found["power"] or 1) * (-1 if found["under"] else 1)
    return factor**power, power


def written(power: int) -> str:
    """A power of GeV as the package writes it: "1", "GeV", "GeV^-1"."""
    return {0: "1", 1: "GeV"}.get(power, f"GeV^{power}")


def _required(text: str, what: str) -> Scale:
    found = parsed(text)
    if found is None:
        raise InputError(f"{what} {shown(text)}; expected a power of an energy, such as GEV or GEV**-1")
    return found
