"""Excluded couplings of a scenario at given masses."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import interval, numbers
from na64stat.errors import ComputationError, InputError, Na64StatError, ValidityWarning
from na64stat.experiment.run import Run
from na64stat.progress import Track
from na64stat.records.limits import Interval, LimitPoint, ScenarioLimits, outside
from na64stat.records.status import failed, from_below, has_failed, why_failed
from na64stat.scenarios.base import Scenario, ScenarioFactory
from na64stat.scenarios.dependence import is_packaged
from na64stat.stats.method import Method
from na64stat.stats.results import Limit
from na64stat.study.depth_test import DepthTest
from na64stat.study.question import Question
from na64stat.study.signal_test import LEVELS, SignalTest
from na64stat.text import after_number
from na64stat.yields.growth import growth_notes, reference, stays, strong_coupling, yield_power
from na64stat.yields.survival import DepthAverage
from na64stat.yields.validity import doubts_at_ends

Array = NDArray[np.float64]
_GRID_PER_DECADE = 40
_CLOSE, _AT_JUMP = 5e-7, 1e-12
"""Relative error of an edge found by a straight line, and of one at a jump."""
_STEEP, _ZOOMS = 20, 10
"""A dip or peak is followed where it could be this many times as deep as its neighbours show, in so many rounds."""
SAME = 1e-8
"""Relative difference of events that continue a power of the coupling, and those evaluated there."""


def limits(
    scenario: ScenarioFactory | Question,
    run: Run | Sequence[Run] | None = None,
    masses: float | Sequence[float] | Array = (),
    *,
    regions: Sequence[str] | None = None,
    method: Method | None = None,
    cl: float | None = None,
    systematics: bool | None = None,
    correlated: Sequence[str] | None = None,
    average: DepthAverage | None = None,
    couplings: tuple[float, float] | None = None,
    track: Track = iter,
) -> ScenarioLimits:
    """Excluded couplings at each mass.

    Where the yield is a pure power of the coupling the limit is a closed form of the limit in events; where a lifetime, or the
    production of a scenario of your own, makes it something else, every edge of the excluded couplings is looked for between
    `couplings`. What is declared is checked.

    Parameters
    ----------
    scenario, run
        A scenario class, or anything that makes one from `mass` and `coupling`, and a run, or several to combine; or a
        `Question`, which holds both.
    masses
        Mass, or several [GeV].
    regions, method, cl, systematics, correlated, average
        As in `Question`, with its defaults.
    couplings
        Range that is searched, in the scenario's unit; default its `coupling_range`.
    track
        Wraps the masses, for a progress bar.

    Raises
    ------
    ScenarioError
        If `scenario` makes no scenario, but is one, or a name.
    InputError
        If there are no masses, the range of couplings or the question is wrong, or every mass failed.
    """
    question = Question.of(
        scenario,
        run,
        regions=regions,
        method=method,
        cl=cl,
        systematics=systematics,
        correlated=correlated,
        average=average,
    )
    wanted = numbers("masses", masses)
    if not len(wanted):
        raise InputError("masses: none given; expected at least one")
    probes = [question.probe(mass) for mass in wanted]
    first = probes[0]
    test = question.test(first)
    low, high = interval("couplings", first.coupling_range if couplings is None else couplings)
    grid = np.geomspace(low, high, max(50, round(_GRID_PER_DECADE * np.log10(high / low))))
    at_low = [probe.at(coupling=low) for probe in probes]
    doubts = [doubt for part in test.runs for doubt in doubts_at_ends(at_low, part, test.regions)]
    for doubt in doubts:
        warnings.warn(doubt, ValidityWarning, stacklevel=2)
    by_mass = {probe.mass: probe for probe in probes}
    points = tuple(
        _point(by_mass[mass], test, grid, question.average) for mass in track([probe.mass for probe in probes])
    )
    if all(has_failed(point.status) for point in points):
        raise InputError(why_failed(points[0].status))
    of_events = _notes_of_events(test.limit_in_events) if len(test.channels) == 1 else ()
    growth = growth_notes(probes, test.runs, (low, high))
    floor = _notes_of_floor(points, grid, first.coupling_unit, _stays(probes, test, (low, high)))
    return ScenarioLimits(
        **question.header(first, test),
        points=points,
        notes=(*of_events, *test.notes, *doubts, *growth, *floor, *_notes_of_strength(first, points)),
        verdict=_verdict(test),
    )


def _notes_of_events(limit: Limit) -> tuple[str, ...]:
    """Notes of the limit on the events; an interval that does not begin at zero favours a signal."""
    if not limit.lower:
        return limit.notes
    end = "nowhere" if limit.observed is None else f"{limit.observed:.4g}"
    text = f"the interval is {limit.lower:.4g} to {end} signal events: zero is not in it, the couplings here are its upper end"
    return (*limit.notes, text)


def _stays(probes: Sequence[Scenario], test: SignalTest, between: tuple[float, float]) -> bool:
    """True if there are events without the coupling, at any mass."""
    found = False
    for probe in probes:
        with contextlib.suppress(Na64StatError):  # stands in the record of its mass
            found = found or stays(probe, test.runs, between)
    return found


def _notes_of_strength(probe: Scenario, points: Sequence[LimitPoint]) -> tuple[str, ...]:
    """Couplings beyond perturbation theory."""
    bound = probe.perturbative_below
    found = {point.mass: [g for g in point.coupling.values() if g is not None] for point in points}
    strong = [mass for mass, values in found.items() if bound is not None and values and max(values) > bound]
    where = f"at {', '.join(f'{mass:.4g}' for mass in strong)} GeV"
    return strong_coupling(probe, [g for mass in strong for g in found[mass]], where)


def _notes_of_floor(points: Sequence[LimitPoint], grid: Array, unit: str, stays: bool) -> tuple[str, ...]:
    """Notes on edges at the lowest coupling that was searched, which are none."""
    found = {
        point.mass: [level for level, ends in point.intervals.items() if ends and ends[0][0] == grid[0]]
        for point in points
    }
    where = "; ".join(f"{mass:.4g} GeV ({', '.join(levels)})" for mass, levels in found.items() if levels)
    if not where:
        return ()
    searched = f"{grid[0]:g} to {grid[-1]:g}{after_number(unit)}"
    edge = f"the lowest coupling excluded at {where} is only the lowest that was searched ({searched})"
    if stays:
        return (f"{edge}, no edge: production does not vanish without the coupling",)
    return (f"{edge}, no edge: a range that begins lower finds it",)


def _point(probe: Scenario, test: SignalTest, grid: Array, average: DepthAverage) -> LimitPoint:
    try:
        between = float(grid[0]), float(grid[-1])
        power = yield_power(probe, test.runs, between)
        found = None if power is None else _closed_form(probe, test, average, power, reference(probe, between))
        return found or _searched(probe, test, grid, average)
    except Na64StatError as error:
        return _nothing(probe.mass, failed(error))


def _closed_form(
    probe: Scenario, test: SignalTest, average: DepthAverage, power: float, known: float
) -> LimitPoint | None:
    """Yield = yield(known) (coupling / known)^power: the limit in mu at the known coupling is the limit in that power.

    None where a limit lies beyond the couplings for which this was found, and it is not so there.
    """
    there = test.events(probe, np.full(1, known), average)
    events = {name: float(values[0]) for name, values in there.items()}
    total = sum(events.values())
    if total == 0:
        return _nothing(probe.mass, "no signal")
    if len(test.channels) == 1:
        limit, scale = test.limit_in_events, 1.0 / total
    else:  # mu is measured in total signal events, so that the fits see numbers of order one
        limit = test.limit({name: count / total for name, count in events.items()})
        scale = 1.0 / total
    in_events = {"observed": limit.observed, **limit.expected.as_dict()}
    mu = {level: None if value is None else value * scale for level, value in in_events.items()}
    coupling = {level: None if value is None else known * value ** (1 / power) for level, value in mu.items()}
    if not all(value is None or value < math.inf for value in coupling.values()):
        raise ComputationError(f"{total:g} events at coupling {known:g}: a limit on the coupling is beyond all numbers")
    if not is_packaged(probe):
        used = np.array(sorted({value for value in coupling.values() if value is not None}))
        direct = test.events(probe, used, average)
        for name, values in direct.items():
            if not np.allclose(values, events[name] * (used / known) ** power, rtol=SAME, atol=0):
                return None
    intervals: dict[str, tuple[Interval, ...]] = {
        level: () if value is None else ((value, None),) for level, value in coupling.items()
    }
    status = "excluded" if coupling[_verdict(test)] is not None else "allowed"
    return LimitPoint(probe.mass, coupling, in_events, intervals, {}, status)


def _searched(probe: Scenario, test: SignalTest, grid: Array, average: DepthAverage) -> LimitPoint:
    depth = DepthTest(probe, test, test.excess, average)
    asked = depth.asked(grid)
    if all(np.all(np.isneginf(values)) for values in asked.values()):
        return _nothing(probe.mass, "no signal")
    real = depth.real(grid, asked)
    search = _Search(grid)
    intervals: dict[str, tuple[Interval, ...]] = dict.fromkeys(LEVELS, ())
    artefacts: dict[str, tuple[Interval, ...]] = {}
    for level, values in real.items():
        # Where the depth averages agree on the grid they do between its points.
        if np.array_equal(values, asked[level]):
            intervals[level] = search(values, depth.asked, level)
            continue
        intervals[level] = search(values, depth.real, level)
        alone = outside(search(asked[level], depth.asked, level), intervals[level], float(grid[-1]))
        if alone:
            artefacts[level] = alone
    coupling = {level: found[0][0] if found else None for level, found in intervals.items()}
    events: dict[str, float | None] = {}
    for level, value in coupling.items():
        if value is None:
            events[level] = None
        else:
            there = test.events(probe, np.array([value]), average)
            events[level] = float(sum(counts[0] for counts in there.values()))
    verdict = _verdict(test)
    status = "excluded" if intervals[verdict] else "artefact" if verdict in artefacts else "allowed"
    if intervals[verdict] and intervals[verdict][0][0] == grid[0]:
        status = from_below(status, grid[0], grid[-1])
    return LimitPoint(probe.mass, coupling, events, intervals, artefacts, status)


class _Search:
    """Excluded intervals on a grid; levels often coincide: without background all expected ones do."""

    def __init__(self, grid: Array) -> None:
        self._grid = grid
        self._found: dict[bytes, tuple[Interval, ...]] = {}

    def __call__(
        self, values: Array, function: Callable[[Array], Mapping[str, Array]], level: str
    ) -> tuple[Interval, ...]:
        key = values.tobytes()
        if key not in self._found:
            self._found[key] = excluded_intervals(self._grid, values, lambda g: function(g)[level])
        return self._found[key]


def _verdict(test: SignalTest) -> str:
    """The level that decides: the observed one, the median for a projection."""
    return "observed" if "observed" in test.levels else "median"


def _nothing(mass: float, status: str) -> LimitPoint:
    empty: dict[str, float | None] = dict.fromkeys(LEVELS)
    return LimitPoint(mass, empty, dict(empty), dict.fromkeys(LEVELS, ()), {}, status)


def excluded_intervals(grid: Array, values: Array, function: Callable[[Array], Array]) -> tuple[Interval, ...]:
    """Where `values` are positive, with edges refined; an interval that reaches the end of the grid has no upper edge."""
    grid, values = _with_extremes(grid, values, function)
    inside = values > 0
    edges = [_edge(grid[i], grid[i + 1], function) for i in np.flatnonzero(np.diff(inside))]
    starts = [float(grid[0])] if inside[0] else []
    rising = [edge for edge, i in zip(edges, np.flatnonzero(np.diff(inside)), strict=True) if inside[i + 1]]
    falling: list[float | None] = [
        edge for edge, i in zip(edges, np.flatnonzero(np.diff(inside)), strict=True) if not inside[i + 1]
    ]
    if inside[-1]:
        falling.append(None)
    return tuple(zip(starts + rising, falling, strict=True))


def _with_extremes(grid: Array, values: Array, function: Callable[[Array], Array]) -> tuple[Array, Array]:
    """The grid, with points of the other sign where a dip or a peak between its points has one: destructive interference."""
    added: list[tuple[float, float]] = []
    for i in range(1, len(grid) - 1):
        sign = 1.0 if values[i] > 0 else -1.0
        before, here, after = np.clip(sign * values[i - 1 : i + 2], -50.0, 50.0)
        if not (before > here <= after and here < _STEEP * (before + after - 2 * here)):
            continue
        low, high = float(grid[i - 1]), float(grid[i + 1])
        for _ in range(_ZOOMS):
            points = np.geomspace(low, high, 9)
            found = sign * function(points)
            lowest = int(found.argmin())
            if found[lowest] <= 0:
                added.append((float(points[lowest]), float(sign * found[lowest])))
                break
            low, high = float(points[max(lowest - 1, 0)]), float(points[min(lowest + 1, 8)])
    if not added:
        return grid, values
    at = np.searchsorted(grid, [point for point, _ in added])
    return np.insert(grid, at, [point for point, _ in added]), np.insert(values, at, [value for _, value in added])


def _edge(low: float, high: float, function: Callable[[Array], Array]) -> float:
    """Zero of a function between two couplings: two rounds of nine points, then a straight line in the logarithms.

    Where that misses, as it does at a jump, rounds go on.
    """
    rounds = 0
    while high / low > 1 + _AT_JUMP:
        points = np.geomspace(low, high, 9)
        values = np.clip(function(points), -50.0, 50.0)
        turns = np.flatnonzero(np.diff(values > 0))
        if not len(turns):
            raise ComputationError(
                f"the yield at couplings {low:.6g} and {high:.6g} is not what it was a moment before: production or width is "
                "not a function of the coupling alone, or has structure finer than was looked for"
            )
        i = int(turns[0])
        low, high, rounds = float(points[i]), float(points[i + 1]), rounds + 1
        if rounds == 2:
            share = values[i] / (values[i] - values[i + 1])
            edge = float(low * (high / low) ** share)
            around = function(np.array([edge * (1 - _CLOSE), edge * (1 + _CLOSE)])) > 0
            if around[0] != around[1]:
                return edge
    return high
