"""The models of the benchmark, as pyhf workspaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_BINS, _NORMSYS, _HISTOSYS = 50, 10, 10


@dataclass(frozen=True)
class Case:
    """A model and how much of it to run.

    Attributes
    ----------
    name, title
        Key in the JSON and heading of the table.
    workspace
        The model and its observed counts.
    mu
        The signal strength that is tested.
    ours, pyhf, jax
        Pseudo-experiments of each hypothesis in one round.
    batch
        Data sets that JAX fits together.
    target
        The ratio of our rate to pyhf's that is wanted.
    """

    name: str
    title: str
    workspace: dict[str, Any]
    mu: float
    ours: int
    pyhf: int
    jax: int
    batch: int
    target: int


def cases(scale: float) -> tuple[Case, ...]:
    """The two models; `scale` multiplies the numbers of pseudo-experiments."""

    def number(count: int) -> int:
        return max(10, round(count * scale))

    return (
        Case(
            "two-regions",
            "2 regions, 5 parameters",
            two_regions(),
            0.657,
            ours=number(500_000),
            pyhf=number(400),
            jax=number(50_000),
            batch=1000,
            target=2000,
        ),
        Case(
            "binned",
            f"{_BINS} bins, {_NORMSYS + _HISTOSYS} nuisance parameters",
            binned(seed=20),
            0.6,
            ours=number(20_000),
            pyhf=number(80),
            jax=number(2000),
            batch=200,
            target=500,
        ),
    )


def two_regions() -> dict[str, Any]:
    """Counts 0 and 4 over backgrounds 0.07 +- 43% and 2 +- 30%, signal 3 and 3 with 10% and 1% in common."""
    channels, counts = [], (0, 4)
    for name, background, spread in (("invisible", 0.07, 0.43), ("visible", 2.0, 0.30)):
        common = [_normsys("efficiency", 0.10), _normsys("luminosity", 0.01)]
        channels.append(
            {
                "name": name,
                "samples": [
                    {"name": "signal", "data": [3.0], "modifiers": [_normfactor(), *common]},
                    {"name": "background", "data": [background], "modifiers": [_normsys(f"background_{name}", spread)]},
                ],
            }
        )
    return _workspace(channels, [[float(count)] for count in counts])


def binned(seed: int) -> dict[str, Any]:
    """A peak over two backgrounds of 500 to 200 events a bin; a normsys or histosys acts on one sample or on two."""
    random = np.random.default_rng(seed)
    x = (np.arange(_BINS) + 0.5) / _BINS
    nominal = {
        "signal": 200 * np.exp(-0.5 * ((x - 0.45) / 0.06) ** 2) * (1 / _BINS) / (0.06 * np.sqrt(2 * np.pi)),
        "falling": 400 * np.exp(-2.5 * x),
        "flat": 100 + 60 * x,
    }
    nominal = {name: np.round(events, 3) for name, events in nominal.items()}
    modifiers: dict[str, list[dict[str, Any]]] = {name: [] for name in nominal}
    modifiers["signal"].append(_normfactor())
    targets = [("signal",), ("falling",), ("flat",), ("signal", "falling"), ("falling", "flat")]
    for index in range(_NORMSYS):
        size = random.uniform(0.01, 0.05)
        for sample in targets[index % len(targets)]:
            modifiers[sample].append(_normsys(f"norm{index}", round(size * random.uniform(0.5, 1.5), 4)))
    for index in range(_HISTOSYS):
        wave, phase = random.uniform(1, 6), random.uniform(0, 2 * np.pi)
        for sample in targets[index % len(targets)]:
            up = random.uniform(0.01, 0.04) * np.cos(wave * x + phase)
            down = -up * random.uniform(0.7, 1.3)
            modifiers[sample].append(_histosys(f"shape{index}", nominal[sample], up, down))
    samples = [{"name": name, "data": nominal[name].tolist(), "modifiers": modifiers[name]} for name in nominal]
    observed = random.poisson(nominal["falling"] + nominal["flat"]).astype(float)
    return _workspace([{"name": "spectrum", "samples": samples}], [observed.tolist()])


def _normfactor() -> dict[str, Any]:
    return {"name": "mu", "type": "normfactor", "data": None}


def _normsys(name: str, size: float) -> dict[str, Any]:
    return {"name": name, "type": "normsys", "data": {"hi": 1 + size, "lo": 1 / (1 + size)}}


def _histosys(name: str, events: np.ndarray, up: np.ndarray, down: np.ndarray) -> dict[str, Any]:
    high, low = np.round(events * (1 + up), 4), np.round(events * (1 + down), 4)
    return {"name": name, "type": "histosys", "data": {"hi_data": high.tolist(), "lo_data": low.tolist()}}


def _workspace(channels: list[dict[str, Any]], observed: list[list[float]]) -> dict[str, Any]:
    return {
        "version": "1.0.0",
        "channels": channels,
        "observations": [
            {"name": channel["name"], "data": data} for channel, data in zip(channels, observed, strict=True)
        ],
        "measurements": [{"name": "observed", "config": {"poi": "mu", "parameters": []}}],
    }
