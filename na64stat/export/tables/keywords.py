"""Keywords of HEPData tables: what was measured, in which reaction, of which model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from na64stat.experiment.load import load_run, packaged_runs
from na64stat.experiment.run import Run
from na64stat.export.tables.table import Scalar, Table, Variable

_MODELS: Final = {
    "axion-photon": ("axion coupled to photons", "AXION"),
    "axion-muon": ("axion coupled to muons", "AXION"),
    "dark-sector": ("L_mu - L_tau dark sector", "CHI CHIBAR"),
    "zprime": ("L_mu - L_tau Z'", "ZPRIME"),
    "muon-scalar": ("scalar coupled to muons", "SCALAR"),
    "muon-pseudoscalar": ("pseudoscalar coupled to muons", "PSEUDOSCALAR"),
}
"""Scenario -> what it is, and what the muon radiates."""

_ELEMENTS: Final = (
    "H HE LI BE B C N O F NE NA MG AL SI P S CL AR K CA SC TI V CR MN FE CO NI CU ZN GA GE AS SE BR KR RB SR Y ZR NB MO TC RU RH "
    "PD AG CD IN SN SB TE I XE CS BA LA CE PR ND PM SM EU GD TB DY HO ER TM YB LU HF TA W RE OS IR PT AU HG TL PB BI PO AT RN FR "
    "RA AC TH PA U"
)
"""Symbols by charge number, from 1."""

UNKNOWN: Final = "NUCLEUS"
"""The target of a run that is not known."""


def subject(scenario: str) -> str:
    """A scenario in words; its name if it is not of the package."""
    return _MODELS[scenario][0] if scenario in _MODELS else scenario


def reaction(scenario: str, target: str) -> str:
    """The reaction of a scenario on a target of `target_of`; X stands for what is not known."""
    produced = _MODELS[scenario][1] if scenario in _MODELS else "X"
    return f"MU {target} --> MU {target} {produced}"


def target_of(run: str | None, provenance: Mapping[str, Any]) -> str:
    """The target of a run, or of several joined by " + ", as HEPData writes it: "PB".

    "NUCLEUS" if it is not known: the run is not of the package, `provenance` has no digest or that of another run of that name,
    or several runs have different targets.

    Parameters
    ----------
    run
        Of a result; None for none.
    provenance
        Of the result.
    """
    digests = provenance.get("run_digest")
    packaged, found = packaged_runs(), set()
    for name in [] if run is None else run.split(" + "):
        digest = digests.get(name) if isinstance(digests, Mapping) else digests
        known = load_run(name) if name in packaged else None
        found.add(element_of(known) if known is not None and digest == known.digest else UNKNOWN)
    return found.pop() if len(found) == 1 else UNKNOWN


def element_of(run: Run) -> str:
    """The target of a run as `target_of` writes it, by its charge number."""
    z, symbols = run.target.nucleus.z, _ELEMENTS.split()
    return symbols[int(z) - 1] if z == int(z) and 1 <= z <= len(symbols) else UNKNOWN


def named_table(
    name: str,
    scenario: str,
    text: str,
    independent: Sequence[Variable],
    columns: Sequence[Variable],
    observable: str = "LIMIT",
    *,
    target: str = UNKNOWN,
) -> Table:
    """A table with keywords; white space of the text is folded.

    Parameters
    ----------
    name, text, independent, columns
        Of the table.
    scenario
        Name of the scenario; empty for none.
    observable
        Keyword of HEPData, such as "CLS".
    target
        Of `target_of` or `element_of`.
    """
    keywords: dict[str, tuple[Scalar, ...]] = {
        "observables": (observable,),
        "reactions": (reaction(scenario, target),),
        "phrases": tuple(item for item in ("fixed target", "NA64mu", subject(scenario)) if item),
    }
    return Table(name, " ".join(text.split()), tuple(independent), tuple(columns), keywords)
