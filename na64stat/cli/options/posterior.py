"""The options of a Bayesian question: scenario, mass, coupling, priors, runs, counts; `with_posterior` packs them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from na64stat.cli.options.model import (
    OF_A_FILE,
    OF_A_SCENARIO,
    check_combination_in,
    is_file,
    model_of_file,
    refuse_options,
)
from na64stat.cli.options.numbers import numbers_option, one_number
from na64stat.cli.options.patch import PatchChoice, patch_options
from na64stat.cli.options.prior import check_given, counts_of, counts_option, prior_option
from na64stat.cli.options.scenario_run import (
    Command,
    RunsChoice,
    ScenarioChoice,
    add_options,
    cl_option,
    find_average,
    region_option,
    runs_options,
    scenario_options,
    with_depth_average,
)
from na64stat.errors import InputError

if TYPE_CHECKING:
    from na64stat.stats.bayes.priors import Prior

OF_A_POSTERIOR = (
    *OF_A_SCENARIO,
    *OF_A_FILE,
    "--prior",
    "--region",
    "--count",
)
"""Options that a chain file already answers."""


@dataclass(frozen=True)
class PosteriorChoice:
    """Options of a posterior: the question, priors and counts."""

    scenario: ScenarioChoice
    mass: list[float] | None
    coupling: list[float] | None
    priors: tuple[Prior, ...]
    runs: RunsChoice
    regions: tuple[str, ...]
    counts: tuple[tuple[str, int], ...]
    no_systematics: bool
    depth_average: str
    cl: float
    patch: PatchChoice

    @property
    def over_plane(self) -> bool:
        """True if the mass has a prior."""
        return any(prior.parameter == "mass" for prior in self.priors)

    def arguments(self) -> dict[str, Any]:
        """Arguments of `na64stat.sample` and `na64stat.credible_limit` except the prior."""
        check_given(self.priors)
        if is_file(self.scenario.text):
            refuse_options(OF_A_SCENARIO, f"the workspace file {self.scenario.text}", "it is for a scenario")
            path = Path(self.scenario.text)
            model = model_of_file(path, self.patch, self.regions)
            check_combination_in(path, model, self.patch)
            return {"scenario": model, "run": None, "counts": counts_of(self.counts)}
        refuse_options(OF_A_FILE, f"the scenario {self.scenario.text}", "it is for a workspace file")
        factory = self.scenario.resolve()
        mass = None if self.mass is None else one_number(self.mass, "--mass")
        coupling = None if self.coupling is None else one_number(self.coupling, "--coupling")
        strengths = any(prior.parameter == "mu" for prior in self.priors)
        if mass is None and not self.over_plane:
            raise InputError(
                "--mass: missing; expected a mass [GeV], or a prior of it such as --prior log-flat:mass:1e-3:1"
            )
        if strengths != (coupling is not None):
            raise InputError(
                "--coupling: missing; a prior of mu is relative to it"
                if strengths
                else "--coupling: goes with a prior of mu, which is relative to it"
            )
        scenario: Any = factory
        if coupling is not None and mass is not None:
            scenario, mass = factory(mass=mass, coupling=coupling), None
        return {
            "scenario": scenario,
            "run": self.runs.load(),
            "mass": mass,
            "regions": self.regions or None,
            "counts": counts_of(self.counts),
            "systematics": not self.no_systematics,
            "correlated": self.runs.correlated,
            "average": find_average(self.depth_average),
        }


def with_posterior(command: Command) -> Command:
    """Hand a `PosteriorChoice` to the command as `choice`."""

    def pack(**given: Any) -> Any:
        scenario = ScenarioChoice.out_of(given)
        runs = RunsChoice(given.pop("run_name"), given.pop("background"), given.pop("correlated"))
        names = ("mass", "coupling", "priors", "regions", "counts", "no_systematics", "depth_average", "cl")
        chosen = {name: given.pop(name) for name in names}
        patch = PatchChoice(given.pop("patch"), given.pop("patch_name"), given.pop("measurement"), given.pop("poi"))
        return command(choice=PosteriorChoice(scenario=scenario, runs=runs, patch=patch, **chosen), **given)

    return add_options(
        command,
        pack,
        *scenario_options(),
        numbers_option("--mass", "Mass [GeV]; or give it a prior."),
        prior_option(
            "Repeated. NAME: flat, log-flat, jeffreys. PARAMETER: coupling (GeV^-1 or 1), yield (signal events), mu, and "
            "mass [GeV] beside a coupling. There is no default."
        ),
        numbers_option("--coupling", "Coupling (GeV^-1 or 1) to which a prior of mu is relative."),
        *runs_options(),
        region_option,
        counts_option,
        cl_option,
        click.option("--no-systematics", is_flag=True, help="Leave out every uncertainty."),
        with_depth_average,
        *patch_options(),
    )
