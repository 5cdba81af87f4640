"""Upper limits by toys: where noisy CL_s(mu) crosses 1 - cl, for the observed data and the band at once."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from na64stat.stats.model import Model
from na64stat.stats.records import BAND_QUANTILES, Band, Limit, NumericalError

_POINTS = 7
"""Signal strengths of the first, coarse pass."""

_NEAR = 0.15
"""Points within so much in ln(mu) of a limit decide it."""

_SMALLEST_SIGNAL, _LARGEST_SIGNAL = 1e-4, 1e12
"""Signal events between which limits are looked for; where CL_sb of less is already too small, background alone is excluded."""


class Test(Protocol):
    """Toys of one model at any mu."""

    model: Model

    def curves(self, mu: float, toys: int, decide: float | None = None) -> tuple[dict[str, float], float]:
        """CL_s by level, and its relative error."""


class ToyLimit:
    """Evaluates CL_s where the crossings are, coarsely first, and interpolates ln CL_s against ln mu."""

    def __init__(self, test: Test, alpha: float, guess: Limit, toys: int, criterion: str) -> None:
        self.test, self.alpha, self.toys, self.criterion = test, alpha, toys, criterion
        self.levels = [*BAND_QUANTILES] + ([] if test.model.observed is None else ["observed"])
        self.points: dict[float, tuple[dict[str, float], float]] = {}
        self._coarse(guess)
        self._refine(self.levels, max(toys // 4, 1), 1)
        self._refine(["median" if test.model.observed is None else "observed"], toys, 2)

    def limit(self, cl: float) -> Limit:
        """The record of observed and expected limits."""
        roots = {level: self._root(level) for level in self.levels}
        main = roots["median"] if self.test.model.observed is None else roots["observed"]
        error, relative = 0.0, 0.0
        if main is not None and main > 0:
            near = [mu for mu in self.points if abs(math.log(mu / main)) < _NEAR] or list(self.points)
            uncertainty = min(self.points[mu][1] for mu in near)
            error, relative = uncertainty * self.alpha, uncertainty / self._slope(main)
        notes = () if main is not None else ("no signal strength is excluded",)
        return Limit(
            roots.get("observed"),
            Band(*(roots[level] for level in BAND_QUANTILES)),
            () if main is None else (main,),
            NumericalError(cl_s=error, limit=relative),
            cl,
            "toys",
            self.test.model.channels,
            notes,
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
        return any(value > self.alpha for value in self.points[max(self.points)][0].values())

    def _open_below(self) -> bool:
        return any(value <= self.alpha for value in self.points[min(self.points)][0].values())

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

    def _root(self, level: str) -> float | None:
        """The largest mu at which ln CL_s crosses ln(1 - cl); None beyond the points, 0 where CL_sb never reaches it."""
        mu = np.array(sorted(self.points))
        values = np.array([self.points[strength][0][level] for strength in mu])
        above = np.flatnonzero(values > self.alpha)
        if not len(above):
            return 0.0
        if above[-1] == len(mu) - 1:
            return None
        last = int(above[-1])
        logs, heights = np.log(mu), np.log(np.maximum(values, 1e-300))
        share = (heights[last] - math.log(self.alpha)) / (heights[last] - heights[last + 1])
        first = float(logs[last] + share * (logs[last + 1] - logs[last]))
        errors = np.array([self.points[strength][1] for strength in mu])
        near = (np.abs(logs - first) < _NEAR) & np.isfinite(errors) & (values > 0)
        if near.sum() < 3 or np.ptp(logs[near]) < 0.02:
            return math.exp(first)
        weights = 1 / np.maximum(errors[near], 1e-6)
        slope, offset = np.polyfit(logs[near] - first, heights[near], 1, w=weights)
        # Common random numbers leave the curve smooth but for jumps; a fit that runs off is no better than two points.
        if slope >= 0 or abs((math.log(self.alpha) - offset) / slope) > _NEAR:
            return math.exp(first)
        return math.exp(first + (math.log(self.alpha) - offset) / slope)

    def _slope(self, root: float) -> float:
        """-d ln CL_s / d ln mu around a root, of the level that the error is for."""
        level = "median" if self.test.model.observed is None else "observed"
        mu = np.array(sorted(self.points))
        at = int(np.clip(np.searchsorted(mu, root), 1, len(mu) - 1))
        low, high = max(at - 2, 0), min(at + 1, len(mu) - 1)
        values = [math.log(max(self.points[mu[i]][0][level], 1e-300)) for i in (low, high)]
        slope = (values[0] - values[1]) / math.log(mu[high] / mu[low])
        return max(slope, 0.05)
