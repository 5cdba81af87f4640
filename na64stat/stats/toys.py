"""The toy method: CL_s from pseudo-experiments of main and auxiliary data, as pyhf's toy calculator defines it."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import ClassVar

import numpy as np

from na64stat.errors import ComputationError, InputError, shown
from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.fit import available_workers, fit_fixed
from na64stat.stats.method import Method
from na64stat.stats.model import Model, check_model
from na64stat.stats.parameters import Array
from na64stat.stats.records import BAND_QUANTILES, Band, ClsResult, Limit, NumericalError
from na64stat.stats.statistic import TIE, Criterion, Statistic, check_settings, evaluate
from na64stat.stats.toy_limit import Curves, ToyLimit
from na64stat.stats.toy_sample import BACKGROUND, CHUNK, SIGNAL, Question, ToySample, left_out

_CLEAR = 3.0
"""Standard errors from the value to decide at which sampling stops."""


@dataclass(frozen=True)
class Toys(Method):
    """CL_s by pseudo-experiments, nuisance parameters profiled in each, main and auxiliary data drawn anew.

    Toys are drawn at the nuisance parameters fitted to the observed data at the tested mu, and at mu = 0.

    Attributes
    ----------
    n
        Toys of each hypothesis at each mu, at most; rounded up to whole chunks of 1000 of each seed.
    seed
        An integer >= 0, or several, whose toys are put together; the result does not depend on the number of threads.
    statistic, criterion
        Test statistic, and whether limits are where CL_s or where CL_sb falls to 1 - cl.
    decide
        `cl_s` stops sampling as soon as CL_s is three standard errors from this number; default: never.
    workers
        Threads; default all that this process may use.
    store
        A folder in which toys are kept: an interrupted run goes on, and toys of other seeds can be copied together there.

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
            raise InputError(f"toys: n = {shown(self.n)}; an integer, at least 1, is right, e.g. 20000")
        if not self.seeds or not all(_is_count(seed, 0) for seed in self.seeds):
            raise InputError(f"toys: seed {shown(self.seed)}; integers >= 0 are right")
        if self.decide is not None and not (isinstance(self.decide, Real) and 0 < self.decide < 1):
            raise InputError(f"toys: decide = {shown(self.decide)}; a CL_s between 0 and 1 is right, e.g. 0.1")
        if self.workers is not None and not _is_count(self.workers, 1):
            raise InputError(f"toys: workers = {shown(self.workers)}; a number of threads, at least 1, is right")
        if self.store is not None:
            self._check_store(self.store)
        if self.statistic is Statistic.Q0:
            raise InputError(
                "toys: statistic q0 is for a discovery, see `significance`; q_tilde, q or t_tilde is right for limits"
            )

    def _check_store(self, store: object) -> None:
        if not isinstance(store, str | os.PathLike):
            raise InputError(f"toys: store = {shown(store)}; the name of a folder is right")
        folder = Path(store)
        if folder.exists() and not folder.is_dir():
            raise InputError(f"toys: store {folder} is a file; the name of a folder is right")
        object.__setattr__(self, "store", folder)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds as a tuple."""
        return tuple(self.seed) if isinstance(self.seed, Collection) else (self.seed,)

    def cl_s(self, model: Model, mu: Sequence[float]) -> list[ClsResult]:
        """CL_s of each signal strength in `mu`, observed and expected, with their Monte Carlo errors."""
        check_model(model)
        test = ToyTest(self, model)
        return [test.result(strength, self.n, self.decide) for strength in mu]

    def upper_limit(self, model: Model, cl: float) -> Limit:
        """Upper limit on mu, observed and expected."""
        check_model(model)
        if not model.signal_events.any():
            nothing = Band(*[None] * 5)
            text = "no signal: nothing is excluded"
            return Limit(None, nothing, (), NumericalError(), cl, self.name, model.channels, (text,))
        guess = Asymptotic(
            self.statistic if self.statistic.one_sided else Statistic.Q_TILDE, self.criterion
        ).upper_limit(model, cl)
        return ToyLimit(ToyTest(self, model), 1 - cl, guess, self.n, self.criterion.value).limit(cl)


class ToyTest:
    """Toys of one model, kept by the tested mu."""

    def __init__(self, method: Toys, model: Model) -> None:
        self.method, self.model = method, model.without_empty_bins()
        self.workers = method.workers or available_workers()
        data = self.model.background_events if model.observed is None else self.model.observed
        assert data is not None  # noqa: S101  # for the type checker: the model has observed counts
        self.data = data[None, :]
        self._samples: dict[float, tuple[ToySample, ToySample]] = {}
        self._observed: dict[float, float] = {}

    def result(self, mu: float, toys: int, decide: float | None = None) -> ClsResult:
        """CL_s with up to so many toys of each hypothesis; fewer if that decides whether it is above `decide`."""
        size = toys if decide is None else min(toys, CHUNK)
        while True:
            found = self._evaluate(mu, size)
            value = found.observed if self.method.criterion is Criterion.CL_S else found.cl_sb
            clear = decide is None or value is None or abs(value - decide) > _CLEAR * found.error.cl_s
            if clear or size >= toys:
                return found
            size = min(2 * size, toys)

    def curves(self, mu: float, toys: int) -> Curves:
        """The criterion (CL_s or CL_sb) for the observed data and each level of the band."""
        found = self.result(mu, toys)
        values = dict(
            zip(BAND_QUANTILES, self._band(mu, toys, plain=self.method.criterion is Criterion.CL_SB), strict=True)
        )
        observed = found.observed if self.method.criterion is Criterion.CL_S else found.cl_sb
        if observed is not None:
            values["observed"] = observed
        reference = values.get("observed", values["median"])
        relative = found.error.cl_s / reference if reference else math.inf
        return Curves(values, toys, relative, found.error)

    def _evaluate(self, mu: float, toys: int) -> ClsResult:
        (signal, failed), (background, failed_too) = (self._values(mu, kind, toys) for kind in (SIGNAL, BACKGROUND))
        band = Band(*self._band(mu, toys))
        failures, refitted = failed + failed_too, sum(sample.refitted for sample in self._sample(mu))
        notes = left_out(failures)
        if self.model.observed is None:
            middle = band.median or 0.0
            error = _error_of_ratio(middle * len(signal), len(signal), len(background), len(background))
            return ClsResult(None, band, NumericalError(cl_s=error, refitted=refitted, failed=failures), notes=notes)
        value = self._statistic(mu)
        hits = float((signal >= value - TIE).sum()), float((background >= value - TIE).sum())
        cl_sb, cl_b = hits[0] / len(signal), hits[1] / len(background)
        cl_s = _ratio(cl_sb, cl_b)
        error = _error_of_ratio(hits[0], len(signal), hits[1], len(background))
        if self.method.criterion is Criterion.CL_SB:
            error = math.sqrt(max(hits[0], 1.0) * max(len(signal) - hits[0], 1.0) / len(signal)) / len(signal)
        return ClsResult(
            cl_s, band, NumericalError(cl_s=error, refitted=refitted, failed=failures), cl_sb, cl_b, value, notes
        )

    def _band(self, mu: float, toys: int, *, plain: bool = False) -> list[float]:
        """Quantiles of CL_s (or with `plain` of CL_sb) if there is only background."""
        signal = np.sort(self._values(mu, SIGNAL, toys)[0])
        background = np.sort(self._values(mu, BACKGROUND, toys)[0])
        at_least = [1 - np.searchsorted(sample, background - TIE) / len(sample) for sample in (signal, background)]
        values = at_least[0] if plain else np.minimum(at_least[0] / at_least[1], 1.0)
        ordered = np.sort(values)
        places = [min(int(q * len(ordered)), len(ordered) - 1) for q in BAND_QUANTILES.values()]
        return [float(ordered[place]) for place in places]

    def _values(self, mu: float, hypothesis: int, toys: int) -> tuple[Array, int]:
        sample = self._sample(mu)[hypothesis]
        sample.grow(toys, self.workers)
        values, failed = sample.values(toys)
        if not len(values):
            what = f"mu = {mu:g}" if hypothesis == SIGNAL else "background alone"
            raise ComputationError(
                f"toys: the fits of all {failed} toys of {what} failed; another method is right here"
            )
        return values, failed

    def _sample(self, mu: float) -> tuple[ToySample, ToySample]:
        if mu not in self._samples:
            truth = np.concatenate([fit_fixed(self.model, self.data, strength).parameters for strength in (mu, 0.0)])
            question = Question(self.model, self.method.statistic, mu, truth)
            self._samples[mu] = (
                ToySample(question, SIGNAL, self.method.seeds, self.method.store),
                ToySample(question, BACKGROUND, self.method.seeds, self.method.store),
            )
        return self._samples[mu]

    def _statistic(self, mu: float) -> float:
        if mu not in self._observed:
            self._observed[mu] = float(evaluate(self.method.statistic, self.model, mu, self.data)[0][0])
        return self._observed[mu]


def _is_count(value: object, lowest: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= lowest


def _ratio(cl_sb: float, cl_b: float) -> float:
    """CL_s; it is one where no background toy is as extreme, since nothing can be excluded then."""
    return min(cl_sb / cl_b, 1.0) if cl_b > 0 else 1.0


def _error_of_ratio(hits: float, number: int, hits_background: float, number_background: int) -> float:
    """Standard error of a ratio of two binomial probabilities; with no hit at all, as if there had been one."""
    k, k_b = max(hits, 1.0), max(hits_background, 1.0)
    ratio = (k / number) / (k_b / number_background)
    relative = (1 - min(k / number, 1.0)) / k + (1 - min(k_b / number_background, 1.0)) / k_b
    return min(ratio, 1.0) * math.sqrt(relative)
