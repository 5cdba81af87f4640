"""Draw the floors of the house as SVG, from the import-linter contract in pyproject.toml: docs/figures/floors.svg."""

from __future__ import annotations

import tomllib
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
FIGURE = ROOT / "docs" / "figures" / "floors.svg"

WHAT = {
    "cli": "one thin command per verb",
    "report": "the reproduction",
    "export": "what leaves the house",
    "figures": "a figure of each record",
    "plot": "draws records, computes nothing",
    "study": "limits, scans, posteriors of scenarios",
    "records": "results, saved and loaded",
    "limits_library": "limits of other experiments",
    "yields": "scenario and run to Template",
    "stats": "workspace to numbers; no physics",
    "scenarios": "what nature might be",
    "experiment": "what was built and seen",
    "physics": "cross sections, decays, loops",
    "template": "the record between the floors",
    "contour": "grids, contours, areas",
    "tasks": "long work, journal, workers",
    "plane": "bins and regions",
    "units": "conversions",
    "text": "units and ranges",
    "files": "reading and writing",
    "progress": "of long work",
    "arguments": "checks of them",
    "errors": "the exceptions",
}
WIDTH, HEIGHT, GAP, MARGIN = 720, 46, 8, 12


def floors() -> list[list[str]]:
    """The floors from above, each with its rooms."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [[room.strip() for room in layer.split("|")] for layer in layers]


def drawing(house: list[list[str]]) -> str:
    """The figure, one row for each floor."""
    height = 2 * MARGIN + len(house) * (HEIGHT + GAP) - GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" role="img">',
        "<title>The floors of na64stat: imports go down only</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for number, rooms in enumerate(house):
        y = MARGIN + number * (HEIGHT + GAP)
        width = (WIDTH - 2 * MARGIN - (len(rooms) - 1) * GAP) / len(rooms)
        for place, room in enumerate(rooms):
            x = MARGIN + place * (width + GAP)
            middle = f'x="{x + width / 2:g}" text-anchor="middle"'
            box = f'x="{x:g}" y="{y}" width="{width:g}" height="{HEIGHT}" rx="4"'
            lines += [
                f'<rect {box} fill="#e8eef5" stroke="#4a6785"/>',
                f'<text {middle} y="{y + 19}" font-size="15" font-weight="bold" fill="#16283c">{escape(room)}</text>',
                f'<text {middle} y="{y + 37}" font-size="12" fill="#33475b">{escape(WHAT[room])}</text>',
            ]
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    FIGURE.write_text(drawing(floors()), encoding="utf-8")
    print(f"wrote {FIGURE.relative_to(ROOT)}")
