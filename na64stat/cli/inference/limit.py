"""`na64stat limit`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from na64stat.cli.figures import save_limits
from na64stat.cli.groups import command
from na64stat.cli.options.files import Files, with_files
from na64stat.cli.options.method import METHODS, announce_toys
from na64stat.cli.options.model import (
    OF_A_FILE,
    OF_A_SCENARIO,
    channels_text,
    is_file,
    model_of_file,
    named,
    refuse_options,
)
from na64stat.cli.options.numbers import numbers_option, span_option
from na64stat.cli.options.patch import PatchChoice, with_patch
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
from na64stat.cli.output import (
    artefact_text,
    busy,
    headline,
    held_text,
    level_text,
    plain_table,
    print_artefact_note,
    print_failures,
    print_json,
    print_notes,
    print_table,
    progress,
)
from na64stat.errors import InputError, Na64StatError
from na64stat.records.status import has_failed
from na64stat.text import in_brackets, intervals_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from na64stat.records.limits import LimitPoint, ScenarioLimits
    from na64stat.stats.results import Limit

_SHOWN_ERROR: Final = 1e-3
"""Smallest relative numerical error of a limit that is printed beside it."""


@command(
    epilog=examples(
        "limit axion-muon --mass 1e-3:0.2:40 --run 2022",
        "limit axion-muon --mass 1e-3:0.2:40 -o limits.json --figure limits.png",
        "limit ws.json --region invisible",
        "limit ws.json --region invisible --method toys --toys 50000 --store toys/",
        "limit b.json --patch patches.json --patch-name m1em01_g1em02 --cl 0.95",
    )
)
@with_scenario
@numbers_option("--mass", "Mass or masses [GeV]; repeated: each.")
@span_option(
    "--coupling",
    "Couplings between which edges are looked for, where a lifetime decides.",
)
@with_runs
@with_statistics(*METHODS)
@click.option("--each", is_flag=True, help="Each channel of a combination alone beside it: lowest excluded couplings.")
@with_patch
@with_files("The limits, JSON; `na64stat.load` reads them.", "limits")
@as_json
def limit(
    scenario: ScenarioChoice,
    mass: list[float] | None,
    coupling: tuple[float, float] | None,
    runs: RunsChoice,
    statistics: Statistics,
    each: bool,
    patch: PatchChoice,
    files: Files,
    as_json: bool,
) -> None:
    """Upper limits of a scenario, or of a workspace.

    SCENARIO gives limits on its coupling (GeV^-1 or 1) at each mass. A pyhf workspace FILE.json in its place gives the limit
    on the signal strength mu, all channels combined unless --region says otherwise. Where a lifetime depends on the coupling
    the excluded intervals are listed.
    """
    if is_file(scenario.text):
        refuse_options(OF_A_SCENARIO, f"the workspace file {scenario.text}", "it is for a scenario")
        _limit_of_file(Path(scenario.text), patch, statistics, files, as_json)
        return
    refuse_options(OF_A_FILE, f"the scenario {scenario.text}", "it is for a workspace file")
    from na64stat.study.limits import limits

    if mass is None:
        raise InputError("--mass: missing; expected a mass [GeV] or a range LO:HI:N, e.g. --mass 1e-3:1:40")
    if files.picture is not None and len(mass) < 2:
        raise InputError("--figure: one mass; a curve has two or more, e.g. --mass 1e-3:0.2:40")
    asked: dict[str, Any] = {
        "correlated": runs.correlated,
        "couplings": coupling,
        "track": progress("limits"),
        **statistics.for_study(),
    }
    if each:
        if files.data is not None or files.picture is not None:
            raise InputError("--each: writes no files; --json has all limits")
        from na64stat.study.each_channel import channels_alone

        _show_each(channels_alone(scenario.resolve(), runs.load(), mass, **asked), as_json)
        return
    with busy("limit") if len(mass) == 1 else contextlib.nullcontext():
        result = limits(scenario.resolve(), runs.load(), mass, **asked)
    failures = [point.status for point in result.points if has_failed(point.status)]
    print_failures(failures, len(result.points))
    files.keep(result)
    if as_json:
        print_json(result.as_dict())
    else:
        _print_scenario(result)
    files.draw_figure(lambda: _figure(result), "nothing is excluded at two masses or more: there is no curve")


def _figure(result: ScenarioLimits) -> Figure | None:
    from na64stat.figures.figure_of import figure_of

    return figure_of(result)


def _limit_of_file(path: Path, patch: PatchChoice, statistics: Statistics, files: Files, as_json: bool) -> None:
    from na64stat.stats.limits import check_cl, limit_of_model

    check_cl(statistics.cl)
    method = statistics.method.build()
    model = model_of_file(path, patch, statistics.regions)
    try:
        announce_toys(method, model)
        with busy(f"limit, {method.name}"):
            result = limit_of_model(model, method, statistics.cl)
    except Na64StatError as error:
        raise named(path, error, patch, len(model.channels)) from error
    regions = tuple(name for name in result.regions if name not in result.held)
    subject = f"{path}: {channels_text(regions)}{held_text(result.held)}"
    files.keep(result)
    files.draw(lambda path, overwrite: save_limits(path, overwrite, {result.method: result}, subject))
    if as_json:
        print_json(workspace_record(result))
        return
    criterion = ", CL_sb" if result.criterion == "cl_sb" else ""
    click.echo(f"{subject}, {level_text(result.cl)}, {result.method}{criterion}")
    click.echo(f"mu  observed  {limit_text(result)}")
    digits = 6 if result.error.limit < _SHOWN_ERROR else 4
    expected = {name: bound_text(value, digits) for name, value in result.expected.as_dict().items()}
    if len(set(expected.values())) == 1:
        expected = {"expected": expected["median"]}
    for name, text in expected.items():
        click.echo(f"mu  {name:8}  {text}")
    print_notes(result.notes)


def limit_text(result: Limit, digits: int = 6) -> str:
    """The observed limit or interval, with its numerical error where that can be seen."""
    value, relative = result.observed, result.error.limit
    if value is None or (result.lower is not None and result.lower == 0):
        return bound_text(value, digits)
    if result.lower is not None:
        return f"{result.lower:.{digits}g} to {value:.{digits}g}"
    if relative < _SHOWN_ERROR:
        return bound_text(value, digits)
    return f"< {value:.4g} +- {float(f'{value * relative:.1g}'):g}"


def bound_text(value: float | None, digits: int = 6) -> str:
    """An upper bound."""
    return "none" if value is None else f"< {value:.{digits}g}"


def workspace_record(result: Limit) -> dict[str, Any]:
    """JSON form of the limit of a workspace."""
    error = result.error
    return {
        "cl": result.cl,
        "method": result.method,
        "criterion": result.criterion,
        "regions": list(result.regions),
        "held": list(result.held),
        "mu": {"observed": result.observed, **result.expected.as_dict()},
        "lower": result.lower,
        "crossings": list(result.crossings),
        "error": {
            "cl_s": error.cl_s,
            "limit": error.limit,
            "counts_left_out": error.counts_left_out,
            "refitted": error.refitted,
            "failed": error.failed,
        },
        "notes": list(result.notes),
    }


def _show_each(found: Mapping[str, ScenarioLimits], as_json: bool) -> None:
    if as_json:
        print_json({"kind": "channels", "channels": {label: item.as_dict() for label, item in found.items()}})
        return
    from na64stat.records.asked import Asked

    first = next(iter(found.values()))
    unit = in_brackets(first.coupling_unit)
    title = ", ".join((first.scenario, level_text(first.cl), first.method, *Asked.of(first).departures))
    click.echo(f"{title}: lowest excluded coupling{unit}; observed, or * the median expected")
    table = plain_table("m [GeV]", *found, "")
    for number, point in enumerate(first.points):
        table.add_row(f"{point.mass:.4g}", *(_lowest(item.points[number], item.verdict) for item in found.values()), "")
    print_table(table)
    for label, item in found.items():
        print_notes(f"{label}: {note}" for note in item.notes)


def _lowest(point: LimitPoint, verdict: str) -> str:
    if has_failed(point.status):
        return "failed"
    value = point.coupling[verdict]
    return "-" if value is None else f"{value:.3g}" + ("" if verdict == "observed" else "*")


def _print_scenario(result: ScenarioLimits) -> None:
    unit = in_brackets(result.coupling_unit)
    click.echo(f"{headline(result)}: lowest excluded coupling{unit}")
    levels = list(result.points[0].coupling)
    expected = [level for level in levels if level != "observed"]
    coincide = all(len({point.coupling[level] for level in expected}) == 1 for point in result.points)
    shown = [level for level in levels if level not in expected[1:]] if coincide else levels
    titles = ["expected" if coincide and level in expected else level for level in shown]
    table = plain_table("m [GeV]", *titles, "excluded")
    for point in result.points:
        couplings = (point.coupling[level] for level in shown)
        values = ["-" if value is None else f"{value:.3g}" for value in couplings]
        found = intervals_text(point.intervals[result.verdict])
        table.add_row(f"{point.mass:.4g}", *values, (found or point.status) + artefact_text(point, result.verdict))
    print_table(table)
    print_artefact_note(result.points)
    print_notes(result.notes)
