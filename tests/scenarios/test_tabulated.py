"""A scenario from a table: it reproduces the spectra it was made from, and refuses broken tables."""

import math
import pickle

import numpy as np
import pytest

from na64stat import units
from na64stat.errors import ScenarioError, TableError, ValidityWarning
from na64stat.physics.kinematics import energy_fraction_limits
from na64stat.physics.nucleus import LEAD
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.registry import resolve
from na64stat.scenarios.tabulated import COLUMNS, SpectrumTable, Tabulated
from na64stat.scenarios.zprime import ZPrime

E = 160.0
HEADER = ",".join(COLUMNS)


def write(path, rows):
    lines = [HEADER, *(",".join(f"{value:.17g}" for value in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def rows_of(make, masses, points=500):
    """Table of a packaged scenario at coupling 1."""
    rows = []
    for mass in masses:
        scenario = make(mass=mass, coupling=1.0)
        low, high = map(float, energy_fraction_limits(mass, E))
        # dense at both ends, where the spectra are steep
        u = np.linspace(math.log(low / (1 - low)), math.log(high / (1 - high)), points)
        x = 1 / (1 + np.exp(-u))
        spectrum = scenario.production(x, E, LEAD).dsigma_dx * units.GEV2_TO_PB
        rows += [
            (mass, at, value, scenario.width(), scenario.visible_fraction())
            for at, value in zip(x, spectrum, strict=True)
        ]
    return rows


@pytest.fixture(scope="module")
def axion(tmp_path_factory):
    """AxionPhoton in steps of 10% of the mass."""
    path = tmp_path_factory.mktemp("table") / "axion.csv"
    return Tabulated.from_csv(write(path, rows_of(AxionPhoton, 0.01 * 1.1 ** np.arange(5))))


@pytest.mark.parametrize("mass", [0.01, 0.01 * 1.1**2, 0.01 * 1.1**4])
def test_it_reproduces_the_scenario_it_came_from(axion, mass):
    table, origin = axion(mass=mass, coupling=3e-3), AxionPhoton(mass=mass, coupling=3e-3)
    x = np.geomspace(2e-3, 0.99, 57)
    np.testing.assert_allclose(
        table.production(x, E, LEAD).dsigma_dx, origin.production(x, E, LEAD).dsigma_dx, rtol=1e-3
    )
    assert table.production(x, E, LEAD).effective_mass == mass
    assert table.width() == pytest.approx(origin.width(), rel=1e-12)
    assert table.visible_fraction() == 1


def test_between_masses_powers_are_exact(axion):
    """The width goes as m^3, a straight line in the logarithms; the spectrum is nearly so."""
    mass = 0.01 * 1.1**1.37
    table, origin = axion(mass=mass, coupling=3e-3), AxionPhoton(mass=mass, coupling=3e-3)
    assert table.width() == pytest.approx(origin.width(), rel=1e-12)
    x = np.geomspace(0.01, 0.9, 23)
    np.testing.assert_allclose(
        table.production(x, E, LEAD).dsigma_dx, origin.production(x, E, LEAD).dsigma_dx, rtol=3e-3
    )


def test_outside_its_range_of_x_there_is_nothing(tmp_path):
    with pytest.warns(ValidityWarning, match=r"mass_gev = 0\.1: the table ends at x = 0\.6, .* counts as zero"):
        make = Tabulated.from_csv(write(tmp_path / "t.csv", [(0.1, 0.3, 5, 0, 0), (0.1, 0.6, 7, 0, 0)]))
    made = make(mass=0.1, coupling=2.0).production(np.array([0.1, 0.29, 0.3, 0.45, 0.6, 0.61]), E, LEAD)
    np.testing.assert_allclose(made.dsigma_dx * units.GEV2_TO_PB, 4 * np.array([0, 0, 5, 6, 7, 0]), rtol=1e-14)


def test_a_zero_neighbour_is_interpolated_linearly(tmp_path):
    rows = [(m, x, s, w, v) for m, s, w, v in ((0.1, 0, 0, 0), (0.4, 8, 6, 1)) for x in (0.2, 0.95)]
    make = Tabulated.from_csv(write(tmp_path / "t.csv", rows))
    middle = make(mass=0.2, coupling=1.0)  # half-way in ln(mass)
    assert middle.production(np.array([0.5]), E, LEAD).dsigma_dx[0] * units.GEV2_TO_PB == pytest.approx(4)
    assert (middle.width(), middle.visible_fraction()) == (pytest.approx(3), pytest.approx(0.5))


def test_it_is_a_scenario_like_the_others(axion):
    scenario = axion(mass=0.0105, coupling=1e-3)
    x = np.array([0.3])
    twice = scenario.at(coupling=2e-3)
    assert twice.production(x, E, LEAD).dsigma_dx[0] == pytest.approx(
        4 * scenario.production(x, E, LEAD).dsigma_dx[0], rel=1e-12
    )
    assert twice.width() == pytest.approx(4 * scenario.width(), rel=1e-12)
    assert scenario.at(coupling=0.0).width() == 0
    copied = pickle.loads(pickle.dumps(scenario))  # noqa: S301 (our own bytes)
    np.testing.assert_array_equal(copied.production(x, E, LEAD).dsigma_dx, scenario.production(x, E, LEAD).dsigma_dx)
    assert "array" not in repr(scenario)
    with pytest.raises(ScenarioError, match="tabulated: mass = nan"):
        axion(mass=math.nan, coupling=1.0)


def test_the_registry_reads_a_table(tmp_path):
    path = write(tmp_path / "zprime.csv", rows_of(ZPrime, [0.1], 50))
    scenario = resolve(path)(mass=0.1, coupling=1.0)
    assert (scenario.name, scenario.yield_power) == ("tabulated", 2.0)


@pytest.mark.parametrize("mass", [0.0099, 0.02])
def test_a_mass_outside_is_refused(axion, mass):
    with pytest.raises(ScenarioError, match=rf"mass = {mass:g} GeV is not in the table, 0\.01 to 0\.014641 GeV"):
        axion(mass=mass, coupling=1.0)


GOOD = [(0.1, 0.2, 5.0, 0, 0), (0.1, 0.4, 6.0, 0, 0)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((0.1, 0.3, math.nan, 0, 0), r"line 4, column dsigma_dx_pb: 'nan'; expected a finite number"),
        ((0.1, math.inf, 1.0, 0, 0), r"line 4, column x: 'inf'"),
        ((0.1, 0.3, 7.0, 0, 0), r"row \d below the header: mass_gev = 0\.1: x = 0\.3 comes after"),
        ((0.1, 0.4, 7.0, 0, 0), r"row \d below the header: mass_gev = 0\.1: x = 0\.4 "),
        ((0.3, 0.5, 7.0, 0, 0), r"mass_gev = 0\.3: one row; expected at least two with increasing x"),
        ((0.1, 1.5, 7.0, 0, 0), r"column x: 1\.5; expected a number >= 0 and <= 1"),
        ((0.1, 0.5, -7.0, 0, 0), r"column dsigma_dx_pb: -7; expected a number >= 0"),
        ((0.1, 0.5, 7.0, -1, 0), r"column width_gev: -1"),
        ((0.1, 0.5, 7.0, 0, 2), r"column visible_fraction: 2; expected a number >= 0 and <= 1"),
        ((0.0, 0.5, 7.0, 0, 0), r"column mass_gev: 0; expected a number > 0"),
        ((0.1, 0.5, 7.0, 1e-9, 0), r"mass_gev = 0\.1: width_gev differs between rows"),
        ((0.1, 0.5, 7.0, 0, 0.5), r"mass_gev = 0\.1: visible_fraction differs between rows"),
    ],
)
def test_a_broken_row_is_named(tmp_path, row, message):
    path = write(tmp_path / "broken.csv", [*GOOD, row])
    with pytest.raises(TableError, match=rf"broken\.csv.*{message}"):
        SpectrumTable.read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mass_gev,x,dsigma_dx_pb,width_gev\n0.1,0.2,5,0\n", "column 'visible_fraction' is missing"),
        (f"{HEADER},extra\n", "unknown column 'extra'"),
        (
            "mass_gev,x,dsigma_pb,width_gev,visible_fraction\n",
            "unknown column 'dsigma_pb' .did you mean 'dsigma_dx_pb'",
        ),
        (f"{HEADER}\n0.1,0.2,five,0,0\n", "line 2, column dsigma_dx_pb: 'five'; expected a number"),
        (f"{HEADER}\n", "no row below"),
        ("", "the file is empty"),
    ],
)
def test_a_broken_file_is_named(tmp_path, text, message):
    path = tmp_path / "broken.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match=rf"broken\.csv.*{message}"):
        Tabulated.from_csv(path)
