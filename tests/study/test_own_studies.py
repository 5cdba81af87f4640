"""Every study on models that do not go as the coupling squared, against direct evaluation of `predict`."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

import na64stat as na
from na64stat.experiment.run import BackgroundScaling
from na64stat.scenarios.registry import load_class
from na64stat.study.projection.mot_needed import mot_needed

REPORTED = Path(__file__).parents[1] / "reported"
MASS = 0.05
ONE_BIN = na.Binning((0.0, 200.0), (0.0, 200.0))
G4, WRONG, CONST = (load_class(REPORTED / "coupling_power.py", name) for name in ("G4", "G4p", "Const"))
INTERF = load_class(REPORTED / "interference.py", "Interf")


class Declared2(G4):
    production_power = 2.0


@pytest.fixture(scope="module")
def run():
    return na.load_run("2022")


def events(make, run, coupling):
    return na.predict(make(mass=MASS, coupling=coupling), run, binning=ONE_BIN).regions["invisible"].events


def coupling_of(make, run, wanted):
    return math.exp(brentq(lambda log: math.log(events(make, run, math.exp(log)) / wanted), -15, 1, xtol=1e-12))


@pytest.fixture(scope="module")
def most(run):
    """Signal events at the limit."""
    coupling = 1e-3
    workspace = na.build_workspace(na.predict(na.MuonScalar(mass=MASS, coupling=coupling), run), run)
    return na.upper_limit(workspace, regions=["invisible"]).observed * events(na.MuonScalar, run, coupling)


@pytest.mark.parametrize(("make", "rounded"), [(G4, 0.0284), (WRONG, 0.0284), (INTERF, 4.48e-4)])
def test_limits(run, most, make, rounded):
    (point,) = na.limits(make, run, [MASS]).points
    assert point.coupling["observed"] == pytest.approx(coupling_of(make, run, most), rel=1e-6)
    assert point.coupling["observed"] == pytest.approx(rounded, rel=2e-3)


def test_what_does_not_depend_on_the_coupling(run, most):
    found = na.limits(CONST, run, [MASS])
    assert events(CONST, run, 1.0) > most
    assert found.points[0].intervals["observed"] == ((1e-9, None),)
    assert any("at a mass every coupling is excluded, or none" in note for note in found.notes)
    assert any("production does not vanish without the coupling" in note for note in found.notes)


def test_a_declared_power_that_does_not_hold(run):
    for ask in (
        lambda: na.limits(Declared2, run, [MASS]),
        lambda: na.scan(Declared2, run, [MASS], [1e-3, 1e-2, 1e-1]),
        lambda: na.project(Declared2, run, [MASS], [1e12]),
        lambda: na.credible_limit(Declared2, run, na.Flat("coupling", 0, 1), mass=MASS),
    ):
        with pytest.raises(
            na.Na64StatError, match=r"production_power = 2\.0 is declared, but production goes as coupling\^4"
        ):
            ask()


@pytest.mark.parametrize(("make", "note"), [(G4, "goes as coupling^4"), (INTERF, "a sum of coupling^1 and coupling^2")])
def test_scans_and_exclusions(run, most, make, note):
    couplings = np.geomspace(1e-5, 1, 40)
    found = na.scan(make, run, [MASS, 0.06], couplings)
    wanted = [events(make, run, float(g)) for g in couplings[::5]]
    np.testing.assert_allclose(found.events["invisible"][0, ::5], wanted, rtol=1e-8)
    assert any(note in text for text in found.notes)
    excluded = na.exclusion(make, run, (0.04, 0.06), (1e-4, 1.0), levels=["observed"])
    (edge,) = excluded.region("observed").edges(MASS)
    assert edge[0] == pytest.approx(coupling_of(make, run, most), rel=0.006)
    assert any(note in text for text in excluded.notes)


@pytest.mark.parametrize("make", [G4, INTERF])
def test_projections_and_muons_needed(run, make):
    mot = 1e12
    found = na.project(make, run, [MASS], [mot], discovery=True)
    (point,) = found.points
    expected = na.limits(na.MuonScalar, run.with_mot(mot, BackgroundScaling.NONE), [MASS], regions=["invisible"])
    wanted = coupling_of(make, run, expected.points[0].events["median"] * run.mot / mot)
    assert point.limit.coupling["median"] == pytest.approx(wanted, rel=1e-6)
    for reach in point.reach:
        assert events(make, run, reach.coupling) * mot / run.mot == pytest.approx(reach.events, rel=1e-6)
    needed = mot_needed(make(mass=MASS, coupling=wanted), run)
    assert needed.needs[0].mot == pytest.approx(mot, rel=1e-5)


@pytest.mark.parametrize("make", [G4, INTERF])
def test_posteriors(run, make):
    """A flat prior of the coupling, without observed events and systematics: exp(-s) integrated here."""
    top = 0.1 if make is G4 else 2e-3
    found = na.credible_limit(
        make, run, na.Flat("coupling", 0, top), mass=MASS, systematics=False, regions=["invisible"]
    )
    grid = np.linspace(1e-9, top, 4001)
    at = np.geomspace(1e-5 * top, top, 60)
    logs = np.interp(np.log(grid), np.log(at), np.log([events(make, run, float(g)) for g in at]))
    density = np.exp(-np.exp(logs))
    held = np.concatenate([[0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    assert found.limit == pytest.approx(float(np.interp(0.9, held / held[-1], grid)), rel=3e-3)
    chain = na.sample(
        make,
        run,
        prior=na.Flat("coupling", 0, top),
        mass=MASS,
        systematics=False,
        steps=800,
        sampler=na.Sampler(seed=1),
    )
    assert np.quantile(chain.of("coupling"), 0.9) == pytest.approx(found.limit, rel=0.05)
    wanted = [events(make, run, float(g)) for g in chain.of("coupling").ravel()[:3]]
    np.testing.assert_allclose(chain.of("events").ravel()[:3], wanted, rtol=1e-3)


def test_a_prior_of_the_yield(run):
    found = na.credible_limit(G4, run, na.Flat("yield", 0, 50), mass=MASS)
    assert found.coupling == pytest.approx(coupling_of(G4, run, found.events), rel=1e-6)
    assert na.credible_limit(INTERF, run, na.Flat("yield", 0, 50), mass=MASS).coupling is None


def test_couplings_beyond_perturbation_theory(run):
    """sqrt(4 pi), or a Yukawa coupling 2 m_muon g of that."""
    strong = "beyond perturbation theory"
    with pytest.warns(na.ValidityWarning):
        found = na.limits(na.DarkSector, run, [5.0])
    assert found.points[0].coupling["observed"] > math.sqrt(4 * math.pi)
    assert any(strong in note and "at 5 GeV" in note for note in found.notes)
    assert not any(strong in note for note in na.limits(na.DarkSector, run, [0.05]).notes)
    assert any(strong in note for note in na.scan(na.ZPrime, run, [0.05], [1e-3, 3.6]).notes)
    assert not any(strong in note for note in na.scan(na.ZPrime, run, [0.05], [1e-3, 3.5]).notes)
    assert not any(strong in note for note in na.scan(na.AxionPhoton, run, [0.05], [1e-3, 10]).notes)
    assert na.AxionMuon(mass=0.1, coupling=1.0).perturbative_below == pytest.approx(16.775, rel=1e-3)
    assert any(strong in note for note in mot_needed(na.ZPrime(mass=0.05, coupling=4.0), run).notes)


def test_a_dip_between_the_points_of_the_search(run, most):
    """(g - g0)^2: allowed around g0 where events fall below the limit, which is a part in a hundred on either side."""
    g0 = 0.1

    class Dip(G4):
        def production(self, x, beam_energy, nucleus):
            one = na.MuonScalar(mass=self.mass, coupling=1.0).production(x, beam_energy, nucleus)
            return na.Production(self.mass, (self.coupling - g0) ** 2 * one.dsigma_dx)

    half = math.sqrt(most / events(na.MuonScalar, run, 1.0))
    assert half < 0.01 * g0
    (low, first), (second, _) = na.limits(Dip, run, [MASS]).points[0].intervals["observed"]
    assert (low, first, second) == pytest.approx((1e-9, g0 - half, g0 + half), rel=1e-6)
