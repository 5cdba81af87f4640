"""Damaged chains: HDF5 whose arrays, attributes and links are changed, under a checksum that is right again."""

import contextlib
import hashlib
import io
import json
from random import Random

import h5py
import numpy as np

from na64stat.study.bayes.chain_file import _BLOCK, _MAGIC, SCHEMA

from .mutations import changed_tree, json_text

_ATTRIBUTES = ("question", "parameters", "bins", "notes", "kind", "schema")


def sealed(content: bytes) -> bytes:
    """A chain whose checksum is right."""
    body = content[_BLOCK:]
    digest = hashlib.sha256(body).hexdigest().encode()
    return (_MAGIC % (SCHEMA, digest)).ljust(_BLOCK, b"\0") + body


def of_chain(rng: Random, seed: bytes) -> bytes:
    """A changed chain, that HDF5 itself wrote."""
    buffer = io.BytesIO(seed)
    with h5py.File(buffer, "r+") as file:
        _change(rng, file)
        if not rng.randrange(3):
            # What the first change has taken away or made strange, a second may not be able to change again.
            with contextlib.suppress(KeyError, ValueError, TypeError, OSError, RuntimeError):
                _change(rng, file)
    return sealed(buffer.getvalue())


def _change(rng, file):
    if rng.randrange(3):
        _change_array(rng, file)
    else:
        _change_attribute(rng, file)


def _change_attribute(rng, file):
    groups = [file, *(item for item in file.values() if isinstance(item, h5py.Group))]
    where = groups[0] if rng.randrange(3) else rng.choice(groups)
    names = sorted(where.attrs)
    if not names:
        return
    name, kind = rng.choice(names), rng.randrange(4)
    value = where.attrs[name]
    if kind == 0:
        del where.attrs[name]
    elif isinstance(value, str) and where is file and name in _ATTRIBUTES[:4] and kind < 3:
        text = json_text(changed_tree(rng, json.loads(value), "JSON"), rng)[:60_000].replace("\x00", "")
        where.attrs[name] = text.encode("utf-8", "replace").decode()
    else:
        odd = (
            0,
            -1,
            2**62,
            np.nan,
            "",
            "x",
            b"\xff",
            np.arange(3),
            h5py.Empty("f"),
            np.array(["a", "b"], dtype="S"),
            True,
        )
        where.attrs[name] = rng.choice(odd)


def _change_array(rng, file):
    groups = [item for item in file.values() if isinstance(item, h5py.Group)]
    if not groups:
        return
    group = rng.choice(groups)
    names = sorted(group)
    if not names or not rng.randrange(8):
        _change_group(rng, file, group)
        return
    name = rng.choice(names)
    own = isinstance(group.get(name, getlink=True), h5py.HardLink) and isinstance(group[name], h5py.Dataset)
    values = group[name][()] if own and group[name].size and group[name].size < 10**5 else np.zeros(3)
    del group[name]
    rng.choice(_CHANGES)(rng, group, name, values)


def _gone(rng, group, name, values):
    """The array is not there."""


def _announced(rng, group, name, values):
    """An array without its numbers, some of them as large as a disk."""
    shape = rng.choice(((2**40,), (10**6, 10**6, 2), (0,), (), (0, 4, 2), (2**28,), (2**30, 4, 2), (10**5, 4, 2)))
    packed = bool(shape) and 0 not in shape and rng.randrange(2)
    # No chunk of 4 GB, which some versions of HDF5 do not write.
    chunks = tuple(min(length, 1000) for length in shape)
    packing = {"chunks": chunks, "compression": "gzip"} if packed and len(shape) != 2 else {}
    group.create_dataset(name, shape=shape, dtype="f8", **packing)


def _elsewhere(rng, group, name, values):
    """A link, or an array whose numbers lie in another file."""
    kind = rng.randrange(4)
    if kind == 0:
        group[name] = h5py.SoftLink(rng.choice(("/nowhere", "/", f"/{group.name}", f"{group.name}/{name}")))
    elif kind == 1:
        group[name] = h5py.ExternalLink(rng.choice(("/etc/passwd", "other.h5", "x")), "/")
    elif kind == 2:
        group.create_dataset(name, shape=(8,), dtype="u1", external=[("/etc/passwd", 0, 8)])
    else:
        layout = h5py.VirtualLayout(shape=(4,), dtype="f8")
        layout[:] = h5py.VirtualSource("other.h5", "x", shape=(4,))
        group.create_virtual_dataset(name, layout)


def _other_kind(rng, group, name, values):
    """A group, or an array of another type."""
    if not rng.randrange(4):
        group.create_group(name)
        return
    kinds = ("f4", "i8", "u1", "S3", "c16", "?", "f8,i4", h5py.string_dtype())
    group.create_dataset(name, shape=values.shape, dtype=rng.choice(kinds))


def _other_shape(rng, group, name, values):
    group.create_dataset(name, data=values.reshape(-1) if rng.randrange(2) or not values.ndim else values[:-1])


def _other_numbers(rng, group, name, values):
    if values.size and values.dtype.kind == "f":
        values = np.array(values)
        values.flat[rng.randrange(values.size)] = rng.choice((np.nan, np.inf, -np.inf, 1e308, -1e308, 0.0, 1e-320))
        if not rng.randrange(4):
            values[...] = rng.choice((0.0, 1.0, 1e308, -1.0))
    else:
        values = np.full(values.shape, rng.choice((0, -1, 2**62)))
    group.create_dataset(name, data=values)


_CHANGES = (_gone, _announced, _elsewhere, _other_kind, _other_shape, _other_numbers, _other_numbers, _other_numbers)


def _change_group(rng, file, group):
    kind, name = rng.randrange(5), group.name
    if kind == 0:
        del file[name]
    elif kind == 1:
        file.move(name, rng.choice(("/ensemble_7", "/x", "/ensemble_00")))
    elif kind == 2:
        file.copy(group, file, name=rng.choice(("ensemble_2", "y")))
    elif kind == 3:
        group["again"] = file["/"]
    else:
        del file[name]
        file[name] = rng.choice((h5py.SoftLink("/"), h5py.ExternalLink("other.h5", "/"), np.arange(3)))
