"""`na64stat scan` and `plot`."""

from __future__ import annotations

from pathlib import Path

import click

from na64stat.cli.options import (
    RANGE,
    as_json,
    find_average,
    find_method,
    find_run,
    find_scenario,
    overwrite,
    print_json,
    progress,
    with_run,
    with_scenario,
    with_statistics,
)
from na64stat.errors import InputError


@click.command(
    epilog="Example: na64stat scan axion-photon --mass 1e-3:1:60 --coupling 1e-6:1:80 --region visible -o scan.json"
)
@with_scenario
@click.option("--mass", type=RANGE, required=True, help="Masses [GeV].")
@click.option("--coupling", type=RANGE, required=True, help="Couplings, in the scenario's unit (GeV^-1 or 1).")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write.")
@overwrite
@with_run
@with_statistics
@as_json
def scan(
    scenario: str | None,
    scenario_option: str | None,
    loop_decay: bool,
    mass: list[float],
    coupling: list[float],
    output: Path | None,
    overwrite: bool,
    run_name: str,
    background: str | None,
    regions: tuple[str, ...],
    cl: float,
    method: str,
    no_systematics: bool,
    depth_average: str,
    as_json: bool,
) -> None:
    """CL_s over a grid of masses and couplings.

    Each point is its own hypothesis (mu = 1). The contours CL_s = 1 - cl are written with the map.
    """
    from na64stat.study.scan import scan as run_scan

    if output is None and not as_json:
        raise InputError("-o/--output: missing; name a file for the scan, or ask for --json on standard output")
    if output is not None and output.exists() and not overwrite:
        raise InputError(f"{output}: the file exists; --overwrite replaces it")
    result = run_scan(
        find_scenario(scenario, scenario_option, loop_decay),
        find_run(run_name, background),
        mass,
        coupling,
        method=find_method(method),
        regions=regions or None,
        cl=cl,
        systematics=not no_systematics,
        average=find_average(depth_average),
        track=progress("scan"),
    )
    if output is not None:
        result.save(output, overwrite=overwrite)
    if as_json:
        print_json(result.as_dict())
        return
    flat = [item.split(":")[0] for row in result.status for item in row]
    summary = ", ".join(f"{flat.count(name)} {name}" for name in sorted(set(flat)))
    click.echo(f"{result.scenario}, run {result.run}, {' + '.join(result.regions)}: {summary}")
    for verdict in result.excess:
        curves = result.contours(verdict)
        closed = sum(curve.closed for curve in curves)
        click.echo(
            f"{verdict}: {len(curves)} contours, {closed} closed, {len(curves) - closed} ending at the border of the grid"
        )
    click.echo(f"wrote {output}", err=True)


@click.command(epilog="Example: na64stat plot scan.json -o scan.png")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Figure: .png, .pdf or .svg.")
@click.option("--no-existing", is_flag=True, help="Leave out the limits of other experiments.")
@overwrite
@as_json
def plot(files: tuple[Path, ...], output: Path, no_existing: bool, overwrite: bool, as_json: bool) -> None:
    """Draw the contours of scans.

    The scans are of one scenario; existing limits of other experiments are shaded.
    """
    from na64stat.report.figures import draw_scans
    from na64stat.study.scan import load_scan

    drawn = draw_scans([load_scan(path) for path in files], output, existing=not no_existing, overwrite=overwrite)
    if as_json:
        print_json({"figure": str(output), "curves": drawn})
    else:
        click.echo(f"wrote {output}", err=True)
