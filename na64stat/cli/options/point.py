"""One point of a scenario, from the options of a command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from na64stat.cli.options.numbers import one_number
from na64stat.errors import ScenarioError

if TYPE_CHECKING:
    from na64stat.experiment.run import Run
    from na64stat.scenarios.base import Scenario, ScenarioFactory


def at_coupling(factory: ScenarioFactory, mass: float, coupling: list[float] | None, runs: Sequence[Run]) -> Scenario:
    """The scenario at a mass [GeV] and a coupling; without one, where there is one signal event in its own regions."""
    from na64stat.yields.predict import region_events

    if coupling is not None:
        return factory(mass=mass, coupling=one_number(coupling, "--coupling"))
    import numpy as np

    probe = factory(mass=mass, coupling=1.0)
    if probe.yield_power is None:
        raise ScenarioError(
            f"{probe.name} at mass {mass:g} GeV: its yield is no power of the coupling; give --coupling"
        )
    found = [region_events(probe, run, np.ones(1), probe.default_regions) for run in runs]
    total = sum(float(values[0]) for events in found for values in events.values())
    if total == 0:
        raise ScenarioError(f"{probe.name} at mass {mass:g} GeV: no signal in {', '.join(probe.default_regions)}")
    return probe.at(coupling=probe.coupling_at(1 / total))
