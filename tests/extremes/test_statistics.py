"""Limits, CL_s and posteriors of counting models at the ends: signals of 1e-300 to 1e300 events, backgrounds of 1e-300 to 1e9."""

import math

import numpy as np
import pytest

import na64stat as na

METHODS = {
    "exact": na.Exact(),
    "asymptotic": na.Asymptotic(),
    "feldman-cousins": na.FeldmanCousins(),
    "toys": na.Toys(300, seed=1),
}
EVENTS = np.array([0.0, 1e-12, 1e-6, 1e-3, 0.1, 1.0, 3.0, 10.0, 1e2, 1e4, 1e6, 1e9, 1e12])
"""Signal events at which CL_s is asked for."""

pytestmark = pytest.mark.filterwarnings(
    "ignore::na64stat.errors.LowCountWarning", "ignore::na64stat.errors.ValidityWarning"
)


def workspace(signal, background, observed, uncertainty=0.1):
    """One bin with an uncertain signal."""
    modifiers = [{"name": "mu", "type": "normfactor", "data": None}]
    if uncertainty:
        sides = {"hi": 1 + uncertainty, "lo": 1 / (1 + uncertainty)}
        modifiers.append({"name": "efficiency", "type": "normsys", "data": sides})
    samples = [
        {"name": "signal", "data": [signal], "modifiers": modifiers},
        {"name": "background", "data": [background], "modifiers": []},
    ]
    return {
        "version": "1.0.0",
        "channels": [{"name": "r", "samples": samples}],
        "observations": [{"name": "r", "data": [observed]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }


@pytest.mark.parametrize("method", METHODS)
def test_a_limit_in_events_does_not_depend_on_the_unit_of_the_signal(method):
    expected = na.upper_limit(workspace(1.0, 0.07, 0), METHODS[method])
    for signal in (1e-300, 1e-100, 1e-12, 1e6, 1e100, 1e300):
        found = na.upper_limit(workspace(signal, 0.07, 0), METHODS[method])
        assert found.observed * signal == pytest.approx(expected.observed, rel=1e-7)
        assert found.expected.plus2 * signal == pytest.approx(expected.expected.plus2, rel=1e-7)


@pytest.mark.parametrize("method", ["exact", "asymptotic", "toys"])
@pytest.mark.parametrize("signal", [1e-100, 1.0, 1e100])
@pytest.mark.parametrize("background", [1e-300, 1e-12, 1.0, 1e3])
def test_cl_s_never_rises_with_the_signal_in_one_bin(method, signal, background):
    model = na.Model.from_workspace(workspace(signal, background, round(background)))
    results = METHODS[method].cl_s(model, list(EVENTS / signal))
    found = np.array([item.observed for item in results])
    assert np.all((found >= 0) & (found <= 1))
    slack = 0.2 if method == "toys" else 1e-9  # the scatter of so few toys
    assert np.all(np.diff(found) <= slack)
    assert found[0] == 1
    assert found[-1] < 1e-6
    for item in results:
        assert all(
            0 <= getattr(item.expected, level) <= 1 for level in ("minus2", "minus1", "median", "plus1", "plus2")
        )


@pytest.mark.parametrize("background", [1e-300, 1e-12, 0.07, 1.0, 1e3, 1e6])
def test_zero_events_give_2_303_whatever_the_background(background):
    found = na.upper_limit(workspace(1.0, background, 0, uncertainty=0.0))
    assert found.observed == pytest.approx(math.log(10), rel=1e-8)


def test_many_events_are_asymptotic():
    for background in (1e6, 1e8):
        ws = workspace(1.0, background, round(background), uncertainty=0.01)
        exact, formula = (na.upper_limit(ws, METHODS[name]).observed for name in ("exact", "asymptotic"))
        assert exact == pytest.approx(formula, rel=1e-2)
        assert exact == pytest.approx(1.645 * math.sqrt(background), rel=2e-2)  # CL_s at the expected count


@pytest.mark.parametrize("mot", [1.0, 1e10, 1e20])
@pytest.mark.parametrize("mass", [1e-6, 0.1, 30.0, 159.99])
def test_posteriors_by_quadrature(mot, mass):
    """Flat in the yield the limit is that of the counts, whatever the mass or the muons; flat in ln g it lies in the prior."""
    run = na.load_run("2022").with_mot(mot)
    scenario = na.AxionMuon(mass=mass, coupling=1.0)
    in_events = na.credible_limit(scenario, run, na.Flat("yield", 0, 50), counts={"invisible": 0})
    at_two = na.credible_limit(na.AxionMuon(mass=0.01, coupling=1.0), na.load_run("2022"), na.Flat("yield", 0, 50))
    assert in_events.limit == pytest.approx(at_two.limit, rel=1e-6)
    flat = na.credible_limit(scenario, run, na.LogFlat("coupling", 1e-12, 1e3), counts={"invisible": 0})
    assert 1e-12 < flat.limit <= 1e-12 * 1e15**0.9 * (1 + 1e-9)  # without information the quantile of the prior
    assert math.isfinite(flat.error)


@pytest.mark.parametrize("mot", [1.0, 1e20])
def test_posteriors_of_a_lifetime(mot):
    run = na.load_run("2022").with_mot(mot)
    for mass in (1e-6, 0.05, 1.0, 100.0):
        found = na.credible_limit(
            na.AxionPhoton(mass=mass, coupling=1.0), run, na.LogFlat("coupling", 1e-12, 1e3), counts={"visible": 4}
        )
        assert 1e-12 < found.limit < 1e3
        assert math.isfinite(found.error)
