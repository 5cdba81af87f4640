"""`na64stat sensitivity`: table, JSON, files and what it refuses."""

import pytest

from na64stat.records.sensitivity import load_sensitivity

MUON = ("sensitivity", "axion-muon", "--mass", "0.1")


def test_table_json_and_files_agree(na64stat, here):
    words = (*MUON, "--mass", "0.2", "-o", "s.json", "--figure", "s.png", "--markdown", "s.md")
    record = na64stat(*words, "--json").json
    assert record["kind"] == "sensitivity"
    assert [line["mass"] for line in record["headlines"]] == [0.1, 0.2]
    assert record["efficiency"] == "re-inferred"
    loaded = load_sensitivity(here / "s.json")
    assert [shift.ratio for shift in loaded.shifts] == [shift["ratio"] for shift in record["shifts"]]
    assert (here / "s.png").read_bytes().startswith(b"\x89PNG")
    assert "| efficiency, central value | derived | as inferred | -10% / +10% |" in (here / "s.md").read_text()
    assert "the file exists; --overwrite replaces it" in na64stat(*words).error
    answer = na64stat(*words, "--overwrite")
    assert answer.err.endswith("wrote s.json\nwrote s.png\nwrote s.md\n")
    assert "change of the excluded coupling [%]" in answer.out
    assert "limit [GeV^-1]" in answer.out
    (line,) = [line for line in answer.out.splitlines() if line.startswith("efficiency, central")]
    # g^2: 0.9^(-1/2) and 1.1^(-1/2).
    assert line.split()[-2:] == ["+5.4", "/"] or line.split()[-3:] == ["+5.4", "/", "-4.7"]
    assert "nothing is excluded any more" in answer.out
    assert "note: regions.visible.e_cal_min, regions.visible.energy_sum_tolerance" in answer.err
    assert "regions.invisible.backgrounds.realistic: moves none of these limits" in answer.err
    assert "inferred from that limit anew" in answer.err


def test_held_efficiency_and_another_run(na64stat):
    record = na64stat("sensitivity", "zprime", "--mass", "0.1", "--efficiency", "held", "--json").json
    ratios = {(shift["what"], shift["end"]): shift["ratio"] for shift in record["shifts"]}
    assert ratios[("cross section, every process", "+5%")] == pytest.approx(1.05**-0.5, rel=1e-9)
    assert record["efficiency"] == "held"
    record = na64stat(*MUON, "--run", "2023", "--json").json
    ratios = {(shift["what"], shift["end"]): shift["ratio"] for shift in record["shifts"]}
    assert ratios[("muons on target", "1.2e+11")] == pytest.approx(0.8**-0.5, rel=1e-9)


def test_a_region_of_ones_own_choice_has_the_usual_masses(na64stat):
    answer = na64stat("sensitivity", "axion-photon", "--region", "invisible")
    assert "axion-photon, invisible\n" in answer.out
    assert "0.002 GeV, upper edge" in answer.out
    assert "Nothing is excluded at 0.01 GeV (allowed); 0.1 GeV (allowed), whatever is moved" in answer.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--mass", "0.1"), "--mass: goes with a scenario"),
        (("--region", "visible"), "--region: goes with a scenario"),
        (("--loop-decay",), "--option: goes with a scenario"),
        (("--figure", "s.png"), "14 limits; at most 4 fit on a page"),
        (("zprime",), "--mass: missing"),
        (("axion-muon", "--loop-decay"), "--mass: missing"),
        (("axion-muon", "--mass", "0.1", "--mass", "0.1"), "2 values, 1 different"),
        (("axion-muon", "--mass", "x"), "'x'"),
        (("axion-muon", "--mass", "200"), "beyond the reach"),
        (("axion-muon", "--mass", "0.1", "--figure", "s.gif"), "must end in .pdf or .png"),
        (("axion-muon", "--mass", "0.1", "-o", "s.png", "--figure", "s.png"), "s.png is --output, too"),
        (("axion-muon", "--mass", "0.1", "--markdown", "gone/s.md"), "there is no folder gone"),
        (("axion-muon", "--mass", "0.1", "--region", "gone"), "no region 'gone'"),
        (("axion-muon", "--mass", "0.1", "--efficiency", "other"), "'other' is not one of"),
        (("axion-muon", "--mass", "0.1", "--background", "gone"), "no background setting 'gone'"),
        (("axion-muon", "--mass", "0.1", "--cl", "2"), "cl = 2"),
        (("axion-moun", "--mass", "0.1"), "did you mean 'axion-muon'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_refused_with_one_line(na64stat, here, words, message):
    assert message in na64stat("sensitivity", *words).error
    assert not list(here.iterdir())


def test_a_users_scenario_and_an_efficiency_of_ones_own(na64stat, here):
    (here / "mine.py").write_text(
        "from na64stat import Production, Scenario\n"
        "from na64stat.physics import cross_sections\n"
        "class Mine(Scenario):\n"
        "    name = 'mine'\n"
        "    def production(self, x, beam_energy, nucleus):\n"
        "        spectrum = cross_sections.scalar(x, self.mass, beam_energy, nucleus)\n"
        "        return Production(self.mass, self.coupling**2 * spectrum)\n"
    )
    (here / "e.csv").write_text("kind,mass_gev,efficiency\ncurve,1e-3,0.08\ncurve,1,0.08\n")
    (here / "own.toml").write_text(
        'extends = "2022"\ndescription = "x"\n[efficiency]\ntable = "e.csv"\nsource = "x"\nstatus = "assumed"\n'
    )
    words = ("sensitivity", "--scenario", "mine.py:Mine", "--mass", "0.1", "--run", "own.toml")
    assert "efficiency held (--efficiency held)" in na64stat(*words).error
    record = na64stat(*words, "--efficiency", "held", "--json").json
    assert record["headlines"][0]["name"] == "mine, invisible, 0.1 GeV"


def test_asymptotic_formulas_warn_once(na64stat):
    answer = na64stat(*MUON, "--method", "asymptotic")
    assert answer.status == 0
    assert answer.err.count("asymptotic formulas at 0 events") == 1
