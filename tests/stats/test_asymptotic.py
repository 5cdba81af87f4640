"""The asymptotic formulas against pyhf and against the numbers of a pure counting experiment."""

import numpy as np
import pyhf
import pytest

from na64stat.errors import LowCountWarning
from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.exact.exact import Exact
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.statistic import Criterion
from na64stat.stats.limits import cl_s, upper_limit

from .histfactory import every_modifier


def pyhf_cl_s(workspace, mu):
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-9, strategy=2))
    opened = pyhf.Workspace(workspace)
    model = opened.model()
    return pyhf.infer.hypotest(mu, opened.data(model), model, return_expected_set=True)


@pytest.mark.parametrize("mu", [0.3, 0.657, 2.0])
def test_cl_s_is_pyhfs(benchmark, mu):
    observed, band = pyhf_cl_s(benchmark, mu)
    ours = cl_s(benchmark, mu, Asymptotic())
    assert ours.observed == pytest.approx(float(observed), abs=1e-6)
    assert list(ours.expected) == pytest.approx([float(value) for value in band], abs=1e-6)


@pytest.mark.parametrize("mu", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("name", ["simple", "every modifier"])
def test_cl_s_of_binned_models_is_pyhfs(name, mu):
    if name == "simple":
        spec = pyhf.simplemodels.correlated_background([6.0, 11.0], [50.0, 60.0], [45.0, 57.0], [55.0, 63.0]).spec
        workspace = {
            "version": "1.0.0",
            "channels": spec["channels"],
            "observations": [{"name": "single_channel", "data": [54.0, 66.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        }
    else:
        workspace = every_modifier()
    observed, band = pyhf_cl_s(workspace, mu)
    (ours,) = Asymptotic().cl_s(Model.from_workspace(workspace), [mu])
    assert ours.observed == pytest.approx(float(observed), abs=1e-6)
    assert list(ours.expected) == pytest.approx([float(value) for value in band], abs=1e-6)


@pytest.mark.parametrize(("observed", "background", "expected"), [(0, 0, 1.353), (0, 0.07, 1.436), (4, 0, 7.148)])
def test_too_strong_at_low_counts_and_says_so(make_workspace, observed, background, expected):
    workspace = make_workspace([observed], [background], [1.0])
    exact = upper_limit(workspace, Exact()).observed
    with pytest.warns(LowCountWarning, match=f"exact: mu < {exact:.4g}"):
        limit = upper_limit(workspace, Asymptotic())
    assert limit.observed == pytest.approx(expected, rel=1e-3)


def test_right_and_silent_at_high_counts(make_workspace):
    workspace = make_workspace([105], [100.0], [1.0])
    asymptotic = upper_limit(workspace, Asymptotic())
    exact = upper_limit(workspace, Exact())
    assert asymptotic.observed == pytest.approx(exact.observed, rel=0.03)
    assert asymptotic.expected.median == pytest.approx(exact.expected.median, rel=0.03)


@pytest.mark.parametrize("events", [1e-12, 1e-3, 1e3, 1e8])
def test_extreme_yields(make_workspace, events):
    result = cl_s(make_workspace([0, 4], [0.07, 2], [events, events], (0.1,), (0.43, 0.3)), 1.0, Asymptotic())
    assert np.isfinite(result.observed)
    assert (result.observed > 0.99) == (events < 1)


def test_a_control_region_without_signal_takes_part():
    """Its count fixes the background of the signal region, as in pyhf."""
    shared = [{"name": "b", "type": "normsys", "data": {"hi": 1.5, "lo": 1 / 1.5}}]
    channels = [
        {
            "name": name,
            "samples": [
                {"name": "signal", "data": [signal], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
                {"name": "background", "data": [background], "modifiers": shared},
            ],
        }
        for name, signal, background in (("signal", 3.0, 2.0), ("control", 0.0, 100.0))
    ]
    workspace = {
        "version": "1.0.0",
        "channels": channels,
        "observations": [{"name": "signal", "data": [3.0]}, {"name": "control", "data": [100.0]}],
        "measurements": [{"name": "observed", "config": {"poi": "mu", "parameters": []}}],
    }
    observed, band = pyhf_cl_s(workspace, 1.0)
    ours = cl_s(workspace, 1.0, Asymptotic())
    assert ours.observed == pytest.approx(float(observed), abs=1e-6)
    assert list(ours.expected) == pytest.approx([float(value) for value in band], abs=1e-6)


def test_cl_sb_of_a_deep_deficit_excludes_everything(make_workspace):
    """As mu goes to 0 the root of q-tilde over its Asimov value is (b - n)/b: CL_sb is that of 3.4 standard deviations."""
    model = Model.from_workspace(make_workspace([5], [20.0], [1.0]))
    limit = Asymptotic(criterion=Criterion.CL_SB).upper_limit(model, 0.90)
    assert limit.observed == 0
    assert limit.notes == ("CL_sb of background alone is below 1 - cl: every signal strength is excluded",)
