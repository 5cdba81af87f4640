"""Expected signal events [arXiv:2501.06294, eq. (1)]: production, efficiency, decay and acceptance, integrated over x."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import check, is_number, wrong
from na64stat.errors import ValidityWarning
from na64stat.experiment.response import CHANNELS
from na64stat.experiment.run import Run, check_run
from na64stat.plane import Binning
from na64stat.scenarios.base import Scenario, check_scenario
from na64stat.template import Plane, Template, Yield
from na64stat.yields.source import Source, source
from na64stat.yields.survival import DepthAverage, survival
from na64stat.yields.systematics import variations
from na64stat.yields.validity import doubts

Array = NDArray[np.float64]


def predict(
    scenario: Scenario, run: Run, *, average: DepthAverage = DepthAverage.LAYERS, binning: Binning | None = None
) -> Template:
    """Expected events per region and per bin of the (E_CAL, p_out) plane.

    The plane holds every signal event; a region holds those whose end it `counts` (a run file's choice).

    Parameters
    ----------
    scenario, run
        What is made, and where.
    average
        Depth average of the decay.
    binning
        Default 4 GeV bins up to 200 GeV on both axes.

    Raises
    ------
    ScenarioError
        If the mass is beyond the beam's reach, or this is no scenario with a mass and a coupling.
    InputError
        If the run, the average or the binning is none.

    Warns
    -----
    ValidityWarning
        Where the efficiency is extrapolated, or the cross section is used where it is not reliable.
    """
    check_scenario(scenario)
    check_run(run)
    check("binning", binning, (Binning, type(None)), "a Binning is right, such as Binning.uniform(4.0)")
    for doubt in doubts(scenario, run, tuple(run.regions)):
        warnings.warn(doubt, ValidityWarning, stacklevel=2)
    made = source(scenario, run)
    ends = survival(scenario, run, made.x, np.array([scenario.coupling]), average)
    weights = {channel: made.events * ends[channel][0] for channel in CHANNELS}
    regions = {}
    for name, entry in run.regions.items():
        found = {
            channel: float(run.response.acceptance_curve(entry.region, channel)(made.x) @ weights[channel])
            for channel in entry.counts
        }
        regions[name] = Yield(visible=found.get("visible", 0.0), invisible=found.get("invisible", 0.0))
    bins = binning or Binning.uniform()
    counts = {
        channel: run.response.plane_counts(bins, channel, made.x, weights[channel])
        if np.any(weights[channel])
        else np.zeros(bins.shape)
        for channel in CHANNELS
    }
    plane = Plane(bins, counts["visible"], counts["invisible"])
    return Template(scenario.name, run.name, scenario.mass, scenario.coupling, regions, variations(run), plane)


def expected_events(
    scenario: Scenario,
    run: Run,
    x_min: float = 0.0,
    efficiency: float | None = None,
    average: DepthAverage = DepthAverage.LAYERS,
) -> Yield:
    """Expected events [1] before the response: production, decay and (unless given) the run's efficiency, for x > `x_min`.

    Parameters
    ----------
    scenario
        At a mass and a coupling.
    run
        Where.
    x_min
        Smallest energy fraction that counts [1].
    efficiency
        One for all masses [1]; default the run's.
    average
        Depth average of the decay.

    Raises
    ------
    ScenarioError, InputError
        As in `predict`, and for an efficiency outside [0, 1].
    """
    check_scenario(scenario)
    check_run(run)
    if efficiency is not None and not (is_number(efficiency) and 0 <= efficiency <= 1):
        raise wrong("efficiency", efficiency, "a number from 0 to 1 is right")
    made = source(scenario, run, x_min, efficiency)
    ends = survival(scenario, run, made.x, np.array([scenario.coupling]), average)
    totals = {channel: float(made.events @ ends[channel][0]) for channel in CHANNELS}
    return Yield(visible=totals["visible"], invisible=totals["invisible"])


def region_events(
    scenario: Scenario,
    run: Run,
    couplings: Array,
    regions: Iterable[str],
    average: DepthAverage = DepthAverage.LAYERS,
) -> dict[str, Array]:
    """Expected events [1] in each region for many couplings at the scenario's mass, each of shape of `couplings`.

    The spectrum is computed once where production is a power of the coupling.
    """
    couplings = np.asarray(couplings, dtype=float)
    names = list(regions)
    if scenario.production_power is None:
        alone = [scenario.at(coupling=float(g)) for g in couplings]
        rows = [_region_events(one, source(one, run), np.array([one.coupling]), run, names, average) for one in alone]
        return {name: np.array([row[name][0] for row in rows]) for name in names}
    made = source(scenario, run, power=scenario.production_power)
    return _region_events(scenario, made, couplings, run, names, average)


def _region_events(
    scenario: Scenario, made: Source, couplings: Array, run: Run, names: list[str], average: DepthAverage
) -> dict[str, Array]:
    ends = survival(scenario, run, made.x, couplings, average)
    result = {}
    for name in names:
        entry = run.region(name)
        total = np.zeros(len(couplings))
        for channel in entry.counts:
            accepted = run.response.acceptance_curve(entry.region, channel)(made.x)
            total += ends[channel] @ (made.events * accepted)
        result[name] = couplings**made.power * total
    return result
