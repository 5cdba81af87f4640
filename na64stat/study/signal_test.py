"""The statistical question of a study: whether this much signal in these regions of these runs is excluded.

A single channel depends on one number, the expected signal, so that its limit and CL_s are computed once as functions of that
number. Of several channels every point is a question of its own; `na64stat.study.maps.points` tabulates them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError, InputError, RegionError, did_you_mean
from na64stat.experiment.run import Run, runs_of
from na64stat.scenarios.base import Scenario
from na64stat.stats.exact.exact import Exact
from na64stat.stats.likelihood.counting import CountingChannel
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.workspace import BACKGROUND_FLOOR, check_regions
from na64stat.stats.limits import check_cl, check_combination, limit_of_model
from na64stat.stats.method import Method
from na64stat.stats.results import BAND_QUANTILES, ClsResult, Limit
from na64stat.yields.predict import region_events
from na64stat.yields.survival import DepthAverage
from na64stat.yields.systematics import variations

_LOG = logging.getLogger(__name__)

Array = NDArray[np.float64]

LEVELS = ("observed", *BAND_QUANTILES)
"""Names of the verdicts: the observed one and the expected band."""

CORRELATABLE: Final = ("efficiency", "mot")
"""Uncertainties that each run has for itself, unless they are named as correlated. The cross section is always common."""

NEGLIGIBLE_CL_S = 1e-12
"""Largest CL_s at the end of that curve that is taken as zero beyond it."""

CURVE_TOLERANCE = 1e-4
"""Largest error of CL_s read off the curve of one channel."""


@dataclass(frozen=True, eq=False)
class SignalTest:
    """Runs, regions of them, a method and a confidence level.

    Attributes
    ----------
    run
        One run, or several to combine.
    regions
        Regions that are combined, in each run.
    method, cl
        How it is asked.
    systematics
        With False the signal and background uncertainties are left out.
    correlated
        Uncertainties ("efficiency", "mot") that are one parameter in all runs.

    Raises
    ------
    InputError
        No run, one twice, or an uncertainty that is unknown.
    RegionError
        A run lacks a region, or the combination is refused.
    """

    run: Run | Sequence[Run]
    regions: tuple[str, ...]
    method: Method = field(default_factory=Exact)
    cl: float = 0.90
    systematics: bool = True
    correlated: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_cl(self.cl)
        if len(set(self.regions)) != len(self.regions) or not self.regions:
            raise RegionError(f"regions {list(self.regions)}: name at least one, each once")
        called = [run.name for run in runs_of(self.run)]
        if not called or len(set(called)) != len(called):
            raise InputError(f"runs {called}: expected at least one, each once")
        for name in self.correlated:
            if name not in CORRELATABLE:
                raise InputError(
                    f"correlated {name!r}: expected {' or '.join(CORRELATABLE)}; the cross section always is"
                    f"{did_you_mean(name, CORRELATABLE)}"
                )
        for run in self.runs:
            check_regions(run, self.regions)
        check_combination(self.model)

    def __getstate__(self) -> dict[str, Any]:
        # What is computed from these does not travel to other processes.
        return {name: vars(self)[name] for name in self.__dataclass_fields__}

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs."""
        return (self.run,) if isinstance(self.run, Run) else tuple(self.run)

    @property
    def run_name(self) -> str:
        """The runs in words, such as "2022 + 2023"."""
        return " + ".join(run.name for run in self.runs)

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels: region, or region_run where there are several runs."""
        return tuple(self.channel(region, run) for run in self.runs for region in self.regions)

    @property
    def levels(self) -> tuple[str, ...]:
        """The verdicts that exist: a projection has no observed one."""
        return LEVELS[1:] if self.is_projection else LEVELS

    @property
    def is_projection(self) -> bool:
        """True if counts are missing in a channel: then none are used."""
        return any(run.region(region).observed is None for run in self.runs for region in self.regions)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the runs and regions that take part."""
        return (*self._without_setting(), *self._unused_counts())

    def _without_setting(self) -> list[str]:
        """Channels for which the background setting in use has no number, so that they keep "none"."""
        return [
            f"{self.channel(region, run)}: no number for the background setting {run.background_setting}, so that it is 0 there"
            for run in self.runs
            for region in self.regions
            if run.background_setting != "none" and run.background_setting not in run.region(region).backgrounds
        ]

    def _unused_counts(self) -> tuple[str, ...]:
        seen = [
            f"{self.channel(region, run)} ({run.region(region).observed})"
            for run in self.runs
            for region in self.regions
            if run.region(region).observed is not None
        ]
        if not (self.is_projection and seen):
            return ()
        return (f"a run without observed counts makes the combination a projection; not used: {', '.join(seen)}",)

    @property
    def log_alpha(self) -> float:
        """ln(1 - cl)."""
        return math.log1p(-self.cl)

    @property
    def counts(self) -> Array:
        """Counts that matter in each channel: observed, or expected without signal, whichever is more, shape (C,)."""
        background = self.model.background_events
        return background if self.model.observed is None else np.maximum(background, self.model.observed)

    def channel(self, region: str, run: Run) -> str:
        """Name of the channel of a region in a run."""
        return region if len(self.runs) == 1 else f"{region}_{run.name}"

    def events(self, probe: Scenario, couplings: Array, average: DepthAverage) -> dict[str, Array]:
        """Expected signal in each channel for many couplings at the mass of `probe`, each of the shape of `couplings`."""
        found = {}
        for run in self.runs:
            for region, values in region_events(probe, run, couplings, self.regions, average).items():
                found[self.channel(region, run)] = values
        return found

    def model_of(self, events: Mapping[str, float], least_background: float = BACKGROUND_FLOOR) -> Model:
        """The counting model with these signal events per channel at mu = 1.

        Parameters
        ----------
        events
            Signal events by channel.
        least_background
            What stands for a background that is not stated [events], as in the workspaces that are written.
        """
        return Model.counting(
            [
                self._channel(run, region, events[self.channel(region, run)], least_background)
                for run in self.runs
                for region in self.regions
            ]
        )

    def _channel(self, run: Run, region: str, signal: float, least: float) -> CountingChannel:
        counted = run.region(region)
        background = counted.background
        effects: dict[str, tuple[float, float]] = {}
        if self.systematics and background.events > 0 and background.uncertainty > 0:
            up = 1 + background.uncertainty / background.events
            effects[f"background_{region}_{run.name}"] = (1 / up, up)
        observed = None if self.is_projection or counted.observed is None else float(counted.observed)
        events = max(background.events, least)
        return CountingChannel(self.channel(region, run), signal, events, self._effects(run), effects, observed)

    def _effects(self, run: Run) -> dict[str, tuple[float, float]]:
        """Uncertainties of the signal by the name of their parameter."""
        if not self.systematics:
            return {}
        common = {f"{name}_{run.name}": name for name in self.correlated}
        return {common.get(name, name): factors for name, factors in variations(run).items()}

    @cached_property
    def limit_in_events(self) -> Limit:
        """Limit on the signal events of a single channel."""
        (name,) = self.channels
        found = self.limit({name: 1.0})
        _LOG.info("limit on the signal events in %s, method %s: observed %s, median %s", name, self.method.name, found.observed,
                  found.expected.median)  # fmt: skip
        return found

    def limit(self, events: Mapping[str, float]) -> Limit:
        """Limit on the strength mu of a signal with these events per channel."""
        return limit_of_model(self._with(events), self.method, self.cl)

    def excess(self, events: Mapping[str, Array], cl_s: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """How far each point is beyond exclusion, by level: positive where excluded, about ln(events/limit).

        It is ln(events / limit) for one channel and ln(ln CL_s / ln(1 - cl)) for several, which is the same for a pure Poisson
        signal at zero counts and close to linear in ln(coupling) otherwise. Minus infinity where there is no signal.
        `cl_s` spares computing it again.
        """
        if len(self.channels) == 1:
            (name,) = self.channels
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
        """CL_s at mu = 1 of signals with these events per channel, by level.

        Parameters
        ----------
        events
            Channel -> events, shape (N,).
        failures
            If given, a point that cannot be computed is NaN in the result, and its reason stands here by its position.
        """
        if len(self.channels) == 1:
            (name,) = self.channels
            return {level: self._curve(level, events[name]) for level in self.levels}
        return self.direct(events, failures)

    def direct(self, events: Mapping[str, Array], failures: dict[int, str] | None = None) -> dict[str, Array]:
        """The same, each point evaluated by itself."""
        factors = np.column_stack([events[name] for name in self.model.channels])
        results: list[ClsResult | None] = []
        try:
            results += self.method.cl_s_of_signals(self.model, factors)
        except ComputationError:  # of which point comes out one by one
            for i in range(len(factors)):
                try:
                    results += self.method.cl_s_of_signals(self.model, factors[i : i + 1])
                except ComputationError as error:
                    if failures is None:
                        raise
                    failures[i] = str(error)
                    results.append(None)
        return {level: np.array([_level(result, level) for result in results]) for level in self.levels}

    def _limit_at(self, level: str) -> float:
        limit = self.limit_in_events
        value = limit.observed if level == "observed" else getattr(limit.expected, level)
        return math.inf if value is None else float(value)

    @cached_property
    def model(self) -> Model:
        """The model with one signal event in each channel: reading and checking a workspace costs more than a fit."""
        return self.model_of(dict.fromkeys(self.channels, 1.0))

    def _with(self, events: Mapping[str, float]) -> Model:
        return self.model.with_signal_scaled(np.array([events[name] for name in self.model.channels]))

    @cached_property
    def _table(self) -> tuple[Array, dict[str, Array]]:
        """CL_s on a fine grid of ln(events), from which the maps of one channel are read."""
        # Far below any background, where 1 - CL_s is linear in the events: the asymptotic one is a root of them above it.
        low = np.linspace(math.log(1e-9), math.log(1e-3), 140, endpoint=False)
        nodes = np.concatenate([low, np.linspace(math.log(1e-3), math.log(1e4), 622)])
        return nodes, self._evaluate(np.exp(nodes))

    def _evaluate(self, events: Array) -> dict[str, Array]:
        results = self.method.cl_s(self.model, [float(count) for count in events])
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


def _level(result: ClsResult | None, level: str) -> float:
    if result is None:
        return math.nan
    return _float(result.observed if level == "observed" else getattr(result.expected, level))


def _float(value: float | None) -> float:
    return math.nan if value is None else value
