"""Exclusion figures: what is drawn is what was given, names do not overlap, the same figure gives the same bytes."""

import dataclasses
import itertools
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.legend import Legend
from matplotlib.patches import Polygon
from matplotlib.path import Path

from na64stat.errors import InputError
from na64stat.limits_library import existing_limits
from na64stat.plot.exclusion import AxesText, Band, Curve, ShadedLimit, draw_exclusion, exclusion_figure
from na64stat.plot.style import COLOURS, COLUMN_CM, SHADES, house_style, new_figure, save_figure

AXES = AxesText("$m$ [GeV]", "$g_{Z'}$", (1e-3, 3.0), (1e-7, 1.0))
BOX = ShadedLimit("box", np.array([[0.01, 1e-5], [0.3, 1e-5], [0.3, 1e-2], [0.01, 1e-2]]))


def names(figure):
    """Name and extent [pixel] of each region's name; the canvas has drawn them."""
    figure.canvas.draw()
    texts = [text for text in figure.axes[0].texts if text.get_gid() != "title"]
    return {text.get_text(): text.get_window_extent() for text in texts}


def legends(plane):
    """What each legend says, from below."""
    found = [artist for artist in plane.artists if isinstance(artist, Legend)]
    return [[text.get_text() for text in legend.get_texts()] for legend in found]


def test_data_arrive_as_given():
    curve = Curve("2022", [0.01, 0.1, 0.2], [1e-3, 2e-3, 4e-3])
    figure = exclusion_figure([curve], [BOX], AXES)
    (plane,) = figure.axes
    (line,) = plane.lines
    assert line.get_xydata().tolist() == [[0.01, 1e-3], [0.1, 2e-3], [0.2, 4e-3]]
    patches = [patch for patch in plane.patches if isinstance(patch, Polygon)]
    assert all(patch.get_xy()[:-1].tolist() == BOX.polygon.tolist() for patch in patches)
    assert to_hex(patches[0].get_facecolor()) == SHADES[0]
    assert (plane.get_xscale(), plane.get_yscale()) == ("log", "log")
    assert (plane.get_xlim(), plane.get_ylim()) == (AXES.mass_range, AXES.coupling_range)


def test_closed_curve_returns_to_its_start():
    island = Curve("island", [0.01, 0.1, 0.1], [1e-3, 1e-3, 1e-2], closed=True)
    (plane,) = exclusion_figure([island], [], AXES).axes
    assert plane.lines[0].get_xydata()[-1].tolist() == [0.01, 1e-3]


def test_legend_names_each_curve_once_and_parts_share_a_colour():
    parts = [Curve("2022", [0.01, 0.02], [1e-3, 1e-3]), Curve("2022", [0.1, 0.2], [1e-3, 1e-3])]
    later = Curve("2023", [0.1, 0.2], [1e-4, 1e-4], style="--")
    band = Band("within 1 sigma", [0.1, 0.2], [1e-5, 1e-5], [1e-4, 1e-4])
    (plane,) = exclusion_figure([*parts, later], [], AXES, bands=[band]).axes
    (written,) = legends(plane)
    assert sorted(written) == ["2022", "2023", "within 1 sigma"]
    assert [line.get_color() for line in plane.lines] == [COLOURS[0], COLOURS[0], COLOURS[1]]


def test_no_legend_without_curves():
    (plane,) = exclusion_figure([], [BOX], AXES).axes
    assert legends(plane) == []


def test_styles_have_a_legend_of_their_own():
    """Names stand for colours then: their lines are solid there."""
    curves = [
        Curve("2022", [0.1, 0.2], [1e-3, 1e-3], "black", "-", channel="visible"),
        Curve("2022", [0.1, 0.2], [1e-4, 1e-4], "black", "--", channel="invisible"),
        Curve("2023", [0.1, 0.2], [1e-5, 1e-5], "red", "--", channel="invisible"),
        Curve("", [0.1, 0.2], [1e-2, 1e-2], "black", ":", channel="artefact"),
    ]
    (plane,) = exclusion_figure(curves, [], AXES).axes
    styles, runs = [artist for artist in plane.artists if isinstance(artist, Legend)]
    assert legends(plane) == [["visible", "invisible", "artefact"], ["2022", "2023"]]
    assert [line.get_linestyle() for line in styles.get_lines()] == ["-", "--", ":"]
    assert [(line.get_color(), line.get_linestyle()) for line in runs.get_lines()] == [("black", "-"), ("red", "-")]


def test_axes_come_back_and_are_all_that_is_needed():
    with house_style():
        left, right = new_figure(8, 17).subplots(1, 2)
        for plane in (left, right):
            assert draw_exclusion(plane, [Curve("2022", [0.01, 0.1], [1e-3, 2e-3])], [BOX], AXES) is plane
            assert "box" in [text.get_text() for text in plane.texts]
    with pytest.raises(InputError, match="belong to no figure"):
        draw_exclusion(SimpleNamespace(get_figure=lambda root: None), [], [], AXES)


def test_legends_and_title_are_stacked_and_fit_into_a_column():
    curves = [
        Curve(
            f"run {n} of many muons",
            [0.1, 0.2],
            [10.0**-n] * 2,
            style="-" if n % 2 else "--",
            channel=f"channel {n % 2}",
        )
        for n in range(1, 7)
    ]
    figure = exclusion_figure(curves, [BOX], dataclasses.replace(AXES, title="A title"), notes="Notes. " * 30)
    figure.canvas.draw()
    (plane,) = figure.axes
    (title,) = [text for text in plane.texts if text.get_gid() == "title"]
    parts = [*(artist for artist in plane.artists if isinstance(artist, Legend)), title]
    extents = [plane.bbox, *(part.get_window_extent() for part in parts)]
    for below, above in itertools.pairwise(extents):
        assert below.y1 < above.y0
    for extent in extents:
        assert 0 <= extent.x0 < extent.x1 <= figure.bbox.x1
        assert extent.y1 <= figure.bbox.y1
    assert figure.get_figwidth() * 2.54 == pytest.approx(COLUMN_CM)


def test_name_lies_in_its_region():
    figure = exclusion_figure([], [BOX], AXES)
    extent = names(figure)["box"]
    region = Path(figure.axes[0].transData.transform(BOX.polygon))
    assert region.contains_points(extent.corners()).all()


def test_name_keeps_clear_of_a_curve():
    centre = [[0.0547, 3.2e-4]]
    curve = Curve("through the middle", [0.01, 0.3], [3.2e-4, 3.2e-4])
    figure = exclusion_figure([curve], [BOX], AXES)
    _, y = figure.axes[0].transData.transform(centre)[0]
    extent = names(figure)["box"]
    assert not extent.y0 < y < extent.y1


@pytest.mark.parametrize(
    ("name", "couplings"), [("axion-photon", (1e-7, 1)), ("dark-sector", (1e-4, 1)), ("zprime", (1e-4, 1e-2))]
)
def test_names_of_the_existing_limits(name, couplings):
    """Each name once, inside the axes, none on another."""
    axes = AxesText("m", "g", (1e-3, 3), couplings)
    shaded = [ShadedLimit(limit.experiment, limit.polygon(couplings[1])) for limit in existing_limits(name)]
    figure = exclusion_figure([], shaded, axes)
    extents = names(figure)
    assert set(extents) == {limit.label for limit in shaded}
    plane = figure.axes[0].bbox
    for extent in extents.values():
        assert plane.x0 <= extent.x0 < extent.x1 <= plane.x1
        assert plane.y0 <= extent.y0 < extent.y1 <= plane.y1
    for one, other in itertools.combinations(extents.values(), 2):
        assert not one.overlaps(other)


def test_region_outside_the_axes_gets_no_name():
    outside = ShadedLimit("far", BOX.polygon * [1, 1e-7])
    assert set(names(exclusion_figure([], [BOX, outside], AXES))) == {"box"}


def test_notes_stay_on_the_page_and_below_the_axis():
    figure = exclusion_figure([], [BOX], AXES, notes="Existing limits are approximate. " * 12)
    figure.canvas.draw()
    (notes,) = figure.texts
    extent = notes.get_window_extent()
    assert extent.x1 < figure.bbox.x1
    assert extent.y0 >= 0
    assert extent.y1 < figure.axes[0].xaxis.label.get_window_extent().y0


@pytest.mark.parametrize("kind", ["pdf", "png"])
def test_same_figure_same_bytes(tmp_path, kind, capfd):
    curve = Curve("2022", [0.01, 0.1], [1e-3, 2e-3])
    for index in (1, 2):
        save_figure(exclusion_figure([curve], [BOX], AXES), tmp_path / f"{index}.{kind}")
    first = (tmp_path / f"1.{kind}").read_bytes()
    assert first == (tmp_path / f"2.{kind}").read_bytes()
    assert first.startswith({"pdf": b"%PDF", "png": b"\x89PNG"}[kind])
    assert b"CreationDate" not in first
    assert capfd.readouterr() == ("", "")


def test_settings_of_the_user_neither_matter_nor_change(tmp_path):
    save_figure(exclusion_figure([], [BOX], AXES), tmp_path / "plain.png")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        save_figure(exclusion_figure([], [BOX], AXES), tmp_path / "user.png")
        assert mpl.rcParams["font.size"] == 30
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "user.png").read_bytes()


def test_bad_records():
    with pytest.raises(InputError, match=r"'2022' holds 0\.0; logarithmic axes"):
        exclusion_figure([Curve("2022", [0.0, 1.0], [1.0, 1.0])], [], AXES)
    with pytest.raises(InputError, match="'2022' holds nan"):
        exclusion_figure([Curve("2022", [0.1, 1.0], [float("nan"), 1.0])], [], AXES)
    with pytest.raises(InputError, match=r"'2022' has columns of lengths \[2, 1\]"):
        exclusion_figure([Curve("2022", [0.1, 1.0], [1.0])], [], AXES)
    with pytest.raises(InputError, match=r"polygon of 'far' has shape \(4,\)"):
        exclusion_figure([], [ShadedLimit("far", np.ones(4))], AXES)
    with pytest.raises(InputError, match=r"range \(1, 0\.1\) must be positive and increasing"):
        exclusion_figure([], [], AxesText("m", "g", (1, 0.1), (1e-3, 1)))


def test_unknown_format(tmp_path):
    with pytest.raises(InputError, match=r"figure\.svg: a figure is written as pdf or png"):
        save_figure(exclusion_figure([], [], AXES), tmp_path / "figure.svg")


def test_existing_figure_is_kept(tmp_path):
    figure = exclusion_figure([], [BOX], AXES)
    save_figure(figure, tmp_path / "a.png")
    with pytest.raises(InputError, match="--overwrite"):
        save_figure(figure, tmp_path / "a.png")
