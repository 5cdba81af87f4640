"""Finished pieces of long work on disk, so that a run that was killed goes on where it was.

A journal is a text file. Its first line states the question, every further one holds the answer to one task, each with a
checksum. Lines are only ever added, with one write each: whatever the moment of a kill, all but the last line are whole, and a
last line without its end is a task that was not finished.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from na64stat.errors import InputError
from na64stat.files import write_advice

SCHEMA: Final = 1

_LONGEST_LINE: Final = 64 * 2**20
_LARGEST: Final = 8 * 2**30
"""Bytes; nothing that is written comes near."""


class Journal:
    """Answers by task; new ones are on disk when `add` returns.

    Parameters
    ----------
    path
        The file; made if it is not there, continued if it holds the same question.
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
        self._header = _line({"kind": "na64stat journal", "schema": SCHEMA, "question": dict(question)})
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
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

    def remove(self) -> None:
        """Delete the file, which has served its purpose."""
        self.path.unlink(missing_ok=True)
        self.close()

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
            if not line.endswith(b"\n"):
                if number == 1 and not self._header.startswith(line):
                    raise InputError(f"journal {self.path}: not a journal of na64stat; name another file")
                break
            self._take(number, line)
            end += len(line)
        if end != os.fstat(self._file).st_size:
            os.ftruncate(self._file, end)
        if end == 0:
            self._append(self._header)

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
        if not isinstance(record, dict) or record.get("kind") != "na64stat journal":
            return f"journal {self.path}: not a journal of na64stat, or its first line is damaged; name another file"
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
            # A torn line would be cut off by the next run as well; the file is tidy at once.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, size)
            raise InputError(
                f"cannot write {self.path}: {write_advice(error)}. What was finished is kept there, and the same command goes on"
            ) from error


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
            return f"{key} is {_short(there.get(key))} there, {_short(here.get(key))} here"
    return ""


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
