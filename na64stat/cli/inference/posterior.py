"""`na64stat posterior`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from na64stat.cli.groups import command
from na64stat.cli.options.files import figure_file
from na64stat.cli.options.model import refuse_options
from na64stat.cli.options.posterior import OF_A_POSTERIOR, PosteriorChoice, with_posterior
from na64stat.cli.options.scenario_run import as_json, examples
from na64stat.cli.output import (
    Output,
    output_option,
    overwrite_option,
    plain_table,
    print_caveat,
    print_json,
    print_notes,
    print_table,
    progress,
)
from na64stat.errors import InputError
from na64stat.text import in_brackets, intervals_text, parameter_unit

if TYPE_CHECKING:
    from na64stat.study.bayes.samples import Samples

_OF_A_RUN = (*OF_A_POSTERIOR, "--walkers", "--ensembles", "--steps", "--most-steps", "--seed", "--output")


@command(
    epilog=examples(
        "posterior axion-muon --mass 0.1 --prior flat:yield:0:50 -o chain.h5",
        "posterior axion-photon --prior log-flat:coupling:1e-6:1 --prior log-flat:mass:1e-3:1 -o plane.h5",
        "posterior ws.json --region invisible --prior flat:mu:0:10",
        "posterior chain.h5 --figure corner.png",
    )
)
@with_posterior
@click.option("--walkers", default=32, show_default=True, help="Walkers of each ensemble.")
@click.option("--ensembles", default=4, show_default=True, help="Independent ensembles.")
@click.option("--steps", type=int, help="Steps to keep of each; default as many as 50 autocorrelation times take.")
@click.option("--most-steps", default=50_000, show_default=True, help="Where that ends, converged or not.")
@click.option("--seed", default=0, show_default=True, help="Of the random numbers.")
@output_option("Chain, HDF5. One that is there already is continued if it belongs to the same question.")
@click.option("--figure", metavar="FILE", help="Corner plot: .png or .pdf.")
@overwrite_option
@as_json
def posterior(
    choice: PosteriorChoice,
    walkers: int,
    ensembles: int,
    steps: int | None,
    most_steps: int,
    seed: int,
    output: str | None,
    figure: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Posterior of a scenario, sampled with emcee.

    SCENARIO, or a pyhf workspace FILE.json, is sampled with the priors that are named; a chain FILE.h5 is summarised. A
    run that was stopped goes on if the same command is given again.
    """
    from na64stat.stats.limits import check_cl

    check_cl(choice.cl)  # before the sampling, not after it
    drawn = None if figure is None else figure_file(figure, overwrite)
    name = choice.scenario.text
    if name.endswith((".h5", ".hdf5")):
        refuse_options(_OF_A_RUN, f"the chain {name}", "it is for a scenario")
        from na64stat.study.bayes.samples import load_samples

        found = load_samples(name)
    else:
        from na64stat.stats.bayes.sampler import Sampler
        from na64stat.study.bayes.sample import sample

        file = None if output is None else _chain(output, overwrite)
        sampler = Sampler(walkers, ensembles, seed, most_steps)
        keeping: dict[str, Any] = {"file": file, "overwrite": overwrite, "track": progress("posterior")}
        try:
            found = sample(**choice.arguments(), prior=choice.priors, steps=steps, sampler=sampler, **keeping)
        except KeyboardInterrupt:
            kept = "" if file is None else f"; the chain so far is in {file}, and the same command goes on from there"
            raise KeyboardInterrupt(f"stopped{kept}") from None
        if file is not None:
            click.echo(f"wrote {file}", err=True)
    if as_json:
        print_json(found.as_dict(choice.cl))
    else:
        _show(found, choice.cl)
    if not found.diagnostics.converged:
        print_caveat(f"na64stat: warning: {found.diagnostics.verdict}", as_json)
    print_notes(found.notes, as_json)
    if drawn is not None:
        from na64stat.figures.posterior import save_corner

        save_corner(found, drawn.path, choice.cl, overwrite=drawn.overwrite)
        click.echo(f"wrote {drawn.path}", err=True)


def _chain(name: str, overwrite: bool) -> Path:
    """Name of the chain's file, which may be there."""
    if not name.endswith((".h5", ".hdf5")):
        raise InputError(f"--output: {name}; a chain is HDF5, give the ending .h5")
    return Output.of(name, overwrite or Path(name).is_file()).path


def _show(found: Samples, cl: float) -> None:
    question: Any = found.question
    counts = ", ".join(f"{count:g} in {name}" for name, count in question["counts"].items())
    fixed = "" if question["mass_gev"] is None else f", m = {question['mass_gev']:g} GeV"
    run = "" if question["run"] is None else f", run {question['run']}"
    click.echo(f"{question['scenario']}{fixed}{run}: {counts}; prior {'; '.join(found.priors)}")
    checks = found.diagnostics
    table = plain_table("quantity", "mean", "sd", "5%", "median", "95%", f"{100 * cl:g}% below", "+-", "tau", "R-hat")
    of = {name: i for i, name in enumerate(checks.parameters)}
    for name, row in found.summary(cl).items():
        i = of.get(name)
        last = ("", "") if i is None else (f"{checks.autocorrelation[i]:.0f}", f"{checks.r_hat[i]:.4f}")
        unit = in_brackets(parameter_unit(name, question["coupling_unit"]))
        numbers = [f"{row[key]:.4g}" for key in ("mean", "sd", "q05", "q50", "q95", "limit")]
        table.add_row(name + unit, *numbers, f"{row['limit_error']:.1g}", *last)
    print_table(table)
    parts = intervals_text(found.highest_density(None, cl), 4)
    click.echo(f"highest density, {100 * cl:g}% of {found.signal_parameter}: {parts}")
    for name, probability in found.predictive_p_values().items():
        click.echo(f"predicted: at least {question['counts'][name]:g} in {name} with probability {probability:.3g}")
    if checks.converged:
        click.echo(checks.verdict)
