"""Discovery: `significance` gives p0 and Z, observed and expected for mu = 1.

The test statistic is q0: -2 ln L at mu = 0 relative to the best fit with mu >= 0, and zero where mu-hat is zero.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import ClassVar

import numpy as np

from na64stat.errors import ComputationError, InputError, LowCountWarning, RegionError
from na64stat.files.saved import SavedByFields
from na64stat.stats.asymptotic import Asymptotic, expected_auxiliary
from na64stat.stats.average.nuisance_average import NuisanceAverage
from na64stat.stats.exact.conditional import average_of
from na64stat.stats.exact.enumeration import MOST_OUTCOMES
from na64stat.stats.exact.exact import Exact, method_of
from na64stat.stats.exact.held import Counts, divide
from na64stat.stats.likelihood.fit import available_workers, fit_fixed
from na64stat.stats.likelihood.model import Model, check_model
from na64stat.stats.likelihood.parameters import Array
from na64stat.stats.likelihood.reader import MOST_EVENTS
from na64stat.stats.likelihood.statistic import TIE, Statistic, evaluate
from na64stat.stats.likelihood.workspace import BACKGROUND_FLOOR
from na64stat.stats.limits import few_counts, standing_for_none
from na64stat.stats.method import Method
from na64stat.stats.results import BAND_QUANTILES, Band
from na64stat.stats.toys.sample import BACKGROUND, SIGNAL, ToyFits, ToySample, left_out
from na64stat.stats.toys.tail import TailProbability
from na64stat.stats.toys.toys import Toys

_NO_EXPECTED = "no expected values"


@dataclass(frozen=True)
class Significance(SavedByFields):
    """Significance of a signal.

    Attributes
    ----------
    p0
        Probability under background alone of data at least as signal-like as the observed ones; None for a projection. Without an
        excess it is 0.5 by the asymptotic formula and 1 by the other methods, whose tails include ties.
    p0_error
        Standard error of p0 from toys; 0 for the other methods and for a bound.
    bound
        True if no toy was as extreme: p0 is then an upper bound at 95% confidence, and Z a lower one.
    z
        p0 in standard deviations, not below 0; None for a projection, or if p0 is zero.
    q0, mu
        Observed value of the test statistic (None if infinite) and best-fit signal strength, not below 0.
    expected
        Z for a signal of strength 1: median, one and two standard deviations; None where undefined.
    method
        Name of the method.
    notes
        Caveats of this result.
    held
        Channels or bins whose counts were held at their observed values by the exact method.
    """

    kind: ClassVar[str] = "significance"

    p0: float | None
    p0_error: float
    bound: bool
    z: float | None
    q0: float | None
    mu: float | None
    expected: Band
    method: str
    notes: tuple[str, ...] = ()
    held: tuple[str, ...] = ()

    @property
    def lacks_expected(self) -> bool:
        """True if the expected values could not be computed; None alone also stands for infinite ones."""
        return any(note.startswith(_NO_EXPECTED) for note in self.notes)

    @property
    def expected_p0(self) -> float | None:
        """Median p0 for a signal of strength 1."""
        from scipy.stats import norm

        return None if self.expected.median is None else float(norm.sf(self.expected.median))


def significance(model: Model, method: Method | None = None) -> Significance:
    """Significance of a signal, observed and expected for mu = 1.

    Parameters
    ----------
    model
        The likelihood.
    method
        `Asymptotic()`, `Toys(...)` or `Exact()`; default `Exact()`.

    Raises
    ------
    InputError
        Any other method.
    RegionError
        Events were observed where no background is stated: p0 would depend on the placeholder of zero background alone.

    References
    ----------
    G. Cowan et al., arXiv:1007.1727, eqs. (12), (52)-(53), and (97) for one bin.
    """
    check_model(model)
    method = method_of(method)
    model = model.without_empty_bins()
    _refuse_without_background(model)
    return _significance_by(method, model)


@singledispatch
def _significance_by(method: Method, model: Model) -> Significance:
    raise InputError(f"significance: method {method.name!r}; expected asymptotic, toys or exact")


def _without_background(model: Model) -> list[int]:
    """Bins that a signal can populate and whose background is zero or its placeholder."""
    return np.flatnonzero((model.background_events <= BACKGROUND_FLOOR) & (model.signal_events > 0)).tolist()


def _refuse_without_background(model: Model) -> None:
    if model.observed is None:
        return
    for b in _without_background(model):
        if model.observed[b] > 0:
            raise RegionError(
                f"significance: {model.bin_names[b]} has {model.observed[b]:g} events observed and no background"
                f"{standing_for_none(model, b)}. How improbable they are without signal depends on nothing but the background: "
                "give one (--background, or a run file with one)"
            )


def z_of(p0: float) -> float | None:
    """Standard deviations of a one-sided probability, not below 0; None for p0 = 0."""
    from scipy.stats import norm

    return None if p0 <= 0 else max(float(norm.isf(p0)), 0.0)


def _observed(model: Model) -> tuple[float, float]:
    """q0 and mu-hat of the observed data."""
    counts, auxiliary = model.data(1, None, None)
    values, free, _ = evaluate(Statistic.Q0, model, 0.0, counts, auxiliary)
    return (float(values[0]) if free.mu[0] > 0 else 0.0), float(free.mu[0])


def _signal_point(model: Model) -> Array:
    """Parameters with mu = 1, fitted to the observed data if there are any, shape (1, P)."""
    if model.observed is None:
        return model.with_mu(1.0)
    return fit_fixed(model, model.observed[None, :], 1.0).parameters


def _record(
    model: Model, p0: float | None, expected: Band, name: str, error: tuple[float, bool], notes: tuple[str, ...]
) -> Significance:
    q0 = mu = None
    if model.observed is not None:
        q0, mu = _observed(model)
    if floored := [model.bin_names[b] for b in _without_background(model) if model.background_events[b] > 0]:
        expected = Band(*[None] * 5)
        text = f"{_NO_EXPECTED}: no background is stated in {', '.join(floored)}"
        notes += (f"{text}, and Z of events there would measure the number that stands for none; give one",)
    if not model.signal_events.any():
        notes = (*notes, "no signal: nothing can be discovered")
    notes += model.remarks
    return Significance(p0, error[0], error[1], None if p0 is None else z_of(p0), q0, mu, expected, name, notes)


@_significance_by.register
def _asymptotic(method: Asymptotic, model: Model) -> Significance:
    """Significance for a Gaussian sqrt(q0), with expected values from the Asimov data of mu = 1."""
    from scipy.stats import norm

    truth = _signal_point(model)
    values, _, _ = evaluate(
        Statistic.Q0, model, 0.0, np.maximum(model.rates(truth), 0.0), expected_auxiliary(model, truth[0])
    )
    root = math.sqrt(values[0])
    levels = [None if math.isinf(root) else max(root + float(norm.ppf(p)), 0.0) for p in BAND_QUANTILES.values()]
    p0 = None
    if model.observed is not None:
        p0 = float(norm.sf(math.sqrt(_observed(model)[0])))
    notes: tuple[str, ...] = ()
    if few := few_counts(model):
        notes = (f"{few}: p0 and Z can be far off there; use the exact method or toys",)
        warnings.warn(notes[0], LowCountWarning, stacklevel=3)
    return _record(model, p0, Band(*levels), method.name, (0.0, False), notes)


@_significance_by.register
def _by_toys(method: Toys, model: Model) -> Significance:
    """Significance from toys at mu = 0, and at mu = 1 for the expected values, with parameters fitted to the data at each."""
    data = (model.background_events if model.observed is None else model.observed)[None, :]
    truth = np.concatenate([_signal_point(model), fit_fixed(model, data, 0.0).parameters])
    question = ToyFits(model, Statistic.Q0)
    samples, failures = {}, 0
    for hypothesis in (SIGNAL, BACKGROUND):
        sample = ToySample(question, truth[hypothesis], hypothesis, method.seeds, method.store)
        values = sample.statistic(0.0, method.n, method.workers or available_workers())
        samples[hypothesis] = values[~np.isnan(values)]
        if not len(samples[hypothesis]):
            raise ComputationError(f"toys: the fits of all {len(values)} toys failed, so that there is no p0")
        failures += len(values) - len(samples[hypothesis])
    notes = left_out(failures)
    background = np.sort(samples[BACKGROUND])
    strengths = np.quantile(samples[SIGNAL], list(BAND_QUANTILES.values()), method="lower")
    tails = [_tail(background, float(q0)) for q0 in strengths]
    if any(item.bound for item in tails) and np.isfinite(strengths).any():
        notes = (*notes, f"expected Z whose p0 none of {len(background)} toys reached are lower bounds")
    # A lower bound is at least the previous level.
    levels = np.maximum.accumulate([z_of(item.value) or 0.0 for item in tails])
    band = Band(*(float(z) if math.isfinite(q0) else None for z, q0 in zip(levels, strengths, strict=True)))
    if model.observed is None:
        return _record(model, None, band, method.name, (0.0, False), notes)
    q0 = _observed(model)[0]
    tail = _tail(background, q0)
    if tail.bound and math.isfinite(q0):
        notes = (*notes, f"none of {tail.toys} toys was as extreme: p0 is an upper bound at 95% confidence")
    return _record(model, tail.value, band, method.name, (tail.error, tail.bound), notes)


def _tail(background: Array, q0: float) -> TailProbability:
    """Share of sorted toys that are at least as extreme; all of them without an excess."""
    toys = len(background)
    if q0 <= TIE:  # no excess
        return TailProbability(1.0, 0.0, False, toys)
    return TailProbability.of(toys - int(np.searchsorted(background, q0 - TIE)), toys)


@_significance_by.register
def _exact(method: Exact, model: Model) -> Significance:
    """Significance from sums over the counts, with expected values from the outcomes at the quantiles of q0 at mu = 1."""
    counts = divide(model, "exact method", method.hold)
    model = counts.model
    if not model.signal_events.any():
        p0 = None if model.observed is None else 1.0
        return _record(model, p0, Band(*[0.0] * 5), method.name, (0.0, False), ())
    notes = counts.notes
    try:
        outcomes = _typical_outcomes(counts)
        known = {outcome: z_of(method.p0(counts.with_observed(np.array(outcome)))) for outcome in set(outcomes)}
        band = Band(*(known[outcome] for outcome in outcomes))
    except ComputationError as error:
        band, notes = Band(*[None] * 5), (*notes, f"{_NO_EXPECTED}: {error}")
    p0 = None if model.observed is None else method.p0(counts)
    return replace(_record(model, p0, band, method.name, (0.0, False), notes), held=counts.held_names)


def _typical_outcomes(summed: Counts) -> list[tuple[float, ...]]:
    """Counts at the quantiles of q0 for mu = 1, one outcome for each level of the band."""
    average, model = average_of(summed), summed.model
    if summed.by_count and isinstance(average, NuisanceAverage):  # q0 rises with the count
        return [(_count_at(average, model, quantile),) for quantile in BAND_QUANTILES.values()]
    windows = []
    for b in range(summed.summed):
        smallest, largest = average.extreme_rates(1.0, b)
        windows.append(
            (max(0, math.floor(smallest - 6 * math.sqrt(smallest))), math.ceil(largest + 6 * math.sqrt(largest) + 6))
        )
    size = math.prod(high - low + 1 for low, high in windows)
    if size > MOST_OUTCOMES:
        raise ComputationError(f"{size} outcomes at mu = 1 are too many to order (at most {MOST_OUTCOMES})")
    weight = average.count_probabilities(1.0, tuple(windows)).mean(axis=0).ravel()
    shape = [high - low + 1 for low, high in windows]
    counts = np.indices(shape).reshape(len(shape), -1).T + np.array([low for low, _ in windows])
    values, free, _ = evaluate(Statistic.Q0, model, 0.0, summed.complete(counts))
    order = np.argsort(np.where(free.mu > 0, values, 0.0), kind="stable")
    running = np.cumsum(weight[order]) / weight.sum()
    places = np.minimum(np.searchsorted(running, list(BAND_QUANTILES.values())), len(order) - 1)
    return [tuple(counts[order[place]].astype(float).tolist()) for place in places]


def _count_at(average: NuisanceAverage, model: Model, quantile: float) -> float:
    """Smallest count of a single bin with P(N <= count | mu = 1) at least the quantile."""
    expected = float(model.signal_events[0] + model.background_events[0])
    if expected > MOST_EVENTS:
        raise ComputationError(f"{expected:g} events at mu = 1 are too many to order (at most {MOST_EVENTS:g})")

    def below(count: int) -> bool:
        return bool(np.exp(average.log_cumulative(count, np.ones(1))).mean() < quantile)

    low, high = -1, max(1, math.ceil(expected))
    while below(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return float(high)
