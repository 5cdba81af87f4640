"""Projections: scaling laws, packaged runs, Poisson tails in closed form, and jumps looked at by brute force."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.stats import norm, poisson

from na64stat.errors import InputError, ScenarioError
from na64stat.experiment.load import load_run
from na64stat.experiment.run import Background, BackgroundScaling
from na64stat.records.projection import load_projection
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.stats.asymptotic import Asymptotic
from na64stat.study.limits import limits
from na64stat.study.projection.discovery import Discovery
from na64stat.study.projection.mot_needed import mot_needed
from na64stat.study.projection.projection import project
from na64stat.study.signal_test import SignalTest

NONE, PER_MOT, FIXED = BackgroundScaling.NONE, BackgroundScaling.PER_MOT, BackgroundScaling.FIXED


def with_background(run, events, uncertainty=0.0, observed=None, region="invisible"):
    """The run with a setting "mine" in use in one region."""
    background = Background(events, uncertainty)
    entry = run.region(region)
    entry = replace(
        entry, observed=observed, background=background, backgrounds={**entry.backgrounds, "mine": background}
    )
    return replace(run, regions={**run.regions, region: entry}, background_setting="mine")


@pytest.fixture(scope="module")
def realistic(run):
    return run.with_background("realistic")


# A run with another number of muons


def test_no_counts_and_no_background_by_default(run, realistic):
    for source in (run, realistic):
        found = source.with_mot(1e12)
        assert found.mot == found.numbers["beam.mot"].value == 1e12
        assert found.name == "2022_mot1e12"
        assert all(region.observed is None for region in found.regions.values())
        assert all(region.background == Background(0, 0) for region in found.regions.values())
        assert found.background_setting == "none"
        assert not any(key.endswith((".observed", ".realistic")) for key in found.numbers)
        assert found.systematics == run.systematics
    assert run.regions["visible"].observed == 4


def test_background_per_mot_keeps_its_relative_uncertainty_and_fixed_keeps_all(run, realistic):
    grown, fixed = realistic.with_mot(10 * run.mot, PER_MOT), realistic.with_mot(10 * run.mot, FIXED)
    assert grown.region("invisible").background == Background(pytest.approx(0.7), pytest.approx(0.3))
    assert fixed.region("invisible").background == Background(0.07, 0.03)
    assert grown.region("visible").background == fixed.region("visible").background == Background(0, 0)
    for found, setting in ((grown, "realistic_per_mot"), (fixed, "realistic_fixed")):
        assert found.background_setting == setting
        number = found.numbers[f"regions.invisible.backgrounds.{setting}"]
        assert Background(number.value, number.uncertainty) == found.region("invisible").background
        assert "realistic of run 2022" in number.source
        assert found.with_background(setting).regions == found.regions


def test_name_and_digest_tell_muons_and_background_apart(run, realistic):
    made = [run.with_mot(1e12), run.with_mot(1.0000001e12), realistic.with_mot(1e12, PER_MOT)]
    made.append(realistic.with_mot(1e12, FIXED))
    assert len({one.name for one in made}) == len({one.digest for one in made}) == 4
    assert run.with_mot(1e12).digest == run.with_mot(1e12).digest != run.digest
    names = {parameter.name for parameter in SignalTest(made[2], ("invisible",)).model.parameters}
    assert f"background_invisible_{made[2].name}" in names
    assert f"mot_{made[2].name}" in names


@pytest.mark.parametrize("mot", [0.0, 0.99, 1.1e20, -1e12, math.nan, math.inf, True])
def test_muons_out_of_range(run, mot):
    with pytest.raises(InputError, match="muons on target from 1 to 1e\\+20"):
        run.with_mot(mot)


def test_a_background_that_is_not_there_cannot_be_kept(run):
    with pytest.raises(InputError, match=r"no background in use.*such as realistic"):
        run.with_mot(1e12, PER_MOT)


# Limits


@pytest.mark.parametrize("name", ["mot1e12", "mot1e13"])
@pytest.mark.parametrize(("scenario", "region"), [(AxionMuon, "invisible"), (AxionPhoton, "visible")])
def test_equals_the_packaged_projections(run, name, scenario, region):
    masses = [0.01, 0.05]
    theirs = limits(scenario, load_run(name), masses, regions=[region]).points
    ours = project(scenario, run, masses, [load_run(name).mot], regions=[region], discovery=False).points
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.limit.status == other.status
        for level in ("minus2", "median", "plus2"):
            assert np.array(mine.limit.intervals[level], float) == pytest.approx(
                np.array(other.intervals[level], float), rel=1e-9, nan_ok=True
            )


def test_without_background_a_g_squared_signal_goes_as_the_inverse_root_of_the_muons(run):
    muons = np.geomspace(1e9, 1e15, 7)
    found = project(AxionMuon, run, [0.1], muons)
    for values in (
        [point.limit.coupling["median"] for point in found.points],
        [point.reach[0].coupling for point in found.points],
    ):
        assert np.array(values) * np.sqrt(muons) == pytest.approx(np.full(7, values[0] * math.sqrt(1e9)), rel=1e-9)


def test_with_a_fixed_background_too(realistic):
    muons = np.array([1e10, 1e12, 1e14])
    found = project(AxionMuon, realistic, [0.1], muons, background=FIXED)
    for part in (lambda point: point.limit.coupling["plus2"], lambda point: point.reach[1].coupling):
        values = np.array([part(point) for point in found.points])
        assert values * np.sqrt(muons) == pytest.approx(np.full(3, values[0] * 1e5), rel=1e-9)


def test_with_a_growing_known_background_the_limit_approaches_the_inverse_fourth_root(run):
    source = with_background(run, 1000.0)
    found = project(AxionMuon, source, [0.1], run.mot * np.array([1.0, 16.0]), background=PER_MOT, systematics=False)
    small, large = (point.limit for point in found.points)
    # g^2 times the muons is the limit in events, 1.64 sqrt(b) (Phi(-x) = 0.1/2 for CL_s at 90%) far above one event.
    wanted = norm.isf(0.05) * np.sqrt([1000.0, 16000.0])
    assert [small.events["median"], large.events["median"]] == pytest.approx(wanted, rel=0.03)
    assert small.coupling["median"] / large.coupling["median"] == pytest.approx(2.0, rel=0.01)


def test_asymptotic_limits_with_a_growing_background_scale_alike(run):
    source = with_background(run, 1000.0)
    options = {"method": Asymptotic(), "systematics": False, "discovery": False, "background": PER_MOT}
    found = project(AxionMuon, source, [0.1], [run.mot, 16 * run.mot], **options)
    first, second = (point.limit.coupling["median"] for point in found.points)
    assert first / second == pytest.approx(2.0, rel=0.01)


# Discovery


def needed_by_hand(background, z):
    """Smallest n with P(N >= n | b) <= p, and s with P(N < n | s + b) = 1/2, by a scan of the counts and a fine bisection."""
    count = next(n for n in range(1, 10_000) if poisson.sf(n - 1, background) <= norm.sf(z))
    low, high = 0.0, 10.0 * count
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if poisson.cdf(count - 1, background + middle) > 0.5 else (low, middle)
    return high


@pytest.mark.parametrize("background", [1e-4, 0.0013, 0.0014, 0.07, 1.0, 12.3, 400.0])
@pytest.mark.parametrize("z", [3.0, 5.0])
def test_reach_in_one_bin_of_known_background(run, background, z):
    test = SignalTest(with_background(run, background), ("invisible",), systematics=False)
    assert Discovery(test).events_needed(z) == pytest.approx(needed_by_hand(background, z), rel=1e-8)


def test_just_above_the_reach_the_significance_suffices_and_just_below_it_does_not(realistic):
    discovery = Discovery(SignalTest(realistic.with_mot(1e12, PER_MOT), ("invisible",)))
    for z in (3.0, 5.0):
        needed = discovery.events_needed(z)
        assert discovery.median({"invisible": needed * 1.0001}) >= z > discovery.median({"invisible": needed * 0.9999})


def test_without_background_the_reach_is_where_half_of_the_outcomes_have_an_event(projection):
    discovery = Discovery(SignalTest(projection, ("invisible",), systematics=False))
    assert discovery.events_needed(3.0) == pytest.approx(math.log(2), rel=1e-9)
    assert discovery.events_needed(5.0) == pytest.approx(math.log(2), rel=1e-9)
    found = project(AxionMuon, projection, [0.1], [1e12], systematics=False)
    assert found.points[0].reach[1].events == pytest.approx(math.log(2), rel=1e-9)
    assert any("ln 2 signal events" in note for note in found.notes)


def test_several_channels_without_background_count_together(projection):
    discovery = Discovery(SignalTest(projection, ("invisible", "visible"), systematics=False))
    strength = discovery.strength_needed({"invisible": 3.0, "visible": 1.0}, 5.0)
    assert 4 * strength == pytest.approx(math.log(2), rel=1e-4)


def test_a_channel_without_much_signal_does_not_spoil_the_reach(run):
    source = with_background(with_background(run, 0.5), 3.0, region="visible").with_mot(run.mot, FIXED)
    alone = Discovery(SignalTest(source, ("invisible",), systematics=False)).events_needed(3.0)
    both = Discovery(SignalTest(source, ("invisible", "visible"), systematics=False))
    found = both.strength_needed({"invisible": 1.0, "visible": 0.0}, 3.0)
    assert found == pytest.approx(alone, rel=1e-4)


def test_edges_of_the_reach_of_an_island(run):
    found = project(AxionPhoton, run, [4e-3], [1e11], regions=["invisible"], couplings=(1e-3, 10.0))
    (reach, _), limit = found.points[0].reach, found.points[0].limit
    test = SignalTest(run.with_mot(1e11), ("invisible",))
    edges = np.array([edge for interval in reach.intervals for edge in interval if edge is not None])
    assert len(edges) >= 2
    events = test.events(AxionPhoton(mass=4e-3, coupling=1.0), edges, found_average())["invisible"]
    assert events == pytest.approx(np.full(len(edges), Discovery(test).events_needed(3.0)), rel=1e-4)
    assert reach.status == "reached"
    # It takes less signal than an exclusion, so that the interval is wider.
    (low, high), (lowest, highest) = limit.intervals["median"][0], reach.intervals[0]
    assert lowest < low < high < highest


def found_average():
    from na64stat.yields.survival import DepthAverage

    return DepthAverage.LAYERS


def test_no_discovery(run):
    assert project(AxionMuon, run, [0.1], [1e12], discovery=False).points[0].reach == ()


# Muons needed


@pytest.mark.sampled(3)
@pytest.mark.parametrize("scaling", [NONE, FIXED, PER_MOT])
def test_muons_needed_turn_the_projection_round(realistic, scaling):
    point = AxionMuon(mass=0.1, coupling=1.2e-2)
    needed = mot_needed(point, realistic, background=scaling)
    for verdict, part in (
        ("excluded", lambda found: found.limit.coupling["median"]),
        ("3 sigma", lambda found: found.reach[0].coupling),
        ("5 sigma", lambda found: found.reach[1].coupling),
    ):
        mot = needed.need(verdict).mot
        # Just above it is there; at a jump it would be there with room to spare, which none of these is.
        above, below = project(AxionMuon, realistic, [0.1], [mot * 1.00005, mot * 0.99995], background=scaling).points
        assert part(above) <= point.coupling * (1 + 1e-6)
        assert part(below) > point.coupling * (1 - 1e-6)


def test_muons_needed_without_background_or_systematics(run):
    point = AxionMuon(mass=0.1, coupling=5e-3)
    found = mot_needed(point, run, systematics=False)
    per_muon = found.events["invisible"] / run.mot
    wanted = {"excluded": math.log(10), "3 sigma": math.log(2), "5 sigma": math.log(2)}
    for verdict, events in wanted.items():
        # 1e-6 events stand for no background in limits.
        assert found.need(verdict).mot == pytest.approx(events / per_muon, rel=1e-5)
        assert found.need(verdict).events == pytest.approx(events, rel=1e-5)


def by_hand(signal, background, verdict):
    """Whether s and a known b say what is asked, from Poisson sums."""
    if verdict != "excluded":
        z = float(verdict.split()[0])
        median = poisson.ppf(0.5, signal + background)
        return median > 0 and poisson.sf(median - 1, background) <= norm.sf(z)
    median = poisson.ppf(0.5, background)
    return signal > median - background and poisson.cdf(median, signal + background) < 0.1 * poisson.cdf(
        median, background
    )


@pytest.fixture(scope="module")
def growing(run):
    """Muons needed for a signal of `ratio` times a known background that grows, and both with the muons of the run."""

    @cache
    def make(ratio):
        point = AxionMuon(mass=0.1, coupling=1e-2)
        events = mot_needed(point, run).events["invisible"]
        source = with_background(run, events / ratio)
        return mot_needed(point, source, background=PER_MOT, systematics=False), events, events / ratio

    return make


@pytest.mark.sampled(3)
@pytest.mark.parametrize("verdict", ["excluded", "3 sigma", "5 sigma"])
@pytest.mark.parametrize("ratio", [0.4, 1.0, 3.0])
def test_no_trap_at_jumps(run, growing, verdict, ratio):
    """On a fine grid the verdict fails last just below the number that is given, although it came and went before."""
    needed, events, background = growing(ratio)
    found = needed.need(verdict)
    factors = found.mot / run.mot * np.exp(np.arange(-30_000, 60_000) * 5e-5)
    verdicts = np.array([by_hand(f * events, f * background, verdict) for f in factors[::10]])
    last = np.flatnonzero(~verdicts)[-1]
    assert factors[::10][last] == pytest.approx(found.mot / run.mot, rel=6e-4)
    assert found.mot / run.mot >= factors[::10][last] * (1 - 2e-5)
    if (ratio, verdict) == (1.0, "3 sigma"):  # a search for the first success would have stopped too early
        assert verdicts[:last].any()


def test_a_relative_uncertainty_keeps_weak_signals_out_of_reach(run):
    source = with_background(run, 1.0, 0.5)
    events = mot_needed(AxionMuon(mass=0.1, coupling=1e-3), run).events["invisible"]
    weak = AxionMuon(mass=0.1, coupling=1e-3 * math.sqrt(0.3 / events))
    found = mot_needed(weak, source, background=PER_MOT)
    for need in found.needs:
        assert need.mot is None
        assert "relative uncertainty of 0.5 does not shrink" in need.reason
    # Known, the same background only takes time.
    known = mot_needed(weak, source, background=PER_MOT, systematics=False)
    assert all(need.mot is not None for need in known.needs)


def test_muons_needed_beyond_the_range(run):
    found = mot_needed(AxionMuon(mass=0.1, coupling=1e-9), run)
    assert all(need.mot is None and "more than 1e+20" in need.reason for need in found.needs)
    strong = mot_needed(AxionMuon(mass=0.1, coupling=1e4), run)
    assert all(need.mot == 1.0 and need.reason == "from one muon on" for need in strong.needs)


def test_muons_needed_without_signal(run, silent):
    with pytest.raises(ScenarioError, match="no signal in invisible"):
        mot_needed(silent(mass=0.1, coupling=1.0), run)


def test_another_method_is_followed_point_by_point(run):
    source = with_background(run, 100.0)
    events = mot_needed(AxionMuon(mass=0.1, coupling=1e-3), run).events["invisible"]
    point = AxionMuon(mass=0.1, coupling=1e-3 * math.sqrt(10 / events))
    options = {"background": PER_MOT, "systematics": False}
    found = mot_needed(point, source, method=Asymptotic(), **options).need("excluded").mot
    (there,) = project(AxionMuon, source, [0.1], [found], method=Asymptotic(), discovery=False, **options).points
    assert there.limit.coupling["median"] == pytest.approx(point.coupling, rel=1e-4)


# Records


def test_saved_and_read_back(run, tmp_path):
    found = project(AxionPhoton, run, [4e-3, 0.5], [1e11, 1e12], regions=["invisible"])
    found.save(tmp_path / "p.json")
    assert load_projection(tmp_path / "p.json") == found
    with pytest.raises(InputError, match="exists"):
        found.save(tmp_path / "p.json")
    (tmp_path / "p.json").write_text((tmp_path / "p.json").read_text().replace('"points"', '"dots"'))
    with pytest.raises(InputError, match="damaged projection file"):
        load_projection(tmp_path / "p.json")


@pytest.mark.parametrize(
    ("masses", "muons", "message"),
    [([], [1e12], "masses: none"), ([0.1], [], "mot: none"), ([0.1], [1e12, 1e12], "mot: 2 values, 1 different")],
)
def test_bad_axes(run, masses, muons, message):
    with pytest.raises(InputError, match=message):
        project(AxionMuon, run, masses, muons)
