"""Sampled posteriors: limits, intervals, expected events, predicted counts."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import ComputationError, InputError
from na64stat.stats.bayes.autocorrelation import autocorrelation_time
from na64stat.stats.bayes.burn_in import burn_in
from na64stat.stats.bayes.curve import check_probability
from na64stat.stats.bayes.diagnostics import Diagnostics, diagnose, quantile_error
from na64stat.study.bayes.chain_file import ChainFile

Array = NDArray[np.float64]
Interval = tuple[float, float]

WARM_UP: Final = 0.25
"""Steps discarded at the beginning, in terms of those that are kept."""

_LARGEST_COUPLING: Final = 1e100
_LARGEST_RATE: Final = 1e18

_SUMMARY: Final = (0.05, 0.16, 0.5, 0.84, 0.95)


@dataclass(frozen=True, eq=False)
class Samples:
    """Kept samples of E ensembles of W walkers at N steps.

    Attributes
    ----------
    question
        What was asked: scenario, run, regions, counts, priors, settings, provenance.
    parameters, bins
        Names of the D parameters (those with priors first, then the nuisance parameters) and of the B bins.
    values
        Parameters, shape (E, N, W, D); couplings in the scenario's unit, masses in GeV.
    signal, expected
        Expected signal events and counts in all of each bin, shape (E, N, W, B).
    acceptance
        Share of accepted moves of each ensemble.
    notes
        What a reader should know.
    log_prob
        Ln of the posterior density in the coordinates of the sampler, up to a constant, shape (E, N, W), if it is known.
    burn_in
        Steps after which the last walker had arrived where the others are, at most half of all.
    before
        Steps discarded before the kept ones, default a quarter as many as are kept.
    """

    question: Mapping[str, Any]
    parameters: tuple[str, ...]
    bins: tuple[str, ...]
    values: Array
    signal: Array
    expected: Array
    acceptance: tuple[float, ...]
    notes: tuple[str, ...] = field(default=())
    log_prob: Array | None = None
    burn_in: int = 0
    before: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Quantities that `of` knows: the parameters, and what follows from them."""
        derived = ["events"]
        if self._power is not None and "coupling" not in self.parameters:
            derived.append("coupling")
        return (*self.parameters, *derived, *self.of_bins)

    @property
    def of_bins(self) -> dict[str, int]:
        """Names of the signal events in each bin, such as "events visible", and the number of the bin."""
        return {f"events {name}": number for number, name in enumerate(self.bins)}

    def of(self, name: str) -> Array:
        """Samples of a parameter, of "events" (signal events in all), of "events BIN" or of a "coupling", shape (E, N, W).

        Parameters
        ----------
        name
            One of `names`.

        Raises
        ------
        InputError
            If there is no such quantity.
        """
        if name in self.parameters:
            return self.values[..., self.parameters.index(name)]
        if name == "events":
            return np.asarray(self.signal.sum(axis=-1))
        if name in self.of_bins:
            return self.signal[..., self.of_bins[name]]
        if name == "coupling" and name in self.names and self._power is not None:
            strength = self.values[..., 0]
            if self.parameters[0] == "mu":
                return np.asarray(float(self.question["coupling"]) * strength ** (1 / self._power))
            return np.asarray((strength / float(self.question["events_at_coupling_one"])) ** (1 / self._power))
        raise InputError(f"samples of {name!r}: there are {', '.join(self.names)}")

    @property
    def signal_parameter(self) -> str:
        """The parameter that limits are about: the first one."""
        return self.parameters[0]

    @property
    def priors(self) -> tuple[str, ...]:
        """The priors in words."""
        return tuple(item["text"] for item in self.question["priors"])

    @cached_property
    def diagnostics(self) -> Diagnostics:
        """True if to trust the chain."""
        before = discarded(self.values.shape[1]) if self.before is None else self.before
        return diagnose(self.values, self.parameters, self.acceptance, before, self.log_prob)

    def upper_limit(self, name: str | None = None, cl: float = 0.90) -> float:
        """Credible upper limit of a quantity, default the parameter with the prior.

        Parameters
        ----------
        name
            Of a quantity in `names`.
        cl
            Posterior probability below the limit.
        """
        return self.quantile(cl, name)

    def quantile(self, probability: float, name: str | None = None) -> float:
        """Value of a quantity below which lies this posterior probability.

        Parameters
        ----------
        probability
            Posterior probability below the value, between 0 and 1.
        name
            Of a quantity in `names`; default the parameter with the prior.
        """
        check_probability(probability)
        return float(np.quantile(self.of(name or self.signal_parameter), probability))

    def quantile_error(self, probability: float, name: str | None = None) -> float:
        """Monte Carlo standard error of `quantile`.

        Parameters
        ----------
        probability, name
            As for `quantile`.
        """
        check_probability(probability)
        return quantile_error(self.of(name or self.signal_parameter), probability)

    def highest_density(
        self, name: str | None = None, probability: float = 0.90, *, log: bool | None = None
    ) -> tuple[Interval, ...]:
        """Intervals of the highest density that hold this posterior probability, from a histogram.

        Parameters
        ----------
        name
            Of a quantity in `names`; default the parameter with the prior.
        probability
            Posterior probability in the intervals, between 0 and 1.
        log
            Density per unit of the logarithm; default for a coupling or a mass with a prior that is flat in it.
        """
        check_probability(probability)
        name = name or self.signal_parameter
        samples = self.of(name)
        log = self.is_log(name) if log is None else log
        x = np.log(samples.ravel()) if log else samples.ravel()
        heights, edges = np.histogram(x, bins=_bins(x, x.size / autocorrelation_time(samples)))
        order = np.argsort(-heights, kind="stable")
        last = int(np.searchsorted(np.cumsum(heights[order]), probability * len(x)))
        inside = np.zeros(len(heights), dtype=bool)
        inside[order[: last + 1]] = True
        ends = edges[np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]])))]
        return tuple((float(a), float(b)) for a, b in (np.exp(ends) if log else ends).reshape(-1, 2))

    def is_log(self, name: str) -> bool:
        """True if a quantity is drawn on a logarithmic axis: where its prior is flat in the logarithm.

        Parameters
        ----------
        name
            Of a quantity in `names`.
        """
        return any(item["parameter"] == name and item["name"] == "log-flat" for item in self.question["priors"])

    def summary(self, cl: float = 0.90) -> dict[str, dict[str, float]]:
        """Mean, standard deviation, quantiles and limit of every quantity.

        Parameters
        ----------
        cl
            Posterior probability below the limit.
        """
        found = {}
        for name in self.names:
            values = self.of(name)
            quantiles = np.quantile(values, _SUMMARY)
            row = {"mean": float(values.mean()), "sd": float(values.std())}
            row |= {f"q{round(100 * p):02d}": float(q) for p, q in zip(_SUMMARY, quantiles, strict=True)}
            found[name] = row | {"limit": self.upper_limit(name, cl), "limit_error": self.quantile_error(cl, name)}
        return found

    def predictive(self, seed: int = 0) -> NDArray[np.int64]:
        """Counts that a repetition would see, one per sample and bin, shape (E N W, B).

        Parameters
        ----------
        seed
            Of the random numbers; the same gives the same counts.

        Raises
        ------
        ComputationError
            If so many are expected that they cannot be drawn.
        """
        rates = np.maximum(self.expected.reshape(-1, len(self.bins)), 0.0)
        if not rates.max(initial=0.0) < _LARGEST_RATE:
            raise ComputationError(
                f"samples: {rates.max():g} expected events; fewer than {_LARGEST_RATE:g} can be drawn"
            )
        return np.asarray(np.random.default_rng(seed).poisson(rates))

    def predictive_p_values(self) -> dict[str, float]:
        """Probability of at least the observed count in each channel of one bin, if the experiment is repeated."""
        from scipy.special import gammainc

        found = {}
        for column, name in enumerate(self.bins):
            count = self.question["counts"].get(name)
            if count is not None:
                rates = np.maximum(self.expected[..., column], 0.0)
                found[name] = 1.0 if count == 0 else float(gammainc(count, rates).mean())
        return found

    def inference_data(self) -> Any:
        """ArviZ's container of the samples: chain = walker of an ensemble, draw = step.

        Raises
        ------
        InputError
            If ArviZ is not installed.
        """
        from na64stat.study.bayes.arviz_export import inference_data

        return inference_data(self.groups(), self.bins)

    def groups(self) -> dict[str, dict[str, Any]]:
        """Posterior, predictive and observed counts as arrays of shape (chain, draw, ...); every walker is a chain."""

        def chains(values: Any) -> Array:
            """(E, N, W, ...) -> (E W, N, ...)."""
            swapped = np.swapaxes(values, 1, 2)
            return np.ascontiguousarray(swapped.reshape(-1, *swapped.shape[2:]))

        posterior = {name: chains(self.of(name)) for name in self.names if name not in self.of_bins}
        posterior |= {"signal": chains(self.signal), "expected": chains(self.expected)}
        groups = {
            "posterior": posterior,
            "posterior_predictive": {"counts": chains(self.predictive().reshape(self.expected.shape))},
        }
        counts = [self.question["counts"].get(name) for name in self.bins]
        if None not in counts:
            groups["observed_data"] = {"counts": np.array(counts)}
        return groups

    def as_dict(self, cl: float = 0.90) -> dict[str, Any]:
        """JSON form: what was asked, limits and diagnostics, without the samples.

        Parameters
        ----------
        cl
            Posterior probability below the limits.
        """
        checks = self.diagnostics
        return {
            "kind": "posterior",
            **self.question,
            "cl": cl,
            "steps": checks.steps,
            "discarded": checks.discarded,
            "burn_in": self.burn_in,
            "limit": {
                "parameter": self.signal_parameter,
                "value": self.upper_limit(None, cl),
                "error": _finite(self.quantile_error(cl)),
            },
            "highest_density": [list(item) for item in self.highest_density(None, cl)],
            "summary": {
                name: {key: _finite(value) for key, value in row.items()} for name, row in self.summary(cl).items()
            },
            "predictive_p_values": self.predictive_p_values(),
            "diagnostics": {
                "converged": checks.converged,
                "verdict": checks.verdict,
                "acceptance": list(checks.acceptance),
                "parameters": {
                    name: {"autocorrelation": _finite(time), "effective": size, "r_hat": _finite(hat)}
                    for name, time, size, hat in zip(
                        checks.parameters, checks.autocorrelation, checks.effective, checks.r_hat, strict=True
                    )
                },
            },
            "notes": list(self.notes),
        }

    @property
    def _power(self) -> float | None:
        power = self.question["yield_power"]
        return None if power is None else float(power)


def load_samples(path: str | os.PathLike[str]) -> Samples:
    """Samples that a chain file holds, as far as it has come.

    Parameters
    ----------
    path
        The HDF5 file.

    Raises
    ------
    InputError
        If the file is missing, damaged or no chain, or holds fewer than eight steps.
    """
    file = ChainFile(path)
    steps = min(len(chain["chain"]) for chain in file.chains)
    kept = math.floor(steps / (1 + WARM_UP))
    if kept < 8:
        raise InputError(f"{path}: {steps} steps; go on with `na64stat posterior -o {path}` until there are more")
    arrived = burn_in(np.stack([chain["log_prob"][: kept + discarded(kept)] for chain in file.chains]))
    together = {
        name: np.stack([kept_part(chain[name], kept, arrived) for chain in file.chains])
        for name in ("chain", "signal", "expected", "log_prob")
    }
    found = Samples(
        question=file.question,
        parameters=file.parameters,
        bins=file.bins,
        values=together["chain"],
        signal=together["signal"],
        expected=together["expected"],
        acceptance=tuple(float(chain["accepted"].mean()) / len(chain["chain"]) for chain in file.chains),
        notes=(*file.notes, *notes_on_burn_in(kept, arrived)),
        log_prob=together["log_prob"],
        burn_in=arrived,
        before=max(discarded(kept), arrived),
    )
    with np.errstate(over="ignore"):
        largest = float(found.of("coupling").max()) if "coupling" in found.names else 0.0
    if not largest < _LARGEST_COUPLING:
        raise InputError(
            f"{path}: couplings up to {largest:g} follow from the question's yield_power, coupling and "
            f"events_at_coupling_one; expected below {_LARGEST_COUPLING:g}"
        )
    return found


def discarded(kept: int) -> int:
    """Steps discarded before so many that are kept."""
    return math.ceil(WARM_UP * kept)


def kept_part(values: Any, kept: int, arrived: int = 0) -> Any:
    """The steps that are kept, of an array whose first axis is the step: fewer where walkers had not `arrived` by then."""
    begin = discarded(kept)
    return values[max(begin, arrived) : begin + kept]


def notes_on_burn_in(kept: int, arrived: int) -> tuple[str, ...]:
    """A note where more had to be discarded than a quarter of what was to be kept."""
    if arrived <= discarded(kept):
        return ()
    return (
        f"the last walker took {arrived} steps to arrive where the others are: as many are discarded, not {discarded(kept)}",
    )


def _bins(x: Array, effective: float) -> int:
    """Bins of a histogram, after Freedman and Diaconis with the number of independent samples."""
    spread = float(np.subtract(*np.percentile(x, [75, 25])))
    if spread == 0 or not effective >= 1:
        return 1
    return int(np.clip(np.ptp(x) * effective ** (1 / 3) / (2 * spread), 10, 1000))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
