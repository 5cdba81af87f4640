"""One sample of a model in one channel, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from na64stat.stats.likelihood.parameters import Array


@dataclass(frozen=True, eq=False)
class ChannelSample:
    """One sample in one channel: global bin numbers and nominal events (n,), and the modifiers that act on them.

    The rate is the product of `factors` and `gammas` times (nominal + shifts). `factors` are parameters that multiply the row
    directly (normfactor, lumi); `normsys` are (parameter, factor at +1, factor at -1); `histosys` are (parameter, nominal to
    +1, -1 to nominal) with shifts of shape (n,); `gammas` are the parameters of each bin, one array (n,) per modifier
    (shapesys, staterror, shapefactor).
    """

    channel: int
    sample: str
    bins: NDArray[np.intp]
    nominal: Array
    factors: tuple[int, ...]
    normsys: tuple[tuple[int, float, float], ...]
    histosys: tuple[tuple[int, Array, Array], ...]
    gammas: tuple[NDArray[np.intp], ...]

    @property
    def parameters(self) -> set[int]:
        """All parameters that move the row."""
        parameters = {*self.factors, *(item[0] for item in self.normsys), *(item[0] for item in self.histosys)}
        return parameters.union(*(gamma.tolist() for gamma in self.gammas))

    def scaled(self, factor: float) -> ChannelSample:
        """The sample with its events multiplied by a factor."""
        return replace(
            self,
            nominal=self.nominal * factor,
            histosys=tuple((i, up * factor, down * factor) for i, up, down in self.histosys),
        )

    def within(self, kept: NDArray[np.bool_]) -> ChannelSample:
        """The sample in the bins of the mask `kept` (n,)."""
        return replace(
            self,
            bins=self.bins[kept],
            nominal=self.nominal[kept],
            histosys=tuple((i, up[kept], down[kept]) for i, up, down in self.histosys),
            gammas=tuple(gamma[kept] for gamma in self.gammas),
        )

    def renumbered(self, channel: int, bins: NDArray[np.intp], parameters: NDArray[np.intp]) -> ChannelSample:
        """The sample with a new number of its channel, and new numbers by old bin and by old parameter."""
        return replace(
            self,
            channel=channel,
            bins=bins[self.bins],
            factors=tuple(int(parameters[i]) for i in self.factors),
            normsys=tuple((int(parameters[i]), high, low) for i, high, low in self.normsys),
            histosys=tuple((int(parameters[i]), up, down) for i, up, down in self.histosys),
            gammas=tuple(parameters[gamma] for gamma in self.gammas),
        )
