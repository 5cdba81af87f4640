"""Run files: `load_run` turns one into a `Run`, `packaged_runs` names those that come with the package.

A run file is TOML. Each number is an inline table ``{value, unit, source, status}``, with ``uncertainty`` if there is
one; `data/2022.toml` shows them all. ``extends = "2022"`` (a packaged name, or a path relative to the file that ends in
``.toml``) takes all that the file itself does not say from another one, with one exception: a file that changes the
muons on target inherits no counts, that is no observation and no background other than zero.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tomllib
from dataclasses import dataclass, replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from na64stat.arguments import check
from na64stat.errors import InputError, RunFileError, did_you_mean, shown
from na64stat.experiment.efficiency import Efficiency, read_efficiency
from na64stat.experiment.response import CHANNELS, Response
from na64stat.experiment.run import Background, Number, Run, RunRegion, Systematics
from na64stat.experiment.schema import Layer, read_layer
from na64stat.experiment.target import Target
from na64stat.files import read_limited
from na64stat.physics.nucleus import Nucleus
from na64stat.physics.spectra import THETA_MAX
from na64stat.plane import EVERYTHING, Binning, Range, Region

_LOG = logging.getLogger(__name__)

_MOST_EXTENDS: Final = 10
_MOST_DOTS: Final = 200  # in a line: tomllib's time grows with the square of the parts of a dotted key


def packaged_runs() -> tuple[str, ...]:
    """Names of the runs that come with the package."""
    names = [entry.name for entry in _data().iterdir()]
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def load_run(
    name_or_path: str | os.PathLike[str], *, background: str = "none", efficiency: Efficiency | None = None
) -> Run:
    """Read a run.

    Parameters
    ----------
    name_or_path
        A packaged name, or the path of a run file.
    background
        Background setting, see `Run.with_background`.
    efficiency
        Used in place of the table that the file names, which is then not read.

    Raises
    ------
    RunFileError
        If there is no such run, or its file is wrong; the message names file and dotted key.
    TableError
        If the efficiency table is broken.
    """
    right = "expected the name of a run, such as '2022', or the path of a run file"
    check("name_or_path", name_or_path, (str, os.PathLike), right, RunFileError)
    path = _find(name_or_path)
    layer, contents = _merged(path)
    label = str(path)
    if efficiency is None:
        if layer.table is None:
            raise RunFileError(f"{label}: efficiency.table: missing")
        content = _read(layer.table, f"{label}: efficiency.table", "CSV")
        efficiency = read_efficiency(layer.table)
    else:
        content = efficiency.to_csv().encode()
        layer = replace(layer, table_source="given by the caller")
    digest = hashlib.sha256()
    for part in (*contents, content):
        digest.update(hashlib.sha256(part).digest())
    run = build_run(path.name.removesuffix(".toml"), label, layer, efficiency, digest.hexdigest())
    assumed = sum(number.status == "assumed" for number in run.numbers.values())
    _LOG.info("run %s from %s: %d numbers, %d of them assumed; digest %s", run.name, label, len(run.numbers), assumed,
              run.digest[:12])  # fmt: skip
    return run if background == "none" else run.with_background(background)


def _data() -> Traversable:
    return resources.files("na64stat.experiment") / "data"


def _find(name_or_path: str | os.PathLike[str], beside: Traversable | None = None) -> Traversable:
    """The file of a packaged run, or a path, relative to the folder of the file that names it."""
    name = os.fspath(name_or_path)
    if name in packaged_runs():
        return _data() / f"{name}.toml"
    path = beside / name if beside is not None else Path(name)
    try:
        if path.is_file():
            return path
    except (OSError, ValueError) as error:
        raise RunFileError(
            f"{shown(name)}: not the name of a run file ({getattr(error, 'strerror', None) or error})"
        ) from error
    if name.endswith(".toml") or os.sep in name:
        raise RunFileError(f"{name}: no such run file")
    hint = did_you_mean(name, packaged_runs())
    raise RunFileError(
        f"unknown run {name!r}{hint} (packaged: {', '.join(packaged_runs())}; a run file's path ends in .toml)"
    )


def _read(path: Traversable, label: str, form: str = "TOML") -> bytes:
    try:
        return read_limited(path, form, RunFileError)
    except OSError as error:
        raise RunFileError(f"{label}: cannot read {path}: {error.strerror}") from error


def _folder(path: Traversable) -> Traversable:
    return path.parent if isinstance(path, Path) else _data()


def _merged(path: Traversable) -> tuple[Layer, list[bytes]]:
    """Content of a file with all that it extends, and the bytes of each file."""
    layers, contents, seen = [], [], [str(path)]
    while True:
        content = _read(path, str(path))
        layer = read_layer(_parsed(content, str(path)), str(path), _folder(path))
        layers.append(layer)
        contents.append(content)
        if layer.extends is None:
            break
        try:
            path = _find(layer.extends, _folder(path))
        except RunFileError as error:
            raise RunFileError(f"{seen[-1]}: extends: {error}") from error
        seen.append(str(path.resolve() if isinstance(path, Path) else path))
        if len(seen) > _MOST_EXTENDS:
            raise RunFileError(f"{seen[0]}: extends: a chain of more than {_MOST_EXTENDS} files, or a circle")
    merged = layers[-1]
    for layer in reversed(layers[:-1]):
        merged = layer.on_top_of(merged)
    return merged, contents


def _parsed(content: bytes, label: str) -> dict[str, Any]:
    """The tables of a TOML file."""
    try:
        text = content.decode("utf-8-sig")
        if any(line.count(".") > _MOST_DOTS for line in text.split("\n")):
            raise RunFileError(f"{label}: a line with more than {_MOST_DOTS} dots, which no run needs")
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise RunFileError(f"{label}: is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except RecursionError as error:
        raise RunFileError(f"{label}: broken TOML: nested too deeply") from error
    except RunFileError:
        raise
    except ValueError as error:  # tomllib's own error, or Python's refusal of an integer with thousands of digits
        raise RunFileError(f"{label}: broken TOML{_place_of(error, text)}") from error


def _place_of(error: ValueError, text: str) -> str:
    """Where TOML is broken, with that line."""
    found = re.search(r"line (\d+)", str(error))
    if found:
        number = int(found.group(1))
        line = text.split("\n")[number - 1].strip()
        return f": line {number}: {shown(line)}; expected a line like `key = value`, `[table]` or `# comment` with each key once"
    if "end of document" in str(error):
        last = text.rstrip().count("\n") + 1
        return f": the file ends within a value or a table's name, at line {last}; expected closed quotes and brackets"
    return ": a number, date or text in it cannot be read; expected numbers of up to 300 digits"


@dataclass(frozen=True)
class _Numbers:
    """Look-up of numbers by dotted key, which says what is missing and where."""

    label: str
    numbers: dict[str, Number]

    def __call__(self, key: str) -> float:
        if key not in self.numbers:
            raise RunFileError(f"{self.label}: {key}: missing")
        return self.numbers[key].value

    def get(self, key: str, default: float) -> float:
        return self.numbers[key].value if key in self.numbers else default


def build_run(name: str, label: str, layer: Layer, efficiency: Efficiency, digest: str) -> Run:
    """A run from all that its file and those below say; `label` names the file in messages.

    Raises
    ------
    RunFileError
        For a number that is missing, or numbers that do not fit together.
    """
    number = _Numbers(label, dict(layer.numbers))
    try:
        target = Target(
            nucleus=Nucleus.from_element(number("target.proton_number"), number("target.mass_number")),
            atomic_mass=number("target.atomic_mass"),
            density=number("target.density"),
            layers=int(number("target.layers")),
            absorber_thickness=number("target.absorber_thickness"),
            layer_thickness=number("target.layer_thickness"),
        )
        response = Response(
            beam_energy=number("beam.energy"),
            beam_spread=number("beam.spread"),
            mip_energy=number("response.mip_energy"),
            mip_spread=number("response.mip_spread"),
            momentum_resolution=number("response.momentum_resolution"),
            shower_stochastic=number("response.shower_stochastic"),
            shower_constant=number("response.shower_constant"),
        )
    except RunFileError:
        raise
    except InputError as error:
        raise RunFileError(f"{label}: {error}") from error
    if target.absorber_thickness > target.layer_thickness:
        raise RunFileError(
            f"{label}: target.absorber_thickness: {target.absorber_thickness} m is more than the layer it is part of, "
            f"target.layer_thickness = {target.layer_thickness} m"
        )
    regions = {key: _region(key, number, layer, response.mip_energy) for key in layer.region_names()}
    if not regions:
        raise RunFileError(f"{label}: regions: missing (a run needs at least one)")
    _check_overlaps(label, regions)
    _check_mot_uncertainty(label, number)
    return Run(
        name=name,
        description=layer.description,
        beam_energy=response.beam_energy,
        mot=number("beam.mot"),
        target=target,
        decay_volume=number("detector.decay_volume"),
        response=response,
        efficiency=efficiency,
        regions=regions,
        systematics=Systematics(
            efficiency=number("systematics.efficiency"),
            mot=number("systematics.mot"),
            cross_section=number("systematics.cross_section"),
        ),
        numbers={**layer.numbers, **_derived(target, regions, efficiency, layer)},
        digest=digest,
    )


def _region(name: str, number: _Numbers, layer: Layer, mip_energy: float) -> RunRegion:
    """Cuts, counts and backgrounds of one region."""
    key = f"regions.{name}"
    observed = number.numbers.get(f"{key}.observed")
    prefix = f"{key}.backgrounds."
    backgrounds = {
        full.removeprefix(prefix): Background(value.value, value.uncertainty or 0.0)
        for full, value in number.numbers.items()
        if full.startswith(prefix)
    }
    if "none" not in backgrounds:
        raise RunFileError(f"{number.label}: {prefix}none: missing")
    if backgrounds["none"] != Background(0.0, 0.0):
        raise RunFileError(f"{number.label}: {prefix}none: must be 0 without uncertainty, got {backgrounds['none']}")
    total: Range = EVERYTHING
    if f"{key}.energy_sum" in number.numbers or f"{key}.energy_sum_tolerance" in number.numbers:
        # The cut is on E_CAL - E_mip + p_out, the region on E_CAL + p_out.
        centre, tolerance = number(f"{key}.energy_sum") + mip_energy, number(f"{key}.energy_sum_tolerance")
        total = (centre - tolerance, centre + tolerance)
    e_cal, p_out = (
        (number.get(f"{key}.{axis}_min", EVERYTHING[0]), number.get(f"{key}.{axis}_max", EVERYTHING[1]))
        for axis in ("e_cal", "p_out")
    )
    try:
        region = Region(name, e_cal, p_out, total, layer.overlaps.get(name, ()))
    except InputError as error:
        raise RunFileError(f"{number.label}: {key}: {error}") from error
    if not region.holds_bins(Binning.uniform(0.5)).any():
        raise RunFileError(
            f"{number.label}: {key}: holds no bin of the plane of 0 to 200 GeV in E_CAL and p_out (cuts: e_cal {e_cal}, p_out "
            f"{p_out}, E_CAL + p_out {total} GeV); widen the cuts"
        )
    return RunRegion(
        region,
        None if observed is None else int(observed.value),
        backgrounds["none"],
        backgrounds,
        layer.counts.get(name, CHANNELS),
    )


def _check_mot_uncertainty(label: str, number: _Numbers) -> None:
    """The uncertainty of the muons on target stands in two places; they have to agree."""
    mot = number.numbers.get("beam.mot")
    if mot is None or mot.uncertainty is None:
        return
    used, stated = number("systematics.mot"), mot.uncertainty / mot.value
    if abs(used - stated) > 0.05 * max(used, stated):
        raise RunFileError(
            f"{label}: systematics.mot: {used:g}, but beam.mot has the uncertainty {mot.uncertainty:g} of {mot.value:g}, "
            f"which is {stated:.3g}; make them agree, or leave out the latter"
        )


def _check_overlaps(label: str, regions: dict[str, RunRegion]) -> None:
    for name, region in regions.items():
        for other in region.region.overlaps:
            if other not in regions:
                hint = did_you_mean(other, tuple(regions))
                raise RunFileError(f"{label}: regions.{name}.overlaps: no region {other!r}{hint}")
            if name not in regions[other].region.overlaps:
                raise RunFileError(f"{label}: regions.{other}.overlaps: must name {name!r}, which names {other!r}")


def _derived(target: Target, regions: dict[str, RunRegion], efficiency: Efficiency, layer: Layer) -> dict[str, Number]:
    """Numbers that follow from those of the file."""
    areal = target.number_density * 100 * target.length
    values = {
        "target.number_density": (target.number_density, "cm^-3", "density x Avogadro constant / atomic_mass"),
        "target.length": (target.length, "m", "layers x absorber_thickness"),
        "target.nuclei_per_area": (areal, "cm^-2", "number_density x length"),
        "target.thickness": (target.thickness, "m", "layers x layer_thickness"),
        "efficiency.minimum": (min(efficiency.values), "1", layer.table_source),
        "efficiency.maximum": (max(efficiency.values), "1", layer.table_source),
    }
    for name, region in regions.items():
        if region.region.total != EVERYTHING:
            low, high = region.region.total
            source = "cut on E_CAL + p_out: energy_sum + response.mip_energy"
            values[f"regions.{name}.total_min"] = (low, "GeV", f"{source} - energy_sum_tolerance")
            values[f"regions.{name}.total_max"] = (high, "GeV", f"{source} + energy_sum_tolerance")
    numbers = {key: Number(value, unit, source, "derived") for key, (value, unit, source) in values.items()}
    angle = "arXiv:2501.06294, app. A: largest production angle [rad]; not a setting of the run file"
    return {"production.theta_max": Number(THETA_MAX, "1", angle, "published"), **numbers}
