"""Finished pieces of long work on disk, so that a run that was killed goes on where it was.

A journal is a text file. Its first line states the question, every further one holds the answer to one task, each with a
checksum. It is made with its first line, whole or not at all, and lines are only ever added, with one write each: whatever the
moment of a kill, all but the last line are whole, and a last line without its end is a task that was not finished. A file that
does not begin so is somebody else's.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import stat
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from na64stat.errors import InputError
from na64stat.files import write_advice, write_bytes

SCHEMA: Final = 1

_KIND: Final = "na64stat journal"
_LONGEST_LINE: Final = 64 * 2**20
_LARGEST: Final = 8 * 2**30
"""Bytes; nothing that is written comes near."""

_LONGEST_TEXT: Final = 80
"""Characters of a value in a message."""


class Journal:
    """Answers by task; new ones are on disk when `add` returns.

    Parameters
    ----------
    path
        The file; made if it is not there, continued if it holds the same question. A symbolic link is followed.
    question
        Everything that the answers depend on, as JSON can hold it.

    Raises
    ------
    InputError
        If the file is no journal, is damaged, belongs to another question, is in use by another process, or cannot be written.
        It is left as it is.
    """

    def __init__(self, path: str | os.PathLike[str], question: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.answers: dict[str, Any] = {}
        self.full = False  # whether an answer could not be written
        self._header = _line({"kind": _KIND, "schema": SCHEMA, "question": dict(question)})
        self._make()
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_APPEND)
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {write_advice(error)}") from error
        try:
            self._lock()
            self._read()
        except BaseException:
            os.close(self._file)
            raise
        self.found = len(self.answers)

    def add(self, task: str, answer: Any) -> None:
        """Keep the answer to a task.

        Raises
        ------
        InputError
            If it cannot be written, for instance because the disk is full; what was there before is kept.
        """
        self._append(_line({"task": task, "answer": answer}))
        self.answers[task] = answer

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _make(self) -> None:
        if not is_journal(self.path):
            try:
                write_bytes(self.path, self._header)
            except InputError:
                if not is_journal(self.path):  # another process may have been quicker
                    raise

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # no such locks on this system: two processes on one journal are then the user's care
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"journal {self.path}: another process is at work on it; wait for it, or name another file"
            ) from error
        except OSError:  # a file system without locks
            return

    def _read(self) -> None:
        """Take over what is there; cut off a last line that was not finished."""
        if os.fstat(self._file).st_size > _LARGEST:
            raise InputError(f"journal {self.path}: larger than {_LARGEST} bytes, which no journal is")
        end = 0
        for number, line in enumerate(_lines(self._file), start=1):
            if number > 1 and not line.endswith(b"\n"):
                break
            self._take(number, line)
            end += len(line)
        if end != os.fstat(self._file).st_size:
            os.ftruncate(self._file, end)

    def _take(self, number: int, line: bytes) -> None:
        record = _record(line)
        if number == 1:
            if line != self._header:
                raise InputError(self._foreign(record))
        elif not isinstance(record, dict) or set(record) != {"task", "answer"} or not isinstance(record["task"], str):
            raise InputError(
                f"journal {self.path}, line {number}: damaged; what it holds cannot be trusted. Delete it to start anew, or name "
                "another file"
            )
        else:
            self.answers[record["task"]] = record["answer"]

    def _foreign(self, record: Any) -> str:
        """Why the first line is not ours."""
        if not isinstance(record, dict) or record.get("kind") != _KIND:
            return _no_journal(self.path)
        if record.get("schema") != SCHEMA:
            return (
                f"journal {self.path}: schema {record.get('schema')}, this version writes {SCHEMA}; name another file"
            )
        theirs, ours = record.get("question"), json.loads(self._header[9:])["question"]
        known = theirs if isinstance(theirs, dict) else {}
        if differs := difference(known, ours):
            return (
                f"journal {self.path}: belongs to another question: {differs}; ask the same question, name another file, or "
                "delete it to start anew"
            )
        return f"journal {self.path}: belongs to another question; name another file, or delete it to start anew"

    def _append(self, line: bytes) -> None:
        size = os.fstat(self._file).st_size
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
        except OSError as error:
            self.full = True
            # A torn line would be cut off by the next run as well; the file is tidy at once.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, size)
            raise InputError(
                f"cannot write {self.path}: {write_advice(error)}. What was finished is kept there, and the same command goes on"
            ) from error


def is_journal(path: str | os.PathLike[str]) -> bool:
    """True if there is a journal, of whatever question; False if there is nothing.

    Raises
    ------
    InputError
        If there is something else, which must not be written to.
    """
    try:
        mode = Path(path).stat().st_mode  # before it is opened: opening a device or a pipe can do things of its own
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "no regular file"
            raise InputError(f"journal {path}: this is {what}; expected the name of a new file, or of a journal")
        with Path(path).open("rb") as file:
            line = file.readline(_LONGEST_LINE)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise InputError(f"cannot write {path}: {write_advice(error)}") from error
    record = _record(line)
    if not isinstance(record, dict) or record.get("kind") != _KIND:
        raise InputError(_no_journal(path) if line else f"{_no_journal(path)} (it is empty)")
    return True


def remove_journal(path: str | os.PathLike[str]) -> None:
    """Delete a journal that has served its purpose; what is no journal is left alone.

    Raises
    ------
    InputError
        If it cannot be deleted, or is no journal.
    """
    if is_journal(path):
        try:
            Path(os.path.realpath(path)).unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"cannot delete {path}: {write_advice(error)}") from error


def _no_journal(path: str | os.PathLike[str]) -> str:
    return f"journal {path}: not a journal of na64stat, or its first line is damaged; name another file"


def _line(record: Mapping[str, Any]) -> bytes:
    text = json.dumps(record, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _record(line: bytes) -> Any:
    """The content of a line; None if it is damaged."""
    text = line[9:-1]
    if line[:9] != b"%08x " % zlib.crc32(text):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _lines(descriptor: int) -> Iterator[bytes]:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        while line := file.readline(_LONGEST_LINE):
            yield line


def difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """The first thing in which two questions differ, in words; empty if they are the same."""
    for key in dict.fromkeys([*here, *there]):
        if there.get(key) != here.get(key):
            return _difference(key, there.get(key), here.get(key))
    return ""


def _difference(name: str, there: Any, here: Any) -> str:
    """Part of two values in which they differ."""
    if isinstance(there, Mapping) and isinstance(here, Mapping) and (inner := difference(there, here)):
        return f"{name}.{inner}"
    if isinstance(there, list) and isinstance(here, list):
        if len(there) != len(here):
            return f"{name} has {len(there)} values there, {len(here)} here"
        at = next(at for at, (one, other) in enumerate(zip(there, here, strict=True)) if one != other)
        return _difference(f"{name}[{at}]", there[at], here[at])
    texts = json.dumps(there), json.dumps(here)
    if max(map(len, texts)) > _LONGEST_TEXT:  # from a little before the place where they part
        same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False)))
        begin = max(same - _LONGEST_TEXT // 2, 0)
        texts = _part(texts[0], begin), _part(texts[1], begin)
    return f"{name} is {texts[0]} there, {texts[1]} here"


def _part(text: str, begin: int) -> str:
    part = text[begin : begin + _LONGEST_TEXT]
    return f"{'...' if begin else ''}{part}{'...' if begin + len(part) < len(text) else ''}"
