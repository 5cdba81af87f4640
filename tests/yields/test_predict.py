"""Predictions per region and bin: sum rules, independent quadrature, and how they respond to their inputs."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from na64stat.errors import RegionError, ScenarioError, ValidityWarning
from na64stat.experiment.efficiency import Efficiency
from na64stat.physics import cross_sections
from na64stat.plane import Binning
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.dark_sector import DarkSector
from na64stat.scenarios.muon_scalar import MuonScalar
from na64stat.scenarios.zprime import ZPrime
from na64stat.yields.predict import DepthAverage, expected_events, predict, region_events

E = 160.0
POINTS = [
    AxionPhoton(mass=0.01, coupling=1e-3),
    AxionMuon(mass=0.1, coupling=5e-3),
    AxionMuon(mass=0.25, coupling=1e-3, loop_decay=True),
    DarkSector(mass=0.01, coupling=3e-3),
    ZPrime(mass=0.3, coupling=1e-3),
    MuonScalar(mass=0.05, coupling=1e-3),
]
every = pytest.mark.parametrize("scenario", POINTS, ids=lambda s: f"{s.name}-{s.mass}")

# Soft production matters at light masses, and is not what these tests are about; `test_validity` looks at its warning.
pytestmark = pytest.mark.filterwarnings("ignore:.* come from x < 0.01:na64stat.errors.ValidityWarning")


@every
def test_bins_sum_to_the_region_where_edges_match(run, scenario):
    """Cuts at 12 and 80 GeV are edges of the 4 GeV bins."""
    found = predict(scenario, run)
    inside = run.region("invisible").region.holds_bins(found.plane.binning)
    region = found.regions["invisible"]
    assert found.plane.invisible[inside].sum() == pytest.approx(region.invisible, rel=1e-3)
    assert found.plane.counts[inside].sum() == pytest.approx(region.events, rel=1e-3)
    assert region.events > 0


@pytest.mark.parametrize("mass", [0.01, 0.03])
def test_fine_bins_fill_the_diagonal_region(run, mass):
    """The visible region ends on diagonals, which no rectangles match; fine ones come close."""
    found = predict(AxionPhoton(mass=mass, coupling=1e-3), run, binning=Binning.uniform(0.5, 260.0))
    inside = run.region("visible").region.holds_bins(found.plane.binning)
    assert found.plane.counts[inside].sum() == pytest.approx(found.regions["visible"].events, rel=1.5e-3)


@every
def test_the_whole_plane_holds_every_event(run, scenario):
    """Up to 7e-6 of muons alone below E_CAL = 0, and particles so soft that nothing distinguishes them."""
    found = predict(scenario, run, binning=Binning.uniform(4.0, 300.0)).plane
    total = expected_events(scenario, run)
    assert found.visible.sum() == pytest.approx(total.visible, rel=1e-4)
    assert found.invisible.sum() == pytest.approx(total.invisible, rel=1e-4)
    np.testing.assert_array_equal(found.counts, found.visible + found.invisible)


@every
def test_the_default_plane_and_labels(run, scenario):
    found = predict(scenario, run)
    assert found.plane.counts.shape == (50, 50)
    assert np.all(found.plane.visible >= 0)
    assert np.all(found.plane.invisible >= 0)
    assert (found.scenario, found.run, found.mass, found.coupling) == (
        scenario.name,
        "2022",
        scenario.mass,
        scenario.coupling,
    )
    assert set(found.regions) == {"invisible", "visible", "visible_trigger"}
    assert found.regions["visible_trigger"].events <= found.regions["visible"].events


def test_the_split_follows_the_decay(run):
    """A stable particle has no visible part; the visible region is filled by decays, the invisible one by escapes."""
    stable = predict(AxionMuon(mass=0.1, coupling=5e-3), run)
    assert all(entry.visible == 0 for entry in stable.regions.values())
    assert not np.any(stable.plane.visible)
    axion = predict(AxionPhoton(mass=0.01, coupling=1e-3), run).regions
    assert axion["visible"].visible > 1000 * axion["visible"].invisible
    assert axion["invisible"].invisible > 1e6 * axion["invisible"].visible
    short = predict(AxionPhoton(mass=0.08, coupling=1e-3), run)
    assert short.plane.invisible.sum() < 1e-30 < short.plane.visible.sum()


def by_quadrature(scenario, run, name, channel):
    """Eq. (1) with the exact acceptance, adaptively between the steps of the acceptance."""
    region, nucleus = run.region(name).region, run.target.nucleus
    spectra = {"axion-photon": cross_sections.photon_fusion, "axion-muon": cross_sections.pseudoscalar}
    factor = scenario.coupling**2 * (1 if scenario.name == "axion-photon" else (2 * 0.1056583755) ** 2)

    def probability(x):
        if scenario.width() == 0:
            return 1.0
        length = math.sqrt((x * E) ** 2 - scenario.mass**2) / scenario.mass * 1.973269804e-16 / scenario.width()
        depth = run.target.layers
        reached = sum(math.exp(-i * run.target.layer_thickness / length) for i in range(depth)) / depth
        escaped = math.exp(-run.decay_volume / length)
        return reached * ((1 - escaped) if channel == "visible" else escaped)

    def integrand(u):
        x = 1 / (1 + math.exp(-u))
        spectrum = float(spectra[scenario.name](x, scenario.mass, E, nucleus))
        return spectrum * probability(x) * float(run.response.acceptance(region, channel, x)) * x * (1 - x)

    low = math.log(scenario.mass / E)
    ends = [low, *(math.log(x / (1 - x)) for x in run.response.breaks(region, channel)), 15.0]
    total = sum(quad(integrand, a, b, epsrel=1e-6, epsabs=1e-30, limit=60)[0] for a, b in pairwise(ends))
    return factor * run.mot * run.target.nuclei_per_area_gev2 * float(run.efficiency(scenario.mass)) * total


@pytest.mark.parametrize(
    ("scenario", "name", "channel"),
    [
        (AxionPhoton(mass=0.01, coupling=1e-3), "visible", "visible"),
        (AxionPhoton(mass=0.01, coupling=3e-3), "invisible", "invisible"),
        (AxionMuon(mass=0.1, coupling=5e-3), "invisible", "invisible"),
    ],
    ids=["diagonal", "cut-off", "stable"],
)
def test_a_region_by_adaptive_quadrature(run, scenario, name, channel):
    found = getattr(predict(scenario, run).regions[name], channel)
    assert found == pytest.approx(by_quadrature(scenario, run, name, channel), rel=2e-5)


def dark_pair_by_hand(run, mass, coupling):
    """Sum over the virtual mass of Z' predictions, each with the efficiency at its own mass."""
    nodes, weights = np.polynomial.legendre.leggauss(48)
    end = math.acosh(20.0 / mass)
    eta, weights = end * (1 + nodes) / 2, end * weights / 2
    total = 0.0
    for angle, weight in zip(eta.tolist(), weights.tolist(), strict=True):
        k = 2 * mass * math.cosh(angle)
        pair = math.tanh(angle) * (1 + 2 * mass**2 / k**2) / (12 * math.pi**2)
        vector = ZPrime(mass=k, coupling=1.0, invisible_only=True)
        total += (
            weight * 2 * math.tanh(angle) * pair * region_events(vector, run, np.ones(1), ["invisible"])["invisible"][0]
        )
    return coupling**2 * total


@pytest.mark.parametrize("power", [0.0, 1.5], ids=["flat", "steep"])
def test_the_efficiency_is_inside_the_integral_over_k(run, power):
    """A steep efficiency (k/GeV)^1.5 would be wrong by a large factor if it were taken at 2 m_chi."""
    masses = np.geomspace(1e-3, 1e3, 400)
    steep = Efficiency(tuple(masses.tolist()), tuple((0.3 * np.minimum((masses / 100) ** power, 1.0)).tolist()))
    changed = replace(run, efficiency=steep)
    found = predict(DarkSector(mass=0.01, coupling=3e-3), changed).regions["invisible"].events
    assert found == pytest.approx(dark_pair_by_hand(changed, 0.01, 3e-3), rel=1e-3)
    flat = predict(
        DarkSector(mass=0.01, coupling=3e-3), replace(run, efficiency=Efficiency.constant(float(steep(0.02))))
    )
    if power:
        assert found > 2 * flat.regions["invisible"].events


def test_every_yield_is_proportional_to_the_muons(run):
    scenario = AxionPhoton(mass=0.01, coupling=1e-3)
    one, ten = predict(scenario, run), predict(scenario, replace(run, mot=10 * run.mot))
    for name, entry in one.regions.items():
        assert ten.regions[name].events == pytest.approx(10 * entry.events, rel=1e-12)
    np.testing.assert_allclose(ten.plane.counts, 10 * one.plane.counts, rtol=1e-12)


def test_variations_are_what_a_change_of_the_input_does(run):
    scenario = AxionPhoton(mass=0.01, coupling=1e-3)
    nominal = predict(scenario, run)
    assert set(nominal.variations) == {"efficiency_2022", "mot_2022", "cross_section"}
    sizes = {"efficiency_2022": 0.10, "mot_2022": 0.01, "cross_section": 0.05}
    for name, size in sizes.items():
        down, up = nominal.variations[name]
        assert (down * up, up) == (pytest.approx(1.0, rel=1e-14), pytest.approx(1 + size, rel=1e-14))
    more = predict(scenario, replace(run, mot=1.01 * run.mot)).regions
    values = tuple(1.1 * value for value in run.efficiency.values)
    better = predict(scenario, replace(run, efficiency=Efficiency(run.efficiency.masses, values))).regions
    for name, entry in nominal.regions.items():
        assert more[name].events / entry.events == pytest.approx(nominal.variations["mot_2022"][1], rel=1e-12)
        assert better[name].events / entry.events == pytest.approx(nominal.variations["efficiency_2022"][1], rel=1e-12)


def test_an_effect_of_no_size_has_no_variation_and_runs_keep_their_own(run):
    from na64stat.experiment.load import load_run

    none = replace(run.systematics, efficiency=0.0, mot=0.0, cross_section=0.0)
    assert predict(POINTS[1], replace(run, systematics=none)).variations == {}
    other = predict(POINTS[1], load_run("mot1e12")).variations
    assert set(other) == {"efficiency_mot1e12", "mot_mot1e12", "cross_section"}  # one name in common


@pytest.mark.parametrize("make", [AxionPhoton, AxionMuon, DarkSector, ZPrime])
def test_many_couplings_at_once_are_the_predictions(run, make):
    couplings = np.array([0.0, 1e-4, 1e-3, 3e-2, 5.0])
    names = ["visible", "invisible", "visible_trigger"]
    found = region_events(make(mass=0.01, coupling=0.7), run, couplings, names)
    assert list(found) == names
    for i, coupling in enumerate(couplings.tolist()):
        expected = predict(make(mass=0.01, coupling=coupling), run, binning=Binning((0, 200), (0, 200))).regions
        for name in names:
            assert found[name][i] == pytest.approx(expected[name].events, rel=1e-11, abs=1e-300)


def test_production_without_a_power_gives_the_same(run, no_power):
    couplings = np.geomspace(1e-4, 1, 4)
    for average in DepthAverage:
        plain = region_events(AxionPhoton(mass=0.01, coupling=1.0), run, couplings, ["visible"], average)["visible"]
        found = region_events(no_power(mass=0.01, coupling=1.0), run, couplings, ["visible"], average)["visible"]
        np.testing.assert_allclose(found, plain, rtol=1e-12)


def test_predict_takes_the_average_that_is_asked_for(run):
    axion = AxionPhoton(mass=0.3, coupling=1.0)
    ratio = {}
    for average in DepthAverage:
        region = predict(axion, run, average=average, binning=Binning((0, 200), (0, 200))).regions["visible"].events
        ratio[average] = region / expected_events(axion, run, 0.05, average=average).visible
        assert region == pytest.approx(
            region_events(axion, run, np.ones(1), ["visible"], average)["visible"][0], rel=1e-12
        )
    layers, continuous = (expected_events(axion, run, average=average).visible for average in DepthAverage)
    assert layers > 3 * continuous


@pytest.mark.parametrize("mass", [5e-4, 1.5])
def test_outside_its_masses_the_efficiency_is_held_and_says_so(run, mass):
    with pytest.warns(
        ValidityWarning, match=rf"zprime at mass {mass:g} GeV, run 2022: 100% .* held at its end value"
    ) as caught:
        predict(ZPrime(mass=mass, coupling=1e-3), run)
    assert caught[0].filename == __file__  # it points at the caller
    end = run.efficiency.values[0 if mass < 0.1 else -1]
    assert float(run.efficiency(mass)) == pytest.approx(end, rel=1e-12)


def test_inside_there_is_no_warning(run):
    for mass in (1e-3, 1.0):
        predict(ZPrime(mass=mass, coupling=1e-3), run)


def test_a_mass_beyond_the_beam_is_refused(run):
    with pytest.raises(ScenarioError, match="beyond the reach of a 160 GeV beam"):
        predict(DarkSector(mass=80.0, coupling=1.0), run)


def test_an_unknown_region_is_refused(run):
    with pytest.raises(RegionError, match="no region 'invisibel'; did you mean 'invisible'"):
        region_events(POINTS[0], run, np.ones(1), ["invisibel"])
