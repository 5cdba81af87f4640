"""`na64stat combine`."""

from __future__ import annotations

from pathlib import Path

import click

from na64stat.cli.options.patch import read_workspace
from na64stat.cli.options.scenario_run import as_json, examples
from na64stat.cli.output import Output, output_option, overwrite_option, print_json
from na64stat.errors import InputError


@click.command(
    epilog=examples(
        "workspace axion-muon --mass 0.1 --coupling 5e-3 --region invisible --run 2023 -o 2023.json",
        "workspace axion-muon --mass 0.1 --coupling 5e-3 --region invisible --run mot1e12 -o later.json",
        "combine 2023.json later.json -o both.json",
        "combine 2023.json later.json --uncorrelated cross_section -o apart.json",
    )
)
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--uncorrelated",
    multiple=True,
    metavar="NAME",
    help="Nuisance parameter that each file has for itself; repeatable.",
)
@output_option("File, JSON; default standard output.")
@overwrite_option
@as_json
def combine(
    files: tuple[str, ...], uncorrelated: tuple[str, ...], output: str | None, overwrite: bool, as_json: bool
) -> None:
    """Make one workspace of several.

    It gives one limit on their common signal strength. Nuisance parameters of the same name are one parameter, unless
    --uncorrelated names them. Channels of the same name are told apart by the names of their files. With --json the workspace
    stands in an object beside the labels.
    """
    from na64stat.files import to_json, write_text
    from na64stat.stats.combine import combine as combine_workspaces

    file = None if output is None else Output.of(output, overwrite)
    labels = [Path(name).stem for name in files]
    if len(set(labels)) != len(labels):
        raise InputError(f"combine: files {', '.join(files)}: expected different names, they tell the channels apart")
    workspaces = {label: read_workspace(Path(name)) for label, name in zip(labels, files, strict=True)}
    result = combine_workspaces(workspaces, uncorrelated)
    if file is not None:
        write_text(file.path, to_json(result), overwrite=file.overwrite)
        click.echo(f"wrote {file.path}", err=True)
    if as_json:
        print_json({"labels": labels, "uncorrelated": list(uncorrelated), "workspace": result})
    elif file is None:
        click.echo(to_json(result), nl=False)
