"""`na64stat limits list` and `limits show`: the existing limits of other experiments."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

import click

from na64stat.cli.options import as_json, examples
from na64stat.cli.output import plain_table, print_json, print_table, with_unit
from na64stat.errors import InputError

if TYPE_CHECKING:
    from na64stat.limits_library.existing import ExistingLimit

SCENARIOS: Final = ("axion-photon", "axion-muon", "dark-sector", "zprime")
"""Scenarios with a table of existing limits."""

own_file = click.option(
    "--file", "files", multiple=True, metavar="FILE", help="Limits of your own, CSV; repeated for several."
)


@click.group()
def limits() -> None:
    r"""List and show the existing limits of other experiments.

    \b
    na64stat limits list axion-photon
    na64stat limits show dark-sector LSND
    """


@limits.command("list", epilog=examples("limits list axion-photon", "limits list --file mine.csv"))
@click.argument("scenario", required=False)
@own_file
@as_json
def list_limits(scenario: str | None, files: tuple[str, ...], as_json: bool) -> None:
    """List existing limits with their ranges and references.

    SCENARIO is axion-photon, axion-muon, dark-sector or zprime; without it all of them, or those of --file alone. Masses in GeV.
    A CSV of your own has the columns experiment, part, reference, shape (contour or lower_edge), point (curve, border, ...),
    mass_gev, coupling and unit (GeV^-1 or 1).
    """
    names = [_scenario(scenario)] if scenario else [] if files else list(SCENARIOS)
    found = [(name, limit) for name in names for limit in _known(name)]
    found += [("", limit) for name in files for limit in _own(name)]
    if as_json:
        print_json({"kind": "existing limits", "limits": [_record(name, limit) for name, limit in found]})
        return
    table = plain_table("scenario", "experiment", "shape", "m [GeV]", "coupling", "unit", "reference")
    for name, limit in found:
        ends = (f"{min(values):.3g} - {max(values):.3g}" for values in (limit.mass, limit.coupling))
        table.add_row(name or "your file", limit.experiment, limit.shape, *ends, limit.unit, limit.reference)
    print_table(table)


@limits.command(epilog=examples("limits show dark-sector LSND", "limits show axion-muon '(g-2)_muon' --mass 0.1"))
@click.argument("scenario", required=False)
@click.argument("experiment", required=False)
@click.option("--mass", type=float, help="Only the lowest excluded coupling at this mass [GeV].")
@own_file
@as_json
def show(
    scenario: str | None, experiment: str | None, mass: float | None, files: tuple[str, ...], as_json: bool
) -> None:
    """Show the points of one experiment's limits.

    SCENARIO and EXPERIMENT as in `na64stat limits list`. With --file EXPERIMENT stands alone.
    """
    if files and experiment is None:
        scenario, experiment = None, scenario
    if experiment is None or not (scenario or files):
        raise InputError("limits show: a SCENARIO and an EXPERIMENT are needed; na64stat limits list shows them")
    every = [("", limit) for name in files for limit in _own(name)]
    if scenario:
        every += [(scenario, limit) for limit in _known(_scenario(scenario))]
    chosen = [(name, limit) for name, limit in every if limit.experiment.lower() == experiment.lower()]
    if not chosen:
        raise InputError(_unknown("experiment", experiment, dict.fromkeys(limit.experiment for _, limit in every)))
    if as_json:
        records = [_record(name, limit, points=True, mass=mass) for name, limit in chosen]
        print_json({"kind": "existing limits", "limits": records})
        return
    for name, limit in chosen:
        click.echo(f"{limit.experiment}: {limit.reference}")
        click.echo(_about(name, limit))
        if mass is not None:
            lowest = limit.lowest(mass)
            answer = "says nothing" if lowest is None else f"excludes from {with_unit(lowest, limit.unit)}"
            click.echo(f"at {mass:g} GeV: {answer}")
            continue
        table = plain_table("m [GeV]", "coupling" if limit.unit == "1" else f"coupling [{limit.unit}]")
        for m, g in zip(limit.mass, limit.coupling, strict=True):
            table.add_row(f"{m:.6g}", f"{g:.6g}")
        print_table(table)


def _about(name: str, limit: ExistingLimit) -> str:
    """Shape and origin in words."""
    shape = "closed region" if limit.shape == "contour" else "lower edge: every coupling above it is excluded"
    if limit.computed:
        return f"{shape}; computed from measurement and prediction"
    if not name:
        return f"{shape}; from your file"
    if name == "dark-sector":
        converted = "a bound on the charge, turned into g_Z' g_chi through the muon and tau loops, arXiv:2501.06294, eq. (13)"
        return f"{shape}; {converted}"
    return f"{shape}; read off a published figure, good to about 10%"


def _record(name: str, limit: ExistingLimit, *, points: bool = False, mass: float | None = None) -> dict[str, Any]:
    record: dict[str, Any] = {
        "scenario": name or None,
        "experiment": limit.experiment,
        "reference": limit.reference,
        "shape": limit.shape,
        "unit": limit.unit,
        "computed": limit.computed,
        "mass_range_gev": [min(limit.mass), max(limit.mass)],
        "coupling_range": [min(limit.coupling), max(limit.coupling)],
    }
    if points:
        record |= {"mass_gev": list(limit.mass), "coupling": list(limit.coupling)}
    if mass is not None:
        record["lowest"] = {"mass_gev": mass, "coupling": limit.lowest(mass)}
    return record


def _scenario(name: str) -> str:
    if name not in SCENARIOS:
        raise InputError(_unknown("scenario", name, SCENARIOS))
    return name


def _unknown(what: str, name: str, known: Any) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"limits: no {what} {name!r} with existing limits; {hint}there are {', '.join(names)}"


def _known(name: str) -> tuple[ExistingLimit, ...]:
    from na64stat.limits_library.library import known_limits

    return known_limits(name)


def _own(path: str) -> tuple[ExistingLimit, ...]:
    from na64stat.limits_library.library import read_limits

    return read_limits(path)
