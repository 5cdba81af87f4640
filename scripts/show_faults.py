"""What comes of faults of the surroundings: `python scripts/show_faults.py` produces each and writes `docs/faults.md`.

`--only PATTERN` runs those whose name matches, and keeps the other rows of the page. `--show` writes nothing.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent))

from faults import runner
from faults.registry import FAULTS, Fault

from na64stat.files import write_text

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "faults.md"

HEAD: Final = """# Faults of the surroundings

What comes of a full disk, a missing HOME or a kill, each produced for real. `python scripts/show_faults.py` runs every command
below, each in an empty folder, and writes this page; `tests/test_faults.py` checks the same rows. Errors are one line on standard
error with exit status 2; results are written whole or not at all.

Beside `na64stat` the commands use: `small_disk SIZE LINE`, a disk of that size as the folder `disk` (a tmpfs in a mount namespace
of its own; 0: read-only); `unprivileged COMMAND`, root without the right to pass over permissions; `own_copy`, the package as a
read-only copy `app/`; `without NAMES COMMAND`, as if these packages were not installed; `backwards COMMAND`, a wall clock that
runs backwards; `kill_while_writing N`. They are in `scripts/faults/`.
"""


def why_not(fault: Fault) -> str:
    """Why this machine cannot produce a fault; empty where it can."""
    if fault.not_produced:
        return f"not produced: {fault.not_produced}"
    if fault.needs == "mount" and not runner.can_mount():
        return "not produced: this machine allows no mount of one's own"
    if fault.needs == "permissions" and not runner.can_be_unprivileged():
        return "not produced: no folder can be closed to this user"
    return ""


def wrong(fault: Fault, found: runner.Outcome) -> list[str]:
    """What differs from what is right."""
    differences = []
    if found.status != fault.status:
        differences.append(f"status {found.status}, not {fault.status}")
    if fault.says not in found.err + found.out:
        differences.append(f"{fault.says!r} is not said")
    if found.left != fault.left:
        differences.append(f"left {', '.join(found.left) or 'nothing'}, not {', '.join(fault.left) or 'nothing'}")
    if "Traceback" in found.err and "python -c" not in fault.command:
        differences.append("a traceback")
    return differences


def row(fault: Fault, found: runner.Outcome | None, reason: str = "") -> str:
    """One line of the table."""
    if found is None:
        seen, left = reason, ""
    else:
        message = _shortened(found.message)
        seen = f"{found.status}" + (f": {message}" if message else "")
        left = ", ".join(f"`{name}`" for name in found.left) or "nothing"
    cells = fault.name, f"`{fault.command}`" if fault.command else "", seen, left, fault.means
    return "| " + " | ".join(_cell(text) for text in cells) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _shortened(message: str) -> str:
    """A message without its ornaments, in one cell of a table."""
    message = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", message)  # how a terminal draws a progress bar
    message = re.sub(r"(.)\1{40,}", r"\1...", message)
    message = re.sub(r"(folder/){20,}", "folder/.../", message)
    return message.removeprefix("na64stat: error: ").strip()


def main() -> int:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", metavar="PATTERN", help="run those whose name matches, keep the other rows of the page"
    )
    parser.add_argument("--show", action="store_true", help="write nothing")
    options = parser.parse_args()
    known = {} if options.only is None else rows_of_page()
    lines, bad = [HEAD], 0
    for heading, faults in FAULTS.items():
        lines += [
            f"## {heading}\n",
            "| fault | command | status and last message | left | what it means |",
            "|---|---|---|---|---|",
        ]
        for fault in faults:
            if fault.name in known and not re.search(options.only, fault.name):
                lines.append(known[fault.name])
                continue
            reason = why_not(fault)
            found = None if reason else runner.outcome(fault.command)
            differences = wrong(fault, found) if found else []
            bad += bool(differences)
            lines.append(row(fault, found, reason))
            print(f"{'WRONG' if differences else 'right'}  {fault.name}: {'; '.join(differences)}", flush=True)
            if differences and found:
                print(found.out[-600:], found.err[-900:], sep="\n", flush=True)
        lines.append("")
    if not (bad or options.show):
        write_text(PAGE, "\n".join(lines), overwrite=True)
    return min(bad, 1)


def rows_of_page() -> dict[str, str]:
    """The rows that the page has, by the name of their fault."""
    lines = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
    cells = {line: re.split(r"(?<!\\)\|", line)[1].strip() for line in lines if line.startswith("| ")}
    return {name.replace("\\|", "|"): line for line, name in cells.items() if name != "fault"}


if __name__ == "__main__":
    sys.exit(main())
