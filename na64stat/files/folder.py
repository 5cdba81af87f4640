"""Whole folders of files, put in place at once: a reader sees the old folder or the new one, never a part."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from na64stat.errors import InputError
from na64stat.files import write_advice, write_bytes


def check_folder(folder: Path, overwrite: bool, replaceable: Callable[[Path], str | None]) -> None:
    """Refuse a folder that cannot be written, before anything is computed for it.

    Parameters
    ----------
    folder
        Its parent must exist.
    overwrite
        Whether a folder that has files may be replaced.
    replaceable
        Says why the files of an existing folder must not be replaced; None if they may.

    Raises
    ------
    InputError
        If it may not be replaced, or is no folder.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder}: is not a folder; expected the name of a new one")
    if not folder.resolve().parent.is_dir():
        raise InputError(f"{folder}: there is no folder {folder.resolve().parent}; make it first")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    # The reason first: --overwrite must not be advised where it would be refused, too.
    reason = replaceable(folder)
    if reason is not None:
        raise InputError(f"{folder}: {reason}; it is not replaced, choose another folder")
    if not overwrite:
        raise InputError(f"{folder}: the folder has files; --overwrite (overwrite=True) would replace it")


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a new folder that then takes the place of `folder`; see `check_folder`.

    Raises
    ------
    InputError
        If it cannot be written; what was there is still there.
    """
    target = folder.resolve()
    token = secrets.token_hex(8)
    fresh, old = (target.with_name(f".{target.name}.{token}.{kind}") for kind in ("new", "old"))
    try:
        fresh.mkdir()
        for name, content in files.items():
            write_bytes(fresh / name, content)
        if target.is_dir():
            target.rename(old)
            try:
                fresh.rename(target)
            except OSError:
                old.rename(target)
                raise
        else:
            fresh.rename(target)
    except OSError as error:
        raise InputError(f"cannot write {folder}: {write_advice(error)}") from error
    finally:
        for left in (fresh, *((old,) if target.is_dir() else ())):
            shutil.rmtree(left, ignore_errors=True)
    _flush(target.parent)


def _flush(folder: Path) -> None:
    """The new name down to the disk, where folders can be flushed."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
