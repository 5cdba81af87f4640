"""Assumptions, and how far each is moved: `standard_variations` makes the list for a run.

Every number of the run file with status "assumed" is in it, or in the reasons why it is not. A number moves by its stated
uncertainty if it has one, else by 20%, which is an assumption itself; where something else is said, `why` says it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from na64stat.experiment.run import Background, Number, Run
from na64stat.experiment.schema import rule_of
from na64stat.physics.nucleus import LEAD
from na64stat.study.sensitivity.variation import (
    EITHER,
    LOWER,
    RAISED,
    BackgroundOf,
    ContinuousDepth,
    FormFactor,
    LoopDecay,
    MoveNumber,
    ScaleCrossSection,
    ScaleEfficiency,
    SoftFusion,
    TriggerCut,
    Variation,
)
from na64stat.text import after_number
from na64stat.units import HBARC_GEV_M

SHARE: Final = 0.2
"""How far a number without a known width is moved, relative."""

WW_ERROR, WW_FUSION_ERROR = 0.01, 0.013
"""Weizsaecker-Williams (WW) against exact calculations, 160 GeV muons on lead: bremsstrahlung, photon fusion above x = 0.01."""

LEAD_RADIUS: Final = 5.50e-15
"""Root-mean-square charge radius of lead-208 [m]. I. Angeli, K. P. Marinova, At. Data Nucl. Data Tables 99 (2013) 69."""

_NOT_ASSUMED: Final = ("beam.spread", "beam.mot")
"""Published numbers that are moved all the same."""

_SIGMA, _WW = "cross section", "WW against exact calculation"
_WORDS: Final = {
    "beam.spread": "beam spread",
    "beam.mot": "muons on target",
    "detector.decay_volume": "decay volume D",
    "response.mip_energy": "MIP peak",
    "response.mip_spread": "MIP peak, width",
    "response.momentum_resolution": "p_out resolution",
    "response.shower_stochastic": "shower resolution, stochastic",
    "response.shower_constant": "shower resolution, constant",
    "systematics.efficiency": "uncertainty of the efficiency",
    "systematics.mot": "uncertainty of the muons on target",
    "systematics.cross_section": "uncertainty of the cross section",
}
_REGION_WORDS: Final = {
    "e_cal_min": "lower cut on E_CAL",
    "e_cal_max": "upper cut on E_CAL",
    "p_out_min": "lower cut on p_out",
    "p_out_max": "upper cut on p_out",
    "energy_sum": "energy sum",
    "energy_sum_tolerance": "window of the energy sum",
    "observed": "observed events",
}


@dataclass(frozen=True)
class Move:
    """Where a number goes: side, new value, and why there."""

    side: int
    value: float
    why: str


def standard_variations(run: Run) -> tuple[tuple[Variation, ...], dict[str, str]]:
    """The variations of a run, and the reason by key for each assumed number that is not moved.

    Parameters
    ----------
    run
        With its background in use.
    """
    found: list[Variation] = []
    reasons: dict[str, str] = {}
    for key, number in run.numbers.items():
        if number.status != "assumed" and key not in _NOT_ASSUMED:
            continue
        moved = list(_of_number(run, key, number))
        found += moved
        if not moved and number.status == "assumed":
            reasons[key] = "is zero, and stays so when moved by a share of itself"
    return (*found, *_background(run), *_physics(run), *_choices(run)), reasons


def _of_number(run: Run, key: str, number: Number) -> Iterator[Variation]:
    parts = key.split(".")
    if parts[0] == "regions" and parts[2] == "backgrounds":
        if parts[3] != "none":
            yield from _settings(run, parts[1], parts[3], number)
        elif run.regions[parts[1]].background.events == 0:
            yield _all_background(run, parts[1], number.status, (key,))
        return
    for move in _moves(key, number):
        if move.value != number.value:
            yield MoveNumber(
                what=_in_words(key),
                origin=number.status,
                start=_text(number.value, number.unit),
                end=_text(move.value, number.unit),
                why=move.why,
                side=move.side,
                keys=(key,),
                key=key,
                value=move.value,
            )


def _in_words(key: str) -> str:
    """A number of the run file in words; the key itself where there are none."""
    if key in _WORDS:
        return _WORDS[key]
    head, region, *rest = key.split(".")
    return f"{region}: {_REGION_WORDS[rest[0]]}" if head == "regions" and rest[0] in _REGION_WORDS else key


def _moves(key: str, number: Number) -> tuple[Move, ...]:
    value, rule = number.value, rule_of(key)
    if key.startswith("systematics."):
        return Move(LOWER, 0.0, "left out"), Move(RAISED, 2 * value, "doubled")
    if key.endswith(".observed"):
        return (Move(LOWER, 0.0, "none was seen; the number given is the most that can have been"),)
    spread, why = number.uncertainty, "its uncertainty"
    if spread is None:
        spread, why = SHARE * value, f"{SHARE:.0%}, since no width is known"
    if rule is not None and rule.integer:
        spread = float(max(round(spread), 1)) if value else 0.0
    return Move(LOWER, max(value - spread, 0.0), why), Move(RAISED, value + spread, why)


def _settings(run: Run, region: str, setting: str, number: Number) -> Iterator[Variation]:
    """A background that a setting states: in place of none, and with its uncertainty."""
    spread = number.uncertainty or 0.0
    in_use = run.regions[region].background
    ends = [(EITHER, number.value, "the setting's"), (RAISED, number.value + spread, "a standard deviation above")]
    if in_use.events > 0:
        ends[0] = (LOWER, max(number.value - spread, 0.0), "a standard deviation below")
    for side, value, why in ends:
        end = Background(value, spread)
        if end != in_use:
            yield BackgroundOf(
                what=f"{region}: background, setting {setting}",
                origin=number.status,
                start=_background_text(in_use),
                end=_background_text(end),
                why=why,
                side=side,
                keys=(f"regions.{region}.backgrounds.{setting}",),
                region=region,
                background=end,
            )


def _background(run: Run) -> Iterator[Variation]:
    """Where counts are taken for signal though nobody says so: all of them are background."""
    for name, region in run.regions.items():
        key = f"regions.{name}.backgrounds.none"
        if region.background.events == 0 and region.observed and run.numbers[key].status != "assumed":
            yield _all_background(run, name, run.numbers[key].status, ())


def _all_background(run: Run, region: str, origin: str, keys: tuple[str, ...]) -> Variation:
    observed = run.regions[region].observed
    return BackgroundOf(
        what=f"{region}: background",
        origin=origin,
        start="0 events",
        end=f"{observed or 1:g} events",
        why="all that was observed is background, the most that is likely" if observed else "one event",
        side=RAISED,
        keys=keys,
        region=region,
        background=Background(float(observed or 1), 0.0),
    )


def _physics(run: Run) -> Iterator[Variation]:
    """The efficiency, cross sections and the form factor."""
    width, shared = run.systematics.efficiency, run.systematics.cross_section
    for side in (LOWER, RAISED):
        if width > 0:
            yield ScaleEfficiency(
                what="efficiency, central value", origin="derived", start="as inferred", end=_percent(side * width),
                why="its uncertainty; for the visible channel the use of this efficiency is assumed, too", side=side,
                factor=1 + side * width,
            )  # fmt: skip
    for what, size, every, fusion, origin, why in (
        (
            f"{_SIGMA}, every process",
            shared,
            True,
            None,
            "assumed",
            "its uncertainty, shared by the Z' of the calibration",
        ),
        (f"{_SIGMA}, this process alone", shared, False, None, "assumed", "its uncertainty, not shared by that Z'"),
        (_WW, WW_ERROR, False, False, "derived", "bremsstrahlung on lead was compared with an exact calculation"),
        (
            _WW,
            WW_FUSION_ERROR,
            False,
            True,
            "derived",
            "photon fusion above x = 0.01 was compared with an exact calculation",
        ),
    ):
        for side in (LOWER, RAISED) if size > 0 else ():
            yield ScaleCrossSection(
                what=what, origin=origin, start="WW", end=_percent(side * size), why=why, side=side,
                factor=1 + side * size, every_process=every, fusion=fusion,
            )  # fmt: skip
    yield SoftFusion(
        what="photon fusion",
        origin="derived",
        start="WW",
        end="exact",
        why="tree level, with the same cut on the angle: soft axions at wide angles are fewer",
    )
    yield from _form_factor(run)


def _form_factor(run: Run) -> Iterator[Variation]:
    nucleus = run.target.nucleus
    size, screening = nucleus.t_size, nucleus.t_screen
    ends = [
        ("form factor, size d", "t_size", LOWER, (1 - SHARE) * size, f"{SHARE:.0%}, since no width is known"),
        ("form factor, screening 1/a^2", "t_screen", LOWER, (1 - SHARE) * screening, f"{SHARE:.0%}"),
        ("form factor, screening 1/a^2", "t_screen", RAISED, (1 + SHARE) * screening, f"{SHARE:.0%}"),
    ]
    radius = LEAD_RADIUS / HBARC_GEV_M
    if nucleus.z == LEAD.z:
        ends.insert(1, (ends[0][0], "t_size", RAISED, 6 / radius**2, "the d of lead's measured charge radius, 5.50 fm"))
    else:
        ends.insert(1, (ends[0][0], "t_size", RAISED, (1 + SHARE) * size, ends[0][4]))
    for what, name, side, value, why in ends:
        yield FormFactor(
            what=what,
            origin="published",
            start=_text(getattr(nucleus, name), "GeV^2"),
            end=_text(value, "GeV^2"),
            why=why,
            side=side,
            nucleus=replace(nucleus, **{name: value}),
        )


def _choices(run: Run) -> Iterable[Variation]:
    """Choices, rather than measurements."""
    cut = run.regions["visible_trigger"].region.p_out[1] if "visible_trigger" in run.regions else math.inf
    return (
        TriggerCut(
            what="trigger's cut in the visible region",
            origin="choice",
            start="any p_out",
            end=f"p_out < {cut:g} GeV",
            why="the trigger needs a deflected muon; the paper has no such cut",
        ),
        ContinuousDepth(
            what="production depth",
            origin="choice",
            start="sum over layers",
            end="any depth",
            why="the paper's sum gives the last layer no depth",
        ),
        LoopDecay(
            what="decay through the muon loop",
            origin="choice",
            start="stable",
            end="to two photons",
            why="the paper takes the axion as stable below two muon masses",
        ),
    )


def _text(value: float, unit: str) -> str:
    return f"{value:.3g}{after_number(unit)}"


def _background_text(background: Background) -> str:
    spread = f" +- {background.uncertainty:g}" if background.uncertainty else ""
    return f"{background.events:.3g}{spread} events"


def _percent(share: float) -> str:
    return f"{100 * share:+.3g}%"
