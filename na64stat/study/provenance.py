"""Where a result comes from: versions and digests of the inputs, what was asked; no times."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from na64stat.experiment.run import Run
from na64stat.scenarios.base import Scenario
from na64stat.stats.method import Method
from na64stat.stats.statistic import Criterion
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


def of_result(
    probe: Scenario,
    runs: Sequence[Run],
    average: DepthAverage,
    *,
    method: Method,
    systematics: bool,
    correlated: Sequence[str] = (),
) -> dict[str, Any]:
    """`provenance`, and everything else that makes two results of one scenario, run and region differ.

    Parameters
    ----------
    probe
        The scenario at any mass and coupling.
    runs, average, method, systematics, correlated
        What was asked.
    """
    return {
        **provenance(runs, average),
        **of_scenario(probe),
        "systematics": systematics,
        "correlated": list(correlated),
        "criterion": _criterion(method),
    }


def of_several(
    asked: Sequence[tuple[Scenario, Sequence[str]]],
    runs: Sequence[Run],
    average: DepthAverage,
    *,
    method: Method,
    systematics: bool,
) -> dict[str, Any]:
    """As `of_result`, for a result of several scenarios: their classes and options stand in a list, in the order of `asked`.

    Parameters
    ----------
    asked
        Each scenario at any mass and coupling, with its regions.
    runs, average, method, systematics
        What was asked.
    """
    scenarios = [{"scenario": probe.name, "regions": list(names), **of_scenario(probe)} for probe, names in asked]
    return {
        **provenance(runs, average),
        "scenarios": scenarios,
        "systematics": systematics,
        "criterion": _criterion(method),
    }


def _criterion(method: Method) -> str:
    found = getattr(method, "criterion", None)
    if isinstance(found, Criterion):
        return str(found.value)
    return "interval" if method.name == "feldman-cousins" else "not stated"


def of_scenario(probe: Scenario) -> dict[str, Any]:
    """Class of a scenario, and its options that are plain values other than the default."""
    kind = type(probe)
    options = {
        item.name: value
        for item in dataclasses.fields(probe)
        if item.name not in ("mass", "coupling")
        and isinstance(value := getattr(probe, item.name), bool | int | float | str)
        and value != item.default
    }
    return {"scenario_class": f"{kind.__module__}.{kind.__qualname__}", "options": options}


def _of_each(runs: Sequence[Run], name: str) -> str | dict[str, str]:
    if len(runs) == 1:
        return str(getattr(runs[0], name))
    return {run.name: getattr(run, name) for run in runs}
