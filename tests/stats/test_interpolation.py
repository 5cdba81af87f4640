"""Rate factors against pyhf's own interpolation, and derivatives against differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64stat.errors import WorkspaceError
from na64stat.stats.interpolation import LogFactors

factor = st.floats(0.4, 2.5)
alphas = np.array([-3.0, -1.5, -1.0, -0.999, -0.3, 0.0, 0.2, 0.7, 1.0, 1.001, 2.5])


@given(hi=factor, lo=factor)
def test_normsys_is_pyhf_code_4(hi, lo):
    from pyhf.interpolators import code4

    expected = np.asarray(code4([[[[lo], [1.0], [hi]]]])(np.array([alphas]))).ravel()
    factors = LogFactors.build([(0, 0, hi, lo, 0.0)], (1, 1))
    assert np.exp(factors(alphas[:, None]))[:, 0] == pytest.approx(expected, rel=1e-12)


@given(hi=factor, lo=factor, slope=st.floats(0, 0.2))
def test_derivatives_are_those_of_the_value(hi, lo, slope):
    factors = LogFactors.build([(0, 0, hi, lo, 0.0), (0, 1, 1.0, 1.0, slope)], (1, 2))
    theta = np.column_stack([alphas + 1e-4, 0.3 * alphas])  # beside the joints, where only two derivatives exist
    _, first, second = factors.derivatives(theta)
    for k in range(2):
        step = np.zeros(2)
        step[k] = 1e-5
        up, down, middle = factors(theta + step), factors(theta - step), factors(theta)
        assert first[:, 0, k] == pytest.approx(((up - down) / 2e-5)[:, 0], abs=1e-8)
        assert second[:, 0, k] == pytest.approx(((up + down - 2 * middle) / 1e-10)[:, 0], abs=1e-4)


def test_lumi_is_linear_and_ends_at_zero():
    factors = LogFactors.build([(0, 0, 1.0, 1.0, 0.25)], (1, 1))
    assert np.exp(factors(np.array([[2.0], [-2.0], [-4.0], [-5.0]])))[:, 0] == pytest.approx([1.5, 0.5, 0.0, 0.0])


def test_factor_that_turns_negative_is_refused():
    with pytest.raises(WorkspaceError, match=r"hi = 40, lo = 0.01.*negative"):
        LogFactors.build([(0, 0, 40.0, 0.01, 0.0)], (1, 1))
