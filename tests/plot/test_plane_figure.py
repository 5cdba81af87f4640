"""The plane of a signal: its counts as colours, and outlines that are the regions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import LogNorm, to_rgb
from matplotlib.path import Path

import na64stat as na
from na64stat.errors import InputError
from na64stat.plane import Binning, Region
from na64stat.plot.plane import draw_plane, region_outline
from na64stat.plot.style import house_style, new_figure
from na64stat.template import Plane

REGIONS = [
    Region("invisible", e_cal=(-math.inf, 12.0), p_out=(-math.inf, 80.0)),
    Region("visible", e_cal=(12.0, math.inf), total=(146.5, 186.5)),
    Region("visible_trigger", e_cal=(12.0, math.inf), p_out=(-math.inf, 80.0), total=(146.5, 186.5)),
]
BINNING = Binning.uniform(10.0, 200.0)


def signal(seed=1):
    counts = 10 ** np.random.default_rng(seed).uniform(-9, 0, BINNING.shape)
    counts[:, -3:] = 0
    return Plane(BINNING, counts / 3, 2 * counts / 3)


@pytest.fixture
def axes():
    with house_style():
        yield new_figure().add_subplot()


BOUND = st.one_of(st.just(math.inf), st.floats(0, 300))


@given(*[st.tuples(BOUND, BOUND)] * 3, st.integers(0, 10**6))
def test_outline_is_where_the_region_holds_points(e_cal, p_out, total, seed):
    cuts = [(-high if math.isinf(high) else low, high) for low, high in map(sorted, (e_cal, p_out, total))]
    if any(not low < high for low, high in cuts):
        return
    region = Region("any", *cuts)
    steps = np.random.default_rng(seed).uniform(0.5, 4.0, (2, 60))
    grid = Binning(*(tuple(200 * np.cumsum(step) / np.sum(step)) for step in steps))
    held = region.holds_bins(grid)
    try:
        corners = region_outline(region, grid)
    except InputError:
        assert not held.any()
        return
    e_centre, p_centre = (np.convolve(axis, [0.5, 0.5], "valid") for axis in (grid.e_cal, grid.p_out))
    points = np.stack(np.meshgrid(e_centre, p_centre, indexing="ij"), axis=-1)
    # A centre on the outline may fall on either side.
    margins = [
        np.abs(value - bound)
        for value, cut in zip((*np.moveaxis(points, -1, 0), points.sum(-1)), cuts, strict=True)
        for bound in cut
    ]
    clear = np.min(margins, axis=0) > 1e-6
    inside = Path(np.vstack([corners, corners[:1]])).contains_points(points.reshape(-1, 2)).reshape(held.shape)
    assert np.array_equal(inside[clear], held[clear])


def test_outline_of_the_visible_region_has_its_diagonal():
    # E > 12, 146.5 < E + p < 186.5 in a square of 200: corners by hand.
    corners = {tuple(corner) for corner in region_outline(REGIONS[1], BINNING).tolist()}
    assert corners == {(12.0, 134.5), (12.0, 174.5), (186.5, 0.0), (146.5, 0.0)}


@pytest.mark.parametrize("name", ["invisible", "visible", "visible_trigger"])
def test_outline_of_a_run_holds_what_its_region_holds(name):
    region, binning = na.load_run("2022").regions[name].region, Binning.uniform(1.0)
    centre = (np.asarray(binning.e_cal)[1:] + np.asarray(binning.e_cal)[:-1]) / 2
    points = np.column_stack([axis.ravel() for axis in np.meshgrid(centre, centre, indexing="ij")])
    outline = Path(region_outline(region, binning))
    expected = region.holds_bins(binning).ravel()
    border = outline.contains_points(points, radius=0.6) != outline.contains_points(points, radius=-0.6)
    assert np.array_equal(outline.contains_points(points)[~border], expected[~border])
    assert expected.sum() > 100


def test_plane_shows_its_counts(axes):
    plane = signal()
    draw_plane(axes, plane, REGIONS, decades=4)
    (mesh,) = axes.collections
    shown = mesh.get_array()
    assert np.array_equal(shown.mask, plane.counts.T == 0)
    assert np.array_equal(shown.compressed(), plane.counts.T[plane.counts.T > 0])
    assert isinstance(mesh.norm, LogNorm)
    assert (mesh.norm.vmin, mesh.norm.vmax) == pytest.approx((plane.counts.max() / 1e4, plane.counts.max()))
    assert to_rgb(mesh.cmap(np.ma.masked)) == (1, 1, 1)
    bar = next(other for other in axes.get_figure().axes if other is not axes)
    assert bar.get_ylabel() == "expected events per bin"
    assert bar.get_yscale() == "log"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [region.name for region in REGIONS]
    named = {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}
    assert len({(line.get_color(), line.get_linestyle(), line.get_linewidth()) for line in named.values()}) == 3
    for region in REGIONS:
        assert set(map(tuple, named[region.name].get_xydata())) == set(map(tuple, region_outline(region, BINNING)))


def test_colours_of_the_plane_get_darker_in_grey(axes):
    draw_plane(axes, signal(), [])
    (mesh,) = axes.collections
    rgb = mesh.cmap(np.linspace(0, 1, 64))[:, :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    assert np.all(np.diff(linear @ [0.2126, 0.7152, 0.0722]) < 0)


def plane_with(value):
    counts = np.full(BINNING.shape, 0.1)
    counts[3, 4] = value
    return Plane(BINNING, counts, np.zeros(BINNING.shape))


EMPTY = Plane(BINNING, np.zeros(BINNING.shape), np.zeros(BINNING.shape))
WRONG = {
    "empty plane": lambda axes: draw_plane(axes, EMPTY, []),
    "nan in the plane": lambda axes: draw_plane(axes, plane_with(np.nan), []),
    "negative in the plane": lambda axes: draw_plane(axes, plane_with(-1.0), []),
    "another binning": lambda axes: draw_plane(
        axes, Plane(Binning.uniform(20.0, 200.0), EMPTY.visible, EMPTY.visible), []
    ),
    "no decades": lambda axes: draw_plane(axes, signal(), [], decades=0),
    "region outside": lambda axes: draw_plane(axes, signal(), [Region("far", e_cal=(300.0, 400.0))]),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_drawn_is_refused(axes, name):
    with pytest.raises(InputError, match="figure"):
        WRONG[name](axes)
