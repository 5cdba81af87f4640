"""Cross sections against an independent calculation, nested quadrature of the definition, and scaling laws."""

import csv
import warnings
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from na64stat.errors import InputError, ValidityWarning
from na64stat.physics import cross_sections as cs
from na64stat.physics.constants import ALPHA, MUON_MASS
from na64stat.physics.kinematics import energy_fraction_limits
from na64stat.physics.nucleus import LEAD, Nucleus
from na64stat.physics.quadrature import energy_fraction_rule, threshold_rule
from na64stat.units import GEV2_TO_PB

E = 160.0
SINGLE = [name for name in cs.PROCESSES if name != cs.DARK_PAIR]
TABLE = Path(__file__).parents[1] / "reference" / "independent_calculation" / "cross_sections.csv"
ROWS = list(csv.DictReader(TABLE.read_text().splitlines()))

soft_fusion_is_meant = pytest.mark.filterwarnings("ignore:photon_fusion below:na64stat.errors.ValidityWarning")


@soft_fusion_is_meant
@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(list(row.values())[:3]))
def test_agrees_with_the_independent_calculation(row):
    sigma = cs.total_cross_section(row["process"], float(row["mass_gev"]), E, LEAD, float(row["x_min"]))
    assert sigma * GEV2_TO_PB == pytest.approx(float(row["sigma_pb"]), rel=1e-4)


def test_the_reference_holds_every_process():
    assert {row["process"] for row in ROWS} == set(cs.PROCESSES)


def flux_from_its_definition(t_min, t_max):
    def integrand(log_t):
        t = np.exp(log_t)
        return (t - t_min) / t * (t / (t + LEAD.t_screen)) ** 2 / (1 + t / LEAD.t_size) ** 2

    return LEAD.z**2 * quad(integrand, np.log(t_min), np.log(t_max), epsrel=1e-9, limit=200)[0]


def written_out(process, x, mass):
    """dsigma/dx as the formulas are printed, by nested adaptive quadrature."""
    e2 = 4 * np.pi * ALPHA

    def integrand(log_theta):
        theta = np.exp(log_theta)
        u = -x * E**2 * theta**2 - mass**2 * (1 - x) / x - MUON_MASS**2 * x
        s, t2 = -u / (1 - x), mass**2 + u * x / (1 - x)
        b = u * x + mass**2 * (1 - x) + MUON_MASS**2 * x**2
        amplitude = {
            "vector": 2 * (2 - 2 * x + x**2) / (1 - x) + 4 * (mass**2 + 2 * MUON_MASS**2) * b / u**2,
            "scalar": x**2 / (1 - x) + 2 * (mass**2 - 4 * MUON_MASS**2) * b / u**2,
            "pseudoscalar": x**2 / (1 - x) + 2 * mass**2 * b / u**2,
            "photon_fusion": u**2 / (4 * t2**2 * (1 - x) ** 2) * (-t2 * (2 - 2 * x + x**2) - 2 * MUON_MASS**2 * x**2),
        }[process]
        t_min, t_max = u**2 / (4 * E**2 * (1 - x) ** 2), mass**2 + MUON_MASS**2
        if t_min >= t_max:
            return 0.0
        beta = np.sqrt(1 - (mass / (x * E)) ** 2)
        flux = flux_from_its_definition(t_min, t_max)
        return theta**2 * ALPHA * flux / np.pi * E**2 * x * beta / (1 - x) * e2 * amplitude / (8 * np.pi * s**2)

    edges = np.log([1e-7, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 0.1])
    return sum(quad(integrand, a, b, epsrel=1e-7)[0] for a, b in pairwise(edges))


@pytest.mark.parametrize("process", SINGLE)
@pytest.mark.parametrize(("x", "mass"), [(0.05, 0.01), (0.5, 0.1), (0.9, 0.003), (0.7, 1.5)])
def test_spectrum_is_the_formula_as_printed(process, x, mass):
    assert cs.dsigma_dx(process, x, mass, E, LEAD) == pytest.approx(written_out(process, x, mass), rel=2e-6)


@pytest.mark.parametrize("process", SINGLE)
def test_angles_add_up_to_the_spectrum(process):
    x, mass = 0.6, 0.05

    def integrand(log_theta):
        theta = np.exp(log_theta)
        return theta**2 * cs.d2sigma_dx_dcostheta(process, x, theta, mass, E, LEAD)

    edges = np.log([1e-8, 1e-5, 1e-4, 1e-3, 1e-2, 0.02])
    expected = sum(quad(integrand, a, b, epsrel=1e-9)[0] for a, b in pairwise(edges))
    assert cs.dsigma_dx(process, x, mass, E, LEAD, theta_max=0.02) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("process", SINGLE)
@pytest.mark.parametrize("mass", [1e-6, 1e-3, 0.03, 0.4, 5.0, 50.0])
def test_angle_quadrature_has_converged_at_every_x(process, mass):
    x, _ = energy_fraction_rule(*map(float, energy_fraction_limits(mass, E)))
    default = cs.dsigma_dx(process, x, mass, E, LEAD)
    assert default == pytest.approx(cs.dsigma_dx(process, x, mass, E, LEAD, nodes=40), rel=1e-6, abs=0)


@pytest.mark.parametrize("process", SINGLE)
@pytest.mark.parametrize("mass", [1e-4, 1e-2, 0.3, 20.0])
@pytest.mark.parametrize("x_min", [0.0, 0.5])
def test_energy_fraction_quadratures_have_converged(process, mass, x_min):
    x_low, x_high = map(float, energy_fraction_limits(mass, E))
    x_low = max(x_low, x_min)

    def integral(rule):
        return rule[1] @ cs.dsigma_dx(process, rule[0], mass, E, LEAD)

    best = integral(energy_fraction_rule(x_low, x_high, order=20))
    assert integral(energy_fraction_rule(x_low, x_high)) == pytest.approx(best, rel=1e-9)
    assert integral(threshold_rule(x_low, x_high, 128)) == pytest.approx(best, rel=1e-6)
    assert integral(threshold_rule(x_low, x_high, 256)) == pytest.approx(best, rel=1e-7)


@soft_fusion_is_meant
@pytest.mark.parametrize("process", cs.PROCESSES)
@pytest.mark.parametrize("k", [1e-3, 7.0])
def test_homogeneity(process, k):
    """All masses and energies times k: a cross section scales as k^-2; photon fusion, per (GeV^-1)^2, not at all."""
    scaled = Nucleus(LEAD.z, t_screen=k**2 * LEAD.t_screen, t_size=k**2 * LEAD.t_size)
    power = 0 if process == "photon_fusion" else -2
    ours = cs.total_cross_section(process, 0.2, E, LEAD, x_min=0.1)
    theirs = cs.total_cross_section(process, k * 0.2, k * E, scaled, x_min=0.1, lepton_mass=k * MUON_MASS)
    assert theirs == pytest.approx(k**power * ours, rel=1e-10)


@pytest.mark.parametrize("process", cs.PROCESSES)
def test_square_of_the_charge(process):
    double = Nucleus(2 * LEAD.z, LEAD.t_screen, LEAD.t_size)
    ours = cs.total_cross_section(process, 0.1, E, LEAD, x_min=0.3)
    assert cs.total_cross_section(process, 0.1, E, double, x_min=0.3) == pytest.approx(4 * ours, rel=1e-12)


@pytest.mark.parametrize("process", cs.PROCESSES)
def test_ranges_of_x_add_up(process):
    total = partial(cs.total_cross_section, process, 0.1, E, LEAD)
    assert total(x_min=0.05, x_max=0.4) + total(x_min=0.4) == pytest.approx(total(x_min=0.05), rel=1e-7)


@pytest.mark.parametrize("process", SINGLE)
@given(x=st.floats(-0.5, 1.5), mass=st.floats(0, 400))
def test_spectra_are_finite_and_vanish_outside_phase_space(process, x, mass):
    value = cs.dsigma_dx(process, x, mass, E, LEAD)
    angular = cs.d2sigma_dx_dcostheta(process, x, 1e-3, mass, E, LEAD)
    assert np.isfinite(value)
    assert np.isfinite(angular)
    assert value >= 0
    if x * E <= mass or x >= 1:
        assert value == angular == 0


@pytest.mark.parametrize("process", SINGLE)
def test_thresholds(process):
    mass = 10.0
    x_low, x_high = energy_fraction_limits(mass, E)
    x = np.array([x_low, x_low * (1 + 1e-12), x_low * (1 + 1e-6), x_high * (1 + 1e-12), 0.0, 1.0, -1.0, 2.0])
    values = cs.dsigma_dx(process, x, mass, E, LEAD)
    assert values[[0, 3, 4, 5, 6, 7]].tolist() == [0] * 6
    # beta grows as the square root of the distance
    assert values[2] / values[1] == pytest.approx(1e3, rel=1e-3)


@soft_fusion_is_meant
@pytest.mark.parametrize("process", cs.PROCESSES)
def test_beyond_the_reach_there_is_nothing(process):
    sigma = cs.total_cross_section(process, np.array([0.1, 79.0, 159.0, 160.0, 200.0, 1e9]), E, LEAD)
    assert sigma.shape == (6,)
    assert sigma[0] > 0
    assert sigma[3:].tolist() == [0, 0, 0]
    assert np.all(np.isfinite(sigma))


@pytest.mark.parametrize("process", SINGLE)
def test_shapes_broadcast(process):
    x, mass = np.linspace(0.1, 0.9, 5), np.array([[0.01], [0.1], [200.0]])
    values = cs.dsigma_dx(process, x, mass, E, LEAD)
    assert values.shape == (3, 5)
    assert values[1, 2] == cs.dsigma_dx(process, x[2], 0.1, E, LEAD)
    assert np.ndim(cs.dsigma_dx(process, 0.5, 0.1, E, LEAD)) == 0
    named = getattr(cs, process)(x, mass, E, LEAD)
    assert named.tolist() == values.tolist()


def test_massless_spectra_are_limits():
    x = np.array([0.1, 0.5, 0.9])
    for process in SINGLE:
        light = cs.dsigma_dx(process, x, 1e-9, E, LEAD)
        assert cs.dsigma_dx(process, x, 0.0, E, LEAD) == pytest.approx(light, rel=1e-9)


def test_warns_where_the_approximation_is_not_reliable():
    with pytest.warns(ValidityWarning, match=r"below x = 0\.01"):
        cs.total_cross_section("photon_fusion", 0.01, E, LEAD)
    carbon = Nucleus.from_element(6, 12)
    with pytest.warns(ValidityWarning, match="Z = 6"):
        cs.total_cross_section("scalar", 0.01, E, carbon)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cs.total_cross_section("photon_fusion", 0.01, E, LEAD, x_min=0.01)
        cs.total_cross_section("photon_fusion", 10.0, E, LEAD)  # m/E is above 0.01
        cs.photon_fusion(np.array([1e-3, 0.5]), 0.01, E, carbon)


@pytest.mark.parametrize("process", cs.PROCESSES)
@pytest.mark.parametrize("mass", [-0.1, np.nan, np.inf, [0.1, -1.0]])
def test_impossible_masses_are_refused(process, mass):
    with pytest.raises(InputError, match="mass"):
        cs.total_cross_section(process, mass, E, LEAD)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"x_min": -0.1}, "x_min = -0.1"),
        ({"x_min": 1.0}, r"x_min = 1\.0"),
        ({"x_min": np.nan}, "x_min = nan"),
        ({"x_min": 0.5, "x_max": 0.5}, r"x_max = 0\.5"),
        ({"x_max": 1.1}, r"x_max = 1\.1"),
        ({"process": "axion"}, "'axion' is unknown.*photon_fusion"),
        ({"beam_energy": 0.0}, "beam_energy"),
        ({"beam_energy": np.nan}, "beam_energy"),
        ({"theta_max": 0.0}, "theta_max"),
        ({"mass": 0.0}, "massless|mass = 0"),
    ],
)
def test_impossible_arguments_are_refused(changed, words):
    arguments = {"process": "vector", "mass": 0.1, "beam_energy": E, "nucleus": LEAD} | changed
    with pytest.raises(InputError, match=words):
        cs.total_cross_section(**arguments)


def test_the_dark_pair_has_no_single_spectrum():
    with pytest.raises(InputError, match="dark_pair_spectrum"):
        cs.dsigma_dx("dark_pair", 0.5, 0.1, E, LEAD)
    with pytest.raises(InputError, match="x = nan must be finite"):
        cs.dsigma_dx("vector", np.nan, 0.1, E, LEAD)
