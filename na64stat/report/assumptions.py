"""The page of assumptions, and the tables of a sensitivity record that it shares with the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from na64stat.experiment.load import load_run
from na64stat.progress import Track
from na64stat.records.sensitivity import REINFERRED, SMALLEST, HeadlineLimit, Sensitivity, Shift
from na64stat.study.sensitivity.assumptions import SHARE, standard_variations
from na64stat.study.sensitivity.sensitivity import EfficiencyRule, sensitivity
from na64stat.text import after_number, in_brackets

FIGURE: Final = (
    "axion-photon, visible, 0.01 GeV",
    "axion-photon, invisible, 0.002 GeV",
    "axion-muon, invisible, 0.1 GeV",
    "dark-sector, invisible, 0.1 GeV",
)
"""Limits of the figure on the page."""

FIGURE_PATH: Final = "figures/assumptions.png"
"""Beside the page."""

_INTRO: Final = f"""# What is assumed, and how far the limits move

Made by `python scripts/rebuild_assumptions.py`; a test checks that it is current. `na64stat sensitivity` (`na.sensitivity`) makes
the same tables for any scenario, mass, region and run.

One thing is moved at a time, the rest stays. The tables give the change of the excluded coupling in per cent: plus is a weaker
limit at a lower edge, and a larger island at an upper one. A number moves by its stated uncertainty, or else by {SHARE:.0%},
which is an assumption itself; uncertainties are left out and doubled. Changes below {SMALLEST}% are a 0. Where the MIP peak
moves, the window of the energy sum moves with it, since E_MIP is subtracted there, but not the cuts on E_CAL.

The efficiency was inferred from the published Z' limit with the same response, cross section and muons. Where one of these is
moved (marked †) it is inferred anew. What the Z' and the signal have in common then cancels: a factor on every cross section, on
the muons, and nearly all of the response in the invisible region. What they do not share stays: the acceptance of the visible
region, another process, a lifetime. A later section has the changes with the efficiency held.
"""

_NOTHING: Final = """What moves no observed limit: the background of the invisible region, since CL_s of zero observed events
does not depend on it (its expected band does); the decay volume, where the particle is stable; the lower cut on E_CAL in
`visible_trigger`, where the cut on p_out and the window of the energy sum leave no room at small E_CAL.
"""


@dataclass(frozen=True)
class Row:
    """One assumption: status of what is moved, from where to where, and the change of each limit as text, all ends in one."""

    what: str
    origin: str
    start: str
    end: str
    reinferred: bool
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """The limits of one scenario in its regions.

    Attributes
    ----------
    title, unit
        Scenario and regions, unit of the coupling.
    columns
        The limits that exclude something.
    nothing
        The others.
    rows
        What moves one of them by `SMALLEST` or more, the largest first.
    below
        Names of what moves none of them so far.
    """

    title: str
    unit: str
    columns: tuple[HeadlineLimit, ...]
    nothing: tuple[HeadlineLimit, ...]
    rows: tuple[Row, ...]
    below: tuple[str, ...]


def blocks(record: Sensitivity) -> tuple[Block, ...]:
    """The tables of a record, one for each scenario and regions."""
    groups: dict[tuple[str, tuple[str, ...]], list[HeadlineLimit]] = {}
    for line in record.headlines:
        groups.setdefault((line.scenario, line.regions), []).append(line)
    return tuple(_block(record, lines) for lines in groups.values())


def _block(record: Sensitivity, lines: Sequence[HeadlineLimit]) -> Block:
    columns = tuple(line for line in lines if _is_shown(record, line))
    names = {line.name for line in lines}
    groups: dict[str, list[Shift]] = {}
    for shift in record.shifts:
        if shift.headline in names:
            groups.setdefault(shift.what, []).append(shift)
    # Rounded, so that what moves nothing keeps its order, whatever the last digits are.
    order = sorted(groups.values(), key=lambda shifts: -round(max(shift.size for shift in shifts), 5))
    rows = [_row(shifts, columns) for shifts in order]
    silent = [row for row in rows if all(_is_silent(cell) for cell in row.cells)]
    title = f"{lines[0].scenario}, {' + '.join(lines[0].regions)}"
    return Block(
        title,
        lines[0].coupling_unit,
        columns,
        tuple(line for line in lines if line not in columns),
        tuple(row for row in rows if row not in silent),
        tuple(row.what for row in silent),
    )


def _row(shifts: Sequence[Shift], columns: Sequence[HeadlineLimit]) -> Row:
    """The shifts of one assumption, its ends joined."""
    first = shifts[0]
    ends = list(dict.fromkeys(shift.end for shift in shifts))
    changes = {(shift.end, shift.headline): _cell(shift) for shift in shifts}
    cells = tuple(_joined([changes.get((end, line.name), "") for end in ends]) for line in columns)
    return Row(first.what, first.origin, first.start, _joined(ends), first.efficiency == REINFERRED, cells)


def _joined(texts: Sequence[str]) -> str:
    """Several in one cell, once if they are all the same."""
    return " / ".join(texts if len(set(texts)) > 1 else texts[:1])


def _is_silent(cell: str) -> bool:
    """True if no end moves the limit, or none concerns it."""
    return set(cell.split(" / ")) <= {"", "0"}


def _is_shown(record: Sensitivity, line: HeadlineLimit) -> bool:
    return line.limit is not None or any(shift.after is not None for shift in record.of(line.name))


def _cell(shift: Shift) -> str:
    if shift.per_cent is None:
        return shift.status
    if abs(shift.per_cent) < SMALLEST:
        return "0"
    return f"{shift.per_cent:+.0f}" if abs(shift.per_cent) >= 100 else f"{shift.per_cent:+.1f}"


def column_name(line: HeadlineLimit) -> str:
    """A limit within its table."""
    return f"{line.mass:.4g} GeV" + ("" if line.edge == "lower" else f", {line.edge} edge")


def nothing_text(block: Block) -> str:
    """Where nothing is excluded; empty if there is no such limit."""
    if not block.nothing:
        return ""
    return "Nothing is excluded at " + "; ".join(f"{column_name(line)} ({line.status})" for line in block.nothing)


def as_markdown(record: Sensitivity) -> str:
    """The record as a page of its own."""
    head = f"# Sensitivity of the limits of run {record.run} to what is assumed\n\n"
    asked = f"{100 * record.cl:.12g}% CL, {record.method}, background {record.background}"
    head += f"{asked}; changes of the excluded coupling in per cent.\n"
    return "\n".join([head, *_sections(record), "", *(f"- {note}" for note in record.notes), ""])


def _sections(record: Sensitivity) -> list[str]:
    """The numbers and the tables of a record."""
    parts = ["## Assumed numbers", "", *_numbers(record)]
    for block in blocks(record):
        parts += ["", f"## {block.title}", "", *_table(block)]
    return parts


def _numbers(record: Sensitivity) -> list[str]:
    ends: dict[str, list[str]] = {}
    for shift in record.shifts:
        for key in shift.keys:
            ends.setdefault(key, []).append(shift.end)
    rows = []
    for number in record.numbers:
        spread = "" if number.uncertainty is None else f" +- {number.uncertainty:g}"
        moved = ", ".join(dict.fromkeys(ends.get(number.key, [])))
        moved += f" ({number.reason})" if moved and number.reason else number.reason
        rows.append((f"`{number.key}`", f"{number.value:g}{spread}{after_number(number.unit)}", moved, number.source))
    return _markdown(("number", "value", "moved to", "source"), rows)


def _table(block: Block) -> list[str]:
    head = ("assumption", "status", "from", "to", *map(column_name, block.columns))
    limits = ("", "", "", f"**limit{in_brackets(block.unit)}**", *(_limit(line) for line in block.columns))
    rows = [(_marked(row), row.origin, row.start, row.end, *row.cells) for row in block.rows]
    parts = _markdown(head, [limits, *rows]) if block.columns else []
    if block.nothing:
        parts += ["", f"{nothing_text(block)}, whatever is moved."]
    if block.below:
        parts += ["", f"Less than {SMALLEST}%: {'; '.join(block.below)}."]
    return parts


def _marked(row: Row) -> str:
    return f"{row.what} †" if row.reinferred else row.what


def _limit(line: HeadlineLimit) -> str:
    return f"**{line.limit:.3g}**" if line.limit is not None else line.status


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    # GitHub reads <...> as HTML and | as the end of a cell.
    return lines + [
        "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in row) + " |" for row in rows
    ]


@dataclass(frozen=True)
class Assumptions:
    """Records that the page is made of.

    Attributes
    ----------
    run
        The run of 2022, efficiency re-inferred.
    held
        The same with the efficiency held, for what it was inferred with.
    projection
        The run of 2023, for the numbers that it assumes beyond those of 2022.
    """

    run: Sensitivity
    held: Sensitivity
    projection: Sensitivity


def compute_assumptions(track: Track = iter) -> Assumptions:
    """Everything on the page; about a minute."""
    run, projected = load_run("2022"), load_run("2023")
    found = sensitivity(run, track=track)
    again = {(shift.what, shift.end) for shift in found.shifts if shift.efficiency == REINFERRED}
    calibrated = [item for item in standard_variations(run)[0] if (item.what, item.end) in again]
    held = sensitivity(run, variations=calibrated, efficiency=EfficiencyRule.HELD, track=track)
    known = {key for key, number in run.numbers.items() if number.status == "assumed"}
    own = [item for item in standard_variations(projected)[0] if item.keys and not known.intersection(item.keys)]
    own = [item for item in own if any(projected.numbers[key].status == "assumed" for key in item.keys)]
    return Assumptions(found, held, sensitivity(projected, variations=own, track=track))


def page(found: Assumptions) -> str:
    """The page docs/assumptions.md."""
    own = {key for shift in found.projection.shifts for key in shift.keys}
    projection = [line for line in _numbers(found.projection) if any(f"`{key}`" in line for key in own)]
    parts = [
        _INTRO,
        f"![The largest changes of four limits]({FIGURE_PATH})",
        "",
        *_sections(found.run),
        "",
        _NOTHING,
        "## The same with the efficiency held",
        "",
        "Only what the efficiency was inferred with; as if the efficiency had been measured.",
    ]
    for block in blocks(found.held):
        parts += ["", f"### {block.title}", "", *_table(block)]
    parts += [
        "",
        "## Run 2023",
        "",
        "It takes all other numbers from 2022. Its muons are not those of the Z' limit, so that they do not cancel. Medians.",
        "",
        *_markdown(("number", "value", "moved to", "source"), []),
        *projection,
    ]
    for block in blocks(found.projection):
        parts += ["", f"### {block.title}, 2023", "", *_table(block)]
    return "\n".join(parts) + "\n"
