"""Signals in fits stay positive: values, derivatives and fits against sums and scipy."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from na64stat.stats.likelihood import kernel
from na64stat.stats.likelihood.fit import fit_fixed
from na64stat.stats.likelihood.model import Model


def two_shapes():
    shapes = [
        {"name": name, "type": "histosys", "data": {"hi_data": [hi], "lo_data": [lo]}}
        for name, hi, lo in (("one", 1.8, 0.3), ("two", 1.5, 0.4))
    ]
    samples = [
        {"name": "s", "data": [1.0], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}, *shapes]},
        {"name": "b", "data": [2.0], "modifiers": []},
    ]
    return Model.from_workspace(
        {
            "channels": [{"name": "SR", "samples": samples}],
            "observations": [{"name": "SR", "data": [0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        }
    )


@pytest.mark.parametrize("point", [(2.0, -1.5, -0.4), (5.0, -0.8, -0.7), (1.0, 0.4, -0.2)])
def test_gradients_are_differences_of_values(point):
    model = two_shapes()
    counts, auxiliary, p = np.array([[1.0]]), np.zeros((1, 2)), np.array([point])
    found = kernel.gradients(model.compiled, p, counts, auxiliary, as_fitted=True)[0]
    for i in range(3):
        step = np.zeros((1, 3))
        step[0, i] = 1e-7
        ends = [
            kernel.values(model.compiled, p + sign * step, counts, auxiliary, as_fitted=True)[0] for sign in (-1, 1)
        ]
        assert found[i] == pytest.approx((ends[1] - ends[0]) / 2e-7, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("mu", [5.0, 1e3, 1e9])
def test_nothing_seen_costs_no_more_than_to_take_the_signal_away(mu):
    """The nearest point of the constraint without signal bounds -ln L from above; no background is taken away."""
    model = two_shapes()
    fits = fit_fixed(model, np.zeros((1, 1)), mu)
    nearest = minimize(
        lambda t: 0.5 * t @ t,
        [-0.8, -0.8],
        constraints={"type": "ineq", "fun": lambda t: -(1 + 0.7 * t[0] + 0.6 * t[1])},
    )
    assert not fits.failed[0]
    assert fits.refitted == 0
    assert 2.0 <= fits.nll[0] <= 2.0 + nearest.fun + 0.01
    if mu > 1e2:
        assert fits.nll[0] == pytest.approx(2.0 + nearest.fun, abs=0.02)


def test_floors_fall_with_the_signal():
    """At any mu a factor of zero takes the signal away: 2 events of background and a pull of one."""
    path = Path(__file__).parents[1] / "reported" / "signal_staterror_100.json"
    model = Model.from_workspace(json.loads(path.read_text(encoding="utf-8")))
    for mu in (10.0, 1e6, 1e12):
        assert fit_fixed(model, np.zeros((1, 1)), mu).nll[0] == pytest.approx(2.5, abs=1e-8)
