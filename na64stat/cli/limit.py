"""`na64stat limit`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from na64stat.cli.options import (
    RANGE,
    RunChoice,
    ScenarioChoice,
    Statistics,
    as_json,
    examples,
    with_run,
    with_scenario,
    with_statistics,
)
from na64stat.cli.output import (
    level_text,
    plain_table,
    print_failures,
    print_json,
    print_notes,
    print_table,
    progress,
)
from na64stat.errors import InputError, RegionError

if TYPE_CHECKING:
    from na64stat.stats.records import Limit
    from na64stat.study.limits import Interval, ScenarioLimits

_OF_A_FILE: Final = ("scenario", "scenario_option", "regions", "cl", "method", "as_json")
"""Parameters that go with a workspace file; the others would be ignored, and are refused."""


@click.command(
    epilog=examples(
        "limit axion-muon --mass 1e-3:0.2:40 --run 2022",
        "limit axion-photon --mass 0.01 --region invisible --json",
        "limit ws.json --region invisible",
    )
)
@with_scenario
@click.option("--mass", type=RANGE, help="Mass or masses [GeV].")
@click.option(
    "--coupling",
    type=RANGE,
    help="Couplings between which edges are looked for, where a lifetime decides; of LO:HI:N only the ends count.",
)
@with_run
@with_statistics
@as_json
def limit(
    scenario: ScenarioChoice,
    mass: list[float] | None,
    coupling: list[float] | None,
    run: RunChoice,
    statistics: Statistics,
    as_json: bool,
) -> None:
    """Upper limits of a scenario, or of a workspace.

    SCENARIO gives limits on its coupling (GeV^-1 or 1) at each mass. A pyhf workspace FILE.json in its place gives the limit
    on the signal strength mu, all channels combined unless --region says otherwise. Where a lifetime depends on the coupling
    the excluded intervals are listed.
    """
    if scenario.text.lower().endswith(".json"):
        _refuse_ignored_options(scenario.text)
        _limit_of_file(Path(scenario.text), statistics, as_json)
        return
    from na64stat.study.limits import limits

    if mass is None:
        raise InputError("--mass: missing; a mass [GeV] or a range LO:HI:N, e.g. --mass 1e-3:1:40")
    if coupling is not None and len(coupling) == 1:
        raise InputError(f"--coupling {coupling[0]:g}: one number; a range LO:HI:N to search is right, e.g. 1e-6:1:2")
    result = limits(
        scenario.resolve(),
        run.load(),
        mass,
        couplings=None if coupling is None else (coupling[0], coupling[-1]),
        track=progress("limits"),
        **statistics.for_study(),
    )
    failures = [point.status for point in result.points if point.status.startswith("failed")]
    print_failures(failures, len(result.points))
    if as_json:
        print_json(scenario_record(result))
    else:
        _print_scenario(result)


def _refuse_ignored_options(path: str) -> None:
    context = click.get_current_context()
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name not in _OF_A_FILE and source is not ParameterSource.DEFAULT:
            raise InputError(
                f"{parameter.opts[-1]}: does not go with the workspace file {path}; --region, --cl, --method and --json do"
            )


def read_workspace(path: Path) -> dict[str, Any]:
    """A workspace file as a dictionary; what is in it is checked where it is used."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file; a pyhf workspace is right") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; the path of a pyhf workspace is right") from error
    if not text.strip():
        raise InputError(f"{path}: the file is empty; a pyhf workspace is right")
    try:
        # Whole numbers as floats: JSON knows no bound for them, and an overflow to infinity is refused by name.
        workspace = json.loads(text, parse_int=float, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise InputError(f"{path}: nested too deeply for a pyhf workspace") from error
    except ValueError as error:
        raise InputError(f"{path}: not a JSON file: {error}") from error
    if not isinstance(workspace, dict):
        raise InputError(f"{path}: holds a {type(workspace).__name__}; a pyhf workspace is an object with channels")
    return workspace


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _limit_of_file(path: Path, statistics: Statistics, as_json: bool) -> None:
    from na64stat.stats.limits import check_cl, upper_limit

    check_cl(statistics.cl)
    workspace = read_workspace(path)
    try:
        result = upper_limit(workspace, **statistics.for_workspace())
    except InputError as error:
        hint = "; --region NAME picks a channel" if isinstance(error, RegionError) and not statistics.regions else ""
        raise InputError(f"{path}: {error}{hint}") from error
    if as_json:
        print_json(workspace_record(result))
        return
    click.echo(f"{path}: {' + '.join(result.regions)}, {level_text(result.cl)}, {result.method}")
    for name, value in {"observed": result.observed, **result.expected.as_dict()}.items():
        click.echo(f"mu  {name:8}  {'none' if value is None else f'< {value:.6g}'}")
    print_notes(result.notes)


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
    unit = "" if result.coupling_unit == "1" else f" [{result.coupling_unit}]"
    title = (result.scenario, f"run {result.run}", " + ".join(result.regions), level_text(result.cl), result.method)
    click.echo(f"{', '.join(title)}: lowest excluded coupling{unit}")
    table = plain_table("m [GeV]", *result.points[0].coupling, "excluded")
    for point in result.points:
        values = ["-" if value is None else f"{value:.3g}" for value in point.coupling.values()]
        found = _intervals_text(point.intervals["observed"] or point.intervals["median"])
        artefacts = f"; by the layer sum alone: {_intervals_text(point.artefacts)}" if point.artefacts else ""
        table.add_row(f"{point.mass:.4g}", *values, (found or point.status) + artefacts)
    print_table(table)
    print_notes(result.notes)


def _intervals_text(intervals: Sequence[Interval]) -> str:
    return ", ".join(f"> {low:.3g}" if high is None else f"{low:.3g} - {high:.3g}" for low, high in intervals)
