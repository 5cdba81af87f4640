"""`na64stat project`: tables, JSON, files and what it refuses."""

import json
import math

import pytest

from na64stat.records.projection import load_projection

MUON = ("project", "axion-muon", "--mass", "0.1")


def test_table_and_json_agree(na64stat):
    words = (*MUON, "--mot", "1e12", "--mot", "4e12:1.6e13:2")
    record = na64stat(*words, "--json").json
    assert record["kind"] == "projection"
    assert [point["mot"] for point in record["points"]] == [1e12, 4e12, 1.6e13]
    couplings = [point["limit"]["coupling"]["median"] for point in record["points"]]
    assert [couplings[0] / value for value in couplings] == pytest.approx([1, 2, 4], rel=1e-9)
    answer = na64stat(*words)
    rows = [line.split() for line in answer.out.splitlines()[2:5]]
    assert [row[0] for row in rows] == ["1e+12", "4e+12", "1.6e+13"]
    assert [row[2] for row in rows] == [f"{value:.3g}" for value in couplings]
    reach = [point["reach"][0]["coupling"] for point in record["points"]]
    assert all(f"> {value:.3g}" in line for value, line in zip(reach, answer.out.splitlines()[2:5], strict=True))
    assert "note: background: none" in answer.err


def test_files(na64stat, here):
    words = (*MUON, "--mot", "1e10:1e12:3", "-o", "p.json", "--figure", "p.png")
    answer = na64stat(*words)
    assert "wrote p.json\nwrote p.png\n" in answer.err
    assert (here / "p.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((here / "p.json").read_text())["kind"] == "projection"
    assert load_projection(here / "p.json").mot == pytest.approx((1e10, 1e11, 1e12))
    assert "the file exists; --overwrite replaces it" in na64stat(*words).error
    assert na64stat(*words, "--overwrite").status == 0


def test_background_is_kept_as_asked(na64stat):
    words = (*MUON, "--mot", "1e14", "--background", "realistic", "--no-discovery", "--json")
    grown, fixed = (
        na64stat(*words, "--mot-background", scaling).json["points"][0]["limit"]["events"]["median"]
        for scaling in ("per-mot", "fixed")
    )
    # 354 +- 152 events and 0.07 +- 0.03.
    assert grown > 100
    assert fixed == pytest.approx(-math.log(0.1), rel=0.01)


def test_muons_needed(na64stat):
    words = (*MUON, "--needed", "1e-3:1e-2:2", "--no-systematics")
    points = na64stat(*words, "--json").json["points"]
    needs = [{need["verdict"]: need["mot"] for need in point["needs"]} for point in points]
    for verdict in ("excluded", "3 sigma", "5 sigma"):
        assert needs[0][verdict] / needs[1][verdict] == pytest.approx(100, rel=1e-9)
    assert needs[0]["excluded"] / needs[0]["3 sigma"] == pytest.approx(math.log(10) / math.log(2), rel=1e-5)
    lines = na64stat(*words).out.splitlines()
    assert [line.split()[2] for line in lines[2:4]] == [f"{need['excluded']:.4g}" for need in needs]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "--mot: missing"),
        (("--mot", "0.5"), "--mot 0.5: expected muons on target from 1 to 1e+20"),
        (("--mot", "1e21"), "--mot 1e+21: expected muons on target from 1 to 1e+20"),
        (("--mot", "1e12", "--mot", "1e12"), "--mot: 2 values, 1 different"),
        (("--mot", "1e12", "--mass", "0.1"), "--mass: 2 values, 1 different"),
        (("--mot", "1e12", "--needed", "1e-3"), "--mot: does not go with --needed"),
        (("--needed", "1e-3", "-o", "x.json"), "--output: does not go with --needed"),
        (("--needed", "1e-3", "--no-discovery"), "--no-discovery: does not go with --needed"),
        (("--mot", "1e12", "--coupling", "1e-3"), "'--coupling': '1e-3': expected LO:HI"),
        (
            ("--mot", "1e12", "--background", "realistic"),
            "--background realistic: is left out with --mot-background none",
        ),
        (("--mot", "1e12", "--mot-background", "fixed"), "no background in use"),
        (("--mot", "1e12", "--figure", "p.png"), "two or more make a curve"),
        (("--mot", "1e12:1e13:2", "--figure", "p.gif"), "--figure: p.gif; a figure is written as .png or .pdf"),
        (("--mot", "1e12:1e13:2", "--mass", "0.01:0.09:6", "--figure", "p.png"), "7 masses; at most 6"),
        (("--mot", "1e12:1e13:2", "-o", "p.png", "--figure", "p.png"), "-o writes data; --figure p.png draws"),
        (("--mot", "1e12", "--region", "gone"), "no region 'gone'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_refused_with_one_line(na64stat, here, words, message):
    assert message in na64stat(*MUON, *words).error
    assert not list(here.iterdir())


def test_masses_can_be_repeated(na64stat, here):
    for command in ("project", "limit"):
        more = ("--mot", "1e12") if command == "project" else ()
        answer = na64stat(*command.split(), "axion-muon", "--mass", "0.1", "--mass", "0.01:0.02:2", *more, "--json")
        assert answer.status == 0
        points = json.loads(answer.out)["points"]
        masses = [point["limit"]["mass"] if command == "project" else point["mass_gev"] for point in points]
        assert sorted(masses) == [0.01, 0.02, 0.1]
