"""Make the committed reference workspaces anew: `python scripts/rebuild_workspaces.py`."""

from __future__ import annotations

from pathlib import Path

from na64stat.files import to_json, write_text
from na64stat.report.workspaces import reference_workspaces

FOLDER = Path(__file__).resolve().parents[1] / "workspaces"

for name, workspace in reference_workspaces().items():
    write_text(FOLDER / name, to_json(workspace), overwrite=True)
    print(f"wrote workspaces/{name}")
