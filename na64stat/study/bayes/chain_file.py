"""Chains on disk: HDF5, as emcee lays it out, with a checksum in front.

The file is HDF5 with a user block: its first 512 bytes hold the name of the format and a SHA-256 of all that follows, so that a
damaged file is known before it is read. Each group `ensemble_0`, ... can be opened by `emcee.backends.HDFBackend`. A file is
always replaced as a whole: whenever a process is killed, the last complete one is there.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import check
from na64stat.errors import InputError
from na64stat.files import parse_json, write_advice, write_bytes
from na64stat.records.fields import NOT_NEGATIVE, Entry, Range
from na64stat.stats.bayes.posterior import Posterior
from na64stat.stats.bayes.sampler import Chain
from na64stat.tasks.journal import difference

Array = NDArray[np.float64]

SCHEMA: Final = 1

_BLOCK: Final = 512
_ARRAYS: Final = ("chain", "log_prob", "prior_u", "signal", "expected", "accepted", "start")
_MAGIC: Final = b"na64stat chain, schema %d, SHA-256 of what follows the first 512 bytes: %s\n"
_LARGEST: Final = 8 * 2**30
"""Bytes; no chain comes near."""
_LARGEST_NUMBER: Final = 1e100
"""Of the arrays: the squares of others overflow."""

_POWER: Final = Range(0.01, 100.0, "a number from 0.01 to 100")
_FROM_LITTLE: Final = 2**20
_DENSEST: Final = 200
"""Memory that the arrays may take: so many bytes, or so many times the size of the file, since compressed zeros are small."""


def write_chain(
    path: Path, question: Mapping[str, Any], posterior: Posterior, chains: Sequence[Chain], notes: Sequence[str] = ()
) -> None:
    """Put a file in place, atomically.

    Raises
    ------
    InputError
        If it cannot be written; what was there before is kept.
    """
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=_BLOCK, libver=("v108", "v110")) as file:
        file.attrs["kind"] = "na64stat chain"
        file.attrs["schema"] = SCHEMA
        file.attrs["question"] = json.dumps(question)
        file.attrs["parameters"] = json.dumps(list(posterior.names))
        file.attrs["notes"] = json.dumps(list(notes))
        file.attrs["bins"] = json.dumps(list(posterior.model.bin_names))
        for number, chain in enumerate(chains):
            _write_ensemble(file.create_group(f"ensemble_{number}"), posterior, chain)
    data = buffer.getvalue()[_BLOCK:]
    digest = hashlib.sha256(data).hexdigest().encode()
    write_bytes(path, (_MAGIC % (SCHEMA, digest)).ljust(_BLOCK, b"\0") + data, overwrite=True)


def _write_ensemble(group: Any, posterior: Posterior, chain: Chain) -> None:
    import emcee

    flat = chain.points.reshape(-1, posterior.dimension)
    shape = chain.log_prob.shape
    signal, expected = posterior.rates(flat)
    arrays = {
        "chain": posterior.values(flat).reshape(chain.points.shape),
        "log_prob": chain.log_prob,
        "prior_u": chain.points[..., : len(posterior.priors)],
        "signal": signal.reshape(*shape, -1),
        "expected": expected.reshape(*shape, -1),
    }
    for name, values in arrays.items():
        packing = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if values.size else {}
        group.create_dataset(name, data=values, **packing)
    group.create_dataset("accepted", data=chain.accepted)
    group.create_dataset("start", data=chain.start)
    kind, keys, position, has_gauss, gauss = chain.random
    group.create_dataset("random_keys", data=keys)
    steps, walkers = shape
    described = {
        "version": emcee.__version__,
        "nwalkers": walkers,
        "ndim": posterior.dimension,
        "has_blobs": False,
        "iteration": steps,
    }
    described |= {
        "random_kind": kind,
        "random_position": position,
        "random_has_gauss": has_gauss,
        "random_gauss": gauss,
    }
    for key, value in described.items():
        group.attrs[key] = value


class ChainFile:
    """Content of a file.

    Attributes
    ----------
    question, parameters, bins, notes
        What was asked, names of the parameters and of the bins, what a reader should know.
    chains
        By ensemble: its arrays by name.

    Raises
    ------
    InputError
        If the file is missing, is no chain, is damaged, or of another schema. It is left as it is.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        check("path", path, (str, os.PathLike), "expected the path of a chain file")
        self.path = Path(path)
        self._check()
        import h5py

        try:
            with h5py.File(self.path, "r") as file:
                told = {name: self._told(file, name) for name in ("question", "parameters", "bins", "notes")}
                self.parameters, self.bins = (_each_once(told[name]) for name in ("parameters", "bins"))
                self.notes = told["notes"].texts()
                _check_question(told["question"], self.parameters, self.bins)
                self.question: dict[str, Any] = told["question"].object()
                _check_kinds(file)
                groups = [file[f"ensemble_{number}"] for number in range(len(file))]
                _check_sizes(groups, max(_FROM_LITTLE, _DENSEST * self.path.stat().st_size))
                self.chains = [{name: group[name][()] for name in _ARRAYS} for group in groups]
                self._random = [_random_of(group) for group in groups]
            self._check_shapes()
            self._check_numbers()
        except InputError:
            raise
        except BlockingIOError as error:
            raise self._in_use() from error
        except _UnfitError as error:
            raise InputError(f"{self.path}: a chain that cannot be read: {error}; give another file") from error
        except (
            OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError, OverflowError, NotImplementedError
        ) as error:  # fmt: skip
            # HDF5's own words name its functions and nothing that could be mended.
            raise InputError(
                f"{self.path}: a chain that cannot be read: a part of it is missing, or is not as `na64stat posterior` writes "
                "it; give another file"
            ) from error

    def resumed(self) -> list[Chain]:
        """The ensembles, ready to go on."""
        found = []
        for arrays, random in zip(self.chains, self._random, strict=True):
            signals = arrays["prior_u"].shape[-1]
            points = np.concatenate([arrays["prior_u"], arrays["chain"][..., signals:]], axis=-1)
            found.append(Chain(arrays["start"], points, arrays["log_prob"], arrays["accepted"], random))
        return found

    def check_question(self, question: Mapping[str, Any]) -> None:
        """Refuse to go on with another question.

        Raises
        ------
        InputError
            The message names the first thing that differs.
        """
        if differs := difference(self.question, json.loads(json.dumps(question))):
            raise InputError(
                f"{self.path}: belongs to another question: {differs}; ask the same question, name another file, or replace it "
                "(--overwrite, overwrite=True)"
            )

    def _check_shapes(self) -> None:
        """Refuse arrays that do not belong together, with a ValueError."""
        if not self.chains or not self.parameters:
            raise _UnfitError("no ensemble, or no parameter, in it")
        for number, arrays in enumerate(self.chains):
            steps, walkers, parameters = arrays["chain"].shape
            signals = arrays["prior_u"].shape[-1]
            wanted = {
                "chain": (steps, walkers, len(self.parameters)),
                "log_prob": (steps, walkers),
                "prior_u": (steps, walkers, min(max(signals, 1), parameters)),
                "signal": (steps, walkers, len(self.bins)),
                "expected": (steps, walkers, len(self.bins)),
                "accepted": (walkers,),
                "start": (walkers, parameters),
            }
            for name, shape in wanted.items():
                if arrays[name].shape != shape or walkers < 1:
                    raise _UnfitError(f"ensemble_{number}/{name} has the shape {arrays[name].shape}; expected {shape}")

    def _check_numbers(self) -> None:
        """Refuse numbers that cannot be, with a ValueError."""
        positive = {prior["parameter"] for prior in self.question["priors"] if prior["name"] == "log-flat"}
        for number, arrays in enumerate(self.chains):
            right: dict[str, tuple[float, float]] = dict.fromkeys(_ARRAYS, (-_LARGEST_NUMBER, _LARGEST_NUMBER))
            right |= {"prior_u": (0.0, 1.0), "accepted": (0.0, len(arrays["chain"]))}
            columns = {f"chain, {name}": arrays["chain"][..., i] for i, name in enumerate(self.parameters)}
            for prior in self.question["priors"]:
                name = prior["parameter"]
                right[f"chain, {name}"] = 1 / _LARGEST_NUMBER if name in positive else 0.0, _LARGEST_NUMBER
            for name, (low, high) in right.items():
                values = np.asarray(arrays[name] if name in arrays else columns[name], dtype=np.float64)
                wrong = values[~((values >= low) & (values <= high))]
                if wrong.size:
                    raise _UnfitError(
                        f"ensemble_{number}/{name} holds {wrong[0]:g}; expected numbers from {low:g} to {high:g}"
                    )

    def _told(self, file: Any, name: str) -> Entry:
        """Content of an attribute of the file, which is JSON."""
        where = f"{self.path}: a chain that cannot be read"
        if name not in file.attrs:
            raise InputError(f"{where}: no {name}; give another file")
        return Entry(parse_json(Entry(file.attrs[name], name, where).text(), f"{where}: {name}"), name, where)

    def _in_use(self) -> InputError:
        return InputError(
            f"{self.path}: another program has it open and locked; close it there, or wait until it has ended"
        )

    def _opened(self) -> io.BufferedReader:
        try:
            # Nobody may ever write to a pipe.
            if not stat.S_ISREG(self.path.stat().st_mode) and not self.path.is_dir():
                raise InputError(f"{self.path}: no file of a disk, which a chain is; give the path of one")
            return self.path.open("rb")
        except FileNotFoundError as error:
            raise InputError(f"{self.path}: there is no such file") from error
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror}") from error
        except ValueError as error:  # a NUL, or half a character, in it
            raise InputError(f"{self.path}: not the name of a file ({error})") from error

    def _check(self) -> None:
        with self._opened() as file:
            # A program that has it open to write has changed it already: it only seems damaged.
            if _is_locked(file.fileno()):
                raise self._in_use()
            try:
                head = file.read(_BLOCK)
                size = os.fstat(file.fileno()).st_size
                digest = hashlib.file_digest(file, "sha256").hexdigest().encode() if size <= _LARGEST else b""
            except OSError as error:
                raise InputError(f"{self.path}: cannot be read: {error.strerror}") from error
        if not head.startswith(b"na64stat chain, schema "):
            raise InputError(f"{self.path}: not a chain of na64stat; `na64stat posterior -o FILE` writes one")
        if size > _LARGEST:
            raise InputError(f"{self.path}: larger than {_LARGEST} bytes, which no chain is")
        schema = head[len(b"na64stat chain, schema ") :].split(b",")[0]
        if schema != b"%d" % SCHEMA:
            raise InputError(f"{self.path}: schema {schema[:8].decode(errors='replace')}; this version reads {SCHEMA}")
        if head != (_MAGIC % (SCHEMA, digest)).ljust(_BLOCK, b"\0"):
            raise InputError(
                f"{self.path}: damaged (its checksum is wrong), so that what it holds cannot be trusted; delete it to start "
                "anew, or name another file"
            )


class _UnfitError(Exception):
    """A file that HDF5 can read, and is no chain; in our own words."""


def _is_locked(descriptor: int) -> bool:
    """True if another process has locked a file to write, as HDF5 does."""
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except (ImportError, OSError):  # no such locks on this system
        pass
    return False


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes from the same file meanwhile, by a file FILE.lock beside it.

    Raises
    ------
    InputError
        If another process is at work on it, or the folder cannot be written.
    """
    lock = path.with_name(f"{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(f"cannot write {path}: {write_advice(error)}") from error
    try:
        try:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # no such locks on this system: two processes on one file are then the user's care
            pass
        except BlockingIOError as error:
            raise InputError(f"{path}: another process is at work on it; wait for it, or name another file") from error
        except OSError:  # a file system without locks
            pass
        yield
        lock.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _check_kinds(group: Any) -> None:
    """Refuse links to other files and arrays whose numbers lie in other files, with a ValueError."""
    import h5py

    for name in group:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise _UnfitError(f"{name[:80]!r} is a link; expected the thing itself")
        item = group[name]
        if isinstance(item, h5py.Group) and group.name == "/":
            _check_kinds(item)
        elif not isinstance(item, h5py.Dataset) or item.external or item.is_virtual:
            raise _UnfitError(f"{name[:80]!r} is not an array of its own")


def _check_sizes(groups: Sequence[Any], most: int) -> None:
    """Refuse arrays of other than numbers, or that are too large to be read, before they are read."""
    total = 0
    for group in groups:
        for name in (*_ARRAYS, "random_keys"):
            array = group[name]
            if array.dtype.kind not in "fiu" or array.dtype.itemsize > 8:
                raise _UnfitError(f"{name} is of type {array.dtype}; expected numbers")
            total += math.prod(array.shape) * array.dtype.itemsize
            if total > most:
                raise _UnfitError(f"its arrays take more than {most} bytes in memory, out of proportion to the file")


def _check_question(asked: Entry, parameters: Sequence[str], bins: Sequence[str]) -> None:
    """Refuse a question in which something is missing or impossible that readers rely on."""
    for name in ("scenario", "coupling_unit"):
        asked[name].name()
    asked["run"].or_none(Entry.name)
    asked["regions"].names()
    for name in {"kind", "schema"} & set(asked.object()):
        raise asked[name].wrong("no such entry")
    for name in ("mass_gev", "coupling"):
        asked[name].or_none(Entry.positive)
    counts = asked["counts"].fields()
    if set(counts) != set(bins):
        raise asked["counts"].wrong(f"an object with the count of each of {', '.join(bins)}")
    for count in counts.values():
        count.number(NOT_NEGATIVE)
    priors = [[item[name].text() for name in ("parameter", "name", "text")] for item in asked["priors"].filled()]
    if [prior[0] for prior in priors] != list(parameters[: len(priors)]):
        raise asked["priors"].wrong(f"one prior of each of the first parameters of {', '.join(parameters)}")
    power, at_one = asked["yield_power"].or_none(lambda value: value.number(_POWER)), asked["events_at_coupling_one"]
    at_one.or_none(lambda value: value.number(NOT_NEGATIVE))
    # What couplings follow from, if they have no prior themselves.
    if power is not None and "coupling" not in parameters:
        (asked["coupling"] if parameters[0] == "mu" else at_one).positive()


def _each_once(entry: Entry) -> tuple[str, ...]:
    found = entry.names()
    if len(set(found)) < len(found):
        raise entry.wrong("a list with each name once")
    return found


def _random_of(group: Any) -> tuple[Any, ...]:
    attributes = group.attrs
    return (
        str(attributes["random_kind"]),
        group["random_keys"][()],
        int(attributes["random_position"]),
        int(attributes["random_has_gauss"]),
        float(attributes["random_gauss"]),
    )
