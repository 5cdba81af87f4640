"""Entries that a reader could take for another's, lose, or fail on: gaps in served rows, hidden errors, numbers as text."""

import json

import pytest
import yaml

from na64stat.errors import InputError
from na64stat.export.curves.limit_curve import LimitCurve
from na64stat.export.tables.reader import read_table
from na64stat.export.tables.served_json import json_of, table_from_json
from na64stat.export.tables.table import Uncertainty
from na64stat.export.tables.yaml import data_of, dump


def served(*rows, heads=("g",)):
    """The served form of a table of one mass and rows of y."""
    return {
        "headers": [{"name": "m [GEV]"}, *({"name": head} for head in heads)],
        "x_count": 1,
        "values": [{"x": [{"value": 1}], "y": list(row)} for row in rows],
    }


def y(value, group=None, **more):
    return {"value": value} | ({} if group is None else {"group": group}) | more


def values(record):
    return [[cell.value for cell in column.cells] for column in table_from_json(record, "x.json").dependent]


def test_a_group_that_is_left_out_is_a_missing_point():
    assert values(served([y(9e-4, 1)], heads=("a", "b"))) == [["-"], [9e-4]]
    three = served([y(5e-4, 0), y(7e-4, 2)], [y(1, 2), y(2, 0), y(3, 1)], heads=("a", "b", "c"))
    assert values(three) == [[5e-4, 2], ["-", 3], [7e-4, 1]]
    found = LimitCurve.of(table_from_json(served([y(9e-4, 1)], heads=("a", "b")), "x.json"), "a")
    assert found.coupling == (None,)


def test_without_groups_the_place_counts():
    assert values(served([y(1), y(2)], heads=("a", "b"))) == [[1], [2]]


@pytest.mark.parametrize(
    ("rows", "heads", "message"),
    [
        ([[y(1, 0), y(2, 0)]], ("a", "b"), "row 1: two entries of group 0, 'a'"),
        ([[y(1, 0)], [y(1, 0), y(2, 1)]], ("a",), "row 2: group 1; expected one of the 1 dependent columns"),
        ([[y(1), y(2)]], ("a",), "row 1, y without groups: 2 entries for 1 heads"),
        ([[y(1)]], ("a", "b"), "row 1, y without groups: 1 entries for 2 heads"),
        ([[y(1, 0), y(2)]], ("a", "b"), "row 1: group None"),
        ([[y(1, "0")]], ("a",), "row 1: group '0'"),
        ([[y(1, [0])]], ("a",), r"row 1: group \[0\]"),
        ([[y(1, -1)]], ("a",), "row 1: group -1"),
    ],
)
def test_rows_that_do_not_fit_the_heads(rows, heads, message):
    with pytest.raises(InputError, match=rf"^x\.json: .*{message}"):
        values(served(*rows, heads=heads))


def test_masses_that_do_not_fit_the_heads():
    record = served([y(1, 0)])
    record["values"][0]["x"].append({"value": 2})
    with pytest.raises(InputError, match="row 1, x: 2 entries for 1 heads"):
        values(record)
    with pytest.raises(InputError, match="x_count 3 with 2 heads"):
        values(served() | {"x_count": 3})


HIDDEN = [{"symerror": 0, "hide": True}, {"asymerror": {"minus": -1, "plus": 2}, "label": "sys", "hide": True}]


def test_hidden_errors_are_kept_and_not_drawn():
    record = served([y(3.0, 0, errors=[*HIDDEN, {"symerror": 0.5}])])
    table = table_from_json(record, "x.json")
    assert [error.hide for error in table.dependent[0].cells[0].errors] == [True, True, False]
    assert json.loads(json.dumps(json_of(table)))["values"][0]["y"] == record["values"][0]["y"]
    curve = LimitCurve.of(table)
    assert (curve.low, curve.high) == ((2.5,), (3.5,))
    assert LimitCurve.of(table_from_json(served([y(3.0, 0, errors=HIDDEN)]), "x.json")).high == ()


def columns(mass="{value: 1}", limit="{value: 2}", units="GEV"):
    return (
        f"independent_variables:\n- header: {{name: m, units: {units}}}\n  values: [{mass}]\n"
        f"dependent_variables:\n- header: {{name: g}}\n  values: [{limit}]\n"
    )


@pytest.fixture
def read(tmp_path):
    def table(text):
        path = tmp_path / "x.yaml"
        path.write_text(text)
        return read_table(path)

    return table


def test_hidden_errors_in_yaml(read):
    table = read(columns(limit="{value: 2, errors: [{symerror: 1e-3, label: a, hide: true}]}"))
    assert table.dependent[0].cells[0].errors == (Uncertainty.of("1e-3", "a", hide=True),)
    assert read(dump(data_of(table))) == table


def test_edges_that_yaml_takes_for_text(read):
    text = columns("{low: 1e-3, high: '0.003'}")
    assert isinstance(yaml.safe_load(text)["independent_variables"][0]["values"][0]["low"], str)
    table = read(text)
    assert (table.independent[0].cells[0].low, table.independent[0].cells[0].high) == (0.001, 0.003)
    assert LimitCurve.of(table).mass == (pytest.approx(0.002),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (columns("{low: some, high: 1}"), "edge of a bin 'some'; expected a number"),
        (columns("{low: '-', high: 1}"), "edge of a bin '-'"),
        (columns(limit="{value: 2, errors: [{symerror: [1]}]}"), r"symerror \[1\]; expected a number or a text"),
        (columns(limit="{value: 2, errors: [{asymerror: {minus: {}, plus: 1}}]}"), "minus of asymerror {}"),
        (columns(limit="{value: 2, errors: [{symerror: 1, hide: 'no'}]}"), "hide 'no' of an error"),
        (columns(limit=f"{{value: 2, errors: [{{symerror: 1{'0' * 400}}}]}}"), "larger than any that is read"),
        (
            columns(limit="{value: 2, errors: [{symerror: 1, label: [a]}]}"),
            r"label \['a'\]; expected a number or a text",
        ),
        (columns() + "  qualifiers: [{name: CL, value: [90]}]\n", r"qualifier \[90\]; expected a number or a text"),
        ("keywords: [{name: phrases, values: abc}]\n" + columns(), "keyword values 'abc'; expected a list"),
        (columns(units="[GEV]"), r"units \['GEV'\]; expected a number or a text"),
    ],
)
def test_entries_that_are_refused(read, text, message):
    with pytest.raises(InputError, match=rf"x\.yaml: .*{message}"):
        read(text)


def test_errors_that_are_empty_or_text_are_read_and_make_no_curve(read):
    for size in ("null", "large"):
        table = read(columns(limit=f"{{value: 2, errors: [{{symerror: {size}}}]}}"))
        with pytest.raises(InputError, match=r"'x', 'g', row 1, error: .* is no size"):
            LimitCurve.of(table)


def test_a_number_as_unit(read):
    table = read(columns(units="1"))
    assert table.independent[0].unit == "1"
    with pytest.raises(InputError, match="a unit of energy"):
        LimitCurve.of(table)
