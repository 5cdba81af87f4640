"""Effective photon flux of a nucleus in the Weizsaecker-Williams approximation.

`photon_flux` is for every use: the closed form where it keeps its digits, a short Gauss-Legendre rule of the definition
where it does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.physics.nucleus import Nucleus
from na64stat.physics.quadrature import gauss_legendre

Array = NDArray[np.float64]


def photon_flux(t_min: ArrayLike, t_max: ArrayLike, nucleus: Nucleus) -> Array:
    """Photon flux chi seen by the projectile, elastic part [dimensionless, Z^2 included].

    Parameters
    ----------
    t_min, t_max
        Range of the squared momentum transfer to the nucleus [GeV^2], positive, broadcast together.
    nucleus
        Supplies Z, the screening scale ``t_screen`` and the size scale ``t_size`` [GeV^2].

    Returns
    -------
    chi, of the broadcast shape. Zero where ``t_min >= t_max``: no momentum transfer is allowed there.

    Notes
    -----
    Relative accuracy better than 1e-10 for ``t_max`` above ``t_screen``, as it always is for muons.

    References
    ----------
    arXiv:2501.06294, eqs. (4), (5), (17), (18); form factor: Bjorken et al., arXiv:0906.0580, app. A.
    """
    lower, upper = np.broadcast_arrays(np.asarray(t_min, dtype=float), np.asarray(t_max, dtype=float))
    allowed = lower < upper
    # The closed form is a difference of terms of order one that falls as (t_max - t_min)^2 and as (t_size/t_min)^2.
    cancels = allowed & ((lower > 0.8 * upper) | (lower > 3 * nucleus.t_size))
    chi = np.where(allowed & ~cancels, _closed_form(lower, upper, nucleus), 0.0)
    if cancels.any():
        chi[cancels] = _short_rule(lower[cancels], upper[cancels], nucleus)
    return chi[()]


def _closed_form(t_min: Array, t_max: Array, nucleus: Nucleus) -> Array:
    below, above = nucleus.t_screen, nucleus.t_size
    gap = above - below

    def poles(t: Array) -> Array:
        return (below + t_min) / (t + below) + (above + t_min) / (t + above)

    ratio = (t_max + below) * (t_min + above) / ((t_max + above) * (t_min + below))
    bracket = (above + below + 2 * t_min) / gap * np.log(ratio) + poles(t_max) - poles(t_min)
    return nucleus.z**2 * (above / gap) ** 2 * bracket


def _short_rule(t_min: Array, t_max: Array, nucleus: Nucleus) -> Array:
    """Integrate the definition [dimensionless] over w = t_min/t, in which six nodes give 1e-13 where this is used."""
    nodes, weights = gauss_legendre(6)
    width = (t_max - t_min) / t_max
    chi = np.zeros_like(width)
    for node, weight in zip(nodes, weights, strict=True):
        depth = width * (1 - node) / 2  # 1 - w, without cancellation
        w = 1 - depth
        chi += weight * w * depth / ((1 + nucleus.t_screen / t_min * w) * (1 + nucleus.t_size / t_min * w)) ** 2
    return (nucleus.z * nucleus.t_size / t_min) ** 2 * chi * width / 2
