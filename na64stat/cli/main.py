"""`na64stat`: the group of commands, and how errors and warnings reach a terminal."""

from __future__ import annotations

import sys
import warnings
from typing import Any, TextIO

import click

from na64stat.cli.info import info
from na64stat.cli.limit import limit
from na64stat.cli.physics import cross_section, predict, workspace
from na64stat.cli.reproduce import reproduce
from na64stat.cli.scan import plot, scan
from na64stat.errors import InputError, Na64StatError, Na64StatWarning


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="na64stat", prog_name="na64stat")
def cli() -> None:
    r"""Limits on new physics from the NA64 muon experiment.

    \b
    Masses and energies are in GeV; a range is LO:HI:N, logarithmic.
    Start with:   na64stat info 2022
                  na64stat limit axion-muon --mass 1e-3:1:40
                  na64stat reproduce -o out/
    """


for command in (info, cross_section, predict, workspace, limit, scan, plot, reproduce):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: exit status 0, 2 with one line for bad input, 1 if a result could not be computed, 130 after Ctrl-C."""
    warnings.showwarning = _show_warning
    warnings.simplefilter("always", Na64StatWarning)
    sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        result = cli.main(args=arguments, prog_name="na64stat", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else error.format_message())
        return 0
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except InputError as error:
        return _fail(str(error), 2)
    except Na64StatError as error:
        return _fail(str(error), 1)
    except (click.Abort, KeyboardInterrupt):
        return _fail("stopped", 130)
    except BrokenPipeError:  # the reader of our output has gone
        sys.stderr.close()
        return 0
    return result if isinstance(result, int) else 0


def _fail(message: str, status: int) -> int:
    click.echo("na64stat: error: " + " ".join(message.split()), err=True)
    return status


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> Any:
    if issubclass(category, Na64StatWarning):
        click.echo(f"na64stat: warning: {message}", err=True)
    else:
        click.echo(warnings.formatwarning(message, category, filename, lineno, line), err=True, file=file)


if __name__ == "__main__":
    main()
