r"""Photon fusion mu N -> mu N a at tree level, without the Weizsaecker-Williams (WW) approximation.

`exact_photon_fusion` is a spectrum in the energy fraction, `exact_d2sigma_dx_dcostheta` its integrand. One photon is exchanged
with a heavy nucleus of spin 0 that takes momentum and no energy (recoil moves a total by less than 3e-5, lead at 160 GeV),
elastic form factor as in `flux`. Nothing is expanded in angles: theta_max may be pi.

With q2 the momentum that the muon loses, k the axion's, q = k - q2 the nucleus', t = \|q\|^2, t2 = q2^2 and three-vectors in the
laboratory the muon's trace contracted with the current of the nucleus is a sum of squares, and nothing cancels:

    |M|^2/(4 M^2) = g^2 e^4 G2(t)/(t t2)^2 * K,   K = 4 [p.(q2 x k)]^2 - t2 |q2 x k|^2

At fixed k, t2 = -(A + B cos phi) where phi turns q about p - k, and K is quadratic in cos phi: that integral is closed. The one
over t has its peaks where the nucleus' photon is nearly real and, at R = sqrt(A^2 - B^2) smallest, where the muon's is.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.errors import InputError
from na64stat.physics.checks import finite, non_negative, positive
from na64stat.physics.constants import ALPHA, MUON_MASS
from na64stat.physics.nucleus import Nucleus
from na64stat.physics.quadrature import gauss_legendre
from na64stat.physics.spectra import THETA_MAX

Array = NDArray[np.float64]

_THETA_NODES: Final = 20
_PANELS, _ORDER = 6, 8  # of each of the two ranges of t
_FAR: Final = 1e4  # t over the larger of t_size and the muon's peak, beyond which t^-3 leaves nothing
_BLOCK: Final = 128  # values of x at a time


class _Frame(NamedTuple):
    """At fixed x and theta, all of one shape [powers of GeV]: momenta along and across V = p - k, -utilde, A = A0 + A1 t."""

    v: Array
    along: Array
    across: Array
    depth: Array
    a0: Array
    a1: Array


def exact_d2sigma_dx_dcostheta(
    x: ArrayLike, theta: ArrayLike, mass: float, beam_energy: float, nucleus: Nucleus, *, lepton_mass: float = MUON_MASS
) -> Array:
    """Cross section of photon fusion per energy fraction and cos(theta) [GeV^-2 per (GeV^-1)^2].

    Parameters
    ----------
    x, theta
        Energy fraction and angle [rad] of the axion, broadcast together.
    mass
        Mass of the axion [GeV].
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
        A number that is not finite, a negative mass or angle, an angle above pi, an energy that is not above the mass of the
        projectile.
    """
    x, mass = _checked(x, mass, beam_energy, lepton_mass)
    theta = non_negative("theta", theta, "rad")
    if np.any(theta > math.pi):
        raise InputError(f"theta = {np.max(theta):g} rad; expected an angle up to pi")
    x, theta = np.broadcast_arrays(x, theta)
    inside = (x > mass / beam_energy) & (x < 1 - lepton_mass / beam_energy)
    result = np.zeros(x.shape)
    result[inside] = _density(x[inside], 4 * np.sin(theta[inside] / 2) ** 2, mass, (beam_energy, lepton_mass), nucleus)
    return result[()]


def exact_photon_fusion(
    x: ArrayLike,
    mass: float,
    beam_energy: float,
    nucleus: Nucleus,
    theta_max: float = THETA_MAX,
    *,
    lepton_mass: float = MUON_MASS,
    nodes: int = _THETA_NODES,
) -> Array:
    """dsigma/dx of photon fusion, theta < theta_max [GeV^-2 per (GeV^-1)^2].

    Parameters
    ----------
    x
        Energy fraction [1].
    mass
        Mass of the axion [GeV].
    beam_energy
        Energy of the muon [GeV].
    nucleus
        Target nucleus.
    theta_max
        Largest angle [rad], up to pi.
    lepton_mass
        Mass of the projectile [GeV].
    nodes
        Gauss-Legendre nodes in theta. The default keeps 3e-4 at every x and 1e-5 of the total, for masses up to 50 GeV (measured
        against finer rules). 300 values of x take 20 to 40 ms.

    Returns
    -------
    Array of the shape of x, 0 outside phase space.

    Raises
    ------
    InputError
        As `exact_d2sigma_dx_dcostheta`.
    """
    x, mass = _checked(x, mass, beam_energy, lepton_mass)
    if not 0 < theta_max <= math.pi:
        raise InputError(f"theta_max = {theta_max:g} rad; expected an angle above 0 and up to pi")
    inside = (x > mass / beam_energy) & (x < 1 - lepton_mass / beam_energy)
    result, flat = np.zeros(x.shape), x[inside]
    points, weights = gauss_legendre(nodes)
    # The muon's photon, 1/t2^2, has its peak within theta ~ m_mu/E; z = 2 (1 - cos theta).
    peak = (lepton_mass / beam_energy) ** 2
    span = math.log1p(4 * math.sin(theta_max / 2) ** 2 / peak)
    z = peak * np.expm1(span * (1 + points) / 2)
    dcos = (z + peak) / 2 * span * weights / 2
    values = np.empty(flat.size)
    for start in range(0, flat.size, _BLOCK):
        part = flat[start : start + _BLOCK, np.newaxis]
        at_x, at_z = np.broadcast_arrays(part, z)
        density = _density(at_x, at_z, mass, (beam_energy, lepton_mass), nucleus)
        values[start : start + _BLOCK] = density @ dcos
    result[inside] = values
    return result[()]


def _checked(x: ArrayLike, mass: float, beam_energy: float, lepton_mass: float) -> tuple[Array, float]:
    positive("lepton_mass", lepton_mass, "GeV")
    positive("beam_energy", beam_energy, "GeV")
    if beam_energy <= lepton_mass:
        raise InputError(f"beam_energy = {beam_energy:g} GeV; expected an energy above the projectile's mass")
    return finite("x", x), float(non_negative("mass", mass, "GeV"))


def _density(x: Array, z: Array, mass: float, setup: tuple[float, float], nucleus: Nucleus) -> Array:
    """dsigma/(dx dcos theta) inside phase space, z = 2 (1 - cos theta)."""
    energy, lepton_mass = setup
    x, z = x[..., np.newaxis], z[..., np.newaxis]
    p, omega = math.sqrt((energy - lepton_mass) * (energy + lepton_mass)), x * energy
    k = np.sqrt((omega - mass) * (omega + mass))
    frame = _frame(p, k, omega, z, mass, setup)
    total = _over_t(frame, nucleus)
    result: Array = ALPHA**2 * k[..., 0] * energy / (8 * np.pi * p * frame.v[..., 0]) * total
    return result


def _frame(p: float, k: Array, omega: Array, z: Array, mass: float, setup: tuple[float, float]) -> _Frame:
    energy, lepton_mass = setup
    v = np.sqrt((p - k) ** 2 + p * k * z)
    # -utilde; E omega - p k is a difference of nearly equal numbers, its product with the sum is not
    product = (energy * mass) ** 2 + ((omega - mass) * (omega + mass)) * lepton_mass**2
    depth = 2 * product / (energy * omega + p * k) - mass**2 + p * k * z
    along = k * (p * (1 - z / 2) - k) / v
    across = p * k * np.sqrt(z * (1 - z / 4)) / v
    return _Frame(v, along, across, depth, depth * along / v - mass**2, 1 + along / v)


def _over_t(frame: _Frame, nucleus: Nucleus) -> Array:
    """Integral over t and phi of G2/t^2 * K/t2^2, over 2 pi."""
    v, _, across, depth, a0, a1 = frame
    # Q.V = (t - utilde)/2 is possible between t_min and t_end
    b = 4 * v**2 - 2 * depth
    discriminant = b**2 - 4 * depth**2
    open_ = (b > 0) & (discriminant > 0)
    sum_ = np.where(open_, b + np.sqrt(np.where(open_, discriminant, 0.0)), 2 * depth)
    t_min, t_end = 2 * depth**2 / sum_, sum_ / 2
    # R^2 = r2 t^2 + 2 r1 t + r0 is smallest at t = peak
    r2, r1, r0 = a1**2 + (across / v) ** 2, a0 * a1 - 2 * across**2 + across**2 * depth / v**2, a0**2
    r0 = r0 + (across * depth / v) ** 2
    centre = -r1 / r2
    peak = np.maximum(centre, t_min)
    width = np.sqrt(np.maximum(r0 / r2 - centre**2, 0.0) + (peak - centre) ** 2)
    width = np.clip(width, 1e-9 * peak, peak)
    t_end = np.maximum(np.minimum(t_end, _FAR * np.maximum(nucleus.t_size, peak)), peak)
    total = np.zeros(np.broadcast_shapes(v.shape[:-1], t_min.shape[:-1]))
    for t, dt in (_below(t_min, peak, width), _above(peak, t_end, width)):
        total += np.sum(_phi_integral(t, frame) * _flux_density(t, nucleus) * dt, axis=-1)
    return np.where(open_[..., 0], total, 0.0)


def _rule() -> tuple[Array, Array]:
    """Composite Gauss-Legendre on (0, 1)."""
    nodes, weights = gauss_legendre(_ORDER)
    u = (np.arange(_PANELS)[:, np.newaxis] + (1 + nodes) / 2) / _PANELS
    return u.ravel(), np.tile(weights / (2 * _PANELS), _PANELS)


def _below(t_min: Array, peak: Array, width: Array) -> tuple[Array, Array]:
    """Nodes and weights from t_min to the peak, logarithmic at both ends."""
    u, weights = _rule()
    start, stop = np.log(t_min / (peak + width - t_min)), np.log(peak / width)
    ratio = np.exp(-(start + (stop - start) * u))
    t = (peak + width) / (1 + ratio)
    return t, t * ratio / (1 + ratio) * weights * (stop - start)


def _above(peak: Array, t_end: Array, width: Array) -> tuple[Array, Array]:
    """Nodes and weights from the peak on, logarithmic in the distance from it."""
    u, weights = _rule()
    span = np.log1p((t_end - peak) / width)
    distance = width * np.exp(span * u)
    return peak + (distance - width), distance * weights * span


def _flux_density(t: Array, nucleus: Nucleus) -> Array:
    """G2/t^2 [GeV^-4]."""
    result: Array = (nucleus.z / ((t + nucleus.t_screen) * (1 + t / nucleus.t_size))) ** 2
    return result


def _phi_integral(t: Array, frame: _Frame) -> Array:
    """Integral of K/t2^2 over phi, over 2 pi [GeV^2]; Q = -q has `c` along V and `s` across."""
    v, along, across, depth, a0, a1 = frame
    c = (depth + t) / (2 * v)
    s2 = np.maximum(t - c**2, 0.0)
    a, b = a0 + a1 * t, 2 * across * np.sqrt(s2)
    r = np.sqrt(np.maximum((a - b) * (a + b), np.finfo(float).tiny))
    first = 4 * s2 * (v * across) ** 2 / (r * (a + r))  # 4 [p.(Q x k)]^2 with the mean of sin^2/(A + B cos)^2
    # |Q x k|^2: sin^2 phi, 1 and cos^2 phi, cos phi
    rest = s2 * across**2 / (a + r) + ((c * across) ** 2 + s2 * along**2) / r
    return first + rest + 4 * c * s2 * along * across**2 / (r * (a + r))
