"""Options that several commands share, each written once, and what they stand for.

A decorator such as `with_run` adds the options and hands the command one object, such as a `RunChoice`.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from na64stat.cli.options.choice import Choice
from na64stat.cli.options.completion import runs, scenarios
from na64stat.cli.options.method import MethodChoice, method_options, pack_toys
from na64stat.errors import InputError, RunFileError, ScenarioError

if TYPE_CHECKING:
    from na64stat.experiment.run import Run
    from na64stat.scenarios.base import ScenarioFactory
    from na64stat.yields.survival import DepthAverage

Command = TypeVar("Command", bound=Callable[..., Any])


def examples(*commands: str) -> str:
    """The end of a help text, whose lines click does not wrap."""
    head = "Example:" if len(commands) == 1 else "Examples:"
    return "\b\n" + "\n".join([head, *(f"  na64stat {command}" for command in commands)])


@dataclass(frozen=True)
class ScenarioChoice:
    """SCENARIO or --scenario, and --option NAME=VALUE."""

    argument: str | None
    option: str | None
    options: tuple[str, ...] = ()

    @classmethod
    def out_of(cls, given: dict[str, Any]) -> ScenarioChoice:
        """Take the values of `scenario_options` out of all that a command was given."""
        switches = [name for name in ("loop_decay", "exact_fusion") if given.pop(name)]
        options = (*given.pop("options"), *(f"{name}=true" for name in switches))
        return cls(given.pop("scenario"), given.pop("scenario_option"), options)

    def of(self, arguments: tuple[str, ...]) -> ScenarioChoice:
        """The choice with its argument, where a command takes several."""
        if len(arguments) > 1:
            raise ScenarioError(f"scenario: {', '.join(arguments)}; expected one, or workspace files alone")
        return replace(self, argument=arguments[0] if arguments else None)

    @property
    def text(self) -> str:
        """The scenario as it was written."""
        if self.argument and self.option:
            raise ScenarioError(f"scenario: both {self.argument!r} and --scenario {self.option!r} given; expected one")
        text = self.argument or self.option
        if not text:
            raise ScenarioError("scenario: none given; name one, e.g. axion-muon, or --scenario path.py:Class")
        return text

    def resolve(self) -> ScenarioFactory:
        """The scenario."""
        from na64stat.scenarios.produced import prints_to
        from na64stat.scenarios.registry import resolve

        # A user's file may print; standard output belongs to the answer.
        prints_to.set(sys.stderr)
        with contextlib.redirect_stdout(sys.stderr):
            return resolve(self.text, options_of(self.options))


def with_scenario(command: Command) -> Command:
    """Hand a `ScenarioChoice` to the command as `scenario`."""

    def pack(**given: Any) -> Any:
        return command(scenario=ScenarioChoice.out_of(given), **given)

    return add_options(command, pack, *scenario_options())


def with_scenario_options(command: Command) -> Command:
    """`with_scenario` without the argument, which the command has for itself."""

    def pack(**given: Any) -> Any:
        chosen = ScenarioChoice.out_of(given | {"scenario": None})
        for name in ("scenario_option", "options", "loop_decay", "exact_fusion"):
            given.pop(name)
        return command(scenario=chosen, **given)

    return add_options(command, pack, *scenario_options()[1:])


def options_of(texts: Sequence[str]) -> dict[str, str]:
    """Values of options by name, from texts NAME=VALUE."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not (name and equals and value.strip()):
            raise ScenarioError(f"--option {text!r}: expected NAME=VALUE, such as loop_decay=true")
        if name in found:
            raise ScenarioError(f"--option {name}: given twice; expected it once")
        found[name] = value.strip()
    return found


def scenario_options() -> list[Callable[[Any], Any]]:
    """SCENARIO, --scenario, --option."""
    return [
        click.argument("scenario", required=False, shell_complete=scenarios),
        click.option(
            "--scenario",
            "scenario_option",
            metavar="TEXT",
            help="The scenario, instead of the argument: a name, path.py:Class, or path.csv. The code in path.py is run: "
            "name only files that you trust.",
        ),
        click.option(
            "--option",
            "options",
            multiple=True,
            metavar="NAME=VALUE",
            help="Option of the scenario, also of a class of your own; repeatable. axion-muon: loop_decay=true (to two photons, "
            "through the muon loop); axion-photon: exact_fusion=true (tree level, without Weizsaecker-Williams).",
        ),
        # As in the first versions; --option is the one that is documented.
        click.option("--loop-decay", is_flag=True, hidden=True),
        click.option("--exact-fusion", is_flag=True, hidden=True),
    ]


@dataclass(frozen=True)
class RunChoice:
    """--run and --background."""

    name: str
    background: str | None = None

    def load(self) -> Run:
        """The run."""
        from na64stat.experiment.load import load_run

        run = load_run(self.name)
        return run if self.background is None else run.with_background(self.background)


@dataclass(frozen=True)
class RunsChoice:
    """--run, repeated, --background and --correlated."""

    names: tuple[str, ...]
    background: str | None = None
    correlated: tuple[str, ...] = ()

    def load(self) -> tuple[Run, ...]:
        """The runs, each with the background setting if it has it.

        Raises
        ------
        InputError
            If none has it, or uncertainties are named as correlated where there is one run.
        """
        from na64stat.experiment.load import load_run

        runs = [load_run(name) for name in self.names]
        if self.correlated and len(runs) == 1:
            raise InputError(f"--correlated {self.correlated[0]}: there is one run; --run repeated combines several")
        if self.background is None:
            return tuple(runs)
        failures, found = [], []
        for run in runs:
            try:
                found.append(run.with_background(self.background))
            except RunFileError as error:
                failures.append(error)
                found.append(run)
        if len(failures) == len(runs):
            raise failures[0]
        return tuple(found)


run_option = click.option(
    "--run",
    "run_name",
    default="2022",
    show_default=True,
    metavar="RUN",
    shell_complete=runs,
    help="A packaged run, or your own TOML.",
)


def with_run(command: Command) -> Command:
    """Hand a `RunChoice` to the command as `run`."""

    def pack(*, run_name: str, background: str | None, **others: Any) -> Any:
        return command(run=RunChoice(run_name, background), **others)

    return add_options(command, pack, *run_options())


def with_runs(command: Command) -> Command:
    """Hand a `RunsChoice` to the command as `runs`."""

    def pack(*, run_name: tuple[str, ...], background: str | None, correlated: tuple[str, ...], **others: Any) -> Any:
        return command(runs=RunsChoice(run_name, background, correlated), **others)

    return add_options(command, pack, *runs_options())


def runs_options() -> list[Callable[[Any], Any]]:
    """--run, repeated, --background, --correlated."""
    return [
        click.option(
            "--run",
            "run_name",
            default=("2022",),
            multiple=True,
            show_default="2022",
            metavar="RUN",
            shell_complete=runs,
            help="A packaged run, or your own TOML; repeated: combined.",
        ),
        click.option(
            "--background",
            metavar="NAME",
            help="Background setting of the runs that have it, e.g. realistic; default none.",
        ),
        click.option(
            "--correlated",
            multiple=True,
            metavar="NAME",
            help="Uncertainty common to all runs, efficiency or mot; repeated: both. The cross section always is.",
        ),
    ]


def run_options() -> list[Callable[[Any], Any]]:
    """--run, --background."""
    return [
        run_option,
        click.option(
            "--background", metavar="NAME", help="Background setting of the run, e.g. realistic; default none."
        ),
    ]


@dataclass(frozen=True)
class Statistics:
    """--region, --cl, --method and its options, --no-systematics, --depth-average."""

    regions: tuple[str, ...]
    cl: float
    method: MethodChoice
    no_systematics: bool
    depth_average: str

    def for_study(self) -> dict[str, Any]:
        """Arguments of `na64stat.limits` and `na64stat.scan`."""
        return {
            "method": self.method.build(),
            "cl": self.cl,
            "regions": self.regions or None,
            "systematics": not self.no_systematics,
            "average": find_average(self.depth_average),
        }


def with_statistics(*methods: str, processes: bool = False) -> Callable[[Command], Command]:
    """Hand `Statistics` to the command as `statistics`, with a choice of these methods.

    Parameters
    ----------
    processes
        The command has processes for workers: toys use one thread in each, and are not kept by themselves.
    """

    def decorate(command: Command) -> Command:
        def pack(
            *, regions: tuple[str, ...], cl: float, method: str, no_systematics: bool, depth_average: str, **others: Any
        ) -> Any:
            hold = others.pop("hold", ())
            choice = MethodChoice(method, pack_toys(others, threads=not processes), others.pop("criterion", None), hold)
            return command(statistics=Statistics(regions, cl, choice, no_systematics, depth_average), **others)

        return add_options(
            command,
            pack,
            region_option,
            cl_option,
            *method_options(methods, threads=not processes),
            click.option("--no-systematics", is_flag=True, help="Leave out every uncertainty."),
            with_depth_average,
        )

    return decorate


region_option = click.option(
    "--region", "regions", multiple=True, metavar="NAME", help="Region or channel; repeated: combined."
)
cl_option = click.option("--cl", default=0.90, show_default=True, help="Confidence level, between 0 and 1.")


def add_options(command: Command, pack: Callable[..., Any], *options: Callable[[Any], Any]) -> Command:
    """`pack` under the name of `command`, with options that stand in the help in this order."""
    packed = functools.wraps(command)(pack)
    for option in reversed(options):
        packed = option(packed)
    return packed  # type: ignore[return-value]


def with_depth_average(command: Command) -> Command:
    """--depth-average."""
    return click.option(
        "--depth-average",
        type=Choice(["layers", "continuous"]),
        default="layers",
        show_default=True,
        help="Average over the production depth: the paper's sum over layers, or any depth.",
    )(command)


def find_average(name: str) -> DepthAverage:
    """The depth average called `name`."""
    from na64stat.yields.survival import DepthAverage

    return DepthAverage(name)


as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
