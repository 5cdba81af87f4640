"""The benchmark of the sampler runs, and its sides sample the same posterior. No times are tested."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark_posterior.py"


def test_the_sides_agree(tmp_path):
    output = tmp_path / "posterior.json"
    words = [sys.executable, str(SCRIPT), "--steps", "400", "--rounds", "2", "-o", str(output)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    record = json.loads(output.read_text(encoding="utf-8"))
    sides = record["sides"]
    assert list(sides) == ["na64stat", "emcee + pyhf", "emcee + pyhf, batched", "emcee, unit Gaussian"]
    assert all(name in done.stdout for name in sides)
    mean, error = sides["na64stat"]["mean_mu"], sides["na64stat"]["error"]
    for name in ("emcee + pyhf", "emcee + pyhf, batched"):
        other = sides[name]
        assert abs(other["mean_mu"] - mean) < 5 * (other["error"] ** 2 + error**2) ** 0.5
    assert sides["na64stat"]["ratio"] == 1


@pytest.mark.parametrize(("words", "message"), [(["--steps", "1"], "--steps 1"), (["--rounds", "0"], "--rounds 0")])
def test_bad_input(words, message):
    done = subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert message in done.stderr
