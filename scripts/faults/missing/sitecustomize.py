"""Packages named in MISSING, separated by commas, as if they were not installed."""

import importlib.metadata
import os
import sys

_MISSING = set(os.environ["MISSING"].split(","))


class _Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in _MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _version(name, known=importlib.metadata.version):
    if name in _MISSING:
        raise importlib.metadata.PackageNotFoundError(name)
    return known(name)


sys.meta_path.insert(0, _Missing())
importlib.metadata.version = _version
