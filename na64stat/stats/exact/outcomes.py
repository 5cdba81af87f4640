"""Outcomes of counting experiments as sorted integers, and their best fits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError
from na64stat.stats.exact.held import Counts
from na64stat.stats.likelihood.fit import Fits, fit_free
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array

Keys = NDArray[np.int64]


def keys_of(counts: NDArray[np.intp]) -> Keys:
    """One integer per outcome, shape (N,), in the order of the counts (N, B); ComputationError for counts that are too large."""
    bins = counts.shape[1]
    bits = 63 // bins
    if counts.size and counts.max() >> bits:
        raise ComputationError(
            f"exact method: {counts.max()} events; it sums over less than {2**bits} with {bins} bins"
        )
    shifts = bits * np.arange(bins)[::-1]
    return np.asarray((counts.astype(np.int64) << shifts).sum(axis=1), dtype=np.int64)


def positions(known: Keys, wanted: Keys) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Position of each wanted key among the known ones (sorted), and a mask of those present, both (N,)."""
    if not len(known):
        return np.zeros(len(wanted), dtype=np.intp), np.zeros(len(wanted), dtype=bool)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return at, known[at] == wanted


class FreeFits:
    """Cache of the best fits of outcomes, which do not depend on the tested mu."""

    def __init__(self, counts: Model | Counts, lowest_mu: float) -> None:
        self.counts, self.lowest_mu, self.refitted = Counts.of(counts), lowest_mu, 0
        self._keys: Keys = np.zeros(0, dtype=np.int64)
        self._rows: Array = np.zeros((0, 2 + len(self.counts.model.parameters)))

    def __call__(self, counts: NDArray[np.intp]) -> Fits:
        """Best fits of outcomes (N, B)."""
        keys = keys_of(counts)
        at, known = positions(self._keys, keys)
        if not known.all():
            self._fit(counts[~known], keys[~known])
            at, _ = positions(self._keys, keys)
        rows = self._rows[at]
        return Fits(rows[:, 0], rows[:, 2:], rows[:, 1], 0, np.zeros(len(rows), dtype=bool))

    def _fit(self, counts: NDArray[np.intp], keys: Keys) -> None:
        fits = fit_free(self.counts.model, self.counts.complete(counts), lowest_mu=self.lowest_mu)
        self.refitted += fits.refitted
        rows = np.column_stack([fits.nll, fits.mu, fits.parameters])
        merged = np.concatenate([self._keys, keys])
        order = np.argsort(merged, kind="stable")
        self._keys, self._rows = merged[order], np.concatenate([self._rows, rows])[order]
