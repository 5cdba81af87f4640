"""The measurements: rates of toys, CL_s, test statistics and single results, alternating round by round."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmark import ours
from benchmark.environments import Child
from benchmark.workspaces import Case
from na64stat.errors import ComputationError
from na64stat.stats.likelihood.model import Model

SEED = 20_260_801
SMALL = 1e-6
"""Differences of the test statistic, or of -2 ln L, that are spoken of."""

Say = Callable[[str], None]


class CaseBenchmark:
    """One model, loaded on every side."""

    def __init__(self, case: Case, pyhf: Child, jax: Child | None, workers: int, say: Say) -> None:
        self.case, self.pyhf, self.jax, self.workers, self.say = case, pyhf, jax, workers, say
        self.model = Model.from_workspace(case.workspace)
        self.layout = ours.Layout.of(self.model, loaded := pyhf.ask("load", workspace=case.workspace, mu=case.mu))
        self.observed = loaded["observed"]
        self.first: dict[str, float] = {}
        self.jax_error: str | None = None

    def record(self, rounds: int, sets: int) -> dict[str, Any]:
        """Everything measured for this model."""
        self._warm_up()
        return {
            "title": self.case.title,
            "mu": self.case.mu,
            "target": self.case.target,
            "first_call_s": self.first,
            "jax_error": self.jax_error,
            "toys": self._toys(rounds),
            "single_results": self._single_results(rounds),
            "test_statistic": self._agreement(sets),
        }

    def _warm_up(self) -> None:
        """Compile, so that no round pays for it; the times are kept."""
        self.say("compiling")
        start = time.perf_counter()
        ours.run_toys(self.model, self.case, 100, SEED, 1)
        self.first["ours"] = time.perf_counter() - start
        self.pyhf.ask("toys", number=2, seed=SEED)
        if self.jax is None:
            return
        try:
            loaded = self.jax.ask("load", workspace=self.case.workspace, mu=self.case.mu, batch=self.case.batch)
        except ComputationError as error:
            self.jax_error, self.jax = str(error), None
            return
        self.first["jax"] = loaded["compile"]
        self.jax.ask("toys", number=self.case.batch, seed=SEED)
        self.jax_parameters = loaded["parameters"]

    def _toys(self, rounds: int) -> dict[str, Any]:
        sides: dict[str, Callable[[int], dict[str, Any]]] = {"pyhf": self._pyhf_toys, "ours": self._our_toys}
        if self.workers > 1:
            sides["ours, 1 worker"] = lambda seed: self._our_toys(seed, 1)
        if self.jax is not None:
            sides["jax"] = self._jax_toys
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
        for index in range(rounds):
            self.say(f"toys, round {index + 1} of {rounds}")
            for name, run in sides.items():
                runs[name].append(run(SEED + 1 + index))
        record = {name: _summary(found, runs["pyhf"]) for name, found in runs.items()}
        for found in record.values():
            for side in ("pyhf", "ours"):
                found[f"standard_errors_from_{side}"] = (
                    None if found is record[side] else _distance(found, record[side])
                )
        if self.workers > 1:  # the same seeds, so the same toys
            record["ours, 1 worker"]["standard_errors_from_ours"] = None
        return record

    def _pyhf_toys(self, seed: int) -> dict[str, Any]:
        answer = self.pyhf.ask("toys", number=self.case.pyhf, seed=seed)
        return _counted(answer, self.case.pyhf)

    def _jax_toys(self, seed: int) -> dict[str, Any]:
        assert self.jax is not None  # noqa: S101  only asked where it is
        answer = self.jax.ask("toys", number=self.case.jax, seed=seed)
        return _counted(answer, answer["number"])

    def _our_toys(self, seed: int, workers: int | None = None) -> dict[str, Any]:
        answer = ours.run_toys(self.model, self.case, self.case.ours, seed, workers or self.workers)
        return _counted(answer, self.case.ours)

    def _single_results(self, rounds: int) -> dict[str, Any]:
        """Single CL_s and limits; pyhf's are asymptotic, ours exact (where few counts allow it) and asymptotic."""
        names = ["asymptotic_cl_s", "asymptotic_limit"]
        if self.model.bins <= 2:
            names = ["exact_cl_s", "exact_limit", *names]
        sides: dict[str, Callable[[], dict[str, Any]]] = {
            "pyhf_asymptotic_cl_s": lambda: self.pyhf.ask("asymptotic"),
            "pyhf_asymptotic_limit_scan": lambda: self.pyhf.ask("limit", scan=True, largest=5 * self.case.mu),
            "pyhf_asymptotic_limit_root": lambda: self.pyhf.ask("limit", scan=False, largest=5 * self.case.mu),
        }
        for name in names:
            sides[name] = lambda name=name: ours.timed(name, self.model, self.case.mu)  # type: ignore[misc]
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
        for name in names:
            self.first[name] = sides[name]()["seconds"]
        for index in range(rounds):
            self.say(f"single results, round {index + 1} of {rounds}")
            for name, run in sides.items():
                found[name].append(run())
        return {
            name: {
                "seconds": statistics.median(run["seconds"] for run in runs),
                "value": runs[0]["value"],
                "all_seconds": [run["seconds"] for run in runs],
            }
            for name, runs in found.items()
        }

    def _agreement(self, number: int) -> dict[str, Any]:
        """q-tilde of the same data sets on all sides."""
        self.say(f"test statistics of {number} data sets")
        data = np.array(self.pyhf.ask("draw", number=number, seed=SEED)["data"])
        counts, auxiliary = data[:, self.layout.counts], data[:, self.layout.auxiliary]
        values, fixed, free = ours.statistics(self.model, self.case.mu, counts, auxiliary)
        order = self.layout.parameters
        at_ours = self.pyhf.ask(
            "heights", fixed=fixed.parameters[:, order].tolist(), free=free.parameters[:, order].tolist()
        )
        heights = {name: np.array(found) for name, found in at_ours.items()}
        own = 2 * (fixed.nll - free.nll)
        record: dict[str, Any] = {
            "data_sets": number,
            "likelihood_difference": float(np.abs(own - (heights["fixed"] - heights["free"])).max()),
            "our_failed_fits": int(fixed.failed.sum() + free.failed.sum()),
        }
        for optimizer in ("minuit", "scipy"):
            self.say(f"test statistics of {number} data sets, pyhf with {optimizer}")
            record[optimizer] = _against(self.pyhf.ask("statistics", optimizer=optimizer), values, heights)
        if self.jax is not None:
            names = [self.model.parameters[i].name for i in self.model.constrained]
            columns = [names.index(name) for name in self.jax_parameters]
            found = self.jax.ask("statistics", counts=counts.tolist(), auxiliary=auxiliary[:, columns].tolist())
            record["jax"] = {
                "largest_difference": float(np.abs(np.array(found["statistic"]) - values).max()),
                "failed": found["failed"],
            }
        return record


def _against(theirs: dict[str, Any], values: np.ndarray, heights: dict[str, np.ndarray]) -> dict[str, Any]:
    """Differences from pyhf, and whose minima are higher; -2 ln L is pyhf's own at either side's parameters."""
    known = np.array([value is not None for value in theirs["statistic"]])
    at = {name: np.array(theirs[name], dtype=float)[known] for name in ("statistic", "fixed", "free")}
    difference = at["statistic"] - values[known]
    excess = {name: at[name] - heights[name][known] for name in ("fixed", "free")}
    higher = np.maximum(excess["fixed"], excess["free"])
    lower = np.minimum(excess["fixed"], excess["free"])
    return {
        "failed": int((~known).sum()),
        "largest_difference": float(np.abs(difference).max(initial=0.0)),
        "median_difference": float(np.median(np.abs(difference))) if known.any() else 0.0,
        "above_1e-6": int((np.abs(difference) > SMALL).sum()),
        "pyhf_free_fit_worse": int((excess["free"] > SMALL).sum()),
        "pyhf_fixed_fit_worse": int((excess["fixed"] > SMALL).sum()),
        "pyhf_higher_by": float(higher.max(initial=0.0)),
        "ours_higher_by": float((-lower).max(initial=0.0)),
        "largest_difference_where_the_minima_agree": float(
            np.abs(difference[(higher < SMALL / 2) & (lower > -SMALL / 2)]).max(initial=0.0)
        ),
    }


def _counted(answer: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        "seconds": answer["seconds"],
        "toys": 2 * number,
        "signal": answer["signal"],
        "background": answer["background"],
        "failed": answer["failed"],
    }


def _summary(runs: list[dict[str, Any]], pyhf: list[dict[str, Any]]) -> dict[str, Any]:
    rates = [run["toys"] / run["seconds"] for run in runs]
    ratios = [rate * other["seconds"] / other["toys"] for rate, other in zip(rates, pyhf, strict=True)]
    cl_s, error = _cl_s(runs)
    return {
        "toys_per_s": statistics.median(rates),
        "ratio_to_pyhf": statistics.median(ratios),
        "cl_s": cl_s,
        "cl_s_error": error,
        "toys": sum(run["toys"] for run in runs),
        "failed": sum(run["failed"] for run in runs),
        "all_toys_per_s": rates,
        "all_ratios": ratios,
    }


def _cl_s(runs: list[dict[str, Any]]) -> tuple[float | None, float | None]:
    """CL_s of all rounds together and its Monte Carlo error; None where no toy passed."""
    number = sum(run["toys"] for run in runs) / 2
    passed = [sum(run[name] for run in runs) for name in ("signal", "background")]
    if not all(passed):
        return None, None
    relative = math.sqrt(sum((1 - k / number) / k for k in passed))
    return passed[0] / passed[1], passed[0] / passed[1] * relative


def _distance(found: dict[str, Any], other: dict[str, Any]) -> float | None:
    if found["cl_s"] is None or other["cl_s"] is None:
        return None
    return float(abs(found["cl_s"] - other["cl_s"]) / math.hypot(found["cl_s_error"], other["cl_s_error"]))
