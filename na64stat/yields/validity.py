"""Where a prediction rests on formulas or tables beyond their range, and how much of it does."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np

from na64stat.errors import ScenarioError
from na64stat.experiment.run import Run
from na64stat.physics.cross_sections import LIGHT_NUCLEUS
from na64stat.scenarios.base import Scenario
from na64stat.yields.source import source, spectrum
from na64stat.yields.survival import DepthAverage, survival

NOTABLE = 0.1
"""Share of the events above which something is said."""


def doubts(scenario: Scenario, run: Run, regions: Sequence[str]) -> list[str]:
    """What a user should be warned of: an extrapolated efficiency, a light target, production that is not reliable.

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
    return found


def doubts_at_ends(scenarios: Sequence[Scenario], run: Run, regions: Sequence[str]) -> list[str]:
    """The same at the first and the last of a range of masses; a mass beyond reach is the affair of its own record."""
    ends = {scenario.mass: scenario for scenario in (scenarios[0], scenarios[-1])}
    found: list[str] = []
    for scenario in ends.values():
        with contextlib.suppress(ScenarioError):
            found += doubts(scenario, run, regions)
    return found


def _soft_production(scenario: Scenario, run: Run, regions: Sequence[str], point: str) -> list[str]:
    made = source(scenario, run)
    ends = survival(scenario, run, made.x, np.array([scenario.coupling]), DepthAverage.LAYERS)
    soft = made.x < scenario.reliable_x
    found = []
    for name in regions:
        entry = run.region(name)
        parts = [
            made.events * ends[channel][0] * run.response.acceptance_curve(entry.region, channel)(made.x)
            for channel in entry.counts
        ]
        events = np.sum(parts, axis=0)
        share = float(events[soft].sum() / events.sum()) if events.sum() > 0 else 0.0
        if share > NOTABLE:
            found.append(
                f"{point}: {share:.0%} of the events in {name} come from x < {scenario.reliable_x:g}, where the cross section is "
                "not reliable"
            )
    return found
