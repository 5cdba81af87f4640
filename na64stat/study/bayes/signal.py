"""Factor of one signal event in each channel, as a function of the parameter that has the prior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError
from na64stat.progress import Track
from na64stat.records.artefact import MORE_EVENTS, differ, real_events
from na64stat.scenarios.base import Scenario, ScenarioFactory
from na64stat.stats.bayes.posterior import Signal
from na64stat.stats.bayes.priors import Prior
from na64stat.stats.exact.cl_s_table import farthest_of
from na64stat.stats.likelihood.model import Model
from na64stat.study.bayes.events_plane import EventsPlane
from na64stat.study.bayes.events_table import EventsTable
from na64stat.study.signal_test import SignalTest
from na64stat.yields.survival import DepthAverage

Array = NDArray[np.float64]
ARTEFACT_NOTE = "from coupling"
"""How the note begins that the layer sum is not believed."""

_LOOKED_AT = 60
"""Couplings at which the two depth averages are compared."""

_LOWEST = 1e-15
"""Couplings below this share of the upper bound of the prior give no events to speak of; a table begins here."""


@dataclass(frozen=True, eq=False)
class SignalSource:
    """A scenario in the channels of a model that has one signal event in each.

    Attributes
    ----------
    factory, point
        Maker of scenarios, and the one with the coupling that mu is relative to, if there is one.
    mass
        The mass [GeV], None if it has a prior.
    test, model, average
        Runs and regions, the model, the depth average of decays.
    as_published
        Whether the layer sum is believed wherever it was asked for, as the paper does.
    power, reference
        Power of the coupling that the events go with, None if they go with none, and the coupling at which it is taken up.
    """

    factory: ScenarioFactory
    point: Scenario | None
    mass: float | None
    test: SignalTest
    model: Model
    average: DepthAverage
    as_published: bool = False
    power: float | None = None
    reference: float = 1.0

    @cached_property
    def at_one(self) -> Array:
        """Events in each channel of the model at coupling 1, continued by the power, shape (C,)."""
        assert self.mass is not None and self.power is not None  # noqa: S101, PT018  # for the type checker
        found = self._columns(self._events(self.mass, np.full(1, self.reference)))[0]
        return np.asarray(found / self.reference**self.power)

    def function(self, named: Mapping[str, Prior], track: Track = iter) -> tuple[Signal, float]:
        """The function, and its numerical error relative to events + 0.1.

        Parameters
        ----------
        named
            Priors by parameter.
        track
            Wraps the masses at which events are computed, for a progress bar.

        Raises
        ------
        InputError
            If there is no signal, or the parameter does not say how much there is in each channel.
        """
        if "mu" in named:
            return self._of_strength(), 0.0
        if "mass" in named:
            of_mass, couplings = named["mass"], self.range_of(named["coupling"])
            masses = of_mass.low, of_mass.high
            plane = EventsPlane.of(self._events, masses, couplings, self._most, track)
            return lambda at: plane(np.maximum(at["coupling"], couplings[0]), at["mass"])[:, self._order], plane.error
        assert self.mass is not None  # noqa: S101  # for the type checker
        power = self.power
        if power is not None:
            at_one = self._some(self.at_one, f"at {self.mass:g} GeV")
            if "yield" in named:
                return lambda at: at["yield"][:, None] * (at_one / at_one.sum()), 0.0
            return lambda at: at["coupling"][:, None] ** power * at_one, 0.0
        if "yield" in named:
            return self._of_yield(), 0.0
        couplings = self.range_of(named["coupling"])
        table = EventsTable.of(self._events, self.mass, couplings, self._most)
        return lambda at: table(np.maximum(at["coupling"], couplings[0]))[:, self._order], table.error

    def shares(self, named: Mapping[str, Prior]) -> Array | None:
        """Factor of the signal of each channel for one event in all, shape (C,); None where it depends on the coupling."""
        if "mu" in named and self.point is not None:
            events = self._columns(self._events(self.point.mass, np.array([self.point.coupling])))[0]
        elif len(self.model.channels) == 1:
            return np.ones(1)
        elif self.power is None:
            return None
        else:
            events = self.at_one
        return np.asarray(events / events.sum())

    def _of_strength(self) -> Signal:
        if self.point is None:
            raise InputError("prior of mu: it is relative to a coupling; expected a scenario with mass and coupling")
        where = f"at {self.point.mass:g} GeV and coupling {self.point.coupling:g}"
        nominal = self._some(self._columns(self._events(self.point.mass, np.array([self.point.coupling])))[0], where)
        return lambda at: at["mu"][:, None] * nominal

    def _of_yield(self) -> Signal:
        if len(self.model.channels) > 1:
            raise InputError(
                f"prior of the yield: how the events at {self.mass:g} GeV are divided among {', '.join(self.test.channels)} "
                "depends on the coupling; expected a prior of the coupling, or one region"
            )
        return lambda at: at["yield"][:, None]

    def _some(self, events: Array, where: str) -> Array:
        if not events.sum() > 0:
            raise InputError(f"posterior: no signal in {', '.join(self.test.channels)} {where}")
        return events

    def _events(self, mass: float, couplings: Array) -> Mapping[str, Array]:
        """Events by channel, without what the layer sum alone has."""
        events, smooth = self._averages(mass, couplings)
        return events if smooth is events else real_events(events, smooth)

    def _averages(self, mass: float, couplings: Array) -> tuple[Mapping[str, Array], Mapping[str, Array]]:
        """Events with the depth average asked for, and with the continuous one where that is another."""
        probe = self.factory(mass=mass, coupling=1.0)
        events = self.test.events(probe, couplings, self.average)
        if self.average is not DepthAverage.LAYERS or self.as_published:
            return events, events
        return events, self.test.events(probe, couplings, DepthAverage.CONTINUOUS)

    def artefact_note(self, named: Mapping[str, Prior]) -> tuple[str, ...]:
        """Where, within the priors, the layer sum is not believed."""
        if "coupling" in named:
            low, high = self.range_of(named["coupling"])
        elif self.point is not None:
            low = high = self.point.coupling
        else:
            return ()
        of_mass = named.get("mass")
        masses = (
            [self.mass]
            if of_mass is None or self.mass is not None
            else [of_mass.low or 1e-3 * of_mass.high, of_mass.high]
        )
        couplings = np.geomspace(low, high, _LOOKED_AT) if low < high else np.array([low])
        for mass in filter(None, masses):
            apart = couplings[differ(*self._averages(mass, couplings))]
            if len(apart):
                where = f"{ARTEFACT_NOTE} {apart.min():.3g} on (at {mass:.4g} GeV)"
                return (f"{where} {MORE_EVENTS}; the latter counts there (--depth-average continuous)",)
        return ()

    def _columns(self, events: Mapping[str, Array]) -> Array:
        """Events in the order of the model's channels, shape (G, C)."""
        return np.column_stack([events[name] for name in self.model.channels])

    @cached_property
    def _order(self) -> list[int]:
        return [self.test.channels.index(name) for name in self.model.channels]

    @property
    def _most(self) -> float:
        """Signal events beyond which the likelihood is nothing."""
        counts = self.model.background_events
        return farthest_of(counts if self.model.observed is None else np.maximum(self.model.observed, counts))

    @staticmethod
    def range_of(prior: Prior) -> tuple[float, float]:
        """Couplings that a prior is about."""
        return max(prior.low, prior.high * _LOWEST), prior.high
