"""Excluded couplings without what the layer sum alone excludes: intervals made by hand."""

import pytest

import na64stat as na
from na64stat.records.limits import LimitPoint, ScenarioLimits, outside
from na64stat.report.summary import _cell
from na64stat.study.sensitivity import sensitivity as module
from na64stat.study.sensitivity.sensitivity import Headline, sensitivity

CASES = [
    # what is excluded, what the layer sum alone excludes, cell of the summary
    ([(1.0, 9.0)], [], "1 - 9"),
    ([(1.0, 4.0)], [(4.0, 9.0)], "1 - 4 (layer sum: 4 - 9)"),
    ([(1.0, 2.0), (4.0, None)], [(2.0, 4.0)], "1 - 2, > 4 (layer sum: 2 - 4)"),
    ([], [(1.0, 9.0)], "nothing (layer sum: 1 - 9)"),
    ([], [(1.0, None)], "nothing (layer sum: > 1)"),
    ([(3.0, 5.0)], [(1.0, 2.0), (5.0, 9.0)], "3 - 5 (layer sum: 1 - 2, 5 - 9)"),
]

PARTS = [
    # excluded by the layer sum, by both averages, by the layer sum alone
    ([(1.0, 9.0)], [(1.0, 9.0)], []),
    ([(1.0, 9.0)], [(1.0, 4.0)], [(4.0, 9.0)]),
    ([(1.0, None)], [(1.0, 2.0), (4.0, None)], [(2.0, 4.0)]),
    ([(1.0, None)], [], [(1.0, None)]),
    ([(1.0, 2.0), (3.0, 9.0)], [(3.0, 5.0)], [(1.0, 2.0), (5.0, 9.0)]),
    ([(1.0, 9.0)], [(1.0, 8.99)], []),  # what is left is a sliver
]


def point_of(intervals, artefacts):
    lowest = intervals[0][0] if intervals else None
    status = "excluded" if intervals else "artefact"
    levels = {"observed": tuple(intervals)}, {"observed": tuple(artefacts)}
    return LimitPoint(0.1, {"observed": lowest}, {"observed": 2.3}, *levels, status)


@pytest.mark.parametrize(("layers", "both", "alone"), PARTS)
def test_what_the_layer_sum_alone_excludes(layers, both, alone):
    assert outside(layers, both, 10.0) == tuple(alone)


@pytest.mark.parametrize(("real", "artefacts", "cell"), CASES)
def test_the_summary_tells_them_apart(real, artefacts, cell):
    assert _cell(point_of(real, artefacts), "observed") == cell


@pytest.mark.parametrize(("real", "artefacts", "cell"), CASES)
def test_the_sensitivity_is_that_of_real_edges(monkeypatch, real, artefacts, cell):
    found = ScenarioLimits(
        scenario="x",
        coupling_unit="1",
        run="2022",
        regions=("visible",),
        cl=0.9,
        method="exact",
        points=(point_of(real, artefacts),),
    )
    monkeypatch.setattr(module, "limits", lambda *_, **__: found)
    headline = Headline(na.AxionPhoton, (0.1,), ("visible",))
    lines = sensitivity(na.load_run("2022"), [headline], variations=[]).headlines
    ends = {line.edge: line.limit for line in lines}
    expected = {"lower": real[0][0] if real else None}
    if real and real[-1][1] is not None:
        expected["upper"] = real[-1][1]
    assert ends == expected
    assert (lines[0].status == "excluded by the layer sum alone") == (not real)
