"""`na64stat info`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from na64stat.cli.options import as_json, find_run, print_json, wide_console

if TYPE_CHECKING:
    from na64stat.experiment.run import Run


@click.command(epilog="Example: na64stat info 2022")
@click.argument("run", default=None, required=False)
@click.option("--background", default=None, metavar="NAME", help="Background setting to show as the one in use.")
@as_json
def info(run: str | None, background: str | None, as_json: bool) -> None:
    """List every number of a run with its source.

    Without RUN, list the packaged runs.
    """
    if run is None:
        _list_runs(as_json)
        return
    loaded = find_run(run, background)
    if as_json:
        print_json(_record(loaded))
    else:
        _print(loaded)


def _list_runs(as_json: bool) -> None:
    from na64stat.experiment.load import load_run, packaged_runs

    runs = {name: load_run(name) for name in packaged_runs()}
    if as_json:
        print_json({"runs": {name: {"description": run.description, "mot": run.mot} for name, run in runs.items()}})
        return
    for name, run in runs.items():
        click.echo(f"{name:8}  {run.mot:10.3g} muons on target  {run.description}")


def _record(run: Run) -> dict[str, object]:
    return {
        "run": run.name,
        "description": run.description,
        "digest": run.digest,
        "background": run.background_setting,
        "regions": {
            name: {
                "observed": region.observed,
                "background": {"events": region.background.events, "uncertainty": region.background.uncertainty},
                "background_settings": sorted(region.backgrounds),
                "overlaps": list(region.region.overlaps),
            }
            for name, region in run.regions.items()
        },
        "numbers": {
            key: {
                "value": number.value,
                "unit": number.unit,
                "uncertainty": number.uncertainty,
                "source": number.source,
                "status": number.status,
            }
            for key, number in run.numbers.items()
        },
    }


def _print(run: Run) -> None:
    from rich.table import Table

    console = wide_console()
    console.print(f"run [bold]{run.name}[/bold]: {run.description}  (background setting: {run.background_setting})")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("key", "value", "unit", "status"):
        table.add_column(column, no_wrap=True)
    table.add_column("source", overflow="fold")
    for key, number in run.numbers.items():
        spread = "" if number.uncertainty is None else f" +- {number.uncertainty:g}"
        table.add_row(key, f"{number.value:g}{spread}", number.unit, number.status, number.source)
    console.print(table)
    for name, region in run.regions.items():
        observed = "no observation" if region.observed is None else f"{region.observed} observed"
        background = f"background {region.background.events:g} +- {region.background.uncertainty:g}"
        settings = ", ".join(sorted(region.backgrounds))
        console.print(f"region {name}: {observed}, {background} (settings: {settings})", highlight=False)
