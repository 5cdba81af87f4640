"""Excluded couplings without what the layer sum alone excludes: intervals made by hand."""

import pytest

import na64stat as na
from na64stat.report.summary import _cell
from na64stat.study import sensitivity as module
from na64stat.study.limits_record import LimitPoint, ScenarioLimits
from na64stat.study.sensitivity import Headline, sensitivity

CASES = [
    # intervals, artefacts, what is real, cell of the summary
    ([(1.0, 9.0)], [], [(1.0, 9.0)], "1 - 9"),
    ([(1.0, 9.0)], [(4.0, 9.0)], [(1.0, 4.0)], "1 - 9 (4 - 9: layer sum)"),
    ([(1.0, 9.0)], [(1.0, 4.0)], [(4.0, 9.0)], "1 - 9 (1 - 4: layer sum)"),
    ([(1.0, 9.0)], [(2.0, 4.0)], [(1.0, 2.0), (4.0, 9.0)], "1 - 9 (2 - 4: layer sum)"),
    ([(1.0, None)], [(4.0, None)], [(1.0, 4.0)], "> 1 (> 4: layer sum)"),
    ([(1.0, None)], [(2.0, 4.0)], [(1.0, 2.0), (4.0, None)], "> 1 (2 - 4: layer sum)"),
    ([(1.0, 9.0)], [(1.0, 9.0)], [], "1 - 9 (layer sum)"),
    ([(1.0, None)], [(1.0, None)], [], "> 1 (layer sum)"),
    ([(1.0, 2.0), (3.0, 9.0)], [(1.0, 2.0), (5.0, 9.0)], [(3.0, 5.0)], "1 - 2 (layer sum), 3 - 9 (5 - 9: layer sum)"),
    ([(1.0, 9.0)], [(1.0, 8.99)], [], "1 - 9 (layer sum)"),  # what is left is a sliver
]  # fmt: skip


def point_of(intervals, artefacts):
    lowest = intervals[0][0]
    return LimitPoint(0.1, {"observed": lowest}, {"observed": 2.3}, {"observed": tuple(intervals)}, tuple(artefacts))


@pytest.mark.parametrize(("intervals", "artefacts", "real", "cell"), CASES)
def test_what_is_left_without_the_artefacts(intervals, artefacts, real, cell):
    point = point_of(intervals, artefacts)
    assert point.real("observed") == tuple(real)
    assert _cell(point, "observed") == cell


@pytest.mark.parametrize(("intervals", "artefacts", "real", "cell"), CASES)
def test_the_sensitivity_is_that_of_real_edges(monkeypatch, intervals, artefacts, real, cell):
    found = ScenarioLimits("x", "1", "2022", ("visible",), 0.9, "exact", (point_of(intervals, artefacts),))
    monkeypatch.setattr(module, "limits", lambda *_, **__: found)
    headline = Headline(na.AxionPhoton, (0.1,), ("visible",))
    lines = sensitivity(na.load_run("2022"), [headline], variations=[]).headlines
    ends = {line.edge: line.limit for line in lines}
    expected = {"lower": real[0][0] if real else None}
    if real and real[-1][1] is not None:
        expected["upper"] = real[-1][1]
    assert ends == expected
    assert (lines[0].status == "excluded by the layer sum alone") == (not real)
