"""The tutorial in the docs says what the code computes."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tutorial():
    spec = importlib.util.spec_from_file_location("tutorial_log_flat", ROOT / "scripts" / "tutorial_log_flat.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_the_docs_is_current(tutorial):
    text = (ROOT / "docs" / "posterior.md").read_text(encoding="utf-8")
    begin = text.index("| prior | events | coupling [GeV^-1] |")
    written = text[begin:].split("\n\n")[0].splitlines()[2:]
    assert written == tutorial.table()


def test_the_figure_can_be_made(tutorial, tmp_path):
    tutorial.draw(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
