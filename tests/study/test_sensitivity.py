"""How far limits move with what is assumed: closed forms, cancellations, and that nothing assumed is forgotten."""

import copy
import json
import math
import re
from dataclasses import dataclass
from functools import partial

import pytest
from scipy.optimize import brentq
from scipy.stats import poisson

import na64stat as na
from na64stat.errors import ComputationError, InputError
from na64stat.experiment.with_numbers import with_numbers
from na64stat.physics.cross_sections import total_cross_section
from na64stat.records.sensitivity import AssumedNumber, HeadlineLimit, Sensitivity, Shift, load_sensitivity
from na64stat.study.sensitivity.assumptions import standard_variations
from na64stat.study.sensitivity.sensitivity import EfficiencyRule, Headline, sensitivity
from na64stat.study.sensitivity.variation import RAISED, Inputs, Variation

RUN = na.load_run("2022")
STANDARD, REASONS = standard_variations(RUN)
HELD = EfficiencyRule.HELD


def chosen(*words, run=RUN):
    """The standard variations whose assumption begins with one of these words."""
    return [item for item in standard_variations(run)[0] if item.what.startswith(words)]


def moved(headline, *words, run=RUN, **options):
    """Ratios of the first limit by (assumption, end)."""
    record = sensitivity(run, [headline], variations=chosen(*words, run=run), **options)
    return {(shift.what, shift.end): shift.ratio for shift in record.of(record.headlines[0].name)}


ZPRIME = Headline(na.ZPrime, (0.05,))
MUON = Headline(na.AxionMuon, (0.1,))
LIGHT_PHOTON = Headline(na.AxionPhoton, (2e-3,), ("visible",))

COMMON = ("cross section, every", "muons on target")


def test_what_every_process_shares_cancels_in_the_inferred_efficiency():
    for headline in (ZPRIME, MUON):
        found = moved(headline, *COMMON)
        assert len(found) == 4
        assert list(found.values()) == pytest.approx([1.0] * 4, rel=1e-7)
    # The Z' has the process of the calibration: its own cross section cancels, too.
    assert list(moved(ZPRIME, "cross section, this", "WW").values()) == pytest.approx([1.0] * 4, rel=1e-7)


def test_with_the_efficiency_held_the_coupling_falls_as_the_square_root():
    for headline in (ZPRIME, MUON):
        found = moved(headline, "cross section, every", "muons on target", efficiency=HELD)
        factors = {"-5%": 0.95, "+5%": 1.05, "1.96e+10": 1.96 / 1.98, "2e+10": 2 / 1.98}
        assert {end: ratio for (_, end), ratio in found.items()} == pytest.approx(
            {end: factor**-0.5 for end, factor in factors.items()}, rel=1e-9
        )


def test_a_process_of_its_own_and_the_efficiency_itself_do_not_cancel():
    found = moved(MUON, "cross section, this", "WW", "efficiency, central")
    factors = {end: 1 + float(end.rstrip("%")) / 100 for _, end in found}
    assert set(factors) == {"-5%", "+5%", "-1%", "+1%", "-10%", "+10%"}
    assert {end: ratio for (_, end), ratio in found.items()} == pytest.approx(
        {end: factor**-0.5 for end, factor in factors.items()}, rel=1e-9
    )


def test_the_response_cancels_for_the_z_prime_but_for_the_smoothing():
    words = ("MIP", "p_out", "shower", "beam", "form factor")
    names = [f"zprime, invisible, {mass:g} GeV" for mass in (0.01, 0.1)]
    headline = Headline(na.ZPrime, (0.01, 0.1))
    again, held = (sensitivity(RUN, [headline], variations=chosen(*words), efficiency=rule) for rule in EfficiencyRule)
    for name in names:
        assert max(abs(shift.ratio - 1) for shift in again.of(name)) < 5e-4
        assert max(abs(shift.ratio - 1) for shift in held.of(name)) > 0.02  # the form factor
    assert {shift.efficiency for shift in again.shifts} == {"re-inferred"}
    assert {shift.efficiency for shift in held.shifts} == {"held"}


def test_the_form_factor_leaves_the_difference_between_two_processes():
    """Pseudoscalar against vector: the ratio of their cross sections above x = 0.5, without response or inference."""
    found = moved(MUON, "form factor, size")
    assert len(found) == 2
    for variation in chosen("form factor, size"):
        change = {
            process: float(
                total_cross_section(process, 0.1, 160.0, variation.nucleus, x_min=0.5)
                / total_cross_section(process, 0.1, 160.0, RUN.target.nucleus, x_min=0.5)
            )
            for process in ("vector", "pseudoscalar")
        }
        expected = (change["pseudoscalar"] / change["vector"]) ** -0.5
        assert found[(variation.what, variation.end)] == pytest.approx(expected, abs=2e-4)
        assert abs(expected - 1) > 5e-4


def test_the_decay_volume():
    # What is stable does not know it.
    assert list(moved(MUON, "decay volume").values()) == [1.0, 1.0]
    # Far away decays N ~ g^4 D: D^(-1/4) in the coupling.
    found = {end: ratio for (_, end), ratio in moved(LIGHT_PHOTON, "decay volume").items()}
    powers = [math.log(found[end]) / math.log(depth / 17) for end, depth in (("13.6 m", 13.6), ("20.4 m", 20.4))]
    assert powers == pytest.approx([-0.25, -0.25], abs=0.02)


def test_a_far_decay_depends_on_the_efficiency_by_the_fourth_root():
    found = moved(LIGHT_PHOTON, "efficiency, central", "cross section, this")
    for (_, end), ratio in found.items():
        assert ratio == pytest.approx((1 + float(end.rstrip("%")) / 100) ** -0.25, abs=3e-3)


def test_counts_and_background_are_those_of_the_counting_experiment():
    """Four events without background allow 7.99, none 2.30, four with four expected what CL_s of two sums says."""

    def limit(count, background):
        def excess(signal):
            return poisson.cdf(count, signal + background) / poisson.cdf(count, background) - 0.1

        return brentq(excess, 0.1, 30)

    headline = Headline(na.AxionPhoton, (2e-3,), ("visible_trigger",))
    found = moved(headline, "visible_trigger: observed", "visible_trigger: background", systematics=False)
    for (what, _), ratio in found.items():
        events = limit(0, 0) if "observed" in what else limit(4, 4)
        assert ratio == pytest.approx((events / limit(4, 0)) ** 0.25, abs=6e-3)
        assert ratio < 0.9


def test_background_does_not_move_a_limit_without_events():
    """CL_s of zero counts is exp(-s) for any known background, and for one that knows nothing of the signal."""
    found = moved(MUON, "invisible: background")
    assert [end for _, end in found] == ["0.07 +- 0.03 events", "0.1 +- 0.03 events"]
    assert list(found.values()) == pytest.approx([1.0, 1.0], rel=1e-6)
    # The expected limit moves where the counts are not known.
    run = RUN.with_mot(1e12)
    assert all(item.what != "invisible: background, setting realistic" for item in standard_variations(run)[0])
    below = moved(MUON, "invisible: background", run=RUN.with_background("realistic"))
    assert [end for _, end in below] == ["0.04 +- 0.03 events", "0.1 +- 0.03 events"]


def test_systematics_weaken_and_count_only_where_they_are_used():
    words = ("uncertainty",)
    used = moved(MUON, *words)
    assert all(ratio < 1 for (_, end), ratio in used.items() if end == "0")
    assert all(ratio > 1 for (_, end), ratio in used.items() if end != "0")
    # Zero events: 2.316 with 10% and 1%, 2.303 without; with none of these but 1% the limit is next to ln 10.
    bare = sensitivity(RUN, [MUON], variations=[], systematics=False).headlines[0].limit
    both = with_numbers(RUN, {"systematics.efficiency": 0.0, "systematics.cross_section": 0.0})
    assert na.limits(na.AxionMuon, both, [0.1]).points[0].coupling["observed"] == pytest.approx(bare, rel=1e-4)
    unused = moved(MUON, *words, systematics=False)
    assert list(unused.values()) == pytest.approx([1.0] * 4, rel=1e-12)


def test_the_muons_of_a_projection_are_its_own():
    run = na.load_run("2023")
    found = {end: ratio for (_, end), ratio in moved(MUON, "muons on target", run=run).items()}
    assert found == pytest.approx({"1.2e+11": 0.8**-0.5, "1.8e+11": 1.2**-0.5}, rel=1e-9)
    # What calibrates it is the run of the Z' limit, whose detector is the same one.
    assert list(moved(ZPRIME, "cross section, every", run=run).values()) == pytest.approx([1.0, 1.0], rel=1e-7)
    assert max(abs(r - 1) for r in moved(ZPRIME, "form factor, size", run=run).values()) < 5e-4


def test_the_trigger_is_the_other_region_and_the_loop_ends_the_reach():
    (ratio,) = moved(Headline(na.AxionPhoton, (0.01,), ("visible",)), "trigger's cut").values()
    both = [
        na.limits(na.AxionPhoton, RUN, [0.01], regions=[region]).points[0].coupling["observed"]
        for region in ("visible", "visible_trigger")
    ]
    assert ratio == pytest.approx(both[1] / both[0], rel=1e-12)
    record = sensitivity(RUN, [Headline(na.AxionMuon, (0.01, 0.2))], variations=chosen("decay through"))
    near, far = record.shifts
    assert near.ratio == pytest.approx(1, abs=1e-4)
    assert (far.after, far.status) == (None, "nothing is excluded any more")


def test_each_limit_is_the_one_of_limits():
    record = sensitivity(RUN, [Headline(na.AxionPhoton, (2e-3,), ("invisible",))], variations=chosen("decay volume"))
    lower, upper = record.headlines
    found = na.limits(na.AxionPhoton, RUN, [2e-3], regions=["invisible"]).points[0].intervals["observed"]
    assert ((lower.limit, upper.limit),) == found
    assert (lower.edge, upper.edge, upper.name) == ("lower", "upper", "axion-photon, invisible, 0.002 GeV, upper edge")
    farther = with_numbers(RUN, {"detector.decay_volume": 20.4})
    again = na.limits(na.AxionPhoton, farther, [2e-3], regions=["invisible"]).points[0].intervals["observed"]
    raised = [shift for shift in record.shifts if shift.side == RAISED]
    assert [shift.after for shift in raised] == pytest.approx(again[0], rel=1e-12)


def test_where_nothing_is_excluded_it_is_said():
    record = sensitivity(RUN, [Headline(na.AxionPhoton, (0.1,), ("visible",))], variations=chosen("decay volume"))
    assert record.headlines[0].limit is None
    assert record.headlines[0].status == "excluded by the layer sum alone"
    assert {(shift.ratio, shift.status) for shift in record.shifts} == {(None, "nothing is excluded")}


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.* come from x < 0.01:na64stat.errors.ValidityWarning")
def test_exact_fusion_moves_the_limit_as_its_events_say():
    """At the moved coupling the exact spectrum gives as many events as WW does at the limit."""
    headline = Headline(na.AxionPhoton, (1e-3, 0.01), ("visible",))
    record = sensitivity(RUN, [headline], variations=chosen("photon fusion"))

    def events(mass, coupling, exact):
        point = na.AxionPhoton(mass=mass, coupling=coupling, exact_fusion=exact)
        return na.predict(point, RUN).regions["visible"].events

    for line, shift in zip(record.headlines, record.shifts, strict=True):
        assert events(line.mass, shift.after, True) == pytest.approx(events(line.mass, line.limit, False), rel=1e-4)
    # Far decays at 1 MeV: more than a third of the events are too many; at 10 MeV 1 or 2%.
    assert events(1e-3, 1e-4, False) / events(1e-3, 1e-4, True) > 1.4
    assert abs(events(0.01, 1e-4, False) / events(0.01, 1e-4, True) - 1) < 0.02
    exact = Headline(partial(na.AxionPhoton, exact_fusion=True), (0.01,), ("visible",))
    assert {shift.what for shift in sensitivity(RUN, [exact], variations=STANDARD).shifts}.isdisjoint(
        {"photon fusion", "WW against exact calculation"}
    )


@pytest.mark.parametrize("name", na.packaged_runs())
@pytest.mark.parametrize("background", ["none", "realistic"])
def test_every_assumed_number_is_moved(name, background):
    run = na.load_run(name)
    if background == "realistic":
        if not any("realistic" in region.backgrounds for region in run.regions.values()):
            return
        run = run.with_background(background)
    variations, reasons = standard_variations(run)
    assumed = {key for key, number in run.numbers.items() if number.status == "assumed"}
    assert {key for item in variations for key in item.keys} - {"beam.spread", "beam.mot"} == assumed - {"beam.mot"}
    assert "beam.mot" in {key for item in variations for key in item.keys}
    assert reasons == {}
    for item in variations:
        region = item.keys[0].split(".")[1] if item.keys and item.keys[0].startswith("regions") else "visible"
        setting = Inputs(na.AxionPhoton, (0.01,), (region,), run, RUN)
        if item.concerns(setting):
            assert item.apply(setting) != setting
            assert item.why
            assert item.start != item.end


def test_a_number_that_is_zero_has_a_reason():
    run = with_numbers(RUN, {"response.mip_spread": 0.0, "systematics.efficiency": 0.0})
    variations, reasons = standard_variations(run)
    assert set(reasons) == {"response.mip_spread", "systematics.efficiency"}
    assert not any(item.what.startswith("efficiency, central") for item in variations)
    record = sensitivity(run, [MUON])
    told = {number.key: number.reason for number in record.numbers if number.reason}
    assert told.pop("response.mip_spread").startswith("is zero")
    assert told.pop("systematics.efficiency").startswith("is zero")
    others = {key: reason for key, reason in told.items() if reason != "moves none of these limits"}
    assert all(key.startswith("regions.visible") for key in others)
    assert set(told) - set(others) >= {"detector.decay_volume", "regions.invisible.backgrounds.realistic"}


@dataclass(frozen=True, kw_only=True)
class Twice(Variation):
    """The user's own: twice as many layers, or a failure."""

    fails: bool = False

    def apply(self, setting):
        if self.fails:
            raise ComputationError("cannot")
        layers = 2 * setting.run.target.layers
        return setting.with_runs(lambda run: with_numbers(run, {"target.layers": layers}), calibration=False)


def test_a_variation_of_ones_own():
    told = {"what": "layers", "origin": "choice", "start": "135", "end": "270", "why": "a longer target"}
    record = sensitivity(RUN, [MUON], variations=[Twice(**told)])
    assert record.shifts[0].ratio == pytest.approx(2**-0.5, rel=1e-9)
    assert {number.reason for number in record.numbers} == {"not asked for"}


def test_a_failure_within_the_limits_is_in_the_record():
    """200 GeV are beyond the beam, 0.1 GeV are not."""
    record = sensitivity(RUN, [Headline(na.AxionMuon, (0.1, 200.0))], variations=chosen("decay volume"))
    assert [line.limit is None for line in record.headlines] == [False, True]
    assert "beyond the reach" in record.headlines[1].status
    assert {shift.status for shift in record.of(record.headlines[1].name)} == {record.headlines[1].status}


def test_the_record_comes_back_and_ranks(tmp_path):
    record = sensitivity(RUN, [MUON, ZPRIME], variations=chosen("decay", "cross section", "efficiency"))
    path = tmp_path / "s.json"
    record.save(path)
    assert load_sensitivity(path) == record
    with pytest.raises(InputError, match="the file exists"):
        record.save(path)
    raw = json.loads(path.read_text())
    assert raw["shifts"][0]["ratio"] == record.shifts[0].ratio
    name = record.headlines[0].name
    ranked = record.ranked(name)
    sizes = [max(shift.size for shift in shifts) for _, shifts in ranked]
    assert sizes == sorted(sizes, reverse=True)
    assert [what for what, _ in ranked][:2] == ["efficiency, central value", "cross section, this process alone"]
    part = record.only(name)
    assert {shift.headline for shift in part.shifts} == {name}
    with pytest.raises(InputError, match="headline 'x'"):
        record.only("x")
    raw["shifts"][0].pop("what")
    path.write_text(json.dumps(raw))
    with pytest.raises(InputError, match="damaged sensitivity file"):
        load_sensitivity(path)


def test_the_record_says_of_which_class_and_options_it_is(tmp_path):
    decaying = partial(na.AxionMuon, loop_decay=True)
    headlines = [MUON, Headline(decaying, (0.01,)), LIGHT_PHOTON]
    asked = {"variations": [], "systematics": False, "method": na.Exact(criterion=na.Criterion.CL_SB)}
    record = sensitivity(RUN, headlines, **asked)
    muon = {
        "scenario": "axion-muon",
        "scenario_class": "na64stat.scenarios.axion_muon.AxionMuon",
        "regions": ["invisible"],
    }
    photon = {"scenario": "axion-photon", "scenario_class": "na64stat.scenarios.axion_photon.AxionPhoton"}
    assert record.provenance["scenarios"] == [
        {**muon, "options": {}},
        {**muon, "options": {"loop_decay": True}},
        {**photon, "regions": ["visible"], "options": {}},
    ]
    assert (record.provenance["systematics"], record.provenance["criterion"]) == (False, "cl_sb")
    record.save(tmp_path / "s.json")
    assert load_sensitivity(tmp_path / "s.json") == record


@pytest.fixture(scope="module")
def raw():
    """A record by hand, as JSON: one limit, moved by one assumption, one assumed number."""
    limit = HeadlineLimit("x", 0.1, ("visible",), "lower", "1", 1e-3, "excluded")
    shift = Shift("what", "run file", "1", "2", 1, "why", ("key",), limit.name, 1e-3, 2e-3, "unchanged")
    number = AssumedNumber("key", 1.0, None, "m", "source")
    return Sensitivity("r", "none", 0.9, "exact", "held", (limit,), (shift,), (number,), ("note",), {}).as_dict()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("cl", "0.9"), ("run", 1), ("notes", "note"), ("notes", [1]), ("efficiency", "guessed"), ("background", None),
        ("headlines.0.mass", -0.1), ("headlines.0.mass", "0.1"), ("headlines.0.mass", True), ("headlines.0.limit", 0),
        ("headlines.0.limit", "1"), ("headlines.0.edge", "left"), ("headlines.0.regions", "visible"),
        ("headlines.0.scenario", None), ("headlines.0.status", 0), ("shifts.0.before", -1e-3), ("shifts.0.after", "2e-3"),
        ("shifts.0.after", 1e-320), ("shifts.0.side", 2), ("shifts.0.side", "1"), ("shifts.0.side", True),
        ("shifts.0.keys", "key"), ("shifts.0.headline", "another"), ("shifts.0.efficiency", "x"), ("shifts.0.what", 3),
        ("numbers.0.value", "1"), ("numbers.0.value", None), ("numbers.0.uncertainty", "1"), ("numbers.0.reason", 1),
    ],
)  # fmt: skip
def test_a_file_with_what_is_no_number_or_text_is_refused(tmp_path, raw, place, value):
    record = copy.deepcopy(raw)
    path = tmp_path / "s.json"
    path.write_text(json.dumps(record))
    assert load_sensitivity(path).as_dict() == raw
    *parts, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    inner = record
    for part in parts:
        inner = inner[part]
    inner[last] = value
    if place == "shifts.0.after":
        inner["before"] = 1e300  # so that 1e-320 is no ratio
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"s\.json: damaged sensitivity file: .+ is .+; expected .+"):
        load_sensitivity(path)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("name", ["mass", "limit", "before", "after", "value", "cl"])
def test_a_file_with_a_number_that_is_none_is_refused(tmp_path, raw, name, number):
    path = tmp_path / "s.json"
    path.write_text(re.sub(rf'"{name}": [0-9.e-]+', f'"{name}": {number}', json.dumps(raw)))
    with pytest.raises(InputError, match=r"s\.json: "):
        load_sensitivity(path)


def test_refused():
    with pytest.raises(InputError, match="stand there twice"):
        sensitivity(RUN, [MUON, MUON], variations=[])
    with pytest.raises(InputError, match="has no mass"):
        sensitivity(RUN, [Headline(na.AxionMuon, ())], variations=[])
    with pytest.raises(InputError, match="headlines: none"):
        sensitivity(RUN, [], variations=[])
    with pytest.raises(InputError, match="no region 'gone'"):
        sensitivity(RUN, [Headline(na.AxionMuon, (0.1,), ("gone",))], variations=[])


def test_an_efficiency_of_ones_own_is_held(tmp_path):
    (tmp_path / "e.csv").write_text("kind,mass_gev,efficiency\ncurve,1e-3,0.08\ncurve,1,0.08\n")
    path = tmp_path / "own.toml"
    path.write_text(
        'extends = "2022"\ndescription = "x"\n[efficiency]\ntable = "e.csv"\nsource = "x"\nstatus = "assumed"\n'
    )
    run = na.load_run(path)
    with pytest.raises(InputError, match="efficiency is not that of the packaged Z' limit"):
        sensitivity(run, [MUON], variations=[])
    record = sensitivity(run, [MUON], variations=chosen("cross section, every"), efficiency=HELD)
    assert [shift.ratio for shift in record.shifts] == pytest.approx([0.95**-0.5, 1.05**-0.5], rel=1e-9)
