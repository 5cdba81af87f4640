"""`na64stat compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from na64stat.cli.figures import save_limits
from na64stat.cli.groups import command
from na64stat.cli.inference.limit import bound_text, limit_text, workspace_record
from na64stat.cli.options.choice import Choice
from na64stat.cli.options.files import Files, with_files
from na64stat.cli.options.method import (
    METHODS,
    TOYS,
    announce_toys,
    build_method,
    hold_option,
    pack_toys,
    refuse_hold,
    refuse_toys,
    toy_options,
)
from na64stat.cli.options.model import ModelChoice, with_model
from na64stat.cli.options.scenario_run import add_options, as_json, cl_option, examples
from na64stat.cli.output import level_text, plain_table, print_json, print_notes, print_table, steps

if TYPE_CHECKING:
    from na64stat.stats.compare import Comparison, ComparisonRow


def _with_methods(command: Any) -> Any:
    """Hand the methods to the command, as objects."""

    def pack(*, methods: tuple[str, ...], hold: tuple[str, ...], **others: Any) -> Any:
        toys, chosen = pack_toys(others), list(dict.fromkeys(methods or METHODS))
        if TOYS not in chosen:
            refuse_toys(toys, " and ".join(chosen))
        refuse_hold(hold, chosen)
        return command(methods=[build_method(name, toys, hold=hold) for name in chosen], **others)

    method_option = click.option(
        "--method", "methods", type=Choice(METHODS), multiple=True, help="Method; repeated: several; default all."
    )
    return add_options(command, pack, cl_option, method_option, hold_option, *toy_options())


@command(
    epilog=examples(
        "compare ws.json --region invisible --cl 0.95 --toys 20000 --figure limits.png",
        "compare axion-muon --mass 0.1 --coupling 5e-3 --run 2022",
    )
)
@with_model
@_with_methods
@with_files("The comparison, JSON; `na64stat.load` reads it.", "limits")
@as_json
def compare(model: ModelChoice, cl: float, methods: list[Any], files: Files, as_json: bool) -> None:
    """Limits on one signal strength by several methods.

    SCENARIO with --mass, or a pyhf workspace FILE.json in its place. Observed and expected limits on mu by the exact method,
    toys, asymptotic formulas and Feldman-Cousins, side by side; where a method cannot treat the model it says why.
    """
    from na64stat.stats.compare import compare as run_comparison
    from na64stat.stats.limits import check_cl

    check_cl(cl)
    subject = model.load()
    with subject.named_errors():
        for method in methods:
            announce_toys(method, subject.model)
        result = run_comparison(subject.model, cl, methods, track=steps(lambda method: method.name))
    files.keep(result)
    limits = {row.method: row.limit for row in result.rows if row.limit is not None}
    files.draw(lambda path, overwrite: save_limits(path, overwrite, limits, subject.title))
    if as_json:
        print_json(
            {**subject.head, "cl": cl, "rows": [_record(row) for row in result.rows], "notes": list(result.notes)}
        )
        return
    click.echo(f"{subject.title}, {level_text(cl)}: limits on mu")
    _print(result)


def _record(row: ComparisonRow) -> dict[str, Any]:
    """JSON form of a row: the limit as `na64stat limit` gives it, or null and why."""
    limit = None if row.limit is None else workspace_record(row.limit)
    return {"method": row.method, "limit": limit, "reason": row.reason or None}


def _print(result: Comparison) -> None:
    from na64stat.stats.limits import LOW_COUNTS

    table = plain_table("method", "observed", "minus2", "minus1", "median", "plus1", "plus2")
    for row in result.rows:
        if row.limit is not None:
            table.add_row(row.method, limit_text(row.limit, 4), *(bound_text(value, 4) for value in row.limit.expected))
    print_table(table)
    for row in result.rows:
        if row.limit is None:
            click.echo(f"{row.method}: no limit: {row.reason}")
    notes = [
        f"{row.method}: {note}"
        for row in result.rows
        for note in (() if row.limit is None else row.limit.notes)
        if not note.startswith(LOW_COUNTS)  # shown as a warning
    ]
    print_notes((*result.notes, *notes))
