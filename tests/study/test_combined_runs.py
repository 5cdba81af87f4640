"""Several runs as one experiment: splitting a run changes nothing that it should not, and correlations do what they say."""

import json
import math
import pickle
from dataclasses import replace

import numpy as np
import pyhf
import pytest

import na64stat as na
from na64stat.errors import InputError, RegionError
from na64stat.experiment.run import Background
from na64stat.study.signal_test import SignalTest
from na64stat.yields.survival import DepthAverage

from .by_hand import workspace_of

MASSES = [0.01, 0.1]

pytestmark = pytest.mark.filterwarnings("ignore:.* come from x < 0.01:na64stat.errors.ValidityWarning")


def halves(run, share=0.3):
    """A run cut in two by its muons on target."""
    return [replace(run, name="a", mot=share * run.mot), replace(run, name="b", mot=(1 - share) * run.mot)]


def observed(found):
    return [point.coupling["observed"] for point in found.points]


def with_region(run, name, observed, background):
    changed = replace(run.regions[name], observed=observed, background=background)
    return replace(run, regions={**run.regions, name: changed})


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5])
@pytest.mark.parametrize("systematics", [False, True])
def test_two_halves_are_the_whole(run, share, systematics):
    """Zero events and no background, uncertainties fully correlated: one run with the sum of the muons."""
    whole = na.limits(na.AxionMuon, run, MASSES, systematics=systematics)
    parts = na.limits(
        na.AxionMuon, halves(run, share), MASSES, systematics=systematics, correlated=("efficiency", "mot")
    )
    assert observed(parts) == pytest.approx(observed(whole), rel=1e-6)
    assert parts.run == "a + b"


def test_uncorrelated_uncertainties_average_out(run):
    """Efficiencies known independently to 10% make the sum better known: between fully correlated and none."""
    runs = halves(run, 0.5)
    none, own, common = (
        observed(na.limits(na.AxionMuon, runs, MASSES, **options))[0]
        for options in (
            {"systematics": False}, {}, {"correlated": ("efficiency", "mot")},
        )
    )  # fmt: skip
    assert none < own < common
    # To second order, with factors exp(w z): E[exp(-s f)] = exp(-s (1 + V/2) + s^2 U/2), V of a half, U of all.
    widths = np.log([1.1, 1.01, 1.05]) ** 2
    variance = widths.sum()
    of_the_sum = widths[:2].sum() / 2 + widths[2], variance
    expected = [(math.log(10) * whole - variance) / 2 for whole in of_the_sum]
    penalties = [2 * math.log(value / none) for value in (own, common)]
    assert penalties == pytest.approx(expected, rel=0.05)


def test_with_background_the_halves_share_it(run):
    """Observed and expected counts of both halves, known background: the sum is the sufficient statistic at equal s/b."""
    whole = with_region(run, "invisible", 3, Background(2.0, 0.0))
    one, other = halves(run, 0.4)
    parts = [
        with_region(one, "invisible", 1, Background(0.8, 0.0)),
        with_region(other, "invisible", 2, Background(1.2, 0.0)),
    ]
    together = observed(na.limits(na.AxionMuon, parts, [0.1], systematics=False))
    assert together == pytest.approx(observed(na.limits(na.AxionMuon, whole, [0.1], systematics=False)), rel=1e-6)


def test_a_projection_among_them_makes_a_projection(run):
    runs = [run, na.load_run("2023")]
    found = na.limits(na.AxionMuon, runs, [0.1], systematics=False)
    assert found.verdict == "median"
    assert found.points[0].coupling["observed"] is None
    sum_of_both = replace(na.load_run("mot1e12"), mot=sum(part.mot for part in runs))
    alone = na.limits(na.AxionMuon, sum_of_both, [0.1], systematics=False)
    assert found.points[0].coupling["median"] == pytest.approx(alone.points[0].coupling["median"], rel=1e-6)
    assert any("not used: invisible_2022 (0)" in note for note in found.notes)
    assert not any("not used" in note for note in na.limits(na.AxionMuon, run, [0.1]).notes)


def test_the_model_is_pyhfs_with_these_correlations(run, with_backgrounds):
    """Names of channels and parameters, and the log-density by pyhf of the same workspace."""
    runs = [run, replace(with_backgrounds, name="later")]
    test = SignalTest(runs, ("invisible",), correlated=("efficiency",))
    assert test.channels == ("invisible_2022", "invisible_later")
    events = {"invisible_2022": 3.0, "invisible_later": 4.0}
    workspace = workspace_of(test, events)
    model = pyhf.Workspace(workspace).model()
    assert set(model.config.parameters) == {
        "mu", "efficiency", "mot_2022", "mot_later", "cross_section", "background_invisible_later",
    }  # fmt: skip
    ours = test.model_of(events)
    data = pyhf.Workspace(workspace).data(model)
    start = np.array(model.config.suggested_init())
    start[model.config.par_order.index("efficiency")] = 0.7
    by_name = dict(zip(model.config.par_order, start, strict=True))
    mine = np.array([by_name[parameter.name] for parameter in ours.parameters])
    assert ours.logpdf(mine[None, :])[0] == pytest.approx(float(model.logpdf(start, data)[0]), abs=1e-9)


@pytest.mark.long
def test_each_channel_alone(with_backgrounds):
    masses = [3e-3, 6e-3]
    found = na.channels_alone(
        na.AxionPhoton, with_backgrounds, masses, regions=["visible", "invisible"], couplings=(1e-4, 0.1)
    )
    assert list(found) == ["combined", "visible, 2022", "invisible, 2022"]
    for label, region in (("visible, 2022", "visible"), ("invisible, 2022", "invisible")):
        alone = na.limits(na.AxionPhoton, with_backgrounds, masses, regions=[region], couplings=(1e-4, 0.1))
        assert observed(found[label]) == observed(alone)
    for combined, best in zip(
        observed(found["combined"]),
        zip(observed(found["visible, 2022"]), observed(found["invisible, 2022"]), strict=True),
        strict=True,
    ):
        assert combined < 1.1 * min(value for value in best if value is not None)


def test_scans_of_several_runs(run):
    later = na.load_run("2023")
    grid = MASSES, np.geomspace(1e-3, 1e-2, 4)
    together = na.scan(na.AxionMuon, [run, later], *grid)
    assert together.run == "2022 + 2023"
    assert set(together.events) == {"invisible_2022", "invisible_2023"}
    assert set(together.provenance["run_digest"]) == {"2022", "2023"}
    ratio = together.events["invisible_2023"] / together.events["invisible_2022"]
    np.testing.assert_allclose(ratio, later.mot / run.mot, rtol=1e-9)
    limit = na.limits(na.AxionMuon, [run, later], MASSES)
    for row, point in zip(together.excludes(), limit.points, strict=True):
        np.testing.assert_array_equal(row, grid[1] > point.coupling["median"])


def test_a_test_can_be_sent_elsewhere(run, with_backgrounds):
    test = SignalTest([run, replace(with_backgrounds, name="later")], ("invisible",))
    copy = pickle.loads(pickle.dumps(test))  # noqa: S301
    events = {"invisible_2022": np.array([0.5, 2.0]), "invisible_later": np.array([0.7, 0.1])}
    for level, values in test.direct(events).items():
        np.testing.assert_array_equal(copy.direct(events)[level], values)
    assert "_model" not in vars(pickle.loads(pickle.dumps(test)))  # noqa: S301


def without_invisible(run):
    return replace(run, name="x", regions={"visible": run.regions["visible"]})


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda run: [], InputError, r"runs \[\]: expected at least one"),
        (lambda run: [run, run], InputError, "each once"),
        (lambda run: [run, without_invisible(run)], RegionError, "run 'x' has no region 'invisible'"),
    ],
)  # fmt: skip
def test_runs_that_cannot_be_combined(run, make, error, message):
    with pytest.raises(error, match=message):
        na.limits(na.AxionMuon, make(run), [0.1])


def test_more_refusals(run):
    with pytest.raises(InputError, match="correlated 'flux': expected efficiency or mot"):
        na.limits(na.AxionMuon, halves(run), [0.1], correlated=["flux"])
    with pytest.raises(InputError, match="there is one only"):
        na.channels_alone(na.AxionMuon, run, [0.1])
    # Counts without background spoil a combination, in whichever run they are.
    bad = [with_region(halves(run)[0], "visible", 0, Background(0.1, 0.0)), halves(run)[1]]
    with pytest.raises(RegionError, match="'visible_b' has 4 events observed and no background"):
        na.limits(na.AxionPhoton, bad, [0.1], regions=["visible"])


def test_systematics_of_a_split_run_by_scan(run):
    """The map of a combination is read off a surface: the same as point by point."""
    test = SignalTest(halves(run), ("invisible",))
    probe = na.AxionMuon(mass=0.1, coupling=1.0)
    couplings = np.geomspace(1e-3, 1e-2, 12)
    found = na.scan(na.AxionMuon, halves(run), [0.1], couplings)
    direct = test.direct(test.events(probe, couplings, DepthAverage.LAYERS))
    np.testing.assert_allclose(found.cl_s["observed"][0], direct["observed"], atol=1e-3)


def test_records_of_several_runs_are_strict_json(run):
    found = na.scan(na.AxionMuon, halves(run), MASSES, [1e-3, 1e-2])
    json.dumps(found.as_dict(), allow_nan=False)
