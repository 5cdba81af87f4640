"""Posterior density of signal and nuisance parameters on the compiled likelihood, for many points at once.

A point is the cumulative prior probability u of each signal parameter, followed by the nuisance parameters in the order of the
model. Priors of nuisance parameters are flat between their bounds: their constraint terms are part of the likelihood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError, InputError
from na64stat.stats.bayes.priors import Prior
from na64stat.stats.likelihood import kernel
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array, Gaussian, Parameter

Signal = Callable[[Mapping[str, Array]], Array]
"""Factors on the signal of each channel, shape (N, C), from values of the parameters with priors, each of shape (N,)."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """The sampled density of a model with observed counts, with one prior per signal parameter in the order of the columns.

    InputError for two priors of one parameter, none at all, or no observed counts.
    """

    model: Model
    priors: tuple[Prior, ...]
    signal: Signal

    def __post_init__(self) -> None:
        names = [prior.parameter for prior in self.priors]
        if not names or len(set(names)) != len(names):
            raise InputError(f"priors of {', '.join(names) or 'nothing'}: expected one of each parameter")
        if self.model.observed is None:
            raise InputError("posterior: a projection has no observed counts; name counts, or a run that has them")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return (*(prior.parameter for prior in self.priors), *(self.model.parameters[i].name for i in self._nuisance))

    @property
    def dimension(self) -> int:
        """Number of columns D."""
        return len(self.names)

    def __call__(self, points: Array) -> Array:
        """Ln of the posterior density, up to a constant, shape (N,), at points (N, D); minus infinity outside the bounds."""
        inside = np.all((points >= self._lower) & (points <= self._upper), axis=1)
        # Outside, the density is not evaluated; the middle of the box replaces the point so that all rows are treated alike.
        values = self._log_density(points if inside.all() else np.where(inside[:, None], points, self._start))
        values[~inside] = -np.inf
        return values

    def _log_density(self, points: Array) -> Array:
        if self.model.has_negative_samples:
            return self._log_density_of_positive(points)
        counts, auxiliary = self._data(len(points))
        logs = -kernel.values(self._split.compiled, self._parameters(points), counts, auxiliary)
        if np.isnan(logs).any():
            point = dict(zip(self.names, points[np.isnan(logs)][0].tolist(), strict=True))
            raise ComputationError(f"posterior: the likelihood is not a number at {point} (u of the signal parameters)")
        return logs

    def _log_density_of_positive(self, points: Array) -> Array:
        """Ln of the density with negative signal and background rates cut at zero, as in `MarginalLikelihood`.

        Without events the likelihood would grow with a negative rate, and indefinitely with mu.
        """
        from scipy.special import xlogy

        signal, total = self.rates(points)
        rates = np.maximum(signal, 0.0) + np.maximum(total - signal, 0.0)
        counts, _ = self._data(len(points))
        with np.errstate(divide="ignore"):
            return np.asarray(self.log_prior(points) + (xlogy(counts, rates) - rates).sum(axis=1))

    def values(self, points: Array) -> Array:
        """Values of the parameters, shape (N, D)."""
        result = np.array(points)
        for column, prior in enumerate(self.priors):
            result[:, column] = prior.ppf(points[:, column])
        return result

    def factors(self, points: Array) -> Array:
        """Factor on the signal of each channel, shape (N, C)."""
        named = {prior.parameter: prior.ppf(points[:, column]) for column, prior in enumerate(self.priors)}
        return self.signal(named)

    def rates(self, points: Array) -> tuple[Array, Array]:
        """Expected signal and expected counts in each bin, both of shape (N, B)."""
        parameters = self._parameters(points)
        total = kernel.rates(self._split.compiled, parameters)
        parameters[:, self._strengths] = 0.0
        return total - kernel.rates(self._split.compiled, parameters), total

    def log_prior(self, points: Array) -> Array:
        """Ln of the density from which `draw` takes nuisance parameters, up to a constant, shape (N,)."""
        total = np.zeros(len(points))
        for column, i in enumerate(self._nuisance, start=len(self.priors)):
            constraint = self.model.parameters[i].constraint
            if isinstance(constraint, Gaussian):
                total -= 0.5 * ((points[:, column] - constraint.centre) / constraint.sigma) ** 2
            elif constraint is not None:
                expected = constraint.tau * points[:, column]
                with np.errstate(divide="ignore", invalid="ignore"):
                    total += np.where(expected > 0, constraint.count * np.log(expected) - expected, -np.inf)
        return total

    def draw(self, size: int, random: np.random.RandomState) -> Array:
        """Points from the priors, with nuisance parameters from their constraints or, if free, between their bounds, (size, D).

        A draw from a constraint can lie outside the bounds of its parameter.
        """
        result = np.empty((size, self.dimension))
        signals = len(self.priors)
        result[:, :signals] = random.uniform(size=(size, signals))
        for column, i in enumerate(self._nuisance, start=signals):
            parameter = self.model.parameters[i]
            if parameter.constraint is not None:
                drawn = parameter.constraint.at(random.standard_normal(size))
            else:
                drawn = random.uniform(parameter.lower, parameter.upper, size)
            result[:, column] = drawn
        return result

    @cached_property
    def without_constraint(self) -> NDArray[np.intp]:
        """Columns that are flat between bounds: the signal parameters in u, and free nuisance parameters."""
        free = [self.model.parameters[i].constraint is None for i in self._nuisance]
        return np.flatnonzero([True] * len(self.priors) + free)

    @property
    def box(self) -> tuple[Array, Array]:
        """Lower and upper bounds of these columns."""
        return self._lower[self.without_constraint], self._upper[self.without_constraint]

    @cached_property
    def _nuisance(self) -> tuple[int, ...]:
        """Positions of the nuisance parameters that are not fixed."""
        return tuple(i for i, item in enumerate(self.model.parameters) if not item.fixed and i != self.model.poi)

    @cached_property
    def _split(self) -> Model:
        """The model with a separate strength for the signal of each channel, as further parameters at the end."""
        model, first = self.model, len(self.model.parameters)
        strengths = tuple(Parameter(f"signal {name}", 1.0, 0.0, np.inf) for name in model.channels)
        rows = tuple(
            replace(row, factors=(*row.factors, first + row.channel)) if model.poi in row.factors else row
            for row in model.rows
        )
        return replace(model, parameters=(*model.parameters, *strengths), rows=rows)

    @cached_property
    def _strengths(self) -> slice:
        return slice(len(self.model.parameters), len(self._split.parameters))

    def _parameters(self, points: Array) -> Array:
        """Parameters of the compiled code, shape (N, P + C)."""
        result = np.repeat(self._base, len(points), axis=0)
        result[:, self._columns] = points[:, len(self.priors) :]
        result[:, self._strengths] = self.factors(points)
        return result

    @cached_property
    def _columns(self) -> NDArray[np.intp]:
        return np.array(self._nuisance, dtype=np.intp)

    @cached_property
    def _base(self) -> Array:
        return self._split.scaled(self._split.with_mu(1.0))

    def _data(self, size: int) -> tuple[Array, Array]:
        """Counts and auxiliary data repeated for so many rows."""
        if size > len(self._rows[0]):
            self.__dict__["_rows"] = self._split.data(size, None, None)
        counts, auxiliary = self._rows
        return counts[:size], auxiliary[:size]

    @cached_property
    def _rows(self) -> tuple[Array, Array]:
        return self._split.data(64, None, None)

    @cached_property
    def _bounds(self) -> Array:
        ends = [(0.0, 1.0)] * len(self.priors)
        ends += [(self.model.parameters[i].lower, self.model.parameters[i].upper) for i in self._nuisance]
        return np.array(ends)

    @cached_property
    def _lower(self) -> Array:
        return np.ascontiguousarray(self._bounds[:, 0])

    @cached_property
    def _upper(self) -> Array:
        return np.ascontiguousarray(self._bounds[:, 1])

    @cached_property
    def _start(self) -> Array:
        inits = [self.model.parameters[i].start for i in self._nuisance]
        return np.concatenate([np.full(len(self.priors), 0.5), inits])
