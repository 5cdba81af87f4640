"""`limit --method`: every method against closed forms and published tables, and which options go with which."""

import math

import numpy as np
import pytest

EMPTY = {"box": (1.0, 0.0, 0)}


def limit(na64stat, name, *words):
    return na64stat("limit", name, *words, "--json").json


@pytest.mark.parametrize(
    ("background", "observed", "interval"),
    [(0.0, 0, (0.0, 2.44)), (0.0, 4, (1.47, 8.60)), (3.0, 4, (0.0, 5.60)), (3.0, 10, (2.63, 13.50))],
)
def test_feldman_cousins_is_the_published_table(na64stat, write_workspace, background, observed, interval):
    name = write_workspace(channels={"box": (1.0, background, observed)})
    record = limit(na64stat, name, "--method", "feldman-cousins")
    # Phys. Rev. D 57 (1998) 3873, table IV, whose ends are rounded to 0.01 and in places moved up by 0.01
    assert (record["lower"], record["mu"]["observed"]) == pytest.approx(interval, abs=0.02)
    assert record["criterion"] == "interval"
    text = na64stat("limit", name, "--method", "feldman-cousins").out.splitlines()[1]
    assert text.startswith("mu  observed  ")
    assert (" to " in text) == (interval[0] > 0)


def test_toys_agree_with_the_closed_form_within_their_error(na64stat, write_workspace):
    record = limit(na64stat, write_workspace(channels=EMPTY), "--method", "toys", "--toys", "20000")
    assert record["method"] == "toys"
    relative = record["error"]["limit"]
    assert 0 < relative < 0.05
    assert record["mu"]["observed"] == pytest.approx(math.log(10), rel=5 * relative)
    assert record["error"]["failed"] == 0
    assert record["lower"] is None


def test_cl_sb_is_stronger_by_the_background(na64stat, write_workspace):
    # At zero counts CL_sb = exp(-s - b) and CL_s = exp(-s).
    name = write_workspace(channels={"box": (1.0, 1.0, 0)})
    record = limit(na64stat, name, "--method", "toys", "--criterion", "cl_sb")
    assert record["criterion"] == "cl_sb"
    assert record["mu"]["observed"] == pytest.approx(math.log(10) - 1, rel=5 * record["error"]["limit"])
    assert limit(na64stat, name, "--method", "toys")["criterion"] == "cl_s"
    first = na64stat("limit", name, "--method", "toys", "--criterion", "cl_sb").out.splitlines()[0]
    assert first == "ws.json: box, 90% CL, toys, CL_sb"


def test_toys_do_not_depend_on_the_workers_but_on_the_seed(na64stat, write_workspace):
    name = write_workspace(channels={"box": (1.0, 2.0, 2)}, normsys={"efficiency": 0.1})
    words = ("--method", "toys", "--toys", "3000")
    one = limit(na64stat, name, *words, "--threads", "1")
    assert limit(na64stat, name, *words, "--threads", "3", "--seed", "1") == one
    assert limit(na64stat, name, *words, "--seed", "2")["mu"]["observed"] != one["mu"]["observed"]


def test_a_store_keeps_the_toys_for_the_next_run(na64stat, write_workspace, here, monkeypatch):
    name = write_workspace(channels={"box": (1.0, 2.0, 2)}, normsys={"efficiency": 0.1})
    words = ("--method", "toys", "--toys", "2000", "--store", "toys/kept")
    first = limit(na64stat, name, *words)
    files = {path.name: path.stat().st_mtime_ns for path in (here / "toys" / "kept").iterdir()}
    assert files

    def no_more(*_):
        raise AssertionError("a toy was made anew")

    monkeypatch.setattr("na64stat.stats.toys.sample.ToySample._chunk", no_more)
    assert limit(na64stat, name, *words) == first
    assert {path.name: path.stat().st_mtime_ns for path in (here / "toys" / "kept").iterdir()} == files


def test_several_seeds_are_put_together(na64stat, write_workspace, here):
    name = write_workspace(channels={"box": (1.0, 2.0, 2)})
    words = ("--method", "toys", "--toys", "2000", "--store", "kept")
    limit(na64stat, name, *words, "--seed", "5", "--seed", "6")
    endings = {path.stem.rsplit("-", 1)[1] for path in (here / "kept").iterdir()}
    assert endings == {"5", "6"}


def test_toys_and_intervals_of_a_scenario(na64stat):
    words = ("limit", "axion-muon", "--mass", "0.1", "--no-systematics", "--json")
    exact = na64stat(*words).json["points"][0]
    # 0.003 in the number of events is what the table of the paper holds; g goes with its square root.
    interval = na64stat(*words, "--method", "feldman-cousins").json
    assert interval["method"] == "feldman-cousins"
    ratio = interval["points"][0]["coupling"]["observed"] / exact["coupling"]["observed"]
    assert ratio == pytest.approx(math.sqrt(2.44 / 2.3026), rel=2e-3)
    toys = na64stat(*words, "--method", "toys").json["points"][0]
    assert toys["coupling"]["observed"] == pytest.approx(exact["coupling"]["observed"], rel=0.03)


@pytest.mark.parametrize("method", ["exact", "asymptotic", "feldman-cousins"])
@pytest.mark.parametrize(
    "option", [["--toys", "10"], ["--seed", "0"], ["--store", "kept"], ["--threads", "1"]], ids=lambda words: words[0]
)
@pytest.mark.parametrize("subject", ["ws.json", "axion-muon"])
def test_toy_options_are_for_toys(na64stat, write_workspace, here, method, option, subject):
    write_workspace(channels=EMPTY)
    words = ["--mass", "0.1"] if subject == "axion-muon" else []
    error = na64stat("limit", subject, *words, "--method", method, *option).error
    assert f"{option[0]}: does not go with --method {method}; it is for --method toys" in error
    assert not (here / "kept").exists()


@pytest.mark.parametrize("method", ["exact", "feldman-cousins"])
def test_criterion_is_for_methods_that_have_one(na64stat, write_workspace, method):
    error = na64stat("limit", write_workspace(channels=EMPTY), "--method", method, "--criterion", "cl_sb").error
    assert f"--criterion: does not go with --method {method}; it is for --method toys or asymptotic" in error


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--toys", "0"], "'--toys': 0 is not in the range x>=1"),
        (["--toys", "2e4"], "'--toys': '2e4' is not a valid integer range"),
        (["--toys", "200000000"], "--toys: 200000000; expected at most 100000000"),
        (["--seed", "-1"], "'--seed': -1 is not in the range x>=0"),
        (["--seed", "3", "--seed", "3"], "--seed: 3, 3; expected each once"),
        (["--threads", "0"], "'--threads': 0 is not in the range x>=1"),
        (["--store", "ws.json"], "--store: ws.json is a file; expected the name of a folder"),
        (["--criterion", "cls"], "'cls' is not one of 'cl_s', 'cl_sb'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_values(na64stat, write_workspace, words, text):
    assert text in na64stat("limit", write_workspace(channels=EMPTY), "--method", "toys", *words).error


def test_a_map_by_toys(na64stat):
    """Point by point; with no count, no background and no systematics CL_s is exp(-events)."""
    words = ("--mass", "0.1:0.2:2", "--coupling", "3e-3:6e-3:3", "--no-systematics", "--json", "--method", "toys")
    found = na64stat("scan", "axion-muon", *words, "--toys", 2000, "--seed", 3).json
    cl_s, expected = np.array(found["cl_s"]["observed"]), np.exp(-np.array(found["events"]["invisible"]))
    assert np.all(np.abs(cl_s - expected) < 5 * np.sqrt(expected / 2000))
    assert np.any(cl_s != expected)
    again = na64stat("scan", "axion-muon", *words, "--toys", 2000, "--seed", 3, "--workers", 2).json
    assert again == found


@pytest.mark.parametrize("option", ["--store", "--threads"])
def test_a_map_keeps_no_toys_by_themselves(na64stat, option):
    words = ("--mass", "0.1:0.2:2", "--coupling", "3e-3:6e-3:3", "--json", "--method", "toys")
    assert "No such option" in na64stat("scan", "axion-muon", *words, option, "x").error
