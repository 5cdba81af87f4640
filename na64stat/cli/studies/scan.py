"""`na64stat scan` and `plot`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

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
    Output,
    headline,
    output_option,
    overwrite_option,
    print_failures,
    print_json,
    print_layer_sum_note,
    print_notes,
)
from na64stat.errors import InputError
from na64stat.records.status import has_failed

if TYPE_CHECKING:
    from na64stat.records.map import Scan


@click.command(
    epilog=examples(
        "scan axion-photon --mass 1e-3:1:60 --coupling 1e-6:1:80 --region visible -o scan.json",
        "scan axion-photon --mass 1e-3:1:60 --coupling 1e-6:1:80 --method toys --workers 8 -o toys.json",
        "scan my_model.py:MyModel --mass 1e-3:1:60 --coupling 1e-6:1:80 --scheduler tcp://h:8786 -o m.json",
    )
)
@with_scenario
@numbers_option("--mass", "Masses [GeV]; repeated: each.", required=True)
@numbers_option("--coupling", "Couplings, in the scenario's unit (GeV^-1 or 1); repeated: each.", required=True)
@output_option("File to write, JSON.")
@overwrite_option
@with_runs
@with_statistics("exact", "asymptotic", "toys", processes=True)
@with_long_work
@as_json
def scan(
    scenario: ScenarioChoice,
    mass: list[float],
    coupling: list[float],
    output: str | None,
    overwrite: bool,
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

    if output is None and not as_json:
        raise InputError("--output: missing; name a file with -o FILE, or ask for --json on standard output")
    file = None if output is None else Output.of(output, overwrite)
    with work.arguments("scan", file) as means:
        asked = {**statistics.for_study(), **means, "correlated": runs.correlated}
        result = run_scan(scenario.resolve(), runs.load(), sorted(mass), sorted(coupling), **asked)
        if file is not None:
            result.save(file.path, overwrite=file.overwrite)
        _show(result, as_json)
    if file is not None:
        click.echo(f"wrote {file.path}", err=True)


def _show(result: Scan, as_json: bool) -> None:
    flat = [item for row in result.status for item in row]
    print_failures([item for item in flat if has_failed(item)], len(flat))
    if as_json:
        print_json(result.as_dict())
    else:
        names = [item.split(":")[0] for item in flat]
        summary = ", ".join(f"{names.count(name)} {name}" for name in sorted(set(names)))
        click.echo(f"{headline(result)}: {summary}")
        for verdict in result.excess:
            curves = result.contours(verdict)
            closed = sum(curve.closed for curve in curves)
            open_ended = f"{len(curves) - closed} ending at the border of the grid"
            click.echo(f"contours, {verdict}: {closed} closed, {open_ended}")
        print_layer_sum_note(level for level in result.excess if result.layer_sum_alone(level))


@click.command(epilog=examples("plot scan.json -o scan.png", "plot scan.json region.json --no-existing -o both.pdf"))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@output_option("Figure: .png or .pdf.", required=True)
@click.option("--no-existing", is_flag=True, help="Leave out the limits of other experiments.")
@click.option(
    "--limits", "own", multiple=True, metavar="FILE", help="Limits of your own to shade, CSV; see limits list."
)
@overwrite_option
@as_json
def plot(
    files: tuple[Path, ...], output: str, no_existing: bool, own: tuple[str, ...], overwrite: bool, as_json: bool
) -> None:
    """Draw the contours of scans and exclusions.

    FILE... are written by `na64stat scan` or `exclusion`; mass in GeV, existing limits of other experiments shaded if all are of
    one scenario.
    """
    file = Output.of(output, overwrite)
    from na64stat.figures.figure_of import draw_maps
    from na64stat.figures.map_labels import left_out, map_labels, without_contours
    from na64stat.limits_library.library import read_limits
    from na64stat.records.load import load_map

    maps = [load_map(path) for path in files]
    names = [path.stem for path in files]
    if len(set(names)) < len(names):
        names = [str(path) for path in files]
    found = dict(zip(map_labels(maps, names), maps, strict=True))
    more = [limit for name in own for limit in read_limits(name)]
    drawn = draw_maps(found, file.path, existing=not no_existing, more=more, overwrite=file.overwrite)
    notes = [*without_contours(found), *([] if no_existing else filter(None, [left_out(maps)]))]
    if as_json:
        print_json({"figure": str(file.path), "curves": drawn, "notes": notes})
    else:
        print_notes(notes)
        click.echo(f"wrote {file.path}", err=True)
