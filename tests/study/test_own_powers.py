"""Limits of one's own models, whatever their dependence on the coupling, against a root search on `predict` and `upper_limit`."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.optimize import brentq

import na64stat as na
from na64stat.physics import cross_sections
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.production import Production


@dataclass(frozen=True, kw_only=True)
class Own(Scenario):
    """A scalar whose production goes as one of `KINDS` of the coupling; it decays with a width of `strength` times its square."""

    name = "own"
    coupling_range = (1e-8, 10.0)
    kind: str = "square"
    scale: float = 1e-3
    strength: float = 0.0

    def production(self, x, beam_energy, nucleus):
        return Production(
            self.mass,
            KINDS[self.kind](self.coupling, self.scale) * cross_sections.scalar(x, self.mass, beam_energy, nucleus),
        )

    def width(self):
        return self.strength * self.coupling**2 * self.mass


ONE_BIN = na.Binning((0.0, 200.0), (0.0, 200.0))

KINDS = {
    "linear": lambda g, a: a * g,
    "square": lambda g, a: g**2,
    "2.5": lambda g, a: g**2.5 / a**0.5,
    "fourth": lambda g, a: g**4 / a**2,
    "interference": lambda g, a: g**2 + a * g,
    "destructive": lambda g, a: g**2 - 1.5 * a * g + a**2,
    "two squares": lambda g, a: g**2 + g**4 / a**2,
    "saturating": lambda g, a: g**2 / (1 + (g / a) ** 2 / 30),
    "threshold": lambda g, a: g**2 if g > a else 0.0,
    "step": lambda g, a: g**2 * (30 if g > a else 1),
    "opening": lambda g, a: max(g - a, 0.0) ** 2,
}


def models():
    random = np.random.default_rng(14)
    kinds = itertools.islice(itertools.cycle(KINDS), 50)
    return [
        (kind, float(random.uniform(0.01, 0.2)), float(10 ** random.uniform(-4, -2.5)), strength)
        for kind, strength in zip(kinds, itertools.cycle((0.0, 1e-12, 0.0, 3e-10)), strict=False)
    ]


@pytest.fixture(scope="module")
def run():
    return na.load_run("2022")


@pytest.fixture(scope="module")
def most(run):
    """The limit in events, as a user gets it: of a workspace with known signal."""
    signal = na.predict(na.MuonScalar(mass=0.05, coupling=1e-3), run)
    mu = na.upper_limit(na.build_workspace(signal, run), regions=["invisible"]).observed
    return mu * signal.regions["invisible"].events


def searched(make, run, most, low, high):
    """Edges of the excluded couplings: where predicted events cross a number, each bracketed by 8 points a decade."""

    def excess(log):
        events = na.predict(make(coupling=math.exp(log)), run, binning=ONE_BIN).regions["invisible"].events
        return math.log(max(events, 1e-300) / most)

    grid = np.linspace(math.log(low), math.log(high), round(8 * math.log10(high / low)))
    values = np.array([excess(log) for log in grid])
    found = [brentq(excess, grid[i], grid[i + 1], xtol=1e-13) for i in np.flatnonzero(np.diff(values > 0))]
    return np.exp(found), values[0] > 0


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("kind", "mass", "scale", "strength"), models())
def test_limits_are_those_of_a_root_search(run, most, kind, mass, scale, strength):
    def make(mass=mass, coupling=1.0):
        return Own(mass=mass, coupling=coupling, kind=kind, scale=scale, strength=strength)

    between = 1e-5, 1.0
    found = na.limits(make, run, [mass], couplings=between, regions=["invisible"])
    (point,) = found.points
    intervals = point.intervals["observed"]
    edges = [end for interval in intervals for end in interval if end is not None and end != between[0]]
    wanted, begins = searched(make, run, most, *between)
    np.testing.assert_allclose(edges, wanted, rtol=1e-6)
    assert (bool(intervals) and intervals[0][0] == between[0]) == begins
