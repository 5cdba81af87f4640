"""Proposals of a shell for scenarios and runs; files beside them, since those may be files, too.

``eval "$(_NA64STAT_COMPLETE=bash_source na64stat)"`` switches it on in bash; zsh and fish likewise.
"""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem


def scenarios(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the packaged scenarios, else files."""
    del context, parameter
    from na64stat.scenarios.registry import NAMES

    return _matching(NAMES, incomplete)


def runs(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the packaged runs, else files."""
    del context, parameter
    from na64stat.experiment.load import packaged_runs

    return _matching(packaged_runs(), incomplete)


def _matching(names: tuple[str, ...], incomplete: str) -> list[CompletionItem]:
    found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]
