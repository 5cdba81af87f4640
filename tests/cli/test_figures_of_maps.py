"""What figures of several maps say: scenarios, what differs between the curves, and what all of them have in common."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.text import Text

from na64stat.figures.map_labels import map_labels, named_labels
from na64stat.records.map import Scan

MASSES, COUPLINGS = np.geomspace(0.01, 1, 5), np.geomspace(1e-3, 1, 31)


def made(scenario="axion-muon", run="2022", regions=("invisible",), cl=0.9, levels=("observed", "median")):
    """All above a coupling of 0.01 is excluded, in GeV^-1."""
    excess = {level: np.tile(np.log(COUPLINGS / 0.01), (5, 1)) for level in levels}
    status = (tuple("excluded" if coupling > 0.01 else "allowed" for coupling in COUPLINGS),) * 5
    asked = dict(
        zip(
            ("scenario", "coupling_unit", "run", "regions", "cl", "method"),
            (scenario, "GeV^-1", run, regions, cl, "exact"),
            strict=True,
        )
    )
    events = {region: np.tile(COUPLINGS, (5, 1)) for region in regions}
    cl_s = {level: np.minimum((1 - cl) * np.exp(-values), 1) for level, values in excess.items()}
    return Scan(
        **asked,
        mass=MASSES,
        coupling=COUPLINGS,
        events=events,
        cl_s=cl_s,
        excess=excess,
        smooth_excess=excess,
        status=status,
    )


@pytest.fixture
def drawn(na64stat, here, monkeypatch):
    """Texts of the figure that a command draws of maps, and the answer."""

    def draw(command, maps, *words):
        for name, found in maps.items():
            found.save(here / f"{name}.json", overwrite=True)
        figures = []
        monkeypatch.setattr("na64stat.figures.figure_of.save_figure", lambda figure, *_, **__: figures.append(figure))
        answer = na64stat(*command.split(), *(f"{name}.json" for name in maps), "--figure", "x.png", *words)
        assert answer.status == 0, answer.err
        return {" ".join(text.get_text().split()) for text in figures[0].findobj(Text)}, answer

    return draw


LEFT_OUT = "Existing limits are left out: axion-muon and axion-photon have different couplings, and each has limits of its own."
SEVERAL = {"a": made(), "b": made("axion-photon", regions=("visible",))}


def test_several_scenarios_in_one_plot(drawn):
    texts, answer = drawn("plot", SEVERAL)
    assert {"axion-muon, 2022, invisible, 90%", "axion-photon, 2022, visible, 90%", "NA64mu"} <= texts
    assert "coupling [GeV$^{-1}$]" in texts
    assert "$m_a$ [GeV]" in texts  # the same for both
    assert not any(r"\gamma" in text or r"\mu\mu" in text for text in texts)
    assert LEFT_OUT in texts
    assert f"note: {LEFT_OUT}" in answer.err
    assert drawn("plot", SEVERAL, "--json")[1].json["notes"] == [LEFT_OUT]


def test_what_was_asked_to_be_left_out_is_not_told(drawn):
    texts, answer = drawn("plot", SEVERAL, "--no-existing")
    assert LEFT_OUT not in texts
    assert "left out" not in answer.err


def test_one_scenario_keeps_its_symbols_and_existing_limits(drawn):
    texts, answer = drawn("plot", {"a": made(), "b": made(run="2023")})
    assert r"$g_{a\mu\mu}$ [GeV$^{-1}$]" in texts
    assert {"axion-muon, NA64mu", "2022, invisible, 90%", "2023, invisible, 90%"} <= texts
    assert r"$(g-2)_\mu$" in texts
    assert not any("left out" in text or "All curves" in text for text in texts)
    assert "note" not in answer.err


def test_mass_symbols_that_differ_are_words(drawn):
    texts, _ = drawn("plot", {"a": made(), "b": made("mine")})
    assert {"mass [GeV]", "coupling [GeV$^{-1}$]"} <= texts


def test_names_of_files_come_with_what_all_have_in_common(drawn):
    texts, _ = drawn("plot", {"stable": made(), "loop": made()})
    assert {"stable", "loop", "axion-muon, NA64mu", "All curves: run 2022, invisible, 90% CL, observed."} <= texts


def test_names_of_files_come_with_what_differs(drawn):
    maps = {"one": made(), "two": made(), "three": made(run="2023", cl=0.95)}
    texts, _ = drawn("plot", maps)
    assert {"one, run 2022, 90% CL", "two, run 2022, 90% CL", "three, run 2023, 95% CL"} <= texts
    assert "All curves: invisible, observed." in texts


def test_a_projection_among_them_says_its_level(drawn):
    texts, _ = drawn("plot", {"one": made(), "two": made(levels=("median",))})
    assert {"one, observed", "two, median", "All curves: run 2022, invisible, 90% CL."} <= texts


def test_overlap_of_several_scenarios(drawn):
    texts, answer = drawn("plot --compare", SEVERAL)
    assert {"axion-muon, a, invisible", "axion-photon, b, visible", "coupling [GeV$^{-1}$]"} <= texts
    assert "All curves: run 2022, 90% CL, observed." in texts
    assert not any("left out" in text for text in texts)  # none are drawn there anyway
    assert "note: scenarios differ (a of axion-muon, b of axion-photon): " in answer.err
    (note,) = drawn("plot --compare", SEVERAL, "--json")[1].json["notes"]
    assert note.startswith("scenarios differ (a of axion-muon, b of axion-photon)")


def test_overlap_at_a_level_names_it_once(drawn):
    texts, answer = drawn("plot --compare", {"a": made(), "b": made()}, "--level", "median")
    assert {"a", "b", "axion-muon, NA64mu, median", "All curves: run 2022, invisible, 90% CL."} <= texts
    assert "scenarios differ" not in answer.err


def test_a_name_that_says_what_differs_is_not_doubled():
    items = [made(), made(run="2023", regions=("visible",))]
    assert named_labels(items, ["2022", "visible"]) == ["2022, invisible", "visible, run 2023"]


def test_labels_are_different():
    alike = [made(), made("axion-photon")]
    assert map_labels(alike, ["a", "b"]) == ["axion-muon, 2022, invisible, 90%", "axion-photon, 2022, invisible, 90%"]
    assert map_labels([made(), made()], ["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize(("shift", "what"), [(-20.0, "nothing"), (20.0, "everything")])
def test_a_figure_without_contours_says_why(drawn, shift, what):
    found = made()
    moved = {level: np.full_like(values, shift) for level, values in found.excess.items()}
    found = replace(found, excess=moved, smooth_excess=moved)
    text = f"2022, invisible, 90%: {what} is excluded in this range; no contour."
    texts, answer = drawn("plot", {"a": found})
    assert any(text in item for item in texts)
    assert f"note: {text}" in answer.err
    assert drawn("plot", {"a": found}, "--json")[1].json["notes"] == [text]
    assert "no contour" not in drawn("plot", {"a": made()})[1].err


def test_a_scan_at_one_mass_is_not_left_out_of_a_joint_figure(na64stat, here):
    found = made()
    rows = {level: values[:1] for level, values in found.excess.items()}
    one = replace(
        found, mass=found.mass[:1], events={"invisible": found.events["invisible"][:1]}, excess=rows, smooth_excess=rows,
        cl_s={level: values[:1] for level, values in found.cl_s.items()}, status=found.status[:1],
    )  # fmt: skip
    one.save(here / "one.json")
    found.save(here / "all.json")
    answer = na64stat("plot", "all.json", "one.json", "--figure", "x.png")
    assert answer.status == 2
    assert "plot: one is a scan at one mass or one coupling, which has no contours; plot it by itself" in answer.error
    assert na64stat("plot", "one.json", "--figure", "x.png").status == 0
