"""What `limits` says beyond the tables (keys, conversion, (g-2)), strict tables of one's own, and `cite`."""

import importlib.resources
import re

import pytest

import na64stat as na
from na64stat.errors import InputError
from na64stat.limits_library import existing_limits, references
from na64stat.limits_library.citations import read_bibtex
from na64stat.limits_library.library import millicharge_to_coupling, published_limits
from na64stat.report.citing import METHODS, citations

HEADER = "experiment,part,reference,shape,point,mass_gev,coupling,unit\n"
ROWS = ["Mine,1,arXiv:2401.01708,lower_edge,curve,0.1,0.2,1\n", "Mine,1,arXiv:2401.01708,lower_edge,curve,0.2,0.2,1\n"]
GROUPS = ("data", "formulas", "limits", "software")


# --- limits


def test_points_of_a_charge_are_shown_with_both_units_and_what_they_are(na64stat):
    out = na64stat("existing", "show", "dark-sector", "LSND").out.splitlines()
    head = next(index for index, line in enumerate(out) if line.startswith("m [GeV]"))
    assert re.split(r" {2,}", out[head]) == ["m [GeV]", "charge [e]", "g_Z' g_chi", "point"]
    (published,) = [limit for limit in published_limits("dark-sector") if limit.experiment == "LSND"]
    rows = [line.split() for line in out[head + 1 :]]
    assert [row[3] for row in rows] == list(published.point)
    for row, mass, charge in zip(rows, published.mass, published.coupling, strict=True):
        assert [float(value) for value in row[:2]] == [mass, charge]
        assert float(row[2]) == pytest.approx(float(millicharge_to_coupling(mass, charge)), rel=1e-5)


def test_tabulated_points_in_json(na64stat):
    (item,) = na64stat("existing", "show", "axion-muon", "SN1987A", "--json").json["limits"]
    assert item["tabulated"]["point"].count("assumed") == 2
    assert item["tabulated"]["coupling"] == item["coupling"]
    (item,) = na64stat("existing", "show", "dark-sector", "SENSEI", "--json").json["limits"]
    assert item["tabulated"]["unit"] == "e"
    assert max(item["tabulated"]["coupling"]) < max(item["coupling"])


def test_bibtex_of_one_experiment(na64stat, here):
    out = na64stat("existing", "show", "zprime", "CCFR", "--bibtex").out
    (here / "ccfr.bib").write_text(out)
    assert list(read_bibtex(here / "ccfr.bib")) == ["Mishra:1991bv", "Altmannshofer:2014pba"]
    (here / "mine.csv").write_text(HEADER + "".join(ROWS).replace("arXiv:2401.01708", "thesis"))
    assert (
        na64stat("existing", "show", "Mine", "--file", "mine.csv", "--bibtex").out == "% no BibTeX entry for: thesis\n"
    )


def test_keys_are_listed(na64stat):
    items = na64stat("existing", "list", "zprime", "--json").json["limits"]
    assert {"Muong-2:2025xyk", "BaBar:2016sci"} <= {key for item in items for key in item["bibtex_keys"]}
    out = na64stat("existing", "list", "zprime").out
    assert all(key in out for item in items for key in item["bibtex_keys"])


def test_the_band_depends_on_the_prediction(na64stat):
    assert na64stat("existing", "list", "zprime", "--json").json["favoured"] == []
    answer = na64stat("existing", "list", "zprime", "--prediction", "white-paper-2020")
    assert "favoured by white-paper-2020 within 2 standard deviations; excludes nothing" in answer.out
    assert "note: a_muon measured less predicted (white-paper-2020)" in answer.err
    (band,) = na64stat("existing", "list", "zprime", "--prediction", "white-paper-2020", "--json").json["favoured"]
    assert all(low < high for low, high in zip(band["low"], band["high"], strict=True))
    shown = na64stat("existing", "show", "zprime", "(g-2)_muon", "--prediction", "white-paper-2020").out
    assert f"{band['low'][0]:.6g}" in shown
    assert "favoured from" in shown


def test_a_prediction_without_room_for_a_negative_shift(na64stat):
    answer = na64stat("existing", "list", "axion-muon", "--prediction", "white-paper-2020")
    assert answer.status == 0
    assert "SN1987A" in answer.out
    assert "(g-2)_muon" not in answer.out
    assert "note: axion-muon: (g-2)_muon: at cl = 0.9 the measurement excludes every negative shift" in answer.err
    shown = na64stat("existing", "show", "axion-muon", "(g-2)_muon", "--prediction", "white-paper-2020")
    assert (shown.status, shown.out) == (1, "")
    assert na64stat("existing", "show", "axion-muon", "SN1987A", "--prediction", "white-paper-2020").status == 0


def test_slips_in_names(na64stat):
    assert "there are (g-2)_muon" in na64stat("existing", "show", "muon-scalar", "LEP").error
    assert "did you mean '(g-2)_muon'?" in na64stat("existing", "show", "muon-scalar", "(g-2)_mu").error
    assert "there are white-paper-2025, white-paper-2020" in na64stat("existing", "list", "--prediction", "bmw").error


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("lower_edge,curve,0.2", "upper_edge,curve,0.2", "line 4, column shape: shape 'upper_edge'; expected contour or"),
        ("curve,0.2", "curv,0.2", "line 4, column point: point 'curv'; expected curve or border or assumed"),
        ("0.1,0.2,1\n", "0.1,0.2,GeV\n", "line 3, column unit: unit 'GeV'; expected GeV^-1 or 1"),
        ("0.1,0.2", "0.1,-0.2", "line 3, column coupling: -0.2 must be positive"),
        ("0.1,0.2", "0,0.2", "line 3, column mass_gev: 0 must be positive"),
        ("2401.01708,lower_edge,curve,0.2", "2401.01709,lower_edge,curve,0.2", "line 4: Mine, part 1: reference, shape"),
        ("0.2,0.2", "0.1,0.2", "lines 3 to 4: existing limit 'Mine': the masses of a lower edge must increase"),
    ],
)  # fmt: skip
def test_errors_of_a_table_name_line_and_column(na64stat, here, old, new, where):
    text = "# mine\n" + HEADER + "".join(ROWS)
    assert text.count(old) == 1
    (here / "mi{n}e.csv").write_text(text.replace(old, new))
    assert f"mi{{n}}e.csv, {where}" in na64stat("existing", "list", "--file", "mi{n}e.csv").error


# --- cite


def keys_of(record):
    return {name: [item["key"] for item in record[name]] for name in GROUPS}


def test_every_limit_of_the_figure_and_every_source_of_the_run_is_cited(na64stat):
    for name in ("axion-photon", "axion-muon", "dark-sector", "zprime"):
        keys = keys_of(na64stat("cite", name, "--json").json)
        assert {key for limit in existing_limits(name) for key in limit.bibtex_keys} <= set(keys["limits"])
        assert set(keys["data"]) == {"Li:2025axion", "NA64:2024muon", "PDG:materials", "NA64mu:2409.12748"}
        assert "Li:2025axion" in keys["formulas"]
    assert "NA64:2025strategy" in keys_of(na64stat("cite", "zprime", "--run", "mot1e13", "--json").json)["data"]


def test_each_number_of_the_run_is_accounted_for(na64stat):
    record = na64stat("cite", "zprime", "--json").json
    run = na.load_run("2022")
    named = [name for item in record["data"] for name in item["for"].split(", ")]
    for name, number in run.numbers.items():
        if name in named:
            assert "arXiv" in number.source or "PDG" in number.source
        else:
            (text,) = [text for text in record["missing"] if text.startswith(f"{number.source} ({number.status}): ")]
            assert name in text


def test_bibtex_holds_each_entry_once_under_a_comment(na64stat, here):
    out = na64stat("cite", "axion-muon").out
    (here / "refs.bib").write_text(out)
    written = read_bibtex(here / "refs.bib")
    record = na64stat("cite", "axion-muon", "--json").json
    assert list(written) == list(dict.fromkeys(key for keys in keys_of(record).values() for key in keys))
    for key, entry in written.items():
        assert entry.fields == references()[key].fields
        assert f"% {key}: " in out
    assert "% Li:2025axion: formulas of axion-muon (its entry is above)" in out
    assert "% no BibTeX entry for: a muon alone, in all calorimeters (assumed): response.mip_energy" in out
    assert re.findall(r"% --- (\w+)", out) == ["data", "formulas", "existing", "software"]
    assert max(len(line) for line in out.splitlines() if line.startswith("%")) <= 110


@pytest.mark.parametrize("method", METHODS)
def test_methods(na64stat, method):
    keys = keys_of(na64stat("cite", "muon-scalar", "--method", method, "--json").json)
    assert ("Read:2002hq" in keys["formulas"]) == (method in {"exact", "toys", "asymptotic"})
    assert ("Feldman:1997qc" in keys["formulas"]) == (method == "feldman-cousins")
    assert ("Foreman-Mackey:2012ig" in keys["software"]) == (method == "posterior")


def test_the_command_knows_the_methods_of_the_library(na64stat):
    assert na64stat("cite", "zprime", "--method", "guess").status == 2
    assert f"[{'|'.join(METHODS)}]" in na64stat("cite", "--help").out
    with pytest.raises(InputError, match="no method 'guess'; there are exact, toys"):
        citations(na.ZPrime, na.load_run("2022"), "guess")
    with pytest.raises(InputError, match="a scenario class"):
        citations(len, na.load_run("2022"))


def test_a_run_of_your_own(na64stat, here):
    packaged = importlib.resources.files("na64stat.experiment") / "data" / "mot1e12.toml"
    text = packaged.read_text(encoding="utf-8")
    source = re.search(r'^mot = .*source = "([^"]*)"', text, re.MULTILINE)[1]
    own = text.replace(source, "me@home, arXiv:2999.00001 and arXiv:1406.2332")
    assert own != text
    (here / "mine.toml").write_text(own, encoding="utf-8")
    record = na64stat("cite", "zprime", "--run", "mine.toml", "--json").json
    (item,) = [item for item in record["data"] if item["key"] == "Altmannshofer:2014pba"]
    assert "beam.mot" in item["for"]
    assert any(text.startswith("arXiv:2999.00001: beam.mot") for text in record["missing"])


def test_a_source_with_an_at_sign_starts_no_entry(na64stat, here):
    (here / "mine.csv").write_text(HEADER + "".join(ROWS).replace("arXiv:2401.01708", "me@home"))
    out = na64stat("cite", "zprime", "--existing", "mine.csv").out
    assert "% no BibTeX entry for: me(at)home: limit Mine" in out
    assert out.count("@") == len(re.findall(r"^@\w+\{", out, re.MULTILINE))


def test_limits_of_your_own_are_cited(na64stat, here):
    (here / "mine.csv").write_text(HEADER + "".join(ROWS))
    record = na64stat("cite", "muon-scalar", "--existing", "mine.csv", "--json").json
    (item,) = [item for item in record["limits"] if item["key"] == "NA64:2024muon"]
    assert item["for"] == "Mine"


def test_a_scenario_of_your_own(na64stat, here):
    (here / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "import na64stat as na\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Mine(na.Scenario):\n"
        "    name = 'mine'\n"
        "    def production(self, x, beam_energy, nucleus):\n"
        "        raise NotImplementedError\n"
        "class Cited(Mine):\n"
        "    references = ('Bauer:2017ris', 'Nobody:2030abc')\n"
    )
    assert (
        "formulas of mine: the class has no `references`" in na64stat("cite", "mine.py:Mine", "--json").json["missing"]
    )
    record = na64stat("cite", "mine.py:Cited", "--json").json
    assert keys_of(record)["formulas"][0] == "Bauer:2017ris"
    assert "Nobody:2030abc: formulas of mine" in record["missing"]
    assert record["limits"] == []
    assert "existing limits, as in its figure: none" in na64stat("cite", "mine.py:Mine").out


def test_written_to_a_file(na64stat, here):
    answer = na64stat("cite", "axion-muon", "--loop-decay", "-o", "refs.bib")
    assert (answer.out, answer.err) == ("", "wrote refs.bib\n")
    assert "Bauer:2017ris" in read_bibtex(here / "refs.bib")
    assert "the file exists; --overwrite replaces it" in na64stat("cite", "zprime", "-o", "refs.bib").error
    assert na64stat("cite", "zprime", "-o", "refs.bib", "--overwrite").status == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["axon-muon"], "did you mean 'axion-muon'?"),
        ([], "scenario: none given"),
        (["zprime", "--run", "2021"], "unknown run '2021'"),
        (["zprime", "--existing", "gone.csv"], "gone.csv: there is no such file"),
    ],
)
def test_bad_input_of_cite(na64stat, here, words, message):
    assert message in na64stat("cite", *words).error
