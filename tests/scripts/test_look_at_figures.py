"""The copies as seen in grey and with other colour vision."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "look_at_figures.py"


@pytest.fixture(scope="module")
def look():
    spec = importlib.util.spec_from_file_location("look_at_figures", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_matrices_keep_grey(look):
    for matrix in look.MATRICES.values():
        assert np.sum(matrix, axis=1) == pytest.approx([1, 1, 1], abs=2e-6)


def test_transfer_there_and_back(look):
    values = np.linspace(0, 1, 500)
    assert look.to_srgb(look.to_linear(values)) == pytest.approx(values, abs=1e-9)
    assert look.to_linear(np.array([0.5])) == pytest.approx([0.21404114], abs=1e-7)  # IEC 61966-2-1


@pytest.mark.parametrize("kind", ["greyscale", "protanopia", "deuteranopia", "tritanopia"])
def test_black_and_white_stay(look, kind):
    both = np.array([[[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]])
    assert look.as_seen(both, kind) == pytest.approx(both, abs=1e-5)
