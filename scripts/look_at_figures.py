"""Copies of figures as others see them: `python scripts/look_at_figures.py FOLDER_OF_PNGS ANOTHER_FOLDER`.

For each NAME.png it writes NAME-greyscale.png, NAME-protanopia.png, NAME-deuteranopia.png and NAME-tritanopia.png, and
NAME-sheet.png with all of them, each 8.6 cm wide, the width of a column.

The dichromats' matrices (severity 1.0) act on linear RGB. Those of protanopia and deuteranopia leave two dimensions of
colour, as they must; the published one of tritanopia does not quite. Greyscale is the luminance of linear RGB (Rec. 709).

References
----------
G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, IEEE Trans. Vis. Comput. Graph. 15 (2009) 1291, supplementary tables.
sRGB transfer: IEC 61966-2-1:1999.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Array = NDArray[np.float64]

MATRICES: Final[dict[str, Array]] = {
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
LUMINANCE: Final = np.array([0.2126, 0.7152, 0.0722])
SEEN: Final = {"greyscale": np.tile(LUMINANCE, (3, 1)), **MATRICES}
COLUMN_CM: Final = 8.6
DPI: Final = 300


def to_linear(srgb: Array) -> Array:
    """Linear RGB of sRGB values, both in [0, 1]."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: Array) -> Array:
    """SRGB values of linear RGB, both in [0, 1]."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def as_seen(srgb: Array, kind: str) -> Array:
    """The picture in `kind`, a key of SEEN; sRGB in [0, 1], shape (..., 3)."""
    linear = to_linear(srgb)
    seen = linear @ SEEN[kind].T
    # What dichromats see of a saturated colour may lie outside the screen's colours.
    return to_srgb(np.clip(seen, 0.0, 1.0))


def copies(picture: Image.Image) -> dict[str, Image.Image]:
    """The picture on white and its copies, by name."""
    paper = Image.new("RGBA", picture.size, "white")
    flat = Image.alpha_composite(paper, picture.convert("RGBA")).convert("RGB")
    srgb = np.asarray(flat, dtype=float) / 255
    seen = {kind: Image.fromarray(np.rint(255 * as_seen(srgb, kind)).astype(np.uint8)) for kind in SEEN}
    return {"colour": flat, **seen}


def contact_sheet(pictures: dict[str, Image.Image]) -> Image.Image:
    """All pictures in two columns, each COLUMN_CM wide at DPI, with its name above."""
    width = round(COLUMN_CM / 2.54 * DPI)
    shrunk = {
        name: picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
        for name, picture in pictures.items()
    }
    gap = DPI // 6
    height = max(picture.height for picture in shrunk.values()) + 2 * gap
    rows = (len(shrunk) + 1) // 2
    sheet = Image.new("RGB", (2 * width + 3 * gap, rows * height + gap), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=DPI / 9)
    for number, (name, picture) in enumerate(shrunk.items()):
        x, y = gap + (number % 2) * (width + gap), gap // 2 + (number // 2) * height
        pen.text((x, y), name, fill="#888888", font=font)
        sheet.paste(picture, (x, y + gap))
    return sheet


def look_at(source: Path, target: Path) -> list[Path]:
    """Write the copies and the sheet of every PNG in `source` into `target`; the paths written."""
    figures = sorted(source.glob("*.png"))
    if not figures:
        raise SystemExit(f"{source} holds no PNG file; give a folder with some")
    if target.resolve() == source.resolve():
        raise SystemExit(f"{target} holds the figures themselves; give another folder for the copies")
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for path in figures:
        with Image.open(path) as picture:
            made = copies(picture)
        made["sheet"] = contact_sheet(made)
        for name, copy in made.items():
            if name != "colour":
                written.append(target / f"{path.stem}-{name}.png")
                copy.save(written[-1], dpi=(DPI, DPI) if name == "sheet" else None)
    return written


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="copies of figures in grey and as seen by the colour-blind")
    parser.add_argument("source", type=Path, help="folder with PNG files")
    parser.add_argument("target", type=Path, help="folder for the copies")
    options = parser.parse_args()
    for path in look_at(options.source, options.target):
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
