"""Posterior densities: a scenario in regions of runs, or a workspace, with priors.

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

from na64stat.arguments import check, wrong
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
from na64stat.study.bayes.posterior import PosteriorStudy
from na64stat.study.bayes.signal import SignalSource
from na64stat.study.provenance import of_scenario, provenance
from na64stat.study.question import Question
from na64stat.yields.growth import growth_notes, reference, strong_coupling, yield_power
from na64stat.yields.survival import DepthAverage
from na64stat.yields.validity import doubts_at_ends

Array = NDArray[np.float64]

_RAISED = 1.02
"""Mean of the signal over the nominal one from which a note says so."""


def subject_of(
    scenario: Scenario | ScenarioFactory | Question | Model,
    run: Run | Sequence[Run] | None,
    *,
    regions: Sequence[str] | None = None,
    cl: float | None = None,
    systematics: bool | None = None,
    correlated: Sequence[str] | None = None,
    average: DepthAverage | None = None,
) -> Question | Model:
    """Subject of a posterior: a question, made of the arguments of a study where they do not hold one, or a model."""
    if isinstance(scenario, Model):
        others = {
            "run": run,
            "regions": regions,
            "systematics": systematics,
            "correlated": correlated,
            "average": average,
        }
        given = [name for name, value in others.items() if value is not None]
        if given:
            raise InputError(f"{', '.join(given)}: goes with a scenario; a model has its own")
        return scenario
    if not isinstance(scenario, Scenario | Question):
        check_factory(scenario, "expected a scenario, a class of one, a Question or a Model")
        if run is None:
            raise wrong("run", run, "expected a Run, such as load_run('2022'), or several")
    return Question.of(
        scenario, run, regions=regions, cl=cl, systematics=systematics, correlated=correlated, average=average
    )


def set_up(
    subject: Question | Model,
    prior: Prior | Sequence[Prior],
    *,
    mass: float | None = None,
    counts: Mapping[str, int] | None = None,
    track: Track = iter,
    as_published: bool = False,
) -> PosteriorStudy:
    """The posterior of a question, or of a model; arguments as in `na64stat.sample`.

    With `as_published` the layer sum is believed where no average over any depth agrees with it.
    """
    priors = _priors(prior)
    if isinstance(subject, Model):
        if mass is not None:
            raise InputError("mass: goes with a scenario; a model has its own")
        return _of_model(subject, priors, counts)
    named = {item.parameter: item for item in priors}
    factory, point, mass = _factory(subject.scenario, mass, named)
    ends = (named["mass"].low, named["mass"].high) if mass is None else (mass,)
    probes = [factory(mass=end, coupling=1.0) for end in ends]
    test = replace(subject, method=None).test(probes[0])
    model = _with_counts(test.model, counts, test.run_name)
    doubts = tuple(dict.fromkeys(doubt for one in test.runs for doubt in doubts_at_ends(probes, one, test.regions)))
    for doubt in doubts:
        warnings.warn(doubt, ValidityWarning, stacklevel=3)
    between = _couplings(probes[0], point, named)
    source = SignalSource(factory, point, mass, test, model, subject.average, as_published=as_published)
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
        "systematics": test.systematics,
        "correlated": list(test.correlated),
        "mass_gev": mass,
        "coupling": None if point is None or "mu" not in named else point.coupling,
        "priors": [item.as_dict() for item in priors],
        "yield_power": power,
        "events_at_coupling_one": at_one,
        **provenance(test.runs, subject.average),
        **of_scenario(probes[0]),
        "density_digest": _digest(posterior),
    }
    return PosteriorStudy(
        posterior=posterior,
        scenario=probes[0].name,
        coupling_symbol=probes[0].coupling_symbol,
        coupling_unit=probes[0].coupling_unit,
        mass=mass,
        run=test.run_name,
        regions=test.regions,
        power=power,
        at_one=at_one,
        shares=source.shares(named),
        facts=facts,
        notes=doubts,
    )


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


def _of_model(model: Model, priors: tuple[Prior, ...], counts: Mapping[str, int] | None) -> PosteriorStudy:
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
    return PosteriorStudy(
        posterior=posterior,
        scenario="workspace",
        coupling_symbol="mu",
        coupling_unit="1",
        mass=None,
        run=None,
        regions=model.channels,
        power=None,
        at_one=None,
        shares=ones / total,
        facts=facts,
        notes=_note_of_mean(model),
    )


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
            raise InputError(f"mass = {mass:g} GeV, and a prior of the mass; expected one of them")
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
