"""Files with which fuzzing, or a look at the code, once got something foreign out of a reader."""

import json
import zlib

import pytest

from na64stat.errors import InputError
from na64stat.export.tables.reader import files_of_submission

from .cases import Tally, attempt, lay_out
from .readers import BY_NAME


def _set(*path_and_value):
    """The first seed, a JSON, with another value at a path."""
    *path, last, value = path_and_value

    def change(seed):
        tree = json.loads(seed)
        here = tree
        for key in path:
            here = here[key]
        here[last] = value
        return json.dumps(tree).encode()

    return change


def _without(*path):
    def change(seed):
        tree = json.loads(seed)
        here = tree
        for key in path[:-1]:
            here = here[key]
        del here[path[-1]]
        return json.dumps(tree).encode()

    return change


def _text(text):
    return lambda seed: text.encode()


def _replaced(old, new):
    return lambda seed: seed.replace(old, new)


def _line(text):
    """A journal with one more line, whose checksum is right."""
    content = text.encode()
    return lambda seed: seed + b"%08x %s\n" % (zlib.crc32(content), content)


STATERROR = ("channels", 0, "samples", 1, "modifiers")
TABLE = "independent_variables: [{{header: {{name: x}}, values: [{}]}}]\ndependent_variables: []\n"

FOUND = {
    "a name too long for a file": ("run", _text(f'description = "x"\nextends = "{"n" * 300}"\n')),
    "a NUL in a name": ("run", _text('description = "x"\nextends = "a\\u0000.toml"\n')),
    "a NUL in the name of the table": ("run", _replaced(b'"efficiency_2022.csv"', b'"a\\u0000.csv"')),
    "no muons": ("run", lambda seed: b"\n".join(line for line in seed.split(b"\n") if not line.startswith(b"mot = {"))),
    "a resolution beside which a distance is infinite": (
        "run", _replaced(b"momentum_resolution = { value = 0.03,", b"momentum_resolution = { value = 1e-320,")),
    "an integer too long to be shown": ("run", _text("description = 0x" + "f" * 5000)),
    "a kind that is a list": ("limits", _set("kind", [])),
    "a kind that is an object": ("projection", _set("kind", {})),
    "metadata that are a list": ("likelihood", _text('{"patches": [], "metadata": []}')),
    "a line that is a number": ("journal", _line("5")),
    "a task that is a list": ("journal", _line('{"task": [1], "answer": 1}')),
    "a mass of zero": ("exclusion", _set("points", "mass_gev", 0, 0)),
    "a coupling below zero": ("exclusion", _set("points", "coupling", 0, -1)),
    "masses out of order": ("scan", _set("mass_gev", 0, 1.0)),
    "an integer beyond any float": ("scan", _set("cl", 10**400)),
    "such an integer in an array": ("scan", _set("coupling", 0, 10**400)),
    "a scenario that is a number": ("scan", _set("scenario", 3)),
    "infinity in a record": ("limits", _replaced(b'"cl": 0.9', b'"cl": 1e999')),
    "notes that are a number": ("projection", _set("notes", 3)),
    "a scan without a verdict": ("scan", _set("excess", {})),
    "a background of no kind": ("projection", _set("background", "zzz")),
    "a level of no name": ("exclusion", _set("points", "excess", {"banana": []})),
    "no dictionary in the head of toys": ("toys", lambda seed: seed[:10] + b"{" * 118 + seed[128:]),
    "errors whose squares overflow": ("workspace", _set(*STATERROR, [{"name": "s", "type": "staterror", "data": [1e300]}])),
    "such errors of a shapesys": ("workspace", _set(*STATERROR, [{"name": "s", "type": "shapesys", "data": [1e-300]}])),
    "no observation": ("workspace to HS3", _set("observations", [])),
    "a patch of everything": ("patch", _text('[{"op": "replace", "path": "", "value": 3}]')),
    "a patch into a text": ("patch", _text('[{"op": "add", "path": "/version/0/x", "value": 3}]')),
    "a value beyond any float": ("HEPData YAML", _text(TABLE.format("{value: 1" + "0" * 400 + "}"))),
    "edges beyond any float": ("HEPData JSON", _text('{"independent_variables": [{"header": {"name": "x"}, "values": [{"low": 1, '
                               f'"high": 1{"0" * 400}}}]}}], "dependent_variables": []}}')),
    "an empty integer": ("HEPData YAML", _text('a: !!int ""')),
    "no truth": ("HEPData YAML", _text("a: !!bool x")),
    "no time": ("HEPData YAML", _text("a: !!timestamp x")),
    "a time before all times": ("HEPData YAML", _text("a: 0001-01-01T00:00:00+23:59")),
    "resources that are a number": ("submission", _text("comment: x\nadditional_resources: 3.5\n")),
    "no document in a data file": ("submission", _text("name: t\ndata_file: submission.yaml\n--- \n--- 1\n")),
}  # fmt: skip


@pytest.mark.parametrize("what", FOUND)
def test_what_was_found_stays_away(what, tmp_path):
    name, change = FOUND[what]
    reader, tally = BY_NAME[name], Tally()
    content = change(reader.seeds()[0])
    assert content != reader.seeds()[0]
    attempt(reader, content, lay_out(reader, tmp_path / "case"), tally)
    # A patchset's description is for people; without one there is another.
    assert (tally.outcomes["read"] > 0) == (what == "metadata that are a list")


def test_files_of_a_submission_whose_resources_are_no_list(tmp_path):
    (tmp_path / "submission.yaml").write_text("comment: x\nadditional_resources: 3.5\n")
    assert files_of_submission(tmp_path) == {"submission.yaml"}


def test_a_wrong_file_is_no_submission(tmp_path):
    (tmp_path / "submission.yaml").write_text("- 1\n")
    with pytest.raises(InputError, match="not a submission"):
        files_of_submission(tmp_path)
