"""Axion coupled to muons: radiated by the muon; stable below the muon pair, unless its loop decay is switched on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from na64stat.physics import cross_sections, decays, loops
from na64stat.physics.constants import MUON_MASS
from na64stat.physics.nucleus import Nucleus
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.production import Array, Production


@final
@dataclass(frozen=True, kw_only=True)
class AxionMuon(Scenario):
    r"""L = g d_alpha a mubar gamma^alpha gamma5 mu.

    Attributes
    ----------
    mass
        Axion mass [GeV].
    coupling
        Axion-muon coupling g [GeV^-1]; the Yukawa coupling is 2 m_muon g.
    loop_decay
        Let the axion decay to two photons through the muon loop. The paper takes it as stable below two muon masses, which
        is wrong where this decay length is metres.

    References
    ----------
    arXiv:2501.06294, section IV, eqs. (7), (8); loop: `na64stat.physics.loops.loop_photon_coupling`.
    """

    loop_decay: bool = False

    name = "axion-muon"
    mass_symbol = r"m_a"
    coupling_symbol, coupling_unit = r"g_{a\mu\mu}", "GeV^-1"
    coupling_range = (1e-6, 1e3)
    references = ("Li:2025axion", "Bjorken:2009mm", "Bauer:2017ris")
    production_power = 2.0
    width_power = 2.0

    @property
    def perturbative_below(self) -> float:
        """Coupling [GeV^-1] at which the Yukawa coupling is sqrt(4 pi)."""
        return math.sqrt(4 * math.pi) / (2 * MUON_MASS)

    def production(self, x: Array, beam_energy: float, nucleus: Nucleus) -> Production:
        """Pseudoscalar bremsstrahlung with the Yukawa coupling 2 m_muon g."""
        yukawa = 2 * MUON_MASS * self.coupling
        return Production(self.mass, yukawa**2 * cross_sections.pseudoscalar(x, self.mass, beam_energy, nucleus))

    def width(self) -> float:
        """Width [GeV] to two muons, and to two photons with `loop_decay`."""
        return float(decays.axion_to_muons(self.mass, self.coupling)) + self._photon_width()

    def visible_fraction(self) -> float:
        """Share of the decays to two photons; two muons leave no shower and are not counted."""
        photons = self._photon_width()
        return photons / self.width() if photons > 0 else 0.0

    def _photon_width(self) -> float:
        if not self.loop_decay:
            return 0.0
        return float(decays.axion_to_photons(self.mass, loops.loop_photon_coupling(self.mass, self.coupling)))
