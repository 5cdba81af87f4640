"""Tables say what was asked: results of other settings, models and runs do not look alike; nothing vanishes unsaid."""

import json
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest

import na64stat as na
from na64stat.cli.main import main
from na64stat.errors import InputError
from na64stat.export.tables.inputs import plane_tables
from na64stat.export.tables.keywords import target_of
from na64stat.export.tables.results import tables
from na64stat.export.tables.submission import Illustrated, hepdata
from na64stat.export.tables.table import LONGEST_NAME, MISSING
from na64stat.files import to_json
from na64stat.physics.nucleus import Nucleus
from na64stat.plot.style import house_style, new_figure
from na64stat.records.credible import load_credible
from na64stat.records.limits import load_limits

MASSES = [0.01, 0.1]


def limits(run, scenario=na.AxionMuon, **more):
    return na.limits(scenario, run, MASSES, **more)


def test_two_settings_never_share_name_or_description(run_2022):
    realistic = run_2022.with_background("realistic")
    results = [
        limits(run_2022),
        limits(run_2022, partial(na.AxionMuon, loop_decay=True)),
        limits(run_2022, average=na.DepthAverage.CONTINUOUS),
        limits(run_2022, systematics=False),
        limits(realistic),
        limits(run_2022, method=na.Exact(criterion=na.Criterion.CL_SB)),
    ]
    found = [tables(result)[0] for result in results]
    assert len({table.description for table in found}) == len(results)
    assert found[1].name == "axion-muon, loop decay, 2022, invisible, observed limit"
    assert "Option of the model: loop decay." in found[1].description
    assert "any depth" in found[2].name
    assert "Without systematic uncertainties." in found[3].description
    assert "Background setting: realistic." in found[4].description


def test_only_cl_s_is_called_cl_s(run_2022):
    plain = tables(limits(run_2022, method=na.Exact(criterion=na.Criterion.CL_SB)))[0]
    assert plain.keywords["observables"] == ("LIMIT",)
    assert "CL_sb" in plain.description
    assert tables(limits(run_2022))[0].keywords["observables"] == ("CLS",)


def test_the_reaction_names_target_and_product(run_2022, template):
    """Lead is known from the run, not from its name alone; another nucleus, another symbol."""
    found = limits(run_2022)
    assert tables(found)[0].keywords["reactions"] == ("MU PB --> MU PB AXION",)
    assert tables(limits(run_2022, na.ZPrime))[0].keywords["reactions"] == ("MU PB --> MU PB ZPRIME",)
    assert tables(template)[0].keywords["reactions"] == ("MU NUCLEUS --> MU NUCLEUS AXION",)
    assert plane_tables(template, "PB")[0].keywords["reactions"] == ("MU PB --> MU PB AXION",)
    other = replace(found, provenance={**found.provenance, "run_digest": "of another file"})
    assert tables(other)[0].keywords["reactions"] == ("MU NUCLEUS --> MU NUCLEUS AXION",)
    digests = {"2022": run_2022.digest, "2023": na.load_run("2023").digest}
    assert target_of("2022 + 2023", {"run_digest": digests}) == "PB"
    assert target_of("2022 + mine", {"run_digest": {**digests, "mine": "x"}}) == target_of(None, {}) == "NUCLEUS"
    assert target_of("2022", {}) == "NUCLEUS"
    iron = replace(run_2022.target, nucleus=Nucleus.from_element(26, 56))
    efficiency, *_ = tables(replace(run_2022, name="mine", target=iron))
    assert efficiency.keywords["reactions"] == ("MU FE --> MU FE X",)
    assert efficiency.keywords["phrases"] == ("fixed target", "NA64mu")


def test_artefacts_of_the_layer_sum_have_columns(run_2022):
    found = na.limits(na.AxionPhoton, run_2022, [0.01, 0.1], regions=["visible"])
    assert not found.points[0].artefacts
    ((start, _),) = found.points[1].artefacts["observed"]
    observed, expected = tables(found)
    column = observed.column("Excluded by the layer sum only, lower edge")
    assert column.cells[0].value == MISSING
    assert column.cells[1].value == pytest.approx(start, rel=1e-4)
    assert "no real exclusion" in observed.description
    ((start, _),) = found.points[1].artefacts["median"]
    column = expected.column("Excluded by the layer sum only, expected, lower edge")
    assert column.cells[1].value == pytest.approx(start, rel=1e-4)
    assert "no real exclusion" in expected.description


def test_a_result_that_excludes_nothing_is_a_table_of_missing_points(run_2022):
    found = na.limits(na.AxionPhoton, run_2022, [0.1, 0.3], regions=["invisible"])
    (table,) = tables(found)
    assert [cell.value for cell in table.dependent[0].cells] == [MISSING, MISSING]


def test_events_of_points_that_failed_are_missing_and_those_without_signal_are_zero(run_2022):
    found = na.scan(na.AxionMuon, run_2022, [0.1, 0.5, 200.0], [1e-4, 1e-3])
    assert [row[0].split(":")[0] for row in found.status] == ["allowed", "no signal", "failed"]
    (table,) = tables(found)
    events = table.column("Expected signal events, invisible")
    assert [cell.value for cell in events.cells[2:]] == [0, 0, MISSING, MISSING]


def test_a_method_without_a_limit_leaves_the_limits_of_the_priors(tmp_path):
    """Two channels of a thousand events have more outcomes than are put in order; the prior's limit does not need them."""
    channels = [
        {
            "name": name,
            "samples": [
                {"name": "signal", "data": [signal], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
                {"name": "background", "data": [1000.0], "modifiers": []},
            ],
        }
        for name, signal in (("left", 10.0), ("right", 20.0))
    ]
    workspace = {
        "version": "1.0.0",
        "channels": channels,
        "observations": [{"name": "left", "data": [1000.0]}, {"name": "right", "data": [990.0]}],
        "measurements": [{"name": "observed", "config": {"poi": "mu", "parameters": []}}],
    }
    model, prior = na.Model.from_workspace(workspace), na.Flat("mu", 0, 50)
    found = na.compare_priors(model, None, [prior])
    assert found.rows[0].events == na.credible_limit(model, None, prior).events
    assert [(row.label, row.events, row.coupling) for row in found.rows[1:]] == [
        ("CL_s", None, None),
        ("Feldman-Cousins", None, None),
    ]
    assert all("too many to order" in row.note and "exact" not in row.note for row in found.rows[1:])
    (tmp_path / "c.json").write_text(to_json({"schema": 1} | found.as_dict()), encoding="utf-8")
    (table,) = tables(load_credible(tmp_path / "c.json"))
    assert [cell.value for cell in table.column("Upper limit, signal events").cells[1:]] == [MISSING, MISSING]
    assert "CL_s: " in table.description
    assert "too many to order" in table.description


def test_contours_of_nothing_are_said_to_be_left_out(run_2022, tmp_path):
    nothing = na.scan(
        na.AxionPhoton, run_2022, np.geomspace(0.2, 0.4, 3), np.geomspace(1e-5, 1e-4, 3), regions=["invisible"]
    )
    empty = na.exclusion(na.AxionMuon, run_2022, (0.01, 0.1), (1e-7, 1e-6))
    made = hepdata([empty, limits(run_2022)], tmp_path / "s", figures=False)
    assert "Not included: axion-muon in run 2022, invisible: nothing is excluded." in made.comment
    assert tables(nothing)[0].name.endswith("CL_s map")


def test_discovery_has_no_confidence_level(run_2022):
    (table,) = tables(na.project(na.AxionMuon, run_2022, [0.1], [1e11, 1e12]))
    discovery = [column for column in table.dependent if column.name.startswith("Discovery")]
    assert discovery
    assert all("CL" not in {item.name for item in column.qualifiers} for column in discovery)
    assert "CL" in {item.name for item in table.dependent[0].qualifiers}


def test_inputs_of_another_run_or_class_of_the_name_are_refused(run_2022, tmp_path):
    @dataclass(frozen=True)
    class Mine(na.AxionMuon):
        pass

    other = limits(run_2022)
    other = replace(other, provenance={**other.provenance, "run_digest": "0" * 64})
    for number, result in enumerate((other, limits(run_2022, Mine))):
        made = hepdata([result], tmp_path / str(number), figures=False)
        assert not [table for table in made.tables if "signal" in table.name or "cross section" in table.name]
        assert "this result is of another" in made.comment


def test_inputs_follow_the_options(run_2022, tmp_path):
    """The axion with its loop decay has visible events, the stable one has none."""
    visible = {}
    for name, factory in {"stable": na.AxionMuon, "decaying": partial(na.AxionMuon, loop_decay=True)}.items():
        made = hepdata([limits(run_2022, factory)], tmp_path / name, figures=False)
        (table,) = [table for table in made.tables if table.name.endswith("signal per region")]
        visible[name] = float(np.nansum(table.column("Expected signal events, visible").numbers))
        assert "GeV^-1" in table.description
    assert visible["stable"] == 0 < visible["decaying"]


def test_long_names_keep_their_ends(run_2022, tmp_path):
    result = replace(limits(run_2022), run="a_run_with_a_name_that_is_much_longer_than_anybody_needs_2022")
    made = hepdata([result], tmp_path / "s", figures=False)
    assert all(len(table.name) <= LONGEST_NAME for table in made.tables)
    assert any(table.name.endswith("observed limit") for table in made.tables)


def test_posteriors_say_what_they_are_of(samples):
    (table,) = tables(samples)
    assert table.name == "axion-muon, 2022, posterior"
    for text in ("at 0.1 GeV", "run 2022", "Observed: 0 in invisible", "GeV^-1", "Convergence:"):
        assert text in table.description


def test_limits_keep_what_was_asked_in_their_file(run_2022, tmp_path):
    found = limits(run_2022, partial(na.AxionMuon, loop_decay=True), systematics=False)
    found.save(tmp_path / "l.json")
    assert load_limits(tmp_path / "l.json") == found
    assert found.provenance["options"] == {"loop_decay": True}
    assert found.provenance["systematics"] is False


def test_priors_side_by_side_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["credible", "axion-muon", "--mass", "0.1", "--prior", "flat:yield:0:50", "--json"])
    assert stop.value.code == 0
    (tmp_path / "c.json").write_text(capsys.readouterr().out)
    record = load_credible(tmp_path / "c.json")
    (table,) = tables(record)
    assert [cell.value for cell in table.independent[0].cells] == ["flat in yield, 0 to 50", "CL_s", "Feldman-Cousins"]
    with pytest.raises(SystemExit) as stop:
        main(["export", "hepdata", "c.json", "-o", "s"])
    assert stop.value.code == 0
    damaged = json.loads((tmp_path / "c.json").read_text()) | {"rows": 3}
    (tmp_path / "d.json").write_text(json.dumps(damaged))
    with pytest.raises(InputError, match="damaged"):
        load_credible(tmp_path / "d.json")


def test_channels_that_spoil_each_other_make_no_patchset(run_2022):
    with pytest.raises(InputError, match="background"):
        na.export.patchset(na.AxionPhoton, run_2022, ["visible", "invisible"], [0.01], [1e-2])


def test_points_that_would_share_a_name_are_named(run_2022):
    with pytest.raises(InputError, match=r"0\.1000001.*first six digits"):
        na.export.patchset(na.AxionMuon, run_2022, ["invisible"], [0.1, 0.1000001], [1e-2])


def test_two_files_of_one_name_leave_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(
            [
                "export",
                "likelihood",
                "axion-muon",
                "--mass",
                "0.1",
                "--coupling",
                "1e-2",
                "-o",
                "same.json",
                "--workspace",
                "same.json",
            ]
        )
    assert stop.value.code == 2
    assert "is the output, too" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_empty_part_of_an_illustrated_result_is_named(run_2022, tmp_path):
    empty = na.exclusion(na.AxionMuon, run_2022, (0.01, 0.1), (1e-7, 1e-6))
    with house_style():
        figure = new_figure()
    made = hepdata([Illustrated((empty, limits(run_2022)), figure)], tmp_path / "s")
    assert "Not included: axion-muon in run 2022, invisible: nothing is excluded." in made.comment
    assert any(table.name.endswith("observed limit") for table in made.tables)


def test_confidence_levels_keep_their_digits(run_2022):
    assert "at 99.73% CL" in tables(limits(run_2022, cl=0.9973))[0].description


def test_the_median_does_not_stand_in_for_an_observed_limit(run_2022, capsys):
    """Where only the median excludes, the observed verdict is said."""
    with pytest.raises(SystemExit):
        main(["limit", "axion-photon", "--region", "visible", "--mass", "0.0263", "--depth-average", "continuous"])
    row = capsys.readouterr().out.splitlines()[2]
    assert row.split()[1] == "-"
    assert row.rstrip().endswith("allowed")


def test_files_with_foreign_options_are_refused_not_believed(run_2022, tmp_path):
    found = limits(run_2022)
    found = replace(found, provenance={**found.provenance, "scenario_class": "mine.Mine", "options": {"unknown": 1}})
    made = hepdata([found], tmp_path / "s", figures=False)
    assert "this result is of another class" in made.comment


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("options", ["loop_decay"], "['loop_decay']; expected a table of"),
        ("options", {"loop_decay": [True]}, "{'loop_decay': [True]}; expected a table of"),
        ("options", {"loop_decay": None}, "{'loop_decay': None}; expected a table of"),
        ("background", 3, "3; expected a setting, or a table"),
        ("background", {"2022": 1}, "{'2022': 1}; expected a setting, or a table"),
        ("depth_average", "deep", "'deep'; expected 'layers' or 'continuous'"),
        ("depth_average", ["layers"], "['layers']; expected 'layers' or 'continuous'"),
        ("depth_average", None, "None; expected 'layers' or 'continuous'"),
        ("systematics", "no", "'no'; expected true or false"),
        ("systematics", 0, "0; expected true or false"),
        ("correlated", "mot", "'mot'; expected a list of texts"),
        ("correlated", [1], "[1]; expected a list of texts"),
        ("criterion", "cl_x", "'cl_x'; expected one of cl_s, cl_sb, interval"),
        ("criterion", {}, "{}; expected one of cl_s, cl_sb, interval"),
    ],
)
def test_a_record_that_was_edited_wrongly_is_refused(run_2022, tmp_path, field, value, told):
    file = tmp_path / "limits.json"
    limits(run_2022).save(file)
    record = json.loads(file.read_text())
    record["provenance"][field] = value
    file.write_text(json.dumps(record))
    with pytest.raises(InputError) as refusal:
        hepdata([load_limits(file)], tmp_path / "s", figures=False)
    assert f"axion-muon, run 2022: provenance, {field} = {told}" in str(refusal.value)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"unknown": 1}, "no option 'unknown'; it has loop_decay"),
        ({"mass": 1.0}, "no option 'mass'; it has loop_decay"),
        ({"loop_decay": "yes"}, "option loop_decay = 'yes': expected true or false"),
        ({"loop_decay": 1}, "option loop_decay = 1: expected true or false"),
    ],
)
def test_no_inputs_are_made_of_options_that_a_scenario_does_not_have(run_2022, tmp_path, options, told):
    found = limits(run_2022)
    made = hepdata([replace(found, provenance={**found.provenance, "options": options})], tmp_path / "s", figures=False)
    assert told in made.comment


def test_no_inputs_are_made_of_a_depth_average_that_is_not_stated(run_2022, tmp_path):
    found = limits(run_2022)
    said = {name: value for name, value in found.provenance.items() if name != "depth_average"}
    assert "does not state its depth average" in hepdata([replace(found, provenance=said)], tmp_path / "s").comment


def test_credible_limits_know_their_run(run_2022, tmp_path):
    """A run of the user's own that bears the name of a packaged one has another target."""
    prior = na.Flat("yield", 0, 50)
    found = na.compare_priors(na.AxionMuon, run_2022, [prior], mass=0.1)
    path = tmp_path / "credible.json"
    path.write_text(to_json({"schema": 1, **found.as_dict()}), encoding="utf-8")
    assert load_credible(path).provenance == found.provenance
    assert tables(load_credible(path))[0].keywords["reactions"] == ("MU PB --> MU PB AXION",)
    tungsten = replace(
        run_2022, digest="of another file", target=replace(run_2022.target, nucleus=Nucleus.from_element(74, 184))
    )
    other = na.compare_priors(na.AxionMuon, tungsten, [prior], mass=0.1)
    assert tables(other)[0].keywords["reactions"] == ("MU NUCLEUS --> MU NUCLEUS AXION",)
