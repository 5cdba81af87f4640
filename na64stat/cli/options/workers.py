"""Options of commands that take long: --workers, --scheduler, --journal. `with_long_work` hands over a `LongWork`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from na64stat.cli.options.scenario_run import Command, add_options
from na64stat.cli.output import Output, progress
from na64stat.errors import InputError


@dataclass(frozen=True)
class LongWork:
    """How the work is done, and where what is finished is kept."""

    workers: int
    scheduler: str | None
    journal: str | None

    @contextlib.contextmanager
    def arguments(self, label: str, output: Output | None) -> Iterator[dict[str, Any]]:
        """Arguments of a long study. Its result is written and printed within: only then the journal has served its purpose.

        Parameters
        ----------
        output
            Its file: the journal stands beside it unless another one was named.
        """
        from na64stat.tasks.journal import is_journal, remove_journal

        path = self._path(output)
        with contextlib.ExitStack() as stack:
            workers: Any = self.workers
            if self.scheduler is not None:
                if self.workers != 1:
                    raise InputError("--workers: does not go with --scheduler, which has workers of its own")
                from na64stat.tasks.dask import dask_executor

                workers = stack.enter_context(dask_executor(self.scheduler))
            if path is not None and is_journal(path):
                click.echo(f"going on from {path}", err=True)
            try:
                yield {"workers": workers, "journal": path, "track": progress(label)}
                sys.stdout.flush()
            except KeyboardInterrupt:
                raise KeyboardInterrupt("stopped" if path is None else f"stopped; {_kept(path)}") from None
            except OSError:  # nobody took the result
                if path is not None:
                    click.echo(_kept(path), err=True)
                raise
        if path is None:
            return
        if output is None and sys.__stdout__ is None:  # closed by the caller: the result went nowhere
            click.echo(f"standard output is closed; {_kept(path)}", err=True)
            return
        remove_journal(path)

    def _path(self, output: Output | None) -> Path | None:
        if self.journal == "":
            raise InputError("--journal: an empty name; expected the name of a file")
        if self.journal is not None:
            path = Path(self.journal)
            if output is not None and path.resolve() == output.path.resolve():
                raise InputError(f"--journal: {path} is the output; expected another name")
            return path
        return None if output is None else output.path.with_name(f"{output.path.name}.journal")


def _kept(path: Path) -> str:
    return f"what is finished is kept in {path}, and the same command goes on from there"


def with_long_work(command: Command) -> Command:
    """Hand a `LongWork` to the command as `work`."""

    def pack(*, workers: int, scheduler: str | None, journal: str | None, **others: Any) -> Any:
        return command(work=LongWork(workers, scheduler, journal), **others)

    return add_options(command, pack, *_options())


def _options() -> list[Callable[[Any], Any]]:
    return [
        click.option(
            "--workers",
            type=click.IntRange(1, 1024),
            default=1,
            show_default=True,
            metavar="N",
            help="Processes. The result does not depend on it.",
        ),
        click.option(
            "--scheduler", metavar="ADDRESS", help="Dask scheduler that has the workers instead, e.g. tcp://host:8786."
        ),
        click.option(
            "--journal",
            metavar="FILE",
            help="Keeps what is finished until the output is written; a run that was stopped goes on. Default: OUTPUT.journal.",
        ),
    ]
