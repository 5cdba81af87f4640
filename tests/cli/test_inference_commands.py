"""`fit`, `impacts`, `significance`, `compare` on workspaces of every kind, against pyhf and closed forms."""

import json
import math
from pathlib import Path

import numpy as np
import pyhf
import pytest

from ..stats.histfactory import every_modifier, make, modifier  # noqa: TID252  (tests are no package)

FOLDER = Path(__file__).resolve().parents[2] / "workspaces"
COMMITTED = sorted(path for path in FOLDER.glob("*.json") if not path.name.startswith(("background_", "patchset_")))
COMMANDS = ["fit", "fit --impacts", "significance", "compare"]
FAST = {"significance": ["--method", "asymptotic"], "compare": ["--toys", "1000"]}


def of_pyhf(model, counts):
    """A workspace from a model made by pyhf."""
    return pyhf.Workspace.build(model, [*counts, *model.config.auxdata])


@pytest.fixture
def uncorrelated():
    model = pyhf.simplemodels.uncorrelated_background([12.0, 11.0, 3.0], [50.0, 52.0, 40.0], [3.0, 7.0, 5.0])
    return model, [61, 60, 44]


def linear(signal, background, observed, shift):
    """One bin; the only uncertainty shifts the background by +- `shift` of it."""
    tilt = {"hi_data": [background * (1 + shift)], "lo_data": [background * (1 - shift)]}
    samples = {
        "signal": ([signal], [modifier("normfactor", "mu")]),
        "background": ([background], [modifier("histosys", "tilt", tilt)]),
    }
    return make({"box": samples}, {"box": [observed]})


def test_fit_is_pyhfs(na64stat, write_workspace, uncorrelated):
    model, counts = uncorrelated
    name = write_workspace(of_pyhf(model, counts))
    record = na64stat("fit", name, "--lowest-mu", "0", "--json").json
    data = [*counts, *model.config.auxdata]
    best, value = pyhf.infer.mle.fit(data, model, return_fitted_val=True)
    assert {item["name"] for item in record["parameters"]} == set(model.config.par_names)
    ours = {item["name"]: item["value"] for item in record["parameters"]}
    assert [ours[key] for key in model.config.par_names] == pytest.approx(best, abs=2e-3)
    assert [item["observed"] for item in record["bins"]] == counts
    assert [item["expected"] for item in record["bins"]] == pytest.approx(model.expected_actualdata(best), rel=1e-3)
    # The saturated model: every rate is its count, every auxiliary rate its auxiliary count.
    saturated = sum(-2 * (n * math.log(n) - n - math.lgamma(n + 1)) for n in data)
    assert record["goodness"]["deviance"] == pytest.approx(float(value) - saturated, abs=1e-4)
    assert record["goodness"]["degrees"] == 2


def test_limit_is_pyhfs(na64stat, write_workspace, uncorrelated):
    model, counts = uncorrelated
    data = [*counts, *model.config.auxdata]
    grid = np.linspace(0.3, 4, 75)
    observed, expected = pyhf.infer.intervals.upper_limits.upper_limit(data, model, scan=grid, level=0.05)
    words = ("--method", "asymptotic", "--cl", "0.95", "--json")
    ours = na64stat("limit", write_workspace(of_pyhf(model, counts)), *words).json["mu"]
    # pyhf interpolates on the grid
    assert list(ours.values()) == pytest.approx([float(value) for value in (observed, *expected)], rel=3e-3)


def test_errors_of_a_counting_experiment(na64stat, write_workspace):
    # n = 100, b = 50, s = 10, known: mu = 5 +- sqrt(n)/s
    channels = {"box": (10.0, 50.0, 100)}
    record = na64stat("fit", write_workspace(channels=channels), "--json").json
    (mu,) = record["parameters"]
    assert (mu["value"], mu["error"]) == pytest.approx((5.0, 1.0), rel=1e-4)

    def rise(shift):
        return 2 * (10 * shift - 100 * math.log1p(shift / 10))

    assert rise(mu["minos"]["upper"]) == pytest.approx(1, rel=1e-4)
    assert rise(mu["minos"]["lower"]) == pytest.approx(1, rel=1e-4)
    assert record["mu"] == mu["value"]
    line = na64stat("fit", "ws.json").out.splitlines()[2]
    assert line.split() == ["mu", "5", "1", f"{mu['minos']['lower']:+.4g}", f"{mu['minos']['upper']:+.4g}", "-"]


def test_goodness_from_toys(na64stat, write_workspace, uncorrelated):
    name = write_workspace(of_pyhf(*uncorrelated))
    words = ("fit", name, "--toys", "4000", "--json")
    goodness = na64stat(*words).json["goodness"]
    # Fifty events a bin: nearly chi-squared.
    toys = goodness["p_toys"]
    assert toys["toys"] == 4000
    assert toys["value"] == pytest.approx(goodness["p_chi2"], abs=5 * toys["error"] + 0.02)
    assert na64stat(*words, "--seed", "1").json["goodness"] == goodness
    assert na64stat(*words, "--seed", "2").json["goodness"] != goodness
    assert " (4000 toys)" in na64stat("fit", name, "--toys", "4000").out.splitlines()[-1]
    assert na64stat("fit", name, "--json").json["goodness"]["p_toys"] is None


def test_impact_of_a_linear_shift(na64stat, write_workspace):
    # mu = (n - b (1 + 0.1 theta)) / s, and one bin says nothing about theta: its error is 1 before and after.
    name = write_workspace(linear(10.0, 50.0, 80, 0.1))
    record = na64stat("fit", name, "--impacts", "--json").json
    assert record["mu"] == record["impacts"]["mu"] == pytest.approx(3.0, rel=1e-6)
    (impact,) = record["impacts"]["ranking"]
    shifts = [impact[key] for key in ("down", "up", "prefit_down", "prefit_up")]
    assert shifts == pytest.approx([0.5, -0.5, 0.5, -0.5], rel=1e-4)
    assert (impact["name"], impact["constraint"]) == ("tilt", pytest.approx(1, rel=1e-4))
    lines = na64stat("fit", name, "--impacts").out.splitlines()
    assert ["tilt", "+0.00", "+0.5", "-0.5", "+0.5", "-0.5"] in [line.split() for line in lines]
    none = na64stat("fit", write_workspace(channels={"box": (1.0, 5.0, 7)}), "--impacts")
    assert "no nuisance parameter is fitted" in none.out.splitlines()
    assert na64stat("fit", name, "--parameter", "tilt").error.endswith("--parameter tilt: goes with --impacts\n")


def test_impacts_are_ranked_and_chosen(na64stat, write_workspace):
    name = write_workspace(every_modifier())
    ranking = na64stat("fit", name, "--impacts", "--json").json["impacts"]["ranking"]
    sizes = [max(abs(item["down"] or 0), abs(item["up"] or 0)) for item in ranking]
    assert sizes == sorted(sizes, reverse=True)
    assert len(ranking) == 11  # of 17 parameters mu is none of them, and five are fixed
    one = na64stat("fit", name, "--impacts", "--parameter", "tilt", "--json").json["impacts"]["ranking"]
    assert one == [item for item in ranking if item["name"] == "tilt"]


def test_significance_of_a_count(na64stat, write_workspace):
    n, b = 12, 4.0
    name = write_workspace(channels={"box": (1.0, b, n)})
    tail = 1 - sum(math.exp(-b) * b**k / math.factorial(k) for k in range(n))
    exact = na64stat("significance", name, "--json").json
    assert exact["p0"] == pytest.approx(tail, rel=1e-6)
    asymptotic = na64stat("significance", name, "--method", "asymptotic", "--json").json
    # arXiv:1007.1727, eq. (97)
    assert asymptotic["z"] == pytest.approx(math.sqrt(2 * (n * math.log(n / b) - (n - b))), rel=1e-6)
    toys = na64stat("significance", name, "--method", "toys", "--toys", "50000", "--json").json
    assert toys["p0"] == pytest.approx(tail, abs=5 * toys["p0_error"])
    assert toys["p0_error"] > 0
    lines = na64stat("significance", name).out.splitlines()
    assert lines[0] == "ws.json: box: significance of the signal, exact"
    assert lines[1] == f"observed  p0 = {exact['p0']:.4g}, Z = {exact['z']:.3g}, best fit mu = 8"
    assert lines[2].startswith("expected  Z = ")


def test_significance_of_a_projection_has_no_observation(na64stat):
    name = next(path for path in COMMITTED if "mot1e13" in path.name)
    assert na64stat("significance", name, "--json").json["p0"] is None
    assert "observed  none: no observed counts" in na64stat("significance", name).out


def test_comparison_is_what_limit_gives(na64stat, write_workspace):
    name = write_workspace(channels={"box": (1.0, 3.0, 2)}, normsys={"efficiency": 0.1})
    record = na64stat("compare", name, "--toys", "2000", "--seed", "4", "--cl", "0.95", "--json").json
    assert [row["method"] for row in record["rows"]] == ["exact", "toys", "asymptotic", "feldman-cousins"]
    for row in record["rows"]:
        words = ["--toys", "2000", "--seed", "4"] if row["method"] == "toys" else []
        limit = na64stat("limit", name, "--cl", "0.95", "--method", row["method"], *words, "--json").json
        for key in ("mu", "lower", "criterion", "cl", "error", "regions"):
            assert row["limit"][key] == limit[key]
        assert row["reason"] is None
    text = na64stat("compare", name, "--toys", "2000", "--seed", "4", "--cl", "0.95")
    lines = text.out.splitlines()
    assert lines[0] == "ws.json: box, 95% CL: limits on mu"
    assert [line.split()[0] for line in lines[2:]] == ["exact", "toys", "asymptotic", "feldman-cousins"]
    assert f"exact            < {record['rows'][0]['limit']['mu']['observed']:.4g} " in lines[2]


def test_comparison_says_what_a_method_cannot_do(na64stat, write_workspace):
    rates = {"signal": ([1.0] * 50, [modifier("normfactor", "mu")]), "background": ([40.0] * 50, [])}
    name = write_workspace(make({"SR": rates}, {"SR": [40] * 50}))
    answer = na64stat("compare", name, "--method", "exact", "--method", "asymptotic")
    assert answer.status == 0
    assert [line for line in answer.out.splitlines() if line.startswith("exact: no limit: 50 bins")]
    rows = na64stat("compare", name, "--method", "asymptotic", "--method", "exact", "--json").json["rows"]
    assert [row["method"] for row in rows] == ["asymptotic", "exact"]
    assert rows[1]["limit"] is None
    assert "50 bins" in rows[1]["reason"]


def test_comparison_of_a_projection(na64stat):
    name = next(path for path in COMMITTED if "axion-muon_mot1e13" in path.name)
    answer = na64stat("compare", name, "--method", "exact")
    assert "note: projection: no observed counts, expected limits only\n" in answer.err
    assert answer.out.splitlines()[2].split()[:2] == ["exact", "none"]


@pytest.mark.parametrize("command", COMMANDS)
def test_refused_combination_points_to_the_option(na64stat, write_workspace, command):
    name = write_workspace(channels={"good": (1.0, 0.0, 0), "bad": (1.0, 0.0, 4)})
    if command == "compare":
        assert "--region NAME picks a channel" in na64stat(*command.split(), name).error
    assert na64stat(*command.split(), name, "--region", "good", *FAST.get(command, [])).status == 0


@pytest.mark.sampled(3)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("what", ["every modifier", "uncorrelated", "correlated"])
def test_every_command_on_every_kind_of_workspace(na64stat, write_workspace, uncorrelated, command, what):
    correlated = pyhf.simplemodels.correlated_background([12.0, 11.0], [50.0, 52.0], [45.0, 50.0], [55.0, 54.0])
    workspace = {
        "every modifier": every_modifier,
        "uncorrelated": lambda: of_pyhf(*uncorrelated),
        "correlated": lambda: of_pyhf(correlated, [60, 55]),
    }[what]()
    name = write_workspace(workspace)
    words = FAST.get(command, [])
    record = na64stat(*command.split(), name, *words, "--json").json
    assert record["workspace"] == "ws.json"
    assert record["regions"] == [channel["name"] for channel in workspace["channels"]]
    text = na64stat(*command.split(), name, *words)
    assert (text.status, text.out.splitlines()[0].split(": ")[0]) == (0, "ws.json")
    said = [line for line in text.err.splitlines() if " toys of " not in line]  # how long they take on a slow machine
    assert all(line.startswith(("note: ", "na64stat: warning: ")) for line in said)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_workspaces(na64stat, path):
    name = path.stem.rpartition("_")[2]
    region = ["--region", name]
    projection = json.loads(path.read_text(encoding="utf-8"))["measurements"][0]["name"] == "projection"
    for command in ("fit", "fit --impacts", "significance", "compare"):
        method = ["--method", "asymptotic"] if command in ("significance", "compare") else []
        answer = na64stat(*command.split(), path, *region, *method, "--json")
        if command == "significance" and path.stem.endswith("2022_visible"):
            assert "4 events observed and no background" in answer.error
        elif projection and command in ("fit", "fit --impacts"):
            assert "a projection has no observed counts" in answer.error
        else:
            assert answer.json["regions"] == [name]


def test_a_thousand_equal_bins_are_one(na64stat, write_workspace):
    counts = [40 + i % 21 for i in range(1000)]
    equal = {"signal": ([2.0] * 1000, [modifier("normfactor", "mu")]), "background": ([49.0] * 1000, [])}
    bins = write_workspace(make({"SR": equal}, {"SR": counts}), "bins.json")
    one = write_workspace(channels={"SR": (2000.0, 49000.0, sum(counts))}, name="one.json")
    for words in (["limit", "--method", "asymptotic"], ["significance", "--method", "asymptotic"]):
        ours, theirs = (na64stat(words[0], name, *words[1:], "--json").json for name in (bins, one))
        if words[0] == "limit":
            assert ours["mu"] == pytest.approx(theirs["mu"], rel=1e-6)
        else:
            assert (ours["z"], ours["mu"]) == pytest.approx((theirs["z"], theirs["mu"]), rel=1e-5)
    fits = [na64stat("fit", name, "--json").json["parameters"][0] for name in (bins, one)]
    assert fits[0]["value"] == pytest.approx((sum(counts) - 49000) / 2000, rel=1e-6)
    assert [item["error"] for item in fits] == pytest.approx([math.sqrt(sum(counts)) / 2000] * 2, rel=1e-4)
    text = na64stat("fit", bins).out
    assert "1000 bins: observed and expected counts are in --json" in text
    assert len(text.splitlines()) < 40


def test_many_parameters_do_not_flood_the_screen(na64stat, write_workspace):
    data = [50.0] * 60
    samples = {
        "signal": (data, [modifier("normfactor", "mu")]),
        "background": (
            data,
            [modifier("staterror", "stat", [5.0] * 60), modifier("normsys", "z", {"hi": 1.1, "lo": 0.9})],
        ),
    }
    counts = [50 + (17 * i) % 13 for i in range(60)]
    name = write_workspace(make({"SR": samples}, {"SR": counts}))
    lines = na64stat("fit", name).out.splitlines()
    assert lines[2].startswith("mu ")
    assert any(line.startswith("z ") for line in lines)
    assert "... and 31 parameters with smaller pulls; --json has all" in lines
    assert len(na64stat("fit", name, "--json").json["parameters"]) == 62
    assert "... and 31 smaller ones; --json has all" in na64stat("fit", name, "--impacts").out


@pytest.mark.parametrize("command", COMMANDS)
def test_a_point_of_a_scenario_is_its_workspace(na64stat, here, command):
    point = ["axion-muon", "--mass", "0.1", "--coupling", "5e-3", "--region", "invisible"]
    assert na64stat("workspace", *point, "-o", "ws.json").status == 0
    words = [*FAST.get(command, []), "--json"]
    ours, file = na64stat(*command.split(), *point, *words).json, na64stat(*command.split(), "ws.json", *words).json
    head = {"scenario", "mass_gev", "coupling", "run", "workspace", "patch"}
    assert {key: ours[key] for key in ours.keys() - head} == {key: file[key] for key in file.keys() - head}
    assert (ours["scenario"], ours["mass_gev"], ours["coupling"], ours["run"]) == ("axion-muon", 0.1, 5e-3, "2022")
    assert na64stat(*command.split(), *point[:-2], *words).json == ours  # the scenario's own region
    title = na64stat(*command.split(), *point, *words[:-1]).out.splitlines()[0]
    assert title.startswith("axion-muon, m = 0.1 GeV, g = 0.005 GeV^-1 at mu = 1, run 2022: invisible")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("ending", ["png", "pdf"])
@pytest.mark.parametrize("command", ["fit", "fit --impacts", "compare"])
def test_figures(na64stat, write_workspace, here, command, ending):
    name = write_workspace(every_modifier())
    words = [
        *command.split(),
        name,
        *(["--method", "asymptotic"] if command == "compare" else []),
        "--figure",
        f"figure.{ending}",
    ]
    answer = na64stat(*words)
    assert f"wrote figure.{ending}\n" in answer.err
    head = (here / f"figure.{ending}").read_bytes()
    assert head.startswith(b"%PDF" if ending == "pdf" else b"\x89PNG")
    assert f"figure.{ending}: the file exists; --overwrite replaces it" in na64stat(*words).error
    assert na64stat(*words, "--overwrite", "--json").json["workspace"] == name


@pytest.mark.parametrize("command", ["fit", "fit --impacts", "compare"])
@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--figure", "figure.txt"], "--figure: figure.txt; a figure is written as .png or .pdf"),
        (["-o", "figure.png"], "--output: figure.png: -o writes data; --figure figure.png draws"),
        (["--figure", "gone/figure.png"], "--figure: gone/figure.png: there is no folder gone; make it first"),
        (["--overwrite"], "--overwrite: goes with a file to be written"),
    ],
    ids=["ending", "data", "folder", "no file"],
)
def test_figures_are_refused_before_anything_is_computed(na64stat, write_workspace, monkeypatch, command, words, text):
    def computed(*_):
        raise AssertionError("computed")

    monkeypatch.setattr("na64stat.stats.likelihood.model.Model.from_workspace", computed)
    assert text in na64stat(*command.split(), write_workspace(every_modifier()), *words).error


def test_a_figure_without_anything_to_show(na64stat, write_workspace):
    name = write_workspace(channels={"box": (1.0, 5.0, 7)})
    assert "no constrained parameter was fitted" in na64stat("fit", name, "--figure", "pulls.png").error
