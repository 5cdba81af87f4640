"""Expected events and limits of every packaged scenario at the ends of masses, couplings (1e-12 to 1e3) and muons (1 to 1e20)."""

import math
import warnings
from functools import partial

import numpy as np
import pytest

import na64stat as na
from na64stat.experiment.load import packaged_runs
from na64stat.physics.kinematics import heaviest
from na64stat.yields.predict import region_events
from na64stat.yields.source import source
from na64stat.yields.survival import survival

SCENARIOS = {
    "axion-photon": na.AxionPhoton,
    "axion-muon": na.AxionMuon,
    "axion-muon, loop": partial(na.AxionMuon, loop_decay=True),
    "dark-sector": na.DarkSector,
    "zprime": na.ZPrime,
    "muon-scalar": na.MuonScalar,
    "muon-pseudoscalar": na.MuonPseudoscalar,
}
COUPLINGS = np.geomspace(1e-12, 1e3, 91)
MUONS = 10.0 ** np.arange(0, 21, 4)
RUN = na.load_run("2022")

pytestmark = pytest.mark.filterwarnings("ignore::na64stat.errors.ValidityWarning")


def masses(name):
    """1 keV to a hair below the reach."""
    reach = heaviest(RUN.beam_energy) * (1 - 1e-12) / (2 if name == "dark-sector" else 1)
    return [*np.geomspace(1e-6, 0.9 * reach, 13), *(reach * (1 - 10.0 ** -np.arange(2, 12, 3))), reach]


@pytest.fixture(params=SCENARIOS)
def name(request):
    return request.param


@pytest.mark.parametrize("average", na.DepthAverage)
def test_events_against_the_coupling(name, average):
    for mass in masses(name):
        probe = SCENARIOS[name](mass=mass, coupling=1.0)
        made = source(probe, RUN)
        ends = survival(probe, RUN, made.x, COUPLINGS, average)
        visible, invisible = (COUPLINGS**2 * (ends[channel] @ made.events) for channel in ("visible", "invisible"))
        where = f"{name}, {mass} GeV"
        assert np.all(np.isfinite(visible + invisible)), where
        assert np.all((visible >= 0) & (invisible >= 0)), where
        assert visible[0] + invisible[0] > 0, where  # the weakest and the heaviest: 1e-120 events, and not zero
        assert np.all(np.diff(visible) >= -1e-12 * visible[1:]), where  # whatever the layers do to it
        peak = int(np.argmax(invisible))  # it rises as g^2, and is cut off where the particle decays too soon
        assert np.all(np.diff(invisible[: peak + 1]) >= -1e-12 * invisible[peak]), where
        assert np.all(np.diff(invisible[peak:]) <= 1e-12 * invisible[peak]), where
        if probe.width() == 0:
            assert invisible == pytest.approx(invisible[-1] * (COUPLINGS / 1e3) ** 2, rel=1e-9), where


@pytest.mark.parametrize("average", na.DepthAverage)
def test_events_in_regions(name, average):
    for mass in masses(name):
        probe = SCENARIOS[name](mass=mass, coupling=1.0)
        for region, events in region_events(probe, RUN, COUPLINGS, RUN.regions, average).items():
            where = f"{name}, {mass} GeV, {region}"
            assert np.all(np.isfinite(events)), where
            assert np.all(events >= 0), where
            if region != "invisible":
                assert np.all(np.diff(events) >= -1e-12 * events[1:]), where


def test_events_fall_with_the_mass(name):
    if name == "axion-photon":
        pytest.skip("what is visible of it depends on the lifetime too")
    found = [
        na.expected_events(SCENARIOS[name](mass=m, coupling=1e-9), RUN, efficiency=1.0).events for m in masses(name)
    ]
    if name == "zprime":  # the muon pair opens
        found = found[6:]
    assert np.all(np.diff(found) <= 1e-5 * np.array(found[:-1]))


@pytest.mark.parametrize("packaged", packaged_runs())
def test_events_are_proportional_to_the_muons(name, packaged):
    run = na.load_run(packaged)
    for mass in (1e-6, 0.05, 30.0):
        probe = SCENARIOS[name](mass=mass, coupling=1.0)
        one = region_events(probe, run.with_mot(1.0), COUPLINGS[::9], run.regions)
        for muons in MUONS:
            many = region_events(probe, run.with_mot(muons), COUPLINGS[::9], run.regions)
            for region, events in many.items():
                assert events == pytest.approx(one[region] * muons, rel=1e-12, abs=1e-300)


def test_beyond_the_reach_is_said(name):
    for factor in (1 + 1e-11, 1.01, 1e3):
        mass = heaviest(RUN.beam_energy) * factor / (2 if name == "dark-sector" else 1)
        with pytest.raises(
            na.InputError, match=r"beyond the reach of a 160 GeV beam, which makes up to 159\.99993 GeV"
        ):
            na.predict(SCENARIOS[name](mass=mass, coupling=1.0), RUN)


def test_the_plane_holds_what_is_made_and_measured_above_zero(name):
    bins = na.Binning((0.0, 300.0), (0.0, 300.0))
    for mass in (1e-6, 1.0, masses(name)[-1]):
        for coupling in (1e-12, 1.0, 1e3):
            scenario = SCENARIOS[name](mass=mass, coupling=coupling)
            found, made = na.predict(scenario, RUN, binning=bins), na.expected_events(scenario, RUN)
            for counts, events in ((found.plane.visible, made.visible), (found.plane.invisible, made.invisible)):
                assert np.all(counts >= 0)
                assert (
                    0.4 * events <= counts.sum() <= events * (1 + 1e-6)
                )  # at the reach, half of the muons are at rest


@pytest.mark.sampled(3)
@pytest.mark.parametrize("region", ["invisible", "visible"])
def test_limits_from_1_to_1e20_muons(name, region):
    """g ~ MOT^-1/2 where the yield is g^2; lower ends never rise with the muons, and every interval is in order."""
    at = [*masses(name)[::3], masses(name)[-1]]
    lowest = dict.fromkeys(at, math.inf)
    for muons in MUONS:
        found = na.limits(SCENARIOS[name], RUN.with_mot(float(muons)), at, regions=[region], couplings=(1e-12, 1e3))
        for point in found.points:
            assert point.status in ("excluded", "artefact", "allowed", "no signal")
            for low, high in point.intervals["median"]:
                assert 0 < low < (math.inf if high is None else high)
            reached = point.coupling["median"] or math.inf
            assert reached <= lowest[point.mass] * (1 + 1e-6)
            before, lowest[point.mass] = lowest[point.mass], reached
            stable = SCENARIOS[name](mass=point.mass, coupling=1.0).yield_power is not None
            if stable and math.isfinite(before):
                assert reached == pytest.approx(before * (MUONS[0] / MUONS[1]) ** 0.5, rel=1e-9)


@pytest.mark.sampled(3)
def test_no_warning_but_of_validity(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", na.ValidityWarning)
        for mass in masses(name)[::4]:
            for coupling in (0.0, 5e-324, 1e-12, 1e3, 1e50):
                found = na.predict(SCENARIOS[name](mass=mass, coupling=coupling), RUN)
                for entry in found.regions.values():
                    assert math.isfinite(entry.events)
                    assert entry.events >= 0
