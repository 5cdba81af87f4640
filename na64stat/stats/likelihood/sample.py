"""A sample of a model in one channel, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from na64stat.stats.likelihood.parameters import Array


@dataclass(frozen=True, eq=False)
class Row:
    """One sample in one channel: nominal events in its bins and the modifiers that act on them.

    The rate is the product of factors and gammas times (nominal + shifts).

    Attributes
    ----------
    channel, sample
        Index of the channel and name of the sample.
    bins, nominal
        Global bin numbers and events, shape (n,).
    factors
        Parameters that multiply the row as they are (normfactor, lumi).
    normsys
        (parameter, factor at +1, factor at -1).
    histosys
        (parameter, nominal to +1, -1 to nominal), the latter two of shape (n,).
    gammas
        Parameter of each bin, one array of shape (n,) a modifier (shapesys, staterror, shapefactor).
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
        """Every parameter that moves the row."""
        parameters = {*self.factors, *(item[0] for item in self.normsys), *(item[0] for item in self.histosys)}
        return parameters.union(*(gamma.tolist() for gamma in self.gammas))

    def scaled(self, factor: float) -> Row:
        """The same sample with so many times its events.

        Parameters
        ----------
        factor
            A factor [1].
        """
        return replace(
            self,
            nominal=self.nominal * factor,
            histosys=tuple((i, up * factor, down * factor) for i, up, down in self.histosys),
        )

    def within(self, kept: NDArray[np.bool_]) -> Row:
        """The same sample in some of its bins.

        Parameters
        ----------
        kept
            Which of them, shape (n,).
        """
        return replace(
            self,
            bins=self.bins[kept],
            nominal=self.nominal[kept],
            histosys=tuple((i, up[kept], down[kept]) for i, up, down in self.histosys),
            gammas=tuple(gamma[kept] for gamma in self.gammas),
        )

    def renumbered(self, channel: int, bins: NDArray[np.intp], parameters: NDArray[np.intp]) -> Row:
        """The same sample where channels, bins and parameters have other numbers.

        Parameters
        ----------
        channel
            Its new channel.
        bins, parameters
            The new number of each old bin and of each old parameter.
        """
        return replace(
            self,
            channel=channel,
            bins=bins[self.bins],
            factors=tuple(int(parameters[i]) for i in self.factors),
            normsys=tuple((int(parameters[i]), high, low) for i, high, low in self.normsys),
            histosys=tuple((int(parameters[i]), up, down) for i, up, down in self.histosys),
            gammas=tuple(parameters[gamma] for gamma in self.gammas),
        )
