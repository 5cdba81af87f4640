"""`na64stat scan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from na64stat.cli.figures import draw_map
from na64stat.cli.groups import command
from na64stat.cli.options.files import Files, with_files
from na64stat.cli.options.numbers import numbers_option
from na64stat.cli.options.scenario_run import (
    RunsChoice,
    ScenarioChoice,
    Statistics,
    as_json,
    examples,
    with_runs,
    with_scenario,
    with_statistics,
)
from na64stat.cli.options.workers import LongWork, with_long_work
from na64stat.cli.output import (
    headline,
    print_failures,
    print_json,
    print_layer_sum_note,
)
from na64stat.errors import InputError
from na64stat.records.status import has_failed

if TYPE_CHECKING:
    from na64stat.records.map import Scan


@command(
    epilog=examples(
        "scan axion-photon --mass 1e-3:1:60 --coupling 1e-6:1:80 --region visible -o scan.json",
        "scan axion-photon --mass 1e-3:1:60 --coupling 1e-6:1:80 --method toys --workers 8 -o toys.json",
        "scan my_model.py:MyModel --mass 1e-3:1:60 --coupling 1e-6:1:80 --scheduler tcp://h:8786 -o m.json",
    )
)
@with_scenario
@numbers_option("--mass", "Masses [GeV]; repeated: each.", required=True)
@numbers_option("--coupling", "Couplings, in the scenario's unit (GeV^-1 or 1); repeated: each.", required=True)
@with_files("The map, JSON; `na64stat plot` draws it.", "contours")
@with_runs
@with_statistics("exact", "asymptotic", "toys", processes=True)
@with_long_work
@as_json
def scan(
    scenario: ScenarioChoice,
    mass: list[float],
    coupling: list[float],
    files: Files,
    runs: RunsChoice,
    statistics: Statistics,
    work: LongWork,
    as_json: bool,
) -> None:
    """CL_s over a grid of masses and couplings.

    Each point is its own hypothesis (mu = 1). The contours CL_s = 1 - cl are written with the map. A run that was stopped, by
    whatever, goes on where it was if the same command is given again.
    """
    from na64stat.study.maps.scan import scan as run_scan

    if files.data is None and files.picture is None and not as_json:
        raise InputError("--output: missing; name a file with -o FILE, or ask for --json on standard output")
    with work.arguments("scan", files.data) as means:
        asked = {**statistics.for_study(), **means, "correlated": runs.correlated}
        result = run_scan(scenario.resolve(), runs.load(), sorted(mass), sorted(coupling), **asked)
        files.keep(result)
        files.draw(lambda path, overwrite: draw_map(result, path, overwrite))
        _show(result, as_json)


def _show(result: Scan, as_json: bool) -> None:
    flat = [item for row in result.status for item in row]
    print_failures([item for item in flat if has_failed(item)], len(flat))
    if as_json:
        print_json(result.as_dict())
    else:
        names = [item.split(":")[0] for item in flat]
        summary = ", ".join(f"{names.count(name)} {name}" for name in sorted(set(names)))
        click.echo(f"{headline(result)}: {summary}")
        for level in result.levels:
            curves = result.contours(level)
            closed = sum(curve.closed for curve in curves)
            open_ended = f"{len(curves) - closed} ending at the border of the grid"
            click.echo(f"contours, {level}: {closed} closed, {open_ended}")
        print_layer_sum_note(level for level in result.excess if result.layer_sum_alone(level))
