"""The committed page of assumptions is current, and holds every assumed number of the packaged runs."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import na64stat as na
from na64stat.records.sensitivity import HeadlineLimit, Sensitivity, Shift
from na64stat.report.assumptions import FIGURE, FIGURE_PATH, as_markdown, blocks, compute_assumptions, page

DOCS = Path(__file__).resolve().parents[2] / "docs"
COMMITTED = (DOCS / "assumptions.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_the_committed_page_is_current():
    found = compute_assumptions()
    assert page(found) == COMMITTED, "docs/assumptions.md is stale: python scripts/rebuild_assumptions.py"
    assert {line.name for line in found.run.headlines} >= set(FIGURE)
    # What moves none of the limits is told, and there is no more of it than can be understood: CL_s of zero counts knows no
    # background, and with p_out < 80 GeV the window of the energy sum leaves no room at small E_CAL.
    still = {number.key: number.reason for number in found.run.numbers if number.reason}
    assert still == dict.fromkeys(
        ("regions.invisible.backgrounds.realistic", "regions.visible_trigger.e_cal_min"), "moves none of these limits"
    )


@pytest.mark.parametrize("name", na.packaged_runs())
def test_every_assumed_number_stands_there_as_it_is(name):
    """Those of the projections beyond 2023 are those of 2023 but for their muons, which are no assumption."""
    rows = dict(re.findall(r"^\| `([\w.]+)` \| (\S+)", COMMITTED, re.MULTILINE))
    for key, number in na.load_run(name).numbers.items():
        if number.status == "assumed":
            assert float(rows[key]) == pytest.approx(number.value, rel=1e-5), key


def test_the_figure_is_there():
    assert f"]({FIGURE_PATH})" in COMMITTED
    assert (DOCS / FIGURE_PATH).read_bytes().startswith(b"\x89PNG")


def test_the_tables_hold_the_limits_of_the_program():
    """The bold line of a table, against `limits`."""
    table = COMMITTED[COMMITTED.index("## axion-muon, invisible") :]
    line = re.search(r"\*\*limit \[GeV\^-1\]\*\* \|(.*)\|", table).group(1)
    found = na.limits(na.AxionMuon, na.load_run("2022"), [0.01, 0.1, 0.2])
    assert [cell.strip() for cell in line.split("|")] == [
        f"**{point.coupling['observed']:.3g}**" for point in found.points
    ]


def shift(what, end, headline, before, after, **more):
    told = {"origin": "assumed", "start": "1 m", "side": 0, "why": "w", "keys": (), "efficiency": "unchanged"}
    return Shift(what=what, end=end, headline=headline, before=before, after=after, **{**told, **more})


@pytest.fixture
def record():
    lines = (
        HeadlineLimit("a", 0.1, ("r",), "lower", "1", 2e-3, "excluded"),
        HeadlineLimit("a", 0.2, ("r",), "lower", "1", None, "allowed"),
    )
    one, two = (line.name for line in lines)
    shifts = (
        shift("small", "2 m", one, 2e-3, 2.0002e-3),
        shift("moves", "2 m", one, 2e-3, 3e-3, efficiency="re-inferred"),
        shift("moves", "< 3 m", one, 2e-3, 9e-3, efficiency="re-inferred"),
        shift("ends", "2 m", one, 2e-3, None, status="nothing is excluded any more"),
        *(shift(what, "2 m", two, None, None, status="nothing is excluded") for what in ("small", "moves", "ends")),
        shift("moves", "< 3 m", two, None, None, status="nothing is excluded"),
    )
    return Sensitivity("run", "none", 0.9, "exact", "re-inferred", lines, shifts, (), ("a note",), {})


def test_a_table_joins_the_ends_and_leaves_out_what_moves_nothing(record):
    (block,) = blocks(record)
    assert [(row.what, row.end, row.cells, row.reinferred) for row in block.rows] == [
        ("ends", "2 m", ("nothing is excluded any more",), False),
        ("moves", "2 m / < 3 m", ("+50.0 / +350",), True),
    ]
    assert block.below == ("small",)
    assert [line.mass for line in block.nothing] == [0.2]
    text = as_markdown(record)
    assert "| moves † | assumed | 1 m | 2 m / &lt; 3 m | +50.0 / +350 |" in text
    assert "Nothing is excluded at 0.2 GeV (allowed), whatever is moved." in text
    assert "Less than 0.05%: small." in text
    assert "- a note" in text


def test_a_limit_that_comes_into_being_has_a_column(record):
    name = record.headlines[1].name
    grown = replace(record, shifts=(*record.shifts, shift("new", "2 m", name, None, 1e-3, status="excluded now")))
    (block,) = blocks(grown)
    assert [line.mass for line in block.columns] == [0.1, 0.2]
    assert [row.cells for row in block.rows if row.what == "new"] == [("", "excluded now")]
    assert block.nothing == ()
