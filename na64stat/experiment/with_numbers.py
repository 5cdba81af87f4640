"""A run with other numbers: `with_numbers` builds it anew, so that all that follows from a number follows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from na64stat.errors import InputError, RunFileError, did_you_mean
from na64stat.experiment.load import build_run
from na64stat.experiment.run import Number, Run
from na64stat.experiment.schema import Layer, checked_number, rule_of

_MOT, _MOT_SPREAD = "beam.mot", "systematics.mot"


def with_numbers(run: Run, values: Mapping[str, float]) -> Run:
    """A run with other values of numbers of its file, which become assumed; its counts stay.

    Cuts that are made of a number move with it, as the visible region's with `response.mip_energy`. The efficiency stays; see
    `na64stat.yields.calibration.recalibrated`. An uncertainty that is stated stays as it is, except that of the muons on
    target, which follows `systematics.mot`.

    Parameters
    ----------
    run
        Of `load_run`, with any background setting or number of muons.
    values
        Dotted key, such as "detector.decay_volume", to value in the unit of the run file.

    Raises
    ------
    RunFileError
        For a key that the run does not state, or a value that its file could not have.
    InputError
        If the run was changed by other means, so that it is not what its numbers say.

    Examples
    --------
    >>> with_numbers(load_run("2022"), {"detector.decay_volume": 20.0}).decay_volume  # doctest: +SKIP
    20.0
    """
    numbers = {key: number for key, number in run.numbers.items() if rule_of(key) is not None}
    if _built(run, numbers, run.digest, run.description) != run:
        raise InputError(
            f"run {run.name!r}: was changed after it was read, so that its numbers do not tell what it is; "
            "expected a run of load_run, "
            "with_background or with_mot"
        )
    for key, value in values.items():
        if key not in numbers:
            raise RunFileError(f"run {run.name!r}: {key}: not stated by the run{did_you_mean(key, numbers)}")
        numbers[key] = _moved(run, key, numbers[key], value)
    if {_MOT, _MOT_SPREAD} & values.keys() and numbers[_MOT].uncertainty is not None:
        spread = numbers[_MOT_SPREAD].value * numbers[_MOT].value
        numbers[_MOT] = replace(numbers[_MOT], uncertainty=spread)
    changes = ", ".join(f"{key} = {value!r}" for key, value in sorted(values.items()))
    if not changes:
        return run
    digest = hashlib.sha256(f"{run.digest} {changes}".encode()).hexdigest()
    return _built(run, numbers, digest, f"{run.description}; with {changes}")


def _moved(run: Run, key: str, number: Number, value: float) -> Number:
    source = f"moved from {number.value:g}: {number.source}"
    return checked_number(f"run {run.name!r}", key, replace(number, value=value, source=source, status="assumed"))


def _built(run: Run, numbers: dict[str, Number], digest: str, description: str) -> Run:
    """The run that these numbers make, with all else from `run`."""
    layer = Layer(
        description,
        None,
        numbers,
        {name: region.region.overlaps for name, region in run.regions.items() if region.region.overlaps},
        {name: region.counts for name, region in run.regions.items()},
        None,
        run.numbers["efficiency.minimum"].source,
    )
    built = build_run(run.name, f"run {run.name!r}", layer, run.efficiency, digest)
    return built if run.background_setting == "none" else built.with_background(run.background_setting)
