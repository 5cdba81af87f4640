"""Impacts: shifts of mu-hat when one nuisance parameter is held a standard deviation away from its best fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from na64stat.arguments import names as names_of
from na64stat.errors import InputError
from na64stat.files.saved import SavedByFields
from na64stat.progress import Track
from na64stat.stats.fits.best_fit import FIXED, BestFit, FittedParameter, best_fit
from na64stat.stats.fits.profile import Profile, index_of, observed_floor
from na64stat.stats.likelihood.fit import Fits, seconds_of_fit
from na64stat.stats.likelihood.model import Model, check_model
from na64stat.stats.likelihood.parameters import Array

_FITS_OF_IMPACT = 10
"""Four positions from two starts each, and the best fit."""


@dataclass(frozen=True)
class Impact:
    """Shifts of mu-hat by one nuisance parameter; None where it has no width, or the shifted value is out of bounds.

    Attributes
    ----------
    parameter
        The nuisance parameter at the best fit.
    down, up
        Shift of mu-hat with the parameter held one standard deviation after the fit (Hesse) below and above its best value.
    prefit_down, prefit_up
        Corresponding shifts for the standard deviation of its auxiliary measurement.
    """

    parameter: FittedParameter
    down: float | None
    up: float | None
    prefit_down: float | None
    prefit_up: float | None

    @property
    def name(self) -> str:
        """Name of the nuisance parameter."""
        return self.parameter.name

    @property
    def size(self) -> float:
        """Larger of the two postfit shifts in absolute value; 0 if there is none."""
        return max(abs(self.down or 0.0), abs(self.up or 0.0))


@dataclass(frozen=True)
class Impacts(SavedByFields):
    """Nuisance parameters ranked by the size of their impact, the largest first.

    Attributes
    ----------
    fit
        The best fit.
    ranking
        One entry per nuisance parameter.
    notes
        Caveats of this result.
    """

    kind: ClassVar[str] = "impacts"

    fit: BestFit
    ranking: tuple[Impact, ...]
    notes: tuple[str, ...] = ()


def impacts(
    model: Model,
    *,
    names: Sequence[str] | None = None,
    progress: Track | None = None,
    lowest_mu: float | None = None,
) -> Impacts:
    """Shifts of mu-hat from fits with each nuisance parameter held at its best fit plus and minus a standard deviation.

    Parameters
    ----------
    model
        The likelihood.
    names
        Name of a nuisance parameter, or of several; default all that are fitted.
    progress
        Wrapper of the positions of the parameters, for a progress bar.
    lowest_mu
        Lower bound of mu-hat; default as in `na64stat.stats.fits.profile.mu_floor`.

    Raises
    ------
    InputError
        Unknown or fixed parameter, the signal strength itself, no observed counts.
    ComputationError
        The model forbids the observed counts, or the fit did not converge.
    """
    check_model(model)
    lowest = observed_floor(model) if lowest_mu is None else lowest_mu
    chosen = _chosen(model, names)
    fit = best_fit(model, lowest_mu=lowest)
    ranking, notes = [], list(fit.notes)
    centre = _as_fits(fit, model)
    for position in chosen if progress is None else progress(chosen):
        impact, note = _impact(Profile(model, int(position), centre, lowest), fit)
        ranking.append(impact)
        notes += note
    return Impacts(fit, tuple(sorted(ranking, key=lambda impact: -impact.size)), tuple(notes))


def seconds_of_impacts(model: Model, names: Sequence[str] | None = None) -> float:
    """Rough time [s] that `impacts` takes, from a few fits of the model."""
    check_model(model)
    return _FITS_OF_IMPACT * len(_chosen(model, names)) * seconds_of_fit(model)


def _chosen(model: Model, names: Sequence[str] | None) -> list[int]:
    if names is None:
        return [i for i, parameter in enumerate(model.parameters) if not parameter.fixed and i != _target(model)]
    chosen = [index_of(model, name) for name in names_of("names", names)]
    if _target(model) in chosen:
        raise InputError(
            f"impacts: {model.parameters[_target(model)].name!r} is the parameter of interest itself; name others"
        )
    return chosen


def _target(model: Model) -> int:
    """Position of the parameter of interest."""
    if model.has_strength:
        return model.poi
    if model.interest is None:
        raise InputError("impacts: the workspace has no parameter of interest to be moved; --poi NAME (poi) names one")
    return model.interest


def _as_fits(fit: BestFit, model: Model) -> Fits:
    """The best fit as the starting point of profiles."""
    values = fit.values[None, :]
    if not model.has_strength:
        values = np.append(values, [[0.0]], axis=1)
    return Fits(np.array([fit.deviance / 2]), values, values[:, model.poi].copy(), 0, np.zeros(1, dtype=bool))


def _impact(curve: Profile, fit: BestFit) -> tuple[Impact, list[str]]:
    """Impact of one parameter from four fits in one batch: postfit and prefit width, below and above."""
    parameter = fit.parameters[curve.index]
    widths = (parameter.error, parameter.width)
    shifts = [None if width is None else sign * width for width in widths for sign in (-1, 1)]
    low, high = curve.bounds
    inside = [k for k, shift in enumerate(shifts) if shift is not None and low <= parameter.value + shift <= high]
    values: Array = np.array([parameter.value + (shifts[k] or 0.0) for k in inside])
    moved: list[float | None] = [None] * 4
    notes = []
    if inside and parameter.state != FIXED:
        fits = curve.fits(values)
        shifted = fits.parameters[:, _target(curve.model)]
        for k, mu, failed in zip(inside, shifted, fits.failed, strict=True):
            moved[k] = None if failed else float(mu - fit.mu.value)
        if fits.failed.any():
            notes.append(f"{parameter.name}: {fits.failed.sum()} fits did not converge")
    if len(inside) < sum(shift is not None for shift in shifts):
        notes.append(f"{parameter.name}: a standard deviation from its best value is out of its bounds")
    return Impact(parameter, *moved), notes
