"""`na64stat credible`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from na64stat.cli.groups import command
from na64stat.cli.options.files import Files, with_files
from na64stat.cli.options.model import is_file
from na64stat.cli.options.posterior import PosteriorChoice, with_posterior
from na64stat.cli.options.scenario_run import as_json, examples
from na64stat.cli.output import (
    plain_table,
    print_json,
    print_notes,
    print_table,
    progress,
)
from na64stat.errors import InputError
from na64stat.text import in_brackets

if TYPE_CHECKING:
    from na64stat.records.credible import ComparedLimits


@command(
    epilog=examples(
        "credible axion-muon --mass 0.1 --prior flat:yield:0:50 --prior log-flat:coupling:1e-6:1",
        "credible axion-photon --mass 0.01 --region visible --prior flat:coupling:0:1 --figure c.png",
        "credible axion-photon --prior flat:coupling:0:1 --prior log-flat:mass:0.01:1 --figure p.png",
    )
)
@with_posterior
@with_files(
    "The limits or the plane, JSON; `na64stat.load` reads them.",
    "posterior, or of the credible region beside that of CL_s",
)
@as_json
def credible(choice: PosteriorChoice, files: Files, as_json: bool) -> None:
    """Credible limits by quadrature, beside CL_s.

    Each --prior of a coupling, a yield or mu is a row of its own; a pyhf workspace FILE.json has mu and the yield. With a
    prior of the mass there is one of the coupling: then the credible region of the (mass, coupling) plane is computed.
    """
    if choice.over_plane and not is_file(choice.scenario.text):
        _plane(choice, files, as_json)
        return
    from na64stat.study.bayes.credible import compare_priors

    found = compare_priors(**choice.arguments(), priors=choice.priors, cl=choice.cl, track=progress("limits"))
    if as_json:
        print_json(found.as_dict())
    else:
        _show(found)
    print_notes(found.notes, as_json)
    files.keep(found)

    def save(path: Path, overwrite: bool) -> None:
        from na64stat.figures.posterior import save_curves

        save_curves(found, path, overwrite=overwrite)

    files.draw(save)


def _plane(choice: PosteriorChoice, files: Files, as_json: bool) -> None:
    if files.picture is not None and choice.counts:
        raise InputError("--count: the contour of CL_s beside it would be of the observed counts; leave out --figure")
    from na64stat.study.bayes.credible import credible_plane

    asked = choice.arguments()
    if (mass := asked.pop("mass")) is not None:
        raise InputError(f"mass = {mass:g} GeV, and a prior of the mass; expected one of them")
    found = credible_plane(**asked, priors=choice.priors, cl=choice.cl, track=progress("plane"))
    if as_json:
        print_json(found.as_dict())
    else:
        share = 100 * choice.cl
        click.echo(f"{found.scenario}, run {found.run}, {' + '.join(found.regions)}: prior {'; '.join(found.priors)}")
        covered = found.inside.any(axis=1)
        reach = f"m from {found.mass[covered][0]:.3g} to {found.mass[covered][-1]:.3g} GeV"
        click.echo(f"credible region, {share:g}%: {found.inside.mean():.3g} of the plane, {reach}")
    print_notes(found.notes, as_json)
    files.keep(found)

    def save(path: Path, overwrite: bool) -> None:
        from na64stat.figures.posterior import save_plane
        from na64stat.study.maps.exclusion import exclusion

        ends = (found.mass[0], found.mass[-1]), (found.coupling[0], found.coupling[-1])
        names = ("run", "regions", "systematics", "correlated", "average")
        same = {name: asked[name] for name in names}
        beside = exclusion(
            asked["scenario"],
            same.pop("run"),
            *ends,
            levels=("observed",),
            cl=choice.cl,
            track=progress("CL_s"),
            **same,
        )
        save_plane(found, beside, path, overwrite=overwrite)

    files.draw(save)


def _show(found: ComparedLimits) -> None:
    counts = ", ".join(f"{count:g} in {name}" for name, count in found.counts.items())
    fixed = "" if found.mass is None else f", m = {found.mass:g} GeV"
    run = "" if found.run is None else f", run {found.run}"
    click.echo(f"{found.scenario}{fixed}{run}: {counts}; {100 * found.cl:g}% limits")
    unit = in_brackets(found.coupling_unit)
    table = plain_table("prior or method", "events", f"coupling{unit}", "")
    for row in found.rows:
        events = "-" if row.events is None else f"{row.events:.4g}"
        coupling = "-" if row.coupling is None else f"{row.coupling:.4g}"
        table.add_row(row.label, events, coupling, row.note)
    print_table(table)
