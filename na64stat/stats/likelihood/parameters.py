"""Parameters of a statistical model and the auxiliary measurements that constrain them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_MANY: Final = 1e6
"""Auxiliary count above which quantiles come from an expansion about a Gaussian."""


@dataclass(frozen=True)
class Gaussian:
    """An auxiliary measurement `centre` of a parameter, with standard deviation `sigma`.

    Attributes
    ----------
    centre, sigma
        The measurement and its standard deviation, in the unit of the parameter.
    """

    centre: float
    sigma: float

    def at(self, deviate: Array) -> Array:
        """Parameter at a unit Gaussian deviate.

        Parameters
        ----------
        deviate
            Deviate in standard deviations.
        """
        return self.centre + self.sigma * deviate

    @property
    def width(self) -> float:
        """Standard deviation of the parameter."""
        return self.sigma


@dataclass(frozen=True)
class Poisson:
    """An auxiliary count `count` whose expectation is `tau` times the parameter.

    Attributes
    ----------
    count
        The auxiliary count [1].
    tau
        Expected counts per unit of the parameter.
    """

    count: float
    tau: float

    def at(self, deviate: Array) -> Array:
        """Parameter at a unit Gaussian deviate of its density Gamma(count + 1) / tau, the normalised likelihood.

        Parameters
        ----------
        deviate
            Deviate in standard deviations.
        """
        from scipy.special import gammainccinv, gammaincinv, ndtr

        if self.count > _MANY:
            # The inverted functions are off by up to a quarter of the width here; the next term is of order count^-3/2.
            a, z = self.count + 1, np.asarray(deviate, dtype=np.float64)
            expanded = a + z * np.sqrt(a) + (z * z - 1) / 3 + z * (z * z - 7) / (36 * np.sqrt(a))
            expanded = expanded - (3 * z**4 + 7 * z * z - 16) / (810 * a)
            return np.asarray(expanded / self.tau, dtype=np.float64)
        # From the nearer tail, where the probability keeps its digits.
        low, high = np.minimum(deviate, 0.0), np.maximum(deviate, 0.0)
        below, above = gammaincinv(self.count + 1, ndtr(low)), gammainccinv(self.count + 1, ndtr(-high))
        return np.asarray(np.where(deviate < 0, below, above), dtype=np.float64) / self.tau

    @property
    def width(self) -> float:
        """Standard deviation of the measured parameter; 1/sqrt(tau) where the parameter is 1."""
        return float(np.sqrt(max(self.count, 1.0)) / self.tau)


@dataclass(frozen=True)
class Within(Poisson):
    """A count as in `Poisson` whose parameter lies between the bounds `low` and `high`."""

    low: float = 0.0
    high: float = np.inf

    def at(self, deviate: Array) -> Array:
        """Parameter at a unit Gaussian deviate of the Gamma density between the bounds."""
        from scipy.special import gammainccinv, gammaincinv, ndtr

        below, above = self._tails(np.array([self.low, self.high]))
        deviate = np.asarray(deviate, dtype=np.float64)
        # From the tail where the probabilities keep their digits.
        from_below = (below[1] < 0.5) | ((above[0] > 0.5) & (deviate < 0))
        at_low = gammaincinv(self.count + 1, below[0] + ndtr(deviate) * (below[1] - below[0]))
        at_high = gammainccinv(self.count + 1, above[1] + ndtr(-deviate) * (above[0] - above[1]))
        scaled = np.where(from_below, at_low, at_high)
        return np.asarray(np.clip(scaled / self.tau, self.low, self.high), dtype=np.float64)

    def deviate(self, value: float) -> float:
        """Unit Gaussian deviate of a value; a bound is three standard deviations away."""
        from scipy.special import ndtri

        below, above = self._tails(np.array([self.low, value, self.high]))
        share = below[1] - below[0], above[1] - above[2]
        whole = (below[2] - below[0]) if below[2] < 0.5 else (above[0] - above[2])
        rest = whole - share[0] if below[2] < 0.5 else share[1]
        return float(np.clip(-ndtri(np.clip(rest / whole, 0.0, 1.0)), -3.0, 3.0))

    @property
    def possible(self) -> bool:
        """True if the density between the bounds does not underflow."""
        below, above = self._tails(np.array([self.low, self.high]))
        return bool(max(below[1] - below[0], above[0] - above[1]) > 1e-250)

    def _tails(self, values: Array) -> tuple[Array, Array]:
        from scipy.special import gammainc, gammaincc

        return gammainc(self.count + 1, self.tau * values), gammaincc(self.count + 1, self.tau * values)


Constraint = Gaussian | Poisson


@dataclass(frozen=True)
class Parameter:
    """One component of a parameter, named as in pyhf.

    Attributes
    ----------
    name
        Such as `mu`, or `gamma[0]` for a component of a vector.
    init, lower, upper
        Starting value given in the file, and bounds of fits; the upper one may be infinite.
    fixed
        True for a parameter that is never fitted.
    constraint
        Auxiliary measurement, if there is one.
    """

    name: str
    init: float
    lower: float
    upper: float
    fixed: bool = False
    constraint: Constraint | None = None

    @property
    def start(self) -> float:
        """Starting value of fits, at which rates are also quoted.

        The fixed value, the auxiliary measurement, or 1; the starting value given in the file is used only for a fixed parameter.
        """
        if self.fixed:
            return self.init
        middle = 1.0
        if isinstance(self.constraint, Gaussian):
            middle = self.constraint.centre
        elif isinstance(self.constraint, Poisson):
            middle = self.constraint.count / self.constraint.tau
        return min(max(middle, self.lower), self.upper)
