"""Spectrum that a scenario gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Production:
    """Spectrum of the produced particle, for one or several effective masses.

    Attributes
    ----------
    effective_mass
        Mass, or virtuality sqrt(k^2) of an off-shell mediator, on which the efficiency depends [GeV]; a number or shape (K,).
    dsigma_dx
        Differential cross section [GeV^-2]; shape (X,), or (K, X) to be summed over K (quadrature weights included).
    """

    effective_mass: float | Array
    dsigma_dx: Array
