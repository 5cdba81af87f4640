"""The figure of limits shows every edge of what is excluded, and what is an artefact of the layer sum."""

import numpy as np
import pytest
from matplotlib.legend import Legend

from na64stat.figures.figure_of import figure_of
from na64stat.figures.limit_curves import ARTEFACT, edge_curves
from na64stat.records.limits import LimitPoint, ScenarioLimits


def limits(*points, verdict="observed"):
    made = []
    for mass, intervals, artefacts in points:
        lowest = intervals[0][0] if intervals else None
        made.append(LimitPoint(mass, {"observed": lowest}, {}, {"observed": intervals}, {"observed": artefacts}))
    asked = {
        "scenario": "axion-photon",
        "coupling_unit": "GeV^-1",
        "run": "2022",
        "regions": ("visible",),
        "cl": 0.9,
        "method": "exact",
    }
    return ScenarioLimits(**asked, points=tuple(made), verdict=verdict)


ISLAND = (
    (0.001, ((1e-2, 1.0),), ()),
    (0.002, ((2e-2, 0.5),), ()),
    (0.005, (), ()),  # nothing is excluded: no curve leads over it
    (0.010, ((3e-3, 2e-2), (1e-1, 0.4)), ()),
    (0.020, ((4e-3, 5e-3),), ((5e-3, None),)),
    (0.050, (), ((4e-2, None),)),
    (0.100, (), ((5e-2, None),)),
)


def drawn(level="observed", verdict="observed"):
    curves = edge_curves(limits(*ISLAND, verdict=verdict), level, "name", "black", "-", 2.2)
    return [(curve.label, curve.width, tuple(zip(curve.mass, curve.coupling, strict=True))) for curve in curves]


def test_every_edge_is_a_curve():
    found = drawn()
    assert ("name", 2.2, ((0.001, 1e-2), (0.002, 2e-2))) in found
    assert ("name", 2.2, ((0.010, 3e-3), (0.020, 4e-3))) in found
    assert ("name", 0.8, ((0.001, 1.0), (0.002, 0.5))) in found
    assert ("name", 0.8, ((0.010, 2e-2), (0.020, 5e-3))) in found
    assert ("name", 0.8, ((0.010, 1e-1), (0.010, 0.4))) in found
    assert found[0][:2] == ("name", 2.2)  # the legend shows the first of a name


def test_edges_of_artefacts_are_dots_without_a_name():
    (dots,) = [item for item in drawn() if not item[0]]
    assert dots[2] == ((0.050, 4e-2), (0.100, 5e-2))
    assert dots in drawn(verdict="median")  # at whatever level


def test_figure(check_legible):
    figure = figure_of(limits(*ISLAND))
    check_legible(figure)
    texts = " ".join(text.get_text().replace("\n", " ") for text in figure.texts)
    assert "Dots: excluded by the sum over layers only" in texts
    assert "Thin: upper edge" in texts
    (axes,) = figure.axes
    names = [text.get_text() for legend in axes.findobj(Legend) for text in legend.get_texts()]
    assert ARTEFACT in names
    assert names.count("observed, 2022") == 1


def test_nothing_is_said_of_what_is_not_there():
    figure = figure_of(limits((0.01, ((1e-3, None),), ()), (0.1, ((2e-3, None),), ())))
    texts = " ".join(text.get_text() for text in figure.texts)
    assert "Dots" not in texts
    assert "Thin" not in texts
    (axes,) = figure.axes
    lines = [line.get_xydata() for line in axes.lines if len(line.get_xdata())]
    assert np.array(lines) == pytest.approx(np.array([[[0.01, 1e-3], [0.1, 2e-3]]]))
