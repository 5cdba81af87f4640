"""An upper bound on the probability of outcomes far from a hypothesis that are too many to be summed.

Since the profiled parameters maximise the likelihood times its constraint, P(n | mu, theta) phi(theta) is at most phi(theta_0)
exp(-q(n)/2) at every theta, where phi(theta_0) is the largest value of the density of the constraints. The total probability
of outcomes at least as extreme as q_obs is therefore at most exp(-q_obs/2) times their number times the volume of the
parameter range (+-8 widths, in units of 1/phi), plus the tails of the constraints beyond it and the Poisson tails beyond twice
the largest rate in it.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array, Gaussian, Poisson

_REACH = 8.0
"""Widths of the constraints that the bound covers; a probability of 1e-15 lies beyond."""


class TailBound:
    """Upper bound on P(q >= value | mu)."""

    def __init__(self, model: Model, mu: float) -> None:
        self.model, self.mu = model, mu

    def probability(self, q: Array) -> Array:
        """TailBound for each value of q, same shape; it may exceed one slightly."""
        log_size = self._log_volume + self._log_states
        return np.asarray(np.exp(np.minimum(log_size - q / 2, 0.0)) + self._tail)

    @cached_property
    def _tail(self) -> float:
        return len(self.model.constrained) * math.erfc(_REACH / math.sqrt(2)) + 1e-20

    @cached_property
    def _log_volume(self) -> float:
        total = 0.0
        ends = np.array([-_REACH, _REACH])
        for i in self.model.constrained:
            constraint = self.model.parameters[i].constraint
            if isinstance(constraint, Gaussian):
                total += math.log(2 * _REACH / math.sqrt(2 * math.pi))
            elif isinstance(constraint, Poisson):
                low, high = constraint.at(ends) * constraint.tau
                count = constraint.count
                peak = (count * math.log(count) if count > 0 else 0.0) - count - math.lgamma(count + 1)
                total += max(math.log(high - low) + peak, 0.0)
        return total

    @cached_property
    def _log_states(self) -> float:
        return float(np.log(2 * self._largest_rates() + 200).sum())

    def _largest_rates(self) -> Array:
        """Rates with every parameter at the end of its range that raises them most, shape (B,)."""
        count = len(self.model.constrained)
        ends = _REACH * np.concatenate([np.eye(count), -np.eye(count), np.zeros((1, count))])
        parts = np.stack(self.model.split_rates(self.model.at_deviates(ends)))
        middle = parts[:, -1:]
        ratios = np.divide(parts[:, :-1], middle, out=np.ones_like(parts[:, :-1]), where=middle > 0)
        # Each parameter separately: the product of their effects is at least the combined effect.
        largest = np.maximum(ratios[:, :count], ratios[:, count:]).clip(min=1.0).prod(axis=1) * middle[:, 0]
        return np.asarray(self.mu * largest[0] + largest[1], dtype=np.float64)
