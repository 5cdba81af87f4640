"""Compiled code where it cannot be kept on disk: the same results, without an error."""

import contextlib
import os
import pty
import subprocess
import sys

import pytest

MODULE = """
from na64stat.stats.likelihood.jit import compiled

@compiled()
def double(x):
    return 2.0 * x
"""


def double_21(folder, before="", **environment):
    """What a fresh process computes with a compiled function of a module in `folder`."""
    (folder / "tiny.py").write_text(MODULE, encoding="utf-8")
    words = [sys.executable, "-c", "import tiny; print(tiny.double(21.0))"]
    paths = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = ["bash", "-c", f'{before} exec "$@"', "bash", *words]
    return subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def kept(folder):
    return sorted(path.suffix for path in folder.rglob("*.nb?"))


def test_compiled_code_is_kept(tmp_path):
    done = double_21(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    assert (done.stdout, done.stderr) == ("42.0\n", "")
    assert kept(tmp_path / "cache") == [".nbc", ".nbi"]


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file sizes on this system")
def test_a_full_disk_loses_the_kept_code_only(tmp_path):
    done = double_21(tmp_path, "ulimit -f 1;", NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    assert (done.stdout, done.stderr) == ("42.0\n", "")
    assert ".nbc" not in kept(tmp_path / "cache")


def test_nowhere_to_keep_it(tmp_path, monkeypatch):
    """numba's error of a function without a place for its cache is none of ours."""
    from na64stat.stats.likelihood import jit

    def nowhere(function):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(jit, "_Kept", nowhere)

    @jit.compiled()
    def double(x):
        return 2.0 * x

    assert double(21.0) == 42.0
    assert not list(tmp_path.iterdir())


def test_it_is_said_on_a_terminal(tmp_path):
    """Once, where nobody asked for it; and no more when the code is there."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    words = [sys.executable, "-m", "na64stat.cli.main", "limit", "axion-muon", "--mass", "0.1"]
    said = []
    for _ in range(2):
        ours, theirs = pty.openpty()
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
            os.close(theirs)
            text = b""
            with contextlib.suppress(OSError):  # the other end is closed
                while part := os.read(ours, 65536):
                    text += part
            assert b"0.00524" in process.stdout.read()
        os.close(ours)
        said.append(text.count(b"compiling for this machine, once after installation"))
    assert said == [1, 0]
