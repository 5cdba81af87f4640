"""Output of commands: JSON and tables on standard output, notes and progress on standard error, files."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from na64stat.errors import InputError
from na64stat.progress import Track
from na64stat.text import after_number, intervals_text

if TYPE_CHECKING:
    from rich.table import Table

    from na64stat.records.limits import LimitPoint

Item = TypeVar("Item")

_LONG: Final = 5.0
"""Work that takes so many seconds is announced."""

_TIMES: Final = ((3600.0, "h"), (60.0, "min"), (1.0, "s"))

overwrite_option = click.option("--overwrite", is_flag=True, help="Replace an existing file.")


def output_option(help_text: str, *, required: bool = False) -> Callable[[Any], Any]:
    """-o/--output for a file."""
    return click.option("-o", "--output", metavar="FILE", required=required, help=help_text)


@dataclass(frozen=True)
class Output:
    """A file to be written; what stands in its way is found before anything is computed."""

    path: Path
    overwrite: bool

    @classmethod
    def of(cls, name: str, overwrite: bool, option: str = "--output") -> Output:
        """Check a name.

        Raises
        ------
        InputError
            If it is empty, a folder, a device or an existing file that is not to be replaced, or if its folder (of a symbolic
            link, that of the file it leads to) is missing or closed.
        """
        path = Path(name)
        if name in ("", "-"):
            raise InputError(f"{option}: {name!r}; expected the name of a file (--json writes to standard output)")
        try:
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            mode = None
        except OSError as error:
            from na64stat.files import write_advice

            raise InputError(f"{option}: {path}: {write_advice(error)}") from error
        if mode is not None and stat.S_ISDIR(mode):
            raise InputError(f"{option}: {path} is a folder; expected the name of a file")
        folder = Path(os.path.realpath(path)).parent if path.is_symlink() else path.parent
        if not folder.is_dir():
            raise InputError(f"{option}: {path}: there is no folder {folder}; make it first")
        if mode is not None and not stat.S_ISREG(mode):
            raise InputError(f"{option}: {path} is not a regular file; expected the name of one")
        if mode is not None and not overwrite:
            raise InputError(f"{option}: {path}: the file exists; --overwrite replaces it")
        if not os.access(folder, os.W_OK):
            raise InputError(f"{option}: {path}: no permission to write in {folder}; choose another folder")
        return cls(path, overwrite)


def print_json(record: dict[str, Any]) -> None:
    """One strict JSON object on standard output."""
    from na64stat.files import to_json

    click.echo(to_json({"schema": 1, **record}), nl=False)


def print_table(table: Table) -> None:
    """A table as wide as the terminal; without one every row takes one line, with no blanks at its end."""
    from rich.console import Console

    console = Console(markup=False, highlight=False)
    if console.is_terminal:
        console.print(table)
        return
    plain = Console(file=io.StringIO(), width=2000, color_system=None, markup=False, highlight=False)
    with plain.capture() as text:
        plain.print(table)
    click.echo("\n".join(line.rstrip() for line in text.get().splitlines()))


def plain_table(*columns: str) -> Table:
    """An empty table without lines; all columns but the last keep their width."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns[:-1]:
        table.add_column(column, no_wrap=True)
    table.add_column(columns[-1], overflow="fold")
    return table


def held_text(held: tuple[str, ...]) -> str:
    """Which counts were held, as a headline goes on; empty where none was."""
    if not held:
        return ""
    one = len(held) == 1
    return f", with {', '.join(held)} held at {'its' if one else 'their'} observed count{'' if one else 's'}"


def print_notes(notes: Iterable[str], as_json: bool = False) -> None:
    """Notes of a result, which stand with its numbers; where these leave the terminal, on standard error, too.

    Those that have been shown there as a warning are not repeated on it. JSON has them itself.
    """
    from na64stat.stats.limits import LOW_COUNTS

    for note in notes:
        print_caveat(f"note: {note}", as_json, warned=note.startswith(LOW_COUNTS))


def print_caveat(line: str, as_json: bool = False, *, warned: bool = False) -> None:
    """A line that belongs to the numbers before it, and stands in the JSON."""
    if not as_json:
        click.echo(line)
    if not warned and (as_json or not sys.stdout.isatty()):
        click.echo(line, err=True)


def print_failures(failures: list[str], count: int) -> None:
    """How many of `count` points failed, and why the first one did."""
    if failures:
        from na64stat.records.status import why_failed

        reason = why_failed(failures[0])
        click.echo(f"na64stat: warning: {len(failures)} of {count} points failed: {reason}", err=True)


def with_unit(value: float, unit: str) -> str:
    """A number and its unit, which is left out where it is 1."""
    return f"{value:.6g}{after_number(unit)}"


def headline(result: Any) -> str:
    """Headline of a result of a scenario: its subject, and departures from the defaults."""
    from na64stat.records.asked import Asked

    parts = (result.scenario, f"run {result.run}", " + ".join(result.regions), level_text(result.cl), result.method)
    return ", ".join((*parts, *Asked.of(result).departures))


def print_artefact_note(points: Iterable[LimitPoint]) -> None:
    """Explain "by the layer sum alone" in a table, if it stands there."""
    if any(any(point.artefacts.values()) for point in points):
        from na64stat.records.artefact import NOTE

        print_caveat(f"note: {NOTE}")


def print_layer_sum_note(levels: Iterable[str]) -> None:
    """At which levels the layer sum alone excludes more than a map counts as excluded."""
    from na64stat.records.artefact import NOTE

    if found := ", ".join(levels):
        print_caveat(f"note: left out ({found}): {NOTE}; the file has it as layer_sum_contours")


def artefact_text(point: LimitPoint, level: str) -> str:
    """Couplings that the layer sum alone excludes at a level, in words for a table; empty where there are none."""
    alone = point.artefacts.get(level, ())
    return f"; by the layer sum alone: {intervals_text(alone)}" if alone else ""


def level_text(cl: float) -> str:
    """A confidence level in per cent, with all its digits."""
    return f"{100 * cl:.12g}% CL"


def progress(label: str) -> Track:
    """A progress bar with the time left on standard error if that is a terminal, and nothing otherwise."""

    def track(values: Iterable[Any]) -> Iterable[Any]:
        from rich.console import Console
        from rich.progress import track as rich_track

        console = Console(stderr=True)
        # What comes from workers has a length, but is not there yet.
        items = values if isinstance(values, Sized) else list(values)
        if not console.is_terminal or len(items) < 2:
            return items
        return rich_track(items, description=label, total=len(items), console=console, transient=True)

    return track


def announce(work: str, seconds: float) -> None:
    """Say on standard error how long work will take, where that is more than some seconds."""
    if seconds < _LONG:
        return
    size, unit = next((size, unit) for size, unit in _TIMES if seconds >= size or unit == "s")
    click.echo(f"{work}: about {float(f'{seconds / size:.1g}'):g} {unit}", err=True)


@contextlib.contextmanager
def busy(label: str) -> Iterator[Track]:
    """A label with the time it has taken, on standard error if that is a terminal, until the work below is done.

    What it gives wraps the items of a loop, whose progress is drawn too.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield iter
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=None)

        def track(items: Iterable[Item]) -> Iterator[Item]:
            known = list(items)
            bar.update(task, total=len(known))
            for item in known:
                yield item
                bar.advance(task)

        yield track


def steps(label: Callable[[Item], str]) -> Callable[[Iterable[Item]], Iterator[Item]]:
    """Shows the label of the item at work, like `busy`."""

    def track(items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            with busy(label(item)):
                yield item

    return track
