"""Files of other systems and programs are read where their meaning is plain, and refused in our own words elsewhere."""

from pathlib import Path

import numpy as np
import pytest

from na64stat.errors import InputError, RunFileError, TableError
from na64stat.experiment.efficiency import Efficiency
from na64stat.experiment.load import load_run
from na64stat.experiment.response import Response
from na64stat.export.tables.reader import read_table as read_hepdata
from na64stat.files import parse_json, read_table
from na64stat.limits_library.library import read_limits
from na64stat.yields.calibration import MOST_POINTS, infer_efficiency

REPORTED = Path(__file__).parent / "reported"
PLAIN = b"a,b\n1,2.5\n3,4.5\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace(b"\n", b"\r"),
        PLAIN.replace(b"\n", b"\r\n"),
        PLAIN.replace(b",", b";"),
        b"\xef\xbb\xbf" + PLAIN,
        b"\xef\xbb\xbf" + PLAIN.replace(b",", b"; ").replace(b"\n", b"\r"),
    ],
)
def test_tables_of_other_systems(tmp_path, content):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert read_table(path, {"a": int, "b": float}) == {"a": [1, 3], "b": [2.5, 4.5]}


def test_comma_decimals_below_semicolons_are_refused_with_line_and_column(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a;b\n1;2,5\n")
    with pytest.raises(TableError, match="line 2, column b: '2,5'; expected a number"):
        read_table(path, {"a": int, "b": float})


@pytest.mark.parametrize("name", ["csv_cr_only.csv", "csv_semicolon.csv"])
def test_reported_limits(name, tmp_path):
    again = tmp_path / "plain.csv"
    again.write_bytes((REPORTED / name).read_bytes().replace(b"\r", b"\n").replace(b";", b","))
    assert read_limits(REPORTED / name) == read_limits(again)


def test_a_run_with_a_mark_of_its_encoding():
    assert load_run(REPORTED / "run_bom.toml").mot == 2e11


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"description = \n", "broken TOML: line 1: 'description ='"),
        (b"[beam\n", "broken TOML: line 1: '\\[beam'"),
        (b"a = 1\na = 2\n", "broken TOML"),
        (b'a = """x', "the file ends within a value"),
    ],
)
def test_broken_toml_in_our_words(tmp_path, text, message):
    path = tmp_path / "r.toml"
    path.write_bytes(text)
    with pytest.raises(RunFileError, match=message) as caught:
        load_run(path)
    assert "Invalid" not in str(caught.value)


def test_broken_json_in_our_words():
    with pytest.raises(InputError, match=r"w: not a JSON file: line 2, column 1: 'x'") as caught:
        parse_json("[1,\nx", "w")
    assert "Expecting" not in str(caught.value)


HEPDATA = """independent_variables:
- header: {{name: m, units: GEV}}
  values: [{{value: 1}}]
dependent_variables:
- header: {{name: g}}
  values:
  - {}
"""


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{value: 1,5}", "'g', row 1: .* 5 is no key of a value"),
        ("{value: 1_000}", "line 7: '1_000'; expected a number without underscores and colons"),
        ("{value: 1:30}", "line 7: '1:30'"),
        ("{value: 1:30.5}", "line 7: '1:30.5'"),
        ("{value: 1.0, errors: [{asymerror: {plus: 2.0}}]}", "'g', row 1: an asymerror {'plus': 2.0} without minus"),
        ("{low: 1.0}", "'g', row 1"),
        ("{value: 1", "not YAML: line 8"),
    ],
)
def test_values_of_hepdata(tmp_path, value, message):
    path = tmp_path / "t.yaml"
    path.write_text(HEPDATA.format(value))
    with pytest.raises(InputError, match=message):
        read_hepdata(path)


def test_many_colons_are_refused_at_once(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(HEPDATA.format("{value: 1" + ":1" * 200_000 + "}"))
    with pytest.raises(InputError, match="without underscores and colons"):
        read_hepdata(path)


@pytest.mark.parametrize("name", list(Response.__dataclass_fields__))
def test_absurd_responses_are_named(name):
    good = dict(zip(Response.__dataclass_fields__, (160.0, 3.0, 2.0, 0.5, 0.02, 0.1, 0.02), strict=True))
    with pytest.raises(InputError, match=f"response: {name} = 1e\\+200; expected at most 1e\\+100"):
        Response(**{**good, name: 1e200})


def _inferred(masses, couplings):
    run = load_run("2022", efficiency=Efficiency.constant(1.0))
    return infer_efficiency(masses, couplings, run)


def test_absurd_limits_are_refused_with_the_point():
    with pytest.raises(InputError, match=r"point 2: coupling 1e\+200"):
        _inferred([0.01, 0.02, 0.03, 0.04, 0.05], [1e-3, 1e200, 1e-3, 1e-3, 1e-3])
    with pytest.raises(InputError, match=r"point 5: .* makes 0 events"):
        _inferred([0.01, 0.02, 0.03, 0.04, 1000], [1e-3] * 5)


def test_steep_limits_give_an_efficiency_or_a_reason():
    """Before, one in twenty ended in an error of the root search or an overflow."""
    rng = np.random.default_rng(3)
    given, refused = 0, []
    for _ in range(60):
        size = int(rng.integers(5, 9))
        masses = np.sort(10 ** rng.uniform(-3, 0, size))
        if rng.integers(2):
            masses = masses[0] * (1 + 10.0 ** rng.uniform(-15, -9) * np.arange(size))
        try:
            found = _inferred(masses, 10 ** (rng.uniform(-3, 28) + rng.uniform(-1, 3, size)))
        except InputError as error:
            refused.append(str(error))
        else:
            given += 1
            assert all(0 < value <= 1 for value in found.values)
    assert given
    assert all(text.startswith("efficiency: ") and "f(a)" not in text for text in refused)


def test_a_limit_of_too_many_points():
    with pytest.raises(InputError, match=f"at most {MOST_POINTS} are read"):
        _inferred(np.linspace(0.01, 1, 60_000), np.full(60_000, 1e-2))
