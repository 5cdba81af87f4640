"""Upper limits by toys: where noisy CL_s(mu) crosses 1 - cl, for the observed data and the band at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from na64stat.stats.model import Model
from na64stat.stats.parameters import Array
from na64stat.stats.records import BAND_QUANTILES, Band, Limit, NumericalError
from na64stat.stats.toy_sample import left_out

_POINTS = 7
"""Signal strengths of the first, coarse pass."""

_NEAR, _FEWEST = 0.15, 3
"""Points within so much in ln(mu) of a limit decide it, if there are so many."""

_SMALLEST, _FLATTEST = 1e-300, 0.05
"""What stands for CL_s = 0 in logarithms, and for a slope that noise leaves flat."""

_SMALLEST_SIGNAL, _LARGEST_SIGNAL = 1e-4, 1e12
"""Signal events between which limits are looked for; where CL_sb of less is already too small, background alone is excluded."""


@dataclass(frozen=True)
class Curves:
    """The criterion at one mu, for the observed data and each level of the band.

    Attributes
    ----------
    values
        By level.
    toys, relative_error, error
        Toys of each hypothesis, relative error of the observed value (of a projection, the median), and all errors.
    """

    values: dict[str, float]
    toys: int
    relative_error: float
    error: NumericalError


class Test(Protocol):
    """Toys of one model at any mu."""

    model: Model

    def curves(self, mu: float, toys: int) -> Curves:
        """The criterion at one mu."""


class ToyLimit:
    """Evaluates CL_s where the crossings are, coarsely first, and interpolates ln CL_s against ln mu.

    Noise, and jumps of a discrete experiment, make CL_s rise here and there. A limit is first looked for on the falling curve
    nearest to the points (isotonic regression, weighted by their toys); a straight line through ln CL_s of the points around it,
    nearly straight in mu itself, then averages their noise. The levels of the band are put in order.
    """

    def __init__(self, test: Test, alpha: float, guess: Limit, toys: int, criterion: str) -> None:
        self.test, self.alpha, self.toys, self.criterion = test, alpha, toys, criterion
        self.levels = [*BAND_QUANTILES] + ([] if test.model.observed is None else ["observed"])
        self.points: dict[float, Curves] = {}
        self._coarse(guess)
        self._refine(self.levels, max(toys // 4, 1), 1)
        self._refine(["median" if test.model.observed is None else "observed"], toys, 2)

    def limit(self, cl: float) -> Limit:
        """The record of observed and expected limits."""
        roots = {level: self._root(level) for level in self.levels}
        roots |= dict(
            zip(BAND_QUANTILES, sorted((roots[level] for level in BAND_QUANTILES), key=_none_last), strict=True)
        )
        main = roots["median"] if self.test.model.observed is None else roots["observed"]
        error, relative = 0.0, 0.0
        if main is not None and main > 0:
            near = [mu for mu in self.points if abs(math.log(mu / main)) < _NEAR] or list(self.points)
            uncertainty = min(self.points[mu].relative_error for mu in near)
            error, relative = uncertainty * self.alpha, uncertainty / self._slope(main)
        failed = sum(point.error.failed for point in self.points.values())
        refitted = sum(point.error.refitted for point in self.points.values())
        notes = () if main is not None else ("no signal strength is excluded",)
        return Limit(
            roots.get("observed"),
            Band(*(roots[level] for level in BAND_QUANTILES)),
            () if main is None else (main,),
            NumericalError(cl_s=error, limit=relative, refitted=refitted, failed=failed),
            cl,
            "toys",
            self.test.model.channels,
            notes + left_out(failed),
            criterion=self.criterion,
        )

    def _coarse(self, guess: Limit) -> None:
        known = [value for value in (guess.observed, *guess.expected) if value]
        unit = self.test.model.unit
        low, high = (max(min(known), _SMALLEST_SIGNAL / unit), max(known)) if known else (1 / unit, 10 / unit)
        for mu in np.geomspace(low / 1.5, high * 2.5, _POINTS):
            self._add(float(mu), self.toys // 10)
        while self._open_above() and max(self.points) * unit < _LARGEST_SIGNAL:
            self._add(max(self.points) * 1.6, self.toys // 10)
        while self._open_below() and min(self.points) * unit > _SMALLEST_SIGNAL:
            self._add(min(self.points) / 3, self.toys // 10)

    def _open_above(self) -> bool:
        return any(value > self.alpha for value in self.points[max(self.points)].values.values())

    def _open_below(self) -> bool:
        return any(value <= self.alpha for value in self.points[min(self.points)].values.values())

    def _refine(self, levels: list[str], toys: int, rounds: int) -> None:
        for _ in range(rounds):
            wanted: list[float] = []
            for level in levels:
                root = self._root(level)
                if root is None or root == 0:
                    continue
                for mu in (root * 0.96, root * 1.04):
                    if all(abs(math.log(mu / other)) > 0.02 for other in wanted):
                        wanted.append(mu)
            for mu in wanted:
                self._add(mu, toys)

    def _add(self, mu: float, toys: int) -> None:
        self.points[mu] = self.test.curves(mu, max(toys, 1))

    def _curve(self, level: str) -> tuple[Array, Array]:
        """Logarithms of the points' mu, increasing, and the criterion there as a falling function."""
        from scipy.optimize import isotonic_regression

        mu = sorted(self.points)
        values = [self.points[strength].values[level] for strength in mu]
        weights = [float(self.points[strength].toys) for strength in mu]
        falling = isotonic_regression(values, weights=weights, increasing=False).x
        return np.log(mu), np.asarray(falling, dtype=np.float64)

    def _root(self, level: str) -> float | None:
        """Where the curve of a level falls through 1 - cl; None beyond the points, 0 where CL_sb is never above."""
        logs, values = self._curve(level)
        above = np.flatnonzero(values > self.alpha)
        if not len(above):
            return 0.0
        last = int(above[-1])
        if last == len(logs) - 1:
            return None
        heights = np.log(np.maximum(values[last : last + 2], _SMALLEST))
        share = float((heights[0] - math.log(self.alpha)) / (heights[0] - heights[1]))
        return self._straightened(level, math.exp(logs[last] + share * (logs[last + 1] - logs[last])))

    def _straightened(self, level: str, root: float) -> float:
        """Where a straight line through the points around a root crosses; the root itself where they allow none."""
        line = self._line(level, root)
        shift = math.inf if line is None else (math.log(self.alpha) - line[1]) / line[0]
        return root * (1 + shift) if abs(shift) < _NEAR else root

    def _line(self, level: str, root: float) -> tuple[float, float] | None:
        """Slope by mu/root and value at the root of ln CL_s, from the points around it; None where it does not fall there."""
        near = [mu for mu in self.points if abs(math.log(mu / root)) < _NEAR and self.points[mu].values[level] > 0]
        if len(near) < _FEWEST:
            return None
        heights = np.log([self.points[mu].values[level] for mu in near])
        weights = np.sqrt([float(self.points[mu].toys) for mu in near])
        slope, value = np.polyfit(np.array(near) / root - 1, heights, 1, w=weights)
        return (float(slope), float(value)) if slope < 0 else None

    def _slope(self, root: float) -> float:
        """-d ln CL_s / d ln mu at a root, of the level that the error is for."""
        level = "median" if self.test.model.observed is None else "observed"
        line = self._line(level, root)
        if line is not None:
            return -line[0]
        logs, values = self._curve(level)
        at = int(np.clip(np.searchsorted(logs, math.log(root)), 1, len(logs) - 1))
        low, high = max(at - 2, 0), min(at + 1, len(logs) - 1)
        heights = np.log(np.maximum(values[[low, high]], _SMALLEST))
        return max(float(heights[0] - heights[1]) / float(logs[high] - logs[low]), _FLATTEST)


def _none_last(value: float | None) -> float:
    return math.inf if value is None else value
