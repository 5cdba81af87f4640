"""Named systematic variations of the signal."""

from __future__ import annotations

from na64stat.experiment.run import Run


def variations(run: Run) -> dict[str, tuple[float, float]]:
    """Relative (down, up) factors of every yield: 1/(1 + d) and 1 + d.

    The cross section is common to all regions and runs, efficiency and MOT to all regions of one run, which their names
    say. The efficiency was inferred with the same cross section, so that for muon-coupled scenarios its 5% is partly counted
    twice, which is conservative.
    """
    sizes = {
        f"efficiency_{run.name}": run.systematics.efficiency,
        f"mot_{run.name}": run.systematics.mot,
        "cross_section": run.systematics.cross_section,
    }
    return {name: (1 / (1 + size), 1 + size) for name, size in sizes.items() if size > 0}
