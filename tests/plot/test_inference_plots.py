"""Figures of inference: what is drawn is what was given, and names stay names."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from na64stat.errors import InputError
from na64stat.plot.inference import (
    DOWN,
    UP,
    draw_cl_s,
    draw_correlation,
    draw_impacts,
    draw_limits,
    draw_profile,
    draw_pulls,
)
from na64stat.plot.style import house_style, new_figure


def parameter(name, pull, constraint, value=0.3, error=0.2):
    return SimpleNamespace(name=name, value=value, error=error, pull=pull, constraint=constraint)


PARAMETERS = [
    parameter("mu", None, None),
    parameter("cost_$5", 0.5, 0.8),
    parameter("gamma[0]", -1.5, 0.9),
    parameter("free", None, None, 1.25, 0.5),
]
IMPACTS = SimpleNamespace(
    ranking=[
        SimpleNamespace(parameter=PARAMETERS[1], down=0.4, up=-0.3, prefit_down=0.6, prefit_up=-0.5),
        SimpleNamespace(parameter=PARAMETERS[3], down=None, up=0.1, prefit_down=None, prefit_up=None),
    ]
)
BAND = [1.0, 1.5, 2.0, 3.0, 4.0]


@pytest.fixture
def figure():
    with house_style():
        figure = new_figure()
        yield figure
        figure.canvas.draw()  # nothing fails when it is drawn


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_pulls(figure):
    axes = figure.add_subplot()
    assert draw_pulls(axes, SimpleNamespace(parameters=PARAMETERS)) is axes
    assert ticks(axes.yaxis) == ["cost_$5", "gamma[0]"]
    points = [line.get_xydata()[0].tolist() for line in axes.lines if line.get_marker() == "o"]
    assert points == [[0.5, 0.0], [-1.5, 1.0]]
    bars = [collection.get_segments()[0][:, 0].tolist() for collection in axes.collections]
    assert np.array(bars) == pytest.approx(np.array([[-0.3, 1.3], [-2.4, -0.6]]))
    assert axes.get_xlim()[0] < -2.4
    assert axes.yaxis_inverted()


def test_names_are_no_formulas(figure):
    axes = figure.add_subplot()
    draw_pulls(axes, SimpleNamespace(parameters=[parameter("$a_{", 0.1, 1.0)]))
    figure.canvas.draw()  # an unfinished formula would raise
    assert ticks(axes.yaxis) == ["$a_{"]


def test_impacts(figure):
    left, right = draw_impacts(tuple(figure.subplots(1, 2)), IMPACTS)
    assert ticks(left.yaxis) == ["cost_$5", "free"]
    assert [text.get_text() for text in left.texts] == [r"1.25 $\pm$ 0.5"]
    widths = {}
    for patch in right.patches:
        outline = patch.get_linewidth() > 0
        colour = to_hex(patch.get_edgecolor() if outline else patch.get_facecolor())
        key = colour, outline, round(patch.get_y() + patch.get_height() / 2)
        widths[key] = patch.get_width()
    down, up = to_hex(DOWN), to_hex(UP)
    assert widths[down, True, 0] == 0.6
    assert widths[down, False, 0] == 0.4
    assert widths[up, True, 0] == -0.5
    assert widths[up, False, 0] == -0.3
    assert widths[up, False, 1] == 0.1
    assert widths[down, False, 1] == 0.0
    assert left.get_ylim() == right.get_ylim()
    assert right.get_xlim()[1] > 0.6


def test_only_the_largest_impacts(figure):
    left, _ = draw_impacts(tuple(figure.subplots(1, 2)), IMPACTS, most=1)
    assert ticks(left.yaxis) == ["cost_$5"]


def test_correlation(figure):
    matrix = np.array([[1.0, 0.7, 0.001], [0.7, 1.0, -0.2], [0.001, -0.2, 1.0]])
    fit = SimpleNamespace(free_names=("mu", "jes", "tilt"), correlation=matrix)
    axes = draw_correlation(figure.add_subplot(), fit)
    assert np.array_equal(axes.images[0].get_array(), matrix)
    assert ticks(axes.xaxis) == ticks(axes.yaxis) == ["mu", "jes", "tilt"]
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written[1, 0] == "0.70"
    assert (2, 0) not in written
    assert len(written) == 7


def test_the_sign_is_written_where_numbers_have_no_room(figure):
    """Both signs of this colour map have one grey."""
    matrix = np.full((12, 12), 0.3) + np.diag(np.full(12, 0.7))
    matrix[0, 1] = matrix[1, 0] = -0.3
    matrix[2, 3] = matrix[3, 2] = -0.01  # nearly white
    axes = draw_correlation(figure.add_subplot(), SimpleNamespace(free_names=list("abcdefghijkl"), correlation=matrix))
    assert {text.get_position(): text.get_text() for text in axes.texts} == {(0, 1): "−", (1, 0): "−"}


def test_most_correlated_parameters(figure):
    matrix = np.array([[1.0, 0.7, 0.0], [0.7, 1.0, -0.2], [0.0, -0.2, 1.0]])
    fit = SimpleNamespace(free_names=("mu", "jes", "tilt"), correlation=matrix)
    axes = draw_correlation(figure.add_subplot(), fit, most=2)
    assert ticks(axes.xaxis) == ["mu", "jes"]


def test_profile(figure):
    scan = SimpleNamespace(
        name="mu",
        best=1.0,
        values=np.array([-1.0, 0.0, 1.0, 2.0, 3.0]),
        rise=np.array([np.inf, 1.0, 0.0, 1.0, 4.0]),
        levels={"68.3%": 1.0, "95%": 3.84, "far": 50.0},
        crossings={"68.3%": (0.0, 2.0), "95%": (2.96,), "far": ()},
    )
    axes = draw_profile(figure.add_subplot(), scan)
    assert axes.lines[0].get_xydata().tolist() == [[0, 1], [1, 0], [2, 1], [3, 4]]
    points = [line.get_xydata()[0].tolist() for line in axes.lines if line.get_marker() == "o"]
    assert points == [[0.0, 1.0], [2.0, 1.0], [2.96, 3.84]]
    assert [text.get_text() for text in axes.texts] == ["68.3%", "95%"]
    assert axes.get_ylim()[0] == 0


def limit(observed, expected=BAND, lower=None):
    return SimpleNamespace(observed=observed, expected=expected, lower=lower, cl=0.9)


def test_limits(figure):
    rows = {"exact": limit(2.5), "none": limit(None, [None] * 5), "interval": limit(3.5, lower=0.5)}
    axes = draw_limits(figure.add_subplot(), rows)
    assert ticks(axes.yaxis) == ["exact", "none", "interval"]
    bars = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]
    assert bars == [(1.0, 4.0), (1.5, 3.0)] * 2
    observed = [line.get_xydata()[0].tolist() for line in axes.lines if line.get_marker() == "o"]
    assert observed == [[2.5, 0.0], [3.5, 2.0]]
    assert [0.5, 2.0] in [line.get_xydata()[0].tolist() for line in axes.lines if line.get_linestyle() == "-"]
    assert axes.get_xscale() == "linear"
    assert "90% CL" in axes.get_xlabel()


def test_limits_over_decades_are_logarithmic(figure):
    axes = draw_limits(figure.add_subplot(), {"a": limit(1e-3, [1e-4, 2e-4, 5e-4, 1e-3, 2e-3]), "b": limit(5.0)})
    assert axes.get_xscale() == "log"


def test_cl_s(figure):
    results = [
        SimpleNamespace(observed=0.8, expected=[0.5, 0.6, 0.7, 0.8, 0.9]),
        SimpleNamespace(observed=0.1, expected=[0.05, 0.06, 0.07, 0.08, 0.3]),
    ]
    axes = draw_cl_s(figure.add_subplot(), [0.0, 1.0], results, 0.95)
    observed, median, level = axes.lines
    assert median.get_xydata().tolist() == [[0, 0.7], [1, 0.07]]
    assert observed.get_xydata().tolist() == [[0, 0.8], [1, 0.1]]
    assert level.get_ydata()[0] == pytest.approx(0.05)
    corners = {tuple(point) for point in axes.collections[0].get_paths()[0].vertices.tolist()}
    assert {(0.0, 0.5), (0.0, 0.9), (1.0, 0.05), (1.0, 0.3)} <= corners


def test_nothing_to_draw(figure):
    axes = figure.add_subplot()
    with pytest.raises(InputError, match="no constrained parameter"):
        draw_pulls(axes, SimpleNamespace(parameters=PARAMETERS[:1]))
    with pytest.raises(InputError, match="no nuisance parameter"):
        draw_impacts((axes, axes), SimpleNamespace(ranking=[]))
    with pytest.raises(InputError, match="no covariance matrix"):
        draw_correlation(axes, SimpleNamespace(free_names=(), correlation=None))
    with pytest.raises(InputError, match="none given"):
        draw_limits(axes, {})
    with pytest.raises(InputError, match="2 points and 0 results"):
        draw_cl_s(axes, [0.0, 1.0], [], 0.9)
