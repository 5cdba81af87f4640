"""Combination of several workspaces: channels side by side, nuisance parameters of the same name correlated."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from na64stat.arguments import check, names
from na64stat.errors import WorkspaceError, did_you_mean
from na64stat.stats.likelihood._pyhf import validate
from na64stat.stats.likelihood.model import PROJECTION

_OF_BINS = ("staterror", "shapesys")
"""Modifiers whose parameters belong to the bins of one channel; two workspaces never share them."""


def combine(workspaces: Mapping[str, Mapping[str, Any]], uncorrelated: Sequence[str] = ()) -> dict[str, Any]:
    """One pyhf workspace of several, such as the runs of 2022 and 2023, for a limit on their common signal strength.

    Nuisance parameters of the same name are one parameter, fully correlated, unless they are listed in `uncorrelated`: then
    each workspace has its own, called `name_label`. This also holds for parameters of bins (staterror, shapesys) and for
    channels whose names occur in more than one workspace.

    Parameters
    ----------
    workspaces
        Label -> workspace, at least two; the first measurement of each is used.
    uncorrelated
        Name of a nuisance parameter that is not shared, or of several.

    Raises
    ------
    WorkspaceError
        The parameters of interest differ, only some are projections, a shared parameter has different settings, or a name in
        `uncorrelated` occurs in none of them.
    """
    expected = "expected a dict from label to workspace, such as {'2022': first, '2023': other}"
    check("workspaces", workspaces, Mapping, expected, WorkspaceError)
    uncorrelated = names("uncorrelated", uncorrelated, WorkspaceError)
    if len(workspaces) < 2:
        raise WorkspaceError(f"combine: {len(workspaces)} workspace; expected at least two, with different labels")
    for label, workspace in workspaces.items():
        validate(workspace, f"workspace {label!r}")
    measurements = {label: workspace["measurements"][0] for label, workspace in workspaces.items()}
    poi = _common({label: item["config"]["poi"] for label, item in measurements.items()}, "parameter of interest")
    _common({label: item["name"] == PROJECTION for label, item in measurements.items()}, "projection")
    renamed = _renamed(workspaces, uncorrelated, poi)
    doubled = _doubled([item["name"] for workspace in workspaces.values() for item in workspace["channels"]])
    channels: list[dict[str, Any]] = []
    observations: list[dict[str, Any]] = []
    settings: dict[str, tuple[str, dict[str, Any]]] = {}
    for label, workspace in workspaces.items():
        for kind, target in (("channels", channels), ("observations", observations)):
            for item in copy.deepcopy(workspace[kind]):
                item["name"] = f"{item['name']}_{label}" if item["name"] in doubled else item["name"]
                target.append(item)
                for modifier in (m for sample in item.get("samples", ()) for m in sample["modifiers"]):
                    modifier["name"] = _name(modifier["name"], label, renamed)
        for item in copy.deepcopy(measurements[label]["config"]["parameters"]):
            item["name"] = _name(item["name"], label, renamed)
            _add_settings(settings, item, label, poi)
    combined = {
        "version": "1.0.0",
        "channels": channels,
        "observations": observations,
        "measurements": [
            {
                "name": next(iter(measurements.values()))["name"],
                "config": {"poi": poi, "parameters": [item for _, item in settings.values()]},
            }
        ],
    }
    validate(combined)
    return combined


def _common(values: Mapping[str, Any], what: str) -> Any:
    first = next(iter(values.values()))
    if any(value != first for value in values.values()):
        listed = ", ".join(f"{label}: {value!r}" for label, value in values.items())
        raise WorkspaceError(f"combine: {what} differs ({listed}); expected the same in all")
    return first


def _renamed(workspaces: Mapping[str, Mapping[str, Any]], uncorrelated: Sequence[str], poi: str) -> set[str]:
    """Names of the modifiers that belong to each workspace alone."""
    names: dict[str, set[str]] = {}
    of_bins: set[str] = set()
    for label, workspace in workspaces.items():
        for channel in workspace["channels"]:
            for modifier in (m for sample in channel["samples"] for m in sample["modifiers"]):
                names.setdefault(modifier["name"], set()).add(label)
                if modifier["type"] in _OF_BINS:
                    of_bins.add(modifier["name"])
    for name in uncorrelated:
        if name == poi or name not in names:
            known = sorted(set(names) - {poi})
            raise WorkspaceError(
                f"combine: uncorrelated {name!r}: not a nuisance parameter of them; there are {', '.join(known)}"
                f"{did_you_mean(name, known)}"
            )
    return {name for name in {*uncorrelated, *of_bins} if len(names[name]) > 1}


def _name(name: str, label: str, renamed: set[str]) -> str:
    # A lumi modifier can only have the name lumi, and is always shared.
    if name == "lumi" and name in renamed:
        raise WorkspaceError("combine: lumi cannot be uncorrelated, its modifiers have one name; use a normsys")
    return f"{name}_{label}" if name in renamed else name


def _doubled(names: Sequence[str]) -> set[str]:
    return {name for name in names if names.count(name) > 1}


def _add_settings(settings: dict[str, tuple[str, dict[str, Any]]], item: dict[str, Any], label: str, poi: str) -> None:
    known = settings.setdefault(item["name"], (label, item))
    if known[1] != item and item["name"] != poi:
        raise WorkspaceError(
            f"combine: parameter {item['name']!r} has other settings in {known[0]!r} than in {label!r}; expected the same in both"
        )
