"""Counts and backgrounds whose probabilities have no digits left are refused; signals are multiplied by what may be tiny."""

import copy

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from na64stat.errors import WorkspaceError
from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Poisson
from na64stat.stats.likelihood.reader import MOST_EVENTS
from na64stat.stats.limits import upper_limit
from na64stat.stats.significance import significance

WORKSPACE = {
    "version": "1.0.0",
    "channels": [
        {
            "name": "box",
            "samples": [
                {"name": "signal", "data": [2.0], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
                {"name": "background", "data": [1.0], "modifiers": []},
            ],
        }
    ],
    "observations": [{"name": "box", "data": [0.0]}],
    "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
}


def changed(signal=2.0, background=1.0, observed=0.0):
    found = copy.deepcopy(WORKSPACE)
    for sample, value in zip(found["channels"][0]["samples"], (signal, background), strict=True):
        sample["data"] = [value]
    found["observations"][0]["data"] = [observed]
    return found


@pytest.mark.parametrize("name", ["background", "observed"])
@pytest.mark.parametrize("value", [2 * MOST_EVENTS, 1e20, 1e300])
def test_enormous_backgrounds_and_counts_are_refused(name, value):
    with pytest.raises(WorkspaceError, match=r"a number from (-1e\+12|0) to 1e\+12"):
        Model.from_workspace(changed(**{name: value}))


@pytest.mark.parametrize("signal", [1e13, 1e20, 1e300])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_limits_scale_with_an_enormous_signal(signal):
    limit = upper_limit(changed(signal=signal)).observed
    assert limit * signal == pytest.approx(upper_limit(changed()).observed * 2, rel=1e-6)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.filterwarnings("ignore::na64stat.errors.LowCountWarning")
@pytest.mark.parametrize("signal", [1e13, 1e20, 1e300])
def test_the_significance_of_an_enormous_signal_says_why_there_is_none(signal):
    model = Model.from_workspace(changed(signal=signal))
    found = significance(model)
    assert found.expected.median is None
    assert found.lacks_expected
    assert any("events at mu = 1 are too many to order (at most 1e+12)" in note for note in found.notes)
    assert significance(model, Asymptotic()).p0 == 0.5


@pytest.mark.parametrize("count", [9e5, 1.1e6, 1e9, 1e15, 1e24])
@pytest.mark.parametrize("deviate", [-5.0, -1.0, 0.0, 0.5, 3.0])
def test_quantiles_of_large_auxiliary_counts(count, deviate):
    """The density of Gamma(count + 1), integrated in units of its width, has the probability of the deviate below."""
    quantile = float(Poisson(count, count).at(np.array(deviate))) - 1  # from the mode, where rounding does not matter
    step = quantile * np.sqrt(count)

    def log_density(t):
        """Of x = count (1 + t / sqrt(count)) relative to the mode."""
        y = t / np.sqrt(count)
        # ln(1 + y) - y by its series where differences would be lost.
        rest = -(y**2) / 2 + y**3 / 3 - y**4 / 4 if abs(y) < 1e-3 else np.log1p(y) - y
        return count * rest

    below, all_of_it = (
        quad(lambda t: np.exp(log_density(t)), -12, end, epsabs=0, epsrel=1e-11, points=None)[0] for end in (step, 12)
    )
    rounding = 1e-16 * np.sqrt(count)
    assert norm.ppf(below / all_of_it) == pytest.approx(deviate, abs=1e-6 + 4 * rounding)
