"""Long scans: killed, interrupted, spread over processes and a Dask cluster, and in the end always the same bytes."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import na64stat as na
from na64stat.errors import InputError
from na64stat.tasks.dask import dask_executor

KILLS = int(os.environ.get("NA64STAT_TEST_KILLS", "4"))
"""How often the scan is killed; twenty once in a while."""

RUN = """
extends = "2022"
description = "2022 with a visible background"
[regions.visible.backgrounds]
realistic = {value = 2.0, uncertainty = 0.6, unit = "1", source = "this test", status = "assumed"}
"""

MINE = '''
from dataclasses import dataclass
import helper_of_mine
from na64stat import Production, Scenario
from na64stat.physics import cross_sections

FACTOR = 1.0


@dataclass(frozen=True, kw_only=True)
class Mine(Scenario):
    """A scalar that decays to photons, with a coupling of its own."""

    name = "mine"
    default_regions = ("visible", "invisible")

    def production(self, x, beam_energy, nucleus):
        shape = cross_sections.scalar(x, self.mass, beam_energy, nucleus)
        return Production(self.mass, FACTOR * helper_of_mine.twice(self.coupling) ** 2 * shape)

    def width(self):
        return 1e-3 * self.coupling**2 * self.mass**3

    def visible_fraction(self):
        return 1.0
'''

SIZE = ["--mass", "2e-3:0.2:16", "--coupling", "1e-5:1:24"]
TWO = ["--region", "visible", "--region", "invisible", "--run", "own.toml", "--background", "realistic"]

pytestmark = pytest.mark.filterwarnings("ignore:.* come from x < 0.01:na64stat.errors.ValidityWarning")


def command(*words):
    return [sys.executable, "-m", "na64stat.cli.main", *map(str, words)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long")
    (folder / "own.toml").write_text(RUN)
    return folder


def start(folder, *words):
    return subprocess.Popen(
        command("scan", "axion-photon", *SIZE, *TWO, *words),
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(folder):
    """The scan that nobody disturbed."""
    process = start(folder, "-o", "whole.json")
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert not (folder / "whole.json.journal").exists()
    return (folder / "whole.json").read_bytes()


def finished(path):
    """Tasks in a journal."""
    return max(path.read_bytes().count(b"\n") - 1, 0) if path.exists() else 0


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.long
def test_killed_again_and_again(folder, whole):
    """SIGKILL at random moments of the work: nothing that was finished is done again, and the file is the same."""
    rng = random.Random(1)  # noqa: S311
    journal, output = folder / "killed.json.journal", folder / "killed.json"
    seen = 0
    for _ in range(KILLS):
        process = start(folder, "-o", output.name)
        # A little further than before, and then at any moment; or it was too quick for us.
        wait_for(lambda p=process, n=seen: finished(journal) > n or p.poll() is not None)
        time.sleep(rng.uniform(0, 0.1))
        process.kill()
        process.communicate()
        if output.exists():
            break
        before, seen = seen, finished(journal)
        assert seen > before
    process = start(folder, "-o", output.name)
    _, err = process.communicate()
    assert output.exists(), err
    assert output.read_bytes() == whole


def test_ctrl_c_says_how_to_go_on(folder, whole):
    journal, output = folder / "stopped.json.journal", folder / "stopped.json"
    process = start(folder, "-o", output.name)
    wait_for(lambda: finished(journal) > 3)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert "what is finished is kept in stopped.json.journal, and the same command goes on from there" in err
    assert "Traceback" not in err
    assert not output.exists()
    process = start(folder, "-o", output.name, "--workers", "2")
    _, err = process.communicate()
    assert "going on from stopped.json.journal" in err
    assert output.read_bytes() == whole
    assert not journal.exists()


@pytest.mark.long
def test_ctrl_c_stops_the_workers_too(folder):
    journal = folder / "group.json.journal"
    process = start(folder, "-o", "group.json", "--workers", "2")
    wait_for(lambda: finished(journal) > 18)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    wait_for(lambda: not alive_in_group(process.pid), 20)


def alive_in_group(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_worker_changes_nothing(folder, whole):
    journal, output = folder / "worker.json.journal", folder / "worker.json"
    process = start(folder, "-o", output.name, "--workers", "2")
    wait_for(lambda: finished(journal) > 18)
    victim = subprocess.run(
        ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    os.kill(int(victim[-1]), signal.SIGKILL)
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert output.read_bytes() == whole


def test_another_question_is_refused_and_nothing_lost(folder):
    journal = folder / "other.journal"
    process = start(folder, "-o", "first.json", "--journal", journal.name)
    wait_for(lambda: finished(journal) > 3)
    process.kill()
    process.communicate()
    before = journal.read_bytes()
    for words, difference in (
        (["--cl", "0.95"], "cl is 0.9 there, 0.95 here"),
        (["--depth-average", "continuous"], 'depth_average is "layers" there, "continuous" here'),
        (["--no-systematics"], "systematics is true there, false here"),
    ):
        process = start(folder, "-o", "second.json", "--journal", journal.name, *words)
        out, err = process.communicate()
        assert (process.returncode, out) == (2, "")
        assert f"na64stat: error: journal other.journal: belongs to another question: {difference}" in err
        assert journal.read_bytes() == before
        assert not (folder / "second.json").exists()


@pytest.mark.long
def test_a_full_disk(folder, whole):
    """A limit on the size of files stands for the disk: an error, the journal kept, and more room finishes the work."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000));"
        "from na64stat.cli.main import main; main(sys.argv[1:])"
    )
    words = [sys.executable, "-c", code, "scan", "axion-photon", *SIZE, *TWO, "-o", "full.json"]
    stopped = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert stopped.returncode == 2
    assert "cannot write full.json.journal" in stopped.stderr
    assert "What was finished is kept there" in stopped.stderr
    assert finished(folder / "full.json.journal") > 3
    process = start(folder, "-o", "full.json")
    process.communicate()
    assert (folder / "full.json").read_bytes() == whole


# --- a user's own scenario, in processes and on a cluster


@pytest.fixture(scope="module")
def mine(folder):
    """A scenario in a file, which imports another file: neither is where the workers look."""
    (folder / "mine").mkdir()
    (folder / "mine" / "mine.py").write_text(MINE)
    (folder / "mine" / "helper_of_mine.py").write_text("def twice(value):\n    return 2 * value\n")
    return ["scan", "mine/mine.py:Mine", "--mass", "3e-3:0.1:6", "--coupling", "1e-5:1e-2:12", "--run", "own.toml",
            "--background", "realistic"]  # fmt: skip


def run_mine(folder, mine, *words):
    environment = os.environ | {"PYTHONPATH": str(folder / "mine")}
    found = subprocess.run(
        command(*mine, *words), cwd=folder, capture_output=True, text=True, check=False, env=environment
    )
    assert found.returncode == 0, found.stderr
    return found


@pytest.fixture(scope="module")
def mine_alone(folder, mine):
    run_mine(folder, mine, "-o", "mine.json")
    return (folder / "mine.json").read_bytes()


@pytest.mark.long
def test_an_own_scenario_in_processes(folder, mine, mine_alone):
    assert {"allowed", "excluded"} <= {item for row in json.loads(mine_alone)["status"] for item in row}
    run_mine(folder, mine, "-o", "mine2.json", "--workers", "2")
    assert (folder / "mine2.json").read_bytes() == mine_alone


@pytest.fixture(scope="module")
def cluster(folder):
    """A Dask scheduler and a function that starts workers, all on this machine, each a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "10"}
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    processes = []

    def dask(*words):
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *words], cwd=elsewhere, env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        processes.append(process)
        return process

    host, port = address.removeprefix("tcp://").split(":")
    dask("scheduler", "--host", host, "--port", port, "--no-dashboard")

    def reachable():
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return True
        return False

    wait_for(reachable)

    def worker():
        return dask("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "60")

    yield address, worker
    for process in reversed(processes):
        process.kill()
        process.wait()


@pytest.mark.long
def test_a_cluster_whose_worker_is_killed(folder, whole, cluster):
    address, worker = cluster
    victim, _ = worker(), worker()
    output, journal = folder / "dask.json", folder / "dask.json.journal"
    process = start(folder, "-o", output.name, "--scheduler", address)
    wait_for(lambda: finished(journal) > 18 or process.poll() is not None)
    assert process.poll() is None
    victim.kill()
    victim.wait()
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert output.read_bytes() == whole


@pytest.mark.long
def test_an_own_scenario_on_a_cluster(folder, mine, mine_alone, cluster):
    address, worker = cluster
    worker()
    run_mine(folder, mine, "-o", "mine3.json", "--scheduler", address)
    assert (folder / "mine3.json").read_bytes() == mine_alone


def test_no_scheduler_there(folder, monkeypatch):
    monkeypatch.setattr("na64stat.tasks.dask._PATIENCE", "1s")
    with pytest.raises(InputError, match=r"scheduler 'tcp://127\.0\.0\.1:9': no Dask scheduler answers there"):  # noqa: SIM117
        with dask_executor("tcp://127.0.0.1:9"):
            pass


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'na64stat\[dask\]'"):  # noqa: SIM117
        with dask_executor("tcp://127.0.0.1:9"):
            pass


# --- the same from Python


def test_workers_and_executors_from_python(tmp_path):
    run = na.load_run("2022")
    grid = np.geomspace(3e-3, 0.1, 5), np.geomspace(1e-5, 1e-2, 9)
    alone = na.scan(na.AxionPhoton, run, *grid)
    with ThreadPoolExecutor(2) as threads:
        assert na.scan(na.AxionPhoton, run, *grid, workers=threads).as_dict() == alone.as_dict()
    path = tmp_path / "journal"
    assert na.scan(na.AxionPhoton, run, *grid, workers=2, journal=path).as_dict() == alone.as_dict()
    calls = []

    def track(answers):
        calls.append(len(answers))
        return answers

    # Everything is known: nothing is computed.
    assert na.scan(na.AxionPhoton, run, *grid, journal=path, track=track).as_dict() == alone.as_dict()
    assert calls == []


def test_a_scenario_that_changed_is_noticed(tmp_path):
    """The same name and file, other numbers: a journal of the old one would mix two models."""

    class Scaled(na.AxionMuon):
        factor = 1.0

        def production(self, x, beam_energy, nucleus):
            made = super().production(x, beam_energy, nucleus)
            return na.Production(made.effective_mass, self.factor * made.dsigma_dx)

    run, path = na.load_run("2022"), tmp_path / "journal"
    grid = [0.01, 0.1], [1e-3, 1e-2]
    na.scan(Scaled, run, *grid, journal=path)
    Scaled.factor = 1.5
    with pytest.raises(InputError, match="scenario_digest"):
        na.scan(Scaled, run, *grid, journal=path)
    Scaled.factor = 1.0
    with pytest.raises(InputError, match="mass_gev"):
        na.scan(Scaled, run, [0.01, 0.2], [1e-3, 1e-2], journal=path)
