"""The only file that touches pyhf: schema checks. No global backend is changed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

from na64stat.arguments import check
from na64stat.errors import WorkspaceError
from na64stat.stats.likelihood.schema_words import in_words

MOST_COPIES: Final = 10
"""Largest number of "copy" operations in a JSON patch: each can double the document."""


def check_workspace(workspace: object, origin: str = "workspace") -> None:
    """Refuse anything but a mapping, such as a template or the path of a file, with a WorkspaceError."""
    expected = "expected a pyhf workspace as a dict, such as build_workspace(template, run)"
    check(origin, workspace, Mapping, expected, WorkspaceError)


def validate(workspace: Mapping[str, Any], origin: str = "workspace") -> None:
    """Check a workspace against the JSON schema of pyhf; a WorkspaceError names the place and what the schema expects."""
    check_workspace(workspace, origin)
    import pyhf.exceptions
    import pyhf.schema

    try:
        with warnings.catch_warnings():
            # pyhf 0.7.6 resolves its schemas through a class that jsonschema calls deprecated.
            warnings.filterwarnings("ignore", message=".*RefResolver.*", category=DeprecationWarning)
            pyhf.schema.validate(dict(workspace), "workspace.json")
    except pyhf.exceptions.InvalidSpecification as error:
        raise WorkspaceError(f"{origin}: not a valid pyhf workspace: {in_words(workspace, error.parent)}") from error


def patched(workspace: Mapping[str, Any], patch: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A copy of a workspace with a JSON patch applied; WorkspaceError if it does not fit or has too many copies."""
    check_workspace(workspace)
    expected = "expected a list of operations, such as the `patch` of an entry of a patch set"
    check("patch", patch, (list, tuple), expected, WorkspaceError)
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
            "patch: puts something else in the place of the workspace; expected an object with channels"
        )
    return result


def digest(workspace: Mapping[str, Any]) -> str:
    """SHA-256 digest by which a patchset names its workspace."""
    import pyhf.utils

    return str(pyhf.utils.digest(dict(workspace)))


def validate_patchset(workspace: Mapping[str, Any], patchset: Mapping[str, Any]) -> None:
    """Check a patchset against the schema, its digest, and the names and values of its patches, with a WorkspaceError."""
    import pyhf.exceptions
    import pyhf.patchset

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*RefResolver.*", category=DeprecationWarning)
            pyhf.patchset.PatchSet(dict(patchset)).verify(dict(workspace))
    except pyhf.exceptions.InvalidSpecification as error:
        raise WorkspaceError(f"patchset: {in_words(patchset, error.parent)}") from error
    except pyhf.exceptions.PatchSetVerificationError as error:
        digests = [f"{kind} {value}" for kind, value in patchset["metadata"]["digests"].items()]
        raise WorkspaceError(
            f"patchset: it is for another workspace, of digest {', '.join(digests)}; this one has sha256 "
            f"{digest(workspace)}; give the workspace that came with it"
        ) from error
    except pyhf.exceptions.InvalidPatchSet as error:
        raise WorkspaceError(f"patchset: {_unclear(patchset)}") from error


def _unclear(patchset: Mapping[str, Any]) -> str:
    """Text on a patch whose number of values is not that of the labels, or that repeats the name or values of another."""
    labels, seen = patchset["metadata"]["labels"], set[Any]()
    for entry in patchset["patches"]:
        name, values = entry["metadata"]["name"], tuple(entry["metadata"]["values"])
        if len(values) != len(labels):
            return f"patch {name!r}: {len(values)} values; expected one for each of the labels {', '.join(labels)}"
        for key, what in ((name, "name"), (values, "values")):
            if key in seen:
                return f"patch {name!r}: another patch has the same {what}; expected {what} that no other has"
            seen.add(key)
    return "names and values of the patches do not tell them apart"
