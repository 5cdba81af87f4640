"""How what a scenario makes depends on the coupling, at one mass: found by evaluating it, not believed.

`dependence` evaluates `production` at couplings forty to a decade, and at those that are asked for. A power of the coupling,
whichever it is, or a sum of the powers 0 to 4 (interference with another amplitude, a part that does not know the coupling) is
found where it holds at each of them and at each energy fraction; the spectra that belong to the powers then give that at any
coupling. What is neither has to be evaluated at each coupling by itself. The scenarios of the package state their powers, which
their tests check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from na64stat.arguments import is_number
from na64stat.errors import ScenarioError, shown
from na64stat.physics.nucleus import LEAD, Nucleus
from na64stat.scenarios.produced import Produced, fate, produced
from na64stat.scenarios.production import Array

if TYPE_CHECKING:
    from na64stat.scenarios.base import Scenario

STANDARD_BEAM: Final = (160.0, LEAD)
"""Energy of the muons [GeV] and nucleus, where no run is at hand."""

TOLERANCE: Final = 1e-9
"""Relative error of the cross section to which a dependence has to hold."""

_OF_LARGEST: Final = 1e-12
"""Errors below this share of the largest value of a spectrum do not matter."""

_SUMMED: Final = (0.0, 1.0, 2.0, 3.0, 4.0)
"""Powers that are looked for in a sum."""

_PER_DECADE, _FEWEST, _MOST = 40, 13, 480

_KEPT: Final = 64
"""Dependences that are kept: a study asks for one of each mass several times."""


@dataclass(frozen=True, eq=False)
class Dependence:
    """Dependence on the coupling at one mass, in a range of couplings.

    Attributes
    ----------
    between
        The couplings, lowest and highest.
    reference
        Coupling at which `terms` are taken.
    made
        The spectrum at the reference.
    powers, terms
        The spectrum at g is the sum of terms (g / reference)^power, each of shape (K, X); empty if it is no such sum.
    decays
        Whether a lifetime, or the share of the particles that escape, depends on the coupling, so that events are no such sum.
    """

    between: tuple[float, float]
    reference: float
    made: Produced
    powers: tuple[float, ...]
    terms: tuple[Array, ...]
    decays: bool

    @property
    def yield_power(self) -> float | None:
        """Power of the coupling in the expected events, above 0; None where they are none."""
        if self.decays or len(self.powers) != 1 or self.powers[0] <= 0:
            return None
        return self.powers[0]

    @property
    def stays(self) -> bool:
        """True if there is production without the coupling."""
        return 0.0 in self.powers and bool(np.any(self.terms[self.powers.index(0.0)]))

    @property
    def text(self) -> str:
        """Dependence of production on the coupling, a clause."""
        if not self.powers:
            low, high = self.between
            return f"is no sum of powers of the coupling from {low:g} to {high:g}"
        if self.powers == (0.0,):
            return "does not depend on the coupling"
        parts = ["a constant" if power == 0 else f"coupling^{power:.10g}" for power in self.powers]
        return f"goes as {parts[0]}" if len(parts) == 1 else f"is a sum of {', '.join(parts[:-1])} and {parts[-1]}"


def dependence(
    scenario: Scenario,
    between: tuple[float, float],
    beam: tuple[float, Nucleus] = STANDARD_BEAM,
    asked: Sequence[float] = (),
) -> Dependence:
    """How production and decay depend on the coupling.

    Parameters
    ----------
    scenario
        At a mass, and any coupling.
    between
        Lowest and highest coupling.
    beam
        Energy of the muons [GeV] and target nucleus.
    asked
        Couplings in between at which it has to hold, too.

    Raises
    ------
    ScenarioError
        If a power is declared that does not hold, or the scenario returns something that is no spectrum, or no width, at one of
        the couplings.
    """
    if is_packaged(scenario):
        one = scenario.at(coupling=1.0)
        made, power = produced(one, *beam), scenario.production_power
        if power is not None:
            return Dependence(between, 1.0, made, (power,), (made.dsigma_dx,), one.width() != 0)
    couplings = np.union1d(sampled(between), np.asarray(asked, dtype=float))
    # What it makes at three couplings is part of the key: a class can be changed while the program runs.
    ends = (scenario.at(coupling=float(couplings[k])) for k in (0, len(couplings) // 2, -1))
    seen = b"".join(produced(one, *beam).dsigma_dx.tobytes() + repr(fate(one)).encode() for one in ends)
    key = scenario.at(coupling=1.0), between, beam, couplings.tobytes() + seen
    try:
        known = _known.get(key)
    except TypeError:  # an option that cannot be hashed
        return _found(scenario, between, beam, couplings)
    if known is None:
        known = _known[key] = _found(scenario, between, beam, couplings)
        if len(_known) > _KEPT:
            _known.pop(next(iter(_known)))
    return known


_known: dict[tuple[Scenario, tuple[float, float], tuple[float, Nucleus], bytes], Dependence] = {}


def _found(
    scenario: Scenario, between: tuple[float, float], beam: tuple[float, Nucleus], couplings: Array
) -> Dependence:
    points = [scenario.at(coupling=g) for g in couplings.tolist()]
    found = [produced(point, *beam) for point in points]
    middle = len(found) // 2
    powers, terms = _sum_of_powers(couplings, found)
    declared = scenario.production_power
    known = Dependence(between, float(couplings[middle]), found[middle], powers, terms, _decays(points))
    if declared is not None:
        _check_declared(
            scenario, "production_power", declared, [item.dsigma_dx for item in found], couplings, known.text
        )
    check_width_power(scenario, couplings)
    return known


def power_of_yield(scenario: Scenario, between: tuple[float, float]) -> float | None:
    """Power of the coupling, above 0, that the expected events go with; None where there is none.

    Parameters
    ----------
    scenario
        At a mass, and any coupling.
    between
        Lowest and highest coupling.
    """
    if is_packaged(scenario) and scenario.production_power is not None:
        return scenario.production_power if scenario.at(coupling=1.0).width() == 0 else None
    return dependence(scenario, between).yield_power


def is_packaged(scenario: Scenario) -> bool:
    """True if a scenario comes with the package, whose tests check its powers."""
    return type(scenario).__module__.partition(".")[0] == __name__.partition(".")[0]


def sampled(between: tuple[float, float]) -> Array:
    """Couplings that are looked at in a range, both ends included."""
    low, high = between
    if low == high:
        return np.array([low])
    return np.geomspace(low, high, int(np.clip(_PER_DECADE * np.log10(high / low) + 1, _FEWEST, _MOST)))


def check_width_power(scenario: Scenario, couplings: Array) -> None:
    """Refuse a declared `width_power` that does not hold, or fractions that depend on the coupling while it is declared.

    Parameters
    ----------
    scenario
        At a mass, and any coupling.
    couplings
        Where it is to hold, increasing.

    Raises
    ------
    ScenarioError
        Naming the power that was found.
    """
    if scenario.width_power is None or is_packaged(scenario):
        return
    points = [scenario.at(coupling=float(g)) for g in couplings]
    fates = [fate(point) for point in points]
    widths = [np.array([width]) for width, *_ in fates]
    power = _power(couplings, widths)
    text = "goes as " + f"coupling^{power:.10g}" if power is not None else "is no power of the coupling"
    _check_declared(scenario, "width_power", scenario.width_power, widths, couplings, text)
    for column, name in ((1, "visible_fraction"), (2, "invisible_fraction")):
        values = np.array([each[column] for each in fates])
        if np.any(np.abs(values - values[0]) > TOLERANCE):
            raise ScenarioError(
                f"{scenario.name} at mass {scenario.mass:g} GeV: width_power = {shown(scenario.width_power)} is declared, but "
                f"{name} goes from {values[0]:g} to {values[-1]:g} with the coupling; leave width_power out, so that it is asked "
                "at each coupling"
            )


def _check_declared(
    scenario: Scenario, name: str, declared: object, values: Sequence[Array], couplings: Array, found: str
) -> None:
    where = f"{scenario.name} at mass {scenario.mass:g} GeV: {name} = {shown(declared)}"
    if not is_number(declared):
        raise ScenarioError(f"{where}; expected a number, or none: it is then found")
    if len({value.shape for value in values}) > 1 or not _holds(couplings, values, float(declared)):  # type: ignore[arg-type]
        what = name.partition("_")[0]
        raise ScenarioError(f"{where} is declared, but {what} {found}; declare that, or leave it out: it is then found")


def _decays(points: Sequence[Scenario]) -> bool:
    """True if what becomes of a particle depends on the coupling."""
    ends = {fate(point) for point in points}
    return any(width != 0 for width, *_ in ends) or len({unseen for *_, unseen in ends}) > 1


def _sum_of_powers(couplings: Array, found: Sequence[Produced]) -> tuple[tuple[float, ...], tuple[Array, ...]]:
    """Powers, and the spectra that belong to them at the middle coupling; none where it is no sum of powers."""
    first, middle = found[0], len(found) // 2
    if not all(_same_nodes(first, other) for other in found[1:]):
        return (), ()
    values = [item.dsigma_dx for item in found]
    if not any(value.any() for value in values):
        return (0.0,), (values[middle],)
    power = _power(couplings, values)
    if power is not None:
        return (power,), (values[middle],)
    totals = np.array([value.sum() for value in values])
    if not np.all(totals > 0) or len(values) <= len(_SUMMED) + 1:
        return (), ()
    return _fitted(couplings / couplings[middle], np.array(values), totals)


def _same_nodes(one: Produced, other: Produced) -> bool:
    masses = one.effective_mass, other.effective_mass
    return np.array_equal(one.x, other.x) and masses[0].shape == masses[1].shape and np.allclose(*masses, 1e-12, 0)


def _fitted(ratios: Array, values: Array, totals: Array) -> tuple[tuple[float, ...], tuple[Array, ...]]:
    """The fewest powers that do; those with the smallest share of the cross section go first."""
    powers: tuple[float, ...] = _SUMMED
    best: tuple[tuple[float, ...], tuple[Array, ...]] = (), ()
    while powers:
        terms, shares = _least_squares(powers, ratios, values, totals)
        rebuilt = np.einsum("gp,p...->g...", np.array([ratios**power for power in powers]).T, terms)
        if not all(_close(one, other) for one, other in zip(rebuilt, values, strict=True)):
            break
        best = powers, tuple(terms)
        weakest = int(shares.argmin())
        powers = powers[:weakest] + powers[weakest + 1 :]
    return best


def _least_squares(powers: Sequence[float], ratios: Array, values: Array, totals: Array) -> tuple[Array, Array]:
    """Terms in relative errors, so that each power is known from where it matters; their largest shares of the whole."""
    columns = np.array([ratios**power / totals for power in powers]).T
    size = np.abs(columns).max(axis=0)
    wanted = (values / totals[:, None, None]).reshape(len(values), -1)
    found = np.linalg.lstsq(columns / size, wanted, rcond=None)[0]
    return (found / size[:, None]).reshape(len(powers), *values.shape[1:]), np.abs(found).sum(axis=1)


def _power(couplings: Array, values: Sequence[Array]) -> float | None:
    """The power of the coupling that values go with, None if there is none."""
    totals = np.array([value.sum() for value in values])
    if len(couplings) < 2 or not np.all(totals > 0):
        return None
    slope = float(np.log(totals[-1] / totals[0]) / np.log(couplings[-1] / couplings[0]))
    for power in (round(slope, 6) + 0.0, slope):
        if _holds(couplings, values, power):
            return power
    return None


def _holds(couplings: Array, values: Sequence[Array], power: float) -> bool:
    middle = len(values) // 2
    ratios = couplings / couplings[middle]
    return all(_close(values[middle] * ratio**power, value) for ratio, value in zip(ratios, values, strict=True))


def _close(found: Array, wanted: Array) -> bool:
    return bool(
        np.all(np.abs(found - wanted) <= TOLERANCE * np.abs(wanted) + _OF_LARGEST * np.max(wanted, initial=0.0))
    )
