"""Samples for ArviZ, whose two lines (0.x and 1.x) take them differently."""

from __future__ import annotations

import warnings
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError

if TYPE_CHECKING:
    from na64stat.study.samples import Samples

Array = NDArray[np.float64]


def inference_data(samples: Samples) -> Any:
    """InferenceData (ArviZ 0.x) or a DataTree (1.x) with the groups posterior, posterior_predictive and observed_data.

    Every walker of every ensemble is a chain. Names keep their spelling; a bin is a coordinate.

    Raises
    ------
    InputError
        If ArviZ is not installed.
    """
    try:
        line = int(version("arviz").split(".")[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # a note on its next version, once a day
            import arviz
    except (PackageNotFoundError, ImportError) as error:
        raise InputError("ArviZ is not installed: pip install 'na64stat[arviz]'") from error
    groups: Any = arviz_groups(samples)
    named: Any = {
        "coords": {"bin": list(samples.bins)},
        "dims": {"signal": ["bin"], "expected": ["bin"], "counts": ["bin"]},
    }
    if line == 0:
        return arviz.from_dict(**groups, **named)
    return arviz.from_dict(groups, **named)


def arviz_groups(samples: Samples) -> dict[str, dict[str, Any]]:
    """The groups as arrays, each of shape (chain, draw, ...)."""

    def chains(values: Any) -> Array:
        """(E, N, W, ...) -> (E W, N, ...)."""
        swapped = np.swapaxes(values, 1, 2)
        return np.ascontiguousarray(swapped.reshape(-1, *swapped.shape[2:]))

    posterior = {name: chains(samples.of(name)) for name in samples.names if name not in samples.of_bins}
    posterior |= {"signal": chains(samples.signal), "expected": chains(samples.expected)}
    shape = samples.expected.shape
    groups: dict[str, dict[str, Any]] = {
        "posterior": posterior,
        "posterior_predictive": {"counts": chains(samples.predictive().reshape(shape))},
    }
    counts = [samples.question["counts"].get(name) for name in samples.bins]
    if None not in counts:
        groups["observed_data"] = {"counts": np.array(counts)}
    return groups
