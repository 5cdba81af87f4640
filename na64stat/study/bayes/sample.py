"""Posteriors of a scenario in runs, sampled with emcee."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from na64stat.arguments import check
from na64stat.errors import InputError
from na64stat.experiment.run import Run
from na64stat.progress import Track
from na64stat.scenarios.base import Scenario, ScenarioFactory
from na64stat.stats.bayes.autocorrelation import autocorrelation_time
from na64stat.stats.bayes.burn_in import burn_in, walkers_apart
from na64stat.stats.bayes.diagnostics import AUTOCORRELATIONS, LARGEST_R_HAT, split_r_hat
from na64stat.stats.bayes.posterior import Posterior
from na64stat.stats.bayes.priors import Prior
from na64stat.stats.bayes.sampler import Chain, Sampler, advance, begin, check_steps
from na64stat.stats.likelihood.model import Model
from na64stat.study.bayes.chain_file import ChainFile, locked, write_chain
from na64stat.study.bayes.posterior import PosteriorStudy
from na64stat.study.bayes.samples import Samples, discarded, kept_part, notes_on_burn_in
from na64stat.study.bayes.set_up import set_up, subject_of
from na64stat.study.question import Question
from na64stat.yields.survival import DepthAverage

DEFAULT_SAMPLER: Final = Sampler()

_FIRST: Final = 1000
_BLOCK: Final = 250
"""Steps before the first look at the autocorrelation, and between two looks at the clock."""

_SECONDS: Final = 5.0
"""Between two writings of the file, at least; and at least ten times as long as a writing takes."""


def sample(
    scenario: Scenario | ScenarioFactory | Question | Model,
    run: Run | Sequence[Run] | None = None,
    *,
    prior: Prior | Sequence[Prior],
    mass: float | None = None,
    regions: Sequence[str] | None = None,
    counts: Mapping[str, int] | None = None,
    systematics: bool | None = None,
    correlated: Sequence[str] | None = None,
    average: DepthAverage | None = None,
    steps: int | None = None,
    sampler: Sampler = DEFAULT_SAMPLER,
    file: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    track: Track = iter,
) -> Samples:
    """Sample the posterior of the coupling (or the yield, or mu), optionally the mass, and all nuisance parameters.

    Parameters
    ----------
    scenario, run
        A scenario with mass and coupling, or a class of one, and a run, or several to combine; a `Question`, which holds both; or
        a `Model`, which is a workspace of your own.
    prior
        Of the coupling, of the yield (signal events in all channels) or of mu; with one of the mass, a sequence of two.
        There is no default. Nuisance parameters have what their auxiliary measurements leave of a flat one.
    mass
        Fixed mass [GeV]; default the scenario's.
    regions, systematics, correlated, average
        As in `limits`.
    counts
        Counts to suppose instead of the observed ones, by channel.
    steps
        Steps to keep of each ensemble, after a quarter as many that are discarded. By default as many as 50 autocorrelation
        times take.
    sampler
        Walkers, independent ensembles, seed, and where the default number of steps ends.
    file
        HDF5 file of the chain. If it is there and belongs to the same question, the chain in it is continued.
    overwrite
        Start anew, whatever is in the file.
    track
        Wraps blocks of steps, for a progress bar.

    Raises
    ------
    InputError
        If the question, the prior or the settings are wrong, or the file is damaged or belongs to another question.
    ComputationError
        If the likelihood is zero everywhere in the prior.

    References
    ----------
    D. Foreman-Mackey et al., PASP 125 (2013) 306 (emcee).
    """
    check("sampler", sampler, Sampler, "expected a Sampler, such as Sampler(seed=1)")
    check_steps("steps", steps)
    if steps is not None and steps > sampler.most_steps:
        raise InputError(f"steps = {steps}: more than most_steps = {sampler.most_steps}; expected at most that many")
    subject = subject_of(
        scenario, run, regions=regions, systematics=systematics, correlated=correlated, average=average
    )
    study = set_up(subject, prior, mass=mass, counts=counts, track=track)
    sampler.check(study.posterior.dimension)
    settings = {"walkers": sampler.walkers, "ensembles": sampler.ensembles, "seed": sampler.seed}
    question = {"study": "posterior", **study.facts, **settings}
    work = _Work(study, question, None if file is None else Path(file))
    if work.path is None:
        chains = begin(study.posterior, sampler)
        chains, kept = _lengthen(work, chains, steps, sampler.most_steps, track)
    else:
        with locked(work.path):
            chains = work.read(overwrite) or begin(study.posterior, sampler)
            try:
                chains, kept = _lengthen(work, chains, steps, sampler.most_steps, track)
            finally:  # also if it is stopped: the list holds what has been done
                work.write(chains)
    return _samples(study, question, chains, kept)


class _Work:
    """The chain's file, and when it was last written."""

    def __init__(self, study: PosteriorStudy, question: Mapping[str, Any], path: Path | None) -> None:
        self.study, self.question, self.path = study, question, path
        self.posterior = study.posterior
        self._next = time.monotonic() + _SECONDS
        self._steps = -1

    def read(self, overwrite: bool) -> list[Chain]:
        """The ensembles in the file, none if there is no file."""
        assert self.path is not None  # noqa: S101  # for the type checker
        if overwrite or not self.path.exists():
            return []
        found = ChainFile(self.path)
        found.check_question(self.question)
        chains = found.resumed()
        self._steps = sum(chain.steps for chain in chains)
        return chains

    def write(self, chains: Sequence[Chain]) -> None:
        """Write what is new."""
        steps = sum(chain.steps for chain in chains)
        if self.path is None or steps == self._steps:
            return
        begin = time.monotonic()
        later = np.concatenate(
            [chain.points[chain.steps // 2 :].reshape(-1, self.posterior.dimension) for chain in chains]
        )
        write_chain(self.path, self.question, self.posterior, chains, self.study.notes_on(later))
        self._steps = steps
        self._next = time.monotonic() + max(_SECONDS, 10 * (time.monotonic() - begin))

    def look(self, chains: Sequence[Chain]) -> None:
        """Write if it is time."""
        if time.monotonic() >= self._next:
            self.write(chains)


def _lengthen(work: _Work, chains: list[Chain], steps: int | None, most: int, track: Track) -> tuple[list[Chain], int]:
    """Ensembles of the length that is asked for or needed, and how many of their steps are to be kept."""
    if steps is not None:
        return _to(work, chains, steps, track), steps
    target = min(_FIRST, most)
    while True:
        chains = _to(work, chains, target, track)
        if target >= most or _long_enough(work.posterior, chains, target):
            return chains, target
        # A length that does not depend on where an earlier run was stopped.
        target = min(most, math.ceil(1.5 * target))


def _to(work: _Work, chains: list[Chain], kept: int, track: Track) -> list[Chain]:
    """Ensembles of at least so many steps besides the discarded ones."""
    total = kept + discarded(kept)
    blocks = range(min(chain.steps for chain in chains), total, _BLOCK)
    for block in track(blocks) if len(blocks) else ():
        for number, chain in enumerate(chains):
            missing = min(block + _BLOCK, total) - chain.steps
            if missing > 0:
                chains[number] = advance(work.posterior, chain, missing)
        work.look(chains)
    return chains


def _long_enough(posterior: Posterior, chains: Sequence[Chain], kept: int) -> bool:
    arrived = _arrived(chains, kept)
    points = np.stack([kept_part(chain.points, kept, arrived) for chain in chains])
    columns = [points[..., d] for d in range(posterior.dimension)]
    times = [autocorrelation_time(column) for column in columns]
    if points.shape[1] < AUTOCORRELATIONS * max(times):
        return False
    if not all(split_r_hat(column) <= LARGEST_R_HAT for column in columns):
        return False
    log_prob = np.stack([kept_part(chain.log_prob, kept, arrived) for chain in chains])
    return not walkers_apart(log_prob, points, posterior.names, times)


def _arrived(chains: Sequence[Chain], kept: int) -> int:
    """Steps until the last walker has arrived."""
    return burn_in(np.stack([chain.log_prob[: kept + discarded(kept)] for chain in chains]))


def _samples(study: PosteriorStudy, question: Mapping[str, Any], chains: Sequence[Chain], kept: int) -> Samples:
    posterior = study.posterior
    arrived = _arrived(chains, kept)
    points = np.stack([kept_part(chain.points, kept, arrived) for chain in chains])
    flat, shape = points.reshape(-1, posterior.dimension), points.shape[:-1]
    signal, expected = posterior.rates(flat)
    return Samples(
        question=dict(question),
        parameters=posterior.names,
        bins=posterior.model.bin_names,
        values=posterior.values(flat).reshape(points.shape),
        signal=signal.reshape(*shape, -1),
        expected=expected.reshape(*shape, -1),
        acceptance=tuple(float(chain.accepted.mean()) / chain.steps for chain in chains),
        notes=(*study.notes_on(flat), *notes_on_burn_in(kept, arrived)),
        log_prob=np.stack([kept_part(chain.log_prob, kept, arrived) for chain in chains]),
        burn_in=arrived,
        before=max(discarded(kept), arrived),
    )
