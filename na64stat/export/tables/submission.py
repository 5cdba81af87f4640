"""A whole HEPData submission: tables, figures with thumbnails, likelihoods; written at once and checked while it is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure

import na64stat.export.tables.posteriors  # noqa: F401  (registers its tables)
from na64stat.errors import InputError
from na64stat.export.likelihood.patchset import Likelihood
from na64stat.export.tables.inputs import inputs_of
from na64stat.export.tables.names import free, slug, unique
from na64stat.export.tables.reader import SUBMISSION, files_of_submission, read_tables
from na64stat.export.tables.results import tables
from na64stat.export.tables.rules import check_resource, check_sizes, check_table, shown_errors_only
from na64stat.export.tables.served_json import json_of
from na64stat.export.tables.table import Resource, Table
from na64stat.export.tables.yaml import data_of, dump, entry_of, resource_of
from na64stat.figures.figure_of import figure_of
from na64stat.files import to_json
from na64stat.files.folder import check_folder, write_folder
from na64stat.plot.style import figure_bytes

COMMENT: Final = (
    "Limits on new physics from published results of NA64mu, made with na64stat after the formulas of arXiv:2501.06294. Response "
    "of the detector, uncertainties and decay volume are partly assumed. The observed counts are few: asymptotic formulas do not "
    "hold for the likelihoods attached."
)

_THUMBNAIL_DPI: Final = 40


@dataclass(frozen=True)
class Submission:
    """A submission that was written or read.

    Attributes
    ----------
    folder
        Where it is.
    tables
        Its tables.
    resources
        Files and addresses of the whole record, likelihoods among them.
    comment
        What holds for all tables.
    """

    folder: Path
    tables: tuple[Table, ...]
    resources: tuple[Resource, ...] = ()
    comment: str = ""

    def table(self, name: str) -> Table:
        """A table by name.

        Parameters
        ----------
        name
            Of the table.

        Raises
        ------
        InputError
            If there is none.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise InputError(f"{self.folder}: no table {name!r}; it has {', '.join(table.name for table in self.tables)}")

    def as_dict(self) -> dict[str, Any]:
        """The JSON form: what is in it, without the numbers."""
        return {
            "kind": "submission",
            "folder": str(self.folder),
            "comment": self.comment,
            "tables": [{"name": table.name, "rows": table.rows} for table in self.tables],
            "resources": [resource_of(resource) for resource in self.resources],
        }


@dataclass(frozen=True, eq=False)
class Illustrated:
    """Results that share a figure of their own.

    Attributes
    ----------
    results
        What is put into tables.
    figure
        Their figure.
    """

    results: tuple[Any, ...]
    figure: Figure


@tables.register
def _illustrated(item: Illustrated) -> tuple[Table, ...]:
    return tuple(table for result in item.results for table in tables(result))


@figure_of.register
def _of_illustrated(item: Illustrated) -> Figure:
    return item.figure


def hepdata(
    results: Iterable[Any],
    folder: str | Path,
    *,
    likelihoods: Sequence[Likelihood] = (),
    comment: str = COMMENT,
    inputs: bool = True,
    figures: bool = True,
    overwrite: bool = False,
) -> Submission:
    """Write results as a HEPData submission.

    Parameters
    ----------
    results
        Limits, scans, exclusions, projections, samples, credible limits, templates, runs, and tables of your own; several with
        one figure as `Illustrated`.
    folder
        Made; one that holds another submission is only replaced with `overwrite`, one with other files never.
    likelihoods
        Workspaces, patchsets and HS3 files to attach.
    comment
        What holds for all tables.
    inputs
        Whether efficiency, cross section and yields behind the results are added, for scenarios and runs of the package.
    figures
        Whether figures and thumbnails are drawn.
    overwrite
        Whether another submission in the folder is replaced.

    Raises
    ------
    InputError
        If something has no tables, two likelihoods have one name, a table or a file is none that HEPData takes, or the folder
        cannot be written.

    References
    ----------
    HEPData submission schema 1.1.1.
    """
    target = Path(folder)
    check_folder(target, overwrite, not_a_submission)
    items = list(results)
    files: dict[str, bytes] = {}
    found: list[Table] = []
    omitted: list[str] = []
    for item in items:
        parts = item.results if isinstance(item, Illustrated) else (item,)
        made_of = [(one, tables(one)) for one in parts]
        omitted += [_nothing_in(one) for one, made in made_of if not made]
        made = [table for _, of_one in made_of for table in of_one]
        if not made:
            continue
        drawn = figure_of(item) if figures else None
        images = () if drawn is None else _images(drawn, files)
        found += [replace(table, resources=(*table.resources, *images)) for table in made]
    if inputs:
        more, missing = inputs_of(
            one for item in items for one in (item.results if isinstance(item, Illustrated) else (item,))
        )
        found += more
        omitted += missing
    comment = " ".join([comment, *(f"Not included: {text}." for text in omitted)])
    if not found:
        raise InputError("HEPData: no results; a submission needs at least one table")
    named = tuple(shown_errors_only(table) for table in unique(found))
    for table in named:
        check_table(table)
    entries = [_add(table, files) for table in named]
    resources = tuple(_attach(likelihood, files) for likelihood in likelihoods)
    for table in named:
        for resource in table.resources:
            check_resource(resource, files, f"table {table.name!r}")
    head: dict[str, Any] = {"comment": comment}
    if resources:
        head["additional_resources"] = [resource_of(resource) for resource in resources]
    check_sizes(files)
    files[SUBMISSION] = dump(head, *entries).encode("ascii")
    write_folder(target, files)
    return Submission(target, named, resources, comment)


def _nothing_in(result: Any) -> str:
    """Why a result has no table: there are no contours of nothing."""
    return f"{result.scenario} in run {result.run}, {' + '.join(result.regions)}: nothing is excluded"


def read_submission(folder: str | Path) -> Submission:
    """The submission in a folder, ours or another's.

    Parameters
    ----------
    folder
        With a submission.yaml.

    Raises
    ------
    InputError
        If it is no submission, or a file is missing or lies outside the folder.
    """
    return Submission(Path(folder), *read_tables(folder))


def hepdata_json(results: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """The tables of results by name, as HEPData serves them: `headers`, `qualifiers`, `values`.

    Parameters
    ----------
    results
        As in `hepdata`.
    """
    return {table.name: json_of(table) for table in unique([table for item in results for table in tables(item)])}


def _add(table: Table, files: dict[str, bytes]) -> dict[str, Any]:
    """Put the data file of a table among the files; its entry in submission.yaml."""
    name = free(slug(table.name), "yaml", files)
    files[name] = dump(data_of(table)).encode("ascii")
    return entry_of(table, name)


def _attach(likelihood: Likelihood, files: dict[str, bytes]) -> Resource:
    if likelihood.file in files:
        raise InputError(f"HEPData: two files are called {likelihood.file}; each likelihood needs a name of its own")
    files[likelihood.file] = to_json(likelihood.content).encode("utf-8")
    return Resource(likelihood.file, likelihood.description, likelihood.type)


def _images(figure: Figure, files: dict[str, bytes]) -> tuple[Resource, Resource]:
    name = free("figure", "png", files)
    files[name] = figure_bytes(figure, "png")
    files[f"thumb_{name}"] = figure_bytes(figure, "png", dpi=_THUMBNAIL_DPI)
    return Resource(name, "Image file"), Resource(f"thumb_{name}", "Thumbnail image file")


def not_a_submission(folder: Path) -> str | None:
    """Why the files of a folder are not those of a submission, so that they are not to be replaced."""
    present = sorted(path.name for path in folder.iterdir())
    try:
        known = files_of_submission(folder) if SUBMISSION in present else frozenset()
    except InputError as error:
        return str(error)
    others = [name for name in present if name not in known]
    return f"holds {others[0]}, which belongs to no submission" if others else None
