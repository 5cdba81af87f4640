"""`na64stat project`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from na64stat.cli.groups import command
from na64stat.cli.options.choice import Choice
from na64stat.cli.options.files import Files, with_files
from na64stat.cli.options.model import refuse_options
from na64stat.cli.options.numbers import numbers_option, span_option
from na64stat.cli.options.scenario_run import (
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
    artefact_text,
    headline,
    level_text,
    plain_table,
    print_artefact_note,
    print_failures,
    print_json,
    print_notes,
    print_table,
    progress,
)
from na64stat.errors import InputError
from na64stat.records.status import has_failed
from na64stat.text import in_brackets, intervals_text

if TYPE_CHECKING:
    from na64stat.experiment.run import Run
    from na64stat.records.projection import MotNeeded, Projection


@command(
    epilog=examples(
        "project axion-muon --mass 1e-3:0.2:5 --mot 1e12 --mot 1e13",
        "project axion-photon --region visible --mass 0.02 --mot 1e10:1e14:17 -o p.json --figure p.png",
        "project dark-sector --mass 0.05 --needed 1e-3 --background realistic --mot-background per-mot",
    )
)
@with_scenario
@numbers_option("--mass", "Mass or masses [GeV]; repeated: each.", required=True)
@numbers_option("--mot", "Muons on target, 1 to 1e20; repeated, or a range, or both.")
@numbers_option(
    "--needed",
    "Instead of --mot: couplings (GeV^-1 or 1) for which to find the muons that exclude and discover them.",
)
@click.option(
    "--mot-background",
    "scaling",
    type=Choice(["none", "per-mot", "fixed"]),
    default="none",
    show_default=True,
    help="The background in use (--background): left out, growing with the muons, or staying as it is.",
)
@span_option("--coupling", "Couplings (GeV^-1 or 1) between which edges are looked for, where a lifetime decides.")
@click.option("--no-discovery", is_flag=True, help="Leave out the discovery reach.")
@with_files("The projection, JSON; `na64stat.load` reads it.", "coupling against muons, up to six masses")
@with_run
@with_statistics("exact", "asymptotic")
@as_json
def project(
    scenario: ScenarioChoice,
    mass: list[float],
    mot: list[float] | None,
    needed: list[float] | None,
    scaling: str,
    coupling: tuple[float, float] | None,
    no_discovery: bool,
    files: Files,
    run: RunChoice,
    statistics: Statistics,
    as_json: bool,
) -> None:
    """Limits and discovery reach against the muons on target.

    The same detector with other numbers of muons: expected limits on the coupling, and the lowest coupling whose median
    significance, if the signal is there, is 3 and 5 standard deviations. With --needed the question is turned round.
    """
    if needed is not None:
        others = ("--mot", "--coupling", "--no-discovery", "--output", "--figure")
        refuse_options(others, "--needed", "that prints a table (or --json)")
        _needed(scenario, mass, needed, (_load(run, scaling), scaling), statistics, as_json)
        return
    if not mot:
        raise InputError("--mot: missing; muons on target, e.g. --mot 1e12 or --mot 1e10:1e14:9, or --needed G")
    from na64stat.experiment.run import MUONS

    low, high = MUONS
    for value in mot:
        if not low <= value <= high:
            raise InputError(f"--mot {value:g}: expected muons on target from {low:g} to {high:g}")
    if files.picture is not None:
        from na64stat.plot.projection import check_drawable

        check_drawable(files.picture.path, len(mass), len(mot))
    from na64stat.experiment.run import BackgroundScaling
    from na64stat.study.projection.projection import project as find

    result = find(
        scenario.resolve(),
        _load(run, scaling),
        mass,
        mot,
        background=BackgroundScaling(scaling),
        couplings=coupling,
        discovery=not no_discovery,
        track=progress("projection"),
        **statistics.for_study(),
    )
    files.keep(result)
    files.draw(lambda path, overwrite: _draw(result, path, overwrite))
    print_failures(
        [point.limit.status for point in result.points if has_failed(point.limit.status)], len(result.points)
    )
    if as_json:
        print_json(result.as_dict())
    else:
        _print(result)


def _draw(result: Projection, path: Path, overwrite: bool) -> None:
    from na64stat.plot.projection import save_projection_figure
    from na64stat.scenarios.registry import symbols

    save_projection_figure(result, symbols(result.scenario)[1], path, overwrite=overwrite)


def _load(run: RunChoice, scaling: str) -> Run:
    if run.background not in (None, "none") and scaling == "none":
        raise InputError(
            f"--background {run.background}: is left out with --mot-background none; expected per-mot or fixed with it"
        )
    return run.load()


def _print(result: Projection) -> None:
    unit = in_brackets(result.coupling_unit)
    click.echo(f"{headline(result)}: couplings{unit} excluded, and discovered if they are there; medians")
    thresholds = [f"{item.significance:g} sigma" for item in result.points[0].reach]
    table = plain_table("MOT", "m [GeV]", "limit", "+-1 sigma", "+-2 sigma", *thresholds, "excluded")
    for point in result.points:
        limit = point.limit
        ends = [_number(limit.coupling["median"])]
        ends += [
            f"{_number(limit.coupling[low])} - {_number(limit.coupling[high])}"
            for low, high in (("minus1", "plus1"), ("minus2", "plus2"))
        ]
        reach = [
            intervals_text(item.intervals) or ("failed" if has_failed(item.status) else "-") for item in point.reach
        ]
        excluded = intervals_text(limit.intervals["median"]) or limit.status
        excluded += artefact_text(limit, "median")
        table.add_row(f"{point.mot:.4g}", f"{point.mass:.4g}", *ends, *reach, excluded)
    print_table(table)
    print_artefact_note(point.limit for point in result.points)
    print_notes(result.notes)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3g}"


def _needed(
    scenario: ScenarioChoice,
    masses: list[float],
    couplings: list[float],
    source: tuple[Run, str],
    statistics: Statistics,
    as_json: bool,
) -> None:
    from na64stat.experiment.run import BackgroundScaling
    from na64stat.study.projection.mot_needed import mot_needed

    factory = scenario.resolve()
    asked = {"background": BackgroundScaling(source[1]), **statistics.for_study()}
    places = [(mass, coupling) for mass in masses for coupling in couplings]
    found = [
        mot_needed(factory(mass=mass, coupling=coupling), source[0], **asked)
        for mass, coupling in progress("muons needed")(places)
    ]
    if as_json:
        print_json({"kind": "muons_needed", "points": [item.as_dict() for item in found]})
    else:
        _print_needed(found)


def _print_needed(found: Sequence[MotNeeded]) -> None:
    first = found[0]
    unit = in_brackets(first.coupling_unit)
    title = (first.scenario, f"run {first.run}", " + ".join(first.regions), level_text(first.cl), first.method)
    click.echo(f"{', '.join(title)}, background {first.background}: muons on target from which on it always holds")
    table = plain_table("m [GeV]", f"g{unit}", *(need.verdict for need in first.needs), "")
    for item in found:
        reasons = [f"{need.verdict}: {need.reason}" for need in item.needs if need.reason]
        muons = ["-" if need.mot is None else f"{need.mot:.4g}" for need in item.needs]
        table.add_row(f"{item.mass:.4g}", f"{item.coupling:.3g}", *muons, "; ".join(reasons))
    print_table(table)
    print_notes(dict.fromkeys(note for item in found for note in item.notes))
