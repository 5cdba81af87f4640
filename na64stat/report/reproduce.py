"""The main job: arXiv:2501.06294 from the published inputs to figures, tables and workspaces."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from na64stat.errors import InputError
from na64stat.files import to_json, write_text
from na64stat.plot.style import save_figure
from na64stat.report.figures import figure_2, figure_3, figure_4
from na64stat.report.headlines import Headline, as_markdown, headlines
from na64stat.report.results import TrackMaker, compute
from na64stat.report.workspaces import reference_workspaces
from na64stat.study.limits_record import ScenarioLimits
from na64stat.study.scan_record import Scan


@dataclass(frozen=True)
class Reproduction:
    """What was written.

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
    writer.figure("figure2_axion_photon", figure_2(results))
    writer.figure("figure3_axion_muon", figure_3(results))
    writer.figure("figure4_dark_sector", figure_4(results))
    writer.text("figure2_axion_photon.csv", _contour_table(results.photon))
    writer.text("figure3_axion_muon.csv", _limit_table(results.muon))
    loop = {(run, "invisible"): scan for run, scan in results.muon_loop.items()}
    writer.text("figure3_axion_muon_loop_decay.csv", _contour_table(loop))
    writer.text("figure4_dark_sector.csv", _limit_table(results.dark))
    for (run, region), scan in results.photon.items():
        writer.text(f"scans/axion-photon_{run}_{region}.json", to_json(scan.as_dict()))
    for name, workspace in reference_workspaces().items():
        writer.text(f"workspaces/{name}", to_json(workspace))
    rows = headlines(results)
    writer.text("headlines.md", as_markdown(rows))
    return Reproduction(tuple(writer.files), rows)


class _Writer:
    """Writes files under one folder and remembers them; what exists is refused before anything is computed."""

    def __init__(self, folder: Path, overwrite: bool) -> None:
        self.folder, self.overwrite, self.files = folder, overwrite, list[Path]()
        if not overwrite and (folder / "headlines.md").exists():
            raise InputError(f"{folder}: holds an earlier reproduction; --overwrite replaces its files")
        try:
            for name in (folder, folder / "scans", folder / "workspaces"):
                name.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: {error.strerror}; a folder that can be written is right") from error

    def text(self, name: str, content: str) -> None:
        write_text(self.folder / name, content, self.overwrite)
        self.files.append(self.folder / name)

    def figure(self, name: str, figure: Any) -> None:
        for kind in ("pdf", "png"):
            path = self.folder / f"{name}.{kind}"
            save_figure(figure, path, overwrite=self.overwrite)
            self.files.append(path)


def _contour_table(scans: dict[tuple[str, str], Scan]) -> str:
    rows = [
        (run, region, verdict, number, curve.closed, mass, coupling, scan.coupling_unit, artefact)
        for (run, region), scan in scans.items()
        for verdict in scan.excess
        for number, curve in enumerate(scan.contours(verdict))
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
