"""Kinematics of muon + photon -> muon + X seen from the beam, at small angles.

``x`` is the energy fraction of X, ``theta`` its angle [rad], ``mass`` its mass [GeV]. `energy_fraction_limits` gives
the range of x that is open, `heaviest` the mass at which it closes; the other functions are the invariants inside it.

References
----------
arXiv:2501.06294, eqs. (3)-(5), (17), (18).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.physics.checks import non_negative, positive
from na64stat.physics.constants import MUON_MASS

Array = NDArray[np.float64]

_LIGHT: Final = 1e-12
"""A mass over the beam's energy that is always within reach."""


def utilde_forward(x: ArrayLike, mass: ArrayLike, lepton_mass: float = MUON_MASS) -> Array:
    """(p - k)^2 - m_muon^2 at theta = 0 [GeV^2], negative: where the propagator is nearest to its pole.

    Parameters
    ----------
    x
        Energy fractions E_X / E_muon [1].
    mass
        Mass of X [GeV].
    lepton_mass
        Mass of the projectile [GeV].
    """
    x, mass = np.asarray(x, dtype=float), np.asarray(mass, dtype=float)
    forward: Array = -(mass**2 * (1 - x) / x + lepton_mass**2 * x)
    return forward


def utilde(
    x: ArrayLike, theta: ArrayLike, mass: ArrayLike, beam_energy: float, lepton_mass: float = MUON_MASS
) -> Array:
    """(p - k)^2 - m_muon^2 [GeV^2], negative: how far the muon that exchanges the photon is off its mass shell.

    Parameters
    ----------
    x
        Energy fractions E_X / E_muon [1].
    theta
        Angle of X [rad].
    mass
        Mass of X [GeV].
    beam_energy
        Energy of the muon [GeV].
    lepton_mass
        Mass of the projectile [GeV].
    """
    x, theta = np.asarray(x, dtype=float), np.asarray(theta, dtype=float)
    return utilde_forward(x, mass, lepton_mass) - x * (beam_energy * theta) ** 2


def t_min(utilde: ArrayLike, x: ArrayLike, beam_energy: float) -> Array:
    """Smallest squared momentum transfer to the nucleus [GeV^2].

    Parameters
    ----------
    utilde
        (p - k)^2 - m_muon^2 [GeV^2].
    x
        Energy fractions E_X / E_muon [1].
    beam_energy
        Energy of the muon [GeV].
    """
    return (np.asarray(utilde, dtype=float) / (2 * beam_energy * (1 - np.asarray(x, dtype=float)))) ** 2


def t_max(mass: ArrayLike, lepton_mass: float = MUON_MASS) -> Array:
    """Largest squared momentum transfer to the nucleus that is counted [GeV^2], m^2 + m_muon^2.

    Parameters
    ----------
    mass
        Mass of X [GeV].
    lepton_mass
        Mass of the projectile [GeV].
    """
    return np.asarray(mass, dtype=float) ** 2 + lepton_mass**2


def momentum(x: ArrayLike, mass: ArrayLike, beam_energy: float) -> Array:
    """Momentum of X [GeV], sqrt((x E)^2 - m^2), 0 below threshold.

    Parameters
    ----------
    x
        Energy fractions E_X / E_muon [1].
    mass
        Mass of X [GeV].
    beam_energy
        Energy of the muon [GeV].
    """
    energy, mass = np.asarray(x, dtype=float) * beam_energy, np.asarray(mass, dtype=float)
    # two factors: the difference of the squares loses digits near threshold
    result: Array = np.sqrt(np.maximum(energy - mass, 0.0) * (energy + mass))
    return result


def beta(x: ArrayLike, mass: ArrayLike, beam_energy: float) -> Array:
    """Velocity of X [c], 0 below threshold; x > 0.

    Parameters
    ----------
    x
        Energy fractions E_X / E_muon [1].
    mass
        Mass of X [GeV].
    beam_energy
        Energy of the muon [GeV].
    """
    return momentum(x, mass, beam_energy) / (np.asarray(x, dtype=float) * beam_energy)


def energy_fraction_limits(mass: ArrayLike, beam_energy: float, lepton_mass: float = MUON_MASS) -> tuple[Array, Array]:
    """Open range of the energy fraction x [1], shape of `mass`.

    The lower end is m/E, where X is at rest; the upper end is where t_min at theta = 0 reaches t_max and the flux
    closes. Spectra are smooth in between. A mass beyond the beam's reach has an empty range: both ends equal m/E.

    Parameters
    ----------
    mass
        Mass of X [GeV].
    beam_energy
        Energy of the muon [GeV].
    lepton_mass
        Mass of the projectile [GeV].

    Raises
    ------
    InputError
        If a mass is negative, infinite or NaN.
    """
    mass = non_negative("mass", mass, "GeV")
    positive("beam_energy", beam_energy, "GeV")
    x_low = mass / beam_energy
    mass = np.minimum(mass, beam_energy)  # above, the range is empty whatever the mass, and its square may overflow
    # t_min = t_max at theta = 0 is (ml^2 + c) x^2 - (m^2 + c) x + m^2 = 0; its lower root lies below m/E
    c = 2 * beam_energy * np.sqrt(t_max(mass, lepton_mass))
    b = mass**2 + c
    discriminant = b**2 - 4 * mass**2 * (lepton_mass**2 + c)
    x_high = (b + np.sqrt(np.maximum(discriminant, 0.0))) / (2 * (lepton_mass**2 + c))
    return x_low, np.where(discriminant > 0, np.maximum(x_high, x_low), x_low)


def heaviest(beam_energy: float, lepton_mass: float = MUON_MASS) -> float:
    """Largest mass [GeV] within the beam's reach: there t_min at rest, x = m/E and theta = 0, has risen to t_max.

    For 160 GeV muons it is 0.07 MeV below the beam's energy.

    Parameters
    ----------
    beam_energy
        Energy of the muon [GeV].
    lepton_mass
        Mass of the projectile [GeV].

    Raises
    ------
    InputError
        If the energy is not positive and finite.
    """
    from scipy.optimize import brentq

    positive("beam_energy", beam_energy, "GeV")

    def excess(rest: float) -> float:
        """sqrt(t_min) - sqrt(t_max) over m at m = E - rest, times rest: without a pole."""
        mass = beam_energy - rest
        return lepton_mass**2 / (2 * beam_energy) - rest * (math.hypot(1, lepton_mass / mass) - 0.5)

    # At a vanishing mass sqrt(t_max) is the muon's mass, and more than sqrt(t_min).
    rest = brentq(excess, 0.0, beam_energy * (1 - _LIGHT), xtol=4e-16 * beam_energy, rtol=1e-14)
    return beam_energy - float(rest)
