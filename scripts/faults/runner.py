"""Runs the command of a fault in a new folder and notes what came of it.

Commands are lines of bash. Beside `na64stat` they may use:

unprivileged COMMAND    without root's right to pass over permissions
small_disk SIZE LINE    a line of bash with a disk of so many bytes (16k; 0 for a read-only one) as the folder `disk`
without NAMES COMMAND   as if these packages were not installed
backwards COMMAND       with a wall clock that runs backwards
own_copy                the package in the folder `app`, read-only, to be named in PYTHONPATH
"""

from __future__ import annotations

import functools
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import na64stat

HERE: Final = Path(__file__).resolve().parent
PATIENCE: Final = 300

_TOOLS: Final = {
    "unprivileged": 'if [ "$(id -u)" = 0 ]; then exec setpriv --bounding-set=-all --inh-caps=-all -- "$@"; fi; exec "$@"',
    "small_disk": """
mkdir -p disk
if [ "$1" = 0 ]; then options=ro; else options=size=$1; fi
exec unshare $([ "$(id -u)" = 0 ] || echo -r) -m bash -c "mount -t tmpfs -o $options tmpfs disk && { $2; }; status=\\$?
ls -A disk | sed s,^,disk/, > .on_disk; exit \\$status"
""",
    "without": f'export MISSING=$1; shift; export PYTHONPATH={HERE / "missing"}:$PYTHONPATH; exec "$@"',
    "backwards": f'export PYTHONPATH={HERE / "clock"}:$PYTHONPATH; exec "$@"',
    "own_copy": f"""
mkdir app; cp -r {Path(na64stat.__file__).parent} app/na64stat
find app -name __pycache__ -prune -exec rm -r {{}} +; chmod -R a-w app
""",
    "kill_while_writing": f'exec {sys.executable} {HERE / "kill_while_writing.py"} "$@"',
    "python": f'exec {sys.executable} "$@"',
}


@dataclass(frozen=True)
class Outcome:
    """What came of a command.

    Attributes
    ----------
    status
        Exit status of the line.
    out, err
        Standard output and standard error; the folder's own path is left out.
    left
        Names in the folder afterwards, those on a small disk as ``disk/NAME``.
    """

    status: int
    out: str
    err: str
    left: tuple[str, ...]

    @property
    def message(self) -> str:
        """The last line of standard error, else of standard output."""
        lines = (self.err.strip() or self.out.strip()).splitlines()
        return lines[-1] if lines else ""


@functools.cache
def can_mount() -> bool:
    """Whether this machine lets us mount a small disk of our own."""
    if shutil.which("unshare") is None:
        return False
    with workplace() as (folder, environment):
        return _bash("small_disk 16k true", folder, environment).returncode == 0


@functools.cache
def can_be_unprivileged() -> bool:
    """Whether a folder can be closed to us."""
    line = "mkdir closed; chmod 555 closed; ! unprivileged touch closed/file"
    with workplace() as (folder, environment):
        return _bash(line, folder, environment).returncode == 0


def outcome(line: str) -> Outcome:
    """Run a line of bash in a new folder."""
    with workplace() as (folder, environment):
        done = _bash(line, folder, environment)
        on_disk = folder / ".on_disk"
        names = on_disk.read_text(encoding="utf-8").split() if on_disk.exists() else []
        on_disk.unlink(missing_ok=True)
        names += [os.fsencode(path.name).decode("utf-8", "replace") for path in folder.iterdir()]
    out, err = (text.decode("utf-8", "replace").replace(f"{folder}/", "") for text in (done.stdout, done.stderr))
    return Outcome(done.returncode, out, err, tuple(sorted(set(names) - {"disk"})))


@contextmanager
def workplace() -> Iterator[tuple[Path, dict[str, str]]]:
    """An empty folder, and an environment with the tools on its path."""
    with tempfile.TemporaryDirectory() as name:
        tools, folder = Path(name).resolve() / "tools", Path(name).resolve() / "work"
        tools.mkdir()
        folder.mkdir()
        for tool, text in _TOOLS.items():
            _write_tool(tools / tool, f"#!/usr/bin/env bash\n{text}\n")
        entry = "from na64stat.cli.main import main\nmain()\n"
        _write_tool(tools / "na64stat", f"#!{sys.executable}\n{entry}")
        hidden = ("DISPLAY", "FORCE_COLOR", "NA64STAT_TRACEBACK", "PYTHONWARNINGS", "PYTHONSTARTUP", "MPLBACKEND")
        environment = {key: value for key, value in os.environ.items() if key not in hidden}
        environment["PATH"] = f"{tools}{os.pathsep}{environment['PATH']}"
        environment.setdefault("PYTHONPATH", "")
        try:
            yield folder, environment
        finally:
            for path in [folder, *folder.rglob("*")]:
                if path.is_dir() and not path.is_symlink():
                    path.chmod(stat.S_IRWXU)


def _write_tool(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def _bash(line: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", line],  # noqa: S607
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
