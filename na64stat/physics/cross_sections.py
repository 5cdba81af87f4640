"""Production of X by muons on a nucleus in the Weizsaecker-Williams (WW) approximation, per squared coupling.

`total_cross_section` is for one number per mass; `dsigma_dx` and the functions named after the processes for a spectrum
in the energy fraction x; `dark_pair_spectrum` for pairs of dark fermions through a virtual vector;
`d2sigma_dx_dcostheta` for the integrand itself. Units are GeV^-2 per squared coupling: for photon fusion per
(GeV^-1)^2, for the dark pair per g_Z'^2 g_chi^2. `na64stat.units` converts.

WW was compared with exact tree-level calculations for 160 GeV muons on lead only: 1% for every process but photon
fusion below x ~ 0.01. `total_cross_section` warns outside; the spectra do not: a single soft point weighs nothing.

References
----------
arXiv:2501.06294, eqs. (2)-(12), (17), (18).
"""

from __future__ import annotations

import math
import warnings
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.errors import InputError, ValidityWarning
from na64stat.physics import kinematics
from na64stat.physics.checks import positive
from na64stat.physics.constants import MUON_MASS
from na64stat.physics.nucleus import Nucleus
from na64stat.physics.quadrature import gauss_legendre, threshold_rule
from na64stat.physics.spectra import (
    DARK_PAIR,
    PROCESSES,
    THETA_MAX,
    checked,
    d2sigma_dx_dcostheta,
    dsigma_dx,
    photon_fusion,
    pseudoscalar,
    scalar,
    vector,
)

__all__ = [
    "DARK_PAIR",
    "PROCESSES",
    "THETA_MAX",
    "d2sigma_dx_dcostheta",
    "dark_pair_spectrum",
    "dsigma_dx",
    "photon_fusion",
    "pseudoscalar",
    "scalar",
    "total_cross_section",
    "vector",
]

Array = NDArray[np.float64]

_PAIR_THETA_NODES: Final = 12  # the virtual vector has k > 2 m_chi and is integrated over: 3e-7 remains
_CUT_PAIR_NODES: Final = 16
_X_NODES: Final = 128
_SOFT_FUSION, LIGHT_NUCLEUS = 0.01, 50


def dark_pair_spectrum(
    x: ArrayLike,
    m_chi: float,
    beam_energy: float,
    nucleus: Nucleus,
    nodes: int | None = None,
    *,
    theta_max: float = THETA_MAX,
    lepton_mass: float = MUON_MASS,
) -> tuple[Array, Array]:
    r"""Virtual masses k [GeV] and what each adds to dsigma/dx of a dark pair [GeV^-2 per g_Z'^2 g_chi^2].

    Parameters
    ----------
    x
        Energy fraction of the pair.
    m_chi
        Mass of the dark fermion [GeV], positive.
    beam_energy
        Energy of the muon [GeV].
    nucleus
        Target nucleus.
    nodes
        Number K of virtual masses. The default gives 1e-5 in the integral over x: 19 at 1 MeV, 16 at 10 MeV, 12 at
        0.1 GeV (measured against 200 Gauss-Legendre nodes in eta); above 50 GeV, near the beam's reach, only 1e-3.
        330 values of x take about 15 ms.
    theta_max, lepton_mass
        Largest angle [rad], mass of the projectile [GeV].

    Returns
    -------
    k
        Shape (K,), increasing.
    dsigma_dx
        Shape (K, \*x.shape): the weight of each k and the coupling of the pair are included, so that
        ``dsigma_dx.sum(axis=0)`` is dsigma/dx. Zero where the pair is beyond the beam's reach.

    Notes
    -----
    With k = 2 m_chi cosh(eta) the square root at threshold becomes tanh(eta); the integrand is even in eta and falls
    at the far end, so that the trapezoidal rule converges exponentially. From k^2 ~ 2 E sqrt(t_size) on the size of the
    nucleus cuts the flux and the spectrum falls as k^-10: k ends at four times that. Where the beam's reach comes first,
    above 20 GeV at 160 GeV, the rule is Gauss-Legendre up to it.

    References
    ----------
    arXiv:2501.06294, eqs. (9)-(12).
    """
    x, _ = checked("vector", x, m_chi, beam_energy, lepton_mass)
    positive("m_chi", m_chi, "GeV")
    scale = max(2 * m_chi, math.sqrt(2 * beam_energy * math.sqrt(nucleus.t_size)))
    reach, k_end = kinematics.heaviest(beam_energy, lepton_mass), 4 * scale
    if k_end < reach:
        eta_max = math.acosh(k_end / (2 * m_chi))
        nodes = math.ceil(4 + 1.5 * eta_max) if nodes is None else nodes
        eta, weights = eta_max * np.arange(1, nodes + 1) / nodes, np.full(nodes, eta_max / nodes)
    else:  # cut by the beam's reach the integrand ends as a power, not exponentially
        # Beyond the reach there is no range to divide, and dsigma_dx is 0 at any k above threshold.
        eta_max = math.acosh(reach / (2 * m_chi)) if 2 * m_chi < reach else 1.0
        points, weights = gauss_legendre(_CUT_PAIR_NODES if nodes is None else nodes)
        eta, weights = eta_max * (1 + points) / 2, eta_max * weights / 2
    k = 2 * m_chi * np.cosh(eta)
    pair = np.tanh(eta) ** 2 * (2 + 1 / np.cosh(eta) ** 2) / (12 * np.pi**2)
    axes = (slice(None), *(np.newaxis,) * x.ndim)
    spectrum = dsigma_dx("vector", x[np.newaxis], k[axes], beam_energy, nucleus, theta_max,
                         lepton_mass=lepton_mass, nodes=_PAIR_THETA_NODES)  # fmt: skip
    return k, (weights * pair)[axes] * spectrum


def total_cross_section(
    process: str,
    mass: ArrayLike,
    beam_energy: float,
    nucleus: Nucleus,
    x_min: float = 0.0,
    x_max: float = 1.0,
    theta_max: float = THETA_MAX,
    *,
    lepton_mass: float = MUON_MASS,
) -> Array:
    """Cross section for x_min < x < x_max and theta < theta_max [GeV^-2 per squared coupling], shape of `mass`.

    Parameters
    ----------
    process
        One of `PROCESSES`; for the dark pair `mass` is m_chi.
    mass
        Mass [GeV]; beyond the beam's reach the result is 0.
    beam_energy
        Energy of the muon [GeV].
    nucleus
        Target nucleus.
    x_min, x_max
        Range of the energy fraction.
    theta_max, lepton_mass
        Largest angle [rad], mass of the projectile [GeV].

    Warns
    -----
    ValidityWarning
        Photon fusion integrated below x = 0.01, or a nucleus lighter than Z = 50: WW is not reliable there.

    Raises
    ------
    InputError
        Unknown process, mass negative or not finite, a massless particle down to x = 0, x_min outside [0, 1) or x_max
        outside (x_min, 1].
    """
    single = "vector" if process == DARK_PAIR else process
    _, mass = checked(single, 1.0, mass, beam_energy, lepton_mass)
    if not 0 <= x_min < 1:
        raise InputError(f"x_min = {x_min} must be an energy fraction in [0, 1)")
    if not x_min < x_max <= 1:
        raise InputError(f"x_max = {x_max} must be an energy fraction in ({x_min}, 1], above x_min")
    if np.any(mass == 0) and (x_min == 0 or process == DARK_PAIR):
        raise InputError(f"{process}: mass = 0 has no finite total cross section down to x = 0; give a mass > 0")
    lightest = 2 * mass if process == DARK_PAIR else mass
    x_low, x_high = kinematics.energy_fraction_limits(lightest, beam_energy, lepton_mass)
    x_low, x_high = np.maximum(x_low, x_min), np.minimum(x_high, x_max)
    _warn_where_invalid(process, bool(np.any((x_low < x_high) & (x_low < _SOFT_FUSION))), nucleus)
    x, weights = threshold_rule(x_low, x_high, _X_NODES)
    if process != DARK_PAIR:
        spectrum = dsigma_dx(
            process, x, mass[..., np.newaxis], beam_energy, nucleus, theta_max, lepton_mass=lepton_mass
        )
        sigma: Array = np.sum(weights * spectrum, axis=-1)
        return sigma
    total = np.zeros(mass.shape)
    for index in np.ndindex(mass.shape):
        _, spectrum = dark_pair_spectrum(x[index], float(mass[index]), beam_energy, nucleus,
                                         theta_max=theta_max, lepton_mass=lepton_mass)  # fmt: skip
        total[index] = np.sum(weights[index] * spectrum)
    return total[()]


def _warn_where_invalid(process: str, soft: bool, nucleus: Nucleus) -> None:
    if process == "photon_fusion" and soft:
        warnings.warn(
            f"photon_fusion below x = {_SOFT_FUSION}: the Weizsaecker-Williams total within 0.1 rad is high by 21% at 10 MeV "
            f"and 41% at 1 MeV; `exact_fusion` has the exact spectrum; integrate from x_min = {_SOFT_FUSION} for 1%",
            ValidityWarning,
            stacklevel=3,
        )
    if nucleus.z < LIGHT_NUCLEUS:
        warnings.warn(
            f"nucleus with Z = {nucleus.z}: the Weizsaecker-Williams cross sections were checked on lead (Z = 82) and "
            f"owe their accuracy to its form factor; below Z = {LIGHT_NUCLEUS} do not trust them to 1%",
            ValidityWarning,
            stacklevel=3,
        )
