"""ArviZ's container, whose two lines (0.x and 1.x) take groups of samples differently."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from na64stat.errors import InputError


def inference_data(groups: Mapping[str, Any], bins: Sequence[str]) -> Any:
    """InferenceData (ArviZ 0.x) or a DataTree (1.x) of groups of arrays, each of shape (chain, draw, ...).

    Parameters
    ----------
    groups
        Group -> name -> values.
    bins
        Names of the bins, the coordinate of the arrays that have one.

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
    named: Any = {
        "coords": {"bin": list(bins)},
        "dims": {"signal": ["bin"], "expected": ["bin"], "counts": ["bin"]},
    }
    if line == 0:
        return arviz.from_dict(**groups, **named)
    return arviz.from_dict(groups, **named)
