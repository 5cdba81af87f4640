"""What leaves the house: HEPData submissions and their reader, likelihoods (patchsets, HS3), figures of records.

`hepdata` writes a submission, `read_submission` reads one, `read_table` any table of HEPData; `Table` is what they hold.
`patchset` makes a background-only workspace with its signals, `hs3` turns a workspace into HS3, `figure_of` draws a result.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from na64stat.export.curves import LimitCurve as LimitCurve
    from na64stat.export.figures import figure_of as figure_of
    from na64stat.export.hs3_form import hs3 as hs3
    from na64stat.export.likelihood import Likelihood as Likelihood
    from na64stat.export.likelihood import background_only as background_only
    from na64stat.export.likelihood import patchset as patchset
    from na64stat.export.reader import read_table as read_table
    from na64stat.export.submission import Illustrated as Illustrated
    from na64stat.export.submission import Submission as Submission
    from na64stat.export.submission import hepdata as hepdata
    from na64stat.export.submission import hepdata_json as hepdata_json
    from na64stat.export.submission import read_submission as read_submission
    from na64stat.export.table import Table as Table

# Imported when they are used: drawing and YAML take their time to load.
_HOMES = {
    "Illustrated": "submission",
    "Likelihood": "likelihood",
    "LimitCurve": "curves",
    "Submission": "submission",
    "Table": "table",
    "background_only": "likelihood",
    "figure_of": "figures",
    "hepdata": "submission",
    "hepdata_json": "submission",
    "hs3": "hs3_form",
    "patchset": "likelihood",
    "read_submission": "submission",
    "read_table": "reader",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'na64stat.export' has no attribute {name!r}")
    return getattr(importlib.import_module(f"na64stat.export.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
