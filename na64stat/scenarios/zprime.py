"""The L_mu - L_tau boson: the calibration of the efficiency and its closure test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from na64stat.physics import cross_sections, decays
from na64stat.physics.nucleus import Nucleus
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.production import Array, Production


@final
@dataclass(frozen=True, kw_only=True)
class ZPrime(Scenario):
    r"""L = g Z'_a mubar gamma^a mu, with the same couplings to neutrinos and taus up to sign.

    Attributes
    ----------
    mass
        Z' mass [GeV].
    coupling
        Gauge coupling g_Z' [1].
    invisible_only
        Take every decay as invisible, also above the muon pair.

    References
    ----------
    arXiv:2401.01708; branching fraction: `na64stat.physics.decays.zprime_invisible_branching`.
    """

    invisible_only: bool = False

    name = "zprime"
    mass_symbol = r"m_{Z'}"
    coupling_symbol = r"g_{Z'}"
    references = ("Li:2025axion", "Bjorken:2009mm", "NA64:2024muon")
    production_power = 2.0
    width_power = 2.0

    def production(self, x: Array, beam_energy: float, nucleus: Nucleus) -> Production:
        """Vector bremsstrahlung."""
        return Production(self.mass, self.coupling**2 * cross_sections.vector(x, self.mass, beam_energy, nucleus))

    def invisible_fraction(self) -> float:
        """Branching fraction to neutrinos; decays are prompt, and those to muons or taus are not counted."""
        return 1.0 if self.invisible_only else float(decays.zprime_invisible_branching(self.mass))
