"""-2 ln L along one parameter, all others fitted: `profile` scans a range and finds where the curve crosses 1, 2.71 and 3.84."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from na64stat.arguments import numbers
from na64stat.errors import ComputationError, InputError, did_you_mean
from na64stat.stats.likelihood.fit import Fits, fit_fixed, fit_free
from na64stat.stats.likelihood.fit import lowest_mu as smallest_mu
from na64stat.stats.likelihood.model import Model, check_model
from na64stat.stats.likelihood.parameters import Array

LEVELS: Final = {"68.3%": 1.0, "90%": 2.705543454095404, "95%": 3.841458820694124}
"""Rise of -2 ln L at the ends of an interval for one parameter: quantiles of chi-squared with one degree of freedom."""

DEEPER: Final = 1e-4
"""Depth of -2 ln L below the best fit from which a point counts as another minimum."""

_MOST_DOUBLINGS = 30


@dataclass(frozen=True, eq=False)
class ProfileScan:
    """-2 ln L of the observed data along one parameter.

    Attributes
    ----------
    name, best
        Name of the parameter, and its value at the best fit.
    values, rise
        Values of the parameter, and the profiled -2 ln L relative to the best fit, shape (N,); infinite where the model
        forbids the data.
    parameters
        All parameters at each value, shape (N, P).
    crossings
        For each confidence level of `LEVELS`, where the curve crosses its rise within the range of `values`, increasing.
    notes
        Caveats of this result.
    """

    name: str
    best: float
    values: Array
    rise: Array
    parameters: Array
    crossings: dict[str, tuple[float, ...]]
    notes: tuple[str, ...] = ()

    @property
    def levels(self) -> dict[str, float]:
        """Rise of -2 ln L at each confidence level."""
        return LEVELS


def profile(model: Model, values: Sequence[float], name: str = "mu", *, lowest_mu: float | None = None) -> ProfileScan:
    """-2 ln L over a range of one parameter, the others fitted at each value.

    Parameters
    ----------
    model
        The likelihood.
    values
        Values of the parameter, at least two, increasing.
    name
        Name of the parameter.
    lowest_mu
        Lower bound of a fitted mu; default as in `mu_floor`.

    Raises
    ------
    InputError
        Unknown or fixed parameter, values that do not increase or are out of bounds, no observed counts.
    ComputationError
        The model forbids the observed counts.
    """
    check_model(model)
    index = index_of(model, name)
    points = numbers("values", values)
    if len(points) < 2 or not np.all(np.isfinite(points)) or not np.all(np.diff(points) > 0):
        raise InputError(f"profile of {name}: {len(points)} values; expected at least two finite ones that increase")
    curve = Profile(model, index, lowest_mu=lowest_mu)
    low, high = curve.bounds
    if points[0] < low or points[-1] > high:
        wrong = points[0] if points[0] < low else points[-1]
        raise InputError(f"profile of {name}: {wrong:g} is outside its bounds {low:g} to {high:g}")
    fits = curve.fits(points)
    curve.adopt(fits)
    rise = curve.rise_of(fits)
    notes = (f"{fits.failed.sum()} fits did not converge",) if fits.failed.any() else ()
    crossings = {label: curve.crossings(points, rise, level) for label, level in LEVELS.items()}
    return ProfileScan(name, curve.best_value, points, rise, fits.parameters, crossings, notes)


class Profile:
    """Profiled -2 ln L of the observed data along the parameter at position `index`."""

    def __init__(self, model: Model, index: int, best: Fits | None = None, lowest_mu: float | None = None) -> None:
        self.model, self.index = model, index
        self.lowest = observed_floor(model) if lowest_mu is None else lowest_mu
        self.best = observed_fit(model, self.lowest) if best is None else best
        self.deepest = 0.0
        """Lowest rise met so far; negative if the best fit is not the deepest minimum."""
        self._held = model if index == model.poi else hold(model, index)

    @property
    def best_value(self) -> float:
        """Parameter at the best fit."""
        return float(self.best.parameters[0, self.index])

    @property
    def bounds(self) -> tuple[float, float]:
        """Range of the parameter in fits."""
        parameter = self.model.parameters[self.index]
        return (self.lowest if self.index == self.model.poi else parameter.lower), parameter.upper

    def fits(self, values: Array) -> Fits:
        """Fits with the parameter held at each value, shape (N,): the better of those from the best fit and from the start."""
        model, number = self.model, len(values)
        start = np.concatenate(
            [
                np.repeat(self.best.parameters, number, axis=0),
                np.repeat(model.with_mu(self.best.mu), number, axis=0),
            ]
        )
        start[:, self.index] = np.tile(values, 2)
        counts, _ = model.data(2 * number, None, None)
        if self.index == model.poi:
            both = fit_fixed(model, counts, start[:, model.poi], start=start)
        else:
            both = fit_free(self._held, counts, start=start, lowest_mu=self.lowest, thorough=False)
        chosen = np.arange(number) + number * (both.nll[number:] < both.nll[:number])
        # No rates fit data better than perfectly; only negative ones seem to, in bins without counts.
        nll = np.maximum(both.nll[chosen], 0.0)
        return Fits(nll, both.parameters[chosen], both.mu[chosen], both.refitted, both.failed[chosen])

    def rise_of(self, fits: Fits) -> Array:
        """-2 ln L relative to the best fit, shape (N,)."""
        rise: Array = 2 * (fits.nll - self.best.nll[0])
        return np.where(np.abs(rise) < DEEPER, np.maximum(rise, 0.0), rise)

    def adopt(self, fits: Fits) -> None:
        """Take a deeper minimum found by the scan as the best fit."""
        lowest = int(np.argmin(fits.nll))
        if 2 * (fits.nll[lowest] - self.best.nll[0]) < -DEEPER:
            counts, _ = self.model.data(1, None, None)
            start = fits.parameters[lowest : lowest + 1].copy()
            self.best = fit_free(self.model, counts, start=start, lowest_mu=self.lowest)

    def __call__(self, value: float) -> float:
        """Rise at one value, at most 1e300."""
        rise = min(float(self.rise_of(self.fits(np.array([value])))[0]), 1e300)
        self.deepest = min(self.deepest, rise)
        return rise

    def crossings(self, values: Array, rise: Array, level: float) -> tuple[float, ...]:
        """Crossings of a level between neighbouring values, increasing."""
        changes = np.flatnonzero((rise[:-1] < level) != (rise[1:] < level))
        return tuple(self._root(values[n], values[n + 1], level) for n in changes)

    def crossing(self, level: float, step: float, end: float) -> float | None:
        """First crossing of a level, going from the best fit in steps of the sign and size of `step`.

        None if there is none before `end`, or within 1e9 steps.
        """
        inner, width = self.best_value, step
        for _ in range(_MOST_DOUBLINGS):
            outer = inner + width
            last = (outer - end) * step >= 0
            outer = end if last else outer
            if self(outer) >= level:
                return self._root(inner, outer, level)
            if last:
                return None
            inner, width = outer, 2 * width
        return None

    def _root(self, inner: float, outer: float, level: float) -> float:
        from scipy.optimize import brentq

        # The square root is nearly linear, so that few steps are needed.
        width = abs(outer - inner)

        def above(value: float) -> float:
            return math.sqrt(max(self(value), 0.0)) - math.sqrt(level)

        ends = above(inner), above(outer)
        if not min(ends) <= 0 <= max(ends):
            raise ComputationError(
                f"profile of {self.model.parameters[self.index].name!r}: fits at {inner:g} and {outer:g} do not repeat, so that "
                f"where -2 ln L rises by {level:g} is not found; narrower bounds or fewer free parameters would help"
            )
        root = brentq(
            above,
            inner,
            outer,
            xtol=1e-9 * width,
            rtol=1e-12,
        )
        return float(root)


def index_of(model: Model, name: str) -> int:
    """Position of a fitted parameter."""
    names = [parameter.name for parameter in model.parameters]
    if name not in names:
        raise InputError(f"parameter {name!r}: not in the model; it has {', '.join(names)}{did_you_mean(name, names)}")
    index = names.index(name)
    if model.parameters[index].fixed:
        raise InputError(f"parameter {name!r}: fixed in the model; expected a fitted one")
    return index


def hold(model: Model, index: int) -> Model:
    """The model with a parameter that is never fitted."""
    parameters = list(model.parameters)
    parameters[index] = replace(parameters[index], fixed=True)
    return replace(model, parameters=tuple(parameters))


def mu_floor(model: Model, counts: Array) -> Array:
    """Lower bound of mu-hat for data sets (N, B), shape (N,): mu may be negative, but not the rates.

    It is where the rate of a bin vanishes, or the lower bound in the workspace if that is negative. It is 0 if a bin with signal
    holds no event: a likelihood linear in the rate would favour rates below zero, reached through the nuisance parameters.
    """
    low = smallest_mu(model)
    if model.parameters[model.poi].lower < 0:
        return np.full(len(counts), low)
    empty = (counts[:, model.signal_events > 0] == 0).any(axis=1)
    return np.where(empty, 0.0, low)


def observed_floor(model: Model) -> float:
    """Lower bound of mu-hat for the observed counts."""
    return 0.0 if model.observed is None else float(mu_floor(model, model.observed[None, :])[0])


def observed_fit(model: Model, lowest_mu: float) -> Fits:
    """Best fit of the observed counts, one data set.

    InputError for a projection; ComputationError if the model forbids the counts or no fit converged.
    """
    if model.observed is None:
        raise InputError("fit: a projection has no observed counts; expected a run or workspace with counts")
    fits = _deepest(model, fit_free(model, model.observed[None, :], lowest_mu=lowest_mu), lowest_mu)
    if not np.isfinite(fits.nll[0]):
        rates = model.rates(fits.parameters)[0]
        empty = [f"{model.bin_names[b]} ({model.observed[b]:g} observed)" for b in np.flatnonzero(rates <= 0)]
        raise ComputationError(f"fit: the model expects nothing, whatever its parameters, in {', '.join(empty)}")
    if fits.failed[0]:
        raise ComputationError("fit: neither Newton's method nor iminuit converged on the observed counts")
    return fits


def _deepest(model: Model, fits: Fits, lowest_mu: float) -> Fits:
    """Best of several fits: the first one, and others from off its bounds and from other signal strengths."""
    point, inits = fits.parameters[0], model.starts
    lower = np.array([parameter.lower for parameter in model.parameters])
    off = np.where(point <= lower, inits, point)
    off[model.poi] = point[model.poi]
    starts = [off, off, *np.repeat(inits[None, :], 4, axis=0)]
    counts, _ = model.data(len(starts), None, None)
    events = np.array([0.0, 0.1, 0.3, 1.0, 3.0]) * max(float(counts[0].sum()), 1.0)
    start = model.with_mu(0.0, np.array(starts))
    start[0, model.poi] = point[model.poi]
    start[1:, model.poi] = np.maximum(events, lowest_mu * model.unit) / model.unit
    others = fit_free(model, counts, start=start, lowest_mu=lowest_mu, thorough=False)
    # Negative only with negative rates in bins without counts: not a physical minimum.
    nll = np.where(others.failed | (others.nll < -1e-6), np.inf, others.nll)
    best = int(np.argmin(nll))
    if not (nll[best] < fits.nll[0] - 1e-9 or (fits.failed[0] and np.isfinite(nll[best]))):
        return fits
    row = slice(best, best + 1)
    return Fits(
        others.nll[row], others.parameters[row], others.mu[row], fits.refitted + others.refitted, others.failed[row]
    )
