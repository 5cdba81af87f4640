"""Prior densities of one parameter, normalised, between two bounds.

A prior defines its cumulative probability u: the sampler and the quadrature both work in u, where every prior is flat
between 0 and 1 and the posterior density is the likelihood itself.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final

import numpy as np

from na64stat.arguments import several
from na64stat.errors import InputError, did_you_mean
from na64stat.stats.likelihood.parameters import Array

PARAMETERS: Final = ("coupling", "yield", "mu", "mass")
"""Parameters that can have a prior: the coupling in its unit, the signal events in all channels, the strength relative to a
given coupling, the mass [GeV]."""

_LARGEST: Final = 1e300
"""Largest bound; beyond it a density would overflow."""

_LARGE_BACKGROUND: Final = 100.0
"""Background, relative to the upper bound, above which a difference of roots is evaluated as a quotient."""

_LARGEST_EXPONENT: Final = 700.0
"""Largest exponent whose exponential does not overflow."""


@dataclass(frozen=True)
class Prior(ABC):
    """A normalised density of one parameter.

    Attributes
    ----------
    parameter
        "coupling", "yield" (signal events, summed over the channels), "mu" or "mass" [GeV].
    low, high
        Bounds, in the unit of the parameter; the density is zero outside.
    name, scale
        Name in commands and records, and the axis on which the parameter is drawn, "linear" or "log".

    Raises
    ------
    InputError
        For an unknown parameter, or bounds that are reversed, negative, not finite, above 1e300 or below 1e-300.
    """

    parameter: str
    low: float
    high: float

    name: ClassVar[str]
    scale: ClassVar[str] = "linear"

    def __post_init__(self) -> None:
        if self.parameter not in PARAMETERS:
            hint = did_you_mean(self.parameter, PARAMETERS)
            raise InputError(f"prior of {self.parameter!r}: expected one of {', '.join(PARAMETERS)}{hint}")
        where = f"prior {self.name} of {self.parameter}, {self.low} to {self.high}"
        try:
            low, high = float(self.low), float(self.high)
        except (TypeError, ValueError) as error:
            raise InputError(f"{where}: expected two numbers") from error
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise InputError(f"{where}: expected finite bounds, the lower one first")
        if low < 0 or (low == 0 and (self.scale == "log" or self.parameter == "mass")):
            bound = "> 0" if self.scale == "log" or self.parameter == "mass" else ">= 0"
            raise InputError(f"{where}: expected a lower bound {bound}")
        if high > _LARGEST or 0 < low < 1 / _LARGEST or high < 1 / _LARGEST:
            raise InputError(f"{where}: expected bounds from {1 / _LARGEST:g} to {_LARGEST:g}, or a lower one of 0")
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    def density(self, values: Array | float) -> Array:
        """Probability per unit of the parameter, of the shape of `values`; zero outside the bounds.

        Parameters
        ----------
        values
            Values of the parameter in its unit, any shape.
        """
        x = np.asarray(values, dtype=np.float64)
        inside = (x >= self.low) & (x <= self.high)
        density = np.zeros(x.shape)
        density[inside] = self._density(x[inside])
        return density

    def cdf(self, values: Array | float) -> Array:
        """Cumulative probability u, of the shape of `values`.

        Parameters
        ----------
        values
            Values of the parameter in its unit, any shape.
        """
        return np.asarray(self._cdf(np.clip(np.asarray(values, dtype=np.float64), self.low, self.high)))

    def ppf(self, u: Array | float) -> Array:
        """Value with cumulative probability `u`, between 0 and 1, of the shape of `u`.

        Parameters
        ----------
        u
            Cumulative probability [1], any shape.
        """
        return np.clip(self._ppf(np.asarray(u, dtype=np.float64)), self.low, self.high)

    def sample(self, size: int, seed: int | np.random.Generator) -> Array:
        """Random values, shape (size,).

        Parameters
        ----------
        size
            Number of values.
        seed
            An integer, or a random number generator.
        """
        return self.ppf(np.random.default_rng(seed).random(size))

    def __str__(self) -> str:
        return f"{self.name} in {self.parameter}, {self.low:g} to {self.high:g}"

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"name": self.name, "parameter": self.parameter, "low": self.low, "high": self.high, "text": str(self)}

    @abstractmethod
    def _density(self, x: Array) -> Array: ...

    @abstractmethod
    def _cdf(self, x: Array) -> Array: ...

    @abstractmethod
    def _ppf(self, u: Array) -> Array: ...


@dataclass(frozen=True)
class Flat(Prior):
    """Constant density between the bounds."""

    name: ClassVar[str] = "flat"

    def _density(self, x: Array) -> Array:
        return np.full(x.shape, 1 / (self.high - self.low))

    def _cdf(self, x: Array) -> Array:
        return (x - self.low) / (self.high - self.low)

    def _ppf(self, u: Array) -> Array:
        return self.low + u * (self.high - self.low)


@dataclass(frozen=True)
class LogFlat(Prior):
    """Constant density in the logarithm, 1 / x: the same probability in every decade.

    Without an observed signal the posterior, and with it the limit, depends on the lower bound.
    """

    name: ClassVar[str] = "log-flat"
    scale: ClassVar[str] = "log"

    @cached_property
    def _span(self) -> float:
        """Logarithm of the ratio of the bounds; the ratio itself may overflow."""
        ratio = self.high / self.low
        return math.log(ratio) if ratio < math.inf else math.log(self.high) - math.log(self.low)

    def _density(self, x: Array) -> Array:
        return np.asarray(1 / x / self._span)

    def _cdf(self, x: Array) -> Array:
        if self._span < _LARGEST_EXPONENT:
            return np.log(x / self.low) / self._span
        return (np.log(x) - math.log(self.low)) / self._span

    def _ppf(self, u: Array) -> Array:
        if self._span < _LARGEST_EXPONENT:
            return self.low * np.exp(u * self._span)
        return np.exp(np.minimum(math.log(self.low) + u * self._span, math.log(self.high)))


@dataclass(frozen=True)
class Jeffreys(Prior):
    """Jeffreys prior of a counting experiment, 1 / sqrt(s + b), the root of the Fisher information of a Poisson count.

    Attributes
    ----------
    background
        b, in the unit of the parameter: events for "yield", events over the signal events at 1 for "mu".

    References
    ----------
    H. Jeffreys, Proc. R. Soc. A 186 (1946) 453; L. Demortier, S. Jain, H. Prosper, Phys. Rev. D 82 (2010) 034002, section III.
    """

    background: float = 0.0
    name: ClassVar[str] = "jeffreys"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.parameter not in ("yield", "mu"):
            raise InputError(f"prior jeffreys of {self.parameter}: it is of counts, for yield or mu")
        if not (isinstance(self.background, int | float) and 0 <= self.background <= _LARGEST):
            raise InputError(
                f"prior jeffreys: background = {self.background}; expected a number from 0 to {_LARGEST:g}"
            )

    def __str__(self) -> str:
        return f"{super().__str__()}, background {self.background:g}"

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {**super().as_dict(), "background": self.background}

    @cached_property
    def _roots(self) -> tuple[float, float]:
        return math.sqrt(self.low + self.background), math.sqrt(self.high + self.background)

    @property
    def _is_flat(self) -> bool:
        """True if the background is so large that a difference of roots would be lost in rounding."""
        return self.background >= _LARGE_BACKGROUND * self.high

    def _density(self, x: Array) -> Array:
        low, high = self._roots
        with np.errstate(divide="ignore", over="ignore"):  # infinite, but integrable, at and near s = b = 0
            if self._is_flat:
                return (high + low) / (2 * np.sqrt(x + self.background)) / (self.high - self.low)
            return 0.5 / ((high - low) * np.sqrt(x + self.background))

    def _cdf(self, x: Array) -> Array:
        low, high = self._roots
        root = np.sqrt(x + self.background)
        if self._is_flat:
            return (x - self.low) / (self.high - self.low) * ((high + low) / (root + low))
        return (root - low) / (high - low)

    def _ppf(self, u: Array) -> Array:
        low, high = self._roots
        if self._is_flat:
            share = (2 * low + u * (self.high - self.low) / (high + low)) / (high + low)
            return self.low + u * (self.high - self.low) * share
        return (low + u * (high - low)) ** 2 - self.background


def priors_of(name: str, prior: Prior | Sequence[Prior] | None) -> tuple[Prior, ...]:
    """One prior, or several, as a tuple; an InputError for anything else, such as a name. `name` is that of the argument."""
    right = "expected an object, such as LogFlat('coupling', 1e-6, 1); there is no default"
    priors = () if prior is None else several(name, prior, Prior, right)
    if not priors:
        raise InputError(f"{name}: missing; {right}")
    return priors
