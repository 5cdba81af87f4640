"""HEPData tables of results: limits against the mass, contours, maps of CL_s, projections.

Numbers are rounded to five significant digits, CL_s to four decimals: finer than any of them is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any, Final

import numpy as np

from na64stat.contour.region import Contour
from na64stat.errors import InputError
from na64stat.export.tables.keywords import named_table, subject, target_of
from na64stat.export.tables.table import MISSING, Cell, Qualifier, Table, Variable, cells
from na64stat.records.asked import Asked
from na64stat.records.limits import Interval, LimitPoint, ScenarioLimits
from na64stat.records.map import Exclusion, Scan
from na64stat.records.projection import Projection
from na64stat.scenarios.registry import symbols

LEVEL_NAMES: Final = {
    "observed": "Observed",
    "median": "Expected, median",
    "minus2": "Expected, -2 sigma",
    "minus1": "Expected, -1 sigma",
    "plus1": "Expected, +1 sigma",
    "plus2": "Expected, +2 sigma",
}
EXPECTED: Final = ("median", "minus2", "minus1", "plus1", "plus2")

_CL_S_DECIMALS: Final = 4
_SHORT: Final = {"observed": "observed", "median": "expected", "minus2": "-2 sigma", "minus1": "-1 sigma"} | {
    "plus1": "+1 sigma",
    "plus2": "+2 sigma",
}


@singledispatch
def tables(result: Any) -> tuple[Table, ...]:
    """The tables of a result.

    Raises
    ------
    InputError
        For something that has no tables.
    """
    raise InputError(
        f"HEPData: a {type(result).__name__} has no tables; "
        "expected limits, scans, exclusions, projections, samples, credible limits "
        "and tables of your own"
    )


@tables.register
def _own(result: Table) -> tuple[Table, ...]:
    return (result,)


@tables.register
def _limits(result: ScenarioLimits) -> tuple[Table, ...]:
    """Observed and expected limits, each with every edge of the excluded couplings."""
    found = []
    mass = Variable(_mass(result.scenario), cells(point.mass for point in result.points), "GEV")
    for name, levels in (("observed", ("observed",)), ("expected", EXPECTED)):
        columns = []
        for level in levels:
            intervals = [point.intervals.get(level, ()) for point in result.points]
            columns += _edges(LEVEL_NAMES[level], intervals, result)
        decides = result.verdict in levels
        if decides and not columns:
            columns = [Variable(f"{LEVEL_NAMES[result.verdict]}, lower edge", cells([None] * len(result.points)),
                                _unit(result), _qualifiers(result))]  # fmt: skip
        columns += _layer_sum(levels, result.points, result, result.verdict)
        if columns:
            artefacts = _artefacts(result.points, levels)
            text = (
                f"{'Observed' if name == 'observed' else 'Expected'} limit at {100 * result.cl:.6g}% CL on the coupling "
                f"{_coupling(result.scenario)} against the mass: excluded are the couplings above the lower edge, and below the "
                f"upper edge where there is one; '-' where nothing is excluded. {artefacts}{_context(result)}"
            )
            found.append(_table(result, f"{name} limit", text, (mass,), columns))
    return tuple(found)


def _layer_sum(levels: Sequence[str], points: Sequence[LimitPoint], result: Any, decides: str) -> list[Variable]:
    """Columns of what the layer sum alone excludes."""
    columns = []
    for level in levels:
        name = "Excluded by the layer sum only" + ("" if level == decides else f", {_SHORT[level]}")
        columns += _edges(name, [point.artefacts.get(level, ()) for point in points], result)
    return columns


def _artefacts(points: Sequence[LimitPoint], levels: Sequence[str]) -> str:
    if not any(level in point.artefacts for point in points for level in levels):
        return ""
    return (
        "Couplings that only the paper's sum over target layers excludes, and not an average over any depth, have columns of "
        "their own: no real exclusion. "
    )


@tables.register
def _exclusion(result: Exclusion) -> tuple[Table, ...]:
    return contour_tables(result)


@tables.register
def _scan(result: Scan) -> tuple[Table, ...]:
    return (*contour_tables(result), _map(result))


@tables.register
def _projection(result: Projection) -> tuple[Table, ...]:
    points = [point for mass in result.masses for point in result.at_mass(mass)]
    independent = (
        Variable("Muons on target", cells(point.mot for point in points)),
        Variable(_mass(result.scenario), cells(point.mass for point in points), "GEV"),
    )
    columns: list[Variable] = []
    for level in EXPECTED:
        columns += _edges(LEVEL_NAMES[level], [point.limit.intervals[level] for point in points], result)
    limits = [point.limit for point in points]
    columns += _layer_sum(EXPECTED, limits, result, "median")
    for number, reach in enumerate(points[0].reach if points else ()):
        intervals = [point.reach[number].intervals for point in points]
        columns += _edges(f"Discovery at {reach.significance:g} sigma", intervals, result, _qualifiers(result)[1:])
    if not columns:
        return ()
    text = (
        f"Projected limits at {100 * result.cl:.6g}% CL and discovery reach for the coupling {_coupling(result.scenario)} "
        f"against the muons on target. Background: {result.background}. {_artefacts(limits, EXPECTED)}{_context(result)}"
    )
    return (_table(result, "projection", text, independent, columns),)


def contour_tables(result: Scan | Exclusion) -> tuple[Table, ...]:
    """A table of contours for each level; of levels that coincide, the first."""
    found: Mapping[str, Sequence[Contour]] = {
        level: (*result.contours(level), *result.layer_sum_alone(level)) for level in result.levels
    }
    tables_, done = [], list[Sequence[Contour]]()
    for level, contours in found.items():
        if not contours or contours in done:
            continue
        done.append(contours)
        alike = [other for other, same in found.items() if other != level and same == contours]
        text = (
            f"{LEVEL_NAMES[level]} exclusion contour at {100 * result.cl:.6g}% CL in the plane of mass and coupling "
            f"{_coupling(result.scenario)}: points along each curve, the excluded side on its left; a closed curve ends where it "
            f"began. Artefact 1: no contour, but where the sum over target layers alone excludes. {_context(result)}"
        )
        if alike:
            text += f" The same contour: {', '.join(LEVEL_NAMES[other] for other in alike)}."
        numbers = [number for number, curve in enumerate(contours, start=1) for _ in curve.mass]
        independent = (
            Variable(_mass(result.scenario), cells(m for curve in contours for m in curve.mass), "GEV"),
            Variable(_coupling(result.scenario), cells(g for curve in contours for g in curve.coupling), _unit(result)),
        )
        columns = [
            Variable("Curve", tuple(Cell(number) for number in numbers), None, _qualifiers(result)),
            Variable("Artefact", tuple(Cell(int(is_so)) for curve in contours for is_so in curve.artefact)),
        ]
        tables_.append(_table(result, f"{_SHORT[level]} contour", text, independent, columns))
    return tuple(tables_)


def _map(result: Scan) -> Table:
    mass, coupling = (axis.ravel() for axis in np.meshgrid(result.mass, result.coupling, indexing="ij"))
    columns = []
    for verdict, values in result.cl_s.items():
        entries = tuple(
            Cell(round(value, _CL_S_DECIMALS) if math.isfinite(value) else MISSING) for value in values.ravel().tolist()
        )
        columns.append(Variable(f"CL_s, {_SHORT[verdict]}", entries, None, _qualifiers(result)))
    artefact = np.array([[status == "artefact" for status in row] for row in result.status])
    if artefact.any():
        columns.append(Variable("Artefact", tuple(Cell(int(is_so)) for is_so in artefact.ravel().tolist())))
    for region, values in result.events.items():
        columns.append(Variable(f"Expected signal events, {region}", cells(values.ravel().tolist())))
    text = (
        f"CL_s at signal strength 1 over masses and couplings {_coupling(result.scenario)}, and the expected "
        f"signal events; excluded at {100 * result.cl:.6g}% CL where CL_s < {1 - result.cl:.4g}. A missing value could not be "
        f"computed. "
        + ("Artefact 1: not excluded, but by the sum over target layers alone. " if artefact.any() else "")
        + _context(result)
    )
    independent = (
        Variable(_mass(result.scenario), cells(mass.tolist()), "GEV"),
        Variable(_coupling(result.scenario), cells(coupling.tolist()), _unit(result)),
    )
    return _table(result, "CL_s map", text, independent, columns)


def _edges(
    name: str, intervals: Sequence[Sequence[Interval]], result: Any, qualifiers: tuple[Qualifier, ...] | None = None
) -> list[Variable]:
    """Columns of the edges of the excluded couplings; none where nothing is excluded."""
    columns = []
    stated = _qualifiers(result) if qualifiers is None else qualifiers
    for part in range(max((len(found) for found in intervals), default=0)):
        chosen = [found[part] if part < len(found) else (None, None) for found in intervals]
        more = "" if part == 0 else f", part {part + 1}"
        for edge, values in (("lower edge", [low for low, _ in chosen]), ("upper edge", [high for _, high in chosen])):
            if any(value is not None for value in values):
                columns.append(Variable(f"{name}, {edge}{more}", cells(values), _unit(result), stated))
    return columns


def _table(result: Any, what: str, text: str, independent: Sequence[Variable], columns: Sequence[Variable]) -> Table:
    name = f"{result.scenario}{Asked.of(result).variant}, {result.run}, {'+'.join(result.regions)}, {what}"
    observable = "CLS" if Asked.of(result).criterion == "cl_s" else "LIMIT"
    target = target_of(result.run, result.provenance)
    return named_table(name, result.scenario, text, independent, columns, observable, target=target)


def _qualifiers(result: Any) -> tuple[Qualifier, ...]:
    return (
        Qualifier("CL", f"{100 * result.cl:.6g}", "%"),
        Qualifier("Run", result.run),
        Qualifier("Region", " + ".join(result.regions)),
        Qualifier("Method", result.method),
    )


def _context(result: Any) -> str:
    """Name, observable and description common to all tables of a result."""
    asked = f"Run {result.run}, region {' + '.join(result.regions)}, method {result.method}. {Asked.of(result).text}"
    return f"Model: {subject(result.scenario)}. {asked} " + " ".join(_sentence(note) for note in result.notes)


def _sentence(note: str) -> str:
    return note[:1].upper() + note[1:].rstrip(".") + "."


def _unit(result: Any) -> str | None:
    return hepdata_unit(str(result.coupling_unit))


def hepdata_unit(unit: str) -> str | None:
    """A unit as HEPData writes it, None for a number."""
    return None if unit == "1" else unit.replace("GeV", "GEV").replace("^", "**")


def _mass(scenario: str) -> str:
    return f"${symbols(scenario)[0]}$"


def _coupling(scenario: str) -> str:
    return f"${symbols(scenario)[1]}$"
