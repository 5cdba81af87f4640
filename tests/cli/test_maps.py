"""Commands of maps: exclusion, overlap, plots of several, several runs, each channel alone, journals."""

import json

import numpy as np
import pytest
from matplotlib.text import Text

from na64stat.records.map import Scan

BOX = ("--mass", "0.05:0.3", "--coupling", "1e-3:1", "--tolerance", "0.05")


@pytest.fixture
def regions(na64stat, here):
    """Files of the stable and the decaying axion."""
    for name, words in (("stable", ()), ("loop", ("--loop-decay",))):
        assert na64stat("exclusion", "axion-muon", *BOX, *words, "-o", f"{name}.json").status == 0
    return "stable.json", "loop.json"


def test_exclusion_writes_and_tells(na64stat, here):
    answer = na64stat("exclusion", "axion-muon", *BOX, "-o", "e.json")
    assert answer.status == 0
    assert "wrote e.json" in answer.err
    lines = answer.out.splitlines()
    assert lines[0].startswith("axion-muon, run 2022, invisible, 90% CL, exact: ")
    assert [line.split()[0] for line in lines[2:8]] == ["observed", "minus2", "minus1", "median", "plus1", "plus2"]
    assert "low mass, high coupling" in lines[2]
    record = json.loads((here / "e.json").read_text(encoding="utf-8"))
    assert record["kind"] == "exclusion"
    assert na64stat("exclusion", "axion-muon", *BOX, "--json").json == record
    assert "the file exists" in na64stat("exclusion", "axion-muon", *BOX, "-o", "e.json").error
    assert sorted(path.name for path in here.iterdir()) == ["e.json"]


def test_exclusion_of_some_levels(na64stat):
    found = na64stat("exclusion", "axion-muon", *BOX, "--level", "median", "--level", "plus2", "--json").json
    assert list(found["levels"]) == ["median", "plus2"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--mass", "0.1"), "LO:HI with LO < HI"),
        (("--mass", "0.1:0.2:3"), "LO:HI with LO < HI"),
        (("--mass", "0.2:0.1"), "LO:HI with LO < HI"),
        (("--coupling", "0:1"), "LO:HI with LO < HI"),
        (("--tolerance", "0"), "tolerance = 0.0; expected a number from 1e-4 to 0.5"),
        (("--tolerance", "nan"), "tolerance = nan"),
        (("--level", "upper"), "'upper' is not one of"),
        (("--workers", "0"), "'--workers': 0 is not in the range"),
        (("--scheduler", "nowhere", "--workers", "2"), "--workers: does not go with --scheduler"),
        (("--journal", ""), "--journal: an empty name"),
        (("-o", "x.json", "--journal", "x.json"), "--journal: x.json is the output"),
        (("--run", "2022", "--run", "2022"), "each once"),
        (("--correlated", "efficiency"), "--correlated efficiency: there is one run"),
        (("--run", "2022", "--run", "2023", "--correlated", "flux"), "correlated 'flux': expected efficiency or mot"),
        (("--background", "bright"), "no background setting 'bright'"),
    ],
)
def test_bad_input(na64stat, here, words, message):
    given = {"--mass": "0.05:0.3", "--coupling": "1e-3:1"}
    start = [item for pair in given.items() if pair[0] not in words for item in pair]
    assert message in na64stat("exclusion", "axion-muon", *start, *words).error
    assert not list(here.iterdir())


def test_overlap_of_files(na64stat, here, regions):
    answer = na64stat("plot", "--compare", *regions, "--mass", "0.06:0.18:2", "--figure", "o.png")
    assert answer.status == 0, answer.err
    assert (here / "o.png").read_bytes().startswith(b"\x89PNG")
    assert "m 0.05 to 0.3 GeV, g 0.001 to 1 GeV^-1" in answer.out
    record = na64stat("plot", "--compare", *regions, "--mass", "0.06:0.18:2", "--json").json
    (pair,) = record["pairs"]
    assert (pair["first"], pair["other"]) == ("stable", "loop")
    assert pair["only_other"] == pytest.approx(0, abs=0.01)
    assert pair["both"] + pair["only_first"] == pytest.approx(record["area"]["stable"], rel=0.01)
    assert record["ratio"]["loop"][0] == pytest.approx(1, rel=0.05)
    assert record["intervals"]["loop"][1] == []
    assert record["figure"] is None


def test_the_level_that_is_reported_is_the_one_that_is_drawn(na64stat, here, monkeypatch):
    """Two maps made by hand: all above g = 0.01 is excluded by the observed level, all above 0.1 by the median."""
    masses, couplings = np.geomspace(0.01, 1, 5), np.geomspace(1e-3, 1, 31)
    edges = {"observed": 0.01, "median": 0.1}
    excess = {level: np.tile(np.log(couplings / edge), (5, 1)) for level, edge in edges.items()}
    status = (tuple("excluded" if coupling > 0.01 else "allowed" for coupling in couplings),) * 5
    asked = dict(
        zip(
            ("scenario", "coupling_unit", "run", "regions", "cl", "method"),
            ("x", "1", "2022", ("visible",), 0.9, "exact"),
            strict=True,
        )
    )
    events = {"visible": np.tile(couplings, (5, 1))}
    cl_s = {level: np.minimum(0.1 * np.exp(-values), 1) for level, values in excess.items()}
    found = Scan(
        **asked,
        mass=masses,
        coupling=couplings,
        events=events,
        cl_s=cl_s,
        excess=excess,
        smooth_excess=excess,
        status=status,
    )
    for name in ("a", "b"):
        found.save(here / f"{name}.json")
    drawn = []
    monkeypatch.setattr("na64stat.figures.figure_of.save_figure", lambda figure, *_, **__: drawn.append(figure))
    for words, level in (((), "observed"), (("--level", "median"), "median")):
        words = ("plot", "--compare", "a.json", "b.json", "--mass", "0.1", *words)
        record = na64stat(*words, "--figure", "o.png", "--json").json
        assert record["levels"] == {"a": level, "b": level}
        (((low, _),),) = record["intervals"]["a"]
        lines = [line.get_ydata() for line in drawn[-1].axes[0].lines if len(line.get_ydata())]
        assert len(lines) == 2
        for line in lines:
            assert min(line) == pytest.approx(low, rel=0.01) == edges[level]
        texts = " ".join(text.get_text() for text in drawn[-1].findobj(Text))
        assert ("median" in texts) == (level == "median")
        assert na64stat(*words).out.splitlines()[2].split()[:2] == ["a", level]


def test_overlap_refuses(na64stat, here, regions):
    assert (
        na64stat("scan", "dark-sector", "--mass", "0.05:0.2:3", "--coupling", "1e-3:1:3", "-o", "dark.json").status == 0
    )
    assert "couplings in units of 1 and GeV^-1" in na64stat("plot", "--compare", "stable.json", "dark.json").error
    assert "at least two" in na64stat("plot", "--compare", "stable.json").error
    assert "each file once" in na64stat("plot", "--compare", "stable.json", "stable.json").error
    assert "No such file" in na64stat("plot", "--compare", "stable.json", "missing.json").error
    assert "no level 'upper'" in na64stat("plot", "--compare", *regions, "--level", "upper").error
    assert "outside" in na64stat("plot", "--compare", *regions, "--mass", "2").error
    (here / "ws.json").write_text('{"kind": "workspace"}', encoding="utf-8")
    assert "holds 'workspace'" in na64stat("plot", "--compare", "stable.json", "ws.json").error


def test_scans_and_exclusions_in_one_plot(na64stat, here, regions):
    assert (
        na64stat("scan", "axion-muon", "--mass", "0.05:0.2:8", "--coupling", "1e-3:1e-1:9", "-o", "s.json").status == 0
    )
    found = na64stat("plot", "s.json", *regions, "--figure", "a.png", "--json").json
    assert found["curves"] >= 3
    assert (here / "a.png").stat().st_size > 10_000
    assert na64stat("plot", "loop.json", "--figure", "b.pdf").status == 0


def test_several_runs(na64stat, here):
    single = na64stat("limit", "axion-muon", "--mass", "0.1", "--run", "2022", "--json").json
    both = na64stat("limit", "axion-muon", "--mass", "0.1", "--run", "2022", "--run", "2023", "--json").json
    assert both["run"] == "2022 + 2023"
    assert both["verdict"] == "median"
    assert both["points"][0]["coupling"]["median"] < single["points"][0]["coupling"]["observed"]
    fitted = na64stat(
        "compare", "axion-muon", "--mass", "0.1", "--run", "2022", "--run", "2023", "--toys", 200, "--json"
    )
    assert fitted.json["regions"] == ["invisible_2022", "invisible_2023"]
    assert "takes one" in na64stat("info", "2022", "2023").err or na64stat("info", "2022", "2023").status == 2


def test_each_channel(na64stat):
    words = ("axion-muon", "--mass", "0.05:0.1:2", "--run", "2022", "--run", "2023", "--each")
    answer = na64stat("limit", *words)
    assert answer.status == 0
    assert answer.out.splitlines()[1].split() == ["m", "[GeV]", "combined", "invisible,", "2022", "invisible,", "2023"]
    assert "*" in answer.out
    record = na64stat("limit", *words, "--json").json
    assert list(record["channels"]) == ["combined", "invisible, 2022", "invisible, 2023"]
    assert "there is one only" in na64stat("limit", "axion-muon", "--mass", "0.1", "--each").error


def test_a_background_that_one_of_the_runs_has(na64stat, here):
    (here / "none.toml").write_text('extends = "2023"\ndescription = "no other setting"\n', encoding="utf-8")
    words = ("--mass", "0.1", "--run", "2022", "--run", "none.toml", "--background", "realistic", "--json")
    assert na64stat("limit", "axion-muon", *words).status == 0


def test_an_unfinished_journal_is_gone_on_from(na64stat, here, monkeypatch):
    from na64stat.tasks.engine import Engine

    words = ("scan", "axion-muon", "--mass", "0.05:0.2:4", "--coupling", "1e-3:1e-1:5")
    assert na64stat(*words, "-o", "whole.json").status == 0
    done, count = Engine._done, [0]

    def interrupted(self, tasks):
        for item in done(self, tasks):
            count[0] += 1
            if count[0] == 3:
                raise KeyboardInterrupt
            yield item

    monkeypatch.setattr(Engine, "_done", interrupted)
    answer = na64stat(*words, "-o", "part.json")
    assert (answer.status, answer.out) == (130, "")
    assert "what is finished is kept in part.json.journal" in answer.err
    calls = []
    monkeypatch.setattr(Engine, "_done", lambda self, tasks: (calls.append(len(tasks)), done(self, tasks))[1])
    answer = na64stat(*words, "-o", "part.json")
    assert "going on from part.json.journal" in answer.err
    assert calls == [2]
    assert (here / "part.json").read_bytes() == (here / "whole.json").read_bytes()
    assert not (here / "part.json.journal").exists()


def test_overlap_says_what_only_the_layer_sum_excludes(na64stat, here):
    grid = ("--region", "visible", "--coupling", "1e-3:1:12")
    for name, masses in (("tip", "0.005:0.5:8"), ("other", "0.005:0.4:8")):
        assert na64stat("scan", "axion-photon", "--mass", masses, *grid, "-o", f"{name}.json").status == 0
    answer = na64stat("plot", "--compare", "tip.json", "other.json", "--json")
    assert answer.status == 0
    notes = json.loads(answer.out)["notes"]
    (note,) = notes
    assert note.startswith("tip, other: left out: by the layer sum alone")
    stable = ("axion-muon", "--mass", "0.01:0.2:4", "--coupling", "1e-3:0.1:6")
    for name in ("a", "b"):
        assert na64stat("scan", *stable, "-o", f"{name}.json").status == 0
    assert json.loads(na64stat("plot", "--compare", "a.json", "b.json", "--json").out)["notes"] == []


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ((), ["seen, run 2022, observed", "later, run mot1e12, median"]),
        (("--level", "median"), ["seen, run 2022", "later, run mot1e12"]),
    ],
)
def test_an_observed_and_a_projected_map_say_their_levels(na64stat, here, monkeypatch, options, names):
    for name, run in (("seen", "2022"), ("later", "mot1e12")):
        assert na64stat("exclusion", "axion-muon", *BOX, "--run", run, "-o", f"{name}.json").status == 0
    drawn = []
    monkeypatch.setattr("na64stat.figures.figure_of.save_figure", lambda figure, path, **_: drawn.append(figure))
    assert na64stat("plot", "--compare", "seen.json", "later.json", *options, "--figure", "x.png").status == 0
    texts = {text.get_text() for text in drawn[0].findobj(Text)}
    assert set(names) <= texts
