"""Posteriors: one parameter, corner plots, the (mass, coupling) plane, limits against the bound of a prior."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from na64stat.errors import InputError
from na64stat.plot.style import ABOVE, COLOURS, LINES, fix_tick_labels, mark_decades

Array = NDArray[np.float64]
Pair = tuple[Array, Array]

_BINS: Final = 60


def draw_marginal(
    axes: Axes,
    samples: Array | None,
    *,
    scale: str = "linear",
    curve: Pair | None = None,
    prior: Pair | None = None,
    limit: float | None = None,
    region: Sequence[tuple[float, float]] = (),
    label: str,
    cl: float = 0.90,
) -> Axes:
    """Posterior density of one parameter, per unit of it or, on a logarithmic axis, of its logarithm.

    Parameters
    ----------
    axes
        Where.
    samples
        Values, shape (S,), for a histogram; None for none.
    scale
        "linear" or "log".
    curve, prior
        Values and density of the posterior and of the prior, each of shape (N,).
    limit
        Upper limit with probability `cl`.
    region
        Intervals of the highest density.
    label
        Of the parameter, with its unit.
    cl
        Posterior probability, for the legend.

    Raises
    ------
    InputError
        For samples that are not finite, or not positive on a logarithmic axis, or columns of unequal length.
    """
    log = scale == "log"
    if samples is not None:
        values = _finite(label, samples, log)
        x = np.log(values) if log else values
        height, edges = np.histogram(x, bins=_BINS, density=True)
        axes.stairs(height, np.exp(edges) if log else edges, color="0.45", fill=True, alpha=0.35, label="samples")
    for low, high in region:
        axes.axvspan(low, high, color=COLOURS[0], alpha=0.15, lw=0)
    for pair, name, style in ((curve, "posterior", "-"), (prior, "prior", "--")):
        if pair is None:
            continue
        x, y = (np.asarray(column, dtype=float) for column in pair)
        if x.shape != y.shape:
            raise InputError(
                f"figure: the {name} of {label} has columns of {len(x)} and {len(y)}; expected equal lengths"
            )
        axes.plot(
            x,
            y,
            color=COLOURS[0] if name == "posterior" else "0.2",
            ls=style,
            lw=1.5 if style == "-" else 1.0,
            label=name,
        )
    if limit is not None:
        axes.axvline(limit, color=COLOURS[1], ls="-.", lw=1.3, label=f"{100 * cl:g}% below {limit:.3g}")
    if log:
        axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.margins(x=0)
    axes.set_xlabel(label)
    axes.set_ylabel("density per unit of ln" if log else "density")
    handles, _ = axes.get_legend_handles_labels()
    if region:
        handles.append(Patch(color=COLOURS[0], alpha=0.15, lw=0, label=f"highest density, {100 * cl:g}%"))
    axes.legend(handles=handles, **ABOVE, ncols=2)
    fix_tick_labels(axes)
    return axes


def draw_corner(
    figure: Figure,
    columns: Mapping[str, Array],
    *,
    scales: Mapping[str, str],
    labels: Mapping[str, str],
    cl: float = 0.90,
) -> None:
    """Every pair of parameters, with regions of 68% and `cl`, and each by itself.

    Parameters
    ----------
    figure
        Empty.
    columns
        Name -> samples, each of shape (S,). One without spread is left out.
    scales
        Name -> "linear" or "log"; the latter are drawn as decimal logarithms.
    labels
        Name -> label with unit.
    cl
        Posterior probability of the wider regions.

    Raises
    ------
    InputError
        If fewer than two parameters have a spread, or samples are not finite (or not positive).
    """
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", FutureWarning
        )  # corner imports ArviZ where it is installed, which warns once a day
        import corner

    shown = {name: _finite(name, values, scales[name] == "log") for name, values in columns.items()}
    shown = {name: values for name, values in shown.items() if np.ptp(values) > 0}
    if len(shown) < 2:
        raise InputError(f"corner plot: {len(shown)} parameters with a spread; expected two or more")
    data = np.column_stack([np.log10(values) if scales[name] == "log" else values for name, values in shown.items()])
    names = [rf"$\log_{{10}}$ {labels[name]}" if scales[name] == "log" else labels[name] for name in shown]
    figure.set_layout_engine(None)  # corner lays out by itself
    corner.corner(
        data,
        fig=figure,
        bins=30,
        labels=names,
        levels=(0.68, cl),
        color=COLOURS[0],
        plot_datapoints=False,
        fill_contours=True,
        smooth=0.8,
        max_n_ticks=4,
        label_kwargs={"fontsize": 8.5},
        labelpad=-0.02,
    )
    for axes in figure.axes:
        axes.tick_params(labelsize=7)


def draw_credible_plane(
    axes: Axes,
    mass: Array,
    coupling: Array,
    density: Array,
    level: float,
    *,
    label: str,
    colour: str,
) -> Axes:
    """Credible region of the (mass, coupling) plane, on logarithmic axes.

    Parameters
    ----------
    axes
        Where.
    mass, coupling, density
        Grid [GeV; unit of the coupling] and density per ln(mass) and ln(coupling), shapes (M,), (G,) and (M, G).
    level
        Density above which the region lies.
    label, colour
        For the legend, and of the region.

    Raises
    ------
    InputError
        For a density of another shape.
    """
    if density.shape != (len(mass), len(coupling)):
        raise InputError(f"figure: density of shape {density.shape}; expected ({len(mass)}, {len(coupling)})")
    axes.contourf(mass, coupling, density.T, levels=[level, np.inf], colors=[colour], alpha=0.2)
    axes.contour(mass, coupling, density.T, levels=[level], colors=[colour], linewidths=1.5)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.plot([], [], color=colour, lw=1.5, label=label)
    return axes


def draw_limits_by_prior(
    axes: Axes,
    bounds: Array,
    limits: Array,
    references: Mapping[str, float],
    *,
    xlabel: str,
    ylabel: str,
    cl: float = 0.90,
) -> Axes:
    """Credible limits against the lower bound of the prior, beside limits that have none.

    Parameters
    ----------
    axes
        Where.
    bounds, limits
        Shapes (N,).
    references
        Name -> limit.
    xlabel, ylabel
        With units.
    cl
        Posterior probability, for the legend.

    Raises
    ------
    InputError
        If there are not as many bounds as limits.
    """
    if np.shape(bounds) != np.shape(limits):
        raise InputError(f"figure: {len(bounds)} bounds and {len(limits)} limits; expected as many")
    axes.loglog(bounds, limits, color=COLOURS[0], marker="o", ms=3, lw=1.5)
    handles = [Line2D([], [], color=COLOURS[0], marker="o", ms=3, label=f"log-flat, {100 * cl:g}%")]
    for number, (name, value) in enumerate(references.items()):
        colour = COLOURS[(number + 1) % len(COLOURS)]
        style = LINES[(number + 1) % len(LINES)]
        axes.axhline(value, color=colour, ls=style, lw=1.2)
        handles.append(Line2D([], [], color=colour, ls=style, lw=1.2, label=f"{name}, {value:.3g}"))
    axes.margins(x=0)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    for axis in (axes.xaxis, axes.yaxis):
        mark_decades(axis)
    fix_tick_labels(axes)
    axes.legend(handles=handles, **ABOVE, ncols=2)
    return axes


def _finite(name: str, values: Array, log: bool) -> Array:
    found = np.asarray(values, dtype=float).ravel()
    if not len(found) or not np.isfinite(found).all() or (log and not (found > 0).all()):
        raise InputError(f"figure: samples of {name} are not all finite{' and positive' if log else ''}")
    return found
