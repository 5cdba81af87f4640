"""Figures for one column of a journal: `column_figure` makes one, under `column_style`.

::

    with column_style():
        figure = column_figure(height_cm=6.5)
        draw_efficiency(figure.add_subplot(), run.efficiency)
    save_figure(figure, "efficiency.pdf")
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from na64stat.errors import InputError
from na64stat.plot.style import house_style, new_figure

COLUMN_CM: Final = 8.6
"""Width of a column [cm]; figures are printed at the size in which they are made."""

SMALLEST_PT: Final = 6.5
"""Smallest font [pt]; only exponents and indices are smaller, as everywhere 0.7 of their line."""

_CM_PER_INCH: Final = 2.54
_SETTINGS: Final[Any] = {
    "font.size": 8.0,
    "axes.labelsize": 8.5,
    "axes.titlesize": 8.5,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 7.0,
    "legend.handlelength": 2.2,
    "legend.columnspacing": 1.2,
    "axes.linewidth": 0.7,
}


@contextmanager
def column_style() -> Iterator[None]:
    """The house style with fonts and lines for a figure of `COLUMN_CM` width."""
    settings: Any = _SETTINGS
    with house_style(), mpl.rc_context(settings):
        yield


def column_figure(height_cm: float = 6.5) -> Figure:
    """An empty figure of `COLUMN_CM` width and a height [cm], laid out so that nothing is cut off.

    Parameters
    ----------
    height_cm
        Of the figure [cm].

    Raises
    ------
    InputError
        If the height leaves no room for axes (below 3 cm), or is above a page (30 cm).
    """
    if not 3 <= height_cm <= 30:
        raise InputError(f"figure: a height of {height_cm} cm is not between 3 and 30 cm")
    figure = new_figure(COLUMN_CM / _CM_PER_INCH, height_cm / _CM_PER_INCH)
    figure.set_layout_engine("constrained", w_pad=0.03, h_pad=0.03)
    return figure
