"""The comparison of methods: rows are what the methods say, one by one."""

import dataclasses
import math

import pytest

from na64stat.errors import ComputationError, InputError, RegionError
from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.compare import compare
from na64stat.stats.exact.exact import Exact
from na64stat.stats.exact.feldman_cousins import FeldmanCousins
from na64stat.stats.likelihood.model import Model
from na64stat.stats.toys.toys import Toys


@pytest.fixture
def empty(make_workspace):
    """No events, no background, one of signal: every method has a closed form."""
    return Model.from_workspace(make_workspace([0], [0], [1]))


def test_closed_forms_side_by_side(empty):
    result = compare(empty, 0.90, [Exact(), Toys(5000), Asymptotic(), FeldmanCousins()])
    exact, toys, asymptotic, interval = (row.limit for row in result.rows)
    assert exact.observed == pytest.approx(math.log(10), rel=1e-6)
    assert toys.observed == pytest.approx(math.log(10), rel=5 * toys.error.limit)
    assert asymptotic.observed == pytest.approx(1.353, abs=1e-3)  # physics.md section 7
    assert interval.observed == pytest.approx(2.44, abs=0.01)  # Phys. Rev. D 57 (1998) 3873, table IV
    assert (result.regions, result.cl) == (("r0",), 0.90)
    assert result.notes == ()


def test_all_methods_by_default(empty, monkeypatch):
    monkeypatch.setattr("na64stat.stats.toys.toys.Toys.upper_limit", lambda *_: Exact().upper_limit(empty, 0.9))
    names = [row.method for row in compare(empty).rows]
    assert names == ["exact", "toys", "asymptotic", "feldman-cousins"]


def test_a_method_that_cannot_says_why_and_the_others_go_on(make_workspace):
    model = Model.from_workspace(make_workspace([1] * 5, [2.0] * 5, [1.0] * 5))
    exact, asymptotic = compare(model, 0.95, [Exact(), Asymptotic()]).rows
    assert exact.limit is None
    with pytest.raises(RegionError) as refused:
        Exact().upper_limit(model, 0.95)
    assert exact.reason
    assert str(refused.value).endswith(exact.reason)
    assert asymptotic.reason == ""
    assert asymptotic.limit == Asymptotic().upper_limit(model, 0.95)


def test_what_cannot_be_computed_is_a_row_and_a_bug_is_not(empty):
    @dataclasses.dataclass(frozen=True)
    class Fails(Exact):
        error: Exception = ComputationError("exact: too much")  # noqa: RUF009

        def upper_limit(self, model, cl):
            raise self.error

    (row,) = compare(empty, 0.9, [Fails()]).rows
    assert (row.method, row.limit, row.reason) == ("exact", None, "too much")
    with pytest.raises(ZeroDivisionError):
        compare(empty, 0.9, [Fails(error=ZeroDivisionError())])


def test_what_is_wrong_for_all_methods_is_an_error(make_workspace, empty):
    with pytest.raises(InputError, match=r"cl = 1\.5"):
        compare(empty, 1.5)
    with pytest.raises(InputError, match="none given"):
        compare(empty, 0.9, [])
    model = Model.from_workspace(make_workspace([0, 4], [0, 0], [1, 1]))
    with pytest.raises(RegionError, match="4 events observed and no background"):
        compare(model, 0.9, [Exact()])


def test_a_projection_is_marked(make_workspace):
    model = Model.from_workspace(make_workspace([0], [1.0], [1.0], measurement="projection"))
    result = compare(model, 0.9, [Exact(), Asymptotic()])
    assert result.notes == ("projection: no observed counts, expected limits only",)
    assert all(row.limit.observed is None and row.limit.expected.median > 0 for row in result.rows)


def test_progress_sees_the_methods(empty):
    seen = []

    def track(methods):
        for method in methods:
            seen.append(method.name)
            yield method

    compare(empty, 0.9, [Asymptotic(), Exact()], track=track)
    assert seen == ["asymptotic", "exact"]
