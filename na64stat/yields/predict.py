"""Expected signal events [arXiv:2501.06294, eq. (1)]: production, efficiency, decay and acceptance, integrated over x."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError, ScenarioError, ValidityWarning
from na64stat.experiment.response import Channel
from na64stat.experiment.run import Run
from na64stat.physics import decays, kinematics, quadrature
from na64stat.plane import Binning
from na64stat.scenarios.base import Production, Scenario
from na64stat.template import Plane, Template, Yield
from na64stat.yields.systematics import variations

Array = NDArray[np.float64]

CHANNELS: tuple[Channel, Channel] = ("visible", "invisible")


class DepthAverage(Enum):
    """How the production depth in the target is averaged; see `na64stat.physics.decays`."""

    LAYERS = "layers"
    """Sum over the layers, the last without depth of its own: the paper's."""
    CONTINUOUS = "continuous"
    """Any depth: keeps the plateau at short decay lengths, where the layer sum rises again."""


@dataclass(frozen=True, eq=False)
class Source:
    """Particles made by all muons of a run at coupling 1 (or at the scenario's own, if production is no power).

    Attributes
    ----------
    x
        Quadrature nodes of the energy fraction, shape (X,).
    events
        Particles per node, weights and efficiency included, shape (X,).
    power
        Power of the coupling in `events`.
    """

    x: Array
    events: Array
    power: float


def source(
    scenario: Scenario, run: Run, x_min: float = 0.0, efficiency: float | None = None, power: float | None = None
) -> Source:
    """Particles per energy fraction that a run makes.

    Parameters
    ----------
    x_min
        Lower end of the energy fraction.
    efficiency
        In place of the run's.
    power
        Power of the coupling to take out: the spectrum is computed at coupling 1. None: at the scenario's coupling.

    Raises
    ------
    ScenarioError
        If the mass is beyond the beam's reach, or the scenario returns something that is no spectrum.
    """
    low, high = (float(end) for end in kinematics.energy_fraction_limits(scenario.lightest_mass(), run.beam_energy))
    if not low < high:
        raise ScenarioError(
            f"{scenario.name}: mass = {scenario.mass:g} GeV is beyond the reach of a {run.beam_energy:g} GeV beam"
        )
    if not 0 <= x_min < 1:
        raise InputError(f"x_min = {x_min}: an energy fraction lies in [0, 1)")
    if x_min >= high:
        return Source(np.zeros(0), np.zeros(0), 0.0)
    x, weights = quadrature.energy_fraction_rule(max(low, x_min), high)
    probe = scenario if power is None else scenario.at(coupling=1.0)
    production = probe.production(x, run.beam_energy, run.target.nucleus)
    if not isinstance(production, Production):
        raise ScenarioError(
            f"{scenario.name}: production gave a {type(production).__name__}; a na64stat.Production with effective_mass and "
            "dsigma_dx is right"
        )
    spectrum = np.atleast_2d(np.asarray(production.dsigma_dx, dtype=float))
    mass = np.atleast_1d(np.asarray(production.effective_mass, dtype=float))
    if spectrum.shape != (len(mass), len(x)) or not np.all(np.isfinite(spectrum)) or np.any(spectrum < 0):
        raise ScenarioError(
            f"{scenario.name} at mass {scenario.mass:g} GeV: production gave dsigma_dx of shape {spectrum.shape}, values from "
            f"{spectrum.min():g} to {spectrum.max():g}; finite numbers >= 0 of shape ({len(mass)}, {len(x)}) are right"
        )
    share = run.efficiency(mass) if efficiency is None else np.full(len(mass), efficiency)
    events = run.mot * run.target.nuclei_per_area_gev2 * (share @ spectrum) * weights
    return Source(x, events, 0.0 if power is None else power)


def survival(
    scenario: Scenario, run: Run, x: Array, couplings: Array, average: DepthAverage
) -> Mapping[Channel, Array]:
    """Probabilities to end in each channel, shape (G, X) for G couplings."""
    momentum = kinematics.momentum(x, scenario.mass, run.beam_energy)
    widths, seen, unseen = _decays(scenario, couplings)
    length = decays.decay_length(widths, scenario.mass, momentum)
    if average is DepthAverage.LAYERS:
        decayed, escaped = decays.layer_probabilities(
            length, run.target.layers, run.target.layer_thickness, run.decay_volume
        )
    else:
        decayed, escaped = decays.continuous_probabilities(length, run.target.thickness, run.decay_volume)
    return {"visible": seen * decayed, "invisible": unseen * escaped}


def _decays(scenario: Scenario, couplings: Array) -> tuple[Array, Array, Array]:
    """Width [GeV], visible fraction and invisible fraction at each coupling, each of shape (G, 1)."""
    couplings = np.asarray(couplings, dtype=float)
    if scenario.width_power is None:
        points = [scenario.at(coupling=float(g)) for g in couplings]
        rows = [(point.width(), point.visible_fraction(), point.invisible_fraction()) for point in points]
        columns = np.array(rows).T
    else:  # one call serves all couplings
        one = scenario.at(coupling=1.0)
        widths = one.width() * couplings**scenario.width_power
        columns = np.stack(np.broadcast_arrays(widths, one.visible_fraction(), one.invisible_fraction()))
    return columns[0][:, None], columns[1][:, None], columns[2][:, None]


def predict(
    scenario: Scenario, run: Run, *, average: DepthAverage = DepthAverage.LAYERS, binning: Binning | None = None
) -> Template:
    """Expected events per region and per bin of the (E_CAL, p_out) plane.

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
        If the mass is beyond the beam's reach.

    Warns
    -----
    ValidityWarning
        Where the efficiency is extrapolated.
    """
    warn_of_extrapolation(scenario, run)
    made = source(scenario, run)
    ends = survival(scenario, run, made.x, np.array([scenario.coupling]), average)
    weights = {channel: made.events * ends[channel][0] for channel in CHANNELS}
    regions = {}
    for name, entry in run.regions.items():
        accepted = {
            channel: float(run.response.acceptance_curve(entry.region, channel)(made.x) @ weights[channel])
            for channel in CHANNELS
        }
        regions[name] = Yield(visible=accepted["visible"], invisible=accepted["invisible"])
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
    """Expected events [1] before the response: production, decay and (unless given) the run's efficiency, for x > `x_min`."""
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


def warn_of_extrapolation(scenario: Scenario, run: Run) -> None:
    """Say so where the efficiency is held constant beyond the masses at which it was inferred."""
    if np.any(run.efficiency.extrapolates(scenario.lightest_mass())):
        warnings.warn(
            f"{scenario.name} at mass {scenario.mass:g} GeV: the efficiency of run {run.name} is known from 1 MeV to 1 GeV and "
            "held at its end value beyond",
            ValidityWarning,
            stacklevel=3,
        )


def _region_events(
    scenario: Scenario, made: Source, couplings: Array, run: Run, names: list[str], average: DepthAverage
) -> dict[str, Array]:
    ends = survival(scenario, run, made.x, couplings, average)
    result = {}
    for name in names:
        region = run.region(name).region
        per_channel = [
            ends[channel] @ (made.events * run.response.acceptance_curve(region, channel)(made.x))
            for channel in CHANNELS
        ]
        result[name] = couplings**made.power * (per_channel[0] + per_channel[1])
    return result
