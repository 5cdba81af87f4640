"""Headline numbers of inputs made by hand: what is written is computed."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import na64stat as na
from na64stat.experiment.with_numbers import with_numbers
from na64stat.records.limits import LimitPoint, ScenarioLimits
from na64stat.report import headlines as module
from na64stat.report.headlines import as_markdown
from na64stat.study.signal_test import SignalTest

PROJECTION = na.load_run("mot1e12")
LIMIT = SignalTest(PROJECTION, ("visible",)).limit_in_events.expected.median


def reach(monkeypatch, events):
    """The reach where the expected events are a function of the mass, in units of the limit."""

    def of(probe, run, couplings, regions, average):
        return {region: LIMIT * events(probe.mass) * np.ones(len(couplings)) for region in regions}

    monkeypatch.setattr(module, "region_events", of)
    (visible, _) = module._photon_reach()
    return visible


def test_the_reach_is_where_the_signal_falls_below_the_limit(monkeypatch):
    assert reach(monkeypatch, lambda mass: 0.0812 / mass).no_background == "0.081 GeV (layers), 0.081 GeV (continuous)"
    assert reach(monkeypatch, lambda mass: 0.5).no_background == "nothing (layers), nothing (continuous)"


def test_a_reach_beyond_the_masses_that_are_looked_at_is_said_to_be_so(monkeypatch):
    row = reach(monkeypatch, lambda mass: 7.0 / mass)
    assert row.no_background == "beyond 1 GeV (layers), beyond 1 GeV (continuous)"
    assert row.verdict.startswith("differs")


def limits_of(couplings):
    points = [LimitPoint(0.01 * (number + 1), {"median": value}, {}, {}) for number, value in enumerate(couplings)]
    return ScenarioLimits(
        scenario="x",
        coupling_unit="1",
        run="r",
        regions=("invisible",),
        cl=0.9,
        method="exact",
        points=tuple(points),
        verdict="median",
    )


@pytest.mark.parametrize(
    ("low", "high", "text", "verdict"),
    [
        ([1.0], [0.1], "10", "agreed"),
        ([1.0, 2.0, None], [0.1, 0.2, None], "10", "agreed"),
        ([1.0, 2.0, 3.0], [0.1, 0.25, 0.3], "8 to 10", "differs: 8 to 10, not 10"),
        ([1.0, None], [0.1, 0.2], "none", "differs: none, not 10"),
        ([None], [None], "none", "differs: none, not 10"),
    ],
)
def test_the_scaling_is_that_of_every_mass(low, high, text, verdict):
    good = {"mot1e12": limits_of([5.0]), "mot1e14": limits_of([0.5])}
    muon = {"mot1e12": limits_of(low), "mot1e14": limits_of(high)}
    row = module._mot_scaling(SimpleNamespace(muon=muon, dark=good))
    assert (row.no_background, row.verdict) == (f"axion-muon {text}, dark sector 10", verdict)


def test_what_systematics_account_for_is_computed():
    """The limit on the coupling goes as the root of that on the events, which is ln 10 without them; here 30% of efficiency."""
    run = with_numbers(na.load_run("2022"), {"systematics.efficiency": 0.3})
    events = SignalTest(run, ("invisible",)).limit_in_events.observed
    size = math.sqrt(events / math.log(10)) - 1
    assert size > 0.02
    assert f"systematics account for {100 * size:.1g}%" in module._axion_muon(run, run).verdict


def test_the_head_of_the_table_names_the_background_of_the_run_file(monkeypatch):
    monkeypatch.setattr(
        module, "load_run", lambda _: SimpleNamespace(with_background=lambda _: SimpleNamespace(region=region_of))
    )
    assert "b = 0.5 (invisible)" in as_markdown(())


def region_of(_):
    return SimpleNamespace(background=SimpleNamespace(events=0.5))
