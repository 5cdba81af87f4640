"""Chains broken on purpose: walkers that arrive late, never, or do not move."""

import numpy as np
import pytest

from na64stat.stats.bayes.burn_in import burn_in
from na64stat.stats.bayes.diagnostics import diagnose
from tests.stats.test_diagnostics import autoregressive

SHAPE = (4, 2000, 16)
SHARES = (0.3,) * 4


def gaussian(seed=7):
    """Two independent unit Gaussians, and ln of their density."""
    values = np.stack([autoregressive(0.5, SHAPE, seed + i) for i in (0, 1)], axis=-1)
    return values, -0.5 * (values**2).sum(axis=-1)


def verdict(values, log_prob):
    return diagnose(values, ("mu", "alpha"), SHARES, 500, log_prob)


@pytest.mark.parametrize("seed", range(10, 22, 2))
def test_a_sound_chain_has_no_walker_apart(seed):
    values, log_prob = gaussian(seed)
    assert verdict(values, log_prob).converged
    assert burn_in(log_prob) < 20


@pytest.mark.parametrize("late", [100, 600, 990])
def test_the_burn_in_is_that_of_the_last_walker(late):
    _, log_prob = gaussian()
    log_prob[2, :late, 5] -= 50.0
    assert late <= burn_in(log_prob) < late + 20


def test_a_walker_that_never_arrived_is_named():
    values, log_prob = gaussian()
    values[1, :, 3, 0] += 40.0
    log_prob[1, :, 3] = -0.5 * (values[1, :, 3] ** 2).sum(axis=-1)
    assert burn_in(log_prob) == SHAPE[1] // 2
    found = verdict(values, log_prob)
    assert not found.converged
    assert "walker 4 of ensemble 2 never arrived where the others are" in found.verdict
    # Without the density, from the parameter itself.
    assert "walker 4 of ensemble 2 apart from the others in mu" in diagnose(values, ("mu", "b"), SHARES, 0).verdict


def test_a_walker_that_stays_at_a_likely_point_is_named():
    values, log_prob = gaussian()
    values[0, 500:, 8], log_prob[0, 500:, 8] = 0.3, -0.09
    found = verdict(values, log_prob)
    assert not found.converged
    assert "walker 9 of ensemble 1 did not move for 1499 of 2000 steps" in found.verdict


def test_a_walker_on_an_island_of_its_own_is_named():
    """As dense as the others' place, but never left: what share it should have is not known."""
    values, log_prob = gaussian()
    values[3, :, 0, 1] += 8.0
    found = verdict(values, log_prob)
    assert not found.converged
    assert "walker 1 of ensemble 4 apart from the others in alpha" in found.verdict


def test_a_drift_is_reported():
    values, log_prob = gaussian()
    values[..., 0] += np.linspace(0.0, 1.0, SHAPE[1])[:, None]
    found = verdict(values, log_prob)
    assert not found.converged
