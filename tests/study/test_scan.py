"""Maps of CL_s: statuses without holes, contours on the limit, and files that bring everything back."""

import json
import math
from functools import partial

import numpy as np
import pytest

from na64stat.errors import InputError, LowCountWarning, RegionError, ValidityWarning
from na64stat.experiment.load import load_run
from na64stat.files import to_json
from na64stat.records.map import load_scan
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.dark_sector import DarkSector
from na64stat.scenarios.zprime import ZPrime
from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.likelihood.workspace import build_workspace
from na64stat.stats.limits import cl_s
from na64stat.study.limits import limits
from na64stat.study.maps.scan import scan
from na64stat.study.signal_test import SignalTest
from na64stat.yields.predict import DepthAverage, predict, region_events

from .by_hand import workspace_of

EXTREME = np.geomspace(1e-12, 1e3, 16)

# Soft production matters at light masses, and is not what these tests are about; `test_validity` looks at its warning.
pytestmark = pytest.mark.filterwarnings("ignore:.* come from x < 0.01:na64stat.errors.ValidityWarning")
extrapolated = pytest.mark.filterwarnings("ignore:.* held at its end value:na64stat.errors.ValidityWarning")


@extrapolated
@pytest.mark.parametrize(
    "make",
    [AxionPhoton, AxionMuon, partial(AxionMuon, loop_decay=True), DarkSector, ZPrime],
    ids=["axion-photon", "axion-muon", "loop", "dark-sector", "zprime"],
)
@pytest.mark.parametrize("region", ["invisible", "visible"])
def test_no_holes_at_extreme_couplings(run, make, region):
    found = scan(make, run, [1e-3, 0.1, 0.45], EXTREME, regions=[region], systematics=False)
    for name in ("observed", "median"):
        assert np.all((found.cl_s[name] >= 0) & (found.cl_s[name] <= 1))
        assert not np.any(np.isnan(found.excess[name]))
        np.testing.assert_array_equal(found.excess[name] > 0, found.cl_s[name] < 0.1)
    assert {status for row in found.status for status in row} <= {"excluded", "artefact", "allowed", "no signal"}
    assert all(row[0] in ("allowed", "no signal") for row in found.status)
    np.testing.assert_allclose(found.cl_s["observed"][:, 0], 1, atol=1e-9)


def test_a_stable_particle_is_excluded_above_one_coupling(run):
    masses, couplings = [0.01, 0.1], np.geomspace(1e-3, 1e-1, 50)
    found = scan(AxionMuon, run, masses, couplings, systematics=False)
    points = limits(AxionMuon, run, masses, systematics=False).points
    for row, point in zip(found.status, points, strict=True):
        expected = ["excluded" if g > point.coupling["observed"] else "allowed" for g in couplings]
        assert list(row) == expected
    np.testing.assert_array_equal(found.excludes(), np.array(found.status) == "excluded")


def test_a_point_of_the_map_is_the_direct_cl_s(visible_scan, run):
    """Through predict and the workspace, at mu = 1, at points with all sorts of answers."""
    masses, couplings = visible_scan.mass, visible_scan.coupling
    for i, j in [(3, 35), (5, 38), (8, 38), (9, 40), (15, 50), (0, 0)]:
        template = predict(AxionPhoton(mass=masses[i], coupling=couplings[j]), run)
        direct = cl_s(build_workspace(template, run, ["visible"]))
        assert visible_scan.cl_s["observed"][i, j] == pytest.approx(direct.observed, abs=1e-4)
        assert visible_scan.cl_s["median"][i, j] == pytest.approx(direct.expected.median, abs=1e-4)
        assert visible_scan.events["visible"][i, j] == pytest.approx(template.regions["visible"].events, rel=1e-9)


def test_artefacts_are_what_the_continuous_depth_does_not_exclude(visible_scan, run):
    smooth = scan(AxionPhoton, run, visible_scan.mass, visible_scan.coupling, average=DepthAverage.CONTINUOUS)
    status = np.array(visible_scan.status)
    layers = visible_scan.excludes(artefacts=True)
    np.testing.assert_array_equal(layers, visible_scan.excess["observed"] > 0)
    # Between one and two hundredths the verdict goes over from one to the other.
    clear = np.abs(smooth.excess["observed"]) > 0.02
    np.testing.assert_array_equal((status == "artefact")[clear], (layers & ~smooth.excludes())[clear])
    np.testing.assert_array_equal((status == "excluded")[clear], (layers & smooth.excludes())[clear])
    np.testing.assert_array_equal(status == "excluded", visible_scan.excludes())
    assert (status == "artefact").any()
    assert (status == "excluded").any()
    assert "artefact" not in np.array(smooth.status)


def test_no_signal_is_told_from_a_weak_one(run, silent):
    weak = scan(AxionPhoton, run, [0.1, 0.2], [1e-12, 1e-11], systematics=False)
    assert {status for row in weak.status for status in row} == {"allowed"}
    assert np.all(weak.events["visible"] > 0)
    nothing = scan(silent, run, [0.1, 0.2], [1e-3, 1.0], systematics=False)
    assert {status for row in nothing.status for status in row} == {"no signal"}
    assert nothing.contours() == ()


# --- contours


def shore_distance(curve, axes=(0.9, 1.3)):
    r = np.hypot(np.log(np.array(curve.mass) / 0.03) / axes[0], np.log(np.array(curve.coupling) / 1e-3) / axes[1])
    return np.abs(r - 1)


def test_a_closed_contour_is_the_ellipse(run, calibrated_island):
    masses, couplings = 0.03 * np.exp(np.linspace(-1.3, 1.3, 31)), 1e-3 * np.exp(np.linspace(-1.9, 1.9, 32))
    found = scan(calibrated_island, run, masses, couplings, systematics=False)
    (curve,) = found.contours()
    assert curve.closed
    assert shore_distance(curve).max() < 5e-3
    # Half-way between opposite points lies the centre: the curve goes all the way round.
    assert min(curve.mass) == pytest.approx(0.03 * math.exp(-0.9), rel=5e-3)
    assert max(curve.mass) == pytest.approx(0.03 * math.exp(0.9), rel=5e-3)
    assert max(curve.coupling) == pytest.approx(1e-3 * math.exp(1.3), rel=5e-3)
    inside = (np.log(masses / 0.03)[:, None] / 0.9) ** 2 + (np.log(couplings / 1e-3)[None, :] / 1.3) ** 2 < 1
    np.testing.assert_array_equal(found.excludes(), inside)


def test_a_contour_that_meets_the_border_is_open(run, calibrated_island):
    found = scan(
        calibrated_island, run, 0.03 * np.exp(np.linspace(0, 1.3, 21)), np.geomspace(1e-4, 1e-2, 31), systematics=False
    )
    (curve,) = found.contours()
    assert not curve.closed
    assert [curve.mass[0], curve.mass[-1]] == pytest.approx([0.03, 0.03], rel=1e-12)
    assert shore_distance(curve).max() < 6e-3


def test_failed_masses_are_named_and_leave_the_rest(run, calibrated_island):
    masses = [0.02, 0.03, 0.045, 0.6, 0.7]
    found = scan(calibrated_island, run, masses, np.geomspace(1e-4, 1e-2, 31), systematics=False)
    for row, mass in ((3, 0.6), (4, 0.7)):
        assert set(found.status[row]) == {f"failed: island: mass = {mass} GeV is beyond its shore, 0.5 GeV"}
        assert np.all(np.isnan(found.cl_s["observed"][row]))
        assert np.all(np.isnan(found.events["invisible"][row]))
        assert not found.excludes()[row].any()
    assert np.all(np.isfinite(found.events["invisible"][:3]))
    whole = scan(calibrated_island, run, masses[:3], found.coupling, systematics=False)
    assert found.status[:3] == whole.status
    assert "excluded" in found.status[1]
    assert all(mass < 0.046 for curve in found.contours() for mass in curve.mass)
    assert [curve.coupling for curve in found.contours()] == [curve.coupling for curve in whole.contours()]


def test_if_every_mass_fails_it_is_an_error(run, calibrated_island):
    with pytest.raises(InputError, match=r"^island: mass = 0\.6 GeV is beyond its shore"):
        scan(calibrated_island, run, [0.6, 0.7], [1e-3, 1e-2])


def test_contours_lie_on_the_limit(invisible_scan, run):
    """Distance to the limit in ln m and ln g, from ln(events/limit) and its slopes, both computed at the point itself."""
    limit = SignalTest(run, ("invisible",)).limit_in_events.observed
    (curve,) = invisible_scan.contours()

    def height(mass, couplings):
        at = AxionPhoton(mass=mass, coupling=1.0)
        return np.log(region_events(at, run, np.array(couplings), ["invisible"])["invisible"] / limit)

    distances = []
    for mass, coupling in list(zip(curve.mass, curve.coupling, strict=True))[::3]:
        here, above = height(mass, [coupling, 1.001 * coupling])
        (heavier,) = height(1.001 * mass, [coupling])
        distances.append(abs(here) / math.hypot((above - here) / 1e-3, (heavier - here) / 1e-3))
    assert len(distances) > 30
    assert max(distances) < 4e-3  # of a grid whose steps are 0.07 in ln m and 0.06 in ln g


def test_the_contour_ends_where_limits_end(invisible_scan, run):
    """Masses of the grid: the lower and upper edge found by root search."""
    (curve,) = invisible_scan.contours()
    for row in (3, 8):
        mass = float(invisible_scan.mass[row])
        ((low, high),) = limits(AxionPhoton, run, [mass], regions=["invisible"]).points[0].intervals["observed"]
        on_grid = sorted(
            g for m, g in zip(curve.mass, curve.coupling, strict=True) if math.isclose(m, mass, rel_tol=1e-9)
        )
        assert on_grid == [pytest.approx(low, rel=3e-3), pytest.approx(high, rel=1e-2)]


def test_invisible_axions_make_an_island_with_a_shore_on_top(invisible_scan):
    """It goes on to lower masses than the grid: both ends are on that border, none at large couplings."""
    (curve,) = invisible_scan.contours()
    assert not curve.closed
    assert [curve.mass[0], curve.mass[-1]] == pytest.approx([1e-3, 1e-3], rel=1e-12)
    assert max(curve.coupling) < 0.5 * invisible_scan.coupling[-1]
    assert max(curve.mass) < 0.9 * invisible_scan.mass[-1]
    assert not any(curve.artefact)


def test_visible_axions_stay_excluded_up_to_the_border(visible_scan):
    contours = visible_scan.contours(artefacts=True)
    ends = [g for curve in contours for g in (curve.coupling[0], curve.coupling[-1])]
    assert visible_scan.excludes(artefacts=True)[:, -1].all()
    assert not visible_scan.excludes()[:, -1].all()
    assert not any(curve.closed for curve in contours)
    assert max(ends) < visible_scan.coupling[-1]


def test_points_of_a_contour_know_whether_they_are_an_artefact(run):
    """Against the continuous average computed at the points themselves."""
    found = scan(AxionPhoton, run, np.geomspace(5e-3, 0.2, 25), np.geomspace(1e-3, 0.3, 50))
    limit = SignalTest(run, ("visible",)).limit_in_events.observed
    marks = set()
    assert not any(any(curve.artefact) for curve in found.contours())
    for curve in found.contours(artefacts=True):
        for mass, coupling, marked in zip(curve.mass, curve.coupling, curve.artefact, strict=True):
            at = AxionPhoton(mass=mass, coupling=1.0)
            smooth = region_events(at, run, np.array([coupling]), ["visible"], DepthAverage.CONTINUOUS)["visible"][0]
            excess = math.log(smooth / limit)
            if abs(excess + 0.05) > 0.02:  # the mark is read off the grid
                assert marked == (excess < -0.05), (mass, coupling)
                marks.add(marked)
    assert marks == {True, False}


def test_a_grid_of_one_row_has_no_contours(run):
    assert scan(AxionMuon, run, [0.1], [1e-3, 1e-1]).contours() == ()


def test_a_projection_has_a_median_only(projection):
    found = scan(DarkSector, projection, [0.01, 0.1], np.geomspace(1e-4, 1e-2, 20))
    assert set(found.cl_s) == set(found.excess) == {"median"}
    assert found.contours() == found.contours("median") != ()
    with pytest.raises(InputError, match="scan of run mot1e12: no level 'observed'; it has median"):
        found.contours("observed")


# --- two regions


@pytest.fixture(scope="module")
def two_regions(with_backgrounds):
    return scan(
        AxionPhoton,
        with_backgrounds,
        [6e-3, 1e-2],
        np.concatenate([[1e-12], np.geomspace(1e-3, 1e-2, 7)]),
        regions=["visible", "invisible"],
        systematics=False,
    )


def test_a_combination_is_at_least_as_good_as_its_parts(two_regions, with_backgrounds):
    """In the sense of the verdict at the grid points where one part alone excludes clearly."""
    assert two_regions.status[0][0] == "allowed"
    for i, mass in enumerate(two_regions.mass.tolist()):
        for region in ("visible", "invisible"):
            alone = scan(
                AxionPhoton, with_backgrounds, [mass], two_regions.coupling, regions=[region], systematics=False
            )
            clear = alone.cl_s["median"][0] < 0.03
            assert np.all(two_regions.excludes("median")[i][clear])
    assert two_regions.excludes().any()


def test_a_scan_refuses_what_limits_refuse(run):
    with pytest.raises(RegionError, match="'visible' has 4 events observed and no background"):
        scan(AxionPhoton, run, [0.01], [1e-3], regions=["invisible", "visible"])
    with pytest.raises(RegionError, match="shares events with"):
        scan(AxionPhoton, run, [0.01], [1e-3], regions=["visible", "visible_trigger"])


# --- files


@pytest.mark.parametrize("which", ["visible_scan", "invisible_scan", "two_regions"])
def test_a_saved_scan_comes_back(request, which, tmp_path):
    original = request.getfixturevalue(which)
    path = tmp_path / "scan.json"
    original.save(path)
    loaded = load_scan(path)
    for name in ("scenario", "coupling_unit", "run", "regions", "cl", "method", "status", "provenance"):
        assert getattr(loaded, name) == getattr(original, name)
    for name in ("mass", "coupling"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(original, name))
    for name in ("events", "cl_s", "excess", "smooth_excess"):
        ours, theirs = getattr(original, name), getattr(loaded, name)
        assert set(ours) == set(theirs)
        for key, values in ours.items():
            np.testing.assert_array_equal(theirs[key], values)
    for verdict in original.excess:
        assert loaded.contours(verdict) == original.contours(verdict)
    assert loaded.as_dict() == original.as_dict()


def test_failures_survive_the_file(run, calibrated_island, tmp_path):
    original = scan(calibrated_island, run, [0.02, 0.03, 0.6], np.geomspace(1e-4, 1e-2, 15), systematics=False)
    original.save(tmp_path / "scan.json")
    loaded = load_scan(tmp_path / "scan.json")
    assert loaded.status == original.status
    for name in ("cl_s", "excess", "smooth_excess"):
        np.testing.assert_array_equal(getattr(loaded, name)["observed"], getattr(original, name)["observed"])
    np.testing.assert_array_equal(loaded.events["invisible"], original.events["invisible"])
    assert original.as_dict()["events"]["invisible"][2] == [None] * 15
    assert loaded.contours() == original.contours() != ()


def test_events_are_null_only_where_a_point_failed(run, tmp_path):
    found = scan(AxionMuon, run, [0.1, 0.5], [1e-4, 1e-3])
    assert found.status[1] == ("no signal", "no signal")
    assert found.events["invisible"][1].tolist() == [0.0, 0.0]
    record = found.as_dict()
    record["events"]["invisible"][1][0] = None
    (tmp_path / "s.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(InputError, match=r"events.invisible\[1\]\[0\] is None; expected a number from 0 to"):
        load_scan(tmp_path / "s.json")


def test_the_file_is_strict_json_with_the_promised_keys(visible_scan, tmp_path):
    path = tmp_path / "scan.json"
    visible_scan.save(path)

    def refuse(text):
        raise AssertionError(text)

    record = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert record["schema"] == 1
    shape = len(record["mass_gev"]), len(record["coupling"])
    assert shape == (20, 61)
    for grid in (record["cl_s"]["observed"], record["cl_s"]["median"], record["status"]):
        assert np.array(grid).shape == shape
    for curves in record["contours"].values():
        for curve in curves:
            assert isinstance(curve["closed"], bool)
            assert np.array(curve["points"]).shape[1] == 2
    assert record["provenance"]["run_digest"]
    assert set(record["provenance"]["versions"]) >= {"na64stat", "numpy"}


def test_a_projection_writes_null_for_what_it_has_not(projection, tmp_path):
    original = scan(ZPrime, projection, [0.01, 0.1], [1e-5, 1e-3])
    original.save(tmp_path / "scan.json")
    record = json.loads((tmp_path / "scan.json").read_text(encoding="utf-8"))
    assert record["cl_s"]["observed"] == [[None, None], [None, None]]
    assert record["contours"]["observed"] == []
    assert load_scan(tmp_path / "scan.json").as_dict() == original.as_dict()


def test_a_file_is_not_overwritten_unasked(invisible_scan, visible_scan, tmp_path):
    path = tmp_path / "scan.json"
    invisible_scan.save(path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="the file exists"):
        visible_scan.save(path)
    assert path.read_bytes() == before
    visible_scan.save(path, overwrite=True)
    assert load_scan(path).regions == ("visible",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a JSON file"),
        ("{", "not a JSON file"),
        ("[]", "no JSON object; expected scan of schema 1"),
        ('{"kind": "limits", "schema": 2}', "holds 'limits', a record of na64stat; expected scan of schema 1"),
        ('{"kind": "scan", "schema": 99}', "scan of schema 99; expected scan of schema 1"),
        ('{"kind": "scan", "schema": 1}', "damaged scan file: no mass_gev"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, text, message):
    path = tmp_path / "wrong.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"wrong\.json: {message}"):
        load_scan(path)


def test_a_missing_or_damaged_file_is_refused(invisible_scan, tmp_path):
    with pytest.raises(InputError, match=r"none\.json: No such file"):
        load_scan(tmp_path / "none.json")
    record = invisible_scan.as_dict()
    for key, value in (("mass_gev", [1.0]), ("status", None), ("events", {"invisible": [[1.0]]})):
        path = tmp_path / f"{key}.json"
        path.write_text(json.dumps({**record, key: value}), encoding="utf-8")
        with pytest.raises(InputError, match="damaged scan file"):
            load_scan(path)


def test_numbers_as_text_are_refused(invisible_scan, tmp_path):
    record = json.loads(to_json(invisible_scan.as_dict()))
    record["events"]["invisible"][0][0] = "3"
    path = tmp_path / "text.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(InputError, match=r"events\.invisible\[0\]\[0\] is '3'; expected a number from 0 to 1e\+100"):
        load_scan(path)


# --- input


@pytest.mark.parametrize(
    "values", [[], [0.0, 1.0], [-1.0, 1.0], [1.0, 1.0], [2.0, 1.0], [math.nan], [1.0, math.inf], [[1.0]]]
)
@pytest.mark.parametrize("axis", ["masses", "couplings"])
def test_an_axis_increases_and_is_positive(run, axis, values):
    grids = {"masses": [0.1], "couplings": [1e-3], axis: values}
    with pytest.raises(InputError, match=f"{axis} = .*; expected increasing positive numbers"):
        scan(AxionMuon, run, grids["masses"], grids["couplings"])


def test_asymptotic_scans_warn_and_follow_their_own_formula(run):
    """Also at yields near zero, where 1 - CL_s goes as the root of the events down to the stated floor of the background."""
    couplings = np.concatenate([np.geomspace(1e-9, 1e-4, 11), np.geomspace(1e-3, 1e-2, 12)])
    with pytest.warns(LowCountWarning, match="asymptotic formulas at 0 events"):
        found = scan(AxionMuon, run, [0.05], couplings, method=Asymptotic(), systematics=False)
    exact = scan(AxionMuon, run, [0.05], couplings, systematics=False)
    assert found.excludes().sum() > exact.excludes().sum()
    np.testing.assert_array_equal(found.excess["observed"] > 0, found.cl_s["observed"] < 0.1)
    one_event = workspace_of(SignalTest(run, ("invisible",), Asymptotic(), systematics=False), {"invisible": 1.0})
    for j, events in enumerate(found.events["invisible"][0].tolist()):
        direct = cl_s(one_event, events, Asymptotic())
        assert found.cl_s["observed"][0, j] == pytest.approx(direct.observed, abs=1e-4)
        assert found.cl_s["median"][0, j] == pytest.approx(direct.expected.median, abs=1e-4)


@pytest.mark.parametrize("masses", [[5e-4, 0.1], [0.1, 2.0]])
def test_extrapolated_efficiencies_warn_at_either_end(run, masses):
    with pytest.warns(ValidityWarning, match="held at its end value"):
        scan(ZPrime, run, masses, [1e-3])


def test_a_point_that_cannot_be_computed_is_one_point(monkeypatch):
    """Too many outcomes at some couplings of a combination: those points fail and say why, the others stand."""
    from na64stat.errors import ComputationError
    from na64stat.stats.exact.exact import Exact

    honest = Exact.cl_s_of_signals

    def sometimes(self, model, factors):
        if (factors.sum(axis=1) > 5).any():
            raise ComputationError("too many outcomes")
        return honest(self, model, factors)

    monkeypatch.setattr(Exact, "cl_s_of_signals", sometimes)
    run = load_run("mot1e12")
    found = scan(AxionPhoton, run, [0.03], [1e-6, 1e-5, 1e-3], regions=["visible", "invisible"])
    assert [status.split(":")[0] for status in found.status[0]] == ["allowed", "allowed", "failed"]
    assert "too many outcomes" in found.status[0][2]
    assert np.isnan(found.cl_s["median"][0]).tolist() == [False, False, True]


def test_two_regions_have_artefacts_too(with_backgrounds):
    """Points are excluded where they are with either average alone, but for a hundredth or two in the events."""
    asked = [0.01, 0.05], np.geomspace(3e-3, 0.5, 8)
    found, smooth = (
        scan(
            AxionPhoton, with_backgrounds, *asked, regions=["visible", "invisible"], systematics=False, average=average
        )
        for average in DepthAverage
    )
    for verdict in found.levels:
        clear = np.abs(smooth.excess[verdict]) > 0.05
        both = (found.excess[verdict] > 0) & (smooth.excess[verdict] > 0)
        np.testing.assert_array_equal(found.excludes(verdict)[clear], both[clear])
    assert "artefact" in np.array(found.status)[1]
