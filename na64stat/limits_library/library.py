"""The existing limits behind each scenario's figure, and questions to them."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.errors import InputError, TableError
from na64stat.files import read_limited, read_table
from na64stat.limits_library.citations import keys_in
from na64stat.limits_library.existing import ExistingLimit, Shape
from na64stat.limits_library.g_minus_2 import SCENARIOS as SHIFTING
from na64stat.limits_library.g_minus_2 import g_minus_2_limit
from na64stat.physics.constants import ALPHA, MUON_MASS, TAU_MASS
from na64stat.physics.loops import kinetic_mixing

Array = NDArray[np.float64]

COLUMNS: Final[dict[str, type]] = {
    "experiment": str,
    "part": int,
    "reference": str,
    "shape": str,
    "point": str,
    "mass_gev": float,
    "coupling": float,
}

_TABLES: Final = {
    "axion-photon": ("axion_photon.csv", "GeV^-1"),
    "axion-muon": ("axion_muon.csv", "GeV^-1"),
    "dark-sector": ("dark_sector_millicharge.csv", "e"),
    "zprime": ("zprime.csv", "1"),
}

UNITS: Final = ("GeV^-1", "1")
"""Units of couplings in tables of a user."""

POINTS: Final = ("curve", "border", "assumed")
"""Kinds of points of a table, see `data/README.md`."""

G_MINUS_2_MASSES: Final = np.geomspace(1e-4, 1.0, 61)
"""Masses [GeV] at which (g-2) of the muon is computed for lists and figures."""

_DATA: Final = resources.files("na64stat.limits_library") / "data"

_STEP: Final = 0.02
"""Largest step in ln(mass) at which charge bounds are converted, since the factor bends; good to 0.4%."""


@lru_cache(maxsize=8)
def existing_limits(scenario_name: str) -> tuple[ExistingLimit, ...]:
    """Limits of other experiments in the plane of a scenario (mass [GeV], coupling), in the order of their table.

    Bounds on the charge of millicharged particles come converted to g_Z' g_chi, see `millicharge_to_coupling`.

    Parameters
    ----------
    scenario_name
        "axion-photon", "axion-muon", "dark-sector" or "zprime"; for any other name there are none, an empty tuple.
    """
    if scenario_name not in _TABLES:
        return ()
    limits = published_limits(scenario_name)
    return tuple(map(_converted, limits)) if scenario_name == "dark-sector" else limits


@lru_cache(maxsize=8)
def published_limits(scenario_name: str) -> tuple[ExistingLimit, ...]:
    """The tables behind `existing_limits`, as they are: those of "dark-sector" bound the charge [e]."""
    if scenario_name not in _TABLES:
        return ()
    file, unit = _TABLES[scenario_name]
    return _read(_DATA / file, unit)


def known_limits(scenario_name: str, prediction: str | None = None) -> tuple[ExistingLimit, ...]:
    """The existing limits of a scenario, and the bound of (g-2) of the muon where it is computed.

    Parameters
    ----------
    scenario_name
        A packaged scenario.
    prediction
        Name of the prediction of (g-2); by default the latest. It is computed from 1e-4 to 1 GeV.
    """
    limits = existing_limits(scenario_name)
    if scenario_name not in SHIFTING:
        return limits
    return (*limits, g_minus_2_limit(G_MINUS_2_MASSES, prediction=prediction, scenario=scenario_name))


def read_limits(path: str | os.PathLike[str]) -> tuple[ExistingLimit, ...]:
    """Limits from a CSV of your own, in the order of its rows.

    Parameters
    ----------
    path
        Columns `experiment`, `part`, `reference`, `shape`, `point`, `mass_gev`, `coupling` as in the packaged tables, and `unit`:
        "GeV^-1" or "1", the unit of the couplings of a scenario.

    Raises
    ------
    TableError
        If the file is missing or broken; the message names line and column.
    """
    return _read(Path(path), None)


def excluded(scenario_name: str, mass: ArrayLike, coupling: ArrayLike) -> NDArray[np.bool_]:
    """True if any existing limit excludes points (mass [GeV], coupling), of the broadcast shape.

    Parameters
    ----------
    scenario_name
        Such as "axion-photon".
    mass, coupling
        Points [GeV; unit of the scenario's coupling], broadcast together.
    """
    result: NDArray[np.bool_] = np.zeros(np.broadcast_shapes(np.shape(mass), np.shape(coupling)), dtype=bool)
    for limit in existing_limits(scenario_name):
        result |= limit.excludes(mass, coupling)
    return result


def excluded_by(scenario_name: str, mass: float, coupling: float) -> list[str]:
    """Names of the experiments that exclude a point (mass [GeV], coupling), each once.

    Parameters
    ----------
    scenario_name
        Such as "axion-photon".
    mass, coupling
        The point [GeV; unit of the scenario's coupling].
    """
    hits = [limit.experiment for limit in existing_limits(scenario_name) if limit.excludes(mass, coupling)]
    return list(dict.fromkeys(hits))


def strongest(scenario_name: str, mass: float) -> tuple[str, float] | None:
    """Experiment with the lowest excluded coupling at a mass [GeV], and that coupling; None if no limit is there.

    Parameters
    ----------
    scenario_name
        Such as "axion-photon".
    mass
        Mass [GeV].
    """
    found = [(limit.lowest(mass), limit.experiment) for limit in existing_limits(scenario_name)]
    reaching = [(coupling, experiment) for coupling, experiment in found if coupling is not None]
    if not reaching:
        return None
    coupling, experiment = min(reaching)
    return experiment, coupling


def millicharge_to_coupling(mass: ArrayLike, charge: ArrayLike) -> Array:
    """g_Z' g_chi [1] at which chi has a `charge` [e] through the mixing of photon and Z', at q^2 = 4 m_chi^2.

    Parameters
    ----------
    mass
        m_chi [GeV].
    charge
        Bound on the charge in units of e, broadcast with `mass`.

    References
    ----------
    arXiv:2501.06294, eq. (13).
    """
    mixing = kinetic_mixing(4 * np.asarray(mass, dtype=float) ** 2)
    coupling: Array = np.asarray(charge, dtype=float) * math.sqrt(4 * math.pi * ALPHA) / mixing
    return coupling


def _converted(limit: ExistingLimit) -> ExistingLimit:
    """A lower edge in the charge as one in g_Z' g_chi, with points put between, since the factor depends on mass."""
    x, y = np.log(limit.mass), np.log(limit.coupling)
    # The factor goes as a square root at the cusps: steps that shrink towards them.
    offsets = _STEP * np.concatenate([[0.0], 2.0 ** -np.arange(12), -(2.0 ** -np.arange(12))])
    cusps = np.add.outer(np.log([MUON_MASS, TAU_MASS]), offsets)
    ends = np.unique([*x, *cusps[(cusps > x[0]) & (cusps < x[-1])]])
    between = [np.linspace(a, b, math.ceil((b - a) / _STEP), endpoint=False) for a, b in itertools.pairwise(ends)]
    fine = np.concatenate([*between, x[-1:]])
    coupling = millicharge_to_coupling(np.exp(fine), np.exp(np.interp(fine, x, y)))
    return ExistingLimit(
        limit.experiment,
        limit.reference,
        limit.shape,
        tuple(np.exp(fine).tolist()),
        tuple(coupling.tolist()),
        "1",
        bibtex_keys=limit.bibtex_keys,
    )


@lru_cache(maxsize=1)
def _packaged_keys() -> dict[str, tuple[str, ...]]:
    """BibTeX keys of each experiment of the packaged tables."""
    table = read_table(_DATA / "keys.csv", {"experiment": str, "keys": str})
    return {name: tuple(keys.split()) for name, keys in zip(table["experiment"], table["keys"], strict=True)}


def _read(path: Path | Traversable, unit: str | None) -> tuple[ExistingLimit, ...]:
    """The limits in a table; without a unit it has a column of its own for it."""
    table = read_table(path, COLUMNS if unit is not None else COLUMNS | {"unit": str})
    if unit is not None:
        table["unit"] = [unit] * len(table["part"])
    lines = _lines(path)
    _check_rows(table, path, lines, UNITS if unit is None else (unit,))
    parts: dict[tuple[str, int], list[int]] = {}
    for index, key in enumerate(zip(table["experiment"], table["part"], strict=True)):
        parts.setdefault(key, []).append(index)
    limits = []
    for key, rows in parts.items():
        reference, shape, its_unit = _common(table, rows, path, lines)
        try:
            limit = ExistingLimit(
                key[0],
                reference,
                cast("Shape", shape),
                tuple(table["mass_gev"][index] for index in rows),
                tuple(table["coupling"][index] for index in rows),
                its_unit,
                bibtex_keys=keys_in(reference) if unit is None else _packaged_keys()[key[0]],
                point=tuple(table["point"][index] for index in rows),
            )
        except InputError as error:
            raise TableError(f"{path}, lines {lines[rows[0]]} to {lines[rows[-1]]}: {error}") from error
        limits.append(limit)
    return tuple(limits)


def _lines(path: Path | Traversable) -> list[int]:
    """Line number of each row of a table that `read_table` has read."""
    text = read_limited(path, "CSV", TableError).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    return [line for line, row in enumerate(text.split("\n"), 1) if row.strip() and not row.lstrip().startswith("#")][
        1:
    ]


def _check_rows(table: dict[str, list[Any]], path: Path | Traversable, lines: list[int], units: Sequence[str]) -> None:
    """Refuse what the columns' types let through, with line and column."""
    for column, allowed in (("shape", get_args(Shape)), ("point", POINTS), ("unit", units)):
        for line, value in zip(lines, table[column], strict=True):
            if value not in allowed:
                right = " or ".join(allowed)
                raise TableError(f"{path}, line {line}, column {column}: {column} {value!r}; expected {right}")
    for column in ("mass_gev", "coupling"):
        for line, value in zip(lines, table[column], strict=True):
            if not value > 0:
                raise TableError(f"{path}, line {line}, column {column}: {value:g} must be positive")


def _common(
    table: dict[str, list[Any]], rows: list[int], path: Path | Traversable, lines: list[int]
) -> tuple[str, str, str]:
    """Reference, shape and unit of one region, the same in all its rows."""
    about = [(table["reference"][index], table["shape"][index], table["unit"][index]) for index in rows]
    for index, other in zip(rows, about, strict=True):
        if other != about[0]:
            raise TableError(
                f"{path}, line {lines[index]}: {table['experiment'][index]}, part {table['part'][index]}: reference, shape "
                "and unit must be the same in all its rows"
            )
    return about[0]
