"""Discovery reach: the signal at which the median significance, were there this signal, reaches a number of standard deviations.

Always by the exact method. The median outcome is a count (or a set of them), so that the median significance is a staircase in
the signal; what is given is the smallest signal above which it always suffices. In one channel that is a closed question: the
smallest count improbable enough without signal, and the signal with which half of the outcomes have at least that count. With no
background any event is impossible without signal (p0 = 0): then the reach is where half of the outcomes have an event, ln 2
signal events without systematics, for 3 and for 5 standard deviations alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError
from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.average.nuisance_average import NuisanceAverage
from na64stat.stats.exact.one_bin import LARGEST_SIGNAL
from na64stat.stats.likelihood.model import Model
from na64stat.stats.significance import significance
from na64stat.study.signal_test import SignalTest

Array = NDArray[np.float64]

THRESHOLDS: Final = (3.0, 5.0)
"""Standard deviations: evidence and discovery."""

FEWEST_EVENTS: Final = 0.6
"""Fewer signal events cannot give 3 standard deviations in the median: the probability of any outcome with them differs from
that without them by at most 1 - exp(-s), so that the upper half of the outcomes keeps a probability of exp(-s) - 1/2 without
signal. It would have to fall to 0.00135, which needs s > 0.69."""

_STEP, _FINE_STEP = 1.15, 1.01
"""Ratios of neighbouring strengths in the search of several channels; structure narrower than the finer one can be missed."""

_MARGIN: Final = 3.0
"""Standard deviations beyond the threshold, twice running, after which several channels are not followed further."""


class Discovery:
    """The median significance of a signal in the channels of a test.

    Parameters
    ----------
    test
        Runs, regions and systematics. Observed counts, the method and the confidence level play no part.
    """

    def __init__(self, test: SignalTest) -> None:
        self.test = test
        self._needed: dict[float, float] = {}
        self.used_asymptotic = False

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the reach."""
        found = ["discovery reach: median significance of the exact method if the signal is there"]
        if any(self.model.background_events == 0):
            found.append(
                "no background: an event is impossible without signal (p0 = 0), so that the median outcome is a discovery where "
                "it holds an event, ln 2 signal events without systematics, at 3 and at 5 standard deviations"
            )
        if self.used_asymptotic:
            found.append("discovery: asymptotic formulas where more outcomes matter than can be ordered")
        return tuple(found)

    @cached_property
    def model(self) -> Model:
        """One signal event in each channel, and the backgrounds of the runs: zero where none is stated, not 1e-6."""
        return self.test.model_of(dict.fromkeys(self.test.channels, 1.0), least_background=0.0)

    @cached_property
    def _average(self) -> NuisanceAverage:
        return NuisanceAverage.of(self.model)

    def count_needed(self, z: float) -> int:
        """Smallest count of the only channel with P(N >= count | no signal) at most that of `z` standard deviations."""
        background = float(self.model.background_events[0])
        wanted = _log_tail(z)

        def excess(count: float) -> float:
            tail = float(self._average.at_least(count, 0.0).mean())
            return math.log(max(tail, 1e-300)) - wanted

        # There is no excess at or below the background.
        return first_count(excess, math.floor(background) + 1, background + z * self.spread, self.spread)

    @cached_property
    def spread(self) -> float:
        """Standard deviation of the background counts of the only channel, about: Poisson and uncertainty."""
        background = self.test.runs[0].region(self.test.regions[0]).background
        return math.sqrt(background.events + (background.uncertainty**2 if self.test.systematics else 0.0)) + 0.5

    def events_needed(self, z: float) -> float:
        """Signal events of the only channel beyond which the median outcome has `z` standard deviations."""
        if z not in self._needed:
            count = self.count_needed(z)
            self._needed[z] = _root(lambda s: math.log(2) + self._log_below(count, s), float(count))
        return self._needed[z]

    def margin(self, count: int, events: float) -> float:
        """Positive if, with this signal in the only channel, the median count is at least `count`."""
        return -math.log(2) - self._log_below(count, events)

    def _log_below(self, count: int, events: float) -> float:
        """Ln P(N < count), mean over the replicates."""
        logs = self._average.log_cumulative(count - 1, np.array([events]))[:, 0]
        top = float(logs.max())
        return top + math.log(float(np.exp(logs - top).mean()))

    def strength_needed(self, events: Mapping[str, float], z: float) -> float | None:
        """Factor on these events per channel above which the median significance is always `z`; None where none suffices.

        Raises
        ------
        ComputationError
            The significance cannot be computed.
        """
        total = sum(events.values())
        if total == 0:
            return None
        if len(self.test.channels) == 1:
            return self.events_needed(z) / total
        return self._search(events, z, FEWEST_EVENTS / total)

    def excess(self, events: Mapping[str, Array], z: float) -> Array:
        """How far each point is beyond discovery: ln(events / needed), of several channels ln(significance / z)."""
        total = np.sum(list(events.values()), axis=0)
        if len(self.test.channels) == 1:
            with np.errstate(divide="ignore"):
                return np.asarray(np.log(total) - math.log(self.events_needed(z)))
        found = np.full(len(total), -np.inf)
        for i in np.flatnonzero(total >= FEWEST_EVENTS):
            value = self.median({name: float(values[i]) for name, values in events.items()})
            found[i] = math.log(min(value, 1e3) / z) if value > 0 else -np.inf
        return found

    def median(self, events: Mapping[str, float]) -> float:
        """Median significance with these signal events per channel; infinite where the median outcome has p0 = 0."""
        model = self.model.with_signal_scaled(np.array([events[name] for name in self.model.channels]))
        found = significance(model)
        if found.lacks_expected:
            self.used_asymptotic = True
            found = significance(model, Asymptotic())
        return math.inf if found.expected.median is None else found.expected.median

    def _search(self, events: Mapping[str, float], z: float, low: float) -> float | None:
        """Follow the strength upwards, then look at the last step that fails more closely."""

        def suffices(strength: float) -> bool:
            if strength not in values:
                values[strength] = self.median({name: strength * count for name, count in events.items()})
            return values[strength] >= z

        values: dict[float, float] = {}
        total = sum(events.values())
        grid = [low]
        while not suffices(grid[-1]) or min(values[at] for at in grid[-2:]) < z + _MARGIN:
            grid.append(grid[-1] * _STEP)
            if grid[-1] * total > LARGEST_SIGNAL:
                return None
        last = max((i for i, strength in enumerate(grid) if not suffices(strength)), default=None)
        if last is None:
            raise ComputationError(
                f"discovery: {FEWEST_EVENTS:g} signal events already give {values[low]:.3g} standard deviations"
            )
        return last_failure(suffices, grid[last], grid[last + 1])


def last_failure(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Where a condition fails for the last time between two points at a ratio of at most 1.3: it fails at `low`, holds at `high`.

    In steps of 1% from above, then by bisection.
    """
    steps = max(1, math.ceil(math.log(high / low) / math.log(_FINE_STEP)))
    points = [low * (high / low) ** (k / steps) for k in range(steps + 1)]
    for before, after in zip(reversed(points[:-1]), reversed(points[1:]), strict=True):
        if not holds(before):
            low, high = before, after
            break
    while high / low > 1 + 1e-6:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _log_tail(z: float) -> float:
    from scipy.stats import norm

    return float(norm.logsf(z))


def first_count(excess: Callable[[float], float], lowest: int, near: float, spread: float) -> int:
    """Smallest integer, `lowest` or more, at which a falling function of real numbers is not positive.

    Parameters
    ----------
    near, spread
        Where it is looked for first, and how wide.
    """
    from scipy.optimize import brentq

    if excess(lowest) <= 0:
        return lowest
    step = max(spread, 1.0)
    low = max(float(lowest), near - step)
    while excess(low) <= 0:
        step *= 2
        low = max(float(lowest), low - step)
    high, step = max(low, near) + max(spread, 1.0), max(spread, 1.0)
    while excess(high) > 0:
        low, high, step = high, high + step, 2 * step
    count = max(lowest + 1, math.ceil(float(brentq(excess, low, high, xtol=0.1))))
    while excess(count) > 0:
        count += 1
    while excess(count - 1) <= 0:
        count -= 1
    return count


def _root(function: Callable[[float], float], start: float) -> float:
    """Zero of a function that falls from a positive value at 0."""
    from scipy.optimize import brentq

    high = start
    while function(high) > 0:
        high *= 2
    return float(brentq(function, 0.0, high, xtol=1e-12 * high, rtol=1e-11))
