"""Reader of pyhf workspaces: samples become rows of arrays, modifiers become parameters.

The conventions are those of pyhf: which bins of a shapesys or staterror are fixed, how relative errors of a staterror add up over
samples, names of components, default starts and bounds (but no upper bounds, which would only cut fits short).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from na64stat.arguments import names as names_of
from na64stat.errors import RegionError, WorkspaceError, did_you_mean
from na64stat.stats.likelihood.parameters import Array, Constraint, Gaussian, Parameter, Poisson
from na64stat.stats.likelihood.sample import ChannelSample

SMALLEST_GAMMA: Final = 1e-10
"""Lower bound of factors of single bins, as in pyhf."""

FACTORS: Final = (1e-12, 1e12)
"""Accepted range of the factors of a normsys, and of the precision of the factor of a bin."""

MOST_EVENTS: Final = 1e12
"""Largest accepted observed count or background: beyond, probabilities of counts lose their digits."""


MOST_DEVIATIONS: Final = 100.0
"""Largest accepted distance of an auxiliary measurement from its nominal value, in standard deviations."""

SMALLEST_SIGNAL: Final = 1e-300
"""Smallest accepted number of events in the largest bin of a sample: ratios to fewer would overflow."""


@dataclass(eq=False)
class _Modifier:
    """Requirements of all modifiers of one name on their parameter."""

    kind: str
    components: int
    where: str
    constraint: list[Constraint | None]
    fixed: list[bool]
    uses: list[tuple[int, int]] = field(default_factory=list)  # (channel, first component)


_GROUPS = {
    "normfactor": "a free factor",
    "lumi": "a luminosity",
    "normsys": "a unit Gaussian",
    "histosys": "a unit Gaussian",
    "shapesys": "Poisson factors of bins",
    "staterror": "Gaussian factors of bins",
    "shapefactor": "free factors of bins",
}


class Reader:
    """One measurement of one workspace that was checked against the schema.

    `poi` replaces the parameter of interest of the measurement; `needs_poi` refuses one that is not the strength of a signal.
    """

    def __init__(
        self,
        workspace: Mapping[str, Any],
        regions: Sequence[str] | None,
        measurement: Mapping[str, Any],
        needs_poi: bool = True,
        poi: str | None = None,
    ) -> None:
        self.poi = measurement["config"]["poi"] if poi is None else poi
        self.settings = _by_name(measurement["config"]["parameters"], "parameters of the measurement")
        self.observations = _by_name(workspace["observations"], "observations")
        channels = _by_name(workspace["channels"], "channels")
        names = list(channels) if regions is None else list(names_of("regions", regions, RegionError))
        for name in names:
            if name not in channels:
                raise RegionError(
                    f"region {name!r}: not a channel of the workspace; it has {', '.join(channels)}"
                    f"{did_you_mean(name, channels)}"
                )
        if not names or len(set(names)) != len(names):
            raise RegionError(f"regions {names}: name at least one channel, each once")
        self.channels = [channels[name] for name in names]
        self.sizes = [self._size(channel) for channel in self.channels]
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)]).astype(int)
        self.modifiers: dict[str, _Modifier] = {}
        self._staterrors: dict[str, list[tuple[int, Array, Array]]] = {}
        self._collect()
        self._first: dict[str, int] = {}
        self.parameters = self._parameters()
        self.rows = [self._row(i, sample) for i, channel in enumerate(self.channels) for sample in channel["samples"]]
        if needs_poi or self.poi:
            self._check_poi(needs_poi)

    def counts(self) -> Array:
        """Observed counts of all bins."""
        counts = []
        for channel, size in zip(self.channels, self.sizes, strict=True):
            name = channel["name"]
            if name not in self.observations:
                raise WorkspaceError(f"channel {name!r}: no observation of that name in the workspace")
            counts.append(_numbers(self.observations[name]["data"], size, f"observation {name!r}", 0.0, MOST_EVENTS))
        return np.concatenate(counts)

    def _size(self, channel: Mapping[str, Any]) -> int:
        name, samples = channel["name"], channel["samples"]
        if not samples or not samples[0]["data"]:
            raise WorkspaceError(f"channel {name!r}: empty; expected at least one sample with one bin")
        _by_name(samples, f"samples of channel {name!r}")
        return len(samples[0]["data"])

    def _collect(self) -> None:
        """Find the parameters of the modifiers."""
        for index, channel in enumerate(self.channels):
            for sample in channel["samples"]:
                where = f"channel {channel['name']!r}, sample {sample['name']!r}"
                # The strength of a signal may be tiny.
                scaled = any(modifier["name"] == self.poi for modifier in sample["modifiers"])
                most = math.inf if scaled else MOST_EVENTS
                nominal = _numbers(sample["data"], self.sizes[index], where, -most, most)
                if 0 < np.abs(nominal).max() < SMALLEST_SIGNAL:
                    raise WorkspaceError(
                        f"{where}: {np.abs(nominal).max():g} events in the largest bin; expected none, or {SMALLEST_SIGNAL:g} "
                        "and more"
                    )
                seen: set[tuple[str, str]] = set()
                for modifier in sample["modifiers"]:
                    key = (modifier["type"], modifier["name"])
                    if key in seen:
                        raise WorkspaceError(f"{where}: {key[0]} {key[1]!r} stands there twice; expected once")
                    seen.add(key)
                    self._register(index, nominal, modifier, where)
        for name, uses in self._staterrors.items():
            self._finish_staterror(name, uses)

    def _register(self, index: int, nominal: Array, modifier: Mapping[str, Any], where: str) -> None:
        name, kind, size = modifier["name"], modifier["type"], self.sizes[index]
        if kind not in _GROUPS:
            known = ", ".join(_GROUPS)
            raise WorkspaceError(f"{where}: modifier {name!r} has the unsupported type {kind!r}; supported are {known}")
        place = f"{where}: {kind} {name!r}"
        scalar = kind in ("normfactor", "lumi", "normsys", "histosys")
        constraint: list[Constraint | None] = [None] * (1 if scalar else size)
        fixed = [False] * len(constraint)
        if kind == "lumi":
            constraint = [self._lumi(name, place)]
        elif kind in ("normsys", "histosys"):
            constraint = [Gaussian(0.0, 1.0)]
        elif kind == "shapesys":
            constraint, fixed = _shapesys(nominal, _numbers(modifier["data"], size, place, lowest=0.0), place)
        known_as = self.modifiers.get(name)
        if known_as is None:
            self.modifiers[name] = _Modifier(kind, len(constraint), place, constraint, fixed)
        elif _GROUPS[known_as.kind] != _GROUPS[kind] or kind == "shapesys":
            raise WorkspaceError(
                f"{place}: the name is taken by {known_as.where}; "
                + (
                    "a shapesys is not shared"
                    if kind == "shapesys" == known_as.kind
                    else "they are constrained differently"
                )
                + ", give one of them another name"
            )
        elif kind == "shapefactor" and known_as.components != size:
            raise WorkspaceError(
                f"{place}: {size} bins, but {known_as.components} in {known_as.where}; expected equal numbers"
            )
        if kind == "staterror":
            errors = _numbers(modifier["data"], size, place, lowest=0.0)
            self._staterrors.setdefault(name, []).append((index, nominal, errors))

    def _lumi(self, name: str, place: str) -> Gaussian:
        settings = self.settings.get(name, {})
        try:
            centre, sigma = float(settings["auxdata"][0]), float(settings["sigmas"][0])
        except (KeyError, IndexError):
            raise WorkspaceError(
                f"{place}: a luminosity needs `auxdata` and `sigmas`, its value and uncertainty, in an entry named {name!r} "
                "of the measurement's parameters (config.parameters); a patch set does not bring them, the workspace that "
                "it is for does"
            ) from None
        return _measured(centre, sigma, place)

    def _finish_staterror(self, name: str, uses: Sequence[tuple[int, Array, Array]]) -> None:
        """Relative errors of a bin in quadrature over the samples; components count channels by name, as in pyhf."""
        modifier = self.modifiers[name]
        order = sorted({index for index, _, _ in uses}, key=lambda index: str(self.channels[index]["name"]))
        constraint: list[Constraint | None] = []
        for index in order:
            modifier.uses.append((index, len(constraint)))
            total = np.sum([nominal for i, nominal, _ in uses if i == index], axis=0)
            with np.errstate(all="ignore"):
                shares = [
                    np.divide(errors, total, out=np.zeros_like(total), where=total > 0)
                    for i, _, errors in uses
                    if i == index
                ]
                relative = np.sqrt(np.sum(np.square(shares), axis=0))
            used = relative[relative > 0] if np.isfinite(relative).all() else np.array([math.inf])
            bad = used[(used < FACTORS[0]) | (used > FACTORS[1])]
            if len(bad):
                raise WorkspaceError(
                    f"{modifier.where}: errors {bad[0]:g} times the rate; expected 0, or {FACTORS[0]:g} to {FACTORS[1]:g} times"
                )
            constraint += [Gaussian(1.0, float(value) if value > 0 else 1.0) for value in relative]
            modifier.fixed = [*modifier.fixed[: len(constraint) - len(relative)], *(relative == 0).tolist()]
        modifier.constraint, modifier.components = constraint, len(constraint)

    def _parameters(self) -> tuple[Parameter, ...]:
        parameters: list[Parameter] = []
        for name, modifier in self.modifiers.items():
            self._first[name] = len(parameters)
            parameters += self._components(name, modifier)
        return tuple(parameters)

    def _components(self, name: str, modifier: _Modifier) -> Iterable[Parameter]:
        settings, size, place = self.settings.get(name, {}), modifier.components, f"parameter {name!r}"
        vector = modifier.kind in ("shapesys", "staterror", "shapefactor")
        gaussian = modifier.kind in ("normsys", "histosys")
        init = _setting(settings, "inits", [_default_init(modifier)] * size, place)
        bounds = settings.get("bounds", [(_default_lower(modifier), math.inf)] * size)
        if len(bounds) != size or any(len(pair) != 2 or not pair[0] <= pair[1] for pair in bounds):
            raise WorkspaceError(f"{place}: bounds {bounds}; expected {size} pairs (lower, upper)")
        fixed = [bool(settings["fixed"])] * size if "fixed" in settings else modifier.fixed
        constraint = _user_constraint(modifier, settings, place)
        for k in range(size):
            low, high = (float(end) for end in bounds[k])
            if gaussian and "bounds" not in settings:
                low = -math.inf
            if not fixed[k] and not low <= init[k] <= high:
                raise WorkspaceError(f"{place}: starts at {init[k]:g}, outside its bounds [{low:g}, {high:g}]")
            yield Parameter(f"{name}[{k}]" if vector else name, init[k], low, high, fixed[k], constraint[k])

    def _row(self, index: int, sample: Mapping[str, Any]) -> ChannelSample:
        where = f"channel {self.channels[index]['name']!r}, sample {sample['name']!r}"
        size = self.sizes[index]
        nominal = _numbers(sample["data"], size, where)
        seen = {modifier["name"] for modifier in sample["modifiers"]}
        factors: list[int] = []
        normsys: list[tuple[int, float, float]] = []
        histosys: list[tuple[int, Array, Array]] = []
        gammas: list[NDArray[np.intp]] = []
        for modifier in sample["modifiers"]:
            name, kind, data = modifier["name"], modifier["type"], modifier["data"]
            place, first = f"{where}: {kind} {name!r}", self._first[modifier["name"]]
            if kind in ("normfactor", "lumi"):
                factors.append(first)
            elif kind == "normsys":
                normsys.append((first, *_normsys(data, place)))
            elif kind == "histosys":
                # The units of a signal are arbitrary.
                most = FACTORS[1] * float(np.abs(nominal).max()) if self.poi in seen and nominal.any() else MOST_EVENTS
                high, low = (
                    _numbers(data[key], size, f"{place}, {key}", -most, most) for key in ("hi_data", "lo_data")
                )
                histosys.append((first, high - nominal, nominal - low))
            else:
                offset = dict(self.modifiers[name].uses).get(index, 0)
                gammas.append(np.arange(first + offset, first + offset + size))
        bins = np.arange(self.starts[index], self.starts[index + 1])
        return ChannelSample(
            index, sample["name"], bins, nominal, tuple(factors), tuple(normsys), tuple(histosys), tuple(gammas)
        )

    @property
    def poi_index(self) -> int:
        """Position of the parameter of interest."""
        return self._first[self.poi]

    @property
    def has_strength(self) -> bool:
        """True if the parameter of interest multiplies a signal."""
        return bool(self.poi) and self.modifiers[self.poi].kind == "normfactor"

    def _check_poi(self, needs_poi: bool) -> None:
        factors = [name for name, modifier in self.modifiers.items() if modifier.kind == "normfactor"]
        others = f"; --poi NAME chooses another, of {', '.join(factors)}" if factors else ""
        if not self.poi:
            raise WorkspaceError(
                "workspace: measurement has no parameter of interest (`poi` is empty); a limit needs one, the strength of a "
                f"signal, and a fit none{others}"
            )
        modifier = self.modifiers.get(self.poi)
        if modifier is None:
            raise WorkspaceError(
                f"workspace: no sample carries the parameter of interest {self.poi!r}"
                f"{did_you_mean(self.poi, self.modifiers)}{others}"
            )
        if needs_poi and modifier.kind != "normfactor":
            raise WorkspaceError(
                f"workspace: the parameter of interest {self.poi!r} is a {modifier.kind}; a limit needs a normfactor, the "
                f"strength of a signal; fit and impacts take any{others}"
            )


def measurement_of(workspace: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    """Measurement of that name, the first for None; WorkspaceError if there is none or more than one."""
    measurements: Sequence[Mapping[str, Any]] = workspace["measurements"]
    if not measurements:
        raise WorkspaceError("workspace: no measurement; expected one with a parameter of interest")
    names = [item["name"] for item in measurements]
    if len(set(names)) != len(names):
        raise WorkspaceError(f"workspace: measurements {', '.join(names)}: expected each name once")
    if name is None:
        return measurements[0]
    for measurement in measurements:
        if measurement["name"] == name:
            return measurement
    known = [item["name"] for item in measurements]
    raise WorkspaceError(
        f"measurement {name!r}: not in the workspace; it has {', '.join(known)}{did_you_mean(name, known)}"
    )


def _shapesys(nominal: Array, errors: Array, place: str) -> tuple[list[Constraint | None], list[bool]]:
    valid = (nominal > 0) & (errors > 0)
    with np.errstate(all="ignore"):
        tau = np.square(np.divide(nominal, errors, out=np.ones_like(nominal), where=valid))
    if not ((tau >= FACTORS[0]) & (tau <= 1 / FACTORS[0] ** 2)).all():
        raise WorkspaceError(f"{place}: errors out of all proportion to the rates")
    return [Poisson(float(t), float(t)) for t in tau], (~valid).tolist()


def _normsys(data: Mapping[str, float], place: str) -> tuple[float, float]:
    high, low = float(data["hi"]), float(data["lo"])
    smallest, largest = FACTORS
    if not (smallest <= high <= largest and smallest <= low <= largest):
        raise WorkspaceError(
            f"{place} has hi = {high:g}, lo = {low:g}; expected positive factors from {smallest:g} to {largest:g}"
        )
    return high, low


def _measured(centre: float, sigma: float, place: str) -> Gaussian:
    """Measurement of a factor."""
    smallest, largest = FACTORS
    if not (smallest <= centre <= largest and smallest <= sigma / centre <= largest):
        raise WorkspaceError(
            f"{place}: auxdata {centre:g}, sigmas {sigma:g}; expected positive numbers, of auxdata and of the ratio of both "
            f"from {smallest:g} to {largest:g}"
        )
    return Gaussian(centre, sigma)


def _default_init(modifier: _Modifier) -> float:
    constraint = modifier.constraint[0]
    if modifier.kind == "lumi" and isinstance(constraint, Gaussian):
        return constraint.centre
    return 0.0 if modifier.kind in ("normsys", "histosys") else 1.0


def _default_lower(modifier: _Modifier) -> float:
    return SMALLEST_GAMMA if modifier.kind in ("shapesys", "staterror") else 0.0


def _user_constraint(modifier: _Modifier, settings: Mapping[str, Any], place: str) -> list[Constraint | None]:
    """Constraints with auxdata, sigmas and factors of the measurement applied."""
    keys = [key for key in ("auxdata", "sigmas", "factors") if key in settings]
    constraints: list[Constraint | None] = []
    for k, constraint in enumerate(modifier.constraint):
        if isinstance(constraint, Gaussian) and "factors" not in keys:
            if "sigmas" in keys and modifier.kind in ("normsys", "histosys"):
                raise WorkspaceError(
                    f"{place}: sets sigmas, but a {modifier.kind} has the width 1; scale its data instead"
                )
            values = [
                _setting(settings, key, [], place, modifier.components)[k : k + 1] for key in ("auxdata", "sigmas")
            ]
            constraint = Gaussian(
                *(v[0] if v else d for v, d in zip(values, (constraint.centre, constraint.sigma), strict=True))
            )
            if modifier.kind not in ("normsys", "histosys"):
                constraint = _measured(constraint.centre, constraint.sigma, place)
            elif abs(constraint.centre) > MOST_DEVIATIONS:
                raise WorkspaceError(
                    f"{place}: auxdata {constraint.centre:g} standard deviations; expected a number from {-MOST_DEVIATIONS:g} to "
                    f"{MOST_DEVIATIONS:g}"
                )
        elif isinstance(constraint, Poisson) and "sigmas" not in keys:
            values = [
                _setting(settings, key, [], place, modifier.components)[k : k + 1] for key in ("auxdata", "factors")
            ]
            constraint = Poisson(
                *(v[0] if v else d for v, d in zip(values, (constraint.count, constraint.tau), strict=True))
            )
            most = 1 / FACTORS[0] ** 2
            if not (FACTORS[0] <= constraint.tau <= most and 0 <= constraint.count <= most):
                raise WorkspaceError(
                    f"{place}: auxdata {constraint.count:g}, factors {constraint.tau:g}; "
                    f"expected positive numbers from {FACTORS[0]:g} "
                    f"to {most:g}, and auxdata may be 0"
                )
        elif keys:
            raise WorkspaceError(f"{place}: a {modifier.kind} does not use {', '.join(keys)}; leave it out")
        constraints.append(constraint)
    return constraints


def _setting(
    settings: Mapping[str, Any], key: str, default: list[float], place: str, size: int | None = None
) -> list[float]:
    if key not in settings:
        return default
    return [float(v) for v in _numbers(settings[key], len(default) if size is None else size, f"{place}, {key}")]


def _by_name(items: Sequence[Mapping[str, Any]], what: str) -> dict[str, Any]:
    names = [item["name"] for item in items]
    if len(set(names)) != len(names):
        raise WorkspaceError(f"workspace: {what} {', '.join(names)}: expected each name once")
    return dict(zip(names, items, strict=True))


def _numbers(
    data: Sequence[float], size: int, where: str, lowest: float = -math.inf, highest: float = math.inf
) -> Array:
    """Finite numbers, one per bin."""
    if len(data) != size:
        raise WorkspaceError(f"{where}: {len(data)} numbers for {size} bins; expected one number a bin")
    try:
        values = np.asarray([float(value) for value in data])
    except OverflowError:
        values = np.array([math.inf])
    bad = values[~(np.isfinite(values) & (values >= lowest) & (values <= highest))]
    if len(bad):
        expected = "a finite number" if lowest == -math.inf else f"a finite number >= {lowest:g}"
        if highest < math.inf:
            expected = f"a number from {lowest:g} to {highest:g}"
        raise WorkspaceError(f"{where}: {bad[0]:g} events; expected {expected}")
    return values
