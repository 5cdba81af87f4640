"""Likelihoods that leave the house: a workspace of the background with a patchset of signals, for pyhf and its relatives.

A channel has a likelihood of its own: where a run states no background, combining channels is wrong (`check_combination`
says why), so that nobody should get them in one file by default.

References
----------
pyhf's schema 1.0.0; HEPData asks for likelihoods of the type "HistFactory" or "HS3".
"""

from __future__ import annotations

import copy
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.errors import InputError, ValidityWarning
from na64stat.experiment.run import Run
from na64stat.scenarios.base import ScenarioFactory
from na64stat.stats.likelihood._pyhf import digest, validate, validate_patchset
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.workspace import build_workspace
from na64stat.stats.limits import check_combination
from na64stat.template import Template
from na64stat.text import in_brackets
from na64stat.yields.predict import predict, region_events

Array = NDArray[np.float64]

PLACEHOLDER: Final = "ins0000000"
"""In the place of the INSPIRE number, which the schema asks for and a record only has once it is published."""

FEWEST, MOST = 1e-3, 1e4
"""Expected signal events of a patch: fits of weaker and stronger signals fail in pyhf, and their verdict is clear."""

SCALE: Final = "background_scale"
"""A factor held at 1 in a background-only workspace without uncertainty: pyhf reads no model without a parameter."""

_LABELS: Final = ("mass_gev", "coupling")


@dataclass(frozen=True)
class Likelihood:
    """A likelihood as a file.

    Attributes
    ----------
    file
        Its name, without a folder.
    content
        What is in it, to be written as JSON.
    description
        In a sentence.
    type
        "HistFactory" or "HS3".
    """

    file: str
    content: Mapping[str, Any]
    description: str
    type: str = "HistFactory"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_.+-]+\.json", self.file):
            raise InputError(
                f"likelihood {self.file!r}: expected a file name of letters, digits and _.+- that ends in .json"
            )
        if self.type not in ("HistFactory", "HS3"):
            raise InputError(f"likelihood {self.file}: type {self.type!r}; HEPData knows HistFactory and HS3")


def background_only(template: Template, run: Run, regions: Sequence[str]) -> dict[str, Any]:
    """The workspace of a run without a signal; its parameter of interest is declared as none, so that pyhf reads it.

    Where the background has no uncertainty it carries a factor `SCALE`, held at 1.

    Parameters
    ----------
    template
        Any signal: it is left out.
    run, regions
        Counts and backgrounds.
    """
    workspace = build_workspace(template, run, regions)
    for channel in workspace["channels"]:
        channel["samples"] = [sample for sample in channel["samples"] if sample["name"] != "signal"]
    bare = not any(sample["modifiers"] for channel in workspace["channels"] for sample in channel["samples"])
    for measurement in workspace["measurements"]:
        held = [{"name": SCALE, "inits": [1.0], "bounds": [[0.0, 10.0]], "fixed": True}] if bare else []
        measurement["config"] = {"poi": "", "parameters": held}
    if bare:
        factor = {"name": SCALE, "type": "normfactor", "data": None}
        workspace["channels"][0]["samples"][0]["modifiers"].append(factor)
    validate(workspace)
    return workspace


def patchset(
    scenario: ScenarioFactory,
    run: Run,
    regions: Sequence[str],
    masses: Sequence[float] | Array,
    couplings: Sequence[float] | Array,
    *,
    inspire: str = PLACEHOLDER,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The background-only workspace of a run, and a patchset with a signal for each mass and coupling.

    Each patch makes what `build_workspace` makes: signal and background, with `mu` the parameter of interest. Points with fewer
    than `FEWEST` or more than `MOST` events in all are left out, and the patchset says how many.

    Parameters
    ----------
    scenario
        A scenario class, or anything that makes one from `mass` and `coupling`.
    run, regions
        Counts and backgrounds, and which channels.
    masses, couplings
        Values [GeV; the scenario's unit], each pair of which is a point.
    inspire
        Number of the INSPIRE record, "ins" and seven digits.

    Raises
    ------
    InputError
        If the record number or a value is not right, or no point has a signal in the range.
    """
    if not re.fullmatch(r"ins[0-9]{7}", inspire):
        raise InputError(f"INSPIRE record {inspire!r}: expected 'ins' and seven digits, as in ins1234567")
    if not len(masses) or not len(couplings):
        raise InputError("patchset: no masses or no couplings; expected at least one of each")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        template = predict(scenario(mass=float(masses[0]), coupling=float(couplings[0])), run)
    background = background_only(template, run, regions)
    whole = build_workspace(template, run, regions)
    check_combination(Model.from_workspace(whole))
    patches, left_out = [], 0
    for mass in masses:
        probe = scenario(mass=float(mass), coupling=1.0)
        events = region_events(probe, run, np.asarray(couplings, dtype=float), regions)
        for index, coupling in enumerate(couplings):
            signal = {name: float(events[name][index]) for name in regions}
            if FEWEST <= math.fsum(signal.values()) <= MOST:
                patches.append(_patch(whole, float(mass), float(coupling), signal))
            else:
                left_out += 1
    if not patches:
        raise InputError(
            f"patchset of {probe.name} in run {run.name}: none of {left_out} points has {FEWEST:g} to {MOST:g} events; "
            "expected other "
            "masses or couplings"
        )
    _check_names(patches)
    unit = in_brackets(probe.coupling_unit)
    number = "" if inspire != PLACEHOLDER else f" The record number {PLACEHOLDER} is a placeholder."
    result = {
        "metadata": {
            "references": {"hepdata": inspire},
            "description": (
                f"{probe.name} in run {run.name} of NA64mu, {' + '.join(regions)}: signals over mass [GeV] and coupling{unit}. "
                f"{left_out} points of the grid with fewer than {FEWEST:g} or more than {MOST:g} events are left out.{number}"
            ),
            "digests": {"sha256": digest(background)},
            "labels": list(_LABELS),
        },
        "patches": patches,
        "version": "1.0.0",
    }
    validate_patchset(background, result)
    return background, result


def patch_name(mass: float, coupling: float) -> str:
    """Name of a point in the letters that the schema allows: 0.03 and 1e-3 give m3em02_g1em03."""
    return f"m{_word(mass)}_g{_word(coupling)}"


def _check_names(patches: list[dict[str, Any]]) -> None:
    """Names have six digits: points that agree in them cannot be told apart."""
    seen: dict[str, list[float]] = {}
    for patch in patches:
        name, values = patch["metadata"]["name"], patch["metadata"]["values"]
        if name in seen:
            raise InputError(
                f"patchset: the points (mass, coupling) = {tuple(seen[name])} and {tuple(values)} have the one name {name}; "
                "expected masses and couplings that differ in their first six digits"
            )
        seen[name] = values


def _word(value: float) -> str:
    digits, _, exponent = f"{value:.5e}".partition("e")
    text = digits.rstrip("0").rstrip(".")
    return f"{text}e{exponent}".replace(".", "p").replace("-", "m").replace("+", "")


def _patch(whole: Mapping[str, Any], mass: float, coupling: float, signal: Mapping[str, float]) -> dict[str, Any]:
    operations: list[dict[str, Any]] = []
    for place, channel in enumerate(whole["channels"]):
        samples = copy.deepcopy(channel["samples"])
        samples[0]["data"] = [signal[channel["name"]]]
        operations.append({"op": "replace", "path": f"/channels/{place}/samples", "value": samples})
    operations += [
        {"op": "replace", "path": f"/measurements/{place}/config", "value": copy.deepcopy(measurement["config"])}
        for place, measurement in enumerate(whole["measurements"])
    ]
    return {"metadata": {"name": patch_name(mass, coupling), "values": [mass, coupling]}, "patch": operations}
