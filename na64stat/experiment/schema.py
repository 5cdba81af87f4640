"""Schema of a run file: the names, units and bounds of its numbers, checked one by one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from typing import Any, Final, get_args

from na64stat.errors import RunFileError, did_you_mean, shown
from na64stat.experiment.response import CHANNELS, Channel
from na64stat.experiment.run import Number, Status

STATUSES: Final[tuple[Status, ...]] = get_args(Status)


@dataclass(frozen=True)
class Rule:
    """Unit of a number, and whether it must be positive (else: not negative) or an integer."""

    unit: str
    positive: bool = False
    integer: bool = False


NUMBERS: Final[Mapping[str, Mapping[str, Rule]]] = {
    "beam": {
        "energy": Rule("GeV", positive=True),
        "spread": Rule("GeV"),
        "mot": Rule("1", positive=True),
    },
    "target": {
        "proton_number": Rule("1", positive=True, integer=True),
        "mass_number": Rule("1", positive=True),
        "atomic_mass": Rule("g/mol", positive=True),
        "density": Rule("g/cm^3", positive=True),
        "layers": Rule("1", positive=True, integer=True),
        "absorber_thickness": Rule("m", positive=True),
        "layer_thickness": Rule("m", positive=True),
    },
    "detector": {"decay_volume": Rule("m", positive=True)},
    "response": {
        "mip_energy": Rule("GeV"),
        "mip_spread": Rule("GeV"),
        "momentum_resolution": Rule("1"),
        "shower_stochastic": Rule("GeV^0.5"),
        "shower_constant": Rule("1"),
    },
    "systematics": {"efficiency": Rule("1"), "mot": Rule("1"), "cross_section": Rule("1")},
}
REGION_NUMBERS: Final[Mapping[str, Rule]] = {
    "e_cal_min": Rule("GeV"),
    "e_cal_max": Rule("GeV", positive=True),
    "p_out_min": Rule("GeV"),
    "p_out_max": Rule("GeV", positive=True),
    "energy_sum": Rule("GeV", positive=True),
    "energy_sum_tolerance": Rule("GeV", positive=True),
    "observed": Rule("1", integer=True),
}
BACKGROUND: Final = Rule("1")
_EXAMPLES: Final = {
    "description": "2022 with a decay volume of 12 m",
    "source": "a drawing of mine",
    "status": "assumed",
    "table": "efficiency.csv",
}
"""Texts that no file may leave out, and their values."""
_LARGEST: Final = 1e300  # integers of TOML know no bounds, doubles do


@dataclass(frozen=True)
class Layer:
    """Content of one run file, or of several that extend each other.

    Attributes
    ----------
    description
        One line.
    extends
        The file below, as written; None at the bottom.
    numbers
        By dotted key.
    overlaps, counts
        Region name -> names of the regions it overlaps; region name -> the ends of a particle that count there.
    table, table_source
        The efficiency table and its source.
    """

    description: str
    extends: str | None
    numbers: dict[str, Number]
    overlaps: dict[str, tuple[str, ...]] = field(default_factory=dict)
    counts: dict[str, tuple[Channel, ...]] = field(default_factory=dict)
    table: Traversable | None = None
    table_source: str = ""

    def region_names(self) -> tuple[str, ...]:
        """Names of the regions that have a number or an overlap, in the order of the file."""
        names = [key.split(".")[1] for key in self.numbers if key.startswith("regions.")]
        return tuple(dict.fromkeys([*names, *self.overlaps]))

    def on_top_of(self, base: Layer) -> Layer:
        """Both together; where both say something, this one is right."""
        inherited = dict(base.numbers)
        mot = self.numbers.get("beam.mot")
        if mot is not None and "beam.mot" in inherited and mot.value != inherited["beam.mot"].value:
            inherited = {key: number for key, number in inherited.items() if not _is_count(key, number)}
        return Layer(
            self.description,
            self.extends,
            {**inherited, **self.numbers},
            {**base.overlaps, **self.overlaps},
            {**base.counts, **self.counts},
            *((self.table, self.table_source) if self.table is not None else (base.table, base.table_source)),
        )


def _is_count(key: str, number: Number) -> bool:
    """True if a number counts events, so that it means nothing for another number of muons; zero background does."""
    parts = key.split(".")
    if parts[0] != "regions":
        return False
    return parts[2] == "observed" or (parts[2] == "backgrounds" and (number.value, number.uncertainty or 0) != (0, 0))


def rule_of(key: str) -> Rule | None:
    """The rule of a number by its dotted key; None if a run file states no such number."""
    head, *rest = key.split(".")
    if head != "regions":
        return NUMBERS.get(head, {}).get(".".join(rest))
    if len(rest) == 3 and rest[1] == "backgrounds":
        return BACKGROUND
    return REGION_NUMBERS.get(rest[1]) if len(rest) == 2 else None


def checked_number(label: str, key: str, number: Number) -> Number:
    """A number, after the checks that one in a run file has to pass.

    Raises
    ------
    RunFileError
        If its value or unit is wrong, or there is no such key.
    """
    reader, rule = _Reader(label), rule_of(key)
    if rule is None:
        raise reader.error(key, "unknown key")
    entry = {name: value for name, value in vars(number).items() if value is not None}
    return reader.number(entry, key, rule)


def read_layer(document: Mapping[str, Any], label: str, folder: Traversable) -> Layer:
    """Check everything that one file says.

    Parameters
    ----------
    document
        The parsed TOML.
    label, folder
        The file's name in messages, and the folder that its paths start from.

    Raises
    ------
    RunFileError
        For anything unknown, missing or wrong; the message names the file and the dotted key.
    """
    reader = _Reader(label)
    reader.known(document, "", ("description", "extends", "efficiency", "regions", *NUMBERS))
    numbers: dict[str, Number] = {}
    for section, rules in NUMBERS.items():
        numbers |= reader.numbers(reader.table(document, section), section, rules)
    overlaps: dict[str, tuple[str, ...]] = {}
    counts: dict[str, tuple[Channel, ...]] = {}
    for name, region in reader.table(document, "regions").items():
        key = f"regions.{name}"
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
            raise reader.error(key, "a region's name is made of letters, digits and underscores")
        table = reader.table({key: region}, key)
        reader.known(table, key, (*REGION_NUMBERS, "backgrounds", "overlaps", "counts"))
        numbers |= reader.numbers({k: v for k, v in table.items() if k in REGION_NUMBERS}, key, REGION_NUMBERS)
        for setting, value in reader.table(table, "backgrounds", key).items():
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", setting):
                raise reader.error(f"{key}.backgrounds.{setting}", "a name is made of letters, digits and underscores")
            numbers[f"{key}.backgrounds.{setting}"] = reader.number(value, f"{key}.backgrounds.{setting}", BACKGROUND)
        if "overlaps" in table:
            overlaps[name] = reader.names(table, "overlaps", key)
        if "counts" in table:
            named = reader.names(table, "counts", key)
            counts[name] = tuple(channel for channel in CHANNELS if channel in named)
            if len(counts[name]) != len(named) or not named:
                raise reader.error(f"{key}.counts", f"must name {' or '.join(CHANNELS)} or both, got {list(named)}")
    extends = reader.text(document, "extends") if "extends" in document else None
    layer = Layer(reader.text(document, "description"), extends, numbers, overlaps, counts)
    if "efficiency" not in document:
        return layer
    table = reader.table(document, "efficiency")
    reader.known(table, "efficiency", ("table", "source", "status"))
    path, source = reader.text(table, "table", "efficiency"), reader.text(table, "source", "efficiency")
    reader.status(table, "efficiency")
    return Layer(layer.description, extends, numbers, overlaps, counts, folder / path, source)


@dataclass(frozen=True)
class _Reader:
    """Checks with one file's name in their messages."""

    label: str

    def error(self, key: str, message: str) -> RunFileError:
        return RunFileError(f"{self.label}: {key}: {message}")

    def known(self, table: Mapping[str, Any], prefix: str, known: Iterable[str]) -> None:
        known = tuple(known)
        for key in table:
            if key not in known:
                hint = did_you_mean(key, known) or f" (known: {', '.join(known)})"
                raise self.error(f"{prefix}.{key}" if prefix else key, f"unknown key{hint}")

    def table(self, parent: Mapping[str, Any], key: str, prefix: str = "") -> Mapping[str, Any]:
        table = parent.get(key, {})
        if not isinstance(table, dict):
            raise self.error(f"{prefix}.{key}" if prefix else key, f"must be a table, got {shown(table)}")
        return table

    def names(self, table: Mapping[str, Any], key: str, prefix: str) -> tuple[str, ...]:
        names = table[key]
        if not isinstance(names, list) or not all(isinstance(other, str) for other in names):
            raise self.error(f"{prefix}.{key}", f"must be a list of names, got {shown(names)}")
        return tuple(names)

    def text(self, table: Mapping[str, Any], key: str, prefix: str = "", example: str = "") -> str:
        dotted = f"{prefix}.{key}" if prefix else key
        if key not in table:
            example = example or _EXAMPLES[key]
            raise self.error(dotted, f'missing; expected {key} = "{example}", for example')
        text = table[key]
        if not isinstance(text, str) or not text.strip():
            raise self.error(dotted, f"must be a text that is not empty, got {shown(text)}")
        return text

    def status(self, table: Mapping[str, Any], prefix: str) -> Status:
        status = self.text(table, "status", prefix)
        for known in STATUSES:
            if status == known:
                return known
        raise self.error(
            f"{prefix}.status", f"must be {', '.join(STATUSES[:-1])} or {STATUSES[-1]}, got {shown(status)}"
        )

    def numbers(self, table: Mapping[str, Any], prefix: str, rules: Mapping[str, Rule]) -> dict[str, Number]:
        self.known(table, prefix, rules)
        return {f"{prefix}.{key}": self.number(entry, f"{prefix}.{key}", rules[key]) for key, entry in table.items()}

    def number(self, entry: Any, key: str, rule: Rule) -> Number:
        """One number with unit, source and status."""
        example = f"{{ value = ..., unit = {rule.unit!r}, source = '...', status = 'assumed' }}"
        if not isinstance(entry, dict):
            raise self.error(key, f"must be a table like {example}, got {shown(entry)}")
        self.known(entry, key, ("value", "unit", "source", "status", "uncertainty"))
        unit = self.text(entry, "unit", key, rule.unit)
        if unit != rule.unit:
            raise self.error(f"{key}.unit", f"must be {rule.unit!r}, got {shown(unit)}")
        if "value" not in entry:
            raise self.error(f"{key}.value", f"missing; expected a table like {example}")
        value = self._value(entry["value"], f"{key}.value", rule)
        uncertainty = None
        if "uncertainty" in entry:
            uncertainty = self._value(entry["uncertainty"], f"{key}.uncertainty", Rule(unit))
        return Number(value, unit, self.text(entry, "source", key), self.status(entry, key), uncertainty)

    def _value(self, value: Any, key: str, rule: Rule) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(key, f"must be a number, got {shown(value)}")
        if abs(value) > _LARGEST or math.isnan(value):
            got = value if isinstance(value, float) else "a larger integer"
            raise self.error(key, f"must be a finite number below {_LARGEST:g}, got {got}")
        if value < 0 or (rule.positive and value == 0):
            raise self.error(key, f"must be {'positive' if rule.positive else 'zero or positive'}, got {value}")
        if rule.integer and value != int(value):
            raise self.error(key, f"must be an integer, got {value}")
        return float(value)
