"""Figures of the physics: spectra, efficiency, decay probabilities; the plane of a signal is in `plot.plane`.

Each function takes axes (made under `style.house_style`) and numbers, draws, and returns the axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

from na64stat.errors import InputError
from na64stat.plot.records import EfficiencyCurve
from na64stat.plot.style import ABOVE, COLOURS, LINES, fix_tick_labels

Array = NDArray[np.float64]
Pair = tuple[ArrayLike, ArrayLike]

_KINDS: Final = COLOURS[0], COLOURS[4]  # visible and invisible: dark and light in grey

_HELD_DECADES: Final = 0.3  # of mass on either side, over which the held end values are drawn


@dataclass(frozen=True)
class Spectrum:
    """A spectrum dsigma/dx with its name.

    Attributes
    ----------
    label
        Name of the process and its parameters.
    x
        Energy fractions [1], increasing.
    values
        dsigma/dx [the unit given to `draw_spectra`]; 0 where kinematics forbids the process.
    total
        Its integral, as computed by whoever made it [same unit]; None leaves it out of the legend.
    """

    label: str
    x: ArrayLike
    values: ArrayLike
    total: float | None = None


def draw_spectra(axes: Axes, curves: Sequence[Spectrum], *, unit: str = "pb", decades: float = 6.0) -> Axes:
    """Spectra dsigma/dx against the energy fraction x, each with its total in the legend.

    Parameters
    ----------
    axes
        Where.
    curves
        The spectra, all in one unit.
    unit
        Of the cross sections, "pb" or "cm^2".
    decades
        Of the vertical axis, below the largest value.

    Raises
    ------
    InputError
        If there is no curve, or one is negative, not finite, zero everywhere, or has columns of unequal length.
    """
    if not curves:
        raise InputError("figure of spectra: none given")
    if unit not in ("pb", "cm^2"):
        raise InputError(f"figure of spectra: unit {unit!r} must be 'pb' or 'cm^2'")
    written = r"\mathrm{cm}^2" if unit == "cm^2" else r"\mathrm{pb}"
    highest = 0.0
    for number, curve in enumerate(curves):
        x, values = _columns(f"spectrum {curve.label!r}", ("x", curve.x), ("dsigma/dx", curve.values))
        if not np.any(values > 0):
            raise InputError(f"figure of spectra: {curve.label!r} is zero everywhere; nothing can be drawn")
        highest = max(highest, float(values.max()))
        label = curve.label
        if curve.total is not None:
            if not 0 < curve.total < np.inf:
                raise InputError(f"figure of spectra: {curve.label!r} has a total of {curve.total}; expected > 0")
            label += rf", $\sigma = {_in_powers(curve.total)}\,{written}$"
        axes.plot(
            x,
            np.where(values > 0, values, np.nan),  # zero has no logarithm: the curve ends
            color=COLOURS[number % len(COLOURS)],
            ls=LINES[number % len(LINES)],
            lw=1.5,
            label=label,
        )
    axes.set_yscale("log")
    axes.set_ylim(highest / 10**decades, 3 * highest)
    axes.set_xlim(0, 1)
    _dress(axes, "energy fraction $x$", rf"$\mathrm{{d}}\sigma/\mathrm{{d}}x$ [${written}$]")
    axes.legend(**ABOVE, ncols=1, frameon=False)
    return axes


def draw_efficiency(axes: Axes, efficiency: EfficiencyCurve) -> Axes:
    """Signal efficiency against the effective mass: curve, measured points, and dashed the end values held outside.

    Parameters
    ----------
    axes
        Where.
    efficiency
        The curve.

    Raises
    ------
    InputError
        If the curve has no knots, or a mass or a value is not positive and finite.
    """
    masses, values = _columns("efficiency", ("masses", efficiency.masses), ("values", efficiency.values), positive=True)
    highest, first, last = float(values.max()), float(masses[0]), float(masses[-1])
    if len(efficiency.point_masses) or len(efficiency.point_values):
        points = _columns(
            "points of the efficiency",
            ("masses", efficiency.point_masses),
            ("values", efficiency.point_values),
            positive=True,
        )
        axes.plot(*points, "o", ms=3.5, mfc="white", mec="black", mew=0.8, label="points", zorder=3)
        highest = max(highest, float(points[1].max()))
        first, last = min(first, float(points[0].min())), max(last, float(points[0].max()))
    axes.plot(masses, values, "-", color=COLOURS[0], lw=1.6, label="curve", zorder=4)
    held = 10**_HELD_DECADES
    for start, end, value in (
        (first / held, masses[0], values[0]),
        (masses[-1], last * held, values[-1]),
    ):
        label = "end value, held" if end == masses[0] else "_"
        axes.plot([start, end], [value, value], "--", color=COLOURS[0], lw=1.2, label=label, zorder=2)
    axes.set_xscale("log")
    axes.set_xlim(first / held, last * held)
    axes.set_ylim(0, 1.12 * highest)
    _dress(axes, "effective mass [GeV]", "signal efficiency")
    axes.legend(**ABOVE, ncols=3, frameon=False)
    return axes


def draw_decay(
    axes: Axes,
    lengths: ArrayLike,
    probabilities: Mapping[str, Pair],
    *,
    label: str = "decay length in the laboratory [m]",
    lowest: float = 1e-4,
) -> Axes:
    """Probabilities to decay visibly and invisibly, against the decay length or what it depends on.

    Parameters
    ----------
    axes
        Where.
    lengths
        Decay lengths [m] or, with another `label`, couplings; shape (n,), positive.
    probabilities
        By name of the average over the target: visible and invisible, each of shape (n,).
    label
        Of the horizontal axis, with its unit.
    lowest
        Lower end of the vertical axis.

    Raises
    ------
    InputError
        If there is none, or a length is not positive, or a probability lies outside [0, 1].
    """
    if not probabilities:
        raise InputError("figure of decays: no probabilities given")
    if np.size(lengths) < 2:
        raise InputError(f"figure of decays: {np.size(lengths)} lengths; expected two or more")
    handles = []
    for number, (name, pair) in enumerate(probabilities.items()):
        if len(pair) != 2:
            raise InputError(f"figure of decays: {name!r} has {len(pair)} columns; expected visible and invisible")
        style, look = LINES[number % len(LINES)], _look(number, len(probabilities))
        for kind, colour, values in zip(("visible", "invisible"), _KINDS, pair, strict=True):
            where, chance = _columns(f"{kind} decays, {name}", ("lengths", lengths), ("probabilities", values))
            if np.any(where <= 0) or np.any(chance > 1):
                raise InputError(f"figure of decays: {kind}, {name}: lengths must be > 0 and probabilities <= 1")
            drawn = np.where(chance > 0, chance, np.nan)
            (line,) = axes.plot(where, drawn, ls=style, color=colour, label=f"{kind}, {name}", **look)
            handles.append(line)
    axes.set_xscale("log")
    axes.set_yscale("log")
    span = np.asarray(lengths, dtype=float)
    axes.set_xlim(float(span.min()), float(span.max()))
    axes.xaxis.set_minor_locator(LogLocator(subs=(1.0,), numticks=100))  # of many decades matplotlib leaves some out
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(lowest, 1.5)
    _dress(axes, label, "probability")
    axes.legend(handles=_kinds(list(probabilities), handles), **ABOVE, ncols=2, frameon=False)
    return axes


def _look(number: int, total: int) -> dict[str, Any]:
    """The first of several lines is wide and pale: where they coincide the others are seen on it."""
    return {"lw": 3.2, "alpha": 0.4} if number == 0 and total > 1 else {"lw": 1.4}


def _kinds(names: Sequence[str], lines: Sequence[Line2D]) -> list[Line2D]:
    """Of two properties of a line, colour and style, each is explained by itself."""
    if len(names) == 1:
        return list(lines)
    colours = [
        Line2D([], [], color=line.get_color(), label=kind, **_look(1, 2))
        for kind, line in zip(("visible", "invisible"), lines, strict=False)
    ]
    styles = [
        Line2D([], [], color="0.3", ls=LINES[number % len(LINES)], label=name, **_look(number, len(names)))
        for number, name in enumerate(names)
    ]
    return [*colours, *styles]


def _columns(
    what: str, first: tuple[str, ArrayLike], second: tuple[str, ArrayLike], *, positive: bool = False
) -> tuple[Array, Array]:
    """Two columns of equal length, of finite numbers that are not negative, or if asked for are positive."""
    x, y = (np.asarray(values, dtype=float) for _, values in (first, second))
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        raise InputError(
            f"figure: {what}: {first[0]} of shape {x.shape} and {second[0]} of shape {y.shape}; "
            "expected two columns of one length, not empty"
        )
    for (name, _), column in zip((first, second), (x, y), strict=True):
        wrong = ~(np.isfinite(column) & ((column > 0) if positive else (column >= 0)))
        if np.any(wrong):
            raise InputError(
                f"figure: {what}: {name} holds {column[wrong][0]}; expected finite numbers {'>' if positive else '>='} 0"
            )
    return x, y


def _in_powers(value: float) -> str:
    """Two digits and a power of ten, as mathematics."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return mantissa if int(exponent) == 0 else rf"{mantissa} \times 10^{{{int(exponent)}}}"


def _dress(axes: Axes, x_label: str, y_label: str) -> None:
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    fix_tick_labels(axes)
