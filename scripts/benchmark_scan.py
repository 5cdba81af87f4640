"""Time and memory of scans against grid size and number of workers: `python scripts/benchmark_scan.py -o scan.json`.

Every case is the command as a user gives it, from the start of its process to its file; the cases take turns, and medians are
printed. Memory is the sum of the resident sets of the process and its workers, at its highest (Linux only). Per point a peer
stands beside it: pyhf's asymptotic CL_s of the same two-region model, evaluated point by point.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from na64stat.errors import ComputationError, InputError, Na64StatError
from na64stat.files import to_json, write_text

RUN = """
extends = "2022"
description = "2022 with a background in the visible region, so that both may be combined"
[regions.visible.backgrounds]
realistic = {value = 2.0, uncertainty = 0.6, unit = "1", source = "this benchmark", status = "assumed"}
"""
ONE = ["--region", "visible"]
TWO = ["--region", "visible", "--region", "invisible", "--run", "own.toml", "--background", "realistic"]
BOX = "1e-3:1", "1e-6:1"


@dataclass(frozen=True)
class Case:
    """A command, and what it is called; `size` points along an axis, 0 for an adaptive region."""

    name: str
    regions: int
    size: int
    workers: int

    @property
    def words(self) -> list[str]:
        """Arguments of the command."""
        grid = [f"{axis}:{self.size}" for axis in BOX] if self.size else list(BOX)
        verb = "scan" if self.size else "exclusion"
        chosen = ONE if self.regions == 1 else TWO
        return [verb, "axion-photon", "--mass", grid[0], "--coupling", grid[1], *chosen, "--workers", str(self.workers)]


def main() -> int:
    """Exit status of the command."""
    arguments = _arguments()
    try:
        _check(arguments)
        record = _measure(arguments)
        _show(record)
        if arguments.output:
            write_text(arguments.output, to_json(record), overwrite=arguments.overwrite)
    except Na64StatError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0].split(":")[0])
    parser.add_argument("-o", "--output", type=Path, help="JSON file to write")
    parser.add_argument("--overwrite", action="store_true", help="replace the JSON file if it exists")
    parser.add_argument("--rounds", type=int, default=3, help="rounds to take the medians of (3)")
    parser.add_argument("--size", type=int, action="append", help="points along each axis; repeat (25 50 100 200 400)")
    parser.add_argument("--workers", type=int, action="append", help="processes; repeat (1 2)")
    parser.add_argument(
        "--peer-points", type=int, default=30, help="points of which pyhf is timed, 0 to leave it out (30)"
    )
    return parser.parse_args()


def _check(arguments: argparse.Namespace) -> None:
    """Refuse before minutes of work what would fail after them."""
    for name, values, lowest in (
        ("rounds", [arguments.rounds], 1),
        ("size", arguments.size or [], 2),
        ("workers", arguments.workers or [], 1),
        ("peer-points", [arguments.peer_points], 0),
    ):
        for value in values:
            if value < lowest:
                raise InputError(f"--{name} {value}: expected a whole number >= {lowest}")
    if arguments.output and arguments.output.exists() and not arguments.overwrite:
        raise InputError(f"cannot write {arguments.output}: the file exists; --overwrite would replace it")


def _measure(arguments: argparse.Namespace) -> dict[str, Any]:
    sizes, workers = arguments.size or [25, 50, 100, 200, 400], arguments.workers or [1, 2]
    cases = [
        Case(
            f"{'one region' if regions == 1 else 'two regions'}, {f'{size} x {size}' if size else 'adaptive'}",
            regions,
            size,
            n,
        )
        for regions in (1, 2)
        for size in (*sizes, 0)
        for n in workers
    ]
    found: dict[Case, list[tuple[float, float | None, int]]] = {case: [] for case in cases}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "own.toml").write_text(RUN)
        for number in range(arguments.rounds):
            for case in cases:
                print(f"round {number + 1}: {case.name}, {case.workers} workers", file=sys.stderr)
                found[case].append(_run(case, folder))
        start = statistics.median(_run_help(folder) for _ in range(3))
        peer = _peer(folder, arguments.peer_points)
    rows = [
        {
            "case": case.name,
            "regions": case.regions,
            "size": case.size,
            "workers": case.workers,
            "points": runs[0][2],
            "seconds": statistics.median(run[0] for run in runs),
            "memory_mb": None if runs[0][1] is None else statistics.median(run[1] or 0.0 for run in runs),
        }
        for case, runs in found.items()
    ]
    return {
        "rounds": arguments.rounds,
        "cores": os.cpu_count(),
        "start_seconds": start,
        "pyhf_asymptotic_seconds_a_point": peer,
        "rows": rows,
        "growth": [_growth(rows, regions, n) for regions in (1, 2) for n in workers],
    }


def _run(case: Case, folder: Path) -> tuple[float, float | None, int]:
    """Seconds, highest memory [MB], and points of one command."""
    import json

    output = folder / "result.json"
    output.unlink(missing_ok=True)
    begin = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "na64stat.cli.main", *case.words, "-o", str(output)],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        highest: float | None = None
        while process.poll() is None:
            now = _memory(process.pid)
            highest = now if highest is None else max(highest, now or 0.0)
            time.sleep(0.02)
        seconds = time.perf_counter() - begin
        message = process.stderr.read() if process.stderr else ""
    if process.returncode:
        raise ComputationError(f"{' '.join(case.words)}: {message.splitlines()[-1] if message else 'failed'}")
    record = json.loads(output.read_text())
    points = len(record["mass_gev"]) * len(record["coupling"]) if case.size else record["evaluations"]
    return seconds, highest, points


def _memory(group: int) -> float | None:
    """Resident sets of all processes of a session, in MB; None where there is no /proc."""
    proc, total = Path("/proc"), 0
    if not proc.is_dir():
        return None
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[3]) == group:
            total += int(fields[21])
    return total * os.sysconf("SC_PAGE_SIZE") / 2**20


def _run_help(folder: Path) -> float:
    """Seconds of a process that does nothing but load what a scan needs."""
    begin = time.perf_counter()
    code = "import na64stat.study.maps.scan, na64stat.scenarios.axion_photon, na64stat.stats.likelihood.kernel"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
    return time.perf_counter() - begin


def _peer(folder: Path, points: int) -> float | None:
    """Median seconds of pyhf's asymptotic CL_s at a point of the two-region model."""
    if not points:
        return None
    import pyhf

    import na64stat as na

    run = na.load_run(folder / "own.toml", background="realistic")
    template = na.predict(na.AxionPhoton(mass=0.01, coupling=1e-3), run)
    times = []
    for events in 10 ** np.random.default_rng(1).uniform(-1, 1, (points, 2)):
        workspace = na.build_workspace(template, run, ("visible", "invisible"))
        for channel, count in zip(workspace["channels"], events, strict=True):
            channel["samples"][0]["data"] = [float(count)]
        begin = time.perf_counter()
        spec = pyhf.Workspace(workspace)
        model = spec.model()
        pyhf.infer.hypotest(1.0, spec.data(model), model, test_stat="qtilde", return_expected_set=True)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def _growth(rows: list[dict[str, Any]], regions: int, workers: int) -> dict[str, Any]:
    """Least squares of seconds = fixed + per_point x points over the grids."""
    chosen = [row for row in rows if (row["regions"], row["workers"]) == (regions, workers) and row["size"]]
    if len(chosen) < 2:
        return {
            "regions": regions,
            "workers": workers,
            "fixed_seconds": None,
            "seconds_a_point": None,
            "exponent": None,
        }
    points, seconds = (np.array([row[name] for row in chosen], dtype=float) for name in ("points", "seconds"))
    slope, fixed = np.polyfit(points, seconds, 1, w=1 / seconds)
    exponent = np.polyfit(np.log(points[-2:]), np.log(seconds[-2:]), 1)[0]
    return {
        "regions": regions,
        "workers": workers,
        "fixed_seconds": float(fixed),
        "seconds_a_point": float(slope),
        "exponent": float(exponent),
    }


def _show(record: dict[str, Any]) -> None:
    console = Console() if sys.stdout.isatty() else Console(width=120)
    table = Table("case", "workers", "points", "s", "MB", title="From the start of the process to the file, medians")
    for row in record["rows"]:
        memory = "-" if row["memory_mb"] is None else f"{row['memory_mb']:.0f}"
        table.add_row(row["case"], str(row["workers"]), str(row["points"]), f"{row['seconds']:.2f}", memory)
    console.print(table)
    for item in record["growth"]:
        if item["seconds_a_point"] is not None:
            console.print(
                f"{item['regions']} region(s), {item['workers']} worker(s): {item['fixed_seconds']:.2f} s + "
                f"{1e6 * item['seconds_a_point']:.0f} us a point; local exponent at the largest grids {item['exponent']:.2f}"
            )
    peer = record["pyhf_asymptotic_seconds_a_point"]
    if peer is not None:
        console.print(f"pyhf, asymptotic, two regions: {1e3 * peer:.1f} ms a point, {2500 * peer:.0f} s for 50 x 50")


if __name__ == "__main__":
    sys.exit(main())
