"""Credible limits without Monte Carlo noise: one parameter, several priors side by side, the (mass, coupling) plane."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
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
from na64stat.study.bayes.inquiry import Inquiry
from na64stat.study.bayes.question import pose
from na64stat.study.bayes.signal import ARTEFACT_NOTE
from na64stat.text import interval_text

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
"""Entries of an inquiry's facts that say where a result comes from."""

_POINTS = (120, 160)
"""Masses and couplings of a plane."""


def credible_limit(
    scenario: Scenario | ScenarioFactory | Model,
    run: Run | Sequence[Run] | None,
    prior: Prior,
    *,
    cl: float = 0.90,
    **options: Any,
) -> CredibleLimit:
    """Upper limit from the posterior of the coupling, the yield or mu, by quadrature over the nuisance parameters.

    Parameters
    ----------
    scenario, run, prior
        As in `sample`.
    cl
        Posterior probability below the limit.
    options
        mass, regions, counts, systematics, correlated and average, as in `sample`.

    Raises
    ------
    InputError
        As in `sample`.
    WorkspaceError
        A nuisance parameter is free.
    """
    check_cl(cl)
    return _limit(_pose(scenario, run, prior, cl, options), cl)


def compare_priors(
    scenario: Scenario | ScenarioFactory | Model,
    run: Run | Sequence[Run] | None,
    priors: Prior | Sequence[Prior],
    *,
    cl: float = 0.90,
    track: Track = iter,
    **options: Any,
) -> ComparedLimits:
    """Credible limits with several priors, CL_s and Feldman-Cousins of the same counts, in one table.

    Parameters
    ----------
    scenario, run, options
        As in `credible_limit`.
    priors
        Prior, or several to compare, each of the coupling, the yield or mu.
    cl
        Posterior probability, and confidence level.
    track
        Wraps the priors and methods, for a progress bar.

    Raises
    ------
    InputError
        For no priors, or what `credible_limit` refuses. What CL_s or Feldman-Cousins refuses stands in its row.
    """
    check_cl(cl)
    asked = priors_of("priors", priors)
    if any(prior.parameter == "mass" for prior in asked):
        raise InputError("priors: expected at least one of coupling, yield or mu, none of the mass")
    rows: list[ComparedLimit] = []
    found: list[CredibleLimit] = []
    methods = (Exact(), FeldmanCousins())
    inquiry = None
    notes: list[str] = []
    for item in track([*asked, *methods]):
        if isinstance(item, Prior):
            inquiry = _pose(scenario, run, item, cl, options)
            limit = _limit(inquiry, cl)
            notes += inquiry.notes
            found.append(limit)
            rows.append(ComparedLimit(limit.prior, limit.events, limit.coupling, _remark(limit)))
        elif inquiry is not None:
            rows.append(_frequentist(inquiry, item, cl))
    assert inquiry is not None  # noqa: S101  # there is a prior
    return ComparedLimits(
        inquiry.scenario,
        inquiry.coupling_unit,
        inquiry.run,
        inquiry.regions,
        dict(inquiry.facts["counts"]),
        inquiry.mass,
        cl,
        tuple(rows),
        tuple(found),
        (*dict.fromkeys(notes), *_without_couplings(inquiry, rows)),
        {name: inquiry.facts[name] for name in _PROVENANCE if name in inquiry.facts},
    )


def credible_plane(
    scenario: ScenarioFactory,
    run: Run | Sequence[Run],
    priors: Sequence[Prior],
    *,
    cl: float = 0.90,
    points: tuple[int, int] = _POINTS,
    track: Track = iter,
    **options: Any,
) -> CrediblePlane:
    """Posterior density of mass and coupling, and its credible region, by quadrature.

    Parameters
    ----------
    scenario, run, options
        As in `credible_limit`.
    priors
        One of the coupling and one of the mass.
    cl
        Posterior probability in the credible region.
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
    check_cl(cl)
    size = numbers("points", points)
    if len(size) != 2 or size.min() < 8:
        raise InputError(f"points = {points}: expected at least 8 masses and 8 couplings")
    inquiry = pose(scenario, run, priors_of("priors", priors), track=track, **options)
    if len(inquiry.posterior.priors) != 2:
        raise InputError("priors: expected one of the coupling and one of the mass for a plane")
    of_coupling, of_mass = inquiry.posterior.priors
    mass, coupling = (
        np.geomspace(prior.low or 1e-3 * prior.high, prior.high, size)
        for prior, size in zip((of_mass, of_coupling), points, strict=True)
    )
    likelihood = MarginalLikelihood(inquiry.model)
    rows = [
        likelihood.log(inquiry.posterior.signal({"coupling": coupling, "mass": np.full(len(coupling), value)}))
        for value in track(mass.tolist())
    ]
    logs = np.array(rows)
    density = np.exp(logs - logs.max()) * np.outer(
        of_mass.density(mass) * mass, of_coupling.density(coupling) * coupling
    )
    cells = np.outer(_widths(np.log(mass)), _widths(np.log(coupling)))
    density = density / (density * cells).sum()
    names = (
        inquiry.scenario,
        inquiry.coupling_symbol,
        inquiry.coupling_unit,
        inquiry.run,
        inquiry.regions,
    )
    texts = tuple(str(prior) for prior in inquiry.posterior.priors)
    return CrediblePlane(*names, texts, cl, mass, coupling, density, _level(density, cells, cl), inquiry.notes)


def _pose(
    scenario: Scenario | ScenarioFactory | Model,
    run: Run | Sequence[Run] | None,
    prior: Prior | Sequence[Prior],
    cl: float,
    options: dict[str, Any],
) -> Inquiry:
    """The inquiry, with the paper's limit in its notes where the sum over target layers has another."""
    inquiry = pose(scenario, run, prior, **options)
    if not any(note.startswith(ARTEFACT_NOTE) for note in inquiry.notes):
        return inquiry
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)  # said before
        published = pose(scenario, run, prior, **options, as_published=True)
    (one,) = inquiry.posterior.priors
    text = f"{one}: by the layer sum alone the limit is {_limit(published, cl).limit:.4g}"
    return replace(inquiry, notes=(*inquiry.notes, text))


def _limit(inquiry: Inquiry, cl: float) -> CredibleLimit:
    curve = inquiry.curve()
    prior = curve.prior
    limit = curve.upper_limit(cl)
    events = float(inquiry.events({prior.parameter: np.array([limit])})[0])
    coupling: float | None = limit
    if prior.parameter != "coupling":
        couplings = inquiry.coupling(np.array([events]))
        coupling = None if couplings is None else float(couplings[0])
    unit = inquiry.coupling_unit if prior.parameter == "coupling" else "events" if prior.parameter == "yield" else "1"
    region = curve.highest_density(cl)
    return CredibleLimit(
        str(prior), prior.parameter, unit, cl, limit, events, coupling, region, curve.error, curve, inquiry.notes
    )


def _remark(limit: CredibleLimit) -> str:
    """What a single number hides: that the allowed values are not all below it."""
    if len(limit.highest_density) < 2:
        return ""
    parts = " and ".join(interval_text(interval) for interval in limit.highest_density)
    return f"highest density in {parts}"


def _frequentist(inquiry: Inquiry, method: Exact | FeldmanCousins, cl: float) -> ComparedLimit:
    """Limit on the signal events in all, or why the method has none: that is no reason to lose the other rows."""
    label = "CL_s" if isinstance(method, Exact) else "Feldman-Cousins"
    if inquiry.shares is None:
        return ComparedLimit(label, None, None, "the shares of the channels depend on the coupling; see `limits`")
    try:
        found = limit_of_model(inquiry.model.with_signal_scaled(inquiry.shares), method, cl)
    except Na64StatError as error:
        return ComparedLimit(label, None, None, reason_of(error, method.name))
    if found.observed is None:
        return ComparedLimit(label, None, None, "; ".join(found.notes))
    couplings = inquiry.coupling(np.array([found.observed]))
    note = f"from {found.lower:.4g} events" if found.lower else ""
    return ComparedLimit(label, found.observed, None if couplings is None else float(couplings[0]), note)


def _without_couplings(inquiry: Inquiry, rows: Sequence[ComparedLimit]) -> tuple[str, ...]:
    """Why limits on the events stand without a coupling."""
    if inquiry.mass is None or inquiry.power is not None or all(row.coupling is not None for row in rows):
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
