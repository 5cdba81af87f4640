"""HS3, the HEP Statistics Serialization Standard: a pyhf workspace in the form that RooFit and pyhs3 read.

References
----------
HS3 0.2, https://hep-statistics-serialization-standard.github.io; normsys interpolates as pyhf does, with code 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any, Final

from na64stat.errors import InputError
from na64stat.stats.likelihood._pyhf import validate
from na64stat.stats.likelihood.reader import Reader, measurement_of

VERSION: Final = "0.2"
LARGEST_MU: Final = 1000.0
"""Upper end of the domain of a signal strength; a start, not a bound: HS3 asks for one."""


def hs3(workspace: Mapping[str, Any]) -> dict[str, Any]:
    """A pyhf workspace as HS3; modifiers can be normfactor and normsys, as in all workspaces of na64stat.

    Parameters
    ----------
    workspace
        Valid pyhf JSON; its first measurement is the analysis.

    Raises
    ------
    WorkspaceError
        If the workspace is not valid, or no model, as `Model.from_workspace` says.
    InputError
        If it has another kind of modifier, or a parameter with settings of its own.
    """
    validate(workspace)
    measurement = measurement_of(workspace, None)
    config = measurement["config"]
    if config.get("parameters"):
        names = ", ".join(str(item["name"]) for item in config["parameters"])
        raise InputError(f"HS3: settings of the parameters {names}; a measurement without settings is right")
    channels = workspace["channels"]
    channel_names = [channel["name"] for channel in channels]
    kinds = dict(_parameters(workspace))
    Reader(workspace, None, measurement, needs_poi=False).counts()  # what a limit asks of a workspace, HS3 asks too
    observed = {item["name"]: item["data"] for item in workspace["observations"]}
    return {
        "metadata": {"hs3_version": VERSION, "packages": [{"name": "na64stat", "version": version("na64stat")}]},
        "distributions": [_distribution(channel) for channel in channels],
        "data": [
            {
                "name": f"observed_{name}",
                "type": "binned",
                "axes": _axes(name, len(observed[name])),
                "contents": [float(count) for count in observed[name]],
            }
            for name in channel_names
        ],
        "likelihoods": [
            {
                "name": "likelihood",
                "distributions": channel_names,
                "data": [f"observed_{name}" for name in channel_names],
            },
        ],
        "domains": [
            {
                "name": "default_domain",
                "type": "product_domain",
                "axes": [{"name": name} | _range(kind) for name, kind in kinds.items()],
            }
        ],
        "parameter_points": [
            {
                "name": "default_values",
                "parameters": [
                    {"name": name, "value": 1.0 if kind == "normfactor" else 0.0} for name, kind in kinds.items()
                ],
            }
        ],
        "analyses": [
            {
                "name": measurement["name"],
                "likelihood": "likelihood",
                "domains": ["default_domain"],
                "init": "default_values",
                "parameters_of_interest": [config["poi"]] if config["poi"] else [],
            }
        ],
    }


def _parameters(workspace: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for channel in workspace["channels"]:
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                if modifier["type"] not in ("normfactor", "normsys"):
                    where = f"channel {channel['name']!r}, sample {sample['name']!r}"
                    raise InputError(
                        f"HS3: {where}: modifier {modifier['name']!r} is a {modifier['type']}; normfactor and normsys are right"
                    )
                yield modifier["name"], modifier["type"]


def _distribution(channel: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": channel["name"],
        "type": "histfactory_dist",
        "axes": _axes(channel["name"], len(channel["samples"][0]["data"])),
        "samples": [
            {
                "name": sample["name"],
                "data": {"contents": [float(x) for x in sample["data"]], "errors": [0.0] * len(sample["data"])},
                "modifiers": [_modifier(modifier) for modifier in sample["modifiers"]],
            }
            for sample in channel["samples"]
        ],
    }


def _modifier(modifier: Mapping[str, Any]) -> dict[str, Any]:
    found = {"name": modifier["name"], "type": modifier["type"], "parameter": modifier["name"]}
    if modifier["type"] == "normsys":
        found |= {"constraint": "Gauss", "data": dict(modifier["data"])}
    return found


def _axes(name: str, bins: int) -> list[dict[str, Any]]:
    """One axis with bins of width 1: a pyhf workspace knows no edges."""
    return [{"name": f"bin_{name}", "min": 0.0, "max": float(bins), "nbins": bins}]


def _range(kind: str) -> dict[str, float]:
    return {"min": 0.0, "max": LARGEST_MU} if kind == "normfactor" else {"min": -5.0, "max": 5.0}
