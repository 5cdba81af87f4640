"""Cases for a reader: valid files with parts deleted, doubled, renamed, exchanged or replaced by what is odd, and raw damage.

A file is taken apart into a tree (JSON, TOML, YAML, journal), a table (CSV) or arrays (HDF5, see `chains`), changed, and written
again. Every choice comes from one `random.Random`, which may be that of hypothesis or of atheris.
"""

import copy
import json
import tomllib
import zlib
from random import Random

import yaml


class Raw(str):
    """Text that stands in a file as it is."""

    __slots__ = ()


def generator(label) -> Random:
    """Choices that are the same for the same label."""
    return Random(label)  # noqa: S311  (nothing secret hangs on them)


def nested(levels, inner=0):
    """A list of a list of a list."""
    for _ in range(levels):
        inner = [inner]
    return inner


_NUMBERS = (
    0,
    1,
    -1,
    2,
    3.5,
    -0.0,
    1e-320,
    1e308,
    -1e308,
    1e300,
    2**31,
    2**63,
    -(2**64),
    10**400,
    1e-300,
    1e17,
    0.9,
    5000,
)
_TEXTS = (
    "", " ", "x", "nan", "inf", "1e5", "-", "\u0661\u0662", "\x00", "a\x00b", "\ud800", "é" * 40, "x" * 20_000,
    "../../etc/passwd",
    "/etc/passwd", "..\\x", "C:\\x.yaml", "n" * 300, "2022", "failed", "excluded", "observed", "median", "mu", "normsys",
    "1" * 5000, "{}", "= 1", "a,b", '"', "<<", "10%", "1_000", "\n", "0x10",
)  # fmt: skip
_ODD = (
    None,
    True,
    False,
    [],
    {},
    [[]],
    [None],
    {"a": {}},
    {"": 1},
    nested(5),
    {"name": "x"},
    ["x", 1, None],
    [1] * 200,
)
_RAW = {
    "JSON": ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" * 5000, "[" * 3000, "{\"a\":" * 3000, "'x'", "01",
        "\"\\ud800\""),
    "TOML": (
        "nan", "-inf", "1979-05-27T07:32:00Z", "1979-05-27", "07:32:00", "0x" + "f" * 5000, "0b1", "1e999", "1" * 5000,
        "'''x\ny'''",
        "[" * 2000, "{a=" * 2000, "{a.b.c = 1}", "\"\\ud800\"", "a.b",
    ),
    "YAML": (
        ".inf", ".nan", "-.INF", "1e999", "2012-01-01", "2012-13-45", "0001-01-01T00:00:00+23:59", "1:30:20", "0x1F",
        "0x", "0b", "1_0",
        "!!int \"\"", "!!float \"\"", "!!float \"._\"", "!!bool \"x\"", "!!timestamp \"x\"", "!!binary \"?\"",
        "!!binary \"YWJj\"",
        "!!set {a, b}", "!!omap [a: 1]", "!!pairs [a: 1]", "!!str 3", "!!null 3", "!!python/object/apply:os.system [\"exit 3\"]",
        "!!python/name:os.system", "!x y", "*nowhere", "&a [*a]", "&b {c: *b}", "{? [1] : 2}", "{? {a: 1} : 2}",
        "{<<: {value: 1}}",
        "{<<: 3}", "{<<: [{a: 1}, 3]}", "{=: 1}", "[" * 3000, "~", "\"\\uD800\"", "1" * 5000, "{a: 1, a: 2}",
    ),
}  # fmt: skip


def odd(rng: Random, form: str):
    """A value that should not be there."""
    kind = rng.randrange(10)
    if kind < 3:
        return rng.choice(_NUMBERS)
    if kind < 6:
        return rng.choice(_TEXTS)
    if kind < 7:
        return nested(rng.choice((2, 30, 59, 62, 120)))
    if kind < 9 and form in _RAW:
        return Raw(rng.choice(_RAW[form]))
    return copy.deepcopy(rng.choice(_ODD))


def _places(tree):
    """Every (container, key) of a tree."""
    found, waiting = [], [tree]
    while waiting:
        here = waiting.pop()
        for key in here if isinstance(here, dict) else range(len(here)):
            found.append((here, key))
            if isinstance(here[key], dict | list):
                waiting.append(here[key])
    return found


def changed_tree(rng: Random, tree, form: str):
    """A tree with one to four changes."""
    tree = [copy.deepcopy(tree)]
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        places = _places(tree)
        if rng.randrange(40):
            places = places[1:] or places  # the whole document is replaced now and then only
        _change(rng, *rng.choice(places), places, form)
        if not tree:
            return rng.choice((None, {}, []))
    return tree[0]


def _change(rng, here, key, places, form):
    kind, value = rng.randrange(8), here[key]
    if kind == 0:
        del here[key]
    elif kind == 1 and isinstance(here, list):
        here[key:key] = [copy.deepcopy(value)] * rng.choice((1, 2, 50))
    elif kind == 1 or (kind == 2 and isinstance(here, dict)):
        here[rng.choice((*(str(k) for _, k in places if isinstance(k, str)), *_TEXTS))] = (
            value if kind == 1 else here.pop(key)
        )
    elif kind == 3:
        other, its = rng.choice(places)
        here[key] = copy.deepcopy(other[its])
    elif kind == 4:
        here[key] = rng.choice(([value], {"value": value}, str(value)[:100]))
    elif kind == 5 and isinstance(value, int | float) and not isinstance(value, bool):
        small = value if abs(value) < 1e300 else 1
        here[key] = rng.choice((-value, value * 2, value + 1, small / 3, float(small), int(small)))
    elif kind == 6 and isinstance(value, str) and not isinstance(value, Raw):
        here[key] = rng.choice((value[1:], value + value, value.upper(), value + rng.choice(_TEXTS)[:200]))
    else:
        here[key] = odd(rng, form)


def json_text(tree, rng: Random | None = None) -> str:
    """JSON text; with a generator, a key stands twice in an object now and then."""
    if isinstance(tree, Raw):
        return str(tree)
    if isinstance(tree, list):
        return "[" + ", ".join(json_text(item, rng) for item in tree) + "]"
    if isinstance(tree, dict):
        items = [f"{json.dumps(str(key))}: {json_text(item, rng)}" for key, item in tree.items()]
        if items and rng is not None and not rng.randrange(200):
            items.append(rng.choice(items))
        return "{" + ", ".join(items) + "}"
    return json.dumps(tree)


def toml_text(tree) -> str:
    """TOML text: everything below the first level as inline tables."""
    if not isinstance(tree, dict):
        return _toml_value(tree)
    return "".join(f"{_toml_key(key)} = {_toml_value(item)}\n" for key, item in tree.items())


def _toml_key(key):
    return str(key) if isinstance(key, Raw) else json.dumps(str(key))


def _toml_value(item):
    if isinstance(item, Raw):
        return str(item)
    if isinstance(item, dict):
        return "{" + ", ".join(f"{_toml_key(key)} = {_toml_value(value)}" for key, value in item.items()) + "}"
    if isinstance(item, list):
        return "[" + ", ".join(map(_toml_value, item)) + "]"
    return '""' if item is None else json.dumps(item) if isinstance(item, str | bool | int) else repr(item)


def of_json(rng: Random, seed: bytes) -> bytes:
    """A changed JSON file."""
    return json_text(changed_tree(rng, json.loads(seed), "JSON"), rng).encode("utf-8", "surrogatepass")


def of_toml(rng: Random, seed: bytes) -> bytes:
    """A changed TOML file."""
    text = toml_text(changed_tree(rng, tomllib.loads(seed.decode()), "TOML"))
    if not rng.randrange(50):
        text += rng.choice((f"{'a.' * 300}a = 1\n", "[beam]\n", "[[regions]]\n", "x = 1\nx = 2\n", '"" = 1\n'))
    return text.encode("utf-8", "surrogatepass")


def of_yaml(rng: Random, seed: bytes) -> bytes:
    """A changed YAML file of one document or several, as a flow of JSON or in lines."""
    documents = list(yaml.load_all(seed, Loader=yaml.CSafeLoader))
    place = rng.randrange(len(documents))
    documents[place] = changed_tree(rng, documents[place], "YAML")
    if rng.randrange(2):
        text = "".join(f"--- {json_text(document)}\n" for document in documents)
    else:
        text = "".join(yaml.dump(_plain(document), explicit_start=True) for document in documents)
    if not rng.randrange(20):
        text = rng.choice(("%YAML 9.9\n", "%TAG ! x\n", "\t", "--- \n---\n", "- &x [1]\n")) + text
    return text.encode("utf-8", "surrogatepass")


def _plain(tree):
    if isinstance(tree, Raw):
        return str(tree)
    if isinstance(tree, dict):
        return {key: _plain(item) for key, item in tree.items()}
    return [_plain(item) for item in tree] if isinstance(tree, list) else tree


_CELLS = (
    "", "nan", "inf", "-1", "0", "1e999", "1e-320", "-0", "1_0", '"', '"a""b"', "\x00", "x" * 140_000, "1" * 5000,
    "1e308", "\u0661", "#",
    " 3 ", "0x1", "curve", "point", "contour", "lower_edge", "border", "GeV^-1", "1", "0.5", "2", "arXiv:2401.01708",
)  # fmt: skip


def of_csv(rng: Random, seed: bytes) -> bytes:
    """A changed CSV file."""
    rows = [line.split(",") for line in seed.decode().splitlines()]
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        kind, at = rng.randrange(9), rng.randrange(len(rows)) if rows else 0
        if not rows:
            break
        row = rows[at]
        column = rng.randrange(len(row)) if row else 0
        if kind == 0:
            del rows[at]
        elif kind == 1:
            rows[at:at] = [list(row)] * rng.choice((1, 3, 100))
        elif kind == 2:
            other = rng.randrange(len(rows))
            rows[at], rows[other] = rows[other], rows[at]
        elif kind == 3:
            rows = [[cell for i, cell in enumerate(line) if i != column] for line in rows]
        elif kind == 4 and row:
            row.insert(column, rng.choice(row))
        elif row:
            row[column] = rng.choice(rows[rng.randrange(len(rows))] or [""]) if kind == 5 else rng.choice(_CELLS)
    ending = rng.choice(("\n", "\n", "\n", "\r\n", "\r", "\n\n"))
    return ((rng.choice(("", "", "", "\ufeff", "# x\n"))) + ending.join(map(",".join, rows))).encode(
        "utf-8", "surrogatepass"
    )


def of_journal(rng: Random, seed: bytes) -> bytes:
    """A changed journal whose checksums are right again, or not."""
    lines = seed.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    kind = rng.randrange(6)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines[at:at] = [lines[rng.randrange(len(lines))]]
    elif kind == 2:
        lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
    else:
        text = json_text(changed_tree(rng, json.loads(lines[at][9:]), "JSON"), rng).encode("utf-8", "surrogatepass")
        lines[at] = b"%08x %s\n" % (zlib.crc32(text) ^ (not rng.randrange(10)), text)
    return b"".join(lines)


def of_bytes(rng: Random, seed: bytes, other: bytes = b"") -> bytes:
    """A file with a few bytes changed, put in, taken out or cut off."""
    content = bytearray(seed)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(content) + 1)
        length = rng.choice((1, 1, 2, 8, 64))
        kind = rng.randrange(7)
        if kind == 0 and content:
            content[min(at, len(content) - 1)] ^= 1 << rng.randrange(8)
        elif kind == 1 and content:
            content[min(at, len(content) - 1)] = rng.randrange(256)
        elif kind == 2:
            content[at:at] = bytes(rng.randrange(256) for _ in range(min(length, 8)))
        elif kind == 3:
            content[at : at + length] = b""
        elif kind == 4 and not rng.randrange(4):
            del content[at:]
        elif kind == 5:
            begin = rng.randrange(len(seed) + 1)
            content[at:at] = seed[begin : begin + length]
        else:
            begin = rng.randrange(len(other) + 1)
            content[at : at + length] = other[begin : begin + length] or rng.choice(
                (b"\x00", b"\xff\xfe", b"[", b"{", b'"', b"\n")
            )
    return bytes(content)
