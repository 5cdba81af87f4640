"""Constants against scipy's table, nuclei against their defining formula."""

import numpy as np
import pytest
from scipy.constants import physical_constants

from na64stat.errors import InputError
from na64stat.physics import constants
from na64stat.physics.nucleus import LEAD, Nucleus


@pytest.mark.parametrize(
    ("value", "name", "scale", "tolerance"),
    [
        (constants.ALPHA, "fine-structure constant", 1, 1e-8),
        (constants.ELECTRON_MASS, "electron mass energy equivalent in MeV", 1e-3, 1e-8),
        (constants.MUON_MASS, "muon mass energy equivalent in MeV", 1e-3, 1e-7),
        (constants.TAU_MASS, "tau energy equivalent", 1e-3, 2e-4),
        (constants.AVOGADRO, "Avogadro constant", 1, 1e-12),
    ],
)
def test_constants_are_those_of_codata(value, name, scale, tolerance):
    assert value == pytest.approx(physical_constants[name][0] * scale, rel=tolerance)


def test_lead_has_the_radii_of_lead():
    # 5.5 fm (rms) of the charge, where the form factor is 1 - t r^2/6; 0.885 Bohr radii Z^(-1/3) of the electrons.
    hbar_c = 0.1973269804  # GeV fm
    assert np.sqrt(6 / LEAD.t_size) * hbar_c == pytest.approx(5.5, rel=0.35)
    screening = hbar_c / np.sqrt(LEAD.t_screen)
    assert screening == pytest.approx(0.885 * 52917.7 * 82 ** (-1 / 3), rel=0.15)
    assert (LEAD.z, LEAD.mass_number) == (82, 207)


@pytest.mark.parametrize("bad", [(0, 1), (82, 0), (-1, 1), (82, 40), (np.nan, 207), (82, np.inf)])
def test_impossible_elements_are_refused(bad):
    with pytest.raises(InputError, match="0 < z <= a"):
        Nucleus.from_element(*bad)


@pytest.mark.parametrize("scales", [(0, 1), (1, 1), (2, 1), (np.nan, 1), (1, np.inf)])
def test_impossible_scales_are_refused(scales):
    with pytest.raises(InputError, match="t_screen"):
        Nucleus(82, *scales)


def test_charge_must_be_positive():
    with pytest.raises(InputError, match="z = 0"):
        Nucleus(0, 1e-9, 1e-3)
