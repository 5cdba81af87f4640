"""Profiles against the Poisson likelihood in closed form, and iminuit on pyhf's likelihood."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import chi2

from na64stat.errors import InputError
from na64stat.stats.fits.best_fit import best_fit
from na64stat.stats.fits.profile import LEVELS, mu_floor, profile
from na64stat.stats.likelihood.model import Model

from .oracle import interior, pyhf_minuit


def test_levels_are_those_of_chi_squared():
    for label, level in LEVELS.items():
        assert f"{100 * chi2.cdf(level, 1):.3g}%" == label
    assert LEVELS["95%"] == pytest.approx(1.959963984540054**2)


@pytest.mark.parametrize("signal", [1e-10, 2.0, 1e8])
def test_one_bin_in_closed_form(make_workspace, signal):
    count, background = 7, 3.0
    scan = profile(
        Model.from_workspace(make_workspace([count], [background], [signal])), np.linspace(0, 8, 41) / signal
    )
    rates = background + np.linspace(0, 8, 41)

    def rise(rate):
        return 2 * (rate - count + count * np.log(count / rate))

    assert scan.rise == pytest.approx(rise(rates), abs=1e-8)
    assert scan.best == pytest.approx(4 / signal)
    assert scan.parameters[:, 0] == pytest.approx(scan.values)
    low, high = scan.crossings["68.3%"]
    assert low == pytest.approx((brentq(lambda rate: rise(rate) - 1, 1, 7) - 3) / signal, rel=1e-6)
    assert high == pytest.approx((brentq(lambda rate: rise(rate) - 1, 7, 20) - 3) / signal, rel=1e-6)
    # At 95% the upper end is beyond the scan.
    (low,) = scan.crossings["95%"]
    assert low == pytest.approx((brentq(lambda rate: rise(rate) - LEVELS["95%"], 1, 7) - 3) / signal, rel=1e-6)


@pytest.mark.parametrize("name", ["mu", "jes", "free[1]"])
def test_every_modifier_against_iminuit(name):
    workspace = interior()
    model = Model.from_workspace(workspace)
    index = [parameter.name for parameter in model.parameters].index(name)
    values = np.array([0.2, 1.1])
    minimum = pyhf_minuit(workspace, model).fval
    expected = [2 * (pyhf_minuit(workspace, model, {index: value}).fval - minimum) for value in values]
    scan = profile(model, values, name)
    assert scan.rise == pytest.approx(expected, abs=2e-4)
    assert np.all(scan.parameters[:, index] == values)


def test_crossings_at_one_are_minos_errors():
    model = Model.from_workspace(interior())
    fit = best_fit(model, minos=["jes"])
    for name in ("mu", "jes"):
        minos, value = fit[name].minos, fit[name].value
        ends = value + 1.5 * minos.lower, value + 1.5 * minos.upper
        low, high = profile(model, np.linspace(*ends, 8), name).crossings["68.3%"]
        assert (low - value, high - value) == pytest.approx((minos.lower, minos.upper), rel=1e-4)


def test_impossible_points_are_infinite(make_workspace):
    """Counts and no background: mu = 0 is impossible."""
    scan = profile(Model.from_workspace(make_workspace([3], [0.0], [2.0])), [0.0, 1.0, 1.5, 4.0])
    assert scan.rise[0] == np.inf
    assert np.all(np.isfinite(scan.rise[1:]))
    assert len(scan.crossings["90%"]) == 2


def test_where_mu_ends(make_workspace):
    model = Model.from_workspace(make_workspace([1, 1], [3.0, 2.0], [1.0, 4.0]))
    # A rate vanishes at -b/s of the bin where that comes first; with no event in a bin it ends at zero.
    assert mu_floor(model, np.array([[1.0, 1.0], [0.0, 1.0]])).tolist() == [-0.5, 0.0]


def test_bad_input(make_workspace):
    model = Model.from_workspace(make_workspace([3], [2.0], [1.0], (0.1,)))
    with pytest.raises(InputError, match="1 values; expected at least two"):
        profile(model, [1.0])
    with pytest.raises(InputError, match="at least two finite ones that increase"):
        profile(model, [1.0, 0.5])
    with pytest.raises(InputError, match="at least two finite ones"):
        profile(model, [0.0, np.nan])
    with pytest.raises(InputError, match="profile of mu: -5 is outside its bounds -2 to inf"):
        profile(model, [-5.0, 1.0])
    with pytest.raises(InputError, match="'nothing': not in the model"):
        profile(model, [0.0, 1.0], "nothing")
