"""Significances against closed forms: Poisson tails, Li and Ma's and Cowan's formulas, and sums over outcomes."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.stats import norm, poisson

from na64stat.errors import ComputationError, InputError, RegionError
from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.exact.exact import Exact
from na64stat.stats.exact.feldman_cousins import FeldmanCousins
from na64stat.stats.likelihood.interpolation import Interpolation
from na64stat.stats.likelihood.model import Model
from na64stat.stats.significance import significance
from na64stat.stats.toys.sample import ToySample
from na64stat.stats.toys.toys import Toys

from .histfactory import every_modifier, make, modifier

pytestmark = pytest.mark.filterwarnings("ignore::na64stat.errors.LowCountWarning")  # tests/cli sees that it comes

METHODS = [Asymptotic(), Toys(2000, seed=1), Exact()]
names = [method.name for method in METHODS]


@pytest.mark.parametrize(("n", "b", "s"), [(9, 3.0, 6.0), (120, 100.0, 15.0), (3, 0.01, 1.0)])
def test_asymptotic_in_one_bin(make_workspace, n, b, s):
    """arXiv:1007.1727, eqs. (97) and its observed counterpart."""
    found = significance(Model.from_workspace(make_workspace([n], [b], [s])), Asymptotic())
    assert found.z == pytest.approx(np.sqrt(2 * (n * np.log(n / b) - n + b)), rel=1e-7)
    assert found.p0 == pytest.approx(norm.sf(found.z), rel=1e-7)
    assert found.q0 == pytest.approx(found.z**2, rel=1e-7)
    assert found.mu == pytest.approx((n - b) / s, rel=1e-6)
    asimov = np.sqrt(2 * ((s + b) * np.log(1 + s / b) - s))
    assert list(found.expected) == pytest.approx([max(asimov + level, 0) for level in (-2, -1, 0, 1, 2)], rel=1e-6)
    assert found.expected_p0 == pytest.approx(norm.sf(asimov), rel=1e-5)


@pytest.mark.parametrize(("b", "sigma", "s"), [(20.0, 4.0, 12.0), (5.0, 2.0, 6.0)])
def test_asymptotic_with_a_control_count(b, sigma, s):
    """Li and Ma, ApJ 272 (1983) 317, eq. (17), and G. Cowan's Asimov formula for it (2012)."""
    n = b + s
    samples = {"signal": ([s], [modifier("normfactor", "mu")]), "b": ([b], [modifier("shapesys", "b", [sigma])])}
    found = significance(Model.from_workspace(make({"SR": samples}, {"SR": [n]})), Asymptotic())
    tau = b / sigma**2
    m = tau * b
    li_ma = n * np.log(n * (1 + tau) / (n + m)) + m * np.log(m * (1 + tau) / (tau * (n + m)))
    assert found.z == pytest.approx(np.sqrt(2 * li_ma), rel=1e-6)
    v = sigma**2
    cowan = (s + b) * np.log((s + b) * (b + v) / (b**2 + (s + b) * v)) - b**2 / v * np.log(1 + v * s / (b * (b + v)))
    assert found.expected.median == pytest.approx(np.sqrt(2 * cowan), rel=1e-6)


@pytest.mark.parametrize(("n", "b", "s"), [(9, 3.0, 6.0), (4, 0.5, 2.0), (1, 0.9, 1.0)])
def test_exact_is_the_poisson_tail(make_workspace, n, b, s):
    found = significance(Model.from_workspace(make_workspace([n], [b], [s])), Exact())
    p0 = poisson.sf(n - 1, b)
    assert found.p0 == pytest.approx(p0, rel=1e-9)
    assert found.z == pytest.approx(max(norm.isf(p0), 0.0), abs=1e-9)
    median = poisson.sf(poisson.median(s + b) - 1, b)
    assert found.expected.median == pytest.approx(norm.isf(median), rel=1e-6)
    upper = poisson.sf(poisson.ppf(norm.cdf(2), s + b) - 1, b)
    assert found.expected.plus2 == pytest.approx(norm.isf(upper), rel=1e-6)


def test_exact_averages_the_background(make_workspace):
    n, b, d = 9, 3.0, 0.3
    workspace = make_workspace([n], [b], [6.0], (0.1,), (d,))
    found = significance(Model.from_workspace(workspace, interpolation=Interpolation(1, "0")), Exact())
    expected, _ = quad(lambda t: norm.pdf(t) * poisson.sf(n - 1, b * (1 + d) ** t), -9, 9, epsabs=1e-13)
    assert found.p0 == pytest.approx(expected, rel=1e-6)


def test_exact_of_two_bins_against_a_plain_sum(make_workspace):
    background, signal, observed = np.array([1.0, 2.0]), np.array([2.0, 1.0]), (4, 3)
    found = significance(Model.from_workspace(make_workspace(observed, background, signal)), Exact())

    def q0(counts):
        def nll(mu):
            rates = mu * signal + background
            return (rates - counts * np.log(rates)).sum()

        if ((1 - counts / background) * signal).sum() >= 0:  # -ln L rises at mu = 0
            return 0.0
        return 2 * (nll(0.0) - minimize_scalar(nll, bounds=(0, 60), method="bounded", options={"xatol": 1e-10}).fun)

    space = np.array([[i, j] for i in range(25) for j in range(25)])
    values = np.array([q0(counts) for counts in space])
    without, with_signal = (poisson.pmf(space, rates).prod(axis=1) for rates in (background, background + signal))

    def p0(value):
        return without[values >= value - 1e-7].sum() if value > 1e-7 else 1.0

    assert found.p0 == pytest.approx(p0(q0(np.array(observed))), rel=1e-6)
    order = np.argsort(values, kind="stable")
    median = values[order][np.searchsorted(np.cumsum(with_signal[order]), 0.5)]
    assert found.expected.median == pytest.approx(norm.isf(p0(median)), rel=1e-5)


def test_toys_agree_with_the_sum_over_outcomes(make_workspace):
    n, b, s = 6, 3.0, 4.0
    found = significance(Model.from_workspace(make_workspace([n], [b], [s])), Toys(20_000, seed=3))
    assert not found.bound
    assert abs(found.p0 - poisson.sf(n - 1, b)) < 4 * found.p0_error
    assert found.p0_error == pytest.approx(np.sqrt(found.p0 * (1 - found.p0) / 20_000), rel=1e-6)
    median = norm.isf(poisson.sf(poisson.median(s + b) - 1, b))
    assert found.expected.median == pytest.approx(median, abs=0.06)


def test_toys_beyond_their_reach_give_a_bound(make_workspace):
    model = Model.from_workspace(make_workspace([40], [3.0], [4.0]))
    found = significance(model, Toys(2000, seed=3))
    assert found.bound
    assert (1 - found.p0) ** 2000 == pytest.approx(0.05)
    assert found.z < significance(model, Exact()).z
    assert any("upper bound at 95%" in note for note in found.notes)
    levels = list(found.expected)
    assert levels == sorted(levels)


@pytest.mark.parametrize("workers", [1, 3])
def test_toys_do_not_depend_on_threads(make_workspace, workers):
    model = Model.from_workspace(make_workspace([9], [3.0], [6.0], (0.1,), (0.3,)))
    assert significance(model, Toys(3000, seed=7, workers=workers)) == significance(
        model, Toys(3000, seed=7, workers=2)
    )


@pytest.mark.parametrize("method", METHODS, ids=names)
def test_no_excess(make_workspace, method):
    """By convention p0 = 1/2 by the asymptotic formula, and 1 where tails count ties."""
    found = significance(Model.from_workspace(make_workspace([2], [3.0], [6.0], (0.1,), (0.3,))), method)
    assert (found.q0, found.z, found.mu) == (0.0, 0.0, 0.0)
    assert found.p0 == (0.5 if isinstance(method, Asymptotic) else 1.0)
    assert found.expected.median > 1


@pytest.mark.parametrize("method", METHODS, ids=names)
def test_events_without_background(make_workspace, method):
    """As the combination is: p0 would be that of whatever number stands for none."""
    for background in (0.0, 1e-6):
        with pytest.raises(RegionError, match="r0 has 2 events observed and no background"):
            significance(Model.from_workspace(make_workspace([2], [background], [6.0])), method)
    assert significance(Model.from_workspace(make_workspace([0], [1e-6], [6.0])), method).z == 0.0


@pytest.mark.parametrize("method", METHODS, ids=names)
def test_projection(make_workspace, method):
    found = significance(Model.from_workspace(make_workspace([3], [3.0], [6.0], measurement="projection")), method)
    assert (found.p0, found.z, found.q0, found.mu) == (None, None, None, None)
    assert found.expected.median == pytest.approx(2.7, abs=0.2)


@pytest.mark.parametrize("method", METHODS, ids=names)
def test_no_signal(make_workspace, method):
    found = significance(Model.from_workspace(make_workspace([5], [3.0], [0.0])), method)
    assert (found.z, found.expected.median) == (0.0, 0.0)
    assert any("nothing can be discovered" in note for note in found.notes)


@pytest.mark.parametrize("method", METHODS, ids=names)
@pytest.mark.parametrize("signal", [1e-12, 1e-3, 1e4])
def test_extreme_yields(make_workspace, method, signal):
    """The observed significance does not depend on the size of the signal."""
    first, other = (
        significance(Model.from_workspace(make_workspace([9], [3.0], [size], (0.1,), (0.3,))), method)
        for size in (6.0, signal)
    )
    assert other.p0 == pytest.approx(first.p0, rel=1e-5 if not isinstance(method, Toys) else 0.5)
    levels = [level for level in other.expected if level is not None]
    assert np.all(np.isfinite(levels))


def test_many_bins(benchmark):
    found = significance(Model.from_workspace(every_modifier()), Asymptotic())
    assert 0 < found.p0 < 0.5
    exact, asymptotic = (significance(Model.from_workspace(benchmark), method) for method in (Exact(), Asymptotic()))
    assert exact.expected.median == pytest.approx(asymptotic.expected.median, abs=0.2)


def test_bad_input(make_workspace):
    with pytest.raises(InputError, match="method 'feldman-cousins'; expected asymptotic, toys or exact"):
        significance(Model.from_workspace(make_workspace([5], [3.0], [1.0])), FeldmanCousins())


def test_no_expected_values_are_told_from_infinite_ones(make_workspace, monkeypatch):
    """Without background any count is impossible without signal: infinite, which is an expected value."""
    infinite = Model.from_workspace(make_workspace([0], [0.0], [5.0]))
    found = significance(infinite, Exact())
    assert (found.expected.median, found.lacks_expected) == (None, False)

    def fail(_):
        raise ComputationError("too many outcomes")

    monkeypatch.setattr("na64stat.stats.significance._typical_outcomes", fail)
    found = significance(Model.from_workspace(make_workspace([3], [1.0], [5.0])), Exact())
    assert (found.expected.median, found.lacks_expected) == (None, True)
    assert "no expected values: too many outcomes" in found.notes


def test_toys_whose_fits_all_fail_are_an_error(monkeypatch, make_workspace):
    monkeypatch.setattr(ToySample, "statistic", lambda _self, _mu, n, _workers: np.full(n, np.nan))
    with pytest.raises(ComputationError, match="fits of all 50 toys failed"):
        significance(Model.from_workspace(make_workspace([3], [1.0], [1.0])), Toys(50))
