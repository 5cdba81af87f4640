"""By how much constraints raise the mean of a signal: closed forms."""

import pytest
from scipy.stats import norm

from na64stat.stats.average.signal_mean import raised_by
from na64stat.stats.likelihood.model import Model


def model(modifier):
    mu = {"name": "mu", "type": "normfactor", "data": None}
    return Model.from_workspace(
        {
            "version": "1.0.0",
            "channels": [
                {
                    "name": "box",
                    "samples": [
                        {"name": "signal", "data": [2.0], "modifiers": [mu, modifier]},
                        {"name": "background", "data": [1.0], "modifiers": []},
                    ],
                }
            ],
            "observations": [{"name": "box", "data": [0.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        }
    )


@pytest.mark.parametrize("size", [0.2, 0.5, 1.0])
def test_a_poisson_constraint_leaves_a_gamma_density(size):
    tau = 1 / size**2
    found = raised_by(model({"name": "g", "type": "shapesys", "data": [2.0 * size]}))
    assert found == pytest.approx((tau + 1) / tau, rel=2e-3)


def test_a_gaussian_cut_at_zero():
    found = raised_by(model({"name": "g", "type": "staterror", "data": [2.0]}))
    assert found == pytest.approx(norm.cdf(1) + norm.pdf(1), rel=2e-3)  # mean of max(0, 1 + x)


def test_a_log_normal_keeps_its_median():
    assert raised_by(model({"name": "g", "type": "normsys", "data": {"hi": 2.0, "lo": 0.5}})) == 1.0
