"""`na64stat cross-section`, `predict` and `workspace`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from na64stat.cli.options import (
    RANGE,
    as_json,
    find_average,
    find_run,
    find_scenario,
    one_number,
    overwrite,
    print_json,
    with_depth_average,
    with_run,
    with_scenario,
)
from na64stat.errors import InputError, ScenarioError

if TYPE_CHECKING:
    from na64stat.experiment.run import Run
    from na64stat.scenarios.base import Scenario, ScenarioFactory

PROCESSES = ["vector", "scalar", "pseudoscalar", "photon_fusion", "dark_pair"]


@click.command("cross-section", epilog="Example: na64stat cross-section pseudoscalar --mass 0.1 --x-min 0.5")
@click.argument("process", type=click.Choice(PROCESSES))
@click.option("--mass", type=RANGE, required=True, help="Mass [GeV]; of chi for dark_pair.")
@click.option("--x-min", default=0.0, show_default=True, help="Smallest energy fraction x, in [0, 1).")
@with_run
@as_json
def cross_section(
    process: str, mass: list[float], x_min: float, run_name: str, background: str | None, as_json: bool
) -> None:
    """Total cross section per coupling squared.

    On a nucleus of the target, in pb; photon_fusion in pb GeV^2 (coupling in GeV^-1). theta < 0.1, no smearing.
    With a range of masses the JSON values are lists.
    """
    from na64stat import units
    from na64stat.physics.cross_sections import total_cross_section

    run = find_run(run_name, background)
    for value in mass:
        _check_reach(process, value, run)
    sigma = [
        float(total_cross_section(process, value, run.beam_energy, run.target.nucleus, x_min=x_min)) * units.GEV2_TO_PB
        for value in mass
    ]
    if as_json:
        many = len(mass) > 1
        print_json(
            {
                "process": process,
                "mass_gev": mass if many else mass[0],
                "x_min": x_min,
                "sigma_pb": sigma if many else sigma[0],
                "unit": "pb GeV^2" if process == "photon_fusion" else "pb",
            }
        )
        return
    for value, result in zip(mass, sigma, strict=True):
        click.echo(f"{value:<12.6g} GeV  {result:.6g} {'pb GeV^2' if process == 'photon_fusion' else 'pb'}")


def _check_reach(process: str, mass: float, run: Run) -> None:
    lightest = 2 * mass if process == "dark_pair" else mass
    if lightest >= run.beam_energy:
        raise InputError(f"{process}: mass = {mass:g} GeV is beyond the reach of a {run.beam_energy:g} GeV beam")


@click.command(epilog="Example: na64stat predict axion-photon --mass 0.01 --coupling 1e-3 --run 2022")
@with_scenario
@click.option("--mass", type=RANGE, required=True, help="Mass [GeV].")
@click.option("--coupling", type=RANGE, required=True, help="Coupling, in the scenario's unit (GeV^-1 or 1).")
@with_run
@with_depth_average
@as_json
def predict(
    scenario: str | None,
    scenario_option: str | None,
    loop_decay: bool,
    mass: list[float],
    coupling: list[float],
    run_name: str,
    background: str | None,
    depth_average: str,
    as_json: bool,
) -> None:
    """Expected signal events in each region.

    After efficiency, split into decays that are seen and particles that escape; `variations` are the events at -1 and +1
    sigma of each uncertainty.
    """
    from na64stat.yields.predict import predict as predict_template

    factory = find_scenario(scenario, scenario_option, loop_decay)
    run = find_run(run_name, background)
    point = factory(mass=one_number(mass, "--mass"), coupling=one_number(coupling, "--coupling"))
    template = predict_template(point, run, average=find_average(depth_average))
    record: dict[str, Any] = {
        "scenario": template.scenario,
        "mass_gev": template.mass,
        "coupling": template.coupling,
        "run": template.run,
        "regions": {
            name: {
                "events": counts.events,
                "visible": counts.visible,
                "invisible": counts.invisible,
                "variations": {
                    effect: [down * counts.events, up * counts.events]
                    for effect, (down, up) in template.variations.items()
                },
            }
            for name, counts in template.regions.items()
        },
    }
    if as_json:
        print_json(record)
        return
    click.echo(
        f"{template.scenario}, m = {template.mass:g} GeV, g = {template.coupling:g} {point.coupling_unit}, run {run.name}"
    )
    click.echo(f"{'region':16} {'events':>12} {'visible':>12} {'invisible':>12}")
    for name, counts in template.regions.items():
        click.echo(f"{name:16} {counts.events:12.5g} {counts.visible:12.5g} {counts.invisible:12.5g}")
    effects = ", ".join(f"{effect} {(up - 1):+.0%}" for effect, (_, up) in template.variations.items())
    click.echo(f"uncertainties: {effects}")


@click.command(epilog="Example: na64stat workspace axion-muon --mass 0.1 --coupling 5e-3 --run 2022 -o ws.json")
@with_scenario
@click.option("--mass", type=RANGE, required=True, help="Mass [GeV].")
@click.option(
    "--coupling",
    type=RANGE,
    help="Coupling at mu = 1; default, where the yield is a power of it: one signal event in all.",
)
@click.option("--region", "regions", multiple=True, metavar="NAME", help="Region; repeated for several channels.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File; default standard output.")
@overwrite
@with_run
@with_depth_average
@as_json
def workspace(
    scenario: str | None,
    scenario_option: str | None,
    loop_decay: bool,
    mass: list[float],
    coupling: list[float] | None,
    regions: tuple[str, ...],
    output: Path | None,
    overwrite: bool,
    run_name: str,
    background: str | None,
    depth_average: str,
    as_json: bool,
) -> None:
    """Write a pyhf workspace.

    One channel per region; the parameter of interest mu multiplies the signal of --coupling.
    """
    from na64stat.files import to_json, write_text
    from na64stat.stats.workspace import BACKGROUND_FLOOR, build_workspace
    from na64stat.yields.predict import predict as predict_template

    run = find_run(run_name, background)
    point = _at_coupling(
        find_scenario(scenario, scenario_option, loop_decay), one_number(mass, "--mass"), coupling, run
    )
    template = predict_template(point, run, average=find_average(depth_average))
    result = build_workspace(template, run, regions or None)
    floored = [
        item["name"] for item in result["channels"] if run.region(item["name"]).background.events < BACKGROUND_FLOOR
    ]
    if floored:
        click.echo(
            f"background 0 in {', '.join(floored)}: written as {BACKGROUND_FLOOR:g} events, pyhf needs a rate", err=True
        )
    if result["measurements"][0]["name"] == "projection":
        click.echo(f"run {run.name} has no observation: the observations are its background", err=True)
    click.echo(f"mu = 1 is coupling {point.coupling:.6g} {point.coupling_unit}", err=True)
    if output is not None:
        write_text(output, to_json(result), overwrite=overwrite)
        click.echo(f"wrote {output}", err=True)
    if as_json:
        head = {"scenario": point.name, "mass_gev": point.mass, "coupling": point.coupling, "run": run.name}
        print_json({**head, "workspace": result})
    elif output is None:
        click.echo(to_json(result), nl=False)


def _at_coupling(factory: ScenarioFactory, mass: float, coupling: list[float] | None, run: Run) -> Scenario:
    from na64stat.yields.predict import region_events

    if coupling is not None:
        return factory(mass=mass, coupling=one_number(coupling, "--coupling"))
    import numpy as np

    probe = factory(mass=mass, coupling=1.0)
    if probe.yield_power is None:
        raise ScenarioError(
            f"{probe.name} at mass {mass:g} GeV: its yield is no power of the coupling; give --coupling"
        )
    total = sum(float(values[0]) for values in region_events(probe, run, np.ones(1), probe.default_regions).values())
    if total == 0:
        raise ScenarioError(f"{probe.name} at mass {mass:g} GeV: no signal in {', '.join(probe.default_regions)}")
    return probe.at(coupling=probe.coupling_at(1 / total))
