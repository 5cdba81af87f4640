"""One reader of everything that results write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from na64stat.arguments import check
from na64stat.records.load import load_any


def load(path: str | Path) -> Any:
    """Read any result that was saved: its type is that of the result.

    Parameters
    ----------
    path
        A JSON file of `save` or `-o`, or a chain (HDF5).

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds no result.
    """
    from na64stat.study.bayes.samples import load_samples

    check("path", path, (str, os.PathLike), "expected the path of a file")
    if Path(path).suffix in (".h5", ".hdf5"):
        return load_samples(path)
    return load_any(path)
