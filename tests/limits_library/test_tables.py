"""The tables of existing limits hold what their README says."""

import itertools
import re
from importlib import resources

import numpy as np
import pytest

from na64stat.files import read_table
from na64stat.limits_library import existing_limits
from na64stat.limits_library.library import COLUMNS

DATA = resources.files("na64stat.limits_library") / "data"
FILES = ["axion_photon.csv", "axion_muon.csv", "dark_sector_millicharge.csv", "zprime.csv"]
SCENARIOS = ["axion-photon", "axion-muon", "dark-sector", "zprime"]


def rows(file):
    table = read_table(DATA / file, COLUMNS)
    return [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]


@pytest.mark.parametrize("file", FILES)
def test_marks_and_references(file):
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for row in rows(file):
        assert row["shape"] in {"contour", "lower_edge"}
        assert row["point"] in {"curve", "border", "assumed"}
        numbers = re.findall(r"arXiv:(?:hep-(?:ex|ph)/\d{7}|\d{4}\.\d{4,5})", row["reference"])
        assert len(numbers) == 1
        assert numbers[0] in readme
        assert row["experiment"] in readme


@pytest.mark.parametrize("file", FILES)
def test_no_edge_of_a_drawing_is_taken_for_physics(file):
    for row in rows(file):
        assert row["coupling"] < 0.3
        if 0.0099 <= row["mass_gev"] <= 0.0101 and row["shape"] == "contour":
            assert row["point"] == "border"


def test_only_the_top_of_the_supernova_region_is_assumed():
    assumed = [row for file in FILES for row in rows(file) if row["point"] == "assumed"]
    assert {row["experiment"] for row in assumed} == {"SN1987A"}
    assert {row["coupling"] for row in assumed} == {4.7e-4}


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_row_is_in_a_record(name):
    file = FILES[SCENARIOS.index(name)]
    records = existing_limits(name)
    assert {record.experiment for record in records} == {row["experiment"] for row in rows(file)}
    if name != "dark-sector":
        assert sum(len(record.mass) for record in records) == len(rows(file))


def cross(a, b, c, d):
    """Whether the segments ab and cd cross."""

    def side(p, q, r):
        return np.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


@pytest.mark.parametrize("record", [r for name in SCENARIOS for r in existing_limits(name) if r.shape == "contour"])
def test_no_contour_crosses_itself(record):
    """A lower edge cannot: its masses increase."""
    corners = np.log(record.polygon(1.0))
    sides = list(zip(corners, np.roll(corners, -1, axis=0), strict=True))
    assert not any(cross(*one, *other) for one, other in itertools.combinations(sides, 2))
