"""Expected signal events [arXiv:2501.06294, eq. (1)]: production, efficiency, decay and acceptance, integrated over x."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import check, is_number, wrong
from na64stat.errors import ScenarioError, ValidityWarning
from na64stat.experiment.acceptance import acceptance_curve
from na64stat.experiment.response import CHANNELS
from na64stat.experiment.run import Run, check_run
from na64stat.plane import Binning
from na64stat.scenarios.base import Scenario, check_scenario
from na64stat.scenarios.dependence import dependence
from na64stat.template import Plane, Template, Yield
from na64stat.yields.source import SourceOfCoupling, source
from na64stat.yields.survival import DepthAverage, survival
from na64stat.yields.systematics import variations
from na64stat.yields.validity import doubts

Array = NDArray[np.float64]

MOST_CHECKED: Final = 240
"""Couplings of one call at which a power that was found is checked."""

FEW: Final = 24
"""So many couplings are as quickly evaluated one by one as it is found out how they depend on each other."""


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
    check("binning", binning, (Binning, type(None)), "expected a Binning, such as Binning.uniform(4.0)")
    for doubt in doubts(scenario, run, tuple(run.regions)):
        warnings.warn(doubt, ValidityWarning, stacklevel=2)
    made = source(scenario, run)
    ends = survival(scenario, run, made.x, np.array([scenario.coupling]), average)
    weights = {channel: made.events * ends[channel][0] for channel in CHANNELS}
    regions = {}
    for name, entry in run.regions.items():
        found = {
            channel: float(acceptance_curve(run.response, entry.region, channel)(made.x) @ weights[channel])
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
        raise wrong("efficiency", efficiency, "expected a number from 0 to 1")
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

    Many couplings are evaluated together where production is a sum of powers of the coupling, else one by one.

    Raises
    ------
    ScenarioError
        As in `predict`, and for a declared power that does not hold.
    """
    couplings = np.asarray(couplings, dtype=float)
    names = list(regions)
    used = np.unique(couplings[couplings > 0])
    if len(used) > FEW or (len(used) and scenario.production_power is not None):
        between = float(used[0]), float(used[-1])
        asked = used[np.linspace(0, len(used) - 1, min(len(used), MOST_CHECKED)).astype(int)]
        found = dependence(scenario, between, (run.beam_energy, run.target.nucleus), asked.tolist())
        if found.powers:
            made = SourceOfCoupling.of(found, run)
            return _of_powers(scenario, made, couplings, run, names, average)
    result = {name: np.zeros(len(couplings)) for name in names}
    for i, g in enumerate(couplings.tolist()):
        one = scenario.at(coupling=g)
        alone = source(one, run)
        parts = _accepted(one, alone.x, couplings[i : i + 1], run, names, average)
        for name, part in parts.items():
            result[name][i] = sum(probability[0] @ (alone.events * accepted) for probability, accepted in part)
    return result


def _of_powers(
    scenario: Scenario, made: SourceOfCoupling, couplings: Array, run: Run, names: list[str], average: DepthAverage
) -> dict[str, Array]:
    parts = _accepted(scenario, made.x, couplings, run, names, average)
    result = {name: np.zeros(len(couplings)) for name in names}
    for power, term in zip(made.powers, made.terms, strict=True):
        factor = (couplings / made.reference) ** power
        for name, part in parts.items():
            result[name] += factor * sum(probability @ (term * accepted) for probability, accepted in part)
    for name, values in result.items():
        if len(made.powers) > 1 and np.any(values < 0):
            bad = float(couplings[int(np.argmin(values))])
            raise ScenarioError(
                f"{scenario.name} at mass {scenario.mass:g} GeV: production is negative at coupling {bad:g}, so that {name} has "
                f"{values.min():g} events; expected a cross section >= 0, or couplings where it is"
            )
    return result


def _accepted(
    scenario: Scenario, x: Array, couplings: Array, run: Run, names: list[str], average: DepthAverage
) -> dict[str, list[tuple[Array, Array]]]:
    """By region, for each end that it counts: probabilities to come to it, (G, X), and to be accepted, (X,)."""
    ends = survival(scenario, run, x, couplings, average)
    return {
        name: [
            (ends[channel], acceptance_curve(run.response, run.region(name).region, channel)(x))
            for channel in run.region(name).counts
        ]
        for name in names
    }
