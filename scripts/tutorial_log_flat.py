"""Table and figure of docs/posterior.md, what log-flat does when nothing is seen: `python scripts/tutorial_log_flat.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import na64stat as na
from na64stat.plot.posterior import draw_limits_by_prior
from na64stat.plot.style import house_style, new_figure, save_figure

FIGURE = Path(__file__).resolve().parents[1] / "docs" / "figures" / "log_flat.png"
LOWS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10)
FLAT = na.Flat("yield", 0, 100), na.Flat("coupling", 0, 1)


def table() -> list[str]:
    """Rows of the table, as in the docs."""
    priors = [*FLAT, *(na.LogFlat("coupling", low, 1) for low in LOWS)]
    found = na.compare_priors(na.AxionMuon, na.load_run("2022"), priors, mass=0.1)
    return [f"| {row.label} | {row.events:.4g} | {row.coupling:.4g} |" for row in found.rows]


def draw(path: Path) -> None:
    """The limit against the lower bound of the prior, beside those that do not depend on one."""
    run = na.load_run("2022")
    lows = np.geomspace(1e-10, 1e-3, 29)
    limits = [na.credible_limit(na.AxionMuon, run, na.LogFlat("coupling", low, 1), mass=0.1).limit for low in lows]
    others = na.compare_priors(na.AxionMuon, run, FLAT, mass=0.1)
    names = dict(
        zip(
            [row.label for row in others.rows], ("flat in yield", "flat in g", "CL$_s$", "Feldman-Cousins"), strict=True
        )
    )
    references = {names[row.label]: row.coupling for row in others.rows}
    with house_style():
        figure = new_figure(7.5)
        axes = figure.add_subplot()
        draw_limits_by_prior(
            axes,
            lows,
            np.array(limits),
            references,
            xlabel="lower bound of the log-flat prior [GeV$^{-1}$]",
            ylabel="90% limit on the coupling [GeV$^{-1}$]",
        )
        figure.suptitle("axion-muon, m = 0.1 GeV, 2022 run: no event seen")
    save_figure(figure, path, overwrite=True)


if __name__ == "__main__":
    print("\n".join(table()))
    draw(FIGURE)
    print(f"wrote {FIGURE.name}")
