"""The committed likelihoods are current to the last byte, and are what pyhf, cabinetry and pyhs3 read."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pyhf
import pytest
from pyhf.infer.intervals.upper_limits import toms748_scan

import na64stat as na
from na64stat.errors import LowCountWarning
from na64stat.files import to_json
from na64stat.report.workspaces import COUPLINGS, MASSES, likelihoods, readme, reference_workspaces

FOLDER = Path(__file__).resolve().parents[1] / "workspaces"
PATCHSETS = sorted(path.name for path in FOLDER.glob("patchset_*.json"))


def load(name):
    return json.loads((FOLDER / name).read_text())


def background_of(name):
    return "background_" + "_".join(name.split("_")[-2:])


def test_committed_files_are_current_and_there_is_no_other():
    rebuilt = {name: to_json(workspace) for name, workspace in reference_workspaces().items()}
    rebuilt |= {name: to_json(item.content) for name, item in likelihoods().items()} | {"README.md": readme()}
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(rebuilt)
    for name, text in rebuilt.items():
        assert (FOLDER / name).read_text() == text, f"{name} is stale: make workspaces"


def test_a_workspace_of_each_run_and_a_patchset_of_each_scenario():
    runs = ("2022", "2023", "mot1e12", "mot1e13", "mot1e14")
    expected = [
        f"patchset_{s}_{run}_invisible.json" for s in ("axion-muon", "axion-photon", "dark-sector") for run in runs
    ]
    assert sorted(PATCHSETS) == sorted(expected + [f"patchset_axion-photon_{run}_visible.json" for run in runs])


def test_pyhf_reads_the_workspaces():
    for name in reference_workspaces():
        assert pyhf.Workspace(load(name)).model().config.poi_name == "mu"


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", PATCHSETS)
def test_patches_are_verified_and_hold_the_predicted_signal(name):
    background, patches = load(background_of(name)), pyhf.PatchSet(load(name))
    patches.verify(background)
    assert patches.references["hepdata"] == "ins0000000"
    assert "placeholder" in patches.description
    _, scenario, run_name, region = name.removesuffix(".json").split("_")
    factory = {"axion-photon": na.AxionPhoton, "axion-muon": na.AxionMuon, "dark-sector": na.DarkSector}[scenario]
    run = na.load_run(run_name)
    for patch in list(patches)[:: max(1, len(patches.patches) // 3)]:
        mass, coupling = patch.values
        assert mass in MASSES
        assert coupling in COUPLINGS
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            events = na.predict(factory(mass=mass, coupling=coupling), run).regions[region].events
        model = pyhf.Workspace(patches.apply(background, patch.name)).model()
        parameters = np.array(model.config.suggested_init())
        parameters[model.config.poi_index] = 1.0
        (rate,) = model.expected_actualdata(parameters)
        parameters[model.config.poi_index] = 0.0
        (without,) = model.expected_actualdata(parameters)
        assert rate - without == pytest.approx(events, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(
    "name",
    [name if number % 5 == 0 else pytest.param(name, marks=pytest.mark.long) for number, name in enumerate(PATCHSETS)],
)
def test_asymptotic_limits_are_those_of_pyhf(name):
    background, patches = load(background_of(name)), pyhf.PatchSet(load(name))
    tried = 0
    for patch in patches:
        workspace = patches.apply(background, patch.name)
        events = workspace["channels"][0]["samples"][0]["data"][0]
        if not 2 < events < 100:  # there the limit lies within pyhf's bounds of mu, and its fits converge
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LowCountWarning)
            ours = na.upper_limit(workspace, na.Asymptotic(), cl=0.90)
        theirs = pyhf.Workspace(workspace)
        model = theirs.model()
        value = ours.expected.median if ours.observed is None else ours.observed
        # Their search ends within a relative tolerance; the bracket is wide around our number, and does not know it. High up in
        # it both probabilities can be zero, and pyhf divides them.
        with np.errstate(invalid="ignore", divide="ignore"):
            observed, _ = toms748_scan(theirs.data(model), model, value / 10, min(4 * value, 9.9), level=0.1, rtol=1e-6)
        assert value == pytest.approx(float(observed), rel=1e-4)
        tried += 1
        if tried == 2:
            break
    assert tried


def test_the_commands_of_pyhf_read_them(tmp_path):
    command = Path(sys.executable).with_name("pyhf")
    background, patches = FOLDER / "background_2022_invisible.json", FOLDER / "patchset_axion-muon_2022_invisible.json"

    def run(*words):
        return subprocess.run([command, *words], capture_output=True, text=True, check=True).stdout

    inspected = tmp_path / "inspect.json"
    run("inspect", background, "--output-file", inspected)
    assert json.loads(inspected.read_text())["systematics"] is not None
    assert "All good" in run("patchset", "verify", background, patches)
    signal = tmp_path / "signal.json"
    run("patchset", "apply", background, patches, "--name", "m1em01_g1em02", "--output-file", signal)
    answer = json.loads(run("cls", signal))
    assert 0 <= answer["CLs_obs"] < 0.1  # excluded: 4 times the coupling squared of the limit


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_cabinetry_fits_them():
    cabinetry = pytest.importorskip("cabinetry")
    patches = pyhf.PatchSet(load("patchset_axion-photon_2022_visible.json"))
    name = next(p.name for p in patches if 2 < p.patch[0]["value"][0]["data"][0] < 50)
    workspace = patches.apply(load("background_2022_visible.json"), name)
    model, data = cabinetry.model_utils.model_and_data(workspace)
    found = cabinetry.fit.fit(model, data)
    signal = workspace["channels"][0]["samples"][0]["data"][0]
    assert found.bestfit[found.labels.index("mu")] * signal == pytest.approx(4, rel=1e-3)


@pytest.mark.parametrize("name", ["axion-photon_2022_visible.json", "dark-sector_mot1e12_invisible.json"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_hs3_gives_the_same_log_probability_in_pyhs3(name):
    pyhs3 = pytest.importorskip("pyhs3")
    pytensor = pytest.importorskip("pytensor")
    workspace = load(name)
    theirs = pyhs3.Workspace(**json.loads(json.dumps(na.export.hs3(workspace))))
    model = theirs.model(theirs.analyses[0])
    ours = pyhf.Workspace(workspace)
    reference, data = ours.model(), ours.data(ours.model())
    names = reference.config.par_order
    function = pytensor.function([model.parameters[name] for name in names], model.log_prob, mode="FAST_COMPILE")
    for seed in range(3):
        random = np.random.default_rng(seed)
        values = [random.uniform(0, 3) if name == "mu" else random.normal() for name in names]
        assert float(function(*values)) == pytest.approx(float(reference.logpdf(values, data)[0]), rel=1e-12)
