"""Figures of posteriors: corner plot, posterior of one parameter, credible region beside that of CL_s."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from na64stat.plot.legends import stack_legends
from na64stat.plot.posterior import draw_corner, draw_credible_plane, draw_marginal
from na64stat.plot.style import (
    COLOURS,
    COLUMN_CM,
    PAGE_CM,
    fix_tick_labels,
    house_style,
    mark_decades,
    new_figure,
    save_figure,
)
from na64stat.records.credible import ComparedLimits, CrediblePlane
from na64stat.records.map import Exclusion
from na64stat.scenarios.registry import symbols
from na64stat.study.bayes.samples import Samples
from na64stat.text import in_brackets, in_mathtext, literal, parameter_unit

_MOST: Final = 40_000
"""Samples of a corner plot; more are thinned."""

_PANEL_CM: Final = 3.6
_ABOVE_LEGEND_PT: Final = 32.0


def save_corner(found: Samples, path: Path, cl: float = 0.90, *, overwrite: bool = False) -> None:
    """Corner plot of all parameters and of the signal events."""
    names = [*found.parameters, "events"]
    thin = max(1, -(-found.values[..., 0].size // _MOST))
    columns = {name: found.of(name).ravel()[::thin] for name in names}
    unit = found.question["coupling_unit"]
    labels = {
        name: literal(name).replace("_", " ") + in_brackets(in_mathtext(parameter_unit(name, unit))) for name in names
    }
    labels["events"] = "signal events"
    scales = {name: "log" if found.is_log(name) else "linear" for name in names}
    with house_style():
        size = max(COLUMN_CM, _PANEL_CM * len(names) + 1.5)
        figure = new_figure(size, size)
        draw_corner(figure, columns, scales=scales, labels=labels, cl=cl)
    save_figure(figure, path, overwrite=overwrite)


def curves_figure(found: ComparedLimits) -> Figure:
    """Posterior density of each prior's parameter, with the credible limit and the region of the highest density."""
    count = len(found.credible)
    columns = min(count, 2)
    lines = -(-count // columns)
    with house_style():
        figure = new_figure(6.8 * lines + 1.0, COLUMN_CM if columns == 1 else PAGE_CM)
        fixed = "" if found.mass is None else f", m = {found.mass:g} GeV"
        counts = ", ".join(f"{count:g} in {name}" for name, count in found.counts.items())
        run = "" if found.run is None else f", run {found.run}"
        figure.suptitle(f"{found.scenario}{fixed}{run}: {counts}", parse_math=False, wrap=True)
        for number, item in enumerate(found.credible, start=1):
            axes = figure.add_subplot(lines, columns, number)
            prior = item.curve.prior
            x = item.curve.grid()
            density = prior.density(x) * (x if prior.scale == "log" else 1.0)
            finite = np.isfinite(density)
            label = {"yield": "signal events", "mu": r"$\mu$"}.get(prior.parameter, "coupling")
            draw_marginal(
                axes,
                None,
                scale=prior.scale,
                curve=(x[finite], item.curve.density(x[finite])),
                prior=(x[finite], density[finite]),
                limit=item.limit,
                region=item.highest_density,
                label=label + in_brackets(in_mathtext(parameter_unit(prior.parameter, found.coupling_unit))),
                cl=found.cl,
            )
            axes.set_title(literal(item.prior), pad=_ABOVE_LEGEND_PT)
    return figure


def save_curves(found: ComparedLimits, path: Path, *, overwrite: bool = False) -> None:
    """`curves_figure` in a file."""
    save_figure(curves_figure(found), path, overwrite=overwrite)


def save_plane(found: CrediblePlane, exclusion: Exclusion, path: Path, *, overwrite: bool = False) -> None:
    """Credible region of the (mass, coupling) plane, beside the region that CL_s excludes."""
    mass_symbol, coupling_symbol = symbols(found.scenario)
    with house_style():
        figure = new_figure(8.6)
        axes = figure.add_subplot()
        share = f"{100 * found.cl:g}%"
        label = f"{share} credible region"
        draw_credible_plane(
            axes, found.mass, found.coupling, found.density, found.level, label=label, colour=COLOURS[0]
        )
        for number, contour in enumerate(exclusion.contours("observed")):
            mass, coupling = list(contour.mass), list(contour.coupling)
            if contour.closed:
                mass, coupling = [*mass, mass[0]], [*coupling, coupling[0]]
            name = rf"excluded at {share} CL$_s$" if number == 0 else "_"
            axes.plot(mass, coupling, color=COLOURS[1], ls="--", lw=1.4, label=name)
        axes.set_xlim(found.mass[0], found.mass[-1])
        axes.set_ylim(found.coupling[0], found.coupling[-1])
        axes.set_xlabel(f"${mass_symbol}$ [GeV]")
        axes.set_ylabel(f"${coupling_symbol}${in_brackets(in_mathtext(found.coupling_unit))}")
        regions = " + ".join(found.regions)
        for axis in (axes.xaxis, axes.yaxis):
            mark_decades(axis)
        fix_tick_labels(axes)
        title = literal("\n".join([f"{found.scenario}, run {found.run}, {regions}", *found.priors]))
        stack_legends(axes, [axes.get_legend_handles_labels()[0]], title)
    save_figure(figure, path, overwrite=overwrite)
