"""The BibTeX entries: well formed, and there for every paper that the package names."""

import re
from pathlib import Path

import pytest

import na64stat
from na64stat.errors import InputError
from na64stat.limits_library import keys_in, load_g_minus_2, references
from na64stat.limits_library.citations import arxiv_numbers, read_bibtex, unknown_in
from na64stat.limits_library.library import known_limits, published_limits, read_limits
from na64stat.scenarios.registry import NAMES, resolve

PACKAGE = Path(na64stat.__file__).parent
EPRINT = re.compile(r"\d{4}\.\d{4,5}|(hep-ex|hep-ph|physics)/\d{7}")
TABULATED = ["axion-photon", "axion-muon", "dark-sector", "zprime"]


@pytest.mark.parametrize("key", references())
def test_entry(key):
    entry = references()[key]
    fields = entry.fields
    assert ("author" in fields and "title" in fields) or "note" in fields
    assert all(value.strip() == value and value for value in fields.values())
    if "eprint" in fields:
        assert EPRINT.fullmatch(fields["eprint"])
        assert fields["archiveprefix"] == "arXiv"
        assert fields["year"].isdigit()
    else:
        assert {"journal", "url", "howpublished"} & fields.keys() or key == "na64stat"
    if "title" not in fields:
        assert "number only" in fields["note"] or "not checked" in fields["note"]


def test_every_name_is_of_one_entry():
    names = [name.lower() for entry in references().values() for name in entry.names]
    assert len(names) == len(set(names))
    for entry in references().values():
        for name in entry.names:
            assert keys_in(f"see {name}, table 1") == (entry.key,)


def test_every_arxiv_number_in_the_package_has_an_entry():
    files = [path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".toml", ".csv", ".md"}]
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    assert sum(len(arxiv_numbers(text)) for text in texts.values()) > 60
    missing = {str(path.relative_to(PACKAGE)): unknown_in(text) for path, text in texts.items()}
    assert {path: numbers for path, numbers in missing.items() if numbers} == {}


@pytest.mark.parametrize("name", TABULATED)
def test_keys_of_the_tables_are_those_that_their_references_name(name):
    for limit in published_limits(name):
        assert limit.bibtex_keys
        assert set(keys_in(limit.reference)) <= set(limit.bibtex_keys) <= references().keys()
        # Papers apart from each other by ; have an entry each.
        assert len(keys_in(limit.reference)) == len(limit.reference.split(";"))
    assert [limit.bibtex_keys for limit in known_limits(name)][: len(published_limits(name))] == [
        limit.bibtex_keys for limit in published_limits(name)
    ]


def test_journal_data_of_the_tables_are_those_of_their_readme():
    """The volumes in the README, written by hand there, beside those of the entries."""
    readme = (PACKAGE / "limits_library" / "data" / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"([\w.]+(?: [\w.]+)*?) (\d+) \((\d{4})\) (\d+)[;,|]? ", readme)
    assert len(found) >= 5
    for journal, volume, year, page in found:
        name = f"{journal.removeprefix('et al., ')} {volume} ({year}) {page}".split(", ")[-1]
        (key,) = keys_in(name)
        fields = references()[key].fields
        assert (fields["volume"], fields["year"], fields["pages"]) == (volume, year, page)
        assert name.startswith(fields["journal"])


def test_inputs_of_g_minus_2_have_an_entry():
    values = load_g_minus_2()
    for source in (values.measurement.source, *(value.source for value in values.predictions.values())):
        assert len(keys_in(source)) == 1


@pytest.mark.parametrize("name", NAMES)
def test_scenarios_name_entries(name):
    scenario = resolve(name)
    assert scenario.references
    assert set(scenario.references) <= references().keys()
    # What the class says about its formulas in words is among them.
    assert set(keys_in(scenario.__doc__)) <= set(scenario.references)


# --- texts


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("arXiv:2401.01708, abstract: 0.02e10 of 1.98e10", ["2401.01708"]),
        ("https://arxiv.org/abs/2501.06294v2 and 2501.06294", ["2501.06294"]),
        ("hep-ex/9804008; arXiv:physics/9711021.", ["hep-ex/9804008", "physics/9711021"]),
        ("doi:10.1103/7clf-sm2v, 10.5281/zenodo.1169739, 2022.123 and 0.0001234", []),
        ("1234.56789012 and 12345.67890", []),
    ],
)
def test_arxiv_numbers_in_a_text(text, numbers):
    assert arxiv_numbers(text) == numbers


def test_keys_come_in_the_order_of_the_text_and_once():
    assert keys_in("2501.06294, 1007.1727 and again arXiv:2501.06294") == ("Li:2025axion", "Cowan:2010js")
    assert keys_in("my thesis, 2501.062941") == ()
    assert unknown_in("arXiv:2999.00001, arXiv:1007.1727") == ["2999.00001"]


def test_limits_of_your_own_are_cited_by_what_they_name(tmp_path):
    header = "experiment,part,reference,shape,point,mass_gev,coupling,unit\n"
    rows = [f"Mine,1,thesis; arXiv:2401.01708,lower_edge,curve,{mass},0.1,1\n" for mass in (0.1, 0.2)]
    (tmp_path / "mine.csv").write_text(header + "".join(rows))
    (limit,) = read_limits(tmp_path / "mine.csv")
    assert limit.bibtex_keys == ("NA64:2024muon",)
    assert limit.point == ("curve", "curve")


# --- the reader

GOOD = """% two of them

@article{A:2020, title = {a {B} {\\"o}}, year = {2020}}
@misc{B,
  note = {x, y = {z}},
}
"""


def test_reader(tmp_path):
    (tmp_path / "a.bib").write_text(GOOD)
    found = read_bibtex(tmp_path / "a.bib")
    assert list(found) == ["A:2020", "B"]
    assert found["A:2020"].fields == {"title": 'a {B} {\\"o}', "year": "2020"}
    assert found["B"].fields == {"note": "x, y = {z}"}
    assert (found["B"].kind, found["B"].text) == ("misc", "@misc{B,\n  note = {x, y = {z}},\n}")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("@misc{B,", "@misc{A:2020,", r"a\.bib, line 4: the key 'A:2020' occurs twice"),
        ("{x, y = {z}}", "{x, y = {z", r"a\.bib, line 5: B: note: a brace is opened and never closed"),
        ("{x, y = {z}}", '"x"', r"line 5: B: expected field = \{value\} here"),
        ("year = {2020}", "title = {2020}", r"line 3: A:2020: the field title occurs twice"),
        ("@misc{B,", "stray", r"line 4: expected @kind\{key, here"),
        (GOOD, "% nothing\n", "no BibTeX entry"),
    ],
)
def test_reader_is_strict(tmp_path, old, new, message):
    (tmp_path / "a.bib").write_text(GOOD.replace(old, new))
    with pytest.raises(InputError, match=message):
        read_bibtex(tmp_path / "a.bib")
