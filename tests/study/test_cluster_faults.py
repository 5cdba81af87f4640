"""A Dask cluster that is lost, silent, without workers or hostile: one line in bounded time, nothing of it is run here."""

import contextlib
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor

import pytest

from na64stat.errors import ComputationError, InputError, Na64StatWarning
from na64stat.tasks.answers import answer_of, as_text
from na64stat.tasks.dask import dask_executor
from na64stat.tasks.engine import Engine
from na64stat.tasks.journal import Journal
from na64stat.tasks.unpickled import Unread, nothing_unpickled

SCAN = ["scan", "axion-photon", "--mass", "1e-2:0.1:6", "--coupling", "1e-5:1e-2:12"]


class Slow:
    """Answers, after a while, with squares."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __call__(self, task):
        time.sleep(self.seconds)
        return task**2


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def dask(tmp_path):
    """Starts schedulers and workers; each ends with the test."""
    processes = []

    def start(*words):
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *words], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        processes.append(process)
        return process

    yield start
    for process in reversed(processes):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGCONT)
        process.kill()
        process.wait()


@pytest.fixture
def scheduler(dask):
    """A scheduler that runs: its process and address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = dask("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")

    def reachable():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    wait_for(reachable)
    return process, f"tcp://127.0.0.1:{port}"


def worker(dask, address, *words):
    return dask("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "60", *words)


def run(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "na64stat.cli.main", *SCAN, *words], cwd=folder, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip


# --- lost, silent, without workers


@pytest.mark.long
@pytest.mark.parametrize(("number", "why"), [(signal.SIGKILL, "it is gone"), (signal.SIGSTOP, "it does not answer")])
def test_a_scheduler_lost_in_the_middle(tmp_path, dask, scheduler, monkeypatch, number, why):
    process, address = scheduler
    worker(dask, address)
    if number == signal.SIGSTOP:
        monkeypatch.setattr("na64stat.tasks.dask._PATIENCE", 10.0)
    journal = Journal(tmp_path / "j", {"q": 1})
    with dask_executor(address) as executor, Engine(Slow(0.05), workers=executor, journal=journal) as engine:

        def lose():
            wait_for(lambda: len(journal.answers) > 3)
            process.send_signal(number)

        threading.Thread(target=lose, daemon=True).start()
        with pytest.raises(ComputationError) as caught:
            engine.run(list(range(2000)))
    journal.close()
    text = str(caught.value)
    assert text.startswith(f"scheduler '{address}': {why}")
    assert "of these 2000 tasks were to be done" in text
    assert f"{len(journal.answers)} finished tasks are kept in {tmp_path / 'j'}" in text
    assert len(journal.answers) > 3
    journal = Journal(tmp_path / "j", {"q": 1})
    with Engine(Slow(0), journal=journal) as engine:
        assert engine.run(list(range(2000))) == [i**2 for i in range(2000)]
    journal.close()


def test_a_scheduler_without_workers_is_told(dask, scheduler, monkeypatch):
    _, address = scheduler
    monkeypatch.setattr("na64stat.tasks.dask._TELL", 0.5)

    def answer_after_a_while():
        with dask_executor(address) as executor:
            answer = executor.submit(pow, 3, 4)
            time.sleep(3)
            worker(dask, address)
            return answer.result(60)

    with pytest.warns(Na64StatWarning, match="waiting for workers, for 300 s at most"):
        assert answer_after_a_while() == 81


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.*waiting for workers:na64stat.errors.Na64StatWarning")
def test_a_scheduler_without_workers_is_given_up(scheduler, monkeypatch):
    _, address = scheduler
    monkeypatch.setattr("na64stat.tasks.dask._NO_WORKERS", 2.0)
    with (
        dask_executor(address) as executor,
        pytest.raises(BrokenExecutor, match="it has had no worker for 2 s; dask worker"),
    ):
        executor.submit(pow, 3, 4).result(60)


# --- no scheduler


@contextlib.contextmanager
def listening(answer):
    """An address where something listens, and answers with bytes of its own."""
    server = socket.create_server(("127.0.0.1", 0))
    kept = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                one, _ = server.accept()
                kept.append(one)
                if answer:
                    one.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    for one in (server, *kept):
        one.close()


@pytest.mark.sampled(4)
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20, bytes(400), b"\x01" + bytes(7) * 9])
@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_something_else_listens(monkeypatch, answer, scheme):
    monkeypatch.setattr("na64stat.tasks.dask._PATIENCE", 2.0)
    begin = time.monotonic()
    with listening(answer) as port, pytest.raises(InputError, match="no Dask scheduler answers there"):  # noqa: SIM117
        with dask_executor(f"{scheme}://127.0.0.1:{port}"):
            pass
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize(
    "address", ["ucx://127.0.0.1:9", "xyz://127.0.0.1:9", "tcp://127.0.0.1:99999", "", "tcp://", "inproc://9"]
)
def test_addresses_that_are_none(monkeypatch, address):
    monkeypatch.setattr("na64stat.tasks.dask._PATIENCE", 2.0)
    with pytest.raises(InputError, match="no Dask scheduler answers there"), dask_executor(address):
        pass


@pytest.mark.long
def test_silence_is_one_line(tmp_path):
    """With the patience that users have."""
    with listening(b"") as port:
        begin = time.monotonic()
        found = run(tmp_path, "-o", "s.json", "--scheduler", f"tcp://127.0.0.1:{port}")
    assert time.monotonic() - begin < 60  # 20 s, and what a busy machine takes to start
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.count("\n") == 1
    assert "no Dask scheduler answers there" in found.stderr
    assert list(tmp_path.iterdir()) == []


# --- hostile

EVIL = """
import os
import na64stat.tasks.answers, na64stat.tasks.dask

class Evil(Exception):
    def __reduce__(self):
        return os.system, ("touch {mark}",)

def as_text(*_, **__):
    {act}

na64stat.tasks.answers.as_text = as_text

async def dask_setup(worker):
    worker.loop.call_later(0, lambda: None)
    worker.log_event("print", {{"args": ("printed by a worker",)}})
"""


@pytest.mark.sampled(3)
@pytest.mark.parametrize("act", ["return Evil()", "raise Evil()", "return {'a': [Evil()]}",
                                 "return b'{}'", "return b'[' * 100000"])  # fmt: skip
def test_what_a_hostile_worker_sends_is_not_run(tmp_path, dask, scheduler, act):
    """The worker's answer, were it unpickled by anybody, makes a file."""
    _, address = scheduler
    mark = "run by the client"
    (tmp_path / "evil.py").write_text(EVIL.format(mark="'run by the client'", act=act))
    worker(dask, address, "--preload", str(tmp_path / "evil.py"))
    work = tmp_path / "work"
    work.mkdir()
    found = run(work, "-o", "s.json", "--scheduler", address)
    assert (found.returncode, found.stdout) == (1, ""), found.stderr
    lines = [line for line in found.stderr.splitlines() if not line.startswith("na64stat: warning:")]
    assert len(lines) == 1, found.stderr
    assert any(
        text in lines[0] for text in ("sent what is no answer", "could not do its task", "sent what is not read")
    )
    assert not (work / mark).exists()  # the worker itself may make it, in its own folder


def test_errors_of_workers_are_told_by_their_texts():
    data = pickle.dumps(ModuleNotFoundError("No module named 'na64stat'"))
    with nothing_unpickled():
        from distributed.protocol.pickle import loads

        assert "ModuleNotFoundError" in str(loads(data))
        assert "No module named 'na64stat'" in str(loads(data))
        assert isinstance(loads(b"damaged"), Unread)


def test_the_hostile_answer_would_run(tmp_path, monkeypatch):
    """That the test above can fail: the same object, read as a pickle, makes the file."""
    monkeypatch.chdir(tmp_path)
    names = {}
    text = EVIL.format(mark="'run by the client'", act="return Evil()").split("def as_text")[0]
    exec(text, names)  # noqa: S102
    data = pickle.dumps(names["Evil"]())
    with nothing_unpickled():
        from distributed.protocol.pickle import loads

        assert isinstance(loads(data), Unread)
        assert "touch" in str(loads(data))
    assert list(tmp_path.iterdir()) == []
    assert loads(data) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["run by the client"]


def test_a_users_own_client_is_left_as_it_is(dask, scheduler):
    from distributed import Client

    _, address = scheduler
    worker(dask, address)
    with dask_executor(address) as executor, Client(address, set_as_default=False) as own:
        assert executor.submit(pow, 2, 5).result(60) == 32
        assert own.submit(complex, 1, 2).result(60) == 1 + 2j


# --- answers as text


def fails(kind, text):
    raise kind(text)


def test_answers_are_json():
    assert json.loads(as_text(pow, 2, 0.5)) == {"answer": 2**0.5}
    assert answer_of(as_text(list, "ab"), "here") == ["a", "b"]
    with pytest.raises(InputError, match="the mass is wrong"):
        answer_of(as_text(fails, InputError, "the mass is wrong"), "here")
    with pytest.raises(ComputationError, match=r"KeyError: 'x' \(.*line \d+, on a worker\)"):
        answer_of(as_text(fails, KeyError, "x"), "here")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"x",
        b"[]",
        b'{"failed": 1}',
        b'{"answer": 1, "failed": []}',
        "{}",
        None,
        b"[" * 10**5,
        b'{"failed": ["a"]}',
    ],
)
def test_what_is_no_answer(text):
    with pytest.raises(ComputationError, match="here: a worker sent what is no answer"):
        answer_of(text, "here")


def test_a_reason_holds_no_control_characters():
    with pytest.raises(ComputationError, match=r"^a \[2Jb$"):
        answer_of(b'{"failed": ["SystemExit", "a\\u001b[2Jb"]}', "here")
