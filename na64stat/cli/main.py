"""`na64stat`: the group of commands, and how errors and warnings reach a terminal."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
import warnings
from typing import Any, TextIO

import click

from na64stat.cli.groups import MOVED_OPTIONS, Commands
from na64stat.cli.inference.compare import compare
from na64stat.cli.inference.credible import credible
from na64stat.cli.inference.fit import fit
from na64stat.cli.inference.limit import limit
from na64stat.cli.inference.posterior import posterior
from na64stat.cli.inference.significance import significance
from na64stat.cli.physics.info import info
from na64stat.cli.physics.physics import cross_section, predict, workspace
from na64stat.cli.publishing.cite import cite
from na64stat.cli.publishing.existing_limits import existing
from na64stat.cli.publishing.export import export
from na64stat.cli.studies.exclusion import exclusion
from na64stat.cli.studies.plot import plot
from na64stat.cli.studies.project import project
from na64stat.cli.studies.reproduce import reproduce
from na64stat.cli.studies.scan import scan
from na64stat.cli.studies.sensitivity import sensitivity
from na64stat.cli.verbose import add_verbose, speak_of_compilation
from na64stat.errors import InputError, Na64StatError, Na64StatWarning

_HELP = """Limits on new physics from the NA64 muon experiment.

\b
Masses and energies are in GeV; a range is LO:HI:N, logarithmic.
Scenarios: axion-photon, axion-muon, dark-sector, zprime, muon-scalar,
muon-pseudoscalar, your own class as path.py:Class (the code of that file is run), a table as path.csv.

\b
Start with:
  na64stat info 2022
  na64stat limit axion-muon --mass 1e-3:0.2:40
  na64stat reproduce -o out/
"""


@click.group(
    cls=Commands,
    help=_HELP,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="na64stat", prog_name="na64stat")
@click.pass_context
def cli(context: click.Context) -> None:
    """All commands; without one, the help."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (
    info,
    cross_section,
    predict,
    workspace,
    limit,
    compare,
    fit,
    significance,
    scan,
    exclusion,
    project,
    sensitivity,
    posterior,
    credible,
    plot,
    existing,
    cite,
    export,
    reproduce,
):
    cli.add_command(command)
add_verbose(cli)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: exit status 0, 2 with one line for bad input, 1 if a result could not be computed, 130 after Ctrl-C."""
    _settle_surroundings()
    warnings.showwarning = _show_warning
    warnings.simplefilter("default", Na64StatWarning)
    speak_of_compilation()
    sys.exit(_run(arguments))


def _settle_surroundings() -> None:
    """Settle what a command relies on: two streams to write to, and a way to draw that needs no display."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller, who does not want to read it
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123  (open as long as we run)
    os.environ["MPLBACKEND"] = "agg"  # figures go into files, whatever the session's windows or notebook need


def _run(arguments: list[str] | None) -> int:
    try:
        return _answer(arguments)
    except Exception as error:  # noqa: BLE001  (a bug, or a user's own scenario: one line, and where it was)
        return _fail(_unexpected(error), 1)


def _answer(arguments: list[str] | None) -> int:
    try:
        result = cli.main(args=arguments, prog_name="na64stat", standalone_mode=False)
    except click.ClickException as error:
        return _fail(_usage(error), 2)
    except InputError as error:
        return _fail(str(error), 2)
    except Na64StatError as error:
        return _fail(*(("stopped", 130) if _interrupted(error) else (str(error), 1)))
    except (click.Abort, KeyboardInterrupt) as error:
        return _fail(str(error) or str(error.__cause__ or "") or "stopped", 130)
    except ModuleNotFoundError as error:
        return _fail(f"{error}; the installation is not complete: pip install na64stat brings what it needs", 2)
    except OSError as error:
        return _fail(_of_system(error), 2)
    except Exception as error:
        if _interrupted(error):
            return _fail("stopped", 130)
        raise
    return result if isinstance(result, int) else 0


def _of_system(error: OSError) -> str:
    """Message of the system, with the file; without one it is a stream that cannot be written."""
    from na64stat.files import write_advice

    return f"{error.filename}: {error.strerror}" if error.filename else f"output: {write_advice(error)}"


def _interrupted(error: BaseException | None) -> bool:
    """True if an error came about while Ctrl-C was dealt with: workers that die, pipes that break."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _usage(error: click.ClickException) -> str:
    """Message of click, with a pointer to the help where it does not say what would be right."""
    text = error.format_message()
    context = getattr(error, "ctx", None)
    if context is None or (isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter)):
        return text
    if isinstance(error, click.NoSuchOption) and error.option_name in MOVED_OPTIONS:
        return f"{error.option_name}: is now {MOVED_OPTIONS[error.option_name]}; see {context.command_path} --help"
    return f"{text.rstrip('.')}; see {context.command_path} --help"


def _unexpected(error: Exception) -> str:
    if os.environ.get("NA64STAT_TRACEBACK"):
        traceback.print_exception(error)
    at = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"{type(error).__name__}: {error} ({at.filename}, line {at.lineno}). Unless that file is yours this is a bug of "
        "na64stat; NA64STAT_TRACEBACK=1 shows how it came about"
    )


def _fail(message: str, status: int) -> int:
    with contextlib.suppress(OSError):  # where nobody can read the message the status still tells
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
