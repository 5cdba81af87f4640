"""Photon fusion with the soft part brought down to what an exact calculation gives.

Weizsaecker-Williams (WW) is high where the axion is soft: by 16% in the total cross section at 1 MeV, by 4% at 10 MeV, nearly all
of it below x = 0.01, for 160 GeV muons on lead. The spectrum is divided by the excess, 1 - w / (1 + (x/0.01)^2), with the w that
gives these two totals and a power of the mass elsewhere; below 1 MeV that at 1 MeV.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, final

import numpy as np

from na64stat.physics import cross_sections, kinematics, quadrature
from na64stat.physics.nucleus import Nucleus
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.base import Array, Production, Scenario

EXCESS: Final = ((1e-3, 0.16), (1e-2, 0.04))
"""Mass [GeV], and by how much the total of WW is above the exact one [1]; from a comparison with a tree-level calculation."""

SOFT: Final = 0.01
"""Energy fraction below which the excess lies."""


@final
@dataclass(frozen=True, kw_only=True)
class ExactFusion(Scenario):
    """`AxionPhoton` with the soft part of its production corrected."""

    name = AxionPhoton.name
    mass_symbol = AxionPhoton.mass_symbol
    coupling_symbol, coupling_unit = AxionPhoton.coupling_symbol, AxionPhoton.coupling_unit
    default_regions = AxionPhoton.default_regions
    coupling_range = AxionPhoton.coupling_range
    production_power = 2.0
    width_power = AxionPhoton.width_power
    references = AxionPhoton.references

    def production(self, x: Array, beam_energy: float, nucleus: Nucleus) -> Production:
        """Photon fusion, less the excess."""
        spectrum = cross_sections.photon_fusion(x, self.mass, beam_energy, nucleus)
        kept = 1 - _excess_of_soft(self.mass, beam_energy, nucleus) * _softness(x)
        return Production(self.mass, self.coupling**2 * spectrum * kept)

    def width(self) -> float:
        """Total width [GeV]."""
        return AxionPhoton(mass=self.mass, coupling=self.coupling).width()

    def visible_fraction(self) -> float:
        """Every decay is seen."""
        return 1.0


def _softness(x: Array) -> Array:
    """1 for soft axions, 0 for hard ones, smooth so that quadratures over x keep their digits."""
    return 1 / (1 + (x / SOFT) ** 2)


def _excess_of_soft(mass: float, beam_energy: float, nucleus: Nucleus) -> float:
    """The excess w of the soft part [1]."""
    (low, at_low), (high, at_high) = ((m, _excess_at(m, total, beam_energy, nucleus)) for m, total in EXCESS)
    power = np.log(at_high / at_low) / np.log(high / low)
    return float(at_low * (max(mass, low) / low) ** power)


@lru_cache(maxsize=32)
def _excess_at(mass: float, total_excess: float, beam_energy: float, nucleus: Nucleus) -> float:
    """The w for which the total is 1 + `total_excess` times the corrected one."""
    low, high = kinematics.energy_fraction_limits(mass, beam_energy)
    x, weights = quadrature.energy_fraction_rule(float(low), float(high))
    events = weights * cross_sections.photon_fusion(x, mass, beam_energy, nucleus)
    missing = total_excess / (1 + total_excess)
    return float(missing * events.sum() / (events @ _softness(x)))
