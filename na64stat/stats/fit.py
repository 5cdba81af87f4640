"""Batched maximum-likelihood fits of a counting model: thousands of data sets at once.

`fit_fixed` profiles the nuisance parameters at a given mu, `fit_free` also fits mu >= 0. Both run one Newton iteration with
backtracking over all data sets together; what does not converge is refitted by iminuit and counted in the result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError
from na64stat.stats.interpolation import Array
from na64stat.stats.model import LARGEST_LOG, CountingModel

TOLERANCE = 1e-12
"""Newton's estimate of the remaining distance in -ln L at which a fit has converged; ties need 1e-7."""

_MAX_ITERATIONS = 100
_BETTER = 1e-9  # by so much -ln L has to be lower at mu > 0 for a best fit there
_SHORTEST_STEP = 2.0**-40


@dataclass(frozen=True, eq=False)
class Fits:
    """Best fits of N data sets.

    Attributes
    ----------
    nll
        -ln L relative to the saturated model, including the constraints, shape (N,). Infinite where the model forbids the
        data (no rate, but counts).
    mu
        Signal strength, shape (N,).
    theta
        Constrained parameters in units of their widths, shape (N, K).
    refitted
        How many needed iminuit.
    """

    nll: Array
    mu: Array
    theta: Array
    refitted: int = 0


def fit_fixed(
    model: CountingModel, counts: Array, mu: float | Array, centre: Array | None = None, start: Array | None = None
) -> Fits:
    """Profile the nuisance parameters at fixed signal strength.

    Parameters
    ----------
    counts
        Data, shape (N, R).
    mu
        Signal strength, a number or shape (N,).
    centre
        Auxiliary measurements, shape (N, K) or (K,); default 0, the observed ones.
    start
        Starting values of theta, shape (N, K).
    """
    strength = np.broadcast_to(np.asarray(mu, dtype=float), len(counts)).copy()
    return _minimise(model, counts, strength, _centre(model, counts, centre), start, free=False)


def fit_free(model: CountingModel, counts: Array, centre: Array | None = None) -> Fits:
    """Fit mu >= 0 and the nuisance parameters.

    The boundary comes first: where the profile likelihood does not improve as mu leaves 0, and no channel is above its
    background, the best fit is there.
    """
    middle = _centre(model, counts, centre)
    background = fit_fixed(model, counts, 0.0, middle)
    rises = slope_in_mu(model, counts, background) >= 0
    # A channel above its background can hide a second, deeper minimum at mu > 0 behind the rise.
    tried = ~rises | (counts > model.background_events).any(axis=1)
    signal, expected = model.signal_events.sum(), model.background_events.sum()
    if signal == 0 or not tried.any():
        return background
    guess = np.maximum(counts.sum(axis=1) - expected, 0.3) / signal
    free = _minimise(model, counts[tried], guess[tried], middle[tried], None, free=True)
    nll, mu, theta = background.nll.copy(), background.mu.copy(), background.theta.copy()
    better = ~rises[tried] | (free.nll < nll[tried] - _BETTER)
    chosen = np.flatnonzero(tried)[better]
    nll[chosen], mu[chosen], theta[chosen] = free.nll[better], free.mu[better], free.theta[better]
    return Fits(nll, mu, theta, background.refitted + free.refitted)


def slope_in_mu(model: CountingModel, counts: Array, fits: Fits) -> Array:
    """Derivative of the profiled -ln L by mu at `fits`, shape (N,); minus infinity where counts meet no rate."""
    signal, background = model.split_rates(fits.theta)
    rates = fits.mu[:, None] * signal + background
    with np.errstate(divide="ignore", invalid="ignore"):
        pull = np.where(counts > 0, counts / rates, 0.0)
        slope: Array = np.where(signal > 0, (1 - pull) * signal, 0.0).sum(axis=1)
    return slope


def _centre(model: CountingModel, counts: Array, centre: Array | None) -> Array:
    shape = (len(counts), len(model.parameters))
    return np.zeros(shape) if centre is None else np.broadcast_to(centre, shape)


def _minimise(
    model: CountingModel, counts: Array, mu: Array, centre: Array, start: Array | None, *, free: bool
) -> Fits:
    problem = _Problem(model, counts, centre, free)
    problem.fixed_mu = mu
    theta = centre.copy() if start is None else start.copy()
    point = np.column_stack([np.log(mu), theta]) if free else theta
    value = problem.value(point, slice(None))
    active = np.flatnonzero(np.isfinite(value))
    for _ in range(_MAX_ITERATIONS):
        if not len(active):
            break
        step, decrement = _newton_step(*problem.convex_derivatives(point[active], active))
        open_ = decrement > TOLERANCE
        active, step, decrement = active[open_], step[open_], decrement[open_]
        moved = problem.search(point, value, active, step, decrement)
        active = active[moved]
    refit = problem.unconverged(point, value)
    for index in refit:
        point[index], value[index] = _refit(problem, point[index], int(index))
    fitted = np.exp(point[:, 0]) if free else mu
    return Fits(value, fitted, point[:, 1:] if free else point, len(refit))


def _newton_step(gradient: Array, hessian: Array) -> tuple[Array, Array]:
    """Newton's steps for positive definite curvatures, and twice the decrease that each promises."""
    if gradient.shape[1] == 0:
        return gradient, np.zeros(len(gradient))
    step = np.asarray(-np.linalg.solve(hessian, gradient[..., None])[..., 0], dtype=np.float64)
    return step, -(gradient * step).sum(axis=1)


def _indefinite(hessian: Array) -> NDArray[np.intp]:
    """Rows whose curvature is not positive definite; usually none, which one Cholesky decomposition tells."""
    try:
        np.linalg.cholesky(hessian)
    except np.linalg.LinAlgError:
        return np.flatnonzero(np.linalg.eigvalsh(hessian)[:, 0] <= 1e-12)
    return np.zeros(0, dtype=np.intp)


class _Problem:
    """-ln L of many data sets and its derivatives; the point is theta, or (ln mu, theta) when mu is free.

    In ln mu the border mu = 0 is far away, so that no step runs into it.
    """

    fixed_mu: Array

    def __init__(self, model: CountingModel, counts: Array, centre: Array, free: bool) -> None:
        self.model, self.counts, self.centre, self.free = model, counts, centre, free

    def _split(self, point: Array, rows: NDArray[np.intp] | slice) -> tuple[Array, Array]:
        if self.free:
            return np.exp(np.clip(point[:, 0], -LARGEST_LOG, LARGEST_LOG)), point[:, 1:]
        return self.fixed_mu[rows], point

    def value(self, point: Array, rows: NDArray[np.intp] | slice) -> Array:
        mu, theta = self._split(point, rows)
        signal, background = self.model.split_rates(theta)
        rates = mu[:, None] * signal + background
        deviance = poisson_deviance(self.counts[rows], rates)
        total: Array = deviance.sum(axis=1) + 0.5 * ((theta - self.centre[rows]) ** 2).sum(axis=1)
        return total

    def convex_derivatives(self, point: Array, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        """Gradient and curvature; where the true curvature is indefinite, a positive definite part of it.

        With asymmetric uncertainties -ln L has saddle points, to which plain Newton steps would go.
        """
        gradient, hessian = self.derivatives(point, rows)
        bad = _indefinite(hessian)
        if len(bad):
            hessian[bad] = self.derivatives(point[bad], rows[bad], convex=True)[1]
        return gradient, hessian

    def derivatives(self, point: Array, rows: NDArray[np.intp], convex: bool = False) -> tuple[Array, Array]:
        """Gradient and second derivatives, or with `convex` only those of their terms that are positive."""
        model, counts = self.model, self.counts[rows]
        mu, theta = self._split(point, rows)
        logs, first, second = model.factors.derivatives(theta)
        strength = np.where(model.signal, mu[:, None], 1.0)
        rates_s = model.rate * np.exp(np.minimum(logs, LARGEST_LOG)) * strength
        to_channel = model.sample_channels
        rates = rates_s @ to_channel
        ratio = np.divide(counts, rates, out=np.zeros_like(rates), where=counts > 0)
        curve = np.divide(ratio, rates, out=np.zeros_like(rates), where=counts > 0)
        # Derivatives of the channel rates by theta; by ln mu in front where it is free.
        slopes = np.einsum("ns,nsk,sr->nrk", rates_s, first, to_channel)
        residual_s = (1 - ratio) @ to_channel.T
        weight = residual_s * rates_s
        bent = np.einsum("ns,nsk->nk", weight, second)
        kept = np.maximum(weight, 0.0) if convex else weight
        hessian = np.einsum("ns,nsk,nsl->nkl", kept, first, first)
        diagonal = np.arange(theta.shape[1])
        hessian[:, diagonal, diagonal] += (np.maximum(bent, 0.0) if convex else bent) + 1.0
        gradient = np.einsum("ns,nsk->nk", weight, first) + theta - self.centre[rows]
        if self.free:
            signal_s = rates_s * model.signal
            by_log_mu = signal_s @ to_channel
            pull = (residual_s * signal_s).sum(axis=1)
            gradient = np.column_stack([pull, gradient])
            slopes = np.concatenate([by_log_mu[:, :, None], slopes], axis=2)
            full = np.zeros((len(rows), hessian.shape[1] + 1, hessian.shape[1] + 1))
            full[:, 1:, 1:] = hessian
            full[:, 0, 0] = np.maximum(pull, 0.0) if convex else pull
            if not convex:
                full[:, 0, 1:] = full[:, 1:, 0] = np.einsum("ns,nsk->nk", residual_s * signal_s, first)
            hessian = full
        return gradient, hessian + np.einsum("nr,nrk,nrl->nkl", curve, slopes, slopes)

    def search(
        self, point: Array, value: Array, rows: NDArray[np.intp], step: Array, decrement: Array
    ) -> NDArray[np.bool_]:
        """Halve the steps until -ln L falls; changes `point` and `value`, returns which rows moved."""
        # No step multiplies mu by more than e^3, or moves a parameter by more than five widths: the curvature is local.
        reach = np.full(step.shape[1], 5.0)
        if self.free:
            reach[0] = 3.0
        length = 1 / np.maximum(np.max(np.abs(step) / reach, axis=1, initial=0.0), 1.0)
        moved = np.zeros(len(rows), dtype=bool)
        trying = np.arange(len(rows))
        while len(trying) and length[trying].max() > _SHORTEST_STEP:
            at = rows[trying]
            candidate = point[at] + length[trying, None] * step[trying]
            new = self.value(candidate, at)
            slack = 1e-14 * (1 + np.abs(value[at]))
            better = new <= value[at] - 1e-4 * length[trying] * decrement[trying] + slack
            point[at[better]], value[at[better]] = candidate[better], new[better]
            moved[trying[better]] = True
            trying = trying[~better]
            length[trying] *= 0.5
        return moved

    def unconverged(self, point: Array, value: Array) -> NDArray[np.intp]:
        """Rows with a finite value whose Newton decrement is still too large."""
        rows = np.flatnonzero(np.isfinite(value))
        if not len(rows) or point.shape[1] == 0:
            return rows[:0]
        _, decrement = _newton_step(*self.convex_derivatives(point[rows], rows))
        return rows[decrement > 1e-9]


def poisson_deviance(counts: Array, rates: Array) -> Array:
    """-ln of the Poisson probability relative to its maximum at rate = count, without cancellation."""
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.where(counts > 0, rates / counts - 1, 0.0)
        return np.where(counts > 0, counts * (excess - np.log1p(excess)), rates)


def _refit(problem: _Problem, point: Array, index: int) -> tuple[Array, float]:
    """One data set by iminuit, from where Newton stopped."""
    from iminuit import Minuit

    rows = np.array([index])

    def nll(parameters: Array) -> float:
        return float(problem.value(parameters[None, :], rows)[0])

    minuit = Minuit(nll, point)
    minuit.errordef, minuit.tol = Minuit.LIKELIHOOD, 1e-6
    minuit.migrad(ncall=20_000)
    if not minuit.valid or minuit.fval is None:
        counts = problem.counts[index].tolist()
        raise ComputationError(f"fit of counts {counts} did not converge, neither by Newton's method nor by iminuit")
    return np.array(minuit.values), float(minuit.fval)
