"""`na64stat reproduce`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from na64stat.cli.groups import command
from na64stat.cli.options.scenario_run import as_json, examples
from na64stat.cli.output import overwrite_option, print_json, progress


@command(epilog=examples("reproduce -o out/"))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder to write."
)
@overwrite_option
@as_json
def reproduce(output: Path, overwrite: bool, as_json: bool) -> None:
    """Reproduce arXiv:2501.06294.

    Figures 2, 3 and 4 (PDF and PNG), the numbers behind them (CSV), scans and likelihoods (JSON), a HEPData submission, a
    summary, and a table of headline numbers beside the paper's, which is printed too. README.md names every file.
    """
    from na64stat.report.reproduce import reproduce as run_reproduction

    result = run_reproduction(output, overwrite=overwrite, track=progress)
    if as_json:
        print_json(result.as_dict())
        return
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(result.headline_markdown()))
    else:
        click.echo(result.headline_markdown(), nl=False)
    click.echo(f"wrote {len(result.files)} files under {output}", err=True)
