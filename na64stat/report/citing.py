"""References for a scenario and a run: data, formulas, existing limits, software.

`citations` collects them, `Citations.bibtex` writes them out. A text that names no paper we know is listed, too.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from na64stat.errors import InputError
from na64stat.experiment.run import Run
from na64stat.limits_library.citations import keys_in, references, unknown_in
from na64stat.limits_library.existing import ExistingLimit
from na64stat.limits_library.library import known_limits
from na64stat.scenarios.base import Scenario, ScenarioFactory
from na64stat.scenarios.registry import NAMES

_CL_S: Final = ("Read:2002hq", "CL_s")
_AVERAGE: Final = ("Cousins:1991qz", "average over the constraints of the nuisance parameters")

_METHODS: Final = {
    "exact": (_CL_S, ("Cowan:2010js", "test statistic q-tilde, eq. (16)"), _AVERAGE),
    "toys": (_CL_S, ("Cowan:2010js", "test statistic q-tilde, eq. (16)"), ("pyhf_joss", "conventions of the toys")),
    "asymptotic": (_CL_S, ("Cowan:2010js", "asymptotic formulas of the test statistics")),
    "feldman-cousins": (("Feldman:1997qc", "intervals"), _AVERAGE),
    "posterior": (("Goodman:2010dyf", "moves of the ensemble"),),
}

METHODS: Final = tuple(_METHODS)
"""Methods whose papers are known."""

_SOFTWARE: Final = (
    ("na64stat", "all numbers"),
    ("pyhf", "form of the statistical model, workspaces"),
    ("pyhf_joss", "form of the statistical model, workspaces"),
    ("harris2020array", "NumPy: arrays"),
    ("2020SciPy-NMeth", "SciPy: special functions, optimisation"),
    ("numba", "compiled likelihoods"),
    ("iminuit", "fits that the fast method could not finish"),
    ("James:1975dr", "MINUIT, behind iminuit"),
    ("Hunter:2007", "matplotlib: figures"),
    ("Maguire:2017ypu", "HEPData, where tables are submitted to it"),
)
_FOR_POSTERIORS: Final = (("Foreman-Mackey:2012ig", "emcee: chains"), ("corner", "figures of posteriors"))


@dataclass(frozen=True)
class Citation:
    """An entry to cite: its key, what it is for, and its BibTeX text."""

    key: str
    purpose: str
    bibtex: str


@dataclass(frozen=True)
class Citations:
    """References in groups.

    Attributes
    ----------
    scenario, run, method
        What it is for.
    data, formulas, limits, software
        Entries by group; one entry can be in several.
    missing
        Texts that say where a number or a limit comes from and name no paper with an entry, and keys without one.
    """

    scenario: str
    run: str
    method: str
    data: tuple[Citation, ...]
    formulas: tuple[Citation, ...]
    limits: tuple[Citation, ...]
    software: tuple[Citation, ...]
    missing: tuple[str, ...]

    def groups(self) -> dict[str, tuple[Citation, ...]]:
        """The groups by name."""
        return {"data": self.data, "formulas": self.formulas, "limits": self.limits, "software": self.software}

    def bibtex(self) -> str:
        """A BibTeX file: each entry once, below a comment that says what it is for."""
        titles = {"limits": "existing limits, as in its figure"}
        blocks = [_comment(f"What to cite for {self.scenario}, run {self.run}, method {self.method}")]
        written: set[str] = set()
        for name, group in self.groups().items():
            blocks.append(_comment(f"--- {titles.get(name, name)}" + ("" if group else ": none")))
            for item in group:
                above = " (its entry is above)" if item.key in written else ""
                comment = _comment(f"{item.key}: {item.purpose}{above}")
                blocks.append(comment if above else f"{comment}\n{item.bibtex}")
                written.add(item.key)
        blocks += ["\n".join(_comment(f"no BibTeX entry for: {text}") for text in self.missing)] if self.missing else []
        return "\n\n".join(blocks) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """A record for JSON."""
        entries = {
            name: [{"key": item.key, "for": item.purpose, "bibtex": item.bibtex} for item in group]
            for name, group in self.groups().items()
        }
        about = {"kind": "citations", "scenario": self.scenario, "run": self.run, "method": self.method}
        return {**about, **entries, "missing": list(self.missing)}


def citations(
    scenario: ScenarioFactory, run: Run, method: str = "exact", own_limits: Iterable[ExistingLimit] = ()
) -> Citations:
    """References for results of a scenario with a run.

    Parameters
    ----------
    scenario
        A scenario class, or a partial of one; its `references` are keys of packaged BibTeX entries.
    run
        A run; the sources of its numbers are searched for arXiv numbers and the like.
    method
        One of `METHODS`.
    own_limits
        Limits that were drawn besides the packaged ones.

    Raises
    ------
    InputError
        Unknown method, or no scenario class.
    """
    kind = _class_of(scenario)
    if method not in _METHODS:
        raise InputError(f"cite: no method {method!r}; there are {', '.join(METHODS)}")
    missing: list[str] = []
    data = _of_run(run, missing)
    wanted = [(key, f"formulas of {kind.name}") for key in kind.references]
    if not wanted:
        missing.append(f"formulas of {kind.name}: the class has no `references`")
    limits = [*(known_limits(kind.name) if kind.name in NAMES else ()), *own_limits]
    software = [*_SOFTWARE, *(_FOR_POSTERIORS if method == "posterior" else ())]
    return Citations(
        scenario=kind.name,
        run=run.name,
        method=method,
        data=data,
        formulas=_collect([*wanted, *_METHODS[method]], missing),
        limits=_of_limits(limits, missing),
        software=_collect(software, missing),
        missing=tuple(dict.fromkeys(missing)),
    )


def _class_of(scenario: object) -> type[Scenario]:
    while isinstance(scenario, partial):
        scenario = scenario.func
    if not (isinstance(scenario, type) and issubclass(scenario, Scenario)):
        raise InputError(f"cite: {scenario!r}; expected a scenario class, such as AxionMuon")
    return scenario


def _of_run(run: Run, missing: list[str]) -> tuple[Citation, ...]:
    """Papers that the sources of a run's numbers name; the other sources go to `missing`, each with its numbers."""
    pairs: list[tuple[str, str]] = []
    unnamed: dict[str, list[str]] = {}
    for name, number in run.numbers.items():
        keys = keys_in(number.source)
        pairs += [(key, name) for key in keys]
        if not keys:
            unnamed.setdefault(f"{number.source} ({number.status})", []).append(name)
        for other in unknown_in(number.source):
            unnamed.setdefault(f"arXiv:{other}", []).append(name)
    missing += [f"{source}: {', '.join(names)}" for source, names in unnamed.items()]
    return _collect(pairs, missing)


def _of_limits(limits: Iterable[ExistingLimit], missing: list[str]) -> tuple[Citation, ...]:
    pairs: list[tuple[str, str]] = []
    for limit in limits:
        what = f"{limit.experiment}, computed" if limit.computed else limit.experiment
        pairs += [(key, what) for key in limit.bibtex_keys]
        if not limit.bibtex_keys:
            missing.append(f"{limit.reference}: limit {what}")
        missing += [f"arXiv:{other}: limit {what}" for other in unknown_in(limit.reference)]
    return _collect(pairs, missing)


def _collect(pairs: Iterable[tuple[str, str]], missing: list[str]) -> tuple[Citation, ...]:
    """Each key once with all its purposes; keys without an entry go to `missing`."""
    purposes: dict[str, list[str]] = {}
    for key, purpose in pairs:
        purposes.setdefault(key, []).append(purpose)
    entries = references()
    missing += [f"{key}: {', '.join(what)}" for key, what in purposes.items() if key not in entries]
    return tuple(
        Citation(key, ", ".join(dict.fromkeys(what)), entries[key].text)
        for key, what in purposes.items()
        if key in entries
    )


def _comment(text: str) -> str:
    """Lines of comment; BibTeX takes an @ for the start of an entry even there."""
    words = re.sub(r"\s+", " ", text.replace("@", "(at)")).strip()
    return textwrap.fill(words, 110, initial_indent="% ", subsequent_indent="%   ", break_on_hyphens=False)
