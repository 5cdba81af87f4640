"""Workspaces that we write are valid pyhf; workspaces that we read are checked."""

from dataclasses import dataclass, field

import numpy as np
import pyhf
import pytest

from na64stat.errors import InputError, RegionError
from na64stat.plane import Binning, Region
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.workspace import BACKGROUND_FLOOR, build_workspace
from na64stat.stats.limits import cl_s, upper_limit
from na64stat.template import Plane, Template, Yield


@dataclass(frozen=True)
class Background:
    events: float
    uncertainty: float


@dataclass(frozen=True)
class Entry:
    region: Region
    observed: int | None
    background: Background


@dataclass(frozen=True)
class Run:
    name: str = "test"
    regions: dict = field(default_factory=dict)

    def region(self, name):
        return self.regions[name]


def template(**events):
    plane = Plane(Binning((0.0, 1.0), (0.0, 1.0)), np.zeros((1, 1)), np.zeros((1, 1)))
    regions = {name: Yield(visible=count, invisible=0.0) for name, count in events.items()}
    return Template("model", "test", 0.1, 1e-3, regions, {"efficiency_test": (1 / 1.1, 1.1)}, plane)


@pytest.fixture
def run():
    return Run(
        regions={
            "a": Entry(Region("a"), 0, Background(0.07, 0.03)),
            "b": Entry(Region("b"), 4, Background(0.0, 0.0)),
            "c": Entry(Region("c", overlaps=("b",)), 4, Background(0.0, 0.0)),
        }
    )


def test_built_workspace_is_valid_and_says_what_it_means(run):
    workspace = build_workspace(template(a=3.0, b=2.0, c=1.0), run)
    pyhf.schema.validate(workspace, "workspace.json")
    model = pyhf.Workspace(workspace).model()
    assert model.config.poi_name == "mu"
    assert model.config.channels == ["a", "b"]  # c overlaps b
    parameters = [2.0 if name == "mu" else 1.0 for name in model.config.par_order]
    expected = 2 * 1.1 * np.array([3.0, 2.0]) + [0.07 * (1 + 0.03 / 0.07), BACKGROUND_FLOOR]
    assert np.asarray(model.expected_actualdata(parameters)) == pytest.approx(expected, rel=1e-12)


def test_overlapping_and_unknown_regions_are_refused(run):
    with pytest.raises(RegionError, match="'c' shares events with b"):
        build_workspace(template(a=1.0, b=1.0, c=1.0), run, ["b", "c"])
    with pytest.raises(RegionError, match="none given"):
        build_workspace(template(a=1.0), run, [])


def test_no_observation_makes_a_projection():
    run = Run(regions={"a": Entry(Region("a"), None, Background(0.5, 0.0))})
    workspace = build_workspace(template(a=1.0), run)
    assert workspace["measurements"][0]["name"] == "projection"
    assert workspace["observations"] == [{"name": "a", "data": [0.5]}]
    assert Model.from_workspace(workspace).observed is None


def test_half_observed_is_refused(run):
    run.regions["a"] = Entry(Region("a"), None, Background(0.5, 0.0))
    with pytest.raises(RegionError, match="no observed count in a"):
        build_workspace(template(a=1.0, b=1.0), run)


def change(path, value):
    def apply(workspace):
        item = workspace
        for key in path[:-1]:
            item = item[key]
        item[path[-1]] = value

    return apply


SIGNAL = ("channels", 0, "samples", 0)


@pytest.mark.parametrize("cl", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_confidence_level_outside_its_range(make_workspace, cl):
    with pytest.raises(InputError, match=r"cl = .*between 0 and 1"):
        upper_limit(make_workspace([1], [1.0], [1.0]), cl=cl)


def test_unknown_channel_is_named(make_workspace):
    with pytest.raises(RegionError, match="'nowhere': not a channel of the workspace; it has r0"):
        upper_limit(make_workspace([1], [1.0], [1.0]), regions=["nowhere"])
    with pytest.raises(InputError, match="mu = -1"):
        cl_s(make_workspace([1], [1.0], [1.0]), -1)


def test_fixed_normfactor_scales_the_rate(make_workspace):
    workspace = make_workspace([1], [1.0], [1.0])
    plain = upper_limit(workspace).observed
    workspace["channels"][0]["samples"][0]["modifiers"].append({"name": "k", "type": "normfactor", "data": None})
    workspace["measurements"][0]["config"]["parameters"] = [{"name": "k", "inits": [2.0], "fixed": True}]
    assert upper_limit(workspace).observed == pytest.approx(plain / 2, rel=1e-9)


def test_lumi_uncertainty_weakens_like_a_normsys(make_workspace):
    workspace = make_workspace([4], [0], [1.0])
    workspace["channels"][0]["samples"][0]["modifiers"].append({"name": "lumi", "type": "lumi", "data": None})
    workspace["measurements"][0]["config"]["parameters"] = [
        {"name": "lumi", "auxdata": [2.0], "sigmas": [0.02], "inits": [2.0], "bounds": [[1.0, 3.0]]}
    ]
    expected = upper_limit(make_workspace([4], [0], [2.0], (0.01,))).observed
    assert upper_limit(workspace).observed == pytest.approx(expected, rel=1e-4)
