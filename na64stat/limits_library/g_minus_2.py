"""What the muon's (g-2) says about an axion coupled to muons.

An axion lowers a_muon, so a measurement above the prediction can bound its coupling and never favour it. The bound is
one-sided: at confidence level cl the shift must be >= (measured - predicted) - z sigma, with z the cl quantile of the
normal distribution (1.282 at 90%, 1.645 at 95%) and sigma both uncertainties in quadrature. It takes this axion to be
the only new particle: another one that raises a_muon could hide it.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.errors import ComputationError, InputError
from na64stat.limits_library.existing import ExistingLimit
from na64stat.physics.constants import MUON_MASS
from na64stat.physics.loops import g_minus_2_pseudoscalar

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Value:
    """A value of a_muon [1], its uncertainty, source and status."""

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

    def lowest_shift(self, cl: float = 0.90, prediction: str | None = None) -> float:
        """Lowest allowed shift of a_muon [1], one-sided at confidence level `cl`; negative if there is room for one."""
        if not 0.5 <= cl < 1:
            raise InputError(f"cl = {cl} must be at least 0.5 and below 1, as 0.90 is")
        name = prediction or next(iter(self.predictions))
        if name not in self.predictions:
            raise InputError(f"no prediction {name!r} of (g-2)_muon; there are {', '.join(self.predictions)}")
        predicted = self.predictions[name]
        sigma = math.hypot(self.measurement.uncertainty, predicted.uncertainty)
        return self.measurement.value - predicted.value - NormalDist().inv_cdf(cl) * sigma


def load_g_minus_2() -> GMinus2:
    """The packaged values of a_muon, `data/muon_g_minus_2.toml`."""
    path = resources.files("na64stat.limits_library") / "data" / "muon_g_minus_2.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    predictions = {name: Value(**entry) for name, entry in table["prediction"].items()}
    return GMinus2(Value(**table["measurement"]), predictions)


def axion_muon_bound(
    mass: ArrayLike, cl: float = 0.90, prediction: str | None = None, values: GMinus2 | None = None
) -> Array:
    """Largest allowed axion-muon coupling g_amm [GeV^-1] by (g-2)_muon, one-sided, shape of `mass`.

    Parameters
    ----------
    mass
        Axion mass [GeV].
    cl
        Confidence level.
    prediction
        Name of the prediction; by default the first of `values`.
    values
        Measurement and predictions; by default the packaged ones.

    Raises
    ------
    ComputationError
        If the measurement lies so far above the prediction that any negative shift is excluded.

    References
    ----------
    Pseudoscalar with Yukawa coupling 2 m_muon g_amm, arXiv:2501.06294, eqs. (7), (8).
    """
    lowest = (values or load_g_minus_2()).lowest_shift(cl, prediction)
    if lowest >= 0:
        raise ComputationError(
            f"(g-2)_muon: at cl = {cl} the measurement excludes every negative shift (lowest allowed: {lowest:.3g}), "
            "so no coupling of a lone axion is allowed; take another prediction, or a higher cl"
        )
    per_square = g_minus_2_pseudoscalar(mass, 1.0)
    bound: Array = np.sqrt(lowest / per_square) / (2 * MUON_MASS)
    return bound


def g_minus_2_limit(mass: ArrayLike, cl: float = 0.90, prediction: str | None = None) -> ExistingLimit:
    """The bound of `axion_muon_bound` at increasing masses [GeV], as a limit to lay over a figure; marked computed."""
    values = load_g_minus_2()
    predicted = values.predictions[prediction or next(iter(values.predictions))]
    coupling = axion_muon_bound(mass, cl, prediction, values)
    predicted = values.predictions[prediction or next(iter(values.predictions))]
    return ExistingLimit(
        experiment="(g-2)_muon",
        reference=f"computed, one-sided at {cl:.0%}: {values.measurement.source}; {predicted.source}",
        shape="lower_edge",
        mass=tuple(np.asarray(mass, dtype=float).tolist()),
        coupling=tuple(coupling.tolist()),
        unit="GeV^-1",
        computed=True,
    )
