"""One table of checks that every packaged scenario passes, and the physics that each adds of its own."""

import dataclasses
import math
import pickle
from functools import partial

import numpy as np
import pytest
from scipy.integrate import quad

from na64stat.errors import ScenarioError
from na64stat.physics import cross_sections
from na64stat.physics.constants import ALPHA, MUON_MASS, TAU_MASS
from na64stat.physics.kinematics import energy_fraction_limits
from na64stat.physics.nucleus import LEAD
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.dark_sector import DarkSector
from na64stat.scenarios.muon_pseudoscalar import MuonPseudoscalar
from na64stat.scenarios.muon_scalar import MuonScalar
from na64stat.scenarios.registry import NAMES, resolve, symbols
from na64stat.scenarios.zprime import ZPrime

E = 160.0
PACKAGED = {
    "axion-photon": AxionPhoton,
    "axion-muon": AxionMuon,
    "axion-muon, loop decay": partial(AxionMuon, loop_decay=True),
    "dark-sector": DarkSector,
    "zprime": ZPrime,
    "zprime, invisible only": partial(ZPrime, invisible_only=True),
    "muon-scalar": MuonScalar,
    "muon-pseudoscalar": MuonPseudoscalar,
}
every = pytest.mark.parametrize("make", PACKAGED.values(), ids=PACKAGED)
X = np.array([0.02, 0.1, 0.5, 0.9, 0.99])


def spectrum(scenario, x=X):
    """dsigma/dx summed over effective masses."""
    made = scenario.production(x, E, LEAD)
    return np.atleast_2d(made.dsigma_dx).sum(axis=0)


def test_the_table_holds_every_name():
    assert {resolve(name) for name in NAMES} <= set(PACKAGED.values())
    assert [resolve(name).name for name in NAMES] == list(NAMES)


@every
@pytest.mark.parametrize("mass", [1e-6, 1e-3, 0.1, 1.0, 30.0, 75.0])
def test_spectrum_is_finite_and_not_negative(make, mass):
    scenario = make(mass=mass, coupling=1.0)
    low, high = map(float, energy_fraction_limits(scenario.lightest_mass(), E))
    x = np.concatenate([np.geomspace(low, high, 25), [1e-9, 1 - 1e-9]]) if low < high else X
    made = scenario.production(x, E, LEAD)
    masses = np.atleast_1d(made.effective_mass)
    assert np.atleast_2d(made.dsigma_dx).shape == (len(masses), len(x))
    assert np.all(np.isfinite(made.dsigma_dx))
    assert np.all(made.dsigma_dx >= 0)
    assert np.all(np.isfinite(masses))
    # The lightest effective mass is the end of the range from above.
    assert masses.min() == pytest.approx(scenario.lightest_mass(), rel=0.2)
    assert np.all(masses >= scenario.lightest_mass())
    if low < high:
        assert np.max(made.dsigma_dx) > 0


@every
def test_spectrum_is_the_squared_coupling_times_one_shape(make):
    one = spectrum(make(mass=0.02, coupling=1.0))
    assert np.all(one > 0)
    for coupling in (1e-12, 3e-4, 7.0, 1e3):
        np.testing.assert_allclose(spectrum(make(mass=0.02, coupling=coupling)), coupling**2 * one, rtol=1e-13)
    assert np.all(spectrum(make(mass=0.02, coupling=0.0)) == 0)


@every
@pytest.mark.parametrize("mass", [1e-6, 1e-3, 2 * MUON_MASS, 1.0, 50.0])
@pytest.mark.parametrize("coupling", [0.0, 1e-12, 1.0, 1e3])
def test_lifetime_and_shares_are_numbers_in_range(make, mass, coupling):
    scenario = make(mass=mass, coupling=coupling)
    assert 0 <= scenario.width() < math.inf
    assert 0 <= scenario.visible_fraction() <= 1
    assert 0 <= scenario.invisible_fraction() <= 1


@every
@pytest.mark.parametrize("mass", [0.01, 0.5])
def test_widths_scale_as_the_squared_coupling(make, mass):
    one, three = make(mass=mass, coupling=1e-3), make(mass=mass, coupling=3e-3)
    assert three.width() == pytest.approx(9 * one.width(), rel=1e-13)
    assert three.visible_fraction() == pytest.approx(one.visible_fraction(), rel=1e-13)


@every
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, -math.inf, "0.1", None, True, 1j, [0.1]])
@pytest.mark.parametrize("field", ["mass", "coupling"])
def test_a_wrong_number_is_refused_by_name_and_value(make, field, value):
    with pytest.raises(ScenarioError, match=rf"{field} = .*; expected a finite number >=? ?0"):
        make(**{"mass": 0.1, "coupling": 1.0, field: value})


@every
def test_no_mass_is_refused_and_no_coupling_is_fine(make):
    with pytest.raises(ScenarioError, match="mass = 0 GeV; expected a finite number > 0"):
        make(mass=0, coupling=1.0)
    assert make(mass=0.1, coupling=0).coupling == 0.0


@every
def test_numpy_numbers_become_plain_ones(make):
    scenario = make(mass=np.float64(0.1), coupling=np.int64(1))
    assert (type(scenario.mass), type(scenario.coupling)) == (float, float)
    assert scenario == make(mass=0.1, coupling=1.0)


@every
def test_it_is_frozen_copies_and_pickles(make):
    scenario = make(mass=0.1, coupling=0.5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        scenario.mass = 0.2
    assert pickle.loads(pickle.dumps(scenario)) == scenario  # noqa: S301 (our own bytes)
    assert pickle.loads(pickle.dumps(make))(mass=0.1, coupling=0.5) == scenario  # noqa: S301
    other = scenario.at(mass=0.3)
    assert (other.mass, other.coupling, type(other)) == (0.3, 0.5, type(scenario))
    assert other.at(mass=0.1) == scenario  # options are kept


@every
@pytest.mark.parametrize("mass", [0.01, 0.5])
def test_coupling_at_undoes_the_power_or_is_refused(make, mass):
    scenario = make(mass=mass, coupling=0.5)
    if scenario.width() == 0:
        at = scenario.coupling_at(9.0)
        np.testing.assert_allclose(spectrum(scenario.at(coupling=at)), 9 * spectrum(scenario), rtol=1e-13)
        assert scenario.yield_power == 2
    else:
        assert scenario.yield_power is None
        assert scenario.at(coupling=0.0).yield_power is None  # the lifetime at no coupling says nothing
        with pytest.raises(ScenarioError, match=r"the yield is no power of the coupling.*use limits or scan"):
            scenario.coupling_at(9.0)


@every
def test_names_for_figures(make):
    scenario = make(mass=0.1, coupling=1.0)
    mass, coupling = symbols(scenario.name)
    assert (mass, coupling) == (scenario.mass_symbol, scenario.coupling_symbol)
    assert scenario.coupling_unit in ("1", "GeV^-1")
    low, high = scenario.coupling_range
    assert 0 < low < high < math.inf


def test_dimension_of_the_derivative_couplings():
    assert {name: make.coupling_unit for name, make in PACKAGED.items() if isinstance(make, type)} == {
        "axion-photon": "GeV^-1",
        "axion-muon": "GeV^-1",
        "dark-sector": "1",
        "zprime": "1",
        "muon-scalar": "1",
        "muon-pseudoscalar": "1",
    }


def test_axion_muon_is_a_pseudoscalar_of_yukawa_2_m_muon_g():
    axion = AxionMuon(mass=0.03, coupling=4e-3)
    pseudoscalar = MuonPseudoscalar(mass=0.03, coupling=2 * 0.1056583755 * 4e-3)
    np.testing.assert_allclose(spectrum(axion), spectrum(pseudoscalar), rtol=1e-9)


def test_bremsstrahlung_of_a_heavy_boson_does_not_know_its_parity():
    """Far above the muon mass scalar and pseudoscalar differ by m_muon^2/m^2 only; a vector has more states."""
    scalar, pseudo, vector = (spectrum(make(mass=5.0, coupling=1.0)) for make in (MuonScalar, MuonPseudoscalar, ZPrime))
    inside = pseudo > 0
    np.testing.assert_allclose(scalar[inside], pseudo[inside], rtol=0.02)
    assert np.all(vector[inside] > pseudo[inside])


def loop_width(mass, coupling):
    """Two-photon width through the muon loop, physics as printed, with complex logarithms."""
    tau = 4 * MUON_MASS**2 / mass**2
    if tau >= 1:
        f = math.asin(1 / math.sqrt(tau))
    else:
        root = math.sqrt(1 - tau)
        f = math.pi / 2 + 0.5j * math.log((1 + root) / (1 - root))
    effective = 2 * ALPHA * coupling / math.pi * abs(1 - tau * f**2)
    return effective**2 * mass**3 / (64 * math.pi)


def muon_width(mass, coupling):
    return coupling**2 * MUON_MASS**2 * mass * math.sqrt(1 - 4 * MUON_MASS**2 / mass**2) / (2 * math.pi)


@pytest.mark.parametrize("mass", [0.01, 0.1, 0.2113])
def test_axion_muon_below_the_pair_is_stable_unless_loops_count(mass):
    stable, loop = AxionMuon(mass=mass, coupling=4e-3), AxionMuon(mass=mass, coupling=4e-3, loop_decay=True)
    assert (stable.width(), stable.visible_fraction(), stable.yield_power) == (0.0, 0.0, 2.0)
    assert loop.width() == pytest.approx(loop_width(mass, 4e-3), rel=1e-6)
    assert (loop.visible_fraction(), loop.yield_power) == (1.0, None)


@pytest.mark.parametrize("mass", [0.2114, 0.3, 1.0])
def test_axion_muon_above_the_pair(mass):
    plain, loop = AxionMuon(mass=mass, coupling=4e-3), AxionMuon(mass=mass, coupling=4e-3, loop_decay=True)
    photons, muons = loop_width(mass, 4e-3), muon_width(mass, 4e-3)
    assert (plain.width(), plain.visible_fraction()) == (pytest.approx(muons, rel=1e-9), 0.0)
    assert loop.width() == pytest.approx(muons + photons, rel=1e-9)
    assert loop.visible_fraction() == pytest.approx(photons / (muons + photons), rel=1e-9)


def test_the_muon_loop_decouples_and_opens_the_pair_as_its_velocity():
    """A light axion: g_eff ~ m^2, so that the width goes as m^7; the pair opens as sqrt(m - 2 m_muon)."""
    one, two = (AxionMuon(mass=m, coupling=1.0, loop_decay=True).width() for m in (1e-4, 2e-4))
    assert two / one == pytest.approx(2**7, rel=1e-5)
    near, far = (AxionMuon(mass=2 * MUON_MASS * (1 + d), coupling=1.0).width() for d in (1e-6, 4e-6))
    assert far / near == pytest.approx(2, rel=1e-5)
    assert AxionMuon(mass=2 * MUON_MASS, coupling=1.0).width() == 0


def test_near_the_pair_the_loop_decay_takes_metres():
    """Why "stable" is wrong there: at m ~ 2 m_muon and g = 4e-3 the decay length in the laboratory is metres."""
    axion = AxionMuon(mass=0.21, coupling=4e-3, loop_decay=True)
    length = 0.7 * E / axion.mass * 1.9733e-16 / axion.width()
    assert 0.3 < length < 30


def test_axion_photon_decays_to_two_photons_only():
    axion = AxionPhoton(mass=0.05, coupling=1e-3)
    assert axion.width() == pytest.approx(1e-6 * 0.05**3 / (64 * math.pi), rel=1e-12)
    assert axion.visible_fraction() == 1
    assert AxionPhoton(mass=0.05, coupling=0.0).width() == 0


def branching(mass):
    """Neutrinos over neutrinos, muons and taus; every neutrino flavour counts half of a charged lepton far above threshold."""
    charged = [
        (1 + 2 * lepton**2 / mass**2) * math.sqrt(1 - 4 * lepton**2 / mass**2)
        for lepton in (MUON_MASS, TAU_MASS)
        if mass > 2 * lepton
    ]
    return 1 / (1 + sum(charged))


@pytest.mark.parametrize("mass", [0.01, 0.2113, 0.2114, 0.5, 3.5, 3.6, 10.0])
def test_zprime_branching(mass):
    zprime = ZPrime(mass=mass, coupling=1e-3)
    assert zprime.invisible_fraction() == pytest.approx(branching(mass), rel=1e-9)
    assert ZPrime(mass=mass, coupling=1e-3, invisible_only=True).invisible_fraction() == 1
    assert zprime.width() == 0  # prompt: what goes to muons is lost, not displaced


def test_zprime_branching_limits():
    fraction = [ZPrime(mass=m, coupling=1.0).invisible_fraction() for m in (0.1, 1.5, 70.0)]
    assert fraction == [1.0, pytest.approx(1 / 2, rel=1e-4), pytest.approx(1 / 3, rel=1e-4)]


def test_dark_sector_is_the_vector_folded_with_the_pair():
    """Sum over k against adaptive quadrature of the ZPrime scenario's own spectra, at one x."""
    x, m = np.array([0.8]), 0.02

    def integrand(eta):  # k = 2 m cosh(eta), so that the root at threshold is no singularity
        k = 2 * m * math.cosh(eta)
        pair = math.tanh(eta) * (1 + 2 * m**2 / k**2) / (12 * math.pi**2)
        return 2 * math.tanh(eta) * pair * spectrum(ZPrime(mass=k, coupling=1.0), x)[0]

    expected = quad(integrand, 0, math.acosh(0.8 * E / (2 * m)), epsrel=1e-6, limit=100)[0]
    assert spectrum(DarkSector(mass=m, coupling=1.0), x)[0] == pytest.approx(expected, rel=1e-4)


def test_dark_sector_at_small_mass_grows_as_the_logarithm_of_the_massless_boson():
    """Each factor of ten in m_chi adds ln(10) sigma_vector(0)/(6 pi^2): the massless boson's splitting into the pair."""
    x = np.array([0.5, 0.9])
    light, lighter = (spectrum(DarkSector(mass=m, coupling=1.0), x) for m in (1e-5, 1e-6))
    massless = cross_sections.vector(x, 0.0, E, LEAD)
    np.testing.assert_allclose(lighter - light, math.log(10) * massless / (6 * math.pi**2), rtol=1e-3)


def test_dark_sector_starts_at_two_masses_and_never_decays():
    dark = DarkSector(mass=0.1, coupling=1.0)
    assert dark.lightest_mass() == 0.2
    k = dark.production(X, E, LEAD).effective_mass
    assert np.all(np.diff(k) > 0)
    assert (dark.width(), dark.invisible_fraction(), dark.visible_fraction()) == (0.0, 1.0, 0.0)
