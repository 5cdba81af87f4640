"""Loops of muons and taus: kinetic mixing, axion to two photons, and the shift of the muon's (g-2).

References
----------
arXiv:2501.06294, eq. (13); Bauer, Neubert, Thamm, arXiv:1708.00443 (axions); Leveille, Nucl. Phys. B 137 (1978) 63
(one-loop shifts of g-2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.physics.checks import finite, non_negative
from na64stat.physics.constants import ALPHA, MUON_MASS, TAU_MASS

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


def kinetic_mixing(q2: ArrayLike) -> Array:
    """Kinetic mixing of photon and Z' over g_Z' [1] in L_mu - L_tau, modulus, at q^2 + i0 [GeV^2], shape of `q2`.

    e/(2 pi^2) int_0^1 dy y(1-y) ln[(m_tau^2 - y(1-y) q^2)/(m_muon^2 - y(1-y) q^2)], in closed form; the integral is
    complex above 4 m_muon^2.

    Parameters
    ----------
    q2
        Squared momentum of the photon [GeV^2].
    """
    q2 = finite("q2", q2)
    constant = math.log(TAU_MASS / MUON_MASS) / 3
    loops = _vacuum_polarisation(q2 / TAU_MASS**2) - _vacuum_polarisation(q2 / MUON_MASS**2)
    return math.sqrt(4 * np.pi * ALPHA) / (2 * np.pi**2) * np.abs(constant + loops)


def _vacuum_polarisation(s: Array) -> ComplexArray:
    """int_0^1 dy y(1-y) ln(1 - y(1-y) s - i0) [1], s = q^2/m^2."""
    near = np.abs(s) < 1
    series = np.polynomial.polynomial.polyval(np.where(near, s, 0.0), _polarisation_series())
    far = np.where(near, 8.0, s).astype(complex)
    # The square root of 1 - 4/s on the side of q^2 + i0; its sign does not matter.
    root = np.sqrt(1 - 4 / far)
    # ln of (root + 1)/(root - 1), free of cancellation: for s > 4, where root < 1, the phase of q^2 + i0 is -pi.
    ratio = -((root + 1) ** 2) * far / 4
    logarithm = np.where(far.real > 4, np.log(np.abs(ratio)) - 1j * np.pi, np.log(ratio))
    closed = (-5 / 3 - 4 / far + (1 + 2 / far) * root * logarithm) / 6
    result: ComplexArray = np.where(near, series, closed)
    return result


@lru_cache(maxsize=1)
def _polarisation_series() -> Array:
    """Coefficients of s^n, n = 0 to 26: -B(n+2, n+2)/n, which fall as 4^-n."""
    terms = [0.0]
    terms += [-(math.factorial(n + 1) ** 2) / (n * math.factorial(2 * n + 3)) for n in range(1, 27)]
    return np.array(terms)


def loop_photon_coupling(mass: ArrayLike, coupling: ArrayLike) -> Array:
    """Axion-photon coupling [GeV^-1] that a muon loop gives an axion coupled to muons, modulus.

    |(2 alpha g/pi) [1 - tau f^2(tau)]|, tau = 4 m_muon^2/m^2, for L = g d_alpha a mubar gamma^alpha gamma5 mu and
    L_eff = -(g_agg/4) a F Ftilde.

    Parameters
    ----------
    mass
        Axion mass [GeV].
    coupling
        Axion-muon coupling g [GeV^-1].

    Notes
    -----
    Bauer, Neubert and Thamm write (c/2) (d^alpha a/Lambda) mubar gamma_alpha gamma5 mu and e^2 (C/Lambda) a F Ftilde,
    with C = c B_1(tau)/(16 pi^2) for a charged lepton and B_1 = 1 - tau f^2. Hence c/Lambda = 2 g and, up to the sign,
    g_agg = 4 e^2 C/Lambda = (16 pi alpha)(2 g) B_1/(16 pi^2) = 2 alpha g B_1/pi. Their width,
    4 pi alpha^2 m^3 |C/Lambda|^2, is then g_agg^2 m^3/(64 pi), and their width to leptons,
    m m_l^2 |c/Lambda|^2/(8 pi) in the massless limit, is our g^2 m m_l^2/(2 pi). For a light axion the loop decouples:
    B_1 = -m^2/(12 m_muon^2).

    References
    ----------
    arXiv:1708.00443, section 3: widths to photons and leptons, and B_1.
    """
    mass = non_negative("mass", mass, "GeV")
    return 2 * ALPHA / np.pi * np.abs(finite("coupling", coupling)) * np.abs(_anomaly_loop(mass / (2 * MUON_MASS)))


def _anomaly_loop(ratio: Array) -> ComplexArray:
    """B_1 = 1 - tau f^2(tau) [1], tau = 1/ratio^2."""
    square = ratio**2
    near = square < 0.1
    # 1 - arcsin(r)^2/r^2 = -sum_{n>=2} 2^(2n-1) r^(2n-2)/(n^2 binomial(2n, n)): the last of 17 terms is below 1e-17
    terms = [0.0] + [-(2.0 ** (2 * n - 1)) / (n**2 * math.comb(2 * n, n)) for n in range(2, 19)]
    series = np.polynomial.polynomial.polyval(np.where(near, square, 0.0), terms)
    below = np.arcsin(np.where(ratio <= 1, ratio, 1.0)).astype(complex)
    above = np.pi / 2 + 1j * np.arccosh(np.where(ratio > 1, ratio, 1.0))
    f = np.where(ratio <= 1, below, above)
    result: ComplexArray = np.where(near, series, 1 - f**2 / np.where(near, 1.0, square))
    return result


def g_minus_2_vector(mass: ArrayLike, coupling: ArrayLike) -> Array:
    """Shift of a_muon = (g-2)/2 [1] by a vector of mass [GeV] and coupling g to muons: positive.

    Parameters
    ----------
    mass
        Mass of the vector [GeV].
    coupling
        Coupling g [1].
    """
    return _one_loop_shift(mass, coupling, 1 / (4 * np.pi**2), lambda z, rest: z**2 * rest)


def g_minus_2_scalar(mass: ArrayLike, coupling: ArrayLike) -> Array:
    """Shift of a_muon = (g-2)/2 [1] by a scalar of mass [GeV] and Yukawa coupling g: positive.

    Parameters
    ----------
    mass
        Mass of the scalar [GeV].
    coupling
        Yukawa coupling g [1].
    """
    return _one_loop_shift(mass, coupling, 1 / (8 * np.pi**2), lambda z, rest: z**2 * (1 + rest))


def g_minus_2_pseudoscalar(mass: ArrayLike, coupling: ArrayLike) -> Array:
    """Shift of a_muon = (g-2)/2 [1] by a pseudoscalar of mass [GeV] and Yukawa coupling g: negative.

    For an axion of derivative coupling g_amm the Yukawa coupling is 2 m_muon g_amm.

    Parameters
    ----------
    mass
        Mass of the pseudoscalar [GeV].
    coupling
        Yukawa coupling g [1].
    """
    return _one_loop_shift(mass, coupling, -1 / (8 * np.pi**2), lambda z, rest: z**3)


def _one_loop_shift(
    mass: ArrayLike, coupling: ArrayLike, factor: float, numerator: Callable[[Array, Array], Array]
) -> Array:
    """One-loop integral, factor g^2 int_0^1 dz numerator(z, 1-z)/(z^2 + r (1-z)) [1], r = (m/m_muon)^2."""
    r = (non_negative("mass", mass, "GeV") / MUON_MASS)[..., np.newaxis] ** 2
    # In u = ln(z/(1-z)) the integrand falls exponentially at both ends, on the right from z ~ 1 - 1/r on, and has no
    # singularity nearer than |Im u| = pi/2: the trapezoidal rule with step 0.3 is good to 1e-13 up to m ~ 1e7 m_muon.
    step = 0.3
    u = np.arange(-39, 75, step)
    z, rest = 1 / (1 + np.exp(-u)), 1 / (1 + np.exp(u))
    integral = step * np.sum(numerator(z, rest) / (z**2 + r * rest) * z * rest, axis=-1)
    shift: Array = factor * finite("coupling", coupling) ** 2 * integral
    return shift
