"""The group of commands, which refuses what click would let pass."""

from __future__ import annotations

from collections import Counter

import click

from na64stat.errors import InputError


class Commands(click.Group):
    """A group whose commands take no option twice that is meant once: click would keep the last in silence."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command, its name and its arguments.

        Raises
        ------
        InputError
            An option that takes one value is given more often.
        """
        name, command, rest = super().resolve_command(ctx, args)
        # A shell that asks for completions has a line that is not finished.
        if command is not None and not isinstance(command, click.Group) and not ctx.resilient_parsing:
            own = click.Context(command, info_name=name, parent=ctx)
            _, _, given = command.make_parser(own).parse_args(args=list(rest))
            for parameter, times in Counter(given).items():
                if times > 1 and isinstance(parameter, click.Option) and not (parameter.multiple or parameter.is_flag):
                    raise InputError(f"{parameter.opts[-1]}: given {times} times; expected once")
        return name, command, rest
