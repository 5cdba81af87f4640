"""Runs, scenarios that only the tests need, and results that several tests look at."""

import math
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
import pytest

from na64stat.errors import ScenarioError
from na64stat.experiment.load import load_run
from na64stat.experiment.run import Background
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.production import Production
from na64stat.study.limits import limits
from na64stat.study.maps.scan import scan
from na64stat.study.signal_test import SignalTest
from na64stat.yields.predict import region_events


@pytest.fixture(scope="session")
def run():
    return load_run("2022")


@pytest.fixture(scope="session")
def projection():
    return load_run("mot1e12")


@pytest.fixture(scope="session")
def with_backgrounds(run):
    """The 2022 run with a background in both channels, so that they may be combined."""
    stated = {"invisible": Background(0.07, 0.03), "visible": Background(2.0, 0.6)}
    regions = {
        name: replace(region, background=stated.get(name, region.background)) for name, region in run.regions.items()
    }
    return replace(run, regions=regions)


@dataclass(frozen=True, kw_only=True)
class Island(Scenario):
    """Signal proportional to exp(1 - r^2), where r = 1 is an ellipse of ln(mass) and ln(coupling)."""

    name = "island"
    production_power = None
    centre: tuple[float, float] = (0.03, 1e-3)
    axes: tuple[float, float] = (0.9, 1.3)
    strength: float = 1.0

    def production(self, x, beam_energy, nucleus):
        if self.mass > 0.5:
            raise ScenarioError(f"island: mass = {self.mass:g} GeV is beyond its shore, 0.5 GeV")
        pulls = zip((self.mass, self.coupling), self.centre, self.axes, strict=True)
        r2 = sum((math.log(at / middle) / axis) ** 2 for at, middle, axis in pulls)
        # Far above every threshold in x, so that only the ellipse depends on the mass.
        shape = np.exp(-(((x - 0.85) / 0.04) ** 2))
        return Production(0.1, self.strength * math.exp(1 - r2) * shape)


@dataclass(frozen=True, kw_only=True)
class Silent(Scenario):
    """Makes nothing; `lifetime` decides whether its yield counts as a power of the coupling."""

    name = "silent"
    lifetime: bool = False

    def production(self, x, beam_energy, nucleus):
        if self.mass > 0.5:
            raise ScenarioError("silent: too heavy")
        return Production(self.mass, 0 * x)

    def width(self):
        return self.coupling**2 * 1e-12 if self.lifetime else 0.0


@pytest.fixture(scope="session")
def signal_test(run, projection, with_backgrounds):
    """Makes a SignalTest, each once: its table of CL_s takes a second."""
    runs = {"2022": run, "mot1e12": projection, "backgrounds": with_backgrounds}

    @cache
    def make(name, region, systematics=True):
        return SignalTest(runs[name], (region,), systematics=systematics)

    return make


@pytest.fixture(scope="session")
def island():
    return Island


@pytest.fixture(scope="session")
def calibrated_island(run):
    """The island whose shore r = 1 is at ln 10 events, the limit without systematics."""
    shore = Island(mass=0.03, coupling=1e-3 * math.exp(1.3))
    events = region_events(shore, run, np.array([shore.coupling]), ["invisible"])["invisible"][0]
    return partial(Island, strength=math.log(10) / events)


@pytest.fixture(scope="session")
def silent():
    return Silent


@pytest.fixture(scope="session")
def invisible_axion(run):
    """AxionPhoton in the invisible region, 1.3 to 10 MeV."""
    return limits(AxionPhoton, run, [1.3e-3, 2e-3, 3.5e-3, 1e-2], regions=["invisible"])


@pytest.fixture(scope="session")
def visible_axion(run):
    """AxionPhoton in the visible region: above the plateau's mass and below."""
    return limits(AxionPhoton, run, [4e-3, 0.01, 0.03, 0.1], regions=["visible"])


@pytest.fixture(scope="session")
def visible_scan(run):
    return scan(AxionPhoton, run, np.geomspace(1e-3, 1, 20), np.geomspace(1e-12, 1e3, 61))


@pytest.fixture(scope="session")
def invisible_scan(run):
    return scan(AxionPhoton, run, np.geomspace(1e-3, 8e-3, 31), np.geomspace(2e-3, 4, 121), regions=["invisible"])
