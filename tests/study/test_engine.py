"""Tasks here, in processes, in threads and through a user's executor: the same answers, whatever happens to the workers."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest

from na64stat.errors import ComputationError, InputError
from na64stat.tasks.engine import Engine
from na64stat.tasks.journal import Journal

TASKS = [["power", i, [0.1 * i, 1e-300]] for i in range(12)]


class Powers:
    """Answers with squares; notes which process did it, kills it once, or fails."""

    def __init__(self, folder=None, kill=False, fail=None):
        self.folder, self.kill, self.fail = folder, kill, fail

    def __call__(self, task):
        kind, number, values = task
        if self.folder is not None:
            (self.folder / f"{kind}-{number}-{time.monotonic_ns()}").write_text(str(os.getpid()))
            mark = self.folder / "killed"
            if self.kill and number == 7 and not mark.exists():
                mark.write_text("")
                os.kill(os.getpid(), signal.SIGKILL)
        if self.fail is not None and number >= self.fail:
            raise RuntimeError(f"task {number} is not for me")
        return [number**2, *values]


EXPECTED = [[i**2, 0.1 * i, 1e-300] for i in range(12)]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_any_number_of_workers(workers):
    with Engine(Powers(), workers=workers) as engine:
        assert engine.run(TASKS) == EXPECTED
        assert engine.run(TASKS[::-1]) == EXPECTED[::-1]
        assert engine.run([]) == []


def test_the_work_is_really_done_elsewhere(tmp_path):
    with Engine(Powers(tmp_path), workers=2) as engine:
        engine.run(TASKS)
    homes = {path.read_text() for path in tmp_path.iterdir()}
    assert str(os.getpid()) not in homes


def test_any_executor():
    with ThreadPoolExecutor(3) as threads:
        with Engine(Powers(), workers=threads) as engine:
            assert engine.run(TASKS) == EXPECTED
        assert threads.submit(int, 3).result() == 3  # it is the user's, and stays open


def test_a_killed_worker_is_replaced(tmp_path):
    with Engine(Powers(tmp_path, kill=True), workers=2) as engine:
        assert engine.run(TASKS) == EXPECTED
    assert (tmp_path / "killed").exists()


def test_workers_that_always_die():
    class Deadly(Powers):
        def __call__(self, task):
            os.kill(os.getpid(), signal.SIGKILL)

    with (
        pytest.raises(ComputationError, match="worker processes died 5 times, with 12 tasks to do"),
        Engine(Deadly(), workers=2) as engine,
    ):
        engine.run(TASKS)


def test_a_broken_executor_is_the_users():
    class Broken(Executor):
        def submit(self, *_):
            future = Future()
            future.set_exception(BrokenProcessPool("gone"))
            return future

    with pytest.raises(ComputationError, match="gone; 12 of these 12 tasks were to be done, and there is no journal"):
        Engine(Powers(), workers=Broken()).run(TASKS)


def test_what_a_job_raises_comes_through(tmp_path):
    for workers in (1, 2):
        with (
            pytest.raises(RuntimeError, match=r"task (5|6|7|8|9|10|11) is not for me"),
            Engine(Powers(fail=5), workers=workers) as engine,
        ):
            engine.run(TASKS)


def test_finished_tasks_are_not_done_again(tmp_path):
    path, folder = tmp_path / "j", tmp_path / "calls"
    folder.mkdir()
    journal = Journal(path, {"q": 1})
    with pytest.raises(RuntimeError), Engine(Powers(folder, fail=5), journal=journal) as engine:
        engine.run(TASKS)
    journal.close()
    assert len(list(folder.iterdir())) == 6
    journal = Journal(path, {"q": 1})
    assert journal.found == 5
    with Engine(Powers(folder), journal=journal) as engine:
        assert engine.run(TASKS) == EXPECTED
    journal.close()
    done = [name.name.split("-")[1] for name in folder.iterdir()]
    assert sorted(set(done), key=int) == [str(i) for i in range(12)]
    assert sorted(number for number in set(done) if done.count(number) > 1) == ["5"]


def test_equal_tasks_are_done_once(tmp_path):
    with Engine(Powers(tmp_path)) as engine:
        assert engine.run([TASKS[3]] * 4) == [EXPECTED[3]] * 4
    assert len(list(tmp_path.iterdir())) == 1


def test_progress_knows_the_length():
    seen = []

    def track(answers):
        seen.append(len(answers))
        for answer in answers:
            seen.append(None)
            yield answer

    with Engine(Powers(), track=track) as engine:
        engine.run(TASKS[:4])
        engine.run(TASKS[:0])
    assert seen == [4, None, None, None, None]


@pytest.mark.parametrize("workers", [0, -1, 2000, True, 1.5, "two", None])
def test_no_number_of_workers(workers):
    with pytest.raises(InputError, match="workers"):
        Engine(Powers(), workers=workers)


def test_a_job_that_cannot_be_sent(tmp_path):
    job = Powers()
    with (
        (tmp_path / "open").open("w") as job.file,
        pytest.raises(InputError, match="cannot be sent to other processes"),
    ):
        Engine(job, workers=2).run(TASKS)


def test_a_class_in_a_script_without_a_guard(tmp_path):
    """As a user writes it: everything at the top level of one file, no `if __name__ == "__main__"`."""
    script = tmp_path / "mine.py"
    script.write_text(
        "from na64stat.tasks.engine import Engine\n"
        "FACTOR = 3\n"
        "class Job:\n"
        "    def __call__(self, task):\n"
        "        return FACTOR * task\n"
        "with Engine(Job(), workers=2) as engine:\n"
        "    print(engine.run([1, 2, 3]))\n"
    )
    found = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert found.stdout == "[3, 6, 9]\n"


def test_workers_with_another_installation(monkeypatch):
    asked = [False, False, True]
    monkeypatch.setattr("na64stat.tasks.engine.version", lambda _: "1.0" if asked.pop() else "2.0")
    with (
        ThreadPoolExecutor(1) as threads,
        pytest.raises(ComputationError, match=r"has na64stat 2\.0, 1\.0 is asked for"),
    ):
        Engine(Powers(), workers=threads).run(TASKS[:1])
