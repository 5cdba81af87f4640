"""Records of a run: what a run file says, checked and with the origin of each number."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from na64stat.errors import RegionError, RunFileError
from na64stat.experiment.efficiency import Efficiency
from na64stat.experiment.response import CHANNELS, Channel, Response
from na64stat.experiment.target import Target
from na64stat.plane import Region

Status = Literal["published", "derived", "assumed"]


@dataclass(frozen=True)
class Number:
    """One number of a run with its origin.

    Attributes
    ----------
    value, unit
        The number, and its unit as written in the run file ("1" for a pure number).
    source
        Where it comes from.
    status
        "published", "derived" from other numbers, or "assumed": a default that a user may change.
    uncertainty
        Absolute, in the same unit; None where none is stated.
    """

    value: float
    unit: str
    source: str
    status: Status
    uncertainty: float | None = None


@dataclass(frozen=True)
class Background:
    """Expected background of one region [events], and its absolute uncertainty [events]."""

    events: float
    uncertainty: float


@dataclass(frozen=True)
class RunRegion:
    """A region of the plane and what a run found in it.

    Attributes
    ----------
    region
        The cuts.
    observed
        Observed events; None for a projection.
    background
        The background in use.
    backgrounds
        All background settings of the run file by name; "none" is always among them.
    counts
        Which ends of a particle count as signal here: its decay seen ("visible"), its escape ("invisible").
    """

    region: Region
    observed: int | None
    background: Background
    backgrounds: Mapping[str, Background]
    counts: tuple[Channel, ...] = CHANNELS


@dataclass(frozen=True)
class Systematics:
    """Relative uncertainties [1] of the efficiency, the muons on target and the cross section."""

    efficiency: float
    mot: float
    cross_section: float


@dataclass(frozen=True)
class Run:
    """A beam on a target in front of a detector, and what was seen.

    Attributes
    ----------
    name, description
        The run file's name, and one line about it.
    beam_energy
        Muon energy [GeV].
    mot
        Muons on target.
    target
        The active target.
    decay_volume
        Length D [m] behind the target in which a decay is seen.
    response
        Spread of the measured (E_CAL, p_out).
    efficiency
        Signal efficiency against the effective mass.
    regions
        Regions by name.
    systematics
        Relative uncertainties of the signal.
    numbers
        Every number of the run file, and what follows from them, by dotted key.
    digest
        SHA-256 of all that was read: run files and tables.
    background_setting
        Name of the background setting in use.
    """

    name: str
    description: str
    beam_energy: float
    mot: float
    target: Target
    decay_volume: float
    response: Response
    efficiency: Efficiency
    regions: Mapping[str, RunRegion]
    systematics: Systematics
    numbers: Mapping[str, Number]
    digest: str
    background_setting: str = "none"

    def region(self, name: str) -> RunRegion:
        """One region.

        Raises
        ------
        RegionError
            If the run has no such region.
        """
        if name in self.regions:
            return self.regions[name]
        close = difflib.get_close_matches(str(name), self.regions, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise RegionError(f"run {self.name!r} has no region {name!r}{hint} (it has {', '.join(self.regions)})")

    def with_background(self, name: str) -> Run:
        """The same run with another background setting, such as "none" or "realistic".

        A region that does not know the setting keeps "none"; at least one region must know it.

        Raises
        ------
        RunFileError
            If no region of the run has the setting.
        """
        known = sorted({setting for region in self.regions.values() for setting in region.backgrounds})
        if name not in known:
            raise RunFileError(f"run {self.name!r} has no background setting {name!r} (it has {', '.join(known)})")
        regions = {
            key: replace(region, background=region.backgrounds.get(name, region.backgrounds["none"]))
            for key, region in self.regions.items()
        }
        return replace(self, regions=regions, background_setting=name)
