"""Regions from adaptive refinement: areas, contours and tips of shapes whose answers are known in closed form."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from na64stat.contour.refine import refine
from na64stat.contour.region import BORDERS, ExclusionRegion
from na64stat.errors import InputError

BOX = ((-7.0, 0.0), (-14.0, 0.0))
DECADES = math.log(10) ** 2
TOLERANCE = 0.005


def found(function, tolerance=TOLERANCE, box=BOX):
    """The region of a function of (ln m, ln g), and the number of its evaluations."""
    nodes = refine(lambda u, v: {"observed": function(u, v)}, box, tolerance)
    excess = nodes.values["observed"]
    region = ExclusionRegion.of_points(nodes.log_mass, nodes.log_coupling, excess, excess)
    return region, len(excess)


def ellipse(u, v, centre=(-3.5, -7.0), axes=(2.0, 3.0)):
    return 1 - ((u - centre[0]) / axes[0]) ** 2 - ((v - centre[1]) / axes[1]) ** 2


def logs(contour):
    return np.log(contour.mass), np.log(contour.coupling)


def signed_area(contour):
    """Of a closed curve, positive counterclockwise."""
    u, v = logs(contour)
    return 0.5 * float(np.sum(u[:-1] * v[1:] - u[1:] * v[:-1]))


def test_an_ellipse():
    region, evaluations = found(ellipse)
    assert evaluations < 3000
    assert region.area == pytest.approx(math.pi * 6 / DECADES, rel=1e-3)
    (contour,) = region.contours
    assert contour.closed
    assert (contour.mass[0], contour.coupling[0]) == (contour.mass[-1], contour.coupling[-1])
    u, v = logs(contour)
    # Distance to the shore, from the value and the gradient there.
    slope = np.hypot(2 * (u + 3.5) / 4, 2 * (v + 7) / 9)
    assert np.max(np.abs(ellipse(u, v)) / slope) < TOLERANCE
    # The excluded side is on the left.
    assert signed_area(contour) == pytest.approx(math.pi * 6, rel=1e-3)
    assert region.tip.mass == pytest.approx(math.exp(-1.5), rel=TOLERANCE)
    assert not region.tip.open
    assert region.tip.coupling == pytest.approx(math.exp(-7), rel=0.3)  # a flat maximum
    assert region.open_at == ()


@pytest.mark.parametrize("tolerance", [0.05, 0.02, 0.01, 0.002])
def test_the_tolerance_is_kept_and_asks_for_more_points(tolerance):
    region, _ = found(ellipse, tolerance)
    u, v = logs(region.contours[0])
    slope = np.hypot(2 * (u + 3.5) / 4, 2 * (v + 7) / 9)
    assert np.max(np.abs(ellipse(u, v)) / slope) < tolerance
    assert region.area == pytest.approx(math.pi * 6 / DECADES, abs=tolerance * 16 / DECADES)


def test_finer_is_dearer():
    sizes = [found(lambda u, v: np.tanh(40 * ellipse(u, v)), tolerance)[1] for tolerance in (0.05, 0.01, 0.002)]
    assert sizes == sorted(set(sizes))


def test_a_verdict_that_jumps():
    """Nothing to interpolate: cells go down to the tolerance."""
    region, _ = found(lambda u, v: np.where(ellipse(u, v) > 0, 2.0, -1.0), 0.02)
    u, v = logs(region.contours[0])
    slope = np.hypot(2 * (u + 3.5) / 4, 2 * (v + 7) / 9)
    assert np.max(np.abs(ellipse(u, v)) / slope) < 0.03
    assert region.area == pytest.approx(math.pi * 6 / DECADES, rel=5e-3)


@pytest.mark.long
def test_a_cliff():
    """An exponential cut-off, over hundreds of orders of magnitude within a cell, and minus infinity beyond."""

    def height(u, v):
        with np.errstate(over="ignore"):
            value = 5 - np.exp(8 * (v + 5 - 0.3 * u))
        return np.where(value < -1e6, -np.inf, value)

    region, evaluations = found(height)
    assert evaluations < 6000
    edge = -5 + math.log(5) / 8  # at u = 0
    for mass in (0.01, 0.1):
        ((low, high),) = region.edges(mass)
        assert low == pytest.approx(math.exp(-14))
        assert math.log(high) == pytest.approx(edge + 0.3 * math.log(mass), abs=TOLERANCE)


def test_two_components_and_their_bounding_boxes():
    def two(u, v):
        return np.maximum(ellipse(u, v, (-5, -10), (0.6, 0.6)), ellipse(u, v, (-2, -3), (1, 1)))

    region, _ = found(two)
    large, small = region.components
    assert large.area == pytest.approx(math.pi / DECADES, rel=3e-3)
    assert small.area == pytest.approx(0.36 * math.pi / DECADES, rel=5e-3)
    assert np.log(large.mass) == pytest.approx([-3, -1], abs=TOLERANCE)
    assert np.log(small.coupling) == pytest.approx([-10.6, -9.4], abs=TOLERANCE)
    assert region.area == pytest.approx(large.area + small.area)
    assert len(region.contours) == 2
    assert region.edges(math.exp(-5)) != ()
    assert region.edges(math.exp(-3.9)) == ()


def test_a_hole():
    def ring(u, v):
        return np.minimum(ellipse(u, v), -ellipse(u, v, axes=(1.0, 1.5)))

    region, _ = found(ring)
    assert region.area == pytest.approx(math.pi * (6 - 1.5) / DECADES, rel=2e-3)
    assert sorted(signed_area(contour) for contour in region.contours) == [
        pytest.approx(-1.5 * math.pi, rel=3e-3),
        pytest.approx(6 * math.pi, rel=3e-3),
    ]
    assert len(region.components) == 1
    assert len(region.edges(math.exp(-3.5))) == 2
    assert not region.contains(math.exp(-3.5), math.exp(-7))


def test_a_narrow_tip():
    """A wedge that narrows to nothing at ln m = -1: followed until it is thinner than the tolerance."""
    region, _ = found(lambda u, v: 0.1 * (-1 - u) - np.abs(v + 7))
    assert math.log(region.tip.mass) == pytest.approx(-1, abs=0.06)
    assert region.tip.coupling == pytest.approx(math.exp(-7), rel=0.02)
    assert region.area == pytest.approx(0.1 * 36 / DECADES, rel=2e-2)
    assert region.open_at == ("low mass",)


@pytest.mark.parametrize(
    ("function", "border"),
    [
        (lambda u, v: -5 - u + 0 * v, "low mass"),
        (lambda u, v: u + 2 + 0 * v, "high mass"),
        (lambda u, v: -11 - v + 0 * u, "low coupling"),
        (lambda u, v: v + 3 + 0 * u, "high coupling"),
    ],
    ids=BORDERS,
)
def test_each_border_is_reported(function, border):
    region, _ = found(function)
    (contour,) = region.contours
    assert not contour.closed
    across = BORDERS[2:] if "mass" in border else BORDERS[:2]
    assert set(contour.ends) == set(across)
    assert set(region.open_at) == {border, *across}
    assert region.tip.open == ("high mass" in region.open_at)
    assert region.components[0].open_at == region.open_at


@settings(max_examples=25, deadline=None)
@given(
    slope=st.floats(-3, 3),
    height=st.floats(-12, -2),
    point=st.tuples(st.floats(-7, 0), st.floats(-14, 0)),
)
def test_a_straight_line_is_exact(slope, height, point):
    region, _ = found(lambda u, v: v - height - slope * (u + 3.5))
    u, v = point
    distance = v - height - slope * (u + 3.5)
    if abs(distance) > 1e-9:
        assert bool(region.contains(math.exp(u), math.exp(v))) == (distance > 0)
    grid = np.linspace(-7, 0, 20_001)
    covered = np.clip(0 - (height + slope * (grid + 3.5)), 0, 14)
    assert region.area == pytest.approx(np.trapezoid(covered, grid) / DECADES, rel=1e-6, abs=1e-6)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_a_random_landscape_has_the_verdict_of_the_landscape(seed):
    """Sums of waves longer than the coarse cells: every point further from a shore than the tolerance is right."""
    rng = np.random.default_rng(seed)
    waves = [
        (rng.uniform(-1.5, 1.5), rng.uniform(-0.8, 0.8), rng.uniform(0, 6.3), rng.uniform(0.3, 1)) for _ in range(4)
    ]

    def landscape(u, v):
        return sum(a * np.sin(k * u + q * v + phase) for k, q, phase, a in waves) + 0.1

    region, evaluations = found(landscape)
    assert evaluations < 16_000
    u, v = rng.uniform(-7, 0, 3000), rng.uniform(-14, 0, 3000)
    wrong = region.contains(np.exp(u), np.exp(v)) != (landscape(u, v) > 0)
    for x, y in zip(u[wrong], v[wrong], strict=True):
        angle = np.linspace(0, 2 * np.pi, 24)
        around = landscape(x + 1.5 * TOLERANCE * np.cos(angle), y + 1.5 * TOLERANCE * np.sin(angle))
        assert around.min() < 0 < around.max()


def test_nothing_and_everything():
    nothing, _ = found(lambda u, v: -1 - 0 * u)
    assert (nothing.area, nothing.contours, nothing.tip, nothing.components, nothing.open_at) == (0, (), None, (), ())
    assert nothing.edges(0.1) == ()
    everything, _ = found(lambda u, v: 1 + 0 * u)
    assert everything.area == pytest.approx(7 * 14 / DECADES)
    assert everything.contours == ()
    assert everything.open_at == BORDERS
    assert everything.edges(0.1) == ((pytest.approx(math.exp(-14)), pytest.approx(1.0)),)


def test_failed_points_are_not_excluded_and_end_the_contours():
    def failing(u, v):
        return np.where(u > -2, np.nan, v + 7)

    region, _ = found(failing)
    assert region.failed > 0
    assert not region.contains(math.exp(-1), math.exp(-3))
    assert region.contains(math.exp(-3), math.exp(-3))
    (contour,) = region.contours
    assert set(contour.ends) == {"low mass", "failed points"}
    assert region.tip.mass <= math.exp(-2)


def test_levels_are_refined_together():
    def levels(u, v):
        return {"observed": ellipse(u, v), "median": ellipse(u, v, axes=(1.0, 1.0))}

    nodes = refine(levels, BOX, TOLERANCE)
    for name, area in (("observed", 6), ("median", 1)):
        region = ExclusionRegion.of_points(nodes.log_mass, nodes.log_coupling, nodes.values[name], nodes.values[name])
        assert region.area == pytest.approx(area * math.pi / DECADES, rel=2e-3)


def test_no_point_is_evaluated_twice_and_rounds_are_few():
    seen, rounds = [], []

    def once(u, v):
        seen.extend(zip(u.tolist(), v.tolist(), strict=True))
        rounds.append(len(u))
        return {"observed": ellipse(u, v)}

    refine(once, BOX, TOLERANCE)
    assert len(set(seen)) == len(seen)
    assert len(rounds) < 20


def test_contains_has_shapes_and_refuses_what_was_not_looked_at():
    region, _ = found(ellipse)
    masses, couplings = np.exp([[-3.5], [-6.9]]), np.exp([[-7.0, -13.0, -5.0]])
    np.testing.assert_array_equal(region.contains(masses, couplings), [[True, False, True], [False, False, False]])
    for corner in ((math.exp(-7), math.exp(-14)), (1.0, 1.0)):
        assert not region.contains(*corner)
    with pytest.raises(InputError, match=r"mass 2: outside 0\.000911882 to 1"):
        region.contains(2.0, 0.1)
    with pytest.raises(InputError, match="coupling nan"):
        region.contains(0.1, math.nan)
    with pytest.raises(InputError, match="mass 1e-09"):
        region.edges(1e-9)


@pytest.mark.parametrize("tolerance", [0, -1, 1e-5, 1, math.nan])
def test_a_tolerance_that_is_none(tolerance):
    with pytest.raises(InputError, match="tolerance"):
        refine(lambda u, v: {"observed": u}, BOX, tolerance)
