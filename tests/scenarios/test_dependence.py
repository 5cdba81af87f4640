"""How production and decay depend on the coupling: found, checked against what is declared, or refused."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from na64stat.errors import ScenarioError
from na64stat.physics import cross_sections
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.dependence import STANDARD_BEAM, dependence
from na64stat.scenarios.produced import produced
from na64stat.scenarios.production import Production
from na64stat.scenarios.registry import NAMES, load_class, resolve

REPORTED = Path(__file__).parents[1] / "reported"


@dataclass(frozen=True, kw_only=True)
class Sum(Scenario):
    """Production is a sum of powers with these factors, by the power; `of_shape` of them have a spectrum of their own."""

    name = "sum"
    factors: tuple[float, ...] = (0.0, 0.0, 1.0)

    def production(self, x, beam_energy, nucleus):
        one = cross_sections.scalar(x, self.mass, beam_energy, nucleus)
        return Production(
            self.mass, sum(a * self.coupling**k * one * (1 + 0.3 * k * x) for k, a in enumerate(self.factors))
        )


@pytest.mark.parametrize(
    ("factors", "powers"),
    [
        ((0, 1.0), (1,)),
        ((0, 0, 1.0), (2,)),
        ((0, 0, 0, 0, 7.0), (4,)),
        ((0, 1e-3, 1.0), (1, 2)),
        ((1e-6, -1e-3, 1.0), (0, 1, 2)),
        ((0, 0, 1.0, 0, 2e4), (2, 4)),
        ((3.0,), (0,)),
    ],
)
def test_powers_and_their_spectra_are_found(factors, powers):
    found = dependence(Sum(mass=0.05, coupling=1.0, factors=factors), (1e-7, 10.0))
    assert found.powers == powers
    for g in (1.7e-5, 3.3e-3, 0.8):
        wanted = produced(Sum(mass=0.05, coupling=g, factors=factors), *STANDARD_BEAM).dsigma_dx
        terms = zip(found.powers, found.terms, strict=True)
        np.testing.assert_allclose(sum(term * (g / found.reference) ** p for p, term in terms), wanted, rtol=1e-8)


@pytest.mark.parametrize("power", [0.5, 2.5, 3.14])
def test_any_power_is_found(power):
    @dataclass(frozen=True, kw_only=True)
    class Odd(Scenario):
        name = "odd"

        def production(self, x, beam_energy, nucleus):
            return Production(self.mass, self.coupling**power * x)

    assert Odd(mass=0.1, coupling=1e-3).yield_power == power
    assert Odd(mass=0.1, coupling=1e-3).coupling_at(4.0) == pytest.approx(1e-3 * 4 ** (1 / power), rel=1e-12)


class Mass(Sum):
    """The effective mass depends on the coupling."""

    def production(self, x, beam_energy, nucleus):
        return Production(self.mass * (1 + self.coupling), self.coupling**2 * x)


class Lightest(Sum):
    """So does the lightest mass."""

    def lightest_mass(self):
        return self.mass * (1 + self.coupling)


class Shape(Sum):
    """The total goes as g^2, the spectrum does not."""

    def production(self, x, beam_energy, nucleus):
        return Production(self.mass, self.coupling**2 * (1 + np.tanh(self.coupling) * (x - 0.5)))


class Escape(Sum):
    """The share that escapes depends on the coupling."""

    def invisible_fraction(self):
        return 1 / (1 + self.coupling)


@pytest.mark.parametrize("make", [Mass, Lightest, Shape, Escape])
def test_what_is_no_power_refuses_a_coupling_at_mu(make):
    scenario = make(mass=0.05, coupling=0.1)
    assert scenario.yield_power is None
    with pytest.raises(ScenarioError, match=r"no power of the coupling.*use limits or scan"):
        scenario.coupling_at(2.0)


def test_a_sum_is_named_where_it_is_refused():
    with pytest.raises(ScenarioError, match=r"production is a sum of coupling\^1 and coupling\^2"):
        Sum(mass=0.05, coupling=0.1, factors=(0, 1e-3, 1)).coupling_at(2.0)
    with pytest.raises(ScenarioError, match="does not depend on the coupling"):
        load_class(REPORTED / "coupling_power.py", "Const")(mass=0.05, coupling=0.1).coupling_at(2.0)


class Declared(Sum):
    production_power = 2.0


class DeclaredWidth(Sum):
    width_power = 2.0

    def width(self):
        return 1e-15 * self.coupling**4


class DeclaredFraction(Sum):
    width_power = 2.0

    def visible_fraction(self):
        return 0.5 / (1 + self.coupling)


@pytest.mark.parametrize(
    ("make", "factors", "message"),
    [
        (Declared, (0, 0, 0, 0, 1.0), r"production_power = 2\.0 is declared, but production goes as coupling\^4"),
        (
            Declared,
            (0, 1e-3, 1.0),
            r"production_power = 2\.0 .* is a sum of coupling\^1 and coupling\^2",
        ),
        (DeclaredWidth, (0, 0, 1.0), r"width_power = 2\.0 is declared, but width goes as coupling\^4"),
        (DeclaredFraction, (0, 0, 1.0), "visible_fraction goes from 0.5 to 0.045.* with the coupling"),
    ],
)
def test_a_declared_power_that_does_not_hold(make, factors, message):
    with pytest.raises(ScenarioError, match=message):
        dependence(make(mass=0.05, coupling=1.0, factors=factors), (1e-7, 10.0))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda g, x: (g - 1e-3) * x, r"production gave, at coupling 1e-07, .*values from -"),
        (lambda g, x: x * (math.nan if g > 1 else g), r"production gave, at coupling .*nan"),
    ],
)
def test_what_is_wrong_at_some_couplings_is_named_with_the_coupling(bad, message):
    class Bad(Sum):
        def production(self, x, beam_energy, nucleus):
            return Production(self.mass, bad(self.coupling, x))

    with pytest.raises(ScenarioError, match=message):
        dependence(Bad(mass=0.05, coupling=1.0), (1e-7, 10.0))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mass", [2e-3, 0.05, 0.5, 3.0])
def test_the_powers_of_the_package_hold(name, mass):
    """They are not looked at when limits are made."""
    one = resolve(name)(mass=mass, coupling=1.0)
    at_one = produced(one, *STANDARD_BEAM).dsigma_dx
    for g in (1e-6, 3e-3, 5.0):
        other = one.at(coupling=g)
        found = produced(other, *STANDARD_BEAM)
        np.testing.assert_allclose(found.dsigma_dx, g**one.production_power * at_one, rtol=1e-12)
        assert other.width() == pytest.approx(g**one.width_power * one.width(), rel=1e-12)
        assert other.visible_fraction() == pytest.approx(one.visible_fraction(), rel=1e-12)
        assert other.invisible_fraction() == one.invisible_fraction()
