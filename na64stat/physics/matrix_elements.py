"""Squared amplitudes of muon + photon -> muon + X, averaged over muon spin and photon polarisation.

All four functions take the same arguments and give |M|^2 per squared coupling: dimensionless for a vector, a scalar or
a pseudoscalar, [GeV^2] for photon fusion, whose coupling has unit GeV^-1.

Parameters common to all
------------------------
x
    Energy fraction of X, inside (0, 1).
p2
    (E theta)^2 [GeV^2]. The combination B = utilde x + m^2 (1-x) + m_muon^2 x^2 of the literature is -x^2 p2 exactly:
    written so, nothing cancels.
utilde
    (p - k)^2 - m_muon^2 [GeV^2], from `kinematics.utilde`.
mass, lepton_mass
    Of X and of the projectile [GeV].

References
----------
arXiv:2501.06294, eqs. (3)-(8).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from na64stat.physics.constants import ALPHA

Array = NDArray[np.float64]
Amplitude = Callable[[Array, Array, Array, Array, float], Array]

_E2: Final = 4 * np.pi * ALPHA


def vector(x: Array, p2: Array, utilde: Array, mass: Array, lepton_mass: float) -> Array:
    """|M|^2 per g^2 [1] of a vector, L = g Z'_a mubar gamma^a mu.

    Parameters
    ----------
    x, p2, utilde, mass, lepton_mass
        As the module's docstring says: [1], [GeV^2], [GeV^2], [GeV] and [GeV], broadcast together.
    """
    hard = 2 * (2 - 2 * x + x**2) / (1 - x)
    return _E2 * (hard - 4 * (mass**2 + 2 * lepton_mass**2) * x**2 * (p2 / utilde**2))


def scalar(x: Array, p2: Array, utilde: Array, mass: Array, lepton_mass: float) -> Array:
    """|M|^2 per g^2 [1] of a scalar, L = g S mubar mu.

    Parameters
    ----------
    x, p2, utilde, mass, lepton_mass
        As the module's docstring says: [1], [GeV^2], [GeV^2], [GeV] and [GeV], broadcast together.
    """
    return _E2 * x**2 * (1 / (1 - x) - 2 * (mass**2 - 4 * lepton_mass**2) * (p2 / utilde**2))


def pseudoscalar(x: Array, p2: Array, utilde: Array, mass: Array, lepton_mass: float) -> Array:
    """|M|^2 per g^2 [1] of a pseudoscalar, L = i g a mubar gamma5 mu.

    Parameters
    ----------
    x, p2, utilde, mass, lepton_mass
        As the module's docstring says: [1], [GeV^2], [GeV^2], [GeV] and [GeV], broadcast together.
    """
    return _E2 * x**2 * (1 / (1 - x) - 2 * mass**2 * (p2 / utilde**2))


def photon_fusion(x: Array, p2: Array, utilde: Array, mass: Array, lepton_mass: float) -> Array:
    """|M|^2 per g^2 [GeV^2] of an axion made by two photons, L = -(g/4) a F Ftilde.

    Parameters
    ----------
    x, p2, utilde, mass, lepton_mass
        As the module's docstring says: [1], [GeV^2], [GeV^2], [GeV] and [GeV], broadcast together.
    """
    # -t2 (2-2x+x^2) - 2 m_muon^2 x^2 with the cancellation at theta = 0 done by hand
    helicities = p2 * (2 - 2 * x + x**2) + lepton_mass**2 * x**2
    return _E2 * utilde**2 * helicities / (4 * x**2 * (1 - x) * (p2 + lepton_mass**2) ** 2)


AMPLITUDES: Final[dict[str, Amplitude]] = {
    "vector": vector,
    "scalar": scalar,
    "pseudoscalar": pseudoscalar,
    "photon_fusion": photon_fusion,
}
"""Name of a process -> its squared amplitude."""
