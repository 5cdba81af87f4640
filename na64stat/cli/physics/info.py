"""`na64stat info`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from na64stat.cli.groups import command
from na64stat.cli.options.scenario_run import RunChoice, as_json, examples
from na64stat.cli.output import plain_table, print_json, print_table
from na64stat.errors import InputError
from na64stat.text import after_number

if TYPE_CHECKING:
    from na64stat.experiment.run import Number, Run


@command(epilog=examples("info 2022"))
@click.argument("run", required=False)
@click.option("--background", metavar="NAME", help="Background setting to show as the one in use.")
@as_json
def info(run: str | None, background: str | None, as_json: bool) -> None:
    """List every number of a run with its origin.

    RUN is a packaged run or your own TOML; without it, list the packaged runs. Each number has a unit, a source and a status:
    published, derived (from other numbers) or assumed (a default that you may change in a run file of your own).
    """
    if run is None:
        if background is not None:
            raise InputError(f"--background {background}: name a run too, e.g. na64stat info 2022")
        _list_runs(as_json)
        return
    loaded = RunChoice(run, background).load()
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
    table = plain_table("run", "muons on target", "description")
    for name, run in runs.items():
        table.add_row(name, f"{run.mot:g}", run.description)
    print_table(table)


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
    from rich.text import Text

    click.echo(f"run {run.name}: {run.description}")
    table = plain_table("key", "value", "status", "source")
    for section, numbers in _sections(run).items():
        table.add_row(Text(section, style="bold"))
        for key, number in numbers.items():
            table.add_row(f"  {key}", _value(number), number.status, number.source)
    print_table(table)
    for name, region in run.regions.items():
        observed = "no observation" if region.observed is None else f"{region.observed} observed"
        background = f"background {region.background.events:g} +- {region.background.uncertainty:g}"
        settings = ", ".join(sorted(region.backgrounds))
        click.echo(f"region {name}: {observed}, {background} (setting {run.background_setting}; it has {settings})")


def _sections(run: Run) -> dict[str, dict[str, Number]]:
    """Numbers by the head of their dotted key, and the rest of it; regions have a name in the head."""
    sections: dict[str, dict[str, Number]] = {}
    for dotted, number in run.numbers.items():
        depth = 2 if dotted.startswith("regions.") else 1
        parts = dotted.split(".")
        sections.setdefault(".".join(parts[:depth]), {})[".".join(parts[depth:])] = number
    return sections


def _value(number: Number) -> str:
    spread = "" if number.uncertainty is None else f" +- {number.uncertainty:g}"
    return f"{number.value:g}{spread}{after_number(number.unit)}"
