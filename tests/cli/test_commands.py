"""Every command: its JSON contract, its plain text, and that both say what the library says."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

import na64stat as na

REFERENCE = Path(__file__).parents[1] / "reference" / "independent_calculation"
LEVELS = ["observed", "minus2", "minus1", "median", "plus1", "plus2"]


def reference_cross_sections():
    with (REFERENCE / "cross_sections.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["mass_gev"] in ("0.01", "0.1")]
    # One row a process and a range of x is enough here: the physics tests go through all of them.
    return list({(row["process"], row["x_min"]): row for row in rows}.values())


def test_info_lists_every_number_with_unit_source_and_status(na64stat):
    record = na64stat("info", "2022", "--json").json
    run = na.load_run("2022")
    assert record["numbers"].keys() == run.numbers.keys()
    for key, number in run.numbers.items():
        assert record["numbers"][key] == {
            "value": number.value,
            "unit": number.unit,
            "uncertainty": number.uncertainty,
            "source": number.source,
            "status": number.status,
        }
    assert {number["status"] for number in record["numbers"].values()} == {"published", "derived", "assumed"}
    assert [record["regions"][name]["observed"] for name in ("invisible", "visible")] == [0, 4]


def test_info_as_text_loses_nothing(na64stat):
    text = na64stat("info", "2022").out
    section, shown = "", {}
    for line in text.splitlines():
        assert line == line.rstrip()
        if line.startswith("  "):
            shown[f"{section}.{line.split()[0]}"] = line
        else:
            section = line
    numbers = na.load_run("2022").numbers
    assert shown.keys() == numbers.keys()
    for key, number in numbers.items():
        unit = "" if number.unit == "1" else f" {number.unit}"
        spread = "" if number.uncertainty is None else f" +- {number.uncertainty:g}"
        assert f" {number.value:g}{spread}{unit} " in shown[key]
        assert shown[key].endswith(f" {number.status:9}  {number.source}")


def test_info_shows_the_chosen_background(na64stat):
    answer = na64stat("info", "2022", "--background", "realistic", "--json").json
    assert answer["regions"]["invisible"]["background"] == {"events": 0.07, "uncertainty": 0.03}
    text = na64stat("info", "2022", "--background", "realistic").out
    assert "region invisible: 0 observed, background 0.07 +- 0.03 (setting realistic;" in text


def test_info_without_run_lists_the_packaged_ones(na64stat):
    expected = ["2022", "2023", "mot1e12", "mot1e13", "mot1e14"]
    assert sorted(na64stat("info", "--json").json["runs"]) == expected
    assert [line.split()[0] for line in na64stat("info").out.splitlines()[1:]] == expected


def test_info_of_an_own_file(na64stat, here):
    number = '{ value = 3e10, unit = "1", source = "mine", status = "assumed" }'
    (here / "own.toml").write_text(
        f'extends = "2022"\ndescription = "mine"\n[beam]\nmot = {number}\n', encoding="utf-8"
    )
    assert na64stat("info", "own.toml", "--json").json["numbers"]["beam.mot"]["value"] == 3e10


@pytest.mark.parametrize("row", reference_cross_sections(), ids=lambda row: f"{row['process']}-{row['x_min']}")
def test_cross_section_is_the_independent_one(na64stat, row):
    record = na64stat(
        "cross-section", row["process"], "--mass", row["mass_gev"], "--x-min", row["x_min"], "--json"
    ).json
    assert record["process"] == row["process"]
    assert record["mass_gev"] == float(row["mass_gev"])
    assert record["x_min"] == float(row["x_min"])
    assert record["sigma_pb"] == pytest.approx(float(row["sigma_pb"]), rel=1e-3)


def test_cross_section_over_a_range(na64stat):
    record = na64stat("cross-section", "vector", "--mass", "1e-2:1:5", "--json").json
    assert record["mass_gev"] == pytest.approx(np.geomspace(1e-2, 1, 5), rel=1e-14)
    one = na64stat("cross-section", "vector", "--mass", "0.1", "--json").json
    assert record["sigma_pb"][2] == pytest.approx(one["sigma_pb"], rel=1e-12)
    lines = na64stat("cross-section", "vector", "--mass", "1e-2:1:5").out.splitlines()
    assert lines[1].split() == ["m", "[GeV]", "sigma/g^2", "[pb]"]
    assert [float(line.split()[1]) for line in lines[2:]] == pytest.approx(record["sigma_pb"], rel=1e-5)


def test_cross_section_warns_where_the_formula_does_not_hold(na64stat):
    answer = na64stat("cross-section", "photon_fusion", "--mass", "1e-2:1e-1:3", "--json")
    assert answer.json["unit"] == "pb GeV^2"
    assert answer.err.startswith("na64stat: warning: photon_fusion below x = 0.01: ")
    assert answer.err.count("\n") == 1
    assert na64stat("cross-section", "photon_fusion", "--mass", "0.01", "--x-min", "0.01").err == ""


def test_predict_is_the_library_and_its_parts_add_up(na64stat):
    record = na64stat("predict", "axion-photon", "--mass", "0.01", "--coupling", "1e-3", "--json").json
    assert {key: record[key] for key in ("scenario", "mass_gev", "coupling", "run")} == {
        "scenario": "axion-photon",
        "mass_gev": 0.01,
        "coupling": 1e-3,
        "run": "2022",
    }
    template = na.predict(na.AxionPhoton(mass=0.01, coupling=1e-3), na.load_run("2022"))
    assert list(record["regions"]) == ["invisible", "visible", "visible_trigger"]
    for name, region in record["regions"].items():
        assert region["events"] == template.regions[name].events
        assert region["visible"] + region["invisible"] == pytest.approx(region["events"], rel=1e-14)
        # The run file states 10%, 1% and 5%; hi = 1 + d, lo = 1 / (1 + d).
        for effect, size in {"efficiency_2022": 0.10, "mot_2022": 0.01, "cross_section": 0.05}.items():
            down, up = region["variations"][effect]
            assert up == pytest.approx((1 + size) * region["events"], rel=1e-12)
            assert down == pytest.approx(region["events"] / (1 + size), rel=1e-12)


def test_predict_as_text(na64stat):
    lines = na64stat("predict", "axion-photon", "--mass", "0.01", "--coupling", "1e-3").out.splitlines()
    assert lines[0] == "axion-photon, m = 0.01 GeV, g = 0.001 GeV^-1, run 2022"
    assert lines[1].split() == ["region", "events", "visible", "invisible", "background"]
    assert lines[-1] == "relative uncertainties: efficiency_2022 +0.1, mot_2022 +0.01, cross_section +0.05"
    # A coupling without unit stands alone.
    text = na64stat("predict", "zprime", "--mass", "0.01", "--coupling", "1e-3").out
    assert "g = 0.001, run 2022" in text


def test_depth_average_is_passed_on(na64stat):
    words = ("predict", "axion-photon", "--mass", "0.1", "--coupling", "0.1", "--json", "--depth-average")
    layers, continuous = (
        na64stat(*words, name).json["regions"]["visible"]["events"] for name in ("layers", "continuous")
    )
    # At decay lengths below a layer the paper's sum is higher, since its last layer has no depth.
    assert layers > 1.5 * continuous


def test_workspace_is_what_the_limit_is_computed_from(na64stat, here):
    made = na64stat("workspace", "axion-muon", "--mass", "0.1", "--coupling", "4e-3", "-o", "ws.json")
    assert (made.status, made.out) == (0, "")
    assert "note: background 0 in invisible: written as 1e-06 events" in made.err
    assert "note: mu = 1 is coupling 0.004 GeV^-1\nwrote ws.json\n" in made.err
    limited = na64stat("limit", "ws.json", "--json").json  # of the scenario's own region
    direct = na64stat("limit", "axion-muon", "--mass", "0.1", "--json").json["points"][0]
    # The yield is the coupling squared.
    assert 4e-3 * math.sqrt(limited["mu"]["observed"]) == pytest.approx(direct["coupling"]["observed"], rel=1e-6)


def test_workspace_on_standard_output_is_the_file(na64stat, here):
    words = ("workspace", "dark-sector", "--mass", "0.1", "--region", "invisible")
    assert na64stat(*words, "-o", "ws.json").status == 0
    printed = na64stat(*words)
    assert (here / "ws.json").read_text(encoding="utf-8") == printed.out
    record = na64stat(*words, "--json").json
    assert record["workspace"] == json.loads(printed.out)
    (channel,) = record["workspace"]["channels"]
    # Without --coupling mu = 1 is one event.
    assert channel["samples"][0]["data"] == pytest.approx([1.0], rel=1e-9)


def test_workspace_of_a_projection_says_that_nothing_was_observed(na64stat):
    answer = na64stat("workspace", "axion-muon", "--mass", "0.1", "--run", "mot1e12")
    assert "note: run mot1e12 has no observation" in answer.err
    assert json.loads(answer.out)["measurements"][0]["name"] == "projection"


def test_limit_of_a_scenario(na64stat):
    record = na64stat("limit", "axion-muon", "--mass", "0.05:0.5:3", "--no-systematics", "--json").json
    head = {key: record[key] for key in ("scenario", "run", "regions", "cl", "method")}
    assert head == {
        "scenario": "axion-muon",
        "run": "2022",
        "regions": ["invisible"],
        "cl": 0.9,
        "method": "exact",
    }
    first, _, last = record["points"]
    for point in record["points"]:
        assert {"mass_gev", "coupling", "events", "intervals"} <= point.keys()
        assert list(point["coupling"]) == list(point["events"]) == list(point["intervals"]) == LEVELS
    # Zero events, no background, no uncertainty: ln 10.
    assert first["events"] == pytest.approx(dict.fromkeys(LEVELS, math.log(10)), rel=1e-6)
    assert first["intervals"]["observed"] == [[first["coupling"]["observed"], None]]
    point = na.AxionMuon(mass=0.05, coupling=first["coupling"]["observed"])
    there = na.predict(point, na.load_run("2022")).regions["invisible"].events
    assert there == pytest.approx(math.log(10), rel=1e-6)
    # Above two muon masses the axion decays before it can escape.
    assert (last["mass_gev"], last["status"]) == (0.5, "allowed")
    assert last["coupling"] == last["events"] == dict.fromkeys(LEVELS)
    assert last["intervals"] == {level: [] for level in LEVELS}


def test_limit_where_a_lifetime_closes_the_interval(na64stat):
    words = ("limit", "axion-photon", "--mass", "0.01", "--region", "invisible", "--run", "mot1e13")
    (point,) = na64stat(*words, "--json").json["points"]
    assert point["coupling"]["observed"] is None  # a projection observes nothing
    assert point["intervals"]["observed"] == []
    ((low, high),) = point["intervals"]["median"]
    assert low == point["coupling"]["median"]
    run = na.load_run("mot1e13")
    edges = [na.predict(na.AxionPhoton(mass=0.01, coupling=g), run).regions["invisible"].events for g in (low, high)]
    assert edges[1] == pytest.approx(edges[0], rel=0.02)  # the same number of events at both ends
    text = na64stat(*words)
    assert f"{low:.3g} - {high:.3g}" in text.out
    assert text.err == "note: projection: no observed counts, expected limits only\n"


def test_limit_searches_the_given_couplings(na64stat):
    words = ("limit", "axion-photon", "--mass", "0.001", "--no-systematics", "--json", "--coupling")
    (wide,) = na64stat(*words, "1e-3:1").json["points"]
    (above,) = na64stat(*words, "0.1:1").json["points"]
    assert above["coupling"]["observed"] == 0.1
    assert 1e-3 < wide["coupling"]["observed"] < 0.1


def test_limit_as_text(na64stat):
    answer = na64stat("limit", "axion-muon", "--mass", "0.05:0.5:3", "--cl", "0.999")
    lines = answer.out.splitlines()
    assert lines[0] == "axion-muon, run 2022, invisible, 99.9% CL, exact: lowest excluded coupling [GeV^-1]"
    assert lines[1].split() == ["m", "[GeV]", "observed", "expected", "excluded"]  # the five expected values coincide
    first, last = lines[2].split(), lines[4].split()
    assert first[0] == "0.05"
    assert first[-2:] == [">", first[1]]
    assert last == ["0.5", "-", "-", "allowed"]
    assert answer.err.startswith(
        "note: invisible: none observed with background 0, so that the five expected values coincide"
    )
    assert len(answer.err.splitlines()) == 1
    assert lines[5:] == answer.err.splitlines()  # with the numbers, wherever these go


def test_limit_says_which_masses_failed(na64stat):
    answer = na64stat("limit", "axion-muon", "--mass", "0.1:1000:2", "--json")
    assert [point["status"][:6] for point in answer.json["points"]] == ["exclud", "failed"]
    assert "1 of 2 points failed: axion-muon: mass = 1000 GeV is beyond the reach of a 160 GeV beam" in answer.err


def test_scan_writes_what_it_prints(na64stat, here):
    words = ("scan", "axion-photon", "--mass", "1e-3:0.1:7", "--coupling", "1e-4:1:9", "--region", "invisible")
    words += ("--run", "mot1e13")
    answer = na64stat(*words, "-o", "scan.json")
    assert answer.status == 0
    assert answer.out.startswith("axion-photon, run mot1e13, invisible, 90% CL, exact: ")
    assert answer.err == "wrote scan.json\n"
    record = na64stat(*words, "--json").json
    assert json.loads((here / "scan.json").read_text(encoding="utf-8")) == record
    assert record["mass_gev"] == pytest.approx(np.geomspace(1e-3, 0.1, 7))
    assert record["coupling"] == pytest.approx(np.geomspace(1e-4, 1, 9))
    for name in ("scenario", "run", "regions", "cl", "method", "provenance"):
        assert record[name]
    assert np.shape(record["status"]) == np.shape(record["cl_s"]["median"]) == (7, 9)
    assert record["cl_s"].keys() == record["contours"].keys() == {"observed", "median"}
    assert record["cl_s"]["observed"] == [[None] * 9] * 7
    assert record["contours"]["observed"] == []
    cl_s, status = np.array(record["cl_s"]["median"], dtype=float), np.array(record["status"])
    assert np.array_equal(cl_s < 0.1, status == "excluded")
    assert {"excluded", "allowed"} <= set(status.flat)
    (curve,) = record["contours"]["median"]
    assert isinstance(curve["closed"], bool)
    assert np.shape(curve["points"])[1] == 2
    assert "versions" in record["provenance"]
    assert "date" not in json.dumps(record["provenance"])


def test_plot_draws_a_scan(na64stat, here):
    words = ("scan", "axion-muon", "--mass", "1e-2:0.2:3", "--coupling", "1e-3:1:4", "--no-systematics")
    assert na64stat(*words, "-o", "scan.json").status == 0
    assert na64stat("plot", "scan.json", "--figure", "scan.png").err == "wrote scan.png\n"
    assert (here / "scan.png").read_bytes().startswith(b"\x89PNG")
    record = na64stat("plot", "scan.json", "--figure", "scan.pdf", "--json").json
    assert record["figure"] == "scan.pdf"
    assert record["curves"] >= 1
    assert (here / "scan.pdf").read_bytes().startswith(b"%PDF")


def test_reproduce_prints_the_headlines_as_they_are_written(na64stat, here, monkeypatch):
    from na64stat.report import reproduce as module
    from na64stat.report.headlines import Headline

    row = Headline("a limit", "about 4", "4.1", "4.2", "a remark " * 20)  # longer than any terminal
    made = module.Reproduction((here / "headlines.md",), (row,))
    monkeypatch.setattr(module, "reproduce", lambda folder, overwrite, track: made)
    answer = na64stat("reproduce", "-o", "out")
    assert answer.out == made.headline_markdown()
    assert answer.err == "wrote 1 files under out\n"
    record = na64stat("reproduce", "-o", "out", "--json").json
    assert record["files"] == [str(here / "headlines.md")]
    assert record["headlines"][0]["paper"] == "about 4"


def test_cross_sections_at_repeated_masses(na64stat):
    together = json.loads(na64stat("cross-section", "vector", "--mass", "0.1", "--mass", "0.01", "--json").out)
    alone = [
        json.loads(na64stat("cross-section", "vector", "--mass", m, "--json").out)["sigma_pb"] for m in ("0.1", "0.01")
    ]
    assert together["mass_gev"] == [0.1, 0.01]
    assert together["sigma_pb"] == pytest.approx(alone, rel=1e-12)


def test_limits_into_files(na64stat, here):
    """Data with -o, which `na64stat.load` reads; a picture with --figure, of two masses or more."""
    import na64stat as na

    words = ("limit", "axion-muon", "--mass", "0.05:0.2:3")
    answer = na64stat(*words, "-o", "limits.json", "--figure", "limits.png")
    assert "wrote limits.json" in answer.err
    assert "wrote limits.png" in answer.err
    assert (here / "limits.png").read_bytes().startswith(b"\x89PNG")
    found = na.load(here / "limits.json")
    assert found.as_dict() == {
        key: value for key, value in na64stat(*words, "--json").json.items() if key in found.as_dict()
    }
    assert (
        "one mass; a curve has two or more"
        in na64stat("limit", "axion-muon", "--mass", "0.1", "--figure", "a.png").error
    )
    nothing = na64stat("limit", "axion-muon", "--mass", "0.4:0.5:2", "--cl", "0.999999", "--figure", "a.png")
    assert nothing.status == 2
    assert "there is no curve" in nothing.err
    assert "allowed" in nothing.out  # the numbers are not lost
    assert not (here / "a.png").exists()


def test_a_prediction_into_files(na64stat, here):
    words = ("predict", "axion-muon", "--mass", "0.1", "--coupling", "5e-3")
    assert na64stat(*words, "-o", "p.json", "--figure", "p.pdf").status == 0
    assert (here / "p.pdf").read_bytes().startswith(b"%PDF")
    assert json.loads((here / "p.json").read_text(encoding="utf-8")) == na64stat(*words, "--json").json
    assert "the file exists; --overwrite replaces it" in na64stat(*words, "-o", "p.json").error
