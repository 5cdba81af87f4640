"""Poisson probabilities averaged over the constraint densities of the nuisance parameters.

The densities are centred on the observed auxiliary data (the hybrid, or Cousins-Highland, average): unit Gaussians, or the
Gamma density of a Poisson constraint. Parameters that move one bin only are integrated bin by bin, inside an integral over
those that bins share: P(n_1, n_2) = sum over shared nodes k of w_k P_1(n_1 | k) P_2(n_2 | k). Every rule comes in replicates
(shifted grids, other scramblings) whose scatter is the error; `na64stat.stats.quadrature` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError, WorkspaceError
from na64stat.stats.given import Given
from na64stat.stats.model import Model
from na64stat.stats.parameters import Array, Gaussian
from na64stat.stats.probabilities import joint, mixed_poisson
from na64stat.stats.quadrature import Directions, Rule, replicates_of

CUT = 1e-6
"""Weight of nodes at which rates or parameters were cut at their limits, above which a result says so."""

_ONE_BIN_NODES, _NODES = 26_000, 1500
"""Nodes of one rule at most, for the only bin and for one of several (or for what these share)."""

_PAIRS = 40_000
"""Pairs of a Sobol point of the shared parameters and an own node at most, from 64 to 512 points."""

_FRACTION_TERMS = 12
"""Of a continued fraction, which leave 1e-15 where a probability is below 1e-280."""

_STILL = 1e-5
"""Effect of a direction, in standard deviations of the counts, that is none."""

_RADIUS = 6.4
"""Widths within which rates are looked at for the window of counts; 1e-10 lies beyond."""


@dataclass(frozen=True, eq=False)
class Nodes:
    """One replicate of the average.

    Attributes
    ----------
    signal, background
        Events at mu = 1 and from background, by shared node, own node and bin, shape (K, J, B).
    shared
        Weights of the shared nodes, summing to one, shape (K,).
    own
        Weights of each bin's own nodes, shape (J, B).
    """

    signal: Array
    background: Array
    shared: Array
    own: Array

    def rates(self, mu: float, b: int) -> Array:
        """Expected events of a bin, shape (K, J)."""
        return mu * self.signal[:, :, b] + self.background[:, :, b]

    @cached_property
    def relevant(self) -> NDArray[np.bool_]:
        """Nodes within 6.4 widths, shape (K, J, B)."""
        weight = self.shared[:, None, None] * self.own
        return np.asarray(weight >= np.exp(-0.5 * _RADIUS**2) * weight.max(axis=(0, 1)))


@dataclass(frozen=True, eq=False)
class NuisanceAverage:
    """Nodes of the average over nuisance parameters, as rates per bin.

    Attributes
    ----------
    nodes
        One entry a replicate.
    cut
        Weight at which a rate or a parameter was cut at its lower limit.
    """

    nodes: tuple[Nodes, ...]
    cut: float

    @classmethod
    def of(cls, model: Model) -> NuisanceAverage:
        """Nodes for one model; deterministic.

        Raises
        ------
        WorkspaceError
            A nuisance parameter is free and unconstrained: there is no density to average over.
        """
        _refuse_free(model)
        summed = model.summed if isinstance(model, Given) else model.bins
        shared, own = _columns(model, summed)
        counts = _largest_counts(model)
        budget = _ONE_BIN_NODES if summed == 1 else _NODES
        directions = [Directions.of(model, shared, range(model.bins), counts)]
        directions += [
            Directions.of(model, columns, [b, *(range(1, model.bins) if summed == 1 else ())], counts)
            for b, columns in enumerate(own)
        ]
        if isinstance(model, Given):
            directions = [_that_matter(item) for item in directions]
        number = replicates_of(directions, budget)
        longest = max(min(item.tensor_size, budget) for item in directions[1:])
        points = 2 ** int(np.log2(np.clip(_PAIRS / longest, 2**6, 2**9)))
        nodes, cut = [], 0.0
        for replicate in range(number):
            rules = [item.rule(replicate, number, budget, points) for item in directions]
            found, negative = _evaluate(model, rules[0], rules[1:])
            nodes.append(found)
            cut = max(cut, negative)
        return cls(tuple(nodes), max(cut, _beyond_bounds(model)))

    @property
    def replicates(self) -> int:
        """Number of independent estimates in the nodes."""
        return len(self.nodes)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know: whether rates were cut at zero."""
        if self.cut <= CUT:
            return ()
        text = f"parameters or rates were cut at their lower limits for {self.cut:.1g} of the weight of the nuisance parameters"
        return (text + ": an uncertainty reaches below zero",)

    def extreme_rates(self, mu: float, b: int) -> tuple[float, float]:
        """Smallest and largest expected events of a bin, with and without signal, but for a weight of about 1e-10."""
        low, high = np.inf, 0.0
        for nodes in self.nodes:
            inside = nodes.relevant[:, :, b]
            low = min(low, float(nodes.rates(0.0, b)[inside].min()))
            high = max(high, float(nodes.rates(mu, b)[inside].max()))
        return low, high

    def count_probabilities(self, mu: float, windows: tuple[tuple[int, int], ...]) -> Array:
        """Joint probabilities of counts, shape (replicates, N_1, ..., N_B); bins share nuisance parameters.

        Parameters
        ----------
        windows
            First and last count of each bin.
        """
        return np.array(
            [
                joint(
                    [
                        mixed_poisson(low, high, nodes.rates(mu, b), nodes.own[:, b])
                        for b, (low, high) in enumerate(windows)
                    ],
                    nodes.shared,
                )
                for nodes in self.nodes
            ]
        )

    def log_cumulative(self, count: float, mu: Array) -> Array:
        """Logarithm of the probability of at most `count` events in the only bin, shape (replicates, len(mu))."""
        totals = []
        for nodes in self.nodes:
            rates = np.multiply.outer(mu, nodes.signal[:, :, 0].ravel()) + nodes.background[:, :, 0].ravel()
            logs = log_poisson_cumulative(count, rates)
            top = logs.max(axis=1)
            weight = np.multiply.outer(nodes.shared, nodes.own[:, 0]).ravel()
            totals.append(top + np.log(np.exp(logs - top[:, None]) @ weight))
        return np.array(totals)

    def at_least(self, count: float, mu: float) -> Array:
        """Probability of at least `count` events in the only bin, shape (replicates,)."""
        from scipy.special import gammainc

        if count <= 0:
            return np.ones(self.replicates)
        return np.array(
            [nodes.shared @ gammainc(count, nodes.rates(mu, 0)) @ nodes.own[:, 0] for nodes in self.nodes],
            dtype=np.float64,
        )


def log_poisson_cumulative(count: float, rates: Array) -> Array:
    """Logarithm of the probability of at most `count` events, also where the probability itself underflows."""
    from scipy.special import gammaincc, gammaln

    rates = np.asarray(rates, dtype=np.float64)
    # By Chernoff's bound below 1e-17 from one, and below 1e-280: the function is slow at large counts.
    certain = (rates < count) & ((rates - count) ** 2 > 80 * count)
    tiny = (rates > count) & ((rates - count) ** 2 > 1300 * rates)
    probability = np.where(certain, 1.0, 0.0)
    other = ~(certain | tiny)
    probability[other] = gammaincc(count + 1, rates[other])
    tiny = probability < 1e-280
    logs: Array = np.log(np.where(tiny, 1.0, probability))
    if tiny.any():
        # So far above the count Legendre's continued fraction of the incomplete gamma function needs a few terms only.
        far = rates[tiny]
        fraction = far - count + 2 * _FRACTION_TERMS
        for k in range(_FRACTION_TERMS, 0, -1):
            fraction = far - count + 2 * (k - 1) + k * (count + 1 - k) / fraction
        logs[tiny] = (count + 1) * np.log(far) - far - gammaln(count + 1) - np.log(fraction)
    return logs


def _refuse_free(model: Model) -> None:
    free = [
        parameter.name
        for i, parameter in enumerate(model.parameters)
        if parameter.constraint is None and not parameter.fixed and i != model.poi
    ]
    if free:
        raise WorkspaceError(
            f"exact method: {', '.join(free)} {'is' if len(free) == 1 else 'are'} free, and without a constraint there is no "
            "density to average over; fix or constrain it, or use toys or the asymptotic method"
        )


def _columns(model: Model, summed: int) -> tuple[list[int], list[list[int]]]:
    """Positions among the constrained parameters of those that several bins share, and of each bin's own.

    Held counts, the bins from `summed` on, link all that move them; with one bin beside them nothing need be shared.
    """
    moved: list[set[int]] = [set() for _ in model.parameters]
    for row in model.rows:
        for i in (*row.factors, *(item[0] for item in row.normsys)):
            moved[i].update(row.bins.tolist())
        for i, up, down in row.histosys:
            moved[i].update(row.bins[(up != 0) | (down != 0)].tolist())
        for gamma in row.gammas:
            for i, b in zip(gamma.tolist(), row.bins.tolist(), strict=True):
                moved[i].add(b)
    shared: list[int] = []
    own: list[list[int]] = [[] for _ in range(summed)]
    for column, i in enumerate(model.constrained.tolist()):
        if model.parameters[i].fixed or not moved[i]:
            continue
        if summed == 1:
            own[0].append(column)
        else:
            (shared if len(moved[i]) > 1 or max(moved[i]) >= summed else own[next(iter(moved[i]))]).append(column)
    return shared, own


def _largest_counts(model: Model) -> Array:
    """Counts that matter in each bin, shape (B,): they set how fine the steps must be."""
    counts = model.background_events if model.observed is None else np.maximum(model.observed, model.background_events)
    return np.asarray(counts + 3 * np.sqrt(counts) + 3)


def _evaluate(model: Model, shared: Rule, own: list[Rule]) -> tuple[Nodes, float]:
    """Rates at all pairs of a shared and an own node, and the weight of the nodes where one was negative."""
    longest = max(len(rule.weight) for rule in own)
    columns = len(model.constrained)
    inner, weight = np.zeros((longest, columns)), np.zeros((longest, len(own)))
    for b, rule in enumerate(own):
        inner[: len(rule.weight)] += rule.deviates
        weight[: len(rule.weight), b] = rule.weight
    grid = shared.deviates, inner
    signal, background = np.zeros((1, 1, model.bins)), _on_grid(model, model, 0.0, grid)
    if model.signal_rows:
        signal = _on_grid(model.signal_only, model, 1.0, grid)
    outer = shared.weight
    if isinstance(model, Given):
        signal, background = signal[:, :, : model.summed], background[:, :, : model.summed]
        if model.summed == 1:
            weight = _given_held(model, inner, weight[:, 0])[:, None]
        else:
            outer = _given_held(model, shared.deviates, outer)
    negative = ((signal < 0) | (background < 0)) * (outer[:, None, None] * weight)
    shape = (len(outer), longest, len(own))
    signal, background = (np.broadcast_to(np.maximum(part, 0.0), shape) for part in (signal, background))
    return Nodes(signal, background, outer, weight), float(negative.sum(axis=(0, 1)).max())


def _that_matter(directions: Directions) -> Directions:
    """Without those that move no rate, in which the density is the Gaussian of the nodes itself."""
    kept = directions.effects > _STILL
    return Directions(directions.effects[kept], directions.basis[kept])


def _given_held(model: Given, deviates: Array, weight: Array) -> Array:
    """Weights of nodes by the density that the held counts leave, summing to one."""
    logs = model.log_weight(deviates)
    if not np.isfinite(logs[weight > 0]).any():
        names = ", ".join(model.bin_names[model.summed :])
        raise ComputationError(f"exact method: the counts held in {names} have no probability at mu = {model.mu:g}")
    found = weight * np.exp(logs - logs[weight > 0].max())
    return np.asarray(found / found.sum())


def _on_grid(part: Model, model: Model, mu: float, grid: tuple[Array, Array]) -> Array:
    """Rates of a part of the model at all pairs of nodes, shape (K, J, B), or 1 for K or J where they do not matter.

    Usually what bins share moves the signal only and what they own the background only: that spares most of the pairs.
    """
    rows = [row for row in part.rows if mu > 0 or model.poi not in row.factors]
    used = set().union(*(row.parameters for row in rows))
    columns = model.moved_by(used)
    outer, inner = (nodes if nodes[:, columns].any() else nodes[:1] for nodes in grid)
    deviates = (outer[:, None, :] + inner).reshape(len(outer) * len(inner), outer.shape[1])
    rates = part.rates(model.with_mu(mu, model.at_deviates(deviates)))
    if not np.isfinite(rates).all():
        raise ComputationError(
            f"exact method: a rate of {', '.join(model.bin_names)} is infinite within 8 standard deviations"
        )
    return np.asarray(rates.reshape(len(outer), len(inner), -1))


def _beyond_bounds(model: Model) -> float:
    """Largest weight of a Gaussian below the lower bound of its parameter."""
    from scipy.special import ndtr

    parts = [0.0]
    for i in model.constrained:
        parameter = model.parameters[i]
        if isinstance(parameter.constraint, Gaussian) and not parameter.fixed:
            parts.append(float(ndtr((parameter.lower - parameter.constraint.centre) / parameter.constraint.sigma)))
    return max(parts)
