"""The commands of tests/reported, each once answered wrongly. Where the right values come from stands beside them.

Each stands for a kind, which the tests of its own room look at more closely.
"""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

import na64stat as na
from na64stat.errors import InputError

REPORTED = Path(__file__).parents[1] / "reported"


@pytest.fixture
def reported(na64stat, here):
    """Run a command on the inputs, which lie in the folder."""
    for path in REPORTED.iterdir():
        if path.is_file() and not path.name.startswith("test_"):
            shutil.copy(path, here)

    def run(line, status=0):
        answer = na64stat(*line.split())
        assert answer.status == status, answer.err
        assert "Traceback" not in answer.err
        assert "this is a bug" not in answer.err
        return answer

    return run


@pytest.fixture
def limits(reported):
    """Observed limit and expected band of a workspace."""

    def run(line):
        return json.loads(reported(f"limit {line} --json").out)["mu"]

    return run


def no_events():
    """Limit at no event with log-normal 10%, 1% and 5%, by an integral."""
    width = math.sqrt(sum(math.log(size) ** 2 for size in (1.1, 1.01, 1.05)))
    z = np.linspace(-9, 9, 4001)

    def excess(signal):
        return np.trapezoid(np.exp(-signal * np.exp(width * z) - z**2 / 2), z) / math.sqrt(2 * math.pi) - 0.1

    return brentq(excess, 1, 4)


# --- an own model's dependence on the coupling: sigma scales with g^4, and with g^2 + 1e-3 g, of the same function


@pytest.mark.parametrize(("name", "right"), [("coupling_power.py:G4", 0.0284), ("interference.py:Interf", 4.48e-4)])
def test_dependence_on_the_coupling(reported, name, right):
    found = json.loads(reported(f"limit --scenario {name} --mass 0.05 --json").out)["points"][0]
    assert found["coupling"]["observed"] == pytest.approx(right, rel=5e-3)
    coupling = found["coupling"]["observed"]
    events = json.loads(reported(f"predict --scenario {name} --mass 0.05 --coupling {coupling!r} --json").out)
    assert events["regions"]["invisible"]["events"] == pytest.approx(no_events(), rel=1e-3)


def test_a_declared_power_that_holds_and_none(reported):
    found = json.loads(reported("limit --scenario coupling_power.py:G4p --mass 0.05 --json").out)["points"][0]
    assert found["coupling"]["observed"] == pytest.approx(0.0284, rel=5e-3)


# --- the layer sum


def test_the_layer_sum_alone_excludes_nothing(reported):
    point = json.loads(reported("limit axion-photon --mass 0.05 --region visible --json").out)["points"][0]
    assert (point["status"], point["coupling"]["observed"], point["intervals"]["observed"]) == ("artefact", None, [])
    assert point["artefacts"]["observed"][0][0] == pytest.approx(0.0425, rel=2e-3)
    smooth = "limit axion-photon --mass 0.05 --region visible --depth-average continuous --json"
    assert json.loads(reported(smooth).out)["points"][0]["status"] == "allowed"


# --- no significance without a background


def test_no_significance_without_a_background(reported):
    line = "significance axion-photon --mass 0.01 --coupling 1e-3 --region visible"
    answer = reported(line, status=2)
    assert (answer.out, "4 events observed and no background" in answer.err) == ("", True)


# --- control regions: sums over the counts by an independent program; asymptotic and toys by pyhf


@pytest.mark.parametrize(("count", "right", "asymptotic"), [(8, 6.35, 5.68), (30, 4.89, 4.36)])
def test_control_regions(limits, reported, count, right, asymptotic):
    name = f"cr_constrains_b_{count}.json"
    assert limits(name)["observed"] == pytest.approx(right, rel=0.01)
    assert limits(f"{name} --method asymptotic")["observed"] == pytest.approx(asymptotic, rel=0.01)
    assert "CR" in reported(f"limit {name}").out
    assert "held" in reported(f"limit {name}").out


def test_control_regions_elsewhere(reported):
    found = json.loads(reported("significance cr_constrains_b_8.json --json").out)
    assert found["p0"] == pytest.approx(0.11, abs=0.01)
    ends = [
        json.loads(reported(f"limit cr_constrains_b_{count}.json --method feldman-cousins --json").out)["mu"][
            "observed"
        ]
        for count in (8, 30)
    ]
    assert ends[0] > 1.1 * ends[1]


def test_a_leak_of_signal_makes_no_jump(limits):
    found = [limits(f"cr_leak_{leak}.json")["observed"] for leak in ("0", "1e-06", "0.03")]
    assert found[1] == pytest.approx(found[0], rel=1e-4)
    assert found[2] == pytest.approx(found[0], rel=0.03)


def test_a_thousand_control_events(limits, here):
    """As a background known to 1/sqrt(1000), in a signal region by itself."""
    found = limits("exact_drops_control_region.json")
    alone = json.loads((here / "exact_drops_control_region.json").read_text(encoding="utf-8"))
    for part in ("channels", "observations"):
        alone[part] = alone[part][:1]
    size = 1 + 1000**-0.5
    alone["channels"][0]["samples"][1]["modifiers"][0]["data"] = {"hi": size, "lo": 1 / size}
    (here / "alone.json").write_text(json.dumps(alone), encoding="utf-8")
    assert found["median"] == pytest.approx(limits("alone.json")["median"], rel=2e-3)


# --- toys in the tails


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("name", "right"), [("deficit_n1_b10", 2.508), ("deficit_n0_b8", math.log(10))])
@pytest.mark.parametrize("seed", [1, 2])
def test_toys_of_a_deficit(reported, name, right, seed):
    found = json.loads(reported(f"limit toys_{name}.json --method toys --seed {seed} --json").out)
    error = found["error"]["limit"] * found["mu"]["observed"]
    assert error > 0
    assert abs(found["mu"]["observed"] - right) < 4 * error
    assert error < 0.2


def test_the_band_of_cl_sb_does_not_know_the_observation(limits):
    found = limits("toys_deficit_n0_b3.json --method toys --criterion cl_sb")
    band = [found[level] for level in ("minus2", "minus1", "median", "plus1", "plus2")]
    assert band == pytest.approx([0, 0.89, 3.68, 6.27, 8.77], abs=0.15)


# --- large uncertainties


def test_a_signal_uncertainty_does_not_strengthen(limits):
    assert limits("signal_shapesys_100.json")["observed"] >= math.log(10)


def test_nothing_is_excluded_where_the_signal_may_vanish(limits, reported):
    assert limits("signal_staterror_100.json")["observed"] is None
    answer = reported("limit signal_staterror_100.json --method toys --toys 4000 --json")
    assert json.loads(answer.out)["mu"]["observed"] is None
    assert limits("sig_histosys_0_2.json")["observed"] is None
    assert limits("sig_histosys_0_2.json --method toys --toys 2000")["observed"] is None


def test_thirty_uncertainties_of_one_bin(limits):
    assert limits("one_bin_30_normsys.json")["observed"] > 0


# --- sampling


def test_a_prior_far_wider_than_the_posterior(reported):
    """By quadrature: 2.45 and 1.86."""
    found = json.loads(reported("posterior mc_counting.json --prior flat:mu:0:1e9 --seed 1 --json").out)["summary"][
        "mu"
    ]
    assert found["mean"] == pytest.approx(2.45, rel=0.05)
    assert found["sd"] == pytest.approx(1.86, rel=0.06)


# --- workspaces


@pytest.mark.parametrize("name", ["normfactor_init0", "signal_factor_init0"])
def test_start_values_decide_nothing(limits, here, name):
    text = (here / f"{name}.json").read_text(encoding="utf-8")
    changed = json.loads(text)
    for parameter in changed["measurements"][0]["config"]["parameters"]:
        if "inits" in parameter:
            parameter["inits"] = [1.0]
    (here / "one.json").write_text(json.dumps(changed), encoding="utf-8")
    for method in ("exact", "asymptotic"):
        ours, theirs = (limits(f"{file} --method {method}")["observed"] for file in (f"{name}.json", "one.json"))
        assert ours == pytest.approx(theirs, rel=1e-5)


def test_one_channel_or_two(na64stat, reported):
    answers = [na64stat("limit", f"b0_{name}.json", "--json") for name in ("one_channel", "two_channels")]
    assert answers[0].status == answers[1].status


def test_a_fit_needs_no_signal(reported):
    assert json.loads(reported("fit no_poi.json --json").out)["parameters"]


def test_a_large_normsys(reported):
    reported("limit normsys_hi105_refused.json --method asymptotic")


# --- words


def test_zero_signal_is_one_sentence(reported):
    answer = reported("limit zero_signal.json --method asymptotic")
    assert "mu < none" not in answer.out + answer.err


def test_five_different_values_do_not_coincide(reported):
    answer = reported("limit staterror_zero.json")
    values = json.loads(reported("limit staterror_zero.json --json").out)["mu"]
    different = len({values[level] for level in ("minus2", "minus1", "median", "plus1", "plus2")}) > 1
    assert not (different and "coincide" in answer.out)


def test_cl_sb_of_a_deficit(limits, reported):
    line = "deficit_n5_b20.json --criterion cl_sb --method asymptotic"
    assert limits(line)["observed"] == 0
    assert "every signal strength is excluded" in reported(f"limit {line}").out


# --- files of others


@pytest.mark.parametrize("name", ["csv_cr_only.csv", "csv_semicolon.csv"])
def test_tables_are_read_where_the_meaning_is_plain(reported, name):
    assert "Mine" in reported(f"existing list --file {name}").out


def test_a_run_file_with_a_mark_of_byte_order(reported):
    reported("info run_bom.toml")


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("limit --scenario spec_dup_x.csv --mass 0.05", ("spec_dup_x.csv", "0.1")),
    ],
)
def test_refused_with_the_reason(na64stat, reported, line, parts):
    answer = na64stat(*line.split())
    assert answer.status == 2
    assert answer.err.count("\n") == 1
    for part in parts:
        assert part in answer.err


@pytest.mark.parametrize(
    ("name", "part"), [("hd_comma_decimal_bare.yaml", "1"), ("hd_onesided_missing.yaml", "asymerror")]
)
def test_tables_of_hepdata_that_its_validator_refuses(name, part):
    with pytest.raises(InputError, match=part):
        na.export.read_table(REPORTED / name)
