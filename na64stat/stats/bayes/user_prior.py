"""User-defined prior density."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Final

import numpy as np

from na64stat.errors import InputError
from na64stat.stats.bayes.priors import Prior
from na64stat.stats.likelihood.parameters import Array

_STRETCHES: Final = 32
_TOLERANCE: Final = 1e-6
"""Largest relative error of the probability of an interval."""


@dataclass(frozen=True)
class UserPrior(Prior):
    """A prior density given as a function.

    Attributes
    ----------
    function
        Density at one value (a number), normalised or not; positive and smooth between the bounds.
    label
        Name in records; default that of the function.

    Raises
    ------
    InputError
        If the density cannot be integrated and inverted to 1e-6.

    Notes
    -----
    Integration and inversion are SciPy's `NumericalInversePolynomial`.
    """

    function: Callable[[float], float]
    label: str = ""
    name: ClassVar[str] = "user"
    _inverse: Any = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        from scipy.stats.sampling import NumericalInversePolynomial

        where = f"prior user of {self.parameter}"
        if not callable(self.function):
            raise InputError(f"{where}: {self.function!r} is no function; expected one that takes a number")
        # Densities live on linear and on logarithmic scales.
        even = np.linspace(self.low, self.high, 203)[1:-1]
        probes = np.concatenate([even, np.geomspace(self.low or 1e-9 * self.high, self.high, 203)[1:-1]])
        try:
            probed = np.array([float(self.function(x)) for x in probes])
        except Exception as error:  # user code can raise anything
            raise InputError(f"{where}: the function failed: {error}") from error
        if np.all(probed == 0):
            raise InputError(
                f"{where}: the function is zero at {len(probes)} points from {self.low:g} to {self.high:g}; expected narrower "
                "bounds"
            )
        if not np.all(np.isfinite(probed)) or np.any(probed < 0):
            raise InputError(
                f"{where}: expected a density that is finite and not negative from {self.low:g} to {self.high:g}"
            )
        function, low, width, top = self.function, self.low, self.high - self.low, float(probed.max())
        peak = (float(probes[np.argmax(probed)]) - low) / width

        class Scaled:  # SciPy treats densities far from one as zero
            @staticmethod
            def pdf(t: float) -> float:
                return float(function(low + t * width)) / top

        try:
            inverse = NumericalInversePolynomial(
                Scaled(), domain=(0.0, 1.0), center=peak, u_resolution=1e-11, order=7, random_state=0
            )
        except Exception as error:  # several kinds from SciPy, or any from the function
            raise InputError(
                f"{where}: cannot be integrated from {self.low:g} to {self.high:g}: {error}; expected a smooth density"
            ) from error
        object.__setattr__(self, "_inverse", inverse)
        if np.abs(self._parts / self._parts.sum() * len(self._parts) - 1).max() > _TOLERANCE:
            raise InputError(
                f"{where}: cannot be integrated from {self.low:g} to {self.high:g} to {_TOLERANCE:g}; expected a smooth density "
                "without jumps"
            )
        object.__setattr__(self, "label", self.label or getattr(self.function, "__name__", "function"))

    def __str__(self) -> str:
        return f"{self.label} (user's) in {self.parameter}, {self.low:g} to {self.high:g}"

    def as_dict(self) -> dict[str, Any]:
        """JSON form, which has the quantiles of the density."""
        quantiles = [float(f"{x:.10g}") for x in self.ppf(np.linspace(0, 1, 17))]
        return {**super().as_dict(), "label": self.label, "quantiles": quantiles}

    @cached_property
    def _norm(self) -> float:
        """Integral of the function between the bounds."""
        return float(self._parts.sum())

    @cached_property
    def _parts(self) -> Array:
        """Integrals of the function, by another rule, over intervals that should hold equal probabilities."""
        import warnings

        from scipy.integrate import IntegrationWarning, quad

        edges = self.ppf(np.linspace(0, 1, _STRETCHES + 1))
        with warnings.catch_warnings():  # errors show in the result
            warnings.simplefilter("ignore", IntegrationWarning)
            return np.array([quad(self.function, a, b, epsrel=1e-11)[0] for a, b in itertools.pairwise(edges)])

    def _density(self, x: Array) -> Array:
        return np.array([float(self.function(value)) for value in x.ravel()]).reshape(x.shape) / self._norm

    def _cdf(self, x: Array) -> Array:
        return np.asarray(self._inverse.cdf((x - self.low) / (self.high - self.low)), dtype=np.float64)

    def _ppf(self, u: Array) -> Array:
        return self.low + np.asarray(self._inverse.ppf(u), dtype=np.float64) * (self.high - self.low)
