"""The probability of at most n events far below the rate, where it underflows, and at large counts, against exact sums."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import norm

from na64stat.stats.average.nuisance_average import log_poisson_cumulative


@pytest.mark.parametrize("count", [0, 1, 2, 4, 11, 12, 13, 40, 100, 1000])
@pytest.mark.parametrize("distance", [1.0, 1.3, 10.0, 1e4])
def test_far_below_the_rate(count, distance):
    """p(n) (1 + n/r + n (n-1)/r^2 + ...) in exact numbers, whose terms are all positive."""
    rate = Fraction(float((count + 40 * np.sqrt(count) + 700) * distance))
    term = total = Fraction(1)
    for k in range(count):
        term = Fraction(float(term * (count - k) / rate))
        total += term
        if term < Fraction(1, 10**20):
            break
    expected = count * np.log(float(rate)) - float(rate) - gammaln(count + 1) + np.log(float(total))
    assert log_poisson_cumulative(count, np.array([float(rate)])) == pytest.approx([expected], rel=1e-14)


@pytest.mark.parametrize("count", [0.0, 4.0, 100.0, 1e4, 1e8])
def test_no_step_between_the_ways_to_compute_it(count):
    """It falls with the rate, from one on, and its slope is -p(n)/P(<= n), everywhere."""
    middle, width = count + 1, np.sqrt(count + 1)
    rates = middle + width * np.linspace(-15, 60, 3001)
    rates = rates[rates > 1]  # below, a step is too much of a rate for the slope
    logs = log_poisson_cumulative(count, rates)
    assert np.all(np.isfinite(logs))
    assert np.all(logs <= 0)
    assert np.all(np.diff(logs) <= 1e-13)
    inner = slice(1, -1)
    slope = (logs[2:] - logs[:-2]) / (rates[2:] - rates[:-2])
    density = np.exp(count * np.log(rates) - rates - gammaln(count + 1) - logs)[inner]
    visible = density * width > 1e-3
    assert slope[visible] == pytest.approx(-density[visible], rel=3e-3, abs=1e-6 / width)


@pytest.mark.parametrize("count", [1e6, 1e9])
def test_many_events_are_gaussian(count):
    deviations = np.array([-3.0, 0.0, 3.0])
    found = np.exp(log_poisson_cumulative(count, count + deviations * np.sqrt(count)))
    assert found == pytest.approx(norm.sf(deviations), rel=0.03)
