"""`na64stat limit`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from na64stat.cli.options import (
    RANGE,
    as_json,
    find_average,
    find_method,
    find_run,
    find_scenario,
    print_json,
    progress,
    wide_console,
    with_run,
    with_scenario,
    with_statistics,
)
from na64stat.errors import InputError

if TYPE_CHECKING:
    from na64stat.stats.records import Limit
    from na64stat.study.limits import ScenarioLimits


@click.command(
    epilog="Examples: na64stat limit axion-muon --mass 1e-3:1:40 --run 2022;  na64stat limit ws.json --region invisible"
)
@with_scenario
@click.option("--mass", type=RANGE, help="Mass or masses [GeV].")
@click.option(
    "--coupling", type=RANGE, help="Range LO:HI:N that is searched, where a lifetime needs it (N is ignored)."
)
@with_run
@with_statistics
@as_json
def limit(
    scenario: str | None,
    scenario_option: str | None,
    loop_decay: bool,
    mass: list[float] | None,
    coupling: list[float] | None,
    run_name: str,
    background: str | None,
    regions: tuple[str, ...],
    cl: float,
    method: str,
    no_systematics: bool,
    depth_average: str,
    as_json: bool,
) -> None:
    """Upper limits of a scenario, or of a workspace.

    SCENARIO gives limits on its coupling, a pyhf workspace FILE.json in its place limits on mu.
    Where a lifetime depends on the coupling the excluded intervals are listed.
    """
    if scenario and scenario.endswith(".json"):
        used = {"--mass": mass, "--coupling": coupling, "--background": background, "--loop-decay": loop_decay or None}
        for option, value in used.items():
            if value is not None:
                raise InputError(f"{option}: does not go with a workspace file, {scenario}")
        if no_systematics:
            raise InputError("--no-systematics: does not go with a workspace file; remove its modifiers instead")
        _limit_of_file(Path(scenario), regions, cl, method, as_json)
        return
    from na64stat.study.limits import limits

    factory = find_scenario(scenario, scenario_option, loop_decay)
    if mass is None:
        raise InputError("--mass: missing; a mass [GeV] or a range LO:HI:N, e.g. --mass 1e-3:1:40")
    result = limits(
        factory,
        find_run(run_name, background),
        mass,
        regions=regions or None,
        method=find_method(method),
        cl=cl,
        systematics=not no_systematics,
        couplings=None if coupling is None else (coupling[0], coupling[-1]),
        average=find_average(depth_average),
        track=progress("limits"),
    )
    if as_json:
        print_json(scenario_record(result))
    else:
        _print_scenario(result)


def read_workspace(path: Path) -> dict[str, Any]:
    """A workspace file as a dictionary; what is in it is checked where it is used."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or 'not a text file'}") from error
    if not text.strip():
        raise InputError(f"{path}: the file is empty; a pyhf workspace is right")
    try:
        workspace = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}: not a JSON file: {error}") from error
    if not isinstance(workspace, dict):
        raise InputError(f"{path}: holds a {type(workspace).__name__}; a pyhf workspace is an object with channels")
    return workspace


def _limit_of_file(path: Path, regions: tuple[str, ...], cl: float, method: str, as_json: bool) -> None:
    from na64stat.errors import Na64StatError
    from na64stat.stats.limits import upper_limit

    try:
        result = upper_limit(read_workspace(path), find_method(method), cl, regions or None)
    except InputError as error:
        text = str(error)
        raise InputError(text if str(path) in text or text.startswith("cl =") else f"{path}: {text}") from error
    except Na64StatError:
        raise
    if as_json:
        print_json(workspace_record(result))
        return
    click.echo(f"{path}: {', '.join(result.regions)}, {result.cl:.0%} CL, {result.method}")
    for name, value in {"observed": result.observed, **result.expected.as_dict()}.items():
        click.echo(f"mu  {name:8}  {'none' if value is None else f'< {value:.6g}'}")
    for note in result.notes:
        click.echo(f"note: {note}", err=True)


def workspace_record(result: Limit) -> dict[str, Any]:
    """JSON form of the limit of a workspace."""
    error = result.error
    return {
        "cl": result.cl,
        "method": result.method,
        "regions": list(result.regions),
        "mu": {"observed": result.observed, **result.expected.as_dict()},
        "crossings": list(result.crossings),
        "error": {
            "cl_s": error.cl_s,
            "limit": error.limit,
            "counts_left_out": error.counts_left_out,
            "refitted": error.refitted,
        },
        "notes": list(result.notes),
    }


def scenario_record(result: ScenarioLimits) -> dict[str, Any]:
    """JSON form of the limits of a scenario."""
    return {
        "kind": "limits",
        "scenario": result.scenario,
        "coupling_unit": result.coupling_unit,
        "run": result.run,
        "regions": list(result.regions),
        "cl": result.cl,
        "method": result.method,
        "points": [
            {
                "mass_gev": point.mass,
                "coupling": dict(point.coupling),
                "events": dict(point.events),
                "intervals": {
                    level: [list(interval) for interval in found] for level, found in point.intervals.items()
                },
                "artefacts": [list(interval) for interval in point.artefacts],
                "status": point.status,
            }
            for point in result.points
        ],
        "notes": list(result.notes),
    }


def _print_scenario(result: ScenarioLimits) -> None:
    from rich.table import Table

    console = wide_console()
    unit = "" if result.coupling_unit == "1" else f" [{result.coupling_unit}]"
    title = f"{result.scenario}, run {result.run}, {' + '.join(result.regions)}, {result.cl:.0%} CL, {result.method}"
    console.print(f"{title}: lowest excluded coupling{unit}", markup=False, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("m [GeV]", *result.points[0].coupling):
        table.add_column(column, no_wrap=True)
    table.add_column("excluded", overflow="fold")
    for point in result.points:
        values = ["-" if value is None else f"{value:.3g}" for value in point.coupling.values()]
        level = "observed" if point.intervals["observed"] else "median"
        found = ", ".join(
            f"{low:.3g} - {'' if high is None else f'{high:.3g}'}" for low, high in point.intervals[level]
        )
        text = found or point.status
        if point.artefacts:
            text += "  (partly an artefact of the layer sum)"
        table.add_row(f"{point.mass:.4g}", *values, text)
    console.print(table)
    for note in result.notes:
        click.echo(f"note: {note}", err=True)
