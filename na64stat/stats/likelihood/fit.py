"""Batched maximum-likelihood fits: thousands of data sets at once.

`fit_fixed` profiles the nuisance parameters at a given mu, `fit_free` also fits mu. Both run the compiled Newton iteration of
`na64stat.stats.likelihood.kernel` for each data set, on several threads; fits that do not converge are repeated with iminuit and
counted in the result, and those that fail again are marked.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array, Gaussian, Poisson
from na64stat.stats.likelihood.reader import SMALLEST_GAMMA

_BETTER = 1e-9  # depth of -ln L from which another minimum counts as better
_ROWS_A_THREAD = 500
_TIMED = 8  # number of timed fits
_CALLS = 2_000
_MOST_EVENTS = 1e18  # signal events at which a fit is stopped whose -ln L keeps falling slightly
_SILENT = -1  # at 0 Minuit's own errors go to standard output


@dataclass(frozen=True, eq=False)
class Fits:
    """Best fits of N data sets: parameters (N, P), mu (N,), number refitted by iminuit, and a mask of those that failed even so.

    `nll` is -ln L relative to the saturated model, constraints included, shape (N,); infinite where the model forbids the data
    (counts, but no rate).
    """

    nll: Array
    parameters: Array
    mu: Array
    refitted: int
    failed: NDArray[np.bool_]


def fit_fixed(
    model: Model,
    counts: Array,
    mu: float | Array,
    auxiliary: Array | None = None,
    start: Array | None = None,
    *,
    thorough: bool = True,
    workers: int = 1,
) -> Fits:
    """Profile the nuisance parameters of data sets (N, B) at fixed mu, a number or shape (N,).

    A `thorough` fit also starts from the auxiliary measurements and takes the better result: with asymmetric uncertainties -ln
    L can have a second minimum. Otherwise that is done only where the model forbids the data at the start.
    """
    counts, auxiliary = model.data(len(counts), counts, auxiliary)
    begin = _start(model, auxiliary) if start is None else np.array(start)
    begin[:, model.poi] = mu
    how = _free(model, poi=False), _bounds(model, 0.0, float(np.max(mu, initial=0.0)))
    fits = _fit(model, counts, auxiliary, begin, *how, workers)
    rows = np.arange(len(counts)) if thorough else np.flatnonzero(np.isinf(fits.nll))
    if start is None or not len(rows):
        return fits
    again = _start(model, auxiliary)
    again[:, model.poi] = mu
    return _improved(fits, rows, model, counts, auxiliary, again, how, workers)


def fit_free(
    model: Model,
    counts: Array,
    auxiliary: Array | None = None,
    start: Array | None = None,
    *,
    lowest_mu: float = 0.0,
    thorough: bool = True,
    workers: int = 1,
) -> Fits:
    """Fit mu >= `lowest_mu` and the nuisance parameters; other arguments as in `fit_fixed`.

    With asymmetric uncertainties -ln L can have a second minimum: a `thorough` fit also starts from the best fit at the border
    mu = 0, and far out if it ended at the border although a bin is above its background.
    """
    counts, auxiliary = model.data(len(counts), counts, auxiliary)
    free, bounds = _free(model, poi=True), _bounds(model, lowest_mu)
    if start is None:
        start = _start(model, auxiliary)
        excess = counts.sum(axis=1) - model.background_events.sum()
        start[:, model.poi] = np.minimum(np.maximum(excess, 0.3) / model.unit, 0.5 * model.largest_mu)
    best = _fit(model, counts, auxiliary, np.array(start), free, bounds, workers)
    if not thorough:
        return best
    border = fit_fixed(model, counts, 0.0, auxiliary, workers=workers)
    # From the border itself only where it is better, as the way up from mu = 0 is long; elsewhere with its nuisance parameters.
    begin = border.parameters.copy()
    begin[:, model.poi] = np.where(border.nll < best.nll - _BETTER, 0.0, best.mu)
    possible = np.flatnonzero(np.isfinite(border.nll))
    best = _improved(best, possible, model, counts, auxiliary, begin, (free, bounds), workers)
    signal, above = model.signal_events, counts - model.background_events
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        needed = above / signal
        far = np.where((signal > 0) & (above > 0) & (needed < np.inf), needed, 0.0).max(axis=1, initial=0.0)
    hidden = np.flatnonzero((best.mu <= 0) & (far > 0))
    begin = _start(model, auxiliary)
    begin[:, model.poi] = far
    return _improved(best, hidden, model, counts, auxiliary, begin, (free, bounds), workers)


def lowest_mu(model: Model) -> float:
    """Smallest mu at which all rates are >= 0 at the starting values: the lower bound of fits without mu >= 0."""
    parameter = model.parameters[model.poi]
    if parameter.lower < 0:
        return parameter.lower
    signal, background = model.signal_events, model.background_events
    if not (signal > 0).any():
        return 0.0
    with np.errstate(over="ignore"):  # a bin with hardly any signal gives no bound
        return -float((background[signal > 0] / signal[signal > 0]).min())


def seconds_of_fit(model: Model) -> float:
    """Time [s] per data set with mu free, measured once the code is compiled."""
    counts = np.random.default_rng(0).poisson(np.clip(model.background_events, 0.0, 1e15), (_TIMED, model.bins))
    fit_free(model, counts[:1].astype(np.float64), thorough=False)
    times = []
    for row in counts.astype(np.float64):  # the median: a single refit by iminuit takes a hundred times as long
        start = time.perf_counter()
        fit_free(model, row[None, :], thorough=False)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def available_workers() -> int:
    """Number of threads available to this process."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def _improved(
    best: Fits,
    rows: NDArray[np.intp],
    model: Model,
    counts: Array,
    auxiliary: Array,
    start: Array,
    how: tuple[NDArray[np.bool_], Array],
    workers: int,
) -> Fits:
    """Fits, replaced by those from another start for the data sets in `rows` where they are better."""
    if not len(rows):
        return best
    other = _fit(model, counts[rows], auxiliary[rows], start[rows].copy(), *how, workers)
    better = (other.nll < best.nll[rows] - _BETTER) & ~other.failed
    nll, parameters, mu, failed = best.nll.copy(), best.parameters.copy(), best.mu.copy(), best.failed.copy()
    at = rows[better]
    nll[at], parameters[at], mu[at] = other.nll[better], other.parameters[better], other.mu[better]
    failed[at] = False
    return Fits(nll, parameters, mu, best.refitted + other.refitted, failed)


def _start(model: Model, auxiliary: Array) -> Array:
    """Constrained parameters at their measurements, others at their start, shape (N, P)."""
    start = np.repeat(model.starts[None, :], len(auxiliary), axis=0)
    for column, i in zip(auxiliary.T, model.constrained, strict=True):
        parameter = model.parameters[i]
        if parameter.fixed:
            continue
        value = column / parameter.constraint.tau if isinstance(parameter.constraint, Poisson) else column
        # Away from the borders: a factor of 0 can make a bin with counts impossible.
        scale = 0.1 if isinstance(parameter.constraint, Poisson) or parameter.lower > -np.inf else 0.0
        low = max(parameter.lower, scale * parameter.start) if scale else parameter.lower
        start[:, i] = np.clip(value, low, parameter.upper)
    return start


def _free(model: Model, *, poi: bool) -> NDArray[np.bool_]:
    free = np.array([not parameter.fixed for parameter in model.parameters])
    free[model.poi] = poi and model.has_strength
    return free


def _bounds(model: Model, lowest: float, mu: float = 0.0) -> Array:
    """Bounds in the units of the compiled code, shape (2, P), for fits up to some signal strength."""
    bounds = np.array([[item.lower for item in model.parameters], [item.upper for item in model.parameters]])
    # A factor of exactly zero removes its bin from the model, and its own derivative with it.
    # The larger the signal the closer to zero, so that a signal held at the floor is invisible.
    floored = (bounds[0] >= 0) & (bounds[0] <= SMALLEST_GAMMA)
    bounds[0, floored] = SMALLEST_GAMMA / max(1.0, mu * model.unit)
    bounds[:, model.poi] = lowest * model.unit, min(_MOST_EVENTS, model.largest_mu * model.unit)
    return bounds


def _fit(
    model: Model,
    counts: Array,
    auxiliary: Array,
    start: Array,
    free: NDArray[np.bool_],
    bounds: Array,
    workers: int,
) -> Fits:
    from na64stat.stats.likelihood import kernel

    point = model.scaled(start)
    values, status = np.empty(len(point)), np.empty(len(point), dtype=np.int64)

    def fit_part(rows: slice) -> None:
        values[rows], status[rows] = kernel.fits(
            model.compiled, point[rows], counts[rows], auxiliary[rows], bounds, free
        )

    in_threads(fit_part, len(point), workers)
    refit = np.flatnonzero(status == kernel.UNCONVERGED)
    failed = np.zeros(len(point), dtype=bool)
    for n in refit:
        values[n], failed[n] = _refit(model, point[n], counts[n], auxiliary[n], free, bounds)
    point[:, model.poi] /= model.unit
    return Fits(values, point, point[:, model.poi].copy(), len(refit), failed)


def in_threads(work: Callable[[slice], None], rows: int, workers: int) -> None:
    """Call `work` on slices of rows, in parallel where it pays."""
    parts = min(workers, max(1, rows // _ROWS_A_THREAD))
    edges = np.linspace(0, rows, parts + 1).astype(int)
    slices = [slice(int(a), int(b)) for a, b in itertools.pairwise(edges)]
    if parts == 1:
        work(slices[0])
        return
    with ThreadPoolExecutor(parts) as pool:
        list(pool.map(work, slices))


def _refit(
    model: Model, point: Array, counts: Array, auxiliary: Array, free: NDArray[np.bool_], bounds: Array
) -> tuple[float, bool]:
    """Refit one data set with iminuit from where Newton stopped; changes `point`, returns -ln L and True if it failed."""
    from iminuit import Minuit

    from na64stat.stats.likelihood import kernel

    data = counts[None, :], auxiliary[None, :]
    before = float(kernel.values(model.compiled, point[None, :], *data, as_fitted=True)[0])

    def nll(parameters: Array) -> float:
        value = kernel.values(model.compiled, np.ascontiguousarray(parameters)[None, :], *data, as_fitted=True)
        return float(min(value[0], 1e300))

    def gradient(parameters: Array) -> Array:
        at = np.ascontiguousarray(parameters)[None, :]
        with np.errstate(invalid="ignore"):
            slopes = kernel.gradients(model.compiled, at, *data, as_fitted=True)[0]
        return np.asarray(np.nan_to_num(slopes, posinf=1e300, neginf=-1e300), dtype=np.float64)

    minuit = Minuit(nll, point.copy(), grad=gradient)
    minuit.print_level = _SILENT
    minuit.errordef, minuit.tol = Minuit.LIKELIHOOD, 1e-6
    for i, (low, high) in enumerate(bounds.T):
        minuit.limits[i] = (None if low == -np.inf else low, None if high == np.inf else high)
        minuit.fixed[i] = not free[i]
        constraint = model.parameters[i].constraint
        minuit.errors[i] = constraint.width if isinstance(constraint, Gaussian) else 0.1 * max(abs(point[i]), 0.1)
    minuit.migrad(ncall=_CALLS)
    if minuit.fval is not None and minuit.fval <= before:
        point[:] = np.array(minuit.values)
        return float(minuit.fval), not minuit.valid
    return before, not minuit.valid
