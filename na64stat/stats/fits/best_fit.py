"""The best fit of the observed data: `best_fit` gives values, uncertainties, correlations, pulls and expected counts.

Uncertainties are Hesse's (second derivatives of -ln L, from differences of its gradient) and Minos' (where the profiled
-2 ln L has risen by one). Neither is iminuit's: its Hesse takes differences of values, a thousand times coarser and quadratic
in the parameters, and its Minos fails where a fit ends at a bound, as it does with no events.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import names
from na64stat.errors import ComputationError, InputError
from na64stat.files.saved import SavedByFields
from na64stat.stats.fits.profile import DEEPER, Profile, index_of, observed_fit, observed_floor
from na64stat.stats.likelihood.fit import Fits
from na64stat.stats.likelihood.model import NO_STRENGTH, Model, check_model
from na64stat.stats.likelihood.parameters import Array, Gaussian, Parameter

FREE: Final = "free"
FIXED: Final = "fixed"
AT_LOWER: Final = "at its lower bound"
AT_UPPER: Final = "at its upper bound"
NO_EFFECT: Final = "without effect"
"""States of a fitted parameter; only a free one has a Hesse error."""

_STEEPEST: Final = 1e24
"""Second derivative beyond which differences of the gradient drown in rounding."""

_PYHF_UPPER: Final = 10.0
"""pyhf's default upper bound of a normfactor or shapefactor."""

_STEP = 3e-4  # of the differences, in widths of -ln L; their error is quadratic in it
_CLOSE = 1e-9
_FLAT = 1e-6  # smallest share of a curvature that remains when all other parameters are fitted


@dataclass(frozen=True)
class Minos:
    """Minos errors: distances from the best fit to where the profiled -2 ln L has risen by one.

    Attributes
    ----------
    lower, upper
        Negative and positive; None where -2 ln L does not rise that far.
    status
        Empty, or the reason why an end is missing.
    """

    lower: float | None
    upper: float | None
    status: str = ""


@dataclass(frozen=True)
class FittedParameter:
    """One parameter at the best fit.

    Attributes
    ----------
    name, value
        Name and fitted value.
    error
        Hesse error; None unless the parameter is free and the second derivatives could be inverted.
    state
        `free`, `fixed`, `at its lower bound`, `at its upper bound` or `without effect`.
    minos
        Minos errors; None if not requested.
    centre, width
        Auxiliary measurement and its standard deviation; None for an unconstrained parameter.
    """

    name: str
    value: float
    error: float | None
    state: str
    minos: Minos | None
    centre: float | None
    width: float | None

    @property
    def pull(self) -> float | None:
        """Fitted value minus auxiliary measurement, in standard deviations of the latter; None if fixed or unconstrained."""
        if self.centre is None or self.width is None or self.state == FIXED:
            return None
        return (self.value - self.centre) / self.width

    @property
    def constraint(self) -> float | None:
        """Ratio of the error after the fit to that before it; None if either is missing."""
        return None if self.error is None or self.width is None else self.error / self.width


@dataclass(frozen=True, eq=False)
class BestFit(SavedByFields):
    """Best fit of the observed data.

    Attributes
    ----------
    parameters
        In the order of the model.
    poi
        Position of the parameter of interest, for a signal its strength; None if there is none.
    free
        Positions of the parameters in the covariance matrix, shape (F,).
    covariance
        Covariance matrix from Hesse, shape (F, F); None if the second derivatives could not be inverted.
    deviance
        -2 ln L relative to the saturated model, constraints included.
    bin_names, observed, expected
        Names of the bins and their counts, shape (B,); the expected ones at the best fit.
    notes
        Caveats of this result.
    """

    kind: ClassVar[str] = "fit"

    parameters: tuple[FittedParameter, ...]
    poi: int | None
    free: NDArray[np.intp]
    covariance: Array | None
    deviance: float
    bin_names: tuple[str, ...]
    observed: Array
    expected: Array
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> FittedParameter:
        return {parameter.name: parameter for parameter in self.parameters}[name]

    @property
    def mu(self) -> FittedParameter:
        """The parameter of interest.

        Raises
        ------
        InputError
            If there is none.
        """
        if self.poi is None:
            raise InputError("fit: the workspace has no parameter of interest; name one with poi")
        return self.parameters[self.poi]

    @property
    def values(self) -> Array:
        """Values of all parameters, shape (P,)."""
        return np.array([parameter.value for parameter in self.parameters])

    @property
    def free_names(self) -> tuple[str, ...]:
        """Names of the parameters in the covariance matrix."""
        return tuple(self.parameters[i].name for i in self.free)

    @property
    def correlation(self) -> Array | None:
        """Correlation matrix of the free parameters, shape (F, F)."""
        if self.covariance is None:
            return None
        errors = np.sqrt(np.diag(self.covariance))
        correlation: Array = self.covariance / np.outer(errors, errors)
        return correlation


def best_fit(model: Model, *, minos: Sequence[str] | bool = False, lowest_mu: float | None = None) -> BestFit:
    """Best fit of the observed data with uncertainties.

    Parameters
    ----------
    model
        The likelihood.
    minos
        Name of a parameter, or of several, that get Minos errors in addition to mu, or True for all.
    lowest_mu
        Lower bound of mu-hat; default as in `na64stat.stats.fits.profile.mu_floor`, so that it can be negative where there
        are events.

    Raises
    ------
    InputError
        An unknown or fixed name in `minos`; a projection, which has no counts.
    ComputationError
        The model forbids the observed counts, or the fit did not converge.
    """
    check_model(model)
    interest = model.poi if model.has_strength else model.interest
    named = [] if interest is None else [interest]
    if not isinstance(minos, bool):
        named += [index_of(model, name) for name in names("minos", minos)]
    lowest = observed_floor(model) if lowest_mu is None else lowest_mu
    fits = observed_fit(model, lowest)
    states = _states(model, fits, lowest)
    curvature, states = _second_derivatives(model, fits, states, lowest)
    free = np.array([i for i, state in enumerate(states) if state == FREE], dtype=np.intp)
    covariance, notes = _inverse(model, curvature[np.ix_(free, free)], free)
    errors: dict[int, float] = {}
    if covariance is not None:
        errors = dict(zip(free.tolist(), np.sqrt(np.diag(covariance)).tolist(), strict=True))
    if minos is True:
        named = [i for i, state in enumerate(states) if state != FIXED]
    minos_errors = {i: _minos(Profile(model, i, fits, lowest), states[i], errors.get(i)) for i in named}
    parameters = tuple(
        FittedParameter(
            parameter.name,
            float(fits.parameters[0, i]),
            errors.get(i),
            states[i],
            minos_errors.get(i),
            *_measured(parameter),
        )
        for i, parameter in enumerate(model.parameters)
        if parameter.name != NO_STRENGTH  # the last one
    )
    counts, _ = model.data(1, None, None)
    expected = model.rates(fits.parameters)[0]
    return BestFit(
        parameters,
        interest,
        free,
        covariance,
        2 * max(float(fits.nll[0]), 0.0),
        model.bin_names,
        counts[0],
        expected,
        (
            *(f"{item.name} is {item.state}" for item in parameters if item.state not in (FREE, FIXED)),
            *(
                f"{model.bin_names[b]}: {expected[b]:.3g} events expected, less than none"
                for b in np.flatnonzero(expected < -1e-9)
            ),
            *_beyond_pyhf(model, fits.parameters[0]),
            *notes,
            *model.remarks,
        ),
    )


def _beyond_pyhf(model: Model, fitted: Array) -> list[str]:
    """Notes on free factors that a fit of pyhf would have stopped at its default bound."""
    return [
        f"{parameter.name} = {value:.4g}: the file sets no bounds; with its default ones pyhf would end at {_PYHF_UPPER:g}"
        for i, (parameter, value) in enumerate(zip(model.parameters, fitted, strict=True))
        if parameter.constraint is None and i != model.poi and not parameter.fixed
        if math.isinf(parameter.upper) and value > _PYHF_UPPER
    ]


def _measured(parameter: Parameter) -> tuple[float | None, float | None]:
    """Auxiliary measurement of a parameter, and its standard deviation."""
    constraint = parameter.constraint
    if constraint is None:
        return None, None
    centre = constraint.centre if isinstance(constraint, Gaussian) else constraint.count / constraint.tau
    return centre, constraint.width


def _states(model: Model, fits: Fits, lowest: float) -> list[str]:
    states = []
    for i, (parameter, value) in enumerate(zip(model.parameters, fits.parameters[0], strict=True)):
        low, close = (lowest, _CLOSE / model.unit) if i == model.poi else (parameter.lower, _CLOSE)
        if parameter.fixed:
            states.append(FIXED)
        elif value <= low + close:
            states.append(AT_LOWER)
        else:
            states.append(AT_UPPER if value >= parameter.upper - close else FREE)
    return states


def _second_derivatives(model: Model, fits: Fits, states: list[str], lowest: float) -> tuple[Array, list[str]]:
    """Second derivatives of -ln L with respect to the free parameters, zero for others; and the updated states."""
    bounds = np.array([[item.lower, item.upper] for item in model.parameters])
    bounds[model.poi, 0] = lowest
    point = fits.parameters[0]
    unit = np.where(np.arange(len(point)) == model.poi, model.unit, 1.0)
    # First with steps from the size of the parameters alone, then with steps from the resulting curvatures.
    step = 1e-4 * np.maximum(np.abs(point * unit), 1.0) / unit
    free = np.array([i for i, state in enumerate(states) if state == FREE], dtype=np.intp)
    result = np.zeros((len(point), len(point)))
    for _ in range(2):
        room = 0.5 * np.minimum(point - bounds[:, 0], bounds[:, 1] - point)
        with np.errstate(all="ignore"):
            result[np.ix_(free, free)] = _differences(model, point, free, np.minimum(step, room))
        steepest = free[~(np.abs(np.diag(result)[free]) < _STEEPEST)]
        if len(steepest) or not np.isfinite(result).all():
            names = ", ".join(model.parameters[i].name for i in (steepest if len(steepest) else free))
            raise ComputationError(
                f"fit: -ln L changes so steeply with {names} that it has no second derivatives; expected uncertainties in "
                "proportion to the events they act on"
            )
        steep = free[np.diag(result)[free] > 0]
        step[steep] = _STEP / np.sqrt(np.diag(result)[steep])
    flat = set(free.tolist()) - set(steep.tolist())
    return result, [NO_EFFECT if i in flat else state for i, state in enumerate(states)]


def _differences(model: Model, point: Array, free: NDArray[np.intp], step: Array) -> Array:
    """Symmetric differences of the gradient, all in one batch, shape (F, F)."""
    number = len(free)
    points = np.repeat(point[None, :], 2 * number, axis=0)
    rows = np.arange(number)
    points[rows, free] += step[free]
    points[rows + number, free] -= step[free]
    slopes = -model.gradient(points)[:, free]
    width = points[rows, free] - points[rows + number, free]
    matrix: Array = (slopes[:number] - slopes[number:]) / width[:, None]
    return 0.5 * (matrix + matrix.T)


def _inverse(model: Model, curvature: Array, free: NDArray[np.intp]) -> tuple[Array | None, tuple[str, ...]]:
    """Covariance matrix; None and the reason where some combination of parameters is not determined."""
    scale = 1 / np.sqrt(np.diag(curvature))
    scaled = curvature * np.outer(scale, scale)
    try:
        root = np.linalg.inv(np.linalg.cholesky(scaled))
    except np.linalg.LinAlgError:
        return None, (_undetermined(model, scaled, free),)
    inverse: Array = root.T @ root
    # Inflation of a variance by the other parameters.
    if len(free) and np.diag(inverse).max() > 1 / _FLAT:
        return None, (_undetermined(model, scaled, free),)
    return inverse * np.outer(scale, scale), ()


def _undetermined(model: Model, scaled: Array, free: NDArray[np.intp]) -> str:
    """Note on the parameters in the direction along which -ln L curves least."""
    direction = np.linalg.eigh(scaled)[1][:, 0]
    involved = [model.parameters[free[i]].name for i in np.flatnonzero(np.abs(direction) > 0.1)]
    return f"Hesse: the data do not determine {', '.join(involved)} separately, so that there are no errors"


def _minos(curve: Profile, state: str, error: float | None) -> Minos:
    """Minos errors of one parameter."""
    if state == NO_EFFECT:
        return Minos(None, None, "no effect on the likelihood")
    low, high = curve.bounds
    scale = 1 / curve.model.unit if curve.index == curve.model.poi else 1.0
    step = error if error is not None else 0.1 * max(abs(curve.best_value), scale)
    lower = None if state == AT_LOWER else curve.crossing(1.0, -step, low)
    upper = None if state == AT_UPPER else curve.crossing(1.0, step, high)
    reasons = [
        f"-2 ln L does not rise by one {where}" + (f" its bound {end:g}" if np.isfinite(end) else "")
        for crossing, where, end in ((lower, "above", low), (upper, "below", high))
        if crossing is None
    ]
    if curve.deepest < -DEEPER:
        reasons.append(f"-2 ln L is lower by {-curve.deepest:.3g} in another minimum")
    return Minos(
        None if lower is None else lower - curve.best_value,
        None if upper is None else upper - curve.best_value,
        "; ".join(reasons),
    )
