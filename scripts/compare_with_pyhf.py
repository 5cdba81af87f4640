"""pyhf with minuit beside na64stat on random workspaces of published structure: `python scripts/compare_with_pyhf.py`.

Of each workspace: ln L at random points, the best fit, CL_s at mu = 1 and the 90% limit by asymptotic formulas, and the times of
both in the same run. A difference can be either's; where -2 ln L at the two best fits differs the deeper one is named.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from typing import Any

import numpy as np
import pyhf

import na64stat as na
from na64stat.errors import LowCountWarning


def workspace(rng: np.random.Generator) -> dict[str, Any]:
    """One to three channels of one to four bins: a signal, two backgrounds, and constraints of every kind."""
    channels, observations = [], []
    for c in range(rng.integers(1, 4)):
        bins = int(rng.integers(1, 5))
        signal, first, second = (rng.uniform(*ends, bins) for ends in ((2, 8), (20, 80), (5, 30)))
        stat = {"name": f"stat_{c}", "type": "staterror", "data": (0.05 * first).tolist()}
        shape = {"name": f"shape_{c}", "type": "shapesys", "data": (0.1 * second).tolist()}
        jes = {"hi_data": (first * 1.05).tolist(), "lo_data": (first * 0.96).tolist()}
        samples = [
            sample("signal", signal, [{"name": "mu", "type": "normfactor", "data": None}, normsys("eff", 0.1), LUMI]),
            sample(
                "first", first, [normsys("norm", 0.2), {"name": "jes", "type": "histosys", "data": jes}, LUMI, stat]
            ),
            sample("second", second, [normsys(f"own_{c}", 0.15), shape]),
        ]
        channels.append({"name": f"c{c}", "samples": samples})
        observations.append({"name": f"c{c}", "data": rng.poisson(first + second).astype(float).tolist()})
    lumi = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.5, 1.5]], "inits": [1.0]}
    mu = {"name": "mu", "bounds": [[0.0, 20.0]]}
    measurements = [{"name": "m", "config": {"poi": "mu", "parameters": [lumi, mu]}}]
    return {"version": "1.0.0", "channels": channels, "observations": observations, "measurements": measurements}


LUMI = {"name": "lumi", "type": "lumi", "data": None}


def normsys(name: str, size: float) -> dict[str, Any]:
    """A symmetric factor."""
    return {"name": name, "type": "normsys", "data": {"hi": 1 + size, "lo": 1 / (1 + size)}}


def sample(name: str, data: np.ndarray[Any, Any], modifiers: list[dict[str, Any]]) -> dict[str, Any]:
    """A sample."""
    return {"name": name, "data": data.tolist(), "modifiers": modifiers}


def compare(spec: dict[str, Any], rng: np.random.Generator) -> dict[str, float]:
    """Differences and times of one workspace."""
    theirs = pyhf.Workspace(spec)
    model, data = theirs.model(), theirs.data(theirs.model())
    names = model.config.par_names
    begin = time.perf_counter()
    best, twice = pyhf.infer.mle.fit(data, model, return_fitted_val=True)
    cl_s = float(pyhf.infer.hypotest(1.0, data, model))
    limit = float(pyhf.infer.intervals.upper_limits.toms748_scan(data, model, 0.0, 20.0, level=0.1)[0])
    middle = time.perf_counter()
    ours = na.Model.from_workspace(spec)
    fit = na.best_fit(ours, lowest_mu=0.0)
    ours_cl_s = na.Asymptotic().cl_s(ours, [1.0])[0].observed
    ours_limit = na.Asymptotic().upper_limit(ours, 0.9).observed
    end = time.perf_counter()
    points = np.array(model.config.suggested_init()) + rng.normal(0, 0.03, (5, len(names)))
    order = [names.index(parameter.name) for parameter in ours.parameters]
    log = [float(model.logpdf(point, data)[0]) for point in points]
    values = np.array([fit[name].value for name in names])
    return {
        "ln L": float(np.max(np.abs(ours.logpdf(points[:, order]) - log))),
        "mu": abs(fit.mu.value - float(best[model.config.poi_index])),
        "ours deeper by": float(twice) + 2 * float(model.logpdf(values, data)[0]),
        "CL_s": abs((ours_cl_s or 0.0) - cl_s),
        "limit": abs((ours_limit or 0.0) / limit - 1),
        "parameters": float(len(names)),
        "times faster": (middle - begin) / (end - middle),
    }


def main() -> None:
    """Compare and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=30, help="how many workspaces")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-3))
    rng = np.random.default_rng(options.seed)
    na.Asymptotic().cl_s(na.Model.from_workspace(workspace(rng)), [1.0])  # compiles
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LowCountWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        rows = [compare(workspace(rng), rng) for _ in range(options.number)]
    print(f"{options.number} workspaces, pyhf {pyhf.__version__} with minuit")
    print(f"{'':16}{'median':>12}{'largest':>12}{'smallest':>12}")
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(f"{name:16}{statistics.median(values):12.3g}{max(values):12.3g}{min(values):12.3g}")


if __name__ == "__main__":
    main()
