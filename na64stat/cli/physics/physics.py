"""`na64stat cross-section`, `predict` and `workspace`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from na64stat.cli.options.choice import Choice
from na64stat.cli.options.numbers import numbers_option, one_number
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
)
from na64stat.cli.output import (
    Output,
    output_option,
    overwrite_option,
    plain_table,
    print_json,
    print_notes,
    print_table,
    with_unit,
)
from na64stat.errors import InputError

if TYPE_CHECKING:
    from na64stat.experiment.run import Run
    from na64stat.scenarios.base import Scenario
    from na64stat.template import Template

PROCESSES: Final = ["vector", "scalar", "pseudoscalar", "photon_fusion", "dark_pair"]


@click.command("cross-section", epilog=examples("cross-section pseudoscalar --mass 0.1 --x-min 0.5"))
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


@click.command(epilog=examples("predict axion-photon --mass 0.01 --coupling 1e-3 --run 2022"))
@with_scenario
@numbers_option("--mass", "Mass [GeV].", required=True)
@numbers_option("--coupling", "Coupling, in the scenario's unit (GeV^-1 or 1).", required=True)
@with_run
@with_depth_average
@as_json
def predict(
    scenario: ScenarioChoice,
    mass: list[float],
    coupling: list[float],
    run: RunChoice,
    depth_average: str,
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
    if as_json:
        print_json(_record(template, loaded) | {"notes": list(notes)})
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


@click.command(epilog=examples("workspace axion-muon --mass 0.1 --coupling 5e-3 --run 2022 -o ws.json"))
@with_scenario
@numbers_option("--mass", "Mass [GeV].", required=True)
@numbers_option(
    "--coupling",
    "Coupling at mu = 1 (GeV^-1 or 1); default, where the yield is a power of it: one signal event in all.",
)
@click.option("--region", "regions", multiple=True, metavar="NAME", help="Region; repeated for several channels.")
@output_option("File, JSON; default standard output.")
@overwrite_option
@with_run
@with_depth_average
@as_json
def workspace(
    scenario: ScenarioChoice,
    mass: list[float],
    coupling: list[float] | None,
    regions: tuple[str, ...],
    output: str | None,
    overwrite: bool,
    run: RunChoice,
    depth_average: str,
    as_json: bool,
) -> None:
    """Write a pyhf workspace.

    One channel per region, by default all that share no events; the parameter of interest mu multiplies the signal of
    --coupling. With --json the workspace stands in an object beside its scenario, mass, coupling and run.
    """
    from na64stat.files import to_json, write_text
    from na64stat.stats.likelihood.workspace import build_workspace
    from na64stat.study.depth_test import note_at
    from na64stat.yields.predict import predict as predict_template

    file = None if output is None else Output.of(output, overwrite)
    loaded = run.load()
    point = at_coupling(scenario.resolve(), one_number(mass, "--mass"), coupling, [loaded])
    template = predict_template(point, loaded, average=find_average(depth_average))
    result = build_workspace(template, loaded, regions or None)
    names = [channel["name"] for channel in result["channels"]]
    notes = note_at(point, (loaded,), names, find_average(depth_average))
    _explain(result, point, loaded)
    for note in notes:
        click.echo(f"note: {note}", err=True)
    if file is not None:
        write_text(file.path, to_json(result), overwrite=file.overwrite)
        click.echo(f"wrote {file.path}", err=True)
    if as_json:
        head = {"scenario": point.name, "mass_gev": point.mass, "coupling": point.coupling, "run": loaded.name}
        print_json({**head, "workspace": result, "notes": list(notes)})
    elif file is None:
        click.echo(to_json(result), nl=False)


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
