"""Words of a figure of scans and exclusions: on each of them, in its legend, and on all of them, below it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from na64stat.records.map import Exclusion, Scan


def map_label(found: Scan | Exclusion) -> str:
    """Subject of a scan or an exclusion, for a legend."""
    return f"{found.run}, {' + '.join(found.regions)}, {100 * found.cl:.6g}%"


def map_labels(items: Sequence[Scan | Exclusion], names: Sequence[str]) -> list[str]:
    """A label for each map: what it is of, or where that is the same for two of them, its name and what differs.

    Parameters
    ----------
    items
        The maps.
    names
        Of each, such as that of its file.
    """
    several = len({item.scenario for item in items}) > 1
    labels = [f"{item.scenario}, {map_label(item)}" if several else map_label(item) for item in items]
    return labels if len(set(labels)) == len(labels) else named_labels(items, names)


def named_labels(items: Sequence[Scan | Exclusion], names: Sequence[str]) -> list[str]:
    """The name of each map, and those of run, regions and confidence level that are not the same for all.

    Parameters
    ----------
    items, names
        As in `map_labels`.
    """
    shared = _shared(items)
    return [
        ", ".join([name, *(text for text in _setting(item) if text not in (*shared, name, f"run {name}"))])
        for name, item in zip(names, items, strict=True)
    ]


def legend_names(found: Mapping[str, Scan | Exclusion], level: str | None = None) -> list[str]:
    """Legend entries: the labels with the scenario if there are several, and the level if that is not the observed one of all.

    Parameters
    ----------
    found
        Label -> map.
    level
        The one that is drawn of all, which then stands elsewhere; default the deciding one of each.
    """
    several = len({item.scenario for item in found.values()}) > 1
    names = []
    for label, item in found.items():
        scenario = [item.scenario] if several and item.scenario not in label.split(", ") else []
        drawn = [] if level is not None or _all_observed(found.values()) else [item.levels[0]]
        names.append(", ".join([*scenario, label, *drawn]))
    return names


def notes_of(found: Mapping[str, Scan | Exclusion], level: str | None = None) -> str:
    """Common properties of all maps that no label names: run, regions, confidence level, and the level that is drawn.

    Parameters
    ----------
    found, level
        As in `legend_names`.
    """
    if any(label.endswith(map_label(item)) for label, item in found.items()):
        return ""
    shared = _shared(list(found.values()))
    if len(found) == 1:  # whose expected contours are drawn, too
        return f"Of {', '.join(shared)}."
    observed = ["observed"] if level is None and _all_observed(found.values()) else []
    return f"All curves: {', '.join([*shared, *observed])}." if shared else ""


def left_out(items: Iterable[Scan | Exclusion]) -> str:
    """Why existing limits are not drawn; empty for one scenario, whose limits are."""
    scenarios = dict.fromkeys(item.scenario for item in items)
    if len(scenarios) == 1:
        return ""
    return f"Existing limits are left out: {' and '.join(scenarios)} have different couplings, and each has limits of its own."


def without_contours(found: Mapping[str, Scan | Exclusion], level: str | None = None) -> list[str]:
    """Which maps have no contour to draw, and whether that is since nothing is excluded or since all is.

    Parameters
    ----------
    found, level
        As in `legend_names`.
    """
    notes = []
    for label, item in found.items():
        one_line = isinstance(item, Scan) and min(len(item.mass), len(item.coupling)) < 2
        if one_line or item.contours(level):
            continue
        values = item.excess[level or item.levels[0]]
        known = values[~np.isnan(values)]
        what = "everything" if len(known) and bool((known > 0).all()) else "nothing"
        failed = "" if len(known) == values.size else ", apart from points that failed"
        notes.append(f"{label}: {what} is excluded in this range{failed}; no contour.")
    return notes


def _setting(item: Scan | Exclusion) -> list[str]:
    return [f"run {item.run}", " + ".join(item.regions), f"{100 * item.cl:.6g}% CL"]


def _shared(items: Sequence[Scan | Exclusion]) -> list[str]:
    return [texts[0] for texts in zip(*map(_setting, items), strict=True) if len(set(texts)) == 1]


def _all_observed(items: Iterable[Scan | Exclusion]) -> bool:
    return all(item.levels[0] == "observed" for item in items)
