"""`na64stat plot`: contours drawn, and compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from na64stat.cli.groups import command
from na64stat.cli.options.files import Files, with_files
from na64stat.cli.options.model import refuse_options
from na64stat.cli.options.numbers import numbers_option
from na64stat.cli.options.scenario_run import as_json, examples
from na64stat.cli.output import plain_table, print_json, print_notes, print_table
from na64stat.errors import InputError
from na64stat.text import intervals_text

if TYPE_CHECKING:
    from na64stat.contour.overlap import Overlap
    from na64stat.records.map import Exclusion, Scan


@command(
    epilog=examples(
        "plot scan.json --figure scan.png",
        "plot scan.json region.json --no-existing --figure both.pdf",
        "exclusion axion-photon --mass 1e-3:0.1 --coupling 1e-3:1 --region visible -o visible.json",
        "exclusion axion-photon --mass 1e-3:0.1 --coupling 1e-3:1 --region visible_trigger -o cut.json",
        "plot visible.json cut.json --compare --mass 3e-3:0.03:4 --figure cut.png",
        "plot visible.json cut.json --compare --level median --json",
    )
)
@click.argument("files_", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--compare", is_flag=True, help="Areas, tips and excluded couplings beside those of the first file.")
@numbers_option("--mass", "Masses [GeV] at which excluded couplings (GeV^-1 or 1) are compared; repeated: each.")
@click.option("--level", metavar="NAME", help="observed, median, ...; default observed, for a projection median.")
@click.option("--no-existing", is_flag=True, help="Leave out the limits of other experiments.")
@click.option(
    "--existing", "own", multiple=True, metavar="FILE", help="Limits of your own to shade, CSV; see existing list."
)
@with_files("The comparison, JSON.", "contours")
@as_json
def plot(
    files_: tuple[Path, ...],
    compare: bool,
    mass: list[float] | None,
    level: str | None,
    no_existing: bool,
    own: tuple[str, ...],
    files: Files,
    as_json: bool,
) -> None:
    """Draw the contours of scans and exclusions, or compare them.

    FILE... are written by `na64stat scan` or `exclusion`; mass in GeV, existing limits of other experiments shaded if all are of
    one scenario. With --compare each region is compared with the first, within the masses and couplings that all of them cover;
    of several scenarios the couplings must have one unit.
    """
    from na64stat.records.load import load_map

    if compare:
        refuse_options(("--no-existing", "--existing"), "--compare", "its figure has no other limits")
    else:
        refuse_options(("--mass", "--output"), "a figure alone", "it is for --compare")
        if files.picture is None:
            raise InputError("--figure: missing; name a file with --figure FILE, or ask for --compare")
    maps = [load_map(path) for path in files_]
    names = [path.stem for path in files_]
    if len(set(names)) < len(names):
        names = [str(path) for path in files_]
    if compare:
        if len(set(names)) < len(names):
            raise InputError(f"plot --compare: {', '.join(names)}; expected each file once")
        _compare(dict(zip(names, maps, strict=True)), mass, level, files, as_json)
    else:
        _draw(maps, names, level, None if no_existing else own, files, as_json)


def _draw(
    maps: list[Scan | Exclusion],
    names: list[str],
    level: str | None,
    own: tuple[str, ...] | None,
    files: Files,
    as_json: bool,
) -> None:
    """The contours; `own` are files with other limits, None leaves out all of these."""
    from na64stat.figures.figure_of import draw_maps
    from na64stat.figures.map_labels import left_out, map_labels, without_contours
    from na64stat.limits_library.library import read_limits

    named = dict(zip(map_labels(maps, names), maps, strict=True))
    more = [limit for name in own or () for limit in read_limits(name)]
    drawn: list[Any] = []
    existing = own is not None
    files.draw(
        lambda path, overwrite: drawn.append(
            draw_maps(named, path, existing=existing, more=more, level=level, overwrite=overwrite)
        )
    )
    notes = [*without_contours(named), *(filter(None, [left_out(maps)]) if existing else [])]
    if as_json:
        print_json({"figure": str(files.picture.path if files.picture else ""), "curves": drawn[0], "notes": notes})
    else:
        print_notes(notes)


def _compare(
    maps: dict[str, Scan | Exclusion], mass: list[float] | None, level: str | None, files: Files, as_json: bool
) -> None:
    from na64stat.contour.overlap import overlap

    units = sorted({item.coupling_unit for item in maps.values()})
    if len(units) > 1:
        raise InputError(f"plot --compare: couplings in units of {' and '.join(units)}; expected one unit")
    result = overlap({label: item.region(level) for label, item in maps.items()}, mass or ())
    result = replace(result, notes=(*_mixed(maps), *result.notes, *_layer_sum(maps, level)))

    def save(path: Path, overwrite: bool) -> None:
        from na64stat.figures.figure_of import draw_maps
        from na64stat.figures.map_labels import named_labels

        drawn = dict(zip(named_labels(list(maps.values()), list(maps)), maps.values(), strict=True))
        draw_maps(drawn, path, existing=False, level=level, overwrite=overwrite)

    files.draw(save)
    files.keep(result)
    levels = {label: level or item.levels[0] for label, item in maps.items()}
    if as_json:
        figure = None if files.picture is None else str(files.picture.path)
        print_json({**result.as_dict(), "coupling_unit": units[0], "levels": levels, "figure": figure})
    else:
        _print(result, units[0], levels)


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
