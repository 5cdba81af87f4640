"""Moves of the ensemble sampler, for all walkers at once.

The ensemble moves of emcee accept walker by walker in Python, which costs more than the compiled likelihood. These take their
proposals from the same papers and accept in one step; the sampler around them is that of emcee.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from emcee.moves import Move
from emcee.state import State

from na64stat.stats.bayes.posterior import Posterior
from na64stat.stats.likelihood.parameters import Array

Random = np.random.RandomState


class _HalvesMove(Move, ABC):  # type: ignore[misc]  # emcee has no types
    """One half of the walkers moves with the help of the other, and vice versa."""

    def propose(self, model: Any, state: State) -> tuple[State, Any]:
        """New state, and a mask of the walkers that moved."""
        random: Random = model.random
        walkers = len(state.coords)
        accepted = np.zeros(walkers, dtype=bool)
        order = random.permutation(walkers)
        halves = order[: walkers // 2], order[walkers // 2 :]
        for moving, fixed in (halves, halves[::-1]):
            points, log_ratio = self._proposal(state.coords[moving], state.coords[fixed], random)
            log_prob, _ = model.compute_log_prob_fn(points)
            better = log_ratio + log_prob - state.log_prob[moving] > np.log(random.random_sample(len(moving)))
            moved = moving[better]
            state.coords[moved], state.log_prob[moved] = points[better], log_prob[better]
            accepted[moved] = True
        return state, accepted

    @abstractmethod
    def _proposal(self, points: Array, others: Array, random: Random) -> tuple[Array, Array]:
        """Proposed points, and ln of the ratio of their proposal densities."""


class StretchMove(_HalvesMove):
    """A walker moves along the line to another one.

    J. Goodman, J. Weare, Comm. App. Math. Comp. Sci. 5 (2010) 65, eqs. (7), (9), with a = 2.
    """

    def _proposal(self, points: Array, others: Array, random: Random) -> tuple[Array, Array]:
        size, dimension = points.shape
        stretch = (1 + np.asarray(random.random_sample(size))) ** 2 / 2
        partners = others[random.randint(len(others), size=size)]
        return partners + stretch[:, None] * (points - partners), (dimension - 1) * np.log(stretch)


class DifferenceMove(_HalvesMove):
    """A walker moves by a multiple of the difference of two others (differential evolution); by all of it, between islands.

    C. ter Braak, Stat. Comput. 16 (2006) 239, eq. (2); B. Nelson, E. Ford, M. Payne, ApJS 210 (2014) 11, section 3.
    """

    def __init__(self, multiple: float | None = None) -> None:
        self.multiple = multiple

    def _proposal(self, points: Array, others: Array, random: Random) -> tuple[Array, Array]:
        size, dimension = points.shape
        multiple = 2.38 / np.sqrt(2 * dimension) if self.multiple is None else self.multiple
        first = random.randint(len(others), size=size)
        second = (first + random.randint(1, len(others), size=size)) % len(others)
        step = multiple * (1 + 1e-5 * random.standard_normal((size, 1)))
        return points + step * (others[first] - others[second]), np.zeros(size)


class PriorMove(Move):  # type: ignore[misc]  # emcee has no types
    """Signal parameters are drawn anew from their priors, and if `nuisance` the others from their constraints.

    One step reaches every corner of the (mass, coupling) plane.
    """

    def __init__(self, posterior: Posterior, nuisance: bool) -> None:
        self.posterior, self.nuisance = posterior, nuisance

    def propose(self, model: Any, state: State) -> tuple[State, Any]:
        """New state, and a mask of the walkers that moved."""
        random: Random = model.random
        points = self.posterior.draw(len(state.coords), random)
        log_ratio: Array | float = 0.0
        if self.nuisance:
            log_ratio = self.posterior.log_prior(state.coords) - self.posterior.log_prior(points)
        else:  # the priors of the signal parameters are flat in the coordinates of the sampler
            signals = len(self.posterior.priors)
            points[:, signals:] = state.coords[:, signals:]
        log_prob, _ = model.compute_log_prob_fn(points)
        better = log_ratio + log_prob - state.log_prob > np.log(random.random_sample(len(points)))
        state.coords[better], state.log_prob[better] = points[better], log_prob[better]
        return state, better


def mixture(posterior: Posterior) -> list[tuple[Move, float]]:
    """The moves with their probabilities."""
    return [
        (DifferenceMove(), 0.35),
        (StretchMove(), 0.2),
        (DifferenceMove(1.0), 0.05),
        (PriorMove(posterior, nuisance=False), 0.15),
        (PriorMove(posterior, nuisance=True), 0.25),
    ]
