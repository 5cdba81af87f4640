"""Variations: objects that turn the inputs of a limit into another one. `assumptions.py` has the list of those that are tried.

Write one of your own as a frozen dataclass with `apply`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, final

from na64stat.experiment.run import Background, Run
from na64stat.experiment.schema import rule_of
from na64stat.experiment.with_numbers import with_numbers
from na64stat.physics.nucleus import Nucleus
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.base import Scenario, ScenarioFactory
from na64stat.scenarios.zprime import ZPrime
from na64stat.yields.survival import DepthAverage

LOWER, EITHER, RAISED = -1, 0, 1
"""Side of a variation: the number is lowered, it is no number but a choice, the number is raised."""

MUONS: Final = "beam.mot"


@dataclass(frozen=True)
class Inputs:
    """Inputs of limits.

    Attributes
    ----------
    scenario
        Makes the scenario from `mass` and `coupling`.
    masses
        Masses [GeV].
    regions
        Combined if several.
    run
        Where.
    calibration
        The run of the published Z' limit, in which the efficiency is inferred; often `run` itself.
    average
        Depth average of the decay.
    """

    scenario: ScenarioFactory
    masses: tuple[float, ...]
    regions: tuple[str, ...]
    run: Run
    calibration: Run
    average: DepthAverage = DepthAverage.LAYERS

    @property
    def probes(self) -> tuple[Scenario, ...]:
        """The scenario at each mass and coupling 1."""
        return tuple(self.scenario(mass=mass, coupling=1.0) for mass in self.masses)

    def is_of(self, kind: type[Scenario]) -> bool:
        """True if the scenario is of a class.

        Parameters
        ----------
        kind
            A scenario class.
        """
        return isinstance(self.probes[0], kind)

    @property
    def approximates_fusion(self) -> bool:
        """True if photons fuse by the Weizsaecker-Williams approximation."""
        return all(isinstance(probe, AxionPhoton) and not probe.exact_fusion for probe in self.probes)

    def with_runs(self, change: Callable[[Run], Run], calibration: bool = True) -> Inputs:
        """The inputs with a change of the run, and of that of the Z' limit unless `calibration` is false.

        Parameters
        ----------
        change
            What becomes of a run.
        calibration
            Whether the run of the Z' limit changes alike.
        """
        if self.calibration == self.run and calibration:
            changed = change(self.run)
            return replace(self, run=changed, calibration=changed)
        found = change(self.calibration) if calibration else self.calibration
        return replace(self, run=change(self.run), calibration=found)


@dataclass(frozen=True, kw_only=True)
class Variation(ABC):
    """One assumption made otherwise.

    Attributes
    ----------
    what
        The assumption in words; the variations of one assumption share it.
    origin
        Status of what is moved: "published", "derived", "assumed", or "choice" where it is no number.
    start, end
        What it was and what it becomes, with units.
    side
        `LOWER`, `EITHER` or `RAISED`.
    why
        Why so far.
    keys
        Numbers of the run file that it moves.
    """

    what: str
    origin: str
    start: str
    end: str
    why: str
    side: int = EITHER
    keys: tuple[str, ...] = ()

    def concerns(self, inputs: Inputs) -> bool:
        """True if it has a meaning there; by default always.

        Parameters
        ----------
        inputs
            Inputs of limits.
        """
        return True

    @abstractmethod
    def apply(self, inputs: Inputs) -> Inputs:
        """The other inputs; its efficiency is seen to by whoever asks.

        Parameters
        ----------
        inputs
            Inputs of limits.
        """


@final
@dataclass(frozen=True, kw_only=True)
class MoveNumber(Variation):
    """A number of the run file, in both runs: the detector is one. Muons are moved in both if they are as many.

    Attributes
    ----------
    key, value
        Dotted key and new value. Where the run of the Z' limit has another value, that moves by the same ratio.
    """

    key: str
    value: float

    def concerns(self, inputs: Inputs) -> bool:
        """A number of a region where the region is asked for."""
        parts = self.key.split(".")
        return parts[0] != "regions" or parts[1] in inputs.regions

    def apply(self, inputs: Inputs) -> Inputs:
        """Both runs built anew."""
        old = inputs.run.numbers[self.key].value

        def moved(run: Run) -> Run:
            if self.key not in run.numbers:
                return run
            own = run.numbers[self.key].value
            rule = rule_of(self.key)
            value = (
                self.value if own == old or not old or (rule is not None and rule.integer) else own * self.value / old
            )
            return with_numbers(run, {self.key: value})

        return inputs.with_runs(moved, calibration=self.key != MUONS or inputs.calibration.mot == inputs.run.mot)


@final
@dataclass(frozen=True, kw_only=True)
class BackgroundOf(Variation):
    """A background of one region [events], in place of the one in use."""

    region: str
    background: Background

    def concerns(self, inputs: Inputs) -> bool:
        """Where the region is asked for."""
        return self.region in inputs.regions

    def apply(self, inputs: Inputs) -> Inputs:
        """The run with that background; the Z' limit is one of zero events, whatever the background."""
        regions = dict(inputs.run.regions)
        regions[self.region] = replace(regions[self.region], background=self.background)
        return replace(inputs, run=replace(inputs.run, regions=regions))


@final
@dataclass(frozen=True, kw_only=True)
class ScaleEfficiency(Variation):
    """The whole efficiency curve multiplied by a factor."""

    factor: float

    def apply(self, inputs: Inputs) -> Inputs:
        """The run with that efficiency."""
        return replace(inputs, run=replace(inputs.run, efficiency=inputs.run.efficiency.times(self.factor)))


@final
@dataclass(frozen=True, kw_only=True)
class ScaleCrossSection(Variation):
    """The cross section multiplied by a factor: of the scenario's process alone, or of the Z' in the calibration too.

    Events and calibration know the cross section only times the nuclei per area, so that the density stands for it.
    """

    factor: float
    every_process: bool = False
    fusion: bool | None = None

    def concerns(self, inputs: Inputs) -> bool:
        """By `fusion`: where photons fuse by the Weizsaecker-Williams approximation, where none fuse, or (None) everywhere."""
        if self.fusion is None:
            return True
        return inputs.approximates_fusion if self.fusion else not inputs.is_of(AxionPhoton)

    def apply(self, inputs: Inputs) -> Inputs:
        """For the Z' itself its process is that of the calibration."""
        both = self.every_process or inputs.is_of(ZPrime)
        return inputs.with_runs(self._denser, calibration=both)

    def _denser(self, run: Run) -> Run:
        return replace(run, target=replace(run.target, density=run.target.density * self.factor))


@final
@dataclass(frozen=True, kw_only=True)
class FormFactor(Variation):
    """Another nucleus: its size or the screening of its charge."""

    nucleus: Nucleus

    def apply(self, inputs: Inputs) -> Inputs:
        """In both runs: they have one target."""
        return inputs.with_runs(lambda run: replace(run, target=replace(run.target, nucleus=self.nucleus)))


@final
@dataclass(frozen=True, kw_only=True)
class SoftFusion(Variation):
    """Photon fusion at tree level, at every x and with the same cut on the angle."""

    def concerns(self, inputs: Inputs) -> bool:
        """Where photons fuse by the Weizsaecker-Williams approximation."""
        return inputs.approximates_fusion

    def apply(self, inputs: Inputs) -> Inputs:
        """The axion produced at tree level."""
        return replace(inputs, scenario=partial(AxionPhoton, exact_fusion=True))


@final
@dataclass(frozen=True, kw_only=True)
class TriggerCut(Variation):
    """The visible region with the trigger's cut on the muon."""

    def concerns(self, inputs: Inputs) -> bool:
        """In the visible region, if the run has the other one."""
        return inputs.regions == ("visible",) and "visible_trigger" in inputs.run.regions

    def apply(self, inputs: Inputs) -> Inputs:
        """The other region."""
        return replace(inputs, regions=("visible_trigger",))


@final
@dataclass(frozen=True, kw_only=True)
class ContinuousDepth(Variation):
    """Any production depth in place of the sum over layers."""

    def concerns(self, inputs: Inputs) -> bool:
        """Where something decays, and the layers are summed."""
        return any(probe.width() > 0 for probe in inputs.probes) and inputs.average is DepthAverage.LAYERS

    def apply(self, inputs: Inputs) -> Inputs:
        """The other average."""
        return replace(inputs, average=DepthAverage.CONTINUOUS)


@final
@dataclass(frozen=True, kw_only=True)
class LoopDecay(Variation):
    """The decay of an axion with a coupling to muons into two photons."""

    def concerns(self, inputs: Inputs) -> bool:
        """Where it is taken as stable."""
        return all(isinstance(probe, AxionMuon) and not probe.loop_decay for probe in inputs.probes)

    def apply(self, inputs: Inputs) -> Inputs:
        """The axion with the decay through the muon loop."""
        return replace(inputs, scenario=partial(AxionMuon, loop_decay=True))
