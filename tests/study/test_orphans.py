"""Worker processes whose parent is gone, by whatever signal and whatever they are at: none of them lives on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found in /proc")

SCRIPT = """
import ctypes, sys, time
from na64stat.tasks.engine import Engine

class Job:
    def __call__(self, task):
        open(f"begun-{task}", "w").close()
        WORK
        return task

with Engine(Job(), workers=2) as engine:
    engine.run(list(range(8)))
"""

WORK = {
    "sleeps": "time.sleep(3600)",
    "computes": "while True: sum(range(1000))",
    # A function of the C library that keeps the lock which all threads of Python need.
    "lets no thread run": "ctypes.PyDLL(None).sleep(3600)",
}


def family(mark):
    """Processes, zombies left out, that inherited the mark in their surroundings."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"NA64STAT_TEST={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def start(folder, code):
    mark = f"{os.getpid()}-{time.monotonic_ns()}"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, env=os.environ | {"NA64STAT_TEST": mark},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return process, mark


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("number", "work"),
    [(signal.SIGKILL, "sleeps"), (signal.SIGTERM, "computes"), (signal.SIGHUP, "sleeps"),
     (signal.SIGKILL, "lets no thread run")],
)  # fmt: skip
def test_no_worker_outlives_its_parent(tmp_path, number, work):
    if work == "lets no thread run" and sys.platform != "linux":
        pytest.skip("the kernel's help is Linux's")
    process, mark = start(tmp_path, SCRIPT.replace("WORK", WORK[work]))
    try:
        wait_for(lambda: len(list(tmp_path.glob("begun-*"))) >= 2)
        assert len(family(mark)) >= 3
        process.send_signal(number)
        assert process.wait(30) == -number
        wait_for(lambda: not family(mark), 20)
    finally:
        for left in family(mark):
            os.kill(left, signal.SIGKILL)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3])
def test_nor_one_that_is_being_started(tmp_path, delay):
    process, mark = start(tmp_path, SCRIPT.replace("WORK", WORK["sleeps"]))
    try:
        wait_for(lambda: len(family(mark)) >= 2)
        time.sleep(delay)
        process.kill()
        process.wait(30)
        wait_for(lambda: not family(mark), 30)
    finally:
        for left in family(mark):
            os.kill(left, signal.SIGKILL)
