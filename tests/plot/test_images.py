"""What is on the paper: colours of pixels at known places of a few figures, drawn as a reader gets them."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from na64stat.plane import Binning, Region
from na64stat.plot.exclusion import AxesText, Band, Curve, ShadedLimit, exclusion_figure
from na64stat.plot.inference import draw_cl_s
from na64stat.plot.plane import draw_plane
from na64stat.plot.style import (
    INNER,
    OUTER,
    SHADES,
    figure_bytes,
    fix_tick_labels,
    house_style,
    mark_decades,
    new_figure,
)
from na64stat.template import Plane

DPI = 300
AXES = AxesText("$m$ [GeV]", "$g$", (1e-3, 1.0), (1e-6, 1.0))


@pytest.fixture
def pixels():
    """A function: the RGB colour, in [0, 1], of a figure's paper at a place in data coordinates."""

    def of(figure, axes=None):
        picture = np.asarray(Image.open(io.BytesIO(figure_bytes(figure, "png", DPI))).convert("RGB")) / 255
        axes = axes or figure.axes[0]

        def at(x, y):
            column, row = axes.transData.transform((x, y)) * DPI / figure.dpi
            return picture[picture.shape[0] - 1 - int(row), int(column)]

        return at

    return of


def blended(colour, alpha, below=(1, 1, 1)):
    return alpha * np.array(to_rgb(colour)) + (1 - alpha) * np.array(below)


def test_exclusion(pixels):
    """White where nothing is, the shade of the existing limit inside it, the curve's colour on the curve, above the shade."""
    box = ShadedLimit("box", np.array([[0.01, 1e-4], [0.3, 1e-4], [0.3, 1e-1], [0.01, 1e-1]]))
    curve = Curve("2022", [1e-3, 1.0], [1e-3, 1e-3], "#0072B2", width=4)
    band = Band("band", [1e-3, 1.0], [1e-6, 1e-6], [1e-5, 1e-5])
    at = pixels(exclusion_figure([curve], [box], AXES, [band]))
    assert at(2e-3, 0.3) == pytest.approx([1, 1, 1])
    assert at(0.012, 5e-2) == pytest.approx(blended(SHADES[0], 0.75), abs=0.01)
    for mass in (2e-3, 0.02, 0.7):
        assert at(mass, 1e-3) == pytest.approx(to_rgb("#0072B2"), abs=0.01)
    assert at(0.5, 3e-6) == pytest.approx(blended(INNER, 0.75), abs=0.01)


def test_plane_is_darker_where_more_is_expected(pixels):
    binning = Binning.uniform(10.0, 200.0)
    counts = np.zeros(binning.shape)
    counts[2, 2], counts[8, 8], counts[14, 14] = 1.0, 1e-2, 1e-4
    with house_style():
        figure = new_figure(7)
        axes = draw_plane(figure.add_subplot(), Plane(binning, counts, 0 * counts), [Region("r", e_cal=(100.0, 150.0))])
    at = pixels(figure, axes)
    light = [at(25, 25).mean(), at(85, 85).mean(), at(145, 145).mean(), at(45, 165).mean()]
    assert light == sorted(light)
    assert light[0] < 0.1
    assert light[-1] == 1.0
    assert at(100, 30).mean() < 0.2  # the region's outline


def test_bands_of_cl_s(pixels):
    results = [SimpleNamespace(observed=0.9, expected=[0.1, 0.3, 0.5, 0.6, 0.8])] * 2
    with house_style():
        figure = new_figure()
        draw_cl_s(figure.add_subplot(), [0.0, 1.0], results, 0.98)
    at = pixels(figure)
    assert at(0.5, 0.2) == pytest.approx(blended(OUTER, 0.75), abs=0.01)
    assert at(0.5, 0.4) == pytest.approx(blended(INNER, 0.75, blended(OUTER, 0.75)), abs=0.01)
    assert at(0.5, 0.9) == pytest.approx([0, 0, 0], abs=0.01)
    assert at(0.5, 0.98) == pytest.approx([1, 1, 1])


def test_a_hatched_band_is_seen_on_a_shade_of_its_own_grey(pixels):
    """In grey the pale band and the shade of an existing limit are alike: hatch and outline tell them apart."""
    box = ShadedLimit("", np.array([[1e-3, 1e-6], [1.0, 1e-6], [1.0, 1.0], [1e-3, 1.0]]))
    grey = {}
    for hatch in ("", "/////"):
        band = Band("band", [1e-3, 1.0], [1e-4, 1e-4], [1e-2, 1e-2], OUTER, hatch)
        at = pixels(exclusion_figure([], [box], AXES, [band]))
        places = [at(2e-3, coupling) @ [0.2126, 0.7152, 0.0722] for coupling in np.geomspace(2e-4, 5e-3, 60)]
        grey[hatch] = np.array(places)
        outside = at(2e-3, 0.1) @ [0.2126, 0.7152, 0.0722]
        assert abs(np.median(places) - outside) < 0.1
    assert np.ptp(grey[""]) < 0.01
    assert np.ptp(grey["/////"]) > 0.3


@pytest.mark.parametrize("high", [7e-3, 1e-2, 2e-2, 3e-2])
def test_labels_between_decades_do_not_touch(high, check_legible):
    """Over little more than a decade there are at least two labelled ticks, and none touches another."""
    with house_style():
        figure = new_figure(6)
        axes = figure.add_subplot()
        axes.set(xscale="log", yscale="log", xlim=(1.1e-3, high), ylim=(1.1e-3, high))
        for axis in (axes.xaxis, axes.yaxis):
            mark_decades(axis)
        fix_tick_labels(axes)
        figure.canvas.draw()
        ticks = [
            (tick.get_loc(), tick.label1.get_text())
            for tick in (*axes.xaxis.get_major_ticks(), *axes.xaxis.get_minor_ticks())
        ]
    shown = [(place, text) for place, text in ticks if text and 1.1e-3 <= place <= high]
    assert len(shown) >= 2
    assert all(rf"{round(place / 1e-3)}\times10^{{-3}}" in text for place, text in shown if place < 0.99e-2)
    check_legible(figure)
