"""What the sum over target layers alone excludes is excluded nowhere: each study against the continuous depth average."""

import numpy as np
import pytest

import na64stat as na
from na64stat.records.limits import load_limits

pytestmark = pytest.mark.filterwarnings("ignore:.* come from x < 0.01:na64stat.errors.ValidityWarning")

AT = 0.05
"""A mass [GeV] at which the plateau of the visible channel lies far below the limit of 2022."""


@pytest.fixture(scope="module")
def both(run):
    """A study with each depth average."""

    def with_each(study, *arguments, **options):
        return [study(*arguments, average=average, **options) for average in na.DepthAverage]

    return with_each


def test_limits_and_their_file(both, run, tmp_path):
    layers, smooth = both(na.limits, na.AxionPhoton, run, [AT], regions=["visible"])
    (point,), (other,) = layers.points, smooth.points
    assert point.status == "artefact"
    assert set(point.coupling.values()) == set(other.coupling.values()) == {None}
    assert point.artefacts["observed"][0][0] == pytest.approx(0.0425, rel=2e-3)  # the paper's number, named
    layers.save(tmp_path / "limits.json")
    assert load_limits(tmp_path / "limits.json").points == layers.points


def test_projections_and_their_reach(both, run):
    asked = na.AxionPhoton, run, [AT], [1e10, 1.5e11, 1e13]
    layers, smooth = both(na.project, *asked, regions=["visible"])
    for ours, theirs in zip(layers.points, smooth.points, strict=True):
        for level, intervals in theirs.limit.intervals.items():
            assert len(ours.limit.intervals[level]) == len(intervals)
        assert [len(item.intervals) for item in ours.reach] == [len(item.intervals) for item in theirs.reach]
    assert layers.points[0].limit.artefacts["median"]
    assert layers.points[0].limit.intervals["median"] == ()


def test_muons_needed(both, run):
    layers, smooth = both(na.mot_needed, na.AxionPhoton(mass=AT, coupling=0.1), run, regions=["visible"])
    assert [need.mot for need in layers.needs] == [need.mot for need in smooth.needs]
    assert any("last layer has no depth" in note for note in layers.notes)
    assert not any("last layer has no depth" in note for note in smooth.notes)


@pytest.mark.parametrize("prior", [na.LogFlat("coupling", 1e-4, 1.0), na.Flat("coupling", 0.0, 1.0)])
def test_credible_limits(both, run, prior):
    layers, smooth = both(na.credible_limit, na.AxionPhoton, run, prior, mass=AT, regions=["visible"])
    assert layers.limit == pytest.approx(smooth.limit, rel=2e-3)
    ((_, ours),), ((_, theirs),) = layers.highest_density[-1:], smooth.highest_density[-1:]
    assert ours == pytest.approx(theirs, rel=0.01)
    assert any("by the layer sum alone the limit is" in note for note in layers.notes)
    assert not smooth.notes


def test_credible_planes(both, run):
    priors = [na.LogFlat("coupling", 1e-4, 1.0), na.LogFlat("mass", 0.02, 0.1)]
    layers, smooth = both(na.credible_plane, na.AxionPhoton, run, priors, regions=["visible"], points=(12, 40))
    np.testing.assert_allclose(layers.density, smooth.density, rtol=0.05, atol=0.02 * smooth.density.max())
    assert any("last layer has no depth" in note for note in layers.notes)


def test_where_the_averages_agree_nothing_is_said(run):
    found = na.credible_limit(na.AxionMuon, run, na.LogFlat("coupling", 1e-5, 1.0), mass=0.1)
    assert found.notes == ()
