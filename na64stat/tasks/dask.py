"""Dask as the engine beyond one machine: an executor on a scheduler that runs somewhere (extra `dask`).

Jobs go to the workers as pickles, answers come back as JSON; what a cluster sends is never unpickled here.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import warnings
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any, Final

from na64stat.errors import ComputationError, InputError, Na64StatWarning
from na64stat.tasks.answers import answer_of, as_text
from na64stat.tasks.unpickled import Unread, guard, nothing_unpickled

_PATIENCE: Final = 20.0
"""Seconds in which a scheduler has to answer."""

_TELL: Final = 5.0
"""Seconds after which the want of workers is told."""

_NO_WORKERS: Final = 300.0
"""Seconds after which a scheduler without workers is given up."""

_LOOKS: Final = 1.0
"""Seconds between two looks at the scheduler."""

_CLOSING: Final = 5.0
_RETRIES: Final = 10
"""How often a task is given to another worker after one that held it was lost."""


@contextlib.contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """An executor whose tasks a Dask scheduler hands to its workers, on which na64stat is installed.

    A scheduler that has no worker is waited for, with a warning, for five minutes. One that is lost, or does not answer for 20
    seconds, breaks the executor. Answers are what JSON can hold.

    Parameters
    ----------
    address
        Of the scheduler, such as ``tcp://host:8786``.

    Raises
    ------
    InputError
        If the extra is not installed, or no scheduler answers within 20 seconds.
    """
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise InputError("scheduler: Dask is not installed; pip install 'na64stat[dask]'") from error
    cluster = _Cluster(address)
    try:
        cluster.connect()
        yield cluster
    finally:
        cluster.shutdown()


class _Cluster(Executor):
    """A client of Dask in a thread of its own, in which no pickle is read; other clients of the user go on as they are."""

    def __init__(self, address: str) -> None:
        self._name = f"scheduler {address!r}"
        self._address = address
        self._one = f"dask worker {address} starts one, where na64stat is installed: without it workers end at once"
        self._client: Any = None
        self._lost = ""
        self._waiting: set[asyncio.Task[Any] | None] = set()
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda *_: None)  # what troubles Dask is told by what fails for it
        self._thread = threading.Thread(target=self._live, daemon=True, name="dask")
        self._thread.start()

    def connect(self) -> None:
        """Find the scheduler, and go on looking at it."""
        try:
            self._run(self._connect()).result(_PATIENCE + _CLOSING)
        except Exception as error:
            text = " ".join(str(error).split()) or f"no answer in {_PATIENCE:g} s"
            raise InputError(
                f"{self._name}: no Dask scheduler answers there ({text}); expected an address such as tcp://host:8786"
            ) from error
        self._run(self._look())

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a function of what JSON can hold called by a worker."""
        return self._run(self._answer(fn, args, kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of the scheduler."""
        del wait, cancel_futures
        with contextlib.suppress(Exception):
            self._run(self._close()).result(_CLOSING)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSING)

    def _live(self) -> None:
        asyncio.set_event_loop(self._loop)
        with nothing_unpickled():
            self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        async def guarded() -> Any:
            guard()
            return await work

        return asyncio.run_coroutine_threadsafe(guarded(), self._loop)

    async def _connect(self) -> None:
        self._client = _client_class()(
            self._address, asynchronous=True, timeout=_PATIENCE, set_as_default=False, deserializers=["msgpack"]
        )
        await asyncio.wait_for(self._client, _PATIENCE)

    async def _close(self) -> None:
        if self._client is not None:
            await asyncio.wait_for(self._client._close(fast=True), _CLOSING)

    async def _answer(self, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if self._lost:
            raise BrokenExecutor(self._lost)
        task = asyncio.current_task()
        self._waiting.add(task)
        try:
            future = self._client.submit(as_text, fn, *args, pure=False, retries=_RETRIES, **kwargs)
            found = await self._client.gather(future)
        except asyncio.CancelledError:
            if self._lost:
                raise BrokenExecutor(self._lost) from None
            raise  # nobody waits any more
        except (Unread, TypeError) as error:
            if self._lost or self._gone:
                raise BrokenExecutor(self._lost or f"{self._name}: {self._gone}") from error
            raise ComputationError(
                f"{self._name}: a worker could not do its task ({' '.join(str(error).split())}); workers need the na64stat, "
                "and the versions of Dask and Python, that are used here"
            ) from error
        except Exception as error:
            raise BrokenExecutor(self._lost or f"{self._name}: {self._gone or 'it is gone'}") from error
        finally:
            self._waiting.discard(task)
        return answer_of(found, self._name)

    @property
    def _gone(self) -> str:
        """Why nothing comes from the scheduler any more; empty as long as something does."""
        report = self._client._handle_report_task
        if report is not None and report.done() and not report.cancelled() and report.exception() is not None:
            return "it sent what is not read, since it could hold anything that runs"
        return "it is gone" if self._client.status != "running" or report is None or report.done() else ""

    async def _look(self) -> None:
        """Watch over the scheduler while it is needed: that it lives, answers, and has workers."""
        begin = time.monotonic()
        told = False
        while not self._lost:
            await asyncio.sleep(_LOOKS)
            try:
                cores = await asyncio.wait_for(self._client.scheduler.ncores(), _PATIENCE)
            except TimeoutError:
                self._lose(f"it does not answer for {_PATIENCE:g} s")
                return
            except Exception:  # noqa: BLE001  (of whatever kind: there is nobody, or nobody who makes sense)
                self._lose(self._gone or "it is gone")
                return
            if self._gone:
                self._lose(self._gone)
            elif cores or not self._waiting:
                begin, told = time.monotonic(), False
            elif time.monotonic() - begin > _NO_WORKERS:
                self._lose(f"it has had no worker for {_NO_WORKERS:g} s; {self._one}")
            elif time.monotonic() - begin > _TELL and not told:
                told = True
                warnings.warn(
                    f"{self._name}: waiting for workers, for {_NO_WORKERS:g} s at most; {self._one}",
                    Na64StatWarning,
                    stacklevel=1,
                )

    def _lose(self, why: str) -> None:
        self._lost = f"{self._name}: {why}"
        for task in filter(None, list(self._waiting)):
            task.cancel()


def _client_class() -> Any:
    """Dask's client, without what others can have it print or run."""
    from distributed import Client

    _hush()

    class Quiet(Client):
        def __del__(self) -> None:
            """Dask's would close it in a loop that has ended."""

        async def _handle_event(self, topic: Any, event: Any) -> None:
            """Texts and warnings that workers send."""

        def _handle_task_erred(self, key: Any = None, exception: Any = None, traceback: Any = None) -> None:
            del traceback
            known = isinstance(exception, Exception | bytes | str)
            super()._handle_task_erred(key, exception if known else Unread("no error"), None)

        def _handle_key_in_memory(self, key: Any = None, type: Any = None, workers: Any = None) -> None:  # noqa: A002
            del type
            super()._handle_key_in_memory(key=key, workers=workers)

    return Quiet


def _hush() -> None:
    """Dask logs what fails, with tracebacks; our thread says it in its own words."""
    import logging

    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in ("distributed", "tornado")]
    handlers = [handler for name in names for handler in logging.getLogger(name).handlers]
    for handler in [*handlers, *([logging.lastResort] if logging.lastResort else [])]:
        if _of_others not in handler.filters:
            handler.addFilter(_of_others)


def _of_others(record: Any) -> bool:
    """True if a message comes from anywhere but our thread."""
    return bool(record.threadName != "dask")
