"""A statistical model: the channels of a pyhf workspace as arrays.

`Model.from_workspace` reads every modifier of HistFactory; rates, densities and gradients are evaluated for many parameter
points at once by compiled code (`na64stat.stats.likelihood.kernel`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import check
from na64stat.errors import InputError, WorkspaceError
from na64stat.stats.likelihood._pyhf import patched, validate
from na64stat.stats.likelihood.counting import CountingChannel
from na64stat.stats.likelihood.interpolation import Interpolation, nominal_rates, turns_negative
from na64stat.stats.likelihood.parameters import Array, Gaussian, Parameter, Poisson
from na64stat.stats.likelihood.reader import Reader, measurement_of
from na64stat.stats.likelihood.sample import ChannelSample

if TYPE_CHECKING:
    from na64stat.stats.likelihood.kernel import Compiled

PROJECTION: Final = "projection"
"""Name of the measurement of a workspace without observed counts: its observations are placeholders."""

NO_STRENGTH: Final = ""
"""Name of the placeholder for the signal strength where a model has none; no workspace can use it."""

_CANCELS: Final = 1e-12
"""Negative totals down to this share of their samples are rounding: 0.3 - 0.1 - 0.2."""

NEGLIGIBLE_SIGNAL: Final = 1e-9
"""Share of the total signal below which the signal of a bin is neglected by the exact method."""


@dataclass(frozen=True, eq=False)
class Model:
    """Rates of B bins as functions of P parameters, one of them the signal strength mu, and the data.

    Attributes
    ----------
    channels, bin_channel
        Names of the channels, and the channel index of each bin, shape (B,).
    observed
        Counts, shape (B,), or None for a projection.
    parameters, poi
        The parameters, and the position of mu among them.
    rows
        The samples.
    interpolation
        Codes of normsys and histosys.
    remarks
        Anything about the workspace that a reader of any result should know.
    interest
        Position of a parameter of interest that is not the strength of a signal; None if there is none, or if it is `poi`.
    """

    channels: tuple[str, ...]
    bin_channel: NDArray[np.intp]
    observed: Array | None
    parameters: tuple[Parameter, ...]
    poi: int
    rows: tuple[ChannelSample, ...]
    interpolation: Interpolation = field(default_factory=Interpolation)
    remarks: tuple[str, ...] = ()
    interest: int | None = None

    @classmethod
    def from_workspace(
        cls,
        workspace: Mapping[str, Any],
        regions: Sequence[str] | None = None,
        *,
        patch: Sequence[Mapping[str, Any]] | None = None,
        measurement: str | None = None,
        poi: str | None = None,
        only_fits: bool = False,
        interpolation: Interpolation = Interpolation(),  # noqa: B008  # frozen
    ) -> Model:
        """Read a pyhf workspace with normfactor, lumi, normsys, histosys, shapesys, staterror and shapefactor.

        Parameters
        ----------
        workspace
            A pyhf workspace.
        regions
            Channel, or several in this order; default all.
        patch
            A JSON patch to apply to the workspace first.
        measurement
            Name of the measurement; default the first.
        poi
            Name of the parameter of interest; default the measurement's.
        only_fits
            Allow a parameter of interest that is not a signal strength, or none at all, as in a background-only workspace.
        interpolation
            Codes of normsys and histosys; default pyhf's.

        Raises
        ------
        WorkspaceError
            The workspace breaks pyhf's schema or does not define a model: a negative or non-finite rate, unequal numbers of
            bins, an unknown modifier, one name for two constraints, no parameter of interest.
        RegionError
            A named region is not a channel of the workspace.
        """
        if patch is not None:
            workspace = patched(workspace, patch)
        validate(workspace)
        chosen = measurement_of(workspace, measurement)
        reader = Reader(workspace, regions, chosen, not only_fits, poi)
        parameters = list(reader.parameters)
        strength, interest = reader.poi_index if reader.poi else None, None
        remarks = _remarks(None if strength is None else parameters[strength], reader, interpolation)
        if strength is not None and reader.has_strength:
            # An upper bound of mu is the range of a scan, which a weak signal may exceed.
            parameters[strength] = replace(parameters[strength], upper=np.inf, fixed=False)
        else:  # a placeholder, since fits hold or vary a strength
            interest, strength = strength, len(parameters)
            parameters.append(Parameter(NO_STRENGTH, 0.0, 0.0, np.inf, fixed=True))
        model = cls(
            tuple(channel["name"] for channel in reader.channels),
            np.repeat(np.arange(len(reader.sizes)), reader.sizes),
            None if chosen["name"] == PROJECTION else reader.counts(),
            tuple(parameters),
            strength,
            tuple(reader.rows),
            interpolation,
            remarks,
            interest,
        )
        _check_totals(model)
        return model

    @classmethod
    def counting(cls, channels: Sequence[CountingChannel]) -> Model:
        """Regions with one count each, a signal of strength mu and a background; a projection if no count was observed.

        Parameters
        ----------
        channels
            One entry per region.

        Raises
        ------
        InputError
            If some of the counts are missing and others are not.
        """
        counts = [channel.observed for channel in channels]
        if len({count is None for count in counts}) > 1:
            raise InputError("counting model: some channels have a count and others none; expected all or none")
        numbers: dict[str, int] = {"mu": 0}
        rows = []
        for c, channel in enumerate(channels):
            parts = (
                ("signal", channel.signal, channel.signal_effects),
                ("background", channel.background, channel.background_effects),
            )
            for sample, events, effects in parts:
                normsys = tuple(
                    (numbers.setdefault(name, len(numbers)), up, down) for name, (down, up) in effects.items()
                )
                factors = (0,) if sample == "signal" else ()
                rows.append(
                    ChannelSample(c, sample, np.array([c]), np.array([float(events)]), factors, normsys, (), ())
                )
        strength = Parameter("mu", 1.0, 0.0, np.inf)
        others = (Parameter(name, 0.0, -np.inf, np.inf, constraint=Gaussian(0.0, 1.0)) for name in list(numbers)[1:])
        return cls(
            tuple(channel.name for channel in channels),
            np.arange(len(channels)),
            None if None in counts else np.array(counts, dtype=np.float64),
            (strength, *others),
            0,
            tuple(rows),
        )

    @property
    def has_strength(self) -> bool:
        """True if the parameter of interest is the strength of a signal; otherwise only fits are possible."""
        return self.parameters[self.poi].name != NO_STRENGTH

    @property
    def bins(self) -> int:
        """Number of bins B."""
        return len(self.bin_channel)

    @cached_property
    def bin_names(self) -> tuple[str, ...]:
        """Names of the bins: that of the channel, with a number where it has several."""
        sizes = np.bincount(self.bin_channel)
        first = np.concatenate([[0], np.cumsum(sizes)])
        return tuple(
            self.channels[c] if sizes[c] == 1 else f"{self.channels[c]}[{b - first[c]}]"
            for b, c in enumerate(self.bin_channel)
        )

    @cached_property
    def inits(self) -> Array:
        """Starting values given in the file, shape (P,); only those of fixed parameters affect a result."""
        return np.array([parameter.init for parameter in self.parameters])

    @cached_property
    def starts(self) -> Array:
        """Starting values of fits, at which rates are also quoted, shape (P,)."""
        return np.array([parameter.start for parameter in self.parameters])

    @cached_property
    def constrained(self) -> NDArray[np.intp]:
        """Positions of the constrained parameters, shape (C,)."""
        return np.array([i for i, item in enumerate(self.parameters) if item.constraint is not None], dtype=np.intp)

    @cached_property
    def auxiliary(self) -> Array:
        """Observed auxiliary data, shape (C,)."""
        constraints = (self.parameters[i].constraint for i in self.constrained)
        return np.array([c.centre if isinstance(c, Gaussian) else c.count for c in constraints if c is not None])

    @cached_property
    def signal_events(self) -> Array:
        """Signal events per bin at mu = 1, shape (B,)."""
        return nominal_rates(self.signal_only, self.with_mu(1.0)[0])

    @cached_property
    def background_events(self) -> Array:
        """Background events per bin, shape (B,)."""
        return nominal_rates(self, self.with_mu(0.0)[0])

    @cached_property
    def unit(self) -> float:
        """Total signal events at mu = 1. Fits use mu times this, so that its size does not matter."""
        total = float(sum(np.abs(row.nominal).sum() for row in self.signal_rows))
        return total if total > 0 else 1.0

    @cached_property
    def largest_mu(self) -> float:
        """Largest strength at which every rate is >= 0; infinite unless the signal removes events (interference)."""
        lost = np.maximum(-self.signal_events, 0.0)
        taken = lost > 0
        return float(np.min(self.background_events[taken] / lost[taken], initial=math.inf))

    @cached_property
    def has_negative_samples(self) -> bool:
        """True if a sample removes events, so that uncertainties may turn a total negative."""
        return any((row.nominal < 0).any() for row in self.rows)

    @property
    def signal_rows(self) -> tuple[ChannelSample, ...]:
        """Samples proportional to mu."""
        return tuple(row for row in self.rows if self.poi in row.factors)

    @cached_property
    def signal_only(self) -> Model:
        """The model restricted to the samples proportional to mu."""
        return replace(self, rows=self.signal_rows)

    @cached_property
    def compiled(self) -> Compiled:
        """The model in the form of the compiled code, mu in events."""
        from na64stat.stats.likelihood.tables import compile_model

        return compile_model(self)

    @property
    def shares_parameters(self) -> bool:
        """True if a nuisance parameter that is not fixed moves both signal and background."""
        signal = set().union(*(row.parameters for row in self.signal_rows)) - {self.poi}
        others = set().union(*(row.parameters for row in self.rows if self.poi not in row.factors))
        return any(not self.parameters[i].fixed for i in signal & others)

    def rates(self, parameters: Array) -> Array:
        """Expected counts, shape (N, B), for parameters of shape (N, P).

        Parameters
        ----------
        parameters
            Parameter points, shape (N, P).
        """
        from na64stat.stats.likelihood import kernel

        return kernel.rates(self.compiled, self.scaled(parameters))

    def logpdf(self, parameters: Array, counts: Array | None = None, auxiliary: Array | None = None) -> Array:
        """Natural logarithm of the probability density of counts and auxiliary data, shape (N,).

        Minus infinity where the model forbids the data.

        Parameters
        ----------
        parameters
            Parameter points, shape (N, P).
        counts, auxiliary
            Shapes (B,) or (N, B), and (C,) or (N, C); default the observed ones.
        """
        from na64stat.stats.likelihood import kernel

        counts, auxiliary = self.data(len(parameters), counts, auxiliary)
        values = kernel.values(self.compiled, self.scaled(parameters), counts, auxiliary)
        return self.saturated(counts, auxiliary) - values

    def gradient(self, parameters: Array, counts: Array | None = None, auxiliary: Array | None = None) -> Array:
        """Derivatives of `logpdf` with respect to the parameters, shape (N, P).

        Parameters
        ----------
        parameters
            Parameter points, shape (N, P).
        counts, auxiliary
            Data, shapes (N, B) and (N, C); default the observed ones.
        """
        from na64stat.stats.likelihood import kernel

        counts, auxiliary = self.data(len(parameters), counts, auxiliary)
        slopes = -kernel.gradients(self.compiled, self.scaled(parameters), counts, auxiliary)
        slopes[:, self.poi] *= self.unit
        return slopes

    def data(self, number: int, counts: Array | None, auxiliary: Array | None) -> tuple[Array, Array]:
        """Counts (N, B) and auxiliary data (N, C), the observed ones by default.

        Parameters
        ----------
        number
            Number of data sets N.
        counts, auxiliary
            Data, shapes (B,) or (N, B), and (C,) or (N, C); None for the observed ones.

        Raises
        ------
        InputError
            If the observed counts are needed and there are none, as in a projection, or for any other shape.
        """
        if counts is None:
            if self.observed is None:
                raise InputError("counts: a projection has no observed ones; give them")
            counts = self.observed
        auxiliary = self.auxiliary if auxiliary is None else auxiliary
        arrays = []
        for what, values, size in (("counts", counts, self.bins), ("auxiliary", auxiliary, len(self.auxiliary))):
            array = np.asarray(values, dtype=np.float64)
            if array.shape not in ((size,), (number, size)):
                raise InputError(f"{what}: shape {array.shape}; expected ({size},) or ({number}, {size})")
            arrays.append(np.ascontiguousarray(np.broadcast_to(array, (number, size))))
        return arrays[0], arrays[1]

    def saturated(self, counts: Array, auxiliary: Array) -> Array:
        """`logpdf` where every rate equals its count and every parameter its measurement, shape (N,).

        Parameters
        ----------
        counts, auxiliary
            Data, shapes (N, B) and (N, C).
        """
        from scipy.special import gammaln, xlogy

        total: Array = (xlogy(counts, counts) - counts - gammaln(counts + 1)).sum(axis=1)
        for column, i in zip(auxiliary.T, self.constrained, strict=True):
            constraint = self.parameters[i].constraint
            if isinstance(constraint, Poisson):
                total = total + xlogy(column, column) - column - gammaln(column + 1)
            elif isinstance(constraint, Gaussian):
                total = total - 0.5 * np.log(2 * np.pi) - np.log(constraint.sigma)
        return total

    def scaled(self, parameters: Array) -> Array:
        """Parameters in the units of the compiled code, shape (N, P).

        Parameters
        ----------
        parameters
            Parameter points, shape (N, P).

        Raises
        ------
        InputError
            For any other shape.
        """
        result = np.array(parameters, dtype=np.float64, ndmin=2, order="C")
        if result.shape[1] != len(self.parameters):
            raise InputError(f"parameters: {result.shape[1]} columns; expected {len(self.parameters)}, one a parameter")
        result[:, self.poi] *= self.unit
        return result

    def with_mu(self, mu: Array | float, parameters: Array | None = None) -> Array:
        """Parameters (default: `starts`) with these signal strengths, shape (N, P).

        Parameters
        ----------
        mu
            Signal strengths [1], a number or shape (N,).
        parameters
            All parameters, shape (N, P); default `starts`.
        """
        base = self.starts[None, :] if parameters is None else np.atleast_2d(parameters)
        strengths = np.atleast_1d(np.asarray(mu, dtype=np.float64))
        result = np.array(np.broadcast_to(base, (max(len(base), len(strengths)), base.shape[1])))
        result[:, self.poi] = strengths
        return result

    def split_rates(self, parameters: Array) -> tuple[Array, Array]:
        """Signal at mu = 1 and background at parameters (N, P), both (N, B); negative rates are set to zero.

        Linear shifts (lumi, histosys) can reach negative rates far out.

        Parameters
        ----------
        parameters
            Parameter points, shape (N, P).
        """
        signal = self.signal_only.rates(self.with_mu(1.0, parameters)) if self.signal_rows else 0.0
        background = self.rates(self.with_mu(0.0, parameters))
        return np.maximum(np.broadcast_to(signal, background.shape), 0.0), np.maximum(background, 0.0)

    def at_deviates(self, deviates: Array) -> Array:
        """Parameters at unit Gaussian deviates (N, C) of the constraints, others at their start, mu = 0; shape (N, P).

        Parameters
        ----------
        deviates
            Distances from the auxiliary measurements in standard deviations, shape (N, C).
        """
        result = np.repeat(self.with_mu(0.0), len(deviates), axis=0)
        for column, i in zip(deviates.T, self.constrained, strict=True):
            parameter = self.parameters[i]
            if parameter.constraint is not None and not parameter.fixed:
                result[:, i] = np.maximum(parameter.constraint.at(column), max(parameter.lower, -np.inf))
        return result

    def moved_by(self, parameters: set[int]) -> NDArray[np.bool_]:
        """Mask of the deviates of `at_deviates` that move any of these parameters, shape (C,).

        Parameters
        ----------
        parameters
            Positions of parameters.
        """
        return np.array([i in parameters for i in self.constrained], dtype=bool)

    def with_signal_scaled(self, factor: float | Array) -> Model:
        """The model with every signal sample multiplied by `factor`, one number or one per channel.

        Parameters
        ----------
        factor
            A factor [1], or one for each channel.
        """
        per_channel = np.broadcast_to(np.asarray(factor, dtype=float), (len(self.channels),))
        rows = tuple(
            row.scaled(float(per_channel[row.channel])) if self.poi in row.factors else row for row in self.rows
        )
        return replace(self, rows=rows)

    def with_observed(self, counts: Array) -> Model:
        """The model with other observed counts.

        Parameters
        ----------
        counts
            Counts, shape (B,).
        """
        return replace(self, observed=np.asarray(counts, dtype=np.float64))

    def without_empty_bins(self) -> Model:
        """Drop bins with neither signal nor background, which carry no information; a model without any signal is kept whole."""
        return self._keep((self.signal_events > 0) | (self.background_events > 0))

    def _keep(self, keep: NDArray[np.bool_]) -> Model:
        return self if keep.all() or not self.signal_events.any() else self.select(np.flatnonzero(keep))

    def select(self, bins: Sequence[int] | NDArray[np.intp]) -> Model:
        """Keep these bins, in this order, and the parameters that they use.

        Parameters
        ----------
        bins
            Positions of the bins.
        """
        bins = np.asarray(bins, dtype=np.intp)
        position = np.full(self.bins, -1)
        position[bins] = np.arange(len(bins))
        kept_channels = list(dict.fromkeys(self.bin_channel[bins].tolist()))
        rows = [row.within(position[row.bins] >= 0) for row in self.rows if (position[row.bins] >= 0).any()]
        used = sorted({self.poi}.union(*(row.parameters for row in rows)))
        new = np.full(len(self.parameters), -1)
        new[used] = np.arange(len(used))
        return replace(
            self,
            channels=tuple(self.channels[c] for c in kept_channels),
            bin_channel=np.array([kept_channels.index(c) for c in self.bin_channel[bins]], dtype=np.intp),
            observed=None if self.observed is None else self.observed[bins],
            parameters=tuple(self.parameters[i] for i in used),
            poi=int(new[self.poi]),
            rows=tuple(row.renumbered(kept_channels.index(row.channel), position, new) for row in rows),
        )


def _check_totals(model: Model) -> None:
    """Refuse bins with negative totals at mu = 0 or at the start of a fit; a single sample may be negative (interference)."""
    if not model.has_negative_samples:
        return
    rates, sizes = model.background_events, np.zeros(model.bins)
    for row in model.rows:
        np.add.at(sizes, row.bins, np.abs(row.nominal))
    for b in np.flatnonzero(rates < -_CANCELS * sizes):
        parts = [
            f"{row.sample} {row.nominal[row.bins == b][0]:g}"
            for row in model.rows
            if b in row.bins and model.poi not in row.factors
        ]
        raise WorkspaceError(
            f"channel {model.channels[model.bin_channel[b]]!r}, bin {model.bin_names[b]}: {rates[b]:g} events expected without "
            f"signal ({', '.join(parts)}); samples may be negative, but expected a total of at least 0"
        )


def _remarks(poi: Parameter | None, reader: Reader, interpolation: Interpolation) -> tuple[str, ...]:
    """Settings of a workspace that are overridden here, or unusual."""
    remarks = []
    if poi is not None and poi.fixed and reader.has_strength:
        remarks.append(
            f"{poi.name} is fixed in the measurement; as the parameter of interest it is tested and fitted all the same"
        )
    for row in reader.rows:
        for i, hi, lo in row.normsys:
            if interpolation.normsys == 4 and turns_negative(hi, lo):
                remarks.append(
                    f"normsys {reader.parameters[i].name!r} of {reader.channels[row.channel]['name']}, {row.sample} "
                    f"(hi = {hi:g}, lo = {lo:g}): interpolation code 4 is negative within 1 sigma; taken as pyhf takes it"
                )
    return tuple(remarks)


def check_model(model: object) -> None:
    """Refuse anything but a model, such as its workspace, with an InputError."""
    check("model", model, Model, "expected a Model, such as Model.from_workspace(workspace)")
