"""One case: a file is read under bounds of time, and only the package's own errors may come out."""

import contextlib
import signal
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from na64stat.errors import Na64StatError, Na64StatWarning

LONGEST = 5.0
"""Seconds of processor time that a case may take."""


class TooLong(BaseException):
    """A case took more than `LONGEST`; no reader catches it."""


class ForeignError(AssertionError):
    """A reader let something else out than a result or an error of the package."""


@dataclass
class Tally:
    """What came of the cases of one reader."""

    outcomes: Counter = field(default_factory=Counter)
    slowest: float = 0.0

    @property
    def cases(self):
        return sum(self.outcomes.values())


@contextlib.contextmanager
def _in_time(longest):
    """Processor time, which a busy machine does not use up."""

    def stop(number, frame):
        raise TooLong(f"more than {longest} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, longest)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def attempt(reader, content: bytes, folder: Path, tally: Tally) -> None:
    """Have a case read from a file in a folder; `ForeignError` if anything foreign comes out."""
    path = folder / f"case{reader.suffix}"
    path.write_bytes(content)
    begin = time.process_time()
    try:
        with _in_time(reader.longest or LONGEST), warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", Na64StatWarning)
            reader.read(path)
    except Na64StatError as error:
        if not str(error):
            raise ForeignError(f"{reader.name}: {type(error).__name__} without a message") from error
        outcome = type(error).__name__
    except (Exception, TooLong) as error:
        raise ForeignError(f"{reader.name}: {type(error).__name__}: {str(error)[:300]}") from error
    else:
        outcome = "read"
    tally.outcomes[outcome] += 1
    tally.slowest = max(tally.slowest, time.process_time() - begin)


def lay_out(reader, folder: Path) -> Path:
    """The files that lie beside a case."""
    folder.mkdir(exist_ok=True)
    for name, content in reader.beside().items():
        (folder / name).write_bytes(content)
    return folder
