"""Response and acceptance: closed forms without spread, sum rules, independent quadrature and Monte Carlo."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from na64stat.errors import ComputationError, InputError
from na64stat.experiment.acceptance import acceptance_curve
from na64stat.experiment.response import CHANNELS, Response
from na64stat.plane import Binning, Region

RESPONSE = Response(160.0, 3.0, 6.5, 1.5, 0.03, 0.65, 0.06)
SHARP = Response(160.0, 0.0, 6.5, 0.0, 0.0, 0.0, 0.0)
INVISIBLE = Region("invisible", e_cal=(-math.inf, 12.0), p_out=(-math.inf, 80.0))
VISIBLE = Region("visible", e_cal=(12.0, math.inf), total=(146.5, 186.5))
TRIGGER = replace(VISIBLE, name="visible_trigger", p_out=(-math.inf, 80.0))
BOX = Region("box", e_cal=(12.0, 60.0), p_out=(20.0, 150.0), total=(150.0, 170.0))
REGIONS = [INVISIBLE, VISIBLE, TRIGGER, BOX]


def sample(response, channel, x, size, seed):
    """Measured points (E_CAL, p_out) of single muons."""
    rng = np.random.default_rng(seed)
    energy = rng.normal(response.beam_energy, response.beam_spread, size)
    shower = x * energy if channel == "visible" else np.zeros(size)
    width = np.sqrt(shower * response.shower_stochastic**2 + (shower * response.shower_constant) ** 2)
    e_cal = rng.normal(response.mip_energy, response.mip_spread, size) + shower + width * rng.normal(size=size)
    p_out = (1 - x) * energy * (1 + response.momentum_resolution * rng.normal(size=size))
    return e_cal, p_out


def inside(region, e_cal, p_out):
    cuts = ((e_cal, region.e_cal), (p_out, region.p_out), (e_cal + p_out, region.total))
    return np.logical_and.reduce([(value > low) & (value < high) for value, (low, high) in cuts])


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region.name)
@pytest.mark.parametrize("channel", CHANNELS)
def test_acceptance_is_the_fraction_of_simulated_events(region, channel):
    size = 400_000
    for seed, x in enumerate([0.02, 0.05, 0.2, 0.48, 0.52, 0.9]):
        fraction = inside(region, *sample(RESPONSE, channel, x, size, seed)).mean()
        probability = float(RESPONSE.acceptance(region, channel, x))
        # 4.5 standard deviations, 48 comparisons; one event where none is expected
        allowed = 4.5 * math.sqrt(probability * (1 - probability) / size) + 1.5 / size
        assert abs(fraction - probability) < allowed, x


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region.name)
@pytest.mark.parametrize("channel", CHANNELS)
def test_without_spread_the_true_point_decides(region, channel):
    x = np.linspace(0.0, 1.0, 398)[1:-1]  # none on a cut
    e_cal = 6.5 + 160 * x if channel == "visible" else np.full_like(x, 6.5)
    expected = inside(region, e_cal, 160 * (1 - x))
    np.testing.assert_allclose(SHARP.acceptance(region, channel, x), expected, atol=1e-9)


def test_rectangle_for_one_beam_energy_is_a_product_of_gaussians():
    response = replace(RESPONSE, beam_spread=0.0)
    for x in (0.03, 0.3, 0.5, 0.7):
        p = norm.cdf(80, 160 * (1 - x), 0.03 * 160 * (1 - x))
        assert response.acceptance(INVISIBLE, "invisible", x) == pytest.approx(norm.cdf(12, 6.5, 1.5) * p, abs=1e-12)


def test_momentum_cut_averaged_over_the_beam():
    only_p = Region("slow", p_out=(-math.inf, 80.0))
    for x in (0.4, 0.5, 0.53):
        expected, _ = quad(
            lambda e0, x=x: norm.pdf(e0, 160, 3) * norm.cdf(80, (1 - x) * e0, 0.03 * (1 - x) * e0),
            130,
            190,
            epsabs=1e-12,
        )
        assert RESPONSE.acceptance(only_p, "visible", x) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("resolution", [0.003, 0.03])
def test_sum_cut_alone_is_a_gaussian_of_the_sum(resolution):
    response = replace(RESPONSE, momentum_resolution=resolution)
    only_sum = Region("sum", total=(146.5, 170.0))
    for x in (0.05, 0.5, 0.95):

        def content(e0, x=x):
            shower = x * e0
            variance = 1.5**2 + 0.65**2 * shower + (0.06 * shower) ** 2 + (resolution * (1 - x) * e0) ** 2
            low, high = norm.cdf([146.5, 170.0], 6.5 + e0, math.sqrt(variance))
            return norm.pdf(e0, 160, 3) * (high - low)

        expected, _ = quad(content, 136, 184, epsabs=1e-12, limit=200)
        assert response.acceptance(only_sum, "visible", x) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("channel", CHANNELS)
def test_diagonal_halves_add_up(channel):
    x = np.array([0.01, 0.04, 0.3, 0.6, 0.97])
    whole = Region("whole", e_cal=(12.0, 60.0), p_out=(20.0, 150.0))
    parts = [replace(whole, total=part) for part in ((-math.inf, 150.0), (150.0, 170.0), (170.0, math.inf))]
    added = sum(RESPONSE.acceptance(part, channel, x) for part in parts)
    np.testing.assert_allclose(added, RESPONSE.acceptance(whole, channel, x), atol=1e-8)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region.name)
@pytest.mark.parametrize("channel", CHANNELS)
def test_curve_is_the_acceptance(region, channel):
    curve = acceptance_curve(RESPONSE, region, channel)
    assert curve is acceptance_curve(RESPONSE, replace(region), channel)  # made once
    rng = np.random.default_rng(5)
    logit = rng.uniform(-25, 25, 3000)
    x = np.concatenate([rng.uniform(0, 1, 3000), 1 / (1 + np.exp(-logit)), [0.0, 1.0]])
    assert np.max(np.abs(curve(x) - RESPONSE.acceptance(region, channel, x))) < 3e-7


def test_curve_refuses_a_jump():
    with pytest.raises(ComputationError, match="too steep"):
        acceptance_curve(SHARP, INVISIBLE, "invisible")


def test_acceptance_rises_between_the_breaks_of_a_cut():
    start, middle, stop = RESPONSE.breaks(INVISIBLE, "invisible")
    assert middle == pytest.approx(0.5)
    low, half, high = RESPONSE.acceptance(INVISIBLE, "invisible", [start, middle, stop])
    assert low < 1e-5
    assert half == pytest.approx(0.5, abs=0.01)
    assert high == pytest.approx(norm.cdf(12, 6.5, 1.5), abs=1e-5)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_plane_without_borders_holds_every_event(channel):
    edges = (-100.0, *np.arange(-20.0, 260.0, 4.0), 400.0)
    x, weights = np.linspace(0.001, 0.999, 50), np.linspace(1, 2, 50)
    counts = RESPONSE.plane_counts(Binning(edges, edges), channel, x, weights)
    assert counts.shape == (len(edges) - 1,) * 2
    assert counts.sum() == pytest.approx(weights.sum(), rel=1e-9)


def test_the_plane_loses_little_below_zero():
    upper = (0.0, 1000.0)
    for channel in CHANNELS:
        for x in (1e-6, 0.1, 0.5, 0.999):
            lost = 1 - RESPONSE.plane_counts(Binning(upper, upper), channel, [x], [1.0]).sum()
            assert -1e-9 < lost <= norm.cdf(0, 6.5, 1.5) + 1e-9  # 7e-6, all of it E_CAL
    assert norm.cdf(0, 6.5, 1.5) < 1e-5


@pytest.mark.parametrize("channel", CHANNELS)
def test_bins_of_a_region_add_up_to_its_acceptance(channel):
    x, weights = np.linspace(0.01, 0.99, 99), np.linspace(2, 1, 99)
    binning = Binning.uniform()
    wide = Region("wide", e_cal=(12.0, 100.0), p_out=(40.0, 120.0))
    for region in (INVISIBLE, wide):  # cuts on bin edges
        bins = RESPONSE.plane_counts(binning, channel, x, weights)[region.holds_bins(binning)].sum()
        expected = np.sum(weights * RESPONSE.acceptance(region, channel, x))
        assert bins == pytest.approx(expected, abs=2e-5 * weights.sum())


@pytest.mark.parametrize("region", [VISIBLE, TRIGGER], ids=lambda region: region.name)
def test_bins_of_a_diagonal_region_add_up_to_its_acceptance(region):
    # With bins of 1 GeV the sums of the centres are whole numbers and the cuts, 146.5 and 186.5, lie half-way between:
    # what the staircase of bins takes too much and too little cancels to second order.
    x, weights = np.linspace(0.02, 0.98, 49), np.ones(49)
    edges = tuple(np.arange(0.0, 301.0))
    binning = Binning(edges, edges)
    bins = RESPONSE.plane_counts(binning, "visible", x, weights)[region.holds_bins(binning)].sum()
    assert bins == pytest.approx(np.sum(RESPONSE.acceptance(region, "visible", x)), rel=1e-3)


@pytest.mark.parametrize("channel", CHANNELS)
def test_plane_is_the_histogram_of_simulated_events(channel):
    size, binning = 400_000, Binning.uniform(width=20.0)
    simulated = np.zeros(binning.shape)
    for seed, x in enumerate((0.1, 0.6)):
        simulated += np.histogram2d(*sample(RESPONSE, channel, x, size, seed), bins=(binning.e_cal, binning.p_out))[0]
    expected = RESPONSE.plane_counts(binning, channel, [0.1, 0.6], [size, size])
    filled = expected > 25
    pulls = (simulated - expected)[filled] / np.sqrt(expected[filled])
    assert np.count_nonzero(filled) >= 4
    assert np.max(np.abs(pulls)) < 4.5


def test_a_steeper_response_gets_more_beam_energies():
    # A momentum resolution of 0.3% beside a beam spread of 1.9%.
    response = replace(RESPONSE, momentum_resolution=0.003)
    only_p = Region("slow", p_out=(-math.inf, 80.0))
    expected, _ = quad(
        lambda e0: norm.pdf(e0, 160, 3) * norm.cdf(80, 0.5 * e0, 0.0015 * e0),
        136,
        184,
        points=[160],
        epsabs=1e-12,
        limit=200,
    )
    assert response.acceptance(only_p, "visible", 0.5) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("x", [-0.1, 1.1, math.nan])
def test_x_outside_its_range_is_refused(x):
    with pytest.raises(InputError, match=r"x must lie in \[0, 1\]"):
        RESPONSE.acceptance(INVISIBLE, "visible", [0.5, x])
    with pytest.raises(InputError, match=r"x must lie in \[0, 1\]"):
        acceptance_curve(RESPONSE, INVISIBLE, "visible")([0.5, x])


def test_unknown_channel_is_refused():
    with pytest.raises(InputError, match="visible or invisible, got 'seen'"):
        RESPONSE.acceptance(INVISIBLE, "seen", 0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mip_spread": -1.0}, "mip_spread = -1.0"),
        ({"beam_energy": math.nan}, "beam_energy = nan"),
        ({"beam_spread": 40.0}, "six times beam_spread"),
        ({"momentum_resolution": 0.0}, "too wide beside momentum_resolution"),
    ],
)
def test_impossible_responses_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        replace(RESPONSE, **change)


def test_plane_needs_one_weight_per_event():
    with pytest.raises(InputError, match="lists of one length"):
        RESPONSE.plane_counts(Binning.uniform(), "visible", [0.1, 0.2], [1.0])
