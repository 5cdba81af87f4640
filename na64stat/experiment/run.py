"""Records of a run: what a run file says, checked and with the origin of each number."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Literal

from na64stat.arguments import check, is_number, several, wrong
from na64stat.errors import InputError, RegionError, RunFileError, did_you_mean
from na64stat.experiment.efficiency import Efficiency
from na64stat.experiment.response import CHANNELS, Channel, Response
from na64stat.experiment.target import Target
from na64stat.plane import Region

Status = Literal["published", "derived", "assumed"]

MUONS: Final = (1.0, 1e20)
"""Muons on target that a projection may have."""


class BackgroundScaling(Enum):
    """Scaling of the background where the same detector gets another number of muons on target.

    Attributes
    ----------
    NONE
        There is none.
    PER_MOT
        It grows with the muons on target, and so does its uncertainty: the relative one stays.
    FIXED
        It stays as it is, and so does its uncertainty.
    """

    NONE = "none"
    PER_MOT = "per-mot"
    FIXED = "fixed"


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
    """Expected background of one region [events], and its absolute uncertainty [events].

    Attributes
    ----------
    events, uncertainty
        Expected events, and their standard deviation [1].
    """

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
    """Relative uncertainties [1] of the efficiency, the muons on target and the cross section.

    Attributes
    ----------
    efficiency, mot, cross_section
        Relative standard deviations [1].
    """

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

        Parameters
        ----------
        name
            Of the region.

        Raises
        ------
        RegionError
            If the run has no such region.
        """
        if name in self.regions:
            return self.regions[name]
        hint = did_you_mean(name, self.regions)
        raise RegionError(f"run {self.name!r} has no region {name!r}{hint} (it has {', '.join(self.regions)})")

    def with_background(self, name: str) -> Run:
        """A run with another background setting, such as "none" or "realistic".

        A region that does not know the setting keeps "none"; at least one region must know it.

        Parameters
        ----------
        name
            Of the background setting.

        Raises
        ------
        RunFileError
            If no region of the run has the setting.
        """
        known = sorted({setting for region in self.regions.values() for setting in region.backgrounds})
        if name not in known:
            hint = did_you_mean(name, known)
            raise RunFileError(
                f"run {self.name!r} has no background setting {name!r}{hint} (it has {', '.join(known)})"
            )
        regions = {
            key: replace(region, background=region.backgrounds.get(name, region.backgrounds["none"]))
            for key, region in self.regions.items()
        }
        return replace(self, regions=regions, background_setting=name)

    def with_mot(self, mot: float, background: BackgroundScaling = BackgroundScaling.NONE) -> Run:
        """A detector with another number of muons on target: a projection, without observed counts.

        Counts are never scaled. The relative uncertainty of the muons on target stays. What the background is stands in the
        new run's name, setting, numbers and digest.

        Parameters
        ----------
        mot
            Muons on target, from 1 to 1e20.
        background
            What becomes of the background in use.

        Raises
        ------
        InputError
            If `mot` is out of range, or a background is to be kept where the run has none in use.
        """
        low, high = MUONS
        kinds = "expected BackgroundScaling.NONE, PER_MOT or FIXED"
        check("background", background, BackgroundScaling, kinds)
        if not (is_number(mot) and low <= mot <= high):
            raise wrong("mot", mot, f"expected muons on target from {low:g} to {high:g}")
        if background is not BackgroundScaling.NONE and all(r.background.events == 0 for r in self.regions.values()):
            settings = sorted({key for region in self.regions.values() for key in region.backgrounds} - {"none"})
            known = f"choose one that has, such as {settings[0]}" if settings else "its run file states none"
            raise InputError(
                f"background {background.value}: run {self.name!r} has no background in use (setting "
                f"{self.background_setting}); {known}, or no background"
            )
        mot = float(mot)
        kept = background is not BackgroundScaling.NONE
        suffix = f"_{background.value.replace('-', '_')}" if kept else ""
        setting = f"{self.background_setting}{suffix}" if kept else "none"
        factor = mot / self.mot if background is BackgroundScaling.PER_MOT else 1.0
        text = _shortest(mot)
        seed = f"{self.digest} mot={text} background={setting}"
        return replace(
            self,
            name=f"{self.name}_mot{text}{suffix}",
            description=f"{self.description}; projected to {text} muons, background {setting}",
            mot=mot,
            regions={key: _projected(region, setting, factor) for key, region in self.regions.items()},
            numbers=self._projected_numbers(mot, setting, factor),
            digest=hashlib.sha256(seed.encode()).hexdigest(),
            background_setting=setting,
        )

    def _projected_numbers(self, mot: float, setting: str, factor: float) -> dict[str, Number]:
        """The numbers without counts, with the new muons on target and the background that is kept."""
        numbers = {key: number for key, number in self.numbers.items() if _is_kept(key)}
        spread = None if self.numbers["beam.mot"].uncertainty is None else self.systematics.mot * mot
        numbers["beam.mot"] = Number(mot, "1", f"projection of run {self.name}", "assumed", spread)
        for name, region in self.regions.items():
            scaled = _projected(region, setting, factor).backgrounds
            old = self.numbers.get(f"regions.{name}.backgrounds.{self.background_setting}")
            if setting in scaled and setting != "none" and old is not None:
                how = f"{_shortest(factor)} times" if factor != 1 else "as"
                source = f"{how} {self.background_setting} of run {self.name}: {old.source}"
                value = scaled[setting]
                numbers[f"regions.{name}.backgrounds.{setting}"] = Number(
                    value.events, "1", source, "assumed", value.uncertainty
                )
        return numbers


_A_RUN: Final = "expected a Run, such as load_run('2022')"


def check_run(run: object) -> None:
    """Refuse what is no run, such as the name of one, with an InputError."""
    check("run", run, Run, _A_RUN)


def runs_of(run: Run | Sequence[Run]) -> tuple[Run, ...]:
    """One run, or several, as a tuple; an InputError for anything else."""
    return several("run", run, Run, f"{_A_RUN}, or several")


def _is_kept(key: str) -> bool:
    """True if a number of the run file holds for any number of muons: not what counts events, unless it is no background."""
    parts = key.split(".")
    return parts[0] != "regions" or (parts[2] != "observed" and (parts[2] != "backgrounds" or parts[3] == "none"))


def _projected(region: RunRegion, setting: str, factor: float) -> RunRegion:
    """A region without counts, with its background in use times `factor` under a new name, if it is kept."""
    none = Background(0.0, 0.0)
    if setting == "none" or region.background == none:
        return replace(region, observed=None, background=none, backgrounds={"none": none})
    scaled = Background(region.background.events * factor, region.background.uncertainty * factor)
    return replace(region, observed=None, background=scaled, backgrounds={"none": none, setting: scaled})


def _shortest(value: float) -> str:
    """The shortest text that reads back as this number, such as 1.5e12."""
    import numpy as np

    return np.format_float_scientific(value, trim="-", exp_digits=1).replace("e+", "e")
