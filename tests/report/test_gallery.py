"""The gallery: figures legible in a column, with labels and units."""

import matplotlib as mpl
import pytest

from na64stat.plot.style import COLUMN_CM, figure_bytes, fix_layout, new_figure
from na64stat.report.gallery import gallery

UNITS = {
    "plane_axion_photon": (r"$E_\mathrm{CAL}$ [GeV]", r"$p_\mathrm{out}$ [GeV]"),
    "plane_axion_muon": (r"$E_\mathrm{CAL}$ [GeV]", r"$p_\mathrm{out}$ [GeV]"),
    "spectra": ("energy fraction $x$", r"$\mathrm{d}\sigma/\mathrm{d}x$ [$\mathrm{pb}$]"),
    "efficiency": ("effective mass [GeV]", "signal efficiency"),
    "decay": ("decay length in the laboratory [m]", "probability"),
    "band_axion_muon": ("$m_a$ [GeV]", r"$g_{a\mu\mu}$ [GeV$^{-1}$]"),
    "cl_s_axion_photon": (r"$g_{a\gamma\gamma}$ [GeV$^{-1}$]", "CL$_s$"),
    "projection_axion_muon": ("muons on target", r"$g_{a\mu\mu}$ [GeV$^{-1}$]"),
    "pulls_axion_photon": (r"$(\hat\theta - \theta_0)/\sigma_0$", ""),
    "impacts_axion_photon": (r"$(\hat\theta - \theta_0)/\sigma_0$", ""),
}


@pytest.fixture(scope="module")
def pictures():
    return {picture.name: picture for picture in gallery()}


def test_each_kind_is_there_with_labels_and_units(pictures):
    found = {name: (p.figure.axes[0].get_xlabel(), p.figure.axes[0].get_ylabel()) for name, p in pictures.items()}
    assert found == UNITS
    assert pictures["impacts_axion_photon"].figure.axes[1].get_xlabel() == r"$\Delta\hat\mu$"


@pytest.mark.parametrize("name", UNITS)
def test_legible_in_a_column(pictures, name, check_legible):
    figure = pictures[name].figure
    assert figure.get_figwidth() * 2.54 == pytest.approx(COLUMN_CM)
    assert check_legible(figure) >= 8


def test_settings_stay_the_readers_own_between_figures(monkeypatch):
    monkeypatch.setitem(mpl.rcParams, "font.size", 13.0)
    next(iter(gallery()))
    assert mpl.rcParams["font.size"] == 13.0


def test_a_fixed_layout_serves_every_format(pictures):
    """Two sizes of one figure differ in their dots, not in the place of the axes."""
    figure = pictures["decay"].figure
    fix_layout(figure)
    (axes,) = figure.axes
    place = axes.get_position().frozen()
    before = figure_bytes(figure, "png", 100)
    figure_bytes(figure, "pdf")
    assert axes.get_position().bounds == place.bounds
    assert figure_bytes(figure, "png", 100) == before
    assert place.width > 0.6  # it was laid out, not left where axes stand at first
    assert place.bounds != new_figure().add_subplot().get_position().bounds


def test_cl_s_shows_an_island(pictures):
    """The invisible channel loses axions that decay early: CL_s comes back to 1 at large couplings."""
    lines = {line.get_label(): line for line in pictures["cl_s_axion_photon"].figure.axes[0].lines}
    values = lines["observed"].get_ydata()
    assert values.min() < 0.1 < values[0]
    assert values[-1] == pytest.approx(1.0, abs=1e-6)
    below = values < 0.1
    assert (below[1:] != below[:-1]).sum() == 2
