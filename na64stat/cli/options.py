"""Options that several commands share, each written once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from na64stat.errors import InputError, ScenarioError

if TYPE_CHECKING:
    from rich.console import Console

    from na64stat.experiment.run import Run
    from na64stat.scenarios.base import ScenarioFactory
    from na64stat.stats.method import Method
    from na64stat.yields.predict import DepthAverage

Command = TypeVar("Command", bound=Callable[..., Any])


class RangeType(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4
    """A positive number, or LO:HI:N for N numbers evenly spaced in the logarithm."""

    name = "range"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "X|LO:HI:N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[float]:
        """The numbers that a text stands for."""
        if isinstance(value, list):
            return value
        parts = str(value).split(":")
        try:
            numbers = [float(part) for part in parts[:2]]
            count = int(parts[2]) if len(parts) == 3 else 1
        except ValueError:
            numbers, count = [], 0
        good = len(parts) in (1, 3) and all(math.isfinite(number) and number > 0 for number in numbers)
        if good and len(parts) == 1:
            return numbers
        if not good or numbers[0] >= numbers[1] or count < 2:
            self.fail(
                f"{value!r}: a positive number, or LO:HI:N with 0 < LO < HI and N >= 2 (logarithmic), e.g. 1e-3:1:40",
                param,
                ctx,
            )
        low, high = numbers
        steps = [low * (high / low) ** (i / (count - 1)) for i in range(count)]
        return [*steps[:-1], high]


RANGE = RangeType()


def one_number(values: list[float], option: str) -> float:
    """The only value of a range option."""
    if len(values) != 1:
        raise InputError(f"{option}: {len(values)} values; this command takes one number")
    return values[0]


def with_scenario(command: Command) -> Command:
    """SCENARIO or --scenario, and --loop-decay."""
    command = click.option(
        "--loop-decay", is_flag=True, help="axion-muon: let the axion decay to two photons through the muon loop."
    )(command)
    command = click.option(
        "--scenario", "scenario_option", metavar="TEXT", help="The scenario, instead of the argument."
    )(command)
    return click.argument("scenario", required=False)(command)


def find_scenario(argument: str | None, option: str | None, loop_decay: bool) -> ScenarioFactory:
    """The scenario that a command was given."""
    from na64stat.scenarios.registry import resolve

    if argument and option:
        raise ScenarioError(f"scenario: both {argument!r} and --scenario {option!r} given; one is right")
    text = argument or option
    if not text:
        raise ScenarioError("scenario: none given; name one, e.g. axion-muon, or --scenario path.py:Class")
    return resolve(text, loop_decay=loop_decay)


def with_run(command: Command) -> Command:
    """--run and --background."""
    command = click.option(
        "--background", default=None, metavar="NAME", help="Background setting of the run: none (default) or realistic."
    )(command)
    return click.option(
        "--run", "run_name", default="2022", show_default=True, metavar="RUN", help="A packaged run, or your own TOML."
    )(command)


def find_run(name: str, background: str | None) -> Run:
    """The run that a command was given."""
    from na64stat.experiment.load import load_run

    run = load_run(name)
    return run if background is None else run.with_background(background)


def with_statistics(command: Command) -> Command:
    """--region, --cl, --method, --no-systematics, --depth-average."""
    for decorate in (
        with_depth_average,
        click.option("--no-systematics", is_flag=True, help="Leave out every uncertainty."),
        click.option(
            "--method",
            type=click.Choice(["exact", "asymptotic"]),
            default="exact",
            show_default=True,
            help="Statistical method; asymptotic formulas are far too strong at low counts.",
        ),
        click.option("--cl", default=0.90, show_default=True, help="Confidence level, between 0 and 1."),
        click.option(
            "--region", "regions", multiple=True, metavar="NAME", help="Region; repeated, regions are combined."
        ),
    ):
        command = decorate(command)
    return command


def with_depth_average(command: Command) -> Command:
    """--depth-average."""
    return click.option(
        "--depth-average",
        type=click.Choice(["layers", "continuous"]),
        default="layers",
        show_default=True,
        help="Average over the production depth: the paper's sum over layers, or any depth.",
    )(command)


def find_average(name: str) -> DepthAverage:
    """The depth average called `name`."""
    from na64stat.yields.predict import DepthAverage

    return DepthAverage(name)


def find_method(name: str) -> Method:
    """The statistical method called `name`."""
    from na64stat.stats.asymptotic import Asymptotic
    from na64stat.stats.exact import Exact

    return Asymptotic() if name == "asymptotic" else Exact()


as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
overwrite = click.option("--overwrite", is_flag=True, help="Replace an existing file.")


def print_json(record: dict[str, Any]) -> None:
    """One strict JSON object on standard output."""
    from na64stat.files import to_json

    click.echo(to_json({"schema": 1, **record}), nl=False)


def wide_console() -> Console:
    """A console for tables: as wide as the terminal, and wide enough for every column if there is none."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=160)


def progress(label: str) -> Callable[[Iterable[float]], Iterator[float]]:
    """A progress bar on standard error if that is a terminal, and nothing otherwise."""

    def track(values: Iterable[float]) -> Iterator[float]:
        from rich.console import Console
        from rich.progress import track as rich_track

        console = Console(stderr=True)
        items = list(values)
        if not console.is_terminal or len(items) < 2:
            return iter(items)
        return iter(rich_track(items, description=label, console=console, transient=True))

    return track
