"""Workspace files, and the options that change them: --patch, --patch-name, --measurement."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from na64stat.cli.options.scenario_run import Command, add_options
from na64stat.errors import InputError, did_you_mean


def read_json(path: Path, wanted: str, *, whole_numbers: bool = False) -> Any:
    """Content of a JSON file; `wanted` says what it should be."""
    from na64stat.files import parse_json, read_limited

    try:
        text = read_limited(path, "JSON").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file; expected {wanted}") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected the path of {wanted}") from error
    if not text.strip():
        raise InputError(f"{path}: the file is empty; expected {wanted}")
    # Whole numbers as floats: JSON knows no bound for them, and an overflow to infinity is refused by name.
    return parse_json(text, str(path), parse_int=int if whole_numbers else float)


def read_workspace(path: Path) -> dict[str, Any]:
    """A workspace file as a dictionary; what is in it is checked where it is used."""
    workspace = read_json(path, "a pyhf workspace")
    if not isinstance(workspace, dict):
        raise InputError(f"{path}: holds {_kind(workspace)}; a pyhf workspace is an object with channels")
    if "schema" in workspace or "kind" in workspace:
        from na64stat.records.content import content_of

        within = "the workspace alone, as -o writes it," if isinstance(workspace.get("workspace"), dict) else ""
        raise InputError(f"{path}: {content_of(workspace)}; expected {within or 'a pyhf workspace'} here")
    return workspace


def _kind(value: object) -> str:
    return f"a {type(value).__name__}" if value is not None else "null"


@dataclass(frozen=True)
class PatchChoice:
    """--patch, --patch-name, --measurement, --poi."""

    patch: str | None = None
    name: str | None = None
    measurement: str | None = None
    poi: str | None = None

    def read(self, workspace: Path) -> list[dict[str, Any]] | None:
        """The JSON patch to apply to this workspace, None without one.

        Raises
        ------
        InputError
            The file is no patch, or a patch set made for another workspace or without a patch of that name.
        """
        if self.patch is None:
            if self.name is not None:
                raise InputError(f"--patch-name {self.name}: picks a patch of a patch set; name that with --patch")
            return None
        path = Path(self.patch)
        content = read_json(path, "a JSON patch")
        if isinstance(content, dict) and isinstance(content.get("patches"), list):
            _check_digest(path, content, workspace)
            content = self._pick(path, content["patches"])
        elif self.name is not None:
            raise InputError(f"--patch-name {self.name}: {path} is no patch set; it goes without a name")
        if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
            raise InputError(
                f'{path}: not a JSON patch; expected a list of operations, e.g. [{{"op": "replace", ...}}]'
            )
        return content

    def _pick(self, path: Path, patches: list[Any]) -> Any:
        try:
            known = {str(item["metadata"]["name"]): item["patch"] for item in patches}
        except (TypeError, KeyError) as error:
            raise InputError(f"{path}: not a patch set; every patch needs a metadata, name and a patch") from error
        if self.name in known:
            return known[self.name]
        start = f"--patch-name: missing for {path}" if self.name is None else f"--patch-name {self.name}: not in {path}"
        some = ", ".join(list(known)[:8]) + (", ..." if len(known) > 8 else "")
        hint = did_you_mean(self.name or "", known)
        raise InputError(f"{start}; its patches are {some}{hint}" if known else f"{path}: a patch set without patches")


def _check_digest(path: Path, patch_set: dict[str, Any], workspace: Path) -> None:
    """Refuse a patch set that says it was made for another workspace; pyhf's digests are of the sorted JSON."""
    metadata = patch_set.get("metadata")
    digests = metadata.get("digests") if isinstance(metadata, dict) else None
    expected = digests.get("sha256") if isinstance(digests, dict) else None
    if expected is None:
        return
    content = read_json(workspace, "a pyhf workspace", whole_numbers=True)
    found = hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode("utf8")).hexdigest()
    if found != expected:
        raise InputError(
            f"{path}: made for a workspace with sha256 {str(expected)[:12]}..., {workspace} has {found[:12]}...; "
            "expected the background "
            "workspace of this patch set"
        )


def with_patch(command: Command) -> Command:
    """Hand a `PatchChoice` to the command as `patch`."""

    def pack(
        *, patch: str | None, patch_name: str | None, measurement: str | None, poi: str | None, **others: Any
    ) -> Any:
        return command(patch=PatchChoice(patch, patch_name, measurement, poi), **others)

    return add_options(command, pack, *patch_options())


def patch_options() -> list[Any]:
    """The four options."""
    return [
        click.option("--patch", metavar="FILE.json", help="JSON patch, or patch set, to apply to the workspace file."),
        click.option("--patch-name", metavar="NAME", help="Which patch of a patch set."),
        click.option("--measurement", metavar="NAME", help="Measurement of the workspace file; default the first."),
        click.option("--poi", metavar="NAME", help="Parameter of interest; default the measurement's."),
    ]
