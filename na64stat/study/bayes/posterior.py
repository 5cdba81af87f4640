"""A Bayesian question, put together: a posterior density and what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError, InputError
from na64stat.stats.bayes.curve import PosteriorCurve
from na64stat.stats.bayes.marginal_likelihood import MarginalLikelihood
from na64stat.stats.bayes.posterior import Posterior
from na64stat.stats.likelihood.fit import fit_fixed
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Gaussian

Array = NDArray[np.float64]

_UNREACHED: Final = 4.5
"""Standard deviations up to which the nodes of the quadrature follow the nuisance parameters; at five they no longer agree."""

_DISAGREEMENT: Final = 0.01
"""Relative difference of independent quadratures of the largest likelihood, beyond which there is no result."""

_PULLED: Final = 4.0
"""Standard deviations by which the posterior of a nuisance parameter may be off its measurement, before a note says so."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PosteriorStudy:
    """A posterior density and what it is about.

    Attributes
    ----------
    posterior
        The density.
    scenario, coupling_symbol, coupling_unit
        Names of the scenario and its coupling.
    mass
        The mass [GeV] if it is fixed.
    run, regions
        Names; None and the channels for a workspace.
    power, at_one
        The signal events in all are `at_one` times the coupling to this power; None where a lifetime makes them something else,
        where the mass has a prior, and for a workspace.
    shares
        Factor of the signal of each channel for one event in all, shape (C,); None where it depends on the coupling.
    facts
        Everything the density depends on, as JSON can hold it.
    notes
        What a reader should know.
    """

    posterior: Posterior
    scenario: str
    coupling_symbol: str
    coupling_unit: str
    mass: float | None
    run: str | None
    regions: tuple[str, ...]
    power: float | None
    at_one: float | None
    shares: Array | None
    facts: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def model(self) -> Model:
        """The statistical model; of a scenario, with one signal event in each channel."""
        return self.posterior.model

    def events(self, values: Mapping[str, Array]) -> Array:
        """Signal events in all at values of the parameters with priors, each of shape (N,); shape (N,)."""
        in_channel = np.bincount(self.model.bin_channel, self.model.signal_events)
        return np.asarray(self.posterior.signal(values) @ in_channel)

    def coupling(self, events: Array) -> Array | None:
        """Couplings with so many signal events in all, where they follow from these; else None."""
        if self.power is None or self.at_one is None:
            return None
        return np.asarray((events / self.at_one) ** (1 / self.power))

    def notes_on(self, points: Array) -> tuple[str, ...]:
        """Notes, also on nuisance parameters that the prior of the signal drives away from their measurements.

        Parameters
        ----------
        points
            Sampled points (see `Posterior`), shape (S, D).
        """
        middle = dict(zip(self.posterior.names, np.median(points, axis=0).tolist(), strict=True))
        far = {name: pull for name, pull in self._pulls(middle).items() if abs(pull) > _PULLED}
        return (
            *self.notes,
            *(
                f"{name} is {pull:+.0f} standard deviations off its measurement: the prior of the signal does not allow what the "
                "counts say"
                for name, pull in far.items()
            ),
        )

    def _pulls(self, values: Mapping[str, float]) -> dict[str, float]:
        """How many standard deviations constrained parameters are off their measurements."""
        found = {}
        for parameter in self.model.parameters:
            known = parameter.constraint
            if known is not None and parameter.name in values:
                centre = known.centre if isinstance(known, Gaussian) else known.count / known.tau
                found[parameter.name] = (values[parameter.name] - centre) / known.width
        return found

    def _refuse_far(self, factors: Array) -> None:
        """Refuse a likelihood that comes from nuisance parameters further out than the nodes of the quadrature."""
        model = self.model.with_signal_scaled(factors)
        fit = fit_fixed(model, np.atleast_2d(np.asarray(model.observed)), 1.0)
        names = [parameter.name for parameter in model.parameters]
        for name, pull in self._pulls(dict(zip(names, fit.parameters[0].tolist(), strict=True))).items():
            if abs(pull) > _UNREACHED:
                raise ComputationError(
                    f"posterior by quadrature: where the counts are most probable {name} is {pull:+.1f} standard deviations off "
                    "its measurement, beyond the reach of the quadrature; expected other bounds of the prior, or the sampler"
                )

    def curve(self) -> PosteriorCurve:
        """Marginal posterior of the only signal parameter, by quadrature.

        Raises
        ------
        InputError
            If there are two signal parameters.
        WorkspaceError
            If a nuisance parameter is free.
        """
        if len(self.posterior.priors) != 1:
            raise InputError(
                "posterior by quadrature: expected one parameter with a prior; the plane has `credible_plane`"
            )
        (prior,) = self.posterior.priors
        likelihood = MarginalLikelihood(self.model)
        curve = PosteriorCurve.of(
            prior, lambda values: likelihood.log(self.posterior.signal({prior.parameter: values}))
        )
        nodes = prior.ppf(np.linspace(0.0, 1.0, 257))
        found = likelihood.replicates(self.posterior.signal({prior.parameter: nodes}))
        best = int(np.argmax(found.mean(axis=0)))
        self._refuse_far(self.posterior.signal({prior.parameter: nodes[best : best + 1]})[0])
        error = float(np.ptp(found[:, best]) / found[:, best].mean())
        if error > _DISAGREEMENT:
            raise ComputationError(
                f"posterior by quadrature: averages over the nuisance parameters differ by {error:.1g} at {prior.parameter} = "
                f"{nodes[best]:g}; expected the sampler here"
            )
        return PosteriorCurve(curve.prior, curve.edges, curve.coefficients, error)
