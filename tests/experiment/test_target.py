"""The target against numbers of the PDG and of the paper, and the number of events by hand."""

from dataclasses import replace

import pytest

from na64stat import units
from na64stat.experiment.target import Target
from na64stat.physics.nucleus import LEAD

ECAL = Target(LEAD, atomic_mass=207.2, density=11.35, layers=135, absorber_thickness=1.5e-3, layer_thickness=3e-3)


def test_lead_has_the_published_density_of_nuclei():
    assert ECAL.number_density == pytest.approx(3.299e22, rel=2e-4)


def test_lengths_of_the_paper():
    assert ECAL.length == pytest.approx(0.2025)
    assert ECAL.length == pytest.approx(36 * 0.56e-2, rel=5e-3)  # 36 radiation lengths
    assert ECAL.thickness == pytest.approx(0.405)


def test_the_mass_per_area_counts_the_nuclei():
    grams_per_cm2 = 11.35 * 20.25
    moles = grams_per_cm2 / 207.2
    events_per_muon_and_pb = moles * 6.02214076e23 * 1e-36
    assert ECAL.nuclei_per_area_gev2 / units.GEV2_TO_PB == pytest.approx(events_per_muon_and_pb, rel=1e-12)


def test_scintillator_is_no_target():
    thicker = replace(ECAL, layer_thickness=6e-3)
    assert thicker.nuclei_per_area_gev2 == ECAL.nuclei_per_area_gev2
    assert thicker.thickness == 2 * ECAL.thickness
