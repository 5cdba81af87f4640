"""The examples work as their README says, and the notebook runs from its first cell to its last."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import na64stat as na
from na64stat.cli.main import main

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
COMMANDS = re.findall(r"^na64stat .*$", (EXAMPLES / "README.md").read_text(encoding="utf-8"), re.MULTILINE)


def run(monkeypatch, capsys, line):
    """Exit status and standard output of a command, in the folder that the README names."""
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as stop:
        main(shlex.split(line)[1:])
    return stop.value.code or 0, capsys.readouterr().out


def test_the_readme_names_every_file():
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in EXAMPLES.iterdir() if path.name not in ("README.md", "__pycache__")}
    assert set(re.findall(r"^\| `([\w.]+)`", text, re.MULTILINE)) == files
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize("line", COMMANDS)
@pytest.mark.filterwarnings("ignore::na64stat.ValidityWarning")
def test_commands_of_the_readme(monkeypatch, capsys, line):
    status, out = run(monkeypatch, capsys, line)
    assert status == 0
    assert out


def test_the_changed_run_is_what_its_file_says():
    old, new = na.load_run("2022"), na.load_run(EXAMPLES / "changed_run.toml")
    assert (new.mot, new.decay_volume) == (2e11, 30.0)
    assert (new.regions["invisible"].observed, new.regions["visible"].observed) == (1, None)
    assert new.with_background("realistic").regions["invisible"].background.events == 0.7
    same = {key for key in old.numbers if old.numbers[key] == new.numbers.get(key)}
    assert {"beam.energy", "target.layers", "systematics.efficiency"} <= same


def test_one_event_and_ten_times_the_muons(monkeypatch, capsys):
    """One event without background: (1 + s) exp(-s) = 0.1, s = 3.89, with uncertainties a little more."""
    line = "na64stat limit axion-muon --mass 0.1 --run examples/changed_run.toml --json"
    status, out = run(monkeypatch, capsys, line)
    (point,) = json.loads(out)["points"]
    assert status == 0
    assert 3.8897 < point["events"]["observed"] < 1.02 * 3.8897


def test_the_scenario_against_its_formulas():
    import importlib.util

    spec = importlib.util.spec_from_file_location("my_scenario", EXAMPLES / "my_scenario.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    light, heavy = (module.LeptonScalar(mass=mass, coupling=1e-3) for mass in (0.1, 0.4))
    # far above threshold y^2 m/(8 pi), y = g m_e/m_muon
    assert np.isclose(light.width(), (1e-3 * 0.51099895 / 105.6583755) ** 2 * 0.1 / (8 * np.pi), rtol=2e-4)
    assert light.visible_fraction() == 1.0
    assert heavy.visible_fraction() < 1e-4  # muons take over: (m_e/m_muon)^2 against the threshold factor
    run_2022 = na.load_run("2022")
    escapes = na.predict(module.LeptonScalar(mass=0.01, coupling=1e-6), run_2022).regions["invisible"]
    packaged = na.predict(na.MuonScalar(mass=0.01, coupling=1e-6), run_2022).regions["invisible"]
    assert np.isclose(escapes.events, packaged.events, rtol=1e-4)
    assert escapes.visible < 1e-4 * escapes.invisible


def test_the_notebook_is_valid_and_runs(monkeypatch):
    book = json.loads((EXAMPLES / "first_limit.ipynb").read_text(encoding="utf-8"))
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"])
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    monkeypatch.chdir(EXAMPLES)
    names: dict[str, object] = {}
    for cell in code:
        exec("".join(cell["source"]), names)  # noqa: S102
    assert np.isclose(names["limit"].observed * names["expected"], 2.3026, rtol=0.01)
