"""Kinks of functions of a rate: deviates where a parameter reaches its lower bound, or a rate zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array, Gaussian

_END = 4.75
"""Standard deviations within which a kink matters; a probability of 1e-6 lies beyond."""

_SAMPLED, _HALVINGS = 65, 45

_NOTHING = 1e-8
"""Share of the nominal rate below which it is zero; a positive lower bound that stands for zero leaves less."""


def kinks_of(model: Model, column: int, bins: Sequence[int]) -> tuple[float, ...]:
    """Deviates of the constrained parameter `column` at which a rate is cut, with the others nominal, increasing."""
    parameter = model.parameters[int(model.constrained[column])]
    if not isinstance(parameter.constraint, Gaussian):
        return ()
    places = set()
    bound = (parameter.lower - parameter.constraint.centre) / parameter.constraint.sigma
    if -_END < bound < _END:
        places.add(round(bound, 12))

    def rates(deviates: Array) -> Array:
        nodes = np.zeros((len(deviates), len(model.constrained)))
        nodes[:, column] = deviates
        return np.concatenate([part[:, list(bins)] for part in model.split_rates(model.at_deviates(nodes))], axis=1)

    least = _NOTHING * rates(np.zeros(1))
    grid = np.linspace(-_END, _END, _SAMPLED)
    known = rates(grid) > least
    for step, item in np.argwhere(known[1:] != known[:-1]).tolist():
        low, high = float(grid[step]), float(grid[step + 1])
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            inside = (rates(np.array([middle])) > least)[0, item] == known[step, item]
            low, high = (middle, high) if inside else (low, middle)
        places.add(0.5 * (low + high))
    kinks: list[float] = []
    for kink in sorted(places):
        if not kinks or kink - kinks[-1] > 1e-6:
            kinks.append(kink)
    return tuple(kinks)


def bounded(model: Model) -> Model:
    """The model with parameters bounded where a rate is cut at zero, as its fits need.

    Beyond the bound a shift makes a sample negative, and a fit would prefer a signal that removes background.
    """
    parameters = list(model.parameters)
    for column, i in enumerate(model.constrained.tolist()):
        parameter = parameters[i]
        if parameter.fixed or not isinstance(parameter.constraint, Gaussian):
            continue
        ends = parameter.constraint.at(np.array(kinks_of(model, column, range(model.bins))))
        below, above = ends[ends < parameter.init], ends[ends > parameter.init]
        lower, upper = max(parameter.lower, *below, -np.inf), min(parameter.upper, *above, np.inf)
        parameters[i] = replace(parameter, lower=float(lower), upper=float(upper))
    return replace(model, parameters=tuple(parameters))


def vanishes(model: Model) -> bool:
    """True if a single parameter removes the whole signal within the range where a kink matters."""
    ends = np.array([-_END, _END])
    least = _NOTHING * model.signal_events
    for column in range(len(model.constrained)):
        nodes = np.zeros((2, len(model.constrained)))
        nodes[:, column] = ends
        if (model.split_rates(model.at_deviates(nodes))[0] <= least).all(axis=1).any():
            return True
    return False
