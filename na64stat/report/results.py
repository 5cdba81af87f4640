"""Computations of the reproduction: limits and scans of the paper's scenarios in the 2022 run and its projections."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from na64stat.errors import ValidityWarning
from na64stat.experiment.load import load_run
from na64stat.experiment.run import Run
from na64stat.progress import Track
from na64stat.records.limits import ScenarioLimits
from na64stat.records.map import Scan
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.dark_sector import DarkSector
from na64stat.study.limits import limits
from na64stat.study.maps.scan import scan

RUNS: Final = ("2022", "2023", "mot1e12", "mot1e13", "mot1e14")
"""The run with data and the projections, each without background."""

PHOTON_REGIONS: Final = ("visible", "invisible")

TrackMaker = Callable[[str], Track]

_PHOTON_MASSES = np.geomspace(1e-3, 0.5, 90)
_PHOTON_COUPLINGS = np.geomspace(1e-5, 1.0, 140)
_LOOP_MASSES = np.geomspace(0.05, 0.5, 80)
_LOOP_COUPLINGS = np.geomspace(1e-5, 1.0, 120)
# The limit ends where the muon pair opens: the masses come close to it.
_MUON_MASSES = np.concatenate([np.geomspace(1e-3, 0.2, 40), [0.205, 0.208, 0.210, 0.211, 0.2113]])
_DARK_MASSES = np.geomspace(1e-3, 1.0, 40)
_GRID_COUPLINGS = np.geomspace(1e-4, 1.0, 41)


@dataclass(frozen=True)
class Results:
    """Everything that figures, tables and headline numbers are made of.

    Attributes
    ----------
    photon
        Scans of the axion-photon scenario by (run, region).
    muon, dark
        Limits of the axion-muon and dark-sector scenarios by run, invisible region.
    muon_loop
        Scans of the axion-muon scenario with its loop decay, by run.
    grids
        CL_s over mass and coupling of the scenarios that are otherwise known by their limits, for the run with data.
    """

    photon: dict[tuple[str, str], Scan]
    muon: dict[str, ScenarioLimits]
    muon_loop: dict[str, Scan]
    dark: dict[str, ScenarioLimits]
    grids: dict[str, Scan]


def compute(track: TrackMaker) -> Results:
    """Run the whole chain for every figure; `track(label)` makes a progress bar."""
    with doubts_in_notes():
        return _compute({name: load_run(name) for name in RUNS}, track)


@contextmanager
def doubts_in_notes() -> Iterator[None]:
    """Within the reproduction doubts (soft production, pairs beyond 1 GeV) are said in the notes of the figures."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        yield


def _compute(runs: dict[str, Run], track: TrackMaker) -> Results:
    photon = {
        (name, region): scan(
            AxionPhoton, run, _PHOTON_MASSES, _PHOTON_COUPLINGS, regions=[region], track=track("figure 2")
        )
        for name, run in runs.items()
        for region in PHOTON_REGIONS
    }
    muon = {name: limits(AxionMuon, run, _MUON_MASSES, track=track("figure 3")) for name, run in runs.items()}
    with_loop = partial(AxionMuon, loop_decay=True)
    loop = {
        name: scan(with_loop, run, _LOOP_MASSES, _LOOP_COUPLINGS, track=track("figure 3, loop decay"))
        for name, run in runs.items()
    }
    dark = {name: limits(DarkSector, run, _DARK_MASSES, track=track("figure 4")) for name, run in runs.items()}
    grids = {
        kind.name: scan(kind, runs[RUNS[0]], masses, _GRID_COUPLINGS, track=track("maps"))
        for kind, masses in ((AxionMuon, _MUON_MASSES[::2]), (DarkSector, _DARK_MASSES[::2]))
    }
    return Results(photon, muon, loop, dark, grids)
