"""Writing of files, whole or not at all."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from na64stat.errors import InputError

_LOG = logging.getLogger(__name__)

_ADVICE: Final = {
    errno.EACCES: "no permission to write there; choose another folder",
    errno.EPERM: "no permission to write there; choose another folder",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENOSPC: "the disk is full; free some space or choose another disk",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another disk",
    errno.ENAMETOOLONG: "the file name is too long; choose a shorter one",
}
_NO_HARD_LINKS: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES}


def write_text(path: str | os.PathLike[str], text: str, overwrite: bool = False) -> None:
    """Write a UTF-8 text file, whole or not at all; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"), overwrite)


def write_bytes(path: str | os.PathLike[str], data: bytes, overwrite: bool = False) -> None:
    """Write a file, whole or not at all: readers see the old content or the new one, never a part.

    Parameters
    ----------
    path
        Where to; its folder must exist. A symbolic link is followed.
    data
        The content.
    overwrite
        Whether a file that is there already is replaced.

    Raises
    ------
    InputError
        If there is such a file and `overwrite` is false, or if it cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = _mode_to_keep(target, overwrite)
        # In the same folder, since only there a rename is atomic.
        temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.tmp")
        try:
            _write_through(temporary, data, mode)
            if overwrite:
                temporary.replace(target)
            else:
                _link(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
        _LOG.info("wrote %s, %d bytes", target, len(data))
    except FileExistsError as error:
        raise InputError(
            f"cannot write {target}: the file exists; --overwrite (overwrite=True) would replace it"
        ) from error
    except OSError as error:
        raise InputError(f"cannot write {target}: {write_advice(error)}") from error


def write_advice(error: OSError) -> str:
    """Why something could not be written, and what to do about it."""
    return _ADVICE.get(error.errno or 0, error.strerror or str(error))


def _mode_to_keep(target: Path, overwrite: bool) -> int | None:
    """Permission bits of the file to be replaced, None if there is none; refuse what cannot be written."""
    if not target.parent.is_dir():
        raise InputError(f"cannot write {target}: there is no folder {target.parent}; make it first")
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise InputError(f"cannot write {target}: it is a folder; give the name of a file")
    if not stat.S_ISREG(mode):
        raise InputError(f"cannot write {target}: it is not a regular file; give the name of one")
    if not overwrite:
        raise FileExistsError
    return stat.S_IMODE(mode)


def _write_through(path: Path, data: bytes, mode: int | None) -> None:
    """Write a new file, down to the disk: a rename before that can leave an empty file after a crash."""
    # A bare open, not tempfile: the user's umask decides who may read the file.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(descriptor, "wb") as file:
        if mode is not None:
            path.chmod(mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _link(source: Path, target: Path) -> None:
    """Give `source` the name `target`; FileExistsError if another process took the name meanwhile."""
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # A file system without hard links: take the name with an empty file, then put the content under it.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        try:
            source.replace(target)
        except OSError:
            target.unlink()
            raise
