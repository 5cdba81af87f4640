"""Models of one's own with structure between the couplings that a coarse look would see, and methods that misbehave."""

import math
import sys
from dataclasses import dataclass

import numpy as np
import pytest

import na64stat as na
from na64stat.errors import InputError
from na64stat.physics import cross_sections
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.production import Production

HOLE = (0.0105, 0.0122)
THRESHOLD = 3.3e-3


@dataclass(frozen=True, kw_only=True)
class Shaped(Scenario):
    """Production as `SHAPES` of the coupling, times that of a scalar."""

    name = "shaped"
    coupling_range = (1e-6, 1.0)
    shape: str = "hole"

    def production(self, x, beam_energy, nucleus):
        size = SHAPES[self.shape](self.coupling)
        return Production(self.mass, size * cross_sections.scalar(x, self.mass, beam_energy, nucleus))


SHAPES = {
    "hole": lambda g: 0.0 if HOLE[0] < g < HOLE[1] else g**2,
    "island": lambda g: 1e3 * g**2 if 1.1e-4 < g < 1.9e-4 else g**2,
    "resonance": lambda g: g**2 + 1e-5 * math.exp(-0.5 * (math.log(g / 1.45e-4) / 0.045) ** 2),
    "gap": lambda g: math.nan if 1.0e-4 < g < 1.3e-4 else g**2,
    "threshold": lambda g: g**2 if g > THRESHOLD else 0.0,
}


@pytest.fixture(scope="module")
def run():
    return na.load_run("2022")


def excluded(shape, run, coupling):
    """By `predict` and the limit on the events."""
    events = na.predict(Shaped(mass=0.05, coupling=coupling, shape=shape), run).regions["invisible"].events
    workspace = na.build_workspace(na.predict(na.MuonScalar(mass=0.05, coupling=1e-3), run), run, ["invisible"])
    one = na.predict(na.MuonScalar(mass=0.05, coupling=1e-3), run).regions["invisible"].events
    return events > na.upper_limit(workspace).observed * one


@pytest.mark.sampled(2)
@pytest.mark.parametrize("shape", ["hole", "island", "resonance"])
def test_structure_of_a_tenth_of_a_decade_is_found(shape, run):
    (point,) = na.limits(lambda **at: Shaped(shape=shape, **at), run, [0.05]).points
    intervals = point.intervals["observed"]
    assert len(intervals) == 2
    edges = [end for pair in intervals for end in pair if end is not None]
    for edge in edges:
        below, above = (excluded(shape, run, edge * (1 + step)) for step in (-1e-4, 1e-4))
        assert below != above, edge
    for coupling in np.geomspace(1e-5, 0.9, 23).tolist():
        inside = any(low <= coupling and (high is None or coupling <= high) for low, high in intervals)
        assert inside == excluded(shape, run, coupling), coupling


def test_a_point_of_a_scan_is_what_predict_says(run):
    couplings = np.geomspace(1e-4, 0.1, 60)
    found = na.scan(lambda **at: Shaped(shape="hole", **at), run, [0.05], couplings)
    inside = (couplings > HOLE[0]) & (couplings < HOLE[1])
    assert inside.any()
    assert not found.events["invisible"][0][inside].any()
    assert not found.excludes()[0][inside].any()


def test_a_coupling_without_a_number_is_named(run):
    with pytest.raises(Exception, match=r"at coupling 0\.000\d+, dsigma_dx .*nan"):
        na.limits(lambda **at: Shaped(shape="gap", **at), run, [0.05])


@pytest.mark.long
def test_a_threshold_in_a_posterior(run):
    """Flat prior, no event seen: below the threshold the posterior is the prior, above it nothing."""
    scenario, prior = lambda **at: Shaped(shape="threshold", **at), na.Flat("coupling", 0, 0.1)
    found = na.credible_limit(scenario, run, prior, mass=0.05)
    assert found.limit == pytest.approx(0.9 * THRESHOLD, rel=5e-3)
    assert any("events are interpolated" in note for note in found.notes)


@dataclass(frozen=True, kw_only=True)
class Fading(na.AxionPhoton):
    """A width that goes as the fourth power, where the class that it comes from says the second."""

    name = "fading"

    def width(self):
        return 1e-9 * self.coupling**4 / 1e-8


def test_a_width_is_asked_for_at_the_coupling(run):
    for coupling in (1e-2, 3e-3):
        found = na.expected_events(Fading(mass=0.02, coupling=coupling), run)
        right = na.expected_events(replace_power(Fading)(mass=0.02, coupling=coupling), run)
        assert (found.visible, found.invisible) == (right.visible, right.invisible)
    with pytest.raises(InputError, match=r"width_power = 2.* is declared, but width goes as coupling\^4"):
        na.limits(Fading, run, [0.02], regions=["visible"])


def replace_power(cls):
    return type("Free", (cls,), {"width_power": None})


def ends(value):
    def method(self, *_):
        if isinstance(value, int):
            sys.exit(value)
        return value

    return method


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"production": ends(0)}, r"production ended the program \(exit status 0\)"),
        ({"production": ends(Production(0.05, 1j * np.ones(300)))}, "complex numbers as dsigma_dx; expected real"),
        ({"width": ends(None)}, "width gave None; expected a number"),
        ({"visible_fraction": ends("all")}, "visible_fraction gave 'all'; expected a number"),
        ({"width": ends(3)}, r"width ended the program \(exit status 3\)"),
    ],
)
def test_methods_that_misbehave(changes, message, run):
    own = type("Own", (na.MuonScalar,), changes | {"name": "own"})
    with pytest.raises(Exception, match=message):
        na.predict(own(mass=0.05, coupling=1e-3), run)


def test_each_mass_has_its_power_in_the_note(run):
    @dataclass(frozen=True, kw_only=True)
    class Varied(Shaped):
        def production(self, x, beam_energy, nucleus):
            power = 3 if self.mass == 0.1 else 2
            size = self.coupling**power
            return Production(self.mass, size * cross_sections.scalar(x, self.mass, beam_energy, nucleus))

    notes = na.limits(Varied, run, [0.05, 0.1, 0.15]).notes
    assert any("coupling^3, as was found by evaluating it (at 0.1 GeV)" in note for note in notes)
