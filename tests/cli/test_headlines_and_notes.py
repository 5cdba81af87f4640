"""What was asked stands in the headline; what a number does not mean stands in a note; no option is lost in silence."""

import json

import pytest

ASKED = (
    "--cl",
    "0.95",
    "--no-systematics",
    "--background",
    "realistic",
    "--depth-average",
    "continuous",
    "--loop-decay",
)
SAID = "loop decay, background realistic, continuous depth average, no systematics"


@pytest.mark.parametrize(
    "words",
    [
        ("limit", "axion-muon", "--mass", "0.1"),
        ("exclusion", "axion-muon", "--mass", "0.1:0.2", "--coupling", "1e-3:1"),
    ],
)
def test_what_is_not_the_default_is_in_the_headline(na64stat, words):
    loose = ("--tolerance", "0.2") if words[0] == "exclusion" else ()
    assert na64stat(*words, *loose).out.splitlines()[0].startswith("axion-muon, run 2022, invisible, 90% CL, exact: ")
    line = na64stat(*words, *loose, *ASKED).out.splitlines()[0]
    assert line.startswith(f"axion-muon, run 2022, invisible, 95% CL, exact, {SAID}: ")


def test_what_only_the_layer_sum_excludes_has_a_note(na64stat):
    answer = na64stat("limit", "axion-photon", "--mass", "0.3")
    assert "by the layer sum alone: > " in answer.out
    assert "no real exclusion" in answer.err
    continuous = na64stat("limit", "axion-photon", "--mass", "0.3", "--depth-average", "continuous")
    assert "layer sum" not in continuous.out + continuous.err


def test_a_background_setting_that_a_region_does_not_know_has_a_note(na64stat):
    text = "visible: no number for the background setting realistic, so that it is 0 there"
    given = ("limit", "axion-photon", "--mass", "0.01", "--background", "realistic")
    assert text in na64stat(*given).err
    assert text in na64stat(*given, "--json").json["notes"]
    assert "no number for" not in na64stat(*given, "--region", "invisible").err
    assert "no number for" not in na64stat(*given[:-2]).err


def test_expected_significance_without_background_has_a_note(na64stat):
    point = ("significance", "axion-muon", "--mass", "0.1", "--coupling", "5e-3")
    without, given = na64stat(*point), na64stat(*point, "--background", "realistic")
    assert "no background is stated in invisible" in without.out
    assert "Z has no value" in without.out
    assert "no background is stated" not in given.out
    assert "expected  Z = " in given.out
    record = na64stat(*point, "--json").json
    assert set(record["expected"]["z"].values()) == {None}
    assert "no background is stated in invisible" in " ".join(record["notes"])


@pytest.mark.parametrize("method", [(), ("--method", "asymptotic"), ("--method", "toys", "--toys", "1000")])
def test_events_without_background_have_no_significance(na64stat, method):
    point = ("significance", "axion-photon", "--mass", "0.01", "--coupling", "1e-3", "--region", "visible")
    assert "visible has 4 events observed and no background" in na64stat(*point, *method).error


def test_events_without_couplings_have_a_note(na64stat):
    words = ("--prior", "flat:yield:0:50")
    assert "na64stat limit finds" in na64stat("credible", "axion-photon", "--mass", "0.01", *words).err
    assert "na64stat limit finds" not in na64stat("credible", "axion-muon", "--mass", "0.1", *words).err


@pytest.mark.parametrize("command", ["limit", "fit", "significance", "fit --impacts", "compare"])
def test_one_rule_for_combinations(na64stat, here, command):
    """What is refused for the scenario is refused for its workspace."""
    given = ("axion-photon", "--mass", "0.01", "--coupling", "4e-3")
    both = ("--region", "visible", "--region", "invisible")
    assert na64stat("workspace", *given, *both, "-o", "ws.json").status == 0
    assert len(json.loads((here / "ws.json").read_text(encoding="utf-8"))["channels"]) == 2
    error = na64stat(*command.split(), "ws.json").error
    assert "4 events observed and no background" in error
    assert "--region NAME picks a channel" in error
    assert na64stat(*command.split(), "ws.json", "--region", "invisible").status == 0


@pytest.mark.parametrize(
    "words",
    [
        ("predict", "axion-muon", "--mass", "0.1", "--coupling", "5e-3", "--run", "2022", "--run", "2023"),
        ("limit", "axion-muon", "--mass", "0.1", "--run", "2022", "--cl", "0.9", "--cl", "0.95"),
        ("existing", "show", "axion-photon", "NA64e", "--mass", "0.03", "--mass", "0.04"),
        ("export", "likelihood", "axion-muon", "--inspire", "ins1", "--inspire=ins2"),
        ("plot", "--compare", "--figure", "x.png", "a.json", "--figure", "y.png"),
    ],
    ids=lambda words: words[0],
)
def test_an_option_that_is_meant_once(na64stat, words):
    assert "given 2 times; expected once" in na64stat(*words).error


def test_options_that_repeat_may(na64stat):
    assert (
        na64stat("limit", "axion-muon", "--mass", "0.1", "--run", "2022", "--run", "2023", "--json", "--json").status
        == 0
    )


def test_asymptotic_answers_at_few_counts_warn(na64stat):
    """A limit, a comparison without the exact limit, and a significance; not a comparison that shows the exact one."""
    point = ("axion-muon", "--mass", "0.1", "--method", "asymptotic")
    for command in ("limit", "compare", "significance"):
        assert na64stat(*command.split(), *point).err.count("asymptotic formulas at 0 events") == 1
    assert "asymptotic formulas" not in na64stat("compare", *point, "--method", "exact").err


def test_the_number_that_stands_for_no_background_is_no_count(na64stat):
    given = ("project", "axion-muon", "--mass", "0.1", "--mot", "1e12", "--method", "asymptotic", "--no-discovery")
    assert "asymptotic formulas at 0 events" in na64stat(*given).err


@pytest.mark.parametrize("option", ["--toys", "--seed", "--store", "--threads"])
def test_compare_refuses_options_of_toys_without_toys(na64stat, option):
    given = ("compare", "axion-muon", "--mass", "0.1", "--method", "exact", "--method", "asymptotic")
    assert f"{option}: does not go with --method exact and asymptotic" in na64stat(*given, option, "5").error


def test_posterior_of_more_steps_than_there_may_be(na64stat):
    given = ("posterior", "axion-muon", "--mass", "0.1", "--prior", "flat:yield:0:50")
    assert "more than most_steps = 50" in na64stat(*given, "--steps", "200", "--most-steps", "50").error


def test_predict_shows_the_background_beside_the_signal(na64stat):
    given = ("predict", "axion-muon", "--mass", "0.1", "--coupling", "5e-3", "--background", "realistic")
    assert na64stat(*given, "--json").json["regions"]["invisible"]["background"] == 0.07
    table = na64stat(*given).out.splitlines()
    assert table[1].split()[-1] == "background"
    assert next(line for line in table if line.startswith("invisible")).split()[-1] == "0.07"


def test_a_coupling_beyond_perturbation_theory_is_named_by_predict(na64stat):
    point = ("predict", "zprime", "--mass", "0.1", "--coupling")
    assert "couplings above 3.545 (sqrt(4 pi)" in na64stat(*point, "5").out
    assert "sqrt(4 pi)" in json.loads(na64stat(*point, "5", "--json").out)["notes"][0]
    assert json.loads(na64stat(*point, "3", "--json").out)["notes"] == []


@pytest.mark.parametrize("command", ["predict", "workspace", "compare", "fit"])
def test_events_of_the_layer_sum_alone_are_named(na64stat, command):
    """At 0.0425 GeV and 0.1 / GeV the sum over layers gives 44 events, an average over any depth half a one."""
    options = {"workspace": ("--region", "visible"), "compare": ("--region", "visible", "--method", "exact")}
    options["fit"] = ("--region", "visible")
    words = (*command.split(), "axion-photon", "--mass", "0.0425", "--coupling", "0.1", *options.get(command, ()))
    text = "the sum over target layers alone gives 43.71 events in visible, an average over any depth 0.5003"
    answer = na64stat(*words)
    assert text in answer.out + answer.err
    assert text in na64stat(*words, "--json").out
    assert "target layers alone" not in na64stat(*words, "--depth-average", "continuous", "--json").out


def test_what_a_scenario_prints_is_no_part_of_the_answer(na64stat, tmp_path):
    own = tmp_path / "talks.py"
    own.write_text(
        "import na64stat as na\n\n\nclass Talks(na.MuonScalar):\n    name = 'talks'\n\n"
        "    def production(self, *given):\n        print('made')\n        return super().production(*given)\n\n"
        "    def width(self):\n        print('lives')\n        return 0.0\n"
    )
    answer = na64stat("predict", f"{own}:Talks", "--mass", "0.05", "--coupling", "1e-3", "--json")
    assert json.loads(answer.out)["scenario"] == "talks"
    assert "made" in answer.err
