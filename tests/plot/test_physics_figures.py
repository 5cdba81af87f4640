"""Figures of the physics: what is drawn is what was given, and all is legible in a column."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import na64stat as na
from na64stat.errors import InputError
from na64stat.plane import Binning, Region
from na64stat.plot.physics import Spectrum, draw_decay, draw_efficiency, draw_spectra
from na64stat.plot.plane import draw_plane
from na64stat.plot.style import COLUMN_CM, house_style, new_figure, save_figure
from na64stat.template import Plane

REGIONS = [
    Region("invisible", e_cal=(-math.inf, 12.0), p_out=(-math.inf, 80.0)),
    Region("visible", e_cal=(12.0, math.inf), total=(146.5, 186.5)),
    Region("visible_trigger", e_cal=(12.0, math.inf), p_out=(-math.inf, 80.0), total=(146.5, 186.5)),
]
BINNING = Binning.uniform(10.0, 200.0)
LENGTHS = np.geomspace(1e-4, 1e5, 50)
CHANCES = {
    "sum over layers": (1 / (1 + LENGTHS), LENGTHS / (1 + LENGTHS)),
    "continuous depth": (LENGTHS * 0 + 0.1,) * 2,
}
EFFICIENCY = SimpleNamespace(
    masses=(1e-3, 0.1, 1.0), values=(0.06, 0.09, 0.07), point_masses=(2e-3, 0.5), point_values=(0.05, 0.1)
)
SPECTRA = [
    Spectrum("scalar, $m = 0.1$ GeV", [0.1, 0.5, 0.9], [1e2, 1e4, 0.0], 2.9e3),
    Spectrum("vector, $m = 0.1$ GeV", [0.1, 0.5, 0.9], [1e1, 1e3, 1e3]),
]


def signal(seed=1):
    counts = 10 ** np.random.default_rng(seed).uniform(-9, 0, BINNING.shape)
    counts[:, -3:] = 0
    return Plane(BINNING, counts / 3, 2 * counts / 3)


DRAWN = {
    "plane": lambda axes: draw_plane(axes, signal(), REGIONS),
    "spectra": lambda axes: draw_spectra(axes, SPECTRA),
    "efficiency": lambda axes: draw_efficiency(axes, EFFICIENCY),
    "decay": lambda axes: draw_decay(axes, LENGTHS, CHANCES),
}
LABELS = {  # text and scale of both axes
    "plane": (r"$E_\mathrm{CAL}$ [GeV]", "linear", r"$p_\mathrm{out}$ [GeV]", "linear"),
    "spectra": ("energy fraction $x$", "linear", r"$\mathrm{d}\sigma/\mathrm{d}x$ [$\mathrm{pb}$]", "log"),
    "efficiency": ("effective mass [GeV]", "log", "signal efficiency", "linear"),
    "decay": ("decay length in the laboratory [m]", "log", "probability", "log"),
}


@pytest.fixture
def axes():
    with house_style():
        yield new_figure().add_subplot()


@pytest.mark.parametrize("name", DRAWN)
def test_axes_come_back_with_labels_units_and_scales(axes, name):
    assert DRAWN[name](axes) is axes
    assert (axes.get_xlabel(), axes.get_xscale(), axes.get_ylabel(), axes.get_yscale()) == LABELS[name]


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("height", [5.5, 7.0])
def test_legible_in_a_column(name, height, tmp_path, check_legible):
    with house_style():
        figure = new_figure(height)
        DRAWN[name](figure.add_subplot())
    # Written under another style, where the ticks are made anew.
    save_figure(figure, tmp_path / "figure.png", dpi=figure.dpi)
    assert figure.get_size_inches() * 2.54 == pytest.approx((COLUMN_CM, height))
    assert check_legible(figure) >= 10


@pytest.mark.parametrize("height", [0.0, 2.9, 61.0, math.nan, math.inf])
def test_heights_of_no_column(height):
    with pytest.raises(InputError, match="height"):
        new_figure(height)


def test_spectra_show_their_numbers_and_totals(axes):
    draw_spectra(axes, SPECTRA)
    first, second = axes.lines
    assert first.get_xydata()[:2].tolist() == [[0.1, 1e2], [0.5, 1e4]]
    assert np.isnan(first.get_ydata()[2])  # zero has no place on a logarithmic axis
    assert second.get_ydata().tolist() == [1e1, 1e3, 1e3]
    assert (first.get_linestyle(), first.get_color()) != (second.get_linestyle(), second.get_color())
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        r"scalar, $m = 0.1$ GeV, $\sigma = 2.9 \times 10^{3}\,\mathrm{pb}$",
        "vector, $m = 0.1$ GeV",
    ]
    low, high = axes.get_ylim()
    assert low == pytest.approx(1e-2)
    assert high > 1e4


def test_spectra_in_square_centimetres(axes):
    draw_spectra(axes, SPECTRA, unit="cm^2")
    assert axes.get_ylabel() == r"$\mathrm{d}\sigma/\mathrm{d}x$ [$\mathrm{cm}^2$]"


def test_efficiency_shows_curve_points_and_held_ends(axes):
    draw_efficiency(axes, EFFICIENCY)
    named = {line.get_label(): line for line in axes.lines}
    assert named["curve"].get_xydata().tolist() == [[1e-3, 0.06], [0.1, 0.09], [1.0, 0.07]]
    assert named["points"].get_xydata().tolist() == [[2e-3, 0.05], [0.5, 0.1]]
    assert named["points"].get_linestyle() == "None"
    held = [line.get_xydata() for line in axes.lines if line.get_linestyle() == "--"]
    low, high = axes.get_xlim()
    assert low < 1e-3
    assert high > 1.0
    assert held[0] == pytest.approx(np.array([[low, 0.06], [1e-3, 0.06]]))
    assert held[1] == pytest.approx(np.array([[1.0, 0.07], [high, 0.07]]))
    assert axes.get_ylim()[0] == 0
    assert axes.get_ylim()[1] > 0.1  # the highest point is in


def test_efficiency_of_a_run_shows_all_its_points(axes):
    efficiency = na.load_run("2022").efficiency
    draw_efficiency(axes, efficiency)
    points = next(line for line in axes.lines if line.get_label() == "points")
    assert points.get_xydata().tolist() == np.column_stack([efficiency.point_masses, efficiency.point_values]).tolist()
    low, high = axes.get_xlim()
    assert low < min(efficiency.point_masses)
    assert max(efficiency.point_masses) < high


def test_efficiency_without_points(axes):
    bare = SimpleNamespace(masses=(0.1, 1.0), values=(0.5, 0.5), point_masses=(), point_values=())
    draw_efficiency(axes, bare)
    assert "points" not in [text.get_text() for text in axes.get_legend().get_texts()]


def test_decay_shows_both_kinds_of_each_average(axes):
    draw_decay(axes, LENGTHS, CHANCES)
    drawn = {line.get_label(): line for line in axes.lines}
    for name, pair in CHANCES.items():
        for kind, values in zip(("visible", "invisible"), pair, strict=True):
            assert np.array_equal(drawn[f"{kind}, {name}"].get_xydata(), np.column_stack([LENGTHS, values]))
    styles = {(line.get_color(), line.get_linestyle()) for line in axes.lines}
    assert len(styles) == 4
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["visible", "invisible", *CHANCES]


def test_decay_against_the_coupling(axes):
    draw_decay(axes, [1e-4, 1e-3], {"": ([0.0, 1.0], [1.0, 0.0])}, label="$g$ [GeV$^{-1}$]")
    assert axes.get_xlabel() == "$g$ [GeV$^{-1}$]"
    assert axes.get_xlim() == pytest.approx((1e-4, 1e-3))


def efficiency_with(**changed):
    return SimpleNamespace(**{**vars(EFFICIENCY), **changed})


WRONG = {
    "no spectra": lambda axes: draw_spectra(axes, []),
    "unit": lambda axes: draw_spectra(axes, SPECTRA, unit="barn"),
    "zero spectrum": lambda axes: draw_spectra(axes, [Spectrum("none", [0.1, 0.2], [0.0, 0.0])]),
    "nan in a spectrum": lambda axes: draw_spectra(axes, [Spectrum("bad", [0.1, 0.2], [np.nan, 1.0])]),
    "short spectrum": lambda axes: draw_spectra(axes, [Spectrum("short", [0.1, 0.2], [1.0])]),
    "total": lambda axes: draw_spectra(axes, [Spectrum("bad", [0.1, 0.2], [1.0, 1.0], math.nan)]),
    "no knots": lambda axes: draw_efficiency(axes, efficiency_with(masses=(), values=())),
    "zero mass": lambda axes: draw_efficiency(axes, efficiency_with(masses=(0.0, 0.1, 1.0))),
    "points without values": lambda axes: draw_efficiency(axes, efficiency_with(point_values=())),
    "no probabilities": lambda axes: draw_decay(axes, LENGTHS, {}),
    "probability above 1": lambda axes: draw_decay(axes, [1.0, 2.0], {"a": ([0.1, 1.1], [0.1, 0.1])}),
    "length 0": lambda axes: draw_decay(axes, [0.0, 2.0], {"a": ([0.1, 0.1], [0.1, 0.1])}),
    "infinite length": lambda axes: draw_decay(axes, [1.0, np.inf], {"a": ([0.1, 0.1], [0.1, 0.1])}),
    "one kind": lambda axes: draw_decay(axes, [1.0, 2.0], {"a": ([0.1, 0.1],)}),
    "one length": lambda axes: draw_decay(axes, [1.0], {"a": ([0.1], [0.1])}),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_drawn_is_refused(axes, name):
    with pytest.raises(InputError, match="figure"):
        WRONG[name](axes)
