"""Goodness of fit: -2 ln L relative to the saturated model, its chi-squared p-value and one from toys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError
from na64stat.stats.fits.profile import mu_floor, observed_fit, observed_floor
from na64stat.stats.likelihood.fit import available_workers, fit_free
from na64stat.stats.likelihood.model import Model, check_model
from na64stat.stats.likelihood.parameters import Array
from na64stat.stats.likelihood.statistic import TIE
from na64stat.stats.toys.sample import CHUNK, generate
from na64stat.stats.toys.tail import TailProbability

FEW: Final = 5.0
"""Expected count below which the deviance does not follow a chi-squared distribution."""

_RANK = 1e-6


@dataclass(frozen=True)
class GoodnessOfFit:
    """Agreement of the observed data with the model at its best fit.

    Attributes
    ----------
    deviance
        -2 ln L relative to the saturated model, constraints included.
    degrees
        Degrees of freedom: bins that can hold events, less the unconstrained free parameters that the rates tell apart.
    p_chi2
        Probability of a larger deviance by the chi-squared distribution; None without degrees of freedom.
    p_toys
        Probability of a larger deviance from toys; None without toys.
    notes
        Caveats of this result.
    """

    deviance: float
    degrees: int
    p_chi2: float | None
    p_toys: TailProbability | None
    notes: tuple[str, ...] = ()


def goodness_of_fit(
    model: Model, *, toys: int = 2000, seed: int = 1, workers: int | None = None, lowest_mu: float | None = None
) -> GoodnessOfFit:
    """Saturated goodness of fit of the observed data.

    Main and auxiliary data of the toys are drawn at the best fit, and fitted like the data (parametric bootstrap).

    Parameters
    ----------
    model
        The likelihood.
    toys
        Number of toys; 0 for none.
    seed
        An integer >= 0; the result does not depend on the number of threads.
    workers
        Number of threads; default all that are available.
    lowest_mu
        Lower bound of mu-hat; default as in `na64stat.stats.fits.profile.mu_floor`.

    Raises
    ------
    InputError
        No observed counts, or negative `toys` or `seed`.
    ComputationError
        The model forbids the observed counts, or the fit did not converge.

    References
    ----------
    S. Baker and R. Cousins, NIM 221 (1984) 437; R. Cousins, Saturated goodness of fit (2013).
    """
    check_model(model)
    if toys < 0 or seed < 0:
        raise InputError(f"goodness of fit: toys = {toys}, seed = {seed}; expected integers >= 0")
    from scipy.stats import chi2

    model = _without_fixed_constraints(model.without_empty_bins())
    lowest = observed_floor(model) if lowest_mu is None else lowest_mu
    fits = observed_fit(model, lowest)
    deviance = 2 * max(float(fits.nll[0]), 0.0)
    expected = model.rates(fits.parameters)[0]
    degrees = _degrees(model, fits.parameters[0])
    notes = []
    if degrees <= 0:
        notes.append("as many free parameters as bins: any data are described")
    few = np.flatnonzero(expected < FEW)
    if len(few):
        where = model.bin_names[int(few[np.argmin(expected[few])])]
        notes.append(
            f"fewer than {FEW:g} events expected in {len(few)} of {model.bins} bins (in {where} {expected[few].min():.3g}): the "
            "distribution is not chi-squared there, trust the toys"
        )
    p_toys = None
    if toys:
        counts, auxiliary = _toys(model, fits.parameters[0], toys, seed)
        floor = mu_floor(model, counts) if lowest_mu is None else np.full(toys, lowest_mu)
        values, failed = _deviances(model, (counts, auxiliary), fits.parameters, floor, workers or available_workers())
        p_toys = TailProbability.of(int((values >= deviance - TIE).sum()), len(values))
        if failed:
            notes.append(f"{failed} toys left out, whose fits did not converge")
    p_chi2 = float(chi2.sf(deviance, degrees)) if degrees > 0 else None
    return GoodnessOfFit(deviance, degrees, p_chi2, p_toys, tuple(notes))


def _without_fixed_constraints(model: Model) -> Model:
    """The model without auxiliary measurements of fixed parameters, which say nothing about the fit."""
    parameters = tuple(
        replace(parameter, constraint=None) if parameter.fixed else parameter for parameter in model.parameters
    )
    return replace(model, parameters=parameters)


def _degrees(model: Model, point: Array) -> int:
    """Data less independent parameters; each constrained parameter has one auxiliary datum of its own."""
    loose = _unconstrained(model)
    if not len(loose):
        return model.bins
    unit = np.where(loose == model.poi, model.unit, 1.0)
    step = 1e-4 * np.maximum(np.abs(point[loose]) * unit, 1.0) / unit
    points = np.repeat(point[None, :], 2 * len(loose), axis=0)
    rows = np.arange(len(loose))
    points[rows, loose] += step
    points[rows + len(loose), loose] -= step
    rates = model.rates(points)
    slopes = rates[: len(loose)] - rates[len(loose) :]
    size = np.linalg.norm(slopes, axis=1)
    seen = size > 0
    return (
        model.bins - int(np.linalg.matrix_rank(slopes[seen] / size[seen, None], tol=_RANK))
        if seen.any()
        else model.bins
    )


def _unconstrained(model: Model) -> NDArray[np.intp]:
    loose = [i for i, item in enumerate(model.parameters) if item.constraint is None and not item.fixed]
    return np.array(loose, dtype=np.intp)


def _toys(model: Model, truth: Array, toys: int, seed: int) -> tuple[Array, Array]:
    """Main and auxiliary data drawn at one point, shapes (toys, B) and (toys, C)."""
    parts = []
    for number in range(-(-toys // CHUNK)):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
        parts.append(generate(model, truth, CHUNK, rng))
    counts, auxiliary = (np.concatenate(arrays)[:toys] for arrays in zip(*parts, strict=True))
    return counts, auxiliary


def _deviances(model: Model, data: tuple[Array, Array], truth: Array, floor: Array, workers: int) -> tuple[Array, int]:
    """-2 ln L relative to the saturated model of data sets whose fits converged, and the number of the others."""
    values = np.zeros(len(floor))
    failed = np.zeros(len(floor), dtype=bool)
    for lowest in np.unique(floor):
        rows = np.flatnonzero(floor == lowest)
        start = np.repeat(truth, len(rows), axis=0)
        start[:, model.poi] = np.maximum(start[:, model.poi], lowest)
        fits = fit_free(model, data[0][rows], data[1][rows], start, lowest_mu=float(lowest), workers=workers)
        values[rows], failed[rows] = 2 * np.clip(fits.nll, 0.0, 1e300), fits.failed
    return values[~failed], int(failed.sum())
