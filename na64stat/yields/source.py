"""What the beam makes in the target: particles per energy fraction, before and after the efficiency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError, ScenarioError
from na64stat.experiment.run import Run
from na64stat.physics import kinematics, quadrature
from na64stat.scenarios.base import Production, Scenario

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Source:
    """Particles made by all muons of a run at coupling 1 (or at the scenario's own, if production is no power).

    Attributes
    ----------
    x
        Quadrature nodes of the energy fraction, shape (X,).
    events
        Particles per node, weights and efficiency included, shape (X,).
    power
        Power of the coupling in `events`.
    """

    x: Array
    events: Array
    power: float


def source(
    scenario: Scenario, run: Run, x_min: float = 0.0, efficiency: float | None = None, power: float | None = None
) -> Source:
    """Particles per energy fraction that a run makes.

    Parameters
    ----------
    x_min
        Lower end of the energy fraction.
    efficiency
        In place of the run's.
    power
        Power of the coupling to take out: the spectrum is computed at coupling 1. None: at the scenario's coupling.

    Raises
    ------
    ScenarioError
        If the mass is beyond the beam's reach, or the scenario returns something that is no spectrum.
    """
    made = spectrum(scenario if power is None else scenario.at(coupling=1.0), run, x_min)
    share = run.efficiency(made.effective_mass) if efficiency is None else np.full(len(made.effective_mass), efficiency)
    return Source(made.x, share @ made.events, 0.0 if power is None else power)


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
    low, high = (float(end) for end in kinematics.energy_fraction_limits(scenario.lightest_mass(), run.beam_energy))
    if not low < high:
        raise ScenarioError(
            f"{scenario.name}: mass = {scenario.mass:g} GeV is beyond the reach of a {run.beam_energy:g} GeV beam, which "
            f"makes up to {kinematics.heaviest(run.beam_energy):.8g} GeV; a lighter particle is right"
        )
    if not 0 <= x_min < 1:
        raise InputError(f"x_min = {x_min}: an energy fraction lies in [0, 1)")
    if x_min >= high:
        return Spectrum(np.zeros(0), np.zeros(1), np.zeros((1, 0)))
    x, weights = quadrature.energy_fraction_rule(max(low, x_min), high)
    production = scenario.production(x, run.beam_energy, run.target.nucleus)
    if not isinstance(production, Production):
        raise ScenarioError(
            f"{scenario.name}: production gave a {type(production).__name__}; a na64stat.Production with effective_mass and "
            "dsigma_dx is right"
        )
    dsigma_dx = np.atleast_2d(np.asarray(production.dsigma_dx, dtype=float))
    mass = np.atleast_1d(np.asarray(production.effective_mass, dtype=float))
    if dsigma_dx.shape != (len(mass), len(x)) or not np.all(np.isfinite(dsigma_dx)) or np.any(dsigma_dx < 0):
        raise ScenarioError(
            f"{scenario.name} at mass {scenario.mass:g} GeV: production gave dsigma_dx of shape {dsigma_dx.shape}, values from "
            f"{dsigma_dx.min():g} to {dsigma_dx.max():g}; finite numbers >= 0 of shape ({len(mass)}, {len(x)}) are right"
        )
    return Spectrum(x, mass, run.mot * run.target.nuclei_per_area_gev2 * dsigma_dx * weights)
