"""Every reader of the package, once: valid files, how they are changed, and what is then done with them.

`READERS` is what the tests, `scripts/fuzz.py` and `docs/security.md` go by.
"""

import dataclasses
import json
import warnings
import zlib
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from io import BytesIO, StringIO
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import click
import numpy as np

from na64stat.cli.inference.posterior import _show
from na64stat.cli.options.model import model_of_file
from na64stat.cli.options.patch import PatchChoice, read_workspace
from na64stat.cli.options.prior import PriorType
from na64stat.cli.publishing.export import _likelihood, _load
from na64stat.contour.overlap import overlap
from na64stat.errors import InputError
from na64stat.experiment.efficiency import Efficiency, read_efficiency
from na64stat.experiment.load import load_run
from na64stat.export.curves.limit_curve import LimitCurve
from na64stat.export.likelihood.hs3 import hs3
from na64stat.export.tables.posteriors import tables
from na64stat.export.tables.reader import read_table
from na64stat.export.tables.served_json import json_of
from na64stat.export.tables.submission import hepdata, not_a_submission, read_submission
from na64stat.export.tables.yaml import data_of, dump
from na64stat.figures.figure_of import figure_of
from na64stat.files import to_json
from na64stat.limits_library.citations import read_bibtex
from na64stat.limits_library.library import read_limits
from na64stat.plot.style import figure_bytes
from na64stat.records.load import load_map
from na64stat.records.map import Exclusion
from na64stat.records.sensitivity import load_sensitivity
from na64stat.report.assumptions import as_markdown
from na64stat.scenarios.axion_muon import AxionMuon
from na64stat.scenarios.axion_photon import AxionPhoton
from na64stat.scenarios.tabulated import SpectrumTable, Tabulated
from na64stat.stats.bayes.curve import PosteriorCurve
from na64stat.stats.bayes.priors import Flat
from na64stat.stats.bayes.sampler import Sampler
from na64stat.stats.toys.sample import read_toys
from na64stat.study.bayes.chain_file import ChainFile
from na64stat.study.bayes.credible import compare_priors
from na64stat.study.bayes.sample import sample
from na64stat.study.bayes.samples import load_samples
from na64stat.study.limits import limits
from na64stat.study.maps.scan import scan
from na64stat.study.projection.projection import project
from na64stat.study.sensitivity.assumptions import standard_variations
from na64stat.study.sensitivity.sensitivity import Headline, sensitivity
from na64stat.tasks.journal import Journal
from na64stat.yields.calibration import infer_efficiency, read_limit

from . import mutations
from .chains import of_chain, sealed
from .extremes import of_extremes, read_extremes

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Reader:
    """A reader of files.

    `seeds` are valid files, made once; `changed` makes a case of one of them; `read` reads a file as the package does, and uses
    the record a little; `beside` are files that lie in the same folder; `sealing` puts a right checksum on raw damage;
    `longest` is the processor time of a case [s], where it is not `cases.LONGEST`.
    """

    name: str
    suffix: str
    seeds: Callable[[], tuple[bytes, ...]]
    changed: Callable[[Random, bytes], bytes]
    read: Callable[[Path], object]
    beside: Callable[[], dict[str, bytes]] = dict
    sealing: Callable[[bytes], bytes] | None = None
    dear: bool = field(default=False)
    longest: float | None = None

    def numbered(self, label) -> bytes:
        """A case that is always the same for the same label."""
        return self.case(mutations.generator(label))

    def case(self, rng: Random) -> bytes:
        """A case: four of five are changes of what the file holds, the others of its bytes."""
        seeds = self.seeds()
        seed = rng.choice(seeds)
        if rng.randrange(5):
            return self.changed(rng, seed)
        return mutations.of_bytes(rng, seed, rng.choice(seeds))


def _data(package, name):
    return (resources.files(package) / "data" / name).read_bytes()


def _run_seeds():
    own = _data("na64stat.experiment", "2022.toml")
    return own, _data("na64stat.experiment", "mot1e12.toml"), b'description = "x"\nextends = "beside.toml"\n'


def _run_files():
    return {
        "efficiency_2022.csv": _data("na64stat.experiment", "efficiency_2022.csv"),
        "beside.toml": _data("na64stat.experiment", "2022.toml"),
    }


def _read_run(path):
    run = load_run(path)
    for name in run.regions:
        run.region(name)
    return run.with_background("none")


def _published():
    return _data("na64stat.experiment", "zprime_limit_2022.csv")


def _read_published(path):
    """As `infer_efficiency` uses it."""
    masses, couplings = read_limit(path)
    run = load_run("2022", efficiency=Efficiency.constant(1.0))
    return infer_efficiency(masses, couplings, run)


def _of_prior(rng, seed):
    """An option with numbers that are odd, and now and then with words that are."""
    parts = seed.decode().split(":")
    for _ in range(rng.randrange(1, 3)):
        place = rng.randrange(len(parts))
        if place >= 2 or not rng.randrange(4):
            digits, odd = (
                f"{rng.uniform(0.5, 10):.3g}e{rng.randint(-330, 310)}",
                ("0", "-0.0", "nan", "inf", "1_0", "", "1e400"),
            )
            parts[place] = rng.choice((digits, digits, digits, digits, *odd))
        else:
            parts[place] = rng.choice(("flat", "log-flat", "jeffreys", "mu", "yield", "mass", "coupling", "x"))
    return ":".join(parts).encode()


def _read_prior(path):
    """Quantiles, and the credible limit of a count of three on a half; neither is ever no number."""
    try:
        prior = PriorType().convert(path.read_bytes().decode(errors="replace"), None, None)
    except click.BadParameter as error:
        raise InputError(error.message) from error
    u = np.linspace(0, 1, 9)
    quantiles = prior.ppf(u)
    assert np.isfinite(quantiles).all()
    assert np.all(np.diff(quantiles) >= 0)
    curve = PosteriorCurve.of(prior, lambda x: 3 * np.log(x + 0.5) - x)
    found = curve.quantile(0.1), curve.quantile(0.9), *np.ravel(curve.highest_density(0.9))
    assert np.isfinite(found).all()
    return found


PRIORS = (b"flat:mu:0:50", b"log-flat:coupling:1e-6:1", b"jeffreys:yield:0:50:0.5", b"log-flat:mass:1e-3:1")


def _spectra():
    rows = [f"{mass},{x},{1e9 * mass * (1 + x)},{mass * 1e-6},0.5" for mass in (0.01, 0.1) for x in (0.1, 0.5, 0.95)]
    return (
        "\n".join([",".join(("mass_gev", "x", "dsigma_dx_pb", "width_gev", "visible_fraction")), *rows]) + "\n"
    ).encode()


def _read_spectra(path):
    table = SpectrumTable.read(path)
    point = Tabulated(mass=float(table.mass[0]), coupling=1e-3, table=table)
    return point.width(), point.visible_fraction(), point.production(np.linspace(0.1, 0.9, 5), 160.0, None).dsigma_dx


def _existing():
    head = "experiment,part,reference,shape,point,mass_gev,coupling,unit"
    rows = [
        *(f"A,1,arXiv:2401.01708,lower_edge,curve,{m},{g},1" for m, g in ((1e-3, 1e-4), (1e-2, 2e-4), (1e-1, 1e-3))),
        *(f"B,1,arXiv:2401.01708,contour,border,{m},{g},GeV^-1" for m, g in ((1e-2, 1e-4), (1e-1, 1e-4), (1e-1, 1e-2))),
    ]
    return ("\n".join([head, *rows]) + "\n").encode()


def _read_existing(path):
    return [(limit.lowest(0.02), limit.excludes(0.02, 1e-3), limit.polygon(1.0)) for limit in read_limits(path)]


def _workspace_seeds():
    signal = [
        {"name": "mu", "type": "normfactor", "data": None},
        {"name": "e", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
    ]
    every = [
        {"name": "lumi", "type": "lumi", "data": None},
        {"name": "shape", "type": "histosys", "data": {"hi_data": [1.1], "lo_data": [0.9]}},
        {"name": "stat", "type": "staterror", "data": [0.1]},
        {"name": "bins", "type": "shapesys", "data": [0.1]},
        {"name": "free", "type": "shapefactor", "data": None},
    ]
    lumi = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.5, 1.5]], "inits": [1.0], "fixed": False}
    return _workspace(signal, [], []), _workspace(signal, every, [lumi])


def _workspace(signal, background, parameters):
    samples = [
        {"name": "signal", "data": [1.5], "modifiers": signal},
        {"name": "background", "data": [0.5], "modifiers": background},
    ]
    workspace = {
        "version": "1.0.0",
        "channels": [{"name": "a", "samples": samples}],
        "observations": [{"name": "a", "data": [1.0]}],
        "measurements": [{"name": "observed", "config": {"poi": "mu", "parameters": parameters}}],
    }
    return json.dumps(workspace).encode()


def _used(model):
    return model.signal_events, model.background_events, model.inits, model.auxiliary, model.bin_names


def _read_workspace(path):
    return _used(model_of_file(path, PatchChoice()))


PATCH = [
    {"op": "replace", "path": "/channels/0/samples/0/data/0", "value": 4.0},
    {"op": "copy", "from": "/channels/0/samples/1/modifiers", "path": "/channels/0/samples/1/modifiers"},
]


def _patch_seeds():
    known = {"metadata": {"name": "a", "values": [1]}, "patch": PATCH}
    about = {"name": "s", "labels": ["m"], "description": "", "references": {"hepdata": "ins0000000"}}
    return json.dumps(PATCH).encode(), json.dumps({"metadata": about, "patches": [known], "version": "1.0.0"}).encode()


def _read_patch(path):
    choice = PatchChoice(str(path), "a" if b'"patches"' in path.read_bytes() else None)
    return _used(model_of_file(path.with_name("workspace.json"), choice))


def _workspace_beside():
    return {"workspace.json": _workspace_seeds()[0]}


def _read_to_hs3(path):
    return hs3(read_workspace(path))


def _saved(record):
    return to_json(record.as_dict()).encode()


@cache
def _records():
    """A small record of each kind, computed by the package."""
    run, projection = load_run("2022"), load_run("mot1e12")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = scan(AxionMuon, run, np.geomspace(0.01, 0.2, 3), np.geomspace(1e-3, 1e-1, 4))
        masses = (0.01, 0.1)
        return {
            "scan": _saved(found),
            "exclusion": _saved(_exclusion_of(found)),
            "limits": _saved(limits(AxionMuon, run, masses)),
            "projection": _saved(project(AxionMuon, projection, masses, [1e11, 1e12])),
            "credible": _saved(compare_priors(AxionMuon(mass=0.1, coupling=1.0), run, priors=[Flat("yield", 0, 50)])),
            "sensitivity": _saved(sensitivity(run, SENSITIVE, variations=standard_variations(run)[0][:3])),
            "chain": _chain(run),
        }


SENSITIVE = (Headline(AxionMuon, (0.1,)), Headline(AxionPhoton, (2e-3, 0.1), ("invisible",)))


def _exclusion_of(found):
    """The points of a scan as an exclusion: what a small refinement would give."""
    mass, coupling = (axis.ravel() for axis in np.meshgrid(found.mass, found.coupling, indexing="ij"))
    names = {"events": found.events, "excess": found.excess, "smooth_excess": found.smooth_excess}
    flat = {name: {key: values.ravel() for key, values in part.items()} for name, part in names.items()}
    about = {
        item.name: getattr(found, item.name)
        for item in dataclasses.fields(found)
        if item.name in ("scenario", "coupling_unit", "run", "regions", "cl", "method", "provenance", "notes")
    }
    return Exclusion(**about, mass=mass, coupling=coupling, **flat, reasons={}, tolerance=0.005, unsettled=0)


def _chain(run):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "chain.h5"
        asked = {"prior": Flat("yield", 0, 50), "sampler": Sampler(8, 1, 5), "steps": 8}
        sample(AxionMuon(mass=0.1, coupling=5e-3), run, file=path, **asked)
        return path.read_bytes()


def _of(kind):
    return lambda: (_records()[kind],)


DRAWN = 200
"""One case of so many is drawn and compared, too, since that takes as long as a hundred others."""


def _is_drawn(path):
    return zlib.crc32(path.read_bytes()) % DRAWN == 0


def _used_as_by_commands(path, found):
    """A result in JSON, in tables, and now and then as a figure."""
    used = to_json(found.as_dict()), tables(found)
    if not _is_drawn(path):
        return used
    with warnings.catch_warnings():
        # No room in a figure, or no glyph for a character: said to the user, who sees it.
        warnings.simplefilter("ignore", UserWarning)
        figure = figure_of(found)
        return used, figure and figure_bytes(figure, "png", dpi=20)


def _read_map(path):
    """As `plot`, `overlap` and `export hepdata` use it."""
    found = load_map(path)
    if _is_drawn(path) and min(np.ptp(found.mass), np.ptp(found.coupling)) > 0:
        regions = {"a": found.region(), "b": found.region(found.levels[-1])}
        overlap(regions, [float(np.sqrt(np.prod(found.mass_range)))])
    return _used_as_by_commands(path, found)


def _read_result(path):
    return _used_as_by_commands(path, _load(path))


def _read_sensitivity(path):
    found = load_sensitivity(path)
    return to_json(found.as_dict()), as_markdown(found), [found.ranked(line.name) for line in found.headlines]


QUESTION = {"study": "scan", "scenario": "axion-muon", "cl": 0.9, "mass": [0.1, 0.2]}


@cache
def _journal_seeds():
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        journal = Journal(path, QUESTION)
        for number in range(3):
            journal.add(f"{number:032x}", {"events": [[1.0, 2.0]], "cl_s": [0.5, 0.1], "failed": [[0, "why"]]})
        journal.close()
        return (path.read_bytes(),)


def _read_journal(path):
    journal = Journal(path, QUESTION)
    journal.close()
    return journal.answers


def _read_chain(path):
    """As `posterior` and `export hepdata` use it."""
    ChainFile(path).resumed()
    found = load_samples(path)
    with redirect_stdout(StringIO()):
        _show(found, 0.9)
    return found.predictive(), to_json(found.as_dict()), tables(found)


def _toy_seeds():
    buffer = BytesIO()
    np.save(buffer, np.linspace(0, 5, 1000))
    return (buffer.getvalue(),)


def _read_toys(path):
    """As `limit` uses them: from the good ones it takes tails and quantiles."""
    values = read_toys(path)
    good = np.sort(values[~np.isnan(values)])
    assert len(good)
    assert good[0] >= 0
    return good


TABLES = ROOT / "tests/export/tables"


@cache
def _yaml_seeds():
    return tuple(path.read_bytes() for path in sorted(TABLES.glob("*.yaml")) if path.stat().st_size < 5000)


@cache
def _served_seeds():
    own = [read_table(path) for path in sorted(TABLES.glob("*.yaml"))[:2]]
    return (
        (TABLES / "two_independents.json").read_bytes(),
        *(json.dumps(json_of(table)).encode() for table in own),
        json.dumps(data_of(own[0])).encode(),
    )


def _read_hepdata(path):
    table = read_table(path)
    numbers = [variable.numbers for variable in (*table.independent, *table.dependent)]
    return numbers, table.rows, json_of(table)


def _read_curves(path):
    """Each column as a limit curve, at the first value of what it depends on besides the mass."""
    table = read_table(path)
    first = [(axis.name, axis.cells[0]) for axis in table.independent[1:] if axis.cells]
    at = {name: cell.value if cell.number is None else cell.number for name, cell in first}
    found = []
    for variable in table.dependent:
        limit = LimitCurve.of(table, variable.name, at).existing_limit("A", "arXiv:2401.01708")
        found.append((limit.lowest(0.02), limit.excludes(0.02, 1e-3), limit.polygon(1.0)))
    return found


def _curve_seeds():
    names = ("asymmetric_errors.yaml", "missing_points.yaml", "two_independents.json", "upper_limits.yaml")
    return tuple(dump(data_of(read_table(TABLES / name))).encode() for name in names)


@cache
def _submission():
    with TemporaryDirectory() as folder:
        record = Path(folder) / "limits.json"
        record.write_bytes(_records()["limits"])
        hepdata([_load(record)], Path(folder) / "s", inputs=False, figures=False)
        return {path.name: path.read_bytes() for path in (Path(folder) / "s").iterdir()}


def _submission_seeds():
    files = _submission()
    first = next(name for name in sorted(files) if name != "submission.yaml")
    table = {"name": "t", "description": "d", "keywords": [{"name": "phrases", "values": ["a"]}], "data_file": first}
    own = dump({"comment": "x", "additional_resources": [{"location": "x.json", "description": "y"}]}, table)
    return files["submission.yaml"], own.encode()


def _read_submission(path):
    folder = path.parent
    if path.name != "submission.yaml":
        path.replace(folder / "submission.yaml")
    not_a_submission(folder)
    return read_submission(folder).as_dict()


def _bib():
    entry = "@article{A:2020,\n  title = {A {B} c},\n  eprint = {2401.01708},\n}\n% comment\n@misc{B, note = {x}}\n"
    return (entry.encode(), _data("na64stat.limits_library", "references.bib")[:3000].rsplit(b"\n@", 1)[0])


READERS = (
    Reader("run", ".toml", _run_seeds, mutations.of_toml, _read_run, _run_files),
    Reader("efficiency", ".csv", lambda: (_data("na64stat.experiment", "efficiency_2022.csv")[:800].rsplit(b"\n", 1)[0],),
           mutations.of_csv, read_efficiency),
    Reader("published limit", ".csv", lambda: (_published(),), mutations.of_csv, _read_published, dear=True),
    Reader("prior option", ".txt", lambda: PRIORS, _of_prior, _read_prior),
    Reader("spectra", ".csv", lambda: (_spectra(),), mutations.of_csv, _read_spectra),
    Reader("existing limits", ".csv", lambda: (_existing(),), mutations.of_csv, _read_existing),
    Reader("workspace", ".json", _workspace_seeds, mutations.of_json, _read_workspace, dear=True),
    Reader("extreme numbers", ".json", _workspace_seeds, of_extremes, read_extremes, dear=True, longest=60.0),
    Reader("patch", ".json", _patch_seeds, mutations.of_json, _read_patch, _workspace_beside, dear=True),
    Reader("workspace to HS3", ".json", lambda: _workspace_seeds()[:1], mutations.of_json, _read_to_hs3, dear=True),
    Reader("likelihood", ".json", lambda: (*_workspace_seeds(), _patch_seeds()[1]), mutations.of_json, _likelihood),
    Reader("scan", ".json", _of("scan"), mutations.of_json, _read_map),
    Reader("exclusion", ".json", _of("exclusion"), mutations.of_json, _read_map, dear=True),
    Reader("limits", ".json", _of("limits"), mutations.of_json, _read_result),
    Reader("projection", ".json", _of("projection"), mutations.of_json, _read_result),
    Reader("credible limits", ".json", _of("credible"), mutations.of_json, _read_result),
    Reader("sensitivity", ".json", _of("sensitivity"), mutations.of_json, _read_sensitivity),
    Reader("journal", ".journal", _journal_seeds, mutations.of_journal, _read_journal),
    Reader("chain", ".h5", _of("chain"), of_chain, _read_chain, sealing=sealed, dear=True),
    Reader("toys", ".npy", _toy_seeds, mutations.of_bytes, _read_toys),
    Reader("HEPData YAML", ".yaml", _yaml_seeds, mutations.of_yaml, _read_hepdata),
    Reader("HEPData JSON", ".json", _served_seeds, mutations.of_json, _read_hepdata),
    Reader("limit curve", ".yaml", _curve_seeds, mutations.of_yaml, _read_curves),
    Reader("submission", ".yaml", _submission_seeds, mutations.of_yaml, _read_submission, _submission),
    Reader("BibTeX", ".bib", _bib, mutations.of_bytes, read_bibtex),
)  # fmt: skip
BY_NAME = {reader.name: reader for reader in READERS}
