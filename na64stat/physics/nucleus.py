"""The target nucleus: charge and the two scales of its form factor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Self

from na64stat.errors import InputError
from na64stat.physics.constants import ELECTRON_MASS


@dataclass(frozen=True)
class Nucleus:
    """Charge and form factor of a nucleus.

    Attributes
    ----------
    z
        Charge number [1].
    t_screen
        Squared momentum transfer [GeV^2] below which the atomic electrons screen the charge, 1/a^2.
    t_size
        Squared momentum transfer [GeV^2] above which the size of the nucleus cuts the flux, d.
    mass_number
        Nucleons [1] where they are known; for the record only.

    References
    ----------
    Bjorken et al., arXiv:0906.0580, app. A, eq. (A18): elastic form factor.
    """

    z: float
    t_screen: float
    t_size: float
    mass_number: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.z) and self.z > 0):
            raise InputError(f"nucleus: charge z = {self.z} must be positive and finite")
        if not 0 < self.t_screen < self.t_size < math.inf:
            raise InputError(
                f"nucleus: t_screen = {self.t_screen} and t_size = {self.t_size} must satisfy 0 < t_screen < t_size "
                "[GeV^2]"
            )

    @classmethod
    def from_element(cls, z: float, a: float) -> Self:
        """Nucleus with charge number `z` and mass number `a`.

        t_screen = (z^(1/3) m_e/111)^2, t_size = 0.164 GeV^2 a^(-2/3).

        Parameters
        ----------
        z, a
            Charge number and mass number [1].

        Raises
        ------
        InputError
            Unless 0 < z <= a.
        """
        if not (math.isfinite(z) and math.isfinite(a) and 0 < z <= a):
            raise InputError(f"nucleus: z = {z} and a = {a} must satisfy 0 < z <= a")
        return cls(z=z, t_screen=(z ** (1 / 3) * ELECTRON_MASS / 111) ** 2, t_size=0.164 * a ** (-2 / 3), mass_number=a)


LEAD: Final = Nucleus.from_element(z=82, a=207)
