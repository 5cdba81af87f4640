"""Conversions from natural units (GeV = 1).

References
----------
CODATA 2022 (hbar c is exact since the 2019 redefinition of the SI).
"""

from __future__ import annotations

from typing import Final

HBARC_GEV_M: Final = 1.973269804593025e-16
"""hbar c [GeV m], exact, CODATA 2022."""

GEV2_TO_CM2: Final = (100 * HBARC_GEV_M) ** 2
"""One GeV^-2 in cm^2."""

CM2_TO_PB: Final = 1e36
"""One cm^2 in pb."""

GEV2_TO_PB: Final = GEV2_TO_CM2 * CM2_TO_PB
"""One GeV^-2 in pb."""
