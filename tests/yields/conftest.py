"""Runs, and scenarios that only the tests need."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from na64stat.experiment.efficiency import Efficiency
from na64stat.experiment.load import load_run
from na64stat.physics import cross_sections
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.production import Production


@pytest.fixture(scope="session")
def run():
    return load_run("2022")


@pytest.fixture(scope="session")
def perfect(run):
    """The 2022 run with efficiency 1 at every mass."""
    return replace(run, efficiency=Efficiency.constant(1.0))


@dataclass(frozen=True, kw_only=True)
class NoPower(Scenario):
    """AxionPhoton in disguise: it does not say that its production is a power of the coupling."""

    name = "no-power"
    production_power = None

    def production(self, x, beam_energy, nucleus):
        spectrum = cross_sections.photon_fusion(x, self.mass, beam_energy, nucleus)
        return Production(self.mass, self.coupling**2 * spectrum)

    def width(self):
        return AxionPhoton(mass=self.mass, coupling=self.coupling).width()

    def visible_fraction(self):
        return 1.0


@dataclass(frozen=True, kw_only=True)
class Odd(Scenario):
    """Returns whatever `answer` says."""

    name = "odd"
    answer: object = None

    def production(self, x, beam_energy, nucleus):
        return self.answer(self.mass, x)


@pytest.fixture(scope="session")
def no_power():
    return NoPower


@pytest.fixture(scope="session")
def odd():
    def make(answer):
        return Odd(mass=0.1, coupling=1.0, answer=lambda mass, x: answer(mass, np.asarray(x)))

    return make
