"""Whole submissions: accepted by HEPData's validator, read back to the same numbers, and never written over other files."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import na64stat as na
from na64stat.errors import InputError
from na64stat.export.curves.limit_curve import LimitCurve
from na64stat.export.likelihood.patchset import Likelihood, patchset
from na64stat.export.tables.submission import hepdata, hepdata_json, read_submission
from na64stat.export.tables.table import Cell, Table, Variable, cells, rounded

pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")


def valid(folder):
    """The verdict of HEPData's own command, and what it says; in a process of its own, since it leaves files open."""
    command = Path(sys.executable).with_name("hepdata-validate")
    found = subprocess.run([command, "-d", folder], capture_output=True, text=True, check=False)
    return found.returncode == 0 and "is valid." in found.stdout, found.stdout + found.stderr


@pytest.fixture(scope="module")
def everything(
    tmp_path_factory,
    run_2022,
    muon_limits,
    photon_limits,
    photon_scan,
    muon_exclusion,
    projection,
    samples,
    credible,
    template,
):
    folder = tmp_path_factory.mktemp("submission") / "all"
    background, patches = patchset(na.AxionMuon, run_2022, ["invisible"], [0.01, 0.1], [3e-3, 1e-2])
    likelihoods = [
        Likelihood("background.json", background, "Background-only workspace"),
        Likelihood("patchset.json", patches, "Signals"),
        Likelihood("hs3.json", na.export.hs3(na.build_workspace(template, run_2022, ["visible"])), "HS3 model", "HS3"),
    ]
    results = [
        muon_limits, photon_limits, photon_scan, muon_exclusion, projection, samples, credible, template, run_2022,
        Table("mine", "My own table", (), (Variable("y", cells([1.0, None, math.nan])),)),
    ]  # fmt: skip
    return hepdata(results, folder, likelihoods=likelihoods)


def test_accepted_by_the_validator(everything):
    found, text = valid(everything.folder)
    assert found, text
    (everything.folder / "stray.txt").write_text("x")
    try:
        assert not valid(everything.folder)[0]
    finally:
        (everything.folder / "stray.txt").unlink()


def test_read_back_to_the_same(everything):
    again = read_submission(everything.folder)
    assert again == everything


def test_every_kind_of_result_has_its_tables(everything):
    names = [table.name for table in everything.tables]
    for part in (
        "observed limit", "expected limit", "observed contour", "+2 sigma contour", "CL_s map", "projection", "posterior",
        "credible limit", "signal in the plane", "signal per region", "efficiency", "cross section", "mine",
    ):  # fmt: skip
        assert any(part in name for name in names), part
    assert len(set(names)) == len(names)
    assert all(table.description and (table.keywords or table.name == "mine") for table in everything.tables)


def test_limits_are_those_of_the_record(everything, muon_limits):
    table = everything.table("axion-muon, 2022, invisible, observed limit")
    curve = LimitCurve.of(table)
    assert curve.mass == tuple(rounded(point.mass) for point in muon_limits.points)
    assert curve.coupling == tuple(rounded(point.coupling["observed"]) for point in muon_limits.points)
    assert curve.coupling == pytest.approx([point.coupling["observed"] for point in muon_limits.points], rel=5.1e-5)
    assert curve.unit == "GeV^-1"
    overlay = curve.existing_limit("NA64mu", "this")
    for point in muon_limits.points[1:-1]:
        assert overlay.lowest(point.mass) == pytest.approx(point.coupling["observed"], rel=2e-4)


def test_an_island_has_both_edges_and_missing_points_are_missing(everything, photon_limits):
    table = everything.table("axion-photon, 2022, invisible, observed limit")
    low, high = (table.column(f"Observed, {edge} edge").cells for edge in ("lower", "upper"))
    for row, point in enumerate(photon_limits.points):
        intervals = point.intervals["observed"]
        assert low[row].missing == (not intervals)
        if intervals and intervals[0][1] is not None:
            assert high[row].number == pytest.approx(intervals[0][1], rel=5.1e-5)
    assert any(not point.intervals["observed"] for point in photon_limits.points)


def test_the_map_is_the_scan(everything, photon_scan):
    table = everything.table("axion-photon, 2022, invisible, CL_s map")
    shape = photon_scan.cl_s["observed"].shape
    assert table.column("CL_s, observed").numbers.reshape(shape) == pytest.approx(
        photon_scan.cl_s["observed"], abs=5.1e-5, nan_ok=True
    )
    events = table.column("Expected signal events, invisible").numbers.reshape(shape)
    assert events == pytest.approx(photon_scan.events["invisible"], rel=5.1e-5)
    assert table.independent[0].numbers.reshape(shape)[:, 0] == pytest.approx(photon_scan.mass, rel=5.1e-5)


def test_contours_are_those_of_the_record(everything, muon_exclusion):
    table = everything.table("axion-muon, 2022, invisible, observed contour")
    curve_number = table.column("Curve").numbers
    for number, curve in enumerate(muon_exclusion.contours("observed"), start=1):
        chosen = curve_number == number
        assert table.independent[0].numbers[chosen] == pytest.approx(curve.mass, rel=5.1e-5)
        assert table.independent[1].numbers[chosen] == pytest.approx(curve.coupling, rel=5.1e-5)


def test_the_plane_adds_up(everything, template):
    table = next(t for t in everything.tables if t.name == "axion-photon, 2022, signal in the plane")
    total = sum(np.nansum(column.numbers) for column in table.dependent)
    assert total == pytest.approx(template.plane.counts.sum(), rel=1e-3)
    assert all(cell.high - cell.low == pytest.approx(4) for cell in table.independent[0].cells)


def test_cross_section_scales_and_is_that_of_the_physics(everything, run_2022):
    from na64stat import units
    from na64stat.physics.constants import MUON_MASS
    from na64stat.physics.cross_sections import total_cross_section

    table = everything.table("axion-muon, 2022, cross section")
    mass, sigma = table.independent[0].numbers, table.dependent[0].numbers
    expected = total_cross_section("pseudoscalar", mass, run_2022.beam_energy, run_2022.target.nucleus)
    assert sigma == pytest.approx(expected * (2 * MUON_MASS) ** 2 * units.GEV2_TO_PB, rel=1e-4)


def test_posterior_summary_has_asymmetric_errors(everything, samples):
    table = next(table for table in everything.tables if table.name.endswith("posterior"))
    row = [cell.value for cell in table.independent[0].cells].index("yield")
    found, errors = table.dependent[0].cells[row], samples.summary()["yield"]
    (error,) = found.errors
    assert found.value + error.minus == pytest.approx(errors["q16"], rel=1e-2)
    assert found.value + error.plus == pytest.approx(errors["q84"], rel=1e-2)


def test_written_by_hepdata_lib_the_same(everything, tmp_path):
    """A peer writes the same limits to the same data file."""
    hepdata_lib = pytest.importorskip("hepdata_lib")
    table = everything.table("axion-muon, 2022, invisible, observed limit")
    peer = hepdata_lib.Table(table.name)
    for variable, independent in ((table.independent[0], True), (table.dependent[0], False)):
        column = hepdata_lib.Variable(variable.name, is_independent=independent, is_binned=False, units=variable.unit)
        column.values = list(variable.numbers)
        for qualifier in variable.qualifiers:
            column.add_qualifier(qualifier.name, qualifier.value, qualifier.unit or "")
        peer.add_variable(column)
    peer.write_yaml(str(tmp_path))
    (theirs,) = [path for path in tmp_path.glob("*.yaml") if path.name != "submission.yaml"]
    documents = yaml.safe_load_all((everything.folder / "submission.yaml").read_text())
    ours = next(document["data_file"] for document in documents if document.get("name") == table.name)
    assert yaml.safe_load((everything.folder / ours).read_text()) == yaml.safe_load(theirs.read_text())


def test_the_served_form_of_all_tables(everything, muon_limits):
    found = hepdata_json([muon_limits])
    (name, other) = found
    assert name == "axion-muon, 2022, invisible, observed limit"
    assert other == "axion-muon, 2022, invisible, expected limit"
    assert found[name]["headers"][0] == {"name": "$m_a$ [GEV]", "colspan": 1}
    assert json.loads(json.dumps(found)) == found


def test_every_image_has_a_thumbnail(everything):
    from matplotlib.image import imread

    for table in everything.tables:
        by_kind = {resource.description: resource.location for resource in table.resources}
        if not by_kind:
            continue
        image, thumb = (imread(everything.folder / by_kind[kind]) for kind in ("Image file", "Thumbnail image file"))
        assert thumb.shape[1] < image.shape[1] / 3
    assert any(table.resources for table in everything.tables)


def test_the_same_bytes_twice(muon_limits, tmp_path):
    one, two = (hepdata([muon_limits], tmp_path / name).folder for name in ("one", "two"))
    assert {p.name: p.read_bytes() for p in one.iterdir()} == {p.name: p.read_bytes() for p in two.iterdir()}


def test_nothing_is_overwritten_unasked(muon_limits, tmp_path):
    folder = tmp_path / "s"
    hepdata([muon_limits], folder, inputs=False, figures=False)
    with pytest.raises(InputError, match="--overwrite"):
        hepdata([muon_limits], folder, inputs=False, figures=False)
    hepdata([muon_limits], folder, inputs=False, figures=False, overwrite=True)
    (folder / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match=r"thesis\.tex, which belongs to no submission; it is not replaced"):
        hepdata([muon_limits], folder, overwrite=True)
    assert (folder / "thesis.tex").read_text() == "mine"
    other = tmp_path / "other"
    other.mkdir()
    (other / "x").write_text("mine")
    with pytest.raises(InputError, match="not replaced"):
        hepdata([muon_limits], other, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "s"]


def test_a_failed_write_leaves_the_old_one(muon_limits, tmp_path, monkeypatch):
    folder = hepdata([muon_limits], tmp_path / "s", inputs=False, figures=False).folder
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("na64stat.files.folder.write_bytes", full)
    with pytest.raises(InputError, match="disk is full"):
        hepdata([muon_limits], folder, inputs=False, figures=False, overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


@pytest.mark.parametrize(("result", "message"), [(3, "a int has no tables"), ({}, "a dict has no tables")])
def test_what_has_no_tables_is_refused(result, message, tmp_path):
    with pytest.raises(InputError, match=message):
        hepdata([result], tmp_path / "s")
    with pytest.raises(InputError, match="no results"):
        hepdata([], tmp_path / "s")
    assert not list(tmp_path.iterdir())


def test_names_that_are_alike_or_long_are_told_apart(tmp_path):
    tables = [Table("x" * 80, "", (), (Variable("y", (Cell(1),)),))] * 3
    found = hepdata(tables, tmp_path / "s", inputs=False)
    assert [len(table.name) for table in found.tables] == [64, 64, 64]
    assert len({table.name for table in found.tables}) == 3
    assert valid(found.folder)[0]


def test_a_data_file_outside_the_folder_is_not_opened(tmp_path):
    (tmp_path / "secret.yaml").write_text("independent_variables: []\ndependent_variables: []\n")
    folder = tmp_path / "s"
    folder.mkdir()
    for name in ("../secret.yaml", str(tmp_path / "secret.yaml")):
        (folder / "submission.yaml").write_text(f"---\ncomment: x\n---\nname: a\ndata_file: {name}\n")
        with pytest.raises(InputError, match="outside the folder"):
            read_submission(folder)
    (folder / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (folder / "submission.yaml").write_text("---\nname: a\ndata_file: link.yaml\n")
    with pytest.raises(InputError, match="outside the folder"):
        read_submission(folder)
