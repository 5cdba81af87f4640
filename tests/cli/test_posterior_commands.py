"""`na64stat posterior` and `na64stat credible`."""

import pytest

from na64stat.cli.options.prior import PriorType
from na64stat.stats.bayes.priors import Flat, Jeffreys, LogFlat

SHORT = ("--steps", 200, "--walkers", 16, "--ensembles", 2)
MUON = ("axion-muon", "--mass", 0.1)


@pytest.mark.parametrize(
    ("text", "prior"),
    [
        ("flat:yield:0:50", Flat("yield", 0, 50)),
        ("log-flat:coupling:1e-6:1", LogFlat("coupling", 1e-6, 1)),
        ("jeffreys:yield:0:50", Jeffreys("yield", 0, 50)),
        ("jeffreys:mu:0:50:0.5", Jeffreys("mu", 0, 50, 0.5)),
        ("log-flat:mass:1e-3:1", LogFlat("mass", 1e-3, 1)),
    ],
)
def test_priors_are_read(text, prior):
    assert PriorType().convert(text, None, None) == prior


@pytest.mark.parametrize("command", ["posterior", "credible"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (MUON, "--prior: missing, and there is no default"),
        ((*MUON, "--prior", "flat"), "NAME:PARAMETER:LOW:HIGH"),
        ((*MUON, "--prior", "flat:yield:0"), "NAME:PARAMETER:LOW:HIGH"),
        ((*MUON, "--prior", "flat:yield:0:x"), "'x' is no number"),
        ((*MUON, "--prior", "flat:yield:0:1_0"), "'1_0' is no number"),
        ((*MUON, "--prior", "flat:yield:0:nan"), "finite bounds"),
        ((*MUON, "--prior", "flat:yield:0:inf"), "finite bounds"),
        ((*MUON, "--prior", "flat:yield:5:2"), "the lower one first"),
        ((*MUON, "--prior", "log-flat:yield:0:2"), "a lower bound > 0"),
        ((*MUON, "--prior", "flat:yield:-1:2"), "a lower bound >= 0"),
        ((*MUON, "--prior", "flat:yeld:0:2"), "prior of 'yeld': expected one of coupling, yield, mu, mass"),
        ((*MUON, "--prior", "jeffreys:coupling:0:2"), "for yield or mu"),
        ((*MUON, "--prior", "flat:mu:0:2"), "--coupling: missing"),
        ((*MUON, "--prior", "flat:yield:0:2", "--coupling", 1e-3), "--coupling: goes with a prior of mu"),
        (("axion-muon", "--prior", "flat:yield:0:2"), "--mass: missing"),
        (("axion-muon", "--mass", "0.1:0.2:3", "--prior", "flat:yield:0:2"), "--mass: 3 values"),
        (
            (*MUON, "--prior", "flat:coupling:0:1", "--prior", "log-flat:mass:1e-3:1"),
            "a prior of the mass; expected one of them",
        ),
        ((*MUON, "--prior", "flat:yield:0:2", "--count", "invisible"), "REGION=N"),
        ((*MUON, "--prior", "flat:yield:0:2", "--count", "invisible=-1"), "REGION=N"),
        (
            (*MUON, "--prior", "flat:yield:0:2", "--count", "visible=1"),
            "counts: 'visible' is none of the regions that are asked about, invisible",
        ),
        ((*MUON, "--prior", "flat:yield:0:2", "--run", "mot1e12"), "no observed counts"),
        ((*MUON, "--prior", "flat:yield:0:2", "--region", "nowhere"), "nowhere"),
    ],
)
def test_bad_questions(na64stat, command, words, message):
    assert message in na64stat(*command.split(), *words).error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--walkers", 5), "walkers = 5: expected an even number from 8 on"),
        (("--seed", -1), "seed = -1"),
        (("--steps", 3), "steps = 3"),
        (("-o", "chain.txt"), "give the ending .h5"),
        (("-o", "no/chain.h5"), "there is no folder"),
        (("--figure", "corner.svg"), ".png or .pdf"),
        (("--cl", 2), "cl = 2"),
    ],
)
def test_bad_settings(na64stat, here, words, message):
    assert message in na64stat("posterior", *MUON, "--prior", "flat:yield:0:50", *words).error
    assert list(here.iterdir()) == []


def test_a_chain_is_written_summarised_and_continued(na64stat, here):
    asked = ("posterior", *MUON, "--prior", "flat:yield:0:50", "-o", "chain.h5", *SHORT)
    first = na64stat(*asked)
    assert first.status == 0
    assert "wrote chain.h5" in first.err
    assert "prior flat in yield, 0 to 50" in first.out
    assert "warning: not converged" in first.err
    again = na64stat("posterior", "chain.h5", "--cl", 0.9)
    assert again.out == first.out
    before = (here / "chain.h5").read_bytes()
    assert na64stat(*asked).out == first.out
    assert (here / "chain.h5").read_bytes() == before
    assert "prior" in na64stat("posterior", *MUON, "--prior", "flat:yield:0:60", "-o", "chain.h5", *SHORT).error
    assert (here / "chain.h5").read_bytes() == before
    assert "--mass: does not go with the chain" in na64stat("posterior", "chain.h5", "--mass", 0.1).error
    (here / "chain.h5").write_bytes(before[:-5] + b"12345")
    assert "damaged" in na64stat("posterior", "chain.h5").error
    assert "damaged" in na64stat(*asked).error
    assert (here / "chain.h5").read_bytes() == before[:-5] + b"12345"
    assert na64stat(*asked, "--overwrite").out == first.out


def test_json_of_a_chain(na64stat, here):
    words = ("posterior", *MUON, "--coupling", 5e-3, "--prior", "flat:mu:0:20", *SHORT, "--json")
    record = na64stat(*words).json
    assert record["kind"] == "posterior"
    assert record["limit"]["parameter"] == "mu"
    assert record["priors"][0]["text"] == "flat in mu, 0 to 20"
    assert set(record["summary"]) >= {"mu", "events", "coupling", "efficiency_2022"}
    assert record["diagnostics"]["converged"] is False
    assert record["counts"] == {"invisible": 0.0}


def test_table_of_limits(na64stat):
    words = ("credible", *MUON, "--prior", "flat:yield:0:50", "--prior", "log-flat:coupling:1e-6:1", "--no-systematics")
    answer = na64stat(*words)
    assert answer.status == 0
    lines = answer.out.splitlines()
    assert [line.split("  ")[0] for line in lines[2:]] == [
        "flat in yield, 0 to 50",
        "log-flat in coupling, 1e-06 to 1",
        "CL_s",
        "Feldman-Cousins",
    ]
    record = na64stat(*words, "--json").json
    assert record["rows"][0]["events"] == pytest.approx(2.302585, abs=1e-4)
    assert record["rows"][2]["events"] == pytest.approx(2.302585, abs=1e-4)
    assert record["rows"][3]["events"] == pytest.approx(2.44, abs=0.01)  # Feldman and Cousins, table IV
    four = na64stat(*words, "--count", "invisible=4", "--json").json
    assert four["rows"][0]["events"] == pytest.approx(7.993590, abs=1e-4)


def test_a_figure_that_cannot_be_is_refused_at_once(na64stat, here, monkeypatch):
    computed = []
    monkeypatch.setattr("na64stat.study.bayes.credible.credible_plane", lambda **_: computed.append(1))
    plane = ("--prior", "log-flat:coupling:1e-6:1", "--prior", "log-flat:mass:1e-3:0.3")
    words = ("axion-photon", "--region", "visible", *plane, "--count", "visible=2")
    assert "--count: the contour of CL_s" in na64stat("credible", *words, "--figure", "plane.png").error
    assert not computed
    assert not list(here.iterdir())


def test_figures(na64stat, here):
    words = ("axion-photon", "--region", "visible", "--prior", "log-flat:coupling:1e-6:1")
    plane = (*words, "--prior", "log-flat:mass:1e-3:0.3")
    assert na64stat("credible", *words, "--mass", 0.01, "--figure", "one.png").status == 0
    assert na64stat("credible", *plane, "--figure", "plane.png").status == 0
    assert na64stat("posterior", *plane, *SHORT, "--figure", "corner.png").status == 0
    for name in ("one.png", "plane.png", "corner.png"):
        assert (here / name).read_bytes().startswith(b"\x89PNG")
    assert "exists; --overwrite" in na64stat("credible", *words, "--mass", 0.01, "--figure", "one.png").error
