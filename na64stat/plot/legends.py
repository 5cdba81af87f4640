"""Legends stacked above axes: names of colours, below them what the styles of lines stand for, the title on top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.legend import Legend
from matplotlib.transforms import ScaledTranslation

from na64stat.errors import InputError

_GAP_PT: Final = 3.0
_MOST_COLUMNS: Final = 4
_WIDEST: Final = 0.82
"""Of the width of the figure; a wider legend pushes the axes away."""


def stack_legends(axes: Axes, groups: Sequence[Sequence[Artist]], title: str = "") -> None:
    """Write a legend for each group of handles above the axes, the first on top; empty groups need no room.

    A legend takes as many columns as the width of the figure allows.

    Parameters
    ----------
    axes
        Of a figure of `new_figure`.
    groups
        Handles of each legend.
    title
        Above them.

    Raises
    ------
    InputError
        If the axes belong to no figure of `style.new_figure`.
    """
    figure = axes.get_figure(root=True)
    canvas = None if figure is None else figure.canvas
    if figure is None or not isinstance(canvas, FigureCanvasAgg):
        raise InputError("figure: legends are stacked on figures of `style.new_figure` only")
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    height = _GAP_PT
    for handles in reversed([group for group in groups if group]):
        place: Any = axes.transAxes + ScaledTranslation(0, height / 72, figure.dpi_scale_trans)
        for columns in range(min(len(handles), _MOST_COLUMNS), 0, -1):
            legend = Legend(
                axes,
                handles,
                [str(handle.get_label()) for handle in handles],
                loc="lower center",
                bbox_to_anchor=(0.5, 1.0),
                bbox_transform=place,
                borderaxespad=0.0,
                borderpad=0.0,
                ncols=columns,
                frameon=False,
            )
            box = legend.get_window_extent(renderer)
            if box.width <= _WIDEST * figure.bbox.width:
                break
        axes.add_artist(legend)
        height += box.height / figure.dpi * 72 + _GAP_PT
    if title:
        place = axes.transAxes + ScaledTranslation(0, (height + 1) / 72, figure.dpi_scale_trans)
        axes.text(0.5, 1.0, title, transform=place, ha="center", va="bottom", fontsize="medium", gid="title")
