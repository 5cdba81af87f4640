"""Write docs/licences.md from the metadata of what is installed: `python scripts/rebuild_licences.py`."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageMetadata, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "licences.md"

_HEAD = """# Licences

na64stat is BSD-3-Clause. It contains no code of others; numbers and their sources are listed by `na64stat info` and `na64stat
cite`. These packages are installed with it, or by an extra, under licences of their own, as their metadata say (`python
scripts/rebuild_licences.py`); `test`, `docs` and `dev` are needed by nobody who only uses na64stat.

| package | needed | licence |
|---|---|---|
"""


def requirements() -> dict[str, str]:
    """Name of each direct dependency -> "always" or the first extra that asks for it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"always": project["dependencies"], **project["optional-dependencies"]}
    found: dict[str, str] = {}
    for group, items in groups.items():
        for item in items:
            name = re.match(r"[A-Za-z0-9._-]+", item)
            if name is not None and name.group() != "na64stat":
                found.setdefault(name.group(), group)
    return found


def licence(about: PackageMetadata) -> str:
    """The licence as an SPDX expression, else as the package's classifiers, else as its own short text."""
    names = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or () if line.startswith("License ::")]
    own = (about.get("License") or "").strip()
    short = own if own and "\n" not in own and len(own) < 60 else ""
    return about.get("License-Expression") or ", ".join(names) or short or "not stated"


def page() -> str:
    """The page."""
    rows = [f"| {name} | {group} | {licence(metadata(name))} |" for name, group in requirements().items()]
    return _HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
