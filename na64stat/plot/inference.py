"""Results of inference, drawn into axes: pulls, impacts, correlations, profiles, limits of several methods, CL_s against mu.

Each function takes axes (made under `style.house_style`) and a record of the statistics, draws, and returns the axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from na64stat.errors import InputError
from na64stat.plot.records import Fit, Hypothesis, Limit, Parameter, Ranking, Scan
from na64stat.plot.style import ABOVE, COLOURS, INNER, OUTER, SMALLEST_PT, fix_tick_labels, mark_decades

DOWN, UP = COLOURS[4], COLOURS[0]
"""Colours of a parameter held below and above its best value."""

GREY: Final = "#8a8a8a"
_SIGNED: Final = 0.05
"""Correlation from which its colour is seen, and its sign written where the number has no room."""


def draw_pulls(axes: Axes, fit: Fit) -> Axes:
    """Constrained parameters: distance from their measurement and remaining error, in units of its standard deviation.

    Parameters
    ----------
    axes
        Where.
    fit
        The best fit.

    Raises
    ------
    InputError
        If no constrained parameter was fitted.
    """
    shown = [parameter for parameter in fit.parameters if parameter.pull is not None]
    if not shown:
        raise InputError("figure of pulls: no constrained parameter was fitted")
    _pulls(axes, shown)
    axes.set_xlabel(r"$(\hat\theta - \theta_0)/\sigma_0$")
    fix_tick_labels(axes)
    return axes


def draw_impacts(axes: tuple[Axes, Axes], impacts: Ranking, most: int = 20) -> tuple[Axes, Axes]:
    """Pulls on the left, shifts of mu-hat on the right, the `most` largest impacts from above.

    Parameters
    ----------
    axes
        Left and right.
    impacts
        The impacts, the largest first.
    most
        Parameters to show.

    Raises
    ------
    InputError
        If no nuisance parameter was fitted.
    """
    shown = impacts.ranking[:most]
    if not shown:
        raise InputError("figure of impacts: no nuisance parameter was fitted")
    left, right = axes
    _pulls(left, [impact.parameter for impact in shown])
    left.set_xlabel(r"$(\hat\theta - \theta_0)/\sigma_0$")
    rows = np.arange(len(shown))
    for place, colour in (("down", DOWN), ("up", UP)):
        before = [getattr(impact, f"prefit_{place}") or 0.0 for impact in shown]
        after = [getattr(impact, place) or 0.0 for impact in shown]
        right.barh(rows, before, height=0.78, facecolor="none", edgecolor=colour, lw=0.9, zorder=3)
        right.barh(rows, after, height=0.78, color=colour, alpha=0.65, lw=0)
    right.axvline(0, color="black", lw=0.8)
    widest = max(map(abs, right.dataLim.intervalx.tolist()), default=0.0) or 1.0
    right.set_xlim(-1.15 * widest, 1.15 * widest)
    right.set_ylim(left.get_ylim())
    right.set_yticks(rows, [""] * len(shown))
    right.tick_params(axis="y", length=0)
    right.set_xlabel(r"$\Delta\hat\mu$")
    figure = right.get_figure()
    if figure is not None:
        parts = [Patch(color=DOWN, alpha=0.65, lw=0), Patch(color=UP, alpha=0.65, lw=0)]
        parts += [Patch(facecolor="none", edgecolor=GREY, lw=0.9), Patch(color=GREY, alpha=0.65, lw=0)]
        names = [r"$\hat\theta - \sigma$", r"$\hat\theta + \sigma$", "before", "after the fit"]
        figure.legend(parts, names, loc="outside lower center", ncols=4, frameon=False, handlelength=1.4)
    for one in axes:
        fix_tick_labels(one)
    return axes


def _pulls(axes: Axes, shown: Sequence[Parameter]) -> None:
    rows = np.arange(len(shown))
    pulls = [parameter.pull for parameter in shown]
    reach = max([2.4, *(abs(p.pull or 0.0) + (p.constraint or 0.0) + 0.3 for p in shown)])
    for width, colour in ((2, OUTER), (1, INNER)):
        axes.axvspan(-width, width, color=colour, alpha=0.3, lw=0, zorder=0)
    axes.axvline(0, color=GREY, lw=0.8, ls="--", zorder=1)
    for row, parameter, pull in zip(rows, shown, pulls, strict=True):
        if pull is not None:
            axes.errorbar(pull, row, xerr=parameter.constraint, fmt="o", ms=3.5, lw=1.2, capsize=2, color="black")
        else:  # without a measurement there is no pull: the value itself
            error = "" if parameter.error is None else rf" $\pm$ {parameter.error:.2g}"
            text = axes.text(0, float(row), f"{parameter.value:.3g}{error}", ha="center", va="center", fontsize=7)
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85})
    axes.set_xlim(-reach, reach)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    _name_ticks(axes.set_yticks(rows, [parameter.name for parameter in shown]), axes)


def draw_correlation(axes: Axes, fit: Fit, most: int = 20) -> Axes:
    """Correlations of the free parameters, of many those `most` that are correlated most with another.

    Parameters
    ----------
    axes
        Where.
    fit
        The best fit.
    most
        Parameters to show.

    Raises
    ------
    InputError
        If the fit has no covariance matrix.
    """
    matrix = fit.correlation
    if matrix is None or not len(matrix):
        raise InputError("figure of correlations: the fit has no covariance matrix")
    strongest = np.abs(matrix - np.diag(np.diag(matrix))).max(axis=1)
    kept = np.sort(np.argsort(-strongest, kind="stable")[:most])
    names, part = [fit.free_names[i] for i in kept], matrix[np.ix_(kept, kept)]
    image = axes.imshow(part, cmap="RdBu_r", vmin=-1, vmax=1)
    ticks = np.arange(len(kept))
    axes.set_xticks(ticks, names, rotation=90)
    _name_ticks(axes.set_yticks(ticks, names), axes)
    axes.tick_params(length=0)
    size = min(7.5, 60 / len(kept))
    legible = size >= SMALLEST_PT  # of many, the colours tell how large, and a sign what grey does not
    for i, row in enumerate(part):
        for j, value in enumerate(row):
            text = f"{value:.2f}" if legible else "\N{MINUS SIGN}" if value < 0 else ""
            if text and abs(value) >= (0.005 if legible else _SIGNED):
                colour = "white" if abs(value) > 0.6 else "black"
                axes.text(j, i, text, ha="center", va="center", fontsize=max(size, SMALLEST_PT), color=colour)
    figure = axes.get_figure()
    if figure is not None:
        figure.colorbar(image, ax=axes, label="correlation", fraction=0.046, pad=0.03)
    return axes


def draw_profile(axes: Axes, scan: Scan) -> Axes:
    """-2 ln L above its minimum along one parameter, with the levels of the usual intervals and where it crosses them.

    Parameters
    ----------
    axes
        Where.
    scan
        -2 ln L along one parameter.
    """
    known = np.isfinite(scan.rise)
    axes.plot(scan.values[known], scan.rise[known], color=COLOURS[0], lw=1.6, zorder=3)
    top = min(max(scan.rise[known].max(initial=0.0), 1.3), 3 * max(scan.levels.values()))
    axes.set_xlim(scan.values[0], scan.values[-1])
    axes.set_ylim(0, 1.05 * top)
    for label, level in scan.levels.items():
        if level > 1.05 * top:
            continue
        axes.axhline(level, color=GREY, lw=0.8, ls="--", zorder=1)
        axes.annotate(
            label,
            (0.975, level),  # clear of the ticks
            xycoords=axes.get_yaxis_transform(),
            xytext=(0, 2),
            textcoords="offset points",
            ha="right",
            fontsize=7,
            color="#444444",
        )
        for place in scan.crossings[label]:
            axes.plot([place, place], [0, level], color=GREY, lw=0.8, ls=":", zorder=2)
            axes.plot([place], [level], "o", ms=3.5, color=COLOURS[0], zorder=4)
    axes.set_xlabel(r"signal strength $\mu$" if scan.name == "mu" else scan.name, parse_math=scan.name == "mu")
    axes.set_ylabel(r"$-2\,\Delta\ln L$")
    fix_tick_labels(axes)
    return axes


def draw_limits(axes: Axes, limits: Mapping[str, Limit]) -> Axes:
    """Limits of several methods below each other: observed, median, and bands of one and two standard deviations.

    Parameters
    ----------
    axes
        Where.
    limits
        Name of the method -> limit.

    Raises
    ------
    InputError
        If none is given.
    """
    if not limits:
        raise InputError("figure of limits: none given")
    handles: dict[str, Any] = {}
    numbers: list[float] = []
    for row, limit in enumerate(limits.values()):
        low2, low1, median, high1, high2 = limit.expected
        for low, high, colour, label in (
            (low2, high2, OUTER, r"expected $\pm 2\sigma$"),
            (low1, high1, INNER, r"expected $\pm 1\sigma$"),
        ):
            if low is not None and high is not None:
                handles[label] = axes.barh(row, high - low, left=low, height=0.62, color=colour, lw=0, alpha=0.75)
        if median is not None:
            (handles["expected"],) = axes.plot([median] * 2, [row - 0.31, row + 0.31], color="black", ls="--", lw=1.2)
        if limit.observed is not None:
            label = "observed"
            if limit.lower is not None:
                axes.plot([limit.lower, limit.observed], [row, row], color="black", lw=1.2)
                axes.plot([limit.lower], [row], marker=9, ms=6, color="black")
            (handles[label],) = axes.plot([limit.observed], [row], "o", ms=5, color="black")
        numbers += [value for value in (*limit.expected, limit.observed) if value is not None and value > 0]
    levels = {f"{limit.cl:.3g}" for limit in limits.values()}
    at = f" at {100 * float(levels.pop()):g}% CL" if len(levels) == 1 else ""
    if numbers and max(numbers) > 30 * min(numbers):
        axes.set_xscale("log")
    elif numbers:
        axes.set_xlim(0, 1.1 * max(numbers))
    axes.set_ylim(len(limits) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    _name_ticks(axes.set_yticks(range(len(limits)), list(limits)), axes)
    axes.set_xlabel(rf"limit on the signal strength $\mu${at}")
    axes.legend(handles.values(), handles.keys(), **ABOVE, ncols=2)
    fix_tick_labels(axes)
    return axes


def draw_cl_s(
    axes: Axes, at: Sequence[float], results: Sequence[Hypothesis], cl: float, *, label: str = r"signal strength $\mu$"
) -> Axes:
    """CL_s against the signal strength or the coupling: observed, and median and bands if there is only background.

    Parameters
    ----------
    axes
        Where.
    at
        Signal strengths, or couplings [unit in `label`]; over more than a factor of 30 the axis is logarithmic.
    results
        CL_s at each of them.
    cl
        Confidence level.
    label
        Of the horizontal axis, with its unit.

    Raises
    ------
    InputError
        If there are none, or not as many results as points.
    """
    if len(at) != len(results) or not len(at):
        raise InputError(f"figure of CL_s: {len(at)} points and {len(results)} results; expected as many of both")
    bands = np.array([[np.nan if value is None else value for value in result.expected] for result in results])
    for low, high, colour, name in (
        (0, 4, OUTER, r"expected $\pm 2\sigma$"),
        (1, 3, INNER, r"expected $\pm 1\sigma$"),
    ):
        if np.any(bands[:, low] < bands[:, high]):  # a band without width is the median
            axes.fill_between(at, bands[:, low], bands[:, high], color=colour, alpha=0.75, lw=0, label=name)
    seen = [(place, result.observed) for place, result in zip(at, results, strict=True) if result.observed is not None]
    if seen:
        axes.plot(*zip(*seen, strict=True), color="black", lw=2.0, label="observed")
    if np.any(np.isfinite(bands[:, 2])):  # it often lies on the observed one: thin, and above it
        axes.plot(at, bands[:, 2], color=COLOURS[1], ls="--", lw=1.1, label="median expected")
    axes.axhline(1 - cl, color=GREY, lw=1.0, ls=":", label=rf"$1 - \mathrm{{CL}} = {1 - cl:.3g}$")
    if min(at) > 0 and max(at) > 30 * min(at):
        axes.set_xscale("log")
    if len(at) > 1:
        axes.set_xlim(min(at), max(at))
    if axes.get_xscale() == "log":
        mark_decades(axes.xaxis)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(label)
    axes.set_ylabel(r"CL$_s$")
    fix_tick_labels(axes)
    axes.legend(**ABOVE, ncols=3)
    return axes


def _name_ticks(_: object, axes: Axes) -> None:
    """Names of parameters are no formulas."""
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_parse_math(False)
