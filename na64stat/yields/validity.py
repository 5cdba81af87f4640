"""Where a prediction rests on formulas or tables beyond their range, and how much of it does."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ScenarioError
from na64stat.experiment.acceptance import acceptance_curve
from na64stat.experiment.run import Run
from na64stat.physics.cross_sections import LIGHT_NUCLEUS
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.production import Array
from na64stat.yields.source import Source, source, spectrum
from na64stat.yields.survival import DepthAverage, survival

NOTABLE = 0.1
"""Share of the events above which something is said."""

TRUSTED: Final = 0.05
"""How far the exact cross section of photon fusion may move events before it is said; `sensitivity` always says it."""

SOFT: Final = 0.01
"""Energy fraction below which Weizsaecker-Williams fusion is too high, 160 GeV muons on lead."""


def doubts(scenario: Scenario, run: Run, regions: Sequence[str]) -> list[str]:
    """Doubts to warn of: an extrapolated efficiency, a light target, production that is not reliable.

    Parameters
    ----------
    scenario, run
        What is made, and where.
    regions
        Where soft production would matter.
    """
    made = spectrum(scenario, run)
    per_mass = run.efficiency(made.effective_mass) * made.events.sum(axis=1)
    beyond = np.asarray(run.efficiency.extrapolates(made.effective_mass))
    share = float(per_mass[beyond].sum() / per_mass.sum()) if per_mass.sum() > 0 else 0.0
    point = f"{scenario.name} at mass {scenario.mass:g} GeV, run {run.name}"
    found = []
    if share > NOTABLE:
        low, high = run.efficiency.masses[0], run.efficiency.masses[-1]
        found.append(
            f"{point}: {share:.0%} of the particles have an effective mass outside {low:g} to {high:g} GeV, where the efficiency "
            "is not known and is held at its end value"
        )
    if run.target.nucleus.z < LIGHT_NUCLEUS:
        found.append(
            f"{point}: the Weizsaecker-Williams cross sections were checked on lead; a target with Z = {run.target.nucleus.z:g}, "
            f"below {LIGHT_NUCLEUS}, is an extrapolation"
        )
    if scenario.reliable_x > 0:
        found += _soft_production(scenario, run, regions, point)
    if isinstance(scenario, AxionPhoton) and not scenario.exact_fusion:
        found += _against_exact(scenario, run, regions, point)
    return found


def doubts_at_ends(scenarios: Sequence[Scenario], run: Run, regions: Sequence[str]) -> list[str]:
    """Doubts at the first and the last of a range of masses; a mass beyond reach is the affair of its own record."""
    ends = {scenario.mass: scenario for scenario in (scenarios[0], scenarios[-1])}
    found: list[str] = []
    for scenario in ends.values():
        with contextlib.suppress(ScenarioError):
            found += doubts(scenario, run, regions)
    return found


def _soft_production(scenario: Scenario, run: Run, regions: Sequence[str], point: str) -> list[str]:
    made = source(scenario, run)
    soft = made.x < scenario.reliable_x
    found = []
    for name in regions:
        events = made.events * _accepted(scenario, run, name, made)
        share = _share(events, soft)
        if share > NOTABLE:
            found.append(
                f"{point}: {share:.0%} of the events in {name} come from x < {scenario.reliable_x:g}, where the cross section is "
                "not reliable"
            )
    return found


def _against_exact(scenario: AxionPhoton, run: Run, regions: Sequence[str], point: str) -> list[str]:
    """Effect of the exact cross section on the events of each region, if it is large."""
    made, exact = (source(scenario.at(exact_fusion=which), run) for which in (False, True))
    soft = made.x < SOFT
    found = []
    for name in regions:
        accepted = _accepted(scenario, run, name, made)
        events, right = float(made.events @ accepted), float(exact.events @ accepted)
        if events > 0 and abs(right / events - 1) > TRUSTED:
            changed = f"{'lowers' if right < events else 'raises'} them by {abs(right / events - 1):.0%}"
            found.append(
                f"{point}: {_softness(made, exact, made.events * accepted, soft, name)} {changed} (exact_fusion)"
            )
    return found


def _softness(made: Source, exact: Source, events: Array, soft: NDArray[np.bool_], name: str) -> str:
    """Where the events of a region come from, up to the subject of what the exact cross section does to them."""
    right = float(exact.events[soft].sum())
    tree = "the exact tree-level cross section, with the same cut on the angle,"
    if not right > 0:
        return f"events in {name} by the Weizsaecker-Williams approximation; {tree}"
    excess = float(made.events[soft].sum()) / right - 1
    return (
        f"{_share(events, soft):.0%} of the events in {name} come from x < {SOFT:g}, where the Weizsaecker-Williams cross "
        f"section is {abs(excess):.0%} {'above' if excess > 0 else 'below'} the exact one at this mass; {tree}"
    )


def _accepted(scenario: Scenario, run: Run, name: str, made: Source) -> Array:
    """Probability at each x that a particle counts in a region [1]."""
    ends = survival(scenario, run, made.x, np.array([scenario.coupling]), DepthAverage.LAYERS)
    entry = run.region(name)
    parts = [ends[end][0] * acceptance_curve(run.response, entry.region, end)(made.x) for end in entry.counts]
    total: Array = np.sum(parts, axis=0)
    return total


def _share(events: Array, chosen: NDArray[np.bool_]) -> float:
    return float(events[chosen].sum() / events.sum()) if events.sum() > 0 else 0.0
