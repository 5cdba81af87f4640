"""The main job: what it writes, and what the paper says about it."""

import csv
import json
import math
from dataclasses import replace

import numpy as np
import pyhf
import pytest

from na64stat.errors import InputError
from na64stat.export import read_submission
from na64stat.figures.figure_of import contour_curves, draw_maps
from na64stat.figures.limit_curves import limit_curve
from na64stat.limits_library.library import existing_limits
from na64stat.plot.style import COLUMN_CM
from na64stat.records.map import load_scan
from na64stat.report.figures import figure_2, figure_3, figure_4, run_label
from na64stat.report.headlines import KNOWN_FROM, headlines
from na64stat.report.reproduce import reproduce
from na64stat.report.results import RUNS


def quiet(label):
    assert label
    return iter


@pytest.fixture
def results(reproduction):
    return reproduction.results


@pytest.fixture
def made(reproduction):
    return reproduction.made


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


def test_posteriors_in_the_submission_are_those_of_the_gamma_density(made):
    """No event, no background: with 10%, 1% and 5% a flat prior in the yield gives slightly more than ln 10."""
    table = read_submission(made.files[0].parent / "submission").table("axion-muon, 2022, credible limits")
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
