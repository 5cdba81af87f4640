"""Protocols of the records that figures draw; those of `na64stat.stats` and `na64stat.experiment` fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Parameter(Protocol):
    """A fitted parameter."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def value(self) -> float: ...  # noqa: D102
    @property
    def error(self) -> float | None: ...  # noqa: D102
    @property
    def pull(self) -> float | None: ...  # noqa: D102
    @property
    def constraint(self) -> float | None: ...  # noqa: D102


class Fit(Protocol):
    """A best fit."""

    @property
    def parameters(self) -> Sequence[Parameter]: ...  # noqa: D102
    @property
    def free_names(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def correlation(self) -> Array | None: ...  # noqa: D102


class Impact(Protocol):
    """Shifts of mu-hat by one parameter."""

    @property
    def parameter(self) -> Parameter: ...  # noqa: D102
    @property
    def down(self) -> float | None: ...  # noqa: D102
    @property
    def up(self) -> float | None: ...  # noqa: D102
    @property
    def prefit_down(self) -> float | None: ...  # noqa: D102
    @property
    def prefit_up(self) -> float | None: ...  # noqa: D102


class Ranking(Protocol):
    """Impacts, the largest first."""

    @property
    def ranking(self) -> Sequence[Impact]: ...  # noqa: D102


class Scan(Protocol):
    """-2 ln L along a parameter."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def best(self) -> float: ...  # noqa: D102
    @property
    def values(self) -> Array: ...  # noqa: D102
    @property
    def rise(self) -> Array: ...  # noqa: D102
    @property
    def levels(self) -> Mapping[str, float]: ...  # noqa: D102
    @property
    def crossings(self) -> Mapping[str, Sequence[float]]: ...  # noqa: D102


class Limit(Protocol):
    """An upper limit or an interval."""

    @property
    def observed(self) -> float | None: ...  # noqa: D102
    @property
    def lower(self) -> float | None: ...  # noqa: D102
    @property
    def expected(self) -> Iterable[float | None]: ...  # noqa: D102
    @property
    def cl(self) -> float: ...  # noqa: D102


class Hypothesis(Protocol):
    """CL_s of one signal strength."""

    @property
    def observed(self) -> float | None: ...  # noqa: D102
    @property
    def expected(self) -> Iterable[float | None]: ...  # noqa: D102


class EfficiencyCurve(Protocol):
    """A signal efficiency against the effective mass, as `na64stat.experiment.efficiency.Efficiency`."""

    @property
    def masses(self) -> Sequence[float]: ...  # noqa: D102
    @property
    def values(self) -> Sequence[float]: ...  # noqa: D102
    @property
    def point_masses(self) -> Sequence[float]: ...  # noqa: D102
    @property
    def point_values(self) -> Sequence[float]: ...  # noqa: D102
