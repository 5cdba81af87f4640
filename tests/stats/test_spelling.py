"""Start values, order and spelling of a workspace decide nothing: the same model written otherwise has the same answers."""

import copy
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from na64stat.errors import RegionError
from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.exact.exact import Exact
from na64stat.stats.fits.best_fit import best_fit
from na64stat.stats.likelihood.model import Model
from na64stat.stats.limits import check_combination, upper_limit

MANY = 4 if os.environ.get("NA64STAT_TEST_ALL") else 1
"""Workspaces that are written each way."""

pytestmark = pytest.mark.filterwarnings("ignore::na64stat.errors.LowCountWarning")


def few(number):
    return settings(max_examples=number, suppress_health_check=list(HealthCheck))


def modifier(name, kind, data=None):
    return {"name": name, "type": kind, "data": data}


def written(rng):
    """Two channels of one bin with a signal, two backgrounds and a control region that measures a free factor."""
    relative = [modifier("eff", "normsys", {"hi": 1.2, "lo": 1 / 1.2})]
    channels, observations = [], []
    for name, strong in (("SR", 3.0), ("low", 1.5)):
        first, second = rng.uniform(1, 4, 2)
        samples = [
            {"name": "sig", "data": [strong], "modifiers": [modifier("mu", "normfactor"), *relative]},
            {"name": "b1", "data": [first], "modifiers": [modifier("k", "normfactor")]},
            {"name": "b2", "data": [second], "modifiers": [modifier("u", "normsys", {"hi": 1.3, "lo": 1 / 1.3})]},
        ]
        channels.append({"name": name, "samples": samples})
        observations.append({"name": name, "data": [float(rng.poisson(first + second) + 1)]})
    control = float(rng.uniform(20, 60))
    channels.append(
        {"name": "CR", "samples": [{"name": "b1", "data": [control], "modifiers": [modifier("k", "normfactor")]}]}
    )
    observations.append({"name": "CR", "data": [float(rng.poisson(control))]})
    config = {"poi": "mu", "parameters": [{"name": "k", "inits": [1.0], "bounds": [[0.0, 10.0]]}]}
    measurements = [{"name": "m", "config": config}]
    return {"version": "1.0.0", "channels": channels, "observations": observations, "measurements": measurements}


def other_start(workspace, rng):
    workspace["measurements"][0]["config"]["parameters"][0]["inits"] = [float(rng.choice([0.0, 0.3, 7.0]))]
    workspace["measurements"][0]["config"]["parameters"].append(
        {"name": "mu", "inits": [float(rng.choice([0.0, 5.0]))], "bounds": [[0.0, 10.0]]}
    )


def wider_bounds(workspace, rng):
    workspace["measurements"][0]["config"]["parameters"][0]["bounds"] = [[0.0, float(rng.choice([50.0, 1e4]))]]


def other_order(workspace, rng):
    rng.shuffle(workspace["channels"])
    rng.shuffle(workspace["observations"])
    for channel in workspace["channels"]:
        rng.shuffle(channel["samples"])
        for sample in channel["samples"]:
            rng.shuffle(sample["modifiers"])


def split_samples(workspace, rng):
    for channel in workspace["channels"]:
        half = copy.deepcopy(channel["samples"][-1])
        share = float(rng.uniform(0.2, 0.8))
        half["name"] = "other half"
        half["data"] = [value * share for value in half["data"]]
        channel["samples"][-1]["data"] = [value * (1 - share) for value in channel["samples"][-1]["data"]]
        channel["samples"].append(half)


def other_names(workspace, rng):
    names = {"k": "zz", "u": "a_first", "eff": "mu2", "SR": "x", "CR": "a", "low": "0", "b1": "s2", "b2": "b1"}

    def renamed(value):
        if isinstance(value, dict):
            return {key: names.get(item, item) if key == "name" else renamed(item) for key, item in value.items()}
        return [renamed(item) for item in value] if isinstance(value, list) else value

    workspace.update(renamed(workspace))


def one_channel(workspace, rng):
    """The two channels with signal as one of two bins."""
    first, second, control = workspace["channels"]
    for sample, other in zip(first["samples"], second["samples"], strict=True):
        sample["data"] += other["data"]
    workspace["channels"] = [first, control]
    counts = [item["data"] for item in workspace["observations"]]
    workspace["observations"] = [{"name": "SR", "data": counts[0] + counts[1]}, {"name": "CR", "data": counts[2]}]


WAYS = [other_start, wider_bounds, other_order, split_samples, other_names, one_channel]


@pytest.mark.sampled(2)
@few(MANY)
@given(seed=st.integers(0, 10**6))
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_fits_and_asymptotic_limits(way, seed):
    rng = np.random.default_rng(seed)
    workspace = written(rng)
    other = copy.deepcopy(workspace)
    way(other, rng)
    ours, theirs = (best_fit(Model.from_workspace(item)) for item in (workspace, other))
    assert theirs.parameters[theirs.poi].value == pytest.approx(ours.parameters[ours.poi].value, abs=2e-5)
    ours, theirs = (upper_limit(item, Asymptotic()) for item in (workspace, other))
    assert theirs.observed == pytest.approx(ours.observed, rel=1e-5)
    assert theirs.expected.median == pytest.approx(ours.expected.median, rel=1e-5)


@pytest.mark.sampled(2)
@few(MANY)
@given(seed=st.integers(0, 10**6))
@pytest.mark.parametrize("way", [way for way in WAYS if way is not wider_bounds], ids=lambda way: way.__name__)
def test_exact_limits(way, seed):
    """Without the free factor, which only a control region measures."""
    rng = np.random.default_rng(seed)
    workspace = written(rng)
    workspace["measurements"][0]["config"]["parameters"][0] |= {"fixed": True}
    other = copy.deepcopy(workspace)
    if way is not other_start:
        way(other, rng)
    else:
        other["measurements"][0]["config"]["parameters"].append({"name": "mu", "inits": [0.0], "bounds": [[0.0, 5.0]]})
    ours, theirs = (upper_limit(item, Exact()) for item in (workspace, other))
    assert theirs.observed == pytest.approx(ours.observed, rel=1e-5)
    assert theirs.expected.median == pytest.approx(ours.expected.median, rel=1e-5)


def test_one_channel_or_two_without_background():
    """Counts without background are refused beside other bins, of whatever channel."""
    signal = [modifier("mu", "normfactor")]
    measurements = [{"name": "m", "config": {"poi": "mu", "parameters": []}}]
    two = {
        "version": "1.0.0",
        "channels": [
            {
                "name": name,
                "samples": [
                    {"name": "s", "data": [1.0], "modifiers": signal},
                    {"name": "b", "data": [b], "modifiers": []},
                ],
            }
            for name, b in (("A", 0.0), ("B", 2.0))
        ],
        "observations": [{"name": "A", "data": [1.0]}, {"name": "B", "data": [2.0]}],
        "measurements": measurements,
    }
    samples = [
        {"name": "s", "data": [1.0, 1.0], "modifiers": signal},
        {"name": "b", "data": [0.0, 2.0], "modifiers": []},
    ]
    one = two | {"channels": [{"name": "A", "samples": samples}], "observations": [{"name": "A", "data": [1.0, 2.0]}]}
    for workspace in (one, two):
        with pytest.raises(RegionError, match="has 1 events observed and no background"):
            check_combination(Model.from_workspace(workspace))


def test_events_where_nothing_is_expected_are_refused():
    samples = [
        {"name": "s", "data": [1.0, 0.0], "modifiers": [modifier("mu", "normfactor")]},
        {"name": "b", "data": [2.0, 0.0], "modifiers": []},
    ]
    workspace = {
        "version": "1.0.0",
        "channels": [{"name": "A", "samples": samples}],
        "observations": [{"name": "A", "data": [1.0, 1.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }
    for method in (Exact(), Asymptotic()):
        with pytest.raises(RegionError, match=r"'A\[1\]' has 1 events observed where neither signal nor background"):
            upper_limit(workspace, method)


def test_what_is_not_taken_at_its_word_is_said():
    workspace = written(np.random.default_rng(1))
    workspace["measurements"][0]["config"]["parameters"].append({"name": "mu", "fixed": True})
    workspace["channels"][0]["samples"][2]["modifiers"].append(modifier("JER", "normsys", {"hi": 105.646, "lo": 0.01}))
    limit = upper_limit(workspace, Asymptotic())
    assert any("mu is fixed in the measurement" in note for note in limit.notes)
    assert any("JER" in note and "taken as pyhf takes it" in note for note in limit.notes)
