"""Copies of figures as the colour-blind see them: the matrices, the transfer of sRGB, and the files."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
GREYS = np.repeat(np.linspace(0, 1, 21)[:, None], 3, axis=1)


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("look_at_figures", ROOT / "scripts" / "look_at_figures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_greys_stay(script):
    for kind, matrix in script.SEEN.items():
        assert matrix.sum(axis=1) == pytest.approx(np.ones(3), abs=2e-6), kind
        assert script.as_seen(GREYS, kind) == pytest.approx(GREYS, abs=2e-6), kind
        assert script.as_seen(GREYS[[0, -1]], kind) == pytest.approx(np.array([[0.0] * 3, [1.0] * 3]), abs=1e-6)


def test_dichromats_have_two_dimensions_of_colour(script):
    for kind in ("protanopia", "deuteranopia"):
        assert abs(np.linalg.det(script.MATRICES[kind])) < 2e-6


def test_who_confuses_what(script):
    red, green, blue, yellow, cyan = np.array([[1, 0, 0], [0, 0.6, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1]], dtype=float)

    def apart(first, second, kind):
        return np.linalg.norm(script.as_seen(first, kind) - script.as_seen(second, kind))

    for kind in ("protanopia", "deuteranopia"):
        assert apart(red, green, kind) < 0.5 * np.linalg.norm(red - green)
        assert apart(blue, yellow, kind) > 0.8 * np.linalg.norm(blue - yellow)
    assert apart(green, blue, "tritanopia") < 0.6 * np.linalg.norm(green - blue)
    assert apart(red, cyan, "tritanopia") > 0.8 * np.linalg.norm(red - cyan)
    # To protanopes red is dark.
    assert script.as_seen(red, "protanopia").max() < script.as_seen(red, "deuteranopia").max()


def test_transfer_of_srgb(script):
    values = np.linspace(0, 1, 1001)
    assert script.to_srgb(script.to_linear(values)) == pytest.approx(values, abs=1e-6)
    assert script.to_linear(script.to_srgb(values)) == pytest.approx(values, abs=1e-6)
    assert script.to_linear(np.array([0.0, 0.5, 1.0])) == pytest.approx([0, 0.21404114, 1], abs=1e-7)  # IEC 61966-2-1
    # sRGB is close to a power of 2.2, and 18% grey has the code 118 of 255.
    assert script.to_linear(values) == pytest.approx(values**2.2, abs=0.01)
    assert np.rint(255 * script.to_srgb(np.array(0.18))) == 118
    # Both branches meet.
    assert np.diff(script.to_linear(np.array([0.04045 - 1e-9, 0.04045 + 1e-9]))) == pytest.approx(0, abs=1e-6)


def test_files(script, tmp_path):
    source, target = tmp_path / "figures", tmp_path / "seen"
    source.mkdir()
    picture = np.zeros((20, 30, 4), dtype=np.uint8)
    picture[:, :10] = 255, 0, 0, 255
    picture[:, 10:20] = 0, 255, 0, 255  # the rest is transparent: paper
    Image.fromarray(picture).save(source / "one.png")
    written = script.look_at(source, target)
    kinds = ("greyscale", "protanopia", "deuteranopia", "tritanopia", "sheet")
    assert [path.name for path in written] == [f"one-{kind}.png" for kind in kinds]
    grey = np.asarray(Image.open(target / "one-greyscale.png"))
    assert grey.shape == (20, 30, 3)
    assert np.array_equal(grey[..., 0], grey[..., 2])
    assert grey[0, 0, 0] < grey[0, 15, 0] < grey[0, 25, 0] == 255
    with Image.open(target / "one-sheet.png") as sheet:
        assert sheet.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert 2 * 8.6 < sheet.width / 300 * 2.54 < 2.2 * 8.6


def test_wrong_folders(script, tmp_path):
    with pytest.raises(SystemExit, match="no PNG"):
        script.look_at(tmp_path, tmp_path / "seen")
    Image.new("RGB", (2, 2)).save(tmp_path / "one.png")
    with pytest.raises(SystemExit, match="another folder"):
        script.look_at(tmp_path, tmp_path)
