"""Posteriors of one parameter by quadrature, against closed forms."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import exp1, gammaincc
from scipy.stats import gamma, norm

from na64stat.errors import ComputationError, InputError
from na64stat.stats.bayes.curve import PosteriorCurve
from na64stat.stats.bayes.marginal_likelihood import MarginalLikelihood
from na64stat.stats.bayes.priors import Flat, Jeffreys, LogFlat
from na64stat.stats.likelihood.model import Model


def poisson(n, b=0.0):
    def log(s):
        with np.errstate(divide="ignore"):
            return (n * np.log(s + b) if n else 0.0) - (s + b)

    return log


@pytest.mark.parametrize("high", [60, 1e3, 1e9])
@pytest.mark.parametrize(("n", "limit"), [(0, 2.302585), (4, 7.993590), (30, None)])
def test_flat_in_the_yield_is_a_gamma_density(n, limit, high):
    curve = PosteriorCurve.of(Flat("yield", 0, high), poisson(n))
    law = gamma(n + 1)
    held = law.cdf(high)
    for p in (1e-6, 0.05, 0.5, 0.9, 0.999):
        assert curve.quantile(p) == pytest.approx(law.ppf(p * held), rel=1e-8)
    x = np.array([0.3, 1.0, 5.0, 20.0])
    assert curve.density(x) == pytest.approx(law.pdf(x) / held, rel=1e-7)
    assert curve.cdf(x) == pytest.approx(law.cdf(x) / held, abs=1e-9)
    if limit is not None:
        assert curve.upper_limit() == pytest.approx(limit, abs=1e-5)


@pytest.mark.parametrize("n", [0, 1, 4])
def test_jeffreys_is_a_gamma_density_of_half_a_count_less(n):
    assert PosteriorCurve.of(Jeffreys("yield", 0, 500), poisson(n)).quantile(0.9) == pytest.approx(
        gamma(n + 0.5).ppf(0.9), rel=1e-8
    )


@pytest.mark.parametrize("b", [0.5, 3.2])
@pytest.mark.parametrize("n", [0, 1, 4, 9])
def test_known_background_is_the_ratio_of_cl_s(n, b):
    """CL_s of counts: P(N <= n | s + b) / P(N <= n | b)."""
    limit = brentq(lambda s: gammaincc(n + 1, s + b) / gammaincc(n + 1, b) - 0.1, 0, 60, xtol=1e-12)
    assert PosteriorCurve.of(Flat("yield", 0, 300), poisson(n, b)).upper_limit() == pytest.approx(limit, rel=1e-8)


def test_log_flat_is_an_exponential_integral():
    low, high = 1e-9, 1e3
    curve = PosteriorCurve.of(LogFlat("yield", low, high), poisson(0))
    for x in (1e-6, 0.01, 1.0, 3.0):
        assert curve.cdf(x) == pytest.approx((exp1(low) - exp1(x)) / (exp1(low) - exp1(high)), rel=1e-9)
    assert curve.density(np.array([0.5]))[0] == pytest.approx(np.exp(-0.5) / (exp1(low) - exp1(high)), rel=1e-9)
    assert curve.density(np.array([0.5]), log=False)[0] == pytest.approx(2 * np.exp(-0.5) / (exp1(low) - exp1(high)))


def test_shapes_are_kept():
    curve = PosteriorCurve.of(Flat("yield", 0, 60), poisson(4))
    for x in (1.0, np.array([1.0]), np.ones((2, 3))):
        assert curve.density(x).shape == curve.cdf(x).shape == np.shape(x)


def test_highest_density_of_one_hill():
    """Equal density at both ends, the right content, and the shortest interval of all."""
    law = gamma(5)
    for high in (60, 1e8):
        ((low, top),) = PosteriorCurve.of(Flat("yield", 0, high), poisson(4)).highest_density(0.9)
        assert law.cdf(top) - law.cdf(low) == pytest.approx(0.9, abs=1e-6)
        assert law.pdf(low) == pytest.approx(law.pdf(top), rel=1e-3)
        shortest = min(law.ppf(p + 0.9) - law.ppf(p) for p in np.linspace(0.001, 0.099, 400))
        assert top - low == pytest.approx(shortest, rel=1e-4)


def test_highest_density_of_two_hills():
    """Two bells of known shares: each region holds the part above the common level."""
    first, second = norm(2, 0.1), norm(7, 0.3)
    curve = PosteriorCurve.of(Flat("yield", 0, 10), lambda s: np.log(0.3 * first.pdf(s) + 0.7 * second.pdf(s) + 1e-300))
    (a, b), (c, d) = curve.highest_density(0.9)
    held = 0.3 * (first.cdf(b) - first.cdf(a)) + 0.7 * (second.cdf(d) - second.cdf(c))
    assert held == pytest.approx(0.9, abs=1e-5)
    heights = [0.3 * first.pdf(x) + 0.7 * second.pdf(x) for x in (a, b, c, d)]
    assert heights == pytest.approx([heights[0]] * 4, rel=1e-2)


def test_intervals_depend_on_the_axis():
    """Flat in ln g and nothing seen: per unit of ln g an interval from the lower bound; for one hill the axes differ."""
    curve = PosteriorCurve.of(LogFlat("coupling", 1e-3, 1e2), poisson(4))
    ((low, high),) = curve.highest_density(0.9)
    law = gamma(4)  # 1/s times s^4 exp(-s)
    assert law.cdf(high) - law.cdf(low) == pytest.approx(0.9, abs=1e-4)
    assert low * law.pdf(low) == pytest.approx(high * law.pdf(high), rel=1e-2)
    ((other, end),) = curve.highest_density(0.9, log=False)
    assert law.pdf(other) == pytest.approx(law.pdf(end), rel=1e-2)
    assert other < low


def test_a_tiny_corner_of_the_prior_is_found():
    sharp = PosteriorCurve.of(Flat("yield", 0, 1e12), poisson(0))
    assert sharp.quantile(0.5) == pytest.approx(np.log(2), rel=1e-9)
    top = PosteriorCurve.of(Flat("yield", 0, 100), lambda s: 1e9 * (s - 100))
    assert 100 - top.quantile(0.5) == pytest.approx(np.log(2) * 1e-9, rel=1e-4)


def test_a_jump_is_integrated():
    curve = PosteriorCurve.of(Flat("yield", 0, 1), lambda s: np.where(s < 0.317, 0.0, np.log(0.25)))
    assert curve.cdf(0.317) == pytest.approx(0.317 / (0.317 + 0.25 * 0.683), rel=1e-9)


def test_what_cannot_be():
    with pytest.raises(ComputationError, match="likelihood is zero"):
        PosteriorCurve.of(Flat("yield", 1, 2), lambda s: np.full(s.shape, -np.inf))
    for p in (0, 1, -0.1, 2):
        with pytest.raises(InputError, match="between 0 and 1"):
            PosteriorCurve.of(Flat("yield", 0, 20), poisson(0)).quantile(p)


def counting(observed, background=2.0, *, uncertain, efficiency=0.1):
    """One region, signal 1, with a normsys of the signal and an uncertain background."""
    strength = [{"name": "mu", "type": "normfactor", "data": None}]
    if efficiency:
        strength.append(
            {"name": "efficiency", "type": "normsys", "data": {"hi": 1 + efficiency, "lo": 1 / (1 + efficiency)}}
        )
    samples = [
        {"name": "signal", "data": [1.0], "modifiers": strength},
        {"name": "background", "data": [background], "modifiers": uncertain},
    ]
    return Model.from_workspace(
        {
            "version": "1.0.0",
            "channels": [{"name": "one", "samples": samples}],
            "observations": [{"name": "one", "data": [observed]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        }
    )


NORMSYS = [{"name": "b", "type": "normsys", "data": {"hi": 1.3, "lo": 0.8}}]
SHAPESYS = [{"name": "b", "type": "shapesys", "data": [0.8]}]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("observed", [0, 3, 9])
def test_marginal_likelihood_with_two_gaussian_parameters(observed):
    """Brute force: a double integral with asymmetric factors, interpolated as pyhf does in the exponent (code 1)."""
    likelihood = MarginalLikelihood(counting(float(observed), uncertain=NORMSYS))

    def background(z):
        return 2.0 * (1.3**z if z >= 0 else 0.8 ** (-z))

    def by_hand(mu):
        def inner(z):
            def integrand(w):
                rate = mu * 1.1**w + background(z)
                return norm.pdf(w) * rate**observed * np.exp(-rate)

            return norm.pdf(z) * quad(integrand, -9, 9, epsabs=1e-13)[0]

        return quad(inner, -9, 0, epsabs=1e-12)[0] + quad(inner, 0, 9, epsabs=1e-12)[0]

    from na64stat.stats.likelihood.interpolation import Interpolation

    model = likelihood.model
    assert isinstance(model.interpolation, Interpolation)
    mus = np.array([0.0, 0.7, 4.0, 11.0])
    found = likelihood.log(mus[:, None])
    wanted = np.log([by_hand(mu) for mu in mus])
    tolerance = 2e-6 if model.interpolation.normsys == 1 else 0.02
    assert found - found[0] == pytest.approx(wanted - wanted[0], abs=tolerance)


def test_marginal_likelihood_with_a_counted_background():
    """A shapesys is a Poisson count: with a flat prior of its factor, a gamma density of count + 1."""
    likelihood = MarginalLikelihood(counting(3.0, uncertain=SHAPESYS, efficiency=0.0))
    count = (2.0 / 0.8) ** 2  # events of an auxiliary measurement with that relative uncertainty

    def by_hand(mu):
        density = gamma(count + 1, scale=1 / count).pdf
        return quad(lambda g: density(g) * (mu + 2 * g) ** 3 * np.exp(-mu - 2 * g), 0, 8, epsabs=1e-14)[0]

    mus = np.array([0.0, 0.7, 4.0, 11.0])
    found, wanted = likelihood.log(mus[:, None]), np.log([by_hand(mu) for mu in mus])
    assert found - found[0] == pytest.approx(wanted - wanted[0], abs=1e-7)


def test_large_counts_do_not_underflow():
    likelihood = MarginalLikelihood(counting(4000.0, 4000.0, uncertain=[], efficiency=0.0))
    found = likelihood.log(np.array([[0.0], [100.0]]))
    assert found == pytest.approx([0.0, 4000 * np.log(4100 / 4000) - 100], abs=1e-8)
