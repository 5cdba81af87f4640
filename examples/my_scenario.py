"""A scenario of one's own: a scalar that couples to leptons in proportion to their mass, as a Higgs boson would."""

import math
from dataclasses import dataclass

from na64stat import Production, Scenario
from na64stat.physics import cross_sections
from na64stat.physics.constants import ELECTRON_MASS, MUON_MASS


def to_leptons(mass, yukawa, lepton_mass):
    """Width [GeV] of a scalar to a pair of leptons; 0 below threshold."""
    if mass <= 2 * lepton_mass:
        return 0.0
    return yukawa**2 * mass / (8 * math.pi) * (1 - (2 * lepton_mass / mass) ** 2) ** 1.5


@dataclass(frozen=True, kw_only=True)
class LeptonScalar(Scenario):
    """L = g S (mubar mu + (m_e/m_muon) ebar e): radiated by muons, decays to electrons, and to muons above their threshold.

    The decay to two photons through loops is left out.

    Attributes
    ----------
    mass
        Mass [GeV].
    coupling
        Yukawa coupling g to muons [1].

    References
    ----------
    Model: B. Batell et al., arXiv:1606.04943. Cross section: arXiv:2501.06294, eqs. (3)-(5), with the scalar amplitude.
    """

    name = "lepton-scalar"
    mass_symbol = r"m_S"
    coupling_symbol = r"g_{\mu}"
    default_regions = ("invisible",)
    coupling_range = (1e-6, 10.0)

    def production(self, x, beam_energy, nucleus):
        """Spectrum of the energy fraction x [GeV^-2], shape of x."""
        spectrum = cross_sections.scalar(x, self.mass, beam_energy, nucleus)
        return Production(self.mass, self.coupling**2 * spectrum)

    def width(self):
        """Width [GeV] to electrons and muons."""
        return self._to_electrons() + to_leptons(self.mass, self.coupling, MUON_MASS)

    def visible_fraction(self):
        """Share of the decays that leave a shower: those to electrons."""
        return self._to_electrons() / self.width() if self.width() > 0 else 0.0

    def _to_electrons(self):
        return to_leptons(self.mass, self.coupling * ELECTRON_MASS / MUON_MASS, ELECTRON_MASS)
