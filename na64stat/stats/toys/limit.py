"""Upper limits by toys: CL_s(mu) falls through 1 - cl, for the observed data and for each level of the band.

Toys are drawn once at a few signal strengths and represent any mu in between with weights: CL_s(mu) of fixed toys is a smooth
curve with an ordinary root. The error of the root is that of CL_sb - (1 - cl) CL_b there, from the contribution of each toy,
divided by the slope. The toys of the band do not depend on the observed counts, except through the fitted nuisance parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np

from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.statistic import Criterion
from na64stat.stats.results import ALL_EXCLUDED, BAND_QUANTILES, NOTHING_EXCLUDED, Band, Limit, NumericalError
from na64stat.stats.toys.pool import MOST, Part, Pool, Tail, enough
from na64stat.stats.toys.sample import SIGNAL, left_out

_LEVELS = list(BAND_QUANTILES)

_POINTS = 6
"""Smallest number of signal strengths at which the toys of the band are drawn."""

_SMALLEST_SIGNAL, _LARGEST_SIGNAL = 1e-4, 1e12
"""Range of signal events that is searched for limits; if CL_sb is too small even below it, background alone is excluded."""

_STEPS = (2.0, 2.0, 2.0, 4.0, 16.0, 256.0)
"""Successive factors of the upward search, the last one repeated."""

_EXACT, _TRIALS = 1e-4, 12
"""Relative precision of a root of the curve, mostly far below its statistical error, and number of evaluations."""

_ROUGH = 0.1
"""Precision of the band times the square root of the number of toys: a tenth of its statistical error or less."""

_FAR = 1.5
"""Ratio of a root to the mu of its toys from which new toys are drawn."""

_FIRST_TOYS = 500
"""Smallest number of toys in the search for the region of the limit, unless fewer are requested."""

_LARGE = 0.2
"""Relative error of a limit from which a note mentions it."""

_BAND_STREAM = 10
"""Random stream of the first signal strength of the band."""


def fits_of_limit(toys: int, *, projection: bool) -> float:
    """Rough number of fits of a limit: at some twenty signal strengths for the band, a dozen for observed data."""
    of_band = _POINTS // 2 * (toys if projection else _band_toys(toys))
    return 20 * of_band + (0 if projection else 20 * _first_toys(toys) + 25 * toys)


def _first_toys(toys: int) -> int:
    return max(toys // 10, min(toys, _FIRST_TOYS))


def _band_toys(toys: int) -> int:
    return max(toys // 4, min(toys, _FIRST_TOYS))


class Test(Protocol):
    """Toys of one model at any mu."""

    model: Model

    @property
    def refitted(self) -> int:
        """Number of fits that needed iminuit."""

    @property
    def failed(self) -> int:
        """Number of toys left out."""

    def tail(self, mu: float, parts: list[Part] | int) -> Tail:
        """Tail of the observed data among toys."""

    def pool(self, mu: float, parts: list[Part]) -> Pool:
        """Toys with their test statistic at mu."""

    def parts(self, mu: float, toys: int, *, near: bool = False, stream: int = SIGNAL) -> list[Part]:
        """Toys of background and of mu, `toys` each, and with `near` of a source near the data."""


class ToyLimit:
    """Limits of one model at one level; `alpha` is 1 - cl, `guess` a limit to start from."""

    def __init__(self, test: Test, alpha: float, guess: Limit, toys: int, criterion: Criterion) -> None:
        self.test, self.alpha, self.toys, self.criterion = test, alpha, toys, criterion
        self.unit = test.model.unit
        self.projection = test.model.observed is None
        self.first_toys = _first_toys(toys)
        self.notes: list[str] = []
        self.band = self._band(guess)
        if self.projection:
            self.main = self.band["median"]
            self.error = NumericalError() if not self.main else self._error_of_median(self.main)
        else:
            self.main, self.error = self._observed(guess)

    def limit(self, cl: float) -> Limit:
        """Observed and expected limits."""
        failed = self.test.failed
        if self.main is None:
            self.notes.append(NOTHING_EXCLUDED)
        elif self.main == 0:
            self.notes.append(ALL_EXCLUDED)
        return Limit(
            None if self.projection else self.main,
            Band(*(self.band[level] for level in _LEVELS)),
            () if self.main is None else (self.main,),
            NumericalError(self.error.cl_s, self.error.limit, refitted=self.test.refitted, failed=failed),
            cl,
            "toys",
            self.test.model.channels,
            (*self.notes, *left_out(failed)),
            criterion=self.criterion.value,
        )

    def _band(self, guess: Limit) -> dict[str, float | None]:
        """Expected limits, from the curves of the levels on one set of toys."""
        known = [value for value in guess.expected if value]
        high = 2.5 * max(known) if known else 10 / self.unit
        low = max(min(known, default=1 / self.unit) / 1.5, high / 30)
        toys = self.toys if self.projection else _band_toys(self.toys)
        each = max(toys // 2, 1)
        grid = [float(mu) for mu in np.geomspace(low, high, _POINTS)]
        parts = self.test.parts(grid[0], toys, stream=_BAND_STREAM)
        parts = [parts[0], (parts[1][0], each)]
        for mu in grid[1:]:
            parts.append(self._more(mu, each, len(parts)))
        steps = list(_STEPS)
        while max(self._levels(grid[-1], parts)) > self.alpha and grid[-1] * self.unit < _LARGEST_SIGNAL:
            grid.append(grid[-1] * (steps.pop(0) if len(steps) > 1 else steps[0]))
            parts.append(self._more(grid[-1], max(each // 2, 1), len(parts)))
        known_levels: dict[float, list[float]] = {}

        def levels(mu: float) -> list[float]:
            if mu not in known_levels:
                known_levels[mu] = self._levels(mu, parts)
            return known_levels[mu]

        def level(at: int) -> Callable[[float], float]:
            return lambda mu: levels(mu)[at]

        points = [_SMALLEST_SIGNAL / self.unit, low / 4, *grid]
        self._band_parts = parts
        exact = max(_ROUGH / math.sqrt(toys), _EXACT)
        limits = [self._root(level(at), points, exact=exact) for at in range(len(_LEVELS))]
        return dict(zip(_LEVELS, sorted(limits, key=_none_last), strict=True))

    def _more(self, mu: float, toys: int, number: int) -> Part:
        return self.test.parts(mu, toys, stream=_BAND_STREAM + number)[1]

    def _levels(self, mu: float, parts: list[Part]) -> list[float]:
        return self.test.pool(mu, parts).band(list(BAND_QUANTILES.values()), self.criterion)

    def _observed(self, guess: Limit) -> tuple[float | None, NumericalError]:
        """Observed limit and its error."""
        start = self._start(guess)
        if start is None or start == 0:
            return start, NumericalError()
        toys = self.toys
        while True:
            limit, parts = self._near(start, toys)
            error, effective = self._error(limit, partial(self.test.tail, parts=parts))
            wanted = enough(self.toys)
            if effective >= wanted or toys >= MOST * self.toys:
                break
            start, toys = limit, 2 * toys
        if effective < wanted:
            self.notes.append(
                f"the limit rests on {effective:.0f} toys as extreme as the data: its error is itself uncertain, use "
                "more toys"
            )
        elif error.limit > _LARGE:
            self.notes.append(f"{toys} toys leave a relative error of {error.limit:.0%} on the limit: use more toys")
        return limit, error

    def _start(self, guess: Limit) -> float | None:
        """Rough observed limit from a few new toys at each mu; None if there is none, 0 if all is excluded."""
        near = max(guess.observed or self.band["median"] or 1 / self.unit, 10 * _SMALLEST_SIGNAL / self.unit)
        points = [near * factor for factor in (0.4, 0.63, 1.0, 1.6, 2.5)]
        known: dict[float, float] = {}

        def value(mu: float) -> float:
            if mu not in known:
                known[mu] = self.test.tail(mu, self.first_toys).value(self.criterion)
            return known[mu]

        steps = list(_STEPS)
        while value(points[-1]) > self.alpha and points[-1] * self.unit < _LARGEST_SIGNAL:
            points.append(points[-1] * (steps.pop(0) if len(steps) > 1 else steps[0]))
        if value(points[0]) <= self.alpha:
            points = [
                _SMALLEST_SIGNAL / self.unit,
                *(points[0] / factor for factor in (256.0, 64.0, 16.0, 4.0)),
                *points,
            ]
            points = sorted({max(mu, points[0]) for mu in points})
        return self._root(value, points, trials=1)

    def _near(self, start: float, toys: int) -> tuple[float, list[Part]]:
        """Root of the curve of toys drawn near it, and those toys."""
        for _ in range(5):
            parts = self.test.parts(start, toys, near=True)
            known: dict[float, float] = {}

            def value(mu: float, parts: list[Part] = parts, known: dict[float, float] = known) -> float:
                if mu not in known:
                    known[mu] = self.test.tail(mu, parts).value(self.criterion)
                return known[mu]

            points = [start / _FAR, start, start * _FAR]
            if value(points[0]) <= self.alpha:
                start = points[0]
            elif value(points[-1]) > self.alpha:
                start = points[-1]
            else:
                root = self._root(value, points)
                return (start if root is None else root), parts
        return start, parts

    def _root(
        self, value: Callable[[float], float], points: list[float], *, trials: int = _TRIALS, exact: float = _EXACT
    ) -> float | None:
        """Last mu at which a curve falls through alpha, among and between `points`: None beyond them, 0 below them."""
        last = next((at for at in reversed(range(len(points))) if value(points[at]) > self.alpha), None)
        if last is None:
            return 0.0
        if last == len(points) - 1:
            return None
        low, high = points[last], points[last + 1]
        ends = [self._height(value(low)), self._height(value(high))]
        for _ in range(trials):
            if high - low < exact * low:
                break
            share = ends[0] / (ends[0] - ends[1])
            middle = low + min(max(share, 0.02), 0.98) * (high - low)
            height = self._height(value(middle))
            if height > 0:
                low, ends = middle, [height, ends[1] / 2]
            else:
                high, ends = middle, [ends[0] / 2, height]
            if abs(height) < exact:
                return middle
        share = self._height(value(low)) / (self._height(value(low)) - self._height(value(high)))
        return low + share * (high - low)

    def _height(self, value: float) -> float:
        return math.log(max(value, 1e-300) / self.alpha)

    def _error(self, root: float, tail: Callable[[float], Tail]) -> tuple[NumericalError, float]:
        """Errors of the criterion and of the limit, and the number of toys in the tail."""
        at = tail(root)
        error, effective = at.error(self.criterion), at.effective(self.criterion)
        relative, reach = error / self.alpha, 0.02
        for _ in range(3):
            ends = [self._height(tail(root * (1 + sign * reach)).value(self.criterion)) for sign in (-1, 1)]
            slope = (ends[0] - ends[1]) / (2 * reach)
            error_of_limit = min(relative / slope, 1.0) if slope > 0 else 1.0
            if error_of_limit < 2 * reach:
                break
            reach = min(error_of_limit, 0.5)
        return NumericalError(cl_s=error, limit=math.hypot(error_of_limit, _EXACT)), effective

    def _error_of_median(self, root: float) -> NumericalError:
        """Errors of the criterion and of the limit for the median expected limit of a projection."""

        def tail(mu: float) -> Tail:
            pool = self.test.pool(mu, self._band_parts)
            return pool.tail(pool.statistic_at(0.5, self.criterion))

        return self._error(root, tail)[0]


def _none_last(value: float | None) -> float:
    return math.inf if value is None else value
