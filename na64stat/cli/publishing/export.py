"""`na64stat export`: hepdata, likelihood, hs3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from na64stat.cli.groups import Commands
from na64stat.cli.options.numbers import numbers_option
from na64stat.cli.options.patch import read_json, read_workspace
from na64stat.cli.options.scenario_run import RunChoice, ScenarioChoice, as_json, examples, with_run, with_scenario
from na64stat.cli.output import Output, busy, output_option, overwrite_option, print_json
from na64stat.errors import InputError

if TYPE_CHECKING:
    from na64stat.export.likelihood.patchset import Likelihood

if TYPE_CHECKING:
    from na64stat.experiment.run import Run
    from na64stat.scenarios.base import ScenarioFactory


@click.group(
    cls=Commands,
    no_args_is_help=False,
    epilog=examples(
        "export hepdata scan.json limits.json -o submission/",
        "export likelihood axion-muon --mass 1e-3:0.2:8 --coupling 1e-4:1e-1:13 -o patchset.json",
        "export hs3 ws.json -o hs3.json",
    ),
)
def export() -> None:
    """Write results as HEPData submissions, likelihoods and HS3."""


@export.command(
    epilog=examples(
        "export hepdata scan.json region.json limits.json -o submission/",
        "export hepdata region.json chain.h5 --likelihood b.json -o submission/",
    )
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@output_option("Folder to write, made for it.")
@overwrite_option
@click.option(
    "--likelihood", "likelihoods", multiple=True, metavar="FILE", help="Workspace, patchset or HS3 (JSON) to attach."
)
@click.option("--comment", metavar="TEXT", help="What holds for all tables, in place of ours.")
@click.option("--no-inputs", is_flag=True, help="Leave out efficiency, cross section and yields in the plane.")
@click.option("--no-figures", is_flag=True, help="Leave out figures and thumbnails.")
@as_json
def hepdata(
    files: tuple[str, ...],
    output: str | None,
    overwrite: bool,
    likelihoods: tuple[str, ...],
    comment: str | None,
    no_inputs: bool,
    no_figures: bool,
    as_json: bool,
) -> None:
    """Write a HEPData submission.

    FILE is the JSON of a scan, exclusion, projection, limits (na64stat limit SCENARIO --json > limits.json) or credible limits
    (na64stat credible SCENARIO --json > credible.json), or the chain of a posterior (.h5). The folder holds submission.yaml, a
    table for each curve and map, figures, and the likelihoods: ready to be checked with hepdata-validate and packed.
    """
    from na64stat.export.tables.submission import COMMENT
    from na64stat.export.tables.submission import hepdata as write

    if output is None:
        raise InputError("--output: missing; name a folder with -o FOLDER")
    results = [_load(Path(name)) for name in files]
    attached = [_likelihood(Path(name)) for name in likelihoods]
    with busy("writing the submission"):
        found = write(
            results,
            output,
            likelihoods=attached,
            comment=comment or COMMENT,
            inputs=not no_inputs,
            figures=not no_figures,
            overwrite=overwrite,
        )
    if as_json:
        print_json(found.as_dict())
    else:
        for table in found.tables:
            click.echo(f"{table.name}: {table.rows} rows")
        for resource in found.resources:
            click.echo(f"{resource.location}: {resource.description}")
    click.echo(f"wrote {found.folder}", err=True)


@export.command(
    epilog=examples(
        "export likelihood axion-muon --mass 0.1 --coupling 1e-3:0.1:9 -o patches.json --workspace b.json",
    )
)
@with_scenario
@numbers_option("--mass", "Masses [GeV]; repeated: each.", required=True)
@numbers_option("--coupling", "Couplings, in the scenario's unit (GeV^-1 or 1); repeated: each.", required=True)
@click.option("--region", "regions", multiple=True, metavar="NAME", help="Channel; default the scenario's. Repeatable.")
@output_option("Patchset to write, JSON.")
@click.option("--workspace", "workspace_file", metavar="FILE", help="Background-only workspace to write, JSON.")
@click.option("--inspire", metavar="insNNNNNNN", help="INSPIRE record. Default: the placeholder ins0000000.")
@overwrite_option
@with_run
@as_json
def likelihood(
    scenario: ScenarioChoice,
    mass: list[float],
    coupling: list[float],
    regions: tuple[str, ...],
    output: str | None,
    workspace_file: str | None,
    inspire: str | None,
    overwrite: bool,
    run: RunChoice,
    as_json: bool,
) -> None:
    """Write a background-only workspace and a patchset of signals.

    One patch for each mass and coupling with 1e-3 to 1e4 expected events; both files are needed: pyhf patchset apply
    b.json patches.json --name NAME. Counts are few: pyhf's asymptotic formulas do not hold here.
    """
    from na64stat.export.likelihood.patchset import PLACEHOLDER, patchset

    if output is None and not as_json:
        raise InputError("--output: missing; name a file with -o FILE, or ask for --json on standard output")
    factory, loaded = scenario.resolve(), run.load()
    named = (("--output", output), ("--workspace", workspace_file))
    written = [Output.of(name, overwrite, option) for option, name in named if name is not None]
    if len({file.path.resolve() for file in written}) < len(written):
        raise InputError(f"--workspace: {workspace_file} is the output, too; expected another name")
    chosen = regions or factory(mass=mass[0], coupling=1.0).default_regions
    background, patches = patchset(factory, loaded, chosen, mass, coupling, inspire=inspire or PLACEHOLDER)
    contents = [item for item, name in ((patches, output), (background, workspace_file)) if name is not None]
    for file, content in zip(written, contents, strict=True):
        _write(file, content)
    if as_json:
        print_json({"kind": "likelihood", "background": background, "patchset": patches})
    else:
        click.echo(f"{len(patches['patches'])} signals; {patches['metadata']['description']}")
    for note in _artefacts(factory, loaded, chosen, mass, coupling):
        click.echo(f"note: {note}", err=True)


def _artefacts(
    factory: ScenarioFactory, run: Run, regions: Sequence[str], masses: Sequence[float], couplings: Sequence[float]
) -> list[str]:
    """Signals that only the sum over target layers gives, with their points."""
    from na64stat.study.depth_test import note_at
    from na64stat.yields.survival import DepthAverage

    points = [factory(mass=mass, coupling=coupling) for mass in masses for coupling in couplings]
    return [
        f"{point.mass:g} GeV, coupling {point.coupling:g}: {note}"
        for point in points
        for note in note_at(point, (run,), regions, DepthAverage.LAYERS)
    ]


@export.command(epilog=examples("export hs3 ws.json -o hs3.json"))
@click.argument("file", metavar="FILE")
@output_option("File to write, JSON.")
@overwrite_option
@as_json
def hs3(file: str, output: str | None, overwrite: bool, as_json: bool) -> None:
    """Write a pyhf workspace as HS3.

    FILE is a workspace whose modifiers are normfactor and normsys, as in all workspaces that na64stat makes.
    """
    from na64stat.export.likelihood.hs3 import hs3 as convert

    if output is None and not as_json:
        raise InputError("--output: missing; name a file with -o FILE, or ask for --json on standard output")
    target = None if output is None else Output.of(output, overwrite)
    found = convert(read_workspace(Path(file)))
    if target is not None:
        _write(target, found)
    if as_json:
        print_json({"kind": "hs3", "hs3": found})


def _load(path: Path) -> Any:
    """A result from its file, whatever it is of."""
    if path.suffix in (".h5", ".hdf5"):
        from na64stat.study.bayes.samples import load_samples

        return load_samples(path)
    from na64stat.records.load import load_result

    return load_result(path)


def _likelihood(path: Path) -> Likelihood:
    from na64stat.export.likelihood.patchset import Likelihood

    content = _json(path)
    if "distributions" in content:
        return Likelihood(path.name, content, "HS3 model", "HS3")
    if "patches" in content:
        about = content.get("metadata")
        text = about.get("description") if isinstance(about, dict) else None
        return Likelihood(path.name, content, text if isinstance(text, str) else "Patchset of signals")
    if "channels" in content:
        return Likelihood(path.name, content, "pyhf workspace")
    raise InputError(f"{path}: no likelihood; expected a pyhf workspace, a patchset or HS3")


def _json(path: Path) -> Mapping[str, Any]:
    content = read_json(path, "a JSON object", whole_numbers=True)
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a JSON object")
    return content


def _write(file: Output, content: Mapping[str, Any]) -> None:
    from na64stat.files import to_json, write_text

    write_text(file.path, to_json(content), file.overwrite)
    click.echo(f"wrote {file.path}", err=True)
