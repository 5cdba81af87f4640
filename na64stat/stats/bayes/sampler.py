"""Sampler of walkers on a posterior density, by emcee.

Several independent ensembles are run side by side to test their agreement. The next step depends only on the state of an
ensemble: a run that was stopped and resumed gives the same chain as an uninterrupted one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError
from na64stat.stats.bayes.posterior import Posterior
from na64stat.stats.bayes.start import start
from na64stat.stats.likelihood.parameters import Array

MOST_STEPS: Final = 10_000_000


@dataclass(frozen=True)
class Sampler:
    """How the posterior is sampled.

    Attributes
    ----------
    walkers
        Of each ensemble, even, and at least twice the number of parameters.
    ensembles
        Independent ones.
    seed
        Of the random numbers; the same gives the same chain.
    most_steps
        Steps to keep at most where no number of them is asked for, converged or not; the record says which.
    """

    walkers: int = 32
    ensembles: int = 4
    seed: int = 0
    most_steps: int = 50_000

    def __post_init__(self) -> None:
        check_steps("most_steps", self.most_steps)

    def check(self, dimension: int) -> None:
        """Refuse what cannot be run.

        Parameters
        ----------
        dimension
            Number of parameters of the posterior.

        Raises
        ------
        InputError
            For too few or an odd number of walkers, no ensemble, or a seed that is negative.
        """
        least = max(4, 2 * dimension)
        if not isinstance(self.walkers, int) or self.walkers < least or self.walkers % 2 or self.walkers > 100_000:
            raise InputError(
                f"walkers = {self.walkers}: expected an even number from {least} on, for {dimension} parameters"
            )
        if not isinstance(self.ensembles, int) or not 1 <= self.ensembles <= 64:
            raise InputError(f"ensembles = {self.ensembles}: expected 1 to 64")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise InputError(f"seed = {self.seed}: expected a whole number >= 0")


def check_steps(name: str, value: object) -> None:
    """Refuse a number of steps that none can be; None stands for as many as it takes."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 8 <= value <= MOST_STEPS):
        raise InputError(f"{name} = {value}: expected a whole number from 8 to {MOST_STEPS}")


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


def begin(posterior: Posterior, sampler: Sampler) -> list[Chain]:
    """Ensembles before their first step.

    Raises
    ------
    InputError
        If the settings are wrong.
    ComputationError
        If the likelihood is zero wherever it was tried.
    """
    sampler.check(posterior.dimension)
    chains = []
    for seed in np.random.SeedSequence(sampler.seed).spawn(sampler.ensembles):
        random = np.random.RandomState(np.random.MT19937(seed))
        first = start(posterior, sampler.walkers, random)
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
