"""What HEPData's validator refuses is refused before it is written; the validator is asked about the same tables."""

import subprocess
import sys
from dataclasses import replace

import pytest

from na64stat.errors import InputError
from na64stat.export.likelihood.patchset import Likelihood
from na64stat.export.tables import submission
from na64stat.export.tables.served_json import table_from_json
from na64stat.export.tables.submission import hepdata, read_submission
from na64stat.export.tables.table import Cell, Qualifier, Resource, Table, Uncertainty, Variable

GOOD = Table("good", "", (Variable("m", (Cell(1),)),), (Variable("g", (Cell(2),)),))


def with_errors(*errors):
    return replace(GOOD, dependent=(Variable("g", (Cell(2, errors=errors),)),))


def with_mass(*cells, qualifiers=()):
    column = Variable("m", cells, None, qualifiers)
    return replace(GOOD, independent=(column,), dependent=(Variable("g", (Cell(2),) * len(cells)),))


BAD = {
    "all errors 0%": (with_errors(Uncertainty.of("0%")), "row 1: all errors are zero"),
    "all errors 0": (with_errors(Uncertainty.of(0.0, "stat")), "row 1: all errors are zero"),
    "zero and zero text": (with_errors(Uncertainty(0, "0"), Uncertainty("-0.0%", 0.0)), "row 1: all errors are zero"),
    "empty error": (with_errors(Uncertainty.of(""), Uncertainty.of(1)), "row 1: an error without a size"),
    "null error": (with_errors(Uncertainty.of(None)), "row 1: error None"),
    "text error": (with_errors(Uncertainty.of("large")), "row 1: error 'large'"),
    "hidden error": (with_errors(Uncertainty.of(1, hide=True)), "row 1: a hidden error"),
    "no such file": (replace(GOOD, resources=(Resource("x.png", "Image"),)), "file 'x.png' is not among those written"),
    "a file elsewhere": (replace(GOOD, resources=(Resource("../x.png", "Image"),)), "not among those written"),
    "a licence": (replace(GOOD, resources=(Resource("https://a.b", "A", None, {"name": "x"}),)), "licence"),
    "a long type": (replace(GOOD, resources=(Resource("https://a.b", "A", "x" * 65),)), "type"),
    "no dependent column": (replace(GOOD, dependent=()), "no dependent column"),
    "data_file": (replace(GOOD, more={"data_file": "../../x.yaml"}), "key 'data_file' in `more`; data_file is set by the table"),
    "another key": (replace(GOOD, more={"colour": "red"}), "key 'colour' in `more`; HEPData knows data_license"),
    "a keyword": (replace(GOOD, keywords={"mood": ("good",)}), "keyword 'mood'; HEPData knows cmenergies"),
    "an energy": (replace(GOOD, keywords={"cmenergies": ("high",)}), "cmenergies 'high'"),
    "a long keyword": (replace(GOOD, keywords={"phrases": ("x" * 129,)}), "at most 128 characters"),
    "a long location": (replace(GOOD, location="x" * 257), "a location of 257 characters"),
    "a range": (with_mass(Cell("1-2")), "row 1: '1-2'; expected a bin with low and high"),
    "a bin and a text": (with_mass(Cell("x", 1, 2)), "row 1: .* a bin with low, high"),
    "half a bin": (with_mass(Cell(1, 1)), "row 1: .* a bin with low, high"),
    "a qualifier of a mass": (with_mass(Cell(1), qualifiers=(Qualifier("CL", 1),)), "qualifiers of an independent"),
    "an error of a mass": (with_mass(Cell(1, errors=(Uncertainty.of(1),))), "row 1: an error of an independent value"),
    "a bin as a limit": (replace(GOOD, dependent=(Variable("g", (Cell(None, 1, 2),)),)), "row 1: .* without a bin"),
    "an empty qualifier": (
        replace(GOOD, dependent=(Variable("g", (Cell(2),), None, (Qualifier("CL", None),)),)), "qualifier 'CL' without a value",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_nothing_is_written_of_what_is_refused(name, tmp_path):
    table, message = BAD[name]
    with pytest.raises(InputError, match=rf"table 'good \(2\)'.*{message}"):
        hepdata([GOOD, replace(table, name="good")], tmp_path / "s", inputs=False)
    assert not list(tmp_path.iterdir())


def test_the_validator_refuses_the_same(tmp_path, monkeypatch):
    """All of the above, written with the checks switched off; and a good one."""
    for check in ("check_table", "check_resource"):
        monkeypatch.setattr(submission, check, lambda *_: None, raising=False)
    for name, (table, _) in {**BAD, "good": (GOOD, "")}.items():
        hepdata([table], tmp_path / name, inputs=False)
    (tmp_path / "x.png").touch()  # of "a file elsewhere"
    program = (
        "import pathlib, sys, warnings; warnings.simplefilter('ignore')\n"
        "from hepdata_validator.full_submission_validator import FullSubmissionValidator as Validator\n"
        "for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    if Validator(schema_version='1.1.1').validate(directory=str(folder)): print(folder.name)\n"
    )
    found = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert found.stdout.split("\n") == ["good", ""]


def test_files_that_are_written_and_addresses_are_right(tmp_path):
    table = replace(
        GOOD,
        resources=(Resource("https://example.org/x", "Code"), Resource("b.json", "Likelihood")),
        more={"data_license": {"name": "CC0", "url": "https://example.org"}},
        keywords={"cmenergies": ("1.7-4.7",)},
    )
    found = hepdata([table], tmp_path / "s", inputs=False, likelihoods=[Likelihood("b.json", {}, "x")])
    assert read_submission(tmp_path / "s") == found


def test_the_hidden_zeros_that_hepdata_serves_are_left_out(tmp_path):
    record = {
        "headers": [{"name": "m"}, {"name": "g"}],
        "values": [{"x": [{"value": 1}], "y": [{"group": 0, "value": 2, "errors": [{"symerror": 0, "hide": True}]}]}],
    }
    found = hepdata([replace(table_from_json(record, "x"), name="good")], tmp_path / "s", inputs=False)
    assert found.tables[0].dependent[0].cells == (Cell(2),)
    assert read_submission(tmp_path / "s").tables == found.tables


def test_a_table_called_submission_does_not_take_the_place_of_the_list(tmp_path):
    found = hepdata([replace(GOOD, name="Submission")], tmp_path / "s", inputs=False)
    assert read_submission(tmp_path / "s") == found


def test_half_a_pair_of_unicode_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"HEPData: '\\ud800' is no Unicode text"):
        hepdata([replace(GOOD, description="\ud800")], tmp_path / "s", inputs=False)


def test_a_data_file_that_is_too_large_is_refused(tmp_path):
    large = replace(GOOD, description="", dependent=(Variable("x" * (10 * 2**20), (Cell(2),)),))
    with pytest.raises(InputError, match=r"good\.yaml: \d+ bytes; HEPData takes data files of at most 10485760"):
        hepdata([large], tmp_path / "s", inputs=False)
    assert not list(tmp_path.iterdir())


def test_a_folder_of_other_files_is_named_from_the_start(tmp_path):
    folder = tmp_path / "foreign"
    folder.mkdir()
    (folder / "thesis.tex").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(InputError, match=r"foreign: holds thesis\.tex, which belongs to no submission") as caught:
            hepdata([GOOD], folder, inputs=False, overwrite=overwrite)
        assert "--overwrite" not in str(caught.value)
    hepdata([GOOD], tmp_path / "s", inputs=False)
    (tmp_path / "s" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds notes\.txt, which belongs to no submission"):
        hepdata([GOOD], tmp_path / "s", inputs=False)
    assert (folder / "thesis.tex").read_text() == "mine"
