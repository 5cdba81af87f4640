"""The active target: how many nuclei the beam meets, and how deep it is for a decay."""

from __future__ import annotations

from dataclasses import dataclass

from na64stat import units
from na64stat.physics.constants import AVOGADRO
from na64stat.physics.nucleus import Nucleus


@dataclass(frozen=True)
class Target:
    """A stack of equal layers, each an absorber that counts as target and a scintillator that does not.

    Attributes
    ----------
    nucleus
        Nucleus of the absorber.
    atomic_mass, density
        Of the absorber [g/mol, g/cm^3].
    layers
        Number of layers N.
    absorber_thickness, layer_thickness
        Absorber in one layer, and the whole layer h [m].

    References
    ----------
    arXiv:2501.06294, app. A.
    """

    nucleus: Nucleus
    atomic_mass: float
    density: float
    layers: int
    absorber_thickness: float
    layer_thickness: float

    @property
    def number_density(self) -> float:
        """Nuclei per volume of absorber [cm^-3]."""
        return self.density * AVOGADRO / self.atomic_mass

    @property
    def length(self) -> float:
        """Absorber in all, L_T [m]."""
        return self.layers * self.absorber_thickness

    @property
    def thickness(self) -> float:
        """Depth of the target with its scintillators, T = N h [m]: the length over which particles decay."""
        return self.layers * self.layer_thickness

    @property
    def nuclei_per_area_gev2(self) -> float:
        """Nuclei per area seen by the beam, n L_T [GeV^2]: events = mot * this * sigma [GeV^-2]."""
        return self.number_density * 100 * self.length * units.GEV2_TO_CM2
