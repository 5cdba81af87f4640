"""The figure of sensitivity shows the numbers of its record."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from na64stat.errors import InputError
from na64stat.plot.sensitivity import check_drawable, draw_sensitivity, save_sensitivity_figure, sensitivity_figure
from na64stat.plot.style import house_style, new_figure
from na64stat.records.sensitivity import HeadlineLimit, Sensitivity, Shift

LIMIT = HeadlineLimit("axion_$x$", 0.1, ("r",), "lower", "GeV^-1", 2e-3, "excluded")


def shift(what, end, side, per_cent, status="moved", headline=LIMIT.name):
    after = None if per_cent is None else 2e-3 * (1 + per_cent / 100)
    return Shift(what, "assumed", "17 m", end, side, "why", (), headline, 2e-3, after, "unchanged", status)


def record(*shifts, headlines=(LIMIT,)):
    return Sensitivity("2022", "none", 0.9, "exact", "re-inferred", headlines, shifts, (), (), {})


SHIFTS = (
    shift("small_one", "16 m", -1, 0.01),
    shift("medium", "13 m", -1, 5.5),
    shift("medium", "20 m", 1, -4.2),
    shift("choice", "other", 0, 240.0),
    shift("end of 1/a^2", "none", 0, None, "nothing is excluded any more"),
)


@pytest.fixture
def axes():
    with house_style():
        yield new_figure(6.0).add_subplot()


def bars(axes):
    return sorted(
        (round(patch.get_width(), 6), round(patch.get_y() + patch.get_height() / 2)) for patch in axes.patches
    )


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_bars_are_the_changes_the_largest_above_and_long_ones_cut(axes):
    assert draw_sensitivity(axes, record(*SHIFTS), LIMIT.name) is axes
    assert bars(axes) == [(-4.2, 2), (5.5, 2), (40.0, 1)]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["end of 1/a²\n17 m → none", "choice\n17 m → other", "medium\n17 → 13, 20 m"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    assert sorted(texts(axes)) == sorted(["nothing\nexcluded", "+240 →", "+5.5", "−4.2"])
    assert axes.get_title(loc="right") == "axion_$x$, r, 0.1 GeV: g > 0.002 GeV⁻¹"
    assert axes.get_xlabel() == "change of limit [%]"


@pytest.mark.parametrize(("unit", "written"), [("GeV^-2", " GeV⁻²"), ("TeV", " TeV"), ("1", "")])
def test_the_title_has_the_unit_of_the_record(axes, unit, written):
    limit = replace(LIMIT, coupling_unit=unit)
    draw_sensitivity(axes, record(*SHIFTS, headlines=(limit,)), LIMIT.name)
    assert axes.get_title(loc="right").endswith(f"g > 0.002{written}")


def test_bars_of_one_assumption_do_not_cover_each_other(axes):
    draw_sensitivity(axes, record(*SHIFTS), LIMIT.name)
    spans = sorted((patch.get_y(), patch.get_y() + patch.get_height()) for patch in axes.patches)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))
    lowered, raised = (
        next(patch for patch in axes.patches if np.isclose(patch.get_width(), width)) for width in (5.5, -4.2)
    )
    assert lowered.get_hatch()
    assert not raised.get_hatch()


def test_of_many_the_smaller_ones_are_counted(axes):
    draw_sensitivity(axes, record(*SHIFTS), LIMIT.name, most=1)
    assert axes.get_xlabel() == "change of limit [%]\n2 smaller ones left out"
    assert len(axes.get_yticklabels()) == 1


def test_no_text_leaves_the_figure_or_lies_on_another():
    with house_style():
        figure = sensitivity_figure(record(*SHIFTS))
        figure.canvas.draw()
        renderer = figure.canvas.get_renderer()
        (panel,) = figure.axes
        shown = [*panel.texts, *panel.get_yticklabels(), panel.xaxis.label, panel._right_title]
        boxes = [text.get_window_extent(renderer) for text in shown]
    for box in boxes:
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width + 1
    numbers = boxes[: len(panel.texts)]
    assert not any(one.overlaps(two) for i, one in enumerate(numbers) for two in numbers[:i])
    assert not any(one.overlaps(two) for one in numbers for two in boxes[len(numbers) :])


def test_a_panel_for_each_limit_that_excludes(tmp_path):
    other = HeadlineLimit("b", 0.2, ("r",), "lower", "1", 2e-3, "excluded")
    nothing = HeadlineLimit("c", 0.2, ("r",), "lower", "1", None, "allowed")
    whole = record(*SHIFTS, shift("medium", "20 m", 1, 3.0, headline=other.name), headlines=(LIMIT, other, nothing))
    figure = sensitivity_figure(whole)
    assert [axes.get_title(loc="right").split(",")[0] for axes in figure.axes] == ["axion_$x$", "b"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["lowered", "raised", "another choice"]
    save_sensitivity_figure(whole, tmp_path / "s.png")
    save_sensitivity_figure(whole, tmp_path / "s.pdf")
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "s.pdf").read_bytes().startswith(b"%PDF")


def test_refused(tmp_path, axes):
    with pytest.raises(InputError, match="must end in"):
        check_drawable(tmp_path / "s.gif", 1)
    with pytest.raises(InputError, match="5 limits; at most 4"):
        check_drawable(tmp_path / "s.png", 5)
    with pytest.raises(InputError, match="no assumption moves it"):
        draw_sensitivity(axes, record(SHIFTS[0]), LIMIT.name)
    with pytest.raises(InputError, match="nothing is excluded"):
        sensitivity_figure(record(SHIFTS[0]))
    nothing = HeadlineLimit("c", 0.2, ("r",), "lower", "1", None, "allowed")
    with pytest.raises(InputError, match="nothing is excluded there"):
        draw_sensitivity(axes, record(headlines=(nothing,)), nothing.name)
    with pytest.raises(InputError, match="headline 'x'"):
        draw_sensitivity(axes, record(*SHIFTS), "x")
