"""Where a signal event appears in the (E_CAL, p_out) plane.

A particle that takes the fraction x of the muon's energy E0 puts the event at p_out = (1-x) E0 and at
E_CAL = E_mip ("invisible": it leaves unseen) or E_mip + x E0 ("visible": a calorimeter swallows it). For a given E0 the
two are independent Gaussians; the average over the beam's energy correlates them.

`Response.acceptance` is the probability of a region, `na64stat.experiment.acceptance.acceptance_curve` its spline for many calls,
`Response.plane_counts` a spectrum over the bins of the plane.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64stat.errors import InputError
from na64stat.plane import Binning, Region

Array = NDArray[np.float64]
Channel = Literal["visible", "invisible"]
CHANNELS: Final = ("visible", "invisible")

_REACH: Final = 6.5  # of the beam's and the momentum's Gaussians, in standard deviations: 1e-10 lies beyond
_LARGEST: Final = 1e100  # the squares of larger numbers overflow
_MOST_BEAM_NODES: Final = 400
_BLOCK: Final = 64  # values of x treated at once: bounds the memory of the diagonal cut


@dataclass(frozen=True)
class Response:
    """Gaussian response of beam, calorimeters and spectrometer.

    Attributes
    ----------
    beam_energy, beam_spread
        Muon energy and its standard deviation [GeV].
    mip_energy, mip_spread
        Energy that a muon alone leaves in all calorimeters, and its standard deviation [GeV].
    momentum_resolution
        sigma(p)/p of the outgoing muon [1].
    shower_stochastic, shower_constant
        sigma(E)/E = stochastic/sqrt(E/GeV) (+) constant for a shower of energy E [GeV^0.5, 1].

    Notes
    -----
    E_CAL below 0 stays in a region without a lower cut but not in a plane that begins at 0: with the packaged
    numbers 7e-6 of the events are lost there, none at p_out below 0.
    """

    beam_energy: float
    beam_spread: float
    mip_energy: float
    mip_spread: float
    momentum_resolution: float
    shower_stochastic: float
    shower_constant: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"response: {name} = {value} must be a finite number and not negative")
            if value > _LARGEST:
                raise InputError(f"response: {name} = {value:g}; expected at most {_LARGEST:g}")
        if not self.beam_energy > 6 * self.beam_spread:
            raise InputError(f"response: beam_energy {self.beam_energy} must exceed six times beam_spread")
        _beam_rule(self)

    def spread(self, channel: Channel, x: Array, beam_energy: Array | float) -> tuple[Array, Array, Array, Array]:
        """Mean and standard deviation of E_CAL and of p_out [GeV], in this order, for one muon energy [GeV].

        Parameters
        ----------
        channel
            "visible" or "invisible".
        x
            Energy fractions [1].
        beam_energy
            Energy of the muon [GeV].
        """
        p_true = (1 - x) * beam_energy
        shower = x * beam_energy if channel == "visible" else 0.0 * p_true
        variance = self.mip_spread**2 + self.shower_stochastic**2 * shower + (self.shower_constant * shower) ** 2
        return self.mip_energy + shower, np.sqrt(variance), p_true, self.momentum_resolution * p_true

    def acceptance(self, region: Region, channel: Channel, x: ArrayLike) -> Array:
        """Probability [1] that an event with energy fraction x is measured inside a region, shape of x.

        Parameters
        ----------
        region
            The region.
        channel
            "visible" or "invisible".
        x
            Energy fractions [1].

        Raises
        ------
        InputError
            For an unknown channel or x outside [0, 1].
        """
        x = _checked(channel, x)
        flat = x.reshape(-1)
        energies, weights = _beam_rule(self)
        probability = np.empty_like(flat)
        for start in range(0, len(flat), _BLOCK):
            block = slice(start, start + _BLOCK)
            spread = self.spread(channel, flat[block, None], energies)
            if math.isinf(region.total[0]) and math.isinf(region.total[1]):
                inside = _between(region.e_cal, *spread[:2]) * _between(region.p_out, *spread[2:])
            else:
                inside = _diagonal(region, *spread)
            probability[block] = inside @ weights
        return probability.reshape(x.shape)

    def breaks(self, region: Region, channel: Channel) -> tuple[float, ...]:
        """Values of x, increasing, between which the acceptance is smooth: a quadrature over x should end there.

        A step at a cut gives three: its middle and both its ends.

        Parameters
        ----------
        region
            The region.
        channel
            "visible" or "invisible".
        """
        _checked(channel, 0.5)
        middles = [1 - p / self.beam_energy for p in region.p_out]
        if channel == "visible":
            middles += [(e - self.mip_energy) / self.beam_energy for e in region.e_cal]
        else:
            middles += [1 - (total - self.mip_energy) / self.beam_energy for total in region.total]
        points = []
        for middle in middles:
            if 0 < middle < 1:
                _, e_width, _, p_width = self.spread(channel, np.array(middle), self.beam_energy)
                width = 5 * math.hypot(float(e_width), float(p_width), self.beam_spread) / self.beam_energy
                points += [middle - width, middle, middle + width]
        return tuple(sorted({point for point in points if 0 < point < 1}))

    def plane_counts(self, binning: Binning, channel: Channel, x: ArrayLike, weights: ArrayLike) -> Array:
        """Events per bin [unit of the weights], shape of the binning: sum over i of weights_i P(bin | x_i).

        Parameters
        ----------
        binning
            The bins.
        channel
            Whether the particle is seen.
        x, weights
            Energy fractions and the events at each, both of shape (n,).

        Raises
        ------
        InputError
            For an unknown channel, x outside [0, 1], or weights of another shape.
        """
        x = _checked(channel, x)
        weights = np.asarray(weights, dtype=float)
        if x.ndim != 1 or weights.shape != x.shape:
            raise InputError(f"plane: x and weights must be lists of one length, got shapes {x.shape}, {weights.shape}")
        energies, beam_weights = _beam_rule(self)
        e_true, e_width, p_true, p_width = self.spread(channel, x, energies[:, None])
        p_bins = np.diff(_below(np.asarray(binning.p_out), p_true[..., None], p_width[..., None]))
        event_weights = (beam_weights[:, None] * weights)[..., None]
        if channel == "invisible":  # E_CAL knows neither x nor the beam's energy
            e_bins = np.diff(_below(np.asarray(binning.e_cal), self.mip_energy, np.array(self.mip_spread)))
            return np.outer(e_bins, np.sum(event_weights * p_bins, axis=(0, 1)))
        e_bins = np.diff(_below(np.asarray(binning.e_cal), e_true[..., None], e_width[..., None]))
        bins_e, bins_p = binning.shape
        counts: Array = (e_bins * event_weights).reshape(-1, bins_e).T @ p_bins.reshape(-1, bins_p)
        return counts


def _checked(channel: str, x: ArrayLike) -> Array:
    if channel not in CHANNELS:
        raise InputError(f"response: channel must be visible or invisible, got {channel!r}")
    x = np.asarray(x, dtype=float)
    if not np.all((x >= 0) & (x <= 1)):
        raise InputError(f"response: x must lie in [0, 1], got {x[~((x >= 0) & (x <= 1))].flat[0]}")
    return x


@lru_cache(maxsize=32)
def _beam_rule(response: Response) -> tuple[Array, Array]:
    """Muon energies [GeV] and weights [1] for the average over the beam.

    Equal steps: for a Gaussian times error functions r times as steep their error is exp(-2 pi^2 / (h^2 (1 + r^2))), so
    that the step h that gives 1e-9 is known beforehand; Gauss-Hermite gives no such rule and is no better.
    """
    if response.beam_spread == 0:
        return np.array([response.beam_energy]), np.ones(1)
    _, e_width, _, p_width = response.spread("visible", np.array([1.0, 0.0]), response.beam_energy)
    with _steps_allowed():
        ratios = response.beam_spread / np.array([e_width[0], p_width[1]])
    steepness = float(np.sqrt(1 + np.sum(ratios**2)))
    half = _REACH * steepness
    if not half <= _MOST_BEAM_NODES / 2:
        raise InputError(
            f"response: beam_spread {response.beam_spread} GeV is too wide beside momentum_resolution and the shower's "
            "spread (more than about 30 times); widen those or set beam_spread to 0"
        )
    nodes = np.linspace(-_REACH, _REACH, 2 * math.ceil(half) + 1)
    weights = np.exp(-(nodes**2) / 2)
    return response.beam_energy + response.beam_spread * nodes, weights / weights.sum()


def _steps_allowed() -> np.errstate:
    """A width of zero, or one so small that a distance over it is infinite, makes a step of a Gaussian: no reason to warn."""
    return np.errstate(divide="ignore", invalid="ignore", over="ignore")


def _below(edge: Array | float, centre: Array | float, width: Array) -> Array:
    """Probability [1] that a Gaussian lies below an edge; without width a step, one half on the edge."""
    from scipy.special import ndtr

    with _steps_allowed():
        pull = np.divide(edge - np.asarray(centre), width)
    pull[np.isnan(pull)] = 0.0
    below: Array = ndtr(pull)
    return below


def _between(cut: tuple[float, float], centre: Array, width: Array) -> Array:
    """Probability [1] that a Gaussian lies between two edges, shape of the centre."""
    return _below(cut[1], centre, width) - _below(cut[0], centre, width)


@lru_cache(maxsize=1)
def _panel_rule() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(12)
    return (nodes + 1) / 2, weights / 2


def _diagonal(region: Region, e_true: Array, e_width: Array, p_true: Array, p_width: Array) -> Array:
    """Probability [1] of a region with a cut on E_CAL + p_out, shape of the means.

    At fixed p_out the two cuts on E_CAL are an interval, whose Gaussian content is known; p_out is integrated in panels
    that end at the kinks of that interval and follow its steps.
    """
    (e_low, e_high), (p_low, p_high), (low, high) = region.e_cal, region.p_out, region.total
    totals = [total for total in (low, high) if math.isfinite(total)]
    kinks = [total - e for total in totals for e in (e_low, e_high) if math.isfinite(e)]
    marks = [np.full_like(p_true, value) for value in (p_low, p_high, *kinks)]
    marks += [total - e_true + pull * e_width for total in totals for pull in (-6, -2, 0, 2, 6)]
    with _steps_allowed():
        pulls = (np.stack(marks, axis=-1) - p_true[..., None]) / p_width[..., None]
    pulls[np.isnan(pulls)] = 0.0
    bulk = np.broadcast_to([-_REACH, -3.0, -1.0, 1.0, 3.0, _REACH], (*p_true.shape, 6))
    first, last = np.clip(pulls[..., :1], -_REACH, _REACH), np.clip(pulls[..., 1:2], -_REACH, _REACH)
    ends = np.sort(np.clip(np.concatenate([pulls, bulk], axis=-1), first, last), axis=-1)
    nodes, weights = _panel_rule()
    lengths = np.diff(ends)[..., None]
    pull = ends[..., :-1, None] + lengths * nodes
    p_out = p_true[..., None, None] + p_width[..., None, None] * pull
    centre, width = e_true[..., None, None], e_width[..., None, None]
    upper = _below(np.minimum(e_high, high - p_out), centre, width)
    lower = _below(np.maximum(e_low, low - p_out), centre, width)
    density = np.exp(-(pull**2) / 2) / math.sqrt(2 * math.pi)
    inside: Array = np.sum(lengths * weights * density * np.maximum(upper - lower, 0.0), axis=(-2, -1))
    return inside
