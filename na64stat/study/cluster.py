"""Dask as the engine beyond one machine: an executor on a scheduler that runs somewhere (extra `dask`)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Final

from na64stat.errors import InputError

_PATIENCE: Final = "20s"
_RETRIES: Final = 10
"""How often a task is given to another worker after one that held it was lost."""


@contextlib.contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """An executor whose tasks a Dask scheduler hands to its workers, on which na64stat is installed.

    Parameters
    ----------
    address
        Of the scheduler, such as ``tcp://host:8786``.

    Raises
    ------
    InputError
        If the extra is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError("scheduler: Dask is not installed; pip install 'na64stat[dask]'") from error
    try:
        client = Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"scheduler {address!r}: no Dask scheduler answers there ({error}); an address such as tcp://host:8786 is right"
        ) from error
    try:
        yield client.get_executor(retries=_RETRIES, pure=False)
    finally:
        client.close()
