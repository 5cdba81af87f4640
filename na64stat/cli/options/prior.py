"""--prior, repeated: NAME:PARAMETER:LOW:HIGH."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from na64stat.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from na64stat.stats.bayes.priors import Prior


class PriorType(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4
    """A prior written as flat:yield:0:50, log-flat:coupling:1e-6:1 or jeffreys:yield:0:50:BACKGROUND."""

    name = "prior"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """How help texts show a value."""
        return "NAME:PARAMETER:LOW:HIGH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Prior:
        """The prior that a text stands for."""
        from na64stat.stats.bayes.priors import Flat, Jeffreys, LogFlat, Prior

        if isinstance(value, Prior):
            return value
        kinds: dict[str, Any] = {"flat": Flat, "log-flat": LogFlat, "jeffreys": Jeffreys}
        name, *rest = str(value).split(":")
        wanted = (
            f"expected NAME:PARAMETER:LOW:HIGH with NAME one of {', '.join(kinds)} and PARAMETER one of coupling, yield, mu, "
            "mass, e.g. log-flat:coupling:1e-6:1"
        )
        if name not in kinds or len(rest) not in ((3, 4) if name == "jeffreys" else (3,)):
            hint = "" if name in kinds else did_you_mean(name, kinds)
            self.fail(f"{value!r}: {wanted}{hint}", param, ctx)
        try:
            numbers = [_number(text) for text in rest[1:]]
        except ValueError as error:
            self.fail(f"{value!r}: {error}: {wanted}", param, ctx)
        try:
            found: Prior = kinds[name](rest[0], *numbers)
        except InputError as error:
            self.fail(str(error), param, ctx)
        return found


def _number(text: str) -> float:
    if "_" in text:  # Python reads 1_000 as a number; here it is a slip
        raise ValueError(f"{text!r} is no number")
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None


def prior_option(text: str) -> Callable[[Any], Any]:
    """--prior, repeated."""
    return click.option("--prior", "priors", type=PriorType(), multiple=True, help=text)


def check_given(priors: tuple[Prior, ...]) -> None:
    """Refuse to go on without a prior.

    Raises
    ------
    InputError
        There is no default.
    """
    if not priors:
        raise InputError(
            "--prior: missing, and there is no default, since the answer depends on it; e.g. --prior flat:yield:0:50 or --prior "
            "log-flat:coupling:1e-6:1"
        )


class CountsType(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4
    """REGION=N."""

    name = "count"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """How help texts show a value."""
        return "REGION=N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Name and count."""
        if isinstance(value, tuple):
            return value
        region, _, count = str(value).partition("=")
        if not region or not (count.isascii() and count.isdigit()) or len(count) > 9:
            self.fail(f"{value!r}: expected REGION=N with a whole number, e.g. invisible=0", param, ctx)
        return region, int(count)


counts_option = click.option(
    "--count",
    "counts",
    type=CountsType(),
    multiple=True,
    help="Count to suppose instead of the observed one, repeated.",
)


def counts_of(counts: tuple[tuple[str, int], ...]) -> dict[str, int] | None:
    """Counts by channel, None if none are given."""
    names = [name for name, _ in counts]
    if len(set(names)) != len(names):
        raise InputError(f"--count: {', '.join(names)}: expected each region once")
    return dict(counts) if counts else None
