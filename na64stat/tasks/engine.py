"""Long work as tasks: done here, in processes, or by any executor of `concurrent.futures`, with a journal on disk.

A task and its answer are what JSON can hold, and an answer depends on its task only. The result is therefore the same for any
number of workers, any order of completion and any number of interruptions.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from functools import lru_cache
from importlib.metadata import version
from types import TracebackType
from typing import Any, Final, Self

from na64stat.errors import ComputationError, InputError
from na64stat.progress import Track
from na64stat.tasks.journal import Journal
from na64stat.tasks.orphans import become_worker
from na64stat.tasks.pickling import packed

_LOG = logging.getLogger(__name__)

Job = Callable[[Any], Any]
"""The answer to a task."""

_RESTARTS: Final = 5
"""How often worker processes that died are replaced before the work is given up."""

_MOST_WORKERS: Final = 1024
_PACKAGE: Final = __name__.partition(".")[0]


class Engine:
    """Has tasks done.

    Parameters
    ----------
    job
        What answers a task; sent to the workers, classes from a user's own file included.
    workers
        Number of processes, 1 for none besides this one; or an executor, such as mpi4py's or `dask_executor`, which stays open.
    journal
        Answers that are known and where new ones go; None to keep nothing.
    track
        Wraps the answers, for a progress bar.

    Raises
    ------
    InputError
        A number of workers that is none.
    """

    def __init__(
        self, job: Job, *, workers: int | Executor = 1, journal: Journal | None = None, track: Track = iter
    ) -> None:
        if isinstance(workers, bool) or not isinstance(workers, int | Executor):
            raise InputError(
                f"workers = {workers!r}: expected a number of processes or an executor of concurrent.futures"
            )
        if isinstance(workers, int) and not 1 <= workers <= _MOST_WORKERS:
            raise InputError(f"workers = {workers}: expected a number from 1 to {_MOST_WORKERS}")
        self._job, self._workers, self._journal, self._track = job, workers, journal, track
        self._own: Executor | None = None
        self._payload = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._own is not None:
            self._own.shutdown(wait=error is None, kill_workers=error is not None)  # type: ignore[call-arg]
            self._own = None

    def run(self, tasks: Sequence[Any]) -> list[Any]:
        """The answers, in the order of the tasks.

        Raises
        ------
        ComputationError
            If the workers died again and again.
        """
        keys = [_key(task) for task in tasks]
        known = {} if self._journal is None else self._journal.answers
        answers = {key: known[key] for key in keys if key in known}
        missing = {key: task for key, task in zip(keys, tasks, strict=True) if key not in answers}
        _LOG.info("%d tasks, %d of them found in the journal", len(keys), len(keys) - len(missing))
        for key, answer in self._track(_Coming(self._done(missing), len(missing))) if missing else ():
            if self._journal is not None:
                self._journal.add(key, answer)
            answers[key] = answer
        return [answers[key] for key in keys]

    def _done(self, tasks: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Answers in the order in which they come."""
        if self._workers == 1:
            for key, task in tasks.items():
                yield key, self._job(task)
            return
        left = dict(tasks)
        for _ in range(_RESTARTS):
            try:
                for key, answer in self._submitted(left):
                    del left[key]
                    yield key, answer
            except BrokenExecutor as error:
                if isinstance(self._workers, Executor):
                    raise ComputationError(self._broken(error, len(left), len(tasks))) from error
                self._own = None
            else:
                return
        raise ComputationError(
            f"worker processes died {_RESTARTS} times, with {len(left)} tasks to do, perhaps for want of memory; fewer need less"
        )

    def _broken(self, error: BrokenExecutor, left: int, number: int) -> str:
        """The error when a user's executor, such as a Dask cluster, is lost."""
        text = (
            f"{error or f'the executor broke: {type(error).__name__}'}; {left} of these {number} tasks were to be done"
        )
        if self._journal is None:
            return f"{text}, and there is no journal that keeps the others"
        kept = f"{len(self._journal.answers)} finished tasks are kept in {self._journal.path}"
        return f"{text}; {kept}, and the same command goes on from there once there are workers again"

    def _submitted(self, tasks: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        executor = self._executor()
        self._payload = self._payload or packed(self._job)
        futures: dict[Future[Any], str] = {}
        try:
            for key, task in tasks.items():
                futures[executor.submit(_answer, version(_PACKAGE), self._payload, task)] = key
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            for future in futures:
                future.cancel()

    def _executor(self) -> Executor:
        if isinstance(self._workers, Executor):
            return self._workers
        if self._own is None:
            # Not multiprocessing's: it needs a guarded main module, and hangs where a worker is killed at the wrong moment.
            from loky import ProcessPoolExecutor

            self._own = ProcessPoolExecutor(self._workers, initializer=become_worker, initargs=(os.getpid(),))
        return self._own


class _Coming:
    """Answers to come, with their number."""

    def __init__(self, answers: Iterator[tuple[str, Any]], number: int) -> None:
        self._answers, self._number = answers, number

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return self._answers

    def __len__(self) -> int:
        return self._number


def _key(task: Any) -> str:
    return hashlib.blake2b(json.dumps(task).encode(), digest_size=16).hexdigest()


def _answer(wanted: str, payload: bytes, task: Any) -> Any:
    """Runs in a worker, which may have another installation."""
    if version(_PACKAGE) != wanted:
        raise ComputationError(
            f"workers: {platform.node()} has {_PACKAGE} {version(_PACKAGE)}, {wanted} is asked for; install the same everywhere"
        )
    return _unpacked(payload)(task)


@lru_cache(maxsize=4)
def _unpacked(payload: bytes) -> Job:
    import cloudpickle

    return cloudpickle.loads(zlib.decompress(payload))  # type: ignore[no-any-return]
