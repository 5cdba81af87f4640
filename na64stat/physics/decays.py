"""Decay widths, decay length and where a long-lived particle decays.

The widths and `decay_length` know only the particle; `layer_probabilities` and `continuous_probabilities` average over
the depth at which it is made in a target, in layers or continuously. Everything is vectorised and safe at any length.

References
----------
arXiv:2501.06294, eqs. (14)-(16).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.errors import InputError
from na64stat.physics.checks import finite, non_negative, positive
from na64stat.physics.constants import MUON_MASS, TAU_MASS
from na64stat.units import HBARC_GEV_M

Array = NDArray[np.float64]

_SMALLEST_DEPTH: Final = float(np.finfo(float).tiny)
"""Decay lengths [1] below which a number has not all its digits, and nothing decays to any of them."""


def axion_to_photons(mass: ArrayLike, coupling: ArrayLike) -> Array:
    """Width of a -> gamma gamma [GeV], L = -(g/4) a F Ftilde, `coupling` g [GeV^-1]: g^2 m^3/(64 pi).

    Parameters
    ----------
    mass
        Axion mass [GeV].
    coupling
        Axion-photon coupling g [GeV^-1].
    """
    return finite("coupling", coupling) ** 2 * non_negative("mass", mass, "GeV") ** 3 / (64 * np.pi)


def axion_to_muons(mass: ArrayLike, coupling: ArrayLike) -> Array:
    """Width of a -> mu+ mu- [GeV], L = g d_alpha a mubar gamma^alpha gamma5 mu, `coupling` g [GeV^-1].

    0 below 2 m_muon; g^2 m_muon^2 m sqrt(1 - 4 m_muon^2/m^2)/(2 pi) above.

    Parameters
    ----------
    mass
        Axion mass [GeV].
    coupling
        Axion-muon coupling g [GeV^-1].
    """
    mass = non_negative("mass", mass, "GeV")
    width = finite("coupling", coupling) ** 2 * MUON_MASS**2 * mass / (2 * np.pi)
    return width * _velocity(_squared_ratio(mass, MUON_MASS))


def zprime_to_neutrinos(mass: ArrayLike, coupling: ArrayLike) -> Array:
    """Width of Z' -> muon and tau neutrinos [GeV] in L_mu - L_tau, both flavours together: g^2 m/(12 pi).

    Parameters
    ----------
    mass
        Z' mass [GeV].
    coupling
        Z' coupling g [1].
    """
    return finite("coupling", coupling) ** 2 * non_negative("mass", mass, "GeV") / (12 * np.pi)


def zprime_to_leptons(mass: ArrayLike, coupling: ArrayLike, lepton_mass: float) -> Array:
    """Width of Z' -> l+ l- [GeV] for one charged lepton of mass `lepton_mass` [GeV]; 0 below threshold.

    Parameters
    ----------
    mass
        Z' mass [GeV].
    coupling
        Z' coupling g [1].
    lepton_mass
        Mass of the lepton [GeV].
    """
    ratio = _squared_ratio(non_negative("mass", mass, "GeV"), float(non_negative("lepton_mass", lepton_mass, "GeV")))
    return zprime_to_neutrinos(mass, coupling) * (1 + 2 * ratio) * _velocity(ratio)


def zprime_invisible_branching(mass: ArrayLike) -> Array:
    """Branching fraction [1] of Z' to neutrinos in L_mu - L_tau: 1 below 2 m_muon, 1/3 far above 2 m_tau.

    Parameters
    ----------
    mass
        Z' mass [GeV].
    """
    ratios = [_squared_ratio(non_negative("mass", mass, "GeV"), lepton) for lepton in (MUON_MASS, TAU_MASS)]
    charged = np.sum([(1 + 2 * ratio) * _velocity(ratio) for ratio in ratios], axis=0)
    return np.asarray(1 / (1 + charged))[()]


def decay_length(width: ArrayLike, mass: ArrayLike, momentum: ArrayLike) -> Array:
    """Mean decay length in the laboratory [m], (p/m) hbar c/width; infinite for width 0.

    Parameters
    ----------
    width, mass, momentum
        [GeV], broadcast together. The momentum at energy fraction x is `kinematics.momentum`.

    Raises
    ------
    InputError
        If one is negative or not finite, or a massless particle has a width.
    """
    width, mass = non_negative("width", width, "GeV"), non_negative("mass", mass, "GeV")
    width, mass, momentum = np.broadcast_arrays(width, mass, non_negative("momentum", momentum, "GeV"))
    decays = width > 0
    if np.any(decays & (mass == 0)):
        raise InputError("decay_length: mass = 0 with a width > 0; a massless particle cannot decay, give width 0")
    length = np.full(width.shape, np.inf)
    with np.errstate(over="ignore"):  # a width near the smallest float: infinite is the right answer
        length[decays] = momentum[decays] / mass[decays] * (HBARC_GEV_M / width[decays])
    return length[()]


def layer_probabilities(
    length: ArrayLike, layers: int, layer_thickness: float, decay_volume: float
) -> tuple[Array, Array]:
    """Probabilities [1] to decay visibly and invisibly, averaged over the layers of a target, each of shape `length`.

    A particle made in the i-th layer from the end must survive i-1 whole layers. It is visible if it decays in the
    volume behind the target and invisible if it decays beyond.

    Parameters
    ----------
    length
        Decay length [m], 0 to infinity.
    layers
        Number of layers.
    layer_thickness
        Thickness of one layer [m].
    decay_volume
        Length of the volume behind the target [m].

    Returns
    -------
    visible, invisible

    Raises
    ------
    InputError
        For less than one layer, or lengths that are negative or not numbers.

    Notes
    -----
    The last layer is given no depth: for decay lengths below the thickness of a layer the visible probability stays at
    1/layers, so that a yield rises with the coupling again. `continuous_probabilities` does not do so.

    References
    ----------
    arXiv:2501.06294, eqs. (14)-(16); the sum over layers is geometric.
    """
    if layers < 1:
        raise InputError(f"layers = {layers} must be at least 1")
    positive("layer_thickness", layer_thickness, "m")
    length = _checked_length(length)
    per_layer = _in_lengths(layer_thickness, length)
    with np.errstate(over="ignore"):  # nothing crosses so many decay lengths, infinitely many or not
        target = layers * per_layer
    crossed = np.divide(
        np.expm1(-target), layers * np.expm1(-per_layer), out=np.ones_like(length), where=per_layer >= _SMALLEST_DEPTH
    )
    return _split(crossed, decay_volume, length)


def continuous_probabilities(length: ArrayLike, target_thickness: float, decay_volume: float) -> tuple[Array, Array]:
    """Probabilities [1] to decay visibly and invisibly, averaged over the depth in a target, each of shape `length`.

    As `layer_probabilities`, in the limit of infinitely many layers.

    Parameters
    ----------
    length
        Decay length [m], 0 to infinity.
    target_thickness
        Thickness of the target [m].
    decay_volume
        Length of the volume behind the target [m].

    Returns
    -------
    visible, invisible
    """
    positive("target_thickness", target_thickness, "m")
    length = _checked_length(length)
    depth = _in_lengths(target_thickness, length)
    crossed = np.divide(-np.expm1(-depth), depth, out=np.ones_like(length), where=depth >= _SMALLEST_DEPTH)
    return _split(crossed, decay_volume, length)


def _split(crossed: Array, decay_volume: float, length: Array) -> tuple[Array, Array]:
    """Visible and invisible parts of those that left the target."""
    positive("decay_volume", decay_volume, "m")
    depth = _in_lengths(decay_volume, length)
    return (crossed * -np.expm1(-depth))[()], (crossed * np.exp(-depth))[()]


def _checked_length(length: ArrayLike) -> Array:
    array = np.asarray(length, dtype=float)
    if not np.all(array >= 0):
        raise InputError(f"decay length = {array[~(array >= 0)].flat[0]} must be a number >= 0 [m], infinity included")
    return array


def _in_lengths(distance: float, length: Array) -> Array:
    """`distance` in decay lengths [1], infinite for length 0."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(distance / length)


def _squared_ratio(mass: Array, lepton_mass: float) -> Array:
    """(lepton_mass/mass)^2 [1], held at its value at threshold below it."""
    if lepton_mass == 0:
        return np.zeros_like(mass)
    return np.asarray((lepton_mass / np.maximum(mass, 2 * lepton_mass)) ** 2)


def _velocity(squared_ratio: Array) -> Array:
    """Velocity [c] of each of two equal decay products."""
    return np.sqrt(1 - 4 * squared_ratio)
