"""Fate of a particle behind the target: seen to decay, or gone."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import check
from na64stat.errors import ScenarioError
from na64stat.experiment.response import Channel
from na64stat.experiment.run import Run
from na64stat.physics import decays, kinematics
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.dependence import check_width_power, is_packaged
from na64stat.scenarios.produced import fate

Array = NDArray[np.float64]

_FEW: Final = 13
"""Couplings at which the width of a user's scenario is asked for one by one, and its power checked for more of them."""


class DepthAverage(Enum):
    """How the production depth in the target is averaged; see `na64stat.physics.decays`.

    Attributes
    ----------
    LAYERS
        The paper's sum over target layers, the last of which has no depth.
    CONTINUOUS
        Any depth in the target alike.
    """

    LAYERS = "layers"
    """Sum over the layers, the last without depth of its own: the paper's."""
    CONTINUOUS = "continuous"
    """Any depth: keeps the plateau at short decay lengths, where the layer sum rises again."""


def survival(
    scenario: Scenario, run: Run, x: Array, couplings: Array, average: DepthAverage
) -> Mapping[Channel, Array]:
    """Probabilities to end in each channel, shape (G, X) for G couplings."""
    check_average(average)
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


def check_average(average: object) -> None:
    """Refuse a name in place of a member of `DepthAverage`, with an InputError."""
    check("average", average, DepthAverage, "expected DepthAverage.LAYERS or DepthAverage.CONTINUOUS")


def _decays(scenario: Scenario, couplings: Array) -> tuple[Array, Array, Array]:
    """Width [GeV], visible fraction and invisible fraction at each coupling, each of shape (G, 1)."""
    couplings = np.asarray(couplings, dtype=float)
    power, own = scenario.width_power, not is_packaged(scenario)
    if power is None or (own and len(couplings) <= _FEW):
        columns = np.array([fate(scenario.at(coupling=float(g))) for g in couplings]).T
    else:  # one call serves all couplings
        used = np.unique(couplings[couplings > 0])
        known = float(used[len(used) // 2]) if own and len(used) else 1.0
        check_width_power(scenario, np.unique(np.quantile(used, np.linspace(0, 1, _FEW))) if len(used) else couplings)
        width, seen_share, unseen_share = fate(scenario.at(coupling=known))
        columns = np.stack(np.broadcast_arrays(width * (couplings / known) ** power, seen_share, unseen_share))
    widths, seen, unseen = columns
    for name, values, top in (
        ("width", widths, np.inf),
        ("visible_fraction", seen, 1),
        ("invisible_fraction", unseen, 1),
    ):
        if not np.all((values >= 0) & (values <= top) & (values < np.inf)):
            at = int(np.flatnonzero(~((values >= 0) & (values <= top) & (values < np.inf)))[0])
            raise ScenarioError(
                f"{scenario.name} at mass {scenario.mass:g} GeV: {name} = {values[at]} at coupling {couplings[at]:g}; "
                "expected 0 to "
                f"{top:g}"
            )
    return widths[:, None], seen[:, None], unseen[:, None]
