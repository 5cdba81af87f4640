"""`na64stat sensitivity`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from na64stat.cli.groups import command
from na64stat.cli.options.choice import Choice
from na64stat.cli.options.numbers import numbers_option
from na64stat.cli.options.scenario_run import (
    RunChoice,
    ScenarioChoice,
    Statistics,
    as_json,
    examples,
    with_run,
    with_scenario,
    with_statistics,
)
from na64stat.cli.output import (
    Output,
    level_text,
    output_option,
    overwrite_option,
    plain_table,
    print_failures,
    print_json,
    print_notes,
    print_table,
    progress,
)
from na64stat.errors import InputError
from na64stat.records.status import has_failed
from na64stat.text import in_brackets

if TYPE_CHECKING:
    from na64stat.records.sensitivity import Sensitivity
    from na64stat.report.assumptions import Block
    from na64stat.study.sensitivity.sensitivity import Headline

_NEEDS_SCENARIO: Final = "goes with a scenario, e.g. na64stat sensitivity axion-muon --mass 0.1"


@command(
    epilog=examples(
        "sensitivity axion-muon --mass 0.1 --figure s.png",
        "sensitivity axion-photon --region visible --mass 2e-3 --mass 0.01 --efficiency held",
        "sensitivity -o all.json --markdown all.md",
    )
)
@with_scenario
@numbers_option("--mass", "Mass or masses [GeV]; repeated: each. Default: those of the page of assumptions.")
@click.option(
    "--efficiency",
    "rule",
    type=Choice(["re-inferred", "held"]),
    default="re-inferred",
    show_default=True,
    help="Where response, cross section or muons of the Z' limit move: infer the efficiency anew from it, or keep it.",
)
@output_option("File to write, JSON.")
@click.option("--figure", metavar="FILE", help="Figure of the largest changes: .png or .pdf; up to four limits.")
@click.option("--markdown", metavar="FILE", help="Page with the assumed numbers and the tables, .md.")
@overwrite_option
@with_run
@with_statistics("exact", "asymptotic")
@as_json
def sensitivity(
    scenario: ScenarioChoice,
    mass: list[float] | None,
    rule: str,
    output: str | None,
    figure: str | None,
    markdown: str | None,
    overwrite: bool,
    run: RunChoice,
    statistics: Statistics,
    as_json: bool,
) -> None:
    """How far limits move with what is assumed.

    Every number of the run with status assumed, the efficiency, cross sections, form factor and choices such as the trigger's cut
    are moved one at a time; printed is the change of the excluded coupling in per cent, the largest first. Without SCENARIO the
    limits of axion-photon (three regions), axion-muon and dark-sector. A minute for all of them.
    """
    files = _files({"--output": output, "--figure": figure, "--markdown": markdown}, overwrite)
    asked = statistics.for_study()
    regions = asked.pop("regions")
    headlines = _headlines(scenario, mass or [], regions or ())
    if "--figure" in files:
        from na64stat.plot.sensitivity import check_drawable

        check_drawable(files["--figure"].path, sum(len(item.masses) for item in headlines))
    from na64stat.study.sensitivity.sensitivity import EfficiencyRule
    from na64stat.study.sensitivity.sensitivity import sensitivity as find

    whole = scenario.argument is None and scenario.option is None
    track = progress("sensitivity")
    record = find(run.load(), None if whole else headlines, efficiency=EfficiencyRule(rule), track=track, **asked)
    _write(record, files)
    failures = [shift.status for shift in record.shifts if has_failed(shift.status)]
    print_failures(failures, len(record.shifts))
    if as_json:
        print_json(record.as_dict())
    else:
        _print(record)
    for file in files.values():
        click.echo(f"wrote {file.path}", err=True)


def _files(names: dict[str, str | None], overwrite: bool) -> dict[str, Output]:
    """The files that are asked for, each another one."""
    files = {option: Output.of(name, overwrite, option) for option, name in names.items() if name is not None}
    seen: dict[str, str] = {}
    for option, file in files.items():
        path = str(file.path.resolve())
        if path in seen:
            raise InputError(f"{option}: {file.path} is {seen[path]}, too; expected another name")
        seen[path] = option
    return files


def _headlines(scenario: ScenarioChoice, masses: list[float], regions: Sequence[str]) -> tuple[Headline, ...]:
    from na64stat.study.sensitivity.sensitivity import HEADLINES, Headline

    if scenario.argument is None and scenario.option is None:
        for option, given in (("--mass", masses), ("--region", regions), ("--option", scenario.options)):
            if given:
                raise InputError(f"{option}: {_NEEDS_SCENARIO}")
        return HEADLINES
    factory = scenario.resolve()
    known = [item for item in HEADLINES if item.scenario is factory]
    if not masses and not known:
        raise InputError("--mass: missing; expected a mass [GeV] or a range LO:HI:N, e.g. --mass 0.01 --mass 0.1")
    if regions or not known:
        return (Headline(factory, tuple(masses) or known[0].masses, tuple(regions)),)
    return tuple(Headline(factory, tuple(masses) or item.masses, item.regions) for item in known)


def _write(record: Sensitivity, files: dict[str, Output]) -> None:
    for option, file in files.items():
        if option == "--output":
            record.save(file.path, overwrite=file.overwrite)
        elif option == "--figure":
            from na64stat.plot.sensitivity import save_sensitivity_figure

            save_sensitivity_figure(record, file.path, overwrite=file.overwrite)
        else:
            from na64stat.files import write_text
            from na64stat.report.assumptions import as_markdown

            write_text(file.path, as_markdown(record), overwrite=file.overwrite)


def _print(record: Sensitivity) -> None:
    from na64stat.records.sensitivity import SMALLEST
    from na64stat.report.assumptions import blocks, nothing_text

    head = (f"run {record.run}", f"background {record.background}", level_text(record.cl), record.method)
    click.echo(f"{', '.join(head)}, efficiency {record.efficiency}: change of the excluded coupling [%]")
    for block in blocks(record):
        click.echo(f"\n{block.title}")
        if block.columns:
            _print_block(block)
        if block.nothing:
            click.echo(f"{nothing_text(block)}, whatever is moved")
        if block.below and block.columns:
            click.echo(f"less than {SMALLEST}%: {'; '.join(block.below)}")
    reasons = dict.fromkeys(number.reason for number in record.numbers if number.reason)
    for reason in reasons:
        keys = ", ".join(number.key for number in record.numbers if number.reason == reason)
        click.echo(f"note: {keys}: {reason}", err=True)
    print_notes(record.notes)


def _print_block(block: Block) -> None:
    from na64stat.report.assumptions import column_name

    unit = in_brackets(block.unit)
    table = plain_table("assumption", "from", "to", *map(column_name, block.columns), "")
    limits = [line.status if line.limit is None else f"{line.limit:.3g}" for line in block.columns]
    table.add_row(f"limit{unit}", "", "", *limits)
    for row in block.rows:
        table.add_row(row.what, row.start, row.end, *row.cells, "efficiency re-inferred" if row.reinferred else "")
    print_table(table)
