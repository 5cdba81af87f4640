"""A counting model: one or more single-bin channels of a pyhf workspace, as arrays.

`CountingModel.from_workspace` accepts normfactor, lumi and normsys; anything else is refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import RegionError, WorkspaceError
from na64stat.stats._pyhf import validate
from na64stat.stats.interpolation import Array, LogFactors

PROJECTION: Final = "projection"
"""Name of the measurement of a workspace without observed counts: its observations are placeholders."""

NEGLIGIBLE_SIGNAL: Final = 1e-9
"""A channel whose signal is below this share of the total has no part in the inference."""

LARGEST_LOG: Final = 300.0
"""Where a trial step of a fit may take the logarithm of a factor; far beyond any fitted value, and safe to exponentiate."""


@dataclass(frozen=True, eq=False)
class CountingModel:
    """Rates nu_r(mu, theta) = sum_s rate_s mu^[s is signal] factor_s(theta) with unit Gaussian constraints on theta.

    Attributes
    ----------
    channels
        Names of the R channels.
    observed
        Counts, shape (R,), or None for a projection.
    rate
        Nominal events of each of the S samples, shape (S,).
    channel
        Channel index of each sample, shape (S,).
    signal
        Which samples are proportional to mu, shape (S,).
    parameters
        Names of the K constrained parameters.
    factors
        Logarithms of the constrained factors.
    """

    channels: tuple[str, ...]
    observed: Array | None
    rate: Array
    channel: NDArray[np.intp]
    signal: NDArray[np.bool_]
    parameters: tuple[str, ...]
    factors: LogFactors

    @classmethod
    def from_workspace(cls, workspace: Mapping[str, Any], regions: Sequence[str] | None = None) -> CountingModel:
        """Read the named channels (default: all) of the first measurement of a pyhf workspace.

        Raises
        ------
        WorkspaceError
            The workspace breaks pyhf's schema, or holds what a counting model cannot: a modifier of another type, several
            bins, a negative or non-finite rate, a free parameter without constraint, no parameter of interest.
        RegionError
            A named region is not a channel of the workspace.
        """
        validate(workspace)
        return _Reader(workspace, regions).model()

    @property
    def signal_events(self) -> Array:
        """Nominal signal events per channel at mu = 1, shape (R,)."""
        return self._sum(self.rate * self.signal)

    @property
    def background_events(self) -> Array:
        """Nominal background events per channel, shape (R,)."""
        return self._sum(self.rate * ~self.signal)

    @property
    def sample_channels(self) -> Array:
        """Which sample feeds which channel, 1 or 0, shape (S, R)."""
        return np.asarray(self.channel[:, None] == np.arange(len(self.channels)), dtype=float)

    @property
    def shares_parameters(self) -> bool:
        """Whether a nuisance parameter moves both signal and background."""
        moved = [
            set(self.factors.parameter[self.signal[self.factors.sample] == kind].tolist()) for kind in (True, False)
        ]
        return bool(moved[0] & moved[1])

    def split_rates(self, theta: Array) -> tuple[Array, Array]:
        """Signal at mu = 1 and background per channel for parameters (N, K), both (N, R)."""
        rates = self.rate * np.exp(np.minimum(self.factors(theta), LARGEST_LOG))
        return (rates * self.signal) @ self.sample_channels, (rates * ~self.signal) @ self.sample_channels

    def with_signal_scaled(self, factor: float | Array) -> CountingModel:
        """The same model with every signal sample multiplied by `factor`, a number or one each channel, shape (R,)."""
        per_channel = np.broadcast_to(np.asarray(factor, dtype=float), (len(self.channels),))
        return replace(self, rate=np.where(self.signal, self.rate * per_channel[self.channel], self.rate))

    def without_negligible_channels(self) -> CountingModel:
        """Drop the channels that hold less than 1e-9 of the signal; a model without any signal stays whole."""
        events = self.signal_events
        keep = events >= NEGLIGIBLE_SIGNAL * events.sum()
        return self if keep.all() or events.sum() == 0 else self.select([int(i) for i in np.flatnonzero(keep)])

    def without_empty_channels(self) -> CountingModel:
        """Drop channels with neither signal nor background, which say nothing; a model without any signal stays whole."""
        keep = (self.signal_events > 0) | (self.background_events > 0)
        return (
            self if keep.all() or not self.signal_events.any() else self.select([int(i) for i in np.flatnonzero(keep)])
        )

    def select(self, channels: Sequence[int]) -> CountingModel:
        """Keep the channels with these indices and the parameters that they use."""
        samples = np.flatnonzero(np.isin(self.channel, channels))
        new_sample = {int(old): new for new, old in enumerate(samples)}
        pairs = [i for i, sample in enumerate(self.factors.sample) if int(sample) in new_sample]
        used = sorted({int(self.factors.parameter[i]) for i in pairs})
        new_parameter = {old: new for new, old in enumerate(used)}
        factors = LogFactors(
            np.array([new_sample[int(self.factors.sample[i])] for i in pairs], dtype=np.intp),
            np.array([new_parameter[int(self.factors.parameter[i])] for i in pairs], dtype=np.intp),
            self.factors.log_hi[pairs],
            self.factors.log_lo[pairs],
            self.factors.polynomial[pairs],
            self.factors.linear[pairs],
            (len(samples), len(used)),
        )
        return CountingModel(
            tuple(self.channels[i] for i in channels),
            None if self.observed is None else self.observed[list(channels)],
            self.rate[samples],
            np.array([list(channels).index(int(c)) for c in self.channel[samples]], dtype=np.intp),
            self.signal[samples],
            tuple(self.parameters[i] for i in used),
            factors,
        )

    def _sum(self, per_sample: Array) -> Array:
        return per_sample @ self.sample_channels


class _Reader:
    """Reads one workspace; split from the model so that the model stays plain data."""

    def __init__(self, workspace: Mapping[str, Any], regions: Sequence[str] | None) -> None:
        self.measurement = workspace["measurements"][0]
        self.poi = self.measurement["config"]["poi"]
        if not self.poi:
            raise WorkspaceError(
                "workspace: measurement has no parameter of interest (`poi` is empty); a limit needs one"
            )
        self.settings = {item["name"]: item for item in self.measurement["config"]["parameters"]}
        self.observations = {item["name"]: item["data"] for item in workspace["observations"]}
        doubled = [item["name"] for item in workspace["channels"]]
        if len(set(doubled)) != len(doubled):
            raise WorkspaceError(f"workspace: channels {', '.join(doubled)}: each name once is right")
        by_name = {item["name"]: item for item in workspace["channels"]}
        names = list(by_name) if regions is None else list(regions)
        for name in names:
            if name not in by_name:
                raise RegionError(f"region {name!r}: not a channel of the workspace; it has {', '.join(by_name)}")
        if not names or len(set(names)) != len(names):
            raise RegionError(f"regions {names}: name at least one channel, each once")
        self.channels = [by_name[name] for name in names]
        self.parameters: list[str] = []
        self.pairs: list[tuple[int, int, float, float, float]] = []

    def model(self) -> CountingModel:
        rates: list[float] = []
        channel_of: list[int] = []
        signal: list[bool] = []
        for index, (channel, sample) in self._samples():
            where = f"channel {channel['name']!r}, sample {sample['name']!r}"
            rate = _single_bin(sample["data"], where)
            scale, power = self._modifiers(len(rates), sample["modifiers"], where)
            rates.append(rate * scale)
            signal.append(power)
            channel_of.append(index)
        if not any(signal):
            raise WorkspaceError(f"workspace: no sample carries the parameter of interest {self.poi!r}")
        return CountingModel(
            tuple(channel["name"] for channel in self.channels),
            self._observed(),
            np.array(rates),
            np.array(channel_of, dtype=np.intp),
            np.array(signal, dtype=bool),
            tuple(self.parameters),
            LogFactors.build(self.pairs, (len(rates), len(self.parameters))),
        )

    def _samples(self) -> Iterator[tuple[int, tuple[dict[str, Any], dict[str, Any]]]]:
        for index, channel in enumerate(self.channels):
            for sample in channel["samples"]:
                yield index, (channel, sample)

    def _observed(self) -> Array | None:
        if self.measurement["name"] == PROJECTION:
            return None
        counts = []
        for channel in self.channels:
            name = channel["name"]
            if name not in self.observations:
                raise WorkspaceError(f"channel {name!r}: no observation of that name in the workspace")
            counts.append(_single_bin(self.observations[name], f"observation {name!r}"))
        return np.array(counts)

    def _modifiers(self, sample: int, modifiers: Sequence[Mapping[str, Any]], where: str) -> tuple[float, bool]:
        """Constant factor of a sample and whether it is proportional to mu; constrained factors go to `pairs`."""
        scale, powers = 1.0, 0
        for modifier in modifiers:
            name, kind, data = modifier["name"], modifier["type"], modifier["data"]
            settings = self.settings.get(name, {})
            if kind == "normfactor" and name == self.poi:
                powers += 1
            elif kind == "normfactor":
                if not settings.get("fixed"):
                    raise WorkspaceError(
                        f"{where}: normfactor {name!r} is free and has no constraint; fix it or use normsys"
                    )
                scale *= settings.get("inits", [1.0])[0]
            elif kind == "normsys":
                self._normsys(sample, name, data, settings, where)
            elif kind == "lumi":
                scale *= self._lumi(sample, name, settings, where)
            else:
                raise WorkspaceError(
                    f"{where}: modifier {name!r} has type {kind!r}; a counting model knows normfactor, lumi and normsys"
                )
        if powers > 1:
            raise WorkspaceError(
                f"{where}: the parameter of interest {self.poi!r} stands {powers} times; once is right"
            )
        return scale, powers == 1

    def _normsys(
        self, sample: int, name: str, data: Mapping[str, float], settings: Mapping[str, Any], where: str
    ) -> None:
        hi, lo = float(data["hi"]), float(data["lo"])
        if not (0 < hi < math.inf and 0 < lo < math.inf):
            raise WorkspaceError(
                f"{where}: normsys {name!r} has hi = {hi:g}, lo = {lo:g}; both must be positive and finite"
            )
        if settings.get("fixed"):
            if settings.get("inits", [0.0])[0] != 0:
                raise WorkspaceError(f"{where}: normsys {name!r} is fixed away from 0, which is not supported")
            return
        if any(key in settings for key in ("auxdata", "sigmas")):
            raise WorkspaceError(
                f"{where}: normsys {name!r} sets its own auxdata or sigmas; only the standard ones, 0 and 1, are supported"
            )
        self.pairs.append((sample, self._parameter(name), hi, lo, 0.0))

    def _lumi(self, sample: int, name: str, settings: Mapping[str, Any], where: str) -> float:
        try:
            centre, sigma = float(settings["auxdata"][0]), float(settings["sigmas"][0])
        except (KeyError, IndexError):
            message = f"{where}: lumi {name!r} needs `auxdata` and `sigmas` in the measurement's parameters"
            raise WorkspaceError(message) from None
        if not (0 < centre < math.inf and 0 <= sigma < centre):
            raise WorkspaceError(
                f"{where}: lumi {name!r} has auxdata {centre:g}, sigma {sigma:g}; need 0 <= sigma < auxdata"
            )
        if settings.get("fixed"):
            return float(settings.get("inits", [centre])[0])
        self.pairs.append((sample, self._parameter(name), 1.0, 1.0, sigma / centre))
        return centre

    def _parameter(self, name: str) -> int:
        if name not in self.parameters:
            self.parameters.append(name)
        return self.parameters.index(name)


def _single_bin(data: Sequence[float], where: str) -> float:
    if len(data) != 1:
        raise WorkspaceError(f"{where}: {len(data)} bins; a counting model has one bin per channel")
    try:
        value = float(data[0])
    except OverflowError:
        value = math.inf
    if not (math.isfinite(value) and value >= 0):
        raise WorkspaceError(f"{where}: {value} events; a finite number >= 0 is right")
    return value
