"""Widths against traces, probabilities against explicit sums and in the limits where they are known."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants as si

from na64stat.errors import InputError
from na64stat.physics import cross_sections, decays
from na64stat.physics.constants import AVOGADRO, MUON_MASS, TAU_MASS
from na64stat.physics.kinematics import energy_fraction_limits, momentum
from na64stat.physics.nucleus import LEAD
from na64stat.physics.quadrature import threshold_rule
from na64stat.units import GEV2_TO_CM2

LAYERS, THICKNESS, VOLUME = 135, 3e-3, 17.0
lengths = st.one_of(st.floats(-9, 20).map(lambda e: 10.0**e), st.sampled_from([0.0, np.inf]))


def two_body(mass, lepton_mass):
    """Momenta of two equal decay products at rest of the parent, and the phase space over 2 m."""
    p = np.sqrt(mass**2 / 4 - lepton_mass**2)
    return np.array([mass / 2, 0, 0, p]), np.array([mass / 2, 0, 0, -p]), p / (8 * np.pi * mass**2)


@pytest.mark.parametrize("mass", [0.22, 0.5, 3.0])
def test_axion_to_muons_follows_from_its_lagrangian(dirac, mass):
    one, two, phase_space = two_body(mass, MUON_MASS)
    vertex = dirac.slash(one + two) @ dirac.gamma5
    squared = dirac.spin_sum(one, MUON_MASS, vertex, two, -MUON_MASS)
    assert decays.axion_to_muons(mass, 2.0) == pytest.approx(4 * squared * phase_space, rel=1e-10)


def test_axion_to_photons_follows_from_its_lagrangian(dirac):
    mass, g = 0.3, 2.0
    one, two, phase_space = two_body(mass, 0.0)
    vertex = g * np.einsum("mnab,a,b->mn", dirac.epsilon, dirac.metric @ one, dirac.metric @ two)
    squared = np.einsum("mn,mr,ns,rs->", vertex, dirac.metric, dirac.metric, vertex)
    assert decays.axion_to_photons(mass, g) == pytest.approx(squared * phase_space / 2, rel=1e-12)


@pytest.mark.parametrize("mass", [0.22, 1.0, 5.0])
def test_zprime_to_leptons_follows_from_its_lagrangian(dirac, mass):
    one, two, phase_space = two_body(mass, MUON_MASS)
    total = sum(-dirac.metric[i, i] * dirac.spin_sum(one, MUON_MASS, dirac.gamma[i], two, -MUON_MASS) for i in range(4))
    assert decays.zprime_to_leptons(mass, 0.3, MUON_MASS) == pytest.approx(0.09 * total / 3 * phase_space, rel=1e-10)


@given(st.floats(0, 100), st.floats(-3, 3))
def test_two_flavours_of_neutrinos_are_one_massless_lepton(mass, coupling):
    """A left-handed neutrino is half a massless lepton."""
    neutrinos = decays.zprime_to_neutrinos(mass, coupling)
    assert neutrinos == pytest.approx(decays.zprime_to_leptons(mass, coupling, 0.0), rel=1e-12)


def test_thresholds():
    below = np.array([0.0, 0.1, 2 * MUON_MASS])
    assert decays.axion_to_muons(below, 1.0).tolist() == [0, 0, 0]
    assert decays.zprime_to_leptons(below, 1.0, MUON_MASS).tolist() == [0, 0, 0]
    assert decays.zprime_invisible_branching(below).tolist() == [1, 1, 1]


def test_zprime_branching():
    mass = np.array([0.2114, 1.0, 3.0, 4.0, 1e4])
    charged = sum(decays.zprime_to_leptons(mass, 1.0, lepton) for lepton in (MUON_MASS, TAU_MASS))
    neutrinos = decays.zprime_to_neutrinos(mass, 1.0)
    branching = decays.zprime_invisible_branching(mass)
    assert branching == pytest.approx(neutrinos / (neutrinos + charged), rel=1e-12)
    assert branching[1] == pytest.approx(1 / 2, abs=1e-3)
    assert branching[-1] == pytest.approx(1 / 3, rel=1e-6)
    assert np.all(np.diff(branching) < 0)


def test_decay_length_is_time_dilation():
    mass, p = 0.05, 80.0
    width = 3e-14
    lifetime = si.hbar / si.e / 1e9 / width
    assert decays.decay_length(width, mass, p) == pytest.approx(p / mass * si.c * lifetime, rel=1e-9)


def test_stable_particles_have_an_infinite_decay_length():
    length = decays.decay_length([0.0, 1e-15, 5e-324], 0.1, [[80.0], [0.0]])
    assert length[:, 0].tolist() == [np.inf, np.inf]
    assert length[1, 1:].tolist() == [0, 0]
    assert length[0, 2] == np.inf
    assert decays.decay_length(0.0, 0.0, 1.0) == np.inf


@pytest.mark.parametrize("length", [1e-9, 1e-4, 3e-3, 0.1, 0.4, 5.0, 17.0, 1e4, 1e12, 1e20])
def test_layer_average_is_the_sum_over_layers(length):
    depth = np.arange(LAYERS) * THICKNESS
    survive = np.exp(-depth / length)
    visible, invisible = decays.layer_probabilities(length, LAYERS, THICKNESS, VOLUME)
    assert visible == pytest.approx(np.mean(survive * -np.expm1(-VOLUME / length)), rel=1e-12)
    assert invisible == pytest.approx(np.mean(survive * np.exp(-VOLUME / length)), rel=1e-12)


@pytest.mark.parametrize("length", [1e-3, 0.1, 17.0, 1e20])
def test_many_thin_layers_are_continuous(length):
    target = LAYERS * THICKNESS
    layers = decays.layer_probabilities(length, 2_000_000, target / 2_000_000, VOLUME)
    assert layers == pytest.approx(decays.continuous_probabilities(length, target, VOLUME), rel=1e-3)


@given(lengths, st.integers(1, 10_000), st.floats(1e-6, 1.0), st.floats(1e-3, 1e4))
def test_probabilities_at_any_length(length, layers, thickness, volume):
    with np.errstate(all="raise", under="ignore"):
        both = (
            decays.layer_probabilities(length, layers, thickness, volume),
            decays.continuous_probabilities(length, layers * thickness, volume),
        )
    for visible, invisible in both:
        assert 0 <= visible <= 1
        assert 0 <= invisible <= 1
        assert visible + invisible <= 1 + 1e-14


def test_ends():
    """A particle that never decays is always beyond; one that decays at once is seen from the last layer only."""
    ends = np.array([0.0, np.inf])
    visible, invisible = decays.layer_probabilities(ends, LAYERS, THICKNESS, VOLUME)
    assert visible.tolist() == [1 / LAYERS, 0]
    assert invisible.tolist() == [0, 1]
    visible, invisible = decays.continuous_probabilities(ends, 0.4, VOLUME)
    assert visible.tolist() == [0, 0]
    assert invisible.tolist() == [0, 1]


def local_power(yield_of, coupling):
    step = 1.0001
    return np.log(yield_of(coupling * step) / yield_of(coupling / step)) / (2 * np.log(step))


@pytest.mark.parametrize(
    ("length", "layered", "continuous"),
    [
        (1e8, 4, 4),  # beyond the decay volume
        (1e2, 2, 2),  # between target and decay volume
        (1e-2, 0, 0),  # inside the target
        (1e-6, 2, 0),  # inside a layer: the last layer has no depth
    ],
)
def test_regimes_of_the_visible_yield(length, layered, continuous):
    """Yield g^2 P(L) with L = length/g^2, well separated scales: T = 1 m of 1e-4 m layers, D = 1e4 m."""

    def with_layers(g):
        return g**2 * decays.layer_probabilities(length / g**2, 10_000, 1e-4, 1e4)[0]

    def without(g):
        return g**2 * decays.continuous_probabilities(length / g**2, 1.0, 1e4)[0]

    assert local_power(with_layers, 1.0) == pytest.approx(layered, abs=0.03)
    assert local_power(without, 1.0) == pytest.approx(continuous, abs=0.03)


def test_plateau_is_the_length_over_the_target():
    visible, _ = decays.continuous_probabilities(1e-2, 1.0, 1e4)
    assert visible == pytest.approx(1e-2, rel=1e-12)


@given(st.floats(-6, 6), st.floats(1.0001, 100))
def test_visible_yields_never_fall_with_the_coupling(log_length, factor):
    """N_vis = g^2 P(L/g^2) does not decrease with g."""
    length = 10**log_length
    for average in (
        lambda x: decays.layer_probabilities(x, LAYERS, THICKNESS, VOLUME)[0],
        lambda x: decays.continuous_probabilities(x, LAYERS * THICKNESS, VOLUME)[0],
    ):
        assert factor * average(length / factor) >= average(length) * (1 - 1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: decays.layer_probabilities(np.nan, 135, 3e-3, 17),
        lambda: decays.layer_probabilities([1.0, -1.0], 135, 3e-3, 17),
        lambda: decays.layer_probabilities(1.0, 0, 3e-3, 17),
        lambda: decays.layer_probabilities(1.0, 135, 0.0, 17),
        lambda: decays.layer_probabilities(1.0, 135, 3e-3, -17),
        lambda: decays.continuous_probabilities(1.0, np.nan, 17),
        lambda: decays.decay_length(np.nan, 0.1, 1.0),
        lambda: decays.decay_length(1e-10, 0.0, 1.0),
        lambda: decays.axion_to_photons(-0.1, 1.0),
        lambda: decays.axion_to_muons(0.1, np.nan),
        lambda: decays.zprime_invisible_branching(np.nan),
        lambda: decays.zprime_to_leptons(1.0, 1.0, -0.1),
    ],
)
def test_impossible_arguments_are_refused(call):
    with pytest.raises(InputError, match=r"must|cannot"):
        call()


YIELDS = Path(__file__).parents[1] / "reference" / "independent_calculation" / "yields.csv"


@pytest.mark.parametrize(
    "row",
    list(csv.DictReader(YIELDS.read_text().splitlines())),
    ids=lambda row: "-".join([*list(row.values())[:3], row["x_min"]]),
)
def test_production_and_decay_give_the_independent_yields(row):
    mass, g, beam_energy = float(row["mass_gev"]), float(row["coupling"]), 160.0
    threshold = 2 * mass if row["scenario"] == "dark-sector" else mass
    x_low, x_high = energy_fraction_limits(threshold, beam_energy)
    x, weights = threshold_rule(np.maximum(x_low, float(row["x_min"])), x_high, 128)
    spectrum = {
        "axion-photon": lambda: cross_sections.photon_fusion(x, mass, beam_energy, LEAD),
        "axion-muon": lambda: (2 * MUON_MASS) ** 2 * cross_sections.pseudoscalar(x, mass, beam_energy, LEAD),
        "dark-sector": lambda: cross_sections.dark_pair_spectrum(x, mass, beam_energy, LEAD)[1].sum(axis=0),
        "zprime": lambda: cross_sections.vector(x, mass, beam_energy, LEAD),
    }[row["scenario"]]()
    width = decays.axion_to_photons(mass, g) if row["scenario"] == "axion-photon" else 0.0
    length = decays.decay_length(width, mass, momentum(x, mass, beam_energy))
    visible, invisible = decays.layer_probabilities(length, LAYERS, THICKNESS, float(row["d_hcal_m"]))
    nuclei = 11.35 * AVOGADRO / 207.2 * 20.25  # per cm^2
    made = float(row["mot"]) * nuclei * GEV2_TO_CM2 * g**2 * spectrum * weights
    assert made @ visible == pytest.approx(float(row["events_visible"]), rel=1e-3)
    assert made @ invisible == pytest.approx(float(row["events_invisible"]), rel=1e-3)
