"""Excluded regions of real scenarios, against root searches and brute force; their files; comparisons."""

import json
import math
from functools import partial

import numpy as np
import pytest

import na64stat as na
from na64stat.errors import InputError
from na64stat.records.load import load_map
from na64stat.records.map import load_exclusion

BOX = (1e-3, 1.0), (1e-6, 1.0)

pytestmark = pytest.mark.filterwarnings("ignore:.* come from x < 0.01:na64stat.errors.ValidityWarning")


@pytest.fixture(scope="module")
def visible(run):
    return na.exclusion(na.AxionPhoton, run, *BOX, regions=["visible"])


@pytest.fixture(scope="module")
def invisible(run):
    return na.exclusion(na.AxionPhoton, run, *BOX, regions=["invisible"], average=na.DepthAverage.CONTINUOUS)


@pytest.mark.parametrize("name", ["visible", "invisible"])
def test_edges_are_those_of_a_root_search(name, request, run):
    found = request.getfixturevalue(name)
    assert found.evaluations < 16_000
    average = na.DepthAverage(found.provenance["depth_average"])
    masses = np.geomspace(1.1e-3, 0.9 if name == "visible" else 6e-3, 15)
    points = na.limits(na.AxionPhoton, run, masses, regions=[name], couplings=BOX[1], average=average).points
    for point in points:
        edges = found.region().edges(point.mass)
        assert len(edges) == len(point.intervals["observed"])
        for (low, high), (true_low, true_high) in zip(edges, point.intervals["observed"], strict=True):
            assert math.log(low / true_low) == pytest.approx(0, abs=0.005)
            assert math.log(high / (true_high or BOX[1][1])) == pytest.approx(0, abs=0.005)


def test_a_brute_force_grid_has_the_same_region(invisible, run):
    """Every point of a grid of 100 x 120 but those within the tolerance of the contour; a tenth of the evaluations and less."""
    masses, couplings = np.geomspace(1e-3, 1.0, 100), np.geomspace(1e-6, 1.0, 120)
    grid = na.scan(na.AxionPhoton, run, masses, couplings, regions=["invisible"], average=na.DepthAverage.CONTINUOUS)
    inside = invisible.region().contains(masses[:, None], couplings[None, :])
    differ = np.argwhere(inside != grid.excludes())
    for i, j in differ:
        around = invisible.region().contains(
            np.clip(masses[i] * np.exp([-0.005, 0.005, 0, 0]), *BOX[0]),
            np.clip(couplings[j] * np.exp([0, 0, -0.005, 0.005]), *BOX[1]),
        )
        assert around.any()
        assert not around.all()
    assert len(differ) < 20
    assert invisible.region().area == pytest.approx(grid.region().area, rel=4e-3)  # the grid's own error


def test_the_tip_is_where_the_region_ends(invisible, run):
    tip = invisible.region().tip
    assert not tip.open
    beyond, before = (
        na.limits(
            na.AxionPhoton, run, [tip.mass * factor], regions=["invisible"], average=na.DepthAverage.CONTINUOUS
        ).points[0]
        for factor in (1.01, 0.99)
    )
    assert beyond.intervals["observed"] == ()
    ((low, high),) = before.intervals["observed"]
    assert low < tip.coupling < high


def test_open_borders_and_levels(visible):
    assert visible.levels[0] == "observed"
    assert set(visible.levels) == {"observed", "minus2", "minus1", "median", "plus1", "plus2"}
    region = visible.region()
    assert region.open_at == ("low mass", "high coupling")
    assert not region.tip.open
    layers = visible.region(artefacts=True)
    assert layers.open_at == ("low mass", "high mass", "high coupling")
    assert layers.area > region.area
    # Four observed, none expected: the observed limit is the weaker one.
    assert visible.region("median").area > region.area
    assert any(any(contour.artefact) for contour in layers.contours)
    assert not any(any(contour.artefact) for level in visible.levels for contour in visible.contours(level))
    with pytest.raises(InputError, match="no level 'upper'; it has observed"):
        visible.region("upper")


def test_what_counts_is_excluded_with_any_production_depth(visible, run):
    """Observed and median regions, against the regions of the continuous average, but for a hundredth or two in the events."""
    smooth = na.exclusion(
        na.AxionPhoton,
        run,
        *BOX,
        regions=["visible"],
        average=na.DepthAverage.CONTINUOUS,
        levels=["observed", "median"],
    )
    points = np.exp(
        np.random.default_rng(1).uniform(np.log(np.array(BOX)[:, 0]), np.log(np.array(BOX)[:, 1]), (4000, 2))
    )
    for level in ("observed", "median"):
        ours, theirs = (found.region(level).excess_at(*points.T) for found in (visible, smooth))
        clear = np.abs(theirs) > 0.05
        np.testing.assert_array_equal((ours > 0)[clear], (theirs > 0)[clear])
        assert visible.region(level).area == pytest.approx(smooth.region(level).area, rel=0.01)


def test_the_file_comes_back(visible, tmp_path):
    path = tmp_path / "region.json"
    visible.save(path)
    loaded = load_exclusion(path)
    assert loaded.as_dict() == visible.as_dict()
    assert loaded.region().contours == visible.region().contours
    record = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert record["schema"] == 1
    assert record["kind"] == "exclusion"
    assert {"area_square_decades", "tip", "open_at", "components", "contours"} <= set(record["levels"]["observed"])
    with pytest.raises(InputError, match="the file exists"):
        visible.save(path)
    assert load_map(path).as_dict() == visible.as_dict()


def test_failures_survive_the_file(run, calibrated_island, tmp_path):
    found = na.exclusion(calibrated_island, run, (0.01, 1.0), (1e-4, 1e-2), systematics=False, tolerance=0.02)
    assert found.reasons
    assert all("beyond its shore" in reason for reason in found.reasons.values())
    found.save(tmp_path / "e.json")
    loaded = load_exclusion(tmp_path / "e.json")
    assert loaded.as_dict() == found.as_dict()
    assert loaded.reasons == found.reasons
    failed = np.isin(np.arange(len(loaded.mass)), list(found.reasons))
    assert np.isnan(loaded.events["invisible"]).tolist() == failed.tolist()
    assert not loaded.region().contains(0.7, 1e-3)
    record = found.as_dict()
    record["points"]["events"]["invisible"][int(np.argmin(failed))] = None
    (tmp_path / "e.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(InputError, match="a number from 0 to"):
        load_exclusion(tmp_path / "e.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "scan"}, "holds 'scan', a record of na64stat; expected exclusion of schema 1"),
        ({"points": {}}, "damaged exclusion file"),
        ({"tolerance": "x"}, "damaged exclusion file"),
        ({"points": None}, "damaged exclusion file"),
    ],
)
def test_damaged_files(visible, tmp_path, change, message):
    path = tmp_path / "e.json"
    path.write_text(json.dumps({**visible.as_dict(), **change}), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_exclusion(path)


def test_islands_are_closed_and_known(run, calibrated_island):
    found = na.exclusion(
        calibrated_island, run, (5e-3, 0.2), (1e-4, 1e-2), systematics=False, levels=["observed"], tolerance=0.002
    )
    (contour,) = found.region().contours
    assert contour.closed
    r = np.hypot(np.log(np.array(contour.mass) / 0.03) / 0.9, np.log(np.array(contour.coupling) / 1e-3) / 1.3)
    assert np.abs(r - 1).max() < 0.003
    assert found.region().area == pytest.approx(math.pi * 0.9 * 1.3 / math.log(10) ** 2, rel=3e-3)
    assert found.levels == ("observed",)


def test_workers_and_a_journal_change_nothing(run, tmp_path):
    options = {"regions": ["invisible"], "tolerance": 0.02}
    alone = na.exclusion(na.AxionPhoton, run, *BOX, **options)
    together = na.exclusion(na.AxionPhoton, run, *BOX, **options, workers=2, journal=tmp_path / "j")
    assert together.as_dict() == alone.as_dict()
    again = na.exclusion(na.AxionPhoton, run, *BOX, **options, journal=tmp_path / "j", track=pytest.fail)
    assert again.as_dict() == alone.as_dict()
    with pytest.raises(InputError, match=r"tolerance is 0\.02 there, 0\.01 here"):
        na.exclusion(na.AxionPhoton, run, *BOX, regions=["invisible"], tolerance=0.01, journal=tmp_path / "j")


@pytest.mark.long
def test_two_regions_with_bands(with_backgrounds):
    found = na.exclusion(
        na.AxionPhoton, with_backgrounds, (2e-3, 0.2), (1e-4, 0.3), regions=["visible", "invisible"], tolerance=0.05,
        levels=["observed", "median"],
    )  # fmt: skip
    for level in found.levels:
        point = na.limits(
            na.AxionPhoton, with_backgrounds, [0.01], regions=["visible", "invisible"], couplings=(1e-4, 0.3)
        ).points[0]
        (low, _), *_ = point.intervals[level]
        ((ours, _), *_) = found.region(level).edges(0.01)
        assert math.log(ours / low) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"masses": (1.0, 0.1)}, "masses"),
        ({"couplings": (0.0, 1.0)}, "couplings"),
        ({"masses": (0.1, math.nan)}, "masses"),
        ({"levels": ["upper"]}, "levels: upper"),
        ({"levels": []}, "levels: none"),
        ({"tolerance": 0}, "tolerance"),
    ],
)
def test_refusals(run, words, message):
    arguments = {"masses": BOX[0], "couplings": BOX[1]} | words
    with pytest.raises(InputError, match=message):
        na.exclusion(na.AxionMuon, run, **arguments)


def test_a_projection_has_no_observed_level(projection):
    with pytest.raises(InputError, match="a projection has no observed level"):
        na.exclusion(na.AxionMuon, projection, *BOX, levels=["observed"])


# --- comparisons


def test_overlap_of_ellipses(run, calibrated_island):
    """Two ellipses with one centre: the smaller lies in the larger, areas in closed form."""
    small = partial(calibrated_island.func, **calibrated_island.keywords, axes=(0.5, 0.8))
    regions = {
        name: na.exclusion(make, run, (5e-3, 0.2), (1e-4, 1e-2), systematics=False, levels=["observed"]).region()
        for name, make in (("large", calibrated_island), ("small", small))
    }
    found = na.overlap(regions, masses=[0.03, 0.055])
    square = math.log(10) ** 2
    large_area, small_area = math.pi * 0.9 * 1.3 / square, math.pi * 0.5 * 0.8 / square
    (pair,) = found.pairs
    assert found.area == {"large": pytest.approx(large_area, rel=3e-3), "small": pytest.approx(small_area, rel=3e-3)}
    assert pair.both == pytest.approx(small_area, rel=3e-3)
    assert pair.only_first == pytest.approx(large_area - small_area, rel=5e-3)
    assert pair.only_other == pytest.approx(0, abs=1e-3)
    (low, high), *_ = found.intervals["small"][0]
    assert np.log([low / 1e-3, high / 1e-3]) == pytest.approx([-0.8, 0.8], abs=0.005)
    assert found.ratio["small"][0] == pytest.approx(math.exp(-0.8 + 1.3), rel=5e-3)
    assert found.ratio["small"][1] is None
    assert found.ratio["large"] == (1.0, 1.0)
    json.dumps(found.as_dict(), allow_nan=False)


@pytest.mark.long
def test_the_trigger_cut_and_the_loop_decay_only_lose(run):
    """Every point that the cut, or the decay, leaves excluded was so without it; and something is lost."""
    pairs = (
        {
            region: na.exclusion(na.AxionPhoton, run, (3e-3, 0.3), (1e-4, 0.1), regions=[region], levels=["observed"])
            for region in ("visible", "visible_trigger")
        },
        {
            name: na.exclusion(make, run, (0.05, 0.2), (1e-3, 0.5), levels=["observed"])
            for name, make in (("stable", na.AxionMuon), ("decaying", partial(na.AxionMuon, loop_decay=True)))
        },
    )
    for items in pairs:
        found = na.overlap({name: item.region() for name, item in items.items()})
        (pair,) = found.pairs
        assert pair.only_other == pytest.approx(0, abs=2e-3)
        assert pair.only_first > 0.1
        assert pair.both + pair.only_first == pytest.approx(found.area[pair.first], rel=2e-3)


def test_overlap_refuses(visible, run):
    with pytest.raises(InputError, match="at least two"):
        na.overlap({"one": visible.region()})
    elsewhere = na.exclusion(na.AxionPhoton, run, (0.1, 0.2), (1.1, 2.0), tolerance=0.1)
    with pytest.raises(InputError, match="no range of masses and couplings in common"):
        na.overlap({"one": visible.region(), "other": elsewhere.region()})
