"""How far headline limits move with everything that is assumed.

The efficiency was inferred from the published Z' limit with the same response, cross section and muons, so that it follows where
one of them is moved: `EfficiencyRule.REINFERRED`. What the Z' and a signal have in common then cancels, as it does in truth.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from na64stat.arguments import check, names, numbers, several
from na64stat.errors import InputError, Na64StatError, Na64StatWarning, RegionError, ValidityWarning
from na64stat.experiment.load import load_run
from na64stat.experiment.run import Run, check_run
from na64stat.progress import Track
from na64stat.records.limits import ScenarioLimits
from na64stat.records.sensitivity import (
    HELD,
    NO_MORE_EXCLUDED,
    NOTHING_EXCLUDED,
    REINFERRED,
    UNCHANGED,
    AssumedNumber,
    HeadlineLimit,
    Sensitivity,
    Shift,
)
from na64stat.records.status import failed, has_failed
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.base import ScenarioFactory, check_factory
from na64stat.scenarios.dark_sector import DarkSector
from na64stat.stats.method import Method
from na64stat.study.limits import limits
from na64stat.study.provenance import provenance_of_several
from na64stat.study.question import Question
from na64stat.study.sensitivity.assumptions import standard_variations
from na64stat.study.sensitivity.variation import Inputs, Variation
from na64stat.yields.calibration import is_packaged, recalibrated, same_calibration
from na64stat.yields.survival import DepthAverage

CALIBRATION: Final = "2022"
"""The run of the packaged Z' limit."""

NOTHING: Final = 1e-5
"""Relative change of a limit below which it is that of the numerics."""


class EfficiencyRule(Enum):
    """Fate of the efficiency where something is moved that it was inferred with.

    Attributes
    ----------
    REINFERRED
        It is inferred anew from the packaged Z' limit.
    HELD
        It stays, as if it had been measured.
    """

    REINFERRED = REINFERRED
    HELD = HELD


@dataclass(frozen=True)
class Headline:
    """Limits to look at.

    Attributes
    ----------
    scenario, masses
        What is excluded; masses in GeV.
    regions
        Combined if several; empty for the scenario's own.
    """

    scenario: ScenarioFactory
    masses: tuple[float, ...]
    regions: tuple[str, ...] = ()


PHOTON_MASSES, MUON_MASSES, DARK_MASSES = (2e-3, 0.01, 0.1), (0.01, 0.1, 0.2), (0.01, 0.1)

HEADLINES: Final = (
    Headline(AxionPhoton, PHOTON_MASSES, ("visible",)),
    Headline(AxionPhoton, PHOTON_MASSES, ("visible_trigger",)),
    Headline(AxionPhoton, PHOTON_MASSES, ("invisible",)),
    Headline(AxionMuon, MUON_MASSES, ("invisible",)),
    Headline(DarkSector, DARK_MASSES, ("invisible",)),
)
"""The limits of the paper's scenarios."""


@dataclass(frozen=True)
class _Found:
    """Excluded couplings at one mass: ends of the lowest and of the highest interval, and the status."""

    lower: float | None
    upper: float | None
    status: str

    def edge(self, name: str) -> float | None:
        return self.lower if name == "lower" else self.upper


def sensitivity(
    run: Run,
    headlines: Headline | Sequence[Headline] | None = None,
    *,
    variations: Sequence[Variation] | None = None,
    efficiency: EfficiencyRule = EfficiencyRule.REINFERRED,
    method: Method | None = None,
    cl: float | None = None,
    systematics: bool | None = None,
    average: DepthAverage | None = None,
    track: Track = iter,
) -> Sensitivity:
    """Move what is assumed, one thing at a time, and see how far each limit moves.

    Parameters
    ----------
    run
        Of `load_run`, with any background part or number of muons.
    headlines
        The limits, one or several; default `HEADLINES`, those in regions that the run has.
    variations
        What is moved; default `na64stat.study.sensitivity.assumptions.standard_variations`.
    efficiency
        What becomes of the efficiency.
    method, cl, systematics, average
        As in `limits`.
    track
        Wraps the variations, for a progress bar.

    Raises
    ------
    InputError
        No headlines, one twice, what `limits` refuses, or an efficiency to be re-inferred that is not that of the packaged limit.
    """
    check_run(run)
    check("efficiency", efficiency, EfficiencyRule, "expected EfficiencyRule.REINFERRED or EfficiencyRule.HELD")
    standard, reasons = standard_variations(run)
    chosen = _chosen(run, headlines)
    calibration = _calibration(run, efficiency)
    question = Question.of(chosen[0].scenario, run, method=method, cl=cl, systematics=systematics, average=average)
    inputs = [Inputs(*_resolved(item), run, calibration, question.average) for item in chosen]
    lines: list[list[HeadlineLimit]] = []
    notes = [_EFFICIENCY_NOTES[efficiency]]
    for part in inputs:
        found = _limits(part, question, ValidityWarning)
        lines.append(_headlines(part, found))
        notes += found.notes
    every = tuple(line for stated in lines for line in stated)
    if len({line.name for line in every}) != len(every):
        raise InputError("headlines: a scenario, regions and mass stand there twice; expected each once")
    shifts: list[Shift] = []
    for variation in track(list(standard if variations is None else variations)):
        for part, stated in zip(inputs, lines, strict=True):
            if variation.concerns(part):
                shifts += _shifts(variation, part, stated, efficiency, question)
    return Sensitivity(
        run=run.name,
        background=run.background_setting,
        cl=question.cl,
        method=question.statistical_method.name,
        efficiency=efficiency.value,
        headlines=every,
        shifts=tuple(shifts),
        numbers=_assumed(run, shifts, reasons, variations is None),
        notes=tuple(dict.fromkeys(notes)),
        provenance=provenance_of_several(
            [(part.scenario(mass=part.masses[0], coupling=1.0), part.regions) for part in inputs],
            [run],
            question.average,
            method=question.statistical_method,
            systematics=question.systematics,
        ),
    )


_EFFICIENCY_NOTES: Final = {
    EfficiencyRule.REINFERRED: (
        "where response, cross section or muons of the Z' limit are moved, the efficiency is inferred from that limit anew"
    ),
    EfficiencyRule.HELD: "the efficiency is held, also where response, cross section or muons of the Z' limit are moved",
}


def _chosen(run: Run, headlines: Headline | Sequence[Headline] | None) -> tuple[Headline, ...]:
    if headlines is None:
        headlines = [item for item in HEADLINES if set(item.regions or ()) <= run.regions.keys()]
    right = "expected a Headline, such as Headline(AxionMuon, (0.1,), ('invisible',)), or several"
    chosen = several("headlines", headlines, Headline, right)
    if not chosen:
        raise InputError(f"headlines: none in the regions of run {run.name!r}; name a scenario, masses and regions")
    return chosen


def _calibration(run: Run, rule: EfficiencyRule) -> Run:
    """The run of the Z' limit: this one, if it is that."""
    packaged = load_run(CALIBRATION)
    if rule is EfficiencyRule.REINFERRED and not is_packaged(run.efficiency, packaged):
        raise InputError(
            f"run {run.name!r}: its efficiency is not that of the packaged Z' limit, from which it would be re-inferred; "
            "expected efficiency held (--efficiency held)"
        )
    return run if run.digest == packaged.digest else packaged


def _resolved(headline: Headline) -> tuple[ScenarioFactory, tuple[float, ...], tuple[str, ...]]:
    check_factory(headline.scenario)
    masses = tuple(numbers("masses", headline.masses).tolist())
    if not masses:
        raise InputError("headlines: one has no mass; expected at least one")
    regions = headline.regions or headline.scenario(mass=masses[0], coupling=1.0).default_regions
    return headline.scenario, masses, names("regions", regions, RegionError)


def _limits(part: Inputs, question: Question, silenced: type[Na64StatWarning]) -> ScenarioLimits:
    """The limits of a part; warnings of a class are in the notes, or have been given before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", silenced)
        of_part = replace(question, scenario=part.scenario, run=part.run, regions=part.regions, average=part.average)
        return limits(of_part, masses=part.masses)


def _found(limits_: ScenarioLimits) -> list[_Found]:
    """One entry a mass; what the layer sum alone excludes is not excluded."""
    found = []
    for point in limits_.points:
        real = point.intervals[limits_.verdict]
        lower, upper = (real[0][0], real[-1][1]) if real else (None, None)
        found.append(_Found(lower, upper, _LAYERS_ONLY if point.status == "artefact" else point.status))
    return found


_LAYERS_ONLY: Final = "excluded by the layer sum alone"


def _headlines(part: Inputs, limits_: ScenarioLimits) -> list[HeadlineLimit]:
    """At each mass the lower edge, and the upper one if there is one."""
    name, unit = limits_.scenario, limits_.coupling_unit
    return [
        HeadlineLimit(name, mass, part.regions, edge, unit, found.edge(edge), found.status)
        for mass, found in zip(part.masses, _found(limits_), strict=True)
        for edge in (("lower",) if found.upper is None else ("lower", "upper"))
    ]


def _shifts(
    variation: Variation, part: Inputs, lines: list[HeadlineLimit], rule: EfficiencyRule, question: Question
) -> list[Shift]:
    """One variation of one part: an entry for each of its limits."""
    moved, efficiency = _follow(part, variation.apply(part), rule)
    try:
        found = _found(_limits(moved, question, Na64StatWarning))
    except Na64StatError as error:
        found = [_Found(None, None, failed(error))] * len(part.masses)
    by_mass = dict(zip(part.masses, found, strict=True))
    told = {name: getattr(variation, name) for name in ("what", "origin", "start", "end", "side", "why", "keys")}
    return [
        Shift(
            **told,
            headline=line.name,
            before=line.limit,
            after=by_mass[line.mass].edge(line.edge),
            efficiency=efficiency,
            status=_status(line, by_mass[line.mass]),
        )
        for line in lines
    ]


def _status(line: HeadlineLimit, found: _Found) -> str:
    before, after = line.limit, found.edge(line.edge)
    if has_failed(found.status):
        return found.status
    if before is None:
        return NOTHING_EXCLUDED if after is None else "excluded now"
    if after is None:
        return NO_MORE_EXCLUDED if found.lower is None else f"no {line.edge} edge any more"
    return "moved"


def _follow(before: Inputs, after: Inputs, rule: EfficiencyRule) -> tuple[Inputs, str]:
    """The part with the efficiency that belongs to it, and what became of it."""
    if same_calibration(before.calibration, after.calibration):
        return after, UNCHANGED
    if rule is EfficiencyRule.HELD:
        return after, HELD
    efficiency = recalibrated(after.run.efficiency, before.calibration, after.calibration)
    return replace(after, run=replace(after.run, efficiency=efficiency)), REINFERRED


def _assumed(run: Run, shifts: Sequence[Shift], reasons: dict[str, str], standard: bool) -> tuple[AssumedNumber, ...]:
    """Every assumed number, with the reason where it moves no limit."""
    sizes: dict[str, float] = {}
    for shift in shifts:
        for key in shift.keys:
            sizes[key] = max(sizes.get(key, 0.0), shift.size)

    def reason(key: str) -> str:
        if key not in sizes:
            return reasons.get(key, "of none of the regions asked for" if standard else "not asked for")
        return "" if sizes[key] > NOTHING else "moves none of these limits"

    return tuple(
        AssumedNumber(key, number.value, number.uncertainty, number.unit, number.source, reason(key))
        for key, number in run.numbers.items()
        if number.status == "assumed"
    )
