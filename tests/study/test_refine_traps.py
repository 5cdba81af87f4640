"""Shapes that mislead a refinement or a triangulation: walls, symmetric curvature, thin tails, tall cells."""

import math

import numpy as np
import pytest

from na64stat.contour.refine import refine
from na64stat.contour.region import ExclusionRegion

BOX = ((math.log(1e-3), 0.0), (math.log(1e-6), 0.0))
TOLERANCE = 0.005


def found(function):
    nodes = refine(lambda u, v: {"observed": function(u, v)}, BOX, TOLERANCE)
    excess = nodes.values["observed"]
    return ExclusionRegion.of_points(nodes.log_mass, nodes.log_coupling, excess, excess)


@pytest.mark.parametrize("wall", [-6.0123, -4.3, -3.0123, -1.0])
@pytest.mark.parametrize("height", [0.1, 1.0, 5.0])
def test_the_signal_stops_at_a_threshold(wall, height):
    """Minus infinity beside a small excess: a straight line between them is zero close to the excess, wherever the wall is."""
    region = found(lambda u, v: np.where(u < wall, height + 0 * v, -np.inf))
    (contour,) = region.contours
    assert np.abs(np.log(contour.mass) - wall).max() < TOLERANCE
    assert math.log(region.tip.mass) == pytest.approx(wall, abs=TOLERANCE)


@pytest.mark.parametrize("centre", [-6.9, -7.3, -4.44])
def test_curvature_of_either_sign_around_zero(centre):
    """A cubic: halving an interval with equal ends of opposite sign says nothing."""
    region = found(lambda u, v: (v - centre) ** 3 + 1e-3 * (v - centre) + 0 * u)
    (contour,) = region.contours
    assert np.abs(np.log(contour.coupling) - centre).max() < TOLERANCE


def test_a_thin_tail_is_followed_to_the_border():
    """Its width, 0.0135 at the largest mass, is more than the tolerance."""
    region = found(lambda u, v: 0.05 * np.exp(-2 * (u + 3.5)) - (v + 6.9 + u) ** 2)
    assert "high mass" in region.open_at
    assert region.tip.open
    for mass in (0.1, 0.5, 0.99):
        ((low, high),) = region.edges(mass)
        half = math.sqrt(0.05) * math.exp(-(math.log(mass) + 3.5))
        assert math.log(low) == pytest.approx(-6.9 - math.log(mass) - half, abs=TOLERANCE)
        assert math.log(high) == pytest.approx(-6.9 - math.log(mass) + half, abs=TOLERANCE)


def test_the_estimate_of_the_error_is_honest():
    nodes = refine(lambda u, v: {"observed": 1 - (u + 3.5) ** 2 - (v + 7) ** 2}, BOX, 0.02)
    excess = nodes.values["observed"]
    (contour,) = ExclusionRegion.of_points(nodes.log_mass, nodes.log_coupling, excess, excess).contours
    error = np.abs(np.hypot(np.log(contour.mass) + 3.5, np.log(contour.coupling) + 7) - 1).max()
    assert 0 < error < nodes.reached <= 0.02
    assert (nodes.unsettled, nodes.failed) == (0, 0)


def test_failures_are_counted_and_a_single_one_is_closed_in_on():
    spoiled = (-3.5, -6.9)

    def function(u, v):
        near = np.hypot(u - spoiled[0], v - spoiled[1]) < 0.02
        return np.where(near, np.nan, v + 6.9)

    nodes = refine(lambda u, v: {"observed": function(u, v)}, BOX, TOLERANCE)
    assert nodes.failed == np.count_nonzero(np.isnan(nodes.values["observed"])) > 0
    excess = nodes.values["observed"]
    contours = ExclusionRegion.of_points(nodes.log_mass, nodes.log_coupling, excess, excess).contours
    gaps = sorted(math.log(contour.mass[k]) for contour in contours for k in (0, -1))
    assert len(gaps) == 4
    assert gaps[1] == pytest.approx(spoiled[0] - 0.02, abs=0.01)
    assert gaps[2] == pytest.approx(spoiled[0] + 0.02, abs=0.01)


@pytest.mark.parametrize("ratio", [1.0, 30.0])
def test_contours_of_a_grid_and_contains_agree_whatever_the_shape_of_its_cells(ratio):
    """On each cell the mean of the corners and straight lines to them, no neighbour across a side."""
    u, v = np.linspace(-6, 0, 25), np.linspace(-6, 0, 25) * ratio
    excess = np.random.default_rng(3).normal(size=(25, 25))
    region = ExclusionRegion.of_grid(u, v, excess, excess)
    for mass, coupling in ((np.exp(u[7]), 10), (np.exp(u[12]), 3)):
        column = excess[np.argmin(np.abs(u - math.log(mass)))]
        at = np.linspace(v[coupling], v[coupling + 1], 7)
        told = region.excess_at(mass, np.exp(at))
        np.testing.assert_allclose(told, np.interp(at, v, column), atol=1e-9)
    for contour in region.contours:
        np.testing.assert_allclose(region.excess_at(contour.mass, contour.coupling), 0, atol=1e-9)


def test_the_area_of_a_tilted_plane_over_a_grid_is_exact():
    u, v = np.array([-5.0, -4.9, -3.0, 0.0]), np.array([-14.0, -7.0, -6.9, -1.0])
    excess = 2 * u[:, None] + v[None, :] + 12
    region = ExclusionRegion.of_grid(u, v, excess, excess)
    grid = np.linspace(-5, 0, 50_001)
    covered = np.clip(-1 - np.clip(-12 - 2 * grid, -14, -1), 0, 13)
    assert region.area == pytest.approx(np.trapezoid(covered, grid) / math.log(10) ** 2, rel=1e-6)
