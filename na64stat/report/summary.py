"""The summary of the reproduction in Markdown: excluded couplings at three masses, and our numbers beside the paper's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from na64stat.experiment.load import load_run
from na64stat.records.limits import LimitPoint, ScenarioLimits
from na64stat.records.status import has_failed
from na64stat.report.headlines import Headline
from na64stat.report.results import RUNS, doubts_in_notes
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.base import ScenarioFactory
from na64stat.scenarios.dark_sector import DarkSector
from na64stat.scenarios.muon_pseudoscalar import MuonPseudoscalar
from na64stat.scenarios.muon_scalar import MuonScalar
from na64stat.scenarios.zprime import ZPrime
from na64stat.study.limits import limits
from na64stat.text import interval_text

MASSES: Final = (0.01, 0.1, 0.5)
"""Masses [GeV] of the summary."""

SHOWN: Final = "mot1e12"
"""The projection beside the observed limits; the paper's numbers are for this one."""

SCENARIOS: Final[tuple[tuple[str, ScenarioFactory, str], ...]] = (
    ("axion-photon, visible", AxionPhoton, "visible"),
    ("axion-photon, invisible", AxionPhoton, "invisible"),
    ("axion-muon, stable below two muon masses (the paper's)", AxionMuon, "invisible"),
    ("axion-muon with its loop decay", partial(AxionMuon, loop_decay=True), "invisible"),
    ("dark sector", DarkSector, "invisible"),
    ("Z' of L_mu - L_tau", ZPrime, "invisible"),
    ("scalar coupled to muons", MuonScalar, "invisible"),
    ("pseudoscalar coupled to muons", MuonPseudoscalar, "invisible"),
)

KINDS: Final = ("observed", f"projected, {SHOWN}")
"""The two columns of a mass."""

_DIGITS: Final = 2

_HEAD: Final = """# Summary

## Excluded couplings

90% CL_s, exact, with systematics. Observed: 2022; projected: median, no background. "a - b": excluded between the branches;
"> a": from there on, no upper edge found. "layer sum": only the paper's sum over target layers excludes there, not an average
over the depth.

"""

_ALL: Final = """## All runs

2022: observed; others: projected.

"""

_BESIDE: Final = """## Beside the paper

arXiv:2501.06294. A number agrees if ours rounds to the digits the paper gives.

"""


def summary(rows: Sequence[Headline]) -> str:
    """The summary, with the headline numbers `rows`."""
    with doubts_in_notes():
        found = [
            (label, [limits(factory, load_run(name), MASSES, regions=[region]) for name in RUNS])
            for label, factory, region in SCENARIOS
        ]
    short = _table(
        (
            "scenario",
            "unit",
            *(f"{mass:g} GeV, {kind}" for mass in MASSES for kind in KINDS),
        ),
        [
            (
                label,
                _unit(results[0]),
                *(_cell(r.points[i], r.verdict) for i in range(len(MASSES)) for r in _two(results)),
            )
            for label, results in found
        ],
    )
    long = _table(
        ("scenario", "run", *(f"{mass:g} GeV" for mass in MASSES)),
        [
            (label, result.run, *(_cell(point, result.verdict) for point in result.points))
            for label, results in found
            for result in results
        ],
    )
    beside = _table(
        ("quantity", "paper", "ours", "verdict"),
        [(row.quantity, row.paper, row.no_background, row.verdict) for row in rows],
    )
    return f"{_HEAD}{short}\n{_ALL}{long}\n{_BESIDE}{beside}"


def _two(results: Sequence[ScenarioLimits]) -> tuple[ScenarioLimits, ScenarioLimits]:
    """The run with data, and the projection that is shown beside it."""
    return results[0], next(result for result in results if result.run == SHOWN)


def _unit(result: ScenarioLimits) -> str:
    return "-" if result.coupling_unit == "1" else result.coupling_unit


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _cell(point: LimitPoint, level: str) -> str:
    if has_failed(point.status):
        return point.status
    found, alone = (
        ", ".join(interval_text(interval, _DIGITS) for interval in part.get(level, ()))
        for part in (point.intervals, point.artefacts)
    )
    return (found or "nothing") + (f" (layer sum: {alone})" if alone else "")
