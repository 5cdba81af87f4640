"""Putting Bayesian questions: a scenario in regions of runs, or a workspace, with priors, as a posterior density.

What multiplies the signal of each channel follows from the parameter that has the prior: the coupling, the signal events in all
channels ("yield"), or the strength mu of a scenario at its coupling, or of the signal of a workspace.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import check, names, wrong
from na64stat.errors import InputError, ValidityWarning, did_you_mean
from na64stat.experiment.run import Run
from na64stat.progress import Track
from na64stat.scenarios.base import Scenario, ScenarioFactory, check_factory
from na64stat.scenarios.dependence import is_packaged
from na64stat.stats.average.signal_mean import raised_by
from na64stat.stats.bayes.posterior import Posterior
from na64stat.stats.bayes.priors import Prior, priors_of
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.reader import MOST_EVENTS
from na64stat.stats.limits import check_combination
from na64stat.study.bayes.events_table import TOLERANCE
from na64stat.study.bayes.inquiry import Inquiry
from na64stat.study.bayes.signal import SignalSource
from na64stat.study.provenance import of_scenario, provenance
from na64stat.study.signal_test import SignalTest
from na64stat.yields.growth import growth_notes, reference, strong_coupling, yield_power
from na64stat.yields.survival import DepthAverage
from na64stat.yields.validity import doubts_at_ends

Array = NDArray[np.float64]

_RAISED = 1.02
"""Mean of the signal over the nominal one from which a note says so."""


def pose(
    scenario: Scenario | ScenarioFactory | Model,
    run: Run | Sequence[Run] | None,
    prior: Prior | Sequence[Prior],
    *,
    mass: float | None = None,
    regions: Sequence[str] | None = None,
    counts: Mapping[str, int] | None = None,
    systematics: bool = True,
    correlated: Sequence[str] = (),
    average: DepthAverage = DepthAverage.LAYERS,
    track: Track = iter,
    as_published: bool = False,
) -> Inquiry:
    """Put a scenario, runs and priors together; arguments as in `na64stat.sample`.

    With `as_published` the layer sum is believed where no average over any depth agrees with it.
    """
    if not isinstance(scenario, (Scenario, Model)):
        check_factory(scenario, "expected a scenario, a class of one, or a Model")
    priors = _priors(prior)
    if isinstance(scenario, Model):
        others = {"run": run, "mass": mass, "regions": regions, "correlated": names("correlated", correlated) or None}
        given = [name for name, value in others.items() if value is not None]
        if given or not systematics:
            raise InputError(f"{', '.join(given) or 'systematics'}: goes with a scenario; a model has its own")
        return _of_model(scenario, priors, counts)
    if run is None:
        raise wrong("run", run, "expected a Run, such as load_run('2022'), or several")
    named = {item.parameter: item for item in priors}
    factory, point, mass = _factory(scenario, mass, named)
    ends = (named["mass"].low, named["mass"].high) if mass is None else (mass,)
    probes = [factory(mass=end, coupling=1.0) for end in ends]
    test = SignalTest.of(probes[0], run, regions, systematics=systematics, correlated=correlated)
    model = _with_counts(test.model, counts, test.run_name)
    doubts = tuple(dict.fromkeys(doubt for one in test.runs for doubt in doubts_at_ends(probes, one, test.regions)))
    for doubt in doubts:
        warnings.warn(doubt, ValidityWarning, stacklevel=3)
    between = _couplings(probes[0], point, named)
    source = SignalSource(factory, point, mass, test, model, average, as_published=as_published)
    doubts += source.artefact_note(named)
    if mass is not None:
        source = _with_power(source, probes[0], between, named)
    power = source.power
    doubts += growth_notes(probes, test.runs, between)
    if "coupling" in named:
        doubts += strong_coupling(probes[0], [named["coupling"].high], "in the prior of the coupling")
    signal, error = source.function(named, track)
    if error > TOLERANCE:
        doubts += (f"events are interpolated to {error:.2g} (relative to events + 0.1), not {TOLERANCE:g}",)
    posterior = Posterior(model, priors, signal)
    at_one = None if power is None else float(source.at_one.sum())
    facts = {
        "scenario": probes[0].name,
        "coupling_unit": probes[0].coupling_unit,
        "run": test.run_name,
        "regions": list(test.regions),
        "counts": _counts(model),
        "systematics": systematics,
        "correlated": list(test.correlated),
        "mass_gev": mass,
        "coupling": None if point is None or "mu" not in named else point.coupling,
        "priors": [item.as_dict() for item in priors],
        "yield_power": power,
        "events_at_coupling_one": at_one,
        **provenance(test.runs, average),
        **of_scenario(probes[0]),
        "density_digest": _digest(posterior),
    }
    symbols = probes[0].coupling_symbol, probes[0].coupling_unit
    shares = source.shares(named)
    of = posterior, probes[0].name, *symbols
    return Inquiry(*of, mass, test.run_name, test.regions, power, at_one, shares, facts, doubts)


def _couplings(probe: Scenario, point: Scenario | None, named: Mapping[str, Prior]) -> tuple[float, float]:
    """Couplings that a question is about: those of the prior, or where limits are looked for."""
    if "coupling" in named:
        return SignalSource.range_of(named["coupling"])
    low, high = probe.coupling_range
    known = point.coupling if point is not None and point.coupling > 0 else low
    return min(low, known), max(high, known)


def _with_power(
    source: SignalSource, probe: Scenario, between: tuple[float, float], named: Mapping[str, Prior]
) -> SignalSource:
    """The source with the power of the coupling that events go with, if they do as far as the priors reach."""
    runs = source.test.runs
    power = yield_power(probe, runs, between)
    if power is None:
        return source
    found = replace(source, power=power, reference=reference(probe, between))
    if is_packaged(probe) or "coupling" in named:
        return found
    total, top = float(found.at_one.sum()), between[1]
    if "yield" in named and total > 0:
        top = (named["yield"].high / total) ** (1 / power)
    elif "mu" in named and source.point is not None:
        top = source.point.coupling * named["mu"].high ** (1 / power)
    if top > between[1] and yield_power(probe, runs, (between[0], top)) != power:
        return source
    return found


def _of_model(model: Model, priors: tuple[Prior, ...], counts: Mapping[str, int] | None) -> Inquiry:
    """The question of a workspace, whose signal has one strength."""
    model = _with_counts(model, counts, "the workspace")
    total = float(model.signal_events.sum())
    (prior,) = priors if len(priors) == 1 else (None,)
    if prior is None or prior.parameter not in ("mu", "yield"):
        raise InputError("priors: expected one of mu or of the yield for a workspace")
    if not total > 0:
        raise InputError("posterior: the workspace has no signal")
    ones = np.ones(len(model.channels))
    unit = 1.0 if prior.parameter == "mu" else total

    def signal(values: Mapping[str, Array]) -> Array:
        return np.multiply.outer(values[prior.parameter] / unit, ones)

    posterior = Posterior(model, priors, signal)
    facts = {
        "scenario": "workspace",
        "coupling_unit": "1",
        "run": None,
        "regions": list(model.channels),
        "counts": _counts(model),
        "systematics": True,
        "correlated": [],
        "mass_gev": None,
        "coupling": None,
        "priors": [item.as_dict() for item in priors],
        "yield_power": None,
        "events_at_coupling_one": None,
        "versions": provenance((), DepthAverage.LAYERS)["versions"],
        "density_digest": _digest(posterior),
    }
    regions = None, model.channels
    notes = _note_of_mean(model)
    return Inquiry(posterior, "workspace", "mu", "1", None, *regions, None, None, ones / total, facts, notes)


def _note_of_mean(model: Model) -> tuple[str, ...]:
    """Say where the constraints, which are priors here, raise the mean of the signal."""
    factor = raised_by(model)
    text = f"under its constraints the signal has a mean {factor:.3g} times its nominal one, and they are its prior as they are; "
    return () if factor < _RAISED else (text + "exact limits keep the nominal mean",)


def _priors(prior: Prior | Sequence[Prior]) -> tuple[Prior, ...]:
    """Priors, the one of the mass last."""
    found = priors_of("prior", prior)
    of = [item.parameter for item in found]
    strengths = [name for name in of if name != "mass"]
    if len(strengths) != 1 or len(found) > 2 or len(set(of)) != len(of):
        raise InputError(
            f"priors of {', '.join(of)}: expected one of coupling, yield or mu, and one of the mass if it is to vary"
        )
    if "mass" in of and strengths != ["coupling"]:
        raise InputError(f"priors of {', '.join(of)}; with a mass that varies, expected a prior of the coupling")
    return tuple(sorted(found, key=lambda item: item.parameter == "mass"))


def _factory(
    scenario: Scenario | ScenarioFactory, mass: float | None, named: Mapping[str, Prior]
) -> tuple[ScenarioFactory, Scenario | None, float | None]:
    """Maker of scenarios, the one that was given with a coupling, and the mass if it is fixed."""
    if "mass" in named:
        if mass is not None:
            raise InputError(f"mass = {mass:g} GeV, and a prior of the mass: expected one of them")
        mass = None
    elif mass is None:
        if not isinstance(scenario, Scenario):
            raise InputError("mass: missing; expected a mass [GeV] or a prior of it")
        mass = scenario.mass
    if isinstance(scenario, Scenario):
        return scenario.at, scenario if mass == scenario.mass else None, mass
    return scenario, None, mass


def _counts(model: Model) -> dict[str, float]:
    """Observed counts by bin, which is the channel where that has one."""
    return {} if model.observed is None else dict(zip(model.bin_names, model.observed.tolist(), strict=True))


def _with_counts(model: Model, counts: Mapping[str, int] | None, where: str) -> Model:
    """The model with its observed counts, or others."""
    bins = ", ".join(model.bin_names)
    right = f"expected a dict with one count of each: {bins}"
    check("counts", counts, (Mapping, type(None)), right)
    if counts is None:
        if model.observed is None:
            raise InputError(
                f"posterior of {where}: no observed counts, or not in all of {bins}; give counts to suppose some"
            )
        return model
    for name in counts:
        if name not in model.bin_names:
            raise InputError(
                f"counts: {name!r} is none of the regions that are asked about, {bins}{did_you_mean(name, model.bin_names)}"
            )
    if sorted(counts) != sorted(model.bin_names):
        raise InputError(f"counts of {', '.join(counts) or 'nothing'}: expected one of each: {bins}")
    for name, count in counts.items():
        if isinstance(count, bool) or not 0 <= count <= MOST_EVENTS or count != int(count):
            raise InputError(f"counts: {count} in {name}; expected a whole number from 0 to {MOST_EVENTS:g}")
    found = model.with_observed(np.array([float(counts[name]) for name in model.bin_names]))
    check_combination(found)
    return found


def _digest(posterior: Posterior) -> str:
    """Digest of the density at some points: a scenario is known by what it predicts, a model by its likelihood."""
    points = posterior.draw(32, np.random.RandomState(0))
    text = [np.array2string(values, precision=9) for values in (posterior(points), *posterior.rates(points))]
    return hashlib.sha256("".join(text).encode()).hexdigest()
