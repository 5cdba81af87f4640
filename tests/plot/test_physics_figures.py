"""Figures of the physics at column width: outlines of regions, units on axes, legible fonts, data that cannot be drawn."""

import numpy as np
import pytest
from matplotlib.path import Path
from matplotlib.text import Text

import na64stat as na
from na64stat.errors import InputError
from na64stat.plot.column import COLUMN_CM, SMALLEST_PT, column_figure, column_style
from na64stat.plot.physics import Spectrum, draw_decay, draw_efficiency, draw_spectra
from na64stat.plot.plane import draw_plane, region_outline
from na64stat.template import Plane


@pytest.fixture(scope="module")
def run():
    return na.load_run("2022")


@pytest.fixture(scope="module")
def plane(run):
    return na.predict(na.AxionPhoton(mass=0.03, coupling=1e-3), run).plane


def drawn(draw, *args, **options):
    with column_style():
        figure = column_figure(6.5)
        axes = figure.add_subplot()
        assert draw(axes, *args, **options) is axes
        figure.canvas.draw()
    return figure, axes


@pytest.mark.parametrize("name", ["invisible", "visible", "visible_trigger"])
def test_the_outline_of_a_region_holds_what_the_region_holds(run, name):
    """Against the definition of the region: small bins whose centres lie in it."""
    region, binning = run.regions[name].region, na.Binning.uniform(1.0)
    outline = Path(region_outline(region, binning))
    centre = (np.asarray(binning.e_cal)[1:] + np.asarray(binning.e_cal)[:-1]) / 2
    points = np.column_stack([axis.ravel() for axis in np.meshgrid(centre, centre, indexing="ij")])
    inside = outline.contains_points(points, radius=0).reshape(binning.shape)
    expected = region.holds_bins(binning)
    border = outline.contains_points(points, radius=0.6) != outline.contains_points(points, radius=-0.6)
    assert np.array_equal(inside | border.reshape(binning.shape), expected | border.reshape(binning.shape))
    assert expected.sum() > 100


@pytest.mark.parametrize("what", ["plane", "efficiency", "spectra", "decay"])
def test_labels_have_units_and_fonts_are_legible_at_column_width(run, plane, what):
    x = np.linspace(0.01, 0.99, 50)
    lengths = np.geomspace(1e-3, 1e3, 40)
    survives = np.exp(-17 / lengths)
    draw, args, units = {
        "plane": (draw_plane, (plane, [run.regions["visible"].region]), ("[GeV]", "[GeV]")),
        "efficiency": (draw_efficiency, (run.efficiency,), ("[GeV]", "efficiency")),
        "spectra": (draw_spectra, ([Spectrum("flat", x, np.ones(50), 1.0)],), ("x", "pb")),
        "decay": (draw_decay, (lengths, {"layers": (1 - survives, survives)}), ("[m]", "probability")),
    }[what]
    figure, axes = drawn(draw, *args)
    assert figure.get_size_inches()[0] == pytest.approx(COLUMN_CM / 2.54)
    assert units[0] in axes.get_xlabel()
    assert units[1] in axes.get_ylabel().lower().replace("[gev]", "[GeV]")
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    assert min(text.get_fontsize() for text in texts) >= SMALLEST_PT
    width, height = figure.get_size_inches()
    box = figure.get_tightbbox()  # of what is drawn: nothing is cut off
    assert box.x0 >= -0.01
    assert box.y0 >= -0.01
    assert box.x1 <= width + 0.01
    assert box.y1 <= height + 0.01


def test_the_efficiency_shows_all_points(run):
    _, axes = drawn(draw_efficiency, run.efficiency)
    shown = [line for line in axes.lines if len(line.get_xdata()) == len(run.efficiency.point_masses)]
    assert any(np.array_equal(line.get_xdata(), run.efficiency.point_masses) for line in shown)
    assert axes.get_xscale() == "log"


def test_what_cannot_be_drawn_is_refused(run, plane):
    empty = Plane(plane.binning, np.zeros(plane.binning.shape), np.zeros(plane.binning.shape))
    with pytest.raises(InputError, match="plane"):
        drawn(draw_plane, empty, [])
    with pytest.raises(InputError, match="decades"):
        drawn(draw_plane, plane, [], decades=0)
    with pytest.raises(InputError):
        drawn(draw_spectra, [])
    with pytest.raises(InputError):
        drawn(draw_decay, [1.0, -1.0], {"layers": ([0.1, 0.2], [0.9, 0.8])})
