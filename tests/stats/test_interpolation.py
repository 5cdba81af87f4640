"""Factors and shifts against pyhf's own interpolation; the compiled code against plain NumPy and against differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyhf.interpolators import code0, code1, code4, code4p

from na64stat.stats.likelihood import kernel
from na64stat.stats.likelihood.interpolation import Interpolation, nominal_rates, turns_negative
from na64stat.stats.likelihood.model import Model

from .histfactory import every_modifier

factor = st.floats(0.4, 2.5)
alphas = np.array([-3.0, -1.5, -1.0, -0.999, -0.3, 0.0, 0.2, 0.7, 1.0, 1.001, 2.5])
BOTH = [Interpolation(), Interpolation(1, "0")]


def one_bin(modifier, events=1.0):
    mu = {"name": "mu", "type": "normfactor", "data": None}
    samples = [
        {"name": "s", "data": [0.0], "modifiers": [mu]},
        {"name": "b", "data": [events], "modifiers": [modifier]},
    ]
    return {
        "version": "1.0.0",
        "channels": [{"name": "c", "samples": samples}],
        "observations": [{"name": "c", "data": [1.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }


def values(workspace, interpolation):
    model = Model.from_workspace(workspace, interpolation=interpolation)
    return model.rates(np.column_stack([np.ones(len(alphas)), alphas]))[:, 0]


@given(hi=factor, lo=factor)
def test_normsys_is_pyhfs(hi, lo):
    workspace = one_bin({"name": "a", "type": "normsys", "data": {"hi": hi, "lo": lo}})
    for interpolation, theirs in zip(BOTH, (code4, code1), strict=True):
        expected = np.asarray(theirs([[[[lo], [1.0], [hi]]]])(np.array([alphas]))).ravel()
        assert values(workspace, interpolation) == pytest.approx(expected, rel=1e-12)


@given(hi=st.floats(8, 14), lo=st.floats(8, 14))
def test_histosys_is_pyhfs(hi, lo):
    workspace = one_bin({"name": "a", "type": "histosys", "data": {"hi_data": [hi], "lo_data": [lo]}}, 10.0)
    for interpolation, theirs in zip(BOTH, (code4p, code0), strict=True):
        expected = 10 + np.asarray(theirs([[[[lo], [10.0], [hi]]]])(np.array([alphas]))).ravel()
        assert values(workspace, interpolation) == pytest.approx(expected, rel=1e-12)


def random_points(model, number, seed):
    """Moved parameters, with mu and a free factor at zero now and then."""
    rng = np.random.default_rng(seed)
    points = model.inits + rng.normal(0, 0.3, (number, len(model.parameters)))
    positive = [i for i, item in enumerate(model.parameters) if item.lower >= 0]
    points[:, positive] = np.abs(points[:, positive]) + 0.05
    points[::3, model.poi] = 0.0
    return points


@pytest.mark.parametrize("interpolation", BOTH)
def test_compiled_rates_are_those_of_plain_numpy(interpolation):
    model = Model.from_workspace(every_modifier(), interpolation=interpolation)
    points = random_points(model, 30, 1)
    expected = [nominal_rates(model, point) for point in points]
    assert model.rates(points) == pytest.approx(np.array(expected), rel=1e-12)


def second_derivatives(model, point, counts, auxiliary):
    """The matrix that Newton's steps use, put together from its global, mixed and local parts."""
    k, x = model.compiled
    w = np.zeros(k[kernel.WORK])
    kernel._value(k, x, point, counts, auxiliary, w)
    kernel._gradient(k, x, point, counts, auxiliary, w)
    kernel._hessian(k, x, point, counts, auxiliary, w, False)
    size, slots = int(k[kernel.GLOBALS]), int(k[kernel.SLOTS])
    position = k[k[kernel.POSITION] :][: len(point)]
    home = k[k[kernel.LOCAL_BIN] :][: len(point)]
    full = np.zeros((len(point), len(point)))
    for i in range(len(point)):
        for j in range(len(point)):
            a, b = max(position[i], position[j]), min(position[i], position[j])
            if home[i] < 0 and home[j] < 0:
                full[i, j] = w[k[kernel.HESS] + a * size + b]
            elif home[i] >= 0 > home[j]:
                full[i, j] = full[j, i] = w[k[kernel.CROSS] + (home[i] * slots + position[i]) * size + position[j]]
            elif home[i] == home[j]:
                full[i, j] = w[k[kernel.LOCAL] + (home[i] * slots + a) * slots + b]
    return full


@pytest.mark.parametrize("interpolation", BOTH)
def test_second_derivatives_are_differences_of_the_gradient(interpolation):
    model = Model.from_workspace(every_modifier(), interpolation=interpolation)
    counts, auxiliary = (array[0] for array in model.data(1, None, None))
    for start in random_points(model, 6, 2):
        point = model.scaled(start)[0]
        found = second_derivatives(model, point, counts, auxiliary)
        for i in range(len(point)):
            step = np.zeros(len(point))
            step[i] = 1e-6
            ends = np.array([point + step, point - step])
            data = np.array([counts, counts]), np.array([auxiliary, auxiliary])
            slopes = kernel.gradients(model.compiled, ends, *data)
            assert found[i] == pytest.approx((slopes[0] - slopes[1]) / 2e-6, rel=1e-5, abs=2e-5)


@pytest.mark.parametrize(("hi", "lo", "negative"), [(40.0, 0.01, True), (105.646, 0.01, True), (1.5, 0.5, False)])
def test_factors_that_turn_negative_are_known(hi, lo, negative):
    """Interpolation code 4 by pyhf itself, on a fine grid."""
    code = code4([[[[lo], [1.0], [hi]]]])
    values = [float(np.ravel(code(np.array([[alpha]])))[0]) for alpha in np.linspace(-1, 1, 101)]
    assert (min(values) < 0) == turns_negative(hi, lo) == negative


def test_unknown_codes_are_refused():
    with pytest.raises(ValueError, match="normsys 2"):
        Interpolation(2)
