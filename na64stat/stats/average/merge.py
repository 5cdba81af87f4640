"""Merging of equivalent log-normal factors: thirty normsys of one sample are one, with the quadratic sum of their logarithms.

A symmetric normsys (hi = 1/lo) multiplies a rate by exp(a alpha), so that the factors on R samples are exp(y) with y Gaussian, of
covariance A^T A, where A has the logarithms, one row per parameter. R parameters are therefore sufficient for the same average,
and for the same profile likelihood, since the smallest sum of squares of alpha at a given y is y^T (A^T A)^-1 y.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array, Gaussian, Parameter
from na64stat.stats.likelihood.sample import ChannelSample

SYMMETRIC = 1e-9
"""Largest |ln hi + ln lo| of a factor that counts as hi = 1/lo."""

DEVIATION = 1e-9
"""Largest relative difference of interpolation code 4 from the exponential for which a factor counts as exponential."""

_SMALL = 0.05
"""Logarithm of a factor per unit of a merged parameter, so small that code 4 differs from exp by 1e-14."""

Key = tuple[tuple[int, ...], bool, bool]


def log_normal(model: Model) -> NDArray[np.bool_]:
    """Mask of the parameters with a Gaussian constraint around 0 that act as symmetric normsys only, shape (P,)."""
    mask = np.array([isinstance(item.constraint, Gaussian) and not item.fixed for item in model.parameters], dtype=bool)
    mask &= np.array([item.constraint is not None and _centre(item) == 0 for item in model.parameters], dtype=bool)
    for row in model.rows:
        mask[list(row.factors)] = False
        mask[[i for i, _, _ in row.histosys]] = False
        for gamma in row.gammas:
            mask[gamma] = False
        mask[[i for i, hi, lo in row.normsys if abs(math.log(hi) + math.log(lo)) > SYMMETRIC]] = False
    return mask


def merged(model: Model) -> Model:
    """The model with as few log-normal parameters as its averages and profile likelihoods need.

    Parameters of the same bins that all act on signal, on background or on both are merged if they outnumber the samples that can
    tell them apart. Interpolation code 4 is not exactly exponential within one standard deviation; a factor with a difference of
    more than `DEVIATION` (0.2 in the logarithm) is kept.
    """
    for members in _groups(model).values():
        model = _without(model, members) if len(members) > 1 else model
    used = sorted({model.poi}.union(*(row.parameters for row in model.rows)))
    if len(used) == len(model.parameters):
        return model
    new = np.full(len(model.parameters), -1)
    new[used] = np.arange(len(used))
    same = np.arange(model.bins)
    return replace(
        model,
        parameters=tuple(model.parameters[i] for i in used),
        poi=int(new[model.poi]),
        rows=tuple(row.renumbered(row.channel, same, new) for row in model.rows),
    )


def _centre(parameter: Parameter) -> float:
    return parameter.constraint.centre if isinstance(parameter.constraint, Gaussian) else math.nan


def _groups(model: Model) -> dict[Key, list[int]]:
    """Parameters that may be merged, grouped by the bins and kinds of samples that they move."""
    candidates = log_normal(model)
    bins: list[set[int]] = [set() for _ in model.parameters]
    kinds: list[set[bool]] = [set() for _ in model.parameters]
    for row in model.rows:
        for i, hi, _ in row.normsys:
            bins[i].update(row.bins.tolist())
            kinds[i].add(model.poi in row.factors)
            if model.interpolation.normsys == 4 and not _exponential(abs(math.log(hi))):
                candidates[i] = False
    groups: dict[Key, list[int]] = {}
    for i in np.flatnonzero(candidates).tolist():
        if bins[i]:
            # Parameters shared by several bins are integrated together, whichever bins these are.
            where = tuple(bins[i]) if len(bins[i]) == 1 else ()
            groups.setdefault((where, True in kinds[i], False in kinds[i]), []).append(i)
    return groups


def _exponential(log: float) -> bool:
    """True where code 4 is exponential: from the remainder of Hermite interpolation, with |x (x^2 - 1)^3| <= 0.239."""
    return log < 1 and log**7 * math.exp(log) * 0.239 / math.factorial(7) < DEVIATION


def _without(model: Model, members: list[int]) -> Model:
    """The model with `members` replaced by the parameters that are needed."""
    logs = _logs(model, members)
    mixture, sizes, directions = np.linalg.svd(logs, full_matrices=False)
    needed = int((sizes > 1e-12 * sizes.max(initial=0.0)).sum())
    if needed >= len(members):
        return model
    effects: Array = sizes[:needed, None] * directions[:needed]
    # Sign convention: most effects of a parameter increase with it.
    effects *= np.where(effects.sum(axis=1) < 0, -1.0, 1.0)[:, None]
    widths = np.maximum(np.abs(effects).max(axis=1) / _SMALL, 1.0)
    parameters, rows = list(model.parameters), list(model.rows)
    reach = np.where(np.abs(mixture) > 1e-12, _ends([parameters[i] for i in members])[:, None] * np.abs(mixture), 0.0)
    ends = reach.sum(axis=0)[:needed] * widths
    stand_in = list(zip(members, effects, widths.tolist(), strict=False))  # the first members represent all
    for (i, _, width), end in zip(stand_in, ends.tolist(), strict=True):
        name = f"{parameters[i].name} and others"
        parameters[i] = Parameter(name, 0.0, -end, end, constraint=Gaussian(0.0, width))
    for r, row in enumerate(rows):
        rows[r] = _row(row, members, [(i, float(effect[r]) / width) for i, effect, width in stand_in])
    return replace(model, parameters=tuple(parameters), rows=tuple(rows))


def _logs(model: Model, members: list[int]) -> Array:
    """Logarithms of the factors at one standard deviation, shape (members, rows)."""
    place = {i: k for k, i in enumerate(members)}
    logs = np.zeros((len(members), len(model.rows)))
    for r, row in enumerate(model.rows):
        for i, hi, _ in row.normsys:
            if i in place:
                constraint = model.parameters[i].constraint
                logs[place[i], r] += math.log(hi) * (1.0 if constraint is None else constraint.width)
    return logs


def _ends(members: list[Parameter]) -> Array:
    """The nearer of two bounds in standard deviations, shape (members,)."""
    return np.array([min(-item.lower, item.upper) / item.constraint.width for item in members if item.constraint])


def _row(row: ChannelSample, members: list[int], new: list[tuple[int, float]]) -> ChannelSample:
    kept = tuple(item for item in row.normsys if item[0] not in set(members))
    return replace(row, normsys=kept + tuple((i, math.exp(a), math.exp(-a)) for i, a in new if a != 0))
