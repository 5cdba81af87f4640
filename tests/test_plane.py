"""The plane of (E_CAL, p_out): bins, regions, and the records that carry events over it."""

import math

import numpy as np
import pytest

from na64stat.errors import RegionError
from na64stat.plane import Binning, Region
from na64stat.template import Plane, Yield

INF = math.inf


def test_uniform_bins_cover_the_plane():
    binning = Binning.uniform(4.0, 200.0)
    assert binning == Binning.uniform()
    assert binning.shape == (50, 50)
    for edges in (binning.e_cal, binning.p_out):
        assert (edges[0], edges[3], edges[-1]) == (0.0, 12.0, 200.0)
        np.testing.assert_allclose(np.diff(edges), 4.0)


def test_the_axes_may_differ():
    assert Binning((0.0, 1.0, 10.0), (5.0, 6.0)).shape == (2, 1)


@pytest.mark.parametrize(
    "edges",
    [(), (1.0,), (0.0, 1.0, 1.0), (2.0, 1.0), (0.0, math.nan, 2.0)],
    ids=["none", "one", "twice", "down", "nan"],
)
@pytest.mark.parametrize("axis", ["e_cal", "p_out"])
def test_edges_must_increase(edges, axis):
    good = (0.0, 1.0)
    with pytest.raises(RegionError, match=f"binning: {axis} edges must be at least two increasing"):
        Binning(**{"e_cal": good, "p_out": good, axis: edges})


@pytest.mark.parametrize(("width", "stop"), [(0, 200), (-4, 200), (4, 3), (math.nan, 200), (4, INF), (4, math.nan)])
def test_uniform_refuses_impossible_sizes(width, stop):
    with pytest.raises(RegionError, match="must lie between 0 and the plane's size"):
        Binning.uniform(width, stop)


@pytest.mark.parametrize("axis", ["e_cal", "p_out", "total"])
@pytest.mark.parametrize("cut", [(5.0, 5.0), (6.0, 5.0), (math.nan, 5.0), (5.0, math.nan)])
def test_an_empty_range_is_refused(axis, cut):
    with pytest.raises(RegionError, match=f"region 'odd': {axis} range .* GeV is empty"):
        Region("odd", **{axis: cut})


def test_a_region_without_cuts_holds_every_bin():
    assert Region("all").holds_bins(Binning.uniform(10, 50)).all()


def test_a_box_holds_the_bins_between_its_edges():
    inside = Region("box", e_cal=(4, 12), p_out=(-INF, 8)).holds_bins(Binning.uniform(4, 20))
    expected = np.zeros((5, 5), dtype=bool)
    expected[1:3, :2] = True
    np.testing.assert_array_equal(inside, expected)


def test_a_diagonal_cut_holds_the_bins_whose_centres_it_holds():
    region, binning = Region("band", e_cal=(12, INF), total=(146.5, 186.5)), Binning.uniform(3.0, 210.0)
    inside = region.holds_bins(binning)
    for i in range(0, 70, 7):
        for j in range(70):
            e, p = 3 * i + 1.5, 3 * j + 1.5
            assert inside[i, j] == (e > 12 and 146.5 < e + p < 186.5)


def test_the_bins_fill_the_area_of_the_region():
    """A triangle below a diagonal: the area of its bins tends to its own."""
    region = Region("triangle", total=(-INF, 100.0))
    for width in (10.0, 1.0):
        area = region.holds_bins(Binning.uniform(width, 200.0)).sum() * width**2
        assert area == pytest.approx(5000, abs=100 * width)


def test_events_are_visible_and_invisible_together():
    assert Yield(visible=1.5, invisible=0.25).events == 1.75
    plane = Plane(Binning((0, 1), (0, 1, 2)), np.array([[1.0, 2.0]]), np.array([[0.5, 0.0]]))
    np.testing.assert_array_equal(plane.counts, [[1.5, 2.0]])
