"""Where a result comes from: versions and digests of the inputs, no times."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from na64stat.experiment.run import Run
from na64stat.yields.survival import DepthAverage

_PACKAGES = ("na64stat", "numpy", "scipy", "iminuit")


def provenance(runs: Sequence[Run], average: DepthAverage) -> dict[str, Any]:
    """Versions of the code, digest and background setting of each run (or of the only one), depth average."""
    return {
        "versions": {name: version(name) for name in _PACKAGES},
        "run_digest": _of_each(runs, "digest"),
        "background": _of_each(runs, "background_setting"),
        "depth_average": average.value,
    }


def _of_each(runs: Sequence[Run], name: str) -> str | dict[str, str]:
    if len(runs) == 1:
        return str(getattr(runs[0], name))
    return {run.name: getattr(run, name) for run in runs}
