"""A journal belongs to one model: an edited class, helper or table is another one; the same elsewhere is the same."""

import sys
from functools import partial
from textwrap import dedent

import numpy as np
import pytest

import na64stat as na
from na64stat.errors import InputError
from na64stat.scenarios.registry import resolve
from na64stat.scenarios.tabulated import COLUMNS, SpectrumTable, Tabulated
from na64stat.study.maps.long_work import journal_header
from na64stat.study.maps.points import MapWork
from na64stat.study.signal_test import SignalTest

MASSES, COUPLINGS = np.geomspace(0.01, 1, 20), np.array([1e-4, 1e-3])
ODD = 0.0183
"""A mass of the grid, at which nothing is looked at before the work begins."""

MINE = """
    from dataclasses import dataclass
    from na64stat import Production, Scenario
    from na64stat.physics import cross_sections
    {imported}


    @dataclass(frozen=True, kw_only=True)
    class Mine(Scenario):
        name = "mine"

        def production(self, x, beam_energy, nucleus):
            factor = {factor} if 0.0165 < self.mass < 0.0200 else 1.0
            return Production(self.mass, factor * self.coupling**2 * cross_sections.scalar(x, self.mass, beam_energy, nucleus))
"""


def stop(answers):
    for i, answer in enumerate(answers):
        if i == 2:
            raise KeyboardInterrupt
        yield answer


@pytest.fixture(scope="module")
def run():
    return na.load_run("2022")


def scan(scenario, run, journal=None, track=iter):
    return na.scan(scenario, run, MASSES, COUPLINGS, journal=journal, track=track)


def stopped(scenario, run, journal):
    with pytest.raises(KeyboardInterrupt):
        scan(scenario, run, journal, stop)
    return journal.read_bytes()


def write_class(folder, factor, imported=""):
    folder.mkdir(exist_ok=True)
    path = folder / "mine.py"
    path.write_text(dedent(MINE).format(factor=factor, imported=imported), encoding="utf-8")
    return resolve(f"{path}:Mine")


def write_table(folder, factor):
    folder.mkdir(exist_ok=True)
    rows = [
        f"{mass},{x},{3e9 * (factor if i == 1 else 1)},0,0"
        for i, mass in enumerate((0.01, ODD, 0.1, 1.0))
        for x in (0.1, 0.5, 0.99)
    ]
    path = folder / "spectra.csv"
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n", encoding="utf-8")
    return resolve(str(path))


def test_an_edited_class_is_another_model(tmp_path, run):
    journal = tmp_path / "journal"
    before = stopped(write_class(tmp_path, 1.0), run, journal)
    with pytest.raises(InputError, match=r"belongs to another question: scenario_class is .*mine_\w+\.Mine"):
        scan(write_class(tmp_path, 100.0), run, journal)
    assert journal.read_bytes() == before


def test_an_edited_table_is_another_model(tmp_path, run):
    journal = tmp_path / "journal"
    before = stopped(write_table(tmp_path, 1.0), run, journal)
    with pytest.raises(InputError, match=r"belongs to another question: inputs\.table\.digest is"):
        scan(write_table(tmp_path, 100.0), run, journal)
    assert journal.read_bytes() == before


@pytest.mark.parametrize("write", [write_class, write_table])
def test_the_same_elsewhere_is_the_same(tmp_path, run, write):
    journal = tmp_path / "journal"
    stopped(write(tmp_path / "a", 2.0), run, journal)
    counts = []

    def track(answers):
        counts.append(len(answers))
        return answers

    resumed = scan(write(tmp_path / "b", 2.0), run, journal, track)
    assert counts[0] == len(MASSES) - 2
    assert resumed.as_dict() == scan(write(tmp_path / "a", 2.0), run).as_dict()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("write", [write_class, write_table])
def test_provenance_tells_two_contents_apart(tmp_path, run, write):
    old, same, new = (
        na.limits(write(tmp_path / folder, factor), run, [0.02]).provenance
        for folder, factor in (("a", 1.0), ("b", 1.0), ("a", 100.0))
    )
    assert old == same != new


def test_a_table_has_its_name_and_digest(tmp_path, run):
    factory = write_table(tmp_path, 1.0)
    found = na.limits(factory, run, [0.02]).provenance["inputs"]
    assert found == {"table": {"name": "spectra.csv", "digest": factory.keywords["table"].digest}}


def test_a_table_built_in_python(tmp_path, run):
    def built(factor):
        x = (np.array([0.1, 0.99]),) * 3
        spectra = tuple(np.array([8.0, 8.0]) * height for height in (1.0, factor, 1.0))
        table = SpectrumTable("mine", np.array([0.01, ODD, 1.0]), x, spectra, np.zeros(3), np.zeros(3))
        return partial(Tabulated, table=table)

    journal = tmp_path / "journal"
    stopped(built(1.0), run, journal)
    with pytest.raises(InputError, match=r"inputs\.table\.digest"):
        scan(built(100.0), run, journal)
    assert scan(built(1.0), run, journal).as_dict() == scan(built(1.0), run).as_dict()


@pytest.mark.parametrize("part", ["mass", "x", "dsigma_dx", "width", "visible_fraction"])
def test_every_number_of_a_table_is_in_its_digest(part):
    def table(**changes):
        values = {"mass": np.array([0.1]), "width": np.array([0.0]), "visible_fraction": np.array([0.0])}
        values |= {"x": (np.array([0.1, 0.9]),), "dsigma_dx": (np.array([1.0, 2.0]),), **changes}
        return SpectrumTable("t", **values).digest

    changed = (np.array([0.2, 0.9]),) if part in ("x", "dsigma_dx") else np.array([0.2])
    assert table() == table()
    assert table(**{part: changed}) != table()


def test_an_edited_helper_is_another_model(tmp_path, run, monkeypatch):
    found = []
    for folder, value in (("a", 1.0), ("b", 2.0), ("c", 1.0)):
        monkeypatch.delitem(sys.modules, "helper_of_this_test", raising=False)
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "helper_of_this_test.py").write_text(f"VALUE = {value}\n", encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(tmp_path / folder))
            factory = write_class(tmp_path / folder, "helper_of_this_test.VALUE", "import helper_of_this_test")
            found.append(na.limits(factory, run, [0.05]).provenance)
    monkeypatch.delitem(sys.modules, "helper_of_this_test")
    assert set(found[0]["sources"]) == {"helper_of_this_test.py", "mine.py"}
    assert found[0] == found[2] != found[1]


def test_a_class_without_a_file_is_known_by_what_it_predicts(tmp_path, run):
    """As in a notebook: the same class and the same module, and other events at masses within the grid."""

    def made(factor):
        def production(self, x, beam_energy, nucleus):
            made = na.MuonScalar.production(self, x, beam_energy, nucleus)
            return na.Production(made.effective_mass, (factor if 0.1 < self.mass < 0.5 else 1.0) * made.dsigma_dx)

        return type("Noted", (na.MuonScalar,), {"production": production, "__module__": "__main__"})

    journal = tmp_path / "journal"
    stopped(made(1.0), run, journal)
    with pytest.raises(InputError, match="scenario_digest"):
        scan(made(2.0), run, journal)


def test_how_toys_are_computed_is_no_part_of_the_question(run, tmp_path):
    def question(**settings):
        work = MapWork(na.MuonScalar, SignalTest(run, ("invisible",), na.Toys(1000, **settings)))
        return journal_header("scan", work, MASSES, COUPLINGS)

    plain = question(workers=1)
    assert question(workers=2, store=tmp_path) == plain
    assert question(seed=2) != plain
    assert plain["method"]["name"] == "toys"
    assert plain["method"]["n"] == 1000
