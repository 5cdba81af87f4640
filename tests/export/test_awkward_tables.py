"""Five published-style tables are read without loss, written again to the same content, and turned into curves."""

import json
import math
from pathlib import Path

import pytest
import yaml

from na64stat.errors import InputError
from na64stat.export.curves.limit_curve import LimitCurve
from na64stat.export.tables.reader import read_table
from na64stat.export.tables.served_json import json_of, table_from_json
from na64stat.export.tables.table import Cell, Qualifier, Uncertainty
from na64stat.export.tables.yaml import data_of, dump, table_from
from na64stat.limits_library.citations import references

FOLDER = Path(__file__).parent / "tables"
YAML = sorted(path.name for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", YAML)
def test_yaml_is_kept_to_the_last_entry(name):
    original = yaml.safe_load((FOLDER / name).read_text())
    table = read_table(FOLDER / name)
    assert data_of(table) == original
    again = yaml.safe_load(dump(data_of(table)))
    assert again == original
    assert table_from({"name": table.name}, again, "again") == table


@pytest.mark.parametrize("name", YAML)
def test_the_form_that_is_served_keeps_all_but_the_split_of_value_and_unit_of_qualifiers(name):
    table = read_table(FOLDER / name)
    again = table_from_json(json.loads(json.dumps(json_of(table))), "again")
    for before, after in zip(
        (*table.independent, *table.dependent), (*again.independent, *again.dependent), strict=True
    ):
        assert (after.name, after.unit, after.cells) == (before.name, before.unit, before.cells)
        texts = [str(q.value) + (f" {q.unit}" if q.unit else "") for q in before.qualifiers]
        assert sorted((q.name, q.value) for q in after.qualifiers) == sorted(
            zip([q.name for q in before.qualifiers], texts, strict=True)
        )


def test_served_json_is_kept():
    original = json.loads((FOLDER / "two_independents.json").read_text())
    table = read_table(FOLDER / "two_independents.json")
    again = json_of(table)
    for key in ("name", "description", "location", "keywords", "x_count", "headers", "qualifiers"):
        assert again[key] == original[key], key
    for before, after in zip(original["values"], again["values"], strict=True):
        assert after["x"] == before["x"]
        assert after["y"] == before["y"]


def test_asymmetric_errors():
    table = read_table(FOLDER / "asymmetric_errors.yaml")
    first, second, third = table.dependent[0].cells
    assert first.errors == (Uncertainty(-0.001, 0.002, "1 s.d."), Uncertainty(-0.0015, 0.0045, "2 s.d."))
    assert second.errors == (Uncertainty.of("10%", "sys"), Uncertainty("", 0.0012))
    assert third.errors == ()
    curve = LimitCurve.of(table)
    assert curve.low[2] is None
    assert curve.low[0] == pytest.approx(0.004 - math.hypot(0.001, 0.0015))
    assert curve.high[1] == pytest.approx(0.005 + math.hypot(0.0005, 0.0012))
    assert curve.low[1] == pytest.approx(0.005 - 0.0005)
    assert (curve.unit, curve.mass) == ("GeV^-1", (0.01, 0.02, 0.05))


def test_missing_points_and_numbers_that_yaml_takes_for_text():
    table = read_table(FOLDER / "missing_points.yaml")
    observed = LimitCurve.of(table, "Observed")
    assert observed.mass == pytest.approx((0.010, 0.020, 0.050, 0.100), rel=1e-15)
    assert observed.coupling == (1e-4, None, 2.5e-4, None)
    assert LimitCurve.of(table, "Expected").coupling == (None, 0.00021, 0.0003, 4.0)
    overlay = observed.existing_limit("X", "ref")
    assert overlay.coupling == (1e-4, 2.5e-4)
    assert overlay.excludes(0.03, 1e-3)


def test_the_papers_of_a_curve_are_cited_by_their_keys():
    """As those of a table of one's own: the key is that of the entry whose arXiv number the reference names."""
    curve = LimitCurve("g", (0.01, 0.1), (1e-3, 1e-2))
    (known,) = (key for key, entry in references().items() if "2401.01708" in entry.names)
    for reference, keys in (("arXiv:2401.01708", (known,)), ("doi of the record", ())):
        assert curve.existing_limit("X", reference).bibtex_keys == keys


def test_text_qualifiers():
    table = read_table(FOLDER / "text_qualifiers.yaml")
    assert table.dependent[0].qualifiers[0] == Qualifier("CL", 90, "%")
    assert [q.value for q in table.dependent[0].qualifiers[1:3]] == ['L_mu - L_tau: "vanilla"', 2]
    with pytest.raises(InputError, match=r"row 2: 'excluded by BaBar' is no limit"):
        LimitCurve.of(table)


def test_two_independents():
    table = read_table(FOLDER / "two_independents.json")
    with pytest.raises(InputError, match=r"also depends on 'tau'; name one of its values: 1, 10"):
        LimitCurve.of(table)
    curve = LimitCurve.of(table, at={"tau": 10})
    assert (curve.mass, curve.coupling, curve.unit) == ((0.1, 0.2), (0.003, 0.007), "GeV^-1")
    assert curve.qualifiers == (Qualifier("RE", "MU PB --> MU PB X"),)
    assert LimitCurve.of(table, "Events", {"tau": 10}).coupling == (None, 3.5)
    with pytest.raises(InputError, match=r"no row with 'tau' = 3"):
        LimitCurve.of(table, at={"tau": 3})
    with pytest.raises(InputError, match=r"no further independent variable 'ctau'; there are 'tau'"):
        LimitCurve.of(table, at={"ctau": 3})
    assert [variable.name for variable in table.dependent] == ["Limit", "Limit", "Events"]


def test_upper_limits_in_bins():
    table = read_table(FOLDER / "upper_limits.yaml")
    curve = LimitCurve.of(table)
    assert curve.mass == pytest.approx((0.05, 0.2, 0.35))
    assert curve.coupling == pytest.approx((3.1e-7, 2e-3, 5e-3), rel=1e-14)  # TeV^-1 in GeV^-1
    assert curve.unit == "GeV^-1"
    assert table.independent[0].cells[2] == Cell(0.35, 0.3, 0.5)


def _columns(mass, limits):
    head = "{}_variables:\n- header: {{name: {}}}\n  values: {}\n"
    return head.format("independent", "m", mass) + head.format("dependent", "g", limits)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "not YAML"),
        ("- 1\n- 2\n", "a single YAML document"),
        ("dependent_variables: []\n", "'independent_variables' is missing"),
        ("independent_variables: 3\ndependent_variables: []\n", "or the other way round"),
        (
            _columns("[{value: 1}]", "[{value: 1}, {value: 2}]"),
            r"columns of different lengths, 'm': 1, 'g': 2; expected one length",
        ),
        (
            _columns("[]", "[]") + "- header: {name: g}\n  values: [{value: 1}]\n- header: {name: m}\n  values: []\n",
            r"columns of different lengths, 'm': 0, 'g': 0, 'g': 1, 'm': 0; expected one length",
        ),
        (
            _columns("[]", "false"),
            "values False; expected a list",
        ),
        (
            "independent_variables:\n- header: {name: m}\n  values: [{value: 2024-01-01}]\ndependent_variables: []\n",
            "a number or a text",
        ),
        (
            "independent_variables:\n- header: {name: m}\n  values: [{low: 1}]\ndependent_variables: []\n",
            "low and high",
        ),
        ("!!python/object/apply:os.system ['true']\n", "not YAML"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_table(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"values": 3}', '{"headers": [], "values": [{"x": 1}]}'])
def test_what_is_no_served_json_is_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"x\.json"):
        read_table(path)


def test_large_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("na64stat.files.reading.LARGEST", {"YAML": 10})
    path = tmp_path / "x.yaml"
    path.write_text("independent_variables: []\n")
    with pytest.raises(InputError, match=r"x\.yaml: more than 10 bytes, the most that are read of a YAML file"):
        read_table(path)
