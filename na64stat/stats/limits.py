"""`upper_limit` and `cl_s` of a pyhf workspace."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from na64stat.arguments import is_number, wrong
from na64stat.errors import InputError, LowCountWarning, Na64StatError, RegionError
from na64stat.stats.exact.exact import Exact, method_of
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.workspace import BACKGROUND_FLOOR
from na64stat.stats.method import Method
from na64stat.stats.results import ClsResult, Limit

FEW_COUNTS = 20.0
"""Events in a region below which the asymptotic formulas are not trusted."""

LOW_COUNTS: Final = "asymptotic formulas"
"""Beginning of the note that repeats a `LowCountWarning`."""


def upper_limit(
    workspace: Mapping[str, Any],
    method: Method | None = None,
    cl: float = 0.90,
    regions: Sequence[str] | None = None,
    *,
    patch: Sequence[Mapping[str, Any]] | None = None,
    measurement: str | None = None,
    poi: str | None = None,
) -> Limit:
    """Upper limit on the signal strength mu of a pyhf workspace.

    Parameters
    ----------
    workspace
        Channels with any of normfactor, lumi, normsys, histosys, shapesys, staterror and shapefactor.
    method
        Statistical method; default `Exact()`.
    cl
        Confidence level, between 0 and 1.
    regions
        Channel, or several, which are combined; default all.
    patch
        A JSON patch to apply to the workspace first, such as a signal of a patch set.
    measurement
        Name of the measurement; default the first.
    poi
        Name of the parameter of interest; default the measurement's.

    Raises
    ------
    InputError
        For an invalid workspace, an unknown channel, a refused combination, `cl` outside (0, 1), or a method given by name.

    Warns
    -----
    LowCountWarning
        For `Asymptotic` at low counts; the message gives the exact limit.
    """
    check_cl(cl)
    method = method_of(method)
    model = Model.from_workspace(workspace, regions, patch=patch, measurement=measurement, poi=poi)
    return limit_of_model(model, method, cl)


def limit_of_model(model: Model, method: Method, cl: float) -> Limit:
    """Upper limit on the signal strength of a model."""
    check_combination(model)
    limit = method.upper_limit(model, cl)
    check_strength(model, max([value for value in (limit.observed, *limit.expected) if value is not None], default=0.0))
    if method.needs_many_counts and model.signal_events.any():
        limit = _beside_exact(limit, model, cl)
    notes = limit.notes + _notes(model, method, limit) + _where_it_ends(model) + model.remarks
    return replace(limit, regions=model.channels, notes=notes)


def _where_it_ends(model: Model) -> tuple[str, ...]:
    """Note on the strength up to which a signal that removes events leaves rates >= 0."""
    if math.isinf(model.largest_mu):
        return ()
    return (
        f"the signal is negative in a bin: strengths up to mu = {model.largest_mu:.4g}, where nothing is left there",
    )


def cl_s(
    workspace: Mapping[str, Any],
    mu: float = 1.0,
    method: Method | None = None,
    regions: Sequence[str] | None = None,
) -> ClsResult:
    """CL_s of the hypothesis `mu` of a pyhf workspace.

    Parameters
    ----------
    workspace
        A pyhf workspace.
    mu
        The signal strength [1].
    method
        Statistical method; default `Exact()`.
    regions
        Channel, or several, which are combined; default all.

    Raises
    ------
    InputError
        For a mu that is negative or not finite, an invalid workspace, a refused combination, or a method given by name.
    """
    if not is_number(mu):
        raise wrong("mu", mu, "a signal strength is a finite number >= 0")
    if not 0 <= mu < math.inf:
        raise InputError(f"mu = {mu}: a signal strength is a finite number >= 0")
    method = method_of(method)
    model = Model.from_workspace(workspace, regions)
    check_combination(model)
    check_strength(model, mu)
    return method.cl_s(model, [mu])[0]


def check_cl(cl: float) -> None:
    """Refuse a confidence level outside (0, 1)."""
    if not is_number(cl):
        raise wrong("cl", cl, "a confidence level lies between 0 and 1, e.g. 0.90")
    if not 0 < cl < 1:
        raise InputError(f"cl = {cl}: a confidence level lies between 0 and 1, e.g. 0.90")


def check_strength(model: Model, mu: float) -> None:
    """Refuse a signal strength at which a signal that removes events turns a rate negative."""
    if mu > model.largest_mu:
        b = int(np.argmin(model.background_events + model.largest_mu * model.signal_events))
        raise InputError(
            f"mu = {mu:.4g}: the signal takes {-model.signal_events[b]:g} of {model.background_events[b]:g} events away in "
            f"{model.bin_names[b]} at mu = 1, so that less than nothing is expected beyond mu = {model.largest_mu:.4g}; expected "
            "a strength up to there"
        )


def check_combination(model: Model) -> None:
    """Refuse impossible counts, signals that only remove events, and combinations with a bin of counts but no background."""
    signal = model.signal_events
    if signal.any() and not (signal > 0).any():
        raise RegionError(
            f"{', '.join(model.channels)}: the signal only takes events away ({signal.sum():g} at mu = 1); expected one that "
            "adds events in a bin"
        )
    if model.observed is None:
        return
    several = int((signal > 0).sum()) > 1
    for b in np.flatnonzero((model.observed > 0) & (model.background_events <= BACKGROUND_FLOOR)).tolist():
        name, count = model.bin_names[b], model.observed[b]
        if several and signal[b] > 0:
            raise RegionError(
                f"regions {', '.join(model.channels)}: {name!r} has {count:g} events observed and no background"
                f"{standing_for_none(model, b)}. With b = 0 only the total count matters, so that the combination is weaker than "
                "its best part; give a background or take one region at a time"
            )
        if signal[b] == 0 and signal.any() and model.background_events[b] == 0:
            raise RegionError(
                f"{name!r} has {count:g} events observed where neither signal nor background is expected: no signal strength "
                "makes them possible; give it a background or leave it out"
            )


def standing_for_none(model: Model, b: int) -> str:
    """Addition to "no background" for a bin whose background is a placeholder of zero."""
    events = model.background_events[b]
    return f" ({events:g} events; {BACKGROUND_FLOOR:g} or less stand for none)" if events > 0 else ""


def _beside_exact(limit: Limit, model: Model, cl: float) -> Limit:
    """Warn of low counts, with the exact limit, if there is one, next to the asymptotic one."""
    few = few_counts(model)
    if not few:
        return limit
    label, ours = ("observed", limit.observed) if model.observed is not None else ("median", limit.expected.median)
    text = f"{few}: {label} limit {_text(ours)}"
    try:
        exact = Exact().upper_limit(model, cl)
    except Na64StatError as error:
        text += f"; no exact limit beside it ({error}): toys are the way to check it"
    else:
        theirs = exact.observed if model.observed is not None else exact.expected.median
        text += f", exact{'' if limit.criterion == 'cl_s' else ' by CL_s'}: {_text(theirs)}"
    warnings.warn(text, LowCountWarning, stacklevel=4)
    return replace(limit, notes=(*limit.notes, text))


def few_counts(model: Model) -> str:
    """Beginning of the warning about asymptotic formulas at low counts; empty if there are enough."""
    smallest = float(min(model.background_events if model.observed is None else model.observed))
    smallest = 0.0 if smallest <= BACKGROUND_FLOOR else smallest  # the placeholder of zero
    return f"{LOW_COUNTS} at {smallest:g} events" if smallest < FEW_COUNTS else ""


def _notes(model: Model, method: Method, limit: Limit) -> tuple[str, ...]:
    if model.observed is None:
        return ("projection: no observed counts, expected limits only",)
    if not method.sums_over_counts:
        return ()
    expected = [math.inf if value is None else value for value in limit.expected]
    coincide = all(value == expected[0] or math.isclose(value, expected[0], rel_tol=1e-9) for value in expected)
    notes = []
    for name, count, background in zip(model.bin_names, model.observed, model.background_events, strict=True):
        if background <= BACKGROUND_FLOOR and (coincide or count):
            seen = f"{count:g} observed" if count else "none observed"
            is_own = background in (0.0, BACKGROUND_FLOOR)
            size = "background 0" if is_own else f"background {background:g}, taken as none"
            what = ", so that the five expected values coincide: those of 0 events"
            notes.append(f"{name}: {seen} with {size}{what if coincide else ': expected values have 0 events there'}")
    return tuple(notes)


def _text(value: float | None) -> str:
    return "none" if value is None else f"mu < {value:.4g}"
