"""What leaves the house: HEPData submissions and their reader, likelihoods (patchsets, HS3), figures of records.

`hepdata` writes a submission, `read_submission` reads one, `read_table` any table of HEPData; `Table` is what they hold.
`patchset` makes a background-only workspace with its signals, `hs3` turns a workspace into HS3, `figure_of` draws a result.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from na64stat.export.curves.limit_curve import LimitCurve as LimitCurve
    from na64stat.export.likelihood.hs3 import hs3 as hs3
    from na64stat.export.likelihood.patchset import Likelihood as Likelihood
    from na64stat.export.likelihood.patchset import background_only as background_only
    from na64stat.export.likelihood.patchset import patchset as patchset
    from na64stat.export.tables.reader import read_table as read_table
    from na64stat.export.tables.submission import Illustrated as Illustrated
    from na64stat.export.tables.submission import Submission as Submission
    from na64stat.export.tables.submission import hepdata as hepdata
    from na64stat.export.tables.submission import hepdata_json as hepdata_json
    from na64stat.export.tables.submission import read_submission as read_submission
    from na64stat.export.tables.table import Table as Table
    from na64stat.figures.figure_of import figure_of as figure_of

# Imported when they are used: drawing and YAML take their time to load.
_HOMES = {
    "Illustrated": "export.tables.submission",
    "Likelihood": "export.likelihood.patchset",
    "LimitCurve": "export.curves.limit_curve",
    "Submission": "export.tables.submission",
    "Table": "export.tables.table",
    "background_only": "export.likelihood.patchset",
    "figure_of": "figures.figure_of",
    "hepdata": "export.tables.submission",
    "hepdata_json": "export.tables.submission",
    "hs3": "export.likelihood.hs3",
    "patchset": "export.likelihood.patchset",
    "read_submission": "export.tables.submission",
    "read_table": "export.tables.reader",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'na64stat.export' has no attribute {name!r}")
    return getattr(importlib.import_module(f"na64stat.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
