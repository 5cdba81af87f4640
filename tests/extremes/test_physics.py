"""The physics at its ends: masses from 1 keV to the beam's reach and just beyond, decay lengths from 1e-12 to 1e25 m.

Warnings are errors in these tests as in all others; of ours only the documented ValidityWarning may come.
"""

import math
from fractions import Fraction

import numpy as np
import pytest

from na64stat.physics import cross_sections, decays, kinematics, loops
from na64stat.physics.nucleus import LEAD
from na64stat.physics.quadrature import gauss_legendre

E = 160.0
REACH = kinematics.heaviest(E)
LENGTHS = np.geomspace(1e-12, 1e25, 186)
LAYERS, THICKNESS, VOLUME = 135, 0.003, 17.0

pytestmark = pytest.mark.filterwarnings("ignore::na64stat.errors.ValidityWarning")


def masses(process):
    """From 1 keV to a hair below the reach, dense there; the pair's are those of one of two."""
    far = np.geomspace(1e-6, 100, 81)
    near = REACH - np.geomspace(REACH - 101, 1e-12, 40)
    return np.concatenate([far, near]) / (2 if process == cross_sections.DARK_PAIR else 1)


@pytest.mark.parametrize("process", cross_sections.PROCESSES)
def test_cross_sections_fall_with_the_mass_up_to_the_reach(process):
    found = cross_sections.total_cross_section(process, masses(process), E, LEAD)
    assert np.all(np.isfinite(found))
    assert np.all(found > 0)  # the smallest is 1e-80 of the largest, and not zero
    assert np.all(found[1:] <= found[:-1] * (1 + 1e-5))  # below 1 MeV that of the pseudoscalar is constant


@pytest.mark.parametrize("process", cross_sections.PROCESSES)
def test_at_the_reach_and_beyond_there_is_nothing(process):
    reach = REACH / (2 if process == cross_sections.DARK_PAIR else 1)
    beyond = np.array([reach * (1 + 1e-12), reach * (1 + 1e-9), reach * 1.01, 1e6])
    assert cross_sections.total_cross_section(process, beyond, E, LEAD).tolist() == [0.0] * 4


@pytest.mark.parametrize("beam_energy", [1e-3, 0.1, 1.0, 10.0, 160.0, 1e6])
def test_the_heaviest_mass_is_where_the_range_of_x_closes(beam_energy):
    heaviest = kinematics.heaviest(beam_energy)
    assert 0 < heaviest < beam_energy
    for factor, is_open in ((1 - 1e-11, True), (1 + 1e-11, False)):
        low, high = kinematics.energy_fraction_limits(heaviest * factor, beam_energy)
        assert (low < high) == is_open
    # What is left to the muon there in closed form, where the beam is far above the muon's mass: E - m = m_muon^2/E.
    if beam_energy > 5:
        expected = kinematics.MUON_MASS**2 / beam_energy
        assert beam_energy - heaviest == pytest.approx(expected, rel=1e-3 if beam_energy < 1e3 else 0.1)


@pytest.mark.parametrize("m_chi", [25.0, 50.0, 70.0, 79.0, 79.9, 79.9999, REACH / 2 - 1e-6, REACH / 2 - 1e-8])
def test_dark_pairs_near_the_reach(m_chi):
    """Against 400 nodes in eta of the vector's total: nodes that lie beyond the reach must not be all there is."""
    nodes, weights = gauss_legendre(400)
    eta_max = math.acosh(REACH / (2 * m_chi))
    eta = eta_max * (1 + nodes) / 2
    vector = cross_sections.total_cross_section("vector", 2 * m_chi * np.cosh(eta), E, LEAD)
    kernel = np.tanh(eta) ** 2 * (2 + 1 / np.cosh(eta) ** 2) / (12 * np.pi**2)
    expected = eta_max / 2 * np.sum(weights * kernel * vector)
    found = cross_sections.total_cross_section("dark_pair", m_chi, E, LEAD)
    assert found == pytest.approx(expected, rel=1e-5 if m_chi < 30 else 2e-3)


@pytest.mark.parametrize("layered", [True, False], ids=["layers", "continuous"])
def test_probabilities_at_any_decay_length(layered):
    ends = [0.0, 5e-324, 1e-310, 1e-300, 1e300, 1.7e308, math.inf]
    length = np.sort(np.concatenate([ends, LENGTHS]))
    if layered:
        visible, invisible = decays.layer_probabilities(length, LAYERS, THICKNESS, VOLUME)
    else:
        visible, invisible = decays.continuous_probabilities(length, LAYERS * THICKNESS, VOLUME)
    for part in (visible, invisible, visible + invisible):
        assert np.all((part >= 0) & (part <= 1))
    assert np.all(np.diff(invisible) >= 0)
    assert np.all(np.diff(visible + invisible) >= -2e-16)  # the longer it lives, the more of them leave the target
    peak = int(np.argmax(visible))
    assert np.all(np.diff(visible[: peak + 1]) >= 0)
    assert np.all(np.diff(visible[peak:]) <= 0)
    assert invisible[-1] == 1
    assert (visible[0], visible[-1]) == (1 / LAYERS if layered else 0.0, 0.0)


@pytest.mark.parametrize("length", [1e5, 1e10, 1e15, 1e25])
def test_long_decay_lengths_keep_their_digits(length):
    """Series to second order in the exact numbers that the floats hold: nothing may cancel."""
    step, volume = Fraction(THICKNESS) / Fraction(length), Fraction(VOLUME) / Fraction(length)
    crossed = 1 - step * (LAYERS - 1) / 2  # the average of exp(-(i-1) h/L)
    visible, invisible = decays.layer_probabilities(length, LAYERS, THICKNESS, VOLUME)
    assert visible == pytest.approx(float(crossed * (volume - volume**2 / 2)), rel=max(1e-14, float(volume) ** 2))
    assert 1 - invisible == pytest.approx(float(1 - crossed * (1 - volume)), rel=1e-3, abs=2e-16)


def test_short_decay_lengths_keep_their_digits():
    length = np.geomspace(1e-12, 1e-4, 9)
    visible, invisible = decays.layer_probabilities(length, LAYERS, THICKNESS, VOLUME)
    assert visible == pytest.approx(np.full(9, 1 / LAYERS), rel=1e-12)  # those of the last layer
    smooth, _ = decays.continuous_probabilities(length, LAYERS * THICKNESS, VOLUME)
    assert smooth == pytest.approx(length / (LAYERS * THICKNESS), rel=1e-12)
    assert not invisible.any()


@pytest.mark.parametrize("width", [decays.axion_to_photons, decays.axion_to_muons, decays.zprime_to_neutrinos])
def test_widths_and_lengths_over_all_masses_and_couplings(width):
    mass, coupling = np.geomspace(1e-6, 159.9, 60)[:, None], np.geomspace(1e-12, 1e3, 61)
    found = width(mass, coupling)
    assert np.all(np.isfinite(found))
    open_channels = found[:, 0] > 0
    assert found[open_channels] == pytest.approx(found[open_channels][:, -1:] * (coupling / 1e3) ** 2, rel=1e-12)
    length = decays.decay_length(found, mass, np.sqrt(E**2 - mass**2))
    assert np.all(length > 0)
    assert np.all(np.diff(length[open_channels], axis=1) < 0)
    assert np.all(np.isinf(length[~open_channels]))


def test_loops_over_all_masses():
    mass = np.geomspace(1e-6, 160, 400)
    coupling = loops.loop_photon_coupling(mass, 1.0)
    assert np.all(np.isfinite(coupling))
    assert np.all(coupling > 0)
    light = mass < 1e-3
    assert coupling[light] / mass[light] ** 2 == pytest.approx(coupling[0] / mass[0] ** 2, rel=1e-4)  # it decouples
    for shift in (loops.g_minus_2_vector, loops.g_minus_2_scalar, loops.g_minus_2_pseudoscalar):
        size = np.abs(shift(mass, 1.0))
        assert np.all(np.isfinite(size))
        assert np.all(size > 0)
        assert np.all(np.diff(size) < 0)
    mixing = loops.kinetic_mixing(np.concatenate([-(mass[::-1] ** 2), [0.0], mass**2]))
    assert np.all(np.isfinite(mixing))
    assert np.all(mixing > 0)
