"""HS3, the HEP Statistics Serialization Standard: a pyhf workspace in the form that RooFit and pyhs3 read.

A luminosity is a normfactor with a Gaussian beside the channels (HS3 has no such modifier). A factor of a bin that pyhf fixes,
since it has no uncertainty, is constant; its constraint is a constant, too.

References
----------
HS3 0.2, https://hep-statistics-serialization-standard.github.io; normsys interpolates with code 4, histosys with 4p, as in pyhf.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

import numpy as np

from na64stat.errors import InputError
from na64stat.stats.likelihood.model import Model
from na64stat.stats.likelihood.parameters import Array, Gaussian, Parameter, Poisson
from na64stat.stats.likelihood.reader import Reader, measurement_of

VERSION: Final = "0.2"
LARGEST_MU: Final = 1000.0
"""Upper end of the domain of a free factor without bounds; a start, not a bound: HS3 asks for one."""

_RANGES: Final = {
    "normfactor": (0.0, LARGEST_MU),
    "shapefactor": (0.0, LARGEST_MU),
    "lumi": (0.0, 10.0),
    "normsys": (-5.0, 5.0),
    "histosys": (-5.0, 5.0),
    "shapesys": (1e-10, 10.0),
    "staterror": (1e-10, 10.0),
}
_OF_BINS: Final = ("shapefactor", "shapesys", "staterror")


def hs3(workspace: Mapping[str, Any]) -> dict[str, Any]:
    """A pyhf workspace as HS3, with every kind of modifier of pyhf.

    Parameters
    ----------
    workspace
        Valid pyhf JSON; its first measurement is the analysis.

    Raises
    ------
    WorkspaceError
        If the workspace is not valid, or no model, as `Model.from_workspace` says.
    InputError
        If HS3 has no words for a part of it: staterrors of two names in one channel, a shapesys where no events are expected, or
        a constraint that the measurement moves.
    """
    Model.from_workspace(workspace, only_fits=True)  # what a fit asks of a workspace, HS3 asks too
    measurement = measurement_of(workspace, None)
    config = measurement["config"]
    reader = Reader(workspace, None, measurement, needs_poi=False)
    parts = _Parts(workspace, reader)
    channel_names = [channel["name"] for channel in workspace["channels"]]
    observed = {item["name"]: item["data"] for item in workspace["observations"]}
    beside = list(parts.luminosities())
    likelihood: dict[str, Any] = {
        "name": "likelihood",
        "distributions": channel_names,
        "data": [f"observed_{name}" for name in channel_names],
    }
    if beside:
        likelihood["aux_distributions"] = [item["name"] for item in beside]
    return {
        "metadata": {"hs3_version": VERSION, "packages": [{"name": "na64stat", "version": version("na64stat")}]},
        "distributions": [*(parts.distribution(channel) for channel in workspace["channels"]), *beside],
        "data": [
            {
                "name": f"observed_{name}",
                "type": "binned",
                "axes": _axes(name, len(observed[name])),
                "contents": [float(count) for count in observed[name]],
            }
            for name in channel_names
        ],
        "likelihoods": [likelihood],
        "domains": [{"name": "default_domain", "type": "product_domain", "axes": list(parts.ranges())}],
        "parameter_points": [{"name": "default_values", "parameters": list(parts.values())}],
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


class _Parts:
    """The parameters of a workspace and what they act on, in HS3's words."""

    def __init__(self, workspace: Mapping[str, Any], reader: Reader) -> None:
        self._reader = reader
        self._kinds = {
            modifier["name"]: modifier["type"]
            for channel in workspace["channels"]
            for sample in channel["samples"]
            for modifier in sample["modifiers"]
        }
        self._components: dict[str, list[Parameter]] = {}
        for parameter in reader.parameters:
            name = parameter.name if parameter.name in self._kinds else parameter.name.rsplit("[", 1)[0]
            self._components.setdefault(name, []).append(parameter)
        named = [name for _, name, _ in self._named()]
        if len(set(named)) != len(named):
            twice = next(name for name in named if named.count(name) > 1)
            raise InputError(f"HS3: two parameters would be called {twice!r}; expected another name of one of them")

    def _named(self) -> Iterator[tuple[str, str, Parameter]]:
        """Kind and HS3's name of every parameter."""
        for name, components in self._components.items():
            for k, parameter in enumerate(components):
                yield self._kinds[name], self._name(name, k), parameter

    def _name(self, name: str, k: int) -> str:
        return f"gamma_{name}_{k}" if self._kinds[name] in _OF_BINS else name

    def ranges(self) -> Iterator[dict[str, Any]]:
        """Domain of every parameter: its bounds, or a range in which fits begin."""
        for kind, name, parameter in self._named():
            low, high = _RANGES[kind]
            yield {
                "name": name,
                "min": parameter.lower if np.isfinite(parameter.lower) else min(low, parameter.init),
                "max": parameter.upper if np.isfinite(parameter.upper) else max(high, parameter.init),
            }

    def values(self) -> Iterator[dict[str, Any]]:
        """Start of every parameter, and whether it stays there."""
        for _, name, parameter in self._named():
            yield {"name": name, "value": parameter.init} | ({"const": True} if parameter.fixed else {})

    def luminosities(self) -> Iterator[dict[str, Any]]:
        """A Gaussian for each luminosity."""
        for kind, name, parameter in self._named():
            constraint = parameter.constraint
            if kind == "lumi" and isinstance(constraint, Gaussian):
                yield {
                    "name": f"constraint_{name}",
                    "type": "gaussian_dist",
                    "mean": name,
                    "sigma": constraint.sigma,
                    "x": constraint.centre,
                }

    def distribution(self, channel: Mapping[str, Any]) -> dict[str, Any]:
        """A channel."""
        errors = self._errors(channel)
        return {
            "name": channel["name"],
            "type": "histfactory_dist",
            "axes": _axes(channel["name"], len(channel["samples"][0]["data"])),
            "samples": [
                {
                    "name": sample["name"],
                    "data": {"contents": [float(x) for x in sample["data"]], "errors": errors[sample["name"]].tolist()},
                    "modifiers": [self._modifier(channel, sample, modifier) for modifier in sample["modifiers"]],
                }
                for sample in channel["samples"]
            ],
        }

    def _errors(self, channel: Mapping[str, Any]) -> dict[str, Array]:
        """Statistical errors of each sample, which HS3 keeps beside its events."""
        found = {sample["name"]: np.zeros(len(sample["data"])) for sample in channel["samples"]}
        samples = [
            (sample, modifier)
            for sample in channel["samples"]
            for modifier in sample["modifiers"]
            if modifier["type"] == "staterror"
        ]
        names = sorted({modifier["name"] for _, modifier in samples})
        if len(names) > 1:
            raise InputError(
                f"HS3: channel {channel['name']!r}: staterrors {', '.join(names)}; expected one of them, since HS3 adds up the "
                "errors of a channel"
            )
        for sample, modifier in samples:
            found[sample["name"]] = np.array(modifier["data"], dtype=np.float64)
        if not samples:
            return found
        total = np.sum([np.array(sample["data"], dtype=np.float64) for sample, _ in samples], axis=0)
        squared = np.sum([found[sample["name"]] ** 2 for sample, _ in samples], axis=0)
        components = self._of_channel(names[0], channel)
        for b in np.flatnonzero(total > 0):
            if squared[b] == 0:  # constant, and any width will do
                found[samples[0][0]["name"]][b] = total[b]
            else:
                width = float(np.sqrt(squared[b]) / total[b])
                self._is_own(names[0], components[b], Gaussian(1.0, width), fixed=False)
        return found

    def _of_channel(self, name: str, channel: Mapping[str, Any]) -> list[Parameter]:
        """Factors of the bins of one channel."""
        return self._components[name][self._first(name, channel) :][: len(channel["samples"][0]["data"])]

    def _first(self, name: str, channel: Mapping[str, Any]) -> int:
        uses = {self._reader.channels[index]["name"]: first for index, first in self._reader.modifiers[name].uses}
        return uses.get(channel["name"], 0)

    def _is_own(self, name: str, parameter: Parameter, own: Gaussian | Poisson, fixed: bool) -> None:
        """Refuse a constraint that the settings of the measurement have moved: HS3 makes it of the modifier."""
        if not (
            fixed or parameter.fixed or np.allclose(_numbers(parameter.constraint), _numbers(own), rtol=1e-9, atol=0)
        ):
            raise InputError(
                f"HS3: parameter {name!r}: the measurement sets auxdata, sigmas or factors; expected the constraint that the "
                "modifier itself has"
            )

    def _modifier(
        self, channel: Mapping[str, Any], sample: Mapping[str, Any], modifier: Mapping[str, Any]
    ) -> dict[str, Any]:
        name, kind, data = modifier["name"], modifier["type"], modifier["data"]
        first = self._first(name, channel)
        names = [self._name(name, first + k) for k in range(len(sample["data"]))]
        if kind in ("normfactor", "lumi"):
            return {"name": name, "type": "normfactor", "parameter": name}
        if kind in ("normsys", "histosys"):
            self._is_own(name, self._components[name][0], Gaussian(0.0, 1.0), fixed=False)
            if kind == "histosys":
                data = {"hi": {"contents": list(data["hi_data"])}, "lo": {"contents": list(data["lo_data"])}}
            return {"name": name, "type": kind, "parameter": name, "constraint": "Gauss", "data": dict(data)}
        found: dict[str, Any] = {"name": name, "type": kind, "parameters": names}
        if kind == "staterror":
            found["constraint"] = "Gauss"
        if kind == "shapesys":
            where = f"channel {channel['name']!r}, sample {sample['name']!r}: shapesys {name!r}"
            found |= {"constraint": "Poisson", "data": {"vals": self._widths(name, sample["data"], data, where)}}
        return found

    def _widths(self, name: str, nominal: Sequence[float], errors: Sequence[float], where: str) -> list[float]:
        """Errors of a shapesys; that of a constant factor is any that is positive."""
        found = []
        for b, (events, error, parameter) in enumerate(zip(nominal, errors, self._components[name], strict=True)):
            if events <= 0:
                raise InputError(
                    f"HS3: {where}: {events:g} events in bin {b}, whose factor HS3 would constrain by a count of none; expected "
                    "a positive number"
                )
            tau = (events / error) ** 2 if error > 0 else 1.0
            self._is_own(name, parameter, Poisson(tau, tau), fixed=error <= 0)
            found.append(float(error) if error > 0 else float(events))
        return found


def _numbers(constraint: Gaussian | Poisson | None) -> tuple[float, float]:
    if isinstance(constraint, Gaussian):
        return constraint.centre, constraint.sigma
    return (np.nan, np.nan) if constraint is None else (constraint.count, constraint.tau)


def _axes(name: str, bins: int) -> list[dict[str, Any]]:
    """One axis with bins of width 1: a pyhf workspace knows no edges."""
    return [{"name": f"bin_{name}", "min": 0.0, "max": float(bins), "nbins": bins}]
