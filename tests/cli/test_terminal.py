"""What a person at a terminal, a pipe or a script sees: help, widths, progress, interrupts, warnings."""

import io
import os
import subprocess
import sys
import warnings

import click
import pytest
from rich.console import Console

from na64stat.cli import output
from na64stat.cli.main import cli
from na64stat.errors import ComputationError

COMMANDS = [
    "info", "cross-section", "predict", "workspace", "limit", "compare", "fit", "significance", "scan",
    "exclusion", "project", "sensitivity", "posterior", "credible", "plot", "reproduce", "export hepdata",
    "export likelihood", "export hs3", "existing list", "existing show", "cite",
]  # fmt: skip
GROUPS = ["export", "existing"]


def _command(name):
    """A command, or one of a group."""
    first, *rest = name.split()
    found = cli.commands[first]
    return found.commands[rest[0]] if rest else found


def test_the_commands():
    names = [
        name if name not in GROUPS else f"{name} {below}"
        for name, found in cli.commands.items()
        for below in getattr(found, "commands", [""])
    ]
    assert sorted(names) == sorted(COMMANDS)


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_units_and_json(na64stat, command, flag):
    answer = na64stat(*command.split(), flag)
    assert (answer.status, answer.err) == (0, "")
    text = answer.out
    assert f"\n    na64stat {command} " in text
    assert "--json" in text
    assert max(len(line) for line in text.splitlines()) <= 110
    for option, unit in (("--mass ", "[GeV]"), ("--coupling ", "GeV^-1" if command != "limit" else "Couplings")):
        if f"  {option}" in text:
            assert unit in text.split(f"  {option}")[1].split("\n  --")[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_of_the_help_are_not_wrapped_and_parse(monkeypatch, na64stat, command):
    monkeypatch.setenv("COLUMNS", "80")
    text = na64stat(*command.split(), "-h").out
    start = f"    na64stat {command} "
    examples = [line.removeprefix(start).split() for line in text.splitlines() if line.startswith(start)]
    assert examples
    for words in examples:
        _command(command).make_context(command, words, resilient_parsing=False).close()


def test_help_without_command(na64stat):
    assert na64stat().out == na64stat("--help").out
    lines = na64stat().out.splitlines()
    assert "    na64stat reproduce -o out/" in lines  # as written, not wrapped
    assert "\\b" not in na64stat().out
    for command in {name.split()[0] for name in COMMANDS}:
        (line,) = [line for line in lines if line.startswith(f"  {command} ")]
        assert line.endswith(".")
        assert not line.endswith("...")


def test_version(na64stat):
    from importlib.metadata import version

    assert na64stat("--version").out == f"na64stat, version {version('na64stat')}\n"


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize(
    "words", [("info", "2022"), ("limit", "axion-photon", "--mass", "1e-3:0.1:3")], ids=lambda w: w[0]
)
def test_tables_fit_the_terminal_and_lose_nothing(na64stat, monkeypatch, width, words):
    piped = na64stat(*words).out
    screen = io.StringIO()

    def console(**options):
        if "file" in options or "stderr" in options:
            return Console(**options)
        return Console(file=screen, width=width, force_terminal=True, color_system=None, **options)

    monkeypatch.setattr("rich.console.Console", console)
    rest = na64stat(*words).out
    lines = screen.getvalue().splitlines()
    assert lines
    assert all(len(line) <= width for line in lines)
    assert "…" not in screen.getvalue()
    # Folded or not, the same characters are shown.
    assert sorted("".join((screen.getvalue() + rest).split())) == sorted("".join(piped.split()))


def test_progress_is_drawn_on_standard_error_of_a_terminal_only(capsys, monkeypatch):
    assert list(output.progress("limits")([1.0, 2.0])) == [1.0, 2.0]
    assert capsys.readouterr() == ("", "")
    screen = io.StringIO()
    monkeypatch.setattr(
        "rich.console.Console", lambda stderr: Console(file=screen if stderr else sys.stdout, force_terminal=True)
    )
    assert list(output.progress("limits")([1.0, 2.0])) == [1.0, 2.0]
    assert "limits" in screen.getvalue()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("draw", [False, True])
def test_long_work_is_shown_on_standard_error_of_a_terminal_only(capsys, monkeypatch, draw):
    screen = io.StringIO()
    monkeypatch.setattr("rich.console.Console", lambda stderr: Console(file=screen, force_terminal=draw))
    with output.busy("limit, toys") as track:
        assert list(track([1, 2, 3])) == [1, 2, 3]
    assert list(output.steps(str)(["exact", "asymptotic"])) == ["exact", "asymptotic"]
    for label in ("limit, toys", "exact", "asymptotic"):
        assert (label in screen.getvalue()) == draw
    assert capsys.readouterr() == ("", "")


def test_interrupt(na64stat, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("na64stat.experiment.load.load_run", interrupted)
    answer = na64stat("info", "2022")
    assert answer.status == 130
    assert answer.err.splitlines()[-1] == "na64stat: error: stopped"
    assert answer.out == ""


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ZeroDivisionError("a bug"), 1, "ZeroDivisionError: a bug ("),
        (OSError(5, "Input/output error", "disk"), 2, "disk: Input/output error"),
        (click.ClickException("as click says"), 2, "as click says"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_exception_is_a_traceback(na64stat, monkeypatch, error, status, text):
    def fails(*_):
        raise error

    monkeypatch.setattr("na64stat.experiment.load.load_run", fails)
    answer = na64stat("info", "2022")
    assert answer.status == status
    assert answer.err.startswith(f"na64stat: error: {text}")
    assert answer.err.count("\n") == 1


def test_own_warnings_are_one_line_and_said_once(na64stat):
    answer = na64stat("predict", "axion-muon", "--mass", "5", "--coupling", "1")
    expected = (
        "na64stat: warning: axion-muon at mass 5 GeV, run 2022: 100% of the particles have an effective mass outside"
    )
    assert answer.err.startswith(expected)
    assert answer.err.count("\n") == 1


def shell(command, **variables):
    """A real process, with the `na64stat` of this environment."""
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONWARNINGS")}
    folder = os.path.dirname(sys.executable)  # noqa: PTH120
    environment |= {"PATH": f"{folder}{os.pathsep}{environment['PATH']}", **variables}
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env=environment, check=False, timeout=60
    )


def test_a_closed_pipe_is_no_error_message():
    done = shell("na64stat info 2022 | head -1; na64stat info 2022 --json | head -1")
    assert done.stdout == "run 2022: NA64mu 2022: 1.98e10 muons of 160 GeV\n{\n"
    assert done.stderr == ""
    # The reader is gone before the first word.
    done = shell("na64stat info 2022 --json | true; na64stat --help | true")
    assert done.stderr == ""


def test_other_peoples_warnings_stay_off_the_terminal():
    # `workspace` goes through pyhf and jsonschema, which deprecate things.
    done = shell("na64stat workspace axion-muon --mass 0.1 --region invisible > /dev/null")
    assert done.returncode == 0
    assert all(line.startswith("note: ") for line in done.stderr.splitlines()), done.stderr


def test_the_module_runs_too():
    done = shell(f"{sys.executable} -m na64stat.cli.main info gone.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "na64stat: error: gone.toml: no such run file\n"


def test_warnings_of_others_keep_their_form(capsys, monkeypatch):
    from na64stat.cli.main import _show_warning

    monkeypatch.setattr(warnings, "showwarning", _show_warning)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", _show_warning)
        warnings.warn("not ours", UserWarning, stacklevel=1)
    assert "UserWarning: not ours" in capsys.readouterr().err


@pytest.mark.parametrize("broken", [RuntimeError, ComputationError], ids=lambda kind: kind.__name__)
def test_what_breaks_while_ctrl_c_is_dealt_with_is_no_error(na64stat, monkeypatch, broken):
    def info(*_, **__):
        try:
            raise KeyboardInterrupt
        finally:
            raise broken("the workers are gone")

    monkeypatch.setattr(cli.commands["info"], "callback", info)
    answer = na64stat("info", "2022")
    assert (answer.status, answer.err) == (130, "na64stat: error: stopped\n")
