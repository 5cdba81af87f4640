"""Excluded couplings: closed forms, scaling laws, closure with the published limit, and edges that are where they should be."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from na64stat.errors import InputError, LowCountWarning, RegionError, ValidityWarning
from na64stat.experiment.load import load_run
from na64stat.physics.constants import MUON_MASS
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.dark_sector import DarkSector
from na64stat.scenarios.muon_scalar import MuonScalar
from na64stat.scenarios.zprime import ZPrime
from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.exact.exact import Exact
from na64stat.stats.likelihood.workspace import build_workspace
from na64stat.stats.limits import cl_s, upper_limit
from na64stat.study.limits import limits
from na64stat.study.signal_test import LEVELS, SignalTest
from na64stat.yields.calibration import published_limit, read_limit
from na64stat.yields.predict import DepthAverage, predict, region_events

STABLE = [AxionMuon, DarkSector, ZPrime, MuonScalar]

# Soft production matters at light masses, and is not what these tests are about; `test_validity` looks at its warning.
pytestmark = pytest.mark.filterwarnings("ignore:.* come from x < 0.01:na64stat.errors.ValidityWarning")


def events_at(make, mass, coupling, run, region, average=DepthAverage.LAYERS):
    return region_events(make(mass=mass, coupling=1.0), run, np.array([coupling]), [region], average)[region][0]


# --- a yield that is a power of the coupling


@pytest.mark.parametrize("make", STABLE)
def test_at_the_limit_the_signal_is_the_limit_in_events(run, make):
    """Zero counts, no background, no systematics: ln 10 events."""
    point = limits(make, run, [0.05], systematics=False).points[0]
    assert point.status == "excluded"
    for level in LEVELS:
        assert point.events[level] == pytest.approx(math.log(10), rel=1e-9)
        assert events_at(make, 0.05, point.coupling[level], run, "invisible") == pytest.approx(math.log(10), rel=1e-9)
        assert point.intervals[level] == ((point.coupling[level], None),)
    assert not point.artefacts


def test_systematics_weaken_the_limit_in_events(run):
    """10%, 1% and 5% at zero counts: average of exp(-s f) over log-normal-like factors, here by simple quadrature."""
    found = limits(AxionMuon, run, [0.05]).points[0].events["observed"]
    theta, weight = np.polynomial.hermite_e.hermegauss(40)
    weight = weight / weight.sum()

    def factors(size):
        # Outside one standard deviation a normsys is a power; inside a polynomial that is nearly one.
        return (1 + size) ** theta

    f = np.einsum("i,j,k->ijk", factors(0.10), factors(0.01), factors(0.05)).ravel()
    w = np.einsum("i,j,k->ijk", weight, weight, weight).ravel()
    assert w @ np.exp(-found * f) == pytest.approx(0.1, rel=2e-3)
    assert found > math.log(10)


@pytest.mark.parametrize("make", STABLE)
def test_it_is_the_limit_of_the_workspace(run, make):
    """Through predict, the pyhf workspace and coupling_at, as a user would go."""
    at = make(mass=0.05, coupling=2e-3)
    workspace = build_workspace(predict(at, run), run, ["invisible"])
    mu = upper_limit(workspace)
    point = limits(make, run, [0.05]).points[0]
    assert point.coupling["observed"] == pytest.approx(at.coupling_at(mu.observed), rel=1e-6)
    assert point.coupling["plus1"] == pytest.approx(at.coupling_at(mu.expected.plus1), rel=1e-6)


@pytest.mark.parametrize("make", [AxionMuon, DarkSector])
def test_limits_go_as_one_over_the_root_of_the_muons(make):
    """Fixed counts: 0 expected without background."""
    runs = [load_run(name) for name in ("2022", "mot1e12", "mot1e13", "mot1e14")]
    found = [limits(make, run, [0.01, 0.1]) for run in runs]
    for i in (0, 1):
        scaled = [one.points[i].coupling["median"] * math.sqrt(run.mot) for one, run in zip(found, runs, strict=True)]
        assert scaled == pytest.approx([scaled[0]] * 4, rel=1e-9)


def test_a_projection_has_expected_limits_only(projection):
    found = limits(AxionMuon, projection, [0.05])
    point = found.points[0]
    assert (point.coupling["observed"], point.events["observed"], point.intervals["observed"]) == (None, None, ())
    assert point.coupling["median"] > 0
    assert point.status == "excluded"
    assert any("projection" in note for note in found.notes)


def test_bands_with_a_background(with_backgrounds):
    """Fewer counts than expected are a stronger limit; the median of 2 expected events is that of 2 counts."""
    found = limits(MuonScalar, with_backgrounds, [0.05], regions=["invisible"]).points[0].coupling
    assert found["minus2"] <= found["minus1"] <= found["median"] <= found["plus1"] < found["plus2"]
    test = SignalTest(with_backgrounds, ("visible",))
    band = test.limit_in_events.expected
    assert band.minus2 < band.median < band.plus2
    two = replace(with_backgrounds.regions["visible"], observed=2)
    seen = replace(with_backgrounds, regions={**with_backgrounds.regions, "visible": two})
    assert band.median == pytest.approx(SignalTest(seen, ("visible",)).limit_in_events.observed, rel=1e-9)


def test_more_confidence_is_a_weaker_limit(run):
    found = [limits(ZPrime, run, [0.05], cl=cl, systematics=False).points[0].coupling["observed"] for cl in (0.9, 0.95)]
    assert found[1] / found[0] == pytest.approx(math.sqrt(math.log(20) / math.log(10)), rel=1e-9)


# --- the numbers of the paper and the calibration


def test_axion_muon_of_2022(run):
    """The paper: g > 4e-3 for m < 0.2 GeV. An independent calculation: 4.5e-3 to 5.2e-3 up to 0.1 GeV, 7.4e-3 at 0.2."""
    masses = np.geomspace(1e-3, 0.2, 13).tolist()
    found = [point.coupling["observed"] for point in limits(AxionMuon, run, masses).points]
    assert 3.5e-3 < min(found) < 6e-3
    light = [g for m, g in zip(masses, found, strict=True) if m <= 0.1]
    assert all(4.4e-3 < g < 5.3e-3 for g in light)
    assert found[-1] == pytest.approx(7.4e-3, rel=0.03)


@pytest.mark.parametrize(("mass", "coupling"), [(0.01, 2.8e-3), (0.1, 9.2e-3)])
def test_dark_sector_of_2022(run, mass, coupling):
    """An independent calculation, quoted to two digits."""
    found = limits(DarkSector, run, [mass]).points[0].coupling["observed"]
    assert found == pytest.approx(coupling, rel=0.02)


@pytest.fixture(scope="module")
def closure(run):
    masses = run.efficiency.point_masses
    inside = [m for m in masses if 1e-3 <= m <= 1.0]
    found = limits(ZPrime, run, inside, systematics=False)
    return np.array(inside), np.array([point.coupling["observed"] for point in found.points])


def test_zprime_returns_the_smoothed_published_limit(run, closure):
    """Events go as eff g^2: smoothing eff_point to eff(m) moves the digitised g by sqrt(eff_point/eff(m))."""
    masses, found = closure
    digitised = dict(zip(*(column.tolist() for column in read_limit(published_limit())), strict=True))
    points = dict(zip(run.efficiency.point_masses, run.efficiency.point_values, strict=True))
    for mass, coupling in zip(masses.tolist(), found.tolist(), strict=True):
        published = next(g for m, g in digitised.items() if math.isclose(m, mass, rel_tol=1e-9))
        smoothed = published * math.sqrt(points[mass] / float(run.efficiency(mass)))
        assert coupling == pytest.approx(smoothed, rel=0.01)


def test_zprime_stays_within_the_scatter_of_the_digitised_limit(closure):
    masses, found = closure
    published = np.interp(np.log(masses), *(np.log(column) for column in read_limit(published_limit())))
    distance = np.log(found) - published
    assert len(masses) > 20
    assert np.sqrt(np.mean(distance**2)) < 0.04
    assert abs(distance.mean()) < 0.01


def test_the_efficiency_has_no_step_at_the_muon_pair(run, closure):
    """With the branching fraction the limit steps at 2 m_muon and the efficiency does not; the data decide it."""
    masses, values = np.array(run.efficiency.point_masses), np.array(run.efficiency.point_values)
    below = (masses > 0.13) & (masses < 2 * MUON_MASS)
    above = (masses > 0.25) & (masses < 0.4)
    assert min(below.sum(), above.sum()) >= 2
    # 8% of scatter a point, and a slope between 0.17 and 0.3 GeV
    assert values[above].mean() / values[below].mean() == pytest.approx(1, abs=0.2)
    around = run.efficiency(2 * MUON_MASS * np.array([0.99, 1.01]))
    assert around[1] / around[0] == pytest.approx(1, abs=0.01)
    # Without it there would be a step of the fraction, about one half, which no smooth curve has.
    fraction = np.array([ZPrime(mass=m, coupling=1.0).invisible_fraction() for m in masses[above]])
    assert (values[above] * fraction).mean() / values[below].mean() < 0.75


# --- a yield with a lifetime


def test_every_edge_is_where_the_signal_is_the_limit(run, invisible_axion, visible_axion):
    edges = 0
    for found, region in ((invisible_axion, "invisible"), (visible_axion, "visible")):
        limit = SignalTest(run, (region,)).limit_in_events
        for point in found.points:
            for level, intervals in point.intervals.items():
                wanted = limit.observed if level == "observed" else getattr(limit.expected, level)
                for edge in (end for interval in intervals for end in interval if end is not None):
                    assert events_at(AxionPhoton, point.mass, edge, run, region) == pytest.approx(wanted, rel=1e-3)
                    edges += 1
                if intervals:
                    assert point.coupling[level] == intervals[0][0]
                    assert point.events[level] == pytest.approx(wanted, rel=1e-3)
    assert edges > 30


def test_between_the_edges_it_is_excluded_and_outside_not(run, invisible_axion):
    point = invisible_axion.points[1]
    ((low, high),) = point.intervals["observed"]
    limit = SignalTest(run, ("invisible",)).limit_in_events.observed
    inside = events_at(AxionPhoton, point.mass, math.sqrt(low * high), run, "invisible")
    assert inside > 10 * limit
    for outside in (low / 1.01, high * 1.01):
        assert events_at(AxionPhoton, point.mass, outside, run, "invisible") < limit


def test_invisible_axions_have_an_upper_edge(invisible_axion):
    """Islands at low mass, which shrink to nothing; each with one lower and one upper edge."""
    widths = []
    for point in invisible_axion.points[:3]:
        ((low, high),) = point.intervals["observed"]
        assert high is not None
        widths.append(high / low)
        assert not point.artefacts
    assert widths == sorted(widths, reverse=True)
    last = invisible_axion.points[3]
    assert (last.status, last.intervals["observed"], last.coupling["observed"]) == ("allowed", (), None)


def test_visible_axions_have_no_upper_edge_and_artefacts_are_marked(run, visible_axion):
    """A plateau above the limit is excluded whatever the average; below it only the layer sum excludes large couplings."""
    limit = SignalTest(run, ("visible",)).limit_in_events.observed
    statuses = []
    for point in visible_axion.points:
        # The highest that the continuous average ever gives, on a fine grid up to the end of the search.
        couplings = np.geomspace(1e-5, 10, 600)
        one = AxionPhoton(mass=point.mass, coupling=1.0)
        highest = region_events(one, run, couplings, ["visible"], DepthAverage.CONTINUOUS)["visible"].max()
        statuses.append(point.status)
        kept, alone = point.intervals["observed"], point.artefacts.get("observed", ())
        if highest > limit:
            assert kept[0][1] is None
            assert not alone
        else:
            ((low, high),) = alone
            assert (kept, high, point.coupling["observed"]) == ((), None, None)
            layers = region_events(one, run, np.array([low]), ["visible"])["visible"][0]
            assert layers == pytest.approx(limit, rel=1e-4)
    assert statuses == ["excluded", "excluded", "artefact", "artefact"]


def test_with_a_continuous_depth_there_are_no_artefacts(run):
    found = limits(AxionPhoton, run, [0.01, 0.03], regions=["visible"], average=DepthAverage.CONTINUOUS).points
    assert [point.intervals["observed"] == () for point in found] == [False, True]
    assert found[1].coupling["observed"] is None
    assert not any(point.artefacts for point in found)


def test_part_of_an_interval_can_be_an_artefact(run, visible_axion):
    """Where the plateau is just below the limit but its shoulder above: checked against the continuous intervals."""
    masses = np.linspace(0.013, 0.02, 5).tolist()
    layers = limits(AxionPhoton, run, masses, regions=["visible"]).points
    smooth = limits(AxionPhoton, run, masses, regions=["visible"], average=DepthAverage.CONTINUOUS).points
    for ours, theirs in zip(layers, smooth, strict=True):
        for g in np.geomspace(1e-3, 9.9, 160):
            real = any(low <= g and (high is None or g <= high) for low, high in ours.intervals["observed"])
            kept = any(low <= g and (high is None or g <= high) for low, high in theirs.intervals["observed"])
            marked = any(low <= g and (high is None or g <= high) for low, high in ours.artefacts.get("observed", ()))
            near = [e for part in (*ours.intervals["observed"], *theirs.intervals["observed"]) for e in part if e]
            if not any(abs(math.log(g / edge)) < 0.02 for edge in near):
                assert real == kept, (ours.mass, g)
                assert not (marked and kept), (ours.mass, g)


def test_status_follows_the_observed_level(run):
    """Four counts where none is expected: the median excludes what the observed level does not."""
    point = limits(AxionPhoton, run, [0.0231], average=DepthAverage.CONTINUOUS).points[0]
    assert point.coupling["median"] is not None
    assert (point.coupling["observed"], point.status) == (None, "allowed")


def test_the_visible_channel_reaches_80_mev_with_1e12_muons(projection):
    """At g = 1e-3 the reach lies between 0.075 and 0.09 GeV."""
    limit = SignalTest(projection, ("visible",)).limit_in_events.expected.median
    at = {m: events_at(AxionPhoton, m, 1e-3, projection, "visible") for m in (0.075, 0.09)}
    assert at[0.075] > limit > at[0.09]


def test_loop_decay_matters_near_the_pair_and_not_far_below(run):
    masses = [0.02, 0.2]
    stable = limits(AxionMuon, run, masses).points
    loop = limits(partial(AxionMuon, loop_decay=True), run, masses).points
    assert loop[0].coupling["observed"] == pytest.approx(stable[0].coupling["observed"], rel=1e-3)
    assert stable[0].intervals["observed"][0][1] is None
    assert loop[0].intervals["observed"][0][1] is not None  # strong enough, it decays
    found = loop[1].coupling["observed"]
    assert found is None or found > 1.05 * stable[1].coupling["observed"]


# --- several regions


def test_counts_without_background_are_not_combined(run):
    with pytest.raises(RegionError, match=r"'visible' has 4 events observed and no background.*b = 0"):
        limits(AxionPhoton, run, [0.01], regions=["visible", "invisible"])


@pytest.mark.parametrize("name", ["2022", "mot1e12"])
def test_overlapping_regions_are_not_combined(name):
    with pytest.raises(RegionError, match=r"'visible_trigger' shares events with visible"):
        limits(AxionPhoton, load_run(name), [0.01], regions=["visible", "visible_trigger"])


@pytest.mark.parametrize("regions", [[], ["invisible", "invisible"]])
def test_regions_are_named_once(run, regions):
    with pytest.raises(RegionError, match="name at least one, each once"):
        limits(AxionMuon, run, [0.01], regions=regions)


def test_two_regions_of_a_projection(projection):
    """Without background only the total counts: the edge is where both together reach ln 10."""
    both = ["visible", "invisible"]
    found = limits(AxionPhoton, projection, [0.01], regions=both, couplings=(2e-4, 1e-3), systematics=False)
    point = found.points[0]
    coupling = point.coupling["median"]
    assert point.events["median"] == pytest.approx(math.log(10), rel=2e-3)
    events = region_events(AxionPhoton(mass=0.01, coupling=1.0), projection, np.array([coupling]), both)
    assert min(counts[0] for counts in events.values()) > 0.1
    assert sum(counts[0] for counts in events.values()) == pytest.approx(point.events["median"], rel=1e-9)


def test_two_regions_agree_with_the_direct_limit(with_backgrounds):
    both = ["visible", "invisible"]
    bare = replace(with_backgrounds.systematics, efficiency=0.0, mot=0.0, cross_section=0.0)
    run = replace(with_backgrounds, systematics=bare)
    found = limits(AxionPhoton, run, [0.01], regions=both, couplings=(2e-3, 8e-3), systematics=False).points[0]
    ((coupling, _),) = found.intervals["observed"]
    template = predict(AxionPhoton(mass=0.01, coupling=coupling), run)
    regions = {
        name: replace(region, background=replace(region.background, uncertainty=0.0))
        for name, region in run.regions.items()
    }
    workspace = build_workspace(template, replace(run, regions=regions), both)
    # CL_s jumps as the ordering of outcomes changes with the ratio of the two signals, by some per cent at most
    assert cl_s(workspace, 1.0).observed == pytest.approx(0.1, abs=2e-3)
    assert upper_limit(workspace).observed == pytest.approx(1.0, abs=0.03)
    alone = [limits(AxionPhoton, run, [0.01], regions=[name], systematics=False).points[0] for name in both]
    assert coupling < min(point.coupling["observed"] or math.inf for point in alone)


def test_two_regions_of_a_stable_particle_are_a_closed_form(with_backgrounds):
    """A signal in one of two regions: the other one has no say."""
    both = limits(AxionMuon, with_backgrounds, [0.05], regions=["invisible", "visible"], systematics=False).points[0]
    alone = limits(AxionMuon, with_backgrounds, [0.05], regions=["invisible"], systematics=False).points[0]
    visible = events_at(AxionMuon, 0.05, both.coupling["observed"], with_backgrounds, "visible")
    assert visible < 1e-2 * both.events["observed"]
    assert both.coupling["observed"] == pytest.approx(alone.coupling["observed"], rel=0.02)


# --- methods, failures and bad input


def test_asymptotic_limits_warn_and_are_too_strong(run):
    """1.353 instead of 2.303 events."""
    with pytest.warns(
        LowCountWarning, match="asymptotic formulas at 0 events: observed limit mu < 1.353, exact: mu < 2.303"
    ):
        found = limits(AxionMuon, run, [0.05], method=Asymptotic(), systematics=False)
    assert found.method == "asymptotic"
    assert found.points[0].events["observed"] == pytest.approx(1.353, abs=1e-3)


@pytest.mark.parametrize("lifetime", [False, True])
def test_no_signal_is_a_status(run, silent, lifetime):
    point = limits(partial(silent, lifetime=lifetime), run, [0.1]).points[0]
    assert point.status == "no signal"
    assert set(point.coupling.values()) == set(point.events.values()) == {None}
    assert set(point.intervals.values()) == {()}


def test_an_island_of_known_shape(run, calibrated_island):
    """ln(events/limit) = 1 - r^2: the edges at the central mass are one axis away, and elsewhere on the ellipse."""
    masses = [0.03, 0.03 * math.exp(0.9 * 0.6), 0.03 * math.exp(0.9 * 1.1)]
    points = limits(calibrated_island, run, masses, couplings=(1e-5, 0.1), systematics=False).points
    for point, half_axis in zip(points, (1.3, 1.3 * 0.8), strict=False):
        ((low, high),) = point.intervals["observed"]
        assert low == pytest.approx(1e-3 * math.exp(-half_axis), rel=1e-3)
        assert high == pytest.approx(1e-3 * math.exp(half_axis), rel=1e-3)
    assert (points[2].status, points[2].intervals["observed"]) == ("allowed", ())


def test_one_failure_does_not_stop_the_others(run, calibrated_island):
    points = limits(calibrated_island, run, [0.03, 0.7], couplings=(1e-4, 1e-2), systematics=False).points
    shore = "failed: island: mass = 0.7 GeV is beyond its shore, 0.5 GeV"
    assert [point.status for point in points] == ["excluded", shore]
    assert points[1].coupling["observed"] is None


def test_if_all_fail_it_is_an_error(run, island):
    with pytest.raises(InputError, match=r"^island: mass = 0\.6 GeV is beyond its shore"):
        limits(island, run, [0.6, 0.7])
    with pytest.raises(InputError, match="beyond the reach of a 160 GeV beam"):
        limits(DarkSector, run, [90.0])


@pytest.mark.parametrize("cl", [0, 1, -0.1, 90, math.nan])
def test_confidence_is_between_0_and_1(run, cl):
    with pytest.raises(InputError, match=rf"cl = {cl}: a confidence level lies between 0 and 1"):
        limits(AxionMuon, run, [0.1], cl=cl)


@pytest.mark.parametrize("couplings", [(1e-3, 1e-4), (0, 1.0), (-1, 1.0), (1e-3, 1e-3)])
def test_the_range_of_couplings_is_checked(run, couplings):
    with pytest.raises(InputError, match="two positive numbers, the smaller first"):
        limits(AxionPhoton, run, [0.01], couplings=couplings)


def test_bad_masses_are_refused(run):
    with pytest.raises(InputError, match="expected at least one"):
        limits(AxionMuon, run, [])
    with pytest.raises(InputError, match="mass = -1"):
        limits(AxionMuon, run, [0.1, -1.0])
    with pytest.raises(InputError, match="mass = nan"):
        limits(AxionMuon, run, np.array([0.1, np.nan]))


def test_the_track_sees_every_mass_and_the_record_says_what_was_asked(run):
    seen = []

    def track(masses):
        for mass in masses:
            seen.append(mass)
            yield mass

    found = limits(AxionMuon, run, [0.02, 0.01], track=track, method=Exact(), cl=0.95)
    assert seen == [0.02, 0.01] == [point.mass for point in found.points]
    assert (found.scenario, found.coupling_unit, found.run) == ("axion-muon", "GeV^-1", "2022")
    assert (found.regions, found.cl, found.method) == (("invisible",), 0.95, "exact")


def test_the_searched_range_is_where_it_looks(run):
    """A range inside the island: excluded from end to end, with no upper edge found."""
    point = limits(AxionPhoton, run, [1.3e-3], regions=["invisible"], couplings=(0.02, 0.05)).points[0]
    assert point.intervals["observed"] == ((0.02, None),)


def test_outside_the_efficiency_there_is_a_warning(run):
    with pytest.warns(ValidityWarning, match="held at its end value"):
        limits(ZPrime, run, [0.1, 2.0])


def test_a_limit_below_the_searched_couplings_is_not_called_one(run):
    """The lowest coupling of the range is excluded: the limit lies below it, and the status says so."""
    (point,) = limits(AxionPhoton, run, [0.01], regions=["visible"], couplings=(1e-2, 1.0)).points
    assert point.coupling["observed"] == pytest.approx(1e-2)
    assert point.status.startswith("excluded, from below the couplings that were searched")
    (honest,) = limits(AxionPhoton, run, [0.01], regions=["visible"]).points
    assert honest.coupling["observed"] < 1e-2
    assert honest.status == "excluded"
