"""Regions of existing limits: shapes with a known inside, the packaged curves, and the conversion of charges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64stat.errors import InputError
from na64stat.limits_library import ExistingLimit, excluded, excluded_by, existing_limits, strongest
from na64stat.limits_library.library import COLUMNS, millicharge_to_coupling
from na64stat.physics.constants import ALPHA, MUON_MASS, TAU_MASS

SCENARIOS = ["axion-photon", "axion-muon", "dark-sector", "zprime"]


def limit(shape, mass, coupling):
    return ExistingLimit("test", "none", shape, tuple(mass), tuple(coupling), "1")


# A rhombus around (0.1, 1e-3) in the logarithms: |ln m/0.1| / 2 + |ln g/1e-3| / 3 < 1, with corners at the four ends.
RHOMBUS = limit(
    "contour",
    (0.1 * math.exp(2), 0.1, 0.1 * math.exp(-2), 0.1),
    (1e-3, 1e-3 * math.exp(3), 1e-3, 1e-3 * math.exp(-3)),
)


@given(st.floats(-4, 4), st.floats(-5, 5))
def test_inside_of_a_contour(x, y):
    distance = abs(x) / 2 + abs(y) / 3
    if abs(distance - 1) > 1e-9:
        assert RHOMBUS.excludes(0.1 * math.exp(x), 1e-3 * math.exp(y)) == (distance < 1)


@given(st.floats(-2, 2))
def test_lowest_coupling_of_a_contour(x):
    expected = 1e-3 * math.exp(-3 * (1 - abs(x) / 2))
    assert RHOMBUS.lowest(0.1 * math.exp(x * (1 - 1e-12))) == pytest.approx(expected, rel=1e-9)


def test_lowest_coupling_beyond_a_contour():
    assert RHOMBUS.lowest(0.1 * math.exp(2.001)) is None


@given(st.floats(1e-3, 1), st.floats(0.3, 3))
def test_power_law_edge(mass, factor):
    """Three points of g = 0.02 m^1.5 make the whole power law, since the axes are logarithmic."""
    edge = limit("lower_edge", (1e-3, 0.05, 1.0), [0.02 * m**1.5 for m in (1e-3, 0.05, 1.0)])
    truth = 0.02 * mass**1.5
    if abs(factor - 1) > 1e-9:
        assert edge.excludes(mass, truth * factor) == (factor > 1)
    assert edge.lowest(mass) == pytest.approx(truth, rel=1e-12)


def test_nothing_is_said_beyond_the_mass_span():
    edge = limit("lower_edge", (1e-3, 1.0), (1e-4, 1e-4))
    assert edge.excludes([0.99e-3, 1e-3, 1.0, 1.01], 1.0).tolist() == [False, True, True, False]
    assert edge.lowest(1.01) is None


def test_polygon_of_an_edge_is_closed_at_the_top():
    edge = limit("lower_edge", (1e-3, 1.0), (1e-4, 1e-2))
    assert edge.polygon(5.0).tolist() == [[1e-3, 1e-4], [1.0, 1e-2], [1.0, 5.0], [1e-3, 5.0]]
    assert edge.polygon(1e-3)[-1].tolist() == [1e-3, 1e-2]


@pytest.mark.parametrize("name", SCENARIOS)
def test_polygon_and_question_agree(name):
    """Two ways to the same region: the polygon as drawn, by another library's point-in-polygon, and `excludes`."""
    from matplotlib.path import Path

    random = np.random.default_rng(5)
    for record in existing_limits(name):
        low, high = np.log(record.mass[0] / 3), np.log(max(record.mass) * 3)
        mass = np.exp(random.uniform(low, high, 400))
        coupling = np.exp(random.uniform(np.log(min(record.coupling) / 10), np.log(max(record.coupling) * 5), 400))
        drawn = Path(np.log(record.polygon(1e6))).contains_points(np.log(np.column_stack([mass, coupling])))
        assert record.excludes(mass, coupling).tolist() == drawn.tolist()


@pytest.mark.parametrize("name", SCENARIOS)
def test_packaged_edges_go_through_their_points(name):
    for record in existing_limits(name):
        if record.shape == "lower_edge":
            mass, coupling = np.array(record.mass), np.array(record.coupling)
            assert record.excludes(mass, coupling * (1 + 1e-9)).all()
            assert not record.excludes(mass, coupling * (1 - 1e-9)).any()


@pytest.mark.parametrize(
    ("name", "mass", "coupling", "experiments"),
    [
        # In the gap of the pi0 only LEP is above, and OPAL everywhere above 1.28e-3.
        ("axion-photon", 0.135, 6e-3, {"LEP", "OPAL"}),
        ("axion-photon", 0.116, 1e-3, {"PrimEx"}),
        # The gap at the eta, below OPAL's edge.
        ("axion-photon", 0.55, 1e-3, {"Belle II"}),
        ("axion-photon", 0.05, 3e-6, {"E137"}),
        ("axion-photon", 0.05, 1e-5, {"E137", "NuCal", "CHARM"}),
        ("axion-photon", 0.02, 3e-3, {"E141", "NA64e", "OPAL"}),
        # Between NA64e and OPAL, where the paper expects new space.
        ("axion-photon", 0.06, 1e-3, set()),
        ("axion-muon", 0.05, 1e-6, {"SN1987A"}),
        # Trapped in the supernova: what NA64mu can reach is not excluded by its cooling.
        ("axion-muon", 0.05, 4e-3, set()),
        ("zprime", 0.05, 7e-4, {"NA64mu 2022"}),
        ("zprime", 0.05, 1e-3, {"NA64mu 2022", "CCFR"}),
        ("zprime", 5.0, 1e-3, set()),
        ("muon-scalar", 0.1, 1.0, set()),
    ],
)
def test_who_has_been_there(name, mass, coupling, experiments):
    assert set(excluded_by(name, mass, coupling)) == experiments
    assert excluded(name, [mass], [coupling]).tolist() == [bool(experiments)]


@pytest.mark.parametrize("name", SCENARIOS)
def test_strongest_is_where_exclusion_starts(name):
    for mass in np.geomspace(2e-3, 3, 25):
        found = strongest(name, mass)
        if found is None:
            assert not excluded(name, mass, np.geomspace(1e-9, 1e2, 400)).any()
        else:
            experiment, coupling = found
            assert not excluded(name, mass, coupling * np.geomspace(1e-6, 1 - 1e-9, 200)).any()
            assert experiment in excluded_by(name, mass, coupling * (1 + 1e-9))


def test_scenario_without_limits():
    assert existing_limits("muon-scalar") == ()
    assert strongest("muon-scalar", 0.1) is None
    assert excluded("muon-scalar", [0.1, 0.2], 1.0).tolist() == [False, False]


# --- charges


def test_conversion_of_a_light_particle():
    """eps/g_Z' = e ln(m_tau/m_muon)/(6 pi^2) without momentum transfer, so that e cancels in the coupling."""
    expected = 2e-4 * 6 * math.pi**2 / math.log(TAU_MASS / MUON_MASS)
    assert millicharge_to_coupling(1e-6, 2e-4) == pytest.approx(expected, rel=1e-8)
    assert millicharge_to_coupling(1e-6, 2e-4) == pytest.approx(2e-4 * math.sqrt(4 * math.pi * ALPHA) * 69.3, rel=1e-3)


def test_conversion_follows_the_loop_integral():
    from scipy.integrate import quad

    for mass in (0.03, 0.09):
        q2 = 4 * mass**2

        def integrand(y, q2=q2):
            return y * (1 - y) * math.log((TAU_MASS**2 - y * (1 - y) * q2) / (MUON_MASS**2 - y * (1 - y) * q2))

        integral, _ = quad(integrand, 0, 1, epsrel=1e-12)
        assert millicharge_to_coupling(mass, 1e-3) == pytest.approx(1e-3 * 2 * math.pi**2 / integral, rel=1e-9)


def test_converted_curves_stay_true_between_their_points():
    """Converted after interpolation of the charge, also at the kink of the loop at m_chi = m_muon."""
    from importlib import resources

    from na64stat.files import read_table

    table = read_table(resources.files("na64stat.limits_library") / "data" / "dark_sector_millicharge.csv", COLUMNS)
    for record in existing_limits("dark-sector"):
        at = [index for index, name in enumerate(table["experiment"]) if name == record.experiment]
        x = np.log([table["mass_gev"][index] for index in at])
        y = np.log([table["coupling"][index] for index in at])
        for mass in [*np.geomspace(record.mass[0], record.mass[-1], 301)[1:-1], 0.1055, 0.10566]:
            if not record.mass[0] < mass < record.mass[-1]:
                continue
            truth = millicharge_to_coupling(mass, np.exp(np.interp(np.log(mass), x, y)))
            assert record.lowest(mass) == pytest.approx(float(truth), rel=4e-3)
        inside = np.exp(x[1:-1])
        truth = millicharge_to_coupling(inside, np.exp(y[1:-1]))
        assert [record.lowest(mass) for mass in inside] == pytest.approx(truth, rel=1e-9)


@pytest.mark.parametrize(
    ("mass", "reach", "experiment", "gain"),
    [(0.0101, 2.8e-3, "LSND", (0.9, 1.1)), (0.1, 9.2e-3, "SENSEI", (0.9, 1.1))],
)
def test_best_bound_beside_the_reach_of_2022(mass, reach, experiment, gain):
    """The reach is an independent calculation; gain is best bound over reach, about 1 at both masses."""
    found = strongest("dark-sector", mass)
    assert found is not None
    assert found[0] == experiment
    assert gain[0] < found[1] / reach < gain[1]


# --- bad input


def test_broken_records():
    with pytest.raises(InputError, match="'test': shape 'upper_edge'; it is one of contour, lower_edge"):
        limit("upper_edge", (1, 2), (1, 2))
    with pytest.raises(InputError, match="2 masses and 2 couplings; a contour needs at least 3"):
        limit("contour", (1, 2), (1, 2))
    with pytest.raises(InputError, match="2 masses and 1 couplings"):
        limit("lower_edge", (1, 2), (1,))
    with pytest.raises(InputError, match="masses of a lower edge must increase"):
        limit("lower_edge", (2, 1), (1, 1))
    with pytest.raises(InputError, match=r"coupling = -1\.0 must be positive"):
        limit("lower_edge", (1, 2), (1, -1))


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_questions_without_sense(bad):
    for question in (RHOMBUS.excludes, lambda m, g: excluded("zprime", m, g)):
        with pytest.raises(InputError, match="mass = "):
            question(bad, 1e-3)
        with pytest.raises(InputError, match="coupling = "):
            question([0.1, 0.2], [1e-3, bad])
    with pytest.raises(InputError, match="mass = "):
        strongest("zprime", bad)
    with pytest.raises(InputError, match="coupling_top"):
        limit("lower_edge", (1, 2), (1, 1)).polygon(bad)
