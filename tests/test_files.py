"""Atomic writing, strict JSON and strict tables."""

import errno
import json
import math
import os
import threading
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from na64stat.errors import ComputationError, InputError, TableError
from na64stat.files import read_table, to_json, write_bytes, write_text

# --- writing


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_text_arrives_whole_and_alone(tmp_path):
    write_text(tmp_path / "a.txt", "muon \N{GREEK SMALL LETTER MU}\n")
    assert (tmp_path / "a.txt").read_bytes() == b"muon \xce\xbc\n"
    assert names(tmp_path) == ["a.txt"]


def test_existing_file_is_refused_and_kept(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(InputError, match=r"a\.txt.*exists; --overwrite"):
        write_text(path, "new")
    assert path.read_text() == "old"
    write_text(path, "new", overwrite=True)
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_permissions_follow_the_umask_and_are_kept_on_overwrite(tmp_path):
    path = tmp_path / "a.txt"
    previous = os.umask(0o027)
    try:
        write_text(path, "one")
    finally:
        os.umask(previous)
    assert path.stat().st_mode & 0o777 == 0o640
    path.chmod(0o604)
    write_text(path, "two", overwrite=True)
    assert path.stat().st_mode & 0o777 == 0o604


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_text(tmp_path / "link", "new", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@pytest.mark.parametrize("hard_links", [True, False])
def test_one_of_many_writers_wins(tmp_path, monkeypatch, hard_links):
    if not hard_links:

        def refuse(*_args, **_kwargs):
            raise OSError(errno.EOPNOTSUPP, "no hard links")

        monkeypatch.setattr(os, "link", refuse)
    # Nobody sees the file before all are past that check, so that only the last step can decide.
    barrier = threading.Barrier(8)
    fsync = os.fsync

    def wait(descriptor):
        fsync(descriptor)
        barrier.wait(timeout=20)

    monkeypatch.setattr(os, "fsync", wait)
    wins, losses = [], []

    def write(index):
        try:
            write_text(tmp_path / "a.txt", f"{index}" * 1000)
            wins.append(index)
        except InputError:
            losses.append(index)

    threads = [threading.Thread(target=write, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wins) == 1
    assert len(losses) == 7
    assert (tmp_path / "a.txt").read_text() == f"{wins[0]}" * 1000
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(
    ("number", "advice"), [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "quota"), (errno.EIO, "Input/output error")]
)
def test_failing_disk_leaves_the_old_file(tmp_path, monkeypatch, number, advice):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(_descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match=advice):
        write_bytes(path, b"new", overwrite=True)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_no_permission(tmp_path, monkeypatch):
    def fail(*_args, **_kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(InputError, match="no permission"):
        write_text(tmp_path / "a.txt", "")


def test_places_that_are_no_file(tmp_path):
    with pytest.raises(InputError, match=r"there is no folder .*nowhere"):
        write_text(tmp_path / "nowhere" / "a.txt", "")
    with pytest.raises(InputError, match="is a folder"):
        write_text(tmp_path, "", overwrite=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="there is no folder"):
        write_text(tmp_path / "file" / "a.txt", "")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="not a regular file"):
        write_text(tmp_path / "pipe", "", overwrite=True)
    with pytest.raises(InputError, match="name is too long"):
        write_text(tmp_path / ("a" * 300), "")


# --- JSON

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN)
@settings(max_examples=200, deadline=None)
def test_json_round_trip(record):
    text = to_json(record)
    assert text.endswith("\n")
    read = json.loads(text)
    assert read == record
    # Equality does not tell 1 from 1.0, nor -0.0 from 0.0.
    assert repr(read) == repr(record)


@dataclass(frozen=True)
class Point:
    mass: float
    status: tuple[str, ...]


def test_numpy_and_dataclasses():
    record = {
        "mass": np.array([0.1, 0.2]),
        "grid": np.arange(4).reshape(2, 2),
        "n": np.int64(3),
        "g": np.float64(0.1),
        "flag": np.array([True]),
        "single": np.float32(0.5),
        "point": Point(1.0, ("a", "b")),
        "empty": [[], {}],
    }
    assert json.loads(to_json(record)) == {
        "mass": [0.1, 0.2],
        "grid": [[0, 1], [2, 3]],
        "n": 3,
        "g": 0.1,
        "flag": [True],
        "single": 0.5,
        "point": {"mass": 1.0, "status": ["a", "b"]},
        "empty": [[], {}],
    }


def test_keys_keep_their_order_and_numbers_share_a_line():
    assert to_json({"z": [1, 2], "a": {"b": None}}) == '{\n  "z": [1, 2],\n  "a": {\n    "b": null\n  }\n}\n'


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_not_finite_is_refused_where_it_stands(bad):
    with pytest.raises(ComputationError, match=r"record\.points\[1\]\.g"):
        to_json({"points": [{"g": 1.0}, {"g": bad}]})
    with pytest.raises(ComputationError, match=r"record\[1\]\[0\]"):
        to_json(np.array([[1.0, 2.0], [bad, 1.0]]))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"a": {1, 2}}, r"record\.a is of type set"),
        ({"a": 1j}, r"record\.a is of type complex"),
        ({1: 2}, "key 1 of type int"),
        ({"a": np.ma.masked_invalid([1.0, math.nan])}, r"record\.a is a masked array"),
    ],
)
def test_what_json_cannot_hold(bad, message):
    with pytest.raises(InputError, match=message):
        to_json(bad)


def test_record_that_holds_itself():
    record = []
    record.append(record)
    with pytest.raises(InputError, match="holds itself"):
        to_json(record)


# --- tables

COLUMNS = {"name": str, "mass_gev": float, "layers": int}


def write(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_table(tmp_path):
    text = '\ufeff# a comment\r\nmass_gev,name,layers\r\n\r\n0.1,"lead, thin",3\r\n# more\r\n1e-3 , x, -4\r\n'
    assert read_table(write(tmp_path, text), COLUMNS) == {
        "name": ["lead, thin", "x"],
        "mass_gev": [0.1, 1e-3],
        "layers": [3, -4],
    }


@given(st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.integers()), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_every_digit_survives(tmp_path_factory, rows):
    text = "mass_gev,layers\n" + "".join(f"{mass!r},{layers}\n" for mass, layers in rows)
    table = read_table(write(tmp_path_factory.mktemp("t"), text), {"mass_gev": float, "layers": int})
    assert list(zip(table["mass_gev"], table["layers"], strict=True)) == rows


HEADER = "name,mass_gev,layers\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "file is empty"),
        ("# only a comment\n", "file is empty"),
        (HEADER, "no row"),
        (
            "name,mas_gev,layers\n",
            r"line 1: unknown column 'mas_gev' \(did you mean 'mass_gev'\?\); the columns",
        ),
        ("name,mass_gev,layers,layers\n", "line 1: column 'layers' occurs twice"),
        ("# c\nname,mass_gev\n", "line 2: column 'layers' is missing"),
        (HEADER + "a,0.1,3\nb,0.2\n", "line 3: 2 values; the header has 3 columns"),
        (HEADER + "\n# c\na,zero,3\n", "line 4, column mass_gev: 'zero'; expected a number"),
        (HEADER + "a,,3\n", "line 2, column mass_gev: ''; expected a number"),
        (HEADER + "a,1_0,3\n", "line 2, column mass_gev: '1_0'; expected a number"),
        (HEADER + "a,nan,3\n", "line 2, column mass_gev: 'nan'; expected a finite number"),
        (HEADER + "a,1e999,3\n", "line 2, column mass_gev: '1e999'; expected a finite number"),
        (HEADER + "a,0.1,3.0\n", "line 2, column layers: '3.0'; expected a whole number"),
        (HEADER + ",0.1,3\n", "line 2, column name: the value is empty"),
        (HEADER + '"a,0.1,3\n', "line 2: not a line of comma-separated values"),
        (b"\xff\xfe", "byte 0 is not UTF-8"),
    ],
)
def test_broken_tables(tmp_path, text, message):
    with pytest.raises(TableError, match=r"table\.csv.*" + message):
        read_table(write(tmp_path, text), COLUMNS)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(TableError, match=r"none\.csv: there is no such file"):
        read_table(str(tmp_path / "none.csv"), COLUMNS)
    with pytest.raises(TableError, match="cannot be read"):
        read_table(tmp_path, COLUMNS)


def test_unknown_type_of_column(tmp_path):
    with pytest.raises(InputError, match="float, int or str, not bool"):
        read_table(write(tmp_path, "a\n1\n"), {"a": bool})
