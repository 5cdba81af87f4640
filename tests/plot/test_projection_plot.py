"""The figure of a projection shows the numbers of its record."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.legend import Legend

from na64stat.errors import InputError
from na64stat.plot.projection import check_drawable, projection_figure
from na64stat.records.limits import LimitPoint
from na64stat.records.projection import Projection, ProjectionPoint, Reach

LEVELS = {"minus2": 0.5, "minus1": 0.7, "median": 1.0, "plus1": 1.5, "plus2": 2.0}


def point(mot, coupling, upper=None, band=True):
    values = {level: coupling * (share if band else 1.0) for level, share in LEVELS.items()}
    intervals = {level: ((value, upper),) for level, value in values.items()}
    reach = tuple(Reach(z, z * coupling, 1.0, ((z * coupling, upper),), "reached") for z in (3.0, 5.0))
    return ProjectionPoint(mot, LimitPoint(0.1, values, values, intervals), reach)


def projection(*points):
    return Projection(
        scenario="axion-muon",
        coupling_unit="GeV^-1",
        run="2022",
        regions=("invisible",),
        cl=0.9,
        method="exact",
        background="per-mot",
        background_setting="realistic",
        points=points,
    )


def lines(figure):
    return [line.get_xydata() for line in figure.axes[0].lines]


def legend(figure):
    found = [artist for artist in figure.axes[0].artists if isinstance(artist, Legend)]
    return [text.get_text() for legend in found for text in legend.get_texts()]


def test_curves_are_the_record_sorted_by_muons():
    figure = projection_figure(projection(point(1e13, 1e-4), point(1e12, 3e-4)))
    figure.canvas.draw()
    drawn = lines(figure)
    for share in (1.0, 3.0, 5.0):
        wanted = np.array([[1e12, share * 3e-4], [1e13, share * 1e-4]])
        assert any(np.allclose(item, wanted, rtol=1e-12) for item in drawn if item.shape == wanted.shape)
    assert len(figure.axes[0].collections) == 2
    assert figure.axes[0].get_xlabel() == "muons on target"
    assert "GeV" in figure.axes[0].get_ylabel()
    assert {"excluded, 90% CL", r"discovery, 3 $\sigma$", r"discovery, 5 $\sigma$"} <= set(legend(figure))
    assert "its upper edge" not in legend(figure)


@pytest.mark.parametrize("count", [2, 3, 4, 6])
def test_masses_differ_in_grey_or_by_their_markers(count):
    """Also where their curves coincide: each has a marker where no other has one."""
    masses = np.linspace(0.1, 0.2, count)
    points = [
        replace(found, limit=replace(found.limit, mass=mass))
        for mass in masses
        for found in (point(mot, 1e-4) for mot in np.geomspace(1e10, 1e14, 9))
    ]
    (axes,) = projection_figure(projection(*points)).axes
    solid = [line for line in axes.lines if line.get_linewidth() == 1.7]
    assert len(solid) == count
    looks = {line.get_marker(): to_rgb(line.get_color()) @ np.array([0.2126, 0.7152, 0.0722]) for line in solid}
    assert len(looks) == count
    assert "None" not in looks
    grey = list(looks.values())
    assert grey == sorted(grey)
    if count <= 3:
        assert min(np.diff(grey)) > 0.1
    starts = [line.get_markevery()[0] for line in solid]
    assert len(set(starts)) == count


def test_what_only_the_layer_sum_excludes_is_said():
    spurious = point(1e13, 1e-4)
    spurious = replace(spurious, limit=replace(spurious.limit, artefacts={"median": ((1e-3, None),)}))
    text = "At 0.1 GeV part of it is excluded by the sum over layers only"
    for last, said in ((spurious, True), (point(1e13, 1e-4), False)):
        figure = projection_figure(projection(point(1e12, 3e-4), last))
        assert (text in figure.texts[0].get_text().replace("\n", " ")) == said


def test_edges_of_artefacts_are_dots():
    points = [point(mot, 1e-4, 0.1 * number) for number, mot in enumerate((1e12, 1e13, 1e14), 1)]
    points[2] = replace(points[2], limit=replace(points[2].limit, artefacts={"median": ((0.03, None),)}))
    drawn = {
        (line.get_linestyle(), line.get_linewidth()): line.get_ydata()
        for line in projection_figure(projection(*points)).axes[0].lines
    }
    np.testing.assert_allclose(drawn["-", 0.8], [0.1, 0.2, 0.3])
    np.testing.assert_allclose(drawn[":", 0.9], [np.nan, np.nan, 0.03])
    np.testing.assert_allclose(drawn["-", 1.7], [1e-4, 1e-4, 1e-4])
    assert (":", 1.7) not in drawn


def test_islands_have_an_upper_edge_and_equal_bands_are_left_out():
    figure = projection_figure(projection(point(1e12, 3e-4, 0.1, False), point(1e13, 1e-4, 0.2, False)))
    assert any(np.allclose(item[:, 1], [0.1, 0.2]) for item in lines(figure) if len(item) == 2)
    assert "its upper edge" in legend(figure)
    assert len(figure.axes[0].collections) == 0


def test_where_the_search_begins_is_no_edge():
    status = "excluded, from below the couplings that were searched (0.0001 to 1)"
    last = point(1e14, 1e-4, 0.3)
    last = replace(last, limit=replace(last.limit, status=status))
    figure = projection_figure(projection(point(1e12, 3e-4, 0.1), point(1e13, 2e-4, 0.2), last))
    (lower,) = [item for item in lines(figure) if len(item) and np.allclose(item[0], [1e12, 3e-4])]
    assert np.allclose(lower[:2, 1], [3e-4, 2e-4])
    assert np.isnan(lower[2, 1])
    assert "below the couplings that were searched" in figure.texts[0].get_text().replace("\n", " ")
    assert any(np.allclose(item[:, 1], [0.1, 0.2, 0.3]) for item in lines(figure))


def test_nothing_to_draw(tmp_path):
    nothing = LimitPoint(0.1, dict.fromkeys(LEVELS), dict.fromkeys(LEVELS), dict.fromkeys(LEVELS, ()), {}, "allowed")
    with pytest.raises(InputError, match="nothing is excluded or discovered"):
        projection_figure(projection(ProjectionPoint(1e12, nothing, ()), ProjectionPoint(1e13, nothing, ())))
    with pytest.raises(InputError, match=r"must end in"):
        check_drawable(tmp_path / "p", 1, 2)
