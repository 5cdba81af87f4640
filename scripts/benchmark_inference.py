"""Speed and agreement of the inference, against pyhf and JAX: `python scripts/benchmark_inference.py -o benchmark.json`.

pyhf's toys run in an environment of their own (pyhf 0.7.6 with numpy 2.3), evermore's (JAX) in another, ours in this
process. The sides take turns round by round, so that a busy machine slows all of them; medians and ratios are printed and
written as JSON. A toy is a pseudo-experiment of main and auxiliary data with both fits and q-tilde, of either hypothesis.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmark.environments import JAX, PYHF, Child, prepare
from benchmark.workspaces import cases
from rich.console import Console

from na64stat.errors import ComputationError, InputError, Na64StatError
from na64stat.files import to_json, write_text

DEFAULT_ENVIRONMENTS = Path(__file__).resolve().parents[1] / "build" / "benchmark"


def main() -> int:
    """Exit status of the command."""
    arguments = _arguments()
    console, progress = Console(), Console(stderr=True)
    if not console.is_terminal:
        console = Console(width=120)  # a file or a pipe has no width of its own
    try:
        _check(arguments)
        record = _measure(arguments, progress)
        from benchmark.table import show

        show(record, console)
        if arguments.output:
            write_text(arguments.output, to_json(record), overwrite=arguments.overwrite)
    except Na64StatError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0].split(":")[0])
    names = [case.name for case in cases(1.0)]
    parser.add_argument("-o", "--output", type=Path, help="JSON file to write")
    parser.add_argument("--overwrite", action="store_true", help="replace the JSON file if it exists")
    parser.add_argument(
        "--env", type=Path, default=DEFAULT_ENVIRONMENTS, help="folder of the environments (build/benchmark)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds to take the medians of (5)")
    parser.add_argument("--sets", type=int, default=200, help="data sets whose test statistics are compared (200)")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the numbers of toys (1)")
    parser.add_argument("--workers", type=int, help="threads of our toys (all cores)")
    parser.add_argument("--case", action="append", choices=names, help="only this model; repeat for several (all)")
    parser.add_argument("--no-jax", action="store_true", help="leave JAX out")
    return parser.parse_args()


def _check(arguments: argparse.Namespace) -> None:
    """Refuse before minutes of work what would fail after them."""
    for name, lowest in (("rounds", 1), ("sets", 2)):
        if getattr(arguments, name) < lowest:
            raise InputError(f"--{name} {getattr(arguments, name)}: expected a whole number >= {lowest}")
    if arguments.workers is not None and arguments.workers < 1:
        raise InputError(f"--workers {arguments.workers}: expected a whole number >= 1")
    if not 0 < arguments.scale < float("inf"):
        raise InputError(f"--scale {arguments.scale}: expected a number > 0")
    if arguments.output and arguments.output.exists() and not arguments.overwrite:
        raise InputError(f"cannot write {arguments.output}: the file exists; --overwrite would replace it")
    if arguments.output and not arguments.output.resolve().parent.is_dir():
        raise InputError(
            f"cannot write {arguments.output}: there is no folder {arguments.output.resolve().parent}; make it first"
        )


def _measure(arguments: argparse.Namespace, progress: Console) -> dict[str, Any]:
    from benchmark.measure import SEED, CaseBenchmark

    from na64stat.stats.likelihood.fit import available_workers

    workers = arguments.workers or available_workers()
    record: dict[str, Any] = {
        "started": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "settings": {"rounds": arguments.rounds, "scale": arguments.scale, "workers": workers, "seed": SEED},
        "versions": {"ours": {name: version(name) for name in ("na64stat", "numpy", "numba", "scipy")}},
        "cases": {},
    }
    with ExitStack() as stack:
        pyhf = stack.enter_context(Child(prepare(arguments.env / "pyhf", PYHF), "child_pyhf.py", one_thread=True))
        record["versions"]["pyhf"] = pyhf.versions
        jax, reason = None, "left out (--no-jax)"
        if not arguments.no_jax:
            try:
                jax = stack.enter_context(Child(prepare(arguments.env / "jax", JAX), "child_jax.py", one_thread=False))
                record["versions"]["jax"] = jax.versions
            except ComputationError as error:
                reason = str(error)
        for case in cases(arguments.scale):
            if arguments.case and case.name not in arguments.case:
                continue
            with _status(progress, case.title) as say:
                bench = CaseBenchmark(case, pyhf, jax, workers, say)
                bench.jax_error = None if jax else reason
                record["cases"][case.name] = bench.record(arguments.rounds, arguments.sets)
    record["machine"]["load_at_end"] = _load()
    return record


@contextmanager
def _status(console: Console, title: str) -> Iterator[Any]:
    """A line that says what runs, on a terminal."""
    with console.status(title) as status:
        yield lambda text: status.update(f"{title}: {text}")


def _machine() -> dict[str, Any]:
    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_at_start": _load(),
    }


def _load() -> float | None:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


if __name__ == "__main__":
    sys.exit(main())
