"""Particles that the beam makes in the target, per energy fraction, before and after the efficiency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64stat.experiment.run import Run
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.dependence import Dependence
from na64stat.scenarios.produced import produced

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Source:
    """Particles made by all muons of a run.

    Attributes
    ----------
    x
        Quadrature nodes of the energy fraction, shape (X,).
    events
        Particles per node, weights and efficiency included, shape (X,).
    """

    x: Array
    events: Array


def source(scenario: Scenario, run: Run, x_min: float = 0.0, efficiency: float | None = None) -> Source:
    """Particles per energy fraction that a run makes.

    Parameters
    ----------
    x_min
        Lower end of the energy fraction.
    efficiency
        In place of the run's.

    Raises
    ------
    ScenarioError
        If the mass is beyond the beam's reach, or the scenario returns something that is no spectrum.
    """
    made = spectrum(scenario, run, x_min)
    share = run.efficiency(made.effective_mass) if efficiency is None else np.full(len(made.effective_mass), efficiency)
    return Source(made.x, share @ made.events)


@dataclass(frozen=True, eq=False)
class SourceOfCoupling:
    """Particles made by all muons of a run, as a sum of powers of the coupling.

    Attributes
    ----------
    x
        Quadrature nodes of the energy fraction, shape (X,).
    reference
        Coupling at which the terms are taken.
    powers, terms
        Events per node at g are the sum of terms (g / reference)^power, each of shape (X,), weights and efficiency included.
    """

    x: Array
    reference: float
    powers: tuple[float, ...]
    terms: tuple[Array, ...]

    @classmethod
    def of(cls, found: Dependence, run: Run) -> SourceOfCoupling:
        """Particles of a dependence that is a sum of powers, in a run."""
        made, area = found.made, run.mot * run.target.nuclei_per_area_gev2
        share = run.efficiency(made.effective_mass)
        terms = tuple(share @ (area * term * made.weights) for term in found.terms)
        return cls(made.x, found.reference, found.powers, terms)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Particles made by all muons of a run, before any efficiency.

    Attributes
    ----------
    x
        Quadrature nodes of the energy fraction, shape (X,).
    effective_mass
        What the efficiency depends on [GeV], shape (K,).
    events
        Particles per effective mass and node, quadrature weights included, shape (K, X).
    """

    x: Array
    effective_mass: Array
    events: Array


def spectrum(scenario: Scenario, run: Run, x_min: float = 0.0) -> Spectrum:
    """Particles per effective mass and energy fraction above `x_min`; errors as in `source`."""
    made = produced(scenario, run.beam_energy, run.target.nucleus, x_min)
    particles = run.mot * run.target.nuclei_per_area_gev2 * made.dsigma_dx * made.weights
    return Spectrum(made.x, made.effective_mass, particles)
