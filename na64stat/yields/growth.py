"""How expected events grow with the coupling, in several runs; what of it a reader should know."""

from __future__ import annotations

from collections.abc import Sequence

from na64stat.errors import Na64StatError
from na64stat.experiment.run import Run
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.dependence import Dependence, dependence, is_packaged, power_of_yield


def yield_power(scenario: Scenario, runs: Sequence[Run], between: tuple[float, float]) -> float | None:
    """Power of the coupling, above 0, that the events of all runs go with between two couplings; None where there is none.

    Parameters
    ----------
    scenario
        At a mass, and any coupling.
    runs
        Where.
    between
        Lowest and highest coupling.

    Raises
    ------
    ScenarioError
        As `na64stat.scenarios.dependence.dependence`.
    """
    if is_packaged(scenario):
        return power_of_yield(scenario, between)
    found = {item.yield_power for item in _dependences(scenario, runs, between)}
    return found.pop() if len(found) == 1 else None


def reference(scenario: Scenario, between: tuple[float, float]) -> float:
    """Coupling from which a power is continued: 1, but for a scenario that was looked at in a range without it the middle."""
    low, high = between
    return 1.0 if is_packaged(scenario) or low <= 1 <= high else (low * high) ** 0.5


def stays(scenario: Scenario, runs: Sequence[Run], between: tuple[float, float]) -> bool:
    """True if there is production without the coupling, in any run; errors as `yield_power`."""
    return not is_packaged(scenario) and any(item.stays for item in _dependences(scenario, runs, between))


def growth_notes(scenarios: Sequence[Scenario], runs: Sequence[Run], between: tuple[float, float]) -> tuple[str, ...]:
    """Growth of the events, where it is not what everybody expects: the coupling squared, or a declared power.

    Parameters
    ----------
    scenarios
        One at each mass. What fails is the affair of its own record.
    runs, between
        As in `yield_power`.
    """
    at: dict[str, list[float]] = {}
    for scenario in scenarios:
        if is_packaged(scenario) or scenario.production_power is not None:
            continue
        try:
            found = _dependences(scenario, runs, between)
        except Na64StatError:
            continue
        for item in found:
            if not item.powers:
                slow = ": each coupling is evaluated by itself, which takes longer"
                at.setdefault(f"{scenario.name}: production {item.text}{slow}", []).append(scenario.mass)
            elif item.powers != (2.0,) and any(term.any() for term in item.terms):
                either = (
                    "; at a mass every coupling is excluded, or none"
                    if item.powers == (0.0,) and not item.decays
                    else ""
                )
                text = f"{scenario.name}: production {item.text}, as was found by evaluating it{either}"
                at.setdefault(text, []).append(scenario.mass)
    masses = {scenario.mass for scenario in scenarios}
    return tuple(
        text
        if len(set(some)) == len(masses)
        else f"{text} (at {', '.join(f'{mass:g}' for mass in dict.fromkeys(some))} GeV)"
        for text, some in at.items()
    )


def _dependences(scenario: Scenario, runs: Sequence[Run], between: tuple[float, float]) -> list[Dependence]:
    beams = {(run.beam_energy, run.target.nucleus): None for run in runs}
    return [dependence(scenario, between, beam) for beam in beams]


def strong_coupling(scenario: Scenario, couplings: Sequence[float | None], where: str = "") -> tuple[str, ...]:
    """A note if some of these couplings are beyond perturbation theory.

    Parameters
    ----------
    scenario
        Any mass and coupling of it.
    couplings
        Couplings that a result names; None for none.
    where
        What they are, such as "at 5 GeV".
    """
    bound = scenario.perturbative_below
    top = max((g for g in couplings if g is not None), default=0.0)
    if bound is None or top <= bound:
        return ()
    text = f"{scenario.name}: couplings above {bound:.4g} (sqrt(4 pi) for a pure number) are beyond perturbation theory, on which"
    return (f"{text} the cross section rests; there is {top:.3g}{' ' + where if where else ''}",)
