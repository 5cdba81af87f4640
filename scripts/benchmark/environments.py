"""Virtual environments for what na64stat is compared with, and child processes in them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from na64stat.errors import ComputationError, InputError

PYHF = ("pyhf==0.7.6", "numpy==2.3.*", "scipy", "iminuit>=2.24")
"""pyhf's toy calculator fails with numpy 2.4 and later."""

JAX = ("jax", "evermore==0.4.*")

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def prepare(folder: Path, requirements: Sequence[str]) -> Path:
    """Python of an environment with these packages; made once, kept in `folder` and made anew if they change.

    Raises
    ------
    ComputationError
        The packages cannot be installed; with the installer's last words.
    """
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    mark, wanted = folder / ".installed", "\n".join((sys.version.split()[0], *requirements))
    if mark.is_file() and mark.read_text() == wanted:
        return python
    if folder.exists() and not (folder / "pyvenv.cfg").is_file():
        raise InputError(
            f"environment {folder}: the folder exists and is no virtual environment; --env names another one"
        )
    print(f"making an environment with {', '.join(requirements)} in {folder} (once)", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
    done = subprocess.run(install, capture_output=True, text=True, check=False, env=_clean())
    if done.returncode:
        raise ComputationError(f"cannot install {', '.join(requirements)}: {done.stderr.strip()[-500:]}")
    mark.write_text(wanted)
    return python


def _clean() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


class Child:
    """A process that serves requests; see `serve`."""

    def __init__(self, python: Path, script: str, *, one_thread: bool) -> None:
        self.name = script.removesuffix(".py")
        path = Path(__file__).with_name(script)
        environment = _clean() | (dict.fromkeys(_ONE_THREAD, "1") if one_thread else {})
        self.log = python.parents[1] / "log.txt"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [str(python), str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                env=environment,
            )
        start = time.perf_counter()
        self.versions: dict[str, str] = self.ask("versions")
        self.start_seconds = time.perf_counter() - start

    def ask(self, command: str, **arguments: Any) -> Any:
        """The answer to one request.

        Raises
        ------
        ComputationError
            The request failed, or the process ended; with its last words.
        """
        assert self.process.stdin is not None  # noqa: S101  both are pipes
        assert self.process.stdout is not None  # noqa: S101
        try:
            self.process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer = json.loads(line) if line else {"error": f"the process ended: {self.log.read_text().strip()[-500:]}"}
        if "error" in answer:
            last = answer["error"].strip().splitlines()[-1]
            raise ComputationError(f"{self.name}, {command}: {last}")
        return answer["result"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None  # noqa: S101  it is a pipe
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
