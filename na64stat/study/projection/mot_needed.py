"""Muons on target needed to exclude or discover one point of a scenario.

The signal grows with them, so that no spectrum is computed anew. With the background gone or fixed the answer is a ratio.

With a background that grows, too, the counts that decide (the median without signal, the smallest one improbable enough) go up in
steps, and at every step the verdict falls back: exclusion can come, go and come back. What is given is the number from which on
it always holds. In one channel that is certain: between two numbers of muons the deciding count is at most that of the larger,
signal and background are at least those of the smaller, and both make a verdict at a given count easier; a stretch where that
suffices holds throughout, another one is halved.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

import numpy as np

from na64stat.errors import ComputationError, Na64StatError, ScenarioError
from na64stat.experiment.run import MUONS, BackgroundScaling, Run
from na64stat.records.artefact import note_of_events
from na64stat.records.projection import MotNeeded, Need
from na64stat.records.status import failed
from na64stat.scenarios.base import Scenario, check_scenario
from na64stat.stats.exact.exact import Exact
from na64stat.stats.exact.one_bin import OneBin
from na64stat.stats.likelihood.model import Model
from na64stat.stats.method import Method
from na64stat.study.projection.discovery import FEWEST_EVENTS, THRESHOLDS, Discovery, first_count, last_failure
from na64stat.study.provenance import provenance, provenance_of
from na64stat.study.question import Question
from na64stat.study.signal_test import SignalTest
from na64stat.yields.growth import strong_coupling
from na64stat.yields.survival import DepthAverage

EXCLUDED: Final = "excluded"
VERDICTS: Final = (EXCLUDED, *(f"{z:g} sigma" for z in THRESHOLDS))

_TOLERANCE: Final = 1e-5
"""To which the number of muons is known, relatively."""

_SMOOTH: Final = 20_000
"""Counts beyond which one more of them matters little: stretches are then accepted by their ends."""

_COARSE: Final = 1.25
"""Ratio of neighbouring numbers of muons where several channels, or another method, are followed point by point."""

_ENOUGH: Final = 30.0
"""One channel is followed until its background's uncertainty is this many times its Poisson fluctuation.

That fluctuation then adds less than 0.1% to the spread: signal and background grow alike, and more muons change nothing. A known
background is followed until the signal is this many Poisson fluctuations of all events, a number that grows with the muons."""


def mot_needed(
    scenario: Scenario | Question,
    run: Run | None = None,
    *,
    background: BackgroundScaling = BackgroundScaling.NONE,
    regions: Sequence[str] | None = None,
    method: Method | None = None,
    cl: float | None = None,
    systematics: bool | None = None,
    average: DepthAverage | None = None,
) -> MotNeeded:
    """Muons on target from which on a point is excluded, and discovered at 3 and 5 standard deviations, in the median.

    Parameters
    ----------
    scenario, run
        The point, a scenario with its mass and coupling, and the detector, whose observed counts play no part; or a `Question`
        about them.
    background, regions, method, cl, systematics, average
        As in `project`.

    Raises
    ------
    ScenarioError
        There is no signal at this point, or this is no scenario with a mass and a coupling.
    InputError
        What `Run.with_mot` or `limits` refuses.
    """
    if not isinstance(scenario, Question):
        check_scenario(scenario)
    question = Question.of(
        scenario, run, regions=regions, method=method, cl=cl, systematics=systematics, average=average
    )
    point, detector = question.point, question.single_run
    test = question.with_run(detector.with_mot(detector.mot, background)).test(point)
    by_layers = test.events(point, np.array([point.coupling]), question.average)
    smooth = test.events(point, np.array([point.coupling]), DepthAverage.CONTINUOUS)
    artefact = None if question.average is DepthAverage.CONTINUOUS else note_of_events(by_layers, smooth)
    events = {name: float(values[0]) for name, values in (smooth if artefact else by_layers).items()}
    if sum(events.values()) == 0:
        raise ScenarioError(
            f"{point.name} at mass {point.mass:g} GeV and coupling {point.coupling:g}: no signal in "
            f"{', '.join(test.regions)}; expected another coupling"
        )
    exposures = _Exposures(detector, background, test.regions, test.method, test.cl, test.systematics)
    needs = tuple(_need(exposures, events, verdict) for verdict in VERDICTS)
    return MotNeeded(
        scenario=point.name,
        mass=point.mass,
        coupling=point.coupling,
        coupling_unit=point.coupling_unit,
        run=detector.name,
        regions=test.regions,
        cl=test.cl,
        method=test.method.name,
        background=background.value,
        background_setting=detector.background_setting,
        events=events,
        needs=needs,
        notes=(
            *Discovery(test).notes,
            *([artefact] if artefact else []),
            *strong_coupling(point, [point.coupling]),
        ),
        provenance={**provenance_of(point, test, question.average), **provenance([detector], question.average)},
    )


class _Exposures:
    """Tests of one detector with any number of muons on target."""

    def __init__(
        self,
        run: Run,
        background: BackgroundScaling,
        regions: tuple[str, ...],
        method: Method,
        cl: float,
        systematics: bool,
    ) -> None:
        self.run, self.background, self.regions = run, background, regions
        self.method, self.cl, self.systematics = method, cl, systematics

    def test_at(self, mot: float) -> SignalTest:
        """The test with this many muons."""
        return SignalTest(self.run.with_mot(mot, self.background), self.regions, self.method, self.cl, self.systematics)

    def by_count(self, verdict: str) -> bool:
        """True if the verdict is that of a count, whose steps are known; discovery always is in one channel."""
        return len(self.regions) == 1 and (verdict != EXCLUDED or self.method == Exact())


def _need(exposures: _Exposures, events: Mapping[str, float], verdict: str) -> Need:
    try:
        if exposures.background is BackgroundScaling.PER_MOT:
            mot, reason = _growing(exposures, events, verdict)
        else:
            mot, reason = _constant(exposures, events, verdict)
    except Na64StatError as error:
        return Need(verdict, None, None, failed(error))
    if mot is None:
        return Need(verdict, None, None, reason)
    low, high = MUONS
    if mot < low:
        mot, reason = low, "from one muon on"
    if mot > high:
        return Need(verdict, None, None, f"{mot:.3g} muons would be needed, more than {high:g}")
    return Need(verdict, mot, sum(events.values()) * mot / exposures.run.mot, reason)


def _constant(exposures: _Exposures, events: Mapping[str, float], verdict: str) -> tuple[float | None, str]:
    """No background, or a fixed one: the signal strength that is needed, in muons of the run."""
    test = exposures.test_at(exposures.run.mot)
    strength: float | None
    if verdict == EXCLUDED:
        total = sum(events.values())
        limit = test.limit({name: count / total for name, count in events.items()}).expected.median
        strength = None if limit is None else limit / total
    else:
        strength = Discovery(test).strength_needed(events, _threshold(verdict))
    if strength is None:
        return None, "no signal strength suffices"
    return strength * exposures.run.mot, ""


def _threshold(verdict: str) -> float:
    return THRESHOLDS[VERDICTS.index(verdict) - 1]


def _growing(exposures: _Exposures, events: Mapping[str, float], verdict: str) -> tuple[float | None, str]:
    """A background that grows with the muons: search from where there is too little signal to 1e20."""
    # CL_s of any outcome is at least exp(-s), too.
    fewest = min(FEWEST_EVENTS, -math.log1p(-exposures.cl)) if verdict == EXCLUDED else FEWEST_EVENTS
    low = max(MUONS[0], exposures.run.mot * 0.9 * fewest / sum(events.values()))
    if low >= MUONS[1]:
        return (
            None,
            f"there are {sum(events.values()) * MUONS[1] / exposures.run.mot:.3g} signal events at {MUONS[1]:g} muons",
        )
    end = _end(exposures, events, low)
    if exposures.by_count(verdict):
        return _Staircase(exposures, events, verdict).search(low, end)
    return _followed(exposures, events, verdict, (low, end))


def _end(exposures: _Exposures, events: Mapping[str, float], low: float) -> float:
    """Muons up to which a search goes."""
    if len(exposures.regions) > 1:
        return MUONS[1]
    background, signal = exposures.run.region(exposures.regions[0]).background, sum(events.values())
    if exposures.systematics and background.uncertainty > 0:
        factor = _ENOUGH**2 * background.events / background.uncertainty**2
    else:
        factor = _ENOUGH**2 * (signal + background.events) / signal**2
    return min(max(exposures.run.mot * factor, 100 * low), MUONS[1])


class _Step:
    """One channel at one number of muons: which count decides, and whether a count says what is asked."""

    def __init__(self, exposures: _Exposures, events: Mapping[str, float], verdict: str, mot: float) -> None:
        self.verdict, self.test = verdict, exposures.test_at(mot)
        self.events = sum(events.values()) * mot / exposures.run.mot
        self.discovery = Discovery(self.test)

    @cached_property
    def _space(self) -> OneBin:
        model: Model = self.discovery.model
        return OneBin(model.with_signal_scaled(self.events))

    @cached_property
    def count(self) -> int:
        """The deciding count, which never falls with the muons."""
        if self.verdict != EXCLUDED:
            return self.discovery.count_needed(_threshold(self.verdict))
        average = self._space.average

        def above_half(count: float) -> float:
            probability = float(np.exp(average.log_cumulative(count, np.zeros(1))).mean())
            return -math.log(2) - math.log(max(probability, 1e-300))

        return first_count(above_half, 0, self._space.background, self.spread)

    @property
    def spread(self) -> float:
        """Standard deviation of the background counts, about."""
        return self.discovery.spread

    def margin(self, count: int) -> float:
        """Positive if this count says what is asked; it never falls with the muons."""
        if self.verdict != EXCLUDED:
            return self.discovery.margin(count, self.events)
        cl_s = float(self._space.value(count, np.ones(1)).mean())
        return self.test.log_alpha - math.log(max(cl_s, 1e-300))


class _Staircase:
    """The last failure of a verdict in one channel."""

    def __init__(self, exposures: _Exposures, events: Mapping[str, float], verdict: str) -> None:
        self.exposures, self.events, self.verdict = exposures, events, verdict
        self._known: dict[float, _Step] = {}

    def at(self, mot: float) -> _Step:
        if mot not in self._known:
            self._known[mot] = _Step(self.exposures, self.events, self.verdict, mot)
        return self._known[mot]

    def search(self, low: float, high: float) -> tuple[float | None, str]:
        """Muons from which on the verdict always holds up to `high`; it fails at `low`, or `low` is one muon."""
        last = self.at(high)
        if last.margin(last.count) <= 0:
            background = last.test.runs[0].region(self.exposures.regions[0]).background
            text = f"{last.events:.3g} signal events at {high:.3g} muons are too few on a background of {background.events:.3g}"
            if self.exposures.systematics and background.uncertainty > 0:
                share = background.uncertainty / background.events
                text += f", whose relative uncertainty of {share:.2g} does not shrink with more muons"
            return None, text
        while low > MUONS[0] and self.at(low).margin(self.at(low).count) > 0:  # very uncertain signals
            low = max(low / 10, MUONS[0])
        stretches = [(low, high)]
        while stretches:
            begin, end = stretches.pop()
            if self._holds(begin, end):
                continue
            if end / begin < 1 + _TOLERANCE:
                return end, ""
            if self.at(begin).count == self.at(end).count:
                return self._root(begin, end), ""
            middle = math.sqrt(begin * end)
            stretches += [(begin, middle), (middle, end)]
        return low, ""

    def _root(self, begin: float, end: float) -> float:
        """Where the verdict comes true in a stretch of one count, at whose beginning it fails; its end if it does not."""
        from scipy.optimize import brentq

        count = self.at(begin).count
        if self.at(end).margin(count) <= 0:
            return end
        logs = math.log(begin), math.log(end)
        return math.exp(float(brentq(lambda log: self.at(math.exp(log)).margin(count), *logs, xtol=_TOLERANCE / 10)))

    def _holds(self, begin: float, end: float) -> bool:
        """True if the verdict holds everywhere in a stretch."""
        first, count = self.at(begin), self.at(end).count
        if first.margin(count) > 0:
            return True
        if end / begin > 1.3 or first.count < _SMOOTH:
            return False
        # The worst place of a step is its beginning: as if one more count were there already.
        return all(step.margin(step.count + 1) > 0 for step in (first, self.at(end)))


def _followed(
    exposures: _Exposures, events: Mapping[str, float], verdict: str, ends: tuple[float, float]
) -> tuple[float | None, str]:
    """Several channels, or another method: point by point, as far as the method goes."""

    def holds(mot: float) -> bool:
        if mot not in known:
            scaled = {name: count * mot / exposures.run.mot for name, count in events.items()}
            test = exposures.test_at(mot)
            if verdict == EXCLUDED:
                cl_s = test.direct({name: np.array([count]) for name, count in scaled.items()})["median"][0]
                known[mot] = bool(cl_s < 1 - exposures.cl)
            else:
                known[mot] = Discovery(test).median(scaled) >= _threshold(verdict)
        return known[mot]

    known: dict[float, bool] = {}
    grid, remark = [ends[0]], ""
    while True:
        try:
            holds(grid[-1])
        except ComputationError as error:
            grid.pop()
            if not grid:
                raise
            remark = f"looked for up to {grid[-1]:.3g} muons; beyond: {error}"
            break
        if grid[-1] == ends[1]:
            break
        grid.append(min(grid[-1] * _COARSE, ends[1]))
    if not holds(grid[-1]):
        return None, remark or f"not at {grid[-1]:.3g} muons either"
    last = max((i for i, mot in enumerate(grid) if not known[mot]), default=None)
    return (ends[0] if last is None else last_failure(holds, grid[last], grid[last + 1])), remark
