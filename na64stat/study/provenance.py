"""Where a result comes from: versions and digests of the inputs, no times."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from na64stat.experiment.run import Run
from na64stat.yields.survival import DepthAverage

_PACKAGES = ("na64stat", "numpy", "scipy", "iminuit")


def provenance(run: Run, average: DepthAverage) -> dict[str, Any]:
    """Versions of the code, digest and background setting of the run, depth average."""
    return {
        "versions": {name: version(name) for name in _PACKAGES},
        "run_digest": run.digest,
        "background": run.background_setting,
        "depth_average": average.value,
    }
