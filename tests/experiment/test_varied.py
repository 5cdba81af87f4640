"""A run with other numbers: what follows from a number follows, and all else stays."""

from dataclasses import replace

import numpy as np
import pytest

from na64stat.errors import InputError, RunFileError
from na64stat.experiment.efficiency import Efficiency
from na64stat.experiment.load import load_run, packaged_runs
from na64stat.experiment.run import BackgroundScaling
from na64stat.experiment.schema import rule_of
from na64stat.experiment.with_numbers import with_numbers
from na64stat.yields.calibration import efficiency_from_limit, is_packaged, recalibrated, same_calibration

RUN = load_run("2022")


@pytest.mark.parametrize("name", packaged_runs())
def test_the_same_numbers_make_the_same_run(name):
    run = load_run(name)
    stated = {key: number.value for key, number in run.numbers.items() if rule_of(key) is not None}
    again = with_numbers(run, stated)
    for field in ("beam_energy", "mot", "target", "decay_volume", "response", "efficiency", "regions", "systematics"):
        assert getattr(again, field) == getattr(run, field)
    assert {key: number.value for key, number in again.numbers.items()} == {
        key: number.value for key, number in run.numbers.items()
    }
    assert with_numbers(run, {}) is run


def test_it_is_the_run_that_a_file_with_that_number_makes(tmp_path):
    path = tmp_path / "moved.toml"
    path.write_text(
        'extends = "2022"\ndescription = "x"\n[response]\n'
        'mip_energy = { value = 7.5, unit = "GeV", source = "x", status = "assumed" }\n'
    )
    read, moved = load_run(path), with_numbers(RUN, {"response.mip_energy": 7.5})
    assert moved.response == read.response
    assert moved.regions == read.regions
    assert moved.regions["visible"].region.total == (147.5, 187.5)
    assert moved.numbers["regions.visible.total_min"].value == 147.5
    assert moved.numbers["response.mip_energy"].status == "assumed"
    assert moved.numbers["response.mip_energy"].source.startswith("moved from 6.5: ")
    assert "response.mip_energy = 7.5" in moved.description
    assert moved.digest != RUN.digest
    assert moved.name == RUN.name


def test_background_and_projection_are_kept():
    realistic = RUN.with_background("realistic")
    projected = realistic.with_mot(1e12, BackgroundScaling.PER_MOT)
    for run in (realistic, projected):
        moved = with_numbers(run, {"detector.decay_volume": 20.0})
        assert (moved.decay_volume, moved.mot, moved.background_setting) == (20.0, run.mot, run.background_setting)
        assert moved.regions == run.regions


def test_the_uncertainty_of_the_muons_agrees_with_its_systematic():
    more = with_numbers(RUN, {"beam.mot": 3.96e10})
    assert more.numbers["beam.mot"].uncertainty == pytest.approx(0.0396e10)
    surer = with_numbers(RUN, {"systematics.mot": 0.002})
    assert surer.systematics.mot == 0.002
    assert surer.numbers["beam.mot"].uncertainty == pytest.approx(0.00396e10)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("beam.mott", 1.0, "not stated by the run; did you mean 'beam.mot'"),
        ("target.length", 1.0, "not stated by the run"),
        ("detector.decay_volume", 0.0, "must be positive, got 0"),
        ("regions.visible.observed", 1.5, "must be an integer"),
        ("response.mip_spread", float("nan"), "must be a finite number"),
        ("regions.visible.backgrounds.none", 1.0, "must be 0 without uncertainty"),
    ],
)
def test_refused(key, value, message):
    with pytest.raises(RunFileError, match=message):
        with_numbers(RUN, {key: value})


def test_a_run_that_was_changed_by_other_means_is_refused():
    with pytest.raises(InputError, match="its numbers do not tell what it is"):
        with_numbers(replace(RUN, decay_volume=3.0), {"beam.spread": 2.0})


def test_recalibration_is_the_inference_in_the_other_run(tmp_path):
    moved = with_numbers(RUN, {"response.momentum_resolution": 0.1, "beam.mot": 2.5e10})
    path = tmp_path / "moved.toml"
    path.write_text(
        'extends = "2022"\ndescription = "x"\n[beam]\n'
        'mot = { value = 2.5e10, unit = "1", source = "x", status = "assumed" }\n'
        "[response]\n"
        'momentum_resolution = { value = 0.1, unit = "1", source = "x", status = "assumed" }\n'
    )
    inferred = efficiency_from_limit(run=path)
    masses = np.geomspace(1e-3, 1, 50)
    np.testing.assert_allclose(recalibrated(RUN.efficiency, RUN, moved)(masses), inferred(masses), rtol=1e-8)
    # Half of it, say measured, moves by the same ratio.
    np.testing.assert_allclose(
        recalibrated(RUN.efficiency.times(0.5), RUN, moved)(masses), inferred(masses) / 2, rtol=1e-8
    )


def test_what_a_calibration_depends_on():
    assert recalibrated(RUN.efficiency, RUN, with_numbers(RUN, {"detector.decay_volume": 5.0})) is RUN.efficiency
    assert same_calibration(RUN, with_numbers(RUN, {"regions.visible.e_cal_min": 20.0}))
    for key in ("beam.mot", "target.density", "response.mip_spread", "regions.invisible.p_out_max"):
        assert not same_calibration(RUN, with_numbers(RUN, {key: 0.9 * RUN.numbers[key].value}))
    assert is_packaged(RUN.efficiency, RUN)
    assert not is_packaged(RUN.efficiency.times(1.001), RUN)
    assert not is_packaged(Efficiency.constant(0.07), RUN)


def test_an_efficiency_times_a_factor():
    half = RUN.efficiency.times(0.5)
    np.testing.assert_allclose(half([1e-3, 0.1, 3.0]), RUN.efficiency([1e-3, 0.1, 3.0]) / 2, rtol=1e-12)
    np.testing.assert_allclose(half.point_values, np.array(RUN.efficiency.point_values) / 2)
    with pytest.raises(InputError, match="must lie in"):
        RUN.efficiency.times(50)
