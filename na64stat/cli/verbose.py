"""-v/--verbose, which every command takes: what is being done, on standard error."""

from __future__ import annotations

import logging
import sys

import click


def add_verbose(command: click.Command) -> None:
    """Give a command, and those below it, the option."""
    for below in getattr(command, "commands", {}).values():
        add_verbose(below)
    command.params.append(
        click.Option(
            ["-v", "--verbose"],
            is_flag=True,
            expose_value=False,
            callback=_speak,
            help="Say what is being done, on standard error.",
        )
    )


def _speak(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    del context, parameter
    if not value:
        return
    logger = logging.getLogger("na64stat")
    if not any(isinstance(handler, _ToStandardError) for handler in logger.handlers):
        logger.addHandler(_ToStandardError())
    logger.setLevel(logging.INFO)


def speak_of_compilation() -> None:
    """Say on a terminal when something is compiled, which takes its time the first time: nobody has to ask for it."""
    logger = logging.getLogger("na64stat.stats.likelihood.jit")
    if sys.stderr.isatty() and not logger.handlers:
        logger.addHandler(_ToStandardError())
        logger.setLevel(logging.INFO)
        logger.propagate = False


class _ToStandardError(logging.Handler):
    """Lines as click writes them: to whatever standard error is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"na64stat: {record.getMessage()}", err=True)
