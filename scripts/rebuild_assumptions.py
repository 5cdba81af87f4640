"""Make the page of assumptions and its figure anew, two minutes: `python scripts/rebuild_assumptions.py`."""

from __future__ import annotations

from pathlib import Path

from na64stat.files import write_text
from na64stat.plot.sensitivity import save_sensitivity_figure
from na64stat.report.assumptions import FIGURE, FIGURE_PATH, compute_assumptions, page

DOCS = Path(__file__).resolve().parents[1] / "docs"


def main() -> None:
    """Rebuild `docs/assumptions.md` and its figure in the source tree."""
    found = compute_assumptions()
    write_text(DOCS / "assumptions.md", page(found), overwrite=True)
    save_sensitivity_figure(found.run.only(*FIGURE), DOCS / FIGURE_PATH, overwrite=True)
    print(f"wrote docs/assumptions.md and docs/{FIGURE_PATH}")


if __name__ == "__main__":
    main()
