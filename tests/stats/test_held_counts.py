"""Control regions are auxiliary measurements of the exact method: against sums and integrals on a fine grid, in plain numpy."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import gamma, norm, poisson

from na64stat.errors import ComputationError, InputError, RegionError, WorkspaceError
from na64stat.stats.exact.enumeration import Enumeration
from na64stat.stats.exact.exact import Exact
from na64stat.stats.exact.feldman_cousins import FeldmanCousins
from na64stat.stats.exact.held import divide
from na64stat.stats.likelihood.model import Model
from na64stat.stats.limits import upper_limit
from na64stat.stats.significance import significance

REPORTED = Path(__file__).parent.parent / "reported"
THETA = np.linspace(-9, 9, 6001)
MU = {"name": "mu", "type": "normfactor", "data": None}


def reported(name):
    return json.loads((REPORTED / name).read_text())


def normsys(name, up, down=None):
    return {"name": name, "type": "normsys", "data": {"hi": up, "lo": 1 / up if down is None else down}}


def workspace(channels, observed):
    """Channels as {name: {sample: (events, modifiers)}}; the sample `sig` has mu."""
    return {
        "version": "1.0.0",
        "channels": [
            {
                "name": name,
                "samples": [
                    {"name": sample, "data": list(events), "modifiers": ([MU] if sample == "sig" else []) + modifiers}
                    for sample, (events, modifiers) in samples.items()
                ],
            }
            for name, samples in channels.items()
        ],
        "observations": [{"name": name, "data": list(counts)} for name, counts in observed.items()],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }


def one_control(n, held, leak=0.0, s=1.0, b=4.0, control=30.0, up=1.5):
    cr = {"b": ([control], [normsys("ub", up)])}
    if leak:
        cr["sig"] = ([leak], [])
    return workspace({"SR": {"sig": ([s], []), "b": ([b], [normsys("ub", up)])}, "CR": cr}, {"SR": [n], "CR": [held]})


class BruteForce:
    """One signal bin, background b 1.5^theta, and control bins kappa_c 1.5^theta with leaks, all held."""

    def __init__(self, held, leaks, s=1.0, b=4.0, control=(30.0,), up=1.5):
        self.held, self.leaks, self.control = np.array(held), np.array(leaks), np.array(control)
        self.s, self.b, self.up = s, b, up

    def log_density(self, theta, mu):
        rates = mu * self.leaks + np.multiply.outer(self.up**theta, self.control)
        return -0.5 * theta**2 + (self.held * np.log(rates) - rates).sum(axis=-1)

    def probabilities(self, counts, mu):
        logs = self.log_density(THETA, mu)
        weight = np.exp(logs - logs.max())
        rates = mu * self.s + self.b * self.up**THETA
        return poisson.pmf(counts[:, None], rates) @ (weight / weight.sum())

    def nll(self, n, mu):
        """Profiled over theta: the smallest value on the grid, and the parabola through it and its neighbours."""
        rate = mu * self.s + self.b * self.up**THETA
        values = rate - n * np.log(rate) - self.log_density(THETA, mu)
        low, here, high = values[(k := int(np.argmin(values))) - 1 : k + 2]
        return here - (high - low) ** 2 / (8 * (high + low - 2 * here))

    def best(self, n):
        grid = np.linspace(0, 60, 121)
        start = grid[np.argmin([self.nll(n, mu) for mu in grid])]
        found = minimize_scalar(
            lambda mu: self.nll(n, mu),
            bounds=(max(start - 0.6, 0), start + 0.6),
            method="bounded",
            options={"xatol": 1e-7},
        )
        return min([(found.fun, found.x), (self.nll(n, 0.0), 0.0)])

    def cl_s(self, n, mu, fits):
        counts = np.arange(len(fits))
        q = np.array([0.0 if at >= mu else max(2 * (self.nll(k, mu) - low), 0) for k, (low, at) in enumerate(fits)])
        tail = q >= q[n] - 1e-7
        if q[n] <= 1e-7:
            return 1.0
        return self.probabilities(counts, mu)[tail].sum() / self.probabilities(counts, 0.0)[tail].sum()

    def limit(self, n, alpha=0.1):
        fits = [self.best(k) for k in range(45)]
        return brentq(lambda mu: self.cl_s(n, mu, fits) - alpha, 1.0, 20.0, xtol=1e-4)


@pytest.mark.parametrize(("held", "expected"), [(8, 6.35), (30, 4.89)])
def test_a_control_region_constrains_the_background(held, expected):
    limit = upper_limit(reported(f"cr_constrains_b_{held}.json"))
    assert limit.observed == pytest.approx(expected, rel=2e-3)
    assert limit.observed == pytest.approx(BruteForce([held], [0.0]).limit(4), rel=2e-5)
    assert limit.held == ("CR",)
    assert limit.regions == ("SR", "CR")
    assert any("CR" in note and "held" in note for note in limit.notes)


@pytest.mark.parametrize("leak", [1e-6, 0.03, 0.1, 0.3])
def test_limits_are_continuous_in_the_leak(leak):
    limit = upper_limit(one_control(4, 8, leak))
    assert limit.held == ("CR",)
    assert limit.observed == pytest.approx(BruteForce([8], [leak]).limit(4), rel=2e-5)


def test_the_leak_moves_the_reported_limits_smoothly():
    none, tiny, little = (upper_limit(reported(f"cr_leak_{leak}.json")).observed for leak in ("0", "1e-06", "0.03"))
    assert tiny == pytest.approx(none, rel=1e-5)
    assert little == pytest.approx(none, rel=5e-3)


def test_more_leak_than_the_rule_holds_is_summed_unless_asked():
    """A quarter of the information on mu is in CR."""
    model = one_control(4, 30, leak=1.5)
    assert divide(Model.from_workspace(model), "exact method").held == 0
    asked = upper_limit(model, Exact(hold=("CR",)))
    assert asked.held == ("CR",)
    assert asked.observed == pytest.approx(BruteForce([30], [1.5]).limit(4), rel=2e-5)


def test_all_counts_are_summed_where_none_is_to_be_held():
    """With a control region of 3 events CL_s of both counts is another one than that given its count."""
    model = Model.from_workspace(one_control(4, 3, control=3.0))
    summed, held = (Exact(hold=hold).cl_s(model, [4.0])[0] for hold in ((), ("CR",)))
    assert summed.notes == ()
    assert abs(summed.observed - held.observed) > 1e-3


def test_a_precise_control_region_leaves_the_background_that_it_measures():
    """1000 control events: 10 +- 3.2%, whatever the 50% were before."""
    found = upper_limit(reported("exact_drops_control_region.json"))
    lone = workspace(
        {"SR": {"sig": ([5.0], []), "b": ([10.0], [normsys("ub", 1 + 1 / math.sqrt(1000))])}}, {"SR": [10]}
    )
    assert found.expected.median == pytest.approx(upper_limit(lone).expected.median, rel=2e-3)
    assert found.observed == pytest.approx(upper_limit(lone).observed, rel=2e-3)
    assert found.error.limit < 1e-4


@pytest.mark.parametrize("held", [8, 30])
def test_p0_is_an_integral(held):
    brute = BruteForce([held], [0.0])
    found = significance(Model.from_workspace(reported(f"cr_constrains_b_{held}.json")), Exact())
    at_least = 1 - brute.probabilities(np.arange(4), 0.0).sum()
    mode = THETA[np.argmax(brute.log_density(THETA, 0.0))]
    assert found.p0 == pytest.approx(at_least if mode < 0 else 1.0, rel=1e-5)
    assert found.held == ("CR",)


def test_p0_of_a_deficit_in_the_control_region_is_no_longer_one():
    found = significance(Model.from_workspace(reported("cr_constrains_b_8.json")), Exact())
    assert found.p0 == pytest.approx(0.11, abs=0.01)
    assert found.mu == pytest.approx(2.26, abs=0.01)


def test_p0_with_a_leak():
    """q0 of a count is compared with the others' by brute force."""
    brute = BruteForce([8], [0.2])
    fits = [brute.best(k) for k in range(40)]
    q0 = np.array([0.0 if at <= 0 else 2 * (brute.nll(k, 0.0) - low) for k, (low, at) in enumerate(fits)])
    expected = brute.probabilities(np.arange(40), 0.0)[q0 >= q0[4] - 1e-7].sum()
    found = significance(Model.from_workspace(one_control(4, 8, leak=0.2)), Exact())
    assert found.p0 == pytest.approx(expected, rel=1e-5)


def test_feldman_cousins_follows_the_control_count():
    ends = {}
    for held in (8, 30):
        brute = BruteForce([held], [0.0])
        fits = [brute.best(k) for k in range(45)]
        counts = np.arange(45)

        def rejected(mu, brute=brute, fits=fits, counts=counts):
            t = np.array([2 * (brute.nll(k, mu) - low) for k, (low, _) in enumerate(fits)])
            return brute.probabilities(counts, mu)[t >= t[4] - 1e-7].sum() - 0.1

        found = upper_limit(one_control(4, held), FeldmanCousins())
        ends[held] = found.observed
        assert rejected(found.observed * 0.999) > 0 > rejected(found.observed * 1.001)
        assert found.held == ("CR",)
    assert ends[8] > ends[30] + 0.5


def test_the_band_is_that_of_counts_given_the_control_count():
    brute = BruteForce([8], [0.0])
    running = np.cumsum(brute.probabilities(np.arange(40), 0.0))
    counts = [int(np.searchsorted(running, norm.cdf(z))) for z in (-1, 0, 1)]
    found = upper_limit(one_control(4, 8)).expected
    for count, value in zip(counts, (found.minus1, found.median, found.plus1), strict=True):
        assert value == pytest.approx(upper_limit(one_control(count, 8)).observed, rel=1e-9)


def test_a_control_count_of_zero():
    limit = upper_limit(one_control(2, 0))
    assert limit.observed == pytest.approx(BruteForce([0], [0.0]).limit(2), rel=1e-4)


def test_two_control_regions_are_one_of_their_sum():
    """Both measure the same background: their Poisson factors multiply."""
    background = [normsys("ub", 1.5)]
    channels = {
        "SR": {"sig": ([1.0], []), "b": ([4.0], background)},
        "C1": {"b": ([10.0], background)},
        "C2": {"b": ([20.0], background)},
    }
    two = upper_limit(workspace(channels, {"SR": [4], "C1": [3], "C2": [9]}))
    assert two.held == ("C1", "C2")
    assert two.observed == pytest.approx(upper_limit(one_control(4, 12)).observed, rel=1e-6)
    shape = {"SR": channels["SR"], "CR": {"b": ([10.0, 20.0], background)}}
    bins = upper_limit(workspace(shape, {"SR": [4], "CR": [3, 9]}))
    assert bins.held == ("CR",)
    assert bins.observed == pytest.approx(two.observed, rel=1e-9)


def test_a_side_bin_of_a_shape_is_held():
    one_channel = workspace(
        {"shape": {"sig": ([0.0, 1.0], []), "b": ([30.0, 4.0], [normsys("ub", 1.5)])}}, {"shape": [8, 4]}
    )
    found = upper_limit(one_channel)
    assert found.held == ("shape[0]",)
    assert found.observed == pytest.approx(upper_limit(one_control(4, 8)).observed, rel=1e-9)


def test_a_control_region_with_an_uncertainty_of_its_own():
    """A second integral: CR has 30 1.5^theta 1.2^eta."""
    channels = {
        "SR": {"sig": ([1.0], []), "b": ([4.0], [normsys("ub", 1.5)])},
        "CR": {"b": ([30.0], [normsys("ub", 1.5), normsys("own", 1.2)])},
    }
    found = upper_limit(workspace(channels, {"SR": [4], "CR": [8]})).observed
    eta = np.linspace(-8, 8, 801)
    theta = THETA[::6]
    rates = 30 * 1.5 ** theta[:, None] * 1.2 ** eta[None, :]
    weight = (np.exp(-0.5 * theta[:, None] ** 2 - 0.5 * eta[None, :] ** 2) * poisson.pmf(8, rates)).sum(axis=1)
    weight /= weight.sum()
    below = [poisson.cdf(4, mu + 4 * 1.5**theta) @ weight for mu in (found, 0.0)]
    assert below[0] / below[1] == pytest.approx(0.1, rel=1e-5)


def test_signal_uncertainties_beside_a_control_region():
    """The efficiency and the background are independent: a double integral."""
    channels = {
        "SR": {"sig": ([1.0], [normsys("eff", 1.2)]), "b": ([4.0], [normsys("ub", 1.5)])},
        "CR": {"b": ([30.0], [normsys("ub", 1.5)])},
    }
    found = upper_limit(workspace(channels, {"SR": [4], "CR": [8]})).observed
    logs = BruteForce([8], [0.0]).log_density(THETA[::6], 0.0)
    weight = np.outer(np.exp(logs - logs.max()), norm.pdf(np.linspace(-8, 8, 801)))
    rates = 4 * 1.5 ** THETA[::6][:, None] + found * 1.2 ** np.linspace(-8, 8, 801)[None, :]
    with_signal = (poisson.cdf(4, rates) * weight).sum()
    without = (poisson.cdf(4, 4 * 1.5 ** THETA[::6])[:, None] * weight).sum()
    assert with_signal / without == pytest.approx(0.1, rel=1e-5)


def test_two_signal_regions_and_a_control_region():
    """P(n1, n2 | mu) of the enumeration is one integral over what all three share."""
    background = [normsys("ub", 1.5)]
    channels = {
        "S1": {"sig": ([1.0], []), "b": ([4.0], background)},
        "CR": {"b": ([30.0], background), "sig": ([0.1], [])},
        "S2": {"sig": ([2.0], []), "b": ([1.0], background)},
    }
    model = Model.from_workspace(workspace(channels, {"S1": [4], "CR": [8], "S2": [1]}))
    counts = divide(model, "exact method")
    assert counts.names == ("S1", "S2", "CR")
    found = Enumeration(counts).average.count_probabilities(1.3, ((3, 5), (0, 2))).mean(axis=0)
    logs = BruteForce([8], [0.1]).log_density(THETA, 1.3)
    weight = np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum()
    first = poisson.pmf(np.arange(3, 6)[:, None], 1.3 + 4 * 1.5**THETA)
    second = poisson.pmf(np.arange(3)[:, None], 2.6 + 1.5**THETA)
    assert found == pytest.approx((first * weight) @ second.T, rel=1e-6)


def test_a_free_background_is_measured_by_its_control_region():
    """Flat prior times Poisson: a Gamma density, so that n is negative binomial. tau = 3 control events a signal-region event."""
    free = [{"name": "k", "type": "normfactor", "data": None}]
    channels = {"SR": {"sig": ([1.0], []), "b": ([1.0], free)}, "CR": {"b": ([3.0], free)}}
    found = upper_limit(workspace(channels, {"SR": [4], "CR": [9]}))
    rate = np.linspace(1e-6, 20, 200_001)
    weight = gamma.pdf(rate, 10, scale=1 / 3)
    below = [(poisson.cdf(4, mu + rate) * weight).sum() for mu in (found.observed, 0.0)]
    assert below[0] / below[1] == pytest.approx(0.1, rel=1e-4)
    assert any(note.startswith("free, with a flat prior") and "k (from 0)" in note for note in found.notes)


@pytest.mark.parametrize(
    ("bounds", "control"),
    [((22, 100), 20), ((0, 10), 20), ((0.5, 12), 20), ((0, 20), 20), ((18, 22), 20), ((0.5, 4), 0), ((0, 10), 1000)],
)
def test_bounds_of_a_free_background(bounds, control):
    """The flat prior ends at the bounds, wherever the control count would have the factor."""
    free = [{"name": "k", "type": "normfactor", "data": None}]
    channels = {"SR": {"sig": ([1.0], []), "b": ([1.0], free)}, "CR": {"b": ([1.0], free)}}
    spec = workspace(channels, {"SR": [8], "CR": [control]})
    spec["measurements"][0]["config"]["parameters"].append(
        {"name": "k", "bounds": [list(bounds)], "inits": [sum(bounds) / 2]}
    )
    found = upper_limit(spec)

    nodes, weights = np.polynomial.legendre.leggauss(400)
    rate = (bounds[0] + bounds[1]) / 2 + (bounds[1] - bounds[0]) / 2 * nodes
    logs = poisson.logpmf(control, rate)
    weights = weights * np.exp(logs - logs.max())
    below = [(poisson.cdf(8, mu + rate) * weights).sum() for mu in (found.observed, 0.0)]
    assert below[0] / below[1] == pytest.approx(0.1, rel=1e-4)
    text = f"k (from {bounds[0]:g} to {bounds[1]:g})"
    assert any(text in note for note in found.notes)


@pytest.mark.parametrize(("leak", "words"), [(0.2, "held; --hold none sums"), (0.3, "summed over; --hold CR holds it")])
def test_a_note_near_the_border_of_the_rule(leak, words):
    common = normsys("ub", 1.5)
    channels = {
        "SR": {"sig": ([1.0], []), "b": ([4.0], [common])},
        "CR": {"sig": ([leak], []), "b": ([4.0], [common])},
    }
    notes = upper_limit(workspace(channels, {"SR": [4], "CR": [4]})).notes
    share = leak**2 / (1 + leak**2)
    assert [f"CR has {share:.2g} of the information on mu" in note and words in note for note in notes].count(True) == 1


def test_transfer_factors_from_three_control_regions():
    """ABCD: N = B C / D, t = D / C, u = D / B; dN dt du = dB dC dD / (B C), so that B, C and D have Gamma densities."""
    n, t, u = ({"name": name, "type": "normfactor", "data": None} for name in "ntu")
    channels = {
        "A": {"sig": ([1.0], []), "b": ([1.0], [n])},
        "B": {"b": ([1.0], [n, t])},
        "C": {"b": ([1.0], [n, u])},
        "D": {"b": ([1.0], [n, t, u])},
    }
    config = [{"name": name, "bounds": [[0, 1000]]} for name in "ntu"]
    ws = workspace(channels, {"A": [4], "B": [30], "C": [40], "D": [300]})
    ws["measurements"][0]["config"]["parameters"] = config
    found = upper_limit(ws)
    assert found.held == ("B", "C", "D")
    rng = np.random.default_rng(3)
    b, c, d = rng.gamma(30, size=400_000), rng.gamma(40, size=400_000), rng.gamma(301, size=400_000)
    rate = b * c / d
    below = [poisson.cdf(4, mu + rate).mean() for mu in (found.observed, 0.0)]
    assert below[0] / below[1] == pytest.approx(0.1, rel=5e-3)


def test_a_free_factor_that_no_control_count_fixes_is_refused():
    free = [{"name": "k", "type": "normfactor", "data": None}]
    alone = workspace({"SR": {"sig": ([1.0], []), "b": ([1.0], free)}}, {"SR": [4]})
    with pytest.raises(WorkspaceError, match="k is free"):
        upper_limit(alone)
    two = [*free, {"name": "l", "type": "normfactor", "data": None}]
    channels = {"SR": {"sig": ([1.0], []), "b": ([1.0], free)}, "CR": {"b": ([3.0], two)}}
    with pytest.raises(WorkspaceError, match="k, l: free"):
        upper_limit(workspace(channels, {"SR": [4], "CR": [9]}))


def test_a_bin_without_signal_and_without_a_common_parameter_has_no_part():
    channels = {
        "SR": {"sig": ([1.0], []), "b": ([4.0], [normsys("ub", 1.5)])},
        "X": {"b": ([7.0], [normsys("x", 1.3)])},
    }
    found = upper_limit(workspace(channels, {"SR": [4], "X": [3]}))
    lone = upper_limit(workspace({"SR": channels["SR"]}, {"SR": [4]}))
    assert found.observed == lone.observed
    assert found.held == ()
    assert any(note.startswith("no part: X") for note in found.notes)


def test_many_signals_at_once_are_those_one_by_one():
    model = Model.from_workspace(one_control(4, 8, leak=0.1))
    factors = np.array([[2.0, 2.0], [4.0, 1.0], [6.0, 0.0], [0.0, 0.0], [1.0, 60.0]])
    together = Exact().cl_s_of_signals(model, factors)
    for row, found in zip(factors, together, strict=True):
        alone = Exact().cl_s(model.with_signal_scaled(row), [1.0])[0]
        assert found.observed == pytest.approx(alone.observed, rel=1e-6)
        assert found.notes == alone.notes


def test_which_channel_comes_first_decides_nothing():
    original = one_control(4, 8, leak=0.1)
    turned = {**original, "channels": original["channels"][::-1], "observations": original["observations"][::-1]}
    assert upper_limit(turned).observed == pytest.approx(upper_limit(original).observed, rel=1e-7)


def test_what_cannot_be_held_is_refused():
    model = one_control(4, 8)
    with pytest.raises(RegionError, match=r"hold 'XR'.*expected any of SR, CR"):
        upper_limit(model, Exact(hold=("XR",)))
    with pytest.raises(RegionError, match="every count with signal is to be held"):
        upper_limit(model, Exact(hold=("SR",)))
    with pytest.raises(InputError, match="a tuple of names"):
        Exact(hold="CR")
    projection = {**model, "measurements": [{"name": "projection", "config": {"poi": "mu", "parameters": []}}]}
    with pytest.raises(InputError, match="no observed count to hold"):
        upper_limit(projection, Exact(hold=("CR",)))
    impossible = workspace(
        {"SR": {"sig": ([1.0], []), "b": ([4.0], [])}, "CR": {"sig": ([0.1], []), "b": ([0.0], [])}},
        {"SR": [4], "CR": [2]},
    )
    with pytest.raises((ComputationError, RegionError)):
        upper_limit(impossible, Exact(hold=("CR",)))


def test_settings_of_a_rule_are_those_of_earlier_records():
    assert "hold" not in Exact().settings
    assert Exact(hold=("CR",)).settings["hold"] == ["CR"]
