"""The benchmark of scans: one small round runs through, and bad input is refused at once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark_scan.py"


def run(*arguments):
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)


def test_a_small_round(tmp_path):
    output = tmp_path / "result.json"
    words = ["--rounds", "1", "--size", "3", "--size", "4", "--workers", "1", "--peer-points", "1", "-o", str(output)]
    answer = run(*words)
    assert answer.returncode == 0, answer.stderr
    record = json.loads(output.read_text(encoding="utf-8"))
    assert [row["points"] for row in record["rows"] if row["size"]] == [9, 16, 9, 16]
    assert all(row["seconds"] > 0 for row in record["rows"])
    assert record["pyhf_asymptotic_seconds_a_point"] > 0
    assert "two regions, adaptive" in answer.stdout
    assert run(*words).returncode == 2  # the file exists


@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--size", "1"], ["--workers", "0"], ["--peer-points", "-1"]])
def test_bad_input(arguments):
    answer = run(*arguments)
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
