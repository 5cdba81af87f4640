"""The model that a command works on: of a workspace file, or of one point of a scenario.

`with_model` hands a command a `ModelChoice`, whose `load` gives a `Subject`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from na64stat.cli.options.numbers import numbers_option
from na64stat.cli.options.patch import PatchChoice, patch_options, read_workspace
from na64stat.cli.options.scenario_run import (
    Command,
    RunsChoice,
    ScenarioChoice,
    add_options,
    region_option,
    runs_options,
    scenario_options,
    with_depth_average,
)
from na64stat.cli.output import with_unit
from na64stat.errors import ComputationError, InputError, Na64StatError, RegionError

if TYPE_CHECKING:
    from na64stat.stats.likelihood.model import Model

OF_A_SCENARIO: Final = (
    "--mass",
    "--coupling",
    "--run",
    "--background",
    "--correlated",
    "--option",
    "--loop-decay",
    "--exact-fusion",
    "--depth-average",
    "--no-systematics",
    "--each",
)
OF_A_FILE: Final = ("--patch", "--patch-name", "--measurement", "--poi")
"""Options that go with the one or the other only; where they would be ignored they are refused."""


def model_of_file(path: Path, patch: PatchChoice, regions: tuple[str, ...] = (), *, only_fits: bool = False) -> Model:
    """The model of a workspace file; every message names the file. `only_fits` takes any parameter of interest, or none."""
    from na64stat.stats.likelihood.model import Model

    operations = patch.read(path)
    workspace = read_workspace(path)
    try:
        return Model.from_workspace(
            workspace,
            regions or None,
            patch=operations,
            measurement=patch.measurement,
            poi=patch.poi,
            only_fits=only_fits,
        )
    except InputError as error:
        raise named(path, error, patch) from error


def check_combination_in(path: Path, model: Model, patch: PatchChoice) -> None:
    """Refuse what is refused of a scenario too: a combination with counts where there is no background."""
    from na64stat.stats.limits import check_combination

    try:
        check_combination(model)
    except RegionError as error:
        raise named(path, error, patch, len(model.channels)) from error


def named(path: Path, error: Na64StatError, patch: PatchChoice, channels: int = 1) -> Na64StatError:
    """An error with the file in front; of several channels a refused combination points to the option."""
    hint = "; --region NAME picks a channel" if isinstance(error, RegionError) and channels > 1 else ""
    beside = f" with {patch.patch}" if patch.patch else ""
    text = f"{path}{beside}: {str(error).removeprefix('workspace: ')}{hint}"
    return InputError(text) if isinstance(error, InputError) else ComputationError(text)


@dataclass(frozen=True)
class Subject:
    """A model and what it is of: a title for people, and `head`, the same for programs."""

    model: Model
    title: str
    head: dict[str, Any]
    path: Path | None = None
    patch: PatchChoice | None = None

    @contextlib.contextmanager
    def named_errors(self) -> Iterator[None]:
        """Errors of the model get the name of its file."""
        try:
            yield
        except Na64StatError as error:
            if self.path is None or self.patch is None:
                raise
            raise named(self.path, error, self.patch, len(self.model.channels)) from error


@dataclass(frozen=True)
class ModelChoice:
    """Everything that says which model is meant."""

    scenario: ScenarioChoice
    mass: list[float] | None
    coupling: list[float] | None
    runs: RunsChoice
    depth_average: str
    regions: tuple[str, ...]
    patch: PatchChoice

    def load(self, *, only_fits: bool = False) -> Subject:
        """The model; `only_fits` takes any parameter of interest of a workspace, or none.

        Raises
        ------
        InputError
            For a broken workspace, a wrong scenario, and for options that do not go with the one or the other.
        """
        if not is_file(self.scenario.text):
            refuse_options(OF_A_FILE, f"the scenario {self.scenario.text}", "it is for a workspace file")
            return self._of_scenario()
        path = Path(self.scenario.text)
        refuse_options(OF_A_SCENARIO, f"the workspace file {path}", "it is for a scenario")
        model = model_of_file(path, self.patch, self.regions, only_fits=only_fits)
        head = {"workspace": str(path), "patch": self.patch.patch, "regions": list(model.channels)}
        check_combination_in(path, model, self.patch)
        return Subject(model, f"{path}: {channels_text(model.channels)}", head, path, self.patch)

    def _of_scenario(self) -> Subject:
        from na64stat.cli.options.numbers import one_number
        from na64stat.cli.options.point import at_coupling
        from na64stat.cli.options.scenario_run import find_average
        from na64stat.study.depth_test import note_at
        from na64stat.study.signal_test import SignalTest
        from na64stat.yields.predict import predict

        if self.mass is None:
            raise InputError(f"--mass: missing; {self.scenario.text} needs a mass [GeV], e.g. --mass 0.1")
        runs = self.runs.load()
        point = at_coupling(self.scenario.resolve(), one_number(self.mass, "--mass"), self.coupling, runs)
        test = SignalTest(runs, self.regions or point.default_regions, correlated=self.runs.correlated)
        events: dict[str, float] = {}
        for run in runs:
            template = predict(point, run, average=find_average(self.depth_average))
            events |= {test.channel(name, run): template.regions[name].events for name in test.regions}
        model = test.model_of(events)
        model = replace(
            model, remarks=(*model.remarks, *note_at(point, runs, test.regions, find_average(self.depth_average)))
        )
        coupling = with_unit(point.coupling, point.coupling_unit)
        title = (
            f"{point.name}, m = {point.mass:g} GeV, g = {coupling} at mu = 1, run {test.run_name}: "
            f"{channels_text(model.channels)}"
        )
        head = {
            "scenario": point.name,
            "mass_gev": point.mass,
            "coupling": point.coupling,
            "run": test.run_name,
            "regions": list(model.channels),
        }
        return Subject(model, title, head)


def channels_text(channels: tuple[str, ...]) -> str:
    """Channels for a headline, not all of many."""
    return " + ".join(channels) if len(channels) <= 6 else f"{' + '.join(channels[:5])} + {len(channels) - 5} more"


def is_file(text: str) -> bool:
    """True if a scenario is rather the name of a workspace file."""
    return text.lower().endswith(".json")


def refuse_options(options: tuple[str, ...], beside: str, reason: str) -> None:
    """Refuse options of this command, as they are written, that would be ignored."""
    context = click.get_current_context()
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        written = [name for name in parameter.opts if name in options]
        if written and source is not ParameterSource.DEFAULT:
            raise InputError(f"{written[0]}: does not go with {beside}; {reason}")


def with_model(command: Command) -> Command:
    """Hand a `ModelChoice` to the command as `model`."""

    def pack(
        *,
        mass: list[float] | None,
        coupling: list[float] | None,
        run_name: tuple[str, ...],
        background: str | None,
        correlated: tuple[str, ...],
        depth_average: str,
        regions: tuple[str, ...],
        patch: str | None,
        patch_name: str | None,
        measurement: str | None,
        poi: str | None,
        **others: Any,
    ) -> Any:
        chosen = ScenarioChoice.out_of(others)
        runs = RunsChoice(run_name, background, correlated)
        changes = PatchChoice(patch, patch_name, measurement, poi)
        return command(model=ModelChoice(chosen, mass, coupling, runs, depth_average, regions, changes), **others)

    return add_options(
        command,
        pack,
        *scenario_options(),
        numbers_option("--mass", "Mass of the scenario [GeV]."),
        numbers_option("--coupling", "Its coupling at mu = 1 (GeV^-1 or 1); default: one event in all."),
        *runs_options(),
        with_depth_average,
        region_option,
        *patch_options(),
    )
