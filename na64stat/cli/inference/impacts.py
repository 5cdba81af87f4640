"""`na64stat impacts`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from na64stat.cli.figures import figure_file, figure_option, save_impacts
from na64stat.cli.inference.fit import MOST_ROWS, check_lowest_mu, lowest_mu_option, pull_text, value_text
from na64stat.cli.options.model import ModelChoice, with_model
from na64stat.cli.options.scenario_run import as_json, examples
from na64stat.cli.output import announce, busy, overwrite_option, plain_table, print_json, print_notes, print_table

if TYPE_CHECKING:
    from na64stat.stats.fits.impacts import Impacts


@click.command(
    epilog=examples(
        "impacts ws.json --region invisible -o impacts.pdf",
        "impacts ws.json --region invisible --parameter efficiency_2022 --json",
        "impacts axion-muon --mass 0.1 --coupling 5e-3",
    )
)
@with_model
@click.option(
    "--parameter", "names", multiple=True, metavar="NAME", help="Nuisance parameter; repeatable; default all."
)
@lowest_mu_option
@figure_option("pulls and impacts")
@overwrite_option
@as_json
def impacts(
    model: ModelChoice,
    names: tuple[str, ...],
    lowest_mu: float | None,
    output: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """What each uncertainty does to the fitted mu.

    SCENARIO with --mass, or a pyhf workspace FILE.json in its place. The shift of mu with a nuisance parameter held one standard
    deviation below and above its best fit, the largest first; with its deviation after the fit, and before it (prefit).
    """
    from na64stat.stats.fits.impacts import impacts as find_impacts
    from na64stat.stats.fits.impacts import seconds_of_impacts

    lowest, file = check_lowest_mu(lowest_mu), figure_file(output, overwrite)
    subject = model.load(only_fits=True)
    with subject.named_errors():
        announce(
            f"impacts of {len(subject.model.parameters)} parameters", seconds_of_impacts(subject.model, names or None)
        )
    with subject.named_errors(), busy("impacts") as track:
        result = find_impacts(subject.model, names=names or None, progress=track, lowest_mu=lowest)
    if file is not None:
        save_impacts(file, result, subject.title)
    if as_json:
        print_json({**subject.head, **_impacts_record(result)})
        return
    mu = result.fit.mu
    spread = f" ({mu.state})" if mu.error is None else f" +- {mu.error:.3g}"
    click.echo(f"{subject.title}: impacts on {mu.name} = {value_text(mu)}{spread}")
    if not result.ranking:
        click.echo("no nuisance parameter is fitted")
        return
    table = plain_table("parameter", "pull", "down", "up", "prefit down", "prefit up")
    for item in result.ranking[:MOST_ROWS]:
        shifts = (item.down, item.up, item.prefit_down, item.prefit_up)
        table.add_row(
            item.name, pull_text(item.parameter), *("-" if shift is None else f"{shift:+.3g}" for shift in shifts)
        )
    print_table(table)
    if len(result.ranking) > MOST_ROWS:
        click.echo(f"... and {len(result.ranking) - MOST_ROWS} smaller ones; --json has all")
    print_notes(result.notes)


def _impacts_record(result: Impacts) -> dict[str, Any]:
    return {
        "mu": result.fit.mu.value,
        "error": result.fit.mu.error,
        "ranking": [
            {
                "name": item.name,
                "pull": item.parameter.pull,
                "constraint": item.parameter.constraint,
                "down": item.down,
                "up": item.up,
                "prefit_down": item.prefit_down,
                "prefit_up": item.prefit_up,
            }
            for item in result.ranking
        ],
        "notes": list(result.notes),
    }
