"""`na64stat existing list` and `existing show`: the existing limits of other experiments."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import click

from na64stat.cli.groups import Commands
from na64stat.cli.options.scenario_run import as_json, examples
from na64stat.cli.output import plain_table, print_json, print_table, with_unit
from na64stat.errors import ComputationError, InputError
from na64stat.text import in_brackets

if TYPE_CHECKING:
    from na64stat.limits_library.existing import ExistingLimit
    from na64stat.limits_library.g_minus_2 import FavouredBand

SCENARIOS: Final = ("axion-photon", "axion-muon", "dark-sector", "zprime", "muon-scalar", "muon-pseudoscalar")
"""Scenarios with a table of existing limits, or a bound of (g-2)_muon."""

own_file = click.option(
    "--file", "files", multiple=True, metavar="FILE", help="Limits of your own, CSV; repeated for several."
)
which_prediction = click.option(
    "--prediction", metavar="NAME", help="Prediction of (g-2)_muon: white-paper-2025 (the default) or white-paper-2020."
)


@click.group(
    cls=Commands, no_args_is_help=False, epilog=examples("existing list axion-photon", "existing show dark-sector LSND")
)
def existing() -> None:
    """List and show the existing limits of other experiments."""


@existing.command("list", epilog=examples("existing list axion-photon", "existing list --file mine.csv"))
@click.argument("scenario", required=False)
@own_file
@which_prediction
@as_json
def list_limits(scenario: str | None, files: tuple[str, ...], prediction: str | None, as_json: bool) -> None:
    """List existing limits with their ranges and references.

    SCENARIO is axion-photon, axion-muon, dark-sector, zprime, muon-scalar or muon-pseudoscalar; without it all of them, or those
    of --file alone. Masses in GeV. What (g-2) of the muon says is computed. A CSV of your own has the columns experiment, part,
    reference, shape (contour or lower_edge), point (curve, border or assumed), mass_gev, coupling and unit (GeV^-1 or 1).
    """
    names = [_scenario(scenario)] if scenario else [] if files else list(SCENARIOS)
    found, notes = [], []
    for name in names:
        try:
            found += [(name, limit) for limit in _known(name, prediction)]
        except ComputationError as error:
            found += [(name, limit) for limit in _tabulated(name)]
            notes.append(f"{name}: {error}")
    bands = [band for name in names if (band := _band(name, prediction))]
    found += [("", limit) for name in files for limit in _own(name)]
    notes += _about_g_minus_2(found, prediction)
    if as_json:
        record = {
            "kind": "existing limits",
            "limits": [_record(name, limit) for name, limit in found],
            "favoured": bands,
            "notes": notes,
        }
        print_json(record)
        return
    table = plain_table("scenario", "experiment", "shape", "m [GeV]", "coupling", "unit", "BibTeX keys", "reference")
    for name, limit in found:
        ends = (f"{min(values):.3g} - {max(values):.3g}" for values in (limit.mass, limit.coupling))
        keys = ", ".join(limit.bibtex_keys) or "-"
        table.add_row(name or "your file", limit.experiment, limit.shape, *ends, limit.unit, keys, limit.reference)
    for band in bands:
        ends = (f"{min(low):.3g} - {max(high):.3g}" for low, high in ((band.mass, band.mass), (band.low, band.high)))
        what = f"favoured by {band.prediction} within {band.z:g} standard deviations; excludes nothing"
        table.add_row(band.scenario, "(g-2)_muon", "favoured", *ends, band.unit, "-", what)
    print_table(table)
    _print_remarks(notes)


@existing.command(epilog=examples("existing show dark-sector LSND", "existing show axion-muon '(g-2)_muon' --mass 0.1"))
@click.argument("scenario", required=False)
@click.argument("experiment", required=False)
@click.option("--mass", type=float, help="Only the lowest excluded coupling at this mass [GeV].")
@own_file
@which_prediction
@click.option("--bibtex", is_flag=True, help="BibTeX of the papers, and nothing else.")
@as_json
def show(
    scenario: str | None,
    experiment: str | None,
    mass: float | None,
    files: tuple[str, ...],
    prediction: str | None,
    bibtex: bool,
    as_json: bool,
) -> None:
    """Show the points of one experiment's limits.

    SCENARIO and EXPERIMENT as in `na64stat existing list`. With --file EXPERIMENT stands alone. Masses in GeV. A point is read
    from the curve, or at the border of the figure that it was read from, or assumed.

    """
    if files and experiment is None:
        scenario, experiment = None, scenario
    if experiment is None or not (scenario or files):
        raise InputError("existing show: expected a SCENARIO and an EXPERIMENT; na64stat existing list shows them")
    chosen = _chosen(scenario, experiment, files, prediction)
    if as_json:
        records = [_record(name, limit, points=True, mass=mass) for name, limit in chosen]
        notes = _about_g_minus_2(chosen, prediction)
        print_json({"kind": "existing limits", "limits": records, "notes": notes})
        return
    if bibtex:
        _print_bibtex(chosen)
        return
    for name, limit in chosen:
        click.echo(f"{limit.experiment}: {limit.reference}")
        click.echo(_about(name, limit))
        if mass is not None:
            lowest = limit.lowest(mass)
            answer = "says nothing" if lowest is None else f"excludes from {with_unit(lowest, limit.unit)}"
            click.echo(f"at {mass:g} GeV: {answer}")
        else:
            _print_points(name, limit, _band(name, prediction) if limit.computed else None)
    _print_remarks(_about_g_minus_2(chosen, prediction))


def _chosen(
    scenario: str | None, experiment: str, files: tuple[str, ...], prediction: str | None
) -> list[tuple[str, ExistingLimit]]:
    """The limits of an experiment, whose name may be written in any case."""
    every = [("", limit) for name in files for limit in _own(name)]
    if scenario:
        name = _scenario(scenario)
        # A prediction that leaves no room for the bound is no reason to hide the tables.
        computed = experiment.lower() == "(g-2)_muon"
        every += [(name, limit) for limit in (_known(name, prediction) if computed else _tabulated(name))]
    chosen = [(name, limit) for name, limit in every if limit.experiment.lower() == experiment.lower()]
    if not chosen:
        names = [limit.experiment for _, limit in every] + (["(g-2)_muon"] if _shifts(scenario) else [])
        raise InputError(_unknown("experiment", experiment, dict.fromkeys(names)))
    return chosen


def _print_points(name: str, limit: ExistingLimit, band: FavouredBand | None) -> None:
    """Points as they were tabulated, with what they are; bounds on the charge also as couplings."""
    from na64stat.limits_library.library import millicharge_to_coupling

    shown = _published(name, limit)
    coupling = f"coupling{in_brackets(shown.unit)}"
    columns = {"m [GeV]": shown.mass, "charge [e]" if shown.unit == "e" else coupling: shown.coupling}
    if shown.unit == "e":
        columns["g_Z' g_chi"] = tuple(millicharge_to_coupling(shown.mass, shown.coupling).tolist())
    if band is not None:
        columns |= {"favoured from": band.low, "to": band.high}
    table = plain_table(*columns, "point")
    marks = shown.point or ["computed" if limit.computed else "curve"] * len(shown.mass)
    for *values, mark in zip(*columns.values(), marks, strict=True):
        table.add_row(*(f"{value:.6g}" for value in values), mark)
    print_table(table)


def _print_remarks(notes: Iterable[str]) -> None:
    """Print remarks beside a list, which stays as it is."""
    for note in notes:
        click.echo(f"note: {note}", err=True)


def _print_bibtex(chosen: list[tuple[str, ExistingLimit]]) -> None:
    from na64stat.limits_library.citations import references

    keys = dict.fromkeys(key for _, limit in chosen for key in limit.bibtex_keys)
    if not keys:
        click.echo(f"% no BibTeX entry for: {chosen[0][1].reference}")
        return
    click.echo("\n\n".join(references()[key].text for key in keys))


def _about(name: str, limit: ExistingLimit) -> str:
    """Shape and origin in words."""
    shape = "closed region" if limit.shape == "contour" else "lower edge: every coupling above it is excluded"
    if limit.computed:
        return f"{shape}; computed from measurement and prediction"
    if not name:
        return f"{shape}; from your file"
    if name == "dark-sector":
        return (
            f"{shape}; a bound on the charge Q, turned into g_Z' g_chi = Q e / (eps/g_Z') through the muon and tau loops at "
            "q^2 = 4 m_chi^2, arXiv:2501.06294, eq. (13)"
        )
    return f"{shape}; read off a published figure, good to about 10%"


def _about_g_minus_2(found: Iterable[tuple[str, ExistingLimit]], prediction: str | None) -> list[str]:
    """Basis of the computed bounds and bands, if there are any."""
    from na64stat.limits_library.g_minus_2 import describe_g_minus_2

    return [describe_g_minus_2(prediction=prediction)] if any(limit.computed for _, limit in found) else []


def _record(name: str, limit: ExistingLimit, *, points: bool = False, mass: float | None = None) -> dict[str, Any]:
    record: dict[str, Any] = {
        "scenario": name or None,
        "experiment": limit.experiment,
        "reference": limit.reference,
        "bibtex_keys": list(limit.bibtex_keys),
        "about": _about(name, limit),
        "shape": limit.shape,
        "unit": limit.unit,
        "computed": limit.computed,
        "mass_range_gev": [min(limit.mass), max(limit.mass)],
        "coupling_range": [min(limit.coupling), max(limit.coupling)],
    }
    if points:
        tabulated = _published(name, limit)
        record |= {
            "mass_gev": list(limit.mass),
            "coupling": list(limit.coupling),
            "tabulated": {
                "unit": tabulated.unit,
                "mass_gev": list(tabulated.mass),
                "coupling": list(tabulated.coupling),
                "point": list(tabulated.point),
            },
        }
    if mass is not None:
        record["lowest"] = {"mass_gev": mass, "coupling": limit.lowest(mass)}
    return record


def _published(name: str, limit: ExistingLimit) -> ExistingLimit:
    """The table behind a limit: itself, unless it was converted."""
    from na64stat.limits_library.library import existing_limits, published_limits

    pairs = zip(existing_limits(name), published_limits(name), strict=True)
    return next((published for converted, published in pairs if converted is limit), limit)


def _scenario(name: str) -> str:
    if name not in SCENARIOS:
        raise InputError(_unknown("scenario", name, SCENARIOS))
    return name


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    there = f"there are {', '.join(names)}" if names else "there are none"
    return f"limits: no {what} {name!r} with existing limits; {hint}{there}"


def _tabulated(name: str) -> tuple[ExistingLimit, ...]:
    from na64stat.limits_library.library import existing_limits

    return existing_limits(name)


def _known(name: str, prediction: str | None) -> tuple[ExistingLimit, ...]:
    from na64stat.limits_library.library import known_limits

    return known_limits(name, prediction)


def _band(name: str, prediction: str | None) -> FavouredBand | None:
    from na64stat.limits_library import g_minus_2, library

    if not _shifts(name):
        return None
    return g_minus_2.favoured_band(name, library.G_MINUS_2_MASSES, prediction=prediction)


def _shifts(name: str | None) -> bool:
    """True if a scenario's shift of (g-2)_muon is known."""
    from na64stat.limits_library.g_minus_2 import SCENARIOS as SHIFTING

    return name in SHIFTING


def _own(path: str) -> tuple[ExistingLimit, ...]:
    from na64stat.limits_library.library import read_limits

    return read_limits(path)
