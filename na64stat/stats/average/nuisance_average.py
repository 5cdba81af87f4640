"""Poisson probabilities averaged over the constraint densities of the nuisance parameters.

The densities are centred on the observed auxiliary data (the hybrid, or Cousins-Highland, average): unit Gaussians, or the
Gamma density of a Poisson constraint. Parameters that move one bin only are integrated bin by bin, inside an integral over the
shared ones: P(n_1, n_2) = sum over shared nodes k of w_k P_1(n_1 | k) P_2(n_2 | k). Every rule comes in replicates (shifted
grids, other scramblings), whose scatter is the error; `na64stat.stats.average.nodes` makes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError, WorkspaceError
from na64stat.stats.average.given import Given
from na64stat.stats.average.merge import merged
from na64stat.stats.average.nodes import Directions, Rule, replicates_of
from na64stat.stats.average.poisson import joint, mixed_poisson
from na64stat.stats.average.signal_mean import may_rise, nominal_at, parameters_at
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array, Gaussian

CUT = 1e-6
"""Weight of cut nodes above which a result has a note on it."""

_ONE_BIN_NODES, _NODES = 26_000, 1500
"""Largest number of nodes of a rule, for a single bin and for one of several (or for their shared parameters)."""

_ONE_BIN_POINTS = 2**13
"""Sobol points for a single bin."""

_PAIRS = 40_000
"""Largest number of pairs of a shared Sobol point and an own node, from 64 to 512 points."""

_FINER = 4
"""Factor by which a rule may be finer where rates are cut at zero."""

_HELD_PAIRS = 4_500_000
"""Largest number of pairs of a shared and an own node in all replicates: 48 bytes each in three bins, 220 MB."""

_HELD = 4_000_000
"""Largest size of a temporary array (32 MB): deviates of nodes, rates at many mu, tables of counts."""

_MANY = 1e6
"""Count above which the tails of the Poisson distribution come from the uniform expansion."""

_FRACTION_TERMS = 12
"""Terms of a continued fraction, precise to 1e-15 where a probability is below 1e-280."""

_ROUNDING = 1e-12
"""Events, or share of the signal, by which rounding may turn a rate negative."""

_STILL = 1e-5
"""Effect of a direction, in standard deviations of the counts, below which it is neglected."""


@dataclass(frozen=True, eq=False)
class RateNodes:
    """One replicate of the average: events at mu = 1 and from background by shared node, own node and bin, shape (K, J, B).

    `shared` and `own` are the weights of the shared nodes, summing to one, shape (K,), and of each bin's own nodes, shape (J, B).
    """

    signal: Array
    background: Array
    shared: Array
    own: Array

    def rates(self, mu: float, b: int) -> Array:
        """Expected events of a bin, shape (K, J)."""
        return np.maximum(mu * self.signal[:, :, b] + self.background[:, :, b], 0.0)

    def relevant(self, radius: float) -> NDArray[np.bool_]:
        """Mask of the nodes within so many widths, shape (K, J, B)."""
        weight = self.shared[:, None, None] * self.own
        return np.asarray(weight >= np.exp(-0.5 * radius**2) * weight.max(axis=(0, 1)))


@dataclass(frozen=True, eq=False)
class NuisanceAverage:
    """Nodes of the average over nuisance parameters, as rates per bin; one entry of `nodes` per replicate.

    `cut` is the weight at which a rate or a parameter was cut at its lower limit; the signal of each bin was multiplied by
    `factor`, shape (B,), to keep its mean.
    """

    nodes: tuple[RateNodes, ...]
    cut: float
    factor: Array

    @classmethod
    def of(cls, model: Model) -> NuisanceAverage:
        """Deterministic nodes for one model; a WorkspaceError if a free nuisance parameter has no density to average over."""
        _refuse_free(model)
        model = model if isinstance(model, Given) else merged(model)
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
        budgets = [budget * (_FINER if item.kinks else 1) for item in directions]
        longest = max(min(item.tensor_size, most) for item, most in zip(directions[1:], budgets[1:], strict=True))
        # Sobol points, which need more replicates, are used if the tensor of the shared parameters is too large for the memory.
        budgets[0] = min(budgets[0], _HELD_PAIRS // (2 * longest))
        number = replicates_of(directions, budgets)
        budgets[0] = min(budgets[0], _HELD_PAIRS // (number * longest))
        points = 2 ** int(np.log2(np.clip(_PAIRS / longest, 2**6, 2**9))) if summed > 1 else _ONE_BIN_POINTS
        nodes, cuts, factors = [], [_beyond_bounds(model)], []
        for replicate in range(number):
            rules = [item.rule(replicate, number, most, points) for item, most in zip(directions, budgets, strict=True)]
            replicate_nodes, negative, factor = _evaluate(model, rules[0], rules[1:])
            nodes.append(replicate_nodes)
            cuts.append(negative)
            factors.append(factor)
        return cls(tuple(nodes), max(cuts), np.asarray(np.mean(factors, axis=0)))

    @property
    def replicates(self) -> int:
        """Number of independent estimates in the nodes."""
        return len(self.nodes)

    @cached_property
    def without_signal(self) -> float:
        """Weight at which no bin has any signal: with an independent background CL_s never falls below it."""
        weights = []
        for nodes in self.nodes:
            none = np.array([(nodes.signal[:, :, b] == 0) @ nodes.own[:, b] for b in range(nodes.own.shape[1])])
            weights.append(nodes.shared @ none.prod(axis=0))
        return float(np.mean(weights))

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on rates that were cut at zero, and on signals rescaled to keep their mean."""
        notes: tuple[str, ...] = ()
        if self.cut > CUT:
            text = (
                f"parameters or rates were cut at their lower limits for {self.cut:.1g} of the weight of the nuisance "
            )
            notes = (text + "parameters: an uncertainty reaches below zero",)
        if self.without_signal > CUT:
            text = f"there is no signal in {self.without_signal:.3g} of the weight of its uncertainties: CL_s hardly falls below "
            notes += (text + "that, however large mu is",)
        if (self.factor < 1 - CUT).any():
            factors = ", ".join(dict.fromkeys(f"{factor:.4g}" for factor in self.factor if factor < 1 - CUT))
            text = f"the signal was multiplied by {factors} in the average over its uncertainties, which keeps its mean: their "
            notes += (text + "constraints would raise it, and an uncertainty would strengthen the limit",)
        return notes

    def extreme_rates(self, mu: float, b: int, radius: float = 6.4) -> tuple[float, float]:
        """Smallest and largest rate of a bin, with and without signal, within `radius` widths (6.4 leave out 1e-10)."""
        low, high = np.inf, 0.0
        for nodes, inside in zip(self.nodes, self._relevant(radius), strict=True):
            low = min(low, float(nodes.rates(0.0, b)[inside[:, :, b]].min()))
            high = max(high, float(nodes.rates(mu, b)[inside[:, :, b]].max()))
        return low, high

    def _relevant(self, radius: float) -> list[NDArray[np.bool_]]:
        if radius not in self._inside:
            self._inside[radius] = [nodes.relevant(radius) for nodes in self.nodes]
        return self._inside[radius]

    @cached_property
    def _inside(self) -> dict[float, list[NDArray[np.bool_]]]:
        return {}

    def count_probabilities(self, mu: float, windows: tuple[tuple[int, int], ...]) -> Array:
        """Joint probabilities of counts, shape (replicates, N_1, ..., N_B), from the first to the last count of each bin."""
        longest = max(high - low + 1 for low, high in windows)
        step = max(1, _HELD // longest)
        probabilities = []
        for nodes in self.nodes:
            rates = [nodes.rates(mu, b) for b in range(len(windows))]
            parts = [
                joint(
                    [
                        mixed_poisson(low, high, rates[b][k : k + step], nodes.own[:, b])
                        for b, (low, high) in enumerate(windows)
                    ],
                    nodes.shared[k : k + step],
                )
                for k in range(0, len(nodes.shared), step)
            ]
            probabilities.append(sum(parts[1:], start=parts[0]))
        return np.array(probabilities)

    def log_cumulative(self, count: float, mu: Array) -> Array:
        """Logarithm of the probability of at most `count` events in a single bin, shape (replicates, len(mu))."""
        size = max(nodes.signal[:, :, 0].size for nodes in self.nodes)
        step = max(1, _HELD // size)
        if len(mu) > step:
            parts = [self.log_cumulative(count, mu[i : i + step]) for i in range(0, len(mu), step)]
            return np.concatenate(parts, axis=1)
        totals = []
        for nodes in self.nodes:
            rates = np.multiply.outer(mu, nodes.signal[:, :, 0].ravel()) + nodes.background[:, :, 0].ravel()
            rates = np.maximum(rates, 0.0)
            logs = log_poisson_cumulative(count, rates)
            top = logs.max(axis=1)
            weight = np.multiply.outer(nodes.shared, nodes.own[:, 0]).ravel()
            # Denormal numbers are a hundred times slower, and negligible compared with the largest.
            totals.append(top + np.log(np.exp(np.maximum(logs - top[:, None], -600.0)) @ weight))
        return np.array(totals)

    def at_least(self, count: float, mu: float) -> Array:
        """Probability of at least `count` events in a single bin, shape (replicates,)."""
        from scipy.special import gammainc

        if count <= 0:
            return np.ones(self.replicates)
        return np.array(
            [nodes.shared @ gammainc(count, nodes.rates(mu, 0)) @ nodes.own[:, 0] for nodes in self.nodes],
            dtype=np.float64,
        )


def log_poisson_cumulative(count: float, rates: Array) -> Array:
    """Logarithm of the probability of at most `count` events, valid even if the probability itself underflows."""
    from scipy.special import gammaincc, gammaln

    count = float(count)
    rates = np.asarray(rates, dtype=np.float64)
    # By Chernoff's bound within 1e-17 of one, and below 1e-280: the function is slow at large counts.
    certain = (rates < count) & ((rates - count) ** 2 > 80 * count)
    tiny = (rates > count) & ((rates - count) ** 2 > 1300 * rates)
    probability = np.where(certain, 1.0, 0.0)
    far = ~(certain | tiny) & (count > _MANY) & (np.abs(rates - count - 1) > 4 * np.sqrt(count + 1))
    other = ~(certain | tiny | far)
    probability[other] = gammaincc(count + 1, rates[other])
    probability[far] = _uniform(count + 1, rates[far])
    tiny = probability < 1e-280
    logs: Array = np.log(np.where(tiny, 1.0, probability))
    if tiny.any():
        # So far above the count Legendre's continued fraction of the incomplete gamma function needs only a few terms.
        far = rates[tiny]
        fraction = far - count + 2 * _FRACTION_TERMS
        for k in range(_FRACTION_TERMS, 0, -1):
            fraction = far - count + 2 * (k - 1) + k * (count + 1 - k) / fraction
        logs[tiny] = (count + 1) * np.log(far) - far - gammaln(count + 1) - np.log(fraction)
    return logs


def _uniform(a: float, x: Array) -> Array:
    """Q(a, x) for large a, some standard deviations from x = a, where the series of the library is long.

    N. Temme, SIAM J. Math. Anal. 10 (1979) 757: the uniform expansion to first order; the next order is 1e-12 of it.
    """
    from scipy.special import erfc

    mu = (x - a) / a
    powers = np.arange(2, 12)
    series = np.polynomial.polynomial.polyval(mu, np.append([0.0, 0.0], (-1.0) ** powers / powers))
    half = np.where(np.abs(mu) < 0.02, series, mu - np.log1p(np.maximum(mu, -1 + 1e-15)))
    eta = np.sign(mu) * np.sqrt(2 * half)
    rest = np.exp(-a * half) / np.sqrt(2 * np.pi * a) * (1 / mu - 1 / eta)
    return np.asarray(0.5 * erfc(eta * np.sqrt(a / 2)) + rest, dtype=np.float64)


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
    """Positions among the constrained parameters of those shared between bins, and of those of each bin alone.

    Held counts, the bins from `summed` on, share all parameters that move them; with one bin besides them nothing need be shared.
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
    """Largest relevant counts of each bin, shape (B,), which set how fine the steps must be."""
    counts = model.background_events if model.observed is None else np.maximum(model.observed, model.background_events)
    return np.asarray(counts + 3 * np.sqrt(counts) + 3)


def _evaluate(model: Model, shared: Rule, own: list[Rule]) -> tuple[RateNodes, float, Array]:
    """Rates at all pairs of a shared and an own node, the weight of nodes with a negative rate, and the factor of the signal."""
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
    pairs = outer[:, None, None] * weight
    negative = ((signal < -_ROUNDING * np.abs(signal).max()) | (background < -_ROUNDING)) * pairs
    shape = (len(outer), longest, len(own))
    signal = np.broadcast_to(np.maximum(signal, 0.0), shape)
    if not model.has_negative_samples:
        background = np.maximum(background, 0.0)
    # Otherwise the total with signal is cut: for an interference only the total has a meaning.
    background = np.broadcast_to(background, shape)
    factor = np.ones(len(own))
    if may_rise(model):
        nominal = _on_grid(model.signal_only, model, 1.0, grid, nominal_at)[:, :, : len(own)]
        wanted, mean = ((part * pairs).sum(axis=(0, 1)) for part in (nominal, signal))
        factor = np.divide(wanted, mean, out=factor, where=mean > wanted)
        signal = signal * factor
    return RateNodes(signal, background, outer, weight), float(negative.sum(axis=(0, 1)).max()), factor


def _that_matter(directions: Directions) -> Directions:
    """Directions that move a rate; in the others the density is the Gaussian of the nodes itself."""
    kept = directions.effects > _STILL
    return Directions(directions.effects[kept], directions.basis[kept])


def _given_held(model: Given, deviates: Array, weight: Array) -> Array:
    """Weights of nodes by the density given the held counts, normalised."""
    logs = model.log_weight(deviates)
    if not np.isfinite(logs[weight > 0]).any():
        names = ", ".join(model.bin_names[model.summed :])
        raise ComputationError(f"exact method: the counts held in {names} have no probability at mu = {model.mu:g}")
    weighted = weight * np.exp(logs - logs[weight > 0].max())
    return np.asarray(weighted / weighted.sum())


def _on_grid(
    part: Model,
    model: Model,
    mu: float,
    grid: tuple[Array, Array],
    at: Callable[[Model, Array], Array] = parameters_at,
) -> Array:
    """Rates of a part of the model at all pairs of nodes, shape (K, J, B), with 1 for K or J where they have no effect.

    Shared parameters usually move the signal only, and those of a bin its background only: that saves most of the pairs.
    """
    rows = [row for row in part.rows if mu > 0 or model.poi not in row.factors]
    used = set().union(*(row.parameters for row in rows))
    columns = model.moved_by(used)
    outer, inner = (nodes if nodes[:, columns].any() else nodes[:1] for nodes in grid)
    step = max(1, _HELD // max(1, len(inner) * len(model.parameters)))
    blocks = []
    for k in range(0, len(outer), step):
        some = outer[k : k + step]
        deviates = (some[:, None, :] + inner).reshape(len(some) * len(inner), outer.shape[1])
        rates = part.rates(model.with_mu(mu, at(model, deviates)))
        if not np.isfinite(rates).all():
            raise ComputationError(
                f"exact method: a rate of {', '.join(model.bin_names)} is infinite within 8 standard deviations"
            )
        blocks.append(rates.reshape(len(some), len(inner), model.bins))
    return np.concatenate(blocks)


def _beyond_bounds(model: Model) -> float:
    """Largest weight of a Gaussian below the lower bound of its parameter."""
    from scipy.special import ndtr

    parts = [0.0]
    for i in model.constrained:
        parameter = model.parameters[i]
        if isinstance(parameter.constraint, Gaussian) and not parameter.fixed:
            parts.append(float(ndtr((parameter.lower - parameter.constraint.centre) / parameter.constraint.sigma)))
    return max(parts)
