"""The efficiency: its table, its inference from a limit, and that the packaged one is what the rebuild gives."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad

from na64stat.errors import InputError, TableError
from na64stat.experiment.efficiency import Efficiency, read_efficiency
from na64stat.experiment.load import load_run
from na64stat.physics.constants import MUON_MASS
from na64stat.physics.cross_sections import dsigma_dx
from na64stat.physics.decays import zprime_invisible_branching
from na64stat.yields.calibration import (
    efficiency_from_limit,
    events_at_full_efficiency,
    infer_efficiency,
    published_limit,
    read_limit,
    smoothing_spline,
)

RUN = load_run("2022")
REGION = RUN.region("invisible").region


def events_by_quadrature(mass):
    """Expected events of a Z' with coupling one and efficiency one, without splines or rules of the package."""

    def integrand(logit):
        x = 1 / (1 + math.exp(-logit))
        spectrum = float(dsigma_dx("vector", x, mass, 160.0, RUN.target.nucleus))
        return x * (1 - x) * spectrum * float(RUN.response.acceptance(REGION, "invisible", x))

    total = sum(quad(integrand, *ends, epsrel=1e-7, limit=100)[0] for ends in ((-0.6, -0.2), (-0.2, 0.3), (0.3, 12)))
    return RUN.mot * RUN.target.nuclei_per_area_gev2 * total


@pytest.mark.parametrize("mass", [1e-3, 0.1, 0.9])
def test_events_by_independent_quadrature(mass):
    # The quadrature starts at x = 0.35, 9 standard deviations below the cut.
    assert events_at_full_efficiency(mass, 2e-3, RUN, invisible_only=True) == pytest.approx(
        4e-6 * events_by_quadrature(mass), rel=1e-5
    )


def test_a_known_efficiency_comes_back():
    """A power law in the mass is a straight line for the spline; its limit is made by independent quadrature."""
    masses = np.geomspace(2e-3, 0.9, 6)
    truth = 0.07 * (masses / 0.1) ** 0.1
    events = np.array([events_by_quadrature(m) * float(zprime_invisible_branching(m)) for m in masses])
    couplings = np.sqrt(math.log(10) / (events * truth))
    inferred = infer_efficiency(masses, couplings, RUN)
    np.testing.assert_allclose(inferred(masses), truth, rtol=2e-5)
    np.testing.assert_allclose(inferred.point_values, truth, rtol=2e-5)
    between = np.sqrt(masses[1:] * masses[:-1])
    np.testing.assert_allclose(inferred(between), 0.07 * (between / 0.1) ** 0.1, rtol=2e-5)


def test_the_spline_spends_its_chi2():
    rng = np.random.default_rng(3)
    x = np.linspace(-7, 0, 40)
    truth = np.sin(x)
    y = truth + rng.normal(0, 0.1, 40)
    curve = smoothing_spline(x, y, 0.1)
    assert np.sum(((y - curve(x)) / 0.1) ** 2) == pytest.approx(40, rel=1e-4)
    # nearer to the truth than the points are
    assert np.std(curve(x) - truth) < 0.8 * np.std(y - truth)


def test_the_packaged_table_is_current():
    rebuilt = efficiency_from_limit()
    for kept, new in zip(
        (RUN.efficiency.masses, RUN.efficiency.values, RUN.efficiency.point_masses, RUN.efficiency.point_values),
        (rebuilt.masses, rebuilt.values, rebuilt.point_masses, rebuilt.point_values),
        strict=True,
    ):
        np.testing.assert_allclose(kept, new, rtol=1e-9)


def test_between_five_and_ten_percent():
    mass = np.geomspace(1e-3, 1, 500)
    assert np.all((RUN.efficiency(mass) > 0.05) & (RUN.efficiency(mass) < 0.10))


def test_no_step_where_the_muon_channel_opens():
    masses, couplings = read_limit(published_limit())
    without = infer_efficiency(masses, couplings, RUN, invisible_only=True)
    below = (masses > MUON_MASS) & (masses < 2 * MUON_MASS)
    above = (masses > 2 * MUON_MASS) & (masses < 4 * MUON_MASS)
    assert below.sum() >= 3
    assert above.sum() >= 3

    def step(points):
        log_points = np.log(points)
        return float(log_points[above].mean() - log_points[below].mean())

    assert abs(step(RUN.efficiency.point_values)) < 0.2
    # without neutrinos' share two thirds of the events are missing one half: -ln 2 less the slope of the phase space
    assert step(without.point_values) < -0.4
    # and the curve itself changes by less than a tenth across the threshold
    low, high = RUN.efficiency([0.9 * 2 * MUON_MASS, 1.1 * 2 * MUON_MASS])
    assert abs(math.log(high / low)) < 0.1


def test_the_curve_returns_the_published_limit_within_its_scatter():
    masses, couplings = read_limit(published_limit())
    events = np.array([events_at_full_efficiency(m, 1.0, RUN, invisible_only=True) for m in masses])
    branching = np.array([float(zprime_invisible_branching(m)) for m in masses])
    smooth = np.sqrt(math.log(10) / (events * branching * RUN.efficiency(masses)))
    deviation = np.log(smooth / couplings)
    assert abs(deviation.mean()) < 0.01
    assert deviation.std() < 0.04  # digitisation: 3-4%
    assert np.max(np.abs(deviation)) < 0.11


def test_a_better_limit_means_a_higher_efficiency():
    masses, couplings = read_limit(published_limit())
    better = infer_efficiency(masses, couplings / math.sqrt(2), RUN)
    np.testing.assert_allclose(better.values, 2 * np.array(infer_efficiency(masses, couplings, RUN).values), rtol=1e-6)


def test_a_limit_beyond_a_perfect_detector_is_refused():
    masses, couplings = read_limit(published_limit())
    with pytest.raises(InputError, match="stronger than a detector with efficiency 1"):
        infer_efficiency(masses, couplings / 10, RUN)


@pytest.mark.parametrize(
    "bad", [[1e-3, 1e-3, 0.1, 0.2, 0.3], [0.1, 0.2], [-1.0, 0.1, 0.2, 0.3, 0.4], [1, 2, 3, 4, math.nan]]
)
def test_a_limit_that_is_none_is_refused(bad):
    with pytest.raises(InputError, match="five or more positive points"):
        infer_efficiency(bad, [1e-3] * len(bad), RUN)


def test_straight_between_knots_and_held_outside():
    efficiency = Efficiency((0.01, 1.0), (0.01, 0.1))
    np.testing.assert_allclose(efficiency([0.01, 0.1, 1.0]), [0.01, math.sqrt(0.001), 0.1])
    np.testing.assert_allclose(efficiency([0.0, 1e-5, 7.0]), [0.01, 0.01, 0.1])
    assert efficiency.extrapolates([0.0, 0.005, 0.01, 0.5, 1.0, 1.1]).tolist() == [
        True,
        True,
        False,
        False,
        False,
        True,
    ]


def test_packaged_range_is_one_mev_to_one_gev():
    assert RUN.efficiency.extrapolates([0.99e-3, 1e-3, 1.0, 1.01]).tolist() == [True, False, False, True]


def test_shape_follows_the_mass():
    assert RUN.efficiency(0.1).shape == ()
    assert RUN.efficiency(np.full((2, 3), 0.1)).shape == (2, 3)


def test_constant():
    assert Efficiency.constant(0.5)([1e-6, 1.0, 50.0]).tolist() == pytest.approx([0.5] * 3)


@pytest.mark.parametrize("mass", [-1.0, math.nan])
def test_masses_that_are_none_are_refused(mass):
    for question in (RUN.efficiency, RUN.efficiency.extrapolates):
        with pytest.raises(InputError, match="must not be negative or NaN"):
            question([0.1, mass])
        with pytest.raises(InputError, match="must not be negative or NaN"):
            question(mass)


@pytest.mark.parametrize(
    ("masses", "values"),
    [((), ()), ((0.1, 0.2), (0.1,)), ((0.2, 0.1), (0.1, 0.1)), ((0.1, 0.2), (0.1, 1.2)), ((0.1,), (math.nan,))],
)
def test_curves_that_are_none_are_refused(masses, values):
    with pytest.raises(InputError, match="efficiency"):
        Efficiency(masses, values)


def test_tables_keep_curve_and_points(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(RUN.efficiency.to_csv(), encoding="utf-8")
    assert read_efficiency(path) == replace(RUN.efficiency)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mass,eff\n", "line 1"),
        ("kind,mass_gev,efficiency\n", "no row"),
        ("kind,mass_gev,efficiency\npoint,0.1,0.1\n", "no knots"),
        ("kind,mass_gev,efficiency\ncurve,0.1,0.1\ncurve,0.2,nan\n", "line 3, column efficiency"),
        ("kind,mass_gev,efficiency\nkurve,0.1,0.1\n", "kind must be curve or point, got 'kurve' at 0.1 GeV"),
        ("kind,mass_gev,efficiency\ncurve,0.1,1.7\n", r"1.7 at 0.1 GeV must lie in \(0, 1\]"),
    ],
)
def test_broken_tables_say_where(tmp_path, text, message):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match=rf"table\.csv.*{message}"):
        read_efficiency(path)


def test_missing_tables_say_so(tmp_path):
    for read in (read_efficiency, read_limit):
        with pytest.raises(TableError, match=r"none\.csv: there is no such file"):
            read(tmp_path / "none.csv")
