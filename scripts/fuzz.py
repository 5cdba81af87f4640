"""Fuzz every reader of the package: changed and damaged files, in which only the package's own errors may end.

    python scripts/fuzz.py --cases 100000
    python scripts/fuzz.py --reader journal --cases 1000 --seed 2 --save found/

The readers and the changes are those of tests/fuzz. Case n of a seed is always the same file. A reader that lets another
exception or a warning out, or takes more than five seconds of processor time, is a failure: its file is saved and the exit
status is 1. Memory is bounded too (--memory; not on Windows).

With --engine atheris (pip install atheris; one reader at a time) libFuzzer chooses the changes, by the code that they reach.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Exit status: 0 without a failure, 1 with one, 2 for bad arguments."""
    arguments = _arguments()
    # In place of the folder of scripts, where this file and others bear the names of packages.
    sys.path[:] = [str(ROOT / "tests"), *(name for name in sys.path if Path(name).resolve() != ROOT / "scripts")]
    _bound_memory(arguments.memory)
    if arguments.engine == "atheris":
        return _guided(arguments)
    from fuzz.readers import BY_NAME

    unknown = [name for name in arguments.reader or () if name not in BY_NAME]
    if unknown:
        print(f"--reader {unknown[0]}: there are {', '.join(BY_NAME)}", file=sys.stderr)
        return 2
    if arguments.list:
        print("\n".join(BY_NAME))
        return 0
    chosen = [BY_NAME[name] for name in arguments.reader or BY_NAME]
    table = Table("reader", "cases", "read", "refused", "failures", "slowest [s]", "cases/s")
    failures = 0
    for reader in chosen:
        begin = time.perf_counter()
        tally, failed = _fuzz(reader, arguments)
        failures += failed
        rate = (tally.cases + failed) / (time.perf_counter() - begin)
        read = tally.outcomes["read"]
        row = (tally.cases + failed, read, tally.cases - read, failed, f"{tally.slowest:.2f}", f"{rate:.0f}")
        table.add_row(reader.name, *map(str, row))
        print(*(reader.name, *row), sep="\t", flush=True)
    Console(stderr=True).print(table)
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--cases", type=int, default=100_000, metavar="N", help="cases per reader (default: %(default)s)"
    )
    parser.add_argument("--reader", action="append", metavar="NAME", help="one reader; repeatable; default all")
    parser.add_argument("--list", action="store_true", help="names of the readers, and nothing else")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the cases (default: %(default)s)")
    parser.add_argument("--engine", choices=("own", "atheris"), default="own", help="who chooses the changes")
    parser.add_argument(
        "--save", type=Path, default=Path(), metavar="FOLDER", help="for the files of failures (default: here)"
    )
    parser.add_argument(
        "--most", type=int, default=20, metavar="N", help="failures at which a reader is left (default: %(default)s)"
    )
    parser.add_argument("--memory", type=float, default=8.0, metavar="GiB", help="address space (default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.cases < 1 or arguments.most < 1 or not arguments.memory > 0:
        parser.error("--cases, --most and --memory: expected positive numbers")
    if not arguments.save.is_dir():
        parser.error(f"--save {arguments.save}: there is no such folder")
    return arguments


def _bound_memory(gib: float) -> None:
    """A reader that asks for more gets a MemoryError, which is a failure."""
    with contextlib.suppress(ImportError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (int(gib * 2**30), resource.getrlimit(resource.RLIMIT_AS)[1]))


def _fuzz(reader: Any, arguments: argparse.Namespace) -> tuple[Any, int]:
    """What came of the cases of a reader, and the number of failures."""
    from fuzz.cases import ForeignError, Tally, attempt, lay_out

    tally, failed = Tally(), 0
    with TemporaryDirectory() as temporary:
        folder = lay_out(reader, Path(temporary) / "case")
        console = Console(stderr=True)
        for number in track(range(arguments.cases), description=f"{reader.name:18s}", console=console):
            content = reader.numbered(f"{arguments.seed}/{reader.name}/{number}")
            try:
                attempt(reader, content, folder, tally)
            except ForeignError as failure:
                failed += 1
                _report(failure, content, reader, f"{arguments.seed}-{number}", arguments.save)
                if failed == arguments.most:
                    break
    return tally, failed


def _report(failure: Exception, content: bytes, reader: Any, label: str, folder: Path) -> None:
    path = folder / f"fuzz-{reader.name.replace(' ', '-')}-{label}{reader.suffix}"
    path.write_bytes(content)
    print(f"{failure}\n  at {_place(failure)}; the file is {path}", file=sys.stderr, flush=True)


def _place(failure: Exception) -> str:
    """The last line of the package on the way to the exception."""
    import traceback

    frames = traceback.extract_tb(failure.__cause__.__traceback__ if failure.__cause__ else None)
    own = [frame for frame in frames if "na64stat" in Path(frame.filename).parts] or frames
    return f"{own[-1].filename}, line {own[-1].lineno}" if own else "?"


class _Guided(random.Random):
    """A generator whose choices are the bytes that libFuzzer proposes, and zeros once they are used up."""

    def __new__(cls, data: bytes) -> Self:
        return super().__new__(cls)

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self._data, self._at = data, 0

    def getrandbits(self, k: int) -> int:
        """The next bits."""
        size = (k + 7) // 8
        piece = self._data[self._at : self._at + size]
        self._at += size
        return int.from_bytes(piece, "little") & ((1 << k) - 1)

    def _randbelow(self, n: int) -> int:
        # The remainder, not another try: zeros would be tried for ever.
        return self.getrandbits(max(n - 1, 0).bit_length() + 3) % n

    def random(self) -> float:
        """A number from 0 to 1."""
        return self.getrandbits(53) / 2**53


def _guided(arguments: argparse.Namespace) -> int:
    try:
        import atheris
    except ImportError:
        print("--engine atheris: it is not installed; pip install atheris, or --engine own", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=["na64stat"], enable_loader_override=False):
        from fuzz.cases import ForeignError, Tally, attempt, lay_out
        from fuzz.readers import BY_NAME
    names = arguments.reader or []
    if len(names) != 1 or names[0] not in BY_NAME:
        print(f"--engine atheris: expected one --reader of {', '.join(BY_NAME)}", file=sys.stderr)
        return 2
    reader, tally = BY_NAME[names[0]], Tally()
    reader.seeds()
    with TemporaryDirectory() as temporary:
        folder = lay_out(reader, Path(temporary) / "case")

        def once(data: bytes) -> None:
            content = reader.case(_Guided(data))
            try:
                attempt(reader, content, folder, tally)
            except ForeignError as failure:
                _report(failure, content, reader, f"atheris-{tally.cases}", arguments.save)
                os._exit(1)  # libFuzzer would go on to its own report of a crash
            if tally.cases == arguments.cases:
                print(
                    f"{reader.name}: {tally.cases} cases, {dict(tally.outcomes)}, slowest {tally.slowest:.2f} s",
                    flush=True,
                )

        options = [
            f"-runs={arguments.cases}",
            f"-seed={arguments.seed}",
            "-max_len=4096",
            "-rss_limit_mb=0",
            "-print_final_stats=1",
        ]
        atheris.Setup([sys.argv[0], *options], once)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
