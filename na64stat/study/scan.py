"""CL_s over a grid of masses and couplings; the record is in `na64stat.study.scan_record`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError, Na64StatError, ValidityWarning
from na64stat.experiment.run import Run
from na64stat.scenarios.base import Scenario, ScenarioFactory
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
    maps = _evaluate(test, probes, grid_g, verdicts, average, track)
    failed = maps.reasons != ""
    if failed.all():
        raise InputError(str(maps.reasons.flat[0]))
    excess = _excesses(test, maps.events, maps.cl_s, verdicts)
    smooth_excess = excess
    if len(chosen) == 1 and average is DepthAverage.LAYERS:
        smooth_excess = _excesses(test, maps.smooth, None, verdicts)
    for name in verdicts:
        maps.cl_s[name][failed] = excess[name][failed] = smooth_excess[name][failed] = math.nan
    status = _status(maps.events, excess[verdicts[0]], smooth_excess[verdicts[0]], maps.reasons)
    return Scan(
        first.name,
        first.coupling_unit,
        run.name,
        chosen,
        cl,
        test.method.name,
        grid_m,
        grid_g,
        maps.events,
        maps.cl_s,
        excess,
        smooth_excess,
        status,
        provenance(run, average),
        tuple(found_doubts),
    )


@dataclass(frozen=True, eq=False)
class _Maps:
    """Events (with either depth average) by region, CL_s by verdict, and the reasons of failures; each of shape (M, G)."""

    events: dict[str, Array]
    smooth: dict[str, Array]
    cl_s: dict[str, Array]
    reasons: NDArray[np.object_]


def _evaluate(
    test: SignalTest,
    probes: Mapping[float, Scenario],
    couplings: Array,
    verdicts: Sequence[str],
    average: DepthAverage,
    track: Track,
) -> _Maps:
    shape, names = (len(probes), len(couplings)), test.regions
    several = len(names) > 1
    maps = _Maps(
        {name: np.zeros(shape) for name in names},
        {name: np.zeros(shape) for name in names},
        {name: np.full(shape, np.nan) for name in verdicts},
        np.full(shape, "", dtype=object),
    )
    for row, mass in enumerate(track(list(probes))):
        try:
            found = region_events(probes[mass], test.run, couplings, names, average)
            other = (
                found if several else region_events(probes[mass], test.run, couplings, names, DepthAverage.CONTINUOUS)
            )
        except Na64StatError as error:
            maps.reasons[row] = str(error)
            continue
        for name in names:
            maps.events[name][row], maps.smooth[name][row] = found[name], other[name]
        if several:  # point by point, and slow: it belongs under the progress bar
            failures: dict[int, str] = {}
            values = test.cl_s(found, failures)
            for verdict in verdicts:
                maps.cl_s[verdict][row] = values[verdict]
            for column, reason in failures.items():
                maps.reasons[row, column] = reason
    if not several:
        flat = test.cl_s(_flat(maps.events))
        for verdict in verdicts:
            maps.cl_s[verdict][:] = flat[verdict].reshape(shape)
    return maps


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
    events: Mapping[str, Array], excess: Array, smooth: Array, reasons: NDArray[np.object_]
) -> tuple[tuple[str, ...], ...]:
    total = sum(events.values())
    text = np.where(excess > 0, "excluded", np.where(total == 0, "no signal", "allowed"))
    text = np.where((excess > 0) & ~(smooth > 0), "artefact", text)
    return tuple(
        tuple(f"failed: {reason}" if reason else str(item) for item, reason in zip(row, why, strict=True))
        for row, why in zip(text, reasons, strict=True)
    )


def _axis(name: str, values: Sequence[float] | Array) -> Array:
    axis = np.asarray(values, dtype=float)
    if axis.ndim != 1 or not len(axis) or not np.all(np.isfinite(axis)) or axis[0] <= 0 or np.any(np.diff(axis) <= 0):
        raise InputError(f"{name}: increasing positive numbers are right, got {np.array2string(axis, threshold=6)}")
    return axis
