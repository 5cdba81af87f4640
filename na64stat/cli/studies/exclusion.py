"""`na64stat exclusion`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from na64stat.cli.figures import draw_map
from na64stat.cli.groups import command
from na64stat.cli.options.choice import Choice
from na64stat.cli.options.files import Files, with_files
from na64stat.cli.options.numbers import span_option
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
    plain_table,
    print_failures,
    print_json,
    print_layer_sum_note,
    print_notes,
    print_table,
)

if TYPE_CHECKING:
    from na64stat.records.map import Exclusion

LEVELS = ("observed", "minus2", "minus1", "median", "plus1", "plus2")


@command(
    epilog=examples(
        "exclusion axion-photon --mass 1e-3:1 --coupling 1e-6:1 --region visible -o region.json",
        "exclusion axion-muon --option loop_decay=true --mass 0.05:0.5 --coupling 1e-5:1 --json",
    )
)
@with_scenario
@span_option("--mass", "Range of masses [GeV].", required=True)
@span_option("--coupling", "Range of couplings, in the scenario's unit (GeV^-1 or 1).", required=True)
@click.option(
    "--tolerance",
    type=float,
    default=0.005,
    show_default=True,
    help="To which each contour is known, in ln(mass) and ln(coupling).",
)
@click.option(
    "--level", "levels", type=Choice(LEVELS), multiple=True, help="Contours to find, repeated; default all six."
)
@with_files("The regions, JSON; `na64stat plot` draws them.", "contours")
@with_runs
@with_statistics("exact", "asymptotic", processes=True)
@with_long_work
@as_json
def exclusion(
    scenario: ScenarioChoice,
    mass: tuple[float, float],
    coupling: tuple[float, float],
    tolerance: float,
    levels: tuple[str, ...],
    files: Files,
    runs: RunsChoice,
    statistics: Statistics,
    work: LongWork,
    as_json: bool,
) -> None:
    """Excluded regions with contours to a stated tolerance.

    Like `scan`, but only points near the contours are evaluated. Gives area, tip (largest excluded mass) and the borders at which
    the region goes on beyond what was looked at. A run that was stopped goes on if the same command is given again.
    """
    from na64stat.study.maps.exclusion import exclusion as find

    asked: dict[str, Any] = {"levels": levels or LEVELS, "tolerance": tolerance, "correlated": runs.correlated}
    with work.arguments("exclusion", files.data) as means:
        result = find(scenario.resolve(), runs.load(), mass, coupling, **asked, **statistics.for_study(), **means)
        files.keep(result)
        files.draw(lambda path, overwrite: draw_map(result, path, overwrite))
        _show(result, as_json)


def _show(result: Exclusion, as_json: bool) -> None:
    print_failures(list(result.reasons.values()), result.evaluations)
    if as_json:
        print_json(result.as_dict())
    else:
        click.echo(f"{headline(result)}: {result.evaluations} points, contours to {result.tolerance:g}")
        table = plain_table("level", "area", "parts", "tip [GeV]", f"at g [{result.coupling_unit}]", "goes on beyond")
        for level in result.levels:
            region = result.region(level)
            tip = region.tip
            where = ("-", "-") if tip is None else (f"{tip.mass:.4g}{'+' if tip.open else ''}", f"{tip.coupling:.3g}")
            parts = str(len(region.components))
            table.add_row(level, f"{region.area:.4g}", parts, *where, ", ".join(region.open_at) or "-")
        print_table(table)
        click.echo("area in decades of mass times decades of coupling")
        if result.unsettled:
            click.echo(
                f"note: {result.unsettled} cells of the smallest size hold a contour that may be further off", err=True
            )
        print_layer_sum_note(level for level in result.levels if result.layer_sum_alone(level))
        print_notes(result.notes)
