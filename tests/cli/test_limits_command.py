"""`na64stat existing list` and `show`, and limits of a user's own in lists and figures."""

import json

import numpy as np
import pytest

import na64stat as na
from na64stat.errors import TableError
from na64stat.limits_library import existing_limits, g_minus_2_limit, known_limits, read_limits
from na64stat.limits_library.library import millicharge_to_coupling
from na64stat.scenarios.registry import NAMES

OWN = """experiment,part,reference,shape,point,mass_gev,coupling,unit
Mine,1,my thesis,lower_edge,curve,0.001,0.1,GeV^-1
Mine,1,my thesis,lower_edge,curve,0.1,0.01,GeV^-1
Isle,1,my notes,contour,curve,0.01,1e-4,GeV^-1
Isle,1,my notes,contour,curve,0.1,1e-4,GeV^-1
Isle,1,my notes,contour,curve,0.05,1e-3,GeV^-1
"""


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(OWN)
    return path


@pytest.mark.parametrize("scenario", ["axion-photon", "dark-sector", "zprime"])
def test_every_limit_is_listed(na64stat, scenario):
    found = json.loads(na64stat("existing", "list", scenario, "--json").out)["limits"]
    limits = known_limits(scenario)
    assert limits[: len(existing_limits(scenario))] == existing_limits(scenario)
    assert [(item["experiment"], item["reference"]) for item in found] == [(x.experiment, x.reference) for x in limits]
    text = na64stat("existing", "list", scenario).out
    for limit in limits:
        assert limit.experiment in text
        assert limit.reference in text


def test_without_a_scenario_all_of_them_and_what_is_computed(na64stat):
    found = json.loads(na64stat("existing", "list", "--json").out)["limits"]
    assert {item["scenario"] for item in found} == set(NAMES)
    computed = [(item["scenario"], item["experiment"]) for item in found if item["computed"]]
    assert computed == [(name, "(g-2)_muon") for name in ("axion-muon", "zprime", "muon-scalar", "muon-pseudoscalar")]


def test_shown_points_are_converted_and_said_to_be(na64stat):
    answer = na64stat("existing", "show", "dark-sector", "LSND")
    assert "muon and tau loops" in answer.out
    (item,) = json.loads(na64stat("existing", "show", "dark-sector", "lsnd", "--mass", "0.02", "--json").out)["limits"]
    assert item["unit"] == "1"
    # The conversion, backwards at one mass: a charge of 1 is so much in the coupling.
    factor = float(millicharge_to_coupling(0.02, 1.0))
    assert 1e-6 < item["lowest"]["coupling"] / factor < 1e-2
    assert len(item["mass_gev"]) == len(item["coupling"]) > 10


def test_g_minus_2_is_the_bound(na64stat):
    (item,) = json.loads(na64stat("existing", "show", "axion-muon", "(g-2)_muon", "--mass", "0.1", "--json").out)[
        "limits"
    ]
    assert item["lowest"]["coupling"] == pytest.approx(g_minus_2_limit(np.array([0.1, 0.2])).coupling[0], rel=1e-3)


def test_own_limits(na64stat, own):
    found = json.loads(na64stat("existing", "list", "--file", own, "--json").out)["limits"]
    assert [(x["experiment"], x["shape"], x["unit"]) for x in found] == [
        ("Mine", "lower_edge", "GeV^-1"), ("Isle", "contour", "GeV^-1")
    ]  # fmt: skip
    answer = na64stat("existing", "show", "mine", "--file", own, "--mass", "0.01")
    assert "at 0.01 GeV: excludes from 0.0316228 GeV^-1" in answer.out
    assert "says nothing" in na64stat("existing", "show", "Mine", "--file", own, "--mass", "1").out


def test_own_limits_in_a_figure(na64stat, own, tmp_path):
    masses, couplings = np.geomspace(1e-3, 0.1, 5), np.geomspace(1e-4, 1, 6)
    scan = na.scan(na.AxionPhoton, na.load_run("2022"), masses, couplings, regions=["invisible"])
    scan.save(tmp_path / "scan.json")
    plain, with_own = tmp_path / "plain.png", tmp_path / "own.png"
    assert na64stat("plot", tmp_path / "scan.json", "--figure", plain).status == 0
    assert na64stat("plot", tmp_path / "scan.json", "--existing", own, "--figure", with_own).status == 0
    assert plain.read_bytes() != with_own.read_bytes()
    other = tmp_path / "other.csv"
    other.write_text(OWN.replace("GeV^-1", "1"))
    answer = na64stat("plot", tmp_path / "scan.json", "--existing", other, "--figure", tmp_path / "x.png")
    assert answer.status == 2
    assert "Mine has couplings in 1, the map in GeV^-1" in answer.err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("GeV^-1", "GEV", "unit 'GEV'; expected GeV\\^-1 or 1"),
        ("lower_edge,curve,0.1,", "lower_edge,curve,0.0001,", "masses of a lower edge must increase"),
        ("0.01,1e-4", "0.01,-1e-4", "must be positive"),
        ("0.01,1e-4", "0.01,x", "x"),
        ("my notes", "other notes", "reference, shape and unit must be the same"),
        (",unit", "", "unit"),
    ],
)
def test_own_tables_are_read_strictly(tmp_path, na64stat, old, new, message):
    path = tmp_path / "mine.csv"
    path.write_text(OWN.replace(old, new, 1))
    with pytest.raises(TableError, match=message):
        read_limits(path)
    answer = na64stat("existing", "list", "--file", path)
    assert answer.status == 2
    assert str(path) in answer.err
    assert len(answer.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("existing", "list", "axion-foton"), "did you mean 'axion-photon'?"),
        (("existing", "show", "axion-photon", "E173"), "did you mean 'E137'?"),
        (("existing", "show", "axion-photon"), "expected a SCENARIO and an EXPERIMENT"),
        (("existing", "list", "--file", "missing.csv"), "missing.csv"),
        (("existing", "show", "zprime", "CCFR", "--mass", "-1"), "must be positive"),
    ],
)
def test_bad_input_is_one_line(na64stat, words, message):
    answer = na64stat(*words)
    assert answer.status == 2
    assert message in answer.err
    assert len(answer.err.splitlines()) == 1
