"""Figures 2, 3 and 4 of arXiv:2501.06294."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from na64stat.experiment.load import load_run
from na64stat.figures.figure_of import axes_text, contour_curves, shaded
from na64stat.figures.limit_curves import limit_curve
from na64stat.limits_library.g_minus_2 import g_minus_2_limit
from na64stat.limits_library.library import G_MINUS_2_MASSES
from na64stat.plot.exclusion import exclusion_figure
from na64stat.plot.style import SEQUENCE
from na64stat.report.results import RUNS, Results

PUBLISHED_ZPRIME_LIMIT: Final = 5e-4
"""Published limit on g_Z' at small masses, arXiv:2401.01708."""

_COLOUR: Final = dict(zip(RUNS, SEQUENCE, strict=False))


def _assumed() -> str:
    """Settings of all three."""
    run = load_run(RUNS[0])
    mot = f"{run.mot:.3g}".replace("e+", "e")
    return (
        f"90% CL_s, exact, with systematics, no background. {mot} MOT: {run.name}, observed; others: projections, median. "
        f"Decay volume ({run.decay_volume:g} m) and response are assumed, existing limits approximate."
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
        # Thin ones leave room where ten curves meet.
        replace(curve, width=min(curve.width, 1.0)) if region == "invisible" else curve
        for (run, region), scan in results.photon.items()
        for curve in contour_curves(scan, run_label(run), _COLOUR[run], styles[region], channel=region)
    ]
    axes = axes_text("axion-photon", (1e-3, 0.5), (1e-5, 1.0), "GeV^-1", "Axion-photon, NA64mu (figure 2)")
    notes = (
        f"{_assumed()} These are cut at 10 MeV, but for E137: below it no space is claimed to be new. Dashed: excluded between "
        "the branches. Below 6 MeV more than 10% of the visible signal is soft (x < 0.01), where its cross section is too "
        "high (exact_fusion)."
    )
    return exclusion_figure(curves, shaded("axion-photon", axes.coupling_range[1]), axes, notes=notes)


def figure_3(results: Results) -> Figure:
    """Axion-muon: stable axion, and with the loop decay to two photons."""
    curves = [
        limit_curve(found, run_label(run), _COLOUR[run], channel="stable below two muon masses")
        for run, found in results.muon.items()
    ]
    for run in ("2022", "mot1e14"):
        curves += contour_curves(
            results.muon_loop[run], run_label(run), _COLOUR[run], ":", channel="with its loop decay"
        )
    axes = axes_text(
        "axion-muon", (1e-3, 0.5), (1e-9, 1.0), "GeV^-1", "Axion-muon, invisible channel, NA64mu (figure 3)"
    )
    bound = g_minus_2_limit(G_MINUS_2_MASSES, scenario="axion-muon")
    notes = (
        f"{_assumed()} The upper end of SN1987A, too. With the loop decay: the fewest and the most muons. (g-2) of the muon: a "
        f"lone axion, whose shift is negative, "
        f"{bound.reference.removeprefix('computed, ')}."
    )
    return exclusion_figure(curves, shaded("axion-muon", axes.coupling_range[1]), axes, notes=notes)


def figure_4(results: Results) -> Figure:
    """Dark sector: the pair through a massless Z'*."""
    curves = [limit_curve(found, run_label(run), _COLOUR[run]) for run, found in results.dark.items()]
    axes = axes_text("dark-sector", (1e-3, 1.0), (1e-5, 1.0), "1", r"$L_\mu-L_\tau$ dark sector, NA64mu (figure 4)")
    at_10_mev = min(results.dark["2022"].points, key=lambda point: abs(np.log(point.mass / 0.010))).coupling["observed"]
    needed = "" if at_10_mev is None else f", for instance, at 10 MeV, g_chi > {at_10_mev / PUBLISHED_ZPRIME_LIMIT:.2g}"
    notes = (
        f"{_assumed()} Above a pair mass of 1 GeV the efficiency is held constant. The on-shell massless Z' that is radiated too "
        f"is left out, as in the paper; with the published g_Z' < {PUBLISHED_ZPRIME_LIMIT:g} the 2022 limit needs a large "
        f"g_chi{needed}. Bounds on millicharge are recast through the muon and tau loops."
    )
    return exclusion_figure(curves, shaded("dark-sector", axes.coupling_range[1]), axes, notes=notes)
