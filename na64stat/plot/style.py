"""The look of all figures, and how they are written: the same figure gives the same bytes."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from na64stat.errors import InputError
from na64stat.files import write_bytes

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours of curves, told apart with every kind of colour vision (Okabe and Ito)."""

SHADES: Final = ("#d9d9d9", "#c6d4df", "#e3d8c5", "#d5dfcb", "#dccfdd", "#cfcfcf")
"""Fills of existing limits: pale, so that curves stand out; the outline tells neighbours apart."""

OUTLINE: Final = "#8a8a8a"
FORMATS: Final = ("pdf", "png")

_SETTINGS: Final[dict[str, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "mathtext.fontset": "dejavusans",
    "axes.linewidth": 0.8,
    "axes.labelsize": 11.0,
    "axes.titlesize": 10.0,
    "legend.fontsize": 7.5,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    # With 42, fontTools complains on standard error about dates in the font that has the prime.
    "pdf.fonttype": 3,
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


def new_figure(width: float = 7.6, height: float = 5.2) -> Figure:
    """An empty figure of a size [inch], drawn without a window.

    Parameters
    ----------
    width, height
        Of the figure [inch].
    """
    figure = Figure(figsize=(width, height), dpi=100)
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: str | os.PathLike[str], overwrite: bool = False, dpi: int = 200) -> None:
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


def figure_bytes(figure: Figure, kind: str, dpi: int = 200) -> bytes:
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
    with house_style():
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
    return buffer.getvalue()
