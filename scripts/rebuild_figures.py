"""Make the figures of the README anew: `python scripts/rebuild_figures.py`."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from na64stat.report.reproduce import reproduce

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "figures"

with tempfile.TemporaryDirectory() as scratch:
    made = reproduce(Path(scratch), track=lambda _: iter)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in made.files:
        if path.suffix == ".png" and path.parent.name != "submission":  # the submission holds them once more
            shutil.copy(path, FOLDER / path.name)
            print(f"wrote docs/figures/{path.name}")
    print(made.headline_markdown())
