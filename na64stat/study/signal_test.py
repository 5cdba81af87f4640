"""The statistical question of a study: whether this much signal in these regions is excluded.

A single region depends on one number, the expected signal, so that its limit and CL_s are computed once as functions of that
number. Two regions are evaluated point by point.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError, RegionError
from na64stat.experiment.run import Run
from na64stat.plane import Binning
from na64stat.stats.exact import Exact
from na64stat.stats.limits import check_cl, check_combination, limit_of_model
from na64stat.stats.method import Method
from na64stat.stats.model import Model
from na64stat.stats.records import BAND_QUANTILES, Limit
from na64stat.stats.workspace import build_workspace
from na64stat.template import Plane, Template, Yield
from na64stat.yields.systematics import variations

Array = NDArray[np.float64]

LEVELS = ("observed", *BAND_QUANTILES)
"""Names of the verdicts: the observed one and the expected band."""

NEGLIGIBLE_CL_S = 1e-12
"""What CL_s at the end of that curve must not exceed, to be taken as zero beyond it."""

CURVE_TOLERANCE = 1e-4
"""Largest error of CL_s read off the curve of one region."""


@dataclass(frozen=True, eq=False)
class SignalTest:
    """A run, regions of it, a method and a confidence level.

    Attributes
    ----------
    run, regions, method, cl
        What is asked.
    systematics
        With False the signal and background uncertainties are left out.
    """

    run: Run
    regions: tuple[str, ...]
    method: Method = field(default_factory=Exact)
    cl: float = 0.90
    systematics: bool = True

    def __post_init__(self) -> None:
        check_cl(self.cl)
        if len(set(self.regions)) != len(self.regions) or not self.regions:
            raise RegionError(f"regions {list(self.regions)}: name at least one, each once")
        check_combination(self._model)

    @property
    def levels(self) -> tuple[str, ...]:
        """The verdicts that exist: a projection has no observed one."""
        return LEVELS[1:] if self.run.region(self.regions[0]).observed is None else LEVELS

    @property
    def log_alpha(self) -> float:
        """ln(1 - cl)."""
        return math.log1p(-self.cl)

    def workspace(self, events: Mapping[str, float]) -> dict[str, Any]:
        """The pyhf workspace with these signal events per region at mu = 1."""
        effects = variations(self.run) if self.systematics else {}
        no_plane = Plane(Binning((0.0, 1.0), (0.0, 1.0)), np.zeros((1, 1)), np.zeros((1, 1)))
        signal = {name: Yield(visible=0.0, invisible=count) for name, count in events.items()}
        template = Template("signal", self.run.name, math.nan, math.nan, signal, effects, no_plane)
        workspace = build_workspace(template, self.run, self.regions)
        if not self.systematics:
            for channel in workspace["channels"]:
                for sample in channel["samples"]:
                    sample["modifiers"] = [item for item in sample["modifiers"] if item["type"] != "normsys"]
        return workspace

    @cached_property
    def limit_in_events(self) -> Limit:
        """Limit on the signal events of a single region."""
        (name,) = self.regions
        return self.limit({name: 1.0})

    def limit(self, events: Mapping[str, float]) -> Limit:
        """Limit on the strength mu of a signal with these events per region."""
        return limit_of_model(self._with(events), self.method, self.cl)

    def excess(self, events: Mapping[str, Array], cl_s: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """How far each point is beyond exclusion, by level: positive where excluded, about ln(events/limit).

        It is ln(events / limit) for one region and ln(ln CL_s / ln(1 - cl)) for two, which is the same for a pure Poisson
        signal at zero counts and close to linear in ln(coupling) otherwise. Minus infinity where there is no signal.
        `cl_s` spares computing it again.
        """
        if len(self.regions) == 1:
            (name,) = self.regions
            with np.errstate(divide="ignore"):
                log_events = np.log(events[name])
            return {level: log_events - math.log(self._limit_at(level)) for level in self.levels}
        values = self.cl_s(events) if cl_s is None else cl_s
        with np.errstate(divide="ignore"):
            return {
                level: np.log(-np.log(np.clip(values[level], 1e-300, 1.0))) - math.log(-self.log_alpha)
                for level in values
                if level in self.levels
            }

    def cl_s(self, events: Mapping[str, Array], failures: dict[int, str] | None = None) -> dict[str, Array]:
        """CL_s at mu = 1 of signals with these events per region, by level.

        Parameters
        ----------
        events
            Region -> events, shape (N,).
        failures
            If given, a point that cannot be computed is NaN in the result, and its reason stands here by its position.
        """
        if len(self.regions) == 1:
            (name,) = self.regions
            return {level: self._curve(level, events[name]) for level in self.levels}
        rows = []
        for position, point in enumerate(zip(*events.values(), strict=True)):
            try:
                rows.append(self._direct(dict(zip(events, point, strict=True))))
            except ComputationError as error:
                if failures is None:
                    raise
                failures[position] = str(error)
                rows.append(dict.fromkeys(LEVELS, math.nan))
        return {level: np.array([row[level] for row in rows]) for level in self.levels}

    def _limit_at(self, level: str) -> float:
        limit = self.limit_in_events
        value = limit.observed if level == "observed" else getattr(limit.expected, level)
        return math.inf if value is None else float(value)

    @cached_property
    def _model(self) -> Model:
        """The model with one signal event in each region: reading and checking a workspace costs more than a fit."""
        return Model.from_workspace(self.workspace(dict.fromkeys(self.regions, 1.0)))

    def _with(self, events: Mapping[str, float]) -> Model:
        return self._model.with_signal_scaled(np.array([events[name] for name in self._model.channels]))

    def _direct(self, events: Mapping[str, float]) -> dict[str, float]:
        (result,) = self.method.cl_s(self._with(events), [1.0])
        return {"observed": _float(result.observed)} | {k: _float(v) for k, v in result.expected.as_dict().items()}

    @cached_property
    def _table(self) -> tuple[Array, dict[str, Array]]:
        """CL_s on a fine grid of ln(events), from which the maps of one region are read."""
        # Far below any background, where 1 - CL_s is linear in the events: the asymptotic one is a root of them above it.
        low = np.linspace(math.log(1e-9), math.log(1e-3), 140, endpoint=False)
        nodes = np.concatenate([low, np.linspace(math.log(1e-3), math.log(1e4), 622)])
        return nodes, self._evaluate(np.exp(nodes))

    def _evaluate(self, events: Array) -> dict[str, Array]:
        results = self.method.cl_s(self._model, [float(count) for count in events])
        values = {"observed": np.array([_float(item.observed) for item in results])}
        for level in BAND_QUANTILES:
            values[level] = np.array([_float(getattr(item.expected, level)) for item in results])
        return values

    def _curve(self, level: str, events: Array) -> Array:
        """CL_s from the table, by direct evaluation where neighbours are too far apart (CL_s jumps)."""
        nodes, table = self._table
        values = table[level]
        with np.errstate(divide="ignore"):
            logs = np.log(np.asarray(events, dtype=float))
        result = np.interp(logs, nodes, values)
        result = np.where(logs < nodes[0], 1.0 - (1.0 - values[0]) * np.exp(np.minimum(logs - nodes[0], 0.0)), result)
        # Linear interpolation errs by an eighth of the second difference; a jump shows as a large one.
        bend = np.zeros(len(nodes))
        bend[1:-1] = np.abs(np.diff(values, 2)) / 8
        cell = np.clip(np.searchsorted(nodes, logs) - 1, 0, len(nodes) - 2)
        rough = np.maximum(bend[cell], bend[cell + 1]) > CURVE_TOLERANCE
        rough &= (logs > nodes[0]) & (logs < nodes[-1])
        # Beyond the table CL_s is nothing, unless as many events were observed.
        beyond = logs > nodes[-1]
        result = np.where(beyond, 0.0, result)
        rough |= beyond & (values[-1] > NEGLIGIBLE_CL_S)
        if rough.any():
            result[rough] = self._evaluate(np.exp(logs[rough]))[level]
        return result


def _float(value: float | None) -> float:
    return math.nan if value is None else value
