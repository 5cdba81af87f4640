"""Bounds of the muon's (g-2) on new particles that couple to muons.

A pseudoscalar lowers a_muon, so a measurement above the prediction can bound its coupling and never favour it. A vector or a
scalar raises it: it is bounded from the other side, and favoured in a band where the difference calls for a shift.

The bounds are one-sided: at confidence level cl the shift lies above (measured - predicted) - z sigma for one that lowers
a_muon, below (measured - predicted) + z sigma for one that raises it, with z the cl quantile of the normal distribution (1.282
at 90%, 1.645 at 95%) and sigma both uncertainties in quadrature. They take this particle to be the only new one: another one
could hide its shift.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from numbers import Real
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.errors import ComputationError, InputError, shown
from na64stat.limits_library.citations import keys_in
from na64stat.limits_library.existing import ExistingLimit
from na64stat.physics.constants import MUON_MASS
from na64stat.physics.loops import g_minus_2_pseudoscalar, g_minus_2_scalar, g_minus_2_vector

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Coupling:
    """How a scenario's coupling enters the shift: the loop, and the loop's coupling at a coupling of 1 `unit`."""

    loop: Callable[[ArrayLike, ArrayLike], Array]
    factor: float
    unit: str
    sign: int


_COUPLINGS: Final = {
    "axion-muon": _Coupling(g_minus_2_pseudoscalar, 2 * MUON_MASS, "GeV^-1", -1),
    "zprime": _Coupling(g_minus_2_vector, 1.0, "1", 1),
    "muon-scalar": _Coupling(g_minus_2_scalar, 1.0, "1", 1),
    "muon-pseudoscalar": _Coupling(g_minus_2_pseudoscalar, 1.0, "1", -1),
}

_LOOPS: Final = "Leveille:1977rc"

SCENARIOS: Final = tuple(_COUPLINGS)
"""Scenarios whose shift of a_muon is known here."""


@dataclass(frozen=True)
class Value:
    """A value of a_muon [1], its uncertainty, source and status.

    Attributes
    ----------
    value, uncertainty
        Of a_muon, in `unit`.
    source, status
        Where it comes from, and "published", "derived" or "assumed".
    unit
        "1" for a pure number.
    """

    value: float
    uncertainty: float
    source: str
    status: str
    unit: str = "1"


@dataclass(frozen=True)
class GMinus2:
    """Measured and predicted a_muon.

    Attributes
    ----------
    measurement
        World average.
    predictions
        Predictions of the Standard Model by name; the first one is the default.
    """

    measurement: Value
    predictions: Mapping[str, Value]

    def predicted(self, prediction: str | None = None) -> tuple[str, Value]:
        """A prediction with its name; by default the first.

        Parameters
        ----------
        prediction
            Name of the predicted a_muon; default the first one.

        Raises
        ------
        InputError
            If there is no such prediction.
        """
        name = prediction or next(iter(self.predictions))
        if name not in self.predictions:
            raise InputError(f"no prediction {name!r} of (g-2)_muon; there are {', '.join(self.predictions)}")
        return name, self.predictions[name]

    def difference(self, prediction: str | None = None) -> tuple[float, float]:
        """Measured less predicted a_muon [1], and its standard deviation [1].

        Parameters
        ----------
        prediction
            Name of the predicted a_muon; default the first one.
        """
        _, value = self.predicted(prediction)
        return self.measurement.value - value.value, math.hypot(self.measurement.uncertainty, value.uncertainty)

    def lowest_shift(self, cl: float = 0.90, prediction: str | None = None) -> float:
        """Lowest allowed shift of a_muon [1], one-sided at confidence level `cl`; negative if there is room for one.

        Parameters
        ----------
        cl
            Confidence level, between 0 and 1.
        prediction
            Name of the predicted a_muon; default the first one.
        """
        difference, sigma = self.difference(prediction)
        return difference - _quantile(cl) * sigma

    def highest_shift(self, cl: float = 0.90, prediction: str | None = None) -> float:
        """Highest allowed shift of a_muon [1], one-sided at confidence level `cl`; positive if there is room for one.

        Parameters
        ----------
        cl
            Confidence level, between 0 and 1.
        prediction
            Name of the predicted a_muon; default the first one.
        """
        difference, sigma = self.difference(prediction)
        return difference + _quantile(cl) * sigma


def _quantile(cl: float) -> float:
    if not isinstance(cl, Real) or not 0.5 <= cl < 1:
        raise InputError(f"cl = {shown(cl)} must be at least 0.5 and below 1, as 0.90 is")
    return NormalDist().inv_cdf(cl)


def load_g_minus_2() -> GMinus2:
    """The packaged values of a_muon, `data/muon_g_minus_2.toml`."""
    path = resources.files("na64stat.limits_library") / "data" / "muon_g_minus_2.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    predictions = {name: Value(**entry) for name, entry in table["prediction"].items()}
    return GMinus2(Value(**table["measurement"]), predictions)


def coupling_bound(
    scenario: str, mass: ArrayLike, cl: float = 0.90, prediction: str | None = None, values: GMinus2 | None = None
) -> Array:
    """Largest allowed coupling of a scenario by (g-2)_muon, in its unit, one-sided, shape of `mass`.

    Parameters
    ----------
    scenario
        One of `SCENARIOS`.
    mass
        Mass [GeV].
    cl
        Confidence level.
    prediction
        Name of the prediction; by default the first of `values`.
    values
        Measurement and predictions; by default the packaged ones.

    Raises
    ------
    ComputationError
        If the measurement lies so far on the other side of the prediction that every shift of this sign is excluded.

    References
    ----------
    Pseudoscalar with Yukawa coupling 2 m_muon g_amm: arXiv:2501.06294, eqs. (7), (8). Loops: `na64stat.physics.loops`.
    """
    values = values or load_g_minus_2()
    sign = _coupling(scenario).sign
    furthest = values.lowest_shift(cl, prediction) if sign < 0 else values.highest_shift(cl, prediction)
    if sign * furthest <= 0:
        side, end = ("negative", "lowest") if sign < 0 else ("positive", "highest")
        raise ComputationError(
            f"(g-2)_muon: at cl = {cl} the measurement excludes every {side} shift ({end} allowed: {furthest:.3g}), so no "
            f"coupling of a lone particle of {scenario} is allowed; take another prediction, or a higher cl"
        )
    return _coupling_of(scenario, mass, furthest)


@dataclass(frozen=True)
class FavouredBand:
    """Couplings whose shift of a_muon lies within z standard deviations of measured less predicted; it excludes nothing.

    Attributes
    ----------
    scenario, unit
        Whose couplings, and in which unit.
    prediction, z
        Name of the prediction, and the standard deviations on each side.
    mass, low, high
        Masses [GeV], and the ends of the band there.
    """

    scenario: str
    unit: str
    prediction: str
    z: float
    mass: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def favoured_band(
    scenario: str,
    mass: ArrayLike,
    z: float = 2.0,
    prediction: str | None = None,
    values: GMinus2 | None = None,
) -> FavouredBand | None:
    """The band of couplings that (g-2)_muon favours at masses [GeV]; None where no shift is needed, or one of the other sign.

    Parameters
    ----------
    scenario
        One of `SCENARIOS`.
    mass
        Masses [GeV], shape (M,).
    z
        Standard deviations on each side; without a shift the measurement must be further away than that.
    prediction
        Name of the prediction; by default the first of `values`.
    values
        Measurement and predictions; by default the packaged ones.

    Raises
    ------
    InputError
        For a scenario that is not in `SCENARIOS`, or a z that is not positive.
    """
    if not 0 < z < math.inf:
        raise InputError(f"z = {z} must be positive and finite, as 2 is")
    values = values or load_g_minus_2()
    difference, sigma = values.difference(prediction)
    sign = _coupling(scenario).sign
    if sign * difference <= z * sigma:
        return None
    ends = [_coupling_of(scenario, mass, difference + side * z * sigma) for side in (-sign, sign)]
    low, high = (tuple(np.atleast_1d(end).tolist()) for end in ends)
    masses = tuple(np.atleast_1d(np.asarray(mass, dtype=float)).tolist())
    return FavouredBand(scenario, _coupling(scenario).unit, values.predicted(prediction)[0], z, masses, low, high)


def _coupling(scenario: str) -> _Coupling:
    if scenario not in _COUPLINGS:
        raise InputError(f"(g-2)_muon: no shift is known for {scenario!r}; there are {', '.join(SCENARIOS)}")
    return _COUPLINGS[scenario]


def _coupling_of(scenario: str, mass: ArrayLike, shift: float) -> Array:
    """Coupling whose shift is `shift`, of the scenario's sign: the shift goes as the coupling squared."""
    coupling = _coupling(scenario)
    found: Array = np.sqrt(shift / coupling.loop(mass, 1.0)) / coupling.factor
    return found


def axion_muon_bound(
    mass: ArrayLike, cl: float = 0.90, prediction: str | None = None, values: GMinus2 | None = None
) -> Array:
    """Largest allowed axion-muon coupling g_amm [GeV^-1] by (g-2)_muon, one-sided; see `coupling_bound`.

    Parameters
    ----------
    mass
        Masses [GeV].
    cl
        Confidence level, between 0 and 1.
    prediction
        Name of the predicted a_muon; default the first one.
    values
        Measured and predicted a_muon; default the packaged ones.
    """
    return coupling_bound("axion-muon", mass, cl, prediction, values)


def g_minus_2_limit(
    mass: ArrayLike, cl: float = 0.90, prediction: str | None = None, scenario: str = "axion-muon"
) -> ExistingLimit:
    """The bound of `coupling_bound` at increasing masses [GeV], as a limit to lay over a figure; marked computed.

    Parameters
    ----------
    mass
        Masses [GeV], increasing.
    cl
        Confidence level, between 0 and 1.
    prediction
        Name of the predicted a_muon; default the first one.
    scenario
        One of `SCENARIOS`.
    """
    values = load_g_minus_2()
    _, predicted = values.predicted(prediction)
    coupling = coupling_bound(scenario, mass, cl, prediction, values)
    sources = f"{values.measurement.source}; {predicted.source}"
    return ExistingLimit(
        experiment="(g-2)_muon",
        reference=f"computed, one-sided at {cl:.0%}: {sources}",
        shape="lower_edge",
        mass=tuple(np.asarray(mass, dtype=float).tolist()),
        coupling=tuple(coupling.tolist()),
        unit=_coupling(scenario).unit,
        computed=True,
        bibtex_keys=(*keys_in(sources), _LOOPS),
    )


def describe_g_minus_2(cl: float = 0.90, z: float = 2.0, prediction: str | None = None) -> str:
    """The numbers of (g-2)_muon in words: difference, prediction, and the meaning of bound and band."""
    values = load_g_minus_2()
    name, _ = values.predicted(prediction)
    difference, sigma = values.difference(name)
    return (
        f"a_muon measured less predicted ({name}): {difference * 1e11:.1f} +- {sigma * 1e11:.1f} in 1e-11, "
        f"{difference / sigma:.1f} standard deviations; bound: one-sided at {cl:.0%}, z = {_quantile(cl):.3f}, for a lone "
        f"particle; favoured band: within {z:g} standard deviations, where no shift at all is further away than that"
    )
