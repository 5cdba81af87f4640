"""`na64stat scan` and `plot`."""

from __future__ import annotations

from pathlib import Path

import click

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
from na64stat.cli.output import Output, output_option, overwrite_option, print_failures, print_json, progress
from na64stat.errors import InputError


@click.command(epilog=examples("scan axion-photon --mass 1e-3:1:60 --coupling 1e-6:1:80 --region visible -o scan.json"))
@with_scenario
@click.option("--mass", type=RANGE, required=True, help="Masses [GeV].")
@click.option("--coupling", type=RANGE, required=True, help="Couplings, in the scenario's unit (GeV^-1 or 1).")
@output_option("File to write, JSON.")
@overwrite_option
@with_run
@with_statistics("exact", "asymptotic")
@as_json
def scan(
    scenario: ScenarioChoice,
    mass: list[float],
    coupling: list[float],
    output: str | None,
    overwrite: bool,
    run: RunChoice,
    statistics: Statistics,
    as_json: bool,
) -> None:
    """CL_s over a grid of masses and couplings.

    Each point is its own hypothesis (mu = 1). The contours CL_s = 1 - cl are written with the map.
    """
    from na64stat.study.scan import scan as run_scan

    if output is None and not as_json:
        raise InputError("--output: missing; name a file with -o FILE, or ask for --json on standard output")
    file = None if output is None else Output.of(output, overwrite)
    result = run_scan(scenario.resolve(), run.load(), mass, coupling, **statistics.for_study(), track=progress("scan"))
    if file is not None:
        result.save(file.path, overwrite=file.overwrite)
    flat = [item for row in result.status for item in row]
    print_failures([item for item in flat if item.startswith("failed")], len(flat))
    if as_json:
        print_json(result.as_dict())
    else:
        names = [item.split(":")[0] for item in flat]
        summary = ", ".join(f"{names.count(name)} {name}" for name in sorted(set(names)))
        click.echo(f"{result.scenario}, run {result.run}, {' + '.join(result.regions)}: {summary}")
        for verdict in result.excess:
            curves = result.contours(verdict)
            closed = sum(curve.closed for curve in curves)
            open_ended = f"{len(curves) - closed} ending at the border of the grid"
            click.echo(f"contours, {verdict}: {closed} closed, {open_ended}")
    if file is not None:
        click.echo(f"wrote {file.path}", err=True)


@click.command(epilog=examples("plot scan.json -o scan.png"))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@output_option("Figure: .png or .pdf.", required=True)
@click.option("--no-existing", is_flag=True, help="Leave out the limits of other experiments.")
@overwrite_option
@as_json
def plot(files: tuple[Path, ...], output: str, no_existing: bool, overwrite: bool, as_json: bool) -> None:
    """Draw the contours of scans.

    FILE... are scans of one scenario, written by `na64stat scan`; mass in GeV, existing limits of other experiments shaded.
    """
    file = Output.of(output, overwrite)
    from na64stat.report.figures import draw_scans
    from na64stat.study.scan_record import load_scan

    scans = [load_scan(path) for path in files]
    drawn = draw_scans(scans, file.path, existing=not no_existing, overwrite=file.overwrite)
    if as_json:
        print_json({"figure": str(file.path), "curves": drawn})
    else:
        click.echo(f"wrote {file.path}", err=True)
