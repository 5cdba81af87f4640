"""Credible limits without Monte Carlo noise: one parameter, several priors side by side, the (mass, coupling) plane."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import numbers
from na64stat.errors import InputError, Na64StatError, ValidityWarning
from na64stat.experiment.run import Run
from na64stat.progress import Track
from na64stat.records.credible import ComparedLimit, ComparedLimits, CredibleLimit, CrediblePlane
from na64stat.scenarios.base import Scenario, ScenarioFactory
from na64stat.stats.bayes.marginal_likelihood import MarginalLikelihood
from na64stat.stats.bayes.priors import Prior, priors_of
from na64stat.stats.compare import reason_of
from na64stat.stats.exact.exact import Exact
from na64stat.stats.exact.feldman_cousins import FeldmanCousins
from na64stat.stats.likelihood.model import Model
from na64stat.stats.limits import check_cl, limit_of_model
from na64stat.study.bayes.posterior import PosteriorStudy
from na64stat.study.bayes.set_up import set_up, subject_of
from na64stat.study.bayes.signal import ARTEFACT_NOTE
from na64stat.study.question import Question
from na64stat.text import interval_text
from na64stat.yields.survival import DepthAverage

Array = NDArray[np.float64]

_PROVENANCE: Final = (
    "versions",
    "run_digest",
    "background",
    "depth_average",
    "scenario_class",
    "options",
    "sources",
    "inputs",
    "systematics",
    "correlated",
)
"""Entries of an study's facts that say where a result comes from."""

_POINTS = (120, 160)
"""Masses and couplings of a plane."""


def credible_limit(
    scenario: Scenario | ScenarioFactory | Question | Model,
    run: Run | Sequence[Run] | None = None,
    prior: Prior | None = None,
    *,
    cl: float | None = None,
    mass: float | None = None,
    regions: Sequence[str] | None = None,
    counts: Mapping[str, int] | None = None,
    systematics: bool | None = None,
    correlated: Sequence[str] | None = None,
    average: DepthAverage | None = None,
) -> CredibleLimit:
    """Upper limit from the posterior of the coupling, the yield or mu, by quadrature over the nuisance parameters.

    Parameters
    ----------
    scenario, run, prior, mass, regions, counts, systematics, correlated, average
        As in `sample`.
    cl
        Posterior probability below the limit; default that of a `Question`, else 0.90.

    Raises
    ------
    InputError
        As in `sample`.
    WorkspaceError
        A nuisance parameter is free.
    """
    subject = subject_of(
        scenario, run, regions=regions, cl=cl, systematics=systematics, correlated=correlated, average=average
    )
    cl = _level_of(subject, cl)
    return _limit(_set_up(subject, prior, mass, counts, cl), cl)


def compare_priors(
    scenario: Scenario | ScenarioFactory | Question | Model,
    run: Run | Sequence[Run] | None = None,
    priors: Prior | Sequence[Prior] | None = None,
    *,
    cl: float | None = None,
    mass: float | None = None,
    regions: Sequence[str] | None = None,
    counts: Mapping[str, int] | None = None,
    systematics: bool | None = None,
    correlated: Sequence[str] | None = None,
    average: DepthAverage | None = None,
    track: Track = iter,
) -> ComparedLimits:
    """Credible limits with several priors, CL_s and Feldman-Cousins of the same counts, in one table.

    Parameters
    ----------
    scenario, run, mass, regions, counts, systematics, correlated, average
        As in `sample`.
    priors
        Prior, or several to compare, each of the coupling, the yield or mu.
    cl
        Posterior probability, and confidence level; default as in `credible_limit`.
    track
        Wraps the priors and methods, for a progress bar.

    Raises
    ------
    InputError
        For no priors, or what `credible_limit` refuses. What CL_s or Feldman-Cousins refuses stands in its row.
    """
    subject = subject_of(
        scenario, run, regions=regions, cl=cl, systematics=systematics, correlated=correlated, average=average
    )
    cl = _level_of(subject, cl)
    of_each = priors_of("priors", priors)
    if any(prior.parameter == "mass" for prior in of_each):
        raise InputError("priors: expected at least one of coupling, yield or mu, none of the mass")
    rows: list[ComparedLimit] = []
    found: list[CredibleLimit] = []
    methods = (Exact(), FeldmanCousins())
    study = None
    notes: list[str] = []
    for item in track([*of_each, *methods]):
        if isinstance(item, Prior):
            study = _set_up(subject, item, mass, counts, cl)
            limit = _limit(study, cl)
            notes += study.notes
            found.append(limit)
            rows.append(ComparedLimit(limit.prior, limit.events, limit.coupling, _remark(limit)))
        elif study is not None:
            rows.append(_frequentist(study, item, cl))
    assert study is not None  # noqa: S101  # there is a prior
    return ComparedLimits(
        scenario=study.scenario,
        coupling_unit=study.coupling_unit,
        run=study.run,
        regions=study.regions,
        counts=dict(study.facts["counts"]),
        mass=study.mass,
        cl=cl,
        rows=tuple(rows),
        credible=tuple(found),
        notes=(*dict.fromkeys(notes), *_without_couplings(study, rows)),
        provenance=_provenance(study),
    )


def credible_plane(
    scenario: ScenarioFactory | Question,
    run: Run | Sequence[Run] | None = None,
    priors: Sequence[Prior] = (),
    *,
    cl: float | None = None,
    points: tuple[int, int] = _POINTS,
    regions: Sequence[str] | None = None,
    counts: Mapping[str, int] | None = None,
    systematics: bool | None = None,
    correlated: Sequence[str] | None = None,
    average: DepthAverage | None = None,
    track: Track = iter,
) -> CrediblePlane:
    """Posterior density of mass and coupling, and its credible region, by quadrature.

    Parameters
    ----------
    scenario, run, regions, counts, systematics, correlated, average
        As in `sample`.
    priors
        One of the coupling and one of the mass.
    cl
        Posterior probability in the credible region; default as in `credible_limit`.
    points
        Masses and couplings of the grid, evenly spaced in the logarithms between the bounds of the priors; a prior that begins
        at zero is followed down to a thousandth of its upper end.
    track
        Wraps what is computed, for a progress bar.

    Raises
    ------
    InputError
        For other than one prior of the coupling and one of the mass, a grid too small, or what `credible_limit` refuses.
    """
    subject = subject_of(
        scenario, run, regions=regions, cl=cl, systematics=systematics, correlated=correlated, average=average
    )
    cl = _level_of(subject, cl)
    size = numbers("points", points)
    if len(size) != 2 or size.min() < 8:
        raise InputError(f"points = {points}: expected at least 8 masses and 8 couplings")
    study = set_up(subject, priors_of("priors", priors), counts=counts, track=track)
    if len(study.posterior.priors) != 2:
        raise InputError("priors: expected one of the coupling and one of the mass for a plane")
    of_coupling, of_mass = study.posterior.priors
    mass, coupling = (
        np.geomspace(prior.low or 1e-3 * prior.high, prior.high, size)
        for prior, size in zip((of_mass, of_coupling), points, strict=True)
    )
    likelihood = MarginalLikelihood(study.model)
    rows = [
        likelihood.log(study.posterior.signal({"coupling": coupling, "mass": np.full(len(coupling), value)}))
        for value in track(mass.tolist())
    ]
    logs = np.array(rows)
    density = np.exp(logs - logs.max()) * np.outer(
        of_mass.density(mass) * mass, of_coupling.density(coupling) * coupling
    )
    cells = np.outer(_widths(np.log(mass)), _widths(np.log(coupling)))
    density = density / (density * cells).sum()
    return CrediblePlane(
        scenario=study.scenario,
        coupling_symbol=study.coupling_symbol,
        coupling_unit=study.coupling_unit,
        run=study.run,
        regions=study.regions,
        priors=tuple(str(prior) for prior in study.posterior.priors),
        cl=cl,
        mass=mass,
        coupling=coupling,
        density=density,
        level=_level(density, cells, cl),
        notes=study.notes,
        provenance=_provenance(study),
    )


def _provenance(study: PosteriorStudy) -> dict[str, Any]:
    return {name: study.facts[name] for name in _PROVENANCE if name in study.facts}


def _level_of(subject: Question | Model, cl: float | None) -> float:
    """The posterior probability that is asked for."""
    if isinstance(subject, Question):
        return subject.cl
    probability = 0.90 if cl is None else cl
    check_cl(probability)
    return probability


def _set_up(
    subject: Question | Model, prior: Prior | None, mass: float | None, counts: Mapping[str, int] | None, cl: float
) -> PosteriorStudy:
    """The posterior, with the paper's limit in its notes where the sum over target layers has another."""
    of_one = priors_of("prior", prior)
    study = set_up(subject, of_one, mass=mass, counts=counts)
    if not any(note.startswith(ARTEFACT_NOTE) for note in study.notes):
        return study
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)  # said before
        published = set_up(subject, of_one, mass=mass, counts=counts, as_published=True)
    (one,) = study.posterior.priors
    text = f"{one}: by the layer sum alone the limit is {_limit(published, cl).limit:.4g}"
    return replace(study, notes=(*study.notes, text))


def _limit(study: PosteriorStudy, cl: float) -> CredibleLimit:
    curve = study.curve()
    prior = curve.prior
    limit = curve.upper_limit(cl)
    events = float(study.events({prior.parameter: np.array([limit])})[0])
    coupling: float | None = limit
    if prior.parameter != "coupling":
        couplings = study.coupling(np.array([events]))
        coupling = None if couplings is None else float(couplings[0])
    unit = study.coupling_unit if prior.parameter == "coupling" else "events" if prior.parameter == "yield" else "1"
    region = curve.highest_density(cl)
    return CredibleLimit(
        str(prior), prior.parameter, unit, cl, limit, events, coupling, region, curve.error, curve, study.notes
    )


def _remark(limit: CredibleLimit) -> str:
    """Remark that the allowed values are not all below the limit."""
    if len(limit.highest_density) < 2:
        return ""
    parts = " and ".join(interval_text(interval) for interval in limit.highest_density)
    return f"highest density in {parts}"


def _frequentist(study: PosteriorStudy, method: Exact | FeldmanCousins, cl: float) -> ComparedLimit:
    """Limit on the signal events in all, or why the method has none: that is no reason to lose the other rows."""
    label = method.label
    if study.shares is None:
        return ComparedLimit(label, None, None, "the shares of the channels depend on the coupling; see `limits`")
    try:
        found = limit_of_model(study.model.with_signal_scaled(study.shares), method, cl)
    except Na64StatError as error:
        return ComparedLimit(label, None, None, reason_of(error, method.name))
    if found.observed is None:
        return ComparedLimit(label, None, None, "; ".join(found.notes))
    couplings = study.coupling(np.array([found.observed]))
    note = f"from {found.lower:.4g} events" if found.lower else ""
    return ComparedLimit(label, found.observed, None if couplings is None else float(couplings[0]), note)


def _without_couplings(study: PosteriorStudy, rows: Sequence[ComparedLimit]) -> tuple[str, ...]:
    """Why limits on the events stand without a coupling."""
    if study.mass is None or study.power is not None or all(row.coupling is not None for row in rows):
        return ()
    text = (
        "limits on the events alone: they are no power of the coupling, so that several couplings may give as many "
        "events; na64stat limit finds those that CL_s excludes"
    )
    return (text,)


def _widths(x: Array) -> Array:
    """Weights of the trapezoidal rule."""
    steps = np.diff(x)
    return np.asarray(0.5 * (np.concatenate([steps, [0.0]]) + np.concatenate([[0.0], steps])))


def _level(density: Array, cells: Array, cl: float) -> float:
    order = np.argsort(-density.ravel(), kind="stable")
    held = np.cumsum((density * cells).ravel()[order])
    return float(np.interp(cl * held[-1], held, density.ravel()[order]))
