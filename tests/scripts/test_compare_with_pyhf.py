"""pyhf with minuit beside ours, on a few workspaces: the script's own numbers."""

import sys
from pathlib import Path

import numpy as np
import pyhf
import pytest

pytestmark = pytest.mark.long

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    backend = pyhf.get_backend()
    import compare_with_pyhf

    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-3))
    yield compare_with_pyhf
    pyhf.set_backend(*backend)
    sys.modules.pop("compare_with_pyhf")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(3))
def test_the_same_model_and_answers(script, seed):
    rng = np.random.default_rng(seed)
    row = script.compare(script.workspace(rng), rng)
    assert row["ln L"] < 1e-9
    assert row["ours deeper by"] > -1e-4
    assert row["CL_s"] < 1e-3
    assert row["limit"] < 1e-3
