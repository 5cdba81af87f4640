"""Constants of nature: value, uncertainty and source on one line."""

from __future__ import annotations

from typing import Final

ALPHA: Final[float] = 7.2973525643e-3  # +- 0.0000000011e-3; fine-structure constant; CODATA 2022
ELECTRON_MASS: Final[float] = 0.51099895069e-3  # +- 0.00000000016e-3 GeV; CODATA 2022
MUON_MASS: Final[float] = 0.1056583755  # +- 0.0000000023 GeV; CODATA 2022
TAU_MASS: Final[float] = 1.77693  # +- 0.00009 GeV; PDG 2024
AVOGADRO: Final[float] = 6.02214076e23  # exact, mol^-1; CODATA 2022
