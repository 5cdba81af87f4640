"""Best fits against closed forms, pyhf's fits, and iminuit on pyhf's likelihood."""

import numpy as np
import pyhf
import pytest
from scipy.optimize import brentq

from na64stat.errors import ComputationError, InputError
from na64stat.stats.fits.best_fit import AT_LOWER, FIXED, FREE, NO_EFFECT, best_fit
from na64stat.stats.likelihood.model import Model

from .histfactory import every_modifier, make, modifier
from .oracle import hesse_errors, interior, pyhf_minuit

MU = modifier("normfactor", "mu")


def poisson_rise(rate, count):
    return 2 * (rate - count + count * np.log(count / rate))


@pytest.mark.parametrize(("count", "background"), [(7, 3.0), (1, 3.0), (100, 80.0), (2, 0.0)])
@pytest.mark.parametrize("signal", [1e-8, 2.0, 1e8])
def test_one_bin_in_closed_form(make_workspace, count, background, signal):
    fit = best_fit(Model.from_workspace(make_workspace([count], [background], [signal])))
    assert fit.mu.value == pytest.approx((count - background) / signal, rel=1e-6)
    assert fit.mu.error == pytest.approx(np.sqrt(count) / signal, rel=1e-5)
    low = brentq(lambda rate: poisson_rise(rate, count) - 1, 1e-6, count)
    high = brentq(lambda rate: poisson_rise(rate, count) - 1, count, 10 * count + 10)
    assert fit.mu.minos.upper == pytest.approx((high - count) / signal, rel=1e-5)
    assert fit.mu.minos.lower == pytest.approx((low - count) / signal, rel=1e-5)
    assert fit.deviance == pytest.approx(0, abs=1e-9)
    assert fit.expected == pytest.approx([count])


def test_no_events_end_at_no_signal_and_say_so(make_workspace):
    """-2 ln L = 2 (s mu + b): it has risen by one at mu = 1/(2 s)."""
    fit = best_fit(Model.from_workspace(make_workspace([0], [1.0], [4.0])))
    assert (fit.mu.value, fit.mu.error, fit.mu.state) == (0.0, None, AT_LOWER)
    assert fit.mu.minos.upper == pytest.approx(0.125)
    assert fit.mu.minos.lower is None
    assert "above its bound 0" in fit.mu.minos.status
    assert "mu is at its lower bound" in fit.notes
    assert fit.deviance == pytest.approx(2.0)


def test_bound_of_mu_can_be_set(make_workspace):
    model = Model.from_workspace(make_workspace([1], [3.0], [2.0]))
    assert best_fit(model).mu.value == pytest.approx(-1.0)
    bounded = best_fit(model, lowest_mu=0.0)
    assert bounded.mu.value == 0.0
    # 2 (2 mu - ln(1 + 2 mu / 3)) = 1
    assert bounded.mu.minos.upper == pytest.approx(brentq(lambda mu: 4 * mu - 2 * np.log(1 + 2 * mu / 3) - 1, 0, 2))


def test_linear_model_has_a_covariance_in_closed_form():
    """As many bins as free factors: n = A p, so that the covariance is A^-1 diag(n) A^-T."""
    counts = np.array([35.0, 60.0, 21.0])
    matrix = np.array([[4.0, 20.0, 1.0], [2.0, 50.0, 3.0], [1.0, 5.0, 10.0]])
    samples = {
        name: (column.tolist(), [modifier("normfactor", name)])
        for name, column in zip(("mu", "k", "l"), matrix.T, strict=True)
    }
    fit = best_fit(Model.from_workspace(make({"SR": samples}, {"SR": counts.tolist()})))
    inverse = np.linalg.inv(matrix)
    expected = inverse @ np.diag(counts) @ inverse.T
    order = [fit.free_names.index(name) for name in ("mu", "k", "l")]
    assert fit.values[[[p.name for p in fit.parameters].index(n) for n in ("mu", "k", "l")]] == pytest.approx(
        inverse @ counts, rel=1e-6
    )
    assert fit.covariance[np.ix_(order, order)] == pytest.approx(expected, rel=1e-5)
    errors = np.sqrt(np.diag(expected))
    assert fit.correlation[np.ix_(order, order)] == pytest.approx(expected / np.outer(errors, errors), rel=1e-5)


def test_pull_and_constraint_in_closed_form():
    """A control bin n ~ Poisson(b gamma) with gamma = 1 +- sigma: b - n/gamma + (gamma - 1)/sigma^2 = 0."""
    b, n, sigma = 50.0, 60.0, 0.1
    channels = {
        "SR": {"signal": ([2.0], [MU])},
        "CR": {"other": ([b], [modifier("staterror", "stat", [sigma * b])])},
    }
    fit = best_fit(Model.from_workspace(make(channels, {"SR": [5], "CR": [n]})))
    half = 0.5 * (1 - b * sigma**2)
    gamma = half + np.sqrt(half**2 + n * sigma**2)
    found = fit["stat[0]"]
    assert found.value == pytest.approx(gamma, rel=1e-7)
    assert found.pull == pytest.approx((gamma - 1) / sigma, rel=1e-6)
    assert found.constraint == pytest.approx(1 / np.sqrt(n / gamma**2 + 1 / sigma**2) / sigma, rel=1e-6)
    pull, rate = (gamma - 1) / sigma, b * gamma
    assert fit.deviance == pytest.approx(poisson_rise(rate, n) + pull**2, rel=1e-7)


@pytest.mark.parametrize(
    "spec",
    [
        pyhf.simplemodels.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0]),
        pyhf.simplemodels.correlated_background([12.0, 11.0], [50.0, 52.0], [45.0, 57.0], [54.0, 44.0]),
    ],
    ids=["uncorrelated", "correlated"],
)
def test_pyhfs_fit(spec):
    data = [57, 70]
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-4, strategy=2))
    # Wide bounds: Minuit's transformation distorts the errors of parameters with limits.
    wide = {"mu": (-3.0, 500.0)}
    bounds = [
        wide.get(name, (-50.0, 50.0) if low < 0 else (low, 50.0))
        for name, (low, _) in zip(spec.config.par_names, spec.config.suggested_bounds(), strict=True)
    ]
    fitted, correlation = pyhf.infer.mle.fit(
        data + spec.config.auxdata, spec, par_bounds=bounds, return_uncertainties=True, return_correlations=True
    )
    channels = [dict(channel) for channel in spec.spec["channels"]]
    workspace = {
        "version": "1.0.0",
        "channels": channels,
        "observations": [{"name": channels[0]["name"], "data": data}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }
    fit = best_fit(Model.from_workspace(workspace))
    names = spec.config.par_names
    order = [fit.free_names.index(name) for name in names]
    assert [fit[name].value for name in names] == pytest.approx(fitted[:, 0].tolist(), abs=2e-4)
    assert [fit[name].error for name in names] == pytest.approx(fitted[:, 1].tolist(), rel=2e-3)
    assert fit.correlation[np.ix_(order, order)] == pytest.approx(correlation, abs=2e-3)


def test_every_modifier_against_iminuit():
    workspace = interior()
    model = Model.from_workspace(workspace)
    fit = best_fit(model, minos=["jes", "tilt"])
    minuit = pyhf_minuit(workspace, model)
    errors = hesse_errors(minuit)
    for parameter in fit.parameters:
        assert (parameter.state == FIXED) == minuit.fixed[parameter.name]
        if parameter.state == FREE:
            assert parameter.value == pytest.approx(minuit.values[parameter.name], abs=2e-3 * parameter.error)
            assert parameter.error == pytest.approx(errors[parameter.name], rel=2e-3)
    assert len(fit.free) == minuit.nfit
    correlation = np.array(minuit.covariance.correlation())[np.ix_(fit.free, fit.free)]
    assert fit.correlation == pytest.approx(correlation, abs=2e-3)
    minuit.minos("mu", "jes", "tilt")
    for name in ("mu", "jes", "tilt"):
        assert fit[name].minos.lower == pytest.approx(minuit.merrors[name].lower, rel=2e-3)
        assert fit[name].minos.upper == pytest.approx(minuit.merrors[name].upper, rel=2e-3)
    assert fit["lumi"].minos is None


def test_minos_for_all_leaves_out_what_is_fixed():
    fit = best_fit(Model.from_workspace(every_modifier()), minos=True)
    for parameter in fit.parameters:
        assert (parameter.minos is None) == (parameter.state == FIXED)
    bounded = fit["free[0]"]
    assert (bounded.state, bounded.error, bounded.minos.lower) == (AT_LOWER, None, None)
    assert bounded.minos.upper > 0


def test_order_of_channels_does_not_matter():
    workspace = interior()
    names = [channel["name"] for channel in workspace["channels"]]
    one, other = (best_fit(Model.from_workspace(workspace, order)) for order in (names, names[::-1]))
    for parameter in one.parameters:
        assert other[parameter.name].value == pytest.approx(parameter.value, abs=1e-4)
        assert other[parameter.name].state == parameter.state
        if parameter.state == FREE:
            assert other[parameter.name].error == pytest.approx(parameter.error, rel=1e-4)


def test_what_has_no_effect_is_named(make_workspace):
    fit = best_fit(Model.from_workspace(make_workspace([3], [2.0], [0.0], (), (0.3,))))
    assert (fit.mu.state, fit.mu.error) == (NO_EFFECT, None)
    assert fit.mu.minos.status == "no effect on the likelihood"
    assert fit["background0"].error > 0


def test_parameters_that_are_not_told_apart():
    twice = [modifier("normfactor", "k"), modifier("normfactor", "l")]
    channels = {"SR": {"signal": ([2.0, 1.0], [MU]), "other": ([20.0, 30.0], twice)}}
    fit = best_fit(Model.from_workspace(make(channels, {"SR": [25, 31]})))
    assert fit.covariance is None
    assert fit.correlation is None
    assert all(parameter.error is None for parameter in fit.parameters)
    assert any("do not determine" in note and "k, l" in note for note in fit.notes)
    assert fit.expected == pytest.approx([25, 31], rel=1e-5)


def test_a_thousand_bins():
    rng = np.random.default_rng(1)
    b, s = rng.uniform(20, 60, 1000), rng.uniform(5, 20, 1000)
    samples = {
        "signal": (s.tolist(), [MU]),
        "other": (b.tolist(), [modifier("staterror", "stat", (0.1 * b).tolist())]),
    }
    counts = rng.poisson(b + s)
    fit = best_fit(Model.from_workspace(make({"SR": samples}, {"SR": counts.tolist()})))
    # Each bin's gamma profiled: the information on mu is s^2 / (rate^2/n + ...), here from its block of second derivatives.
    gamma = np.array([fit[f"stat[{i}]"].value for i in range(1000)])
    rate = fit.mu.value * s + gamma * b
    weight = counts / rate**2
    block = weight * b**2 + 1 / 0.1**2
    information = (weight * s**2 - (weight * s * b) ** 2 / block).sum()
    assert fit.mu.error == pytest.approx(1 / np.sqrt(information), rel=1e-5)


def test_bad_input(make_workspace):
    model = Model.from_workspace(make_workspace([3], [2.0], [1.0], (0.1,)))
    with pytest.raises(InputError, match="parameter 'nothing': not in the model; it has mu, effect0"):
        best_fit(model, minos=["nothing"])
    with pytest.raises(InputError, match="parameter 'k': fixed in the model"):
        best_fit(Model.from_workspace(every_modifier()), minos=["k"])
    with pytest.raises(InputError, match="projection has no observed counts"):
        best_fit(Model.from_workspace(make_workspace([3], [2.0], [1.0], measurement="projection")))
    empty = make({"SR": {"signal": ([0.0, 2.0], [MU])}}, {"SR": [3, 1]})
    with pytest.raises(ComputationError, match=r"expects nothing, whatever its parameters, in SR\[0\] \(3 observed\)"):
        best_fit(Model.from_workspace(empty))
