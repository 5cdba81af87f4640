"""Reference workspaces: one per scenario of the paper and run, at one point each."""

from __future__ import annotations

from typing import Any, Final

from na64stat.experiment.load import load_run
from na64stat.report.results import RUNS
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.dark_sector import DarkSector
from na64stat.stats.workspace import build_workspace
from na64stat.yields.predict import predict

POINTS: Final[tuple[Scenario, ...]] = (
    AxionPhoton(mass=0.03, coupling=1e-3),
    AxionMuon(mass=0.1, coupling=5e-3),
    DarkSector(mass=0.1, coupling=1e-2),
)
"""The signal at mu = 1; AxionPhoton has events in both channels."""


def reference_workspaces() -> dict[str, dict[str, Any]]:
    """Workspaces by file name, `SCENARIO_RUN.json`."""
    found = {}
    for name in RUNS:
        run = load_run(name)
        for point in POINTS:
            regions = ["invisible", "visible"] if isinstance(point, AxionPhoton) else ["invisible"]
            found[f"{point.name}_{name}.json"] = build_workspace(predict(point, run), run, regions)
    return found
