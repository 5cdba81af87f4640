"""The toy method: CL_s from pseudo-experiments of main and auxiliary data, as defined by the toy calculator of pyhf."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import ClassVar

import numpy as np

from na64stat.errors import ComputationError, InputError, shown
from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.likelihood.fit import available_workers, fit_fixed, seconds_of_fit
from na64stat.stats.likelihood.model import Model, check_model
from na64stat.stats.likelihood.parameters import Array
from na64stat.stats.likelihood.statistic import Criterion, Statistic, check_settings, evaluate
from na64stat.stats.method import Method
from na64stat.stats.results import BAND_QUANTILES, NO_SIGNAL, Band, ClsResult, Limit, NumericalError
from na64stat.stats.toys.limit import ToyLimit, fits_of_limit
from na64stat.stats.toys.pool import MOST, Part, Pool, Tail, enough
from na64stat.stats.toys.sample import BACKGROUND, CHUNK, SIGNAL, Source, ToyFits, ToySample, left_out
from na64stat.stats.toys.weights import tilted

_CLEAR = 3.0
"""Distance from `decide` in standard errors at which sampling stops."""

_SMALL = 1e-3
"""CL_s below which its precision does not matter."""

_NEAR_DATA = 2
"""Random stream of toys near the observed data."""


@dataclass(frozen=True)
class Toys(Method):
    """CL_s by pseudo-experiments, with nuisance parameters profiled in each, and main and auxiliary data drawn anew.

    Toys are drawn at the nuisance parameters fitted to the observed data at the tested mu, and at mu = 0.

    Attributes
    ----------
    n
        Number of toys of each hypothesis at each mu; more are drawn only if too few are as extreme as the data.
    seed
        An integer >= 0, or several, whose toys are combined; the result does not depend on the number of threads.
    statistic, criterion
        Test statistic, and the quantity that falls to 1 - cl at the limit, CL_s or CL_sb.
    decide
        `cl_s` stops sampling as soon as CL_s is three standard errors from this number; default never.
    workers
        Number of threads; default all that are available.
    store
        Folder in which toys are kept: an interrupted run can be resumed, and toys of other seeds can be copied there.

    References
    ----------
    G. Cowan et al., arXiv:1007.1727; L. Heinrich et al., pyhf, JOSS 6 (2021) 2823.
    """

    n: int = 20_000
    seed: int | tuple[int, ...] = 1
    statistic: Statistic = Statistic.Q_TILDE
    criterion: Criterion = Criterion.CL_S
    decide: float | None = None
    workers: int | None = field(default=None, compare=False)
    store: Path | None = field(default=None, compare=False)
    name: ClassVar[str] = "toys"

    def __post_init__(self) -> None:
        check_settings(self.statistic, self.criterion)
        if not _is_count(self.n, 1):
            raise InputError(f"toys: n = {shown(self.n)}; expected an integer, at least 1, e.g. 20000")
        if not self.seeds or not all(_is_count(seed, 0) for seed in self.seeds):
            raise InputError(f"toys: seed {shown(self.seed)}; expected integers >= 0")
        if self.decide is not None and not (isinstance(self.decide, Real) and 0 < self.decide < 1):
            raise InputError(f"toys: decide = {shown(self.decide)}; expected a CL_s between 0 and 1, e.g. 0.1")
        if self.workers is not None and not _is_count(self.workers, 1):
            raise InputError(f"toys: workers = {shown(self.workers)}; expected a number of threads, at least 1")
        if self.store is not None:
            self._check_store(self.store)
        if self.statistic is Statistic.Q0:
            raise InputError(
                "toys: statistic q0 is for a discovery, see `significance`; expected q_tilde, q or t_tilde for limits"
            )

    def _check_store(self, store: object) -> None:
        if not isinstance(store, str | os.PathLike):
            raise InputError(f"toys: store = {shown(store)}; expected the name of a folder")
        folder = Path(store)
        if folder.exists() and not folder.is_dir():
            raise InputError(f"toys: store {folder} is a file; expected the name of a folder")
        object.__setattr__(self, "store", folder)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds as a tuple."""
        return tuple(self.seed) if isinstance(self.seed, Collection) else (self.seed,)

    def cl_s(self, model: Model, mu: Sequence[float]) -> list[ClsResult]:
        """CL_s of each signal strength in `mu`, observed and expected, with their Monte Carlo errors."""
        check_model(model)
        test = ToyTest(self, model)
        return [test.result(strength, self.n, self.decide) for strength in mu]

    def seconds_of_limit(self, model: Model) -> float:
        """Rough time [s] of a limit, from a few fits of the model."""
        check_model(model)
        if not len(model.constrained) or not model.signal_events.any():
            return 0.0  # equal counts are fitted once
        workers = min(self.workers or available_workers(), 2 if self.n <= CHUNK else self.n)
        return fits_of_limit(self.n, projection=model.observed is None) * seconds_of_fit(model) / workers

    def upper_limit(self, model: Model, cl: float) -> Limit:
        """Upper limit on mu, observed and expected."""
        check_model(model)
        if not model.signal_events.any():
            nothing = Band(*[None] * 5)
            return Limit(None, nothing, (), NumericalError(), cl, self.name, model.channels, (NO_SIGNAL,))
        guess = Asymptotic(
            self.statistic if self.statistic.one_sided else Statistic.Q_TILDE, self.criterion
        ).upper_limit(model, cl)
        return ToyLimit(ToyTest(self, model), 1 - cl, guess, self.n, self.criterion).limit(cl)


class ToyTest:
    """Toys of one model, kept by their source."""

    def __init__(self, method: Toys, model: Model) -> None:
        self.method, self.model = method, model.without_empty_bins()
        self.workers = method.workers or available_workers()
        data = self.model.background_events if model.observed is None else self.model.observed
        assert data is not None  # noqa: S101  # for the type checker: the model has observed counts
        self.data = data[None, :]
        self.question = ToyFits(self.model, method.statistic)
        self._truth: dict[float, Array] = {}
        self._observed: dict[float, float] = {}
        self._samples: dict[tuple[int, bytes], ToySample] = {}
        self._failed: dict[tuple[int, float], int] = {}

    @property
    def refitted(self) -> int:
        """Number of fits that needed iminuit."""
        return sum(sample.refitted for sample in self._samples.values())

    def result(self, mu: float, toys: int, decide: float | None = None) -> ClsResult:
        """CL_s with up to so many toys of each hypothesis; fewer if they show whether it is above `decide`.

        If too few of them are as extreme as the data, up to `MOST` times as many.
        """
        size = toys if decide is None else min(toys, CHUNK)
        while True:
            result, effective = self._evaluate(mu, size)
            value = result.observed if self.method.criterion is Criterion.CL_S else result.cl_sb
            clear = decide is None or value is None or abs(value - decide) > _CLEAR * result.error.cl_s
            if not clear and size < toys:
                size = min(2 * size, toys)
            elif value is not None and value > _SMALL and effective < enough(toys) and size < MOST * toys:
                size *= 2
            else:
                return result if value is None or effective >= enough(toys) else _with_few(result, effective)

    def tail(self, mu: float, parts: Sequence[Part] | int) -> Tail:
        """Tail of the observed data among given samples, or among new toys of mu, of background and of a source near the data."""
        chosen = self.parts(mu, parts, near=True) if isinstance(parts, int) else parts
        return self.pool(mu, chosen).tail(self.statistic(mu))

    def pool(self, mu: float, parts: Sequence[Part]) -> Pool:
        """Toys of some samples with their test statistic at mu."""
        pool = Pool(parts, self.source(mu), mu, self.workers)
        for (sample, _), failed in zip(parts, pool.failed, strict=True):
            self._failed[id(sample), mu] = failed
        return pool

    @property
    def failed(self) -> int:
        """Number of toys left out at any mu since their fits failed."""
        return sum(self._failed.values())

    def parts(self, mu: float, toys: int, *, near: bool = False, stream: int = SIGNAL) -> list[Part]:
        """Toys of background and of mu, `toys` each; with `near` also of a source at the observed data, if these are far away."""
        parts = [(self.sample(0.0, BACKGROUND), toys), (self.sample(mu, stream), toys)]
        if near and self.model.observed is not None:
            tilted_source = tilted(self.source(mu), self.source(0.0), self.data[0], self.model.auxiliary)
            if tilted_source is not None:
                parts.append((self.sample(0.0, _NEAR_DATA, tilted_source), toys))
        return parts

    def sample(self, mu: float, stream: int, source: Source | None = None) -> ToySample:
        """Toys of a signal strength, or of another source."""
        source = self.source(mu) if source is None else source
        key = stream, source.key
        if key not in self._samples:
            seeds, store = self.method.seeds, self.method.store
            self._samples[key] = ToySample(self.question, self.truth(mu), stream, seeds, store, source)
        return self._samples[key]

    def source(self, mu: float) -> Source:
        """Source of toys of a signal strength."""
        return Source.at(self.model, self.truth(mu))

    def truth(self, mu: float) -> Array:
        """Parameters fitted to the observed data at a signal strength, shape (P,)."""
        if mu not in self._truth:
            self._truth[mu] = fit_fixed(self.model, self.data, mu).parameters[0]
        return self._truth[mu]

    def statistic(self, mu: float) -> float:
        """Observed test statistic."""
        if mu not in self._observed:
            self._observed[mu] = float(evaluate(self.method.statistic, self.model, mu, self.data)[0][0])
        return self._observed[mu]

    def _evaluate(self, mu: float, toys: int) -> tuple[ClsResult, float]:
        """CL_s, and the number of toys in the tail that it rests on."""
        pool = self.pool(mu, self.parts(mu, toys))
        band = Band(*pool.band(list(BAND_QUANTILES.values()), Criterion.CL_S))
        criterion = self.method.criterion
        seen = self.model.observed is not None
        tail = self.tail(mu, toys) if seen else pool.tail(pool.statistic_at(0.5, Criterion.CL_S))
        failed = self.failed
        error = NumericalError(cl_s=tail.error(criterion), refitted=self.refitted, failed=failed)
        effective = tail.effective(criterion)
        if not seen:
            return ClsResult(None, band, error, notes=left_out(failed)), effective
        cl_sb, cl_b, value = tail.signal.value, tail.background.value, self.statistic(mu)
        if cl_b <= 0 and toys >= MOST * self.method.n:
            raise ComputationError(
                f"toys: none of {toys} of background alone is as extreme as the data: CL_b is too small to be measured; "
                "expected more toys or the exact method"
            )
        return ClsResult(tail.cl_s, band, error, cl_sb, cl_b, value, left_out(failed)), effective


def _with_few(found: ClsResult, effective: float) -> ClsResult:
    """The result with a note that so few toys determine it."""
    if found.observed is None or found.observed <= _SMALL:
        return found
    text = f"rests on {effective:.0f} toys as extreme as the data: its error is itself uncertain, use more toys"
    return replace(found, notes=(*found.notes, text))


def _is_count(value: object, lowest: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= lowest
