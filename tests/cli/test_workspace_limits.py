"""`na64stat limit FILE.json` on workspaces that a user brings, against closed forms and physics.md section 7."""

import math

import pytest

from na64stat.cli.inference.limit import limit
from na64stat.cli.inference.posterior import posterior
from na64stat.cli.options.model import OF_A_FILE, OF_A_SCENARIO
from na64stat.cli.options.posterior import OF_A_POSTERIOR

LEVELS = ["observed", "minus2", "minus1", "median", "plus1", "plus2"]


def test_one_channel_without_events(na64stat, write_workspace):
    record = na64stat("limit", write_workspace(channels={"box": (2.0, 0.3, 0)}), "--json").json
    assert {"cl", "method", "regions", "mu", "crossings", "error"} <= record.keys()
    assert (record["cl"], record["method"], record["regions"]) == (0.9, "exact", ["box"])
    assert list(record["mu"]) == LEVELS
    # At zero counts CL_s = exp(-mu s), whatever the background is.
    assert record["mu"]["observed"] == pytest.approx(math.log(10) / 2, rel=1e-6)
    assert record["crossings"] == pytest.approx([math.log(10) / 2], rel=1e-6)


@pytest.mark.parametrize(("cl", "limit"), [("0.9", math.log(10)), ("0.95", math.log(20)), ("0.683", -math.log(0.317))])
def test_confidence_level(na64stat, write_workspace, cl, limit):
    record = na64stat("limit", write_workspace(channels={"box": (1, 0, 0)}), "--cl", cl, "--json").json
    assert record["cl"] == float(cl)
    assert record["mu"]["observed"] == pytest.approx(limit, rel=1e-6)


def test_normsys_weakens(na64stat, write_workspace):
    name = write_workspace(channels={"box": (1.0, 0.0, 0)}, normsys={"efficiency": 0.10, "mot": 0.01})
    # physics.md section 7: 2.316 instead of 2.303
    assert na64stat("limit", name, "--json").json["mu"]["observed"] == pytest.approx(2.316, rel=5e-3)
    assert na64stat("limit", name, "--json").json["mu"]["observed"] > 2.3027


def test_lumi_is_a_factor_and_an_uncertainty(na64stat, write_workspace):
    limits = [
        na64stat("limit", write_workspace(channels={"box": (1.0, 0.0, 0)}, lumi=lumi), "--json").json["mu"]["observed"]
        for lumi in ((1.0, 1e-6), (2.0, 2e-6), (2.0, 0.2))
    ]
    assert limits[0] == pytest.approx(math.log(10), rel=1e-4)
    assert limits[1] == pytest.approx(math.log(10) / 2, rel=1e-4)
    # E[exp(-mu s theta)] = 1/10 for a Gaussian theta of width 10%, as a quadratic equation for mu s
    variance, alpha = 0.1**2, math.log(10)
    assert 2 * limits[2] == pytest.approx((1 - math.sqrt(1 - 2 * variance * alpha)) / variance, rel=1e-3)


def test_two_channels_are_combined_unless_one_is_named(na64stat, write_workspace):
    name = write_workspace(channels={"first": (1.0, 0.0, 0), "second": (3.0, 0.0, 0)})
    both = na64stat("limit", name, "--json").json
    assert both["regions"] == ["first", "second"]
    assert both["mu"]["observed"] == pytest.approx(math.log(10) / 4, rel=1e-5)
    for channel, signal in (("first", 1), ("second", 3)):
        alone = na64stat("limit", name, "--region", channel, "--json").json
        assert alone["regions"] == [channel]
        assert alone["mu"]["observed"] == pytest.approx(math.log(10) / signal, rel=1e-5)
    assert na64stat("limit", "--scenario", name, "--json").json == both


def test_benchmark_of_two_regions(na64stat, write_workspace):
    channels = {"a": (3.0, 0.07, 0), "b": (3.0, 2.0, 4)}
    name = write_workspace(_benchmark(channels))
    assert na64stat("limit", name, "--json").json["mu"]["observed"] == pytest.approx(0.657, rel=5e-3)


def _benchmark(channels):
    """physics.md section 7: backgrounds 0.07 x 1.43^theta and 2 x 1.30^theta, signal uncertainties 10% and 1%."""
    signal = [{"name": "mu", "type": "normfactor", "data": None}, _normsys("efficiency", 1.10), _normsys("mot", 1.01)]
    spread = {"a": 1.43, "b": 1.30}
    return {
        "version": "1.0.0",
        "channels": [
            {
                "name": name,
                "samples": [
                    {"name": "signal", "data": [s], "modifiers": signal},
                    {"name": "background", "data": [b], "modifiers": [_normsys(f"background_{name}", spread[name])]},
                ],
            }
            for name, (s, b, _) in channels.items()
        ],
        "observations": [{"name": name, "data": [n]} for name, (_, _, n) in channels.items()],
        "measurements": [{"name": "counting", "config": {"poi": "mu", "parameters": []}}],
    }


def _normsys(name, high):
    return {"name": name, "type": "normsys", "data": {"hi": high, "lo": 1 / high}}


def test_asymptotic_warns_with_the_exact_number(na64stat, write_workspace):
    name = write_workspace(channels={"box": (1.0, 0.0, 0)})
    answer = na64stat("limit", name, "--method", "asymptotic", "--json")
    assert answer.json["method"] == "asymptotic"
    assert answer.json["mu"]["observed"] == pytest.approx(1.353, abs=1e-3)
    assert answer.err.startswith("na64stat: warning: asymptotic formulas at 0 events: observed limit mu < 1.35")
    assert "exact: mu < 2.303" in answer.err
    text = na64stat("limit", name, "--method", "asymptotic")
    assert text.err == answer.err  # said once, not again as a note


def test_asymptotic_is_silent_at_large_counts(na64stat, write_workspace):
    name = write_workspace(channels={"box": (10.0, 100.0, 100)})
    assert na64stat("limit", name, "--method", "asymptotic").err == ""


def test_text(na64stat, write_workspace):
    name = write_workspace(channels={"box": (1.0, 0.0, 4)})
    answer = na64stat("limit", name)
    lines = answer.out.splitlines()
    assert lines[0] == "ws.json: box, 90% CL, exact"
    assert lines[3:] == answer.err.splitlines()
    assert [line.split()[1] for line in lines[1:3]] == ["observed", "expected"]  # the five coincide
    # physics.md section 7: n = 4, b = 0; expected at n = 0
    assert [float(line.split("<")[1]) for line in lines[1:3]] == pytest.approx([7.994, 2.3026], rel=1e-4)
    assert answer.err.startswith("note: box: 4 observed with background 0, so that the five expected values coincide")


def test_no_signal_is_no_limit(na64stat, write_workspace):
    name = write_workspace(channels={"box": (0.0, 1.0, 0)})
    assert na64stat("limit", name, "--json").json["mu"] == dict.fromkeys(LEVELS)
    assert "mu  observed  none" in na64stat("limit", name).out


def test_refused_combination_points_to_the_option(na64stat, write_workspace):
    name = write_workspace(channels={"good": (1.0, 0.0, 0), "bad": (1.0, 0.0, 4)})
    error = na64stat("limit", name).error
    assert "ws.json: regions good, bad: 'bad' has 4 events observed and no background" in error
    assert "--region NAME picks a channel" in error
    assert na64stat("limit", name, "--region", "good").status == 0


@pytest.mark.parametrize(
    "option",
    [
        ["--mass", "0.1"],
        ["--coupling", "1e-3:1"],
        ["--run", "2022"],
        ["--background", "none"],
        ["--loop-decay"],
        ["--no-systematics"],
        ["--depth-average", "layers"],
        ["--correlated", "mot"],
        ["--each"],
    ],
    ids=lambda words: words[0],
)
def test_options_of_a_scenario_are_not_ignored(na64stat, write_workspace, option):
    error = na64stat("limit", write_workspace(channels={"box": (1.0, 0.0, 0)}), *option).error
    assert f"{option[0]}: does not go with the workspace file ws.json" in error


@pytest.mark.parametrize("name", sorted({*OF_A_SCENARIO, *OF_A_FILE, *OF_A_POSTERIOR}))
def test_what_is_refused_is_an_option(name):
    """A list that names an option which was renamed would refuse nothing."""
    assert any(name in option.opts for command in (limit, posterior) for option in command.params)
