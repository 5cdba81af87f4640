"""The verdicts, the summary and the list of files of the reproduction."""

import math
import re

import pytest

import na64stat as na
from na64stat.errors import InputError
from na64stat.export.curves.limit_curve import LimitCurve
from na64stat.export.tables.submission import read_submission
from na64stat.report.reproduce import file_names, reproduce
from na64stat.report.summary import KINDS, MASSES, SCENARIOS
from na64stat.report.verdict import AGREED, judged, verdict


@pytest.fixture
def made(reproduction):
    return reproduction.made


@pytest.fixture
def folder(reproduction):
    return reproduction.folder


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


def test_the_submission_holds_the_limits_and_reads_back(folder):
    found = read_submission(folder / "submission")
    curve = LimitCurve.of(found.table("axion-muon, 2022, invisible, observed limit"))
    expected = na.limits(na.AxionMuon, na.load_run("2022"), curve.mass).points
    assert curve.coupling == pytest.approx([point.coupling["observed"] for point in expected], rel=1e-4)
    likelihoods = [resource for resource in found.resources if resource.type == "HistFactory"]
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
