"""Pseudo-experiments of one hypothesis: generation, fits, storage on disk.

A sample grows in chunks of `CHUNK` toys. Each chunk has its own random stream, spawned from the seed by its number, so that the
toys are the same for any number of threads, in any order, and after an interruption.
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
from na64stat.stats.likelihood.fit import Fits, fit_fixed, fit_free
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array, Gaussian, Poisson
from na64stat.stats.likelihood.statistic import Statistic

CHUNK = 1000
"""Toys that share a random stream."""

SIGNAL, BACKGROUND = 0, 1
"""Random streams of the two hypotheses: the tested mu, and no signal."""

_LARGEST_RATE = 1e18

_KEPT = 4e7
"""Largest size of toys and their fits in memory, in numbers."""

_WORSE = 1e-9  # excess of -ln L over a fixed fit from which a free fit is in a local minimum


@dataclass(frozen=True, eq=False)
class Source:
    """Distribution of toys: Poisson counts of expectation `rates` (B,), and Gaussian or Poisson auxiliary data (C,).

    `sigma` (C,) is the standard deviation of Gaussian auxiliary data, 0 for Poisson counts.
    """

    rates: Array
    auxiliary: Array
    sigma: Array

    @classmethod
    def at(cls, model: Model, truth: Array) -> Source:
        """Distribution that a model predicts at parameters of shape (P,)."""
        constraints = [model.parameters[i].constraint for i in model.constrained]
        scales = [item.tau if isinstance(item, Poisson) else 1.0 for item in constraints]
        sigma = [item.sigma if isinstance(item, Gaussian) else 0.0 for item in constraints]
        rates = np.maximum(model.rates(truth[None, :])[0], 0.0)
        if not rates.max(initial=0.0) < _LARGEST_RATE:
            b = int(np.argmax(rates))
            raise ComputationError(
                f"toys: {rates[b]:g} expected events in {model.bin_names[b]}; fewer than {_LARGEST_RATE:g} can be drawn"
            )
        return cls(rates, truth[model.constrained] * np.array(scales), np.array(sigma))

    def draw(self, number: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Counts (number, B) and auxiliary data (number, C)."""
        counts = rng.poisson(self.rates, (number, len(self.rates))).astype(np.float64)
        auxiliary = np.empty((number, len(self.auxiliary)))
        for column, (centre, sigma) in enumerate(zip(self.auxiliary, self.sigma, strict=True)):
            auxiliary[:, column] = rng.normal(centre, sigma, number) if sigma > 0 else rng.poisson(centre, number)
        return counts, auxiliary

    @property
    def key(self) -> bytes:
        """Key that is the same for equal distributions."""
        return self.rates.tobytes() + self.auxiliary.tobytes()


def generate(model: Model, truth: Array, number: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Main counts (number, B) and auxiliary data (number, C) drawn at the parameters `truth`."""
    return Source.at(model, truth).draw(number, rng)


@dataclass(frozen=True, eq=False)
class ToyFits:
    """A test statistic in one model."""

    model: Model
    statistic: Statistic

    def free(self, counts: Array, auxiliary: Array, truth: Array) -> Fits:
        """Fits with free mu of data sets (N, B) with auxiliary data (N, C), starting near the parameters `truth` (P,)."""
        start = np.repeat(truth[None, :], len(counts), axis=0)
        # If the rate at mu = 0 is zero a count is impossible: start above.
        start[:, self.model.poi] = np.maximum(start[:, self.model.poi], 0.1 / self.model.unit)
        lowest = self.statistic.lowest_mu(self.model)
        return fit_free(self.model, counts, auxiliary, start, lowest_mu=lowest, thorough=False)

    def values(self, mu: float, counts: Array, auxiliary: Array, free: Fits) -> tuple[Array, int]:
        """Test statistic at `mu`, NaN where a fit failed, and the number of fits that needed iminuit."""
        model = self.model
        values, failed = np.zeros(len(counts)), free.failed.copy()
        fitted = np.flatnonzero(free.mu < mu) if self.statistic.one_sided else np.arange(len(counts))
        fixed = fit_fixed(model, counts[fitted], mu, auxiliary[fitted], free.parameters[fitted], thorough=False)
        nll, refitted = free.nll.copy(), fixed.refitted
        stuck = np.flatnonzero(fixed.nll < nll[fitted] - _WORSE)
        if len(stuck):
            lowest, rows = self.statistic.lowest_mu(model), fitted[stuck]
            again = fit_free(model, counts[rows], auxiliary[rows], lowest_mu=lowest)
            nll[rows] = np.minimum(nll[rows], again.nll)
            refitted += again.refitted
        with np.errstate(invalid="ignore"):
            rises = np.maximum(2 * (fixed.nll - nll[fitted]), 0.0)
        values[fitted] = np.where(np.isfinite(nll[fitted]), rises, np.inf)
        failed[fitted] |= fixed.failed
        values[failed] = np.nan
        return values, refitted


class ToySample:
    """Toys of one source with their test statistic at any mu; grows on demand, and is kept in `store` if there is one.

    Fits with free mu are made once, and start from `truth` (P,), at which toys are drawn unless there is a `source`. Toys of
    several seeds are one sample: files made on other machines, with other seeds, are simply copied into the store.
    """

    def __init__(
        self,
        question: ToyFits,
        truth: Array,
        stream: int,
        seeds: tuple[int, ...],
        store: Path | None,
        source: Source | None = None,
    ) -> None:
        self.question, self.truth, self.stream, self.seeds, self.store = question, truth, stream, seeds, store
        self.source = Source.at(question.model, truth) if source is None else source
        self.refitted = 0
        """Number of fits that needed iminuit, without those of toys read from a store."""
        self._drawn: dict[tuple[int, int], tuple[Array, Array]] = {}
        self._free: dict[tuple[int, int], Fits] = {}
        self._values: dict[tuple[float, int], list[Array]] = {}

    def data(self, toys: int) -> tuple[Array, Array]:
        """Counts (N, B) and auxiliary data (N, C) of so many toys, the same number from each seed."""
        parts = [
            tuple(array[:rows] for array in self._draw((seed, number)))
            for seed in self.seeds
            for number, rows in enumerate(self._rows(toys))
        ]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def statistic(self, mu: float, toys: int, workers: int) -> Array:
        """Test statistic at `mu`, NaN where a fit failed, in the order of `data`."""
        for seed in self.seeds:
            if (mu, seed) not in self._values:
                self._values[mu, seed] = self._read(mu, seed)
        rows = self._rows(toys)
        missing = [
            (seed, number, CHUNK if self.store is not None else count)
            for seed in self.seeds
            for number, count in enumerate(rows)
            if len(self._values[mu, seed]) <= number or len(self._values[mu, seed][number]) < count
        ]
        if missing:
            self._fill(mu, missing, workers)
        return np.concatenate(
            [self._values[mu, seed][number][:count] for seed in self.seeds for number, count in enumerate(rows)]
        )

    def _rows(self, toys: int) -> list[int]:
        """Number of toys in each chunk of a seed."""
        each = -(-toys // len(self.seeds))
        return [min(CHUNK, each - start) for start in range(0, each, CHUNK)]

    def _fill(self, mu: float, missing: list[tuple[int, int, int]], workers: int) -> None:
        # Compiled once here rather than in every thread.
        _ = self.question.model.compiled
        if workers > 1 and len(missing) > 1:
            with ThreadPoolExecutor(workers) as pool:
                chunks = list(pool.map(lambda item: self._chunk(mu, *item), missing))
        else:
            chunks = [self._chunk(mu, *item) for item in missing]
        for (seed, number, _), (values, refitted) in zip(missing, chunks, strict=True):
            self._values[mu, seed][number:] = [values, *self._values[mu, seed][number + 1 :]]
            self.refitted += refitted
        for seed in dict.fromkeys(seed for seed, _, _ in missing):
            self._write(mu, seed)

    def _draw(self, chunk: tuple[int, int]) -> tuple[Array, Array]:
        if chunk not in self._drawn:
            seed, number = chunk
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(self.stream, number)))
            drawn = self.source.draw(CHUNK, rng)
            if not self._has_room:
                return drawn
            self._drawn[chunk] = drawn
        return self._drawn[chunk]

    @property
    def _has_room(self) -> bool:
        """True if more chunks and their fits are kept in memory; others are drawn and fitted anew at each mu."""
        model = self.question.model
        return len(self._drawn) * CHUNK * (model.bins + 2 * len(model.parameters)) < _KEPT

    def _chunk(self, mu: float, seed: int, number: int, rows: int) -> tuple[Array, int]:
        counts, auxiliary = (array[:rows] for array in self._draw((seed, number)))
        inverse = None
        if not auxiliary.shape[1]:  # without auxiliary data equal counts are equal data
            counts, inverse = np.unique(counts, axis=0, return_inverse=True)
            auxiliary = auxiliary[: len(counts)]
        free, refitted = self._free.get((seed, number)), 0
        if free is None or len(free.mu) != len(counts):
            free = self.question.free(counts, auxiliary, self.truth)
            refitted = free.refitted
            if (seed, number) in self._drawn:
                self._free[seed, number] = free
        values, refits = self.question.values(mu, counts, auxiliary, free)
        return (values if inverse is None else values[inverse.ravel()]), refitted + refits

    def _path(self, mu: float, seed: int) -> Path | None:
        return None if self.store is None else self.store / f"toys-{self._digest(mu)}-{seed}.npy"

    def _digest(self, mu: float) -> str:
        """Name of the distribution: the same for the same model, statistic, source and toys."""
        model = self.question.model
        bounds = [(item.lower, item.upper, item.fixed) for item in model.parameters]
        head = json.dumps([self.question.statistic.value, float(mu).hex(), self.stream, CHUNK, repr(bounds)])
        parts = [model.compiled.ints.tobytes(), model.compiled.floats.tobytes(), self.source.key, self.truth.tobytes()]
        # Another release of NumPy may draw different toys.
        parts += [array.tobytes() for array in self.source.draw(10, np.random.default_rng(0))]
        return hashlib.sha256(b"".join([head.encode(), *parts])).hexdigest()[:24]

    def _read(self, mu: float, seed: int) -> list[Array]:
        path = self._path(mu, seed)
        return [] if path is None or not path.exists() else list(read_toys(path).reshape(-1, CHUNK))

    def _write(self, mu: float, seed: int) -> None:
        path = self._path(mu, seed)
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise InputError(f"toys: store {path.parent} is a file; expected the name of a folder") from error
        except OSError as error:
            raise InputError(f"toys: store {path.parent} cannot be made: {write_advice(error)}") from error
        buffer = io.BytesIO()
        np.save(buffer, np.concatenate(self._values[mu, seed]), allow_pickle=False)
        write_bytes(path, buffer.getvalue(), overwrite=True)


def read_toys(path: Path) -> Array:
    """Test statistic of toys in a file of a store, NaN where a fit failed; InputError for any other content."""
    try:
        # Mapped and then copied, so that a wrong header cannot allocate memory.
        mapped = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError, TypeError, OverflowError, SyntaxError, TokenError) as error:
        raise InputError(f"{path}: not a file of toys ({error}); move it away to make them anew") from error
    if mapped.ndim != 1 or mapped.dtype != np.float64 or len(mapped) % CHUNK:
        raise InputError(f"{path}: {mapped.dtype} of shape {mapped.shape}; expected whole chunks of {CHUNK} toys")
    values = np.array(mapped)
    if not np.isfinite(values).any() or (values < 0).any():
        wrong = f"{values[values < 0][0]:g}" if (values < 0).any() else "no finite number"
        raise InputError(
            f"{path}: {wrong} among the test statistics of {len(values)} toys; expected numbers >= 0, move the file away to "
            "make them anew"
        )
    return values


def left_out(failures: int) -> tuple[str, ...]:
    """Note on toys whose fits failed."""
    return (f"{failures} toys left out, whose fits did not converge",) if failures else ()
