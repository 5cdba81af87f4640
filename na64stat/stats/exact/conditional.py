"""Densities of the nuisance parameters given held counts: the constraints times the Poisson probability of those counts.

At each mu, with its leak of signal: pi(theta) = phi(theta) prod Pois(n_c | mu s_c(theta) + b_c(theta)), normalised. Nodes of the
average are centred on its mode, scaled by its curvature there, and weighted by the ratio of pi to that Gaussian. A free parameter
has a flat prior; its nodes follow a Gamma density matched to the held counts, which the weights divide out.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import fields, replace

import numpy as np

from na64stat.errors import ComputationError, WorkspaceError
from na64stat.stats.average.given import Given
from na64stat.stats.average.nuisance_average import NuisanceAverage
from na64stat.stats.exact.held import Counts, free_parameters
from na64stat.stats.likelihood.fit import fit_fixed
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array, Gaussian, Parameter, Poisson, Within

_STEP = 3e-4
"""Step of numerical derivatives, in widths of the current estimate of the density."""

_FLATTEST = 0.05
"""Smallest curvature of a direction: its nodes reach 4.5 times as far as those of the constraint."""

_STEEPEST = 1e60
"""Derivative of the logarithm of the density beyond which the search for the mode is given up."""

_KEPT = 8
"""Number of averages at other mu in memory."""


def average_of(counts: Counts) -> NuisanceAverage | LeakingAverage:
    """Average over the nuisance parameters for these counts."""
    if not counts.held:
        return NuisanceAverage.of(counts.model)
    return LeakingAverage(counts) if counts.leaks else _average_at(counts, 0.0)


class LeakingAverage:
    """Average where a held count moves with mu, so that the density depends on mu."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._without = _average_at(counts, 0.0)
        self._known: OrderedDict[float, NuisanceAverage] = OrderedDict()

    def at(self, mu: float) -> NuisanceAverage:
        """Nodes at one signal strength."""
        if mu == 0:
            return self._without
        if mu not in self._known:
            self._known[mu] = _average_at(self._counts, mu)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return self._known[mu]

    @property
    def replicates(self) -> int:
        """Number of independent estimates in the nodes."""
        return self._without.replicates

    @property
    def without_signal(self) -> float:
        """Weight at which no bin has any signal."""
        return self._without.without_signal

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on rates that were cut at zero."""
        return self._without.notes

    def extreme_rates(self, mu: float, b: int, radius: float = 6.4) -> tuple[float, float]:
        """Smallest and largest rate of a bin, with and without signal, within `radius` widths."""
        without, leaking = self._without.extreme_rates(0.0, b, radius), self.at(mu).extreme_rates(mu, b, radius)
        return min(without[0], leaking[0]), max(without[1], leaking[1])

    def count_probabilities(self, mu: float, windows: tuple[tuple[int, int], ...]) -> Array:
        """Joint probabilities of counts, shape (replicates, N_1, ..., N_B)."""
        return self.at(mu).count_probabilities(mu, windows)


def fitted_background(counts: Counts) -> Array:
    """Background events of the summed bins that fit the constraints and the held counts best, shape (S,)."""
    model = counts.model
    if not counts.held:
        return model.background_events
    return np.asarray(model.rates(_fit_held(counts, 0.0))[0, : counts.summed])


def _average_at(counts: Counts, mu: float) -> NuisanceAverage:
    return NuisanceAverage.of(_given(counts, mu))


def _given(counts: Counts, mu: float) -> Given:
    """The model with nodes at the density given the held counts."""
    start = _fit_held(counts, mu)
    widest = start if _inside(counts, start) else _fit_held(_unbounded(counts), mu)
    base = {item.name: getattr(counts.model, item.name) for item in fields(Model)}
    given = Given(**{**base, "parameters": _proposed(counts, start, widest)}, summed=counts.summed, mu=mu)
    size = len(given.constrained)
    flat = tuple(free_parameters(counts.model))
    given = replace(given, flat=flat, centre=_deviates(given, start[0]), spread=np.eye(size))
    centre, spread = _mode(given, _columns_of_held(counts, given))
    return replace(given, centre=centre, spread=spread)


def _fit_held(counts: Counts, mu: float) -> Array:
    """Most probable parameters at mu given the constraints and the held counts, shape (1, P)."""
    model = counts.model
    held = model.select(np.arange(counts.summed, model.bins))
    assert held.observed is not None  # noqa: S101  # a held count has been observed
    fit = fit_fixed(held, held.observed[None, :], mu)
    if not np.isfinite(fit.nll[0]):
        names = ", ".join(counts.names[counts.summed :])
        raise ComputationError(
            f"exact method: the counts held in {names} cannot be at mu = {mu:g}: events where none is expected; "
            "hold others"
        )
    at = {parameter.name: value for parameter, value in zip(held.parameters, fit.parameters[0], strict=True)}
    result = model.with_mu(mu)
    for i, parameter in enumerate(model.parameters):
        result[0, i] = at.get(parameter.name, result[0, i])
    return result


def _unbounded(counts: Counts) -> Counts:
    """The model with free parameters anywhere above zero."""
    parameters = list(counts.model.parameters)
    for i in free_parameters(counts.model):
        parameters[i] = replace(parameters[i], lower=0.0, upper=np.inf)
    return replace(counts, model=replace(counts.model, parameters=tuple(parameters)))


def _inside(counts: Counts, at: Array) -> bool:
    """True if no free parameter is at a bound set in its file."""
    bounds = [(counts.model.parameters[i].lower, counts.model.parameters[i].upper, at[0, i]) for i in _free(counts)]
    return all((value > low + 1e-6 * abs(low) or low <= 0) and value < high * (1 - 1e-6) for low, high, value in bounds)


def _free(counts: Counts) -> list[int]:
    return free_parameters(counts.model)


def _proposed(counts: Counts, bounded: Array, widest: Array) -> tuple[Parameter, ...]:
    """Parameters with a Gamma density for the free ones, from fits to the held counts with and without bounds, shape (1, P)."""
    parameters = _gammas(counts, widest)
    if any(isinstance(item.constraint, Within) and not item.constraint.possible for item in parameters):
        parameters = _gammas(counts, bounded)
    return parameters


def _gammas(counts: Counts, at: Array) -> tuple[Parameter, ...]:
    """Parameters with a Gamma density for the free ones, of the mean and width given by the held counts at a point."""
    model, free = counts.model, free_parameters(counts.model)
    parameters = list(model.parameters)
    if not free:
        return tuple(parameters)
    step = 1e-4 * np.maximum(np.abs(at[0, free]), 1e-2)
    ends = np.repeat(at, 2 * len(free), axis=0)
    for k, i in enumerate(free):
        ends[2 * k, i] += step[k]
        ends[2 * k + 1, i] -= step[k]
    rates = model.rates(ends)[:, counts.summed :]
    slopes = (rates[::2] - rates[1::2]) / (2 * step[:, None])
    information = (slopes / np.maximum(model.rates(at)[:, counts.summed :], 1.0)) @ slopes.T
    size = np.sqrt(np.diag(information))
    open_ = size <= 0
    if not open_.any():
        open_ = np.full(len(free), np.linalg.eigvalsh(information / np.outer(size, size))[0] < 1e-6)
    if open_.any():
        names = ", ".join(model.parameters[i].name for i, is_open in zip(free, open_, strict=True) if is_open)
        raise WorkspaceError(
            f"exact method: {names}: free, and neither a constraint nor the counts that are held fix a density to average over; "
            "fix or constrain it, hold a count that measures it, or use toys or the asymptotic method"
        )
    for k, i in enumerate(free):
        middle = max(float(at[0, i]), 0.0)
        count = (middle * size[k]) ** 2
        bounds = max(parameters[i].lower, 0.0), parameters[i].upper
        density = Within(count, float(max(middle * size[k] ** 2, size[k])), *bounds)
        parameters[i] = replace(parameters[i], constraint=density)
    return tuple(parameters)


def _deviates(model: Model, point: Array) -> Array:
    """Deviates of the constraints at parameters (P,), shape (C,)."""
    from scipy.special import gammainc, gammaincc, ndtri

    deviates = []
    for i in model.constrained:
        constraint, value = model.parameters[i].constraint, point[i]
        if model.parameters[i].fixed:
            deviates.append(0.0)
        elif isinstance(constraint, Within):
            deviates.append(constraint.deviate(value))
        elif isinstance(constraint, Gaussian):
            deviates.append((value - constraint.centre) / constraint.sigma)
        elif isinstance(constraint, Poisson):
            below, above = (f(constraint.count + 1, constraint.tau * value) for f in (gammainc, gammaincc))
            deviates.append(float(ndtri(below) if below < above else -ndtri(above)))
    return np.clip(np.array(deviates, dtype=np.float64), -30.0, 30.0)


def _columns_of_held(counts: Counts, given: Given) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Positions among the constrained parameters of those that move a held bin."""
    used: set[int] = set()
    for row in counts.model.rows:
        if (row.bins >= counts.summed).any():
            used |= row.parameters
    return np.array(
        [c for c, i in enumerate(given.constrained) if i in used and not given.parameters[i].fixed], dtype=np.intp
    )


def _mode(given: Given, columns: np.ndarray[tuple[int], np.dtype[np.intp]]) -> tuple[Array, Array]:
    """Mode of the density, and the inverse root of its curvature there, by Newton's method."""
    centre, spread = given.centre.copy(), np.eye(len(given.centre))
    others = np.setdiff1d(np.arange(len(centre)), columns)
    centre[others] = 0.0
    for _ in range(60):
        trial = replace(given, centre=centre, spread=spread)
        with np.errstate(all="ignore"):
            gradient, curvature = _derivatives(trial, columns)
        if not (np.abs(curvature).max(initial=0.0) < _STEEPEST and np.abs(gradient).max(initial=0.0) < _STEEPEST):
            names = ", ".join(given.bin_names[given.summed :])
            raise ComputationError(
                f"exact method: the probability of the counts held in {names} changes too steeply with the nuisance parameters; "
                "expected uncertainties in proportion to the events they act on, or hold others"
            )
        values, vectors = np.linalg.eigh(curvature)
        values = np.maximum(values, _FLATTEST * 0.1)
        step = vectors @ ((vectors.T @ gradient) / values)
        # If the density is not concave, in the curvature assumed for the step.
        length = float(np.sqrt(np.sum(values * (vectors.T @ step) ** 2)))
        move = np.zeros(len(centre))
        move[columns] = step
        scale, best = 1.0, _density(trial, np.zeros((1, len(centre))))[0]
        while scale > 1e-6 and _density(trial, scale * move[None, :])[0] < best - 1e-9:
            scale /= 2
        centre = centre + spread @ (scale * move)
        block = spread[np.ix_(columns, columns)]
        inverse = block @ (vectors / values) @ vectors.T @ block.T
        sizes, axes = np.linalg.eigh((inverse + inverse.T) / 2)
        sizes = np.clip(sizes, 1e-18, 1 / _FLATTEST)
        spread[np.ix_(columns, columns)] = (axes * np.sqrt(sizes)) @ axes.T
        if length < 1e-3 and scale == 1.0 and np.allclose(values, 1, atol=1e-2):
            break
    return centre, spread


def _density(given: Given, deviates: Array) -> Array:
    """Logarithm of the density, up to a constant."""
    logs: Array = given.log_weight(deviates) - 0.5 * (deviates**2).sum(axis=1)
    return logs


def _derivatives(given: Given, columns: np.ndarray[tuple[int], np.dtype[np.intp]]) -> tuple[Array, Array]:
    """Gradient of the logarithm of the density, and minus its second derivatives, in deviates of `columns`."""
    size, dimension = len(columns), len(given.centre)
    step = _STEP**0.5
    unit = np.zeros((size, dimension))
    unit[np.arange(size), columns] = step
    first, second = np.triu_indices(size, 1)
    points = np.concatenate([np.zeros((1, dimension)), unit, -unit, unit[first] + unit[second]])
    values = _density(given, points)
    if not np.isfinite(values).all():
        names = ", ".join(given.bin_names[given.summed :])
        raise ComputationError(
            f"exact method: the counts of {names}, which are held, are all but impossible at mu = {given.mu:g}, so that nothing "
            "can be averaged given them; toys or the asymptotic method need no average"
        )
    middle, up, down, both = np.split(values, [1, 1 + size, 1 + 2 * size])
    gradient = (up - down) / (2 * step)
    curvature = np.diag(-(up + down - 2 * middle) / step**2)
    mixed = -(both - up[first] - up[second] + middle) / step**2
    # One-sided: the error from third derivatives is small at such steps.
    curvature[first, second] = curvature[second, first] = mixed
    return gradient, curvature
