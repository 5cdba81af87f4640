"""`na64stat significance`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from na64stat.cli.groups import command
from na64stat.cli.options.files import Files, with_files
from na64stat.cli.options.method import (
    ASYMPTOTIC,
    EXACT,
    TOYS,
    MethodChoice,
    hold_option,
    method_option,
    pack_toys,
    toy_options,
)
from na64stat.cli.options.model import ModelChoice, with_model
from na64stat.cli.options.scenario_run import add_options, as_json, examples
from na64stat.cli.output import busy, held_text, print_json, print_notes

if TYPE_CHECKING:
    from na64stat.stats.significance import Significance


def _with_method(command: Any) -> Any:
    """Hand a `MethodChoice` to the command as `method`."""

    def pack(*, method: str, hold: tuple[str, ...], **others: Any) -> Any:
        return command(method=MethodChoice(method, pack_toys(others), hold=hold), **others)

    return add_options(command, pack, method_option((EXACT, TOYS, ASYMPTOTIC)), hold_option, *toy_options())


@command(
    epilog=examples(
        "significance ws.json --region invisible --method asymptotic",
        "significance ws.json --region invisible --method toys --toys 100000",
        "significance axion-muon --mass 0.1 --coupling 5e-3 --background realistic",
    )
)
@with_model
@_with_method
@with_files("The result, JSON; `na64stat.load` reads it.")
@as_json
def significance(model: ModelChoice, method: MethodChoice, files: Files, as_json: bool) -> None:
    """How improbable the counts are without signal.

    SCENARIO with --mass, or a pyhf workspace FILE.json in its place. p0 is the probability of counts at least as signal-like as
    the observed ones without signal, Z the same in standard deviations; the expected Z is that of a signal of strength 1.
    """
    from na64stat.stats.significance import significance as find_significance

    chosen = method.build()
    subject = model.load()
    with subject.named_errors(), busy(f"significance, {chosen.name}"):
        result = find_significance(subject.model, chosen)
    files.keep(result)
    if as_json:
        print_json({**subject.head, **_record(result)})
        return
    click.echo(f"{subject.title}: significance of the signal, {result.method}{held_text(result.held)}")
    for line in _lines(result):
        click.echo(line)
    print_notes(result.notes)


def _record(result: Significance) -> dict[str, Any]:
    return {
        "method": result.method,
        "p0": result.p0,
        "p0_error": result.p0_error,
        "bound": result.bound,
        "z": result.z,
        "q0": result.q0,
        "mu": result.mu,
        "held": list(result.held),
        "expected": {"z": result.expected.as_dict(), "p0": result.expected_p0},
        "notes": list(result.notes),
    }


def _lines(result: Significance) -> list[str]:
    if result.p0 is None:
        lines = ["observed  none: no observed counts"]
    else:
        error = f" +- {result.p0_error:.1g}" if result.p0_error else ""
        less, more = ("<", ">") if result.bound else ("=", "=")
        z = "no value" if result.z is None else f"{more} {result.z:.3g}"
        mu = "" if result.mu is None else f", best fit mu = {result.mu:.4g}"
        lines = [f"observed  p0 {less} {result.p0:.4g}{error}, Z {z}{mu}"]
    if result.expected.median is None:
        return [*lines, "expected  Z has no value for mu = 1"]
    values = ["none" if value is None else f"{value:.3g}" for value in result.expected]
    low, middle, high = values[1:4]
    p0 = "" if result.expected_p0 is None else f", p0 = {result.expected_p0:.3g}"
    return [*lines, f"expected  Z = {middle}{p0} for mu = 1; 68% of such experiments between {low} and {high}"]
