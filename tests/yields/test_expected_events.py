"""Events before the response, against an independent calculation, closed forms and explicit sums."""

import csv
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from na64stat.errors import InputError, ScenarioError
from na64stat.physics import cross_sections
from na64stat.physics.constants import MUON_MASS
from na64stat.physics.kinematics import energy_fraction_limits
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.dark_sector import DarkSector
from na64stat.scenarios.production import Production
from na64stat.scenarios.registry import resolve
from na64stat.scenarios.zprime import ZPrime
from na64stat.yields.predict import DepthAverage, expected_events, region_events

E = 160.0
TABLE = Path(__file__).parents[1] / "reference" / "independent_calculation" / "yields.csv"
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r['scenario']}-{r['mass_gev']}-{r['coupling']}-{r['x_min']}")
def test_the_independent_table(run, row):
    number = {key: float(value) for key, value in row.items() if key != "scenario"}
    assert (number["mot"], number["d_hcal_m"]) == (run.mot, run.decay_volume)
    options = {"invisible_only": True} if row["scenario"] == "zprime" else {}
    scenario = resolve(row["scenario"])(mass=number["mass_gev"], coupling=number["coupling"], **options)
    found = expected_events(scenario, run, x_min=number["x_min"], efficiency=number["efficiency"])
    assert found.visible == pytest.approx(number["events_visible"], rel=2e-3, abs=0)
    assert found.invisible == pytest.approx(number["events_invisible"], rel=2e-3, abs=0)


def test_the_table_was_read():
    assert {row["scenario"] for row in ROWS} == {"axion-photon", "axion-muon", "dark-sector", "zprime"}
    assert len(ROWS) == 20


def explicit(mass, coupling, channel, run, layered=True):
    """Eq. (1) for AxionPhoton by adaptive quadrature, the layers summed one by one or their depth integrated."""
    width = coupling**2 * mass**3 / (64 * math.pi)
    h, layers, d = run.target.layer_thickness, run.target.layers, run.decay_volume

    def survives(x):
        length = math.sqrt((x * E) ** 2 - mass**2) / mass * 1.973269804e-16 / width
        if layered:
            reached = sum(math.exp(-i * h / length) for i in range(layers)) / layers
        else:
            reached = quad(lambda z: math.exp(-z / length), 0, layers * h, epsrel=1e-10)[0] / (layers * h)
        escaped = math.exp(-d / length)
        return reached * ((1 - escaped) if channel == "visible" else escaped)

    def integrand(u):
        x = 1 / (1 + math.exp(-u))
        spectrum = float(cross_sections.photon_fusion(x, mass, E, run.target.nucleus))
        return coupling**2 * spectrum * survives(x) * x * (1 - x)

    total = quad(integrand, math.log(0.04 / 0.96), 14, epsrel=1e-8, limit=200)[0]
    nuclei = 11.35 * 6.02214076e23 / 207.2 * 20.25 * (1.973269804e-14) ** 2
    return 1.98e10 * nuclei * float(run.efficiency(mass)) * total


@pytest.mark.parametrize("average", list(DepthAverage))
@pytest.mark.parametrize("channel", ["visible", "invisible"])
def test_equation_one_by_adaptive_quadrature(run, channel, average):
    axion = AxionPhoton(mass=0.01, coupling=3e-3)
    found = expected_events(axion, run, x_min=0.04, average=average)
    expected = explicit(0.01, 3e-3, channel, run, average is DepthAverage.LAYERS)
    assert getattr(found, channel) == pytest.approx(expected, rel=1e-5)


def test_without_decay_everything_is_invisible(perfect):
    found = expected_events(AxionMuon(mass=0.1, coupling=5e-3), perfect)
    sigma = cross_sections.total_cross_section("pseudoscalar", 0.1, E, perfect.target.nucleus)
    expected = perfect.mot * perfect.target.nuclei_per_area_gev2 * (2 * MUON_MASS * 5e-3) ** 2 * sigma
    assert (found.visible, found.invisible) == (0.0, pytest.approx(float(expected), rel=1e-6))


@pytest.mark.parametrize("make", [AxionPhoton, AxionMuon, DarkSector, ZPrime])
def test_no_coupling_makes_nothing(run, make):
    assert expected_events(make(mass=0.05, coupling=0.0), run).events == 0


def test_ranges_of_x_add_up(perfect):
    """From 0.1 on, less what lies above 0.6, against plain quadrature in between."""
    scenario = ZPrime(mass=0.05, coupling=1e-3)
    between = (
        expected_events(scenario, perfect, x_min=0.1).events - expected_events(scenario, perfect, x_min=0.6).events
    )
    nodes, weights = np.polynomial.legendre.leggauss(40)
    x, weights = 0.35 + 0.25 * nodes, 0.25 * weights
    spectrum = cross_sections.vector(x, 0.05, E, perfect.target.nucleus) @ weights
    assert between == pytest.approx(1e-6 * perfect.mot * perfect.target.nuclei_per_area_gev2 * spectrum, rel=1e-7)


def test_nothing_lies_above_the_highest_x(run):
    light = ZPrime(mass=0.01, coupling=1.0)
    high = float(energy_fraction_limits(0.01, E)[1])
    assert expected_events(light, run, x_min=0.999 * high, efficiency=1.0).events > 0
    assert expected_events(light, run, x_min=high, efficiency=1.0).events == 0
    assert expected_events(light, run, x_min=(1 + high) / 2, efficiency=1.0).events == 0


@pytest.mark.parametrize("x_min", [-0.1, 1.0, 2.0, math.nan])
def test_x_min_is_an_energy_fraction(run, x_min):
    with pytest.raises(InputError, match=r"x_min = .*an energy fraction lies in"):
        expected_events(ZPrime(mass=0.1, coupling=1e-3), run, x_min=x_min)


def test_efficiency_and_muons_are_factors(run):
    scenario = AxionPhoton(mass=0.01, coupling=2e-3)
    one = expected_events(scenario, run, efficiency=1.0)
    own = expected_events(scenario, run)
    more = expected_events(scenario, replace(run, mot=10 * run.mot))
    for channel in ("visible", "invisible"):
        at_one = getattr(one, channel)
        assert getattr(own, channel) == pytest.approx(float(run.efficiency(0.01)) * at_one, rel=1e-12)
        assert getattr(more, channel) == pytest.approx(10 * getattr(own, channel), rel=1e-12)


def test_powers_of_the_coupling_in_each_regime(perfect):
    """g^4 where the decay length is far beyond the detector, g^2 where it lies inside, and unseen g^2 before the cut-off."""

    def power(coupling, channel, average=DepthAverage.LAYERS, run=perfect):
        step = 1 + 1e-4
        low, high = (
            getattr(expected_events(AxionPhoton(mass=0.01, coupling=g), run, 0.3, average=average), channel)
            for g in (coupling / step, coupling * step)
        )
        return math.log(high / low) / (2 * math.log(step))

    assert power(1e-6, "visible") == pytest.approx(4, abs=1e-3)
    assert power(1e-6, "invisible") == pytest.approx(2, abs=1e-3)
    endless = replace(perfect, decay_volume=1e9)
    assert power(1e-4, "visible", run=endless) == pytest.approx(2, abs=1e-3)  # T << L << D
    assert power(3e-2, "invisible") < -2  # cut off
    # Decay length far below a layer: the last layer, given no depth, brings the power 2 back.
    assert power(1e3, "visible") == pytest.approx(2, abs=1e-6)
    assert power(1e3, "visible", average=DepthAverage.CONTINUOUS) == pytest.approx(0, abs=1e-6)


def test_the_two_averages_agree_for_long_lives_and_the_layers_are_optimistic(perfect):
    def ratio(coupling):
        layers, continuous = (
            expected_events(AxionPhoton(mass=0.01, coupling=coupling), perfect, 0.3, average=average).visible
            for average in (DepthAverage.LAYERS, DepthAverage.CONTINUOUS)
        )
        return layers / continuous

    assert ratio(1e-5) == pytest.approx(1, abs=1e-6)
    assert 1 < ratio(0.1) < ratio(0.5) < ratio(2.0)
    # the plateau: continuous L/T against 1/layers
    axion, x = AxionPhoton(mass=0.01, coupling=1e3), 0.7
    continuous = expected_events(axion, perfect, 0.3, average=DepthAverage.CONTINUOUS).visible
    layers = expected_events(axion, perfect, 0.3).visible
    length = x * E / 0.01 * 1.9733e-16 / axion.width()
    assert continuous / layers == pytest.approx(length / 0.003, rel=0.6)  # x averages from 0.3 to 1


def test_a_short_lived_particle_is_neither_seen_nor_escapes(perfect):
    found = expected_events(AxionPhoton(mass=0.5, coupling=10.0), perfect, average=DepthAverage.CONTINUOUS)
    made = expected_events(AxionPhoton(mass=0.5, coupling=1e-12), perfect).invisible * (10 / 1e-12) ** 2
    assert found.invisible == 0
    assert 0 < found.visible < 1e-6 * made


def test_shares_of_the_decays(perfect):
    """AxionMuon above the pair: photons are seen, muons are not, what escapes is invisible."""
    axion = AxionMuon(mass=0.3, coupling=1e-4, loop_decay=True)
    silent = AxionMuon(mass=0.3, coupling=1e-4)
    seen = expected_events(axion, perfect)
    assert 0 < axion.visible_fraction() < 1
    assert expected_events(silent, perfect).visible == 0
    long_lived = replace(perfect, decay_volume=1e30)  # every one that leaves the target decays inside
    total = expected_events(axion.at(coupling=1e-9), long_lived)
    made = expected_events(axion.at(coupling=1e-9), perfect).events
    assert total.visible == pytest.approx(axion.visible_fraction() * made, rel=1e-3)
    assert total.invisible == 0
    assert seen.invisible < expected_events(silent, perfect).invisible


def test_zprime_loses_its_muons(perfect):
    """Above the pair the events drop by the branching fraction; below they do not."""
    for mass, fraction in ((0.1, 1.0), (1.0, None)):
        full = expected_events(ZPrime(mass=mass, coupling=1e-3, invisible_only=True), perfect).invisible
        real = expected_events(ZPrime(mass=mass, coupling=1e-3), perfect).invisible
        r = MUON_MASS**2 / mass**2
        expected = fraction or 1 / (1 + (1 + 2 * r) * math.sqrt(1 - 4 * r))
        assert real / full == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("make", "mass"), [(AxionPhoton, 170.0), (ZPrime, 1e6), (DarkSector, 80.0), (AxionMuon, 160.0)]
)
def test_a_mass_beyond_the_beam_is_refused(run, make, mass):
    message = re.escape(f"mass = {mass:g} GeV is beyond the reach of a 160 GeV beam")
    with pytest.raises(ScenarioError, match=message):
        expected_events(make(mass=mass, coupling=1.0), run)
    with pytest.raises(ScenarioError, match=message):
        region_events(make(mass=mass, coupling=1.0), run, np.ones(2), ["invisible"])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda m, x: Production(m, -1.0 + 0 * x), "values from -1 to -1; expected finite numbers >= 0"),
        (lambda m, x: Production(m, np.nan * x), "values from nan to nan; expected finite"),
        (lambda m, x: Production(m, np.ones(3)), r"shape \(1, 3\)"),
        (lambda m, x: Production(np.array([m, m]), 0 * x), r"of shape \(2, \d+\)"),
        (lambda m, x: 0 * x, "production gave a ndarray; expected a na64stat.Production"),
        (lambda m, x: None, "production gave a NoneType"),
    ],
)
def test_a_users_mistake_is_named(run, odd, answer, message):
    with pytest.raises(ScenarioError, match=f"odd.*{message}"):
        expected_events(odd(answer), run)


def test_a_users_several_masses_are_summed(perfect, odd):
    def answer(_, x):
        return Production(np.array([0.1, 0.2]), np.array([1e-9 * x, 3e-9 * x]))

    found = expected_events(odd(answer), perfect, x_min=0.5).invisible
    high = float(energy_fraction_limits(0.1, E)[1])
    assert found == pytest.approx(
        perfect.mot * perfect.target.nuclei_per_area_gev2 * 4e-9 * (high**2 - 0.25) / 2, rel=1e-9
    )


@pytest.mark.parametrize("efficiency", [-0.1, 1.1, float("nan"), "half", True])
def test_an_efficiency_is_a_share(run, efficiency):
    with pytest.raises(InputError, match=r"efficiency = .* a number from 0 to 1"):
        expected_events(AxionMuon(mass=0.1, coupling=5e-3), run, efficiency=efficiency)
