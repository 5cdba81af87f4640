"""The main job: what it writes, what the paper says about it, the summary with its verdicts, and the list of files."""

import csv
import json
import math
import re
from dataclasses import replace

import numpy as np
import pyhf
import pytest

import na64stat as na
from na64stat.errors import InputError
from na64stat.export import read_submission
from na64stat.export.curves.limit_curve import LimitCurve
from na64stat.figures.figure_of import contour_curves, draw_maps
from na64stat.figures.limit_curves import limit_curve
from na64stat.limits_library.library import existing_limits
from na64stat.plot.style import COLUMN_CM
from na64stat.records.map import load_scan
from na64stat.report.figures import figure_2, figure_3, figure_4, run_label
from na64stat.report.headlines import KNOWN_FROM, headlines
from na64stat.report.reproduce import file_names, reproduce
from na64stat.report.results import RUNS
from na64stat.report.summary import KINDS, MASSES, SCENARIOS
from na64stat.report.verdict import AGREED, judged, verdict


def quiet(label):
    assert label
    return iter


@pytest.fixture(scope="module")
def reproduction(tmp_path_factory):
    """What was computed, and what was written: done once for all tests that look at it."""
    from na64stat.report import reproduce as job

    kept, compute = [], job.compute

    def once(track):
        kept.append(compute(track))
        return kept[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "compute", once)
        made = job.reproduce(tmp_path_factory.mktemp("reproduction") / "out", track=quiet)
    return kept[0], made


@pytest.fixture(scope="module")
def results(reproduction):
    return reproduction[0]


@pytest.fixture(scope="module")
def made(reproduction):
    return reproduction[1]


@pytest.fixture(scope="module")
def folder(made):
    return next(path for path in made.files if path.name == "summary.md").parent


@pytest.fixture(scope="module")
def submission(folder):
    return read_submission(folder / "submission")


def rows(made, name):
    (path,) = [path for path in made.files if path.name == name]
    with path.open() as file:
        return list(csv.DictReader(file))


def test_figures_and_tables_are_there(made):
    names = {path.name for path in made.files}
    for figure in ("figure2_axion_photon", "figure3_axion_muon", "figure4_dark_sector"):
        assert {f"{figure}.pdf", f"{figure}.png", f"{figure}.csv"} <= names
    assert {"posterior_axion_muon.png", "headlines.md"} <= names
    for path in made.files:
        assert path.stat().st_size > 200
    assert all(path.read_bytes().startswith(b"%PDF") for path in made.files if path.suffix == ".pdf")


def test_the_papers_figures_are_legible_in_a_column(results, check_legible):
    for draw in (figure_2, figure_3, figure_4):
        figure = draw(results)
        assert figure.get_figwidth() * 2.54 == pytest.approx(COLUMN_CM)
        assert check_legible(figure) >= 20


def test_citations_and_hs3_stand_beside_the_numbers(made):
    names = {path.relative_to(made.files[0].parent).as_posix() for path in made.files}
    for scenario in ("axion-photon", "axion-muon", "dark-sector"):
        files = {f"{folder}/{scenario}_2022_invisible.json" for folder in ("hs3", "workspaces")}
        assert files | {f"cite/{scenario}.bib"} <= names


def test_posteriors_in_the_submission_are_those_of_the_gamma_density(submission):
    """No event, no background: with 10%, 1% and 5% a flat prior in the yield gives slightly more than ln 10."""
    table = submission.table("axion-muon, 2022, credible limits")
    events = dict(zip((c.value for c in table.independent[0].cells), table.dependent[0].numbers, strict=True))
    assert math.log(10) < events["flat in yield, 0 to 50"] < 1.03 * math.log(10)


def test_every_curve_has_its_numbers(made):
    for name in ("figure3_axion_muon.csv", "figure4_dark_sector.csv"):
        assert {row["run"] for row in rows(made, name)} == set(RUNS)
    photon = rows(made, "figure2_axion_photon.csv")
    assert {(row["run"], row["region"]) for row in photon} == {
        (run, r) for run in RUNS for r in ("visible", "invisible")
    }
    assert all(float(row["mass_gev"]) > 0 and float(row["coupling"]) > 0 for row in photon)
    assert {row["coupling_unit"] for row in photon} == {"GeV^-1"}
    assert {row["artefact"] for row in photon if row["region"] == "visible"} == {"True", "False"}


def test_projections_have_no_observed_limit(made):
    for row in rows(made, "figure4_dark_sector.csv"):
        assert (row["observed"] == "") == (row["run"] != "2022")
        assert float(row["median"]) > 0


def test_workspaces_and_scans_can_be_read_back(made):
    for path in made.files:
        if path.parent.name == "workspaces" and path.name.startswith(("axion", "dark")):
            assert pyhf.Workspace(json.loads(path.read_text())).model().config.poi_name == "mu"
        if path.parent.name == "scans":
            assert load_scan(path).contours()


def test_an_earlier_reproduction_is_not_overwritten(made):
    folder = made.files[0].parent
    before = {path: path.read_bytes() for path in made.files}
    with pytest.raises(InputError, match="earlier reproduction; --overwrite"):
        reproduce(folder, track=quiet)
    assert {path: path.read_bytes() for path in made.files} == before


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="out"):
        reproduce(tmp_path / "out", track=quiet)


def test_2022_photon_region_above_10_mev_lies_inside_existing_limits(results):
    """[arXiv:2501.06294, section III]"""
    checked = 0
    for region in ("visible", "invisible"):
        scan = results.photon[("2022", region)]
        for i, j in zip(*np.nonzero(scan.excludes()), strict=True):
            mass, coupling = scan.mass[i], scan.coupling[j]
            if mass > KNOWN_FROM:
                checked += 1
                assert any(limit.excludes(mass, coupling) for limit in existing_limits("axion-photon"))
    assert checked > 100


def test_invisible_photon_regions_have_an_upper_edge(results):
    for run in RUNS:
        scan = results.photon[(run, "invisible")]
        excluded = scan.excludes()
        row = int(np.searchsorted(scan.mass, 0.004))
        assert excluded[row].any()
        assert not excluded[row, -1]
        tip = max(max(contour.mass) for contour in scan.contours())
        assert tip < 0.1


def test_visible_reach_grows_with_exposure_as_the_paper_says(results):
    """About 0.08 GeV at g = 1e-3 GeV^-1 with 1e12 muons."""
    reach = {}
    for run in RUNS:
        scan = results.photon[(run, "visible")]
        column = int(np.argmin(np.abs(np.log(scan.coupling / 1e-3))))
        honest = np.array([[status == "excluded" for status in row] for row in scan.status])[:, column]
        reach[run] = scan.mass[honest].max() if honest.any() else 0.0
    assert 0.07 < reach["mot1e12"] < 0.09
    assert reach["2023"] < reach["mot1e12"] < reach["mot1e13"] < reach["mot1e14"]


def test_dots_mark_what_only_the_layer_sum_excludes(results):
    curves = contour_curves(results.photon[("2022", "visible")], "2022", "black", "-")
    dotted = [curve for curve in curves if curve.style == ":"]
    solid = [curve for curve in curves if curve.style == "-"]
    assert dotted
    assert solid
    assert min(min(curve.mass) for curve in dotted) > 0.015
    assert all(curve.label == "" for curve in dotted)
    assert not any(
        curve.style == ":" for curve in contour_curves(results.photon[("2022", "invisible")], "", "black", "-")
    )


def test_limit_curves_scale_with_exposure(results):
    for found in (results.muon, results.dark):
        low, high = (limit_curve(found[run], "", None) for run in ("mot1e12", "mot1e14"))
        assert np.array(low.coupling) / np.array(high.coupling) == pytest.approx(10.0, rel=1e-3)


def test_headlines_state_both_backgrounds(results):
    table = {row.quantity: row for row in headlines(results)}
    events = table["2022 invisible: upper limit, events"]
    assert events.no_background.startswith("2.303")
    assert events.realistic.startswith("2.303")
    assert table["2022 visible: upper limit, events"].no_background.startswith("7.994")
    assert all(row.no_background and row.realistic and row.paper for row in table.values())


def test_labels_are_numbers_of_muons():
    assert run_label("2022") == r"$1.98\times 10^{10}$ MOT"
    assert run_label("mot1e13") == "$10^{13}$ MOT"


def test_draw_maps_refuses_what_it_cannot_draw(results, tmp_path):
    photon, loop = results.photon[("2022", "visible")], results.muon_loop["2022"]
    with pytest.raises(InputError, match=r"couplings in units of 1 and GeV\^-1"):
        draw_maps({"a": photon, "b": replace(loop, coupling_unit="1")}, tmp_path / "figure.png")
    with pytest.raises(InputError, match=r"figure\.txt"):
        draw_maps({"photon": photon}, tmp_path / "figure.txt")
    assert draw_maps({"photon": photon}, tmp_path / "figure.png") >= 1
    with pytest.raises(InputError, match=r"figure\.png"):
        draw_maps({"photon": photon}, tmp_path / "figure.png")


def test_dark_sector_gain_is_what_the_table_of_bounds_gives(results):
    """The gain at 50 MeV, by hand from the limit and the strongest converted bound."""
    points = results.dark["2022"].points
    at = min(points, key=lambda point: abs(math.log(point.mass / 0.05)))
    bounds = [limit.lowest(at.mass) for limit in existing_limits("dark-sector")]
    gain = min(bound for bound in bounds if bound is not None) / at.coupling["observed"]
    assert 1.2 < gain < 1.6


def table(text, title):
    lines = text.split(title)[1].split("\n\n")
    rows = next(block for block in lines if block.startswith("|")).splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in (rows[0], *rows[2:])]


@pytest.mark.parametrize(
    ("ours", "stated", "agrees"),
    [(2.302585, "2.3", True), (7.994, "7.8", False), (7.849, "7.8", True), (7.851, "7.8", False), (4.4e-3, "4e-3", True),
     (4.6e-3, "4e-3", False), (0.0805, "0.08", True), (0.0851, "0.08", False), (None, "1", False), (math.nan, "1", False),
     (9.96, "10", True), (10.6, "10", False)],
)  # fmt: skip
def test_a_number_agrees_to_the_digits_that_are_stated(ours, stated, agrees):
    found = verdict(ours, stated, "because")
    assert (found == AGREED) == agrees
    if not agrees:
        assert found.startswith("differs")
        assert "because" in found
        if ours and not math.isnan(ours):
            assert f"{ours / float(stated):.3g} times" in found
    assert "not understood" in verdict(3.0, "1")


def test_a_statement_in_words():
    assert judged(True, "x") == AGREED
    assert judged(False, "3 points lie outside") == "differs: 3 points lie outside"


def test_one_row_per_scenario_at_three_masses_observed_and_projected(folder):
    head, *rows = table((folder / "summary.md").read_text(), "## Excluded couplings")
    assert head[2:] == [f"{mass:g} GeV, {kind}" for mass in MASSES for kind in KINDS]
    assert [row[0] for row in rows] == [label for label, _, _ in SCENARIOS]
    by_name = {row[0]: row for row in rows}
    # The invisible dark sector: a pure power of the coupling, so that 1.98e10 and 1e12 muons differ by the root of their ratio.
    dark = by_name["dark sector"]
    for observed, projected in zip(dark[2::2], dark[3::2], strict=True):
        low, high = (float(cell.removeprefix("> ")) for cell in (observed, projected))
        assert low / high == pytest.approx(math.sqrt(1e12 / 1.98e10), rel=0.05)


def test_the_cells_are_the_limits(folder):
    _, *rows = table((folder / "summary.md").read_text(), "## All runs")
    cells = {(row[0], row[1]): row[2:] for row in rows}
    assert len(cells) == 5 * len(SCENARIOS)
    island = na.limits(na.AxionPhoton, na.load_run("mot1e12"), [0.01], regions=["invisible"]).points[0]
    ((low, high),) = island.intervals["median"]
    assert cells["axion-photon, invisible", "mot1e12"][0] == f"{low:.2g} - {high:.2g}"
    assert "nothing (layer sum: > " in cells["axion-photon, visible", "2022"][2]


def test_every_line_beside_the_paper_has_a_verdict(folder, made):
    _, *rows = table((folder / "summary.md").read_text(), "## Beside the paper")
    assert len(rows) == len(made.headlines)
    for row in rows:
        assert re.match(r"agreed($|; .+)|differs[,:] .+|not stated$", row[3]), row
    verdicts = {row[0]: row[3] for row in rows}
    assert verdicts["2022 invisible: upper limit, events"] == "agreed"
    assert verdicts["2022 visible: upper limit, events"].startswith("differs, 1.02 times")
    assert {kind: sum(row[3].startswith(kind) for row in rows) for kind in ("agreed", "differs", "not stated")}[
        "agreed"
    ] >= 5


def test_the_list_names_every_file_in_a_line(folder, made):
    lines = (folder / "README.md").read_text().splitlines()
    listed = [line.split("`")[1] for line in lines if line.startswith("- `")]
    there = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert sorted(listed) == sorted(there)
    assert all(len(line.split("`: ")[1]) > 5 for line in lines if line.startswith("- `"))
    assert sorted(made.files) == sorted(path for path in folder.rglob("*") if path.is_file())


def test_the_submission_holds_the_limits_and_reads_back(folder, submission):
    curve = LimitCurve.of(submission.table("axion-muon, 2022, invisible, observed limit"))
    expected = na.limits(na.AxionMuon, na.load_run("2022"), curve.mass).points
    assert curve.coupling == pytest.approx([point.coupling["observed"] for point in expected], rel=1e-4)
    likelihoods = [resource for resource in submission.resources if resource.type == "HistFactory"]
    assert len(likelihoods) == 30
    for resource in likelihoods:
        assert (folder / "workspaces" / resource.location).read_bytes() == (
            folder / "submission" / resource.location
        ).read_bytes()


def test_every_file_is_known_before(folder):
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {name for name in there if not name.startswith("submission/")} == set(file_names())


@pytest.mark.parametrize("place", range(0, len(file_names()), 7))
def test_what_a_broken_off_reproduction_left_is_found_first(tmp_path, monkeypatch, place):
    computed = []
    monkeypatch.setattr("na64stat.report.reproduce.compute", computed.append)
    name = file_names()[place]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("left")
    (tmp_path / "own.txt").write_text("not of the reproduction")
    with pytest.raises(InputError, match=f"holds {name} of an earlier reproduction; --overwrite"):
        reproduce(tmp_path, track=lambda _: iter)
    assert not computed
    assert (tmp_path / name).read_text() == "left"


def test_a_second_reproduction_replaces_only_when_asked(folder):
    with pytest.raises(InputError, match="--overwrite"):
        reproduce(folder, track=lambda _: iter)
