"""Figures of posteriors show the numbers they are given."""

import numpy as np
import pytest

from na64stat.errors import InputError
from na64stat.plot.posterior import draw_corner, draw_credible_plane, draw_limits_by_prior, draw_marginal
from na64stat.plot.style import house_style, new_figure


@pytest.fixture
def figure():
    with house_style():
        yield new_figure(7)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_marginal(figure, scale):
    values = np.exp(np.random.default_rng(1).standard_normal(5000))
    x = np.geomspace(0.01, 50, 90)
    axes = draw_marginal(
        figure.add_subplot(),
        values,
        scale=scale,
        curve=(x, x + 1),
        prior=(x, 0 * x + 0.2),
        limit=3.5,
        region=[(0.1, 3)],
        label="g",
    )
    (stairs,) = axes.patches[:1]
    heights, edges, _ = stairs.get_data()
    widths = np.diff(np.log(edges) if scale == "log" else edges)
    assert (heights * widths).sum() == pytest.approx(1)
    curves = {line.get_label(): line.get_xydata() for line in axes.lines}
    assert np.array_equal(curves["posterior"], np.column_stack([x, x + 1]))
    assert curves["90% below 3.5"][:, 0].tolist() == [3.5, 3.5]
    assert axes.get_xscale() == scale
    assert axes.get_xlabel() == "g"
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert sorted(names) == sorted(["samples", "posterior", "prior", "90% below 3.5", "highest density, 90%"])


def test_corner(figure):
    rng = np.random.default_rng(2)
    columns = {"a": rng.standard_normal(4000), "b": np.exp(rng.standard_normal(4000)), "c": np.ones(4000)}
    names = {name: f"name {name}" for name in columns}
    draw_corner(figure, columns, scales={"a": "linear", "b": "log", "c": "linear"}, labels=names)
    labels = {axes.get_xlabel() for axes in figure.axes} | {axes.get_ylabel() for axes in figure.axes}
    assert labels == {"", "name a", r"$\log_{10}$ name b"}  # what does not vary is left out
    (lower,) = [axes for axes in figure.axes if axes.get_xlabel() == "name a"]
    low, high = lower.get_ylim()
    assert (low, high) == pytest.approx(np.log10([columns["b"].min(), columns["b"].max()]), abs=0.1)
    with pytest.raises(InputError, match="1 parameters with a spread"):
        draw_corner(figure, {"a": columns["a"], "c": columns["c"]}, scales=dict.fromkeys("ac", "linear"), labels=names)
    with pytest.raises(InputError, match="not all finite and positive"):
        draw_corner(figure, {"a": columns["a"], "b": columns["b"]}, scales=dict.fromkeys("ab", "log"), labels=names)


def test_plane(figure):
    mass, coupling = np.geomspace(1e-3, 1, 40), np.geomspace(1e-6, 1, 50)
    r2 = np.log(mass / 0.03)[:, None] ** 2 + np.log(coupling / 1e-3) ** 2
    axes = draw_credible_plane(
        figure.add_subplot(), mass, coupling, np.exp(-r2), np.exp(-1), label="region", colour="k"
    )
    lines = [path.vertices for item in axes.collections[1:] for path in item.get_paths()]
    points = np.log(np.concatenate(lines) / [0.03, 1e-3])
    assert (points**2).sum(axis=1) == pytest.approx(np.ones(len(points)), abs=0.1)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    with pytest.raises(InputError, match=r"shape \(40, 50\)"):
        draw_credible_plane(figure.add_subplot(), coupling, mass, np.exp(-r2), 0.1, label="", colour="k")


def test_limits_by_prior(figure):
    bounds, limits = np.geomspace(1e-8, 1e-3, 6), np.geomspace(1e-4, 1e-3, 6)
    axes = draw_limits_by_prior(
        figure.add_subplot(), bounds, limits, {"CL_s": 5e-3, "flat": 4.9e-3}, xlabel="bound", ylabel="limit"
    )
    assert np.array_equal(axes.lines[0].get_xydata(), np.column_stack([bounds, limits]))
    assert [line.get_ydata()[0] for line in axes.lines[1:]] == [5e-3, 4.9e-3]
    assert len({line.get_linestyle() for line in axes.lines}) == 3
    with pytest.raises(InputError, match="6 bounds and 5 limits"):
        draw_limits_by_prior(axes, bounds, limits[1:], {}, xlabel="", ylabel="")
