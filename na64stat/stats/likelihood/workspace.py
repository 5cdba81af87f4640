"""From a Template to a pyhf workspace: one single-bin channel per region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol, runtime_checkable

from na64stat.arguments import check
from na64stat.arguments import names as names_of
from na64stat.errors import RegionError
from na64stat.plane import Region
from na64stat.stats.likelihood.model import PROJECTION
from na64stat.template import Template

BACKGROUND_FLOOR: Final = 1e-6
"""Background [events] that replaces a zero background: pyhf cannot evaluate counts at zero rate."""


class CountedBackground(Protocol):
    """Expected background [events] and its absolute uncertainty."""

    @property
    def events(self) -> float: ...  # noqa: D102
    @property
    def uncertainty(self) -> float: ...  # noqa: D102


class CountedRegion(Protocol):
    """Region of a run, as a workspace needs it."""

    @property
    def region(self) -> Region: ...  # noqa: D102
    @property
    def observed(self) -> int | None: ...  # noqa: D102
    @property
    def background(self) -> CountedBackground: ...  # noqa: D102


@runtime_checkable
class CountedRun(Protocol):
    """Run, as a workspace needs it."""

    @property
    def name(self) -> str: ...  # noqa: D102
    def region(self, name: str) -> CountedRegion: ...  # noqa: D102


def build_workspace(template: Template, run: CountedRun, regions: Sequence[str] | None = None) -> dict[str, Any]:
    """A pyhf workspace with one single-bin channel per region, checked against pyhf's schema.

    The parameter of interest `mu` multiplies the signal; every variation of the template and each background uncertainty is a
    normsys with hi = 1 + d and lo = 1/(1 + d). A background of zero is replaced by 1e-6 events (`BACKGROUND_FLOOR`). A run
    without observed counts gives a measurement named "projection", whose observations are the background.

    Parameters
    ----------
    template, run
        Signal, and the run with counts and backgrounds.
    regions
        Name of a region, or of several; default every region of the template that does not overlap an earlier one.

    Raises
    ------
    InputError
        For anything but a template and a run.
    RegionError
        A name is unknown, or two regions overlap.
    """
    check("template", template, Template, "expected a Template, such as predict(scenario, run)")
    check("run", run, CountedRun, "expected a Run, such as load_run('2022')")
    names = _regions(template, run, regions)
    check_regions(run, names)
    counted = {name: run.region(name) for name in names}
    observed = [counted[name].observed for name in names]
    projection = all(count is None for count in observed)
    return {
        "version": "1.0.0",
        "channels": [_channel(template, run, name, counted[name]) for name in names],
        "observations": [
            {"name": name, "data": [float(_background(counted[name]) if count is None else count)]}
            for name, count in zip(names, observed, strict=True)
        ],
        "measurements": [
            {"name": PROJECTION if projection else "observed", "config": {"poi": "mu", "parameters": []}},
        ],
    }


def check_regions(run: CountedRun, names: Sequence[str]) -> None:
    """Refuse regions of a run that overlap, and a mixture of regions with and without counts, with a RegionError."""
    for i, name in enumerate(names):
        if name in names[:i] or _overlaps(run.region(name).region, names[:i]):
            raise RegionError(
                f"regions {', '.join(names)}: {name!r} shares events with {', '.join(names[:i])}; overlapping regions are not "
                "combined, name one of them"
            )
    missing = [name for name in names if run.region(name).observed is None]
    if missing and len(missing) < len(names):
        raise RegionError(f"run {run.name!r}: no observed count in {', '.join(missing)}; leave it out or give one")


def _regions(template: Template, run: CountedRun, regions: Sequence[str] | None) -> list[str]:
    if regions is None:
        chosen: list[str] = []
        for name in template.regions:
            if not _overlaps(run.region(name).region, chosen):
                chosen.append(name)
        return chosen
    names: list[str] = []
    wanted = names_of("regions", regions, RegionError)
    for name in wanted:
        if name not in template.regions:
            raise RegionError(f"region {name!r}: not in the template; it has {', '.join(template.regions)}")
        names.append(name)
    if not names:
        raise RegionError("regions: none given; name at least one")
    return names


def _overlaps(region: Region, names: Sequence[str]) -> bool:
    return any(other in region.overlaps for other in names)


def _background(counted: CountedRegion) -> float:
    return max(counted.background.events, BACKGROUND_FLOOR)


def _channel(template: Template, run: CountedRun, name: str, counted: CountedRegion) -> dict[str, Any]:
    signal_modifiers: list[dict[str, Any]] = [{"name": "mu", "type": "normfactor", "data": None}]
    signal_modifiers += [
        {"name": effect, "type": "normsys", "data": {"hi": up, "lo": down}}
        for effect, (down, up) in template.variations.items()
    ]
    background = counted.background
    background_modifiers = []
    if background.events > 0 and background.uncertainty > 0:
        up = 1 + background.uncertainty / background.events
        background_modifiers.append(
            {"name": f"background_{name}_{run.name}", "type": "normsys", "data": {"hi": up, "lo": 1 / up}}
        )
    return {
        "name": name,
        "samples": [
            {"name": "signal", "data": [template.regions[name].events], "modifiers": signal_modifiers},
            {"name": "background", "data": [_background(counted)], "modifiers": background_modifiers},
        ],
    }
