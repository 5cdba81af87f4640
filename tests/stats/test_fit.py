"""Batched fits against iminuit on the same function."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iminuit import Minuit
from scipy.stats import norm, poisson

from na64stat.stats.likelihood import kernel
from na64stat.stats.likelihood.fit import fit_fixed, fit_free
from na64stat.stats.likelihood.model import Model

events = st.floats(0.05, 30)
sizes = st.floats(0.02, 0.5)


@st.composite
def workspaces(draw):
    """Two channels, a signal and two backgrounds, shared and own uncertainties, and a luminosity."""
    channels = []
    for name in ("a", "b"):
        signal = [{"name": "mu", "type": "normfactor", "data": None}, {"name": "lumi", "type": "lumi", "data": None}]
        signal.append(
            {"name": "shared", "type": "normsys", "data": {"hi": 1 + draw(sizes), "lo": 1 / (1 + draw(sizes))}}
        )
        own = [{"name": f"own_{name}", "type": "normsys", "data": {"hi": 1 + draw(sizes), "lo": 1 - draw(sizes)}}]
        own.append({"name": "shared", "type": "normsys", "data": {"hi": 1 + draw(sizes), "lo": 1 - draw(sizes)}})
        samples = [
            {"name": "signal", "data": [draw(events)], "modifiers": signal},
            {"name": "one", "data": [draw(events)], "modifiers": own},
            {"name": "two", "data": [draw(events)], "modifiers": []},
        ]
        channels.append({"name": name, "samples": samples})
    lumi = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.03], "inits": [1.0], "bounds": [[0.5, 1.5]]}
    return {
        "version": "1.0.0",
        "channels": channels,
        "observations": [{"name": name, "data": [draw(st.integers(0, 40))]} for name in ("a", "b")],
        "measurements": [{"name": "observed", "config": {"poi": "mu", "parameters": [lumi]}}],
    }


def deviates(model, parameters):
    """Constrained parameters in units of their widths from their measurements."""
    constraints = [model.parameters[i].constraint for i in model.constrained]
    return np.array([(parameters[i] - c.centre) / c.sigma for i, c in zip(model.constrained, constraints, strict=True)])


def nll(model, counts, mu, theta):
    """-ln L from textbook densities."""
    signal, background = model.split_rates(model.at_deviates(np.asarray(theta)[None, :]))
    rates = (mu * signal + background)[0]
    return -poisson.logpmf(counts, rates).sum() - norm.logpdf(theta).sum()


@settings(max_examples=15, deadline=None)
@given(workspace=workspaces(), mu=st.floats(0, 4))
def test_fits_are_as_good_as_minuits(workspace, mu):
    model = Model.from_workspace(workspace)
    counts = model.observed[None, :]
    fixed, free = fit_fixed(model, counts, mu), fit_free(model, counts)
    saturated = -poisson.logpmf(counts[0], np.maximum(counts[0], 1e-300)).sum() - norm.logpdf(0) * len(
        model.constrained
    )

    def minimum(start, fixed_mu):
        minuit = Minuit(
            lambda p: nll(model, counts[0], max(p[0], 0.0), p[1:]), [start, *np.zeros(len(model.constrained))]
        )
        minuit.errordef, minuit.strategy, minuit.tol = 0.5, 2, 1e-4
        minuit.limits[0], minuit.fixed[0] = (0, None), fixed_mu
        return minuit.migrad().fval

    # Never above what Minuit finds (it can stop in a higher local minimum), and truly the value at the fitted point.
    assert fixed.nll[0] + saturated <= minimum(mu, True) + 2e-6
    assert free.nll[0] + saturated <= min(minimum(start, False) for start in (0.1, 1.0, 3.0)) + 2e-6
    for fits in (fixed, free):
        there = nll(model, counts[0], fits.mu[0], deviates(model, fits.parameters[0]))
        assert fits.nll[0] + saturated == pytest.approx(there, abs=1e-8)


def test_a_deeper_minimum_behind_a_rise_is_found():
    """An excess in one channel and a deficit in the other: -ln L rises at mu = 0 and falls again further out."""

    def channel(name, signal, background):
        def normsys(effect, hi, lo):
            return {"name": effect, "type": "normsys", "data": {"hi": hi, "lo": lo}}

        mu = {"name": "mu", "type": "normfactor", "data": None}
        own = [normsys(f"own_{name}", 1.5, 0.5), normsys("shared", 1.5, 0.5)]
        samples = [
            {"name": "signal", "data": [signal], "modifiers": [mu, normsys("shared", 1.5, 2 / 3)]},
            {"name": "one", "data": [background], "modifiers": own},
            {"name": "two", "data": [1.0], "modifiers": []},
        ]
        return {"name": name, "samples": samples}

    workspace = {
        "version": "1.0.0",
        "channels": [channel("a", 1.0, 1.0), channel("b", 0.5, 0.5)],
        "observations": [{"name": "a", "data": [0]}, {"name": "b", "data": [13]}],
        "measurements": [{"name": "observed", "config": {"poi": "mu", "parameters": []}}],
    }
    model = Model.from_workspace(workspace)
    counts = model.observed[None, :]
    border = fit_fixed(model, counts, 0.0)
    assert model.gradient(border.parameters)[0, model.poi] < 0
    scan = [float(fit_fixed(model, counts, mu).nll[0]) for mu in np.linspace(0, 30, 301)]
    assert float(fit_free(model, counts).nll[0]) <= min(scan) + 1e-9 < float(border.nll[0]) - 0.1


def test_a_deeper_minimum_at_other_nuisance_parameters_is_found():
    """Too few in one channel, too many in the other, and a shared uncertainty that can give way in two directions."""

    def channel(name, signal, background, other, effects):
        """A shared effect on signal and background, an own one, and a fixed background; effects are (up, down)."""

        def normsys(effect, data):
            return {"name": effect, "type": "normsys", "data": dict(zip(("hi", "lo"), data, strict=True))}

        shared_signal, own, shared = effects
        mu, lumi = {"name": "mu", "type": "normfactor", "data": None}, {"name": "lumi", "type": "lumi", "data": None}
        samples = [
            {"name": "signal", "data": [signal], "modifiers": [mu, lumi, normsys("shared", shared_signal)]},
            {
                "name": "one",
                "data": [background],
                "modifiers": [normsys(f"own_{name}", own), normsys("shared", shared)],
            },
            {"name": "two", "data": [other], "modifiers": []},
        ]
        return {"name": name, "samples": samples}

    lumi = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.03], "inits": [1.0], "bounds": [[0.5, 1.5]]}
    workspace = {
        "version": "1.0.0",
        "channels": [
            # To the last digit: whether the descent ends in the higher minimum depends on them.
            channel(
                "a",
                10.040025937587922,
                13.190551165663926,
                0.06,
                (
                    (1.04714107172184, 0.9578793077546405),
                    (1.4500305210438467, 0.7293183077985508),
                    (1.0759115228699554, 0.5583456467806593),
                ),
            ),
            channel(
                "b",
                9.549239142741623,
                2.7712522892968474,
                1.4451864523990174,
                (
                    (1.3133316990968245, 0.7544126679181621),
                    (1.128879218153585, 0.5),
                    (1.4178639782355378, 0.96),
                ),
            ),
        ],
        "observations": [{"name": "a", "data": [3]}, {"name": "b", "data": [34]}],
        "measurements": [{"name": "observed", "config": {"poi": "mu", "parameters": [lumi]}}],
    }
    model = Model.from_workspace(workspace)
    counts = model.observed[None, :]
    scan = [float(fit_fixed(model, counts, mu).nll[0]) for mu in np.linspace(0, 8, 161)]
    assert float(fit_free(model, counts).nll[0]) <= min(scan) + 1e-9


def test_batch_is_the_same_as_one_by_one(benchmark):
    model = Model.from_workspace(benchmark)
    counts = np.array([[i, j] for i in range(6) for j in range(9)], dtype=float)
    together = fit_free(model, counts)
    alone = [fit_free(model, row[None, :]) for row in counts]
    assert together.nll == pytest.approx([float(one.nll[0]) for one in alone], abs=1e-10)
    assert together.mu == pytest.approx([float(one.mu[0]) for one in alone], abs=1e-5)


def test_one_region_has_a_closed_form(make_workspace):
    model = Model.from_workspace(make_workspace([4], [1], [2], (0.1,), (0.3,)))
    counts = np.array([[0.0], [1.0], [4.0], [9.0], [1e6]])
    fits = fit_free(model, counts)
    assert fits.mu == pytest.approx(np.maximum(counts[:, 0] - 1, 0) / 2, rel=1e-6)
    assert fits.nll[1:] == pytest.approx(0.0, abs=1e-10)
    assert model.gradient(fits.parameters, counts)[2:, model.poi] == pytest.approx(0.0, abs=1e-5)


def test_counts_where_the_model_has_no_rate_are_impossible(make_workspace):
    model = Model.from_workspace(make_workspace([4], [0], [2.0], (0.1,)))
    assert fit_fixed(model, np.array([[4.0], [0.0]]), 0.0).nll.tolist() == [np.inf, 0.0]
    assert fit_free(model, np.array([[4.0]])).mu == pytest.approx([2.0])


@pytest.mark.parametrize("scale", [1e-12, 1e-4, 1e8])
def test_units_of_mu_do_not_matter(make_workspace, scale):
    plain = Model.from_workspace(make_workspace([0, 4], [0.07, 2], [3, 3], (0.1,), (0.43, 0.3)))
    counts = np.array([[0.0, 4.0], [1.0, 7.0], [3.0, 0.0]])
    scaled = plain.with_signal_scaled(scale)
    assert fit_free(scaled, counts).mu * scale == pytest.approx(fit_free(plain, counts).mu, rel=1e-6)


def test_large_counts_keep_their_precision(make_workspace):
    """Half a squared pull, though -ln L itself is 1e11."""
    model = Model.from_workspace(make_workspace([1e10], [1e10], [1e3]))
    assert fit_fixed(model, model.observed[None, :], 1.0).nll[0] == pytest.approx(0.5 * 1e6 / 1e10, rel=1e-6)


def test_what_newton_leaves_iminuit_finishes(benchmark, monkeypatch):
    model = Model.from_workspace(benchmark)
    counts = np.array([[0.0, 4.0], [2.0, 5.0]])
    expected = fit_fixed(model, counts, 2.0)

    def give_up(compiled, point, counts, auxiliary, bounds, free):
        return kernel.values(compiled, point, counts, auxiliary), np.full(len(point), kernel.UNCONVERGED)

    monkeypatch.setattr(kernel, "fits", give_up)
    rescued = fit_fixed(model, counts, 2.0)
    assert rescued.refitted == 2
    assert not rescued.failed.any()
    assert rescued.nll == pytest.approx(expected.nll, abs=1e-7)
