"""The only file that touches pyhf: schema checks. No global backend is changed."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from na64stat.arguments import check
from na64stat.errors import WorkspaceError

MOST_COPIES: Final = 10
"""Operations "copy" of a JSON patch: each can double what it is applied to."""


def check_workspace(workspace: object, origin: str = "workspace") -> None:
    """Refuse what is no mapping, such as a template or the path of a file, with a WorkspaceError."""
    right = "a pyhf workspace as a dict is right, such as build_workspace(template, run)"
    check(origin, workspace, Mapping, right, WorkspaceError)


def validate(workspace: Mapping[str, Any], origin: str = "workspace") -> None:
    """Check a workspace against pyhf's JSON schema.

    Raises
    ------
    WorkspaceError
        Naming the place in the workspace and what the schema asks there.
    """
    check_workspace(workspace, origin)
    import pyhf.exceptions
    import pyhf.schema

    try:
        with warnings.catch_warnings():
            # pyhf 0.7.6 resolves its schemas through a class that jsonschema calls deprecated.
            warnings.filterwarnings("ignore", message=".*RefResolver.*", category=DeprecationWarning)
            pyhf.schema.validate(dict(workspace), "workspace.json")
    except pyhf.exceptions.InvalidSpecification as error:
        reason = str(error).splitlines()[0]
        place = _place(workspace, getattr(error.parent, "absolute_path", ()))
        raise WorkspaceError(f"{origin}: not a valid pyhf workspace: {place}{reason}") from error


def _place(workspace: Mapping[str, Any], path: Iterable[str | int]) -> str:
    """Where in a workspace a path leads, with the names of channels, samples and so on instead of their numbers."""
    words: list[str] = []
    here: Any = workspace
    for key in path:
        here = here[key]
        named = isinstance(key, int) and isinstance(here, dict) and "name" in here
        words.append(repr(here["name"]) if named else f"[{key}]" if isinstance(key, int) else f", {key}")
    text = " ".join(words).replace(" ,", ",").strip(", ")
    return f"{text}: " if text else ""


def patched(workspace: Mapping[str, Any], patch: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A copy of a workspace with a JSON patch applied.

    Raises
    ------
    WorkspaceError
        The patch does not fit, or copies more than `MOST_COPIES` times.
    """
    check_workspace(workspace)
    right = "a list of operations is right, such as the `patch` of an entry of a patch set"
    check("patch", patch, (list, tuple), right, WorkspaceError)
    import jsonpatch

    copies = sum(1 for operation in patch if isinstance(operation, Mapping) and operation.get("op") == "copy")
    if copies > MOST_COPIES:
        raise WorkspaceError(
            f"patch: {copies} copies, each of which can double the workspace; at most {MOST_COPIES} are made"
        )
    try:
        result: dict[str, Any] = jsonpatch.apply_patch(dict(workspace), list(patch))
    except (
        jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, LookupError, ValueError, AttributeError
    ) as error:  # fmt: skip
        raise WorkspaceError(f"patch: does not fit the workspace: {error}") from error
    if not isinstance(result, dict):
        raise WorkspaceError(
            "patch: puts something else in the place of the workspace; an object with channels is right"
        )
    return result


def digest(workspace: Mapping[str, Any]) -> str:
    """The SHA-256 digest by which a patchset names its workspace."""
    import pyhf.utils

    return str(pyhf.utils.digest(dict(workspace)))


def validate_patchset(workspace: Mapping[str, Any], patchset: Mapping[str, Any]) -> None:
    """Check a patchset against pyhf's schema, its digest, and the names and values of its patches.

    Raises
    ------
    WorkspaceError
        Saying what is wrong.
    """
    import pyhf.exceptions
    import pyhf.patchset

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*RefResolver.*", category=DeprecationWarning)
            pyhf.patchset.PatchSet(dict(patchset)).verify(dict(workspace))
    except (
        pyhf.exceptions.InvalidPatchSet,
        pyhf.exceptions.InvalidSpecification,
        pyhf.exceptions.PatchSetVerificationError,
    ) as error:
        raise WorkspaceError(f"patchset: {str(error).splitlines()[0]}") from error
