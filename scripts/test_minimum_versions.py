"""Run the tests with the lowest versions that pyproject.toml allows, in an environment of its own (Python 3.11).

`python3.11 scripts/test_minimum_versions.py`
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

if sys.version_info[:2] != (3, 11):
    sys.exit("the lowest versions have wheels for Python 3.11: run this script with python3.11")

project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
lowest = [re.sub(">=", "==", requirement) for requirement in project["dependencies"]]
print("lowest versions:", ", ".join(lowest))

with tempfile.TemporaryDirectory() as scratch:
    venv.create(scratch, with_pip=True)
    pip = [str(Path(scratch) / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *lowest], check=True)
    subprocess.run([*pip, f"{ROOT}[test]", *lowest], check=True)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    # Old releases warn of what newer ones have changed: those warnings are not ours to fix here.
    tests = [str(Path(scratch) / "bin" / "pytest"), "-n", "2", "-q", "-W", "default", *sys.argv[1:]]
    sys.exit(subprocess.run(tests, cwd=ROOT, env=environment, check=False).returncode)
