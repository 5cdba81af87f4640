"""`na64stat cross-section`, `predict` and `workspace`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from na64stat.cli.groups import command
from na64stat.cli.options.choice import Choice
from na64stat.cli.options.files import Files, with_files
from na64stat.cli.options.model import OF_A_SCENARIO, is_file, refuse_options
from na64stat.cli.options.numbers import numbers_option, one_number
from na64stat.cli.options.patch import read_workspace
from na64stat.cli.options.point import at_coupling
from na64stat.cli.options.scenario_run import (
    RunChoice,
    ScenarioChoice,
    as_json,
    examples,
    find_average,
    run_option,
    with_depth_average,
    with_run,
    with_scenario,
    with_scenario_options,
)
from na64stat.cli.output import (
    plain_table,
    print_json,
    print_notes,
    print_table,
    with_unit,
)
from na64stat.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from na64stat.experiment.run import Run
    from na64stat.scenarios.base import Scenario
    from na64stat.template import Template

PROCESSES: Final = ["vector", "scalar", "pseudoscalar", "photon_fusion", "dark_pair"]


@command("cross-section", epilog=examples("cross-section pseudoscalar --mass 0.1 --x-min 0.5"))
@click.argument("process", type=Choice(PROCESSES), metavar="PROCESS")
@numbers_option("--mass", "Mass or masses [GeV]; of chi for dark_pair; repeated: each.", required=True)
@click.option("--x-min", default=0.0, show_default=True, help="Smallest energy fraction x, in [0, 1).")
@run_option
@as_json
def cross_section(process: str, mass: list[float], x_min: float, run_name: str, as_json: bool) -> None:
    """Total cross section per coupling squared.

    PROCESS is vector, scalar, pseudoscalar, photon_fusion or dark_pair. On a nucleus of the run's target at the run's beam
    energy, in pb; photon_fusion in pb GeV^2 (coupling in GeV^-1). theta < 0.1, no smearing. With a range of masses the JSON
    values are lists.
    """
    from na64stat import units
    from na64stat.physics.cross_sections import total_cross_section

    run = RunChoice(run_name).load()
    for value in mass:
        _check_reach(process, value, run.beam_energy)
    natural = total_cross_section(process, mass, run.beam_energy, run.target.nucleus, x_min=x_min)
    sigma = (natural * units.GEV2_TO_PB).tolist()
    unit = "pb GeV^2" if process == "photon_fusion" else "pb"
    if as_json:
        one = len(mass) == 1
        print_json(
            {
                "process": process,
                "mass_gev": mass[0] if one else mass,
                "x_min": x_min,
                "sigma_pb": sigma[0] if one else sigma,
                "unit": unit,
            }
        )
        return
    click.echo(f"{process}, run {run.name}, x > {x_min:g}")
    table = plain_table("m [GeV]", f"sigma/g^2 [{unit}]")
    for value, result in zip(mass, sigma, strict=True):
        table.add_row(f"{value:.6g}", f"{result:.6g}")
    print_table(table)


def _check_reach(process: str, mass: float, beam_energy: float) -> None:
    from na64stat.physics.kinematics import energy_fraction_limits

    made = 2 if process == "dark_pair" else 1
    low, high = energy_fraction_limits(made * mass, beam_energy)
    if not low < high:
        raise InputError(
            f"{process}: mass = {mass:g} GeV is beyond the reach of a {beam_energy:g} GeV beam; the mass"
            f"{' of both together' if made > 1 else ''} must be below the beam energy"
        )


@command(epilog=examples("predict axion-photon --mass 0.01 --coupling 1e-3 --run 2022"))
@with_scenario
@numbers_option("--mass", "Mass [GeV].", required=True)
@numbers_option("--coupling", "Coupling, in the scenario's unit (GeV^-1 or 1).", required=True)
@with_run
@with_depth_average
@with_files("The prediction, JSON.", "expected signal in the plane of E_CAL and p_out")
@as_json
def predict(
    scenario: ScenarioChoice,
    mass: list[float],
    coupling: list[float],
    run: RunChoice,
    depth_average: str,
    files: Files,
    as_json: bool,
) -> None:
    """Expected signal events in each region, and the background.

    After efficiency, split into decays that are seen and particles that escape; in JSON, `variations` are the events at -1
    and +1 sigma of each uncertainty.
    """
    from na64stat.study.depth_test import note_at
    from na64stat.yields.growth import strong_coupling
    from na64stat.yields.predict import predict as predict_template

    factory = scenario.resolve()
    point = factory(mass=one_number(mass, "--mass"), coupling=one_number(coupling, "--coupling"))
    loaded = run.load()
    template = predict_template(point, loaded, average=find_average(depth_average))
    regions = tuple(template.regions)
    notes = (
        *strong_coupling(point, [point.coupling]),
        *note_at(point, (loaded,), regions, find_average(depth_average)),
    )
    record = _record(template, loaded) | {"notes": list(notes)}
    files.keep_record(record)
    files.draw_figure(lambda: _plane_figure(template, loaded, point), "")
    if as_json:
        print_json(record)
        return
    coupling_text = with_unit(template.coupling, point.coupling_unit)
    click.echo(f"{template.scenario}, m = {template.mass:g} GeV, g = {coupling_text}, run {template.run}")
    table = plain_table("region", "events", "visible", "invisible", "background")
    for name, counts in template.regions.items():
        background = loaded.region(name).background.events
        table.add_row(
            name, *(f"{value:.5g}" for value in (counts.events, counts.visible, counts.invisible, background))
        )
    print_table(table)
    effects = ", ".join(f"{effect} {(up - 1):+.3g}" for effect, (_, up) in template.variations.items())
    click.echo(f"relative uncertainties: {effects}")
    print_notes(notes)


def _plane_figure(template: Template, run: Run, point: Scenario) -> Figure:
    from na64stat.plot.plane import draw_plane
    from na64stat.plot.style import house_style, new_figure
    from na64stat.text import literal

    with house_style():
        figure = new_figure(7.0)
        draw_plane(figure.add_subplot(), template.plane, [part.region for part in run.regions.values()])
        coupling = with_unit(template.coupling, point.coupling_unit)
        title = f"{template.scenario}, m = {template.mass:g} GeV, g = {coupling}, run {template.run}"
        figure.suptitle(literal(title), fontsize=7.5)
    return figure


def _record(template: Template, run: Run) -> dict[str, Any]:
    """JSON form of a prediction."""
    return {
        "scenario": template.scenario,
        "mass_gev": template.mass,
        "coupling": template.coupling,
        "run": template.run,
        "regions": {
            name: {
                "events": counts.events,
                "visible": counts.visible,
                "invisible": counts.invisible,
                "background": run.region(name).background.events,
                "variations": {
                    effect: [down * counts.events, up * counts.events]
                    for effect, (down, up) in template.variations.items()
                },
            }
            for name, counts in template.regions.items()
        },
    }


@command(
    epilog=examples(
        "workspace axion-muon --mass 0.1 --coupling 5e-3 --run 2023 -o 2023.json",
        "workspace axion-muon --mass 0.1 --coupling 5e-3 --run mot1e12 -o later.json",
        "workspace 2023.json later.json -o both.json",
        "workspace 2023.json later.json --uncorrelated cross_section -o apart.json",
    )
)
@click.argument("subjects", nargs=-1, metavar="SCENARIO | FILE FILE...")
@with_scenario_options
@numbers_option("--mass", "Mass [GeV].")
@numbers_option(
    "--coupling",
    "Coupling at mu = 1 (GeV^-1 or 1); default, where the yield is a power of it: one signal event in all.",
)
@click.option("--region", "regions", multiple=True, metavar="NAME", help="Region; repeated for several channels.")
@with_run
@with_depth_average
@click.option(
    "--uncorrelated",
    multiple=True,
    metavar="NAME",
    help="Nuisance parameter that each FILE has for itself; repeatable.",
)
@with_files("The workspace, JSON; default standard output.")
@as_json
def workspace(
    subjects: tuple[str, ...],
    scenario: ScenarioChoice,
    mass: list[float] | None,
    coupling: list[float] | None,
    regions: tuple[str, ...],
    run: RunChoice,
    depth_average: str,
    uncorrelated: tuple[str, ...],
    files: Files,
    as_json: bool,
) -> None:
    """Write a pyhf workspace of a scenario, or of several.

    One channel per region, by default the scenario's own; the parameter of interest mu multiplies the signal of
    --coupling. With --json the workspace stands in an object beside its scenario, mass, coupling and run.

    FILE FILE... are combined: one limit on their common signal strength. Nuisance parameters of the same name are one parameter,
    unless --uncorrelated names them; channels of the same name are told apart by the names of their files.
    """
    if subjects and all(is_file(name) for name in subjects):
        refuse_options((*OF_A_SCENARIO, "--region"), f"the workspace file {subjects[0]}", "it is for a scenario")
        _combined(subjects, uncorrelated, files, as_json)
        return
    refuse_options(("--uncorrelated",), "a scenario", "it is for workspace files")
    scenario = scenario.of(subjects)
    if mass is None:
        raise InputError(f"--mass: missing; {scenario.text} needs a mass [GeV], e.g. --mass 0.1")
    from na64stat.stats.likelihood.workspace import build_workspace
    from na64stat.study.depth_test import note_at
    from na64stat.yields.predict import predict as predict_template

    loaded = run.load()
    point = at_coupling(scenario.resolve(), one_number(mass, "--mass"), coupling, [loaded])
    template = predict_template(point, loaded, average=find_average(depth_average))
    result = build_workspace(template, loaded, regions or point.default_regions)
    names = [channel["name"] for channel in result["channels"]]
    notes = note_at(point, (loaded,), names, find_average(depth_average))
    _explain(result, point, loaded)
    for note in notes:
        click.echo(f"note: {note}", err=True)
    head = {"scenario": point.name, "mass_gev": point.mass, "coupling": point.coupling, "run": loaded.name}
    _hand_over(result, {**head, "workspace": result, "notes": list(notes)}, files, as_json)


def _hand_over(result: dict[str, Any], record: dict[str, Any], files: Files, as_json: bool) -> None:
    """The workspace into its file, or onto standard output; with --json the record."""
    from na64stat.files import to_json, write_text

    if files.data is not None:
        write_text(files.data.path, to_json(result), overwrite=files.data.overwrite)
        click.echo(f"wrote {files.data.path}", err=True)
    if as_json:
        print_json(record)
    elif files.data is None:
        click.echo(to_json(result), nl=False)


def _combined(names: tuple[str, ...], uncorrelated: tuple[str, ...], files: Files, as_json: bool) -> None:
    from na64stat.stats.combine import combine

    if len(names) < 2:
        raise InputError(
            f"workspace: {names[0]} alone; expected a scenario, or two workspace files and more to combine"
        )
    labels = [Path(name).stem for name in names]
    if len(set(labels)) != len(labels):
        raise InputError(f"workspace: files {', '.join(names)}; expected different names, they tell the channels apart")
    workspaces = {label: read_workspace(Path(name)) for label, name in zip(labels, names, strict=True)}
    result = combine(workspaces, uncorrelated)
    _hand_over(result, {"labels": labels, "uncorrelated": list(uncorrelated), "workspace": result}, files, as_json)


def _explain(workspace: dict[str, Any], point: Scenario, run: Run) -> None:
    """Say what a reader of the workspace could not know, on standard error."""
    from na64stat.stats.likelihood.workspace import BACKGROUND_FLOOR

    names = [channel["name"] for channel in workspace["channels"]]
    floored = [name for name in names if run.region(name).background.events < BACKGROUND_FLOOR]
    if floored:
        text = f"background 0 in {', '.join(floored)}: written as {BACKGROUND_FLOOR:g} events, pyhf needs a rate"
        click.echo(f"note: {text}", err=True)
    if workspace["measurements"][0]["name"] == "projection":
        click.echo(f"note: run {run.name} has no observation: the observations are its background", err=True)
    click.echo(f"note: mu = 1 is coupling {with_unit(point.coupling, point.coupling_unit)}", err=True)
