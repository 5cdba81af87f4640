"""Small workspaces of every modifier whose numbers are extreme, and what limits, fits and exact limits make of them."""

import json
import math
from collections import Counter
from contextlib import redirect_stdout
from io import StringIO

from na64stat.cli.options.model import model_of_file
from na64stat.cli.options.patch import PatchChoice
from na64stat.errors import Na64StatError
from na64stat.stats.asymptotic import Asymptotic
from na64stat.stats.exact.exact import Exact
from na64stat.stats.fits.best_fit import best_fit
from na64stat.stats.limits import limit_of_model

EXTREMES = (
    *(0, 0.0, -0.0, 1e-320, 1e-300, 1e-100, 1e-12, 1e-9, 1e-6, 1e-3, 1e3, 1e6, 1e9, 1e12, 1e15, 1e100, 1e300),
    *(10**30, 10**400, -1e-12, -1.0, -1e6, -1e300),
)
LARGE = (1e-6, 1e-3, 0.01, 0.1, 1.4, 3.0, 30.0, 300.0, 1e3, 1e4)
"""What a model stands, so that not everything is refused."""

KINDS = ("normsys", "histosys", "shapesys", "staterror", "lumi", "normfactor", "shapefactor")


def plain(rng) -> dict:
    """A workspace of ordinary numbers."""
    channels, observations, named = [], [], {"lumi": "lumi"}
    parameters = []
    for c in range(rng.choice((1, 1, 1, 2))):
        bins = rng.choice((1, 1, 2, 3))
        samples = []
        for s in range(rng.choice((2, 2, 3)) if rng.randrange(10) else 1):
            scale = 10 ** rng.uniform(-1, 2)
            data = [round(scale * rng.uniform(0.5, 1.5), 3) for _ in range(bins)]
            modifiers = [{"name": "mu", "type": "normfactor", "data": None}] if s == 0 else []
            for m in range(rng.choice((0, 0, 1, 2, 3, 4))):
                kind = rng.choice(KINDS if rng.randrange(3) else KINDS[:4])
                own = kind in ("shapesys", "shapefactor") or (kind not in ("lumi", "staterror") and rng.randrange(2))
                name = {"lumi": "lumi", "staterror": f"stat{c}"}.get(kind, f"{kind}_{c}{s}{m}" if own else kind)
                if any(modifier["name"] == name and modifier["type"] == kind for modifier in modifiers):
                    continue
                modifiers.append({"name": name, "type": kind, "data": _data(rng, kind, data)})
                named[name] = kind
            samples.append({"name": f"s{s}", "data": data, "modifiers": modifiers})
        channels.append({"name": f"c{c}", "samples": samples})
        observed = [rng.randrange(0, 30) for _ in range(bins)]
        observations.append({"name": f"c{c}", "data": observed})
    parameters.append({"name": "lumi", "auxdata": [1.0], "sigmas": [0.03], "bounds": [[0.5, 1.5]], "inits": [1.0]})
    parameters.append({"name": "mu", "bounds": [[0.0, 10.0]], "inits": [1.0]})
    parameters += [
        _settings(rng, name, kind)
        for name, kind in named.items()
        if kind in ("normsys", "normfactor") and rng.randrange(2)
    ]
    config = {"poi": "mu", "parameters": parameters}
    return {
        "version": "1.0.0",
        "channels": channels,
        "observations": observations,
        "measurements": [{"name": "m", "config": config}],
    }


def _settings(rng, name, kind):
    if kind == "normfactor":
        return {"name": name, "bounds": [[0.0, 5.0]], "inits": [1.0]}
    return {"name": name, "bounds": [[-5.0, 5.0]], "inits": [0.0], "auxdata": [0.0]}


def _data(rng, kind, data):
    spread = rng.choice((0.05, 0.2, 0.4, 1.0, 3.0, 10.0))
    if kind == "normsys":
        return {"hi": 1 + spread, "lo": 1 / (1 + spread) if rng.randrange(2) else max(1 - spread, 0.01)}
    if kind == "histosys":
        low = [value * max(1 - spread, 0) for value in data]
        return {"hi_data": [value * (1 + spread) for value in data], "lo_data": low}
    return [value * spread for value in data] if kind in ("shapesys", "staterror") else None


def _numbers(tree, found):
    """Every place of a number."""
    for key in tree if isinstance(tree, dict) else range(len(tree)):
        if isinstance(tree[key], dict | list):
            _numbers(tree[key], found)
        elif isinstance(tree[key], int | float):
            found.append((tree, key))
    return found


def of_extremes(rng, seed: bytes = b"") -> bytes:
    """A workspace with one to six extreme numbers, or all of one list."""
    workspace = plain(rng)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        here, key = rng.choice(_numbers(workspace, []))
        value = rng.choice(LARGE if rng.randrange(2) else EXTREMES)
        kind = rng.randrange(8)
        if kind == 0 and isinstance(here, list):
            here[:] = [value] * len(here)
        elif kind == 1 and abs(here[key]) < 1e100:
            here[key] = here[key] * (value if abs(value) < 1e200 else 1e20)
        elif kind == 2 and isinstance(here, dict):  # both equal, or nearly so
            other = rng.choice(sorted(here))
            here[other] = here[key]
        else:
            here[key] = value
    return json.dumps(workspace).encode()


SEEN: Counter = Counter()
"""What came of each method, for the script."""


def read_extremes(path):
    """Limits and a fit, each a finite number, none, or an error of the package's."""
    with redirect_stdout(StringIO()) as said:
        try:
            model = model_of_file(path, PatchChoice())
        except Na64StatError:
            SEEN["refused"] += 1
            raise
        asked = {
            "asymptotic": lambda: limit_of_model(model, Asymptotic(), 0.9),
            "fit": lambda: best_fit(model),
            "exact": lambda: limit_of_model(model, Exact(), 0.9),
        }
        failures = []
        for name, ask in asked.items():
            try:
                answer = ask()
            except Na64StatError as error:
                SEEN[name, type(error).__name__] += 1
                failures.append(error)
                continue
            SEEN[name, "answered"] += 1
            _is_finite(name, answer)
    assert not said.getvalue()
    if len(failures) == len(asked):
        raise failures[0]


def _is_finite(name, answer):
    """No number that is none, and no limit below zero."""
    if name == "fit":
        values = [answer.deviance, *(item.value for item in answer.parameters)]
    else:
        values = [answer.observed, *vars(answer.expected).values(), *answer.crossings]
        assert all(value is None or value >= 0 for value in values), values
    assert all(value is None or math.isfinite(value) for value in values), values
