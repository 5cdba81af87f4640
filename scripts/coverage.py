"""Coverage of the 90% limits of each method, for a counting region with true signals 0 to 10 and backgrounds 0 to 4.

    python scripts/coverage.py docs/coverage

writes coverage.md (tables), coverage.png and coverage.json into the folder. The limit is computed once for each count and
background; the coverage is the probability of the counts whose limit (or interval) holds the true signal. With nuisance
parameters (signal 10%, background 30%) the counts are averaged over their constraint densities, the auxiliary measurements at
their observed values: the ensemble in which the exact method is defined. A third table, for b = 0, is for the other ensemble: the
efficiency is what it is, and its auxiliary measurement varies.
"""

from __future__ import annotations

if __name__ == "coverage":
    # Beside a script that imports numba this file would pass for the package of the same name, which numba looks for.
    raise ImportError("scripts/coverage.py is a script, not the package coverage")

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from na64stat.files import write_bytes, write_text
from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.exact.exact import Exact
from na64stat.stats.exact.feldman_cousins import FeldmanCousins
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.statistic import Criterion
from na64stat.stats.limits import limit_of_model
from na64stat.stats.method import Method
from na64stat.stats.toys.toys import Toys

CL = 0.90
BACKGROUNDS = (0.0, 1.0, 2.0, 4.0)
SIGNALS = np.linspace(0, 10, 201)
COUNTS = np.arange(36)
"""Enough for a signal of 10 and a background of 4 with their uncertainties: less than 1e-5 lies beyond."""

Intervals = dict[tuple[str, float, bool], np.ndarray]


def methods(toys: int) -> dict[str, Method]:
    """What is compared."""
    return {
        "exact CLs": Exact(),
        "exact CLsb": Exact(criterion=Criterion.CL_SB),
        "Feldman-Cousins": FeldmanCousins(),
        "toys CLs": Toys(toys, seed=1),
        "asymptotic CLs": Asymptotic(),
    }


def workspace(count: float, background: float, systematics: bool, measured: float = 0.0) -> dict[str, Any]:
    """One region with one signal event at mu = 1; `measured` is the auxiliary measurement of its efficiency."""
    signal = [{"name": "mu", "type": "normfactor", "data": None}]
    own = []
    if systematics:
        signal.append({"name": "efficiency", "type": "normsys", "data": {"hi": 1.10, "lo": 1 / 1.10}})
        own.append({"name": "background", "type": "normsys", "data": {"hi": 1.30, "lo": 1 / 1.30}})
    samples = [{"name": "signal", "data": [1.0], "modifiers": signal}]
    if background > 0:
        samples.append({"name": "background", "data": [background], "modifiers": own})
    parameters = [{"name": "efficiency", "auxdata": [measured], "inits": [measured]}] if measured else []
    return {
        "version": "1.0.0",
        "channels": [{"name": "region", "samples": samples}],
        "observations": [{"name": "region", "data": [float(count)]}],
        "measurements": [{"name": "observed", "config": {"poi": "mu", "parameters": parameters}}],
    }


def interval(method: Method, model: Model) -> tuple[float, float]:
    """Lower and upper end; an upper limit begins at 0, and nothing excluded ends nowhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit = limit_of_model(model, method, CL)
    return limit.lower or 0.0, np.inf if limit.observed is None else limit.observed


def probabilities(background: float, systematics: bool) -> np.ndarray:
    """P(count | signal), shape (signals, counts), by Gauss-Hermite quadrature over the two nuisance parameters."""
    from scipy.stats import poisson

    x, w = np.polynomial.hermite_e.hermegauss(25 if systematics else 1)
    total = np.zeros((len(SIGNALS), len(COUNTS)))
    for x_s, w_s in zip(x, w, strict=True):
        for x_b, w_b in zip(x, w, strict=True):
            factors = (1.10**x_s, 1.30**x_b) if systematics else (1.0, 1.0)
            rates = SIGNALS * factors[0] + background * factors[1]
            total += w_s * w_b / w.sum() ** 2 * poisson.pmf(COUNTS, rates[:, None])
    return total


def run(toys: int) -> Intervals:
    """Intervals by count of every method, background and choice of systematics."""
    cases = [(b, s) for s in (False, True) for b in BACKGROUNDS]
    found: Intervals = {}
    for background, systematics in track(cases, description="coverage"):
        models = [Model.from_workspace(workspace(n, background, systematics)) for n in COUNTS]
        for name, method in methods(toys).items():
            ends = [interval(method, model) for model in models]
            found[name, background, systematics] = np.array(ends)
    return found


def coverage(ends: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """Probability that the interval holds the true signal, shape (signals,)."""
    holds = (ends[:, 0] <= SIGNALS[:, None] + 1e-9) & (SIGNALS[:, None] <= ends[:, 1] + 1e-9)
    return (chances * holds).sum(axis=1) + (1 - chances.sum(axis=1))


def coverage_where_measurements_vary(toys: int) -> dict[str, np.ndarray]:
    """Coverage of each method at b = 0 over auxiliary measurements of the efficiency around its true value, shape (signals,)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    found = {name: np.zeros(len(SIGNALS)) for name in methods(toys)}
    chances = probabilities(0.0, systematics=False)
    for node, weight in zip(track(nodes, description="auxiliary"), weights / weights.sum(), strict=True):
        models = [Model.from_workspace(workspace(n, 0.0, True, float(node))) for n in COUNTS]
        for name, method in methods(toys).items():
            found[name] += weight * coverage(np.array([interval(method, model) for model in models]), chances)
    return found


def table(title: str, curves: dict[tuple[str, float], np.ndarray]) -> str:
    """Markdown: least and mean coverage over true signals above 0, and a few values, by method and background."""
    shown = (0, 1, 2, 4, 6, 10)
    lines = [f"## {title}", "", "| method | b | least | mean | " + " | ".join(f"s = {s}" for s in shown) + " |"]
    lines += ["|---|---|---|---|" + "---|" * len(shown)]
    for (name, background), values in curves.items():
        cells = [values[SIGNALS > 0].min(), values[SIGNALS > 0].mean()]
        cells += [values[np.argmin(np.abs(SIGNALS - s))] for s in shown]
        lines.append(f"| {name} | {background:g} | " + " | ".join(f"{v:.3f}" for v in cells) + " |")
    return "\n".join(lines) + "\n"


def figure(curves: dict[tuple[str, float, bool], np.ndarray]) -> bytes:
    """One panel each background and choice of systematics."""
    import io

    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    styles = {"exact CLs": "-", "exact CLsb": "-.", "Feldman-Cousins": "--", "toys CLs": ":", "asymptotic CLs": "-"}
    colours = dict(zip(styles, ("#0072B2", "#56B4E9", "#009E73", "#000000", "#D55E00"), strict=True))
    drawing, axes = plt.subplots(2, len(BACKGROUNDS), figsize=(11, 5.6), sharex=True, sharey=True, layout="constrained")
    for row, systematics in enumerate((False, True)):
        for column, background in enumerate(BACKGROUNDS):
            ax = axes[row, column]
            for name, style in styles.items():
                ax.plot(SIGNALS, curves[name, background, systematics], style, color=colours[name], lw=1.4, label=name)
            ax.axhline(CL, color="0.6", lw=0.8, zorder=0)
            with_text = "with" if systematics else "without"
            ax.set_title(f"b = {background:g}, {with_text} nuisance parameters", fontsize=8.5)
            ax.set_ylim(0.7, 1.01)
            ax.grid(visible=True, lw=0.3, alpha=0.5)
    for ax in axes[-1]:
        ax.set_xlabel("true signal [events]")
    for ax in axes[:, 0]:
        ax.set_ylabel("coverage of the 90% limit")
    axes[0, 0].legend(fontsize=7.5, loc="lower right")
    buffer = io.BytesIO()
    drawing.savefig(buffer, dpi=150, metadata={"Software": None})
    plt.close(drawing)
    return buffer.getvalue()


def main() -> None:
    """Compute, and write the table, the figure and the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the three files go")
    parser.add_argument("--toys", type=int, default=2000, help="toys of each hypothesis at each mu")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    intervals = run(options.toys)
    curves = {key: coverage(ends, probabilities(key[1], key[2])) for key, ends in intervals.items()}
    record = {
        "signal": np.round(SIGNALS, 3).tolist(),
        "curves": [
            {"method": name, "background": b, "systematics": s, "coverage": np.round(values, 5).tolist()}
            for (name, b, s), values in curves.items()
        ],
    }
    tables = "\n".join(
        [
            table("Without nuisance parameters", {key[:2]: v for key, v in curves.items() if not key[2]}),
            table("With nuisance parameters that vary", {key[:2]: v for key, v in curves.items() if key[2]}),
            table(
                "With auxiliary measurements that vary",
                {(name, 0.0): v for name, v in coverage_where_measurements_vary(options.toys).items()},
            ),
        ]
    )
    head = f"# Coverage of the {CL:.0%} limits\n\nWritten by `scripts/coverage.py --toys {options.toys}`.\n\n"
    write_text(options.folder / "coverage.md", head + tables, options.overwrite)
    write_bytes(options.folder / "coverage.png", figure(curves), options.overwrite)
    write_text(options.folder / "coverage.json", json.dumps(record), options.overwrite)
    print(tables)


if __name__ == "__main__":
    main()
