"""Spectra of one particle X radiated or made by a muon on a nucleus, in the Weizsaecker-Williams approximation.

`dsigma_dx` and the functions named after the processes integrate over the angle; `d2sigma_dx_dcostheta` is the
integrand. Users find all of them in `cross_sections`, which adds totals and dark pairs.

References
----------
arXiv:2501.06294, eqs. (2)-(8), (17), (18).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.errors import InputError
from na64stat.physics import kinematics
from na64stat.physics.checks import finite, non_negative, positive
from na64stat.physics.constants import ALPHA, MUON_MASS
from na64stat.physics.flux import photon_flux
from na64stat.physics.matrix_elements import AMPLITUDES
from na64stat.physics.nucleus import Nucleus
from na64stat.physics.quadrature import gauss_legendre

Array = NDArray[np.float64]

DARK_PAIR: Final = "dark_pair"
PROCESSES: Final = (*AMPLITUDES, DARK_PAIR)
"""Names of the processes: vector, scalar, pseudoscalar, photon_fusion, dark_pair."""

THETA_MAX: Final = 0.1  # rad, arXiv:2501.06294, app. A

# Nodes that keep 1e-6 at every x, measured from 1e-6 to 50 GeV; the axion's tail in theta is longer.
_THETA_NODES: Final = {"vector": 16, "scalar": 16, "pseudoscalar": 16, "photon_fusion": 20}
_SMALLEST_X: Final = 1e-100  # below, which concerns massless particles only, squares underflow: taken as x = 0
_BLOCK: Final = 2048  # points of (x, mass) integrated at a time, so that the work fits a cache


def d2sigma_dx_dcostheta(
    process: str,
    x: ArrayLike,
    theta: ArrayLike,
    mass: ArrayLike,
    beam_energy: float,
    nucleus: Nucleus,
    *,
    lepton_mass: float = MUON_MASS,
) -> Array:
    """Cross section per energy fraction and cos(theta) [GeV^-2 per squared coupling], small angles.

    Parameters
    ----------
    process
        One of `PROCESSES`, except the dark pair.
    x, theta, mass
        Energy fraction, angle [rad] and mass [GeV] of X, broadcast together.
    beam_energy
        Energy of the muon [GeV].
    nucleus
        Target nucleus.
    lepton_mass
        Mass of the projectile [GeV].

    Returns
    -------
    Array of the broadcast shape, 0 outside phase space.

    Raises
    ------
    InputError
        Unknown process, mass or theta negative or not finite, x not finite.
    """
    x, mass = checked(process, x, mass, beam_energy, lepton_mass)
    x, theta, mass = np.broadcast_arrays(x, non_negative("theta", theta, "rad"), mass)
    inside = (x > np.maximum(mass / beam_energy, _SMALLEST_X)) & (x < 1)
    result = np.zeros(x.shape)
    x, mass, p2 = x[inside], mass[inside], (beam_energy * theta[inside]) ** 2
    density = _density(process, x, p2, kinematics.utilde_forward(x, mass, lepton_mass) - x * p2, mass,
                       (beam_energy, lepton_mass), nucleus)  # fmt: skip
    result[inside] = 2 * x * beam_energy**2 * kinematics.beta(x, mass, beam_energy) * density
    return result[()]


def dsigma_dx(
    process: str,
    x: ArrayLike,
    mass: ArrayLike,
    beam_energy: float,
    nucleus: Nucleus,
    theta_max: float = THETA_MAX,
    *,
    lepton_mass: float = MUON_MASS,
    nodes: int | None = None,
) -> Array:
    """Cross section per energy fraction, theta < theta_max [GeV^-2 per squared coupling].

    Parameters
    ----------
    process
        One of `PROCESSES`, except the dark pair, for which there is `dark_pair_spectrum`.
    x, mass
        Energy fraction and mass [GeV] of X, broadcast together.
    beam_energy
        Energy of the muon [GeV].
    nucleus
        Target nucleus.
    theta_max
        Largest angle [rad].
    lepton_mass
        Mass of the projectile [GeV].
    nodes
        Gauss-Legendre nodes in theta. The default, 16 (photon fusion 20), is good to 1e-6 at every x for masses from
        1e-6 to 50 GeV (measured against 200 nodes). 330 values of x take about 1 ms.

    Returns
    -------
    Array of the broadcast shape, 0 outside phase space.

    Raises
    ------
    InputError
        Unknown process, mass negative or not finite, x not finite.
    """
    x, mass = checked(process, x, mass, beam_energy, lepton_mass)
    positive("theta_max", theta_max, "rad")
    x, mass = np.broadcast_arrays(x, mass)
    result = np.zeros(x.shape)
    inside = (x > np.maximum(mass / beam_energy, _SMALLEST_X)) & (x < 1)
    flat_x, flat_mass = x[inside], mass[inside]
    # the flux closes where t_min reaches t_max
    closing = 2 * beam_energy * (1 - flat_x) * np.sqrt(kinematics.t_max(flat_mass, lepton_mass))
    closing += kinematics.utilde_forward(flat_x, flat_mass, lepton_mass)
    reach = np.clip(closing, 0.0, flat_x * (beam_energy * theta_max) ** 2)
    values = np.empty(flat_x.size)
    order = _THETA_NODES[process] if nodes is None else nodes
    for start in range(0, values.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        values[block] = _integrate_theta(
            process, flat_x[block], flat_mass[block], reach[block], (beam_energy, lepton_mass), nucleus, order
        )
    result[inside] = values
    return result[()]


def vector(x: ArrayLike, mass: ArrayLike, beam_energy: float, nucleus: Nucleus) -> Array:
    """dsigma/dx [GeV^-2 per g^2] of a vector radiated by the muon.

    Parameters
    ----------
    x, mass
        Energy fraction [1] and mass [GeV] of X, broadcast together.
    beam_energy
        Energy of the muon [GeV].
    nucleus
        Target nucleus.
    """
    return dsigma_dx("vector", x, mass, beam_energy, nucleus)


def scalar(x: ArrayLike, mass: ArrayLike, beam_energy: float, nucleus: Nucleus) -> Array:
    """dsigma/dx [GeV^-2 per g^2] of a scalar radiated by the muon.

    Parameters
    ----------
    x, mass
        Energy fraction [1] and mass [GeV] of X, broadcast together.
    beam_energy
        Energy of the muon [GeV].
    nucleus
        Target nucleus.
    """
    return dsigma_dx("scalar", x, mass, beam_energy, nucleus)


def pseudoscalar(x: ArrayLike, mass: ArrayLike, beam_energy: float, nucleus: Nucleus) -> Array:
    """dsigma/dx [GeV^-2 per g^2] of a pseudoscalar radiated by the muon; g is the Yukawa coupling, 2 m_muon g_amm.

    Parameters
    ----------
    x, mass
        Energy fraction [1] and mass [GeV] of X, broadcast together.
    beam_energy
        Energy of the muon [GeV].
    nucleus
        Target nucleus.
    """
    return dsigma_dx("pseudoscalar", x, mass, beam_energy, nucleus)


def photon_fusion(x: ArrayLike, mass: ArrayLike, beam_energy: float, nucleus: Nucleus) -> Array:
    """dsigma/dx [GeV^-2 per (GeV^-1)^2] of an axion made from the muon's and the nucleus' photons.

    Parameters
    ----------
    x, mass
        Energy fraction [1] and mass [GeV] of X, broadcast together.
    beam_energy
        Energy of the muon [GeV].
    nucleus
        Target nucleus.
    """
    return dsigma_dx("photon_fusion", x, mass, beam_energy, nucleus)


def _integrate_theta(
    process: str, x: Array, mass: Array, reach: Array, setup: tuple[float, float], nucleus: Nucleus, order: int
) -> Array:
    """dsigma/dx [GeV^-2 per squared coupling] at points inside phase space, shape (n,) of x, mass and reach.

    ``reach`` is the largest |utilde| - |utilde(theta = 0)| [GeV^2]. The variable is the logarithm of the propagator
    that peaks: the muon's in bremsstrahlung, the photon's in photon fusion.
    """
    beam_energy, lepton_mass = setup
    velocity = kinematics.beta(x, mass, beam_energy)
    x, mass = x[:, np.newaxis], mass[:, np.newaxis]
    forward = kinematics.utilde_forward(x, mass, lepton_mass)
    offset = lepton_mass**2 * x if process == "photon_fusion" else -forward
    span = np.log1p(reach[:, np.newaxis] / offset)
    nodes, weights = gauss_legendre(order)
    depth = offset * np.expm1(span * (1 + nodes) / 2)
    density = _density(process, x, depth / x, forward - depth, mass, setup, nucleus)
    result: Array = velocity * np.einsum("ij,j->i", density * (depth + offset) * span, weights / 2)
    return result


def _density(
    process: str, x: Array, p2: Array, utilde: Array, mass: Array, setup: tuple[float, float], nucleus: Nucleus
) -> Array:
    """dsigma/(dx dutilde)/beta [GeV^-4 per squared coupling]: flux, propagator and squared amplitude."""
    beam_energy, lepton_mass = setup
    flux = photon_flux(kinematics.t_min(utilde, x, beam_energy), kinematics.t_max(mass, lepton_mass), nucleus)
    amplitude = AMPLITUDES[process](x, p2, utilde, mass, lepton_mass)
    return ALPHA / (16 * np.pi**2) * (1 - x) * flux * amplitude / utilde**2


def checked(process: str, x: ArrayLike, mass: ArrayLike, beam_energy: float, lepton_mass: float) -> tuple[Array, Array]:
    """`x` and `mass` as floats, after the checks that all functions share.

    Parameters
    ----------
    process
        One of `PROCESSES`.
    x, mass
        Energy fraction [1] and mass [GeV] of X.
    beam_energy
        Energy of the muon [GeV].
    lepton_mass
        Mass of the projectile [GeV].

    Raises
    ------
    InputError
        Unknown process, mass negative or not finite, x not finite, or an energy that is not positive.
    """
    if process == DARK_PAIR:
        raise InputError("process 'dark_pair' has a spectrum per virtual mass: use dark_pair_spectrum")
    if process not in AMPLITUDES:
        raise InputError(f"process {process!r} is unknown; choose from {', '.join(PROCESSES)}")
    positive("beam_energy", beam_energy, "GeV")
    positive("lepton_mass", lepton_mass, "GeV")
    return finite("x", x), non_negative("mass", mass, "GeV")
