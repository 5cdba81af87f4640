"""Density of the nuisance parameters given the held counts; `na64stat.stats.exact.conditional` finds its mode."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array, Poisson

_ENDLESS = 1e200
"""Upper bound on rates against infinities; no count has a probability there."""


@dataclass(frozen=True, eq=False)
class Given(Model):
    """A model whose deviates are those of the nuisance parameters given the held counts, its bins from `summed` on, at one `mu`.

    `flat` are the positions of free parameters, whose constraint only generates nodes. `centre` is the mode of the density and
    `spread` the change per unit deviate, both in deviates of the constraints, shapes (C,) and (C, C).
    """

    summed: int = 0
    mu: float = 0.0
    flat: tuple[int, ...] = ()
    centre: Array = field(default_factory=lambda: np.zeros(0))
    spread: Array = field(default_factory=lambda: np.zeros((0, 0)))

    def at_deviates(self, deviates: Array) -> Array:
        """Parameters at deviates (N, C) from the mode, shape (N, P)."""
        return super().at_deviates(self._own(deviates))

    def log_weight(self, deviates: Array) -> Array:
        """Logarithm of the density over that of unit Gaussian deviates, up to a constant, shape (N,)."""
        own = self._own(deviates)
        return self._log_held(deviates) + 0.5 * np.asarray((deviates**2).sum(axis=1) - (own**2).sum(axis=1))

    def moved_by(self, parameters: set[int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Mask of the deviates that move any of these parameters, shape (C,)."""
        rows = np.array([i in parameters for i in self.constrained], dtype=bool)
        return np.asarray((self.spread[rows] != 0).any(axis=0))

    def _own(self, deviates: Array) -> Array:
        return np.asarray(self.centre + deviates @ self.spread.T)

    def _log_held(self, deviates: Array) -> Array:
        from scipy.special import xlogy

        points = self.at_deviates(deviates)
        signal, background = self.split_rates(points)
        rates = np.minimum((self.mu * signal + background)[:, self.summed :], _ENDLESS)
        assert self.observed is not None  # noqa: S101  # a held count has been observed
        counts = self.observed[self.summed :]
        with np.errstate(divide="ignore"):
            total = (xlogy(counts, rates) - xlogy(counts, counts) - rates + counts).sum(axis=1)
            for i in self.flat:
                parameter, values = self.parameters[i], points[:, i]
                constraint = parameter.constraint
                assert isinstance(constraint, Poisson)  # noqa: S101  # see `_proposed`
                ends = np.isfinite(values)
                mean = constraint.tau * np.where(ends, values, 1.0)
                total = np.where(ends, total - (xlogy(constraint.count, mean) - mean), -np.inf)
                total = np.where((values > parameter.upper) | (values < parameter.lower), -np.inf, total)
        return np.asarray(total)
