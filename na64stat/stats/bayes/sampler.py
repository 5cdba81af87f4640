"""Ensembles of walkers on a posterior density, by emcee.

Several independent ensembles are run side by side to test their agreement. The next step depends only on the state of an
ensemble: a run that was stopped and resumed gives the same chain as an uninterrupted one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError
from na64stat.stats.bayes.posterior import Posterior
from na64stat.stats.bayes.start import start
from na64stat.stats.likelihood.parameters import Array


@dataclass(frozen=True)
class Ensembles:
    """Settings of the sampler: `number` independent ensembles with so many walkers each, and the random seed.

    The number of walkers is even and at least twice the number of parameters.
    """

    walkers: int = 32
    number: int = 4
    seed: int = 0

    def check(self, dimension: int) -> None:
        """Refuse too few or an odd number of walkers, no ensemble, or a negative seed, with an InputError."""
        least = max(4, 2 * dimension)
        if not isinstance(self.walkers, int) or self.walkers < least or self.walkers % 2 or self.walkers > 100_000:
            raise InputError(
                f"walkers = {self.walkers}: expected an even number from {least} on, for {dimension} parameters"
            )
        if not isinstance(self.number, int) or not 1 <= self.number <= 64:
            raise InputError(f"ensembles = {self.number}: expected 1 to 64")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise InputError(f"seed = {self.seed}: expected a whole number >= 0")


@dataclass(frozen=True, eq=False)
class Chain:
    """History and state of an ensemble: first points (W, D), sampled points (N, W, D) and their ln density (N, W).

    `accepted` counts the moves of each walker, shape (W,); `random` is `numpy.random.RandomState.get_state` after the last step.
    """

    start: Array
    points: Array
    log_prob: Array
    accepted: NDArray[np.int64]
    random: tuple[Any, ...]

    @property
    def steps(self) -> int:
        """Number of steps N."""
        return len(self.points)


def begin(posterior: Posterior, ensembles: Ensembles) -> list[Chain]:
    """Ensembles before their first step; InputError for wrong settings, ComputationError if the likelihood is zero everywhere."""
    ensembles.check(posterior.dimension)
    chains = []
    for seed in np.random.SeedSequence(ensembles.seed).spawn(ensembles.number):
        random = np.random.RandomState(np.random.MT19937(seed))
        first = start(posterior, ensembles.walkers, random)
        walkers, dimension = first.shape
        nothing = np.zeros((0, walkers, dimension)), np.zeros((0, walkers)), np.zeros(walkers, dtype=np.int64)
        chains.append(Chain(first, *nothing, tuple(random.get_state(legacy=True))))
    return chains


def advance(posterior: Posterior, chain: Chain, steps: int) -> Chain:
    """The chain after `steps` further steps."""
    import emcee

    from na64stat.stats.bayes.moves import mixture

    walkers, dimension = chain.start.shape
    sampler = emcee.EnsembleSampler(walkers, dimension, posterior, vectorize=True, moves=mixture(posterior))
    last = (chain.points[-1], chain.log_prob[-1]) if chain.steps else (chain.start, None)
    state = emcee.State(last[0], log_prob=last[1], random_state=chain.random, copy=True)
    sampler.run_mcmc(state, steps, skip_initial_state_check=True)
    return Chain(
        chain.start,
        np.concatenate([chain.points, sampler.get_chain()]),
        np.concatenate([chain.log_prob, sampler.get_log_prob()]),
        chain.accepted + sampler.backend.accepted.astype(np.int64),
        sampler.random_state,
    )
