"""Photon fusion at tree level: the amplitude against explicit spinors, phase space against others' numbers, limits, scaling."""

import csv
import math
from functools import cache
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import dblquad, quad

from na64stat.errors import InputError
from na64stat.physics import exact_fusion
from na64stat.physics.constants import ALPHA, MUON_MASS
from na64stat.physics.cross_sections import photon_fusion
from na64stat.physics.exact_fusion import exact_d2sigma_dx_dcostheta, exact_photon_fusion
from na64stat.physics.nucleus import LEAD, Nucleus
from na64stat.physics.quadrature import energy_fraction_rule
from na64stat.physics.spectra import d2sigma_dx_dcostheta
from na64stat.units import GEV2_TO_PB

REFERENCE = Path(__file__).parents[1] / "reference" / "soft_fusion"
ENERGY = 160.0


def rows(name):
    with (REFERENCE / name).open(encoding="utf-8") as file:
        return [
            {key: float(value) for key, value in row.items()}
            for row in csv.DictReader(line for line in file if not line.startswith("#"))
        ]


@cache
def total(made, mass, low, high, theta_max):
    """pb per GeV^-2 between two energy fractions."""
    x, weights = energy_fraction_rule(max(low, mass / ENERGY), min(high, 1 - MUON_MASS / ENERGY))
    if made == "ww":
        return float(weights @ photon_fusion(x, mass, ENERGY, LEAD)) * GEV2_TO_PB
    return float(weights @ exact_photon_fusion(x, mass, ENERGY, LEAD, theta_max)) * GEV2_TO_PB


@pytest.mark.parametrize("row", rows("totals.csv"), ids=lambda row: f"{row['mass_gev']:g}")
def test_totals_of_an_independent_calculation(row):
    mass = row["mass_gev"]
    assert total("exact", mass, 0, 1, math.pi) == pytest.approx(row["exact_all_angles_pb"], rel=1e-3)
    assert total("exact", mass, 0, 1, 0.1) == pytest.approx(row["exact_theta_below_0.1_pb"], rel=1e-3)
    assert total("ww", mass, 0, 1, 0.1) == pytest.approx(row["ww_theta_below_0.1_pb"], rel=1e-3)


@pytest.mark.parametrize(
    ("mass", "cut", "uncut"), [(1e-3, 1.41, 1.00), (1e-2, 1.21, 0.95), (0.05, 1.08, 0.96), (0.1, 1.04, 0.97)]
)
def test_how_far_ww_is_off(mass, cut, uncut):
    assert total("ww", mass, 0, 1, 0.1) / total("exact", mass, 0, 1, 0.1) == pytest.approx(cut, abs=0.006)
    assert total("ww", mass, 0, 1, 0.1) / total("exact", mass, 0, 1, math.pi) == pytest.approx(uncut, abs=0.006)


@pytest.mark.parametrize(
    "row", rows("spectrum.csv"), ids=lambda row: "-".join(f"{value:g}" for value in list(row.values())[:5])
)
def test_each_bin_of_x_and_angle_of_a_monte_carlo(row):
    """Five standard deviations: 125 bins are compared."""
    ends = row["mass_gev"], row["x_low"], row["x_high"]
    if row["x_high"] <= row["mass_gev"] / ENERGY:
        assert row["sigma_pb"] == 0
        return
    above = total("exact", *ends, row["theta_low"]) if row["theta_low"] else 0.0
    found = total("exact", *ends, min(row["theta_high"], math.pi)) - above
    assert abs(found - row["sigma_pb"]) < 5 * row["error_pb"] + 5e-6 * row["sigma_pb"]


def test_the_monte_carlo_is_precise_enough_to_tell():
    for mass in {row["mass_gev"] for row in rows("spectrum.csv")}:
        chosen = [row for row in rows("spectrum.csv") if row["mass_gev"] == mass and row["theta_high"] <= 0.1]
        error = math.sqrt(sum(row["error_pb"] ** 2 for row in chosen))
        assert error < 1.5e-3 * sum(row["sigma_pb"] for row in chosen)


# The amplitude with Dirac matrices: nothing of the module but its Lagrangian.
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
ZERO, ONE = np.zeros((2, 2)), np.eye(2)
GAMMA = [np.block([[ONE, ZERO], [ZERO, -ONE]]), *(np.block([[ZERO, s], [-s, ZERO]]) for s in PAULI)]
METRIC = np.diag([1.0, -1, -1, -1])
EPSILON = np.zeros((4, 4, 4, 4))
for order in permutations(range(4)):
    EPSILON[order] = np.linalg.det(np.eye(4)[list(order)])


def spinor(p, spin):
    chi = np.eye(2)[spin]
    return np.sqrt(p[0] + MUON_MASS) * np.concatenate(
        [chi, np.einsum("iab,i,b", PAULI, p[1:], chi) / (p[0] + MUON_MASS)]
    )


def momenta(x, theta, mass, energy, out_theta, phi, heavy):
    """Beam, nucleus, muon, nucleus and axion after it, all on shell; nucleus so heavy that it takes no energy."""

    def vector(e, m, angle, turn):
        p = math.sqrt(e * e - m * m)
        return np.array(
            [e, p * math.sin(angle) * math.cos(turn), p * math.sin(angle) * math.sin(turn), p * math.cos(angle)]
        )

    p, k, out = (
        vector(energy, MUON_MASS, 0, 0),
        vector(x * energy, mass, theta, 0),
        vector((1 - x) * energy, MUON_MASS, out_theta, phi),
    )
    before = np.array([heavy, 0, 0, 0])
    return p, before, out, p + before - out - k, k


def currents(p, out):
    lowered = [METRIC[m, m] * GAMMA[m] for m in range(4)]  # gamma_mu
    for one in range(2):
        for two in range(2):
            yield np.array([spinor(out, two).conj() @ GAMMA[0] @ g @ spinor(p, one) for g in lowered])


def vertex(q2, q):
    """epsilon^{mu nu a b} q2_a q_b."""
    return np.einsum("mnab,a,b", EPSILON, METRIC @ q2, METRIC @ q)


POINT = (0.2, 0.3, 0.4, 3.0, 0.25, 1.1)  # x, theta, mass, energy, and the muon: angles at which nothing is small


def k_of(p, out, axion, t2):
    """K as the module's docstring has it."""
    turned = np.cross((p - out)[1:], axion[1:])
    return 4 * (p[1:] @ turned) ** 2 - t2 * turned @ turned


def test_the_squared_amplitude_is_that_of_explicit_spinors():
    heavy = 1e7
    p, before, out, after, k = momenta(*POINT, heavy)
    q2, q = p - out, before - after
    nucleus = METRIC @ (before + after)
    squares = [abs(j @ vertex(q2, q) @ nucleus) ** 2 for j in currents(p, out)]
    assert sum(squares) / 2 / (4 * heavy**2) == pytest.approx(k_of(p, out, k, q2 @ METRIC @ q2), rel=1e-6)


def test_ward_identities():
    """A photon along its own momentum couples to nothing: gauge terms of the propagators drop out, on either side."""
    p, before, out, after, _ = momenta(*POINT, 200.0)
    q2, q = p - out, before - after
    nucleus = METRIC @ (before + after)
    tensor = vertex(q2, q)
    size = abs(tensor).max()
    assert abs((METRIC @ q2) @ tensor).max() < 1e-13 * size
    assert abs(tensor @ (METRIC @ q)).max() < 1e-13 * size
    for j in currents(p, out):
        assert abs(j @ q2) < 1e-13 * abs(j).max() * abs(q2).max()  # the muon's current is conserved
        gauged = j + 0.7 * (METRIC @ q2) * (j @ q2 + 1), nucleus + 0.3 * (METRIC @ q)
        assert gauged[0] @ tensor @ gauged[1] == pytest.approx(j @ tensor @ nucleus, rel=1e-11, abs=1e-12 * size)


@pytest.mark.parametrize(
    ("x", "theta", "mass", "energy"), [(0.2, 0.3, 0.4, 3.0), (0.6, 0.05, 0.1, 3.0), (0.3, 2.0, 0.05, 1.0)]
)
def test_phase_space_against_a_plain_integral_over_the_muons_direction(x, theta, mass, energy):
    """Other variables, no closed form; a nucleus of wide form factors, so that a plain rule converges."""
    nucleus = Nucleus(z=1.0, t_screen=0.05, t_size=0.8)

    def integrand(phi, cosine):
        p, _, out, _, k = momenta(x, theta, mass, energy, math.acos(cosine), phi, 1.0)
        q2 = p - out
        t, t2 = float(np.sum((q2 - k)[1:] ** 2)), float(q2 @ METRIC @ q2)
        form = 1 / ((t + nucleus.t_screen) * (1 + t / nucleus.t_size)) ** 2
        return form * k_of(p, out, k, t2) / t2**2

    integral = 2 * dblquad(integrand, -1, 1, 0, np.pi, epsrel=1e-5)[0]
    p, k, out = (
        math.sqrt(e * e - m * m) for e, m in ((energy, MUON_MASS), (x * energy, mass), ((1 - x) * energy, MUON_MASS))
    )
    # |M|^2/(2 p) over three-body phase space, the nucleus' momentum done by the delta function, the axion's azimuth by symmetry
    expected = (4 * np.pi * ALPHA) ** 2 * energy * out * k * 2 * np.pi / (8 * p * (2 * np.pi) ** 5) * integral
    found = exact_d2sigma_dx_dcostheta(x, theta, mass, energy, nucleus)
    assert found == pytest.approx(expected, rel=2e-5)


def test_the_spectrum_is_the_integral_over_the_angle():
    for x, mass in ((1e-3, 1e-2), (0.3, 1e-3)):

        def integrand(log_theta, x=x, mass=mass):
            theta = math.exp(log_theta)
            return float(exact_d2sigma_dx_dcostheta(x, theta, mass, ENERGY, LEAD)) * math.sin(theta) * theta

        expected = quad(integrand, math.log(1e-8), math.log(0.1), epsrel=1e-8, limit=200)[0]
        assert exact_photon_fusion(x, mass, ENERGY, LEAD, 0.1) == pytest.approx(expected, rel=2e-5)


def test_ww_where_the_nucleus_photon_is_soft():
    """A nucleus that gives no momentum above k_t, and k_t far above that of screening: both logarithms are those of WW."""
    wide = Nucleus(z=82, t_screen=1e-11, t_size=1e-7)
    for x, theta in ((0.1, 1e-3), (0.5, 2e-3), (0.8, 5e-4)):
        found = exact_d2sigma_dx_dcostheta(x, theta, 1e-3, ENERGY, wide)
        assert found == pytest.approx(d2sigma_dx_dcostheta("photon_fusion", x, theta, 1e-3, ENERGY, wide), rel=3e-3)


def test_the_ratio_to_ww_tends_to_one_where_axions_are_hard():
    x = np.geomspace(1e-4, 0.5, 30)
    for mass in (1e-3, 1e-2):
        ratio = photon_fusion(x, mass, ENERGY, LEAD) / exact_photon_fusion(x, mass, ENERGY, LEAD)
        assert abs(ratio[x > 0.02] - 1).max() < 0.013
        assert ratio[x < 5e-4].min() > 1.3


def test_homogeneous():
    """All masses, energies and scales of the form factor times s: sigma/g^2 has no dimension and stays."""
    s, x, mass = 7.3, np.array([2e-4, 1e-2, 0.5, 0.99]), 1e-2
    larger = Nucleus(z=LEAD.z, t_screen=LEAD.t_screen * s**2, t_size=LEAD.t_size * s**2)
    found = exact_photon_fusion(x, s * mass, s * ENERGY, larger, lepton_mass=s * MUON_MASS)
    assert found == pytest.approx(exact_photon_fusion(x, mass, ENERGY, LEAD), rel=1e-10)


def test_nodes_are_enough_and_nothing_is_negative(monkeypatch):
    x = np.concatenate([np.geomspace(1e-7, 0.5, 40), 1 - np.geomspace(6.7e-4, 0.5, 20)])
    for mass in (0.0, 1e-6, 1e-3, 1e-2, 0.1, 1.0, 10.0):
        for theta_max in (1e-3, 0.1, math.pi):
            plain = exact_photon_fusion(x, mass, ENERGY, LEAD, theta_max)
            with monkeypatch.context() as patched:
                patched.setattr(exact_fusion, "_PANELS", 16)
                fine = exact_photon_fusion(x, mass, ENERGY, LEAD, theta_max, nodes=64)
            assert np.all(plain >= 0)
            assert np.all(plain[(x <= mass / ENERGY)] == 0)
            assert plain == pytest.approx(fine, rel=3e-4, abs=1e-300)
    assert exact_photon_fusion(1.5, 0.1, ENERGY, LEAD) == 0


def test_it_grows_with_the_angle():
    x = np.geomspace(1e-4, 0.9, 20)
    spectra = [exact_photon_fusion(x, 1e-2, ENERGY, LEAD, theta) for theta in (1e-3, 1e-2, 0.1, 1.0, math.pi)]
    assert np.all(np.diff(spectra, axis=0) >= -1e-4 * np.array(spectra[1:]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"theta_max": 4.0}, "theta_max = 4 rad; expected an angle above 0 and up to pi"),
        ({"theta_max": 0.0}, "theta_max = 0"),
        ({"theta_max": math.nan}, "theta_max = nan"),
        ({"mass": -1.0}, "mass"),
        ({"mass": math.inf}, "mass"),
        ({"beam_energy": 0.1}, "beam_energy = 0.1 GeV; expected an energy above the projectile's mass"),
        ({"x": math.nan}, "x"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        exact_photon_fusion(**{"x": 0.1, "mass": 0.1, "beam_energy": ENERGY, "nucleus": LEAD, **arguments})


def test_an_angle_beyond_pi_is_refused():
    with pytest.raises(InputError, match=r"theta = 3\.2 rad; expected an angle up to pi"):
        exact_d2sigma_dx_dcostheta(0.1, 3.2, 0.1, ENERGY, LEAD)
