"""`na64stat overlap`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from na64stat.cli.options.numbers import numbers_option
from na64stat.cli.options.scenario_run import as_json, examples
from na64stat.cli.output import (
    Output,
    output_option,
    overwrite_option,
    plain_table,
    print_json,
    print_notes,
    print_table,
)
from na64stat.errors import InputError
from na64stat.text import intervals_text

if TYPE_CHECKING:
    from na64stat.contour.overlap import Overlap
    from na64stat.records.map import Exclusion, Scan


@click.command(
    epilog=examples(
        "exclusion axion-photon --mass 1e-3:0.1 --coupling 1e-3:1 --region visible -o visible.json",
        "exclusion axion-photon --mass 1e-3:0.1 --coupling 1e-3:1 --region visible_trigger -o cut.json",
        "overlap visible.json cut.json --mass 3e-3:0.03:4 -o cut.png",
        "overlap visible.json cut.json --level median --json",
    )
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE FILE...")
@numbers_option("--mass", "Masses [GeV] at which excluded couplings (GeV^-1 or 1) are compared; repeated: each.")
@click.option("--level", metavar="NAME", help="observed, median, ...; default observed, for a projection median.")
@output_option("Figure with all contours: .png or .pdf.")
@overwrite_option
@as_json
def overlap(
    files: tuple[Path, ...],
    mass: list[float] | None,
    level: str | None,
    output: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Compare excluded regions: areas, tips, couplings.

    FILE... are written by `na64stat scan` or `exclusion`, of one scenario or of several with couplings in one unit. Each is
    compared with the first, within the masses and couplings that all of them cover.
    """
    file = None if output is None else Output.of(output, overwrite)
    from na64stat.contour.overlap import overlap as compare
    from na64stat.records.load import load_map

    labels = [path.stem for path in files]
    if len(set(labels)) < len(labels):
        labels = [str(path) for path in files]
    if len(set(labels)) < len(labels):
        raise InputError(f"overlap: {', '.join(labels)}; expected each file once")
    maps = {label: load_map(path) for label, path in zip(labels, files, strict=True)}
    units = sorted({item.coupling_unit for item in maps.values()})
    if len(units) > 1:
        raise InputError(f"overlap: couplings in units of {' and '.join(units)}; expected one unit")
    found = compare({label: item.region(level) for label, item in maps.items()}, mass or ())
    found = replace(found, notes=(*_mixed(maps), *found.notes, *_layer_sum(maps, level)))
    if file is not None:
        from na64stat.figures.figure_of import draw_maps
        from na64stat.figures.map_labels import named_labels

        drawn = dict(zip(named_labels(list(maps.values()), labels), maps.values(), strict=True))
        draw_maps(drawn, file.path, existing=False, level=level, overwrite=file.overwrite)
    levels = {label: level or item.levels[0] for label, item in maps.items()}
    if as_json:
        figure = None if file is None else str(file.path)
        print_json({**found.as_dict(), "coupling_unit": units[0], "levels": levels, "figure": figure})
    else:
        _print(found, units[0], levels)
    if file is not None:
        click.echo(f"wrote {file.path}", err=True)


def _mixed(maps: dict[str, Scan | Exclusion]) -> list[str]:
    """That maps are of several scenarios, if they are."""
    if len({item.scenario for item in maps.values()}) == 1:
        return []
    of = ", ".join(f"{label} of {item.scenario}" for label, item in maps.items())
    return [f"scenarios differ ({of}): their couplings share a unit only, so that areas and ratios compare numbers"]


def _layer_sum(maps: dict[str, Scan | Exclusion], level: str | None) -> list[str]:
    """Which maps would have more by the sum over target layers."""
    from na64stat.records.artefact import NOTE

    more = [label for label, item in maps.items() if item.layer_sum_alone(level)]
    return [f"{', '.join(more)}: left out: {NOTE}"] if more else []


def _print(found: Overlap, unit: str, levels: dict[str, str]) -> None:
    within = f"m {found.mass[0]:.4g} to {found.mass[1]:.4g} GeV, g {found.coupling[0]:.3g} to {found.coupling[1]:.3g}"
    click.echo(f"{within}{'' if unit == '1' else f' {unit}'}; areas in decades of mass times decades of coupling")
    table = plain_table("region", "level", "area", "with the first", "first alone", "this alone", "tip [GeV]", "at g")
    first = next(iter(found.area))
    pairs = {pair.other: pair for pair in found.pairs}
    for label, area in found.area.items():
        shares = (
            ("-", "-", "-")
            if label == first
            else tuple(
                f"{value:.4g}" for value in (pairs[label].both, pairs[label].only_first, pairs[label].only_other)
            )
        )
        tip = found.tip[label]
        where = ("-", "-") if tip is None else (f"{tip.mass:.4g}{'+' if tip.open else ''}", f"{tip.coupling:.3g}")
        table.add_row(label, levels[label], f"{area:.4g}", *shares, *where)
    print_table(table)
    print_notes(found.notes)
    if not found.masses:
        return
    couplings = plain_table("m [GeV]", *found.area, "")
    for number, mass in enumerate(found.masses):
        texts = []
        for label, intervals in found.intervals.items():
            excluded = intervals_text(intervals[number]) or "-"
            ratio = found.ratio[label][number]
            texts.append(excluded if label == first or ratio is None else f"{excluded} (x{ratio:.3g})")
        couplings.add_row(f"{mass:.4g}", *texts, "")
    print_table(couplings)
