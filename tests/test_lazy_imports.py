"""What a start loads: no heavy package before it is needed. Counted in sys.modules of a fresh process, not by the clock."""

import json
import subprocess
import sys

import pytest

HEAVY = {"numpy", "scipy", "pyhf", "matplotlib", "iminuit", "contourpy", "rich", "jsonschema", "emcee", "h5py"}


def loaded_after(code):
    """Heavy packages that a fresh interpreter holds after some code, whatever it printed."""
    report = (
        "import json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
    return HEAVY & set(json.loads(done.stderr.splitlines()[-1]))


def command(*words):
    """Code that runs a command line, and stops if it fails."""
    return f"""
from na64stat.cli.main import main
try:
    main({list(words)!r})
except SystemExit as stop:
    assert not stop.code
"""


def test_the_check_sees_what_is_loaded():
    assert loaded_after("import numpy") == {"numpy"}


@pytest.mark.parametrize(
    "code",
    [
        "import na64stat",
        "import na64stat; dir(na64stat); na64stat.__all__; na64stat.InputError",
        command("--help"),
        command("--version"),
        command("limit", "--help"),
        command("scan", "--help"),
    ],
    ids=["import", "names", "help", "version", "limit help", "scan help"],
)
def test_nothing_heavy(code):
    assert loaded_after(code) == set()


def test_a_prediction_needs_no_statistics():
    heavy = loaded_after(command("cross-section", "vector", "--mass", "0.1", "--json"))
    assert not heavy & {"pyhf", "matplotlib", "iminuit", "contourpy"}
