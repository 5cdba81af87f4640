"""Journals: whatever is done to the file, finished work comes back or the file is refused as it is."""

import errno
import json
import os
import subprocess
import sys
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from na64stat.errors import InputError
from na64stat.tasks.journal import Journal, difference, is_journal, remove_journal

QUESTION = {"study": "scan", "cl": 0.9, "mass_gev": [0.001, 0.1]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scan.journal"


def filled(path, answers=(("a", [1.0, 0.1]), ("b", {"cl_s": [float("nan"), 1e-300]}))):
    journal = Journal(path, QUESTION)
    for task, answer in answers:
        journal.add(task, answer)
    journal.close()
    return path.read_bytes()


def test_answers_come_back_to_the_last_bit(path):
    values = [0.1 + 0.2, 1e-308, 5e-324, 1.7976931348623157e308, -0.0, float("inf")]
    filled(path, [("x", values)])
    again = Journal(path, QUESTION)
    assert again.found == 1
    assert [value.hex() for value in again.answers["x"]] == [value.hex() for value in values]
    again.close()


def test_opening_again_changes_no_byte(path):
    before = filled(path)
    Journal(path, QUESTION).close()
    assert path.read_bytes() == before


def test_a_kill_at_any_byte_loses_the_last_line_at_most(path):
    whole = filled(path)
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(ends[0], len(whole) + 1):
        path.write_bytes(whole[:cut])
        journal = Journal(path, QUESTION)
        finished = sum(end <= cut for end in ends)
        assert journal.found == max(finished - 1, 0), cut
        journal.close()
        # What is left is whole lines: the next answer does not land behind half a line.
        assert path.read_bytes() == whole[: max(end for end in ends if end <= cut)]


def test_it_is_made_with_its_first_line_or_not_at_all(path):
    """Where there is no room for the first line nothing is left, so that an empty file is never ours."""
    code = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50))
from na64stat.errors import InputError
from na64stat.tasks.journal import Journal
try:
    Journal({str(path)!r}, {QUESTION!r})
except InputError as error:
    print(error)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "File too large" in found.stdout
    assert list(path.parent.iterdir()) == []


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_changed_byte_is_noticed(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("journal") / "j"
    whole = filled(path)
    at = data.draw(st.integers(0, len(whole) - 2))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[at]))
    damaged = whole[:at] + bytes([byte]) + whole[at + 1 :]
    path.write_bytes(damaged)
    with pytest.raises(InputError, match=r"journal .*j"):
        Journal(path, QUESTION)
    assert path.read_bytes() == damaged


def test_another_question_is_named(path):
    before = filled(path)
    with pytest.raises(InputError, match=r"belongs to another question: cl is 0\.9 there, 0\.95 here"):
        Journal(path, QUESTION | {"cl": 0.95})
    with pytest.raises(InputError, match="belongs to another question: extra is null there, 1 here"):
        Journal(path, QUESTION | {"extra": 1})
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"{}\n", b"\x00\xff\n" * 3, b"hello", b"\n", b"", b"5"])
def test_a_file_of_the_user_is_left_alone(path, content):
    path.write_bytes(content)
    for touch in (lambda: Journal(path, QUESTION), lambda: is_journal(path), lambda: remove_journal(path)):
        with pytest.raises(InputError, match="not a journal"):
            touch()
    assert path.read_bytes() == content


def test_half_a_first_line_is_no_journal(path):
    whole = filled(path)
    for cut in (0, 9, whole.index(b"\n")):
        path.write_bytes(whole[:cut])
        with pytest.raises(InputError, match="not a journal of na64stat"):
            Journal(path, QUESTION)
        assert path.read_bytes() == whole[:cut]


def test_what_is_no_regular_file_is_left_alone(path):
    os.mkfifo(path)
    device = path.with_name("device")
    device.symlink_to(os.devnull)
    for name in (path, device):
        for touch in (lambda name=name: Journal(name, QUESTION), lambda name=name: remove_journal(name)):
            with pytest.raises(
                InputError, match=r"journal .*: this is no regular file; expected the name of a new file"
            ):
                touch()
    assert path.is_fifo()
    assert device.is_symlink()


def test_a_newer_schema_is_refused_politely(path):
    text = json.dumps({"kind": "na64stat journal", "schema": 99, "question": {}}).encode()
    path.write_bytes(b"%08x %s\n" % (zlib.crc32(text), text))
    with pytest.raises(InputError, match="schema 99, this version writes 1"):
        Journal(path, QUESTION)


def test_a_line_that_is_no_answer_is_refused(path):
    whole = filled(path)
    text = b"[1,2]"
    path.write_bytes(whole + b"%08x %s\n" % (zlib.crc32(text), text))
    with pytest.raises(InputError, match="line 4: damaged"):
        Journal(path, QUESTION)


def test_two_processes_do_not_share_one(path):
    first = Journal(path, QUESTION)
    with pytest.raises(InputError, match="another process is at work on it"):
        Journal(path, QUESTION)
    first.close()
    Journal(path, QUESTION).close()


def test_a_full_disk_keeps_what_was_finished(path, monkeypatch):
    journal = Journal(path, QUESTION)
    journal.add("a", 1.0)
    before = path.read_bytes()
    write = os.write

    def full(descriptor, data):
        if len(data) > 20:  # some of it still finds room
            return write(descriptor, data[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(InputError, match="the disk is full; free some space"):
        journal.add("b", list(range(50)))
    monkeypatch.undo()
    assert path.read_bytes() == before
    journal.add("b", 2.0)
    journal.close()
    again = Journal(path, QUESTION)
    assert again.answers == {"a": 1.0, "b": 2.0}
    again.close()


def test_a_real_limit_on_the_file_size(path):
    """The kernel refuses to let the file grow; the process gets an error, not a traceback into a lost journal."""
    code = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
from na64stat.errors import InputError
from na64stat.tasks.journal import Journal
journal = Journal({str(path)!r}, {QUESTION!r})
try:
    for i in range(1000):
        journal.add(str(i), [i] * 10)
except InputError as error:
    print(i, error)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    number, message = found.stdout.split(" ", 1)
    assert "What was finished is kept" in message
    journal = Journal(path, QUESTION)
    assert journal.found == int(number) > 5
    journal.close()


@pytest.mark.parametrize(
    ("where", "message"), [("missing/j", "cannot write .*there is no folder"), (".", "is a folder")]
)
def test_a_journal_that_cannot_be(tmp_path, where, message):
    with pytest.raises(InputError, match=message):
        Journal(tmp_path / where, QUESTION)


def test_it_can_be_removed(path):
    filled(path)
    remove_journal(path)
    assert not path.exists()
    remove_journal(path)  # nothing is there


def test_a_link_is_followed(path):
    link = path.with_name("link")
    link.symlink_to(path)
    filled(link)
    assert is_journal(path)
    assert Journal(link, QUESTION).found == 2
    remove_journal(link)
    assert not path.exists()


@pytest.mark.parametrize(
    ("there", "here", "words"),
    [
        ({"a": {"n": 1, "seed": [1, 2]}}, {"a": {"n": 1, "seed": [1, 3]}}, "a.seed[1] is 2 there, 3 here"),
        ({"a": {"n": 1}}, {"a": {"n": 1, "m": 2}}, "a.m is null there, 2 here"),
        ({"a": [1, 2]}, {"a": [1]}, "a has 2 values there, 1 here"),
        ({"a": {"n": None}}, {"a": {}}, 'a is {"n": null} there, {} here'),
        ({"a": {"n": 1}}, {"a": "x"}, 'a is {"n": 1} there, "x" here'),
        ({"a": 1}, {"a": 1}, ""),
    ],
)
def test_the_part_that_differs_is_named(there, here, words):
    assert difference(there, here) == words


def test_long_texts_are_shown_where_they_part():
    there, here = ({"a": "x" * 200 + tail + "y" * 200} for tail in ("old", "new"))
    found = difference(there, here)
    assert "xold" in found
    assert "xnew" in found
    assert len(found) < 200
