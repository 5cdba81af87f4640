"""A model as flat arrays, the form that compiled code reads.

Lists of unequal length (the factors of each row, for example) follow each other in one array, with their beginnings in another. A
parameter that moves one bin only is local to it; its part of the second derivatives is a small block, so that a fit of a thousand
bins with a factor each costs no more than the bins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from na64stat.stats.likelihood.interpolation import Interpolation, polynomial_coefficients
from na64stat.stats.likelihood.kernel import (
    BEND,
    BINS,
    BOW,
    CELL_BIN,
    CELLS,
    CODE_1,
    CODE_4,
    CONSTRAINT_PAR,
    CONSTRAINT_POISSON,
    CONSTRAINT_SCALE,
    CONSTRAINTS,
    CROSS,
    DOWN,
    FACTOR_AT,
    FACTOR_KIND,
    FACTOR_PAR,
    FACTOR_POLY,
    FACTOR_START,
    FIRST,
    FIRST_LOCAL,
    FREE,
    GAMMA,
    GAMMA_AT,
    GAMMA_PAR,
    GAMMA_START,
    GLOBAL_PAR,
    GLOBALS,
    GRADIENT,
    HEADER,
    HEIGHT,
    HESS,
    LEAST,
    LINEAR_SHAPES,
    LOCAL,
    LOCAL_BIN,
    LOCAL_PAR,
    LOG_HI,
    LOG_LO,
    NOMINAL,
    PARAMETERS,
    PLAIN,
    POSITION,
    PRODUCT,
    RATE,
    REACH,
    REDUCED,
    ROW_SIGNAL,
    ROW_START,
    ROWS,
    SHAPE_AT,
    SHAPE_PAR,
    SHAPE_POS,
    SHAPE_START,
    SHIFT,
    SLOPE,
    SLOTS,
    SOFTEN,
    SOLVED,
    SOLVED_GRADIENT,
    STEP,
    TILT,
    UP,
    VALUE,
    WORK,
    Compiled,
    Indices,
)
from na64stat.stats.likelihood.parameters import Array, Gaussian, Poisson

if TYPE_CHECKING:
    from na64stat.stats.likelihood.model import Model
    from na64stat.stats.likelihood.sample import ChannelSample

_LEAST = 1e-4
"""Share of the nominal background below which fits are turned back; the error of -ln L is at most so many events."""

_CANCELLED = 1e-6
"""Smallest background, as a share of its samples, if they cancel."""


def compile_model(model: Model) -> Compiled:
    """Tables of a model; mu counts signal events in all (`Model.unit`)."""
    rows = model.rows
    scale = [1 / model.unit if model.poi in row.factors else 1.0 for row in rows]
    factors = [_factors(row, model.interpolation) for row in rows]
    flat = [item for items in factors for item in items]
    hi, lo = np.array([item[2] for item in flat]), np.array([item[3] for item in flat])
    shapes = [(i, up * s, down * s) for row, s in zip(rows, scale, strict=True) for i, up, down in row.histosys]
    gammas = [gamma for row in rows for gamma in row.gammas]
    position, local_bin, local_par, global_par = _locality(model)
    constraints = [c for c in (model.parameters[i].constraint for i in model.constrained) if c is not None]
    factor_par, shape_par = _ints([item[1] for item in flat]), _ints([i for i, _, _ in shapes])
    ints: dict[int, Any] = {
        ROW_START: _starts([len(row.bins) for row in rows]),
        CELL_BIN: np.concatenate([row.bins for row in rows]),
        FACTOR_START: _starts([len(items) for items in factors]),
        FACTOR_KIND: [item[0] for item in flat],
        FACTOR_PAR: factor_par,
        FACTOR_AT: position[factor_par],
        SHAPE_START: _starts([len(row.histosys) for row in rows]),
        SHAPE_PAR: shape_par,
        SHAPE_POS: position[shape_par],
        SHAPE_AT: _starts([len(up) for _, up, _ in shapes])[:-1],
        GAMMA_START: _starts([len(row.gammas) for row in rows]),
        GAMMA_AT: _starts([len(gamma) for gamma in gammas])[:-1],
        GAMMA_PAR: np.concatenate([np.zeros(0), *gammas]),
        POSITION: position,
        LOCAL_BIN: local_bin,
        LOCAL_PAR: local_par.ravel(),
        GLOBAL_PAR: global_par,
        ROW_SIGNAL: [model.poi in row.factors for row in rows],
        CONSTRAINT_PAR: model.constrained,
        CONSTRAINT_POISSON: [isinstance(c, Poisson) for c in constraints],
    }
    floats: dict[int, Any] = {
        NOMINAL: np.concatenate([row.nominal * s for row, s in zip(rows, scale, strict=True)]),
        LOG_HI: np.log(hi),
        LOG_LO: np.log(lo),
        FACTOR_POLY: polynomial_coefficients(hi, lo).ravel() if flat else [],
        UP: np.concatenate([np.zeros(0), *(up for _, up, _ in shapes)]),
        DOWN: np.concatenate([np.zeros(0), *(down for _, _, down in shapes)]),
        CONSTRAINT_SCALE: [c.sigma if isinstance(c, Gaussian) else c.tau for c in constraints],
        REACH: _reach(model),
        LEAST: _least_rates(model),
    }
    sizes = {
        ROWS: len(rows),
        CELLS: len(ints[CELL_BIN]),
        BINS: model.bins,
        PARAMETERS: len(model.parameters),
        GLOBALS: len(global_par),
        SLOTS: local_par.shape[1],
        CONSTRAINTS: len(constraints),
        LINEAR_SHAPES: int(str(model.interpolation.histosys) == "0"),
    }
    return _pack(sizes, {key: _ints(values) for key, values in ints.items()}, floats, len(flat), len(shapes))


def _pack(
    sizes: dict[int, int], ints: dict[int, Indices], floats: dict[int, Any], factors: int, shapes: int
) -> Compiled:
    """Join the tables, with the beginning of each."""
    header = np.zeros(HEADER, dtype=np.int64)
    for key, size in sizes.items():
        header[key] = size
    rows, cells, bins, parameters, size, slots = header[[ROWS, CELLS, BINS, PARAMETERS, GLOBALS, SLOTS]]
    work = {RATE: bins, PRODUCT: rows, VALUE: factors, SLOPE: factors, BEND: factors, SHIFT: 6 * shapes}
    work |= {HEIGHT: cells, GAMMA: cells, FIRST: bins * size, FIRST_LOCAL: bins * slots, GRADIENT: parameters}
    work |= {HESS: size * size, CROSS: bins * slots * size, LOCAL: bins * slots * slots, REDUCED: size * size}
    work |= {SOLVED: bins * slots * size, SOLVED_GRADIENT: bins * slots, STEP: size + bins * slots, FREE: parameters}
    work |= {SOFTEN: 1, TILT: cells, BOW: cells}
    reals = {key: np.asarray(values, dtype=np.float64) for key, values in floats.items()}
    ends = {}
    for begin, lengths in (
        (HEADER, {key: len(values) for key, values in ints.items()}),
        (0, {key: len(values) for key, values in reals.items()}),
        (0, work),
    ):
        at = begin
        for key, length in lengths.items():
            header[key], at = at, at + length
        ends[next(iter(lengths))] = at
    header[WORK] = ends[RATE]
    return Compiled(np.concatenate([header, *ints.values()]), np.concatenate([*reals.values()]))


def _factors(row: ChannelSample, interpolation: Interpolation) -> list[tuple[int, int, float, float]]:
    code = CODE_4 if interpolation.normsys == 4 else CODE_1
    return [(PLAIN, i, 1.0, 1.0) for i in row.factors] + [(code, i, hi, lo) for i, hi, lo in row.normsys]


def _reach(model: Model) -> Array:
    """Largest steps: five widths of a constraint, since curvatures hold locally; unlimited for others."""
    reach = np.full(len(model.parameters), np.inf)
    for i in model.constrained:
        constraint = model.parameters[i].constraint
        if constraint is not None:
            reach[i] = 5 * constraint.width
    return reach


def _least_rates(model: Model) -> Array:
    """Rates below which fits are turned back, in bins that a negative sample may turn negative; 0 in others."""
    sizes, negative = np.zeros(model.bins), np.zeros(model.bins, dtype=bool)
    for row in model.rows:
        negative[row.bins[row.nominal < 0]] = True
        if model.poi not in row.factors:
            np.add.at(sizes, row.bins, np.abs(row.nominal))
    background = np.maximum(model.background_events, _CANCELLED * sizes)
    return np.where(negative, _LEAST * background, 0.0)


def _locality(model: Model) -> tuple[Indices, Indices, Indices, Indices]:
    """Masks and positions: parameters that move one bin only, their places there, and the others."""
    bins_of: list[set[int]] = [set() for _ in model.parameters]
    for row in model.rows:
        others = {*row.factors, *(item[0] for item in row.normsys), *(item[0] for item in row.histosys)}
        for i in others:
            bins_of[i].update((-1, -2))  # in every bin of the row, and global even if that is one
        for gamma in row.gammas:
            for i, place in zip(gamma.tolist(), row.bins.tolist(), strict=True):
                bins_of[i].add(place)
    local_bin = _ints([next(iter(bins)) if len(bins) == 1 else -1 for bins in bins_of])
    position = np.zeros(len(bins_of), dtype=np.int64)
    slots: list[list[int]] = [[] for _ in range(model.bins)]
    global_par: list[int] = []
    for i, place in enumerate(local_bin.tolist()):
        home = global_par if place < 0 else slots[place]
        position[i] = len(home)
        home.append(i)
    local_par = np.full((model.bins, max(len(slot) for slot in slots)), -1, dtype=np.int64)
    for place, slot in enumerate(slots):
        local_par[place, : len(slot)] = slot
    return position, local_bin, local_par, _ints(global_par)


def _ints(values: object) -> Indices:
    return np.asarray(values, dtype=np.int64)


def _starts(sizes: list[int]) -> Indices:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
