"""Where a result comes from: versions and digests of the inputs, what was asked; no times."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from na64stat.experiment.run import Run
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.registry import class_name
from na64stat.scenarios.tabulated import SpectrumTable
from na64stat.stats.likelihood.statistic import Criterion
from na64stat.stats.method import Method
from na64stat.study.signal_test import SignalTest
from na64stat.tasks.pickling import own_sources
from na64stat.yields.survival import DepthAverage, check_average

_PACKAGES = ("na64stat", "numpy", "scipy", "iminuit")


def provenance(runs: Sequence[Run], average: DepthAverage) -> dict[str, Any]:
    """Versions of the code, digest and background setting of each run (or of the only one), depth average."""
    check_average(average)
    return {
        "versions": {name: version(name) for name in _PACKAGES},
        "run_digest": _of_each(runs, "digest"),
        "background": _of_each(runs, "background_setting"),
        "depth_average": average.value,
    }


def provenance_of(probe: Scenario, test: SignalTest, average: DepthAverage) -> dict[str, Any]:
    """`provenance`, and everything else that makes two results of one scenario, run and region differ."""
    return {
        **provenance(test.runs, average),
        **of_scenario(probe),
        "systematics": test.systematics,
        "correlated": list(test.correlated),
        "criterion": _criterion(test.method),
    }


def provenance_of_several(
    scenarios: Sequence[tuple[Scenario, Sequence[str]]],
    runs: Sequence[Run],
    average: DepthAverage,
    *,
    method: Method,
    systematics: bool,
) -> dict[str, Any]:
    """`provenance_of` of several scenarios with their regions: classes and options stand in a list, in this order."""
    listed = [{"scenario": probe.name, "regions": list(names), **of_scenario(probe)} for probe, names in scenarios]
    return {
        **provenance(runs, average),
        "scenarios": listed,
        "systematics": systematics,
        "criterion": _criterion(method),
    }


def _criterion(method: Method) -> str:
    criterion = getattr(method, "criterion", None)
    if isinstance(criterion, Criterion):
        return str(criterion.value)
    return "interval" if method.name == "feldman-cousins" else "not stated"


def of_scenario(probe: Scenario) -> dict[str, Any]:
    """Class of a scenario, and its options that are plain values other than the default.

    A user's own code has its files with digests as `sources`; tables and other options that are no plain values are in `inputs`,
    with digests of their numbers. What stands in which folder does not matter.
    """
    options: dict[str, Any] = {}
    inputs: dict[str, Any] = {}
    for item in dataclasses.fields(probe):
        value = getattr(probe, item.name)
        if item.name in ("mass", "coupling") or value is item.default:
            continue
        if not isinstance(value, bool | int | float | str):
            inputs[item.name] = _content(value)
        elif value != item.default:
            options[item.name] = value
    found: dict[str, Any] = {"scenario_class": class_name(type(probe)), "options": options}
    more = {"sources": own_sources(probe), "inputs": inputs}
    return found | {name: entries for name, entries in more.items() if entries}


def _content(value: Any) -> Any:
    """Value of an option, as JSON can hold it; of another object its class."""
    if isinstance(value, SpectrumTable):
        return {"name": Path(value.path).name, "digest": value.digest}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufcSU":
        head = f"{value.dtype.str}{value.shape}".encode()
        return {"digest": hashlib.sha256(head + np.ascontiguousarray(value).tobytes()).hexdigest()}
    if isinstance(value, Enum):
        return _content(value.value)
    if isinstance(value, tuple | list):
        return [_content(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _of_each(runs: Sequence[Run], name: str) -> str | dict[str, str]:
    if len(runs) == 1:
        return str(getattr(runs[0], name))
    return {run.name: getattr(run, name) for run in runs}
