"""A pair of dark fermions through a virtual massless L_mu - L_tau boson."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from na64stat.physics import cross_sections
from na64stat.physics.nucleus import Nucleus
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.production import Array, Production


@final
@dataclass(frozen=True, kw_only=True)
class DarkSector(Scenario):
    r"""muon N -> muon N Z'*, Z'* -> chi chibar, with a massless Z' of U(1)_{L_mu - L_tau}.

    The on-shell massless Z' that is radiated too, and escapes, is left out of the signal, as in the paper. The published
    g_Z' < 5e-4 then needs a large g_chi for limits on the product near 3e-3.

    Attributes
    ----------
    mass
        Mass of chi [GeV].
    coupling
        Product g_Z' g_chi [1].

    References
    ----------
    arXiv:2501.06294, section V, eqs. (9)-(12).
    """

    name = "dark-sector"
    mass_symbol = r"m_\chi"
    coupling_symbol = r"g_{Z'} g_\chi"
    coupling_range = (1e-6, 1e3)
    references = ("Li:2025axion", "Bjorken:2009mm")
    production_power = 2.0
    width_power = 2.0

    def production(self, x: Array, beam_energy: float, nucleus: Nucleus) -> Production:
        """Spectrum of the pair; the efficiency depends on its invariant mass k, so k stays a dimension."""
        k, spectrum = cross_sections.dark_pair_spectrum(x, self.mass, beam_energy, nucleus)
        return Production(k, self.coupling**2 * spectrum)

    def lightest_mass(self) -> float:
        """Smallest invariant mass of the pair [GeV]."""
        return 2 * self.mass
