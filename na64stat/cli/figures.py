"""Pictures of one result: pulls of a fit, impacts, limits of several methods, contours of a map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from na64stat.records.map import Exclusion, Scan
    from na64stat.stats.fits.best_fit import BestFit
    from na64stat.stats.fits.impacts import Impacts
    from na64stat.stats.results import Limit

MOST_ROWS: Final = 40
"""Parameters that a figure can hold."""


def draw_map(result: Scan | Exclusion, path: Path, overwrite: bool) -> None:
    """Contours of a scan or an exclusion with the limits of other experiments, as `na64stat plot` draws them."""
    from na64stat.figures.figure_of import draw_maps
    from na64stat.figures.map_labels import map_labels

    draw_maps({map_labels([result], [path.stem])[0]: result}, path, overwrite=overwrite)


def save_pulls(path: Path, overwrite: bool, found: BestFit, title: str) -> None:
    """Pulls of the constrained parameters; of many, the largest."""
    from na64stat.plot.inference import draw_pulls

    pulled = [item for item in found.parameters if item.pull is not None]
    largest = sorted(pulled, key=lambda item: -abs(item.pull or 0.0))[:MOST_ROWS]
    shown = replace(found, parameters=tuple(item for item in pulled if item in largest))
    _save(path, overwrite, len(shown.parameters), title, lambda figure: draw_pulls(figure.add_subplot(), shown))


def save_impacts(path: Path, overwrite: bool, result: Impacts, title: str) -> None:
    """Impacts with pulls; of many, the largest."""
    from na64stat.plot.inference import draw_impacts

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        draw_impacts((left, right), result, MOST_ROWS)

    _save(path, overwrite, min(len(result.ranking), MOST_ROWS) + 2, title, draw)


def save_limits(path: Path, overwrite: bool, limits: Mapping[str, Limit], title: str) -> None:
    """Limits of several methods."""
    from na64stat.plot.inference import draw_limits

    _save(path, overwrite, 2 * len(limits) + 2, title, lambda figure: draw_limits(figure.add_subplot(), limits))


def _save(path: Path, overwrite: bool, rows: int, title: str, draw: Callable[[Figure], object]) -> None:
    from na64stat.plot.style import house_style, new_figure, save_figure

    with house_style():
        figure = new_figure(3.2 + 0.5 * max(rows, 5))
        figure.suptitle(title, parse_math=False, wrap=True)
        draw(figure)
    save_figure(figure, path, overwrite=overwrite)
