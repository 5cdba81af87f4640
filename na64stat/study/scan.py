"""CL_s over a grid of masses and couplings; the record is in `na64stat.study.scan_record`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError, Na64StatError, ValidityWarning
from na64stat.experiment.run import Run
from na64stat.scenarios.base import ScenarioFactory
from na64stat.stats.exact import Exact
from na64stat.stats.method import Method
from na64stat.study.limits import Track
from na64stat.study.provenance import provenance
from na64stat.study.scan_record import VERDICTS, Scan
from na64stat.study.signal_test import SignalTest
from na64stat.yields.predict import region_events
from na64stat.yields.survival import DepthAverage
from na64stat.yields.validity import doubts_at_ends

Array = NDArray[np.float64]


def scan(
    scenario: ScenarioFactory,
    run: Run,
    masses: Sequence[float] | Array,
    couplings: Sequence[float] | Array,
    *,
    method: Method | None = None,
    regions: Sequence[str] | None = None,
    cl: float = 0.90,
    systematics: bool = True,
    average: DepthAverage = DepthAverage.LAYERS,
    track: Track = iter,
) -> Scan:
    """CL_s at mu = 1 of every (mass, coupling), each its own hypothesis; parameters as in `limits`."""
    grid_m, grid_g = _axis("masses", masses), _axis("couplings", couplings)
    probes = {float(mass): scenario(mass=float(mass), coupling=1.0) for mass in grid_m}
    first = probes[float(grid_m[0])]
    chosen = tuple(regions) if regions is not None else first.default_regions
    test = SignalTest(run, chosen, method or Exact(), cl, systematics)
    found_doubts = doubts_at_ends([probe.at(coupling=float(grid_g[0])) for probe in probes.values()], run, chosen)
    for doubt in found_doubts:
        warnings.warn(doubt, ValidityWarning, stacklevel=2)
    verdicts = [name for name in VERDICTS if name in test.levels]
    shape = len(grid_m), len(grid_g)
    events = {name: np.zeros(shape) for name in chosen}
    smooth = {name: np.zeros(shape) for name in chosen}
    failures: dict[int, str] = {}
    for row, mass in enumerate(track(grid_m.tolist())):
        try:
            found = region_events(probes[mass], run, grid_g, chosen, average)
            other = region_events(probes[mass], run, grid_g, chosen, DepthAverage.CONTINUOUS)
        except Na64StatError as error:
            failures[row] = str(error)
            continue
        for name in chosen:
            events[name][row], smooth[name][row] = found[name], other[name]
    if len(failures) == len(grid_m):
        raise InputError(failures[0])
    found_cl_s = test.cl_s(_flat(events))
    cl_s: dict[str, Array] = {name: found_cl_s[name].reshape(shape) for name in verdicts}
    excess = _excesses(test, events, cl_s, verdicts)
    smooth_excess = excess
    if len(chosen) == 1 and average is DepthAverage.LAYERS:
        smooth_excess = _excesses(test, smooth, None, verdicts)
    for row in failures:
        for name in verdicts:
            cl_s[name][row] = excess[name][row] = smooth_excess[name][row] = math.nan
    status = _status(events, excess[verdicts[0]], smooth_excess[verdicts[0]], failures)
    return Scan(
        first.name,
        first.coupling_unit,
        run.name,
        chosen,
        cl,
        test.method.name,
        grid_m,
        grid_g,
        events,
        cl_s,
        excess,
        smooth_excess,
        status,
        provenance(run, average),
        tuple(found_doubts),
    )


def _flat(events: Mapping[str, Array]) -> dict[str, Array]:
    return {name: values.ravel() for name, values in events.items()}


def _excesses(
    test: SignalTest, events: Mapping[str, Array], cl_s: Mapping[str, Array] | None, verdicts: Sequence[str]
) -> dict[str, Array]:
    shape = next(iter(events.values())).shape
    known = None if cl_s is None else _flat(cl_s)
    found = test.excess(_flat(events), known)
    return {name: found[name].reshape(shape) for name in verdicts}


def _status(
    events: Mapping[str, Array], excess: Array, smooth: Array, failures: Mapping[int, str]
) -> tuple[tuple[str, ...], ...]:
    total = sum(events.values())
    text = np.where(excess > 0, "excluded", np.where(total == 0, "no signal", "allowed"))
    text = np.where((excess > 0) & ~(smooth > 0), "artefact", text)
    rows = [tuple(str(item) for item in row) for row in text]
    for row, reason in failures.items():
        rows[row] = (f"failed: {reason}",) * len(rows[row])
    return tuple(rows)


def _axis(name: str, values: Sequence[float] | Array) -> Array:
    axis = np.asarray(values, dtype=float)
    if axis.ndim != 1 or not len(axis) or not np.all(np.isfinite(axis)) or axis[0] <= 0 or np.any(np.diff(axis) <= 0):
        raise InputError(f"{name}: increasing positive numbers are right, got {np.array2string(axis, threshold=6)}")
    return axis
