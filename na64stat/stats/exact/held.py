"""The division of counts into those the exact method sums over and those held at their observed values.

A count that hardly moves with mu but constrains a nuisance parameter is an auxiliary measurement, such as a control region: it
is held, and its Poisson probability multiplies the constraints (`na64stat.stats.exact.conditional`). The rule: among the counts
whose background shares a nuisance parameter with another bin, those that move least with mu are held, as long as their total
share of the information on it, sum of s^2 / (1 + b), is at most 5%. A bin with neither signal nor a shared parameter is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError, RegionError
from na64stat.stats.average.merge import merged
from na64stat.stats.likelihood.fit import fit_fixed
from na64stat.stats.likelihood.model import NEGLIGIBLE_SIGNAL, Model, check_model
from na64stat.stats.likelihood.parameters import Array, Parameter
from na64stat.stats.likelihood.workspace import BACKGROUND_FLOOR

MOST_BINS: Final = 3
"""Largest number of bins whose counts are enumerated."""

LARGEST_SHARE: Final = 0.05
"""Largest total share of the information on mu in the held counts."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Counts:
    """A model whose first `summed` bins (S) are summed over, and whose last bins are held at their observed counts."""

    model: Model
    summed: int
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    held_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: Model | Counts) -> Counts:
        """All counts of a model summed over, unless they are already divided."""
        return model if isinstance(model, Counts) else cls(model, model.bins, model.bin_names)

    @cached_property
    def merged(self) -> Counts:
        """These counts with as few log-normal parameters as averages and profile likelihoods need."""
        return replace(self, model=merged(self.model))

    @property
    def held(self) -> int:
        """Number of held counts."""
        return self.model.bins - self.summed

    @cached_property
    def counted(self) -> Model:
        """The model of the summed bins alone, without the information of the held ones."""
        return self.model.select(np.arange(self.summed)) if self.held else self.model

    @cached_property
    def observed(self) -> Array | None:
        """Observed counts of the summed bins, shape (S,)."""
        return None if self.model.observed is None else self.model.observed[: self.summed]

    @cached_property
    def leaks(self) -> bool:
        """True if a held count moves with mu."""
        events = self.model.signal_events
        return bool((events[self.summed :] >= NEGLIGIBLE_SIGNAL * events.sum()).any() and self.held)

    @property
    def by_count(self) -> bool:
        """True if q-tilde orders the outcomes by their count: see `na64stat.stats.exact.one_bin`.

        A held count with a leak of signal that depends on mu changes the fitted background, and the order is no longer that of
        the count.
        """
        return self.summed == 1 and not self.leaks and not self.model.shares_parameters

    def complete(self, counts: Array | NDArray[np.intp]) -> Array:
        """Counts of the summed bins (N, S) followed by the held ones, (N, B)."""
        counts = np.asarray(counts, dtype=np.float64)
        if not self.held:
            return counts
        assert self.model.observed is not None  # noqa: S101  # a held count has been observed
        held = np.broadcast_to(self.model.observed[self.summed :], (len(counts), self.held))
        return np.hstack([counts, held])

    def with_observed(self, counts: Array) -> Counts:
        """These counts with other observed values in the summed bins, shape (S,)."""
        full = self.complete(np.asarray(counts, dtype=np.float64)[None, :])[0]
        return replace(self, model=self.model.with_observed(full))

    def with_signal_scaled(self, factors: Array) -> Counts:
        """These counts with the signal of each channel multiplied by a factor."""
        return replace(self, model=self.model.with_signal_scaled(factors))


def divide(model: Model, method: str, hold: Sequence[str] | None = None) -> Counts:
    """Divide the counts into summed and held ones: the channels or bins in `hold` and no others, by default as the rule says.

    InputError for anything but a model, or a projection, which has no count to hold; RegionError for an unknown name, more
    than three bins to sum over, or a count there that is not an integer.
    """
    check_model(model)
    return Division(model, method, hold).of(model.signal_events)


class Division:
    """The rule for one model, for signals that populate its bins differently."""

    def __init__(self, model: Model, method: str, hold: Sequence[str] | None) -> None:
        self.model, self.method, self.asked = model, method, hold
        self._named = None if hold is None else _named(model, hold, method)

    def of(self, events: Array) -> Counts:
        """Counts for signal events in the bins at mu = 1, shape (B,), with the samples of the model."""
        summed, held = self.masks(events)
        counts = self.counts(summed, held)
        return replace(counts, notes=(*counts.notes, *self._near_the_border(events, summed, held)))

    def masks(self, events: Array) -> tuple[Mask, Mask]:
        """Masks of the summed and of the held bins, both (B,)."""
        everything: Mask = np.ones(self.model.bins, dtype=bool)
        for b in np.flatnonzero(events < 0):
            raise RegionError(
                f"{self.method}: the signal takes {-events[b]:g} events away in {self.model.bin_names[b]} at mu = 1; outcomes "
                "are ordered for signals that add events; use another method, toys or asymptotic"
            )
        if not events.any():
            return everything, ~everything
        negligible = (events < NEGLIGIBLE_SIGNAL * events.sum()) | (events == 0)
        held = self._by_rule(events) if self._named is None else self._named
        summed = ~held & (~negligible | self._constrains)
        if not (summed & ~negligible).any():
            raise RegionError(
                f"{self.method}: every count with signal is to be held ({_list(self.model.bin_names, held)}), and none is left "
                "to tell the signal; hold fewer"
            )
        part = self._connected(summed & ~negligible)
        return summed & part, held & part

    def groups(self, events: Array) -> Iterator[tuple[NDArray[np.intp], Mask, Mask]]:
        """Signals (N, B) grouped by the bins that are summed over: rows of `events`, and the two masks."""
        if self._named is None and not self._constrains.any():
            kind = events >= NEGLIGIBLE_SIGNAL * events.sum(axis=1, keepdims=True)
            kind &= events > 0
        else:
            kind = np.array([np.concatenate(self.masks(row)) for row in events]).reshape(len(events), -1)
        kind = np.column_stack([kind, events.any(axis=1)])
        for one in np.unique(kind, axis=0):
            rows = np.flatnonzero((kind == one).all(axis=1))
            yield rows, *self.masks(events[rows[0]])

    def counts(self, summed: Mask, held: Mask) -> Counts:
        """The model of these bins, checked."""
        model = self.model
        names = tuple(model.bin_names[b] for b in np.flatnonzero(summed))
        if len(names) > MOST_BINS:
            shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
            raise RegionError(
                f"{self.method}: {len(names)} bins with signal ({shown}); it sums over at most three, so name fewer regions, "
                "or use toys or the asymptotic method"
            )
        if model.observed is not None:
            for b in np.flatnonzero(summed & (model.observed != np.round(model.observed))):
                raise RegionError(
                    f"{self.method}: observed {model.observed[b]:g} events in {model.bin_names[b]}; it sums over whole numbers"
                )
        order = np.concatenate([np.flatnonzero(summed), np.flatnonzero(held)])
        if not held.any():
            part = model if summed.all() else model.select(order)
            return Counts(part, part.bins, names, self._notes(summed, held))
        names += tuple(model.bin_names[b] for b in np.flatnonzero(held))
        return Counts(model.select(order), int(summed.sum()), names, self._notes(summed, held), self._held_names(held))

    def _by_rule(self, events: Array) -> Mask:
        if self.model.observed is None or not self._constrains.any():
            return np.zeros(self.model.bins, dtype=bool)
        return np.asarray(self._together(events) <= LARGEST_SHARE)

    def _together(self, events: Array) -> Array:
        """Total share of the information on mu of a bin and all weaker ones, shape (B,); inf for a bin that constrains nothing.

        Equally strong bins are included, so that their order does not matter.
        """
        information = (events / events.max()) ** 2 / (1 + self._backgrounds)
        share = np.where(self._constrains, information / information.sum(), np.inf)
        return np.array([share[share <= level * (1 + 1e-9)].sum() for level in share])

    def _near_the_border(self, events: Array, summed: Mask, held: Mask) -> tuple[str, ...]:
        """Notes on narrow decisions of the rule, where the limit jumps from one definition to the other."""
        if self._named is not None or self.model.observed is None or not events.any() or not self._constrains.any():
            return ()
        shares = self._together(events)
        near = (shares >= LARGEST_SHARE / NARROW) & (shares <= LARGEST_SHARE * NARROW)
        notes = []
        for b in np.flatnonzero(near & (summed | held)):
            name = self.model.bin_names[b]
            does = "held; --hold none sums over it" if held[b] else f"summed over; --hold {name} holds it"
            notes.append(
                f"{name} has {shares[b]:.2g} of the information on mu, near the {LARGEST_SHARE:g} up to which counts are "
                f"held, and is {does}: the two definitions differ"
            )
        return tuple(notes)

    @cached_property
    def _backgrounds(self) -> Array:
        """Background events, fitted where a free factor leaves them undetermined, shape (B,)."""
        model = self.model
        if model.observed is None or not free_parameters(model):
            return model.background_events
        rates = model.rates(fit_fixed(model, model.observed[None, :], 0.0).parameters)[0]
        return np.asarray(np.maximum(rates, 0.0))

    @cached_property
    def _movers(self) -> tuple[list[set[int]], list[set[int]]]:
        """Nuisance parameters that move the background of each bin, and those that move anything in it."""
        return _movers(self.model, background=True), _movers(self.model, background=False)

    @cached_property
    def _constrains(self) -> Mask:
        """True where the background of a bin shares a parameter with another bin, shape (B,)."""
        backgrounds, all_ = self._movers
        shared = [
            bool(moved & set().union(*(other for c, other in enumerate(all_) if c != b)))
            for b, moved in enumerate(backgrounds)
        ]
        return np.array(shared) & (self.model.background_events > BACKGROUND_FLOOR)

    def _connected(self, part: Mask) -> Mask:
        """These bins, and the others linked to them by shared parameters."""
        movers, bins = self._movers[1], part.copy()
        while True:
            known = set().union(*(movers[b] for b in np.flatnonzero(bins)))
            linked = bins | np.array([bool(movers[b] & known) and bool(self._constrains[b]) for b in range(len(part))])
            if (linked == bins).all():
                return bins
            bins = linked

    def _held_names(self, held: Mask) -> tuple[str, ...]:
        model, names = self.model, []
        for b in np.flatnonzero(held):
            whole = held[model.bin_channel == model.bin_channel[b]].all()
            names.append(model.channels[model.bin_channel[b]] if whole else model.bin_names[b])
        return tuple(dict.fromkeys(names))

    def _notes(self, summed: Mask, held: Mask) -> tuple[str, ...]:
        names, notes = self.model.bin_names, []
        if held.any():
            assert self.model.observed is not None  # noqa: S101  # the rule holds observed counts only
            counts = ", ".join(f"{names[b]} ({self.model.observed[b]:g})" for b in np.flatnonzero(held))
            why = (
                "as asked"
                if self._named is not None
                else "by the rule that counts which share background uncertainties and have together at most "
                f"{LARGEST_SHARE:.0%} of the information on mu are auxiliary measurements (hold none: summed instead)"
            )
            notes.append(f"{HELD} {counts}: {why}")
            part = self.model.select(np.flatnonzero(summed | held))
            if free := [_prior_text(part.parameters[i]) for i in free_parameters(part)]:
                notes.append(f"free, with a flat prior times the probability of the held counts: {', '.join(free)}")
        shared = summed & self._constrains
        if self._named is None and shared.any() and not shared.all() and self.model.observed is None:
            notes.append(f"a projection has no observed counts to hold: {_list(names, summed)} are summed over")
        if (gone := ~(summed | held)).any():
            notes.append(
                f"no part: {_list(names, gone)}: neither signal nor a parameter in common with what has signal"
            )
        return tuple(notes)


HELD: Final = "held at the observed count:"
"""Beginning of the note that names the held counts."""

NARROW: Final = 2.0
"""Ratio to that share within which a note tells how the rule decided."""


def _prior_text(parameter: Parameter) -> str:
    """Name and range of a free parameter."""
    end = f" to {parameter.upper:g}" if parameter.upper < np.inf else ""
    return f"{parameter.name} (from {max(parameter.lower, 0.0):g}{end})"


def free_parameters(model: Model) -> list[int]:
    """Positions of the nuisance parameters that are fitted and have no constraint."""
    return [
        i for i, item in enumerate(model.parameters) if item.constraint is None and not item.fixed and i != model.poi
    ]


def _named(model: Model, hold: Sequence[str], method: str) -> Mask:
    """Mask of the bins that the names stand for."""
    mask: Mask = np.zeros(model.bins, dtype=bool)
    for name in hold:
        channel = np.array([model.channels[c] == name for c in model.bin_channel])
        chosen = channel if channel.any() else np.array([known == name for known in model.bin_names])
        if not chosen.any():
            expected = ", ".join(dict.fromkeys((*model.channels, *model.bin_names)))
            raise RegionError(f"{method}: hold {name!r}: no such channel or bin; expected any of {expected}")
        mask |= chosen
    if mask.any() and model.observed is None:
        raise InputError(
            f"{method}: hold {', '.join(hold)}: a projection has no observed count to hold; give the counts"
        )
    return mask


def _movers(model: Model, *, background: bool) -> list[set[int]]:
    """Nuisance parameters, not fixed, that move each bin (or its background)."""
    movers: list[set[int]] = [set() for _ in range(model.bins)]
    for row in model.rows:
        if background and model.poi in row.factors:
            continue
        everywhere = {*row.factors, *(i for i, high, low in row.normsys if high != 1 or low != 1)} - {model.poi}
        for k, b in enumerate(row.bins.tolist()):
            shifts = {i for i, up, down in row.histosys if up[k] != 0 or down[k] != 0}
            if row.nominal[k] != 0:
                movers[b] |= everywhere | {int(gamma[k]) for gamma in row.gammas}
            movers[b] |= shifts
    return [{i for i in moved if not model.parameters[i].fixed} for moved in movers]


def _list(names: Sequence[str], chosen: Mask) -> str:
    return ", ".join(names[b] for b in np.flatnonzero(chosen).tolist())
