"""Compile what numba compiles, once and in one process, before tests run in several: `python scripts/warm_up.py`."""

from __future__ import annotations

import warnings

import numpy as np

from na64stat import AxionMuon, Exact, Model, Toys, best_fit, build_workspace, load_run, predict, upper_limit
from na64stat.stats.likelihood.kernel import gradients, rates, values


def main() -> None:
    """A fit, limits by toys and by the exact method, and each entry of the kernel."""
    run = load_run("2022", background="realistic")
    workspace = build_workspace(predict(AxionMuon(mass=0.1, coupling=5e-3), run), run, ["invisible"])
    model = Model.from_workspace(workspace)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        best_fit(model)
        upper_limit(workspace, Exact())
        upper_limit(workspace, Toys(100, seed=1))
    tables, parameters = model.compiled, model.starts[None, :]
    data = np.array([model.observed]), model.auxiliary[None, :]
    rates(tables, parameters)
    for as_fitted in (False, True):
        values(tables, parameters, *data, as_fitted)
        gradients(tables, parameters, *data, as_fitted)


if __name__ == "__main__":
    main()
