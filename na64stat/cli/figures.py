"""Figures of one result, written by `-o FILE`: pulls of a fit, impacts, limits of several methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from na64stat.cli.output import Output, output_option
from na64stat.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from na64stat.stats.fits.best_fit import BestFit
    from na64stat.stats.fits.impacts import Impacts
    from na64stat.stats.results import Limit

MOST_ROWS: Final = 40
"""Parameters that a figure can hold."""

_FORMATS: Final = (".png", ".pdf")


def figure_option(what: str) -> Callable[[Any], Any]:
    """-o/--output for a figure."""
    return output_option(f"Figure of the {what}: .png or .pdf.")


def figure_file(name: str | None, overwrite: bool) -> Output | None:
    """The figure to be written, checked before anything is computed."""
    if name is None:
        if overwrite:
            raise InputError("--overwrite: goes with -o FILE, the figure to be written")
        return None
    file = Output.of(name, overwrite)
    if file.path.suffix.lower() not in _FORMATS:
        raise InputError(f"--output: {file.path}; a figure is written as {' or '.join(_FORMATS)}, give such an ending")
    return file


def save_pulls(file: Output, found: BestFit, title: str) -> None:
    """Pulls of the constrained parameters; of many, the largest."""
    from na64stat.plot.inference import draw_pulls

    pulled = [item for item in found.parameters if item.pull is not None]
    largest = sorted(pulled, key=lambda item: -abs(item.pull or 0.0))[:MOST_ROWS]
    shown = replace(found, parameters=tuple(item for item in pulled if item in largest))
    _save(file, len(shown.parameters), title, lambda figure: draw_pulls(figure.add_subplot(), shown))


def save_impacts(file: Output, result: Impacts, title: str) -> None:
    """Impacts with pulls; of many, the largest."""
    from na64stat.plot.inference import draw_impacts

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        draw_impacts((left, right), result, MOST_ROWS)

    _save(file, min(len(result.ranking), MOST_ROWS) + 2, title, draw)


def save_limits(file: Output, limits: Mapping[str, Limit], title: str) -> None:
    """Limits of several methods."""
    from na64stat.plot.inference import draw_limits

    _save(file, 2 * len(limits) + 2, title, lambda figure: draw_limits(figure.add_subplot(), limits))


def _save(file: Output, rows: int, title: str, draw: Callable[[Figure], object]) -> None:
    from na64stat.plot.style import house_style, new_figure, save_figure

    with house_style():
        figure = new_figure(3.2 + 0.5 * max(rows, 5))
        figure.suptitle(title, parse_math=False, wrap=True)
        draw(figure)
    save_figure(figure, file.path, overwrite=file.overwrite)
    click.echo(f"wrote {file.path}", err=True)
