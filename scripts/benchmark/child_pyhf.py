"""pyhf's side of the benchmark, in an environment with pyhf 0.7.6 and numpy 2.3; see `serve`."""

from __future__ import annotations

import time
from typing import Any

import iminuit
import numpy as np
import pyhf
import scipy
from pyhf.infer.calculators import ToyCalculator
from pyhf.infer.intervals.upper_limits import linear_grid_scan, toms748_scan
from pyhf.infer.test_statistics import qmu_tilde
from serve import serve

_MOST_ATTEMPTS = 5
_loaded: dict[str, Any] = {}


def versions() -> dict[str, str]:
    """Versions of what runs here."""
    return {module.__name__: module.__version__ for module in (pyhf, np, scipy, iminuit)}


def load(workspace: dict[str, Any], mu: float) -> dict[str, Any]:
    """Take a model; return the layout of its data and the test statistic of the observed data."""
    pyhf.set_backend("numpy", "scipy")
    parsed = pyhf.Workspace(workspace)
    model = parsed.model()
    data = parsed.data(model)
    _loaded.update(model=model, data=data, mu=mu, settings=_settings(model))
    _loaded["observed"] = float(qmu_tilde(mu, data, model, *_loaded["settings"]))
    constrained = [
        name for name in model.config.auxdata_order for _ in range(model.config.param_set(name).n_parameters)
    ]
    return {
        "channels": {name: [part.start, part.stop] for name, part in model.config.channel_slices.items()},
        "parameters": model.config.par_names,
        "auxiliary": constrained,
        "observed": _loaded["observed"],
    }


def toys(number: int, seed: int) -> dict[str, Any]:
    """Toys at least as extreme as the observed data by pyhf's own calculator, and the time [s].

    One fit that fails loses the whole run: it is counted, and another seed is tried.
    """
    model, data, mu = _loaded["model"], _loaded["data"], _loaded["mu"]
    calculator = ToyCalculator(data, model, test_stat="qtilde", ntoys=number, track_progress=False)
    for attempt in range(_MOST_ATTEMPTS):
        np.random.seed(seed + 1000 * attempt)  # noqa: NPY002  pyhf draws from the global generator
        start = time.perf_counter()
        try:
            signal, background = calculator.distributions(mu)
            break
        except pyhf.exceptions.FailedMinimization:
            if attempt == _MOST_ATTEMPTS - 1:
                raise
    return {
        "seconds": time.perf_counter() - start,
        "failed": attempt,
        "signal": int((signal.samples >= _loaded["observed"]).sum()),
        "background": int((background.samples >= _loaded["observed"]).sum()),
    }


def draw(number: int, seed: int) -> dict[str, Any]:
    """Data sets, main and auxiliary, one half with the tested signal and one without, parameters at the best fits."""
    model, data, mu = _loaded["model"], _loaded["data"], _loaded["mu"]
    np.random.seed(seed)  # noqa: NPY002  pyhf draws from the global generator
    parts = []
    for strength, count in ((mu, number // 2), (0.0, number - number // 2)):
        parameters = pyhf.infer.mle.fixed_poi_fit(strength, data, model)
        parts.append(model.make_pdf(pyhf.tensorlib.astensor(parameters)).sample((count,)))
    _loaded["sets"] = np.concatenate(parts)
    return {"data": _loaded["sets"].tolist()}


def statistics(optimizer: str) -> dict[str, Any]:
    """q-tilde of the drawn data sets by pyhf's function, with -2 ln L of its two fits; None where a fit fails."""
    if optimizer == "minuit":
        pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-6, strategy=1, maxiter=1_000_000))
    else:
        pyhf.set_backend("numpy", optimizer)
    try:
        found = [_statistic(values) for values in _loaded["sets"]]
    finally:
        pyhf.set_backend("numpy", "scipy")
    return {name: [row[name] for row in found] for name in ("statistic", "fixed", "free")}


def heights(fixed: list[list[float]], free: list[list[float]]) -> dict[str, list[float]]:
    """The -2 ln L by pyhf of the drawn data sets at parameters found elsewhere, in pyhf's order."""
    return {
        "fixed": [_height(at, values) for at, values in zip(fixed, _loaded["sets"], strict=True)],
        "free": [_height(at, values) for at, values in zip(free, _loaded["sets"], strict=True)],
    }


def asymptotic() -> dict[str, float]:
    """Time [s] of one asymptotic CL_s."""
    start = time.perf_counter()
    value = pyhf.infer.hypotest(_loaded["mu"], _loaded["data"], _loaded["model"], test_stat="qtilde")
    return {"seconds": time.perf_counter() - start, "value": float(value)}


def limit(scan: bool, largest: float) -> dict[str, float]:
    """Time [s] of the asymptotic 90% limit with its band: over a grid of 41 strengths, or by root finding."""
    model, data = _loaded["model"], _loaded["data"]
    start = time.perf_counter()
    if scan:
        observed, _, _ = linear_grid_scan(data, model, np.linspace(0, largest, 41), level=0.1, return_results=True)
    else:
        observed, _ = toms748_scan(data, model, 0, largest, level=0.1)
    return {"seconds": time.perf_counter() - start, "value": float(observed)}


def _settings(model: Any) -> tuple[Any, Any, Any]:
    config = model.config
    return config.suggested_init(), config.suggested_bounds(), config.suggested_fixed()


def _statistic(values: np.ndarray) -> dict[str, float | None]:
    model = _loaded["model"]
    try:
        statistic, (fixed, free) = qmu_tilde(
            _loaded["mu"], values, model, *_loaded["settings"], return_fitted_pars=True
        )
    except pyhf.exceptions.FailedMinimization:
        return {"statistic": None, "fixed": None, "free": None}
    return {"statistic": float(statistic), "fixed": _height(fixed, values), "free": _height(free, values)}


def _height(parameters: Any, values: np.ndarray) -> float:
    return float(-2 * _loaded["model"].logpdf(np.asarray(parameters), values)[0])


if __name__ == "__main__":
    commands = (versions, load, toys, draw, statistics, heights, asymptotic, limit)
    serve({command.__name__: command for command in commands})
