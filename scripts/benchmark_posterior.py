"""Rate of the sampler against emcee on pyhf's log-density: `python scripts/benchmark_posterior.py -o posterior.json`.

The same two-region model and prior, 32 walkers and 2000 steps each, in this process; the sides take turns, medians are printed.
Peers: emcee with its default move and pyhf's `logpdf` called for one walker at a time, as people write it, and emcee with
`vectorize=True` on a batched pyhf model. The floor is emcee with a unit Gaussian, which costs next to nothing. Processor time,
which other work on the machine does not change, decides; wall time is printed beside it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import emcee
import numpy as np
import pyhf
from rich.console import Console
from rich.table import Table

from na64stat.errors import InputError, Na64StatError
from na64stat.files import to_json, write_text
from na64stat.stats.bayes.diagnostics import autocorrelation_time
from na64stat.stats.bayes.posterior import Posterior
from na64stat.stats.bayes.priors import Flat
from na64stat.stats.bayes.sampler import Sampler, advance, begin
from na64stat.stats.likelihood.model import Model

WALKERS = 32
HIGH = 20.0
"""Upper bound of mu, whose prior is flat from 0."""

Side = Callable[[int], np.ndarray]
"""Samples of mu, shape (steps, walkers)."""


def workspace() -> dict[str, Any]:
    """Two regions with 3 and 2 signal events at mu = 1; five nuisance parameters."""

    def normsys(name: str, size: float) -> dict[str, Any]:
        return {"name": name, "type": "normsys", "data": {"hi": 1 + size, "lo": 1 / (1 + size)}}

    signal = [{"name": "mu", "type": "normfactor", "data": None}]
    signal += [normsys("efficiency", 0.1), normsys("cross_section", 0.05), normsys("mot", 0.01)]
    regions = {"visible": (3.0, 0.5, 4.0), "invisible": (2.0, 0.5, 0.0)}
    channels = [
        {
            "name": name,
            "samples": [
                {"name": "signal", "data": [events], "modifiers": signal},
                {"name": "background", "data": [background], "modifiers": [normsys(f"background_{name}", 0.5)]},
            ],
        }
        for name, (events, background, _) in regions.items()
    ]
    return {
        "version": "1.0.0",
        "channels": channels,
        "observations": [{"name": name, "data": [count]} for name, (_, _, count) in regions.items()],
        "measurements": [{"name": "two regions", "config": {"poi": "mu", "parameters": []}}],
    }


def ours(seed: int) -> Side:
    """Our sampler, one ensemble."""
    model = Model.from_workspace(workspace())
    posterior = Posterior(model, (Flat("mu", 0, HIGH),), lambda values: np.repeat(values["mu"][:, None], 2, axis=1))

    def run(steps: int) -> np.ndarray:
        (chain,) = begin(posterior, Sampler(WALKERS, 1, seed))
        return HIGH * advance(posterior, chain, steps).points[..., 0]

    return run


def theirs(seed: int, batched: bool) -> Side:
    """Emcee on pyhf's log-density, with the same prior."""
    model = pyhf.Workspace(workspace()).model(poi_name="mu", batch_size=WALKERS // 2 if batched else None)
    data = np.array(pyhf.Workspace(workspace()).data(model))
    poi, size = model.config.poi_index, model.config.npars
    rows = np.tile(data, (WALKERS // 2, 1))

    def one(point: np.ndarray) -> float:
        return float(model.logpdf(point, data)[0]) if 0 <= point[poi] <= HIGH else -np.inf

    def many(points: np.ndarray) -> np.ndarray:
        inside = (points[:, poi] >= 0) & (points[:, poi] <= HIGH)
        safe = np.where(inside[:, None], points, 1.0)
        # The first call asks for all walkers, later ones for half of them: the size of a batched model is fixed.
        parts = [np.asarray(model.logpdf(half, rows)) for half in safe.reshape(-1, WALKERS // 2, size)]
        return np.where(inside, np.concatenate(parts), -np.inf)

    return _emcee(many if batched else one, size, poi, seed, batched)


def floor(seed: int) -> Side:
    """Emcee on a log-density that costs next to nothing."""
    return _emcee(lambda points: -0.5 * np.einsum("ij,ij->i", points, points), 6, 0, seed, True)


def _emcee(density: Callable[[np.ndarray], Any], size: int, poi: int, seed: int, batched: bool) -> Side:
    def run(steps: int) -> np.ndarray:
        random = np.random.RandomState(seed)
        start = random.standard_normal((WALKERS, size))
        start[:, poi] = random.uniform(0, 3, WALKERS)
        sampler = emcee.EnsembleSampler(WALKERS, size, density, vectorize=batched)
        sampler.random_state = random.get_state()
        sampler.run_mcmc(start, steps)
        return np.asarray(sampler.get_chain()[..., poi])

    return run


def measure(steps: int, rounds: int) -> dict[str, Any]:
    """Medians over rounds, the sides taking turns; the first tenth of a chain is left out of means and times."""
    sides: dict[str, Callable[[int], Side]] = {
        "na64stat": ours,
        "emcee + pyhf": lambda seed: theirs(seed, False),
        "emcee + pyhf, batched": lambda seed: theirs(seed, True),
        "emcee, unit Gaussian": floor,
    }
    ours(0)(10)  # compiled code is loaded
    wall: dict[str, list[float]] = {name: [] for name in sides}
    cpu: dict[str, list[float]] = {name: [] for name in sides}
    chains: dict[str, list[np.ndarray]] = {name: [] for name in sides}
    for seed in range(rounds):
        for name, make in sides.items():
            run = make(seed)
            before = time.perf_counter(), time.process_time()
            chain = run(steps)
            wall[name].append(time.perf_counter() - before[0])
            cpu[name].append(time.process_time() - before[1])
            chains[name].append(chain[steps // 10 :])
    rows = {}
    for name, found in chains.items():
        together = np.stack(found)
        tau, seconds = autocorrelation_time(together), statistics.median(cpu[name])
        rows[name] = {
            "cpu_s": seconds,
            "wall_s": statistics.median(wall[name]),
            "evaluations_per_s": WALKERS * steps / seconds,
            "autocorrelation": tau,
            "effective_per_s": together[0].size / tau / seconds,
            "mean_mu": float(together.mean()),
            "error": float(together.std() * np.sqrt(tau / together.size)),
            "ratio": statistics.median([b / a for a, b in zip(cpu["na64stat"], cpu[name], strict=True)]),
        }
    return {"walkers": WALKERS, "steps": steps, "rounds": rounds, "sides": rows}


def show(record: dict[str, Any], console: Console) -> None:
    """The table."""
    console.print(f"{record['walkers']} walkers x {record['steps']} steps, medians of {record['rounds']} rounds")
    table = Table(
        "", "CPU [s]", "wall [s]", "evaluations/s", "tau of mu", "effective/s", "mean of mu", "time / ours", box=None
    )
    for name, row in record["sides"].items():
        mean = f"{row['mean_mu']:.3f} +- {row['error']:.3f}" if "Gaussian" not in name else "-"
        numbers = [f"{row['cpu_s']:.3f}", f"{row['wall_s']:.3f}", f"{row['evaluations_per_s']:.0f}"]
        both = ("-", "-") if mean == "-" else (f"{row['autocorrelation']:.0f}", f"{row['effective_per_s']:.0f}")
        table.add_row(name, *numbers, *both, mean, f"{row['ratio']:.1f}")
    console.print(table)


def main() -> int:
    """Exit status of the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0].split(":")[0])
    parser.add_argument("-o", "--output", type=Path, help="JSON file to write")
    parser.add_argument("--overwrite", action="store_true", help="replace the JSON file if it exists")
    parser.add_argument("--steps", type=int, default=2000, help="steps of each chain (2000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds to take the medians of (5)")
    arguments = parser.parse_args()
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    try:
        for name, lowest in (("steps", 50), ("rounds", 1)):
            if getattr(arguments, name) < lowest:
                raise InputError(f"--{name} {getattr(arguments, name)}: expected a whole number >= {lowest}")
        if arguments.output and arguments.output.exists() and not arguments.overwrite:
            raise InputError(f"cannot write {arguments.output}: the file exists; --overwrite would replace it")
        record = measure(arguments.steps, arguments.rounds)
        show(record, console)
        if arguments.output:
            write_text(arguments.output, to_json(record), overwrite=arguments.overwrite)
    except Na64StatError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
