"""Reading of files up to a size."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Final

from na64stat.errors import InputError

LARGEST: Final[Mapping[str, int]] = MappingProxyType(
    {"TOML": 2**18, "CSV": 2**24, "YAML": 2**24, "BibTeX": 2**24, "JSON": 2**28}
)
"""Size [bytes] of a file above which it is refused, by format; docs/security.md says what they take in memory."""

_BLOCK: Final = 2**18


def read_limited(file: Path | Traversable, form: str, wrong: type[InputError] = InputError) -> bytes:
    """The content of a file, at most as many bytes as `LARGEST` has for its format.

    Parameters
    ----------
    file
        The file; a pipe too.
    form
        A key of `LARGEST`.
    wrong
        Type of the error for a file that is larger.

    Raises
    ------
    InputError
        If it is larger.
    OSError
        If it cannot be read, or its name can be no file's.
    """
    most, content = LARGEST[form], bytearray()
    try:
        with file.open("rb") as stream:
            # In blocks, since one large read would take all of the memory at once.
            while len(content) <= most and (block := stream.read(_BLOCK)):
                content += block
    except ValueError as error:  # a NUL, or half a character, in the name
        raise OSError(errno.EINVAL, f"not the name of a file ({error})") from error
    if len(content) > most:
        raise wrong(f"{file}: more than {most} bytes, the most that are read of a {form} file")
    return bytes(content)
