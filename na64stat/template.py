"""Signal of a scenario in a run: expected events per region and per bin of the plane.

A `Template` is all that the statistics floor sees of physics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64stat.plane import Binning

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Yield:
    """Expected signal events in one region after efficiency.

    Attributes
    ----------
    visible, invisible
        Events [1] from decays between the ECAL and the end of the HCAL, and from particles that leave unseen.
    """

    visible: float
    invisible: float

    @property
    def events(self) -> float:
        """Expected events [1], visible and invisible together."""
        return self.visible + self.invisible


@dataclass(frozen=True)
class Plane:
    """Expected signal events per bin of the (E_CAL, p_out) plane.

    Attributes
    ----------
    binning
        The bins.
    visible, invisible
        Events per bin [1], shape of the binning.
    """

    binning: Binning
    visible: Array
    invisible: Array

    @property
    def counts(self) -> Array:
        """Events per bin [1], visible and invisible together, shape of the binning."""
        return self.visible + self.invisible


@dataclass(frozen=True)
class Template:
    """Expected signal of one scenario in one run.

    Attributes
    ----------
    scenario
        Name of the scenario.
    run
        Name of the run.
    mass, coupling
        Point at which the events were computed [GeV; unit of the scenario's coupling].
    regions
        Events per named region.
    variations
        Relative change of every yield under the named systematic effects: name -> (down, up) factors.
    plane
        Events per bin.
    """

    scenario: str
    run: str
    mass: float
    coupling: float
    regions: Mapping[str, Yield]
    variations: Mapping[str, tuple[float, float]]
    plane: Plane
