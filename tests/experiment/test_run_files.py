"""Run files: the packaged ones say what the paper says, and each mistake in one is named with file and key."""

import copy
import math
import pickle
from importlib import resources

import numpy as np
import pytest

from na64stat.errors import Na64StatError, RegionError, RunFileError, TableError
from na64stat.experiment.efficiency import Efficiency
from na64stat.experiment.load import load_run, packaged_runs
from na64stat.experiment.run import Background
from na64stat.experiment.schema import NUMBERS

DATA = resources.files("na64stat.experiment") / "data"
PROJECTION = """
extends = "{base}"
description = "twice the muons"
[beam]
mot = {{ value = {mot}, unit = "1", source = "a plan", status = "assumed" }}
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with a copy of the run of 2022 and its table."""
    for name in ("2022.toml", "efficiency_2022.csv"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    return tmp_path


def edited(folder, old, new):
    text = (folder / "2022.toml").read_text()
    assert text.count(old) >= 1, f"the test itself is wrong: no {old!r}"
    path = folder / "mine.toml"
    path.write_text(text.replace(old, new, 1))
    return path


def test_packaged_runs():
    assert packaged_runs() == ("2022", "2023", "mot1e12", "mot1e13", "mot1e14")


def test_2022_is_the_published_run():
    run = load_run("2022")
    assert (run.name, run.beam_energy, run.mot, run.decay_volume) == ("2022", 160.0, 1.98e10, 17.0)
    assert {name: region.observed for name, region in run.regions.items()} == {
        "invisible": 0,
        "visible": 4,
        "visible_trigger": 4,
    }
    assert all(region.background == Background(0.0, 0.0) for region in run.regions.values())
    assert (run.systematics.efficiency, run.systematics.mot, run.systematics.cross_section) == (0.10, 0.01, 0.05)
    invisible, visible, trigger = (run.region(name).region for name in ("invisible", "visible", "visible_trigger"))
    assert (invisible.e_cal, invisible.p_out) == ((-math.inf, 12.0), (-math.inf, 80.0))
    assert (visible.e_cal, visible.p_out) == ((12.0, math.inf), (-math.inf, math.inf))
    assert visible.total == trigger.total == (146.5, 186.5)
    assert trigger.p_out == (-math.inf, 80.0)
    assert visible.overlaps == ("visible_trigger",)
    assert trigger.overlaps == ("visible",)


@pytest.mark.parametrize(("name", "mot"), [("2023", 1.5e11), ("mot1e12", 1e12), ("mot1e13", 1e13), ("mot1e14", 1e14)])
def test_projections_have_muons_but_no_counts(name, mot):
    run, base = load_run(name), load_run("2022")
    assert run.mot == mot
    for region in run.regions.values():
        assert region.observed is None
        assert region.background == Background(0.0, 0.0)
        assert set(region.backgrounds) == {"none"}
    assert (run.target, run.response, run.efficiency) == (base.target, base.response, base.efficiency)
    assert run.digest != base.digest


@pytest.mark.parametrize("name", packaged_runs())
def test_every_number_has_an_origin(name):
    numbers = load_run(name).numbers
    assert {f"{section}.{key}" for section, keys in NUMBERS.items() for key in keys} <= set(numbers)
    for key, number in numbers.items():
        assert number.unit, key
        assert number.source, key
        assert number.status in {"published", "derived", "assumed"}, key
        assert math.isfinite(number.value), key


def test_derived_numbers_follow_from_the_others():
    run = load_run("2022")
    value = {key: number.value for key, number in run.numbers.items()}
    assert value["target.length"] == pytest.approx(135 * 1.5e-3)
    assert value["target.thickness"] == pytest.approx(135 * 3e-3)
    assert value["target.number_density"] == pytest.approx(3.299e22, rel=2e-4)
    assert value["target.nuclei_per_area"] == pytest.approx(3.299e22 * 20.25, rel=2e-4)
    assert value["regions.visible.total_min"] == 160 - 20 + 6.5
    assert value["systematics.mot"] == pytest.approx(run.numbers["beam.mot"].uncertainty / run.mot, rel=0.02)


def test_background_settings():
    run = load_run("2022", background="realistic")
    assert run.background_setting == "realistic"
    assert run.region("invisible").background == Background(0.07, 0.03)
    assert run.region("visible").background == Background(0.0, 0.0)  # knows no other
    assert run.with_background("none") == load_run("2022")
    with pytest.raises(RunFileError, match=r"run '2022' has no background setting 'bright' \(it has none, realistic\)"):
        run.with_background("bright")
    with pytest.raises(RunFileError, match=r"run '2023' has no background setting 'realistic' \(it has none\)"):
        load_run("2023", background="realistic")


def test_unknown_regions_are_listed():
    with pytest.raises(
        RegionError, match=r"no region 'invisble'; did you mean 'invisible'\? \(it has invisible, visible"
    ):
        load_run("2022").region("invisble")


def test_a_run_can_be_copied_and_pickled():
    run = load_run("2022")
    assert copy.deepcopy(run) == run
    assert pickle.loads(pickle.dumps(run)) == run  # noqa: S301


def test_a_copy_of_the_file_is_the_same_run(folder):
    run, packaged = load_run(folder / "2022.toml"), load_run("2022")
    assert run == packaged
    assert run.digest == packaged.digest


def test_the_digest_knows_every_byte_that_was_read(folder):
    before = load_run(folder / "2022.toml").digest
    with (folder / "2022.toml").open("a") as file:
        file.write("# a remark\n")
    with_remark = load_run(folder / "2022.toml").digest
    table = folder / "efficiency_2022.csv"
    table.write_text(table.read_text().replace("point,0.987,", "point,0.988,"))
    with_table = load_run(folder / "2022.toml").digest
    (folder / "more.toml").write_text(PROJECTION.format(base="2022.toml", mot=4e10))
    assert len({before, with_remark, with_table, load_run(folder / "more.toml").digest}) == 4


def test_ten_lines_make_a_projection(folder):
    (folder / "more.toml").write_text(PROJECTION.format(base="2022.toml", mot=4e10))
    run = load_run(str(folder / "more.toml"))
    assert (run.name, run.description, run.mot) == ("more", "twice the muons", 4e10)
    assert run.region("visible").observed is None
    assert set(run.region("invisible").backgrounds) == {"none"}
    assert run.numbers["beam.mot"].source == "a plan"


def test_counts_are_inherited_with_the_muons(folder):
    (folder / "same.toml").write_text(PROJECTION.format(base="2022", mot=1.98e10))
    run = load_run(folder / "same.toml")
    assert run.region("visible").observed == 4
    assert run.region("invisible").backgrounds["realistic"] == Background(0.07, 0.03)


def test_a_projection_of_a_projection_has_no_counts_either(folder):
    (folder / "a.toml").write_text(PROJECTION.format(base="2022", mot=4e10))
    (folder / "b.toml").write_text(PROJECTION.format(base="a.toml", mot=1.98e10))
    assert load_run(folder / "b.toml").region("visible").observed is None


def test_another_response_moves_the_subtraction(folder):
    (folder / "mip.toml").write_text(
        'extends = "2022"\ndescription = "d"\n[response]\n'
        'mip_energy = { value = 5.0, unit = "GeV", source = "s", status = "assumed" }\n'
    )
    run = load_run(folder / "mip.toml")
    assert run.response.mip_energy == 5.0
    assert run.region("visible").region.total == (145.0, 185.0)


def test_an_efficiency_given_in_python_takes_the_place_of_the_table(folder):
    (folder / "efficiency_2022.csv").unlink()
    run = load_run(folder / "2022.toml", efficiency=Efficiency.constant(0.5))
    assert np.all(run.efficiency([0.01, 0.1]) == pytest.approx(0.5))
    assert run.numbers["efficiency.maximum"].source == "given by the caller"


MISTAKES = {
    "unknown section": ("[detector]", "[detektor]", "detektor: unknown key; did you mean 'detector'?"),
    "unknown key": ("spread = {", "spred = {", "beam.spred: unknown key; did you mean 'spread'?"),
    "nothing like it": ("spread = {", "zzz = {", "beam.zzz: unknown key (known: energy, spread, mot)"),
    "unknown field": (
        "uncertainty = 0.02e10",
        "uncertanty = 0.02e10",
        "beam.mot.uncertanty: unknown key; did you mean",
    ),
    "region key": ("e_cal_max = {", "e_cal_mx = {", "regions.invisible.e_cal_mx: unknown key; did you mean 'e_cal_max"),
    "missing number": ("density = {", "# density = {", "target.density: missing"),
    "missing value": (
        "{ value = 17.0, ",
        "{ ",
        "detector.decay_volume.value: missing; expected a table like { value = ..., unit = 'm'",
    ),
    "missing source": ('source = "lead", ', "", "target.proton_number.source: missing"),
    "missing status": (', status = "published" }', " }", 'beam.energy.status: missing; expected status = "assumed"'),
    "missing unit": ('unit = "GeV", ', "", 'beam.energy.unit: missing; expected unit = "GeV"'),
    "empty source": ('source = "lead"', 'source = " "', "target.proton_number.source: must be a text"),
    "wrong unit": ('unit = "GeV"', 'unit = "MeV"', "beam.energy.unit: must be 'GeV', got 'MeV'"),
    "wrong status": ('status = "published"', 'status = "guessed"', "beam.energy.status: must be published, derived or"),
    "bare number": ("{ value = 17.0,", '"17 m" # ', "detector.decay_volume: must be a table like"),
    "text": ("value = 160.0", 'value = "160"', "beam.energy.value: must be a number, got '160'"),
    "truth": ("value = 160.0", "value = true", "beam.energy.value: must be a number, got True"),
    "NaN": ("value = 160.0", "value = nan", "beam.energy.value: must be a finite number below 1e+300, got nan"),
    "infinity": ("value = 1.98e10", "value = inf", "beam.mot.value: must be a finite number below 1e+300, got inf"),
    "beyond a double": ("value = 135", "value = 1" + 400 * "0", "target.layers.value: must be a finite"),
    "beyond an integer": ("value = 135", "value = 1" + 5000 * "0", "broken TOML"),
    "negative": ("value = 17.0", "value = -17.0", "detector.decay_volume.value: must be positive, got -17.0"),
    "zero": ("value = 1.98e10", "value = 0", "beam.mot.value: must be positive, got 0"),
    "negative spread": ("value = 3.0,", "value = -3.0,", "beam.spread.value: must be zero or positive, got -3.0"),
    "NaN uncertainty": (
        "uncertainty = 0.03",
        "uncertainty = nan",
        "backgrounds.realistic.uncertainty: must be a finite",
    ),
    "half a layer": ("value = 135,", "value = 135.5,", "target.layers.value: must be an integer, got 135.5"),
    "half an event": ("value = 4,", "value = 4.5,", "regions.visible.observed.value: must be an integer, got 4.5"),
    "absorber": ("value = 1.5e-3", "value = 1.5", "target.absorber_thickness: 1.5 m is more than the layer"),
    "nucleus": ("value = 82", "value = 820", "nucleus: z = 820"),
    "beam": ("value = 3.0,", "value = 30.0,", "response: beam_energy 160.0 must exceed six times beam_spread"),
    "empty region": (
        "p_out_max = { value = 80.0",
        "p_out_min = { value = 90.0, unit = 'GeV', source = 's', status = 'assumed' }\np_out_max = { value = 80.0",
        "regions.invisible: region 'invisible': p_out range",
    ),
    "half a cut": ("energy_sum = {", "# {", "regions.visible.energy_sum: missing"),
    "no background": ("none = {", "nothing = {", "regions.invisible.backgrounds.none: missing"),
    "some background": (
        "none = { value = 0.0",
        "none = { value = 0.1",
        "regions.invisible.backgrounds.none: must be 0",
    ),
    "unknown overlap": (
        '["visible_trigger"]',
        '["visible_triger"]',
        "regions.visible.overlaps: no region 'visible_triger'; did you mean 'visible_t",
    ),
    "one-sided overlap": ('overlaps = ["visible"]', "", "regions.visible_trigger.overlaps: must name 'visible'"),
    "overlap of another kind": ('["visible_trigger"]', "3", "regions.visible.overlaps: must be a list of names"),
    "region name": ("[regions.invisible]", '["regions"."in visible"]', "regions.in visible: a region's name"),
    "no table": ('"efficiency_2022.csv"', '"none.csv"', "efficiency.table: cannot read"),
    "no table's source": (
        'source = "inferred',
        'sauce = "inferred',
        "efficiency.sauce: unknown key; did you mean 'source'?",
    ),
    "section of another kind": ("[detector]\ndecay_volume", "detector = 3\n[regions.x]\np_out_max", "detector"),
    "no description": ("description =", "# ", 'description: missing; expected description = "2022 with'),
    "broken TOML": ("[beam]", "[beam", "broken TOML"),
    "unknown base": ("description =", 'extends = "2020"\ndescription =', "extends: unknown run '2020'; did you mean"),
    "missing base": ("description =", 'extends = "no.toml"\ndescription =', "no.toml: no such run file"),
    "circle": (
        "description =",
        'extends = "mine.toml"\ndescription =',
        "extends: a chain of more than 10 files, or a circle",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_in_one_line(folder, mistake):
    old, new, message = MISTAKES[mistake]
    path = edited(folder, old, new)
    with pytest.raises(RunFileError) as caught:
        load_run(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mistake_below_names_the_file_below(folder):
    edited(folder, "[detector]", "[detektor]")
    (folder / "more.toml").write_text(PROJECTION.format(base="mine.toml", mot=4e10))
    with pytest.raises(RunFileError, match=r"mine\.toml: detektor: unknown key"):
        load_run(folder / "more.toml")


def test_a_run_without_regions_is_refused(folder):
    text = (folder / "2022.toml").read_text()
    (folder / "2022.toml").write_text(text[: text.index("[regions.invisible]")])
    with pytest.raises(RunFileError, match=r"2022\.toml: regions: missing"):
        load_run(folder / "2022.toml")


def test_a_run_without_efficiency_is_refused(folder):
    text = (folder / "2022.toml").read_text()
    start, stop = text.index("[efficiency]"), text.index("[systematics]")
    (folder / "2022.toml").write_text(text[:start] + text[stop:])
    with pytest.raises(RunFileError, match=r"2022\.toml: efficiency\.table: missing"):
        load_run(folder / "2022.toml")


def test_a_broken_table_names_its_line(folder):
    (folder / "efficiency_2022.csv").write_text("kind,mass_gev,efficiency\ncurve,0.1,nan\n")
    with pytest.raises(TableError, match=r"efficiency_2022\.csv, line 2, column efficiency"):
        load_run(folder / "2022.toml")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("20222", r"unknown run '20222'; did you mean '2022'\? \(packaged: 2022, 2023, mot1e12, mot1e13, mot1e14"),
        ("", "unknown run ''"),
        ("nowhere.toml", "nowhere.toml: no such run file"),
    ],
)
def test_unknown_runs(name, message):
    with pytest.raises(RunFileError, match=message):
        load_run(name)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b"[[[", b"description = 3"])
def test_files_that_are_no_run_files(tmp_path, content):
    path = tmp_path / "junk.toml"
    path.write_bytes(content)
    with pytest.raises(Na64StatError, match=r"junk\.toml"):
        load_run(path)


def write_run(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(f'extends = "2022"\ndescription = "mine"\n{text}')
    return path


def number(value, unit, **more):
    extra = "".join(f", {key} = {item}" for key, item in more.items())
    return f'{{ value = {value}, unit = "{unit}", source = "test", status = "assumed"{extra} }}'


def test_a_region_without_bins_is_refused(tmp_path):
    path = write_run(tmp_path, f"[regions.visible]\ne_cal_min = {number(300.0, 'GeV')}\n")
    with pytest.raises(RunFileError, match=r"mine\.toml: regions\.visible: holds no bin of the plane.*widen the cuts"):
        load_run(path)


def test_the_two_places_of_the_mot_uncertainty_agree(tmp_path):
    path = write_run(tmp_path, f"[beam]\nmot = {number(1.98e10, '1', uncertainty=1e9)}\n")
    with pytest.raises(RunFileError, match=r"systematics\.mot: 0\.01, but beam\.mot has the uncertainty 1e\+09"):
        load_run(path)


def test_what_counts_as_signal_is_a_choice_of_the_run(tmp_path):
    assert load_run("2022").region("visible").counts == ("visible",)
    assert load_run("2022").region("invisible").counts == ("visible", "invisible")
    path = write_run(tmp_path, '[regions.visible]\ncounts = ["invisible", "visible"]\n')
    assert load_run(path).region("visible").counts == ("visible", "invisible")
    path = write_run(tmp_path, '[regions.visible]\ncounts = ["visibel"]\n')
    with pytest.raises(RunFileError, match=r"regions\.visible\.counts: must name visible or invisible or both"):
        load_run(path)
