"""Convergence of a chain: autocorrelation, effective samples, agreement of independent ensembles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from na64stat.stats.bayes.autocorrelation import autocorrelation_time
from na64stat.stats.bayes.burn_in import walkers_apart
from na64stat.stats.likelihood.parameters import Array

AUTOCORRELATIONS: Final = 50
"""Smallest length of a chain in autocorrelation times; a shorter one does not even give a reliable estimate of that time."""

LARGEST_R_HAT: Final = 1.01
FEWEST_SAMPLES: Final = 400
ACCEPTANCE: Final = (0.05, 0.95)


@dataclass(frozen=True)
class Diagnostics:
    """Convergence of a chain after burn-in.

    Attributes
    ----------
    steps, discarded
        Steps kept of each ensemble, and steps discarded before them.
    parameters
        Names of the parameters.
    autocorrelation
        Integrated autocorrelation time of each parameter [steps].
    effective
        Effective number of independent samples of each parameter, all ensembles together.
    r_hat
        Split R-hat of each parameter: 1 where the halves of all ensembles agree.
    acceptance
        Fraction of accepted moves of each ensemble.
    converged
        True if the chain is long enough and the ensembles agree.
    verdict
        Convergence in words, with the reason if it fails.

    References
    ----------
    J. Goodman, J. Weare, Comm. App. Math. Comp. Sci. 5 (2010) 65, section 5 (autocorrelation of ensembles); A. Vehtari et al.,
    Bayesian Anal. 16 (2021) 667, section 4 (R-hat of ranks).
    """

    steps: int
    discarded: int
    parameters: tuple[str, ...]
    autocorrelation: tuple[float, ...]
    effective: tuple[float, ...]
    r_hat: tuple[float, ...]
    acceptance: tuple[float, ...]
    converged: bool
    verdict: str


def diagnose(
    values: Array,
    parameters: Sequence[str],
    acceptance: Sequence[float],
    discarded: int,
    log_prob: Array | None = None,
) -> Diagnostics:
    """Diagnostics of ensembles, from kept values of shape (E, N, W, D) and, if known, their ln density, shape (E, N, W)."""
    ensembles, steps, walkers, dimension = values.shape
    times = [autocorrelation_time(values[..., d]) for d in range(dimension)]
    hats = [split_r_hat(values[..., d]) for d in range(dimension)]
    effective = [ensembles * steps * walkers / time for time in times]
    doubts = []
    longest = int(np.argmax(times))
    if steps < AUTOCORRELATIONS * times[longest]:
        doubts.append(
            f"{steps} steps are {steps / times[longest]:.0f} autocorrelation times of {parameters[longest]} "
            f"({times[longest]:.0f} steps); {AUTOCORRELATIONS} are needed"
        )
    worst = int(np.argmax(hats))
    if not hats[worst] <= LARGEST_R_HAT:
        doubts.append(
            f"R-hat of {parameters[worst]} is {hats[worst]:.3f}, more than {LARGEST_R_HAT}: the ensembles disagree"
        )
    fewest = int(np.argmin(effective))
    if effective[fewest] < FEWEST_SAMPLES:
        doubts.append(f"{effective[fewest]:.0f} effective samples of {parameters[fewest]}; {FEWEST_SAMPLES} are needed")
    doubts += walkers_apart(np.zeros(0) if log_prob is None else log_prob, values, parameters, times)
    share = min(acceptance), max(acceptance)
    if not ACCEPTANCE[0] <= share[0] <= share[1] <= ACCEPTANCE[1]:
        doubts.append(
            f"{share[0]:.2f} to {share[1]:.2f} of the moves are accepted; {ACCEPTANCE[0]} to {ACCEPTANCE[1]} is usual"
        )
    fine = (
        f"converged: {steps / times[longest]:.0f} autocorrelation times, {effective[fewest]:.0f} effective samples, "
        f"R-hat {hats[worst]:.4f}"
    )
    if ensembles == 1:
        fine += "; one ensemble only, so that its agreement with others was not tested"
    return Diagnostics(
        steps,
        discarded,
        tuple(parameters),
        tuple(times),
        tuple(effective),
        tuple(hats),
        tuple(acceptance),
        not doubts,
        fine if not doubts else "not converged: " + "; ".join(doubts),
    )


def split_r_hat(values: Array) -> float:
    """R-hat of the ranks of one parameter, from values of shape (E, N, W): each half of each ensemble is a sequence.

    Walkers of one ensemble depend on each other and are taken together. Infinite for fewer than four steps.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    ensembles, steps, walkers = values.shape
    half = steps // 2
    if half < 2:
        return math.inf
    sequences = values[:, -2 * half :].reshape(2 * ensembles, half * walkers)
    worst = 1.0
    for one in (sequences, np.abs(sequences - np.median(sequences))):  # for location, and for scale
        ranks = ndtri((rankdata(one).reshape(one.shape) - 0.375) / (one.size + 0.25))
        within = float(ranks.var(axis=1, ddof=1).mean())
        between = float(ranks.mean(axis=1).var(ddof=1))
        if within == 0:
            return math.inf
        size = one.shape[1]
        worst = max(worst, math.sqrt((size - 1) / size + between / within))
    return worst


def quantile_error(values: Array, probability: float) -> float:
    """Monte Carlo standard error of a quantile, from values of one parameter, shape (E, N, W).

    It follows from the autocorrelation of being below the quantile: A. Vehtari et al., Bayesian Anal. 16 (2021) 667, section 4.4.
    """
    quantile = float(np.quantile(values, probability))
    time = autocorrelation_time((values <= quantile).astype(np.float64))
    if not math.isfinite(time):
        return math.inf
    spread = math.sqrt(probability * (1 - probability) * time / values.size)
    low, high = np.quantile(values, np.clip([probability - spread, probability + spread], 0.0, 1.0))
    return float(high - low) / 2
