"""`na64stat cite`."""

from __future__ import annotations

import click

from na64stat.cli.groups import command
from na64stat.cli.options.choice import Choice
from na64stat.cli.options.method import METHODS
from na64stat.cli.options.scenario_run import ScenarioChoice, as_json, examples, run_option, with_scenario
from na64stat.cli.output import Output, output_option, overwrite_option, print_json


@command(epilog=examples("cite axion-muon --run 2022 -o refs.bib"))
@with_scenario
@run_option
@click.option(
    "--method",
    type=Choice((*METHODS, "posterior")),
    default="exact",
    show_default=True,
    help="How the results were computed.",
)
@click.option("--existing", "own", multiple=True, metavar="FILE", help="Limits of your own that were drawn, CSV.")
@output_option("File, BibTeX; default standard output.")
@overwrite_option
@as_json
def cite(
    scenario: ScenarioChoice,
    run_name: str,
    method: str,
    own: tuple[str, ...],
    output: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Print what to cite, as BibTeX.

    Data come from the sources in the run file, formulas from the scenario and the method, then the existing limits of its figure
    and the software; a comment says what each entry is for. A source that names no paper with an entry is listed in a comment.
    """
    from na64stat.experiment.load import load_run
    from na64stat.files import write_text
    from na64stat.limits_library.library import read_limits
    from na64stat.report.citing import citations

    file = None if output is None else Output.of(output, overwrite)
    mine = [limit for name in own for limit in read_limits(name)]
    found = citations(scenario.resolve(), load_run(run_name), method, mine)
    if file is not None:
        write_text(file.path, found.bibtex(), overwrite=file.overwrite)
        click.echo(f"wrote {file.path}", err=True)
    if as_json:
        print_json(found.as_dict())
    elif file is None:
        click.echo(found.bibtex(), nl=False)
