"""A scalar coupled to muons that escapes unseen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from na64stat.physics import cross_sections
from na64stat.physics.nucleus import Nucleus
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.production import Array, Production


@final
@dataclass(frozen=True, kw_only=True)
class MuonScalar(Scenario):
    r"""L = g S mubar mu, all invisible.

    Attributes
    ----------
    mass
        Mass [GeV].
    coupling
        Yukawa coupling g [1].

    References
    ----------
    Cross section: arXiv:2501.06294, eqs. (3)-(5), with the scalar amplitude.
    """

    name = "muon-scalar"
    coupling_symbol = r"g_{\mu}"
    references = ("Li:2025axion", "Bjorken:2009mm")
    production_power = 2.0
    width_power = 2.0

    def production(self, x: Array, beam_energy: float, nucleus: Nucleus) -> Production:
        """Bremsstrahlung of a scalar."""
        spectrum = cross_sections.scalar(x, self.mass, beam_energy, nucleus)
        return Production(self.mass, self.coupling**2 * spectrum)
