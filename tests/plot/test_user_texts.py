r"""Names of files, runs, regions and scenarios are drawn as they are: `a$\x$` is no formula."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.legend import Legend

import na64stat as na
from na64stat.figures.figure_of import figure_of, maps_figure
from na64stat.limits_library.existing import ExistingLimit
from na64stat.plot.style import figure_bytes
from na64stat.text import in_mathtext, literal

AWKWARD = [r"a$\x$", "b$^$", r"$\frac{$", "$", r"\$", "$$", "50% _^{}#&~", "a\ud800b"]


def seen(figure):
    """Texts of a figure that has been drawn, as a reader sees them."""
    figure_bytes(figure, "png", dpi=30)
    legends = [item for axes in figure.axes for item in axes.artists if isinstance(item, Legend)]
    texts = [text for item in legends for text in item.get_texts()]
    texts += [text for axes in figure.axes for text in axes.texts] + figure.texts
    return [text._preprocess_math(text.get_text())[0] for text in texts]


@pytest.mark.parametrize("text", AWKWARD)
def test_a_literal_text_is_seen_as_it_is(text):
    figure = Figure()
    figure.text(0.1, 0.1, literal(text))
    assert seen(figure) == [text.replace("\ud800", "?")]


def test_a_unit_keeps_its_exponent_and_nothing_else():
    assert in_mathtext("GeV^-1") == "GeV$^{-1}$"
    assert in_mathtext(r"$\x") == r"\$\x"


@pytest.fixture(scope="module")
def found():
    grid = np.geomspace(0.01, 0.2, 2), np.geomspace(1e-3, 1e-1, 3)
    return na.scan(na.AxionMuon, na.load_run("2022"), *grid)


def test_maps(found):
    awkward = replace(found, scenario=r"s$\y$")
    more = [ExistingLimit(r"e$\z$", "x", "lower_edge", (1e-3, 1.0), (2e-3, 2e-3), found.coupling_unit)]
    drawn = seen(maps_figure({r"a$\x$": awkward, "b$^$": awkward}, more=more))
    assert {r"a$\x$", "b$^$", r"s$\y$, NA64mu", r"e$\z$"} <= set(drawn)


def test_a_row(found):
    first = {name: {key: values[:1] for key, values in getattr(found, name).items()} for name in ("cl_s", "events")}
    row = replace(found, mass=found.mass[:1], run=r"r$\x$", status=found.status[:1], **first)
    assert figure_bytes(figure_of(row), "png", dpi=30)


def test_limits_and_projections():
    limits = na.limits(na.AxionMuon, na.load_run("2022"), [0.01, 0.1])
    drawn = seen(figure_of(replace(limits, run=r"r$\x$", regions=("$^$",), scenario=r"s$\y$", coupling_unit="$^$")))
    assert {r"observed, r$\x$", r"s$\y$, $^$, NA64mu, 90% CL"} <= set(drawn)
    projection = na.project(na.AxionMuon, na.load_run("mot1e12"), [0.1], [1e11, 1e12])
    drawn = seen(figure_of(replace(projection, regions=("$^$",), scenario=r"s$\y$", coupling_unit="$^$")))
    assert r"s$\y$, $^$, NA64mu" in drawn
