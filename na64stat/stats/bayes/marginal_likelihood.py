"""Marginal likelihood: the probability of the observed counts, averaged over the nuisance parameters by quadrature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from na64stat.errors import InputError
from na64stat.stats.average.nuisance_average import NuisanceAverage
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array

_CHUNK = 2_000_000
"""Largest number of rates in memory."""


@dataclass(frozen=True, eq=False)
class MarginalLikelihood:
    """Likelihood of signals of a model with observed counts, without Monte Carlo noise.

    Constraint densities are those of `Exact`: flat priors of the nuisance parameters times the auxiliary measurements, so that
    this is the Bayesian marginal likelihood. InputError for a projection; WorkspaceError for a free nuisance parameter, which
    has no density (the sampler takes it as flat between its bounds).
    """

    model: Model

    def __post_init__(self) -> None:
        if self.model.observed is None:
            raise InputError("posterior: a projection has no observed counts; name counts, or a run that has them")

    @cached_property
    def average(self) -> NuisanceAverage:
        """Nodes of the nuisance parameters."""
        return NuisanceAverage.of(self.model)

    def log(self, factors: Array) -> Array:
        """Ln L relative to the most probable rates, shape (N,), -inf for impossible counts; `factors` (N, C) scale the signal."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.replicates(factors).mean(axis=0)))

    def replicates(self, factors: Array) -> Array:
        """L by each replicate of the quadrature, whose scatter is its error, shape (R, N)."""
        factors = np.asarray(factors, dtype=np.float64)
        pairs = max(nodes.signal[:, :, 0].size for nodes in self.average.nodes)
        size = max(1, _CHUNK // pairs)
        chunks = [self._chunk(factors[i : i + size]) for i in range(0, len(factors), size)]
        return np.concatenate(chunks, axis=1) if chunks else np.zeros((self.average.replicates, 0))

    def _chunk(self, factors: Array) -> Array:
        from scipy.special import xlogy

        counts = self.model.observed
        assert counts is not None  # noqa: S101  # checked above; for the type checker
        likelihoods = []
        for nodes in self.average.nodes:
            product = np.ones((len(factors), len(nodes.shared)))
            for b, count in enumerate(counts):
                factor = factors[:, self.model.bin_channel[b], None, None]
                rates = factor * nodes.signal[None, :, :, b] + nodes.background[None, :, :, b]
                # Relative to a rate that equals the count, so that large counts do not underflow.
                peak = xlogy(count, count) - count
                with np.errstate(divide="ignore"):
                    product *= np.exp(xlogy(count, rates) - rates - peak) @ nodes.own[:, b]
            likelihoods.append(product @ nodes.shared)
        return np.array(likelihoods)
