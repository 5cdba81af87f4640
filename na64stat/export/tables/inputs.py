"""HEPData tables of what results are made from: yields per bin of the plane, efficiency, cross sections.

`inputs_of` finds them for results whose scenario and run come with the package.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from na64stat import units
from na64stat.errors import InputError, Na64StatError, ValidityWarning
from na64stat.experiment.load import load_run, packaged_runs
from na64stat.experiment.run import Run
from na64stat.export.tables.keywords import UNKNOWN, element_of, named_table
from na64stat.export.tables.results import tables
from na64stat.export.tables.table import Cell, Table, Variable, cells
from na64stat.records.asked import Asked
from na64stat.records.projection import Projection
from na64stat.scenarios.base import Scenario, ScenarioFactory
from na64stat.scenarios.options import with_options
from na64stat.scenarios.registry import NAMES, resolve, unit_of
from na64stat.study.provenance import of_scenario
from na64stat.template import Template
from na64stat.text import after_number
from na64stat.yields.predict import predict
from na64stat.yields.source import spectrum
from na64stat.yields.survival import DepthAverage

SMALLEST_SHARE: Final = 1e-6
"""Bins of the plane with a smaller share of all events are left out."""

MASSES_PER_DECADE: Final = 10


@tables.register
def plane_tables(template: Template, target: str = UNKNOWN) -> tuple[Table, ...]:
    """Expected signal events per bin of the (E_CAL, p_out) plane, and per region; a template does not know its target."""
    plane = template.plane
    total = float(plane.counts.sum())
    kept = np.argwhere(plane.counts > SMALLEST_SHARE * total)
    e_cal, p_out = plane.binning.e_cal, plane.binning.p_out
    independent = (
        Variable("E_CAL", tuple(Cell(None, e_cal[i], e_cal[i + 1]) for i, _ in kept), "GEV"),
        Variable("p_out", tuple(Cell(None, p_out[j], p_out[j + 1]) for _, j in kept), "GEV"),
    )
    columns = [
        Variable(f"Expected signal events, {channel}", cells(float(part[i, j]) for i, j in kept))
        for channel, part in (("visible", plane.visible), ("invisible", plane.invisible))
        if part.any()
    ]
    unit = after_number(unit_of(template.scenario))
    point = f"{template.scenario}, m = {template.mass:g} GeV, coupling {template.coupling:g}{unit}, run {template.run}"
    text = (
        f"Expected signal events per bin of the energy in the calorimeters and the momentum of the outgoing muon: {point}. "
        "Visible: the particle decays before the end of the last calorimeter; invisible: it leaves. Bins with less than "
        f"{SMALLEST_SHARE:g} of the {total:.5g} events are left out."
    )
    regions = Variable("Region", tuple(Cell(name) for name in template.regions))
    events = [
        Variable("Expected signal events, visible", cells(found.visible for found in template.regions.values())),
        Variable("Expected signal events, invisible", cells(found.invisible for found in template.regions.values())),
    ]
    parts: list[tuple[str, str, Sequence[Variable], list[Variable]]]
    parts = [("per region", f"Expected signal events per region: {point}.", (regions,), events)]
    if columns:
        parts.append(("in the plane", text, independent, columns))
    scenario = template.scenario
    return tuple(
        named_table(f"{scenario}, {template.run}, signal {where}", scenario, about, rows, values, "SIG", target=target)
        for where, about, rows, values in parts
    )


@tables.register
def efficiency_tables(run: Run) -> tuple[Table, ...]:
    """Signal efficiency of a run against the effective mass: the curve in use, and the points it was drawn through."""
    curve = run.efficiency
    text = (
        f"Signal efficiency of run {run.name} against the effective mass (the mass of the particle, or the virtuality of an "
        f"off-shell mediator); beyond the ends the end value is held. Relative uncertainty {run.systematics.efficiency:.3g}."
    )
    found = [
        named_table(
            f"{run.name}, efficiency",
            "",
            text,
            [Variable("Effective mass", cells(curve.masses), "GEV")],
            [Variable("Efficiency", cells(curve.values))],
            "EFF",
            target=element_of(run),
        )
    ]
    if curve.point_masses:
        text = f"The points through which the efficiency of run {run.name} was drawn, inferred from a published limit on a Z'."
        independent = [Variable("Effective mass", cells(curve.point_masses), "GEV")]
        columns = [Variable("Efficiency", cells(curve.point_values))]
        name = f"{run.name}, efficiency, points"
        found.append(named_table(name, "", text, independent, columns, "EFF", target=element_of(run)))
    return tuple(found)


def cross_section_table(scenario: Scenario, run: Run, masses: Sequence[float]) -> Table:
    """Total production cross section [pb] per nucleus of a run's target, at coupling 1.

    Parameters
    ----------
    scenario
        Any mass and coupling of it.
    masses
        Masses [GeV].

    References
    ----------
    arXiv:2501.06294, eqs. (3) to (6).
    """
    at_one = [
        spectrum(scenario.at(mass=mass, coupling=1.0), run).events.sum() / (run.mot * run.target.nuclei_per_area_gev2)
        for mass in masses
    ]
    power = scenario.production_power
    grows = "" if power is None else f"; it grows as the coupling to the power {power:g}"
    unit = after_number(scenario.coupling_unit)
    text = (
        f"Total cross section of {scenario.name} for muons of {run.beam_energy:g} GeV on a nucleus of the target of run "
        f"{run.name}, in the Weizsaecker-Williams approximation, angles up to 0.1, at coupling 1{unit}{grows}."
    )
    return named_table(
        f"{scenario.name}, {run.name}, cross section",
        scenario.name,
        text,
        [Variable(f"${scenario.mass_symbol}$", cells(masses), "GEV")],
        [Variable("Cross section at coupling 1", cells(value * units.GEV2_TO_PB for value in at_one), "PB")],
        "SIG",
        target=element_of(run),
    )


def inputs_of(results: Iterable[Any]) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """Efficiency, cross section and yields in the plane behind results; and what could not be made, and why.

    The yields are those at the middle (in the logarithm) of the masses that are excluded, at the lowest excluded coupling.
    """
    found, missing, done = list[Table](), list[str](), set[tuple[str, ...]]()
    for result in results:
        scenario, run_name = getattr(result, "scenario", None), getattr(result, "run", None)
        if scenario is None or run_name is None or not (hasattr(result, "points") or hasattr(result, "contours")):
            continue  # nothing that spans masses
        key = (scenario, run_name, Asked.of(result).variant, str(result.provenance.get("run_digest")))
        if key in done:
            continue
        done.add(key)
        try:
            made = _remade(result)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ValidityWarning)
                found += _inputs(result, *made, first=(run_name,) not in done)
            done.add((run_name,))
        except Na64StatError as error:
            missing.append(f"inputs of {scenario} in run {run_name}: {error}")
    return tuple(found), tuple(missing)


def _remade(result: Any) -> tuple[ScenarioFactory, Run, DepthAverage]:
    """Scenario, run and depth average of a result, if they come with the package: names alone could mislead.

    Raises
    ------
    InputError
        If they do not.
    """
    asked, said = Asked.of(result), result.provenance
    refused = "they are only added for scenarios and runs of the package"
    if result.scenario not in NAMES or result.run not in packaged_runs():
        raise InputError(refused)
    run, setting = load_run(result.run), asked.background
    if setting and setting != run.background_setting and isinstance(setting, str):
        run = run.with_background(setting)
    factory = resolve(result.scenario)
    probe = factory(mass=1.0, coupling=1.0)
    kind = of_scenario(probe)["scenario_class"]
    if run.digest != said.get("run_digest") or kind != said.get("scenario_class"):
        raise InputError(
            f"{refused}, and this result is of another {'run' if run.digest != said.get('run_digest') else 'class'} of that name"
        )
    if asked.average is None:
        raise InputError(f"{refused}, and this result does not state its depth average")
    return with_options(factory, result.scenario, asked.options), run, asked.average


def _inputs(result: Any, factory: ScenarioFactory, run: Run, average: DepthAverage, *, first: bool) -> list[Table]:
    edge = _edge(result)
    low, high = _mass_range(result)
    probe = factory(mass=math.sqrt(low * high), coupling=1.0)
    count = max(2, round(MASSES_PER_DECADE * math.log10(high / low)) + 1) if high > low else 1
    found = list(efficiency_tables(run)) if first else []
    found.append(cross_section_table(probe, run, np.geomspace(low, high, count).tolist()))
    if edge is not None:
        mass, coupling = edge
        found += plane_tables(predict(probe.at(mass=mass, coupling=coupling), run, average=average), element_of(run))
    return [
        replace(table, name=table.name.replace(probe.name, f"{probe.name}{Asked.of(result).variant}", 1))
        for table in found
    ]


def _edge(result: Any) -> tuple[float, float] | None:
    """A point at the edge of what is excluded; None if nothing is, or for a projection, whose edges belong to other muons."""
    if isinstance(result, Projection):
        return None
    if hasattr(result, "points"):
        edges = [(point.mass, point.coupling.get(result.verdict)) for point in result.points]
        known = [(mass, value) for mass, value in edges if value is not None]
    else:
        known = list(itertools.chain.from_iterable(zip(c.mass, c.coupling, strict=True) for c in result.contours()))
    if not known:
        return None
    masses = np.log([mass for mass, _ in known])
    nearest = np.flatnonzero(np.abs(masses - masses.mean()) <= np.abs(masses - masses.mean()).min() + 1e-12)
    mass, coupling = min((known[index] for index in nearest), key=lambda pair: pair[1])
    return float(mass), float(coupling)


def _mass_range(result: Any) -> tuple[float, float]:
    if hasattr(result, "mass_range"):
        low, high = result.mass_range
        return float(low), float(high)
    masses = [point.mass for point in result.points]
    return min(masses), max(masses)
