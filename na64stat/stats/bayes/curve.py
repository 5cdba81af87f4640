"""Posterior of one parameter by quadrature: limits, densities and highest-density regions without Monte Carlo noise.

In the cumulative probability u of the prior the posterior density is the likelihood. It is integrated over panels, which are
halved until the integral of each is known; within a panel the likelihood is the polynomial through its nodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError, InputError
from na64stat.stats.bayes.priors import Prior
from na64stat.stats.likelihood.parameters import Array

_ORDER: Final = 16
_TOLERANCE: Final = 1e-10
"""Largest error of one panel, as a share of the whole."""

_NARROWEST: Final = 1e-15
"""Relative width of a panel below which it is not halved again: it holds a jump of the likelihood."""

_SMALLEST: Final = 1e-290
"""Width of the panel at zero below which it is not halved again."""

_NEGLIGIBLE: Final = 1e-13
"""Share of the integral below which a panel is never halved."""

_MOST_PANELS: Final = 20_000
_FINE: Final = 64
"""Points per panel in the search for highest-density regions."""

Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class PosteriorCurve:
    """Posterior of one parameter.

    Attributes
    ----------
    prior
        Prior of the parameter.
    edges
        Ends of the panels in u, increasing, shape (P + 1,).
    coefficients
        Legendre coefficients of the likelihood in each panel, relative to its maximum, shape (P, 16).
    error
        Relative error of the likelihood at its maximum, from independent quadratures over the nuisance parameters.
    """

    prior: Prior
    edges: Array
    coefficients: Array
    error: float = 0.0

    @classmethod
    def of(cls, prior: Prior, likelihood: Callable[[Array], Array], error: float = 0.0) -> PosteriorCurve:
        """Integrate a likelihood over a prior.

        Parameters
        ----------
        prior
            Prior of the parameter.
        likelihood
            ln L at values of the parameter, shape (N,) -> (N,).
        error
            Relative error of the likelihood.

        Raises
        ------
        ComputationError
            If the likelihood is zero between the bounds of the prior, or too rugged to be integrated.
        """
        nodes, weights = np.polynomial.legendre.leggauss(_ORDER)
        todo = _first_panels()
        logs = _on_panels(prior, likelihood, todo, nodes)
        top = float(logs.max())
        first = logs[0]
        if not math.isfinite(top) or (first.max() == top and not first.min() > top - 1):
            # The posterior lies within the first panel, or at none of the points tried.
            todo = _first_panels(finest=960)
            logs = _on_panels(prior, likelihood, todo, nodes)
            top = float(logs.max())
        if not math.isfinite(top):
            raise ComputationError(
                f"posterior: the likelihood is zero, or too small for a number, for every {prior.parameter} from {prior.low:g} "
                f"to {prior.high:g}; expected other bounds"
            )
        # The error of a panel cannot exceed so small an integral, as of most tiny panels at the ends.
        coarse = 0.5 * np.diff(todo, axis=1)[:, 0] * np.exp(logs.max(axis=1) - top)
        idle = coarse < _NEGLIGIBLE * coarse.sum()
        settled, panels_done, logs_done = 0.0, [todo[idle]], [logs[idle]]
        todo, logs = todo[~idle], logs[~idle]
        while len(todo):
            middle = todo.mean(axis=1)
            halves = np.stack([todo[:, 0], middle, middle, todo[:, 1]], axis=1).reshape(-1, 2)
            finer = _on_panels(prior, likelihood, halves, nodes)
            if finer.max() > top:
                settled *= math.exp(top - float(finer.max()))
                top = float(finer.max())
            width = 0.5 * (todo[:, 1] - todo[:, 0])
            coarse = width * (np.exp(logs - top) @ weights)
            fine = 0.5 * width * (np.exp(finer - top) @ weights).reshape(-1, 2).sum(axis=1)
            good = (np.abs(fine - coarse) <= _TOLERANCE * (settled + fine.sum())) | (
                width < np.maximum(_NARROWEST * todo[:, 1], _SMALLEST)
            )
            keep = np.repeat(good, 2)
            settled += float(fine[good].sum())
            panels_done.append(halves[keep])
            logs_done.append(finer[keep])
            todo, logs = halves[~keep], finer[~keep]
            if sum(len(item) for item in panels_done) + len(todo) > _MOST_PANELS:
                raise ComputationError(
                    f"posterior of {prior.parameter}: too rugged to be integrated from {prior.low:g} to {prior.high:g}"
                )
        panels, heights = np.concatenate(panels_done), np.concatenate(logs_done)
        order = np.argsort(panels[:, 0])
        # Exact for polynomials of degree 15: the transform from nodes to coefficients is itself a quadrature.
        basis = np.polynomial.legendre.legvander(nodes, _ORDER - 1) * weights[:, None] * (np.arange(_ORDER) + 0.5)
        coefficients = np.exp(heights[order] - heights.max()) @ basis
        return cls(prior, np.append(panels[order, 0], 1.0), coefficients, error)

    @cached_property
    def _cumulative(self) -> Array:
        """Integral of the likelihood up to each edge, shape (P + 1,)."""
        return np.concatenate([[0.0], np.cumsum(self.coefficients[:, 0] * np.diff(self.edges))])

    def density(self, values: Array, *, log: bool | None = None) -> Array:
        """Posterior density at values of the parameter, of the same shape.

        Parameters
        ----------
        values
            Values of the parameter in its unit, any shape.
        log
            Density per unit of ln(parameter); default True where the prior is drawn on a logarithmic axis.
        """
        x = np.asarray(values, dtype=np.float64)
        log = self.prior.scale == "log" if log is None else log
        density = self._likelihood(self.prior.cdf(x)) / self._cumulative[-1] * self.prior.density(x)
        return np.asarray(density * x if log else density)

    def cdf(self, values: Array | float) -> Array:
        """Posterior probability below values of the parameter, of the same shape.

        Parameters
        ----------
        values
            Values of the parameter in its unit, any shape.
        """
        return self._cumulative_at(self.prior.cdf(values))

    def _cumulative_at(self, u: Array) -> Array:
        panel, t, half = self._place(u)
        integral = np.polynomial.legendre.legint(self.coefficients[panel], lbnd=-1, axis=-1)
        inside = half * _legendre(t, np.asarray(integral, dtype=np.float64))
        return np.asarray((self._cumulative[panel] + inside) / self._cumulative[-1])

    def quantile(self, probability: float) -> float:
        """Quantile of the posterior.

        Parameters
        ----------
        probability
            Posterior probability below the value, between 0 and 1.

        Raises
        ------
        InputError
            For a probability that is not between 0 and 1.
        """
        from scipy.optimize import brentq

        check_probability(probability)
        wanted = probability * self._cumulative[-1]
        panel = int(np.searchsorted(self._cumulative, wanted) - 1)
        low, high = self.edges[panel], self.edges[panel + 1]
        integral = np.polynomial.legendre.legint(self.coefficients[panel], lbnd=-1)

        def excess(t: float) -> float:
            inside = float(np.polynomial.legendre.legval(t, integral))
            return float(self._cumulative[panel] + 0.5 * (high - low) * inside - wanted)

        t = -1.0 if excess(-1.0) >= 0 else 1.0 if excess(1.0) <= 0 else brentq(excess, -1.0, 1.0, xtol=1e-13)
        return float(self.prior.ppf(low + 0.5 * (high - low) * (t + 1)))

    def upper_limit(self, probability: float = 0.90) -> float:
        """Credible upper limit.

        Parameters
        ----------
        probability
            Posterior probability below the limit, between 0 and 1.
        """
        return self.quantile(probability)

    def highest_density(self, probability: float = 0.90, *, log: bool | None = None) -> tuple[Interval, ...]:
        """Highest-density intervals with this posterior probability, increasing.

        Parameters
        ----------
        probability
            Posterior probability in the intervals, between 0 and 1.
        log
            Use the density per unit of ln(parameter), which gives other intervals; default True where the prior is drawn on a
            logarithmic axis.

        Raises
        ------
        ComputationError
            The density overflows or underflows.
        """
        check_probability(probability)
        from scipy.optimize import brentq

        shares = (np.arange(_FINE) + 0.5) / _FINE
        u = (self.edges[:-1, None] + np.diff(self.edges)[:, None] * shares).ravel()
        height = self.density(self.prior.ppf(u), log=log)
        top = float(height.max())

        if not 0 < top < math.inf:
            raise ComputationError(
                f"highest density of {self.prior.parameter}: the largest density is {top:g} per unit, no number to compare "
                "with; expected narrower bounds of the prior, or the interval of the logarithm"
            )

        def excess(level: float) -> float:
            return self._held(_above(u, height, level * top)) - probability

        # The whole range is the region, as for data without information, or if rounding leaves less than `probability`.
        level = 1.0 if excess(1.0) >= 0 else 0.0 if excess(0.0) <= 0 else brentq(excess, 0.0, 1.0, xtol=1e-12)
        # If the density is constant over an interval no level gives exactly this probability: the region is then the larger one.
        intervals = self.prior.ppf(_above(u, height, (level if excess(level) >= 0 else max(level - 1e-9, 0.0)) * top))
        return tuple((float(a), float(b)) for a, b in intervals)

    def _held(self, intervals: Array) -> float:
        """Posterior probability in intervals of u, shape (K, 2)."""
        ends = self._cumulative_at(intervals)
        return float((ends[:, 1] - ends[:, 0]).sum())

    def grid(self, size: int = 400) -> Array:
        """Values at which to draw a curve: evenly spaced where the probability is, increasing, shape (size,).

        Parameters
        ----------
        size
            Number of values.
        """
        low, high = self.prior.low, self.quantile(0.9999)
        if self.prior.scale == "log":
            return np.geomspace(low, self.prior.high, size)
        return np.linspace(low, high, size)

    def _likelihood(self, u: Array) -> Array:
        panel, t, _ = self._place(u)
        return _legendre(t, self.coefficients[panel])

    def _place(self, u: Array) -> tuple[NDArray[np.intp], Array, Array]:
        """Panel of each u, the position in it from -1 to 1, and half its width."""
        panel = np.clip(np.searchsorted(self.edges, u, side="right") - 1, 0, len(self.edges) - 2)
        half = 0.5 * (self.edges[panel + 1] - self.edges[panel])
        return panel, (u - self.edges[panel]) / half - 1, half


def _first_panels(finest: int = 50) -> Array:
    """Panels halved repeatedly towards both ends, which resolve a likelihood confined to a tiny part of the prior; (P, 2)."""
    small = 2.0 ** -np.arange(6, 50)
    edges = np.concatenate([[0.0, 1.0], 2.0 ** -np.arange(6.0, finest), 1 - small, np.linspace(0, 1, 33)])
    edges = np.unique(edges)
    return np.stack([edges[:-1], edges[1:]], axis=1)


def _on_panels(prior: Prior, likelihood: Callable[[Array], Array], panels: Array, nodes: Array) -> Array:
    """Ln L at the nodes of panels, shape (P, 16)."""
    u = panels[:, :1] + 0.5 * (panels[:, 1:] - panels[:, :1]) * (nodes + 1)
    return likelihood(prior.ppf(u.ravel())).reshape(u.shape)


def _above(u: Array, height: Array, level: float) -> Array:
    """Intervals of u where a curve through points is above a level, shape (K, 2)."""
    low, high = height[:-1], height[1:]
    crossed = (low >= level) != (high >= level)
    share = (level - low[crossed]) / (high[crossed] - low[crossed])
    borders = u[:-1][crossed] + share * np.diff(u)[crossed]
    ends = [[0.0]] if height[0] >= level else [[]]
    ends += [borders, [1.0] if height[-1] >= level else []]
    return np.concatenate(ends).reshape(-1, 2)


def _legendre(t: Array, coefficients: Array) -> Array:
    """Sums of Legendre polynomials at t, shape T, with coefficients of shape (T, K)."""
    vander = np.polynomial.legendre.legvander(t, coefficients.shape[-1] - 1)
    return np.asarray((vander * coefficients).sum(axis=-1)).reshape(np.shape(t))


def check_probability(probability: float) -> None:
    """Refuse anything but a probability between 0 and 1, with an InputError."""
    if not 0 < probability < 1:
        raise InputError(f"probability {probability}: expected a number between 0 and 1")
