"""Credible limits by quadrature, and the sampler against them."""

from functools import partial

import numpy as np
import pytest
from scipy.special import exp1
from scipy.stats import chi2, gamma

import na64stat as na
from na64stat.errors import ComputationError, InputError
from na64stat.stats.bayes.priors import Flat, Jeffreys, LogFlat
from na64stat.stats.bayes.user_prior import UserPrior
from na64stat.study.bayes.credible import compare_priors, credible_limit, credible_plane
from na64stat.study.bayes.events_plane import EventsPlane
from na64stat.study.bayes.events_table import TOLERANCE, EventsTable
from na64stat.study.bayes.sample import sample
from na64stat.study.bayes.set_up import set_up, subject_of
from na64stat.study.signal_test import SignalTest

AXION = na.AxionMuon(mass=0.1, coupling=5e-3)
PHOTON = na.AxionPhoton(mass=0.01, coupling=2e-3)


@pytest.mark.parametrize("count", [0, 1, 4, 12])
def test_flat_in_the_yield_without_uncertainties_is_the_classical_limit(run, count):
    asked = {"counts": {"invisible": count}, "systematics": False}
    found = credible_limit(AXION, run, Flat("yield", 0, 200), **asked)
    # The run states no background; 1e-6 events stand in its place.
    assert found.limit == pytest.approx(gamma(count + 1).ppf(0.9), rel=1e-5)
    (row,) = [row for row in compare_priors(AXION, run, [Flat("yield", 0, 200)], **asked).rows if row.label == "CL_s"]
    assert found.limit == pytest.approx(row.events, rel=1e-4)


@pytest.mark.long
def test_the_numbers_of_the_2022_run(run):
    invisible = credible_limit(AXION, run, Flat("yield", 0, 100), systematics=False)
    visible = credible_limit(PHOTON, run, Flat("yield", 0, 100), systematics=False, regions=["visible"])
    assert invisible.limit == pytest.approx(2.302585, abs=1e-4)
    assert visible.limit == pytest.approx(7.993590, abs=1e-4)
    for scenario, limit, options in ((AXION, invisible.limit, {}), (PHOTON, visible.limit, {"regions": ["visible"]})):
        found = sample(
            scenario,
            run,
            prior=Flat("yield", 0, 100),
            systematics=False,
            sampler=na.Sampler(seed=4),
            steps=4000,
            **options,
        )
        assert found.diagnostics.converged
        assert abs(found.upper_limit() - limit) < 4 * found.quantile_error(0.9) < 0.05 * limit


def test_a_prior_is_a_change_of_variables(run):
    """For a yield proportional to g^2, flat in g is Jeffreys in the yield; mu is the yield in other units."""
    flat = credible_limit(AXION, run, Flat("coupling", 0, 0.04))
    power = float(set_up(subject_of(AXION, run), Flat("yield", 0, 1)).at_one) * 0.04**2
    jeffreys = credible_limit(AXION, run, Jeffreys("yield", 0, power))
    assert flat.events == pytest.approx(jeffreys.limit, rel=1e-9)
    assert flat.limit == pytest.approx(jeffreys.coupling, rel=1e-9)
    log = credible_limit(AXION, run, LogFlat("coupling", 1e-5, 1e-1))
    of_yield = credible_limit(AXION, run, LogFlat("yield", *(np.array([1e-5, 1e-1]) ** 2 * power / 0.04**2)))
    assert log.events == pytest.approx(of_yield.limit, rel=1e-8)
    mine = UserPrior("yield", 0, 100, lambda y: 1.0)
    assert credible_limit(AXION, run, mine).limit == pytest.approx(
        credible_limit(AXION, run, Flat("yield", 0, 100)).limit, rel=1e-8
    )


def test_log_flat_limit_follows_its_lower_bound(run):
    """With nothing seen the posterior of t = a g^2 is exp(-t) / t, whose integrals are E1; far down it falls as low^0.1."""
    a = float(set_up(subject_of(AXION, run), Flat("yield", 0, 1)).at_one)
    lows = np.array([1e-4, 1e-6, 1e-8, 1e-60])
    limits = np.array([credible_limit(AXION, run, LogFlat("coupling", g, 1), systematics=False).limit for g in lows])
    held = (exp1(a * lows**2) - exp1(a * limits**2)) / (exp1(a * lows**2) - exp1(a))
    assert held == pytest.approx(np.full(4, 0.9), rel=1e-9)
    assert np.log(limits[-1] / limits[-2]) / np.log(lows[-1] / lows[-2]) == pytest.approx(0.1, abs=1e-3)


def test_table_of_priors_and_methods(run):
    priors = [Flat("yield", 0, 100), Flat("coupling", 0, 1), LogFlat("coupling", 1e-6, 1)]
    found = compare_priors(AXION, run, priors)
    by_label = {row.label: row for row in found.rows}
    assert list(by_label)[-2:] == ["CL_s", "Feldman-Cousins"]
    limits = na.limits(na.AxionMuon, run, [0.1]).points[0]
    assert by_label["CL_s"].coupling == pytest.approx(limits.coupling["observed"], rel=1e-3)
    # The systematics of the signal broaden the posterior of its size, to which the average in CL_s is blind.
    assert by_label[str(priors[0])].events == pytest.approx(by_label["CL_s"].events, rel=0.03)
    assert [row.coupling for row in found.rows[:3]] == sorted((row.coupling for row in found.rows[:3]), reverse=True)
    for row, item in zip(found.rows, found.credible, strict=False):
        assert row.events == pytest.approx(set_up(subject_of(AXION, run), priors[0]).at_one * row.coupling**2, rel=1e-6)
        assert item.error < 1e-6


def priors_of_two_regions():
    return [
        Flat("mu", 0, 30),
        LogFlat("mu", 1e-4, 30),
        Jeffreys("mu", 0, 30, 0.5),
        UserPrior("mu", 0, 30, lambda mu: np.exp(-mu / 3)),
        Flat("coupling", 0, 5e-3),
        LogFlat("coupling", 1e-5, 5e-3),
    ]


@pytest.mark.long
def test_sampler_and_quadrature_agree_on_two_regions(with_backgrounds):
    """Over all priors and seeds the differences, in units of the Monte Carlo error, are those of a unit Gaussian."""
    regions = ["visible", "invisible"]
    pulls = []
    for prior in priors_of_two_regions():
        curve = set_up(subject_of(PHOTON, with_backgrounds, regions=regions), prior).curve()
        for seed in range(4):
            asked = {"prior": prior, "regions": regions, "steps": 1000, "sampler": na.Sampler(seed=seed)}
            found = sample(PHOTON, with_backgrounds, **asked)
            for probability in (0.5, 0.9):
                difference = found.quantile(probability) - curve.quantile(probability)
                pulls.append(difference / found.quantile_error(probability))
    pulls = np.array(pulls).reshape(6, 4, 2)
    assert (np.abs(pulls) < 2).mean() > 0.85
    assert np.abs(pulls).max() < 4
    for column in range(2):
        assert chi2(24).sf((pulls[..., column] ** 2).sum()) > 1e-3
    assert np.abs(pulls.mean(axis=1)).max() * np.sqrt(4) < 4  # no prior is off in one direction


@pytest.mark.long
def test_plane_and_samples_agree(run):
    priors = [LogFlat("coupling", 1e-6, 1), LogFlat("mass", 1e-3, 0.3)]
    plane = credible_plane(na.AxionPhoton, run, priors, regions=["visible"])
    cells = np.gradient(np.log(plane.mass))[:, None] * np.gradient(np.log(plane.coupling))
    cells[[0, -1]] *= 0.5
    cells[:, [0, -1]] *= 0.5
    assert (plane.density * cells).sum() == pytest.approx(1, rel=1e-6)
    found = sample(na.AxionPhoton, run, prior=priors, regions=["visible"], sampler=na.Sampler(seed=3))
    assert found.diagnostics.converged
    assert found.parameters[:2] == ("coupling", "mass")
    from scipy.interpolate import RegularGridInterpolator

    density = RegularGridInterpolator((np.log(plane.mass), np.log(plane.coupling)), plane.density, bounds_error=False)
    at = np.log(np.column_stack([found.of("mass").ravel(), found.of("coupling").ravel()]))
    inside = density(at) >= plane.level
    effective = min(found.diagnostics.effective[:2])
    assert abs(inside.mean() - 0.9) < 4 * np.sqrt(0.09 / effective) + 0.01  # and what the grid cuts off
    # The other order of the priors is the same question.
    again = credible_plane(na.AxionPhoton, run, priors[::-1], regions=["visible"])
    assert np.array_equal(again.density, plane.density)


def test_interpolated_events(run):
    test = SignalTest(run, ("visible",))

    def events(mass, couplings):
        return test.events(na.AxionPhoton(mass=mass, coupling=1.0), couplings, na.DepthAverage.LAYERS)

    rng = np.random.default_rng(1)
    couplings = np.exp(rng.uniform(np.log(1e-6), 0, 300))
    table = EventsTable.of(events, 0.01, (1e-6, 1.0), 50.0)
    truth = events(0.01, couplings)["visible"]
    matters = truth < 50
    error = np.abs(table(couplings)[:, 0] - truth) / (truth + 0.1)
    assert table.error < TOLERANCE
    assert error[matters].max() < 3 * TOLERANCE
    plane = EventsPlane.of(events, (2e-3, 0.2), (1e-5, 1.0), 50.0)
    assert plane.error < TOLERANCE
    for mass in np.exp(rng.uniform(np.log(2e-3), np.log(0.2), 12)):
        g = np.exp(rng.uniform(np.log(1e-5), 0, 40))
        truth = events(mass, g)["visible"]
        found = plane(g, np.full(40, mass))[:, 0]
        assert (np.abs(found - truth) / (truth + 0.1))[truth < 50].max() < 10 * TOLERANCE


def test_a_decay_channel_that_opens(run):
    """The loop decay of the axion-muon gives way to muon pairs at 2 m_mu, where the events jump."""
    test = SignalTest(run, ("invisible",))
    factory = partial(na.AxionMuon, loop_decay=True)

    def events(mass, couplings):
        return test.events(factory(mass=mass, coupling=1.0), couplings, na.DepthAverage.LAYERS)

    plane = EventsPlane.of(events, (0.05, 1.0), (1e-5, 1.0), 50.0)
    assert plane.error < TOLERANCE
    g = np.geomspace(1e-5, 1, 37)
    threshold = 2 * 0.1056583755
    for mass in (0.06, 0.2, threshold * (1 - 1e-3), threshold * (1 - 2e-4), threshold * (1 + 2e-4), 0.3, 0.9):
        truth, found = events(mass, g)["invisible"], plane(g, np.full(37, mass))[:, 0]
        assert (np.abs(found - truth) / (truth + 0.1))[truth < 50].max() < 10 * TOLERANCE
    jump = [events(threshold * (1 + side), g)["invisible"] for side in (-1e-6, 1e-6)]
    assert np.abs(np.log((jump[0] + 1e-9) / (jump[1] + 1e-9))).max() > 3  # there is something to cope with


def test_islands_show_as_several_intervals(run):
    """Excluded between two couplings, allowed on both sides: two intervals of the highest density."""
    found = credible_limit(na.AxionPhoton, run, LogFlat("coupling", 1e-6, 10), mass=0.003, regions=["invisible"])
    assert len(found.highest_density) == 2
    (_, first), (second, last) = found.highest_density
    assert first < second < last == pytest.approx(10)
    (excluded,) = na.limits(na.AxionPhoton, run, [0.003], regions=["invisible"]).points[0].intervals["observed"]
    assert first < excluded[0] < excluded[1] < second
    # The prior is flat in ln g: equal density is equal likelihood, so that the events are as many at both edges.
    test = SignalTest(run, ("invisible",))
    probe = na.AxionPhoton(mass=0.003, coupling=1.0)
    events = test.events(probe, np.array([first, second]), na.DepthAverage.LAYERS)["invisible"]
    assert events[0] == pytest.approx(events[1], rel=2e-2)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"prior": []}, "prior: missing.*no default"),
        ({"prior": "flat"}, r"prior = 'flat' \(a str\); expected an object"),
        ({"prior": [Flat("yield", 0, 1), Flat("coupling", 0, 1)]}, "one of coupling, yield or mu"),
        ({"prior": LogFlat("mass", 1e-3, 1)}, "one of coupling, yield or mu"),
        ({"prior": [Flat("yield", 0, 1), LogFlat("mass", 1e-3, 1)]}, "a prior of the coupling"),
        ({"prior": Flat("mu", 0, 1)}, "prior of mu: it is relative to a coupling"),
        ({"prior": Flat("yield", 0, 1), "mass": None}, "mass: missing"),
        ({"prior": [Flat("coupling", 0, 1), LogFlat("mass", 1e-3, 1)]}, "a prior of the mass; expected one of them"),
        (
            {"prior": Flat("yield", 0, 1), "regions": ["visible", "invisible"]},
            "divided among visible, invisible depends",
        ),
        (
            {"prior": Flat("coupling", 0, 1), "counts": {"visible": 1}, "regions": ["invisible"]},
            "counts: 'visible' is none of the regions",
        ),
        ({"prior": Flat("coupling", 0, 1), "counts": {"visible": -1}}, "whole number from 0 to"),
        ({"prior": Flat("coupling", 0, 1), "counts": {"visible": 0.5}}, "whole number from 0 to"),
        (
            {"prior": Flat("coupling", 0, 1), "sampler": na.Sampler(walkers=7)},
            "walkers = 7: expected an even number from 10 on",
        ),
        ({"prior": Flat("coupling", 0, 1), "sampler": na.Sampler(ensembles=0)}, "ensembles = 0"),
        ({"prior": Flat("coupling", 0, 1), "steps": 0}, "steps = 0"),
        ({"prior": Flat("coupling", 0, 1), "sampler": na.Sampler(seed=-1)}, "seed = -1"),
    ],
)
def test_impossible_questions(with_backgrounds, asked, message):
    given = {"mass": 0.01, "regions": ["visible"], **asked}
    with pytest.raises(InputError, match=message):
        sample(na.AxionPhoton, with_backgrounds, **given)


def test_a_projection_has_no_posterior_unless_counts_are_supposed(projection):
    with pytest.raises(InputError, match="no observed counts, or not in all of invisible; give counts"):
        credible_limit(AXION, projection, Flat("yield", 0, 50))
    assert credible_limit(AXION, projection, Flat("yield", 0, 50), counts={"invisible": 0}).limit > 2.3


def test_a_prior_far_from_the_counts_is_said(run):
    for low, message in ((300, "beyond the reach of the quadrature"), (5000, "likelihood is zero, or too small")):
        with pytest.raises(ComputationError, match=message):
            credible_limit(AXION, run, Flat("yield", low, 20_000))
    far = Flat("yield", 5000, 20_000)
    found = sample(AXION, run, prior=far, steps=500)
    assert any("standard deviations off its measurement" in note for note in found.notes)


def test_a_workspace_of_your_own(run):
    """The workspace of a scenario gives the limits of the scenario; a channel without signal changes nothing."""
    workspace = na.build_workspace(na.predict(AXION, run), run, ["invisible"])
    model = na.Model.from_workspace(workspace)
    of_yield = credible_limit(model, None, Flat("yield", 0, 50))
    assert of_yield.limit == pytest.approx(credible_limit(AXION, run, Flat("yield", 0, 50)).limit, rel=1e-9)
    total = float(model.signal_events.sum())
    of_mu = credible_limit(model, None, Flat("mu", 0, 50 / total))
    assert (of_mu.limit * total, of_mu.events) == pytest.approx((of_yield.limit, of_yield.limit))
    both = na.Model.from_workspace(na.build_workspace(na.predict(AXION, run), run, ["invisible", "visible"]))
    assert credible_limit(both, None, Flat("yield", 0, 50)).limit == pytest.approx(of_yield.limit, rel=1e-6)
    rows = {row.label: row.events for row in compare_priors(model, None, [Flat("yield", 0, 50)]).rows}
    assert rows["CL_s"] == pytest.approx(na.upper_limit(workspace).observed * total, rel=1e-6)
    found = sample(model, prior=Flat("mu", 0, 50 / total), steps=200, sampler=na.Sampler(seed=1))
    assert found.names == ("mu", *found.parameters[1:], "events", "events invisible")
    for asked, message in (
        ({"prior": Flat("coupling", 0, 1)}, "one of mu or of the yield"),
        ({"prior": Flat("mu", 0, 1), "mass": 0.1}, "mass: goes with a scenario"),
        ({"prior": Flat("mu", 0, 1), "run": run}, "run: goes with a scenario"),
        ({"prior": Flat("mu", 0, 1), "counts": {"visible": 1}}, "counts: 'visible' is none of the regions"),
    ):
        with pytest.raises(InputError, match=message):
            sample(model, **asked)
    with pytest.raises(InputError, match="run = None; expected a Run"):
        sample(AXION, prior=Flat("yield", 0, 50))


@pytest.mark.long
def test_free_nuisance_parameters_are_sampled(run):
    """A free background scale, flat between its bounds, and a signal: the marginal is a sum over the plane, by brute force."""
    workspace = na.build_workspace(na.predict(AXION, run), run, ["invisible"])
    (channel,) = workspace["channels"]
    for item in channel["samples"]:
        if item["name"] == "signal":
            item["data"], item["modifiers"] = [1.0], item["modifiers"][:1]
        else:
            item["data"] = [1.0]
            item["modifiers"] = [{"name": "scale", "type": "normfactor", "data": None}]
    workspace["observations"][0]["data"] = [3.0]
    workspace["measurements"][0]["config"]["parameters"] = [{"name": "scale", "bounds": [[0.5, 4.0]], "inits": [1.0]}]
    model = na.Model.from_workspace(workspace)
    with pytest.raises(na.InputError, match="scale is free"):
        credible_limit(model, None, Flat("mu", 0, 20))
    found = sample(model, prior=Flat("mu", 0, 20), steps=3000, sampler=na.Sampler(seed=1))
    mu, scale = (np.arange(400) + 0.5)[:, None] / 20, 0.5 + 3.5 * (np.arange(400) + 0.5) / 400
    density = ((mu + scale) ** 3 * np.exp(-mu - scale)).sum(axis=1)
    limit = np.interp(0.9, np.cumsum(density) / density.sum(), mu[:, 0] + 0.025)
    assert abs(found.upper_limit() - limit) < 4 * found.quantile_error(0.9) < 0.2
