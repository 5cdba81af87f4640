"""Faults of the surroundings, each for real: the rows of `docs/faults.md`, of which the cheap ones are run here."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

sys.path.insert(0, str(ROOT / "scripts"))
try:
    import show_faults
    from faults import runner
    from faults.registry import FAULTS
finally:
    sys.path.remove(str(ROOT / "scripts"))

EVERY = [fault for faults in FAULTS.values() for fault in faults]
CHEAP = [fault for fault in EVERY if fault.cheap and fault.command]


@pytest.mark.sampled(3)
@pytest.mark.skipif(sys.platform != "linux", reason="the commands are for Linux")
@pytest.mark.parametrize("fault", CHEAP, ids=lambda fault: fault.name)
def test_what_comes_of_it(fault):
    if reason := show_faults.why_not(fault):
        pytest.skip(reason)
    found = runner.outcome(fault.command)
    assert show_faults.wrong(fault, found) == [], found


def test_the_page_has_every_row_and_no_other():
    page = show_faults.PAGE.read_text(encoding="utf-8")
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in page.splitlines() if re.match(r"\| (?!fault )", line)]
    cells = [[cell.strip().replace("\\|", "|") for cell in row] for row in rows]
    assert [(row[0], row[1], row[4]) for row in cells] == [
        (fault.name, f"`{fault.command}`" if fault.command else "", fault.means) for fault in EVERY
    ]
    for row, fault in zip(cells, EVERY, strict=True):
        if row[2].startswith("not produced"):
            assert fault.needs or row[2] == f"not produced: {fault.not_produced}"
            continue
        assert int(re.match(r"\d+", row[2])[0]) == fault.status
        assert row[3] == (", ".join(f"`{name}`" for name in fault.left) or "nothing")
    for heading in FAULTS:
        assert f"\n## {heading}\n" in page


def test_a_wrong_outcome_is_seen():
    fault = EVERY[0]
    right = runner.Outcome(fault.status, "", fault.says, fault.left)
    assert show_faults.wrong(fault, right) == []
    for other in (
        runner.Outcome(0, "", fault.says, fault.left),
        runner.Outcome(fault.status, "", "", fault.left),
        runner.Outcome(fault.status, "", fault.says, ("part",)),
        runner.Outcome(fault.status, "", f"{fault.says}\nTraceback", fault.left),
    ):
        assert len(show_faults.wrong(fault, other)) == 1
