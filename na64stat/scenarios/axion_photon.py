"""Axion coupled to photons: made by photon fusion, decays to two photons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from na64stat.physics import cross_sections, decays
from na64stat.physics.exact_fusion import exact_photon_fusion
from na64stat.physics.nucleus import Nucleus
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.production import Array, Production


@final
@dataclass(frozen=True, kw_only=True)
class AxionPhoton(Scenario):
    r"""L = -(g/4) a F F~.

    Attributes
    ----------
    mass
        Axion mass [GeV].
    coupling
        Axion-photon coupling g [GeV^-1].
    exact_fusion
        Production at tree level, in place of the Weizsaecker-Williams approximation of the paper; the same cut on the angle.

    References
    ----------
    arXiv:2501.06294, section III, eqs. (2), (6).
    """

    exact_fusion: bool = False

    name = "axion-photon"
    mass_symbol = r"m_a"
    coupling_symbol, coupling_unit = r"g_{a\gamma\gamma}", "GeV^-1"
    default_regions = ("visible",)
    coupling_range = (1e-7, 10.0)
    production_power = 2.0
    width_power = 2.0
    references = ("Li:2025axion", "Bjorken:2009mm")

    def production(self, x: Array, beam_energy: float, nucleus: Nucleus) -> Production:
        """Photon fusion; the axion is on shell, so its mass is the effective mass."""
        made = exact_photon_fusion if self.exact_fusion else cross_sections.photon_fusion
        spectrum = made(x, self.mass, beam_energy, nucleus)
        return Production(self.mass, self.coupling**2 * spectrum)

    def width(self) -> float:
        """Total width [GeV]: two photons only."""
        return float(decays.axion_to_photons(self.mass, self.coupling))

    def visible_fraction(self) -> float:
        """Every decay is seen by a calorimeter."""
        return 1.0
