"""Make the committed likelihoods anew: `python scripts/rebuild_workspaces.py`."""

from __future__ import annotations

from pathlib import Path

from na64stat.files import to_json, write_text
from na64stat.report.workspaces import likelihoods, readme, reference_workspaces

FOLDER = Path(__file__).resolve().parents[1] / "workspaces"

files = {name: to_json(workspace) for name, workspace in reference_workspaces().items()}
files |= {name: to_json(likelihood.content) for name, likelihood in likelihoods().items()}
files["README.md"] = readme()
for old in {path.name for path in FOLDER.glob("*.json")} - set(files):
    (FOLDER / old).unlink()
    print(f"removed workspaces/{old}, which is no longer made")
for name, text in files.items():
    write_text(FOLDER / name, text, overwrite=True)
    print(f"wrote workspaces/{name}")
