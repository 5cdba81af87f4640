"""A name out of several, as an argument or an option takes it."""

from __future__ import annotations

from typing import Any

import click

from na64stat.errors import did_you_mean


class Choice(click.Choice):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.2
    """One of several names; a wrong one is answered with the name that is most like it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name, or a refusal."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            self.fail(f"{error.message.rstrip('.')}{did_you_mean(value, self.choices)}", param, ctx)
