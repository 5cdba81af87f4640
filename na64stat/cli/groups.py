"""Commands and their group: what click would let pass is refused, and options stand in sections of the help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import click

from na64stat.errors import InputError

_SECTIONS: Final = {
    "Model": "scenario option mass coupling mot mot-background needed region prior count level tolerance",
    "Workspace file": "patch patch-name measurement poi uncorrelated",
    "Experiment": "run background correlated depth-average no-systematics",
    "Statistics": "method cl toys seed store threads hold criterion minos minos-all lowest-mu impacts parameter "
    "walkers ensembles steps most-steps each no-discovery",
    "Work": "workers scheduler journal",
    "Output": "output figure markdown overwrite json verbose help",
}
"""Options of each section, without their hyphens; others stand first."""

_FEW: Final = 8
"""So many options need no sections."""

MOVED: Final = {
    "limits": "existing",
    "impacts": "fit ... --impacts",
    "overlap": "plot FILE FILE... --compare",
    "combine": "workspace FILE FILE...",
}
"""Commands of earlier versions, and what does their work now."""

MOVED_OPTIONS: Final = {
    "--workers": "--threads, where toys run in threads; commands with processes have --workers",
    "--limits": "--existing",
}
"""Options of earlier versions, where a command has them no more."""


class Sectioned(click.Command):
    """A command whose options stand in sections of the help."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections that have options."""
        options = [item for item in self.get_params(ctx) if isinstance(item, click.Option)]
        records = [(item, item.get_help_record(ctx)) for item in options]
        shown = [(item, record) for item, record in records if record is not None]
        names = {name: section for section, text in _SECTIONS.items() for name in text.split()}
        few = len(shown) <= _FEW
        sections: dict[str, list[tuple[str, str]]] = {name: [] for name in ("Options", *_SECTIONS)}
        for item, record in shown:
            name = max(item.opts, key=len).lstrip("-")
            sections["Options" if few else names.get(name, "Options")].append(record)
        for title, lines in sections.items():
            if lines:
                with formatter.section(title):
                    formatter.write_dl(lines)


def command(name: str | None = None, **settings: Any) -> Callable[[Callable[..., Any]], Sectioned]:
    """`click.command` with sections in its help."""
    return click.command(name, cls=Sectioned, **settings)


class Commands(click.Group):
    """A group whose commands take no option twice that is meant once: click would keep the last in silence."""

    command_class = Sectioned

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command, its name and its arguments.

        Raises
        ------
        InputError
            An option that takes one value is given more often, or the command is one of an earlier version.
        """
        if args and args[0] in MOVED and args[0] not in self.commands and ctx.parent is None:
            raise InputError(f"{args[0]}: is now na64stat {MOVED[args[0]]}")
        name, found, rest = super().resolve_command(ctx, args)
        # A shell that asks for completions has a line that is not finished.
        if found is not None and not isinstance(found, click.Group) and not ctx.resilient_parsing:
            own = click.Context(found, info_name=name, parent=ctx)
            _, _, given = found.make_parser(own).parse_args(args=list(rest))
            for parameter, times in Counter(given).items():
                if times > 1 and isinstance(parameter, click.Option) and not (parameter.multiple or parameter.is_flag):
                    raise InputError(f"{parameter.opts[-1]}: given {times} times; expected once")
        return name, found, rest
