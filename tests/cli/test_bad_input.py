"""Bad input: exit status 2, nothing on standard output, and one line with what, which value, where and what would be right."""

import json
import math
import os

import pytest

MASS = ["--mass", "0.1"]
POINT = [*MASS, "--coupling", "1e-3"]
GRID = ["--mass", "0.1:1:3", "--coupling", "1e-3:1:3"]


@pytest.mark.parametrize("text", ["-1", "0", "nan", "inf", "abc", "", "1e200", "1e-400", "1_0", "0x1", "1,5", "٣"])
@pytest.mark.parametrize(
    "words",
    [["limit", "axion-muon"], ["predict", "axion-muon", "--coupling", "1"], ["cross-section", "vector"]],
    ids=lambda words: words[0],
)
def test_mass(na64stat, words, text):
    error = na64stat(*words, "--mass", text).error
    assert f"Invalid value for '--mass': {text!r}: expected a number from 1e-30 to 1e+30" in error


@pytest.mark.parametrize(
    "text",
    [
        "1:2", "1:2:", "1:2:3:4", "2:1:5", "1:1:5", "1:2:1", "1:2:0", "1:2:-3", "1:2:x", "1:2:2.5", "1:2:1e9", "a:2:3",
        "-1:2:3", "0:1:3", "nan:1:3", "1:inf:3", "::", "1::3", "1:2:100001", "1:2:" + "9" * 5000, "1: 2:3",
    ],
)  # fmt: skip
def test_range(na64stat, text):
    error = na64stat("scan", "axion-muon", "--mass", "0.1", "--coupling", text, "--json").error
    assert f"Invalid value for '--coupling': {text!r}: " in error
    assert "LO:HI:N with LO < HI and N from 2 to 100000 (logarithmic), e.g. 1e-3:1:40" in error


@pytest.mark.parametrize("cl", ["0", "1", "-0.5", "1.5", "nan", "inf", "90"])
@pytest.mark.parametrize("words", [["limit"], ["scan", "--coupling", "1", "--json"]], ids=lambda words: words[0])
def test_confidence_level(na64stat, words, cl):
    error = na64stat(*words, "axion-muon", *MASS, "--cl", cl).error
    assert f"cl = {float(cl)}: a confidence level lies between 0 and 1, e.g. 0.90" in error


def test_confidence_level_of_a_file(na64stat, write_workspace):
    name = write_workspace(channels={"box": (1, 0, 0)})
    assert "cl = 1.5: a confidence level lies between 0 and 1" in na64stat("limit", name, "--cl", "1.5").error


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        # names
        (["foo"], ["No such command 'foo'", "see na64stat --help"]),
        (["info", "2021"], ["unknown run '2021'", "did you mean", "2022, 2023, mot1e12, mot1e13, mot1e14"]),
        (["info", ""], ["unknown run ''", "2022, 2023"]),
        (["info", "gone.toml"], ["gone.toml: no such run file"]),
        (["info", "folder.toml"], ["folder.toml: no such run file"]),
        (["info", "x" * 5000 + ".toml"], ["xxxx...: not the name of a run file (File name too long)"]),
        (["info", "2022", "--background", "big"], ["no background setting 'big' (it has none, realistic)"]),
        (["info", "--background", "none"], ["--background none: name a run too"]),
        (["info", "2022", "2023"], ["unexpected extra argument (2023)", "see na64stat info --help"]),
        (["limit", "axion-mun", *MASS], ["scenario 'axion-mun': did you mean 'axion-muon'?", "muon-pseudoscalar"]),
        (["limit", "what", *MASS], ["scenario 'what'", "axion-photon, axion-muon, dark-sector, zprime"]),
        (["predict", *POINT], ["scenario: none given; name one, e.g. axion-muon, or --scenario path.py:Class"]),
        (["predict", "zprime", "--scenario", "dark-sector", *POINT], ["both 'zprime' and --scenario 'dark-sector'"]),
        (
            ["predict", "zprime", *POINT, "--loop-decay"],
            ["scenario 'zprime': no option 'loop_decay'; it has invisible_only (true or false)"],
        ),
        (["cross-section", "vectr", *MASS], ["'vectr' is not one of 'vector', 'scalar', 'pseudoscalar'"]),
        (["limit", "axion-muon", *MASS, "--method", "toy"], ["'toy' is not one of 'exact', 'toys', 'asymptotic'"]),
        (["limit", "axion-muon", *MASS, "--depth-average", "no"], ["'no' is not one of 'layers', 'continuous'"]),
        # regions
        (["limit", "axion-photon", *MASS, "--region", "visble"], ["no region 'visble'; did you mean 'visible'?"]),
        (["limit", "axion-photon", *MASS, "--region", ""], ["run '2022' has no region ''", "visible_trigger"]),
        (["limit", "zprime", *MASS, "--region", "visible", "--region", "visible"], ["'visible', 'visible'", "each once"]),
        (
            ["limit", "axion-photon", *MASS, "--region", "visible", "--region", "invisible"],
            ["'visible' has 4 events observed and no background", "give a background or take one region at a time"],
        ),
        (
            ["scan", "axion-photon", *GRID, "--region", "visible", "--region", "visible_trigger", "--json"],
            ["'visible_trigger' shares events with visible", "name one of them"],
        ),
        (
            ["workspace", "axion-muon", *POINT, "--region", "visible", "--region", "visible_trigger"],
            ["'visible_trigger' shares events with visible"],
        ),
        # options
        (["limit", "axion-muon"], ["--mass: missing; expected a mass [GeV] or a range LO:HI:N"]),
        (["predict", "axion-muon", *MASS], ["Missing option '--coupling'; see na64stat predict --help"]),
        (["cross-section", *MASS], ["Missing argument 'PROCESS'. Choose from: vector, scalar"]),
        (["cross-section", "vector", "--mass"], ["'--mass' requires an argument"]),
        (["info", "2022", "--jsn"], ["No such option", "--jsn"]),
        (["predict", "axion-muon", "--mass", "0.1:1:3", "--coupling", "1"], ["--mass: 3 values", "one number"]),
        (["predict", "axion-muon", *MASS, "--coupling", "0"], ["'--coupling': '0'", "a number from 1e-30"]),
        (["limit", "axion-photon", *MASS, "--coupling", "1e-3"], ["'--coupling': '1e-3': expected LO:HI with LO < HI"]),
        (["workspace", "axion-photon", *MASS], ["its yield is no power of the coupling; give --coupling"]),
        (["scan", "axion-muon", *GRID], ["--output: missing; name a file with -o FILE, or ask for --json"]),
        (["cross-section", "vector", *MASS, "--x-min", "-0.1"], ["x_min = -0.1", "in [0, 1)"]),
        (["cross-section", "vector", *MASS, "--x-min", "1"], ["x_min = 1.0", "in [0, 1)"]),
        (["cross-section", "vector", *MASS, "--x-min", "nan"], ["x_min = nan", "in [0, 1)"]),
        (["cross-section", "vector", *MASS, "--x-min", "big"], ["'--x-min': 'big' is not a valid float"]),
        # masses that the beam cannot make
        (["cross-section", "vector", "--mass", "161"], ["vector: mass = 161 GeV is beyond the reach of a 160 GeV beam"]),
        (["cross-section", "dark_pair", "--mass", "80"], ["dark_pair: mass = 80 GeV is beyond", "of both together"]),
        # files
        (["limit", "gone.json"], ["gone.json: No such file or directory; expected the path of a pyhf workspace"]),
        (["limit", "folder.json"], ["folder.json: Is a directory"]),
        (["limit", "empty.json"], ["empty.json: the file is empty; expected a pyhf workspace"]),
        (["limit", "broken.json"], ["broken.json: not a JSON file: ", "line 1, column 12"]),
        (["limit", "list.json"], ["list.json: holds a list; a pyhf workspace is an object with channels"]),
        (["limit", "nan.json"], ["nan.json: not a JSON file: NaN is no number of JSON"]),
        (["limit", "deep.json"], ["deep.json: nested too deeply"]),
        (["limit", "object.json"], ["object.json: ", "not a valid pyhf workspace: no 'channels', "]),
        (["limit", "bytes.json"], ["bytes.json: not a text file"]),
        (["plot", "gone.json", "--figure", "a.png"], ["gone.json: No such file or directory"]),
        (["plot", "empty.json", "--figure", "a.png"], ["empty.json: not a JSON file"]),
        (["plot", "list.json", "--figure", "a.png"], ["list.json: no JSON object; expected a file of `na64stat scan` or"]),
        (["plot", "--figure", "a.png"], ["Missing argument 'FILE...'; see na64stat plot --help"]),
        (["plot", "list.json"], ["--figure: missing; name a file with --figure FILE, or ask for --compare"]),
        # run files
        (["limit", "axion-muon", *MASS, "--run", "typo.toml"], ["typo.toml: beam.mott: unknown key; did you mean 'mot'?"]),
        (["info", "typo.toml"], ["typo.toml: beam.mott: unknown key"]),
        (["info", "unit.toml"], ["unit.toml: beam.energy.unit: must be 'GeV', got 'MeV'"]),
        (["info", "source.toml"], ["source.toml: beam.energy.source: missing"]),
        (["info", "not.toml"], ["not.toml: broken TOML: "]),
        (["info", "range.toml"], ["range.toml: regions.side: ", "e_cal range [20", "is empty"]),
    ],
    ids=lambda value: " ".join(value)[:60] if value and value[0].islower() else None,
)  # fmt: skip
def test_one_clear_line(na64stat, bad_files, words, texts):
    error = na64stat(*words).error
    assert all(text in error for text in texts), error


def _number(value, unit="1", source='source = "s", '):
    return f'{{ value = {value}, unit = "{unit}", {source}status = "assumed" }}'


@pytest.fixture
def bad_files(here):
    head = 'extends = "2022"\ndescription = "mine"\n'
    files = {
        "empty.json": "",
        "broken.json": '{"version":',
        "list.json": "[1, 2]",
        "nan.json": '{"a": NaN}',
        "deep.json": "[" * 100_000,
        "object.json": "{}",
        "typo.toml": f"{head}[beam]\nmott = {_number(1e11)}\n",
        "unit.toml": f"{head}[beam]\nenergy = {_number(160000, 'MeV')}\n",
        "source.toml": f"{head}[beam]\nenergy = {_number(160, 'GeV', source='')}\n",
        "not.toml": "this is no TOML",
        "range.toml": f"{head}[regions.side]\ne_cal_min = {_number(20, 'GeV')}\ne_cal_max = {_number(10, 'GeV')}\n"
        f"[regions.side.backgrounds]\nnone = {_number(0)}\n",
    }
    for name, content in files.items():
        (here / name).write_text(content, encoding="utf-8")
    (here / "bytes.json").write_bytes(b"\xff\xfe\x00")
    for name in ("folder.json", "folder.toml"):
        (here / name).mkdir()


@pytest.mark.parametrize("words", [["predict", "--coupling", "1"], ["limit"]], ids=lambda words: words[0])
@pytest.mark.parametrize(("scenario", "mass"), [("axion-muon", "200"), ("dark-sector", "90")])
def test_mass_beyond_the_beam(na64stat, words, scenario, mass):
    answer = na64stat(*words, scenario, "--mass", mass)
    assert (answer.status, answer.out) == (2, "")
    assert f"{scenario}: mass = {mass} GeV is beyond the reach of a 160 GeV beam" in answer.err.splitlines()[-1]


def broken(change):
    """A workspace that was right until `change`."""
    normfactor = {"name": "mu", "type": "normfactor", "data": None}
    normsys = {"name": "eff", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
    workspace = {
        "version": "1.0.0",
        "channels": [
            {"name": "box", "samples": [{"name": "signal", "data": [1.0], "modifiers": [normfactor, normsys]}]},
        ],
        "observations": [{"name": "box", "data": [0]}],
        "measurements": [{"name": "counting", "config": {"poi": "mu", "parameters": []}}],
    }
    change(workspace, workspace["channels"][0]["samples"][0])
    return workspace


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda w, s: s.update(data=[-1]),
            "box: the signal only takes events away (-1 at mu = 1)",
        ),
        (lambda w, s: s.update(data=[10**400]), "channel 'box', sample 'signal': inf events"),
        (lambda w, s: s.update(data=[1, 2]), "observation 'box': 1 numbers for 2 bins"),
        (lambda w, s: s.update(data=["a"]), "channels 'box', samples 'signal', data [0]: 'a'; expected a number"),
        (
            lambda w, s: s["modifiers"].append({"name": "s", "type": "odd", "data": [1]}),
            "the type 'odd' is unknown; expected one of",
        ),
        (lambda w, s: s["modifiers"].append({"name": "s", "type": "shapesys", "data": [1, 2]}), "'s'"),
        (lambda w, s: s["modifiers"][1]["data"].update(hi=-1), "normsys 'eff' has hi = -1"),
        (lambda w, s: w["observations"][0].update(data=[-3]), "observation 'box': -3 events"),
        (
            lambda w, s: w["observations"][0].update(data=[1.5]),
            "observed 1.5 events in box; it sums over whole numbers",
        ),
        (lambda w, s: w["observations"][0].update(name="bx"), "channel 'box': no observation of that name"),
        (lambda w, s: w["measurements"][0]["config"].update(poi=""), "no parameter of interest"),
        (lambda w, s: w.update(channels=[]), "not a valid pyhf workspace"),
        (
            lambda w, s: w.pop("observations"),
            "no 'observations'; channels, measurements, observations, version are needed",
        ),
    ],
)
def test_broken_workspaces(na64stat, write_workspace, change, text):
    error = na64stat("limit", write_workspace(broken(change), "mine.json")).error
    assert error.startswith("na64stat: error: mine.json: ")
    assert text in error


@pytest.mark.parametrize("command", ["fit", "fit --impacts", "significance", "compare"])
@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda w, s: w.pop("version"), "not a valid pyhf workspace: no 'version'; "),
        (
            lambda w, s: w["channels"][0]["samples"].append({"name": "lost", "data": [-9], "modifiers": []}),
            "events expected without signal",
        ),
        (lambda w, s: s.update(data=[]), "channels 'box', samples 'signal', data: []"),
        (lambda w, s: w["channels"][0].update(samples=[]), "channels 'box', samples: []"),
        (lambda w, s: s.update(data=[math.nan]), "not a JSON file: NaN is no number of JSON"),
        (lambda w, s: s.update(data=[10**400]), "channel 'box', sample 'signal': inf events"),
        (lambda w, s: s["modifiers"][1]["data"].update(hi=math.inf), "not a JSON file: Infinity is no number of JSON"),
        (lambda w, s: w["measurements"][0]["config"].update(poi="nu"), "parameter of interest 'nu'"),
        (lambda w, s: w["observations"][0].update(data=[1, 2]), "observation 'box'"),
        (lambda w, s: w.update(measurements=[]), "measurements: []"),
    ],
)
def test_broken_workspaces_of_other_commands(na64stat, write_workspace, command, change, text):
    error = na64stat(*command.split(), write_workspace(broken(change), "mine.json")).error
    assert error.startswith("na64stat: error: mine.json: ")
    assert text in error


@pytest.mark.parametrize("command", ["fit", "fit --impacts", "significance", "compare"])
@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["gone.json"], "gone.json: No such file or directory; expected the path of a pyhf workspace"),
        (["ws.json", *MASS], "--mass: does not go with the workspace file ws.json; it is for a scenario"),
        (["ws.json", "--run", "2022"], "--run: does not go with the workspace file ws.json"),
        (["ws.json", "--region", "bx"], "ws.json: region 'bx': not a channel of the workspace; it has box"),
        (["axion-muon"], "--mass: missing; axion-muon needs a mass [GeV], e.g. --mass 0.1"),
        (["axion-muon", "--mass", "0.1:1:3"], "--mass: 3 values; this command takes one number"),
        (["axion-photon", *MASS], "its yield is no power of the coupling; give --coupling"),
        (["axion-muon", *MASS, "--region", "visble"], "no region 'visble'; did you mean 'visible'?"),
        ([], "scenario: none given"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_the_new_commands_work_on(na64stat, write_workspace, command, words, text):
    write_workspace(channels={"box": (1, 1, 1)})
    assert text in na64stat(*command.split(), *words).error


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["fit", "--minos", "nope"], "ws.json: parameter 'nope': not in the model; it has mu"),
        (["fit", "--seed", "2"], "--seed 2: goes with --toys N"),
        (["fit", "--toys", "0"], "'--toys': 0 is not in the range x>=1"),
        (["fit", "--lowest-mu", "nan"], "--lowest-mu: nan; expected a finite number, e.g. 0"),
        (["fit", "--impacts", "--lowest-mu", "inf"], "--lowest-mu: inf; expected a finite number, e.g. 0"),
        (["fit", "--impacts", "--parameter", "mu"], "ws.json: impacts: 'mu' is the parameter of interest itself"),
        (["significance", "--method", "feldman-cousins"], "is not one of 'exact', 'toys', 'asymptotic'"),
        (["significance", "--toys", "9"], "--toys: does not go with --method exact; it is for --method toys"),
        (["compare", "--cl", "1.5"], "cl = 1.5: a confidence level lies between 0 and 1"),
        (["compare", "--method", "toy"], "is not one of 'exact', 'toys', 'asymptotic', 'feldman-cousins'"),
        (["compare", "--seed", "1", "--seed", "1"], "--seed: 1, 1; expected each once"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_options_of_the_new_commands(na64stat, write_workspace, words, text):
    name = write_workspace(channels={"box": (1, 1, 1)}, normsys={"efficiency": 0.1})
    assert text in na64stat(words[0], name, *words[1:]).error


def test_counts_that_the_model_forbids_are_no_bad_input(na64stat, write_workspace):
    workspace = broken(lambda w, s: s["modifiers"].clear() or w["channels"][0]["samples"].append(_empty_signal()))
    workspace["channels"][0]["samples"][0]["data"] = [0.0]
    workspace["observations"][0]["data"] = [2]
    answer = na64stat("fit", write_workspace(workspace))
    assert (answer.status, answer.out) == (1, "")
    assert (
        answer.err
        == "na64stat: error: ws.json: fit: the model expects nothing, whatever its parameters, in box (2 observed)\n"
    )


def _empty_signal():
    return {"name": "empty", "data": [0.0], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]}


def test_unknown_channel(na64stat, write_workspace):
    name = write_workspace(channels={"box": (1, 0, 0)})
    error = na64stat("limit", name, "--region", "bx").error
    assert "ws.json: region 'bx': not a channel of the workspace; it has box" in error


@pytest.mark.parametrize(
    "words",
    [["workspace", "axion-muon", *POINT], ["scan", "axion-muon", *GRID], ["plot", "scan.json"]],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("taken.png", "--output: taken.png: the file exists; --overwrite replaces it"),
        ("gone/new.png", "--output: gone/new.png: there is no folder gone; make it first"),
        ("folder", "--output: folder is a folder; expected the name of a file"),
        ("", "--output: ''; expected the name of a file (--json writes to standard output)"),
        ("-", "--output: '-'; expected the name of a file (--json writes to standard output)"),
        ("x" * 5000, "the file name is too long"),
    ],
    ids=["exists", "no folder", "a folder", "empty", "dash", "long"],
)
def test_output_is_refused_before_anything_is_computed(na64stat, here, words, output, text):
    (here / "taken.png").write_text("mine", encoding="utf-8")
    (here / "folder").mkdir()
    assert text in na64stat(*words, "-o", output).error
    assert (here / "taken.png").read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in here.iterdir()) == ["folder", "taken.png"]


def test_closed_folder(na64stat, here, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    error = na64stat("workspace", "zprime", *POINT, "-o", "ws.json").error
    assert "--output: ws.json: no permission to write in .; choose another folder" in error


def test_overwrite(na64stat, here):
    (here / "ws.json").write_text("old", encoding="utf-8")
    assert na64stat("workspace", "zprime", *POINT, "-o", "ws.json", "--overwrite").status == 0
    assert json.loads((here / "ws.json").read_text(encoding="utf-8"))["version"] == "1.0.0"


def test_plots_of_what_cannot_be_drawn(na64stat, here):
    for name, scenario, grid in (
        ("row.json", "axion-muon", ["--mass", "0.01:0.1:2", "--coupling", "1e-3"]),
        ("muon.json", "axion-muon", ["--mass", "0.01:0.1:2", "--coupling", "1e-3:1:2"]),
        ("dark.json", "dark-sector", ["--mass", "0.01:0.1:2", "--coupling", "1e-3:1:2"]),
    ):
        assert na64stat("scan", scenario, *grid, "-o", name).status == 0
    assert "a single row or column" in na64stat("plot", "row.json", "--figure", "a.png").error
    assert "couplings in units of 1 and GeV^-1" in na64stat("plot", "muon.json", "dark.json", "--figure", "a.png").error
    error = na64stat("plot", "muon.json", "--figure", "a.txt").error
    assert "--figure: a.txt; a figure is written as .png or .pdf" in error
    assert "--output: does not go with a figure alone" in na64stat("plot", "muon.json", "-o", "a.json").error
    assert not list(here.glob("a.*"))


def test_reproduce_needs_a_folder(na64stat, here):
    (here / "file").write_text("mine", encoding="utf-8")
    assert "Missing option '-o' / '--output'; see na64stat reproduce --help" in na64stat("reproduce").error
    assert "'file' is a file" in na64stat("reproduce", "-o", "file").error
    (here / "out").mkdir()
    (here / "out" / "headlines.md").write_text("earlier", encoding="utf-8")
    assert (
        "out: holds headlines.md of an earlier reproduction; --overwrite replaces"
        in na64stat("reproduce", "-o", "out").error
    )


def test_no_words_of_jsonschema(na64stat, write_workspace):
    """Place, value and what is right, whatever an entry of a workspace is."""
    foreign = (
        "is not of type",
        "is a required",
        "Additional prop",
        "is not valid under",
        "was expected",
        "too short",
        "non-empty",
    )
    changes = [
        lambda w, s: s.update(odd=1),
        lambda w, s: s.update(name=3),
        lambda w, s: s.update(data=[]),
        lambda w, s: s.update(modifiers={}),
        lambda w, s: s["modifiers"].append(7),
        lambda w, s: s["modifiers"].append({"name": "x", "data": None}),
        lambda w, s: s["modifiers"].append({"name": "x", "type": ["normsys"], "data": None}),
        lambda w, s: s["modifiers"].append({"name": "x", "type": "normsys", "data": {"hi": "1", "lo": 1}}),
        lambda w, s: s["modifiers"].append({"name": "x", "type": "lumi", "data": None}),
        lambda w, s: w.update(version="2.0.0"),
        lambda w, s: w["measurements"][0]["config"].update(parameters=[{"name": "eff", "fixed": 1}]),
    ]
    for change in changes:
        error = na64stat("limit", write_workspace(broken(change), "mine.json")).error
        assert "not a valid pyhf workspace: " in error
        assert not any(words in error for words in foreign)
        assert "expected" in error or "no 'type'" in error
