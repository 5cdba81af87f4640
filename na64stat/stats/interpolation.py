"""Logarithms of HistFactory's rate factors and their derivatives.

A `normsys` multiplies a rate by `hi` at +1 sigma and `lo` at -1 sigma. Between, pyhf's default (code 4) is the polynomial
of degree six that joins the exponentials outside with two continuous derivatives. A `lumi` factor is linear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import WorkspaceError

Array = NDArray[np.float64]

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


def polynomial_coefficients(hi: Array, lo: Array) -> Array:
    """Coefficients of alpha^1 ... alpha^6 in interpolation code 4, shape (..., 6).

    Parameters
    ----------
    hi, lo
        Factors at +1 and -1 sigma, positive.

    References
    ----------
    K. Cranmer et al., HistFactory, CERN-OPEN-2012-016, section 4.1.
    """
    log_hi, log_lo = np.log(hi), np.log(lo)
    conditions = np.stack(
        [hi - 1, lo - 1, log_hi * hi, -log_lo * lo, log_hi**2 * hi, log_lo**2 * lo],
        axis=-1,
    )
    return np.linalg.solve(_MATCHING, conditions[..., None])[..., 0]


@dataclass(frozen=True, eq=False)
class LogFactors:
    """Every constrained rate factor of a model, one entry per (sample, parameter) pair.

    Attributes
    ----------
    sample, parameter
        Indices of the pair, shape (P,).
    log_hi, log_lo, polynomial
        Code 4 of each pair, shapes (P,), (P,), (P, 6).
    linear
        Relative slope of a linear factor (lumi), 0 for normsys, shape (P,).
    shape
        Number of samples and of parameters.
    """

    sample: NDArray[np.intp]
    parameter: NDArray[np.intp]
    log_hi: Array
    log_lo: Array
    polynomial: Array
    linear: Array
    shape: tuple[int, int]

    @classmethod
    def build(cls, pairs: list[tuple[int, int, float, float, float]], shape: tuple[int, int]) -> LogFactors:
        """Collect (sample, parameter, hi, lo, linear) pairs; code 4 has to stay positive between -1 and +1."""
        columns = list(zip(*pairs, strict=True)) if pairs else [(), (), (), (), ()]
        hi, lo = np.array(columns[2], dtype=float), np.array(columns[3], dtype=float)
        polynomial = polynomial_coefficients(hi, lo)
        alpha = np.linspace(-1, 1, 201)
        values = 1 + polynomial @ alpha ** _POWERS[:, None]
        if pairs and values.min() <= 0:
            worst = int(np.argmin(values.min(axis=1)))
            raise WorkspaceError(
                f"normsys hi = {hi[worst]:g}, lo = {lo[worst]:g}: interpolation code 4 turns negative between -1 and +1 "
                "sigma; use factors closer to 1"
            )
        return cls(
            np.array(columns[0], dtype=np.intp),
            np.array(columns[1], dtype=np.intp),
            np.log(hi),
            np.log(lo),
            polynomial,
            np.array(columns[4], dtype=float),
            shape,
        )

    def __call__(self, theta: Array) -> Array:
        """Sum of the logarithms per sample, shape (N, S), for parameters `theta` of shape (N, K).

        Minus infinity where a linear factor is not positive.
        """
        return self._sum_by_sample(self._pairs(theta)[0])

    def derivatives(self, theta: Array) -> tuple[Array, Array, Array]:
        """Logarithms per sample (N, S), with first and second derivatives by each parameter, both (N, S, K)."""
        value, slope, curvature = self._pairs(theta)
        shape = (len(theta), *self.shape)
        first, second = np.zeros(shape), np.zeros(shape)
        for pair, (sample, parameter) in enumerate(zip(self.sample, self.parameter, strict=True)):
            first[:, sample, parameter] += slope[:, pair]
            second[:, sample, parameter] += curvature[:, pair]
        return self._sum_by_sample(value), first, second

    def _sum_by_sample(self, value: Array) -> Array:
        total = np.zeros((len(value), self.shape[0]))
        for pair, sample in enumerate(self.sample):
            total[:, sample] += value[:, pair]
        return total

    def _pairs(self, theta: Array) -> tuple[Array, Array, Array]:
        alpha = theta[:, self.parameter]
        inside = np.clip(alpha, -1.0, 1.0)
        a1, a2, a3, a4, a5, a6 = self.polynomial.T
        p = 1 + inside * (a1 + inside * (a2 + inside * (a3 + inside * (a4 + inside * (a5 + inside * a6)))))
        dp = a1 + inside * (2 * a2 + inside * (3 * a3 + inside * (4 * a4 + inside * (5 * a5 + inside * 6 * a6))))
        ddp = 2 * a2 + inside * (6 * a3 + inside * (12 * a4 + inside * (20 * a5 + inside * 30 * a6)))
        beyond = alpha - inside  # zero inside; the exponential part outside
        slope_outside = np.where(alpha > 0, self.log_hi, -self.log_lo)
        value = np.log(p) + beyond * slope_outside
        slope = np.where(beyond == 0, dp / p, slope_outside)
        curvature = np.where(beyond == 0, ddp / p - (dp / p) ** 2, 0.0)
        if np.any(self.linear):
            factor = np.maximum(1 + self.linear * alpha, 0.0)
            with np.errstate(divide="ignore"):
                value = value + np.log(factor)
            safe = np.where(factor > 0, factor, 1.0)
            slope = slope + self.linear / safe
            curvature = curvature - (self.linear / safe) ** 2
        return value, slope, curvature
