"""`na64stat fit`: best fit, and impacts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from na64stat.cli.figures import save_impacts, save_pulls
from na64stat.cli.groups import command
from na64stat.cli.options.files import Files, with_files
from na64stat.cli.options.model import ModelChoice, Subject, with_model
from na64stat.cli.options.scenario_run import as_json, examples
from na64stat.cli.output import announce, busy, plain_table, print_json, print_notes, print_table
from na64stat.errors import InputError

if TYPE_CHECKING:
    from na64stat.stats.fits.best_fit import BestFit, FittedParameter, Minos
    from na64stat.stats.fits.goodness import GoodnessOfFit
    from na64stat.stats.fits.impacts import Impacts

MOST_ROWS: Final = 30
"""Rows of a table on the screen; JSON holds all of them."""

lowest_mu_option = click.option(
    "--lowest-mu", type=float, help="Where the fitted mu ends, e.g. 0; default where a rate would turn negative."
)


@command(
    epilog=examples(
        "fit ws.json --region invisible --figure pulls.png",
        "fit ws.json --region invisible --impacts --figure impacts.pdf",
        "fit ws.json --region invisible --minos efficiency_2022 --toys 5000 --json",
        "fit b.json --patch patches.json --patch-name m1em01_g1em02 --lowest-mu 0",
        "fit axion-muon --mass 0.1 --coupling 5e-3 --run 2022",
    )
)
@with_model
@click.option(
    "--minos", multiple=True, metavar="NAME", help="Parameter to find Minos errors of besides mu; repeatable."
)
@click.option("--minos-all", is_flag=True, help="Minos errors of all parameters.")
@click.option(
    "--toys", type=click.IntRange(1), metavar="N", help="Goodness of fit from so many toys too; default none."
)
@click.option("--seed", type=click.IntRange(0), metavar="SEED", help="Seed of the toys; default 1.")
@lowest_mu_option
@click.option("--impacts", is_flag=True, help="What each uncertainty does to mu, too; --figure then shows that.")
@click.option(
    "--parameter",
    "names",
    multiple=True,
    metavar="NAME",
    help="Nuisance parameter of --impacts; repeatable; default all.",
)
@with_files("The fit, or with --impacts these; JSON, read by `na64stat.load`.", "pulls, or impacts")
@as_json
def fit(
    model: ModelChoice,
    minos: tuple[str, ...],
    minos_all: bool,
    toys: int | None,
    seed: int | None,
    lowest_mu: float | None,
    impacts: bool,
    names: tuple[str, ...],
    files: Files,
    as_json: bool,
) -> None:
    """Best fit of the observed counts.

    SCENARIO with --mass, or a pyhf workspace FILE.json in its place. Values with Hesse and Minos errors, pulls, correlations,
    expected counts, and the saturated goodness of fit. With --impacts the shift of mu with a nuisance parameter held one standard
    deviation below and above its best fit, the largest first; with its deviation after the fit, and before it (prefit).
    """
    from na64stat.stats.fits.best_fit import best_fit
    from na64stat.stats.fits.goodness import goodness_of_fit

    if seed is not None and toys is None:
        raise InputError(f"--seed {seed}: goes with --toys N, the number of toys for the goodness of fit")
    if names and not impacts:
        raise InputError(f"--parameter {names[0]}: goes with --impacts")
    lowest = check_lowest_mu(lowest_mu)
    subject = model.load(only_fits=True)
    with subject.named_errors(), busy("fit"):
        found = best_fit(subject.model, minos=minos_all or minos, lowest_mu=lowest)
        goodness = goodness_of_fit(subject.model, toys=toys or 0, seed=1 if seed is None else seed, lowest_mu=lowest)
    shifts = _impacts(subject, names, lowest) if impacts else None
    if shifts is None:
        files.keep(found)
        files.draw(lambda path, overwrite: save_pulls(path, overwrite, found, subject.title))
    else:
        files.keep(shifts)
        files.draw(lambda path, overwrite: save_impacts(path, overwrite, shifts, subject.title))
    if as_json:
        ranking = {} if shifts is None else {"impacts": impacts_record(shifts)}
        print_json({**subject.head, **_record(found, goodness), **ranking})
        return
    click.echo(f"{subject.title}: best fit")
    _print_parameters(found)
    _print_correlations(found)
    _print_bins(found)
    click.echo(_goodness_text(goodness))
    if shifts is not None:
        _print_impacts(shifts)
    shown = {f"{item.name} is {item.state}" for item in found.parameters}
    notes = (*found.notes, *goodness.notes, *(() if shifts is None else shifts.notes))
    print_notes(note for note in dict.fromkeys(notes) if note not in shown)


def _impacts(subject: Subject, names: tuple[str, ...], lowest: float | None) -> Impacts:
    from na64stat.stats.fits.impacts import impacts, seconds_of_impacts

    with subject.named_errors():
        size = len(subject.model.parameters)
        announce(f"impacts of {size} parameters", seconds_of_impacts(subject.model, names or None))
    with subject.named_errors(), busy("impacts") as track:
        return impacts(subject.model, names=names or None, progress=track, lowest_mu=lowest)


def _print_impacts(result: Impacts) -> None:
    mu = result.fit.mu
    spread = f" ({mu.state})" if mu.error is None else f" +- {mu.error:.3g}"
    click.echo(f"impacts on {mu.name} = {value_text(mu)}{spread}")
    if not result.ranking:
        click.echo("no nuisance parameter is fitted")
        return
    table = plain_table("parameter", "pull", "down", "up", "prefit down", "prefit up")
    for item in result.ranking[:MOST_ROWS]:
        shifts = (item.down, item.up, item.prefit_down, item.prefit_up)
        texts = ("-" if shift is None else f"{shift:+.3g}" for shift in shifts)
        table.add_row(item.name, pull_text(item.parameter), *texts)
    print_table(table)
    if len(result.ranking) > MOST_ROWS:
        click.echo(f"... and {len(result.ranking) - MOST_ROWS} smaller ones; --json has all")


def impacts_record(result: Impacts) -> dict[str, Any]:
    """JSON form of impacts, the largest first."""
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


def check_lowest_mu(value: float | None) -> float | None:
    """Refuse what is no number."""
    if value is not None and not math.isfinite(value):
        raise InputError(f"--lowest-mu: {value}; expected a finite number, e.g. 0")
    return value


def _record(found: BestFit, goodness: GoodnessOfFit) -> dict[str, Any]:
    correlation = found.correlation
    toys = goodness.p_toys
    return {
        "mu": None if found.poi is None else found.mu.value,
        "parameters": [parameter_record(item) for item in found.parameters],
        "correlation": None if correlation is None else {"names": list(found.free_names), "matrix": correlation},
        "goodness": {
            "deviance": goodness.deviance,
            "degrees": goodness.degrees,
            "p_chi2": goodness.p_chi2,
            "p_toys": toys,
        },
        "bins": [
            {"name": name, "observed": observed, "expected": expected}
            for name, observed, expected in zip(found.bin_names, found.observed, found.expected, strict=True)
        ],
        "notes": list(dict.fromkeys((*found.notes, *goodness.notes))),
    }


def parameter_record(item: FittedParameter) -> dict[str, Any]:
    """JSON form of a fitted parameter."""
    return {
        "name": item.name,
        "value": item.value,
        "error": item.error,
        "minos": item.minos,
        "pull": item.pull,
        "constraint": item.constraint,
        "state": item.state,
    }


def _print_parameters(found: BestFit) -> None:
    first = () if found.poi is None else (found.mu,)
    rest = [item for item in found.parameters if item not in first]
    shown = _largest(rest, [_interest(item) for item in rest])
    table = plain_table("parameter", "value", "Hesse", "Minos", "pull", "")
    for item in (*first, *shown):
        error = "-" if item.error is None else f"{item.error:.4g}"
        state = "" if item.state == "free" else item.state
        table.add_row(item.name, value_text(item), error, _minos_text(item.minos), pull_text(item), state)
    print_table(table)
    if len(shown) < len(rest):
        click.echo(f"... and {len(rest) - len(shown)} parameters with smaller pulls; --json has all")


def _interest(item: FittedParameter) -> float:
    """Rank of a parameter in a table that cannot hold all: free factors, then other single parameters, then those of bins."""
    pull = math.inf if item.pull is None else abs(item.pull)
    return pull if item.name.endswith("]") else pull + 1e3


def value_text(item: FittedParameter) -> str:
    """The value; what is far below its error is the noise of the fit."""
    noise = item.error is not None and abs(item.value) < 1e-6 * item.error
    return "0" if noise else f"{item.value:.5g}"


def pull_text(item: FittedParameter) -> str:
    """The pull, or - without one."""
    return "-" if item.pull is None else f"{round(item.pull, 2) + 0.0:+.2f}"


def _minos_text(minos: Minos | None) -> str:
    if minos is None:
        return "-"
    lower, upper = ("none" if end is None else f"{end:+.4g}" for end in (minos.lower, minos.upper))
    return f"{lower} {upper}"


def _largest(items: Sequence[Any], sizes: Sequence[float]) -> list[Any]:
    """The items of largest size, as many as a screen holds, in their order."""
    order = sorted(range(len(items)), key=lambda i: -sizes[i])[:MOST_ROWS]
    return [items[i] for i in sorted(order)]


def _print_correlations(found: BestFit) -> None:
    matrix, names = found.correlation, found.free_names
    if matrix is None or len(names) < 2:
        return
    pairs = [(i, j) for i in range(len(names)) for j in range(i)]
    strongest = sorted(pairs, key=lambda pair: -abs(matrix[pair]))[:5]
    texts = [f"{names[j]}, {names[i]} {matrix[i, j]:+.2f}" for i, j in strongest if abs(matrix[i, j]) >= 0.005]
    if texts:
        click.echo(f"largest correlations: {'; '.join(texts)}")


def _print_bins(found: BestFit) -> None:
    if len(found.bin_names) > MOST_ROWS:
        click.echo(f"{len(found.bin_names)} bins: observed and expected counts are in --json")
        return
    table = plain_table("bin", "observed", "expected")
    for name, observed, expected in zip(found.bin_names, found.observed, found.expected, strict=True):
        table.add_row(name, f"{observed:g}", f"{expected:.5g}")
    print_table(table)


def _goodness_text(goodness: GoodnessOfFit) -> str:
    text = f"goodness of fit: -2 ln(L/L_saturated) = {goodness.deviance:.4g}"
    if goodness.p_chi2 is not None:
        degrees = f"{goodness.degrees} degree{'' if goodness.degrees == 1 else 's'} of freedom"
        text += f", {degrees}, p = {goodness.p_chi2:.3g} (chi-squared)"
    toys = goodness.p_toys
    if toys is not None:
        value = f"< {toys.value:.3g}" if toys.bound else f"= {toys.value:.3g} +- {toys.error:.1g}"
        text += f", p {value} ({toys.toys} toys)"
    return text
