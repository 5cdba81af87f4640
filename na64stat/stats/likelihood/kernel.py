"""Compiled code: rates, -ln L, its derivatives and bounded Newton fits of many data sets.

-ln L is relative to the saturated model (every rate equal to its count, every parameter to its measurement), so that it keeps its
precision at large counts. A rate that is not positive forbids counts there; without counts -ln L continues linearly, as in pyhf.

A model is two flat arrays, `k` of integers and `x` of reals, and a thread works in a third, `w`: a table begins at `k[NAME]`, so
that `x[k[NOMINAL] + c]` is the nominal rate of cell c. (Numba counts references to every array argument at each call; with one
array per table that cost more than the arithmetic.) `na64stat.stats.likelihood.tables` makes the tables and names them.

Everything is in one file, since numba caches compiled code by file: with the layout or a called function elsewhere, a change
there would leave stale code here. First the layout, then rates, derivatives, the Newton step, fits, and the interface to other
modules.

The functions release the global interpreter lock, so that threads share the work; each data set is treated separately, and no
result depends on the number of threads.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from na64stat.stats.likelihood.jit import compiled
from na64stat.stats.likelihood.parameters import Array

Indices = NDArray[np.int64]


class Compiled(NamedTuple):
    """Tables of a model, one after the other: `ints[NAME]` is a size, or the beginning of the table of that name."""

    ints: Indices
    floats: Array


# Sizes: rows S, cells M (bins of rows), bins B, parameters P, global parameters G, slots L of local ones in a bin, constraints C.
ROWS, CELLS, BINS, PARAMETERS, GLOBALS, SLOTS, CONSTRAINTS = range(7)
LINEAR_SHAPES, WORK = 7, 8  # histosys by code 0; size of the work space of a thread

# Tables of integers.
ROW_START, CELL_BIN = 10, 11  # (S + 1) first cell of each row; (M) bin of each cell
FACTOR_START, FACTOR_KIND, FACTOR_PAR, FACTOR_AT = (
    12,
    13,
    14,
    15,
)  # (S + 1), and each factor's kind, parameter, global place
SHAPE_START, SHAPE_PAR, SHAPE_POS, SHAPE_AT = 16, 17, 18, 19  # for histosys likewise, and the beginning of its shifts
ROW_SIGNAL = 29  # (S) 1 if the row is proportional to mu
GAMMA_START, GAMMA_AT, GAMMA_PAR = (
    20,
    21,
    22,
)  # (S + 1), beginning of the parameters of each per-bin modifier, and these
POSITION, LOCAL_BIN = 23, 24  # (P) place among the global parameters, or slot in its bin; that bin, -1 for a global one
LOCAL_PAR, GLOBAL_PAR = 25, 26  # (B, L) parameter of each slot, -1 where there is none; (G)
CONSTRAINT_PAR, CONSTRAINT_POISSON = 27, 28  # (C)

# Tables of reals.
NOMINAL, LOG_HI, LOG_LO, FACTOR_POLY = 30, 31, 32, 33  # (M), and each factor's data, the polynomial with 6 numbers
UP, DOWN, CONSTRAINT_SCALE, REACH = 34, 35, 36, 37  # shifts of histosys; (C) sigma or tau; (P) longest step of a fit
LEAST = 38  # (B) rate below which a fit is turned back; 0 where no sample is negative

# Tables in the work space of a thread.
RATE, PRODUCT, VALUE, SLOPE, BEND, SHIFT = (
    40,
    41,
    42,
    43,
    44,
    45,
)  # (B), (S), factors, factors, factors, (histosys, 2, 3)
HEIGHT, GAMMA = 46, 47  # (M) nominal and shifts; (M) product of the per-bin factors
FIRST, FIRST_LOCAL, GRADIENT = 48, 49, 50  # (B, G) and (B, L) derivatives of the rates; (P)
HESS, CROSS, LOCAL = 51, 52, 53  # (G, G), (B, L, G), (B, L, L) second derivatives
REDUCED, SOLVED, SOLVED_GRADIENT = 54, 55, 56  # (G, G), (B, L, G), (B, L) of the elimination
STEP, FREE = 57, 58  # (G + B L) step, local parameters after the global ones; (P)
SOFTEN, TILT, BOW = (
    59,
    60,
    61,
)  # (1) 1 in a fit; (M) two derivatives of a height with respect to itself before it was kept positive
HEADER = 62

PLAIN: Final = 0
CODE_4: Final = 1
CODE_1: Final = 2
"""Kinds of factors: the parameter itself, and the two interpolations of normsys."""

CONVERGED: Final = 0
UNCONVERGED: Final = 1
FORBIDDEN: Final = 2
"""Status of a fit; forbidden: the data have no probability at the start."""

_MAX_ITERATIONS = 200
_SHORTEST_STEP = 2.0**-40
_LARGEST_LOG = 300.0
"""Largest logarithm of a factor in a trial step; far beyond any fitted value, and safe to exponentiate."""

_SOFT: Final = 1e-4
"""Share of the nominal yield of a signal below which shifts are damped in fits: no histosys turns a signal negative.

Without counts, a negative signal would make -ln L fall indefinitely with mu. pyhf stops it with its bounds.
"""

_TURN: Final = 16.0
"""Inverse width of the turn, relative to the least rate: at zero rate the slope is exp(-16)."""

_TOLERANCE = 1e-12
"""Newton estimate of twice the remaining decrease of -ln L at which a fit has converged; ties need 1e-7."""

_LAST_STEP = 1e-5
"""Estimate below which the next full Newton step, converging quadratically, leaves less than the tolerance."""

_compiled = compiled()
_inlined = compiled(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@_inlined
def _fill_factor(k: Indices, x: Array, w: Array, f: int, value: float) -> float:
    """Write a factor, its logarithmic slope (1 where it is zero) and second derivative over itself to `w`."""
    kind = k[k[FACTOR_KIND] + f]
    if kind == PLAIN:
        factor, slope, bend = value, 1.0 / value if value != 0 else 1.0, 0.0
    elif kind == CODE_1 or value >= 1.0 or value <= -1.0:
        slope = x[k[LOG_HI] + f] if value > 0 else -x[k[LOG_LO] + f]
        factor, bend = math.exp(min(slope * value, _LARGEST_LOG)), slope * slope
    else:
        a, v = k[FACTOR_POLY] + 6 * f, value
        a1, a2, a3, a4, a5, a6 = x[a], x[a + 1], x[a + 2], x[a + 3], x[a + 4], x[a + 5]
        factor = 1 + v * (a1 + v * (a2 + v * (a3 + v * (a4 + v * (a5 + v * a6)))))
        slope = (a1 + v * (2 * a2 + v * (3 * a3 + v * (4 * a4 + v * (5 * a5 + v * 6 * a6))))) / factor
        bend = (2 * a2 + v * (6 * a3 + v * (12 * a4 + v * (20 * a5 + v * 30 * a6)))) / factor
    w[k[VALUE] + f], w[k[SLOPE] + f], w[k[BEND] + f] = factor, slope, bend
    return factor


@_inlined
def _fill_shift(k: Indices, w: Array, h: int, v: float) -> None:
    """Write the weights of the upward and downward shift of a histosys, each with two derivatives, to `w`."""
    at = k[SHIFT] + 6 * h
    for i in range(6):
        w[at + i] = 0.0
    if k[LINEAR_SHAPES] == 1 or v >= 1.0 or v <= -1.0:
        side = at if v > 0 else at + 3
        w[side], w[side + 1] = v, 1.0
        return
    even = 0.0625 * v * v * (15 + v * v * (3 * v * v - 10))
    slope = 0.0625 * v * (30 + v * v * (18 * v * v - 40))
    bend = 0.0625 * (30 + v * v * (90 * v * v - 120))
    w[at], w[at + 1], w[at + 2] = 0.5 * v + even, 0.5 + slope, bend
    w[at + 3], w[at + 4], w[at + 5] = 0.5 * v - even, 0.5 - slope, -bend


@_inlined
def _keep_positive(k: Indices, x: Array, w: Array, first: int, last: int) -> None:
    """Bend the heights of a signal so that they stay above zero, and write their derivatives to `w`."""
    height, tilt, bow = k[HEIGHT], k[TILT], k[BOW]
    for c in range(first, last):
        w[tilt + c], w[bow + c] = 1.0, 0.0
        soft = _SOFT * x[k[NOMINAL] + c]
        if soft > 0 and w[height + c] < soft:
            share = math.exp(max((w[height + c] - soft) / soft, -_LARGEST_LOG))
            w[height + c], w[tilt + c], w[bow + c] = soft * share, share, share / soft


@_inlined
def _rates(k: Indices, x: Array, p: Array, w: Array) -> None:
    """Write the rates and the terms of their derivatives to `w`."""
    rate, height, gamma = k[RATE], k[HEIGHT], k[GAMMA]
    cell_bin, nominal = k[CELL_BIN], k[NOMINAL]
    for b in range(k[BINS]):
        w[rate + b] = 0.0
    for r in range(k[ROWS]):
        product = 1.0
        for f in range(k[k[FACTOR_START] + r], k[k[FACTOR_START] + r + 1]):
            product *= _fill_factor(k, x, w, f, p[k[k[FACTOR_PAR] + f]])
        w[k[PRODUCT] + r] = product
        first, last = k[k[ROW_START] + r], k[k[ROW_START] + r + 1]
        for c in range(first, last):
            w[height + c], w[gamma + c] = x[nominal + c], 1.0
        for h in range(k[k[SHAPE_START] + r], k[k[SHAPE_START] + r + 1]):
            _fill_shift(k, w, h, p[k[k[SHAPE_PAR] + h]])
            up, down = w[k[SHIFT] + 6 * h], w[k[SHIFT] + 6 * h + 3]
            at = k[k[SHAPE_AT] + h] - first
            ups, downs = k[UP] + at, k[DOWN] + at
            for c in range(first, last):
                w[height + c] += up * x[ups + c] + down * x[downs + c]
        if w[k[SOFTEN]] != 0 and k[k[ROW_SIGNAL] + r] == 1:
            _keep_positive(k, x, w, first, last)
        for g in range(k[k[GAMMA_START] + r], k[k[GAMMA_START] + r + 1]):
            at = k[GAMMA_PAR] + k[k[GAMMA_AT] + g] - first
            for c in range(first, last):
                w[gamma + c] *= p[k[at + c]]
        if product != 0:
            for c in range(first, last):
                w[rate + k[cell_bin + c]] += product * w[height + c] * w[gamma + c]


@_inlined
def _least(k: Indices, x: Array, w: Array, b: int) -> float:
    """Rate of a bin below which a fit is turned back; minus infinity for none.

    Below it the Poisson term continues smoothly into one that forbids negative totals: without counts it stops falling, and with
    counts it rises as a parabola. Otherwise -ln L without counts would fall with a total that uncertainties turn negative.
    """
    least: float = x[k[LEAST] + b] if w[k[SOFTEN]] != 0 else -math.inf
    return least if least > 0 else -math.inf


@_inlined
def _beyond(count: float, rate: float, least: float) -> float:
    """-ln of a Poisson probability, relative as in `_deviance`, below the least rate."""
    u, width = (rate - least) / least, least / _TURN
    value = least - width + width * math.exp(_TURN * u)
    if count > 0:
        value += count * (math.log(count) - math.log(least) - u + 0.5 * u * u) - count
    return value


@_inlined
def _deviance(count: float, rate: float) -> float:
    """-ln of a Poisson probability relative to its maximum, without cancellation."""
    if count == 0:
        return rate
    if rate <= 0:
        return math.inf
    excess = rate / count - 1
    if -0.5 < excess < 0.5:
        return count * (excess - math.log1p(excess))
    return rate - count + count * (math.log(count) - math.log(rate))


@_compiled
def _value(k: Indices, x: Array, p: Array, counts: Array, auxiliary: Array, w: Array) -> float:
    _rates(k, x, p, w)
    total = 0.0
    for b in range(k[BINS]):
        rate, least = w[k[RATE] + b], _least(k, x, w, b)
        total += _beyond(counts[b], rate, least) if rate < least else _deviance(counts[b], rate)
    for i in range(k[CONSTRAINTS]):
        v, scale = p[k[k[CONSTRAINT_PAR] + i]], x[k[CONSTRAINT_SCALE] + i]
        if k[k[CONSTRAINT_POISSON] + i] == 1:
            total += _deviance(auxiliary[i], scale * v)
        else:
            pull = (v - auxiliary[i]) / scale
            total += 0.5 * pull * pull
    return total


@_inlined
def _residual(k: Indices, x: Array, w: Array, counts: Array, b: int) -> float:
    """Derivative of a Poisson term with respect to its rate."""
    count, rate, least = counts[b], w[k[RATE] + b], _least(k, x, w, b)
    if rate < least:
        u = (rate - least) / least
        return math.exp(_TURN * u) - count * (1.0 - u) / least
    return 1.0 - count / rate if count > 0 else 1.0


@_inlined
def _others(k: Indices, w: Array, r: int, one: int, two: int) -> float:
    """Product of the factors of a row except two of them; only used where one of the factors is zero."""
    product = 1.0
    for f in range(k[k[FACTOR_START] + r], k[k[FACTOR_START] + r + 1]):
        if f not in (one, two):
            product *= w[k[VALUE] + f]
    return product


@_inlined
def _factor_slope(k: Indices, w: Array, r: int, f: int) -> float:
    """Derivative of the product of a row with respect to the parameter of one of its factors."""
    if w[k[PRODUCT] + r] != 0:
        slope: float = w[k[PRODUCT] + r] * w[k[SLOPE] + f]
        return slope
    derivative = 1.0 if w[k[VALUE] + f] == 0 else w[k[VALUE] + f] * w[k[SLOPE] + f]
    return derivative * _others(k, w, r, f, f)


@_inlined
def _first_derivatives(k: Indices, x: Array, p: Array, w: Array) -> None:
    """Derivatives of every rate with respect to the global and the local parameters."""
    size, slots, bins = k[GLOBALS], k[SLOTS], k[BINS]
    table, table_local, height, gamma, cell_bin = k[FIRST], k[FIRST_LOCAL], k[HEIGHT], k[GAMMA], k[CELL_BIN]
    for i in range(bins * size):
        w[table + i] = 0.0
    for i in range(bins * slots):
        w[table_local + i] = 0.0
    for r in range(k[ROWS]):
        product = w[k[PRODUCT] + r]
        first, last = k[k[ROW_START] + r], k[k[ROW_START] + r + 1]
        for f in range(k[k[FACTOR_START] + r], k[k[FACTOR_START] + r + 1]):
            slope, at = _factor_slope(k, w, r, f), table + k[k[FACTOR_AT] + f]
            if slope != 0:
                for c in range(first, last):
                    w[at + k[cell_bin + c] * size] += slope * w[height + c] * w[gamma + c]
        if product == 0:
            continue
        for h in range(k[k[SHAPE_START] + r], k[k[SHAPE_START] + r + 1]):
            up, down = product * w[k[SHIFT] + 6 * h + 1], product * w[k[SHIFT] + 6 * h + 4]
            place, at = k[k[SHAPE_AT] + h] - first, table + k[k[SHAPE_POS] + h]
            soft = w[k[SOFTEN]] != 0 and k[k[ROW_SIGNAL] + r] == 1
            for c in range(first, last):
                moved = up * x[k[UP] + place + c] + down * x[k[DOWN] + place + c]
                if soft:
                    moved *= w[k[TILT] + c]
                w[at + k[cell_bin + c] * size] += w[gamma + c] * moved
        for g in range(k[k[GAMMA_START] + r], k[k[GAMMA_START] + r + 1]):
            place = k[GAMMA_PAR] + k[k[GAMMA_AT] + g] - first
            for c in range(first, last):
                i, b = k[place + c], k[cell_bin + c]
                if p[i] == 0:
                    continue  # only a free factor reaches this point, and it is kept
                slope = product * w[height + c] * w[gamma + c] / p[i]
                if k[k[LOCAL_BIN] + i] < 0:
                    w[table + b * size + k[k[POSITION] + i]] += slope
                else:
                    w[table_local + b * slots + k[k[POSITION] + i]] += slope


@_compiled
def _gradient(k: Indices, x: Array, p: Array, counts: Array, auxiliary: Array, w: Array) -> None:
    """Gradient from rates filled in before."""
    _first_derivatives(k, x, p, w)
    size, slots, gradient = k[GLOBALS], k[SLOTS], k[GRADIENT]
    for i in range(k[PARAMETERS]):
        w[gradient + i] = 0.0
    for b in range(k[BINS]):
        residual = _residual(k, x, w, counts, b)
        for i in range(size):
            w[gradient + k[k[GLOBAL_PAR] + i]] += residual * w[k[FIRST] + b * size + i]
        for s in range(slots):
            i = k[k[LOCAL_PAR] + b * slots + s]
            if i >= 0:
                w[gradient + i] += residual * w[k[FIRST_LOCAL] + b * slots + s]
    for i in range(k[CONSTRAINTS]):
        at, scale = k[k[CONSTRAINT_PAR] + i], x[k[CONSTRAINT_SCALE] + i]
        if k[k[CONSTRAINT_POISSON] + i] == 1:
            w[gradient + at] += scale - (auxiliary[i] / p[at] if auxiliary[i] > 0 else 0.0)
        else:
            w[gradient + at] += (p[at] - auxiliary[i]) / (scale * scale)


@_inlined
def _add_pair(w: Array, matrix: int, size: int, i: int, j: int, value: float) -> None:
    """Add to entry (i, j) of a symmetric matrix stored as its lower triangle; a diagonal entry counts twice."""
    if i == j:
        w[matrix + i * size + i] += 2.0 * value
    elif i > j:
        w[matrix + i * size + j] += value
    else:
        w[matrix + j * size + i] += value


@_inlined
def _add_second(k: Indices, w: Array, one: int, other: int, value: float) -> None:
    """Add to a pair of second derivatives with respect to any two parameters."""
    size, slots = k[GLOBALS], k[SLOTS]
    i, j = k[k[POSITION] + one], k[k[POSITION] + other]
    a, b = k[k[LOCAL_BIN] + one], k[k[LOCAL_BIN] + other]
    if a < 0 and b < 0:
        _add_pair(w, k[HESS], size, i, j, value)
    elif a < 0:
        w[k[CROSS] + (b * slots + j) * size + i] += value
    elif b < 0:
        w[k[CROSS] + (a * slots + i) * size + j] += value
    else:  # two local parameters share at most one bin
        _add_pair(w, k[LOCAL] + a * slots * slots, slots, i, j, value)


@_compiled
def _hessian(k: Indices, x: Array, p: Array, counts: Array, auxiliary: Array, w: Array, convex: bool) -> None:
    """Second derivatives, or with `convex` a positive definite stand-in: the larger of observed and expected information."""
    size, slots, bins = k[GLOBALS], k[SLOTS], k[BINS]
    hess, cross, local = k[HESS], k[CROSS], k[LOCAL]
    for i in range(size * size):
        w[hess + i] = 0.0
    for i in range(bins * slots * size):
        w[cross + i] = 0.0
    for i in range(bins * slots * slots):
        w[local + i] = 0.0
    for b in range(bins):
        rate, least = w[k[RATE] + b], _least(k, x, w, b)
        if rate < least:
            weight = (_TURN * math.exp(_TURN * (rate - least) / least) + counts[b] / least) / least
        else:
            weight = max(counts[b], rate) if convex else counts[b]
            if weight <= 0 or rate <= 0:
                continue
            weight /= rate * rate
        at, at_local = k[FIRST] + b * size, k[FIRST_LOCAL] + b * slots
        for i in range(size):
            scaled = weight * w[at + i]
            if scaled != 0:
                for j in range(i + 1):
                    w[hess + i * size + j] += scaled * w[at + j]
        for s in range(slots):
            scaled = weight * w[at_local + s]
            if scaled != 0:
                for j in range(size):
                    w[cross + (b * slots + s) * size + j] += scaled * w[at + j]
                for j in range(s + 1):
                    w[local + (b * slots + s) * slots + j] += scaled * w[at_local + j]
    if not convex:
        for r in range(k[ROWS]):
            _row_curvature(k, x, r, p, counts, w)
    for i in range(k[CONSTRAINTS]):
        at, scale = k[k[CONSTRAINT_PAR] + i], x[k[CONSTRAINT_SCALE] + i]
        if k[k[CONSTRAINT_POISSON] + i] == 1:
            curve = max(auxiliary[i], scale * p[at] if convex else 0.0) / (p[at] * p[at])
        else:
            curve = 1.0 / (scale * scale)
        place = k[k[POSITION] + at]
        if k[k[LOCAL_BIN] + at] < 0:
            w[hess + place * size + place] += curve
        else:
            w[local + (k[k[LOCAL_BIN] + at] * slots + place) * slots + place] += curve


@_inlined
def _row_curvature(k: Indices, x: Array, r: int, p: Array, counts: Array, w: Array) -> None:
    """Second derivatives of the rates of one row, weighted by 1 - count/rate."""
    size, product = k[GLOBALS], w[k[PRODUCT] + r]
    first, last = k[k[ROW_START] + r], k[k[ROW_START] + r + 1]
    begin, end = k[k[FACTOR_START] + r], k[k[FACTOR_START] + r + 1]
    total = 0.0
    for c in range(first, last):
        b = k[k[CELL_BIN] + c]
        total += _residual(k, x, w, counts, b) * w[k[HEIGHT] + c] * w[k[GAMMA] + c]
    for f in range(begin, end):
        i, slope = k[k[FACTOR_AT] + f], w[k[SLOPE] + f]
        w[k[HESS] + i * size + i] += total * product * w[k[BEND] + f]
        for g in range(begin, f):
            if product != 0:
                mixed = product * slope * w[k[SLOPE] + g]
            else:
                mixed = _others(k, w, r, f, g) * slope * w[k[SLOPE] + g]
                mixed *= (1.0 if w[k[VALUE] + f] == 0 else w[k[VALUE] + f]) * (
                    1.0 if w[k[VALUE] + g] == 0 else w[k[VALUE] + g]
                )
            _add_pair(w, k[HESS], size, i, k[k[FACTOR_AT] + g], total * mixed)
    for h in range(k[k[SHAPE_START] + r], k[k[SHAPE_START] + r + 1]):
        at, place, i = k[SHIFT] + 6 * h, k[k[SHAPE_AT] + h] - first, k[k[SHAPE_POS] + h]
        moved, bent = 0.0, 0.0
        for c in range(first, last):
            b = k[k[CELL_BIN] + c]
            residual = _residual(k, x, w, counts, b) * w[k[GAMMA] + c]
            if w[k[SOFTEN]] != 0 and k[k[ROW_SIGNAL] + r] == 1:
                residual *= w[k[TILT] + c]
            up, down = x[k[UP] + place + c], x[k[DOWN] + place + c]
            moved += residual * (w[at + 1] * up + w[at + 4] * down)
            bent += residual * (w[at + 2] * up + w[at + 5] * down)
        w[k[HESS] + i * size + i] += product * bent
        for f in range(begin, end):
            _add_pair(w, k[HESS], size, i, k[k[FACTOR_AT] + f], _factor_slope(k, w, r, f) * moved)
    if w[k[SOFTEN]] != 0 and k[k[ROW_SIGNAL] + r] == 1:
        _soft_curvature(k, x, r, counts, w)
    for g in range(k[k[GAMMA_START] + r], k[k[GAMMA_START] + r + 1]):
        _gamma_curvature(k, x, r, g, p, counts, w)


@_compiled
def _soft_curvature(k: Indices, x: Array, r: int, counts: Array, w: Array) -> None:
    """Contribution of heights that were kept positive to the second derivatives of pairs of shifts."""
    first, product, size = k[k[ROW_START] + r], w[k[PRODUCT] + r], k[GLOBALS]
    for c in range(first, k[k[ROW_START] + r + 1]):
        if w[k[BOW] + c] == 0:
            continue
        b = k[k[CELL_BIN] + c]
        weight = _residual(k, x, w, counts, b) * w[k[GAMMA] + c] * product * w[k[BOW] + c]
        for h in range(k[k[SHAPE_START] + r], k[k[SHAPE_START] + r + 1]):
            slope = weight * _shift_slope(k, x, w, h, c - first)
            for other in range(k[k[SHAPE_START] + r], h + 1):
                value = slope * _shift_slope(k, x, w, other, c - first)
                half = 0.5 if other == h else 1.0  # a pair on the diagonal counts twice
                _add_pair(w, k[HESS], size, k[k[SHAPE_POS] + h], k[k[SHAPE_POS] + other], half * value)


@_inlined
def _shift_slope(k: Indices, x: Array, w: Array, h: int, cell: int) -> float:
    """Derivative of a height with respect to the parameter of a histosys, in a cell of its row."""
    at, place = k[SHIFT] + 6 * h, k[k[SHAPE_AT] + h] + cell
    slope: float = w[at + 1] * x[k[UP] + place] + w[at + 4] * x[k[DOWN] + place]
    return slope


@_compiled
def _gamma_curvature(k: Indices, x: Array, r: int, g: int, p: Array, counts: Array, w: Array) -> None:
    """Contribution of a factor per bin to the mixed second derivatives."""
    first, product = k[k[ROW_START] + r], w[k[PRODUCT] + r]
    for c in range(first, k[k[ROW_START] + r + 1]):
        b, one = k[k[CELL_BIN] + c], k[k[GAMMA_PAR] + k[k[GAMMA_AT] + g] - first + c]
        if p[one] == 0:
            continue
        share = _residual(k, x, w, counts, b) * w[k[GAMMA] + c] / p[one]
        for f in range(k[k[FACTOR_START] + r], k[k[FACTOR_START] + r + 1]):
            slope = share * _factor_slope(k, w, r, f)
            _add_second(k, w, one, k[k[FACTOR_PAR] + f], slope * w[k[HEIGHT] + c])
        for h in range(k[k[SHAPE_START] + r], k[k[SHAPE_START] + r + 1]):
            moved = _shift_slope(k, x, w, h, c - first)
            if w[k[SOFTEN]] != 0 and k[k[ROW_SIGNAL] + r] == 1:
                moved *= w[k[TILT] + c]
            _add_second(k, w, one, k[k[SHAPE_PAR] + h], share * product * moved)
        for other in range(k[k[GAMMA_START] + r], g):
            two = k[k[GAMMA_PAR] + k[k[GAMMA_AT] + other] - first + c]
            if p[two] != 0:
                _add_second(k, w, one, two, share * product * w[k[HEIGHT] + c] / p[two])


@_inlined
def _cholesky(w: Array, matrix: int, size: int, stride: int) -> bool:
    """Lower triangle in place, with the inverse of its diagonal; False where the matrix is not positive definite."""
    for i in range(size):
        row = matrix + i * stride
        before = w[row + i]
        for j in range(i):
            other, total = matrix + j * stride, w[row + j]
            for n in range(j):
                total -= w[row + n] * w[other + n]
            w[row + j] = total * w[other + j]
        total = before
        for n in range(i):
            total -= w[row + n] * w[row + n]
        if not total > 1e-13 * before:
            return False
        w[row + i] = 1.0 / math.sqrt(total)
    return True


@_compiled
def _newton_step(k: Indices, w: Array) -> bool:
    """Newton step of the free parameters, with the local ones eliminated first; False if not positive definite."""
    size, slots = k[GLOBALS], k[SLOTS]
    hess, reduced, step, free, par = k[HESS], k[REDUCED], k[STEP], k[FREE], k[GLOBAL_PAR]
    for i in range(size):
        on = w[free + k[par + i]] != 0
        for j in range(i):
            w[reduced + i * size + j] = w[hess + i * size + j] if on and w[free + k[par + j]] != 0 else 0.0
        w[reduced + i * size + i] = w[hess + i * size + i] if on else 1.0
        w[step + i] = -w[k[GRADIENT] + k[par + i]] if on else 0.0
    for b in range(k[BINS] if slots > 0 else 0):
        if not _eliminate(k, b, w):
            return False
    if not _cholesky(w, reduced, size, size):
        return False
    for i in range(size):
        total, row = w[step + i], reduced + i * size
        for j in range(i):
            total -= w[row + j] * w[step + j]
        w[step + i] = total * w[row + i]
    for i in range(size - 1, -1, -1):
        total = w[step + i]
        for j in range(i + 1, size):
            total -= w[reduced + j * size + i] * w[step + j]
        w[step + i] = total * w[reduced + i * size + i]
    for b in range(k[BINS] if slots > 0 else 0):
        _back_substitute(k, b, w)
    return True


@_compiled
def _eliminate(k: Indices, b: int, w: Array) -> bool:
    """Eliminate the local parameters of one bin from the reduced matrix (Schur complement)."""
    size, slots = k[GLOBALS], k[SLOTS]
    local, solved, reduced = k[LOCAL] + b * slots * slots, k[SOLVED] + b * slots * size, k[REDUCED]
    used = 0
    while used < slots and k[k[LOCAL_PAR] + b * slots + used] >= 0:
        i = k[k[LOCAL_PAR] + b * slots + used]
        for s in range(used + 1):
            j = k[k[LOCAL_PAR] + b * slots + s]
            if w[k[FREE] + i] == 0 or w[k[FREE] + j] == 0:
                w[local + used * slots + s] = 1.0 if s == used else 0.0
        used += 1
    if not _cholesky(w, local, used, slots):
        return False
    for s in range(used):
        i, row = k[k[LOCAL_PAR] + b * slots + s], local + s * slots
        on = w[k[FREE] + i] != 0
        for g in range(size):
            coupled = on and w[k[FREE] + k[k[GLOBAL_PAR] + g]] != 0
            total = w[k[CROSS] + (b * slots + s) * size + g] if coupled else 0.0
            for j in range(s):
                total -= w[row + j] * w[solved + j * size + g]
            w[solved + s * size + g] = total * w[row + s]
        total = w[k[GRADIENT] + i] if on else 0.0
        for j in range(s):
            total -= w[row + j] * w[k[SOLVED_GRADIENT] + b * slots + j]
        total *= w[row + s]
        w[k[SOLVED_GRADIENT] + b * slots + s] = total
        for i in range(size):
            y = w[solved + s * size + i]
            if y != 0:
                for j in range(i + 1):
                    w[reduced + i * size + j] -= y * w[solved + s * size + j]
                w[k[STEP] + i] += y * total
    return True


@_compiled
def _back_substitute(k: Indices, b: int, w: Array) -> None:
    """Steps of the local parameters of a bin, given those of the global ones."""
    size, slots = k[GLOBALS], k[SLOTS]
    local, step = k[LOCAL] + b * slots * slots, k[STEP] + size + b * slots
    for s in range(slots - 1, -1, -1):
        if k[k[LOCAL_PAR] + b * slots + s] < 0:
            w[step + s] = 0.0
            continue
        total = -w[k[SOLVED_GRADIENT] + b * slots + s]
        for g in range(size):
            total -= w[k[SOLVED] + (b * slots + s) * size + g] * w[k[STEP] + g]
        for j in range(s + 1, slots):
            if k[k[LOCAL_PAR] + b * slots + j] >= 0:
                total -= w[local + j * slots + s] * w[step + j]
        w[step + s] = total * w[local + s * slots + s]


@_inlined
def _step_of(k: Indices, w: Array, i: int) -> float:
    """Step of parameter i."""
    home = k[k[LOCAL_BIN] + i]
    at = k[STEP] + k[k[POSITION] + i]
    step: float = w[at] if home < 0 else w[at + k[GLOBALS] + home * k[SLOTS]]
    return step


@_inlined
def _add_ridge(k: Indices, w: Array) -> None:
    """Make every diagonal entry positive."""
    size, slots = k[GLOBALS], k[SLOTS]
    for i in range(k[PARAMETERS]):
        place, home = k[k[POSITION] + i], k[k[LOCAL_BIN] + i]
        at = k[HESS] + place * size + place
        if home >= 0:
            at = k[LOCAL] + (home * slots + place) * slots + place
        w[at] += 1e-9 * w[at] if w[at] > 0 else 1.0


@compiled(inline="always")
def _direction(
    k: Indices, x: Array, p: Array, counts: Array, auxiliary: Array, bounds: Array, free: NDArray[np.bool_], w: Array
) -> float:
    """Newton step from a point with rates filled in, and twice the decrease that it promises; negative if there is none."""
    _gradient(k, x, p, counts, auxiliary, w)
    for i in range(k[PARAMETERS]):
        slope = w[k[GRADIENT] + i]
        held = (p[i] <= bounds[0, i] and slope > 0) or (p[i] >= bounds[1, i] and slope < 0)
        w[k[FREE] + i] = 1.0 if free[i] and not held else 0.0
    definite = False
    for convex in (False, True):
        # The second is for saddle points, to which plain Newton steps would converge, and flat directions.
        _hessian(k, x, p, counts, auxiliary, w, convex)
        if convex:
            _add_ridge(k, w)
        definite = _newton_step(k, w)
        if definite:
            break
    if not definite:
        return -1.0
    promised = 0.0
    for i in range(k[PARAMETERS]):
        if w[k[FREE] + i] != 0:
            promised -= w[k[GRADIENT] + i] * _step_of(k, w, i)
    return promised


@compiled(inline="always")
def _fit(
    k: Indices,
    x: Array,
    p: Array,
    counts: Array,
    auxiliary: Array,
    bounds: Array,
    free: NDArray[np.bool_],
    w: Array,
    trial: Array,
) -> tuple[float, int]:
    """Minimise -ln L from `p`, which is changed; returns its value and the status of the fit."""
    value = _value(k, x, p, counts, auxiliary, w)
    if not math.isfinite(value):
        return math.inf, FORBIDDEN
    size = k[PARAMETERS]
    for _ in range(_MAX_ITERATIONS):
        promised = _direction(k, x, p, counts, auxiliary, bounds, free, w)
        if promised < 0 or not math.isfinite(promised):
            return value, UNCONVERGED
        if promised <= _TOLERANCE:
            return value, CONVERGED
        length = 1.0
        for i in range(size):
            step = abs(_step_of(k, w, i)) if w[k[FREE] + i] != 0 else 0.0
            if step * length > x[k[REACH] + i]:
                length = x[k[REACH] + i] / step
        whole = length == 1.0
        while True:
            expected, clipped = 0.0, False
            for i in range(size):
                trial[i] = p[i]
                if w[k[FREE] + i] != 0:
                    aim = p[i] + length * _step_of(k, w, i)
                    trial[i] = min(max(aim, bounds[0, i]), bounds[1, i])
                    clipped = clipped or trial[i] != aim
                    expected -= w[k[GRADIENT] + i] * (trial[i] - p[i])
            new = _value(k, x, trial, counts, auxiliary, w)
            if new <= value - 1e-4 * expected + 1e-14 * (1 + abs(value)):
                break
            length *= 0.5
            whole = False
            if length < _SHORTEST_STEP:
                return value, CONVERGED if promised < 1e-9 else UNCONVERGED
        value = new
        for i in range(size):
            p[i] = trial[i]
        if whole and not clipped and promised < _LAST_STEP:
            return value, CONVERGED
    return value, UNCONVERGED


@_compiled
def _fit_rows(
    k: Indices,
    x: Array,
    p: Array,
    counts: Array,
    auxiliary: Array,
    bounds: Array,
    free: NDArray[np.bool_],
    values: Array,
    status: NDArray[np.int64],
) -> None:
    w, trial = np.zeros(k[WORK]), np.zeros(k[PARAMETERS])
    w[k[SOFTEN]] = 1.0
    for n in range(len(p)):
        values[n], status[n] = _fit(k, x, p[n], counts[n], auxiliary[n], bounds, free, w, trial)


@_compiled
def _rates_rows(k: Indices, x: Array, p: Array, out: Array) -> None:
    w = np.zeros(k[WORK])
    for n in range(len(p)):
        _rates(k, x, p[n], w)
        for b in range(k[BINS]):
            out[n, b] = w[k[RATE] + b]


@_compiled
def _values_rows(k: Indices, x: Array, p: Array, counts: Array, auxiliary: Array, out: Array, as_fitted: bool) -> None:
    w = np.zeros(k[WORK])
    w[k[SOFTEN]] = 1.0 if as_fitted else 0.0
    for n in range(len(p)):
        out[n] = _value(k, x, p[n], counts[n], auxiliary[n], w)


@_compiled
def _gradients_rows(
    k: Indices, x: Array, p: Array, counts: Array, auxiliary: Array, out: Array, as_fitted: bool
) -> None:
    w = np.zeros(k[WORK])
    w[k[SOFTEN]] = 1.0 if as_fitted else 0.0
    for n in range(len(p)):
        _rates(k, x, p[n], w)
        _gradient(k, x, p[n], counts[n], auxiliary[n], w)
        for i in range(k[PARAMETERS]):
            out[n, i] = w[k[GRADIENT] + i]


def rates(m: Compiled, p: Array) -> Array:
    """Rates (N, B) at the points `p` (N, P)."""
    out = np.empty((len(p), m.ints[BINS]))
    _rates_rows(m.ints, m.floats, p, out)
    return out


def values(m: Compiled, p: Array, counts: Array, auxiliary: Array, as_fitted: bool = False) -> Array:
    """-ln L relative to the saturated model, shape (N,); `as_fitted` with signals that stay positive, as in fits."""
    out = np.empty(len(p))
    _values_rows(m.ints, m.floats, p, counts, auxiliary, out, as_fitted)
    return out


def gradients(m: Compiled, p: Array, counts: Array, auxiliary: Array, as_fitted: bool = False) -> Array:
    """Derivatives of `values` with respect to the parameters, shape (N, P)."""
    out = np.empty(p.shape)
    _gradients_rows(m.ints, m.floats, p, counts, auxiliary, out, as_fitted)
    return out


def fits(
    m: Compiled, p: Array, counts: Array, auxiliary: Array, bounds: Array, free: NDArray[np.bool_]
) -> tuple[Array, NDArray[np.int64]]:
    """Fit each data set from its row of `p` (N, P), which is changed: values of -ln L and status of each fit, shape (N,).

    `bounds` are the lower and upper ones, shape (2, P); `free` is the mask of the fitted parameters, shape (P,).
    """
    minima, status = np.empty(len(p)), np.empty(len(p), dtype=np.int64)
    _fit_rows(m.ints, m.floats, p, counts, auxiliary, bounds, free, minima, status)
    return minima, status
