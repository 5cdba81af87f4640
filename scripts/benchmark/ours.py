"""na64stat's side of the benchmark, in this process."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.workspaces import Case
from na64stat.errors import ComputationError
from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.exact.exact import Exact
from na64stat.stats.likelihood.fit import Fits
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.statistic import Statistic, evaluate
from na64stat.stats.toys.toys import Toys


def run_toys(model: Model, case: Case, number: int, seed: int, workers: int) -> dict[str, Any]:
    """CL_s from `number` toys of each hypothesis: how many were at least as extreme as the data, and the time [s]."""
    method = Toys(number, seed=seed, workers=workers)
    start = time.perf_counter()
    (result,) = method.cl_s(model, [case.mu])
    seconds = time.perf_counter() - start
    if result.cl_sb is None or result.cl_b is None:
        raise ComputationError(f"{case.title}: no observed counts, or no CL_sb; the benchmark needs both")
    return {
        "seconds": seconds,
        "signal": round(result.cl_sb * number),
        "background": round(result.cl_b * number),
        "failed": result.error.failed,
    }


def timed(name: str, model: Model, mu: float) -> dict[str, float | None]:
    """Time [s] and result of one of exact_cl_s, exact_limit, asymptotic_cl_s and asymptotic_limit; limits at 90%."""
    kind, _, what = name.partition("_")
    method = Exact() if kind == "exact" else Asymptotic()
    start = time.perf_counter()
    value = method.cl_s(model, [mu])[0].observed if what == "cl_s" else method.upper_limit(model, 0.90).observed
    return {"seconds": time.perf_counter() - start, "value": value}


@dataclass(frozen=True)
class Layout:
    """Where our data and parameters stand in pyhf's.

    Attributes
    ----------
    counts, auxiliary
        Positions of our bins and auxiliary data among pyhf's data.
    parameters
        Positions of pyhf's parameters among ours.
    """

    counts: list[int]
    auxiliary: list[int]
    parameters: list[int]

    @classmethod
    def of(cls, model: Model, loaded: dict[str, Any]) -> Layout:
        """From what pyhf's side told of a model without vector parameters."""
        counts = [bin_ for name in model.channels for bin_ in range(*loaded["channels"][name])]
        names = [parameter.name for parameter in model.parameters]
        ours = [names[i] for i in model.constrained]
        auxiliary = [len(counts) + loaded["auxiliary"].index(name) for name in ours]
        return cls(counts, auxiliary, [names.index(name) for name in loaded["parameters"]])


def statistics(model: Model, mu: float, counts: np.ndarray, auxiliary: np.ndarray) -> tuple[np.ndarray, Fits, Fits]:
    """q-tilde of data sets, with the fixed and the free fits."""
    values, free, fixed = evaluate(Statistic.Q_TILDE, model, mu, counts, auxiliary)
    return values, fixed, free
