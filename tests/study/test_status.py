"""Texts of a status: recognised by what makes them, whatever they say."""

import numpy as np
import pytest

import na64stat as na
from na64stat.errors import InputError
from na64stat.records import status
from na64stat.records.status import failed, from_below, has_failed, is_from_below, why_failed
from na64stat.report.summary import _cell
from na64stat.study.bayes.samples import Samples


@pytest.mark.parametrize("reason", ["no signal", "failed: twice", "", "excluded"])
def test_a_failure_is_recognised_and_keeps_its_reason(reason):
    assert has_failed(failed(reason))
    assert why_failed(failed(reason)) == reason
    assert not is_from_below(failed(reason))


@pytest.mark.parametrize("plain", ["excluded", "allowed", "reached", "not reached", "no signal", "failure", ""])
def test_what_has_not_failed(plain):
    assert not has_failed(plain)
    assert not is_from_below(plain)


def test_the_remark_on_what_was_searched():
    text = from_below("excluded", 1e-4, 1.0)
    assert text == "excluded, from below the couplings that were searched (0.0001 to 1)"
    assert is_from_below(text)
    assert not has_failed(text)


def test_no_one_else_goes_by_the_words(monkeypatch):
    """With other words limits, their record and the summary say the same of 200 GeV, which is beyond the beam."""
    run = na.load_run("2022")
    asked = {"scenario": na.AxionMuon, "run": run}
    monkeypatch.setattr(status, "_FAILED", "broken: ")
    (good, bad) = na.limits(masses=[0.1, 200.0], **asked).points
    assert bad.status.startswith("broken: ")
    assert _cell(bad, "observed") == bad.status
    assert _cell(good, "observed").startswith("> ")
    with pytest.raises(InputError) as refusal:
        na.limits(masses=[200.0], **asked)
    assert str(refusal.value) == why_failed(bad.status)


def test_no_one_else_goes_by_the_words_of_the_remark(monkeypatch):
    monkeypatch.setattr(status, "_BELOW", ", as low as we looked")
    point = na.limits(na.AxionPhoton, na.load_run("2022"), [0.01], regions=["visible"], couplings=(1e-2, 1.0)).points[0]
    assert point.status == "excluded, as low as we looked (0.01 to 1)"
    assert is_from_below(point.status)


def test_signal_events_of_bins_are_told_from_parameters_by_their_bins():
    """A parameter of the user's workspace can bear any name."""
    values = np.arange(12.0).reshape(1, 2, 2, 3)
    named = ("mu", "events of the beam", "efficiency")
    found = Samples(
        {"counts": {"a": 0}, "yield_power": None, "seed": 1},
        named,
        ("a",),
        values,
        values[..., :1],
        values[..., :1],
        (0.3,),
    )
    assert found.of_bins == {"events a": 0}
    assert found.names == (*named, "events", "events a")
    np.testing.assert_array_equal(found.of("events a"), values[..., 0])
    np.testing.assert_array_equal(found.of("events of the beam"), values[..., 1])
    assert set(found.groups()["posterior"]) == {*named, "events", "signal", "expected"}
