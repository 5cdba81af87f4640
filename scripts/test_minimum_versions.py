"""Run the tests with the lowest versions that pyproject.toml allows, in an environment of its own (Python 3.11).

`python3.11 scripts/test_minimum_versions.py`; further arguments go to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOWEST = ROOT / "constraints" / "minimum.txt"


def main() -> int:
    """Exit status of pytest."""
    if sys.version_info[:2] != (3, 11):
        sys.exit("the lowest versions have wheels for Python 3.11: run this script with python3.11")
    with tempfile.TemporaryDirectory() as scratch:
        venv.create(scratch, with_pip=True)
        pip = [str(Path(scratch) / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        # In one go, so that the tests' own requirements raise nothing afterwards.
        subprocess.run([*pip, f"{ROOT}[test]", "--constraint", str(LOWEST)], check=True)
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        # Old releases warn of what newer ones have changed: those warnings are not ours to fix here.
        tests = [str(Path(scratch) / "bin" / "pytest"), "-n", "2", "-q", "-W", "default", *sys.argv[1:]]
        return subprocess.run(tests, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
