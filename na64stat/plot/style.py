"""The look of all figures, and how they are written: the same figure gives the same bytes.

Figures are made for one column of a journal and are printed at the size in which they are made::

    with house_style():
        figure = new_figure(height_cm=6.5)
        draw_efficiency(figure.add_subplot(), run.efficiency)
    save_figure(figure, "efficiency.pdf")
"""

from __future__ import annotations

import io
import logging
import math
import os
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from na64stat.errors import InputError
from na64stat.files import write_bytes

COLUMN_CM: Final = 8.6
PAGE_CM: Final = 17.8
"""Widths [cm] of a column, and of the two columns of a page."""

SMALLEST_PT: Final = 6.5
"""Smallest font [pt]; only exponents and indices are smaller, as everywhere 0.7 of their line."""

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours of curves, told apart with every kind of colour vision (Okabe and Ito)."""

SEQUENCE: Final = ("#000000", "#4A2377", "#1170B8", "#38A989", "#EFA93B", "#9FD4EE")
"""Colours of a series, such as growing exposure: from dark to light, so that grey keeps the order."""

LINES: Final[tuple[Any, ...]] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2.5)), (0, (8, 2)))
"""Styles of lines, as many as colours: curves are told apart in grey, too."""

INNER: Final = COLOURS[2]
OUTER: Final = "#F0E442"
"""Colours of the bands of one and two standard deviations: dark and light in grey."""

SHADES: Final = ("#d9d9d9", "#c6d4df", "#e3d8c5", "#d5dfcb", "#dccfdd", "#cfcfcf")
"""Fills of existing limits: pale, so that curves stand out; the outline tells neighbours apart."""

OUTLINE: Final = "#8a8a8a"
HATCH: Final = "#5f5f5f"
"""Hatches of a pale band that lies on pale shades, where grey would show nothing."""

FORMATS: Final = ("pdf", "png")

ABOVE: Final[dict[str, Any]] = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.01), "borderaxespad": 0.0}
"""A legend above the axes covers nothing."""

_CM_PER_INCH: Final = 2.54
_NOTE_CHARACTERS_PER_CM: Final = 7.3
_DECADES_WITH_ALL_DIGITS: Final = 0.75
_DECADES_WITH_DIGITS: Final = 1.5
_DECADES_WITH_MINORS: Final = 6.5
_SETTINGS: Final[dict[str, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "mathtext.fontset": "dejavusans",
    "axes.linewidth": 0.7,
    "hatch.linewidth": 0.5,
    "axes.labelsize": 8.5,
    "axes.titlesize": 8.0,
    "figure.titlesize": 8.0,
    "legend.fontsize": 7.0,
    "legend.handlelength": 2.2,
    "legend.columnspacing": 1.2,
    "legend.frameon": False,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "xtick.top": True,
    "ytick.right": True,
    "pdf.fonttype": 42,  # journals refuse type 3
    "path.simplify": False,
}


@contextmanager
def house_style() -> Iterator[None]:
    """The settings of matplotlib under which figures are made and written; the user's own come back afterwards."""
    # From the defaults, not from what the user has set: figures are the same everywhere.
    defaults = {key: value for key, value in mpl.rcParamsDefault.items() if not key.startswith("backend")}
    settings: Any = defaults | _SETTINGS
    with mpl.rc_context(settings):
        yield


def new_figure(height_cm: float = 6.5, width_cm: float = COLUMN_CM) -> Figure:
    """An empty figure of a size [cm], drawn without a window, laid out so that nothing is cut off.

    Parameters
    ----------
    height_cm, width_cm
        Of the figure [cm].

    Raises
    ------
    InputError
        If the size leaves no room for axes (below 3 cm), or is above 60 cm.
    """
    for name, size in (("height", height_cm), ("width", width_cm)):
        if not 3 <= size <= 60:
            raise InputError(f"figure: a {name} of {size} cm is not between 3 and 60 cm")
    figure = Figure(figsize=(width_cm / _CM_PER_INCH, height_cm / _CM_PER_INCH), dpi=200)
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", w_pad=0.03, h_pad=0.03)
    return figure


def write_notes(figure: Figure, text: str) -> None:
    """Write what a reader must know below everything else, and make the figure higher by that; nothing for an empty text.

    Parameters
    ----------
    figure
        Of `new_figure`.
    text
        The notes.
    """
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(text.encode(errors="replace").decode(), int(width * _CM_PER_INCH * _NOTE_CHARACTERS_PER_CM))
    if not lines:
        return
    spacing, edge = 1.25, 3 / 72
    room = SMALLEST_PT * spacing * len(lines) / 72 + 2 * edge
    height += room
    figure.set_size_inches(width, height)
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, room / height, 1, 1 - room / height))
    style: Any = {"fontsize": SMALLEST_PT, "linespacing": spacing, "color": "#333333", "parse_math": False}
    figure.text(0.012, edge / height, "\n".join(lines), va="bottom", in_layout=False, **style)


def mark_decades(axis: Axis) -> None:
    """A tick at every decade of a logarithmic axis, of which matplotlib leaves some out; labels as many as have room.

    Parameters
    ----------
    axis
        Logarithmic.
    """
    low, high = axis.get_view_interval()
    decades = np.log10(high / low)
    if decades <= _DECADES_WITH_DIGITS:
        if decades > _DECADES_WITH_ALL_DIGITS:
            axis.set_minor_formatter(FuncFormatter(_two_and_five))
        return
    axis.set_major_locator(LogLocator(numticks=6))
    axis.set_minor_locator(
        LogLocator(subs=(1.0,) if decades > _DECADES_WITH_MINORS else tuple(range(1, 10)), numticks=100)
    )
    axis.set_minor_formatter(NullFormatter())


def _two_and_five(value: float, _: int | None) -> str:
    """Label of a tick between decades: of those at 2 and at 5 only, since more touch each other."""
    exponent = math.floor(math.log10(value) + 1e-9)
    digit = round(value / 10.0**exponent)
    return rf"$\mathdefault{{{digit}\times10^{{{exponent}}}}}$" if digit in (2, 5) else ""


def fix_tick_labels(axes: Axes) -> None:
    """Keep the size of tick labels: matplotlib makes ticks when it draws, maybe under another style.

    Parameters
    ----------
    axes
        Whose.
    """
    size = mpl.font_manager.FontProperties(size=mpl.rcParams["xtick.labelsize"]).get_size_in_points()
    axes.tick_params(which="both", labelsize=size, zorder=10)
    axes.tick_params(axis="x", which="both", pad=0.7 * size)  # clear of the lowest label of the other axis


def fix_layout(figure: Figure) -> None:
    """Lay a figure out now, for good: in every format that it is written in afterwards everything stands at the same place.

    Parameters
    ----------
    figure
        Complete.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        with house_style():
            engine.execute(figure)
            figure.set_layout_engine(None)


def save_figure(figure: Figure, path: str | os.PathLike[str], overwrite: bool = False, dpi: int = 300) -> None:
    """Write a figure as PDF or PNG, after the ending of the file's name; no date is written into it.

    Parameters
    ----------
    figure
        The figure.
    path
        Ending in .pdf or .png.
    overwrite
        Whether an existing file is replaced.
    dpi
        Dots per inch of a PNG.

    Raises
    ------
    InputError
        For another ending, or if the file cannot be written (see `na64stat.files.write_bytes`).
    """
    kind = Path(path).suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        raise InputError(f"cannot write {path}: a figure is written as {' or '.join(FORMATS)}, give such an ending")
    write_bytes(path, figure_bytes(figure, kind, dpi), overwrite)


def figure_bytes(figure: Figure, kind: str, dpi: int = 300) -> bytes:
    """A figure as the content of a file of a kind of `FORMATS`.

    Parameters
    ----------
    figure
        The figure.
    kind
        One of `FORMATS`.
    dpi
        Dots per inch of a PNG.
    """
    metadata: dict[str, Any] = {"CreationDate": None} if kind == "pdf" else {"Software": None}
    buffer = io.BytesIO()
    with house_style(), _quiet_fonts():
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


@contextmanager
def _quiet_fonts() -> Iterator[None]:
    """Within, fontTools keeps to itself the dates in the font that has the prime: nobody can do anything about them."""
    log = logging.getLogger("fontTools")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
