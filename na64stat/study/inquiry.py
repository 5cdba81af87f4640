"""The Bayesian question of a study: a scenario in regions of runs, with priors, as a posterior density.

What multiplies the signal of each channel follows from the parameter that has the prior: the coupling, the signal events in all
channels ("yield"), or the strength mu of a scenario at its coupling.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError, InputError, ValidityWarning
from na64stat.experiment.run import Run
from na64stat.scenarios.base import Scenario, ScenarioFactory
from na64stat.stats.credible import Curve
from na64stat.stats.marginal import MarginalLikelihood
from na64stat.stats.model import Model
from na64stat.stats.parameters import Gaussian
from na64stat.stats.posterior import Posterior
from na64stat.stats.priors import Prior
from na64stat.study.events_table import TOLERANCE
from na64stat.study.provenance import provenance
from na64stat.study.signal_source import SignalSource
from na64stat.study.signal_test import SignalTest
from na64stat.yields.survival import DepthAverage
from na64stat.yields.validity import doubts_at_ends

Array = NDArray[np.float64]
Track = Callable[[Iterable[Any]], Iterable[Any]]

_UNREACHED: Final = 1e-12
"""Largest likelihood, relative to the best, that would come from nuisance parameters more than seven standard deviations out."""

_PULLED: Final = 4.0
"""Standard deviations by which the posterior of a nuisance parameter may be off its measurement, before a note says so."""


@dataclass(frozen=True, eq=False)
class Inquiry:
    """A posterior density and what it is about.

    Attributes
    ----------
    posterior
        The density.
    scenario, coupling_symbol, coupling_unit
        Names of the scenario and its coupling.
    mass
        The mass [GeV] if it is fixed.
    test
        Runs and regions.
    power, at_one
        The events are `at_one` (C,) times the coupling to this power; None where a lifetime makes them something else, or where
        the mass has a prior.
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
    test: SignalTest
    power: float | None
    at_one: Array | None
    facts: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def model(self) -> Model:
        """The statistical model, one signal event in each channel."""
        return self.posterior.model

    def coupling(self, events: Array) -> Array | None:
        """Couplings with so many signal events in all, where they follow from these; else None."""
        if self.power is None or self.at_one is None:
            return None
        return np.asarray((events / self.at_one.sum()) ** (1 / self.power))

    def notes_on(self, points: Array) -> tuple[str, ...]:
        """Notes, also on nuisance parameters that the prior of the signal drives away from their measurements.

        Parameters
        ----------
        points
            Sampled points (see `Posterior`), shape (S, D).
        """
        found = list(self.notes)
        for column, name in enumerate(self.posterior.names):
            known = {item.name: item.constraint for item in self.model.parameters}.get(name)
            if known is not None:
                centre = known.centre if isinstance(known, Gaussian) else known.count / known.tau
                pull = (float(np.median(points[:, column])) - centre) / known.width
                if abs(pull) > _PULLED:
                    found.append(
                        f"{name} is {pull:+.0f} standard deviations off its measurement: the prior of the signal does not allow "
                        "what the counts say"
                    )
        return tuple(found)

    def curve(self) -> Curve:
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
                "posterior by quadrature: one parameter with a prior is right; the plane has `credible_plane`"
            )
        (prior,) = self.posterior.priors
        likelihood = MarginalLikelihood(self.model)
        curve = Curve.of(prior, lambda values: likelihood.log(self.posterior.signal({prior.parameter: values})))
        nodes = prior.ppf(np.linspace(0.0, 1.0, 257))
        found = likelihood.replicates(self.posterior.signal({prior.parameter: nodes}))
        best = int(np.argmax(found.mean(axis=0)))
        if found[:, best].mean() < _UNREACHED:
            raise ComputationError(
                f"posterior by quadrature: for every {prior.parameter} from {prior.low:g} to {prior.high:g} the counts are less "
                f"probable than {_UNREACHED:g} of what is expected, beyond the reach of the quadrature; other bounds are right"
            )
        error = float(np.ptp(found[:, best]) / found[:, best].mean())
        return Curve(curve.prior, curve.edges, curve.coefficients, error)


def pose(
    scenario: Scenario | ScenarioFactory,
    run: Run | Sequence[Run],
    prior: Prior | Sequence[Prior],
    *,
    mass: float | None = None,
    regions: Sequence[str] | None = None,
    counts: Mapping[str, int] | None = None,
    systematics: bool = True,
    correlated: Sequence[str] = (),
    average: DepthAverage = DepthAverage.LAYERS,
    track: Track = iter,
) -> Inquiry:
    """Put a scenario, runs and priors together; arguments as in `na64stat.sample`."""
    priors = _priors(prior)
    named = {item.parameter: item for item in priors}
    factory, point, mass = _factory(scenario, mass, named)
    ends = (named["mass"].low, named["mass"].high) if mass is None else (mass,)
    probes = [factory(mass=end, coupling=1.0) for end in ends]
    chosen = tuple(regions) if regions is not None else probes[0].default_regions
    test = SignalTest(run, chosen, systematics=systematics, correlated=tuple(correlated))
    model = _with_counts(test, counts)
    doubts = tuple(dict.fromkeys(doubt for one in test.runs for doubt in doubts_at_ends(probes, one, chosen)))
    for doubt in doubts:
        warnings.warn(doubt, ValidityWarning, stacklevel=3)
    power = probes[0].yield_power if mass is not None else None
    source = SignalSource(factory, point, mass, test, model, average)
    signal, error = source.function(named, track)
    if error > TOLERANCE:
        doubts += (f"events are interpolated to {error:.2g} (relative to events + 0.1), not {TOLERANCE:g}",)
    posterior = Posterior(model, priors, signal)
    at_one = None if power is None else source.at_one
    facts = {
        "scenario": probes[0].name,
        "coupling_unit": probes[0].coupling_unit,
        "run": test.run_name,
        "regions": list(chosen),
        "counts": {} if model.observed is None else dict(zip(test.channels, model.observed.tolist(), strict=True)),
        "systematics": systematics,
        "correlated": list(correlated),
        "mass_gev": mass,
        "coupling": None if point is None or "mu" not in named else point.coupling,
        "priors": [item.as_dict() for item in priors],
        "yield_power": power,
        "events_at_coupling_one": None if at_one is None else float(at_one.sum()),
        **provenance(test.runs, average),
        "density_digest": _digest(posterior),
    }
    symbols = probes[0].coupling_symbol, probes[0].coupling_unit
    return Inquiry(posterior, probes[0].name, *symbols, mass, test, power, at_one, facts, doubts)


def _priors(prior: Prior | Sequence[Prior]) -> tuple[Prior, ...]:
    """Priors, the one of the mass last."""
    found = (prior,) if isinstance(prior, Prior) else tuple(prior)
    wrong = [item for item in found if not isinstance(item, Prior)]
    if wrong or not found:
        raise InputError(
            f"prior {wrong[0] if wrong else 'missing'!r}: an object is right, such as "
            "LogFlat('coupling', 1e-6, 1); there is no default"
        )
    names = [item.parameter for item in found]
    strengths = [name for name in names if name != "mass"]
    if len(strengths) != 1 or len(found) > 2 or len(set(names)) != len(names):
        raise InputError(
            f"priors of {', '.join(names)}: one of coupling, yield or mu is right, and one of the mass if it is to vary"
        )
    if "mass" in names and strengths != ["coupling"]:
        raise InputError(f"priors of {', '.join(names)}: with a mass that varies, a prior of the coupling is right")
    return tuple(sorted(found, key=lambda item: item.parameter == "mass"))


def _factory(
    scenario: Scenario | ScenarioFactory, mass: float | None, named: Mapping[str, Prior]
) -> tuple[ScenarioFactory, Scenario | None, float | None]:
    """Maker of scenarios, the one that was given with a coupling, and the mass if it is fixed."""
    point = scenario if isinstance(scenario, Scenario) else None
    if "mass" in named:
        if mass is not None:
            raise InputError(f"mass = {mass:g} GeV, and a prior of the mass: one of them is right")
        mass = None
    elif mass is None:
        if point is None:
            raise InputError("mass: missing; a mass [GeV] or a prior of it is right")
        mass = point.mass
    if point is not None:
        return point.at, point if mass == point.mass else None, mass
    if not callable(scenario) or isinstance(scenario, Scenario):
        raise InputError(f"scenario {scenario!r}: a scenario, or a class of one, is right")
    return scenario, None, mass


def _with_counts(test: SignalTest, counts: Mapping[str, int] | None) -> Model:
    """The model with its observed counts, or others."""
    model = test.model
    if counts is None:
        if model.observed is None:
            unseen = [(name, one) for one in test.runs for name in test.regions if one.region(name).observed is None]
            missing = ", ".join(test.channel(name, one) for name, one in unseen)
            raise InputError(
                f"posterior of {test.run_name}: no observed counts in {missing}; give counts to suppose some"
            )
        return model
    if sorted(counts) != sorted(test.channels):
        raise InputError(
            f"counts of {', '.join(counts) or 'nothing'}: one of each channel is right: {', '.join(test.channels)}"
        )
    for name, count in counts.items():
        if isinstance(count, bool) or not count >= 0 or count != int(count):
            raise InputError(f"counts: {count} in {name}; a whole number >= 0 is right")
    return model.with_observed(np.array([float(counts[name]) for name in model.channels]))


def _digest(posterior: Posterior) -> str:
    """Digest of the density at some points: a scenario is known by what it predicts, a model by its likelihood."""
    points = posterior.draw(32, np.random.RandomState(0))
    text = [np.array2string(values, precision=9) for values in (posterior(points), *posterior.rates(points))]
    return hashlib.sha256("".join(text).encode()).hexdigest()
