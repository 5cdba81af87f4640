"""Small files that stand for large ones: refused in little time and memory, by name."""

import json
import time
import tracemalloc

import h5py
import numpy as np
import pytest

from na64stat.errors import InputError, RunFileError, TableError, WorkspaceError
from na64stat.experiment.load import load_run
from na64stat.export.tables.reader import read_table
from na64stat.export.tables.submission import read_submission
from na64stat.files import DEEPEST, LARGEST, parse_json
from na64stat.files import read_table as read_csv
from na64stat.records.map import load_scan
from na64stat.scenarios.tabulated import SpectrumTable
from na64stat.stats.likelihood.model import Model
from na64stat.stats.toys.sample import read_toys
from na64stat.study.bayes.samples import load_samples
from na64stat.tasks import journal as journals
from na64stat.tasks.journal import Journal

from .cases import Tally, attempt
from .chains import sealed
from .mutations import generator, of_bytes
from .readers import BY_NAME

MEMORY = 50 * 2**20
SECONDS = 10.0


@pytest.fixture(scope="module", autouse=True)
def seeds():
    """Made before anything is counted."""
    return {name: BY_NAME[name].seeds()[0] for name in ("chain", "HEPData JSON", "workspace")}


@pytest.fixture
def quick():
    """Fails where the test took much processor time."""
    begin = time.process_time()
    yield
    assert time.process_time() - begin < SECONDS


@pytest.fixture
def bounded():
    """Fails where the test took much memory, or time: counting the memory slows everything down by a factor of four."""
    tracemalloc.start()
    begin = time.process_time()
    yield
    seconds, (_, peak) = time.process_time() - begin, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MEMORY
    assert seconds < 4 * SECONDS


@pytest.fixture
def file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 40))
MERGES = "m0: &m0 {k: 1}\n" + "".join(f"m{i}: &m{i} {{<<: [{', '.join([f'*m{i - 1}'] * 10)}]}}\n" for i in range(1, 40))


@pytest.mark.parametrize(
    "bomb", [f"{LAUGHS}name: *a39\n", MERGES, "a: &a [*a]\n", "a: &a {b: [*a]}\n", f"x: &x [{'*x, ' * 3}]\n"]
)
def test_yaml_aliases_count_as_what_they_stand_for(bomb, file, bounded):
    path = file("submission.yaml", bomb)
    for read, argument in ((read_table, path), (read_submission, path.parent)):
        with pytest.raises(InputError, match=r"submission\.yaml: YAML with .* values if its aliases are written out"):
            read(argument)


def test_a_few_aliases_are_read(file):
    cells = "&c [{value: 1}, {value: 2}]"
    columns = f"independent_variables: [{{header: {{name: x}}, values: {cells}}}]"
    text = f"{columns}\ndependent_variables: [{{header: {{name: y}}, values: *c}}]"
    table = read_table(file("x.yaml", text))
    assert table.column("x").cells == table.column("y").cells


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a":' * 100_000, "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), '{"a": ' * 70 + "1" + "}" * 70],
)
def test_deep_json_is_refused(text, quick):
    with pytest.raises(InputError, match=f"x: nested too deeply; JSON of at most {DEEPEST} levels"):
        parse_json(text, "x")


def test_json_of_the_deepest_level_is_read():
    assert parse_json("[" * DEEPEST + "]" * DEEPEST, "x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NaN", "NaN is no number"),
        ('{"a": -Infinity}', "-Infinity is no number"),
        ("[1e999]", "'1e999' is larger than any number"),
        ('{"a": 1, "b": {"c": 1, "d": 2, "c": 3}}', "the key 'c' occurs twice"),
        (b"\xff", "not UTF-8 text"),
        ("1" * 5000, "thousands of digits"),
        ("", "where it ends"),
    ],
)
def test_what_is_not_strict_json_is_refused(text, message):
    with pytest.raises(InputError, match=f"x: not a JSON file: .*{message}"):
        parse_json(text, "x")


def test_an_object_with_many_keys_and_one_twice_takes_little_time(quick):
    keys = ", ".join(f'"{i}": 1' for i in range(50_000))
    with pytest.raises(InputError, match="the key '49999' occurs twice"):
        parse_json(f'{{{keys}, "49999": 2}}', "x")


@pytest.mark.parametrize(
    ("form", "name", "read", "error"),
    [
        ("TOML", "x.toml", load_run, RunFileError),
        ("CSV", "x.csv", lambda path: read_csv(path, {"a": float}), TableError),
        ("YAML", "x.yaml", read_table, InputError),
        ("JSON", "x.json", read_table, InputError),
        ("JSON", "x.json", load_scan, InputError),
    ],
)
def test_files_above_the_stated_size_are_refused(form, name, read, error, file, monkeypatch):
    monkeypatch.setattr("na64stat.files.reading.LARGEST", {**LARGEST, form: 100})
    path = file(name, "#" * 101)
    with pytest.raises(error, match=rf"{name}: more than 100 bytes, the most that are read of a {form} file"):
        read(path)


def test_endless_files_are_refused(monkeypatch, bounded):
    monkeypatch.setattr("na64stat.files.reading.LARGEST", {**LARGEST, "JSON": 2**20})
    with pytest.raises(InputError, match="more than 1048576 bytes"):
        load_scan("/dev/zero")


def test_journals_above_the_stated_size_are_refused(tmp_path, monkeypatch):
    Journal(tmp_path / "j", {"a": 1}).close()
    monkeypatch.setattr(journals, "_LARGEST", 10)
    with pytest.raises(InputError, match="larger than 10 bytes"):
        Journal(tmp_path / "j", {"a": 1})


@pytest.mark.parametrize(
    "change",
    [
        {"headers": [{"name": "x", "colspan": 10**9}]},
        {"headers": [{"name": "x", "colspan": 9999}] * 2},
        {"headers": [{"name": "x", "colspan": -1}]},
        {"qualifiers": {"a": [{"group": 0, "value": 1, "colspan": 10**9}]}},
        {"qualifiers": {"a": [{"group": 0, "value": 1, "colspan": 10**4}] * 11}},
    ],
)
def test_columns_that_span_too_many_are_refused(change, seeds, file, bounded):
    whole = json.loads(seeds["HEPData JSON"]) | change
    with pytest.raises(InputError, match="not a table as HEPData serves it: "):
        read_table(file("x.json", json.dumps(whole)))


def test_copies_of_a_json_patch_cannot_blow_up_a_workspace(seeds, bounded):
    workspace = json.loads(seeds["workspace"])
    patch = [{"op": "copy", "from": "/channels", "path": "/channels/-"}] * 40
    with pytest.raises(WorkspaceError, match="patch: 40 copies"):
        Model.from_workspace(workspace, patch=patch)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{'a.' * 100_000}a = 1", "a line with more than 200 dots"),
        (f"a = {'[' * 100_000}", "nested too deeply"),
        (f"a = {'{a=' * 50_000}", "nested too deeply"),
        ("description = 0x" + "f" * 50_000, "got a int too large to be shown"),
        (f"description = {'[' * 300}{']' * 300}", "must be a text"),
    ],
)
def test_toml_that_would_take_long_is_refused(text, message, file, bounded):
    with pytest.raises(RunFileError, match=message) as caught:
        load_run(file("x.toml", text))
    assert len(str(caught.value)) < 1000


def test_many_masses_take_linear_memory(file, bounded):
    """Not n^2 bytes for n masses."""
    masses = [f"{1 + i / 8},{x},1,1,1" for i in range(5_500) for x in (0.1, 0.95)]
    table = SpectrumTable.read(
        file("x.csv", "\n".join(["mass_gev,x,dsigma_dx_pb,width_gev,visible_fraction", *masses]))
    )
    assert len(table.mass) == 5_500
    assert table.x[0].tolist() == [0.1, 0.95]


def test_toys_that_are_announced_and_not_there_are_not_allocated(tmp_path, bounded):
    path = tmp_path / "toys.npy"
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    with pytest.raises(InputError, match="not a file of toys"):
        read_toys(path)
    np.savez(tmp_path / "toys.npz", np.zeros(1000))
    with pytest.raises(InputError, match="not a file of toys"):
        read_toys(tmp_path / "toys.npz")
    np.save(path, np.array([{}] * 1000, dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="not a file of toys"):
        read_toys(path)


def _announced(group):
    group.create_dataset("chain", shape=(2**40, 8, 4), dtype="f8", chunks=(1000, 8, 4), compression="gzip")


def _zeros(group):
    group.create_dataset("chain", data=np.zeros((10_000, 8, 40)), compression="gzip")


def _in_another_file(group):
    group.create_dataset("chain", shape=(8,), dtype="u1", external=[("/etc/hostname", 0, 8)])


def _virtual(group):
    layout = h5py.VirtualLayout(shape=(4,), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(4,))
    group.create_virtual_dataset("chain", layout)


def _link(group):
    group["chain"] = h5py.ExternalLink("other.h5", "/x")


def _texts(group):
    group.create_dataset("chain", shape=(10, 8, 4), dtype=h5py.string_dtype())


@pytest.mark.parametrize(
    ("put", "message"),
    [
        (_announced, "out of proportion to the file"),
        (_zeros, "out of proportion to the file"),
        (_in_another_file, "'chain' is not an array of its own"),
        (_virtual, "'chain' is not an array of its own"),
        (_link, "'chain' is a link"),
        (_texts, "chain is of type object"),
    ],
)
def test_arrays_of_a_chain_are_looked_at_before_they_are_read(put, message, seeds, tmp_path, bounded):
    path = tmp_path / "chain.h5"
    path.write_bytes(seeds["chain"])
    with h5py.File(path, "r+") as file:
        del file["ensemble_0/chain"]
        put(file["ensemble_0"])
    path.write_bytes(sealed(path.read_bytes()))
    with pytest.raises(InputError, match=message):
        load_samples(path)


def test_a_chain_sealed_again_is_read(seeds, tmp_path):
    (tmp_path / "chain.h5").write_bytes(sealed(seeds["chain"]))
    assert load_samples(tmp_path / "chain.h5").values.shape[1] > 0


@pytest.mark.parametrize("number", range(20))
def test_damaged_bytes_of_a_chain_under_a_right_checksum(number, seeds, tmp_path):
    """The checksum is against accidents: HDF5 itself must bear what somebody has forged."""
    seed = seeds["chain"]
    attempt(BY_NAME["chain"], sealed(of_bytes(generator(number), seed, seed)), tmp_path, Tally())
