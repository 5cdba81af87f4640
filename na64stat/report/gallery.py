"""Figures of what the limits are made of and of the statistics, for the 2022 run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from na64stat.errors import ComputationError
from na64stat.experiment.load import load_run
from na64stat.figures.figure_of import figure_of
from na64stat.physics.cross_sections import total_cross_section
from na64stat.physics.decays import continuous_probabilities, layer_probabilities
from na64stat.physics.spectra import dsigma_dx
from na64stat.plot.inference import draw_impacts, draw_pulls
from na64stat.plot.physics import Spectrum, draw_decay, draw_efficiency, draw_spectra
from na64stat.plot.plane import draw_plane
from na64stat.plot.style import house_style, new_figure
from na64stat.report.results import doubts_in_notes
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.base import Scenario
from na64stat.stats.fits.best_fit import best_fit
from na64stat.stats.fits.impacts import impacts
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.workspace import build_workspace
from na64stat.study.limits import limits
from na64stat.study.maps.scan import scan
from na64stat.study.projection.projection import project
from na64stat.text import after_number, in_mathtext
from na64stat.units import GEV2_TO_PB
from na64stat.yields.predict import predict

RUN: Final = "2022"
VISIBLE_POINT: Final = AxionPhoton(mass=0.03, coupling=1e-3)
INVISIBLE_POINT: Final = AxionMuon(mass=0.1, coupling=5e-3)
PROCESSES: Final = ("vector", "scalar", "pseudoscalar", "photon_fusion")
SPECTRUM_MASS: Final = 0.1
"""Mass [GeV] of the spectra."""

ISLAND_MASS: Final = 0.004
"""Mass [GeV] at which CL_s is drawn against the coupling: the invisible channel has two edges there."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure, the stem of its file's name, and what it shows in one line."""

    name: str
    about: str
    figure: Figure


def gallery() -> Iterator[Picture]:
    """Every figure, one after the other."""
    for name, (about, draw) in _DRAWINGS.items():
        with doubts_in_notes(), house_style():
            figure = draw()
        yield Picture(name, about, figure)


def _plane(point: Scenario) -> Figure:
    run = load_run(RUN)
    regions = [region.region for region in run.regions.values()]
    signal = predict(point, run)
    unit = after_number(in_mathtext(point.coupling_unit))
    title = f"{point.name}, {point.mass:g} GeV, {point.coupling:g}{unit}, run {RUN}"
    return _of_axes(lambda axes: draw_plane(axes, signal.plane, regions), 7.0, title)


def _spectra() -> Figure:
    run = load_run(RUN)
    x = np.linspace(0, 1, 801)[1:-1]
    nucleus, energy = run.target.nucleus, run.beam_energy
    curves = [
        Spectrum(
            process.replace("_", " "),
            x,
            GEV2_TO_PB * dsigma_dx(process, x, SPECTRUM_MASS, energy, nucleus),
            GEV2_TO_PB * float(total_cross_section(process, SPECTRUM_MASS, energy, nucleus, x_min=0.01)),
        )
        for process in PROCESSES
    ]
    title = (
        f"{energy:g} GeV muons on lead, m = {SPECTRUM_MASS:g} GeV, coupling 1\n"
        "(photon fusion: 1 GeV$^{-1}$), totals for x > 0.01"
    )
    return _of_axes(lambda axes: draw_spectra(axes, curves, unit="pb"), 8.0, title)


def _efficiency() -> Figure:
    return _of_axes(lambda axes: draw_efficiency(axes, load_run(RUN).efficiency), 6.0, f"run {RUN}")


def _decay() -> Figure:
    run = load_run(RUN)
    lengths, target = np.geomspace(1e-4, 1e5, 600), run.target
    averages = {
        "sum over layers": layer_probabilities(lengths, target.layers, target.layer_thickness, run.decay_volume),
        "any depth": continuous_probabilities(lengths, target.layers * target.layer_thickness, run.decay_volume),
    }
    title = f"run {RUN}: decay volume {run.decay_volume:g} m"
    return _of_axes(lambda axes: draw_decay(axes, lengths, averages), 6.5, title)


def _band() -> Figure:
    run = load_run(RUN).with_background("realistic")
    found = limits(AxionMuon, run, np.geomspace(1e-3, 0.2, 24))
    return _drawn(figure_of(found), "limits of axion-muon")


def _cl_s() -> Figure:
    found = scan(AxionPhoton, load_run(RUN), [ISLAND_MASS], np.geomspace(1e-3, 1, 160), regions=["invisible"])
    return _drawn(figure_of(found), "CL_s of axion-photon")


def _projection() -> Figure:
    found = project(AxionMuon, load_run(RUN), [0.01, 0.2], np.geomspace(1e10, 1e14, 17))
    return _drawn(figure_of(found), "projection of axion-muon")


def _pulls() -> Figure:
    return _of_axes(
        lambda axes: draw_pulls(axes, best_fit(_visible_model())), 4.4, f"{VISIBLE_POINT.name}, run {RUN}, visible"
    )


def _impacts() -> Figure:
    figure = new_figure(5.4)
    figure.suptitle(f"{VISIBLE_POINT.name}, run {RUN}, visible")
    left, right = figure.subplots(1, 2)
    draw_impacts((left, right), impacts(_visible_model()))
    return figure


def _visible_model() -> Model:
    """The visible channel with its four events; the signal is what they are."""
    run = load_run(RUN)
    return Model.from_workspace(build_workspace(predict(VISIBLE_POINT, run), run, ["visible"]))


def _of_axes(draw: Callable[[Axes], Axes], height_cm: float, title: str) -> Figure:
    figure = new_figure(height_cm)
    figure.suptitle(title)
    draw(figure.add_subplot())
    return figure


def _drawn(figure: Figure | None, what: str) -> Figure:
    if figure is None:
        raise ComputationError(f"gallery: nothing can be drawn of the {what}")
    return figure


_DRAWINGS: Final[dict[str, tuple[str, Callable[[], Figure]]]] = {
    "plane_axion_photon": (
        f"Signal of axion-photon ({VISIBLE_POINT.mass:g} GeV, {VISIBLE_POINT.coupling:g} GeV^-1) in the (E_CAL, p_out) plane",
        lambda: _plane(VISIBLE_POINT),
    ),
    "plane_axion_muon": (
        f"Signal of axion-muon ({INVISIBLE_POINT.mass:g} GeV, {INVISIBLE_POINT.coupling:g} GeV^-1) in the (E_CAL, p_out) plane",
        lambda: _plane(INVISIBLE_POINT),
    ),
    "spectra": (f"dsigma/dx of every process at {SPECTRUM_MASS:g} GeV and coupling 1", _spectra),
    "efficiency": ("Signal efficiency inferred from the published Z' limit, with its points", _efficiency),
    "decay": ("Probabilities to decay visibly and invisibly against the decay length, both depth averages", _decay),
    "band_axion_muon": ("Limit on axion-muon with expected bands, 0.07 +- 0.03 background events", _band),
    "cl_s_axion_photon": (
        f"CL_s against the coupling of axion-photon at {ISLAND_MASS:g} GeV, invisible channel: excluded between two edges",
        _cl_s,
    ),
    "projection_axion_muon": ("Limits and discovery reach of axion-muon against the muons on target", _projection),
    "pulls_axion_photon": ("Pulls of the visible channel, four events, signal of axion-photon", _pulls),
    "impacts_axion_photon": ("Impacts of the uncertainties on mu-hat in the visible channel", _impacts),
}

NAMES: Final = tuple(_DRAWINGS)
"""Of the figures, before any is drawn."""
