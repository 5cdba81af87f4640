"""--method and the options that go with some methods only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from na64stat.cli.options.choice import Choice
from na64stat.cli.output import announce
from na64stat.errors import InputError

if TYPE_CHECKING:
    from na64stat.stats.likelihood.model import Model
    from na64stat.stats.method import Method

EXACT, TOYS, ASYMPTOTIC, FELDMAN_COUSINS = METHODS = ("exact", "toys", "asymptotic", "feldman-cousins")

_NO_COUNT: Final = "none"
_MOST_TOYS: Final = 100_000_000


@dataclass(frozen=True)
class ToyOptions:
    """--toys, --seed, --store, --threads; None and () where not given."""

    toys: int | None = None
    seeds: tuple[int, ...] = ()
    store: Path | None = None
    threads: int | None = None

    def arguments(self) -> dict[str, Any]:
        """Arguments of `Toys`, only those given."""
        if self.store is not None and self.store.exists() and not self.store.is_dir():
            raise InputError(f"--store: {self.store} is a file; expected the name of a folder")
        if self.toys is not None and self.toys > _MOST_TOYS:
            raise InputError(f"--toys: {self.toys}; expected at most {_MOST_TOYS}, they are kept in memory")
        if len(set(self.seeds)) != len(self.seeds):
            raise InputError(f"--seed: {', '.join(map(str, self.seeds))}; expected each once, the same toys count once")
        given = {"n": self.toys, "seed": self.seeds or None, "store": self.store, "workers": self.threads}
        return {key: value for key, value in given.items() if value is not None}


@dataclass(frozen=True)
class MethodChoice:
    """--method, the toy options, --criterion and --hold."""

    name: str
    toy_options: ToyOptions = ToyOptions()
    criterion: str | None = None
    hold: tuple[str, ...] = ()

    def build(self) -> Method:
        """The method.

        Raises
        ------
        InputError
            An option is given that this method does not use.
        """
        if self.name != TOYS:
            refuse_toys(self.toy_options, self.name)
        if self.criterion is not None and self.name not in (TOYS, ASYMPTOTIC):
            raise InputError(
                f"--criterion: does not go with --method {self.name}; it is for --method {TOYS} or {ASYMPTOTIC}"
            )
        refuse_hold(self.hold, (self.name,))
        return build_method(self.name, self.toy_options, self.criterion, self.hold)


def refuse_hold(hold: tuple[str, ...], methods: Sequence[str]) -> None:
    """Refuse --hold with methods that would ignore it, and `none` beside names."""
    if hold and not {EXACT, FELDMAN_COUSINS} & set(methods):
        raise InputError(
            f"--hold: does not go with --method {' and '.join(methods)}; it is for --method {EXACT} or {FELDMAN_COUSINS}"
        )
    if _NO_COUNT in hold and len(hold) > 1:
        raise InputError(f"--hold: {', '.join(hold)}; expected names of channels or bins, or {_NO_COUNT} alone")


def refuse_toys(given: ToyOptions, methods: str) -> None:
    """Refuse options of toys with methods that would ignore them."""
    options = (
        ("--toys", given.toys),
        ("--seed", given.seeds or None),
        ("--store", given.store),
        ("--threads", given.threads),
    )
    for option, value in options:
        if value is not None:
            raise InputError(f"{option}: does not go with --method {methods}; it is for --method {TOYS}")


def build_method(
    name: str, toy_options: ToyOptions = ToyOptions(), criterion: str | None = None, hold: tuple[str, ...] = ()
) -> Method:
    """The method called `name`; the other methods leave the toy options alone, and those that are not exact `hold`."""
    from na64stat.stats.asymptotic import Asymptotic
    from na64stat.stats.exact.exact import Exact
    from na64stat.stats.likelihood.statistic import Criterion

    held = None if not hold else () if hold == (_NO_COUNT,) else hold
    if name == EXACT:
        return Exact(hold=held)
    if name == FELDMAN_COUSINS:
        from na64stat.stats.exact.feldman_cousins import FeldmanCousins

        return FeldmanCousins(hold=held)
    chosen = Criterion(criterion or Criterion.CL_S.value)
    if name == ASYMPTOTIC:
        return Asymptotic(criterion=chosen)
    from na64stat.stats.toys.toys import Toys

    return Toys(**toy_options.arguments(), criterion=chosen)


def announce_toys(method: Method, model: Model) -> None:
    """Say on standard error how long a limit will take, where that is more than some seconds."""
    toys = f"{getattr(method, 'n', '')} toys of ".lstrip() if method.name == TOYS else ""
    announce(f"{toys}{len(model.parameters)} parameters", method.seconds_of_limit(model))


def pack_toys(options: dict[str, Any], threads: bool = True) -> ToyOptions:
    """Take the toy options out of the options of a command; without `threads` those of a command with processes."""
    store = options.pop("store", None)
    return ToyOptions(
        options.pop("toys", None),
        tuple(options.pop("seeds", ())),
        None if store is None else Path(store),
        options.pop("threads", None) if threads else None,
    )


def method_options(methods: tuple[str, ...], threads: bool = True) -> list[Callable[[Any], Any]]:
    """--method with these choices, and the options that go with them; --store and --threads only with `threads`."""
    found = [method_option(methods)]
    toys = toy_options() if threads else toy_options()[:2]
    if EXACT in methods:
        found.append(hold_option)
    return [*found, *toys, criterion_option] if TOYS in methods else found


def method_option(methods: tuple[str, ...]) -> Callable[[Any], Any]:
    """--method with these choices."""
    return click.option(
        "--method",
        type=Choice(methods),
        default=EXACT,
        show_default=True,
        help="Statistical method; asymptotic formulas are far too strong at low counts.",
    )


def toy_options() -> list[Callable[[Any], Any]]:
    """--toys, --seed, --store, --threads."""
    return [
        click.option(
            "--toys",
            type=click.IntRange(1),
            metavar="N",
            help="Toys of each hypothesis at each signal strength; default 20000.",
        ),
        click.option(
            "--seed",
            "seeds",
            type=click.IntRange(0),
            multiple=True,
            metavar="SEED",
            help="Seed of the toys; repeated: their toys are put together; default 1.",
        ),
        click.option(
            "--store", metavar="DIR", help="Folder in which toys are kept: an interrupted run goes on where it was."
        ),
        click.option(
            "--threads",
            type=click.IntRange(1),
            metavar="N",
            help="Threads for toys; default all. The result does not depend on it.",
        ),
    ]


hold_option = click.option(
    "--hold",
    "hold",
    multiple=True,
    metavar="NAME",
    help="Control channel or bin whose count is held at its observed value (exact, feldman-cousins); repeated: several; "
    "none: all are summed over; default by a rule, which the result names.",
)
criterion_option = click.option(
    "--criterion",
    type=Choice(["cl_s", "cl_sb"]),
    help="Limits where CL_s or where CL_sb falls to 1 - cl (toys, asymptotic); default cl_s.",
)
