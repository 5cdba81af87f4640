"""The frame of long studies: their question, which a journal is checked against, their engine and their warnings."""

from __future__ import annotations

import contextlib
import hashlib
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError, Na64StatError, ValidityWarning
from na64stat.progress import Track
from na64stat.study.maps.points import MapWork, has_no_result
from na64stat.study.provenance import of_scenario, provenance
from na64stat.tasks.engine import Engine
from na64stat.tasks.journal import Journal, remove_journal
from na64stat.tasks.pickling import own_sources
from na64stat.yields.growth import growth_notes, strong_coupling
from na64stat.yields.validity import doubts_at_ends

Array = NDArray[np.float64]

_LOOKED_AT: Final = 8
"""Masses at which a scenario's predictions are looked at."""


@dataclass(frozen=True)
class Means:
    """How long work is done; the result does not depend on it.

    Attributes
    ----------
    workers
        Number of processes, or an executor of `concurrent.futures`.
    journal
        A file that keeps what is finished. The same study with the same journal goes on where an earlier one was stopped.
    track
        Wraps the answers, for a progress bar.
    """

    workers: int | Executor = 1
    journal: str | os.PathLike[str] | None = None
    track: Track = iter

    @contextlib.contextmanager
    def engine(self, work: MapWork, question: dict[str, Any]) -> Iterator[Engine]:
        """An engine for this work; the question that is refused while it is used leaves no journal, unless that holds results."""
        if self.journal is None:
            with Engine(work, workers=self.workers, track=self.track) as engine:
                yield engine
            return
        kept = Journal(self.journal, question)
        with contextlib.closing(kept), Engine(work, workers=self.workers, journal=kept, track=self.track) as engine:
            try:
                yield engine
            except InputError:
                if not kept.full and (not kept.found or all(map(has_no_result, kept.answers.values()))):
                    remove_journal(self.journal)
                raise


def journal_header(kind: str, work: MapWork, masses: Array, couplings: Array, **others: Any) -> dict[str, Any]:
    """Everything that a study `kind` over these masses and couplings depends on (a grid, or the corners of a box)."""
    test = work.test
    probe = work.scenario(mass=float(masses[0]), coupling=1.0)
    return {
        "study": kind,
        "scenario": probe.name,
        "run": test.run_name,
        "regions": list(test.regions),
        "correlated": list(test.correlated),
        "method": test.method.settings,
        "cl": test.cl,
        "systematics": test.systematics,
        "mass_gev": masses.tolist(),
        "coupling": couplings.tolist(),
        **others,
        **provenance(test.runs, work.average),
        **of_scenario(probe),
        "sources": own_sources(work),
        "scenario_digest": _fingerprint(work, masses, couplings),
    }


def _fingerprint(work: MapWork, masses: Array, couplings: Array) -> str:
    """Digest of events at some masses: a scenario of a notebook has no file, and is known by what it predicts."""
    digest = hashlib.sha256()
    ends = np.array([couplings[0], couplings[-1]])
    known = masses if len(masses) != 2 else np.geomspace(masses[0], masses[-1], _LOOKED_AT)
    places = np.unique(np.linspace(0, len(known) - 1, _LOOKED_AT).round().astype(int))
    for mass in known[places].tolist():
        try:
            found = work.test.events(work.scenario(mass=mass, coupling=1.0), ends, work.average)
        except Na64StatError as error:
            digest.update(str(error).encode())
            continue
        for name, values in found.items():
            digest.update(f"{name}: {values.tolist()}".encode())
    return digest.hexdigest()


def warn_of_doubts(work: MapWork, masses: Sequence[float] | Array, couplings: tuple[float, float]) -> tuple[str, ...]:
    """Warn of what a reader should doubt at the ends of the masses; the same as notes for the record, and how events grow."""
    low, high = couplings
    probes = [work.scenario(mass=float(mass), coupling=low) for mass in masses]
    found = [doubt for run in work.test.runs for doubt in doubts_at_ends(probes, run, work.test.regions)]
    for doubt in found:
        warnings.warn(doubt, ValidityWarning, stacklevel=3)
    growth = growth_notes(probes, work.test.runs, couplings)
    return (*found, *growth, *strong_coupling(probes[0], [high], "at the upper end of the couplings"))
