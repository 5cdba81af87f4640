"""Checked output of a scenario's `production` for a beam: nodes of the energy fraction and cross sections at them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TextIO

import numpy as np

from na64stat.arguments import is_number
from na64stat.errors import InputError, ScenarioError, shown
from na64stat.physics import kinematics, quadrature
from na64stat.physics.nucleus import Nucleus
from na64stat.scenarios.production import Array, Production

if TYPE_CHECKING:
    from na64stat.scenarios.base import Scenario


prints_to: Final[ContextVar[TextIO | None]] = ContextVar("prints_to", default=None)
"""Where `print` in a scenario's methods goes; None leaves it alone. On the command line standard output belongs to the answer."""


@dataclass(frozen=True, eq=False)
class Produced:
    """Spectrum per nucleus at one mass and coupling, on the nodes of a quadrature.

    Attributes
    ----------
    x, weights
        Energy fractions [1] and quadrature weights, each of shape (X,).
    effective_mass
        What the efficiency depends on [GeV], shape (K,).
    dsigma_dx
        Differential cross section [GeV^-2], shape (K, X).
    """

    x: Array
    weights: Array
    effective_mass: Array
    dsigma_dx: Array


def produced(scenario: Scenario, beam_energy: float, nucleus: Nucleus, x_min: float = 0.0) -> Produced:
    """The spectrum above `x_min`.

    Parameters
    ----------
    scenario
        At a mass and a coupling.
    beam_energy
        Energy of the muons [GeV].
    nucleus
        Target nucleus.
    x_min
        Lower end of the energy fraction.

    Raises
    ------
    ScenarioError
        If the mass is beyond the beam's reach, or the scenario returns something that is no spectrum.
    """
    point, at = f"{scenario.name} at mass {scenario.mass:g} GeV", f"at coupling {scenario.coupling:g}"
    lightest = scenario.lightest_mass()
    if not 0 < lightest < np.inf:
        raise ScenarioError(f"{point}: lightest_mass {at} = {lightest}; expected a positive number of GeV")
    low, high = (float(end) for end in kinematics.energy_fraction_limits(lightest, beam_energy))
    if not low < high:
        raise ScenarioError(
            f"{scenario.name}: mass = {scenario.mass:g} GeV is beyond the reach of a {beam_energy:g} GeV beam, which "
            f"makes up to {kinematics.heaviest(beam_energy):.8g} GeV; expected a lighter particle"
        )
    if not 0 <= x_min < 1:
        raise InputError(f"x_min = {x_min}: an energy fraction lies in [0, 1)")
    if x_min >= high:
        return Produced(np.zeros(0), np.zeros(0), np.zeros(1), np.zeros((1, 0)))
    x, weights = quadrature.energy_fraction_rule(max(low, x_min), high)
    with users_code(scenario, "production"):
        production = scenario.production(x, beam_energy, nucleus)
    if not isinstance(production, Production):
        raise ScenarioError(
            f"{scenario.name}: production gave a {type(production).__name__}; "
            "expected a na64stat.Production with effective_mass and "
            "dsigma_dx"
        )
    dsigma_dx = np.atleast_2d(_real(point, "dsigma_dx", production.dsigma_dx))
    mass = np.atleast_1d(_real(point, "effective_mass", production.effective_mass))
    if dsigma_dx.shape != (len(mass), len(x)) or not np.all(np.isfinite(dsigma_dx)) or np.any(dsigma_dx < 0):
        raise ScenarioError(
            f"{point}: production gave, {at}, dsigma_dx of shape {dsigma_dx.shape}, values from {dsigma_dx.min():g} to "
            f"{dsigma_dx.max():g}; expected finite numbers >= 0 of shape ({len(mass)}, {len(x)})"
        )
    if not np.all((mass >= 0) & (mass < np.inf)):
        raise ScenarioError(f"{point}: effective_mass {at} = {mass.min():g}; expected finite numbers >= 0 [GeV]")
    return Produced(x, weights, mass, dsigma_dx)


def fate(scenario: Scenario) -> tuple[float, float, float]:
    """Width [GeV], visible and invisible fraction at a coupling.

    Raises
    ------
    ScenarioError
        If one of them is no number, or its method ends the program.
    """
    found = []
    for name in ("width", "visible_fraction", "invisible_fraction"):
        with users_code(scenario, name):
            value = getattr(scenario, name)()
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.item()
        if not is_number(value):
            raise ScenarioError(
                f"{scenario.name} at mass {scenario.mass:g} GeV: {name} gave {shown(value)}; expected a number"
            )
        found.append(float(value))
    return found[0], found[1], found[2]


@contextmanager
def users_code(scenario: Scenario, name: str) -> Iterator[None]:
    """Code that may be a user's: it does not end the program, and what it prints goes where `prints_to` says."""
    target = prints_to.get()
    try:
        with nullcontext() if target is None else redirect_stdout(target):
            yield
    except SystemExit as error:
        raise ScenarioError(
            f"{scenario.name} at mass {scenario.mass:g} GeV: {name} ended the program (exit status {error.code}); expected it to "
            "return"
        ) from None


def _real(point: str, name: str, values: object) -> Array:
    """Numbers that are real."""
    found = np.asarray(values)
    if np.iscomplexobj(found):
        raise ScenarioError(f"{point}: production gave complex numbers as {name}; expected real ones")
    return np.asarray(found, dtype=float)
