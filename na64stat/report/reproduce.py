"""The main job: arXiv:2501.06294 from the published inputs to figures, tables and workspaces."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure

from na64stat.errors import InputError
from na64stat.experiment.load import load_run
from na64stat.export.likelihood.hs3 import hs3
from na64stat.export.tables.results import contour_tables
from na64stat.export.tables.submission import Illustrated, hepdata, not_a_submission
from na64stat.figures.posterior import curves_figure
from na64stat.files import to_json, write_text
from na64stat.files.folder import check_folder
from na64stat.plot.style import fix_layout, save_figure
from na64stat.records.credible import ComparedLimits
from na64stat.records.limits import ScenarioLimits
from na64stat.records.map import Scan
from na64stat.report.citing import citations
from na64stat.report.figures import figure_2, figure_3, figure_4
from na64stat.report.gallery import NAMES, gallery
from na64stat.report.headlines import Headline, as_markdown, headlines
from na64stat.report.results import PHOTON_REGIONS, RUNS, Results, TrackMaker, compute
from na64stat.report.summary import summary
from na64stat.report.workspaces import likelihoods, names, readme, reference_workspaces
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.dark_sector import DarkSector
from na64stat.stats.bayes.priors import Flat, LogFlat
from na64stat.study.bayes.credible import compare_priors

FIGURE_KINDS: Final = ("pdf", "png")

PRIORS: Final = (Flat("yield", 0, 50), Flat("coupling", 0, 1), LogFlat("coupling", 1e-6, 1))
POSTERIOR_MASS: Final = 0.1
"""Priors, and mass [GeV], of the posteriors beside CL_s."""


@dataclass(frozen=True)
class Reproduction:
    """Files that were written, and the headlines.

    Attributes
    ----------
    files
        Paths, in the order of writing.
    headlines
        The table of headline numbers.
    """

    files: tuple[Path, ...]
    headlines: tuple[Headline, ...]

    def headline_markdown(self) -> str:
        """The table as Markdown."""
        return as_markdown(self.headlines)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "files": [str(path) for path in self.files],
            "headlines": [asdict(headline) for headline in self.headlines],
        }


def reproduce(folder: Path, *, overwrite: bool = False, track: TrackMaker) -> Reproduction:
    """Compute everything and write it under `folder`.

    Parameters
    ----------
    folder
        Made if missing. Files that are there are only replaced with `overwrite`; others are left alone.
    track
        Makes a progress bar from a label.

    Raises
    ------
    InputError
        If a file exists, or the folder cannot be written.
    """
    writer = _Writer(folder, overwrite)
    results = compute(track)
    figures = _figures(results, writer)
    _numbers(results, writer)
    _likelihoods(writer)
    for kind in _CITED:
        about = f"What to cite for {kind.name} in the 2022 run: data, formulas, existing limits, software (BibTeX)"
        writer.text(f"cite/{kind.name}.bib", citations(kind, load_run("2022")).bibtex(), about)
    priors = compare_priors(AxionMuon, load_run("2022"), PRIORS, mass=POSTERIOR_MASS, track=track("posteriors"))
    about = f"Posteriors of axion-muon at {POSTERIOR_MASS:g} GeV with {len(PRIORS)} priors, and their limits"
    writer.figure(f"figures/{_POSTERIOR}", curves_figure(priors), about)
    _submit(results, priors, figures, writer)
    rows = headlines(results)
    writer.text("headlines.md", as_markdown(rows), "Headline numbers beside the paper's, without and with background")
    writer.text("summary.md", summary(rows), "Excluded couplings of every scenario, and agreement with the paper")
    writer.contents()
    return Reproduction(tuple(writer.files), rows)


_CITED: Final = (AxionPhoton, AxionMuon, DarkSector)

_POSTERIOR: Final = "posterior_axion_muon"

_FIGURES: Final = {
    "figure2_axion_photon": "2, axion-photon,",
    "figure3_axion_muon": "3, axion-muon,",
    "figure4_dark_sector": "4, dark sector,",
}

_TEXTS: Final = (
    *("README.md", "headlines.md", "summary.md", "workspaces/README.md"),
    *(
        "figure2_axion_photon.csv",
        "figure3_axion_muon.csv",
        "figure3_axion_muon_loop_decay.csv",
        "figure4_dark_sector.csv",
    ),
)


def file_names() -> tuple[str, ...]:
    """Every file that a reproduction writes, under its folder, except those of the HEPData submission."""
    references, likelihoods_ = names()
    return (
        *_TEXTS,
        *(
            f"{name}.{kind}"
            for name in (*_FIGURES, *(f"figures/{name}" for name in (*NAMES, _POSTERIOR)))
            for kind in FIGURE_KINDS
        ),
        *(_scan_name(run, region) for run in RUNS for region in PHOTON_REGIONS),
        *(f"cite/{kind.name}.bib" for kind in _CITED),
        *(f"hs3/{name}" for name in references),
        *(f"workspaces/{name}" for name in (*references, *likelihoods_)),
    )


def _scan_name(run: str, region: str) -> str:
    return f"scans/axion-photon_{run}_{region}.json"


def _figures(results: Results, writer: _Writer) -> list[Figure]:
    """The paper's figures, and those of the gallery; the former."""
    figures = [figure_2(results), figure_3(results), figure_4(results)]
    for name, figure in zip(_FIGURES, figures, strict=True):
        writer.figure(name, figure, f"Figure {_FIGURES[name]} of the paper, existing limits shaded")
    for picture in gallery():
        writer.figure(f"figures/{picture.name}", picture.figure, picture.about)
    return figures


def _numbers(results: Results, writer: _Writer) -> None:
    """Results that the figures are drawn from."""
    writer.text(
        "figure2_axion_photon.csv", _contour_table(results.photon), "Contours of figure 2, all runs and both channels"
    )
    writer.text(
        "figure3_axion_muon.csv", _limit_table(results.muon), "Limits of figure 3 against the mass, stable axion"
    )
    loop = {(run, "invisible"): scan for run, scan in results.muon_loop.items()}
    writer.text("figure3_axion_muon_loop_decay.csv", _contour_table(loop), "Contours of figure 3 with the loop decay")
    writer.text("figure4_dark_sector.csv", _limit_table(results.dark), "Limits of figure 4 against the mass")
    for (run, region), scan in results.photon.items():
        about = (
            f"Scan of axion-photon, run {run}, {region}: CL_s and events over mass and coupling, to be read by na64stat"
        )
        writer.text(_scan_name(run, region), to_json(scan.as_dict()), about)


def _likelihoods(writer: _Writer) -> None:
    """The files of `workspaces/`, with a signal as HS3 too."""
    for name, workspace in reference_workspaces().items():
        scenario, run, region = name.removesuffix(".json").split("_")
        about = f"pyhf workspace of {scenario}, run {run}, {region}, at one point"
        writer.text(f"workspaces/{name}", to_json(workspace), about)
        writer.text(f"hs3/{name}", to_json(hs3(workspace)), f"The same as HS3: {name}")
    for name, likelihood in likelihoods().items():
        writer.text(f"workspaces/{name}", to_json(likelihood.content), likelihood.description)
    writer.text("workspaces/README.md", readme(), "What the likelihoods are and how to use them")


def _submit(results: Results, priors: ComparedLimits, figures: list[Figure], writer: _Writer) -> None:
    """The HEPData submission: maps of CL_s of the run with data, contours of the projections, limits, likelihoods."""
    photon: list[Any] = []
    for (run, _), scan in results.photon.items():
        photon += [scan] if run == RUNS[0] else contour_tables(scan)
    muon: list[Any] = [*results.muon.values(), results.grids["axion-muon"]]
    for run, scan in results.muon_loop.items():
        muon += [scan] if run == RUNS[0] else contour_tables(scan)
    parts: tuple[list[Any], ...] = (photon, muon, [*results.dark.values(), results.grids["dark-sector"]])
    found = hepdata(
        [*(Illustrated(tuple(part), figure) for part, figure in zip(parts, figures, strict=True)), priors],
        writer.folder / "submission",
        likelihoods=list(likelihoods().values()),
        overwrite=writer.overwrite,
    )
    about = {"submission.yaml": "HEPData submission: names, descriptions and keywords of all tables"}
    about |= {resource.location: resource.description for resource in found.resources}
    drawn: dict[str, list[str]] = {}
    for table in found.tables:
        for resource in table.resources:
            drawn.setdefault(resource.location, []).append(table.name)
    for name, of in drawn.items():
        kind = "Thumbnail" if name.startswith("thumb") else "Figure"
        about[name] = f"{kind} of {len(of)} tables, the first {of[0]!r}"
    for name in sorted(path.name for path in found.folder.iterdir()):
        writer.note(
            found.folder / name, about.get(name, f"HEPData table, {name.removesuffix('.yaml').replace('_', ' ')}")
        )


class _Writer:
    """Writes files under one folder and remembers them; what exists is refused before anything is computed.

    A reproduction that was broken off can have left some of the files: each name is looked for.
    """

    def __init__(self, folder: Path, overwrite: bool) -> None:
        self.folder, self.overwrite, self.about = folder, overwrite, dict[Path, str]()
        there = [] if overwrite else [name for name in file_names() if os.path.lexists(folder / name)]
        if there:
            others = f" and {len(there) - 1} more" if len(there) > 1 else ""
            raise InputError(
                f"{folder}: holds {there[0]}{others} of an earlier reproduction; --overwrite replaces them"
            )
        try:
            for name in (folder, *(folder / part for part in ("scans", "workspaces", "hs3", "figures", "cite"))):
                name.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: {error.strerror}; expected a folder that can be written") from error
        check_folder(folder / "submission", overwrite, not_a_submission)

    @property
    def files(self) -> list[Path]:
        return list(self.about)

    def note(self, path: Path, about: str) -> None:
        """Remember a file and what it is, in one line."""
        self.about[path] = about

    def text(self, name: str, content: str, about: str) -> None:
        write_text(self.folder / name, content, self.overwrite)
        self.note(self.folder / name, about)

    def figure(self, name: str, figure: Figure, about: str) -> None:
        fix_layout(figure)
        for kind in FIGURE_KINDS:
            path = self.folder / f"{name}.{kind}"
            save_figure(figure, path, overwrite=self.overwrite)
            self.note(path, f"{about} ({kind.upper()})")

    def contents(self) -> None:
        """README.md, which names every file in a line."""
        self.note(self.folder / "README.md", "This list")
        lines = [f"- `{path.relative_to(self.folder).as_posix()}`: {about}" for path, about in self.about.items()]
        head = "# Reproduction of arXiv:2501.06294\n\nMade by `na64stat reproduce`; start with summary.md.\n\n"
        write_text(self.folder / "README.md", head + "\n".join(lines) + "\n", self.overwrite)


def _contour_table(scans: dict[tuple[str, str], Scan]) -> str:
    rows = [
        (run, region, verdict, number, curve.closed, mass, coupling, scan.coupling_unit, artefact)
        for (run, region), scan in scans.items()
        for verdict in scan.excess
        for number, curve in enumerate((*scan.contours(verdict), *scan.layer_sum_alone(verdict)))
        for mass, coupling, artefact in zip(curve.mass, curve.coupling, curve.artefact, strict=True)
    ]
    header = ("run", "region", "verdict", "curve", "closed", "mass_gev", "coupling", "coupling_unit", "artefact")
    return _csv(header, rows)


def _limit_table(found: dict[str, ScenarioLimits]) -> str:
    levels = tuple(next(iter(found.values())).points[0].coupling)
    rows = [
        (run, point.mass, *(point.coupling[level] for level in levels), limits.coupling_unit)
        for run, limits in found.items()
        for point in limits.points
    ]
    return _csv(("run", "mass_gev", *levels, "coupling_unit"), rows)


def _csv(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow(
            ["" if value is None else f"{value:.8g}" if isinstance(value, float) else value for value in row]
        )
    return text.getvalue()
