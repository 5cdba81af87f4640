"""The likelihoods that come with na64stat: workspaces at one point each, and backgrounds with patchsets of signals."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from na64stat.errors import ValidityWarning
from na64stat.experiment.load import load_run
from na64stat.export.likelihood.patchset import FEWEST, MOST, PLACEHOLDER, SCALE, Likelihood, patchset
from na64stat.export.tables.table import rounded
from na64stat.report.results import RUNS
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.base import Scenario
from na64stat.scenarios.dark_sector import DarkSector
from na64stat.stats.likelihood.workspace import BACKGROUND_FLOOR, build_workspace
from na64stat.text import after_number
from na64stat.yields.predict import predict

POINTS: Final[tuple[Scenario, ...]] = (
    AxionPhoton(mass=0.03, coupling=1e-3),
    AxionMuon(mass=0.1, coupling=5e-3),
    DarkSector(mass=0.1, coupling=1e-2),
)
"""The signal at mu = 1 of the workspaces; AxionPhoton has events in both channels."""

MASSES: Final = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
COUPLINGS: Final = tuple(float(f"{digit}e{power}") for power in range(-5, 0) for digit in (1, 3))
"""Grid of the patchsets [GeV; the scenario's unit]."""

DIGITS: Final = 8
"""Significant digits of signal events: as many as are the same on every machine, and far more than are known."""

_README: Final = f"""# Likelihoods

Made by `python scripts/rebuild_workspaces.py` (`make workspaces`), this file too; a test checks that all are current to the last
byte.

- `SCENARIO_RUN_REGION.json`: a pyhf workspace with the signal of one point at `mu = 1`.
- `background_RUN_REGION.json` and `patchset_SCENARIO_RUN_REGION.json`: the background alone, and a patchset of signals over mass
  and coupling, named as in `m3em02_g1em03` (0.03 GeV, 1e-3). Points with fewer than {FEWEST:g} or more than {MOST:g} events are
  left out. A region has a likelihood of its own: without a known background, combining a region that has counts with one that
  has none spoils both.

```
pyhf patchset verify background_2022_invisible.json patchset_axion-muon_2022_invisible.json
pyhf patchset apply background_2022_invisible.json patchset_axion-muon_2022_invisible.json --name m1em01_g1em02 | pyhf cls
na64stat limit background_2022_invisible.json --patch patchset_axion-muon_2022_invisible.json --patch-name m1em01_g1em02
```

Counts are few: `pyhf cls` and other asymptotic formulas are far too strong here; `na64stat limit` sums exactly.

Parameters: `mu` (signal strength), `efficiency_RUN`, `mot_RUN`, `cross_section` (normsys on the signal); `{SCALE}`, held at 1, in
a background alone, since pyhf reads no model without a parameter. Where a run states no background, {BACKGROUND_FLOOR:g} events
stand in its place, since pyhf cannot evaluate a rate of zero. In a run without observation the measurement is named `projection`
and the observations are the background. Signal events have {DIGITS} digits.

The record number `{PLACEHOLDER}` in the patchsets is a placeholder: the schema asks for one, and there is no HEPData record yet.
"""


@cache
def reference_workspaces() -> Mapping[str, dict[str, Any]]:
    """Workspaces by file name, `SCENARIO_RUN_REGION.json`."""
    found = {}
    for name in RUNS:
        run = load_run(name)
        for point in POINTS:
            for region in _regions(point):
                workspace = build_workspace(predict(point, run), run, [region])
                for channel in workspace["channels"]:
                    _round(channel["samples"][0])
                found[_reference_name(point, name, region)] = workspace
    return found


def names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the files of `reference_workspaces` and of `likelihoods`, before any of them is made."""
    parts = [(point, name, region) for name in RUNS for point in POINTS for region in _regions(point)]
    others = [other for part in parts for other in _likelihood_names(*part)]
    return tuple(_reference_name(*part) for part in parts), tuple(dict.fromkeys(others))


def _reference_name(point: Scenario, run: str, region: str) -> str:
    return f"{point.name}_{run}_{region}.json"


def _likelihood_names(point: Scenario, run: str, region: str) -> tuple[str, str]:
    """Of a background and a patchset."""
    return f"background_{run}_{region}.json", f"patchset_{_reference_name(point, run, region)}"


@cache
def likelihoods() -> Mapping[str, Likelihood]:
    """Backgrounds and patchsets by file name."""
    found: dict[str, Likelihood] = {}
    for name in RUNS:
        run = load_run(name)
        for point in POINTS:
            for region in _regions(point):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ValidityWarning)
                    background, patches = patchset(type(point), run, [region], MASSES, COUPLINGS)
                for patch in patches["patches"]:
                    _round(patch["patch"][0]["value"][0])
                what = f"run {name}, region {region}"
                of_run, of_scenario = _likelihood_names(point, name, region)
                found[of_run] = Likelihood(of_run, background, f"Background-only workspace, {what}")
                count = len(patches["patches"])
                found[of_scenario] = Likelihood(
                    of_scenario, patches, f"Patchset of {count} signals of {point.name}, {what}"
                )
    return found


def readme() -> str:
    """Description and origin of the files, in Markdown."""
    lines = ["", "| file | what | run file, SHA-256 | observed | background [events] |", "|---|---|---|---|---|"]
    for name, workspace in reference_workspaces().items():
        scenario, run_name, _ = name.removesuffix(".json").split("_")
        point = next(point for point in POINTS if point.name == scenario)
        what = f"{scenario} at {point.mass:g} GeV, {point.coupling:g}{after_number(point.coupling_unit)}"
        lines.append(_row(name, what, run_name, [channel["name"] for channel in workspace["channels"]]))
    for name, likelihood in likelihoods().items():
        run_name, region = name.removesuffix(".json").split("_")[-2:]
        lines.append(_row(name, likelihood.description, run_name, [region]))
    return _README + "\n".join(lines) + "\n"


def _row(name: str, what: str, run_name: str, regions: list[str]) -> str:
    run = load_run(run_name)
    counts = ", ".join("none" if run.region(r).observed is None else str(run.region(r).observed) for r in regions)
    backgrounds = ", ".join(f"{run.region(r).background.events:g}" for r in regions)
    return f"| {name} | {what} | {run.digest[:12]} | {counts} | {backgrounds} |"


def _regions(point: Scenario) -> tuple[str, ...]:
    """Each with a likelihood of its own: without a background, joining one that has counts with one that has none is refused."""
    return ("invisible", "visible") if isinstance(point, AxionPhoton) else ("invisible",)


def _round(sample: dict[str, Any]) -> None:
    sample["data"] = [rounded(value, DIGITS) for value in sample["data"]]
