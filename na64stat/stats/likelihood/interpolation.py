"""Interpolation of normsys and histosys between their values at -1, 0 and +1 standard deviations, as in pyhf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from na64stat.errors import InputError
from na64stat.stats.likelihood.parameters import Array

if TYPE_CHECKING:
    from na64stat.stats.likelihood.model import Model

_POWERS = np.arange(1, 7)
_SIGNS = (-1.0) ** _POWERS
_MATCHING = np.array(
    [
        np.ones(6),
        _SIGNS,
        _POWERS,
        -_SIGNS * _POWERS,
        _POWERS * (_POWERS - 1),
        _SIGNS * _POWERS * (_POWERS - 1),
    ],
    dtype=float,
)
"""Rows: value, slope and curvature of alpha^i at alpha = +1 and -1."""

_ROUNDING = 1e-13
"""Share of its terms below which a sum of positive and negative samples is rounding: 0.3 - 0.1 - 0.2 is zero in any order."""


def polynomial_coefficients(hi: Array, lo: Array) -> Array:
    """Coefficients of alpha^1 ... alpha^6 in interpolation code 4, shape (..., 6), for positive factors at +1 and -1 sigma.

    K. Cranmer et al., HistFactory, CERN-OPEN-2012-016, section 4.1.
    """
    log_hi, log_lo = np.log(hi), np.log(lo)
    conditions = np.stack(
        [hi - 1, lo - 1, log_hi * hi, -log_lo * lo, log_hi**2 * hi, log_lo**2 * lo],
        axis=-1,
    )
    coefficients: Array = np.linalg.solve(_MATCHING, conditions[..., None])[..., 0]
    return coefficients


def turns_negative(hi: float, lo: float) -> bool:
    """True if interpolation code 4 is negative somewhere between -1 and +1 sigma, as for factors far from 1."""
    coefficients = polynomial_coefficients(np.array([hi]), np.array([lo]))[0]
    return bool((1 + coefficients @ np.linspace(-1, 1, 201) ** _POWERS[:, None]).min() <= 0)


@dataclass(frozen=True)
class Interpolation:
    """Interpolation codes, as pyhf numbers them.

    Attributes
    ----------
    normsys
        4 (polynomial within one standard deviation, exponential outside) or 1 (exponential).
    histosys
        "4p" (polynomial within one standard deviation, linear outside) or "0" (linear).
    """

    normsys: int = 4
    histosys: str | int = "4p"

    def __post_init__(self) -> None:
        if self.normsys not in (1, 4) or str(self.histosys) not in ("0", "4p"):
            raise InputError(
                f"interpolation: normsys {self.normsys!r}, histosys {self.histosys!r}; expected 4 or 1, and '4p' or '0'"
            )


def nominal_rates(model: Model, parameters: Array) -> Array:
    """Rates of all bins at one point, shape (B,), without compiled code; samples that cancel up to rounding give 0."""
    rates, sizes = np.zeros(model.bins), np.zeros(model.bins)
    for row in model.rows:
        value = row.nominal.copy()
        for i, up, down in row.histosys:
            value += _shift(parameters[i], up, down, str(model.interpolation.histosys) == "0")
        for i in row.factors:
            value *= parameters[i]
        for i, hi, lo in row.normsys:
            value *= _normsys_factor(parameters[i], hi, lo, model.interpolation.normsys)
        for gamma in row.gammas:
            value *= parameters[gamma]
        np.add.at(rates, row.bins, value)
        np.add.at(sizes, row.bins, np.abs(value))
    rates[np.abs(rates) < _ROUNDING * sizes] = 0.0
    return rates


def _normsys_factor(alpha: float, hi: float, lo: float, code: int) -> float:
    if alpha == 0:
        return 1.0
    if code == 4 and abs(alpha) < 1:
        powers = alpha ** np.arange(1, 7)
        return float(1 + polynomial_coefficients(np.array([hi]), np.array([lo]))[0] @ powers)
    return float(hi**alpha if alpha > 0 else lo**-alpha)


def _shift(alpha: float, up: Array, down: Array, linear: bool) -> Array:
    if linear or abs(alpha) >= 1:
        return alpha * (up if alpha > 0 else down)
    even = 0.0625 * alpha**2 * (15 + alpha**2 * (3 * alpha**2 - 10))
    return alpha * 0.5 * (up + down) + even * (up - down)
