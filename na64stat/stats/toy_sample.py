"""Pseudo-experiments of one hypothesis: generated, fitted, kept on disk.

A sample grows in chunks of `CHUNK` toys. Each chunk has a random stream of its own, spawned from the seed by its number, so that
the toys are the same for any number of threads, in any order, and after an interruption.
"""

from __future__ import annotations

import hashlib
import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError

import numpy as np

from na64stat.errors import ComputationError, InputError
from na64stat.files import write_advice, write_bytes
from na64stat.stats.fit import fit_fixed, fit_free
from na64stat.stats.model import Model
from na64stat.stats.parameters import Array, Gaussian, Poisson
from na64stat.stats.statistic import Statistic

CHUNK = 1000
"""Toys that share a random stream."""

SIGNAL, BACKGROUND = 0, 1
"""The two hypotheses: the tested mu, and none."""

_LARGEST_RATE = 1e18

_WORSE = 1e-9  # a free fit that is worse than a fixed one by so much sat in a local minimum


@dataclass(frozen=True, eq=False)
class Question:
    """What the toys are asked: a test statistic of a signal strength, in one model.

    Attributes
    ----------
    model, statistic, mu
        The tested hypothesis.
    truth
        Parameters that the toys are drawn from, one row each hypothesis, shape (2, P).
    """

    model: Model
    statistic: Statistic
    mu: float
    truth: Array

    def digest(self, hypothesis: int) -> str:
        """A name for the distribution: the same model, statistic and hypothesis give the same."""
        compiled = self.model.compiled
        parts = [compiled.ints.tobytes(), compiled.floats.tobytes(), self.truth[hypothesis].tobytes()]
        bounds = [(item.lower, item.upper, item.fixed) for item in self.model.parameters]
        head = json.dumps([self.statistic.value, float(self.mu).hex(), hypothesis, CHUNK, repr(bounds)])
        return hashlib.sha256(b"".join([head.encode(), *parts])).hexdigest()[:24]

    def chunk(self, hypothesis: int, seed: int, number: int) -> tuple[Array, int]:
        """Values of the test statistic in one chunk, NaN where a fit failed, and how many fits needed iminuit."""
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(hypothesis, number)))
        truth = self.truth[hypothesis]
        counts, auxiliary = generate(self.model, truth, CHUNK, rng)
        return self.values(counts, auxiliary, truth)

    def values(self, counts: Array, auxiliary: Array, truth: Array) -> tuple[Array, int]:
        """The test statistic of data sets (N, B) with auxiliary data (N, C), as `chunk`."""
        model, lowest = self.model, self.statistic.lowest_mu(self.model)
        start = np.repeat(truth[None, :], len(counts), axis=0)
        # Where mu = 0 leaves no rate a count is impossible: start above.
        start[:, model.poi] = np.maximum(start[:, model.poi], 0.1 / model.unit)
        free = fit_free(model, counts, auxiliary, start, lowest_mu=lowest, thorough=False)
        values, failed = np.zeros(len(counts)), free.failed.copy()
        asked = np.flatnonzero(free.mu < self.mu) if self.statistic.one_sided else np.arange(len(counts))
        fixed = fit_fixed(model, counts[asked], self.mu, auxiliary[asked], free.parameters[asked], thorough=False)
        nll, refitted = free.nll.copy(), free.refitted + fixed.refitted
        stuck = np.flatnonzero(fixed.nll < nll[asked] - _WORSE)
        if len(stuck):
            again = fit_free(model, counts[asked[stuck]], auxiliary[asked[stuck]], lowest_mu=lowest)
            nll[asked[stuck]] = np.minimum(nll[asked[stuck]], again.nll)
            refitted += again.refitted
        with np.errstate(invalid="ignore"):
            found = np.maximum(2 * (fixed.nll - nll[asked]), 0.0)
        values[asked] = np.where(np.isfinite(nll[asked]), found, np.inf)
        failed[asked] |= fixed.failed
        values[failed] = np.nan
        return values, refitted


def generate(model: Model, truth: Array, number: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Main counts (number, B) and auxiliary data (number, C) drawn at the parameters `truth`."""
    rates = np.maximum(model.rates(truth[None, :])[0], 0.0)
    if not rates.max(initial=0.0) < _LARGEST_RATE:
        b = int(np.argmax(rates))
        raise ComputationError(
            f"toys: {rates[b]:g} expected events in {model.bin_names[b]}; fewer than {_LARGEST_RATE:g} can be drawn"
        )
    counts = rng.poisson(rates, (number, model.bins)).astype(np.float64)
    auxiliary = np.empty((number, len(model.constrained)))
    for column, i in enumerate(model.constrained):
        constraint = model.parameters[i].constraint
        if isinstance(constraint, Gaussian):
            auxiliary[:, column] = rng.normal(truth[i], constraint.sigma, number)
        elif isinstance(constraint, Poisson):
            auxiliary[:, column] = rng.poisson(constraint.tau * truth[i], number)
    return counts, auxiliary


class ToySample:
    """The test statistic in toys of one hypothesis; grows on demand, and is kept in `store` if there is one.

    Toys of several seeds are one sample: files made on other machines, with other seeds, are simply copied into the store.
    """

    def __init__(self, question: Question, hypothesis: int, seeds: tuple[int, ...], store: Path | None) -> None:
        self.question, self.hypothesis, self.store = question, hypothesis, store
        self._digest = question.digest(hypothesis) if store is not None else ""
        self._parts: dict[int, list[Array]] = {seed: self._read(seed) for seed in seeds}
        self.refitted = 0
        """Fits that needed iminuit, of the toys drawn here; those read from a store were counted when they were drawn."""

    def grow(self, toys: int, workers: int) -> None:
        """Have at least so many toys, the same number from each seed."""
        chunks = -(-toys // (CHUNK * len(self._parts)))
        missing = [(seed, number) for seed, parts in self._parts.items() for number in range(len(parts), chunks)]
        if not missing:
            return
        # Compiled once here, not by every thread.
        _ = self.question.model.compiled

        def work(item: tuple[int, int]) -> tuple[Array, int]:
            return self.question.chunk(self.hypothesis, *item)

        if workers > 1 and len(missing) > 1:
            with ThreadPoolExecutor(workers) as pool:
                found = list(pool.map(work, missing))
        else:
            found = [work(item) for item in missing]
        for (seed, _), (values, refitted) in zip(missing, found, strict=True):
            self._parts[seed].append(values)
            self.refitted += refitted
        for seed in {seed for seed, _ in missing}:
            self._write(seed)

    def values(self, toys: int) -> tuple[Array, int]:
        """The first toys, in order of chunks, without those whose fits failed, and how many failed."""
        chunks = -(-toys // (CHUNK * len(self._parts)))
        values = np.concatenate([part for parts in self._parts.values() for part in parts[:chunks]])
        good = ~np.isnan(values)
        return values[good], int((~good).sum())

    def _path(self, seed: int) -> Path | None:
        return None if self.store is None else self.store / f"toys-{self._digest}-{seed}.npy"

    def _read(self, seed: int) -> list[Array]:
        path = self._path(seed)
        return [] if path is None or not path.exists() else list(read_toys(path).reshape(-1, CHUNK))

    def _write(self, seed: int) -> None:
        path = self._path(seed)
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise InputError(f"toys: store {path.parent} is a file; the name of a folder is right") from error
        except OSError as error:
            raise InputError(f"toys: store {path.parent} cannot be made: {write_advice(error)}") from error
        buffer = io.BytesIO()
        np.save(buffer, np.concatenate(self._parts[seed]), allow_pickle=False)
        write_bytes(path, buffer.getvalue(), overwrite=True)


def read_toys(path: Path) -> Array:
    """The test statistic of toys in a file of a store, whole chunks; NaN where a fit failed.

    Raises
    ------
    InputError
        If it is something else.
    """
    try:
        # Mapped, so that nothing is allocated that is not there, and copied.
        mapped = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError, TypeError, OverflowError, SyntaxError, TokenError) as error:
        raise InputError(f"{path}: not a file of toys ({error}); move it away to make them anew") from error
    if mapped.ndim != 1 or mapped.dtype != np.float64 or len(mapped) % CHUNK:
        raise InputError(f"{path}: {mapped.dtype} of shape {mapped.shape}; whole chunks of {CHUNK} toys are right")
    values = np.array(mapped)
    if not np.isfinite(values).any() or (values < 0).any():
        found = f"{values[values < 0][0]:g}" if (values < 0).any() else "no finite number"
        raise InputError(
            f"{path}: {found} among the test statistics of {len(values)} toys; numbers >= 0 are right, move the file away to "
            "make them anew"
        )
    return values


def left_out(failures: int) -> tuple[str, ...]:
    """What a result says of toys whose fits failed."""
    return (f"{failures} toys left out, whose fits did not converge",) if failures else ()
