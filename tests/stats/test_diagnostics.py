"""Diagnostics of chains whose properties are known, and moves on a density that is known."""

import numpy as np
import pytest

from na64stat.stats.bayes.autocorrelation import autocorrelation_time
from na64stat.stats.bayes.diagnostics import diagnose, quantile_error, split_r_hat
from na64stat.stats.bayes.moves import DifferenceMove, PriorMove, StretchMove, mixture


def autoregressive(rho, shape, seed):
    """Gaussian chains with autocorrelation rho^t: integrated time (1 + rho) / (1 - rho)."""
    rng = np.random.default_rng(seed)
    ensembles, steps, walkers = shape
    values = np.empty(shape)
    values[:, 0] = rng.standard_normal((ensembles, walkers))
    for step in range(1, steps):
        values[:, step] = rho * values[:, step - 1] + np.sqrt(1 - rho**2) * rng.standard_normal((ensembles, walkers))
    return values


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_autocorrelation_time(rho):
    found = autocorrelation_time(autoregressive(rho, (4, 4000, 16), 3))
    assert found == pytest.approx((1 + rho) / (1 - rho), rel=0.1)


def test_stuck_and_constant_chains():
    values = autoregressive(0.5, (2, 1000, 8), 4)
    free = autocorrelation_time(values)
    values[:, :, :4] = values[:, :1, :4]  # half of the walkers never move
    assert autocorrelation_time(values) == pytest.approx(2 * free, rel=0.3)
    assert autocorrelation_time(np.zeros((2, 1000, 8))) == np.inf
    assert autocorrelation_time(values[:, :4]) == np.inf


def test_split_r_hat():
    good = autoregressive(0.5, (4, 1000, 16), 5)
    assert split_r_hat(good) < 1.01
    shifted = good.copy()
    shifted[0] += 1.0
    assert split_r_hat(shifted) > 1.05
    wider = good.copy()
    wider[0] *= 3
    assert split_r_hat(wider) > 1.05
    drifting = good + np.linspace(0, 2, 1000)[:, None]
    assert split_r_hat(drifting) > 1.05
    # For two groups of means +-d around 0 and unit variance R^2 is close to 1 + d^2, by ranks as by values.
    apart = np.concatenate([good[:2] - 0.2, good[2:] + 0.2])
    assert split_r_hat(apart) ** 2 - 1 == pytest.approx(0.04 * 8 / 7, rel=0.3)


@pytest.mark.parametrize("probability", [0.5, 0.9])
def test_quantile_error(probability):
    """Against the scatter of quantiles of independent chains."""
    chains = autoregressive(0.8, (200, 1000, 4), 6)
    quantiles = [np.quantile(chain, probability) for chain in chains]
    errors = [quantile_error(chain[None], probability) for chain in chains[:40]]
    assert np.median(errors) == pytest.approx(np.std(quantiles), rel=0.2)


def test_verdicts_say_what_is_wrong():
    good = np.stack([autoregressive(0.5, (4, 2000, 16), seed) for seed in (7, 8)], axis=-1)

    def verdict(values, acceptance=(0.3,) * 4):
        return diagnose(values, ("mu", "alpha"), acceptance, 100)

    fine = verdict(good)
    assert fine.converged
    assert fine.verdict.startswith("converged: ")
    short = verdict(good[:, :100])
    assert not short.converged
    assert "100 steps are" in short.verdict
    shifted = good.copy()
    shifted[0, ..., 1] += 1
    assert "R-hat of alpha" in verdict(shifted).verdict
    assert "0.01 to 0.30 of the moves" in verdict(good, (0.3, 0.3, 0.3, 0.01)).verdict
    assert "effective samples of" in verdict(good[:1, :60, :8], (0.3,)).verdict
    assert "one ensemble only" in diagnose(good[:1], ("mu", "alpha"), (0.3,), 0).verdict


class Banana:
    """A curved ridge in u, and a unit Gaussian beside it: u ~ bell around 0.5 + 0.1 z^2, z ~ unit Gaussian prior."""

    priors = (None,)
    width = 0.05

    def __call__(self, points):
        u, z = points.T
        inside = (u >= 0) & (u <= 1)
        return np.where(inside, -0.5 * z**2 - 0.5 * ((u - 0.5 - 0.1 * z**2) / self.width) ** 2, -np.inf)

    def draw(self, size, random):
        return np.column_stack([random.uniform(size=size), random.standard_normal(size)])

    def log_prior(self, points):
        return -0.5 * points[:, 1] ** 2

    def expectations(self):
        u, z = np.meshgrid((np.arange(800) + 0.5) / 800, np.linspace(-6, 6, 801), indexing="ij")
        density = np.exp(self(np.column_stack([u.ravel(), z.ravel()]))).reshape(u.shape)
        return [float((density * value).sum() / density.sum()) for value in (u, u**2, z**2, u * z**2, z)]


class Islands(Banana):
    """Two narrow hills far apart with 30% and 70% of the probability."""

    def __call__(self, points):
        u, z = points.T
        hills = 0.3 * np.exp(-0.5 * ((u - 0.1) / 0.01) ** 2) + 0.7 * np.exp(-0.5 * ((u - 0.9) / 0.01) ** 2)
        with np.errstate(divide="ignore"):
            return np.where((u >= 0) & (u <= 1), np.log(hills) - 0.5 * z**2, -np.inf)


def sampled(density, moves, steps, seed=1):
    import emcee

    random = np.random.RandomState(seed)
    start = density.draw(400, random)
    start = start[np.argsort(-density(start))[:32]]
    sampler = emcee.EnsembleSampler(32, 2, density, vectorize=True, moves=moves)
    sampler.random_state = random.get_state()
    sampler.run_mcmc(start, steps)
    return sampler.get_chain()[steps // 5 :]


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "moves",
    [
        [(DifferenceMove(), 1.0)],
        [(StretchMove(), 1.0)],
        [(DifferenceMove(), 0.5), (DifferenceMove(1.0), 0.5)],
        [(PriorMove(Banana(), nuisance=True), 1.0)],
        [(PriorMove(Banana(), nuisance=False), 0.5), (StretchMove(), 0.5)],
        mixture(Banana()),
    ],
    ids=["difference", "stretch", "whole difference", "prior", "prior of the signal", "mixture"],
)
def test_each_move_keeps_the_density(moves):
    """Moments of a curved density within four Monte Carlo errors."""
    chain = sampled(Banana(), moves, 12_000)
    u, z = chain[..., 0], chain[..., 1]
    for values, wanted in zip((u, u**2, z**2, u * z**2, z), Banana().expectations(), strict=True):
        error = values.std() * np.sqrt(autocorrelation_time(values[None]) / values.size)
        assert abs(values.mean() - wanted) < 4 * error


def test_the_mixture_finds_its_way_between_islands():
    chain = sampled(Islands(), mixture(Islands()), 8000)
    first = (chain[..., 0] < 0.5).astype(float)
    error = first.std() * np.sqrt(autocorrelation_time(first[None]) / first.size)
    assert abs(first.mean() - 0.3) < 4 * error < 0.06
