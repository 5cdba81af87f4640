"""Gauss-Legendre rules.

`energy_fraction_rule` is what integrates a spectrum over x where an acceptance cuts into it, `threshold_rule` where
nothing does; `gauss_legendre` is the plain rule, computed once per order.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.errors import InputError

Array = NDArray[np.float64]

# Below this x the panels of `energy_fraction_rule` are three times wider: there, acceptances vary slowly in ln x.
_FINE_ABOVE = 0.1


@lru_cache(maxsize=64)
def gauss_legendre(order: int) -> tuple[Array, Array]:
    """Nodes and weights [1] on (-1, 1), each of shape (order,), read-only."""
    nodes, weights = np.polynomial.legendre.leggauss(order)
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights


def energy_fraction_rule(x_low: float, x_high: float, panel: float = 0.42, order: int = 10) -> tuple[Array, Array]:
    """Nodes and weights [1] to integrate over the energy fraction x from `x_low` to `x_high`, increasing in x.

    Composite Gauss-Legendre in y = ln(x/(1-x)), in which the spectra are smooth at both ends.

    Parameters
    ----------
    x_low, x_high
        Ends of the range, inside (0, 1), as from `kinematics.energy_fraction_limits`.
    panel
        Widest panel in y where x > 0.1; three times as wide below.
    order
        Nodes per panel.

    Returns
    -------
    x, weights, each of shape (n,); sum(weights * f(x)) is the integral of f. Empty where ``x_high <= x_low``.

    Notes
    -----
    The lowest panel is mapped quadratically: where a spectrum starts at x_low = m/E it starts as a square root.
    With the defaults a step erf((x - c)/0.018) on top of a spectrum is integrated to 1e-6 for c above 0.1, and a
    spectrum alone to 1e-9. From x_low = m/E to the closing of the flux, at 160 GeV, there are 300 to 370 nodes for
    masses between 1 MeV and 10 GeV; from x = 0.5 about
    200 up to 0.1 GeV.

    Raises
    ------
    InputError
        If the range is not empty and an end is outside (0, 1), or panel or order are not positive.
    """
    empty = x_low > 0 and x_high <= x_low
    if not (empty or 0 < x_low < x_high < 1):
        raise InputError(f"energy fraction: range ({x_low}, {x_high}) must be empty or lie inside (0, 1)")
    if not (0 < panel < math.inf and order >= 1):
        raise InputError(f"energy fraction: panel = {panel} must be positive and finite, order = {order} at least 1")
    if empty:
        return np.empty(0), np.empty(0)
    start, stop = (math.log(x / (1 - x)) for x in (x_low, x_high))
    middle = min(max(math.log(_FINE_ABOVE / (1 - _FINE_ABOVE)), start), stop)
    coarse = np.linspace(start, middle, math.ceil((middle - start) / (3 * panel)) + 1)
    fine = np.linspace(middle, stop, math.ceil((stop - middle) / panel) + 1)
    edges = np.concatenate([coarse[:-1], fine])
    nodes, weights = gauss_legendre(order)
    position, width = (1 + nodes) / 2, np.diff(edges)[:, np.newaxis]
    y = edges[:-1, np.newaxis] + position * width
    dy = weights / 2 * width
    y[0], dy[0] = edges[0] + position**2 * width[0], weights * position * width[0]
    x = 1 / (1 + np.exp(-y.ravel()))
    return x, dy.ravel() * x * (1 - x)


def threshold_rule(x_low: ArrayLike, x_high: ArrayLike, order: int) -> tuple[Array, Array]:
    """Nodes and weights [1] over many ranges of x at once: one panel each, weights 0 where a range is empty.

    Parameters
    ----------
    x_low, x_high
        Ends of the ranges, inside (0, 1) where not empty, broadcast together.
    order
        Nodes per range. The variable is that of `energy_fraction_rule`, its square root mapped at the lower end.

    Returns
    -------
    x, weights, each with the nodes on a new last axis.
    """
    low, high = np.broadcast_arrays(np.asarray(x_low, dtype=float), np.asarray(x_high, dtype=float))
    closed = ~(low < high)
    low, high = np.where(closed, 0.5, low), np.where(closed, 0.5, high)
    start = np.log(low / (1 - low))[..., np.newaxis]
    width = np.log(high / (1 - high))[..., np.newaxis] - start
    nodes, weights = gauss_legendre(order)
    position = (1 + nodes) / 2
    x = 1 / (1 + np.exp(-(start + position**2 * width)))
    return x, weights * position * width * x * (1 - x)
