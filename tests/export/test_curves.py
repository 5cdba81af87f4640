"""Curves out of tables: units, signs of errors, and what is no number, mass or limit."""

import math

import pytest

from na64stat.errors import InputError
from na64stat.export.curves.limit_curve import LimitCurve
from na64stat.export.tables.reader import read_table
from na64stat.export.tables.table import Cell, Table, Uncertainty, Variable


def table(limits=(1e-4,), masses=(0.1,), *, mass=("m", "GeV"), coupling=("g", None), errors=(), more=()):
    """A table of cells, values and (name, unit); the errors are those of all limits."""
    first = Variable(mass[0], tuple(Cell(value) for value in masses), mass[1])
    second = Variable(coupling[0], tuple(Cell(value, errors=errors) for value in limits), coupling[1])
    others = tuple(Variable(name, tuple(Cell(value) for value in values)) for name, values in more)
    return Table("t", "", (first, *others), (second,))


@pytest.mark.parametrize(
    ("unit", "mass"),
    [
        ("GeV", 100), ("GEV", 100), ("gev", 100), ("MeV", 0.1), ("MEV", 0.1), ("meV", 1e-10), ("KEV", 1e-4), ("\u00b5eV", 1e-13),
        ("TeV", 1e5), ("EV", 1e-7), ("GeV/c^2", 100), ("MEV/C**2", 0.1), ("GeV/c$^2$", 100), ("MeV/$c^{2}$", 0.1), ("GeV/c", 100),
        (r"$\mathrm{MeV}$", 0.1),
    ],
)  # fmt: skip
def test_units_of_a_mass(unit, mass):
    assert LimitCurve.of(table(masses=[100], mass=("m", unit))).mass == (pytest.approx(mass, rel=1e-14),)


@pytest.mark.parametrize(
    ("unit", "factor", "written"),
    [
        ("1/GeV", 1, "GeV^-1"), ("GeV$^{-1}$", 1, "GeV^-1"), ("GeV-1", 1, "GeV^-1"), ("GeV^{-1}", 1, "GeV^-1"),
        ("/GeV", 1, "GeV^-1"), ("GeV**-2", 1, "GeV^-2"), ("1/TeV", 1e-3, "GeV^-1"), ("1/MeV^2", 1e6, "GeV^-2"),
        ("GeV\u207b\u00b9", 1, "GeV^-1"), ("TEV**-1", 1e-3, "GeV^-1"), ("GeV^(-1)", 1, "GeV^-1"), ("1", 1, "1"), ("-", 1, "1"),
        ("GeV^0", 1, "1"), (r"$\mathrm{TeV}^{-1}$", 1e-3, "GeV^-1"), ("1/(GeV/c^2)", 1, "GeV^-1"),
    ],
)  # fmt: skip
def test_units_of_a_limit(unit, factor, written):
    curve = LimitCurve.of(table([2e-3], coupling=("g", unit)))
    assert (curve.coupling[0], curve.unit) == (pytest.approx(2e-3 * factor, rel=1e-14), written)


@pytest.mark.parametrize(
    "name", ["$m_a$ [MeV]", "M[MeV]", "m (MeV)", "m/MeV", "$m_a$ / MeV", "m in MeV", "M, MEV", "$m_a [MeV]$"]
)
def test_a_unit_at_the_end_of_a_name(name):
    assert LimitCurve.of(table(masses=[100], mass=(name, None))).mass == (pytest.approx(0.1),)


@pytest.mark.parametrize(
    "name", ["g [TeV^-1]", "g (TeV$^{-1}$)", "Limit, 1/TeV", "g / TeV^-1", "Limit 1/TeV", "g in 1 / TeV"]
)
def test_a_unit_at_the_end_of_the_name_of_a_limit(name):
    curve = LimitCurve.of(table([2.0], coupling=(name, None)))
    assert (curve.coupling, curve.unit) == ((pytest.approx(2e-3),), "GeV^-1")


def test_a_served_head_without_a_blank(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(
        '{"headers": [{"name": "M[MeV]"}, {"name": "g"}],'
        ' "values": [{"x": [{"value": "100"}], "y": [{"group": 0, "value": 1e-4}]}]}'
    )
    assert LimitCurve.of(read_table(path)).mass == (pytest.approx(0.1),)


def test_units_that_are_given_and_units_that_are_missing():
    bare = table([2.0], [100], mass=("m", None))
    with pytest.raises(InputError, match=r"'t', 'm': a mass without a unit; mass_unit='GeV' says"):
        LimitCurve.of(bare)
    curve = LimitCurve.of(bare, mass_unit="MeV", coupling_unit="1/TeV")
    assert (curve.mass, curve.coupling, curve.unit) == ((pytest.approx(0.1),), (pytest.approx(2e-3),), "GeV^-1")
    assert LimitCurve.of(bare, mass_unit="GeV").unit == "1"
    assert LimitCurve.of(table(mass=("m [GeV]", "GEV")), mass_unit="GeV/c^2").mass == (0.1,)
    with pytest.raises(InputError, match=r"coupling_unit: 'furlong'"):
        LimitCurve.of(bare, mass_unit="GeV", coupling_unit="furlong")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (table(mass=("log10(m/GeV)", None), masses=[-2]), r"'log10\(m/GeV\)': a logarithm, by its name; transform"),
        (table(mass=(r"$\log_{10}(m)$", "GeV")), "a logarithm"),
        (table(coupling=("log10(g)", None), limits=[-3.1]), r"'log10\(g\)': a logarithm"),
        (table(coupling=("ln g", None)), "a logarithm"),
        (table(coupling=("epsilon^2", None)), r"'epsilon\^2': the square of a coupling, by its name; take the root"),
        (table(coupling=(r"$|U_{\mu}|^{2}$", None)), "the square of a coupling"),
        (table(coupling=("(g_Z g_chi)**2", None)), "the square of a coupling"),
        (table(coupling=("g^2 [GeV^-2]", None)), "the square of a coupling"),
        (table(coupling=("epsilon squared", None)), "the square of a coupling"),
        (table(mass=("m", "mev")), "unit 'mev'"),
        (table(mass=("m", "cm")), "unit 'cm'; expected a power of an energy"),
        (table(mass=("m", "GeV^-1")), "a mass in a unit of energy"),
        (table(mass=("m", "1")), "a mass in a unit of energy"),
        (table(mass=("m [MeV]", "GEV")), r"units 'GEV' and \[MeV\] are not the same unit"),
        (table(coupling=("g [pb]", None)), "unit 'pb'"),
        (table(masses=[-0.1]), r"'t', 'm', row 1: mass -0.1; expected a positive"),
        (table(masses=[0]), "row 1: mass 0"),
        (table(masses=[math.nan]), "row 1: nan is no mass"),
        (table(masses=["-"]), "row 1: '-' is no mass"),
        (table(masses=[math.inf]), "row 1: mass inf"),
        (table(limits=[math.inf]), r"'t', 'g', row 1: limit inf; expected a positive and finite one"),
        (table(limits=["1e999"]), "limit inf"),
        (table(limits=[-1e-4]), "row 1: limit -0.0001"),
        (table(limits=["< 0"]), "row 1: limit 0"),
        (table(limits=[], masses=[]), "and rows of them"),
    ],
)
def test_what_makes_no_curve(given, message):
    with pytest.raises(InputError, match=message):
        LimitCurve.of(given)


@pytest.mark.parametrize("name", ["Limit, topology A", "Analogue limit", "Limit (log-normal systematics)", "Catalogue"])
def test_what_is_no_logarithm(name):
    assert LimitCurve.of(table(coupling=(name, None))).coupling == (1e-4,)


@pytest.mark.parametrize("name", ["g_2", "Limit on g at q^2 = 0", "g (90% CL, chi^2 fit)", "g^20 things"])
def test_what_is_no_square(name):
    assert LimitCurve.of(table(coupling=(name, None))).coupling == (1e-4,)


def test_nan_is_a_missing_point():
    assert LimitCurve.of(table([math.nan, 1e-4], [0.1, 0.2])).coupling == (None, 1e-4)


def test_nan_in_yaml(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(
        "independent_variables:\n- header: {name: m, units: GEV}\n  values: [{value: 1}, {value: 2}]\n"
        "dependent_variables:\n- header: {name: g}\n  values: [{value: .nan}, {value: 3}]\n"
    )
    assert LimitCurve.of(read_table(path)).coupling == (None, 3.0)


@pytest.mark.parametrize(
    ("errors", "down", "up"),
    [
        ((Uncertainty(-3e-5, -1e-5),), 3e-5, 0),
        ((Uncertainty(-3e-5, 1e-5),), 3e-5, 1e-5),
        ((Uncertainty(3e-5, 1e-5),), 0, 3e-5),
        ((Uncertainty(1e-5, -2e-5),), 2e-5, 1e-5),
        ((Uncertainty.of(-2e-5),), 2e-5, 2e-5),
        ((Uncertainty.of("-10%"),), 1e-5, 1e-5),
        ((Uncertainty("-10%", "+20 %"),), 1e-5, 2e-5),
        ((Uncertainty(-3e-5, -1e-5), Uncertainty(-4e-5, 2e-5)), 5e-5, 2e-5),
        ((Uncertainty("-", 2e-5),), 0, 2e-5),
        ((Uncertainty(-1e-5, "1e-5"),), 1e-5, 1e-5),
    ],
)
def test_signs_of_errors(errors, down, up):
    curve = LimitCurve.of(table(errors=errors))
    assert curve.low == (pytest.approx(1e-4 - down, rel=1e-12),)
    assert curve.high == (pytest.approx(1e-4 + up, rel=1e-12),)


def test_errors_in_the_unit_of_the_limit():
    curve = LimitCurve.of(table([2.0], coupling=("g", "TeV^-1"), errors=(Uncertainty(-0.5, "25%"),)))
    assert (curve.low[0], curve.high[0]) == pytest.approx((1.5e-3, 2.5e-3))


@pytest.mark.parametrize("error", [Uncertainty.of("-"), Uncertainty.of(""), Uncertainty.of(1e-5, hide=True)])
def test_no_size_is_no_error(error):
    curve = LimitCurve.of(table(errors=(error,)))
    assert (curve.low, curve.high) == ((), ())
    both = LimitCurve.of(table(errors=(error, Uncertainty.of(2e-5))))
    assert both.high == (pytest.approx(1.2e-4),)


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (Uncertainty.of("large", "sys"), "'large'"),
        (Uncertainty.of("x%"), "'x%'"),
        (Uncertainty.of("%"), "'%'"),
        (Uncertainty.of(None), "None"),
        (Uncertainty(-1e-5, "about 1e-5"), "'about 1e-5'"),
        (Uncertainty.of(math.inf), "inf"),
    ],
)
def test_errors_that_are_no_sizes(error, shown):
    with pytest.raises(
        InputError, match=rf"'t', 'g', row 1, error.*: {shown} is no size; expected a number, one in per cent"
    ):
        LimitCurve.of(table(errors=(error,)))


def test_a_text_chooses_rows():
    two = table([1e-4, 2e-4], [0.1, 0.1], more=[("ALP", ["Dirac", "Majorana"])])
    with pytest.raises(InputError, match=r"depends on 'ALP'; name one of its values: 'Dirac', 'Majorana'"):
        LimitCurve.of(two)
    assert LimitCurve.of(two, at={"ALP": "Majorana"}).coupling == (2e-4,)
    with pytest.raises(InputError, match=r"no row with 'ALP' = 'ghost'; its values: 'Dirac', 'Majorana'"):
        LimitCurve.of(two, at={"ALP": "ghost"})
    with pytest.raises(InputError, match=r"no row with 'ALP' = 3"):
        LimitCurve.of(two, at={"ALP": 3})


def test_a_number_and_a_text_are_not_one_curve():
    mixed = table([1e-4, 2e-4, 3e-4], [0.1, 0.2, 0.3], more=[("tau", [1, "prompt", "1.0"])])
    with pytest.raises(InputError, match="name one of its values: 1, 'prompt'"):
        LimitCurve.of(mixed)
    assert LimitCurve.of(mixed, at={"tau": "prompt"}).mass == (0.2,)
    assert LimitCurve.of(mixed, at={"tau": 1}).mass == LimitCurve.of(mixed, at={"tau": "1"}).mass == (0.1, 0.3)


def test_bins_about_one_centre_are_not_one_curve():
    bins = Variable("x", (Cell(None, 0.0, 2.0), Cell(None, 0.5, 1.5)))
    plain = table([1e-4, 2e-4], [0.1, 0.2])
    with pytest.raises(InputError, match="'x': bins of different edges about one centre"):
        LimitCurve.of(Table("t", "", (*plain.independent, bins), plain.dependent))
