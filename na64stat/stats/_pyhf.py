"""The only file that touches pyhf: schema checks. No global backend is changed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from na64stat.errors import WorkspaceError


def validate(workspace: Mapping[str, Any], origin: str = "workspace") -> None:
    """Check a workspace against pyhf's JSON schema.

    Raises
    ------
    WorkspaceError
        Naming the place in the workspace and what the schema asks there.
    """
    import pyhf.exceptions
    import pyhf.schema

    try:
        with warnings.catch_warnings():
            # pyhf 0.7.6 resolves its schemas through a class that jsonschema calls deprecated.
            warnings.filterwarnings("ignore", message=".*RefResolver.*", category=DeprecationWarning)
            pyhf.schema.validate(dict(workspace), "workspace.json")
    except pyhf.exceptions.InvalidSpecification as error:
        reason = str(error).splitlines()[0]
        raise WorkspaceError(f"{origin}: not a valid pyhf workspace: {reason}") from error
