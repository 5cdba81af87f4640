"""The interface of a scenario. Write a class with `production` (and a lifetime, if it decays) and everything else works."""

from __future__ import annotations

import dataclasses
import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from na64stat.arguments import check, described, is_number, wrong
from na64stat.errors import ScenarioError
from na64stat.physics.nucleus import Nucleus
from na64stat.scenarios.production import Array, Production
from na64stat.text import after_number

MASSES: Final = (1e-15, 1e6)
COUPLINGS: Final = (0.0, 1e50)
"""Range of masses [GeV] and couplings: far beyond any use, and safe to square and cube."""


@dataclass(frozen=True, kw_only=True)
class Scenario(ABC):
    """A new particle at one mass and coupling.

    Attributes
    ----------
    mass
        Mass [GeV].
    coupling
        Coupling, in the unit `coupling_unit`.

    Class attributes
    ----------------
    name, mass_symbol, coupling_symbol, coupling_unit
        For commands and figures; unit "1" for a pure number.
    default_regions
        Regions that limits use unless others are named.
    production_power
        dsigma/dx is proportional to coupling to this power. It need not be stated: without it (None, the default) the dependence
        is found (`na64stat.scenarios.dependence`); one that does not hold is an error.
    width_power
        Every decay width is proportional to coupling to this power, so that fractions do not depend on it, which is checked; None
        (the default): `width` and the fractions are asked at each coupling.
    reliable_x
        Energy fraction below which the production formula is not reliable; default 0.
    coupling_range
        Where limits are looked for, when the yield is no power of the coupling.
    references
        BibTeX keys of the papers whose formulas it uses, see `na64stat cite`; default none.
    """

    mass: float
    coupling: float

    name: ClassVar[str]
    mass_symbol: ClassVar[str] = "m"
    coupling_symbol: ClassVar[str] = "g"
    coupling_unit: ClassVar[str] = "1"
    default_regions: ClassVar[tuple[str, ...]] = ("invisible",)
    production_power: ClassVar[float | None] = None
    width_power: ClassVar[float | None] = None
    reliable_x: ClassVar[float] = 0.0
    coupling_range: ClassVar[tuple[float, float]] = (1e-9, 10.0)
    references: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        unit = after_number(self.coupling_unit)
        for field, tail, sign, (low, high) in (("mass", " GeV", ">", MASSES), ("coupling", unit, ">=", COUPLINGS)):
            value = getattr(self, field)
            if not (is_number(value) and low <= value <= high):
                bounds = f"from {low:g} to {high:g}" if low else f"up to {high:g}"
                given = f"{value}{tail}" if is_number(value) else described(value)
                raise ScenarioError(f"{self.name}: {field} = {given}; expected a finite number {sign} 0 ({bounds})")
            object.__setattr__(self, field, float(value))

    @abstractmethod
    def production(self, x: Array, beam_energy: float, nucleus: Nucleus) -> Production:
        """Spectrum of the energy fractions `x`, shape (X,), per nucleus.

        Parameters
        ----------
        x
            Energy fractions E_X / E_muon [1], shape (X,).
        beam_energy
            Energy of the muon [GeV].
        nucleus
            Target nucleus.
        """

    def width(self) -> float:
        """Decay width [GeV] into what the detector sees or loses; 0 for a particle that escapes, the default."""
        return 0.0

    def visible_fraction(self) -> float:
        """Share of the decays that the calorimeters see as a shower; default 0."""
        return 0.0

    def invisible_fraction(self) -> float:
        """Share of the particles that escape unless `width` makes them decay; default 1."""
        return 1.0

    def lightest_mass(self) -> float:
        """Smallest effective mass [GeV]; it sets the lower end of x."""
        return self.mass

    def at(self, **changes: float) -> Self:
        """A scenario at another mass or coupling.

        Parameters
        ----------
        **changes
            New values of `mass` [GeV], `coupling` [its unit], or of an option of the scenario.
        """
        return dataclasses.replace(self, **changes)

    @property
    def perturbative_below(self) -> float | None:
        """Coupling up to which perturbation theory holds: sqrt(4 pi) of a pure number; None where the unit does not say."""
        return math.sqrt(4 * math.pi) if self.coupling_unit == "1" else None

    @property
    def yield_power(self) -> float | None:
        """Power of the coupling in the expected events, over `coupling_range`; None where they are no power of it."""
        from na64stat.scenarios.dependence import power_of_yield

        return power_of_yield(self, self._range())

    def coupling_at(self, mu: float) -> float:
        """Coupling whose yield is `mu` times this one's.

        Parameters
        ----------
        mu
            Signal strength [1], relative to this coupling.

        Raises
        ------
        ScenarioError
            For a mu that is negative or no number, such as the None of a limit that excludes nothing; where the yield is no
            power of the coupling: scale the coupling, not mu, as `na64stat.limits` does.
        """
        if not (is_number(mu) and 0 <= mu < math.inf):
            raise wrong("mu", mu, "expected a finite signal strength >= 0 (None: nothing is excluded)", ScenarioError)
        from na64stat.scenarios.dependence import dependence, power_of_yield

        power = self.yield_power
        if power is not None:
            coupling = float(self.coupling * float(mu) ** (1 / power))
            low, high = self._range()
            if coupling == 0 or low <= coupling <= high or power_of_yield(self, self._range(coupling)) == power:
                return coupling
        found = dependence(self, self._range())
        fate = ", and what becomes of the particle depends on it" if found.decays else ""
        raise ScenarioError(
            f"{self.name} at mass {self.mass:g} GeV: the yield is no power of the coupling (production {found.text}{fate}), so "
            f"that mu = {mu:g} is no coupling; use limits or scan over the coupling"
        )

    def _range(self, *couplings: float) -> tuple[float, float]:
        """`coupling_range`, as far as the coupling of this point and others."""
        used = [*self.coupling_range, *(g for g in (self.coupling, *couplings) if g > 0)]
        return min(used), max(used)


ScenarioFactory = Callable[..., Scenario]
"""Makes a scenario from `mass` and `coupling`: a class, or a `functools.partial` of one with its options."""


def check_scenario(scenario: object) -> None:
    """Refuse what is no scenario at a mass and a coupling.

    Raises
    ------
    ScenarioError
        For anything else, such as a class that was not called, or a name.
    """
    right = "expected one with mass and coupling, such as AxionMuon(mass=0.1, coupling=1e-3)"
    check("scenario", scenario, Scenario, right, ScenarioError)


def check_factory(scenario: object, right: str = "expected a class, such as AxionMuon, or a partial of one") -> None:
    """Refuse what makes no scenario of a mass and a coupling.

    Parameters
    ----------
    scenario
        Should be a `ScenarioFactory`.
    right
        What would be right, a clause.

    Raises
    ------
    ScenarioError
        For a name, a scenario that has been made, a class of something else, or a function of other arguments.
    """
    if isinstance(scenario, Scenario):
        raise wrong(
            "scenario", scenario, f"expected its class, {type(scenario).__name__} without brackets", ScenarioError
        )
    if not callable(scenario) or (isinstance(scenario, type) and not issubclass(scenario, Scenario)):
        raise wrong("scenario", scenario, right, ScenarioError)
    if isinstance(scenario, type) and (inspect.isabstract(scenario) or not hasattr(scenario, "name")):
        raise wrong("scenario", scenario, "it needs a `name` and a `production` method", ScenarioError)
    try:
        inspect.signature(scenario).bind(mass=1.0, coupling=1.0)
    except (TypeError, ValueError) as error:  # ValueError: a partial with an option that there is not
        raise ScenarioError(
            f"scenario = {described(scenario)}; it cannot be called with mass and coupling ({error}); {right}"
        ) from error
