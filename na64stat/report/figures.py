"""Figures 2, 3 and 4 of arXiv:2501.06294, and the figure of any scans."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from na64stat.errors import InputError
from na64stat.experiment.load import load_run
from na64stat.limits_library.g_minus_2 import g_minus_2_limit
from na64stat.limits_library.library import existing_limits
from na64stat.plot.exclusion import AxesText, Curve, ShadedLimit, exclusion_figure
from na64stat.plot.style import COLOURS, save_figure
from na64stat.report.results import RUNS, Results
from na64stat.scenarios.registry import symbols
from na64stat.study.exclusion_record import Exclusion
from na64stat.study.limits import ScenarioLimits
from na64stat.study.scan_record import Scan

PUBLISHED_ZPRIME_LIMIT: Final = 5e-4
"""Published limit on g_Z' at small masses, arXiv:2401.01708."""

_DOTS = (
    "Thin dots: above them only the sum over layers excludes, whose last layer has no depth; averaged over any depth, the points "
    "there are allowed."
)

_COLOUR: Final = dict(zip(RUNS, (COLOURS[6], COLOURS[0], COLOURS[2], COLOURS[4], COLOURS[1]), strict=True))

_ASSUMED = (
    "90% CL_s, exact, with 10% efficiency, 1% MOT and 5% cross-section uncertainty; no background. 1.98e10 MOT: the 2022 run, "
    "observed; others: projections, median. D = 17 m and the detector's response are assumed. Existing limits are approximate."
)


def run_label(name: str) -> str:
    """Name of a run in a legend: its muons on target."""
    mot = load_run(name).mot
    exponent = int(np.floor(np.log10(mot)))
    factor = mot / 10**exponent
    text = f"10^{{{exponent}}}" if factor == 1 else rf"{factor:.3g}\times 10^{{{exponent}}}"
    return f"${text}$ MOT"


def figure_2(results: Results) -> Figure:
    """Axion-photon: the visible and the invisible channel of each run."""
    styles = {"visible": "-", "invisible": "--"}
    curves = [
        curve
        for (run, region), scan in results.photon.items()
        for curve in contour_curves(scan, f"{run_label(run)}, {region}", _COLOUR[run], styles[region])
    ]
    axes = _axes("axion-photon", (1e-3, 0.5), (1e-5, 1.0), "GeV^-1", "Axion-photon, NA64mu (figure 2)")
    notes = (
        f"{_ASSUMED} They are cut at 10 MeV, but for E137: the space below is not new. Dashed: excluded between the branches. "
        f"{_DOTS} "
        "Below 6 MeV more than 10% of the visible signal is soft (x < 0.01), where the cross section is not reliable."
    )
    return exclusion_figure(curves, shaded("axion-photon", axes.coupling_range[1]), axes, notes=notes)


def figure_3(results: Results) -> Figure:
    """Axion-muon: stable axion, and with the loop decay to two photons."""
    curves = [limit_curve(found, run_label(run), _COLOUR[run]) for run, found in results.muon.items()]
    for run in ("2022", "mot1e14"):
        label = f"{run_label(run)}, loop decay"
        curves += contour_curves(results.muon_loop[run], label, _COLOUR[run], ":")
    axes = _axes("axion-muon", (1e-3, 0.5), (1e-9, 1.0), "GeV^-1", "Axion-muon, invisible channel, NA64mu (figure 3)")
    bound = g_minus_2_limit(np.geomspace(*axes.mass_range, 60))
    overlays = [*shaded("axion-muon", 1e-3), ShadedLimit(r"$(g-2)_\mu$", bound.polygon(axes.coupling_range[1]))]
    notes = (
        f"{_ASSUMED} The upper end of SN1987A is assumed. (g-2) of the muon: a lone axion, whose shift is negative, "
        f"{bound.reference.removeprefix('computed, ')}."
    )
    return exclusion_figure(curves, overlays, axes, notes=notes)


def figure_4(results: Results) -> Figure:
    """Dark sector: the pair through a massless Z'*."""
    curves = [limit_curve(found, run_label(run), _COLOUR[run]) for run, found in results.dark.items()]
    axes = _axes("dark-sector", (1e-3, 1.0), (1e-5, 1.0), "1", r"$L_\mu-L_\tau$ dark sector, NA64mu (figure 4)")
    at_10_mev = min(results.dark["2022"].points, key=lambda point: abs(np.log(point.mass / 0.010))).coupling["observed"]
    needed = "" if at_10_mev is None else f", for instance, at 10 MeV, g_chi > {at_10_mev / PUBLISHED_ZPRIME_LIMIT:.2g}"
    notes = (
        f"{_ASSUMED} Above a pair mass of 1 GeV the efficiency is held constant. The on-shell massless Z' that is radiated too "
        f"is left out, as in the paper; with the published g_Z' < {PUBLISHED_ZPRIME_LIMIT:g} the 2022 limit needs a large "
        f"g_chi{needed}. Bounds on millicharge are recast through the muon and tau loops."
    )
    return exclusion_figure(curves, shaded("dark-sector", axes.coupling_range[1]), axes, notes=notes)


def contour_curves(
    found: Scan | Exclusion, label: str, colour: str | None, style: str, level: str | None = None
) -> list[Curve]:
    """The contours of a level, default the deciding one, under one name; thin dots where they bound an artefact."""
    curves = []
    for contour in found.contours(level):
        if not any(contour.artefact):
            curves.append(Curve(label, contour.mass, contour.coupling, colour, style, closed=contour.closed))
            continue
        for artefact, points in itertools.groupby(range(len(contour.mass)), key=lambda i: contour.artefact[i]):
            chosen = list(points)
            piece = slice(max(chosen[0] - 1, 0), chosen[-1] + 1)
            drawn = contour.mass[piece], contour.coupling[piece], colour
            curves.append(Curve("", *drawn, ":", width=0.9) if artefact else Curve(label, *drawn, style))
    return curves


def limit_curve(found: ScenarioLimits, label: str, colour: str | None) -> Curve:
    """The lowest excluded coupling against the mass: observed, or the median of a projection."""
    level = "observed" if any(point.coupling["observed"] for point in found.points) else "median"
    pairs = [(point.mass, point.coupling[level]) for point in found.points]
    kept = [(mass, coupling) for mass, coupling in pairs if coupling is not None]
    return Curve(label, [mass for mass, _ in kept], [coupling for _, coupling in kept], colour)


def shaded(scenario: str, top: float) -> list[ShadedLimit]:
    """Existing limits of a scenario as regions to shade, up to the coupling `top`."""
    return [ShadedLimit(limit.experiment, limit.polygon(top)) for limit in existing_limits(scenario)]


def draw_maps(
    found: Mapping[str, Scan | Exclusion], path: Path, *, existing: bool = True, overwrite: bool = False
) -> int:
    """Draw the contours of scans and exclusions into a file; the number of curves drawn.

    Parameters
    ----------
    found
        Label -> scan or exclusion. Of a single exclusion the expected contours are drawn, too, where they differ.

    Raises
    ------
    InputError
        If their couplings have different units, one is a single row or column, or the file cannot be written.
    """
    items = list(found.values())
    first = items[0]
    units = sorted({item.coupling_unit for item in items})
    if len(units) > 1:
        raise InputError(f"plot: couplings in units of {' and '.join(units)}; one unit is right")
    curves = []
    for number, (label, item) in enumerate(found.items()):
        curves += contour_curves(item, label, COLOURS[number % len(COLOURS)], "-")
    if len(items) == 1:
        curves += _expected(first)
    mass = min(item.mass_range[0] for item in items), max(item.mass_range[1] for item in items)
    coupling = min(item.coupling_range[0] for item in items), max(item.coupling_range[1] for item in items)
    if not (mass[0] < mass[1] and coupling[0] < coupling[1]):
        raise InputError("plot: the scan is a single row or column; a map of masses and couplings can be drawn")
    names = list(dict.fromkeys(item.scenario for item in items))
    axes = _axes(first.scenario, mass, coupling, first.coupling_unit, f"{', '.join(names)}, NA64mu")
    artefact = any(any(contour.artefact) for item in items for contour in item.contours())
    others = shaded(first.scenario, coupling[1]) if existing and len(names) == 1 else []
    save_figure(exclusion_figure(curves, others, axes, notes=_DOTS if artefact else ""), path, overwrite=overwrite)
    return len(curves)


def map_label(found: Scan | Exclusion) -> str:
    """What a scan or an exclusion is of, for a legend."""
    level = "" if "observed" in found.levels else ", median"
    return f"{found.run}, {' + '.join(found.regions)}, {found.cl:.0%}{level}"


def _expected(found: Scan | Exclusion) -> list[Curve]:
    """Expected contours that are not the deciding one, thin."""
    styles = {"median": "--", "minus1": "-.", "plus1": "-.", "minus2": ":", "plus2": ":"}
    names = {"median": "median", "minus1": r"$\pm 1 \sigma$", "plus1": r"$\pm 1 \sigma$"}
    drawn = [found.contours()]
    curves = []
    for level, style in styles.items():
        if level not in found.levels[1:] or found.contours(level) in drawn:
            continue
        drawn.append(found.contours(level))
        for contour in found.contours(level):
            name = names.get(level, r"$\pm 2 \sigma$")
            curves.append(Curve(name, contour.mass, contour.coupling, "0.25", style, closed=contour.closed, width=0.9))
    return curves


def _axes(scenario: str, mass: tuple[float, float], coupling: tuple[float, float], unit: str, title: str) -> AxesText:
    mass_symbol, coupling_symbol = symbols(scenario)
    unit_text = "" if unit == "1" else " [" + unit.replace("^-1", "$^{-1}$") + "]"
    return AxesText(f"${mass_symbol}$ [GeV]", f"${coupling_symbol}${unit_text}", mass, coupling, title)
